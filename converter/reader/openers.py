"""Openers of files, parts of files, packed data and memory.

An opener is a callable that gives an `io.BufferedReader` at the start of some content. Those that are `rereadable` open
it anew each time and can be pickled, so that another process may open the same content later.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from converter.reader.streams import BUFFER_BYTES, Metered, Window

Packing = Literal["gzip", "bz2", "xz"]


class Opener(Protocol):
    """Gives a stream at the start of some content. Raises OSError, of which ContentError is one."""

    @property
    def rereadable(self) -> bool:
        """Whether it may be called again later, also in another process."""
        ...

    def __call__(self) -> io.BufferedReader:  # noqa: D102
        ...


class _Counted:
    """Passes reads on and counts their bytes."""

    def __init__(self, inner: io.BufferedReader) -> None:
        self._inner = inner
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        chunk = self._inner.read1(BUFFER_BYTES if size < 0 else size)
        self.count += len(chunk)
        return chunk


@dataclass(frozen=True, slots=True)
class PlainFile:
    """A file by its path, however long that is."""

    path: str

    @property
    def rereadable(self) -> bool:
        """True."""
        return True

    def __call__(self) -> io.BufferedReader:
        """Open the file. Raises OSError."""
        try:
            return Path(self.path).open("rb")
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
        return open(self.path, "rb", opener=open_stepwise)


def open_stepwise(path: str, flags: int) -> int:
    """Return a descriptor of a path longer than the system takes at once, opened in pieces. Raises OSError."""
    if os.open not in os.supports_dir_fd:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    first, *between, last = Path(path).parts
    folder = os.open(first, os.O_RDONLY)
    try:
        for start in range(0, len(between), 10):
            # A name has at most 255 bytes: ten of them are never too long.
            deeper = os.open(Path(*between[start : start + 10]), os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = deeper
        return os.open(last, flags, dir_fd=folder)
    finally:
        os.close(folder)


@dataclass(frozen=True, slots=True)
class Part:
    """`size` bytes from `offset` of seekable content: a member that is stored as it is."""

    container: Opener
    offset: int
    size: int
    crc: int | None = None

    @property
    def rereadable(self) -> bool:
        """As its container."""
        return self.container.rereadable

    def __call__(self) -> io.BufferedReader:
        """Open the part. Raises OSError."""
        window = Window(self.container(), self.offset, self.size, owned=True, crc=self.crc)
        return io.BufferedReader(window, BUFFER_BYTES)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What gzip, bzip2 or xz data unpacks to; `ratio` as in ArchiveLimits."""

    container: Opener
    packing: Packing
    ratio: int

    @property
    def rereadable(self) -> bool:
        """As its container."""
        return self.container.rereadable

    def __call__(self) -> io.BufferedReader:
        """Open the packed data and unpack on reading. Raises OSError."""
        return unpack(self.container(), self.packing, self.ratio)


def unpack(packed: io.BufferedReader, packing: Packing, ratio: int) -> io.BufferedReader:
    """Return the stream of what `packed` unpacks to, which closes `packed` with itself."""
    counted: Any = _Counted(packed)
    inner: gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile
    if packing == "gzip":
        inner = gzip.GzipFile(fileobj=counted, mode="rb")
    elif packing == "bz2":
        inner = bz2.BZ2File(counted)
    else:
        inner = lzma.LZMAFile(counted)  # noqa: SIM115
    metered = Metered(inner, (inner, packed), ratio=ratio, packed=lambda: counted.count)
    return io.BufferedReader(metered, BUFFER_BYTES)


@dataclass(frozen=True, slots=True)
class Capped:
    """Content that may give `member_bytes` bytes and no more."""

    container: Opener
    member_bytes: int

    @property
    def rereadable(self) -> bool:
        """As its container."""
        return self.container.rereadable

    def __call__(self) -> io.BufferedReader:
        """Open the content. Raises OSError."""
        return cap(self.container(), self.member_bytes)


def cap(stream: io.BufferedReader, member_bytes: int) -> io.BufferedReader:
    """Return a stream that hands on at most `member_bytes` bytes of `stream`, which it closes with itself."""
    return io.BufferedReader(Metered(stream, (stream,), member_bytes=member_bytes), BUFFER_BYTES)


class Shared:
    """Views of one seekable stream, each at its own position; the stream stays open."""

    rereadable = False

    def __init__(self, stream: Any, start: int = 0) -> None:
        self._stream = stream
        self._start = start
        self._size = max(0, stream.seek(0, io.SEEK_END) - start)

    def __call__(self) -> io.BufferedReader:
        """Return a new view."""
        window = Window(self._stream, self._start, self._size, owned=False)
        return io.BufferedReader(window, BUFFER_BYTES)


class Once:
    """A stream that can be read only once."""

    rereadable = False

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream: io.BufferedReader | None = stream

    def __call__(self) -> io.BufferedReader:
        """Return the stream. Raises ValueError the second time."""
        if self._stream is None:
            raise ValueError("this content can be read only once")
        stream, self._stream = self._stream, None
        return stream


class Handout:
    """Opens content for the caller: first the stream that recognising it has opened, then, if it can, a new one."""

    __slots__ = ("_again", "_ready")

    def __init__(self, again: Opener, ready: io.BufferedReader | None = None) -> None:
        self._again = again
        self._ready = ready

    @property
    def rereadable(self) -> bool:
        """Whether it can be opened anew."""
        return self._again.rereadable

    def __call__(self) -> io.BufferedReader:
        """Return a stream at the start. Raises OSError, or ValueError where the content can no longer be read."""
        stream, self._ready = self._ready, None
        if stream is not None:
            return stream
        if not self._again.rereadable:
            raise ValueError("this content must be read before the next is asked for, and once")
        return self._again()

    def withdraw(self) -> None:
        """Close the stream that is ready, if nobody asked for it."""
        stream, self._ready = self._ready, None
        if stream is not None:
            stream.close()

    def __reduce__(self) -> tuple[type[Handout], tuple[Opener]]:
        return Handout, (self._again,)


def borrow(stream: Any) -> Opener:
    """Return an opener of a caller's binary stream from where it stands, which is never closed."""
    seekable = getattr(stream, "seekable", None)
    if seekable is not None and seekable():
        return Shared(stream, stream.tell())
    return Once(io.BufferedReader(Metered(stream), BUFFER_BYTES))
