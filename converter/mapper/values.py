"""Element values out of data sets as they are: no conversion that raises, warns or repeats what an element holds.

pydicom converts an element on access, and warns with the value in the message where the value is not valid. Here the
bytes are read instead; elements that are already converted (data sets built in memory) are taken as they are.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.charset import decode_bytes
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.valuerep import PersonName

from converter.context import HumanName, Representation
from converter.selection import Coordinates

_TEXT_DELIMITERS = {0x0D, 0x0A, 0x09, 0x0C}
_NUMERIC = {
    "US": "u2",
    "SS": "i2",
    "UL": "u4",
    "SL": "i4",
    "UV": "u8",
    "SV": "i8",
    "FL": "f4",
    "FD": "f8",
    "OF": "f4",
    "OD": "f8",
    "OL": "u4",
    "OV": "u8",
    "AT": "u4",
}
_SINGLE_TEXT = frozenset({"LT", "ST", "UT", "UR"})
_ENCODED_TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_REPRESENTATIONS: tuple[Representation, ...] = ("alphabetic", "ideographic", "phonetic")
# What pydicom raises over bytes that make no sense.
_UNREADABLE = (EOFError, OSError, ValueError, NotImplementedError, TypeError, KeyError, struct.error)


class ValueUnreadableError(ValueError):
    """An element's value does not fit its value representation; `keyword` says which element."""

    def __init__(self, keyword: str) -> None:
        super().__init__(keyword)
        self.keyword = keyword


def items(dataset: Dataset, keyword: str) -> Sequence[Dataset]:
    """Return the items of a sequence, none if it is missing, empty or no sequence."""
    element = _element(dataset, keyword)
    if element is None:
        return ()
    if isinstance(element, RawDataElement):
        if _vr(keyword, element.VR) != "SQ":
            return ()
        try:
            element = dataset[_tag(keyword)]
        except _UNREADABLE:
            # Only data sets read elsewhere get here: the parser here leaves no sequence raw that can be read.
            return ()
    return element.value if element.VR == "SQ" and element.value is not None else ()


def text(dataset: Dataset, keyword: str) -> str | None:
    """Return the first value of a text, code string, UID, date or time element without padding, None if empty."""
    return next(iter(texts(dataset, keyword)), None)


