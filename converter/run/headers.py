"""The header pass over some files, as a task: what they hold becomes rows of a part of the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from converter.mapper import is_annotation
from converter.problems import problem
from converter.reader.database import encoded, errors_translated
from converter.reader.listing import Listed, PassedOver
from converter.reader.quick_header import HeaderReader
from converter.reader.scan import ObjectReference, examine
from converter.reader.sources import Directory, Found, Item, Unread, as_unread, contents
from converter.run.discovery import FileToRead
from converter.run.schema import NUMBER_BITS, TABLES, connect
from converter.run.state import OutError, StateFolder
from converter.run.stored import SpoolFolder, Stored
from converter.run.tasks import Progress, Task
from converter.selection import Problem
from converter.settings import ArchiveLimits

_ROWS_AT_ONCE: Final = 1000
_ENTRY: Final = """
    INSERT INTO entry (id, source, name, counted, sop_instance_uid, header, unread, directory)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_OBJECT: Final = """
    INSERT INTO object (
        id, source, name, sop_instance_uid, sop_class_uid, modality, path, form, transfer_syntax_uid, token
    ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderTask(Task):
    """Read the headers of some files of these sources into a database of their own, `part`.

    `with_pixels`: whether pixel data is kept of annotation objects that are no files of their own.
    """

    files: tuple[FileToRead, ...]
    sources: tuple[str, ...]
    part: str
    limits: ArchiveLimits
    with_pixels: bool = False


def read_headers(task: HeaderTask) -> tuple[Path, int]:
    """Do the task; return where the part is, and how many files it has. Raises OutError."""
    part = Path(task.part)
    part.unlink(missing_ok=True)
    headers = HeaderReader()
    keep = SpoolFolder(StateFolder(task.out).spool, with_pixels=task.with_pixels)
    try:
        with errors_translated(), Rows(part) as rows, Progress(task) as progress:
            for number, file in enumerate(task.files):
                progress.at(number)
                found = file.found(task.sources)
                if number in task.skip:
                    lost = Unread(found.name, found.source, problem("worker-lost"))
                    rows.add(file, found, iter([lost]), keep)
                else:
                    rows.add(file, found, _held(found, task.limits, headers), keep)
    except OSError as error:
        raise OutError.of(error) from error
    return part, len(task.files)


def _held(
    found: Listed | PassedOver, limits: ArchiveLimits, headers: HeaderReader
) -> Iterator[Found | Unread | Directory]:
    return iter([as_unread(found)]) if isinstance(found, PassedOver) else contents(found, limits, headers)


class Rows:
    """Writes what files hold to a new database that is not yet needed for long."""

    def __init__(self, path: Path) -> None:
        self._connection = connect(path)
        with errors_translated():
            self._connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {TABLES} BEGIN")
        self._entries: list[tuple[Any, ...]] = []
        self._objects: list[tuple[Any, ...]] = []
        self._files: list[tuple[Any, ...]] = []

    def add(self, file: FileToRead, found: Listed | PassedOver, held: Iterator[Item], keep: SpoolFolder) -> None:
        """Add a file with what it holds."""
        again = file.size < 0 and isinstance(found, Listed)
        for number, item in enumerate(held, file.id << NUMBER_BITS):
            again |= self._entry(number, file, item, keep) and item.name == found.name
            if len(self._entries) >= _ROWS_AT_ONCE:
                self._flush()
        self._files.append((file.source, file.key, file.id, file.size, file.mtime_ns, again))

    def _entry(self, number: int, file: FileToRead, item: Item, keep: SpoolFolder) -> bool:
        """Add what was found; return whether it may be otherwise next time though the file stays the same."""
        source, name = item.source, encoded(item.name)
        if isinstance(item, Found):
            seen = examine(item, is_annotation, keep)
            if not isinstance(seen, Unread):
                row = seen.header
                damage = row.problems[0] if row.problems and seen.reference is None else None
                counted = None if damage is not None or seen.reference is not None else encoded(seen.kind)
                stated = None if damage is None else _json(damage)
                self._entries.append((number, source, name, counted, row.uid, row.header, stated, None))
                if seen.reference is not None:
                    self._objects.append(_object(number, seen.reference, file))
                return False
            item = seen
        if isinstance(item, Directory):
            stated = orjson.dumps([item.sop_instance_uid, item.listed, [_values(each) for each in item.problems]])
            self._entries.append((number, source, name, None, None, None, None, stated))
            return True
        self._entries.append((number, source, name, None, None, None, _json(item.problem), None))
        return item.problem.code == "unreadable" and file.code is None

    def _flush(self) -> None:
        self._connection.executemany(_ENTRY, self._entries)
        self._connection.executemany(_OBJECT, self._objects)
        self._connection.executemany("INSERT INTO file VALUES (?, ?, ?, ?, ?, ?)", self._files)
        for each in (self._entries, self._objects, self._files):
            each.clear()

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                with errors_translated():
                    self._flush()
                    self._connection.execute("COMMIT")
        finally:
            self._connection.close()


def _object(number: int, reference: ObjectReference, file: FileToRead) -> tuple[Any, ...]:
    stored = reference.read
    assert isinstance(stored, Stored)
    token = Path(stored.path).name if stored.is_spooled else f"{file.size}.{file.mtime_ns}"
    return (
        number,
        reference.source,
        encoded(reference.name),
        _blob(reference.sop_instance_uid),
        _blob(reference.sop_class_uid),
        _blob(reference.modality),
        stored.place,
        stored.form,
        _blob(stored.transfer_syntax_uid),
        token.encode(),
    )


def _blob(value: str | None) -> bytes | None:
    return None if value is None else encoded(value)


def _values(found: Problem) -> list[str]:
    return [found.code, found.severity, found.message, found.path]


def _json(found: Problem) -> bytes:
    return orjson.dumps(_values(found))
