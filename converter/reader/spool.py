"""Keeps what can be read only once, out of memory, until it is its turn."""

from __future__ import annotations

import io
import pickle
import shutil
import tempfile
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import IO, TYPE_CHECKING, BinaryIO, Final, NamedTuple, Self

from pydicom import Dataset

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_PIECE: Final = 2**20


class Spooled(NamedTuple):
    """Where something lies in a spool, in bytes."""

    offset: int
    length: int


class Spool:
    """One temporary file, made when first needed, that the operating system removes whatever happens to the process.

    Methods raise OSError, as where the disk is full. Several threads may read and write.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory
        self._file: IO[bytes] | None = None
        self._lock = Lock()

    def put(self, data: bytes) -> Spooled:
        """Append `data` and return its place."""
        with self._lock:
            file = self._opened()
            offset = file.seek(0, io.SEEK_END)
            file.write(data)
            return Spooled(offset, len(data))

    def put_stream(self, stream: BinaryIO) -> Spooled:
        """Append all that follows in `stream`, a piece at a time, and return its place."""
        with self._lock:
            file = self._opened()
            offset = file.seek(0, io.SEEK_END)
            shutil.copyfileobj(stream, file, _PIECE)
            return Spooled(offset, file.tell() - offset)

    def open(self, place: Spooled) -> io.BufferedReader:
        """Return a seekable stream of what was put there."""
        return io.BufferedReader(_Reading(self, place))

    def put_dataset(self, dataset: Dataset) -> Spooled | None:
        """Keep a data set as it is, None if it is nested too deep for that."""
        data = _pickled(dataset)
        return None if data is None else self.put(data)

    def read(self, place: Spooled) -> bytes:
        """Return what was put there."""
        with self._lock:
            file = self._opened()
            file.seek(place.offset)
            return file.read(place.length)

    def read_dataset(self, place: Spooled) -> Dataset:
        """Return an equal of the data set that was put there."""
        # Nobody else can have written here: the file has no name.
        dataset: Dataset = pickle.loads(self.read(place))
        return dataset

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._directory)  # noqa: SIM115
        return self._file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Reading(io.RawIOBase):
    """What lies at a place of a spool, read a piece at a time."""

    def __init__(self, spool: Spool, place: Spooled) -> None:
        self._spool = spool
        self._place = place
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._place.length}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        left = max(0, self._place.length - self._position)
        data = self._spool.read(Spooled(self._place.offset + self._position, min(len(view), left)))
        view[: len(data)] = data
        self._position += len(data)
        return len(data)


def copied(dataset: Dataset) -> Dataset | None:
    """Return a copy that shares nothing with the data set, None if it is nested too deep for that."""
    data = _pickled(dataset)
    return None if data is None else pickle.loads(data)


def _pickled(dataset: Dataset) -> bytes | None:
    # Not written as DICOM, because that would change or refuse what is broken in it.
    try:
        return pickle.dumps(dataset, pickle.HIGHEST_PROTOCOL)
    except (RecursionError, pickle.PicklingError, TypeError, AttributeError):
        return None
