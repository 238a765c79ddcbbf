"""Keeps what can be read only once, out of memory, until it is its turn."""

from __future__ import annotations

import io
import mmap
import pickle
import shutil
import tempfile
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Self

from pydicom import Dataset

from converter.reader.skim import read_fully

# What is larger is mapped from a temporary file instead of held: a segmentation's pixel data is never touched.
_HELD: Final = 32 * 2**20
_CHUNK: Final = 2**20
_RECORDED: Final = 2**20


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
        self._file: BinaryIO | None = None
        self._lock = Lock()

    def put(self, stream: BinaryIO) -> Spooled:
        """Copy a stream from where it is to its end, and return its place."""
        with self._lock:
            file = self._opened()
            offset = file.seek(0, io.SEEK_END)
            shutil.copyfileobj(stream, file, _CHUNK)
            return Spooled(offset, file.tell() - offset)

    def put_dataset(self, dataset: Dataset) -> Spooled | None:
        """Keep a data set as it is, None if it is nested too deep for that.

        Pickled, because writing it as DICOM would change or refuse what is broken in it.
        """
        try:
            data = pickle.dumps(dataset, pickle.HIGHEST_PROTOCOL)
        except (RecursionError, pickle.PicklingError, TypeError, AttributeError):
            return None
        return self.put(io.BytesIO(data))

    def read(self, place: Spooled) -> bytes | memoryview:
        """Return what was put there; what is large as a mapping of the file."""
        with self._lock:
            file = self._opened()
            if place.length > _HELD:
                file.flush()
                mapped = mmap.mmap(file.fileno(), place.offset + place.length, access=mmap.ACCESS_READ)
                return memoryview(mapped)[place.offset :]
            file.seek(place.offset)
            return file.read(place.length)

    def read_dataset(self, place: Spooled) -> Dataset:
        """Return an equal of the data set that was put there."""
        # Nobody else can have written here: the file has no name.
        dataset: Dataset = pickle.loads(self.read(place))
        return dataset

    def close(self) -> None:
        """Remove the file; mappings of it stay readable."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._directory)  # type: ignore[assignment]  # noqa: SIM115
        assert self._file is not None
        return self._file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Recording(io.RawIOBase):
    """A stream that keeps what is read from another one, so that it can be handed on from its beginning.

    It cannot seek: nothing may be passed over. What was read is in memory, on disk beyond a megabyte.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._read = tempfile.SpooledTemporaryFile(_RECORDED)  # noqa: SIM115

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._read.write(data)
        return data

    def replayed(self) -> BinaryIO:
        """Return a stream of all, from the beginning; this one is at its end then."""
        self._read.seek(0)
        return io.BufferedReader(_Chain(self._read, self._stream))  # type: ignore[arg-type]

    def close(self) -> None:
        """Forget what was read; the other stream stays open."""
        self._read.close()
        super().close()


class _Chain(io.RawIOBase):
    """One stream after the other."""

    def __init__(self, first: BinaryIO, second: BinaryIO) -> None:
        self._streams = [first, second]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while self._streams:
            data = self._streams[0].read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            del self._streams[0]
        return 0


def content(stream: BinaryIO) -> bytes | memoryview:
    """Return all that a stream holds; what is large as a mapping of a temporary copy.

    The file itself is not mapped: one that another process cuts short would end this one.
    """
    head = read_fully(stream, _HELD + 1)
    if len(head) <= _HELD:
        return head
    with tempfile.TemporaryFile() as copy:
        copy.write(head)
        del head
        shutil.copyfileobj(stream, copy, _CHUNK)
        copy.flush()
        return memoryview(mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ))
