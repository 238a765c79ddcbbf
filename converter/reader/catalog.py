"""The catalog of all instances read: an SQLite database, so that its size is no matter of memory."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from types import TracebackType
from typing import Final, NamedTuple, Self

from converter.catalog import Instance
from converter.reader.database import CatalogError, decoded, encoded, errors_translated
from converter.reader.rows import FIELDS, HeaderRow, header_of_instance, instance_from

_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS instance (
        sop_instance_uid BLOB NOT NULL,
        -- The other fields of Instance in order, as a JSON array: equal text is an equal header.
        header BLOB NOT NULL,
        -- The least of the names under which this header was read.
        name BLOB NOT NULL,
        PRIMARY KEY (sop_instance_uid, header)
    ) WITHOUT ROWID
"""
# Which instances may belong together: rows are never taken back, so the header that is looked up has the last word.
_GROUPS_SCHEMA: Final = """
    CREATE TABLE IF NOT EXISTS member (
        kind INTEGER NOT NULL,
        name BLOB NOT NULL,
        sop_instance_uid BLOB NOT NULL,
        PRIMARY KEY (kind, name, sop_instance_uid)
    ) WITHOUT ROWID
"""
_INSERT_MEMBER: Final = "INSERT OR IGNORE INTO member VALUES (?, ?, ?)"
_MEMBERS: Final = "SELECT sop_instance_uid FROM member WHERE kind = ? AND name = ? ORDER BY sop_instance_uid"
_STUDY, _PATIENT = 0, 1
_GROUPED_BY: Final = ((_STUDY, "study_instance_uid"), (_PATIENT, "patient_id"))
_INSERT: Final = """
    INSERT INTO instance VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET name = excluded.name WHERE excluded.name < name
"""
_LOOKUP: Final = "SELECT header, name FROM instance WHERE sop_instance_uid = ? ORDER BY header DESC LIMIT 1"
_CONFLICTS: Final = """
    SELECT sop_instance_uid, header, name FROM instance WHERE sop_instance_uid IN
        (SELECT sop_instance_uid FROM instance GROUP BY sop_instance_uid HAVING count(*) > 1)
    ORDER BY sop_instance_uid, header DESC
"""
_ROWS_AT_ONCE: Final = 2000
_FRAME_OF_REFERENCE, _STUDY_UID, _SERIES_UID = (
    f"json_extract(CAST(header AS TEXT), '$[{FIELDS.index(name)}]')"
    for name in ("frame_of_reference_uid", "study_instance_uid", "series_instance_uid")
)
_INDEX_FRAMES_OF_REFERENCE: Final = f"CREATE INDEX IF NOT EXISTS frame_of_reference ON instance ({_FRAME_OF_REFERENCE})"
_IN_FRAME_OF_REFERENCE: Final = f"""
    SELECT sop_instance_uid, header FROM instance AS one
    WHERE {_FRAME_OF_REFERENCE} = ?
        AND header = (SELECT max(header) FROM instance WHERE sop_instance_uid = one.sop_instance_uid)
    ORDER BY sop_instance_uid
"""
_BY_SERIES: Final = f"""
    SELECT sop_instance_uid, header, name FROM instance AS one
    WHERE {_SERIES_UID} IS NOT NULL
        AND header = (SELECT max(header) FROM instance WHERE sop_instance_uid = one.sop_instance_uid)
    ORDER BY {_STUDY_UID}, {_SERIES_UID}, sop_instance_uid
"""


__all__ = ["CatalogError", "Conflict", "SqliteCatalog"]


class Conflict(NamedTuple):
    """An instance read under `name` that another one, with the same UID and a different header, stands for."""

    name: str
    sop_instance_uid: str
    sop_class_uid: str | None


