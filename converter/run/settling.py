"""Settles what a changed catalog means: which of several objects is converted, and which questions have new answers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from converter.problems import problem
from converter.reader.database import decoded, encoded, errors_translated
from converter.reader.rows import FIELDS
from converter.reader.scan import ObjectReference, Version, version_of
from converter.run.catalog import again, group_of, object_key, question
from converter.run.ledger import Ledger
from converter.run.schema import CHOSEN, DIFFERS, DUPLICATE, LOOKUP, TOUCHED
from converter.run.stored import Stored
from converter.run.tasks import Progress, Task
from converter.selection import Problem

# Objects that may have to be told from others: those without UID, and those whose UID another one has.
_TOGETHER: Final = """
    sop_instance_uid IS NULL OR sop_instance_uid IN (
        SELECT sop_instance_uid FROM object WHERE sop_instance_uid IS NOT NULL
        GROUP BY sop_instance_uid HAVING count(*) > 1
    )
"""
_ALONE: Final = f"""
    UPDATE object SET standing = {CHOSEN}, place = sop_instance_uid, identity = sop_instance_uid, rank = NULL
    WHERE standing IS NOT {CHOSEN} AND NOT ({_TOGETHER})
"""
_GROUPS: Final = f"""
    SELECT id, sop_instance_uid, created, fingerprint, damage FROM object WHERE {_TOGETHER}
    ORDER BY coalesce(sop_instance_uid, x''), source, name, id
"""
_STAND: Final = "UPDATE object SET standing = ?, place = ?, identity = ?, rank = ? WHERE id = ?"
_SUPERSEDED_BEFORE: Final = f"""
    INSERT OR IGNORE INTO candidate SELECT DISTINCT of.sop_instance_uid,
        ({LOOKUP.replace("?", "of.sop_instance_uid")}) FROM entry AS of
    WHERE of.superseded OR of.sop_instance_uid IN (
        SELECT sop_instance_uid FROM object GROUP BY sop_instance_uid HAVING count(DISTINCT fingerprint) > 1
    )
