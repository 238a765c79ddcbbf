"""Reads a DICOM object whole but for its pixel data, and says what is wrong with it. PS3.10 7.1, PS3.5 A."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import AllTransferSyntaxes

from converter.problems import problem
from converter.reader.character_sets import settle_text
from converter.reader.elements import (
    CERTAIN,
    EXPLICIT_BIG,
    UNDEFINED_LENGTH,
    as_tag,
    dictionary_vr,
    encoding_at,
    head_at,
    settle_pixel_values,
    strength,
    tag_at,
)
from converter.reader.nesting import Nesting
from converter.reader.skim import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Encoding
from converter.selection import Problem

IMPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
_NATIVE: Final = {
    IMPLICIT_LITTLE_ENDIAN: IMPLICIT_LITTLE,
    EXPLICIT_LITTLE_ENDIAN: EXPLICIT_LITTLE,
    EXPLICIT_BIG_ENDIAN: EXPLICIT_BIG,
}
_TRANSFER_SYNTAX_UID: Final = 0x00020010
INFLATED_LIMIT: Final = 2**30
"""Bytes that a deflated data set may inflate to: 50 times the largest reports without their pixel data."""


class NotDicomError(Exception):
    """The bytes are no DICOM object."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A data set without pixel data, what was wrong with it, and the transfer syntax by which it could be read.

    The data set's elements are raw until they are asked for. `file_meta` is set if the file had such. Problems
    come in the order in which they were met; `transfer_syntax_uid` is None if there was nothing to read.
    """

    dataset: Dataset
    problems: tuple[Problem, ...]
    transfer_syntax_uid: str | None


def parse(data: bytes | memoryview, *, inflated_limit: int = INFLATED_LIMIT) -> Parsed:
    """Read a whole file: with or without preamble and file meta information, in any transfer syntax, damaged or not.

    Declared lengths are held against what is there: what ends too soon is a `truncated` problem at its place, what
    makes no sense `malformed`, and all that is complete is kept. A file that ends between two top level elements
    cannot be told from a whole one. Text is made decodable as `settle_text` does. Raises NotDicomError.
    """
    buffer = data if isinstance(data, bytes) else bytes(data)
    start = _start_of_elements(buffer)
    meta_end = _end_of_meta(buffer, start or 0)
    if start is None and meta_end == 0 and not _is_bare_data_set(buffer):
        raise NotDicomError
    problems: list[Problem] = []
    meta = _read_meta(buffer, start or 0, meta_end, problems)
    stated = _transfer_syntax(meta)
    body, encoding, syntax = _body(buffer, meta_end, stated, inflated_limit, problems)
    dataset = Dataset()
    if encoding is not None:
        body_start = meta_end if body is buffer else 0
        nesting = Nesting(body, body_start, len(body), encoding)
        dataset = nesting.read()
        if any(each.code == "truncated" for each in nesting.problems):
            # That place says more than that the deflated stream is cut.
            problems = [each for each in problems if each.code != "truncated"]
        problems += nesting.problems
        if nesting.ambiguous:
            settle_pixel_values(dataset)
        if not nesting.plain:
            problems += settle_text(dataset)
    if meta is not None:
        dataset.file_meta = meta
    return Parsed(dataset, tuple(problems), syntax or None)


def _start_of_elements(data: bytes) -> int | None:
    """Return the offset after the prefix, None if there is no prefix (PS3.10 7.1)."""
    if data[128:132] == b"DICM":
        return 132
    return 4 if data[:4] == b"DICM" else None


def _end_of_meta(data: bytes, start: int) -> int:
    """Return the offset after the last element of group 0002, wherever its group length says that it were."""
    at, end = start, len(data)
    while (head := head_at(data, at, end, EXPLICIT_LITTLE)) is not None and head.tag >> 16 == 2:
        if head.length == UNDEFINED_LENGTH or head.length > end - head.start:
            return end if at > start or data[128:132] == b"DICM" else start
        at = head.start + head.length
    return at


def _is_bare_data_set(data: bytes) -> bool:
    """Return whether bytes without prefix and file meta information are elements all the same.

    An instance begins with group 0008: one element of it is proof enough. Others take some more.
    """
    encoding = encoding_at(data, 0, None)
    if encoding is None:
        return False
    tag = tag_at(data, 0, len(data), encoding) or 0
    return (tag >> 16 == 8 and dictionary_vr(tag) is not None) or strength(data, 0, encoding) >= CERTAIN


def _read_meta(data: bytes, start: int, end: int, problems: list[Problem]) -> FileMetaDataset | None:
    if end == start:
        return None
    nesting = Nesting(data, start, end, EXPLICIT_LITTLE)
    elements = {tag: element for tag, element in nesting.read()._dict.items() if tag >> 16 == 2}
    problems += nesting.problems
    meta = FileMetaDataset(elements)
    meta.set_original_encoding(False, True)
    return meta


def _transfer_syntax(meta: FileMetaDataset | None) -> str:
    element = meta.get_item(as_tag(_TRANSFER_SYNTAX_UID)) if meta is not None else None
    value = element.value if element is not None else None
    return value.decode("ascii", "replace").strip(" \0") if isinstance(value, bytes) else ""


def _body(data: bytes, at: int, stated: str, limit: int, problems: list[Problem]) -> tuple[bytes, Encoding | None, str]:
    """Return the bytes that hold the data set, its encoding (None if there is none) and its transfer syntax."""
    if at >= len(data):
        return data, None, stated
    if stated in DEFLATED and strength(data, at, EXPLICIT_LITTLE) < CERTAIN:
        inflated = _inflate(data[at:], limit, problems)
        return inflated, encoding_at(inflated, 0, EXPLICIT_LITTLE) if inflated else None, stated
    expected = _NATIVE.get(stated, EXPLICIT_LITTLE) if stated else None
    encoding = encoding_at(data, at, expected)
    if stated and stated not in AllTransferSyntaxes and encoding and not strength(data, at, encoding):
        problems.append(problem("unsupported-transfer-syntax"))
        return data, None, stated
    if encoding is None:
        return data, EXPLICIT_LITTLE, EXPLICIT_LITTLE_ENDIAN
    if encoding == expected and stated not in DEFLATED:
        return data, encoding, stated
    return data, encoding, next(uid for uid, each in _NATIVE.items() if each == encoding)


def _inflate(packed: bytes, limit: int, problems: list[Problem]) -> bytes:
    """Return what a deflated data set (PS3.5 A.5) inflates to, as far as it is whole."""
    # The data set is to be deflated without a header; some writers leave one.
    inflated, code = _inflate_with(packed, -zlib.MAX_WBITS, limit)
    if code == "malformed" and not inflated:
        inflated, code = _inflate_with(packed, zlib.MAX_WBITS, limit)
    if code == "archive-limit":
        problems.append(problem(code, limit="unpacked bytes"))
    elif code is not None:
        problems.append(problem(code))
    return inflated


def _inflate_with(packed: bytes, window: int, limit: int) -> tuple[bytes, str | None]:
    inflater = zlib.decompressobj(window)
    chunks: list[bytes] = []
    size = 0
    # In small steps: all that a step inflates is lost where it meets damage.
    view = memoryview(packed)
    for at in range(0, len(packed), 1024):
        try:
            chunk = inflater.decompress(view[at : at + 1024], limit - size + 1)
        except zlib.error:
            return b"".join(chunks), "malformed"
        chunks.append(chunk)
        size += len(chunk)
        if size > limit:
            return b"".join(chunks)[:limit], "archive-limit"
        if inflater.eof:
            return b"".join(chunks), None
    return b"".join(chunks), "truncated"