class SqliteCatalog:
    """Knows every instance that was added, whatever their order.

    Of several headers with one SOP Instance UID the greatest is looked up, so that the choice depends on their values
    only. The database is a private one that SQLite keeps in memory as long as it is small, and on disk beyond that.
    `grouped`: whether it can be asked for all instances of a study or a patient. Not for use by two threads at once.
    Every method raises CatalogError.
    """

    def __init__(self, *, grouped: bool = False) -> None:
        self._pending: list[tuple[bytes, bytes, bytes]] = []
        self._members: list[tuple[int, bytes, bytes]] = []
        self._grouped = grouped
        with errors_translated():
            # "" is SQLite's name of a temporary database; ":memory:" would hold all of it in memory. A generator that
            # holds the catalog may be advanced from one thread and then from another.
            self._connection = sqlite3.connect("", check_same_thread=False)
            # Nobody else ever opens it, and it is gone when this process ends: there is nothing to roll back to.
            self._connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")
            self._connection.execute(_SCHEMA)
            if grouped:
                self._connection.execute(_GROUPS_SCHEMA)

    def add(self, instance: Instance, name: str) -> None:
        """Add what was read under `name`; the same header under another name changes nothing."""
        self._add(encoded(instance.sop_instance_uid), header_of_instance(instance), name)

    def add_row(self, row: HeaderRow, name: str) -> None:
        """Add what was read under `name`, if it has a SOP Instance UID."""
        if row.uid is not None and row.header is not None:
            self._add(row.uid, row.header, name)

    def _add(self, uid: bytes, header: bytes, name: str) -> None:
        self._pending.append((uid, header, encoded(name)))
        if self._grouped:
            self._members += _memberships(uid, header)
        if len(self._pending) >= _ROWS_AT_ONCE:
            self.flush()

    def settle(self, instance: Instance, name: str) -> None:
        """Make this the only header of its SOP Instance UID: something other than its values decided."""
        self.flush()
        uid, header = encoded(instance.sop_instance_uid), header_of_instance(instance)
        with errors_translated(), self._connection:
            self._connection.execute("DELETE FROM instance WHERE sop_instance_uid = ?", (uid,))
            self._connection.execute(_INSERT, (uid, header, encoded(name)))
            if self._grouped:
                self._connection.executemany(_INSERT_MEMBER, _memberships(uid, header))

    def lookup(self, sop_instance_uid: str) -> Instance | None:
        """Return what is known of the instance, or None."""
        self.flush()
        with errors_translated():
            row = self._connection.execute(_LOOKUP, (encoded(sop_instance_uid),)).fetchone()
        return None if row is None else instance_from(encoded(sop_instance_uid), row[0])

    def name_of(self, sop_instance_uid: str) -> str | None:
        """Return the least name under which the header that is looked up was read, or None."""
        self.flush()
        with errors_translated():
            row = self._connection.execute(_LOOKUP, (encoded(sop_instance_uid),)).fetchone()
        return None if row is None else decoded(row[1])

    def of_study(self, study_instance_uid: str) -> Iterator[Instance]:
        """Yield the instances of the study, by SOP Instance UID; only a `grouped` catalog can be asked."""
        for instance in self._group(_STUDY, study_instance_uid):
            if instance.study_instance_uid == study_instance_uid:
                yield instance

    def of_patient(self, patient_id: str) -> Iterator[Instance]:
        """Yield the instances with this Patient ID, by SOP Instance UID; only a `grouped` catalog can be asked."""
        for instance in self._group(_PATIENT, patient_id):
            if instance.patient_id == patient_id:
                yield instance

    def _group(self, kind: int, name: str) -> Iterator[Instance]:
        self.flush()
        with errors_translated():
            for (uid,) in self._connection.execute(_MEMBERS, (kind, encoded(name))):
                row = self._connection.execute(_LOOKUP, (uid,)).fetchone()
                yield instance_from(uid, row[0])

    def index_frames_of_reference(self) -> None:
        """Make `instances_in_frame_of_reference` fast: worth it only where that is asked, so it is not always done."""
        self.flush()
        with errors_translated(), self._connection:
            self._connection.execute(_INDEX_FRAMES_OF_REFERENCE)

    def instances_in_frame_of_reference(self, frame_of_reference_uid: str) -> Iterator[Instance]:
        """Yield all instances in the frame of reference by SOP Instance UID."""
        self.flush()
        # What UTF-8 cannot hold is damage, and damage is no space that two instances share.
        uid = frame_of_reference_uid.encode("utf-8", "replace").decode()
        with errors_translated():
            for sop_instance_uid, header in self._connection.execute(_IN_FRAME_OF_REFERENCE, (uid,)):
                yield instance_from(sop_instance_uid, header)

    def series(self) -> Iterator[list[tuple[str, Instance]]]:
        """Yield the instances of each series, each with the least of the names under which it was read.

        Series come by study and series; instances without a Series Instance UID are in none.
        """
        self.flush()
        with errors_translated():
            rows = self._connection.execute(_BY_SERIES)
            placed = ((decoded(name), instance_from(uid, header)) for uid, header, name in rows)
            for _, group in groupby(placed, key=lambda each: (each[1].study_instance_uid, each[1].series_instance_uid)):
                yield list(group)

    def __len__(self) -> int:
        """Return the number of distinct SOP Instance UIDs."""
        self.flush()
        with errors_translated():
            query = "SELECT count(DISTINCT sop_instance_uid) FROM instance"
            return int(self._connection.execute(query).fetchone()[0])

    def conflicts(self) -> Iterator[Conflict]:
        """Yield, by SOP Instance UID, each different header that is not looked up, under the least of its names."""
        self.flush()
        chosen = None
        with errors_translated():
            for uid, header, name in self._connection.execute(_CONFLICTS):
                if uid == chosen:
                    instance = instance_from(uid, header)
                    yield Conflict(decoded(name), instance.sop_instance_uid, instance.sop_class_uid)
                chosen = uid

    def flush(self) -> None:
        """Write what was added."""
        if self._pending:
            # In the order of the table, neighbours are written together.
            self._pending.sort()
            with errors_translated(), self._connection:
                self._connection.executemany(_INSERT, self._pending)
                if self._members:
                    self._connection.executemany(_INSERT_MEMBER, self._members)
            self._pending.clear()
            self._members.clear()

    def close(self) -> None:
        """Write what was added and close; closing twice does nothing."""
        self.flush()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _memberships(uid: bytes, header: bytes) -> list[tuple[int, bytes, bytes]]:
    values = json.loads(header)
    groups = ((kind, values[FIELDS.index(name)]) for kind, name in _GROUPED_BY)
    return [(kind, encoded(name), uid) for kind, name in groups if name is not None]
