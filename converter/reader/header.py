"""Reads an instance's header: what the catalog keeps of it, and no further than the last element needed for that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO, Final

from pydicom import Dataset

from converter.catalog import Instance
from converter.problems import problem
from converter.reader.elements import EXPLICIT_BIG, encoding_at, strength
from converter.reader.header_fields import HEADER, META, WAVEFORMS, Tag, instance_of, last_needed
from converter.reader.parser import DEFLATED, NotDicomError
from converter.reader.raw_values import items, text
from converter.reader.skim import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Cursor,
    Encoding,
    MalformedError,
    Skimmed,
    Skimmer,
    TruncatedError,
    skim_dataset,
)
from converter.selection import Problem

_ENCODINGS: Final = {"1.2.840.10008.1.2": IMPLICIT_LITTLE, "1.2.840.10008.1.2.2": EXPLICIT_BIG}
MEDIA_STORAGE_DIRECTORY: Final = "1.2.840.10008.1.3.10"

# Enough to tell one encoding from another by, in bytes.
_FIRST_ELEMENTS: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a header says; None where it does not.

    `instance` is None without a SOP Instance UID. `transfer_syntax_uid` is as stated by the file meta information.
    `is_bare_waveform`: a waveform without annotations. `problems` say why a header ends early: what stood before
    is here.
    """

    instance: Instance | None
    sop_class_uid: str | None
    sop_instance_uid: str | None
    modality: str | None
    transfer_syntax_uid: str | None
    is_bare_waveform: bool = False
    problems: tuple[Problem, ...] = ()


def read_header(stream: BinaryIO) -> Header:
    """Read the header at the start of `stream`, which need not be able to seek; pixel data is never reached.

    Accepts what has the DICM magic, and what begins with an element of group 0002 or 0008 in any encoding
    (PS3.10 7.1, PS3.5 7.1). Raises NotDicomError for anything else, and OSError where the stream does.
    """
    cursor = Cursor(stream)
    pass_prefix(cursor)
    meta: Skimmed = {}
    found: Skimmed = {}
    problems: tuple[Problem, ...] = ()
    try:
        cursor, encoding = enter_data_set(cursor, meta)
        Skimmer(cursor, encoding).data_set(HEADER, found, last_needed)
    except TruncatedError:
        problems = (problem("truncated"),)
    except MalformedError:
        problems = (problem("malformed"),)
    return header_from(found, meta, problems)


def header_of(dataset: Dataset) -> Header:
    """Return the header of a data set in memory; no element of it is converted or changed."""
    meta = skim_dataset(getattr(dataset, "file_meta", None) or Dataset(), META)
    return header_from(skim_dataset(dataset, HEADER, last_needed), meta, ())


def pass_prefix(cursor: Cursor) -> None:
    """Pass over preamble and magic. Raises NotDicomError if neither they nor a likely data set are there."""
    start = cursor.peek(_FIRST_ELEMENTS)
    if start[128:132] == b"DICM":
        cursor.take(132)
    elif start[:6] == b"DICM\x02\x00":
        cursor.take(4)
    elif not any(_begins(start, encoding) for encoding in (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG)):
        raise NotDicomError


def enter_data_set(cursor: Cursor, meta: Skimmed) -> tuple[Cursor, Encoding]:
    """Read the file meta information into `meta`; return a cursor at the data set, inflated if need be.

    Raises TruncatedError and MalformedError.
    """
    while cursor.peek(2) == b"\x02\x00":
        Skimmer(cursor, EXPLICIT_LITTLE).element(META, meta)
    transfer_syntax_uid = text(meta, Tag.TransferSyntaxUID)
    if transfer_syntax_uid in DEFLATED:
        cursor = cursor.inflated()
    return cursor, _encoding(cursor.peek(_FIRST_ELEMENTS), transfer_syntax_uid)


def _begins(start: bytes, encoding: Encoding) -> bool:
    """Return whether these bytes are two elements in this encoding, or all that there are."""
    return int.from_bytes(start[:2], encoding.byte_order) in (2, 8) and strength(start, 0, encoding) >= 2


def _encoding(start: bytes, transfer_syntax_uid: str | None) -> Encoding:
    """Return the encoding stated, unless the data set's first bytes clearly say another."""
    if transfer_syntax_uid is None:
        return encoding_at(start, 0, None) or IMPLICIT_LITTLE
    stated = _ENCODINGS.get(transfer_syntax_uid, EXPLICIT_LITTLE)
    return encoding_at(start, 0, stated) or stated


def encoding_of(transfer_syntax_uid: str) -> Encoding | None:
    """Return the encoding that a transfer syntax states, None for one that is deflated."""
    return None if transfer_syntax_uid in DEFLATED else _ENCODINGS.get(transfer_syntax_uid, EXPLICIT_LITTLE)


def header_from(found: Skimmed, meta: Skimmed, problems: tuple[Problem, ...]) -> Header:
    """Return the header that consists of these elements."""
    sop_class_uid = text(found, Tag.SOPClassUID)
    sop_instance_uid = text(found, Tag.SOPInstanceUID)
    if sop_class_uid is None and text(meta, Tag.MediaStorageSOPClassUID) == MEDIA_STORAGE_DIRECTORY:
        # A DICOMDIR states its class nowhere else (PS3.10 8.6).
        sop_class_uid = MEDIA_STORAGE_DIRECTORY
    return Header(
        instance=None if sop_instance_uid is None else instance_of(sop_instance_uid, found),
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        modality=text(found, Tag.Modality),
        transfer_syntax_uid=text(meta, Tag.TransferSyntaxUID),
        is_bare_waveform=(sop_class_uid or "").startswith(WAVEFORMS)
        and not items(found, Tag.WaveformAnnotationSequence),
        problems=problems,
    )
