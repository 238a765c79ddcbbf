"""The catalog of an archive, as it is asked while objects are converted: finished, read by many processes at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import orjson

from converter.catalog import Instance
from converter.problems import problem
from converter.reader.catalog import Conflict
from converter.reader.database import decoded, encoded, errors_translated
from converter.reader.rows import FIELDS, instance_from
from converter.reader.scan import ObjectReference
from converter.reader.sources import Directory, Unread
from converter.run.schema import DIFFERS, LOOKUP, connect
from converter.run.state import StateFolder
from converter.run.stored import Stored
from converter.selection import Problem

Place = tuple[bytes, bytes]
"""Where an object stands in the one order."""

_IN_FRAME_OF_REFERENCE: Final = """
    SELECT DISTINCT sop_instance_uid, header FROM entry AS one
    WHERE frame_of_reference = ? AND superseded = 0 AND header = (
        SELECT max(header) FROM entry WHERE sop_instance_uid = one.sop_instance_uid AND superseded = 0
    )
    ORDER BY sop_instance_uid
"""
_MEMBERS: Final = "SELECT DISTINCT sop_instance_uid FROM entry WHERE {} = ? ORDER BY sop_instance_uid"
_STUDY_UID, _SERIES_UID = (
    f"json_extract(CAST(header AS TEXT), '$[{FIELDS.index(name)}]')"
    for name in ("study_instance_uid", "series_instance_uid")
)
_BY_SERIES: Final = f"""
    SELECT sop_instance_uid, header, min(name) FROM entry AS one
    WHERE sop_instance_uid IS NOT NULL AND superseded = 0 AND {_SERIES_UID} IS NOT NULL AND header = (
        SELECT max(header) FROM entry WHERE sop_instance_uid = one.sop_instance_uid AND superseded = 0
    )
    GROUP BY sop_instance_uid
    ORDER BY {_STUDY_UID}, {_SERIES_UID}, sop_instance_uid
"""
_CONFLICTS: Final = """
    SELECT sop_instance_uid, header, min(name) FROM entry WHERE superseded = 0 AND sop_instance_uid IN (
        SELECT sop_instance_uid FROM entry WHERE sop_instance_uid IS NOT NULL AND superseded = 0
        GROUP BY sop_instance_uid HAVING count(*) > 1
    )
    GROUP BY sop_instance_uid, header ORDER BY sop_instance_uid, header DESC
"""
_OBJECT: Final = """
    SELECT name, source, sop_instance_uid, sop_class_uid, modality, path, form, transfer_syntax_uid, token, place,
        identity, standing FROM object
