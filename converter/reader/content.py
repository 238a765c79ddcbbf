"""Whole objects as bytes, but for large pixel data, out of streams that can perhaps be read only once."""

from __future__ import annotations

import io
import tempfile
from types import TracebackType
from typing import IO, TYPE_CHECKING, BinaryIO, Final, Self

from converter.reader.header import enter_data_set, pass_prefix
from converter.reader.nesting import PIXEL_DATA
from converter.reader.skim import Cursor, MalformedError, Skimmer, TruncatedError, read_fully

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Smaller objects are not worth looking for their pixel data, in bytes.
_SMALL: Final = 2**20
_RECORDED: Final = 2**20


def content(stream: BinaryIO) -> bytes:
    """Return the object that begins here; what is large comes without its pixel data element.

    An object that ends within its pixel data keeps that element's head, so that the loss can be told. Raises
    NotDicomError, and OSError where the stream does.
    """
    start = read_fully(stream, _SMALL)
    if len(start) < _SMALL:
        return start
    if stream.seekable() and not _has_pixel_data(stream, stream.tell() - len(start)):
        # Read once more rather than added to: what is large must not be in memory twice.
        stream.seek(-len(start), io.SEEK_CUR)
        return stream.read()
    recording = Recording(io.BufferedReader(_Chain(io.BytesIO(start), stream)))
    with recording:
        cursor = Cursor(recording.stream)
        pass_prefix(cursor)
        try:
            entered, encoding = enter_data_set(cursor, {})
            if entered is not cursor:
                # Deflated: pixel data cannot be told from the rest.
                return recording.replayed().read()
            skimmer = Skimmer(cursor, encoding)
            pixel_data = skimmer.find(PIXEL_DATA)
        except (TruncatedError, MalformedError):
            pixel_data = None
        if pixel_data is None:
            return recording.whole()
        begin, head = pixel_data
        recorded = recording.stop()
        try:
            head_end = cursor.position
            skimmer.pass_over(head)
        except (TruncatedError, MalformedError):
            return recorded[:head_end]
        return recorded[:begin] + cursor.rest()


def _has_pixel_data(stream: BinaryIO, begin: int) -> bool:
    """Return whether there is, or may be, pixel data in the object at `begin`; the stream stays where it is."""
    place = stream.tell()
    stream.seek(begin)
    try:
        cursor = Cursor(stream)
        pass_prefix(cursor)
        entered, encoding = enter_data_set(cursor, {})
        return entered is not cursor or Skimmer(cursor, encoding).find(PIXEL_DATA) is not None
    except (TruncatedError, MalformedError):
        return True
    finally:
        stream.seek(place)


class Recording:
    """Keeps what is read through `stream` from another stream, so that it can be handed on from its beginning.

    `stream` cannot seek: nothing may be passed over. What was read is in memory, on disk beyond a megabyte.
    """

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._past = tempfile.SpooledTemporaryFile(_RECORDED)  # noqa: SIM115
        self._copying = _Copying(source, self._past)
        self.stream: BinaryIO = io.BufferedReader(self._copying)

    def replayed(self) -> BinaryIO:
        """Return a stream of all, from the beginning; `stream` must not be read any more."""
        self._past.seek(0)
        return io.BufferedReader(_Chain(self._past, self._source))

    def whole(self) -> bytes:
        """Return all, from the beginning; `stream` must not be read any more."""
        self._past.seek(0)
        past = self._past.read()
        # Mostly all was read by now: adding nothing makes no copy.
        return past + self._source.read()

    def stop(self) -> bytes:
        """Return all that was read until now, and keep nothing more."""
        self._copying.copy = None
        self._past.seek(0)
        return self._past.read()

    def close(self) -> None:
        """Forget what was read; the other stream stays open."""
        self._past.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Copying(io.RawIOBase):
    """Copies what is read from one stream to another."""

    def __init__(self, source: IO[bytes], copy: IO[bytes]) -> None:
        self._source = source
        self.copy: IO[bytes] | None = copy

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        data = self._source.read(len(view))
        if self.copy is not None:
            self.copy.write(data)
        view[: len(data)] = data
        return len(data)


class _Chain(io.RawIOBase):
    """One stream after the other."""

    def __init__(self, *streams: IO[bytes]) -> None:
        self._streams = list(streams)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        while self._streams:
            data = self._streams[0].read(len(view))
            if data:
                view[: len(data)] = data
                return len(data)
            del self._streams[0]
        return 0
