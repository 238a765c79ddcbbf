"""Compares the files that are there with those that were read: what is new, changed or gone. Nothing is opened.

A run over an archive that did not change does this and nothing more, so nothing that reads DICOM is imported here.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from converter.reader.database import decoded, encoded
from converter.reader.listing import Listed, Lister, PassedOver, flattened, printable
from converter.reader.paths import STANDARD_INPUT

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

_TABLES: Final = """
    CREATE TEMP TABLE gone (number INTEGER PRIMARY KEY, file INTEGER, source INTEGER, key BLOB);
    CREATE TEMP TABLE again (
        id INTEGER PRIMARY KEY, source INTEGER, key BLOB, size INTEGER, mtime_ns INTEGER,
        name BLOB, path BLOB, is_pipe INTEGER, code TEXT, before INTEGER
    );
"""
_ROWS_AT_ONCE: Final = 1000
_Row: TypeAlias = tuple[int, bytes, int, int, int, int]
_PASSED, _UNKNOWN = -1, -2
"""Sizes of what is no file, and of what cannot be looked at."""


@dataclass(slots=True)
class Changes:
    """How many files there are of each kind since the last time; `again` are looked into though nothing shows."""

    new: int = 0
    changed: int = 0
    gone: int = 0
    unchanged: int = 0
    again: int = 0

    @property
    def to_read(self) -> int:
        """The number of files that are to be read."""
        return self.new + self.changed

    @property
    def is_any(self) -> bool:
        """Whether anything is not as it was."""
        return bool(self.new or self.changed or self.gone)

    @property
    def files(self) -> int:
        """The number of files that are there."""
        return self.new + self.changed + self.unchanged + self.again


class FileToRead(NamedTuple):
    """A file whose content is to be read, or something that was passed over in its place.

    What lies in a folder that is walked says where by its `key` alone; what does not has a `name` and a `path`. `code`:
    of what was passed over.
    """

    id: int
    source: int
    key: bytes
    size: int
    mtime_ns: int
    name: bytes | None = None
    path: bytes | None = None
    is_pipe: bool = False
    code: str | None = None

    @property
    def is_here(self) -> bool:
        """Whether no other process can read it: standard input, and pipes that only this one has."""
        return bool(self.is_pipe)

    def found(self, sources: Sequence[str]) -> Listed | PassedOver:
        """Return what was found in these sources."""
        if self.name is None:
            relative = decoded(self.key).replace("\0", os.sep)
            root = sources[self.source].rstrip(os.sep)
            name = printable(relative.replace(os.sep, "/"))
            return Listed(name, self.source, f"{root}{os.sep}{relative}", self.key, in_folder=True)
        if self.path is None:
            return PassedOver(decoded(self.name), self.source, self.code or "", self.key)
        return Listed(decoded(self.name), self.source, decoded(self.path), self.key, is_pipe=bool(self.is_pipe))


def listing(sources: Sequence[str], out: str) -> Iterator[Listed | PassedOver]:
    """Yield the files of all sources; of each source in the order of their keys. The folder `out` is passed over."""
    lister = Lister()
    try:
        status = Path(out).stat()
        lister.visited.folders.add((status.st_dev, status.st_ino))
    except OSError:
        pass
    for number, source in enumerate(sources):
        if source == STANDARD_INPUT:
            yield Listed(STANDARD_INPUT, number, STANDARD_INPUT, b"", is_pipe=True)
            continue
        for found in flattened(lister.path(source, number)):
            yield found
            if isinstance(found, Listed) and not (found.in_folder or found.is_pipe):
                yield from _file_set(lister, found)


def _file_set(lister: Lister, found: Listed) -> Iterator[Listed | PassedOver]:
    """Yield the files that a SOURCE lists, if it is a DICOMDIR."""
    from converter.reader import dicomdir
    from converter.reader.sources import file_set_listing
    from converter.reader.streams import read_all

    try:
        with Path(found.path).open("rb") as stream:
            if not dicomdir.is_dicomdir(stream.peek(512)[:512]):
                return
            data, _ = read_all(stream, dicomdir.DIRECTORY_BYTES)
    except OSError:
        return
    folder = os.path.dirname(found.path)  # noqa: PTH120
    yield from flattened(file_set_listing(lister, folder, found.source, dicomdir.read_file_set(data)))


class Comparison:
    """Goes through the files that are there and those known at once: both come in one order.

    Iterating gives the files to read, and puts into temporary tables what is to be forgotten (`gone`) and what is to be
    looked into (`again`); `is_complete` once all is there. `is_first`: no file is known. `before`: the last id that was
    given to a file, `last` that of this comparison. `told`: of every thousandth file. `only`: ids of known files that
    are to be read again, whatever they are now; then nothing else counts as new, changed or gone. Raises sqlite3.Error.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        found: Iterator[Listed | PassedOver],
        before: int,
        told: Callable[[int], None],
        only: Container[int] | None = None,
    ) -> None:
        connection.executescript(_TABLES)
        self.changes = Changes()
        self.is_complete = False
        self.last = before
        self._connection = connection
        self._found = found
        self._told = told
        self._only = only
        # A temporary table can be written to while the others are read.
        self._rows = connection.execute("SELECT source, key, id, size, mtime_ns, again FROM file ORDER BY source, key")
        self._known = self._rows.fetchone()
        self.is_first = self._known is None
        self._gone: list[tuple[int, int, bytes]] = []

    def __iter__(self) -> Iterator[FileToRead]:
        changes = self.changes
        for each in self._found:
            file = self._meet(each)
            if file is not None:
                yield file
            if not changes.files & 1023:
                self._told(changes.files)
        while self._known is not None:
            self._pass(self._known)
        self._flush()
        self.is_complete = True

    def _meet(self, found: Listed | PassedOver) -> FileToRead | None:
        place = (found.source, found.key)
        known = self._known
        while known is not None and (known[0], known[1]) < place:
            self._pass(known)
            known = self._known
        size, mtime_ns = _state(found)
        changes, only = self.changes, self._only
        if known is None or (known[0], known[1]) != place:
            if only is not None:
                return None
            changes.new += 1
            return self._to_read(found, size, mtime_ns)
        self._known = self._rows.fetchone()
        is_other = known[3] != size or known[4] != mtime_ns or (isinstance(found, Listed) and found.is_pipe)
        if is_other if only is None else known[2] in only:
            changes.changed += 1
            self._forget(known)
            return self._to_read(found, size, mtime_ns)
        if known[5] and only is None:
            changes.again += 1
            row = (*self._to_read(found, size, mtime_ns), known[2])
            self._connection.execute("INSERT INTO again VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        else:
            changes.unchanged += 1
        return None

    def _pass(self, known: _Row) -> None:
        """What is known here is no longer there."""
        if self._only is None or known[2] in self._only:
            self.changes.gone += 1
            self._forget(known)
        self._known = self._rows.fetchone()

    def _forget(self, known: _Row) -> None:
        self._gone.append((known[2], known[0], known[1]))
        if len(self._gone) >= _ROWS_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        self._connection.executemany("INSERT INTO gone VALUES (NULL, ?, ?, ?)", self._gone)
        self._gone.clear()

    def _to_read(self, found: Listed | PassedOver, size: int, mtime_ns: int) -> FileToRead:
        self.last += 1
        if isinstance(found, PassedOver):
            name = encoded(found.name)
            return FileToRead(self.last, found.source, found.key, size, mtime_ns, name, code=found.code)
        if found.in_folder:
            return FileToRead(self.last, found.source, found.key, size, mtime_ns)
        place = encoded(found.name), encoded(found.path)
        return FileToRead(self.last, found.source, found.key, size, mtime_ns, *place, found.is_pipe)


def _state(found: Listed | PassedOver) -> tuple[int, int]:
    """Return size and time of a file, which change when it does."""
    if isinstance(found, PassedOver):
        return _PASSED, zlib.crc32(found.code.encode())
    try:
        status = os.stat(found.path)  # noqa: PTH116 - called for each file of an archive
    except (OSError, ValueError):
        return _UNKNOWN, 0
    return status.st_size, status.st_mtime_ns
