"""Streams that fill what they are asked to fill, keep limits, and fail with a problem, never a library's text."""

from __future__ import annotations

import io
import lzma
import sys
import tarfile
import zipfile
import zlib
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from converter.problems import problem
from converter.selection import Problem

BUFFER_BYTES = 32 * 2**10
RATIO_FLOOR = 64 * 2**20
"""Unpacked bytes below which no ratio counts: a small mask of nothing but zeros is not a bomb."""

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

    @abstractmethod
    def take(self, count: int) -> bytes:
        """Return up to `count` more bytes; none at the end."""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer, less at the end. Raises ContentError, again at each call."""
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
        """Close it and what it owns."""
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
        """Return up to `count` more bytes of the window."""
        count = min(count, self._size - self._position)
        if count <= 0:
            return b""
        self._stream.seek(self._start + self._position)
        chunk = self._stream.read(count)
        self._position += len(chunk)
        return chunk

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in the window."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move within the window or beyond its end; the CRC is then not checked."""
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
        """Return up to `count` more bytes. Raises ContentError beyond a limit."""
        chunk = self._next(count) or b""
        self._given += len(chunk)
        if self._member_bytes is not None and self._given > self._member_bytes:
            raise ContentError(problem("archive-limit", limit="member_bytes"))
        if self._ratio is not None and self._given > max(RATIO_FLOOR, self._ratio * self._packed()):
            raise ContentError(problem("archive-limit", limit="ratio"))
        return chunk


def read_all(stream: io.BufferedReader, limit: int | None = None) -> tuple[bytes, Problem | None]:
    """Return everything that can be read, up to `limit` bytes, and what stopped it before the end, if anything did."""
    chunks: list[bytes] = []
    left = sys.maxsize if limit is None else limit
    try:
        while left and (chunk := stream.read1(min(left, 2**20))):
            chunks.append(chunk)
            left -= len(chunk)
    except OSError as error:
        return b"".join(chunks), as_content_error(error, "unreadable").problem
    return b"".join(chunks), None