def texts(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Return all values of a text element without padding, empty values left out."""
    element = _element(dataset, keyword)
    if element is None:
        return ()
    if isinstance(element, RawDataElement):
        found: Iterator[str] = iter(_raw_texts(dataset, keyword, element))
    else:
        found = (str(value) for value in _plain_values(element))
    return tuple(value for value in (each.strip(" \0") for each in found) if value)


def has_value(dataset: Dataset, keyword: str) -> bool:
    """Return whether the element is there and not empty."""
    element = _element(dataset, keyword)
    return element is not None and element.value not in (None, b"", "", [])


def integer(dataset: Dataset, keyword: str) -> int | None:
    """Return the first integer of the element, None if it is empty. Raises ValueUnreadableError."""
    return next(iter(integers(dataset, keyword)), None)


def integers(dataset: Dataset, keyword: str) -> tuple[int, ...]:
    """Return all integers of an IS, US, SS, UL, SL... element. Raises ValueUnreadableError for anything else."""
    numbers = []
    for number in floats(dataset, keyword).tolist():
        if not math.isfinite(number) or number != int(number):
            raise ValueUnreadableError(keyword)
        numbers.append(int(number))
    return tuple(numbers)


def floats(dataset: Dataset, keyword: str) -> Coordinates:
    """Return all numbers of the element as a one-dimensional array.

    float32 for FL and OF, which hold single precision, float64 for all others. Numbers may be infinite or NaN
    where the element holds such. Raises ValueUnreadableError.
    """
    element = _element(dataset, keyword)
    if element is None or element.value is None:
        return np.empty(0, np.float64)
    vr = _vr(keyword, element.VR)
    if isinstance(element, RawDataElement):
        if vr in _NUMERIC:
            return _binary_numbers(keyword, vr, element)
        fast = _plain_decimals(element.value)
        if fast is not None:
            return fast
        return _decimal_strings(keyword, (str(part) for part in _raw_texts(dataset, keyword, element)))
    if isinstance(element.value, bytes | bytearray):
        if vr not in _NUMERIC or len(element.value) % np.dtype(_NUMERIC[vr]).itemsize:
            raise ValueUnreadableError(keyword)
        return _as_coordinates(np.frombuffer(bytes(element.value), "<" + _NUMERIC[vr]), vr)
    values = list(_plain_values(element))
    if vr not in _NUMERIC:
        return _decimal_strings(keyword, (str(getattr(value, "original_string", value)) for value in values))
    try:
        return _as_coordinates(np.asarray(values, np.float64), vr)
    except (TypeError, ValueError) as error:
        raise ValueUnreadableError(keyword) from error


def person_names(dataset: Dataset, keyword: str) -> tuple[str, ...]:
    """Return each Person Name as a person would write it: prefix, given, middle, family, suffix.

    The alphabetic component group, else the ideographic, else the phonetic one (PS3.5 6.2.1).
    """
    first = (next(iter(human_names(value)), None) for value in texts(dataset, keyword))
    return tuple(name.text for name in first if name is not None)


def human_names(value: str) -> tuple[HumanName, ...]:
    """Return a Person Name in each script that it is written in: alphabetic, ideographic, phonetic (PS3.5 6.2.1)."""
    groups = zip(value.split("="), _REPRESENTATIONS, strict=False)
    found = (_human_name(group, representation) for group, representation in groups)
    return tuple(name for name in found if name is not None)


def _human_name(group: str, representation: Representation) -> HumanName | None:
    family, given, middle, prefix, suffix = ([part.strip() for part in group.split("^")] + [""] * 4)[:5]
    text = " ".join(part for part in (prefix, given, middle, family, suffix) if part)
    if not text:
        return None
    both = tuple(part for part in (given, middle) if part)
    return HumanName(text, family or None, both, prefix or None, suffix or None, representation)


@lru_cache(maxsize=1024)
def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return tag


@lru_cache(maxsize=1024)
def _dictionary_vr(keyword: str) -> str:
    return dictionary_VR(_tag(keyword))


def _vr(keyword: str, stated: str | None) -> str:
    # UN says that the sender did not know; the dictionary does.
    return _dictionary_vr(keyword) if stated in (None, "UN") else str(stated)


def _element(dataset: Dataset, keyword: str) -> DataElement | RawDataElement | None:
    tag = _tag(keyword)
    # As it is there: pydicom takes most of the time of a conversion to make sure of the tag.
    element: DataElement | RawDataElement | None = dataset._dict.get(tag)  # type: ignore[call-overload]
    if element is None or element.value is not None:
        return element
    try:
        return dataset.get_item(tag)
    except _UNREADABLE:
        # pydicom converts an element whose value it has put off reading.
        return None


def _plain_values(element: DataElement) -> Iterator[Any]:
    value = element.value
    if value is None:
        return
    if isinstance(value, bytes | bytearray):
        yield bytes(value).decode("ascii", "replace")
    elif isinstance(value, str | PersonName) or not hasattr(value, "__iter__"):
        yield value
    else:
        yield from (each for each in value if each is not None)


def _raw_texts(dataset: Dataset, keyword: str, element: RawDataElement) -> list[str]:
    value = element.value
    if not value:
        return []
    vr = _vr(keyword, element.VR)
    if vr in _ENCODED_TEXT:
        encodings = dataset._character_set
        listed = [encodings] if isinstance(encodings, str) else list(encodings)
        delimiters = {*_TEXT_DELIMITERS, ord("^"), ord("=")} if vr == "PN" else _TEXT_DELIMITERS
        if vr not in _SINGLE_TEXT:
            delimiters = {*delimiters, ord("\\")}
        decoded = decode_bytes(bytes(value), listed, delimiters)
    else:
        decoded = bytes(value).decode("ascii", "replace")
    return [decoded] if vr in _SINGLE_TEXT else decoded.split("\\")


def _binary_numbers(keyword: str, vr: str, element: RawDataElement) -> Coordinates:
    kind = ("<" if element.is_little_endian else ">") + _NUMERIC[vr]
    value = element.value or b""
    if len(value) % np.dtype(kind).itemsize:
        raise ValueUnreadableError(keyword)
    return _as_coordinates(np.frombuffer(value, kind), vr)


def _as_coordinates(numbers: NDArray[Any], vr: str) -> Coordinates:
    # Of a million coordinates one copy is enough.
    if vr in ("FL", "OF"):
        return numbers.astype(np.float32, copy=False)
    return numbers.astype(np.float64, copy=False)


def _plain_decimals(value: bytes | None) -> NDArray[np.float64] | None:
    """Return the numbers of a decimal string without anything odd about it: contours have millions of them."""
    if not value or b"_" in value:
        return None
    try:
        return np.array([float(part) for part in bytes(value).split(b"\\")], np.float64)
    except ValueError:
        return None


def _decimal_strings(keyword: str, strings: Iterator[str]) -> NDArray[np.float64]:
    numbers = []
    for string in strings:
        stripped = string.strip(" \0")
        if not stripped:
            continue
        # float() takes more than DICOM does: underscores, and digits that are not ASCII.
        if "_" in stripped or not stripped.isascii():
            raise ValueUnreadableError(keyword)
        try:
            numbers.append(float(stripped))
        except ValueError as error:
            raise ValueUnreadableError(keyword) from error
    return np.array(numbers, np.float64)
