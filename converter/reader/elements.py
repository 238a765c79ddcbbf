"""Heads of encoded elements, and by which encoding the bytes at hand make sense. PS3.5 chapter 7."""

from __future__ import annotations

from collections.abc import MutableMapping
from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, keyword_for_tag, private_dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_16, EXPLICIT_VR_LENGTH_32

from converter.reader.skim import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding

EXPLICIT_BIG: Final = Encoding(True, "big")
UNDEFINED_LENGTH: Final = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

Elements = MutableMapping[BaseTag, DataElement | RawDataElement]
"""What a pydicom Dataset holds."""

_LITTLE = Struct("<HHL").unpack_from
_BIG = Struct(">HHL").unpack_from
_SHORT: Final = {str(vr).encode(): str(vr) for vr in EXPLICIT_VR_LENGTH_16}
_LONG: Final = {str(vr).encode(): str(vr) for vr in EXPLICIT_VR_LENGTH_32}
_DELIMITERS: Final = frozenset({ITEM, ITEM_END, SEQUENCE_END})
# So many heads in a row that make sense are no accident.
CERTAIN: Final = 3


class Head(NamedTuple):
    """What stands before a value: `vr` is None where the encoding does not say, `start` is the value's offset.

    `vr_known` is False if a VR is stated that DICOM does not define.
    """

    tag: int
    vr: str | None
    length: int
    start: int
    vr_known: bool = True


def head_at(data: bytes, at: int, end: int, encoding: Encoding) -> Head | None:
    """Return the head of the element at offset `at`, None if it would reach beyond offset `end`.

    An element in the other VR encoding than its surroundings is recognised as such.
    """
    if end - at < 8:
        return None
    explicit, order = encoding
    group, number, length = (_LITTLE if order == "little" else _BIG)(data, at)
    tag = group << 16 | number
    if group == 0xFFFE:
        return Head(tag, None, length, at + 8)
    stated = data[at + 4 : at + 6]
    if not explicit:
        if length <= end - at - 8 or length == UNDEFINED_LENGTH or (stated not in _SHORT and stated not in _LONG):
            return Head(tag, None, length, at + 8)
        # That much is not there, and a VR is: an element in explicit VR among implicit ones, if it is its VR.
        rescued = head_at(data, at, end, Encoding(True, order))
        is_explicit = rescued and rescued.vr == dictionary_vr(tag) and _goes_on(data, rescued, end, encoding)
        return rescued if is_explicit else Head(tag, None, length, at + 8)
    vr = _SHORT.get(stated)
    if vr is not None:
        return Head(tag, vr, int.from_bytes(data[at + 6 : at + 8], order), at + 8)
    vr = _LONG.get(stated)
    if vr is None or data[at + 6] or data[at + 7]:
        return _odd_head(data, at, end, encoding, Head(tag, vr, length, at + 8, vr is not None))
    if end - at < 12:
        return None
    return Head(tag, vr, int.from_bytes(data[at + 8 : at + 12], order), at + 12)


def tag_at(data: bytes, at: int, end: int, encoding: Encoding) -> int | None:
    """Return the tag at an offset, None if it would reach beyond `end`."""
    if end - at < 4:
        return None
    order = encoding.byte_order
    return int.from_bytes(data[at : at + 2], order) << 16 | int.from_bytes(data[at + 2 : at + 4], order)


def _odd_head(data: bytes, at: int, end: int, encoding: Encoding, implicit: Head) -> Head:
    """Return the head of an element whose VR is unknown or not followed by what should follow.

    A VR yet to come has a 32 bit length (PS3.5 Table 7.1-1), but many writers of private ones use 16 bit; and
    where no VR stands the element is in implicit VR. That reading is taken after which the data set goes on.
    """
    tag, vr, _, _, known = implicit
    order = encoding.byte_order
    short = Head(tag, vr, int.from_bytes(data[at + 6 : at + 8], order), at + 8, known)
    readings = [short]
    if end - at >= 12 and (known or data[at + 6 : at + 8] == b"\0\0"):
        readings.insert(0, Head(tag, vr, int.from_bytes(data[at + 8 : at + 12], order), at + 12, known))
    if not known:
        letters = data[at + 4 : at + 6].isalpha() and data[at + 4 : at + 6].isupper()
        readings.insert(len(readings) if letters else 0, implicit._replace(vr_known=True))
    return next((head for head in readings if _goes_on(data, head, end, encoding)), readings[0])


def _goes_on(data: bytes, head: Head, end: int, encoding: Encoding) -> bool:
    """Return whether after this element's value comes another element, a delimiter or the end."""
    if head.length == UNDEFINED_LENGTH:
        return tag_at(data, head.start, end, encoding) in (ITEM, SEQUENCE_END)
    at = head.start + head.length
    if at >= end:
        return at == end
    tag = tag_at(data, at, end, encoding)
    if tag in _DELIMITERS:
        return True
    return tag is not None and tag > head.tag and is_element_at(data, at, end, encoding)


