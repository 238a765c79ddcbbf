"""Openers of files, parts of files, packed data and memory; their streams fail with a problem, never a library's text.

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
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from converter.problems import problem
from converter.selection import Problem

BUFFER_BYTES = 32 * 2**10
RATIO_FLOOR = 64 * 2**20
"""Unpacked bytes below which no ratio counts: a small mask of nothing but zeros is not a bomb."""

Packing = Literal["gzip", "bz2", "xz"]

DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    RecursionError,
    zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
)
"""What the standard library's readers of archives raise on hostile or broken input."""


class ContentError(OSError):
    """Content cannot be read on: `problem` says why. The bytes read before it stand."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem

    def __reduce__(self) -> tuple[type[ContentError], tuple[Problem]]:
        return ContentError, (self.problem,)


def as_content_error(error: BaseException, code: str = "archive-damaged") -> ContentError:
    """Return `error` as a ContentError: `unreadable` where the operating system refused, else `code`."""
    if isinstance(error, ContentError):
        return error
    refused = isinstance(error, OSError) and error.errno is not None
    return ContentError(problem("unreadable" if refused else code))


class Opener(Protocol):
    """Gives a stream at the start of some content. Raises OSError, of which ContentError is one."""

    @property
    def rereadable(self) -> bool:
        """Whether it may be called again later, also in another process."""
        ...

    def __call__(self) -> io.BufferedReader: ...


class _Closable(Protocol):
    def close(self) -> object: ...


class CheckedStream(io.RawIOBase):
    """A raw stream that fills what it is asked to fill, and fails only after it handed out all that came before.

    Subclasses give `take`. `crc` is the CRC-32 that the whole must have, checked when it is read from start to end.
    """

    def __init__(self, closes: tuple[_Closable, ...] = (), crc: int | None = None) -> None:
        super().__init__()
        self._closes = closes
        self._expected_crc = crc
        self._crc = 0
        self._failure: ContentError | None = None

    def take(self, count: int) -> bytes:
        """Return up to `count` more bytes; none at the end."""
        raise NotImplementedError

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._failure is not None:
            raise self._failure
        view = memoryview(buffer).cast("B")
        filled = 0
        try:
            while filled < len(view):
                chunk = self.take(len(view) - filled)
                if not chunk:
                    self._check_end()
                    break
                view[filled : filled + len(chunk)] = chunk
                filled += len(chunk)
                if self._expected_crc is not None:
                    self._crc = zlib.crc32(chunk, self._crc)
        except DAMAGE as error:
            self._failure = as_content_error(error)
            if not filled:
                raise self._failure from None
        return filled

    def _check_end(self) -> None:
        if self._expected_crc is not None and self._crc != self._expected_crc:
            raise ContentError(problem("archive-damaged"))

    def close(self) -> None:
        if not self.closed:
            super().close()
            for each in self._closes:
                each.close()


class Window(CheckedStream):
    """The bytes from `start` to `start + size` of a seekable stream; seekable itself."""

    def __init__(
        self, stream: io.BufferedIOBase, start: int, size: int, *, owned: bool, crc: int | None = None
    ) -> None:
        super().__init__((stream,) if owned else (), crc)
        self._stream = stream
        self._start = start
        self._size = size
        self._position = 0

    def take(self, count: int) -> bytes:
        count = min(count, self._size - self._position)
        if count <= 0:
            return b""
        self._stream.seek(self._start + self._position)
        chunk = self._stream.read(count)
        self._position += len(chunk)
        return chunk

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        position = max(0, base + offset)
        if position != self._position:
            self._expected_crc = None
        self._position = position
        return position


class Metered(CheckedStream):
    """A forward stream over `inner`, held to limits on what it gives.

    `member_bytes`: the most it may give. `ratio`: the most it may give per byte of `packed()`, from RATIO_FLOOR on.
    """

    def __init__(
        self,
        inner: Any,
        closes: tuple[_Closable, ...] = (),
        crc: int | None = None,
        *,
        member_bytes: int | None = None,
        ratio: int | None = None,
        packed: Callable[[], int] = lambda: 0,
    ) -> None:
        super().__init__(closes, crc)
        # read1 hands out what a damaged stream gives before it fails; read would lose it.
        self._next: Callable[[int], bytes | None] = inner.read1 if isinstance(inner, io.BufferedIOBase) else inner.read
        self._member_bytes = member_bytes
        self._ratio = ratio
        self._packed = packed
        self._given = 0

    def take(self, count: int) -> bytes:
        chunk = self._next(count) or b""
        self._given += len(chunk)
        if self._member_bytes is not None and self._given > self._member_bytes:
            raise ContentError(problem("archive-limit", limit="member_bytes"))
        if self._ratio is not None and self._given > max(RATIO_FLOOR, self._ratio * self._packed()):
            raise ContentError(problem("archive-limit", limit="ratio"))
        return chunk


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
        return open(self.path, "rb", opener=open_stepwise)  # noqa: PTH123


def open_stepwise(path: str, flags: int) -> int:
    """Return a descriptor of a path longer than the system takes at once, opened in pieces. Raises OSError."""
    if os.open not in os.supports_dir_fd:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    parts = path.split(os.sep)
    folder = os.open(parts[0] + os.sep if not parts[0] else parts[0], os.O_RDONLY)
    try:
        for start in range(1, len(parts) - 1, 10):
            piece = os.sep.join(parts[start : min(start + 10, len(parts) - 1)])
            deeper = os.open(piece or os.curdir, os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = deeper
        return os.open(parts[-1], flags, dir_fd=folder)
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
        inner = lzma.LZMAFile(counted)
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


def read_all(stream: io.BufferedReader) -> tuple[bytes, Problem | None]:
    """Return everything that can be read, and what stopped it before the end, if anything did."""
    chunks = []
    try:
        while chunk := stream.read1(2**20):
            chunks.append(chunk)
    except OSError as error:
        return b"".join(chunks), as_content_error(error, "unreadable").problem
    return b"".join(chunks), None
