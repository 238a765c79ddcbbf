"""What an object says, in one hash: the same for the same content in whatever transfer syntax it comes.

The hash is that of a data set in explicit VR little endian with sequences and items of undefined length, as a writer
could have written it (PS3.5 section 7), put into one form where encodings differ without saying anything else:

- A public element has the VR of the dictionary, so that implicit VR, UN and a wrong VR come out alike. Of VRs that
  depend on other elements `US or SS` is US, all others are OW: the bytes are the same.
- A private element is UN, as it is for whoever does not know its creator, and ends with its last byte that is neither
  space nor zero; a private creator is LO. What is a sequence is SQ, public or private.
- Padding at the end of a text, and around its values where the VR says that it means nothing, is left out.
- Group length elements, trailing padding, groups before 0008 and pixel data are left out.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from struct import error as StructError  # noqa: N812
from typing import Any, Final, NamedTuple

from pydicom import Dataset
from pydicom.charset import default_encoding, encode_string
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import writers
from pydicom.valuerep import CUSTOMIZABLE_CHARSET_VR, EXPLICIT_VR_LENGTH_16, VR, PersonName

from converter.reader.character_sets import stated_character_set
from converter.reader.elements import as_tag, dictionary_vr
from converter.reader.nesting import sequence_items
from converter.reader.skim import IMPLICIT_LITTLE, ByteOrder, Encoding

_FIRST_TAG: Final = 0x00080000
_TRAILING_PADDING: Final = 0xFFFCFFFC
_PIXEL_DATA_GROUP: Final = 0x7FE0
_WIDTHS: Final = (
    dict.fromkeys(("AT", "OW", "SS", "US", "US or SS", "US or OW", "US or SS or OW", "OB or OW"), 2)
    | dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4)
    | dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8)
)
_TYPECODES: Final = {2: "H", 4: "I", 8: "Q"}
_PADDED_AT_END: Final = frozenset({"LT", "ST", "UR", "UT"})
_PADDED_VALUES: Final = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI"})
_SHORT: Final = frozenset(str(vr) for vr in EXPLICIT_VR_LENGTH_16)
_ITEM: Final = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
_ITEM_END: Final = b"\xfe\xff\x0d\xe0\0\0\0\0"
_SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"
_NOT_ENCODABLE: Final = (
    AttributeError,
    IndexError,
    NotImplementedError,
    OSError,
    OverflowError,
    StructError,
    TypeError,
    ValueError,
)


def fingerprint(dataset: Dataset) -> str:
    """Return the SHA-256, in hexadecimal, of the data set's group 0008 and later without pixel data.

    The data set may be raw, converted or made in memory; it is not changed. Text is hashed in the character set that
    it is in, so a data set whose text was settled into UTF-8 differs from one that was left as it is, and names with
    code extensions may differ once pydicom has converted them: it writes other escape sequences.
    """
    digest = hashlib.sha256()
    pending = [_parts(dataset, (default_encoding,), _FIRST_TAG)]
    while pending:
        part = next(pending[-1], None)
        if part is None:
            pending.pop()
        elif isinstance(part, bytes):
            digest.update(part)
        else:
            pending.append(_parts(part.dataset, part.encodings))
    return digest.hexdigest()


class _Item(NamedTuple):
    """An item, and the character set that it has if it states none itself (PS3.5 7.5.3)."""

    dataset: Dataset
    encodings: tuple[str, ...]


def _parts(dataset: Dataset, encodings: tuple[str, ...], first: int = 0) -> Iterator[bytes | _Item]:
    """Yield the encoded elements in order; what is in an item is left to be yielded in its turn."""
    stated = stated_character_set(dataset)
    if stated is not None:
        encodings = stated.encodings
    for tag in sorted(dataset._dict):
        if tag < first or tag & 0xFFFF == 0 or tag == _TRAILING_PADDING or tag >> 16 == _PIXEL_DATA_GROUP:
            continue
        element = dataset._dict[tag]
        items = _items(element)
        if items is None:
            yield _encoded_tag(tag) + _encoded(
                _canonical_vr(tag), _value(element, encodings), private=bool(tag >> 16 & 1)
            )
            continue
        yield _encoded_tag(tag) + b"SQ\0\0\xff\xff\xff\xff"
        for item in items:
            yield _ITEM
            yield _Item(item, encodings)
            yield _ITEM_END
        yield _SEQUENCE_END


def _items(element: DataElement | RawDataElement) -> list[Dataset] | None:
    """Return the items of a sequence, None if the element is none or its bytes cannot be read as one."""
    if not isinstance(element, RawDataElement):
        if element.VR == "SQ":
            return list(element.value or ())
        value = element.value if element.VR == "UN" and isinstance(element.value, bytes) else b""
        return _unknown_items(element.tag, value)
    value = element.value or b""
    known = dictionary_vr(element.tag)
    if element.VR == "SQ" or (element.VR is None and known == "SQ"):
        order: ByteOrder = "little" if element.is_little_endian else "big"
        return sequence_items(value, Encoding(not element.is_implicit_VR, order))
    return _unknown_items(element.tag, value) if element.VR in (None, "UN") else None


def _unknown_items(tag: int, value: bytes) -> list[Dataset] | None:
    if dictionary_vr(tag) == "SQ" or (tag >> 16 & 1 and value.startswith(_ITEM[:4])):
        return sequence_items(value, IMPLICIT_LITTLE)
    return None


def _canonical_vr(tag: int) -> str:
    if tag >> 16 & 1:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"
    known = dictionary_vr(tag)
    if known is None or known == "SQ":
        return "UN"
    if " or " in known:
        return "US" if known == "US or SS" else "OW"
    return known


def _encoded_tag(tag: int) -> bytes:
    return (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")


def _encoded(vr: str, value: bytes, *, private: bool = False) -> bytes:
    """Return VR, length and value, padded to even length (PS3.5 7.1.2)."""
    value = _without_padding(vr, value, private=private)
    if len(value) & 1:
        is_text = vr in _PADDED_AT_END or (vr in _PADDED_VALUES and vr != "UI")
        value += b" " if is_text else b"\0"
    if vr in _SHORT and len(value) <= 0xFFFF:
        return vr.encode() + len(value).to_bytes(2, "little") + value
    if vr in _SHORT:
        # PS3.5 6.2.2: what is too long for its VR is UN.
        vr = "UN"
    return vr.encode() + b"\0\0" + len(value).to_bytes(4, "little") + value


def _without_padding(vr: str, value: bytes, *, private: bool) -> bytes:
    if vr in _PADDED_AT_END:
        return value.rstrip(b" \0")
    if vr in _PADDED_VALUES:
        values = (each.strip(b" \0") for each in value.split(b"\\"))
        # Empty component groups at the end of a name may be left out (PS3.5 6.2.1).
        return b"\\".join(each.rstrip(b"=") if vr == "PN" else each for each in values)
    if private:
        # Text or number, who knows: a number that is zero stays.
        return value.rstrip(b" \0") or value.rstrip(b" ")
    return value


def _swapped(value: bytes, vr: str) -> bytes:
    width = _WIDTHS.get(vr)
    if width is None or len(value) % width:
        return value
    words = array(_TYPECODES[width], value)
    words.byteswap()
    return words.tobytes()


def _value(element: DataElement | RawDataElement, encodings: tuple[str, ...]) -> bytes:
    """Return the value in little endian: a converted one as pydicom's writer encodes it, or as a text if it cannot."""
    value: Any = element.value
    if isinstance(element, RawDataElement):
        swap = value and not element.is_little_endian
        value = bytes(value or b"")
        return _swapped(value, element.VR or dictionary_vr(element.tag) or "UN") if swap else value
    if value is None or isinstance(value, bytes | bytearray):
        return bytes(value or b"")
    vr = str(element.VR)
    try:
        if vr in CUSTOMIZABLE_CHARSET_VR:
            return b"\\".join(_encoded_text(each, encodings) for each in _values(value))
        if " or " in vr:
            vr = "SS" if any(each < 0 for each in _values(value)) else "US"
            element = DataElement(as_tag(element.tag), vr, value, already_converted=True)
        return _written(element, vr)
    except _NOT_ENCODABLE:
        return str(value).encode("utf-8", "replace")


def _written(element: DataElement, vr: str) -> bytes:
    write: Any
    write, parameter = writers[VR(vr)]
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write(buffer, element, *(() if parameter is None else (parameter,)))
    return buffer.getvalue()


def _values(value: Any) -> list[Any]:
    return [value] if isinstance(value, str | PersonName) or not hasattr(value, "__iter__") else list(value)


def _encoded_text(value: Any, encodings: tuple[str, ...]) -> bytes:
    """Return a text in its data set's character set, in UTF-8 if it cannot be stated in that."""
    if isinstance(value, PersonName) and value.original_string:
        return bytes(value.original_string)
    if isinstance(value, bytes):
        return value
    text = str(value)
    if text.isascii():
        return text.encode()
    # pydicom warns of what no encoding can state, and writes question marks.
    if not all(any(_can_encode(each, encoding) for encoding in encodings) for each in set(text)):
        return text.encode("utf-8", "replace")
    return bytes(value.encode(encodings)) if isinstance(value, PersonName) else encode_string(text, encodings)


def _can_encode(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeError:
        return False
    return True