def is_element_at(data: bytes, at: int, end: int, encoding: Encoding) -> bool:
    """Return whether the bytes at an offset can be an element: a VR in its place or none, and a length that fits."""
    if end - at < 8:
        return False
    order = encoding.byte_order
    stated = data[at + 4 : at + 6]
    if stated in _SHORT:
        return int.from_bytes(data[at + 6 : at + 8], order) <= end - at - 8
    if stated in _LONG:
        length = int.from_bytes(data[at + 8 : at + 12], order)
        return data[at + 6 : at + 8] == b"\0\0" and (length == UNDEFINED_LENGTH or length <= end - at - 12)
    length = int.from_bytes(data[at + 4 : at + 8], order)
    return length == UNDEFINED_LENGTH or length <= end - at - 8


def strength(data: bytes, at: int, encoding: Encoding) -> int:
    """Return how many elements in a row make sense in this encoding from `at` on, CERTAIN if all up to the end do."""
    end, previous, count = len(data), -1, 0
    while count < CERTAIN:
        if at == end and count:
            return CERTAIN
        head = head_at(data, at, end, encoding)
        if head is None or head.tag <= previous or not _is_sensible(head, encoding):
            return count
        if head.length == UNDEFINED_LENGTH:
            return CERTAIN if tag_at(data, head.start, end, encoding) in (ITEM, SEQUENCE_END) else count
        if not _fits(head, end):
            return count
        previous, at, count = head.tag, head.start + head.length, count + 1
    return count


def encoding_at(data: bytes, at: int, stated: Encoding | None) -> Encoding | None:
    """Return the encoding of the data set at an offset: the stated one unless the bytes clearly say another.

    None if none is stated and the bytes make no sense in any.
    """
    others = [each for each in (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG) if each != stated]
    found = max(others, key=lambda each: strength(data, at, each))
    if stated is None:
        return found if strength(data, at, found) else None
    clearly = max(strength(data, at, stated), 1)
    return found if strength(data, at, found) > clearly else stated


def _is_sensible(head: Head, encoding: Encoding) -> bool:
    if head.tag >> 16 in (0, 0xFFFE) or not head.vr_known or (head.vr is None) is encoding.explicit:
        return False
    return bool(head.tag >> 16 & 1 or head.tag & 0xFFFF == 0 or dictionary_vr(head.tag))


def _fits(head: Head, end: int) -> bool:
    return head.length == UNDEFINED_LENGTH or head.length <= end - head.start


@lru_cache(maxsize=8192)
def as_tag(tag: int) -> BaseTag:
    """Return the number as pydicom's tag."""
    return BaseTag(tag)


@lru_cache(maxsize=8192)
def dictionary_vr(tag: int) -> str | None:
    """Return the VR of a public element by PS3.6 (`US or SS` and the like included), None if it has none there."""
    if tag >> 16 & 1:
        return None
    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return "UL" if tag & 0xFFFF == 0 else None


def actual_vr(elements: Elements, tag: int, stated: str | None) -> str | None:
    """Return an element's VR: the stated one, else that of the dictionary or its private creator's, else None."""
    if stated is not None and stated != "UN":
        return stated
    if not tag >> 16 & 1:
        return dictionary_vr(tag)
    if 0x10 <= tag & 0xFFFF <= 0xFF:
        return "LO"
    creator = elements.get(as_tag(tag & 0xFFFF0000 | (tag & 0xFF00) >> 8))
    if creator is None or not creator.value:
        return None
    name = creator.value.decode("ascii", "replace") if isinstance(creator.value, bytes) else str(creator.value)
    return _private_vr(tag, name.strip(" \0"))


@lru_cache(maxsize=8192)
def _private_vr(tag: int, creator: str) -> str | None:
    try:
        return str(private_dictionary_VR(tag, creator))
    except KeyError:
        return None


def step(tag: int) -> str:
    """Return an element's step in a JSONPath: `.Keyword`, or `['ggggeeee']` for what has none."""
    keyword = keyword_for_tag(tag)
    return f".{keyword}" if keyword else f"['{tag:08X}']"


def settle_pixel_values(root: Dataset) -> None:
    """Give each raw element that is `US or SS` the one that the nearest Pixel Representation says (PS3.3 C.7.6.3)."""
    pending: list[tuple[Dataset, bool]] = [(root, False)]
    while pending:
        dataset, signed = pending.pop()
        elements = dataset._dict
        stated = elements.get(as_tag(0x00280103))
        if isinstance(stated, RawDataElement) and stated.value:
            signed = any(stated.value)
        for tag, element in elements.items():
            if isinstance(element, RawDataElement):
                if element.VR in (None, "UN") and dictionary_vr(tag) == "US or SS":
                    elements[tag] = element._replace(VR="SS" if signed else "US")
            elif element.VR == "SQ":
                pending += ((item, signed) for item in element.value)
