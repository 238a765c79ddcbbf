"""The pixel data of an object, frame by frame, out of whatever it can be opened from. PS3.5 8 and A.4."""

from __future__ import annotations

import io
import shutil
import struct
import tempfile
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import IO, TYPE_CHECKING, BinaryIO, Final

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.encaps import generate_fragments, generate_frames, parse_basic_offsets
from pydicom.uid import UID, AllTransferSyntaxes, RLELossless

from converter.pixel_data import DEFLATED_FRAMES, EXPLICIT_LITTLE_ENDIAN, EncodedFrame
from converter.reader.elements import as_tag
from converter.reader.header import enter_data_set, pass_prefix
from converter.reader.header_fields import Tag
from converter.reader.parser import NotDicomError
from converter.reader.raw_values import text
from converter.reader.skim import Cursor, MalformedError, Skimmed, Skimmer, TruncatedError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIXEL_DATA: Final = 0x7FE00010

_UNDEFINED: Final = 0xFFFFFFFF
# Each frame is one fragment, whatever offset tables say (PS3.5 A.4.2, A.4.13).
_ONE_FRAGMENT: Final = frozenset({str(RLELossless), DEFLATED_FRAMES})
# Fragments are looked for back and forth: where there is more of them than this, in bytes, it goes to disk for that.
_IN_MEMORY: Final = 2**20
# Of two bytes in the data set's byte order; VR unknown means that of implicit VR.
_WORDS: Final = frozenset({"OW", "US", "SS", "UN", None})
# What pydicom raises over fragments that make no sense.
_BROKEN: Final = (ValueError, RuntimeError, EOFError, OSError, TypeError, StopIteration, struct.error)


@dataclass(frozen=True, slots=True)
class Value:
    """The value of a Pixel Data element: `stream` is at its beginning.

    `length` is None for fragments of undefined length. `swapped`: whether it is of words in big endian.
    """

    stream: BinaryIO
    length: int | None
    transfer_syntax_uid: str | None
    swapped: bool = False

    @property
    def is_encapsulated(self) -> bool:
        """Whether it is of fragments; some writers state a length of them."""
        syntax = self.transfer_syntax_uid
        return self.length is None or (syntax in AllTransferSyntaxes and UID(str(syntax)).is_encapsulated)


@dataclass(frozen=True, slots=True)
class StoredPixels:
    """Pixel data that is looked for each time that frames are asked for."""

    find: Callable[[], Value | None]

    def frames(
        self, count: int, bits: int, extended_offsets: tuple[bytes, bytes] | None = None
    ) -> Iterator[EncodedFrame]:
        """Yield the frames as `converter.pixel_data.PixelData` says."""
        try:
            value = self.find()
        except (OSError, NotDicomError, TruncatedError, MalformedError):
            value = None
        if value is None:
            return
        with value.stream:
            if value.is_encapsulated:
                found = _encapsulated(value, count, extended_offsets)
            else:
                found = _native(value, count, bits)
            yield from islice(found, count)


def pixels_in(opened: Callable[[], BinaryIO]) -> StoredPixels:
    """Return the pixel data of an object; `opened` gives a stream at the object's beginning."""
    return StoredPixels(partial(_value_in, opened))


def pixels_of(dataset: Dataset, transfer_syntax_uid: str | None, opened: Callable[[], BinaryIO]) -> StoredPixels:
    """Return the pixel data of a data set; `opened` gives a stream of what `pixel_value` gave."""
    element = dataset.get_item(as_tag(PIXEL_DATA))
    if isinstance(element, RawDataElement):
        fragmented, is_little_endian = element.length == _UNDEFINED, element.is_little_endian
    else:
        fragmented, is_little_endian = element.is_undefined_length, dataset.original_encoding[1]
    swapped = is_little_endian is False and element.VR in _WORDS
    return StoredPixels(partial(_value_of, opened, transfer_syntax_uid, fragmented, swapped))


