"""Values out of skimmed elements: the first where one is expected, None where it is not valid, never a complaint."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from typing import Final

from pydicom.charset import default_encoding
from pydicom.datadict import dictionary_VR

from converter.reader.character_sets import (
    SPECIFIC_CHARACTER_SET,
    CharacterSet,
    character_set,
    decode,
    is_plain,
)
from converter.reader.skim import Plain, Raw, Skimmed

_INTEGERS: Final = {"US": (2, False), "SS": (2, True), "UL": (4, False), "SL": (4, True)}
# Python's own parsers take more than DICOM does: underscores, other scripts' digits, nan and inf.
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_LARGEST: Final = 2**63 - 1


def items(found: Skimmed, tag: int) -> list[Skimmed]:
    """Return the items of a sequence, none if it is missing."""
    value = found.get(tag)
    return value if isinstance(value, list) else []


def text(found: Skimmed, tag: int, governing: CharacterSet | None = None) -> str | None:
    """Return the first value that is not empty, without padding, None if there is none.

    `governing`: the Specific Character Set, for the representations that it governs.
    """
    return next((each for each in _texts(found, tag, governing) if each), None)


def integer(found: Skimmed, tag: int) -> int | None:
    """Return the first value of an IS, US, SS, UL or SL element, None if it is no integer of up to 64 bits."""
    value = found.get(tag)
    if isinstance(value, Raw):
        size, signed = _INTEGERS.get(value.vr or dictionary_VR(tag), (0, False))
        if size:
            data = value.value[:size]
            return int.from_bytes(data, value.byte_order, signed=signed) if len(data) == size else None
    number = _number(text(found, tag))
    return int(number) if number is not None and number.is_integer() and abs(number) < _LARGEST else None


def decimals(found: Skimmed, tag: int, count: int) -> tuple[float, ...] | None:
    """Return the values of a DS element if there are `count` of them and all are finite numbers."""
    texts = _texts(found, tag, None)
    if len(texts) != count:
        return None
    numbers = tuple(number for each in texts if (number := _number(each)) is not None)
    return numbers if len(numbers) == count else None


def character_set_of(found: Skimmed) -> CharacterSet:
    """Return what the data set's Specific Character Set means."""
    return character_set("\\".join(_texts(found, SPECIFIC_CHARACTER_SET, None)).encode("ascii", "replace"))


def _texts(found: Skimmed, tag: int, governing: CharacterSet | None) -> list[str]:
    value = found.get(tag)
    if isinstance(value, Raw):
        values = _decoded(value.value, tag, governing).split("\\")
    elif isinstance(value, Plain):
        # A number made from text keeps its text; what is rounded here would differ from what a file says.
        values = ["" if each is None else str(each) for each in value.values]
    else:
        values = []
    return [each.strip(" \0") for each in values]


def _number(string: str | None) -> float | None:
    if string is None or not _NUMBER.fullmatch(string):
        return None
    number = float(string)
    return number if math.isfinite(number) else None


def _decoded(data: bytes, tag: int, governing: CharacterSet | None) -> str:
    if governing is None or is_plain(data):
        return data.decode("ascii", "replace")
    if governing.encodings == (default_encoding,) or not governing.understood:
        # Text that is UTF-8 by accident is rare; UTF-8 that nobody declared is not.
        with suppress(UnicodeError):
            return data.decode("utf-8")
    return decode(data, dictionary_VR(tag), governing.encodings, "replace")