"""


class ObjectRow(NamedTuple):
    """An annotation object of the archive. `key` changes with whatever its result depends on but for the catalog."""

    place: Place
    key: str
    reference: ObjectReference


class ArchiveCatalog:
    """Answers what SqliteCatalog does, and lists the objects. Every method raises CatalogError."""

    def __init__(self, connection: sqlite3.Connection, spool: Path) -> None:
        self._connection = connection
        self._spool = spool

    @classmethod
    def open(cls, folder: StateFolder) -> Self:
        """Open a catalog that nobody writes to."""
        return cls(connect(folder.catalog, uri=True), folder.spool)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rows(self, query: str, *values: Any) -> Iterator[Any]:
        with errors_translated():
            yield from self._connection.execute(query, values)

    # What a Catalog answers

    def lookup(self, sop_instance_uid: str) -> Instance | None:
        """Return what is known of the instance, or None."""
        uid = encoded(sop_instance_uid)
        for (header,) in self._rows(LOOKUP, uid):
            return instance_from(uid, header)
        return None

    def instances_in_frame_of_reference(self, frame_of_reference_uid: str) -> Iterator[Instance]:
        """Yield all instances in the frame of reference by SOP Instance UID."""
        for uid, header in self._rows(_IN_FRAME_OF_REFERENCE, group_of(frame_of_reference_uid)):
            yield instance_from(uid, header)

    def of_study(self, study_instance_uid: str) -> Iterator[Instance]:
        """Yield the instances of the study, by SOP Instance UID."""
        for instance in self._group("study", study_instance_uid):
            if instance.study_instance_uid == study_instance_uid:
                yield instance

    def of_patient(self, patient_id: str) -> Iterator[Instance]:
        """Yield the instances with this Patient ID, by SOP Instance UID."""
        for instance in self._group("patient", patient_id):
            if instance.patient_id == patient_id:
                yield instance

    def _group(self, column: str, name: str) -> Iterator[Instance]:
        for (uid,) in self._rows(_MEMBERS.format(column), encoded(name)):
            instance = self.lookup(decoded(uid))
            if instance is not None:
                yield instance

    def series(self) -> Iterator[list[tuple[str, Instance]]]:
        """Yield the instances of each series, each with the least of the names under which it was read."""
        placed = ((decoded(name), instance_from(uid, header)) for uid, header, name in self._rows(_BY_SERIES))
        for _, group in groupby(placed, key=lambda each: (each[1].study_instance_uid, each[1].series_instance_uid)):
            yield list(group)

    # The objects

    def objects(self, first: Place | None = None, end: Place | None = None) -> Iterator[ObjectRow]:
        """Yield the objects to convert in the one order, those from `first` to before `end`."""
        query = f"{_OBJECT} WHERE standing = 1"
        values: list[bytes] = []
        for sign, place in ((">=", first), ("<", end)):
            if place is not None:
                query += f" AND (place, identity) {sign} (?, ?)"
                values += place
        for row in self._rows(f"{query} ORDER BY place, identity", *values):
            yield _object_row(row, self._spool)

    def count(self) -> int:
        """Return the number of objects to convert."""
        return int(next(self._rows("SELECT count(*) FROM object WHERE standing = 1"))[0])

    # The rest

    def counted(self) -> Iterator[tuple[str, int]]:
        """Yield the names of the SOP classes of what selects nothing, and how much there is."""
        for kind, count in self._rows("SELECT kind, count FROM counted WHERE count > 0 ORDER BY kind"):
            yield decoded(kind), count

    def rejected(self) -> Iterator[tuple[ObjectReference, Problem]]:
        """Yield the objects that another one stands for, with the reason."""
        for row in self._rows(f"{_OBJECT} WHERE rank IS NOT NULL ORDER BY rank"):
            code = "duplicate-differs" if row[-1] == DIFFERS else "duplicate"
            yield _object_row(row, self._spool).reference, problem(code)

    def directories(self) -> Iterator[Directory]:
        """Yield the DICOMDIRs by source and name."""
        query = "SELECT name, source, directory FROM entry WHERE directory IS NOT NULL ORDER BY source, name, id"
        for name, source, stated in self._rows(query):
            uid, listed, problems = orjson.loads(stated)
            yield Directory(decoded(name), source, tuple(Problem(*each) for each in problems), uid, listed)

    def unread(self) -> Iterator[Unread]:
        """Yield what could not be read by source and name."""
        query = """
            SELECT name, source, unread FROM (
                SELECT source, name, id, 0 AS turn, unread FROM entry WHERE unread IS NOT NULL UNION ALL
                SELECT source, name, id, 1, damage FROM object WHERE damage IS NOT NULL
            ) ORDER BY source, name, turn, id
        """
        for name, source, stated in self._rows(query):
            yield Unread(decoded(name), source, Problem(*orjson.loads(stated)))

    def conflicts(self) -> Iterator[Conflict]:
        """Yield, by SOP Instance UID, each different header that is not looked up, under the least of its names."""
        chosen = None
        for uid, header, name in self._rows(_CONFLICTS):
            if uid == chosen:
                instance = instance_from(uid, header)
                yield Conflict(decoded(name), instance.sop_instance_uid, instance.sop_class_uid)
            chosen = uid


def _object_row(row: tuple[Any, ...], spool: Path) -> ObjectRow:
    name, source, uid, sop_class_uid, modality, path, form, syntax, token, place, identity, _ = row
    stored = Stored.at(path, form, syntax, spool)
    reference = ObjectReference(
        decoded(name),
        source,
        _text(uid),
        _text(sop_class_uid),
        _text(modality),
        _text(identity) or "",
        stored,
        stored.pixel_data,
    )
    return ObjectRow((place or b"", identity or b""), object_key(identity, name, token), reference)


def _text(value: bytes | None) -> str | None:
    return None if value is None else decoded(value)


def object_key(identity: bytes | None, name: bytes, token: bytes) -> str:
    """Return the key of an object, as of ObjectRow."""
    return blake2b(b"\0".join((identity or b"", name, token)), digest_size=16).hexdigest()


def group_of(value: str | None) -> bytes:
    """Return what a group of instances is known by, nothing for a value that is damaged: nobody shares damage."""
    try:
        return (value or "").encode()
    except UnicodeEncodeError:
        return b""


def question(kind: str, value: str) -> int:
    """Return a number that stands for a question to the catalog."""
    digest = blake2b(encoded(kind + value), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


UNREADABLE: Final = question("unreadable", "")
"""Stands for an object that could not be read when it was to be converted: the answer may be another one any time."""


def again(key: str) -> int:
    """Return the question that has another answer where an object is to be converted again whatever changed."""
    return question("object ", key)


@dataclass(slots=True)
class AskedCatalog:
    """Passes questions on to a catalog and notes them: an answer that changes makes a result outdated."""

    catalog: ArchiveCatalog
    asked: set[int] = field(default_factory=set)

    def lookup(self, sop_instance_uid: str) -> Instance | None:
        """Return what is known of the instance, or None."""
        self.asked.add(question("instance ", sop_instance_uid))
        return self.catalog.lookup(sop_instance_uid)

    def instances_in_frame_of_reference(self, frame_of_reference_uid: str) -> Iterator[Instance]:
        """Yield all instances in the frame of reference by SOP Instance UID."""
        self.asked.add(question("frame ", frame_of_reference_uid))
        return self.catalog.instances_in_frame_of_reference(frame_of_reference_uid)