"""
_IDS_AT_ONCE: Final = 200


class Unversioned(NamedTuple):
    """An object whose version is not known yet."""

    id: int
    name: str
    source: int
    read: Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionTask(Task):
    """Read some objects for their versions; `versions` holds them once that is done."""

    objects: tuple[Unversioned, ...]
    versions: tuple[Version | Problem, ...] = ()


def read_versions(task: VersionTask) -> VersionTask:
    """Do the task."""
    versions: list[Version | Problem] = []
    with Progress(task) as progress:
        for number, each in enumerate(task.objects):
            progress.at(number)
            if number in task.skip:
                versions.append(problem("worker-lost"))
                continue
            versions.append(version_of(ObjectReference(each.name, each.source, None, None, None, "", each.read)))
    return replace(task, versions=tuple(versions))


def unversioned(ledger: Ledger, spool: Path) -> Iterator[tuple[Unversioned, ...]]:
    """Yield the objects whose versions decide, some at a time."""
    query = f"""
        SELECT id, name, source, path, form, transfer_syntax_uid FROM object
        WHERE fingerprint IS NULL AND damage IS NULL AND ({_TOGETHER}) ORDER BY id
    """
    with errors_translated():
        rows = ledger.connection.execute(query)
        while some := rows.fetchmany(_IDS_AT_ONCE):
            yield tuple(
                Unversioned(number, decoded(name), source, Stored.at(path, form, syntax, spool))
                for number, name, source, path, form, syntax in some
            )


def keep_versions(ledger: Ledger, task: VersionTask) -> None:
    """Take in the versions that were read."""
    with ledger.transaction() as connection:
        for each, version in zip(task.objects, task.versions, strict=True):
            if isinstance(version, Version):
                connection.execute("UPDATE object SET created = ?, fingerprint = ? WHERE id = ?", (*version, each.id))
            else:
                stated = orjson.dumps([version.code, version.severity, version.message, version.path])
                connection.execute("UPDATE object SET damage = ? WHERE id = ?", (stated, each.id))


def settle(ledger: Ledger) -> None:
    """Choose among objects, find out which questions have new answers, and begin a generation. Raises CatalogError."""
    with ledger.transaction() as connection:
        if ledger.tracking:
            connection.execute(_SUPERSEDED_BEFORE)
        connection.execute("UPDATE entry SET superseded = 0 WHERE superseded")
        connection.execute(_ALONE)
        _choose(connection)
        generation = ledger.generation + 1
        if ledger.tracking:
            _touch(connection, generation)
        connection.execute("DELETE FROM candidate")
        ledger.put("generation", generation)
        ledger.put("unsettled", 0)


def _choose(connection: sqlite3.Connection) -> None:
    rank = 0
    # Ordered by what no index holds, so the rows are sorted before the first is given: they may be changed meanwhile.
    for uid, group in groupby(connection.execute(_GROUPS), key=lambda row: row[1]):
        versions: dict[Version, list[int]] = {}
        for number, _, created, fingerprint, damage in group:
            if damage is None:
                versions.setdefault(Version(created, fingerprint), []).append(number)
            else:
                connection.execute(_STAND, (None, None, None, None, number))
        chosen = list(versions.values()) if uid is None else [versions[max(versions)]] if versions else []
        for alike in () if uid is None else versions.values():
            if alike not in chosen:
                for number in alike:
                    rank += 1
                    connection.execute(_STAND, (DIFFERS, b"", b"", rank, number))
        for version, alike in versions.items():
            if alike not in chosen:
                continue
            identity = uid or version.fingerprint.encode()
            connection.execute(_STAND, (CHOSEN, uid or b"", identity, None, alike[0]))
            for number in alike[1:]:
                rank += 1
                connection.execute(_STAND, (DUPLICATE, uid or b"", identity, rank, number))
        if uid is not None and len(versions) > 1:
            # What the catalog says of the object must come from the version that is converted.
            query = "UPDATE entry SET superseded = 1 WHERE sop_instance_uid = ? AND id <> ?"
            connection.execute(query, (uid, chosen[0][0]))


def _touch(connection: sqlite3.Connection, generation: int) -> None:
    rows = connection.execute(f"""
        SELECT sop_instance_uid, header, now FROM (
            SELECT of.sop_instance_uid, header, ({LOOKUP.replace("?", "of.sop_instance_uid")}) AS now
            FROM candidate AS of
        ) WHERE header IS NOT now
    """)
    for uid, before, now in rows:
        touched = {question("instance ", decoded(uid))}
        for header in (before, now):
            frame = group_of(_field(header, "frame_of_reference_uid"))
            if frame:
                touched.add(question("frame ", frame.decode()))
        connection.executemany(TOUCHED, [(each, generation) for each in touched])


def convert_again(ledger: Ledger) -> None:
    """Have the objects converted again that `Ledger.files_of` was asked for by name, though they stay the same."""
    query = "SELECT identity, name, token FROM object WHERE name IN (SELECT name FROM wanted)"
    with ledger.transaction() as connection:
        keys = [object_key(*row) for row in connection.execute(query)]
        connection.executemany(TOUCHED, [(again(key), ledger.generation) for key in keys])


def fill_groups(ledger: Ledger, *columns: str) -> None:
    """Fill in what entries are grouped by, for those columns that will be asked for."""
    ledger.connection.create_function("study", 1, lambda header: encoded(_field(header, "study_instance_uid") or ""))
    ledger.connection.create_function("patient", 1, lambda header: encoded(_field(header, "patient_id") or ""))
    ledger.connection.create_function(
        "frame_of_reference", 1, lambda header: group_of(_field(header, "frame_of_reference_uid"))
    )
    for column in columns:
        with ledger.transaction() as connection:
            connection.execute(f"""
                UPDATE entry SET {column} = {column}(header)
                WHERE header IS NOT NULL AND {column} IS NULL
            """)
            connection.execute(f"""
                CREATE INDEX IF NOT EXISTS entry_{column} ON entry ({column}, sop_instance_uid)
                WHERE {column} IS NOT NULL
            """)


def clear_spool(ledger: Ledger, spool: Path) -> None:
    """Remove what no object lies in any more."""
    with errors_translated():
        for path in spool.glob("*/*"):
            query = "SELECT 1 FROM object WHERE token = ? AND form <> 'file' LIMIT 1"
            if ledger.connection.execute(query, (path.name.encode(),)).fetchone() is None:
                path.unlink(missing_ok=True)


def _field(header: bytes | None, name: str) -> str | None:
    # Not orjson: a damaged value may be no text for it.
    return None if header is None else json.loads(header)[FIELDS.index(name)]