def pixel_value(dataset: Dataset) -> BinaryIO | None:
    """Return a stream of the value of a data set's Pixel Data, None if there is none or it cannot be read.

    The stream is the data set's own where its value is one.
    """
    if PIXEL_DATA not in dataset:
        return None
    try:
        value = dataset.get_item(as_tag(PIXEL_DATA)).value or dataset[PIXEL_DATA].value
        if isinstance(value, bytes | bytearray):
            return io.BytesIO(value)
        value.seek(0)
    except (*_BROKEN, AttributeError):
        return None
    return value  # type: ignore[no-any-return]


def _value_in(opened: Callable[[], BinaryIO]) -> Value | None:
    """Return the Pixel Data of the object that a stream begins with; closing it closes the stream."""
    stream = opened()
    cursor = Cursor(stream)
    pass_prefix(cursor)
    meta: Skimmed = {}
    cursor, encoding = enter_data_set(cursor, meta)
    found = Skimmer(cursor, encoding).find((PIXEL_DATA,))
    if found is None:
        stream.close()
        return None
    head = found[1]
    length = None if head.length == _UNDEFINED else head.length
    value = io.BufferedReader(_Rest(cursor, stream, length))
    swapped = encoding.byte_order == "big" and head.vr in _WORDS
    return Value(value, length, text(meta, Tag.TransferSyntaxUID), swapped)


def _value_of(
    opened: Callable[[], BinaryIO], transfer_syntax_uid: str | None, fragmented: bool, swapped: bool
) -> Value:
    stream = opened()
    length = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return Value(stream, None if fragmented else length, transfer_syntax_uid, swapped)


def _native(value: Value, count: int, bits: int) -> Iterator[EncodedFrame]:
    """Yield frames that follow each other bit by bit (PS3.5 8.1.1)."""
    held, begin = b"", 0
    for number in range(count):
        first, last = number * bits // 8, -(-(number + 1) * bits // 8)
        # Words are whole.
        wanted = (last + 1 & ~1 if value.swapped else last) - begin - len(held)
        more = value.stream.read(max(0, wanted))
        held = held[first - begin :] + (_swapped(more) if value.swapped else more)
        begin = first
        if len(held) < last - first:
            return
        yield EncodedFrame(held[: last - first], EXPLICIT_LITTLE_ENDIAN)


def _swapped(data: bytes) -> bytes:
    words = array("H", data[: len(data) & ~1])
    words.byteswap()
    return words.tobytes()


def _encapsulated(value: Value, count: int, extended_offsets: tuple[bytes, bytes] | None) -> Iterator[EncodedFrame]:
    """Yield frames out of their fragments (PS3.5 A.4)."""
    syntax = value.transfer_syntax_uid or ""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as fragments:
        shutil.copyfileobj(value.stream, fragments)
        fragments.seek(0)
        try:
            for frame in _frames(fragments, syntax, count, extended_offsets):
                yield EncodedFrame(frame, syntax)
        except _BROKEN:
            # The frames before stand.
            return


def _frames(
    fragments: IO[bytes], syntax: str, count: int, extended_offsets: tuple[bytes, bytes] | None
) -> Iterator[bytes]:
    if syntax in _ONE_FRAGMENT:
        parse_basic_offsets(fragments)
        return generate_fragments(fragments)
    return generate_frames(fragments, number_of_frames=count, extended_offsets=extended_offsets)


class _Rest(io.RawIOBase):
    """What follows at a cursor over `owned`, up to `length` bytes; ends where that is cut or damaged."""

    def __init__(self, cursor: Cursor, owned: BinaryIO, length: int | None) -> None:
        self._cursor = cursor
        self._owned = owned
        self._left = length

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        wanted = len(view) if self._left is None else min(len(view), self._left)
        try:
            data = self._cursor.take_up_to(wanted)
        except (TruncatedError, MalformedError, OSError):
            return 0
        view[: len(data)] = data
        if self._left is not None:
            self._left -= len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._owned.close()
