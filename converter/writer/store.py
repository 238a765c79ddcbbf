"""Resources by study, on disk: what belongs together is known only when all are there."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from converter.writer.resource import Resource

_SCHEMA: Final = """
    CREATE TABLE resource (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        type TEXT NOT NULL,
        -- '': of no study that is known; NULL: of those of its neighbours.
        study TEXT,
        body BLOB NOT NULL
    );
    CREATE INDEX by_study ON resource (study);
    CREATE TABLE link (source TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (source, target)) WITHOUT ROWID;
    CREATE INDEX by_target ON link (target);
    CREATE TABLE taken (id TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID;
"""
# Those of the study, those that refer to them and are of no study of their own, and all that any of them refers to.
_TOGETHER: Final = """
    WITH RECURSIVE
        core(id) AS (
            SELECT id FROM resource WHERE study = :study
            UNION
            SELECT link.source FROM core
                JOIN link ON link.target = core.id
                JOIN resource ON resource.id = link.source AND resource.study IS NULL
        ),
        together(id) AS (
            SELECT id FROM core
            UNION
            SELECT link.target FROM together JOIN link ON link.source = together.id
        )
"""
_TAKE: Final = _TOGETHER + "INSERT OR IGNORE INTO taken SELECT id FROM together"
_LIST: Final = _TOGETHER + "SELECT number FROM resource WHERE id IN (SELECT id FROM together) ORDER BY number"
# One by one: sorted all at once, the bodies of a study would be in memory.
_READ: Final = "SELECT id, type, body FROM resource WHERE number = ?"
_LEFT: Final = "UPDATE resource SET study = '' WHERE study IS NULL AND id NOT IN (SELECT id FROM taken)"
_STUDIES: Final = "SELECT DISTINCT study FROM resource WHERE study IS NOT NULL AND study <> '' ORDER BY study"
# In compact JSON. Within a string its quotes would be escaped, so this is a reference and nothing else.
_LITERAL: Final = re.compile(rb'"reference":"[A-Z][A-Za-z]*/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"')


class Stored(NamedTuple):
    """A resource as it was stored; `body` is JSON whose literal references are `urn:uuid:<id>`."""

    id: str
    type: str
    body: bytes


class StoreError(OSError):
    """The temporary database cannot be written or read."""


class StudyStore:
    """Holds resources in a temporary database and gives them back study by study. Everything raises StoreError."""

    def __init__(self) -> None:
        with _errors_translated():
            # SQLite keeps it in memory as long as it is small, and on disk beyond that.
            self._connection = sqlite3.connect("", check_same_thread=False)
            self._connection.executescript(_SCHEMA)

    def add(self, resource: Resource, study: str | None) -> None:
        """Add a resource, unless one with its id is there; `study` as of Sink.write."""
        body = resource.to_json()
        targets = {each.decode() for each in _LITERAL.findall(body)}
        body = _LITERAL.sub(rb'"reference":"urn:uuid:\1"', body)
        row = (resource.id, resource.type, None if study is None else _plain(study), body)
        with _errors_translated():
            query = "INSERT OR IGNORE INTO resource (id, type, study, body) VALUES (?, ?, ?, ?)"
            if self._connection.execute(query, row).rowcount:
                links = [(resource.id, target) for target in sorted(targets)]
                self._connection.executemany("INSERT INTO link VALUES (?, ?)", links)

    def studies(self) -> Iterator[tuple[str, Iterator[Stored]]]:
        """Yield each study with its resources and all that they refer to, in the order in which they were added.

        By Study Instance UID; last, under "", what belongs to no study that is known.
        """
        with _errors_translated():
            for (study,) in self._connection.execute(_STUDIES).fetchall():
                self._connection.execute(_TAKE, {"study": study})
                yield study, self._read(study)
            self._connection.execute(_LEFT)
            if self._connection.execute("SELECT 1 FROM resource WHERE study = '' LIMIT 1").fetchone():
                yield "", self._read("")

    def _read(self, study: str) -> Iterator[Stored]:
        with _errors_translated():
            for number in self._connection.execute(_LIST, {"study": study}).fetchall():
                yield Stored(*self._connection.execute(_READ, number).fetchone())

    def close(self) -> None:
        """Remove the database."""
        self._connection.close()


def _plain(study: str) -> str:
    # A damaged UID may hold what UTF-8 cannot.
    return study.encode("utf-8", "backslashreplace").decode()


@contextmanager
def _errors_translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError("the temporary database cannot be written or read") from error
