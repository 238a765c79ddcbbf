"""The tables of an archive's catalog; a part of one, as a worker writes it, has the same."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from converter.reader.database import errors_translated

# An entry's id is its file's id and, in so many bits, its number within the file: what a file holds is one range.
NUMBER_BITS: Final = 28
CHOSEN, DUPLICATE, DIFFERS = 1, 2, 3
"""What became of an annotation object among those with its SOP Instance UID."""

# Names and values are BLOBs: they hold what UTF-8 cannot, and sort as Python's strings do.
TABLES: Final = """
    CREATE TABLE file (
        source INTEGER NOT NULL,
        key BLOB NOT NULL,
        id INTEGER NOT NULL,
        size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        -- Whether what it holds depends on more than its size and time: a DICOMDIR, a file that could not be opened.
        again INTEGER NOT NULL,
        PRIMARY KEY (source, key)
    ) WITHOUT ROWID;
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY,
        source INTEGER NOT NULL,
        name BLOB NOT NULL,
        -- The name of the SOP class of what selects nothing.
        counted BLOB,
        sop_instance_uid BLOB,
        -- As in HeaderRow: equal bytes are an equal header.
        header BLOB,
        -- Of the header, filled in when they are needed; empty where it does not say.
        study BLOB,
        patient BLOB,
        frame_of_reference BLOB,
        -- JSON: a problem; a DICOMDIR.
        unread BLOB,
        directory BLOB,
        -- Whether another object with this SOP Instance UID was chosen by more than its header.
        superseded INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE object (
        id INTEGER PRIMARY KEY,
        source INTEGER NOT NULL,
        name BLOB NOT NULL,
        sop_instance_uid BLOB,
        sop_class_uid BLOB,
        modality BLOB,
        -- The way to read it, as in Stored; a path in the spool is relative to that.
        path BLOB NOT NULL,
        form TEXT NOT NULL,
        transfer_syntax_uid BLOB,
        -- Changes with its content.
        token BLOB NOT NULL,
        created TEXT,
        fingerprint TEXT,
        -- JSON: the problem that keeps it from being read.
        damage BLOB,
        standing INTEGER,
        -- The one order: the SOP Instance UID or nothing, then that or the SHA-256.
        place BLOB,
        identity BLOB,
        -- The order of those that are not converted.
        rank INTEGER
    );
"""
INDEXES: Final = """
    CREATE INDEX entry_uid ON entry (sop_instance_uid, superseded) WHERE sop_instance_uid IS NOT NULL;
    CREATE INDEX entry_superseded ON entry (id) WHERE superseded;
    CREATE INDEX entry_unread ON entry (source, name, id) WHERE unread IS NOT NULL;
    CREATE INDEX entry_directory ON entry (source, name, id) WHERE directory IS NOT NULL;
    CREATE INDEX object_uid ON object (sop_instance_uid);
    CREATE INDEX object_order ON object (place, identity) WHERE standing = 1;
    CREATE INDEX object_rank ON object (rank) WHERE rank IS NOT NULL;
    CREATE INDEX object_damage ON object (source, name, id) WHERE damage IS NOT NULL;
    CREATE INDEX object_spooled ON object (token) WHERE form <> 'file';
    CREATE TABLE counted (kind BLOB PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID;
    -- Instances that may be looked up differently now, with the header that was looked up before.
    CREATE TABLE candidate (sop_instance_uid BLOB PRIMARY KEY, header BLOB) WITHOUT ROWID;
    -- Questions that have another answer since a generation.
    CREATE TABLE touched (question INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
    CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""
TOUCHED: Final = "INSERT INTO touched VALUES (?, ?) ON CONFLICT DO UPDATE SET generation = excluded.generation"
LOOKUP: Final = """
    SELECT header FROM entry WHERE sop_instance_uid = ? AND superseded = 0 ORDER BY header DESC LIMIT 1
"""


def connect(path: Path, *, uri: bool = False) -> sqlite3.Connection:
    """Open a database; transactions begin and end where the code says so. Raises CatalogError."""
    with errors_translated():
        name = f"{path.resolve().as_uri()}?mode=ro&immutable=1" if uri else str(path)
        return sqlite3.connect(name, uri=uri, check_same_thread=False, isolation_level=None)
