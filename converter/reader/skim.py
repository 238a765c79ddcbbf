"""Reads the wanted elements of a data set and passes over all others: nothing is decoded, nothing recurses.

pydicom reads every value into memory or recurses into every sequence of undefined length, and warns where an encoding
is odd; a header pass over millions of files must do neither. PS3.5 chapter 7, PS3.10 chapter 7.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Container, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple, TypeAlias

from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.valuerep import PersonName

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

ByteOrder: TypeAlias = Literal["little", "big"]

LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
SHORT_VRS = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS"}
    | {b"ST", b"TM", b"UI", b"UL", b"US"}
)
_VRS = LONG_VRS | SHORT_VRS

_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_CHUNK = 64 * 1024
_PACKED = 4096
# No header value comes near this; a longer one is damage, and is passed over rather than held in memory.
_LONGEST_VALUE = 64 * 1024


class TruncatedError(Exception):
    """The stream ends before a declared length or inside of an element."""


class MalformedError(Exception):
    """The encoding is broken."""


class Encoding(NamedTuple):
    """How elements are encoded; explicit VR or implicit, PS3.5 section 7.1."""

    explicit: bool
    byte_order: ByteOrder


EXPLICIT_LITTLE = Encoding(True, "little")
IMPLICIT_LITTLE = Encoding(False, "little")


class Raw(NamedTuple):
    """An element's value as encoded; `vr` is None where the encoding does not say (implicit, UN)."""

    vr: str | None
    value: bytes
    byte_order: ByteOrder


class Plain(NamedTuple):
    """An element's values as Python has them: from a data set built in memory."""

    values: tuple[Any, ...]


Skimmed: TypeAlias = dict[int, "Raw | Plain | list[Skimmed]"]
"""Elements by tag; a sequence is a list of its items."""

Wanted: TypeAlias = Mapping[int, "Wanted | None"]
"""Tags to keep: None for a value, the wanted elements of each item for a sequence."""


class Cursor:
    """Goes forward over a stream, never back: the stream may be one that cannot seek."""

    def __init__(self, stream: BinaryIO, pushed: bytes = b"") -> None:
        self._stream = stream
        self._pushed = pushed
        self._seekable = stream.seekable()
        self._origin = stream.tell() - len(pushed) if self._seekable else 0
        self._leapt = False
        self.position = 0

    def peek(self, count: int) -> bytes:
        """Return up to `count` of the next bytes and stay where it is."""
        if len(self._pushed) < count:
            self._pushed += read_fully(self._stream, count - len(self._pushed))
        return self._pushed[:count]

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes. Raises TruncatedError."""
        if self._pushed:
            data = self.peek(count)
            self._pushed = self._pushed[count:]
        else:
            data = read_fully(self._stream, count)
        if len(data) < count:
            raise TruncatedError
        self.position += count
        self._leapt = False
        return data

    def skip(self, count: int) -> None:
        """Go `count` bytes on. Raises TruncatedError at once, or on `at_end` where the stream can seek."""
        self.position += count
        held = min(count, len(self._pushed))
        self._pushed, count = self._pushed[held:], count - held
        if count and self._seekable:
            self._stream.seek(count, io.SEEK_CUR)
            self._leapt = True
            return
        while count:
            data = self._stream.read(min(count, _CHUNK))
            if not data:
                raise TruncatedError
            count -= len(data)

    def at_end(self) -> bool:
        """Return whether nothing follows. Raises TruncatedError if a skip went beyond the end."""
        if self.peek(1):
            return False
        # Where a skip led is counted, not asked for: some streams stop at their end without a word.
        if self._leapt and self._stream.seek(0, io.SEEK_END) < self._origin + self.position:
            raise TruncatedError
        return True

    def rest(self) -> bytes:
        """Return all that follows."""
        data = self._pushed + self._stream.read()
        self._pushed = b""
        return data

    def inflated(self) -> Cursor:
        """Return a cursor over what the rest inflates to (PS3.5 section A.5)."""
        return Cursor(io.BufferedReader(_Inflated(self)))

    def take_up_to(self, count: int) -> bytes:
        """Return the next bytes, at most `count`, none at the end."""
        return self.take(len(self.peek(count)))


class _Inflated(io.RawIOBase):
    """A stream of deflated bytes, inflated as far as it is read. Raises MalformedError on reading."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        while len(view) and not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._cursor.take_up_to(_PACKED)
            try:
                data = self._inflater.decompress(packed, len(view))
            except zlib.error as error:
                raise MalformedError from error
            if data:
                view[: len(data)] = data
                return len(data)
            if not packed:
                raise TruncatedError
        return 0


class Head(NamedTuple):
    """What stands before an element's value; `vr` is None where the encoding does not say."""

    tag: int
    vr: str | None
    length: int


