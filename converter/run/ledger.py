"""Keeps the catalog of an archive true: takes in what files hold, forgets what is gone, and says whom that concerns.

Every change is one transaction, after which the catalog is one that a later run goes on from.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from converter.reader.database import encoded, errors_translated
from converter.reader.listing import Listed, PassedOver
from converter.run.discovery import Comparison, FileToRead
from converter.run.schema import INDEXES, LOOKUP, NUMBER_BITS, TABLES, connect

_PAGES: Final = -65536
_ROWS_AT_ONCE: Final = 1000
_WINNER: Final = LOOKUP.replace("?", "of.sop_instance_uid")
_SUSPECT: Final = f"""
    INSERT OR IGNORE INTO candidate SELECT DISTINCT of.sop_instance_uid, ({_WINNER}) FROM {{}} AS of
    WHERE of.sop_instance_uid IS NOT NULL AND {{}}
"""
_COUNT: Final = """
    INSERT INTO counted SELECT counted, {sign} count(*) FROM {table} WHERE counted IS NOT NULL {also} GROUP BY counted
    ON CONFLICT DO UPDATE SET count = count + excluded.count
"""
_LAST: Final = """
    UPDATE meta SET value = max(value, (SELECT coalesce(max(id), 0) FROM part.file)) WHERE name = 'files'
"""
_CONTENT: Final = (
    "SELECT name, counted, sop_instance_uid, header, unread, directory FROM {} WHERE id BETWEEN ? AND ? ORDER BY id"
)


class Ledger:
    """The one writer of a catalog. Everything raises CatalogError."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        with errors_translated():
            self._connection.execute(f"PRAGMA cache_size = {_PAGES}")
            if not self._connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
                self._connection.executescript(f"BEGIN; {TABLES} {INDEXES} COMMIT")
        self.tracking = False

    @property
    def connection(self) -> sqlite3.Connection:
        """The database."""
        return self._connection

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, name: str) -> Any:
        """Return a value kept under a name, None if there is none."""
        with errors_translated():
            row = self._connection.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def put(self, name: str, value: str | int) -> None:
        """Keep a value under a name."""
        with errors_translated():
            self._connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    @property
    def generation(self) -> int:
        """How often what is known has changed."""
        return self.get("generation") or 0

    @property
    def is_settled(self) -> bool:
        """Whether all that was taken in was settled, too."""
        return not self.get("unsettled")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Make several changes one."""
        with errors_translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    # Changes

    def compare(
        self, found: Iterator[Listed | PassedOver], told: Callable[[int], None], only: Container[int] | None = None
    ) -> Comparison:
        """Return what finds out what is new, changed and gone; of `only` these files, to read them again."""
        with errors_translated():
            return Comparison(self._connection, found, self.get("files") or 0, told, only)

    def files_of(self, names: Iterable[str]) -> set[int]:
        """Return the ids of the files that are, or hold, what was read under one of these names."""
        with errors_translated():
            self._connection.execute("CREATE TEMP TABLE wanted (name BLOB PRIMARY KEY) WITHOUT ROWID")
            self._connection.executemany(
                "INSERT OR IGNORE INTO wanted VALUES (?)", ((encoded(each),) for each in names)
            )
            query = f"SELECT DISTINCT id >> {NUMBER_BITS} FROM entry WHERE name IN (SELECT name FROM wanted)"
            return {file for (file,) in self._connection.execute(query)}

    def begin(self, last: int) -> None:
        """Forget what is gone and what was read anew; the ids of files go up to `last`, or further as parts are merged.

        Until it is settled, the catalog is unsettled.
        """
        with self.transaction() as connection:
            self.put("unsettled", 1)
            self.put("files", last)
            # A temporary table can be read while the others are written to.
            for file, source, key in connection.execute("SELECT file, source, key FROM gone"):
                self._forget(file)
                connection.execute("DELETE FROM file WHERE source = ? AND key = ?", (source, key))
        with errors_translated():
            # Nobody waits for the disk until all is read; nobody else reads meanwhile.
            self._connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")

    def _forget(self, file: int) -> None:
        of = _range(file)
        connection = self._connection
        if self.tracking:
            connection.execute(_SUSPECT.format("entry", "of.id BETWEEN ? AND ?"), of)
        connection.execute(_COUNT.format(sign="-", table="entry", also="AND id BETWEEN ? AND ?"), of)
        connection.execute("DELETE FROM entry WHERE id BETWEEN ? AND ?", of)
        connection.execute("DELETE FROM object WHERE id BETWEEN ? AND ?", of)

    def to_look_into(self) -> tuple[FileToRead, ...]:
        """Return the files that show no change and may hold something else all the same."""
        query = "SELECT id, source, key, size, mtime_ns, name, path, is_pipe, code FROM again"
        with errors_translated():
            return tuple(map(FileToRead._make, self._connection.execute(query)))

    def drop_unchanged(self, part: Path) -> int:
        """Leave in the part only those files that hold something else than before, and return how many they are."""
        changed = 0
        with self._attached(part), errors_translated():
            for file, before, source, key in self._connection.execute(
                "SELECT id, before, source, key FROM again"
            ).fetchall():
                now = self._connection.execute(_CONTENT.format("part.entry"), _range(file)).fetchall()
                if now != self._connection.execute(_CONTENT.format("entry"), _range(before)).fetchall():
                    changed += 1
                    self._connection.execute("INSERT INTO gone VALUES (NULL, ?, ?, ?)", (before, source, key))
                    continue
                self._connection.execute("DELETE FROM part.file WHERE id = ?", (file,))
                self._connection.execute("DELETE FROM part.entry WHERE id BETWEEN ? AND ?", _range(file))
                self._connection.execute("DELETE FROM part.object WHERE id BETWEEN ? AND ?", _range(file))
        return changed

    def merge(self, part: Path) -> int:
        """Take in a part; return how many files it has."""
        with self._attached(part), self.transaction() as connection:
            if self.tracking:
                connection.execute(_SUSPECT.format("part.entry", "1"))
            connection.execute(_COUNT.format(sign="", table="part.entry", also=""))
            connection.execute("INSERT INTO entry SELECT * FROM part.entry")
            connection.execute("INSERT INTO object SELECT * FROM part.object")
            taken = connection.execute("INSERT OR REPLACE INTO file SELECT * FROM part.file").rowcount
            connection.execute(_LAST)
        part.unlink(missing_ok=True)
        return taken

    @contextmanager
    def _attached(self, part: Path) -> Iterator[None]:
        with errors_translated():
            self._connection.execute("ATTACH ? AS part", (str(part),))
        try:
            yield
        finally:
            with errors_translated():
                self._connection.execute("DETACH part")

    def finish(self) -> None:
        """Make the database one that other processes, on other machines too, can read while nobody writes to it."""
        with errors_translated():
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.execute("PRAGMA journal_mode = DELETE")
            self._connection.execute("PRAGMA locking_mode = NORMAL")
            self._connection.execute("SELECT 1 FROM meta").fetchone()


def _range(file: int) -> tuple[int, int]:
    """Return the first and the last id that an entry of the file can have."""
    return file << NUMBER_BITS, ((file + 1) << NUMBER_BITS) - 1