class Skimmer:
    """Reads data sets at a cursor. Everything it does raises TruncatedError and MalformedError."""

    def __init__(self, cursor: Cursor, encoding: Encoding) -> None:
        self._cursor = cursor
        self._encoding = encoding

    def data_set(self, wanted: Wanted, found: Skimmed, needed: Callable[[Skimmed], int]) -> None:
        """Put the wanted elements into `found` as they come, so that those before a damage stay.

        `needed` says from what was found so far which tag is the last one needed: reading stops beyond it.
        """
        while not self._cursor.at_end():
            head = self._head()
            if head.tag > needed(found):
                return
            self._keep(head, wanted, found)

    def element(self, wanted: Wanted, found: Skimmed) -> None:
        """Put the next element into `found` if it is wanted."""
        self._keep(self._head(), wanted, found)

    def find(self, tags: Container[int]) -> tuple[int, Head] | None:
        """Go on until the first element with one of these tags; return where it begins and its head, just read."""
        while not self._cursor.at_end():
            begin = self._cursor.position
            head = self._head()
            if head.tag in tags:
                return begin, head
            self.pass_over(head)
        return None

    def pass_over(self, head: Head) -> None:
        """Pass over the value of the element whose head was just read."""
        if head.length == _UNDEFINED:
            self._skip_undefined(head)
        else:
            self._cursor.skip(head.length)

    def items(self, wanted: Wanted, length: int) -> list[Skimmed]:
        """Return the wanted elements of each item of a sequence whose items begin here."""
        end = None if length == _UNDEFINED else self._cursor.position + length
        found: list[Skimmed] = []
        while end is None or self._cursor.position < end:
            head = self._head()
            if head.tag == _SEQUENCE_END:
                return found
            if head.tag != _ITEM:
                raise MalformedError
            found.append(self._item(wanted, head.length))
        return found

    def _item(self, wanted: Wanted, length: int) -> Skimmed:
        end = None if length == _UNDEFINED else self._cursor.position + length
        found: Skimmed = {}
        while end is None or self._cursor.position < end:
            head = self._head()
            if head.tag == _ITEM_END:
                return found
            self._keep(head, wanted, found)
        return found

    def _keep(self, head: Head, wanted: Wanted, found: Skimmed) -> None:
        # Only wanted sequences are entered, so nesting is as deep as `wanted` is, whatever the data set holds.
        inner = wanted.get(head.tag)
        if inner is not None and head.vr in ("SQ", "UN", None):
            outer = self._encoding
            if head.vr == "UN":
                self._encoding = IMPLICIT_LITTLE
            found[head.tag] = self.items(inner, head.length)
            self._encoding = outer
        elif head.tag in wanted and inner is None and head.length <= _LONGEST_VALUE:
            vr = None if head.vr == "UN" else head.vr
            found[head.tag] = Raw(vr, self._cursor.take(head.length), self._encoding.byte_order)
        else:
            self.pass_over(head)

    def _skip_undefined(self, head: Head) -> None:
        """Pass over a sequence, or fragments of pixel data, of undefined length: however deep, without recursion."""
        outer = [self._encoding]
        if head.vr == "UN":
            # Its content is implicit VR little endian whatever surrounds it (PS3.5 section 6.2.2, note 4).
            self._encoding = IMPLICIT_LITTLE
        while outer:
            head = self._head()
            if head.tag in (_ITEM_END, _SEQUENCE_END):
                self._encoding = outer.pop()
            elif head.length == _UNDEFINED:
                outer.append(self._encoding)
                if head.vr == "UN":
                    self._encoding = IMPLICIT_LITTLE
            else:
                self._cursor.skip(head.length)

    def _head(self) -> Head:
        data = self._cursor.take(8)
        explicit, order = self._encoding
        tag = int.from_bytes(data[:2], order) << 16 | int.from_bytes(data[2:4], order)
        vr = data[4:6]
        # Some writers mix both encodings in one data set; only a known VR in its place says explicit.
        if not explicit or tag >> 16 == 0xFFFE or not (vr in _VRS or _could_be_vr(vr)):
            return Head(tag, None, int.from_bytes(data[4:], order))
        if vr in LONG_VRS:
            return Head(tag, vr.decode(), int.from_bytes(self._cursor.take(4), order))
        return Head(tag, vr.decode() if vr in SHORT_VRS else None, int.from_bytes(data[6:], order))


def skim_dataset(dataset: Dataset, wanted: Wanted, needed: Callable[[Skimmed], int] = lambda _: 0xFFFFFFFF) -> Skimmed:
    """Return the wanted elements of a data set in memory, without converting any; `needed` as in `data_set`."""
    found: Skimmed = {}
    for tag in sorted(wanted):
        if tag > needed(found):
            break
        inner = wanted[tag]
        element = dataset.get_item(tag) if tag in dataset else None
        if element is None or element.value is None:
            continue
        if isinstance(element, RawDataElement):
            skimmed = _skim_raw(element, inner)
            if skimmed is not None:
                found[tag] = skimmed
        elif inner is not None:
            if element.VR == "SQ":
                found[tag] = [skim_dataset(item, inner) for item in element.value]
        elif isinstance(element.value, bytes):
            found[tag] = Raw(None if element.VR == "UN" else str(element.VR), element.value, "little")
        else:
            value = element.value
            listed = not isinstance(value, str | PersonName) and hasattr(value, "__iter__")
            found[tag] = Plain(tuple(value) if listed else (value,))
    return found


def _skim_raw(element: RawDataElement, inner: Wanted | None) -> Raw | list[Skimmed] | None:
    value = element.value or b""
    order: ByteOrder = "little" if element.is_little_endian else "big"
    if inner is None:
        return Raw(None if element.VR in (None, "UN") else str(element.VR), value, order)
    encoding = IMPLICIT_LITTLE if element.VR == "UN" else Encoding(not element.is_implicit_VR, order)
    try:
        return Skimmer(Cursor(io.BytesIO(value)), encoding).items(inner, len(value))
    except (TruncatedError, MalformedError):
        return None


def _could_be_vr(vr: bytes) -> bool:
    return vr.isalpha() and vr.isupper()


def read_fully(stream: BinaryIO, count: int) -> bytes:
    """Read `count` bytes, fewer only at the end: a raw stream may hand out less than it was asked for."""
    data = stream.read(count)
    while len(data) < count:
        more = stream.read(count - len(data))
        if not more:
            break
        data += more
    return data
