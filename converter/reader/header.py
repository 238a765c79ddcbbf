"""Reads an instance's header: what the catalog keeps of it, and no further than the last element needed for that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO, Final, TypeVar

from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR

from converter.catalog import Instance
from converter.codes import coding
from converter.problems import problem
from converter.reader.parser import NotDicomError
from converter.reader.raw_values import decimals, encodings_of, integer, items, text
from converter.reader.skim import (
    EXPLICIT_LITTLE,
    ByteOrder,
    Cursor,
    MalformedError,
    Skimmed,
    Skimmer,
    TruncatedError,
    Wanted,
    encoding_at,
    skim_dataset,
)
from converter.selection import Code, Problem

T = TypeVar("T")

EXPLICIT_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = frozenset({"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"})
MEDIA_STORAGE_DIRECTORY: Final = "1.2.840.10008.1.3.10"
_WAVEFORMS: Final = "1.2.840.10008.5.1.4.1.1.9."
_SEGMENTATIONS: Final = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})


class Tag(IntEnum):
    """The elements of a header by keyword (PS3.6)."""

    MediaStorageSOPClassUID = 0x00020002
    TransferSyntaxUID = 0x00020010
    SpecificCharacterSet = 0x00080005
    SOPClassUID = 0x00080016
    SOPInstanceUID = 0x00080018
    AccessionNumber = 0x00080050
    Modality = 0x00080060
    CodeValue = 0x00080100
    CodingSchemeDesignator = 0x00080102
    CodingSchemeVersion = 0x00080103
    CodeMeaning = 0x00080104
    LongCodeValue = 0x00080119
    URNCodeValue = 0x00080120
    AnatomicRegionSequence = 0x00082218
    PatientID = 0x00100020
    IssuerOfPatientID = 0x00100021
    BodyPartExamined = 0x00180015
    StudyInstanceUID = 0x0020000D
    SeriesInstanceUID = 0x0020000E
    SeriesNumber = 0x00200011
    InstanceNumber = 0x00200013
    ImagePositionPatient = 0x00200032
    ImageOrientationPatient = 0x00200037
    FrameOfReferenceUID = 0x00200052
    Laterality = 0x00200060
    ImageLaterality = 0x00200062
    FrameAnatomySequence = 0x00209071
    FrameLaterality = 0x00209072
    PlanePositionSequence = 0x00209113
    PlaneOrientationSequence = 0x00209116
    NumberOfFrames = 0x00280008
    Rows = 0x00280010
    Columns = 0x00280011
    PixelSpacing = 0x00280030
    PixelMeasuresSequence = 0x00289110
    NumberOfWaveformChannels = 0x003A0005
    TotalPixelMatrixColumns = 0x00480006
    TotalPixelMatrixRows = 0x00480007
    SharedFunctionalGroupsSequence = 0x52009229
    PerFrameFunctionalGroupsSequence = 0x52009230
    WaveformSequence = 0x54000100


_CODE: Final[Wanted] = {
    Tag.CodeValue: None,
    Tag.CodingSchemeDesignator: None,
    Tag.CodingSchemeVersion: None,
    Tag.CodeMeaning: None,
    Tag.LongCodeValue: None,
    Tag.URNCodeValue: None,
}
_FRAME: Final[Wanted] = {
    Tag.FrameAnatomySequence: {Tag.AnatomicRegionSequence: _CODE, Tag.FrameLaterality: None},
    Tag.PlanePositionSequence: {Tag.ImagePositionPatient: None},
    Tag.PlaneOrientationSequence: {Tag.ImageOrientationPatient: None},
    Tag.PixelMeasuresSequence: {Tag.PixelSpacing: None},
}
_META: Final[Wanted] = {Tag.MediaStorageSOPClassUID: None, Tag.TransferSyntaxUID: None}
_HEADER: Final[Wanted] = {
    Tag.SpecificCharacterSet: None,
    Tag.SOPClassUID: None,
    Tag.SOPInstanceUID: None,
    Tag.AccessionNumber: None,
    Tag.Modality: None,
    Tag.AnatomicRegionSequence: _CODE,
    Tag.PatientID: None,
    Tag.IssuerOfPatientID: None,
    Tag.BodyPartExamined: None,
    Tag.StudyInstanceUID: None,
    Tag.SeriesInstanceUID: None,
    Tag.SeriesNumber: None,
    Tag.InstanceNumber: None,
    Tag.ImagePositionPatient: None,
    Tag.ImageOrientationPatient: None,
    Tag.FrameOfReferenceUID: None,
    Tag.Laterality: None,
    Tag.ImageLaterality: None,
    Tag.NumberOfFrames: None,
    Tag.Rows: None,
    Tag.Columns: None,
    Tag.PixelSpacing: None,
    Tag.TotalPixelMatrixColumns: None,
    Tag.TotalPixelMatrixRows: None,
    Tag.SharedFunctionalGroupsSequence: _FRAME,
    Tag.PerFrameFunctionalGroupsSequence: _FRAME,
    Tag.WaveformSequence: {Tag.NumberOfWaveformChannels: None},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a header says; None where it does not.

    `instance` is None without a SOP Instance UID. `transfer_syntax_uid` is as stated by the file meta information.
    `problems` say why a header ends early: what stood before is here.
    """

    instance: Instance | None
    sop_class_uid: str | None
    sop_instance_uid: str | None
    modality: str | None
    transfer_syntax_uid: str | None
    problems: tuple[Problem, ...] = ()


def read_header(stream: BinaryIO) -> Header:
    """Read the header at the start of `stream`, which need not be able to seek; pixel data is never reached.

    Accepts what has the DICM magic, and what begins with an element of group 0002 or 0008 in any encoding
    (PS3.10 7.1, PS3.5 7.1). Raises NotDicomError for anything else, and OSError where the stream does.
    """
    cursor = Cursor(stream)
    byte_order = _begin(cursor)
    meta: Skimmed = {}
    found: Skimmed = {}
    problems: tuple[Problem, ...] = ()
    try:
        while cursor.peek(2) == b"\x02\x00":
            Skimmer(cursor, EXPLICIT_LITTLE).element(_META, meta)
        transfer_syntax = text(meta, Tag.TransferSyntaxUID)
        if transfer_syntax in DEFLATED:
            cursor = cursor.inflated()
        elif transfer_syntax is not None:
            byte_order = "big" if transfer_syntax == EXPLICIT_BIG_ENDIAN else "little"
        encoding = encoding_at(cursor.peek(6), byte_order)
        Skimmer(cursor, encoding).data_set(_HEADER, found, _last_needed)
    except TruncatedError:
        problems = (problem("truncated"),)
    except MalformedError:
        problems = (problem("malformed"),)
    return _header(found, meta, problems)


def header_of(dataset: Dataset) -> Header:
    """Return the header of a data set in memory; no element of it is converted or changed."""
    meta = skim_dataset(getattr(dataset, "file_meta", None) or Dataset(), _META)
    return _header(skim_dataset(dataset, _HEADER), meta, ())


def _begin(cursor: Cursor) -> ByteOrder:
    """Pass over preamble and magic; return the byte order to assume until a transfer syntax is stated."""
    start = cursor.peek(132)
    if start[128:] == b"DICM":
        cursor.take(132)
        return "little"
    if start[:6] == b"DICM\x02\x00":
        cursor.take(4)
        return "little"
    byte_order = _begins_data_set(start)
    if byte_order is None:
        raise NotDicomError
    return byte_order


def _begins_data_set(start: bytes) -> ByteOrder | None:
    """Return the byte order in which `start` is a likely first element and the start of a second one."""
    orders: tuple[ByteOrder, ByteOrder] = ("little", "big")
    for order in orders:
        tag = _tag_at(start, 0, order)
        if tag >> 16 not in (0x0002, 0x0008) or not (dictionary_has_tag(tag) or tag & 0xFFFF == 0):
            continue
        length = _first_length(start, tag, order)
        if length is None:
            continue
        following = start[8 + length : 12 + length]
        if len(following) < 4 or tag < _tag_at(following, 0, order) < 0x00100000:
            return order
    return None


def _first_length(start: bytes, tag: int, order: ByteOrder) -> int | None:
    vr = "UL" if tag & 0xFFFF == 0 else dictionary_VR(tag)
    if start[4:6] == vr.encode() and vr not in ("OB", "SQ"):
        length = int.from_bytes(start[6:8], order)
    elif start[4:8] == b"OB\0\0":
        length = 4 + int.from_bytes(start[8:12], order)
    elif order == "little":
        length = int.from_bytes(start[4:8], order)
    else:
        return None
    return length if len(start) >= 8 and length <= 1024 and (vr != "UL" or length == 4) else None


def _tag_at(data: bytes, offset: int, order: ByteOrder) -> int:
    group, element = data[offset : offset + 2], data[offset + 2 : offset + 4]
    return int.from_bytes(group, order) << 16 | int.from_bytes(element, order)


def _last_needed(found: Skimmed) -> int:
    """Return the tag beyond which nothing of this object is needed."""
    sop_class_uid = text(found, Tag.SOPClassUID) or ""
    if sop_class_uid.startswith(_WAVEFORMS):
        return Tag.WaveformSequence
    if Tag.NumberOfFrames not in found:
        return Tag.PixelSpacing
    if Tag.TotalPixelMatrixColumns in found or sop_class_uid in _SEGMENTATIONS:
        # Thousands of tiles say only where each lies; segment frames have the anatomy of the images they derive from.
        return Tag.SharedFunctionalGroupsSequence
    return Tag.PerFrameFunctionalGroupsSequence


def _header(found: Skimmed, meta: Skimmed, problems: tuple[Problem, ...]) -> Header:
    sop_class_uid = text(found, Tag.SOPClassUID)
    sop_instance_uid = text(found, Tag.SOPInstanceUID)
    if sop_class_uid is None and text(meta, Tag.MediaStorageSOPClassUID) == MEDIA_STORAGE_DIRECTORY:
        # A DICOMDIR states its class nowhere else (PS3.10 8.6).
        sop_class_uid = MEDIA_STORAGE_DIRECTORY
    return Header(
        instance=None if sop_instance_uid is None else _instance(sop_instance_uid, found),
        sop_class_uid=sop_class_uid,
        sop_instance_uid=sop_instance_uid,
        modality=text(found, Tag.Modality),
        transfer_syntax_uid=text(meta, Tag.TransferSyntaxUID),
        problems=problems,
    )


def _instance(sop_instance_uid: str, found: Skimmed) -> Instance:
    encodings = encodings_of(found)
    frames = integer(found, Tag.NumberOfFrames)
    anatomy = Tag.FrameAnatomySequence
    return Instance(
        sop_instance_uid=sop_instance_uid,
        sop_class_uid=text(found, Tag.SOPClassUID),
        study_instance_uid=text(found, Tag.StudyInstanceUID),
        series_instance_uid=text(found, Tag.SeriesInstanceUID),
        series_number=integer(found, Tag.SeriesNumber),
        instance_number=integer(found, Tag.InstanceNumber),
        modality=text(found, Tag.Modality),
        frame_of_reference_uid=text(found, Tag.FrameOfReferenceUID),
        patient_id=text(found, Tag.PatientID, encodings),
        issuer_of_patient_id=text(found, Tag.IssuerOfPatientID, encodings),
        accession_number=text(found, Tag.AccessionNumber, encodings),
        rows=integer(found, Tag.Rows),
        columns=integer(found, Tag.Columns),
        number_of_frames=frames if frames is not None and frames > 0 else None,
        total_pixel_matrix_rows=integer(found, Tag.TotalPixelMatrixRows),
        total_pixel_matrix_columns=integer(found, Tag.TotalPixelMatrixColumns),
        image_orientation_patient=decimals(found, Tag.ImageOrientationPatient, 6)
        or _of_frames(
            found, Tag.PlaneOrientationSequence, lambda g: decimals(g, Tag.ImageOrientationPatient, 6)
        ),
        image_position_patient=decimals(found, Tag.ImagePositionPatient, 3)
        or _of_frames(found, Tag.PlanePositionSequence, lambda g: decimals(g, Tag.ImagePositionPatient, 3)),
        pixel_spacing=decimals(found, Tag.PixelSpacing, 2)
        or _of_frames(found, Tag.PixelMeasuresSequence, lambda g: decimals(g, Tag.PixelSpacing, 2)),
        body_part_examined=text(found, Tag.BodyPartExamined),
        anatomic_region=_region(found, encodings)
        or _of_frames(found, anatomy, lambda group: _region(group, encodings)),
        laterality=_of_frames(found, anatomy, lambda group: _side(group, Tag.FrameLaterality))
        or _side(found, Tag.ImageLaterality)
        or _side(found, Tag.Laterality),
        waveform_channels=tuple(
            max(integer(item, Tag.NumberOfWaveformChannels) or 0, 0)
            for item in items(found, Tag.WaveformSequence)
        ),
    )


def _of_frames(found: Skimmed, macro: int, value: Callable[[Skimmed], T | None]) -> T | None:
    """Return what the functional group macro says for all frames: shared, or the same in each (PS3.3 C.7.6.16)."""

    def stated(groups: Iterable[Skimmed]) -> list[T | None]:
        return [next((value(item) for item in items(group, macro)), None) for group in groups]

    shared = stated(items(found, Tag.SharedFunctionalGroupsSequence)[:1])
    if shared and shared[0] is not None:
        return shared[0]
    each = stated(items(found, Tag.PerFrameFunctionalGroupsSequence))
    return each[0] if each and all(one == each[0] for one in each) else None


def _region(found: Skimmed, encodings: list[str]) -> Code | None:
    for item in items(found, Tag.AnatomicRegionSequence)[:1]:
        value = next(
            filter(
                None, (text(item, tag) for tag in (Tag.CodeValue, Tag.LongCodeValue, Tag.URNCodeValue))
            ),
            None,
        )
        if value is not None:
            meaning = text(item, Tag.CodeMeaning, encodings)
            version = text(item, Tag.CodingSchemeVersion)
            return coding(text(item, Tag.CodingSchemeDesignator), value, meaning, version)
    return None


def _side(found: Skimmed, tag: int) -> str | None:
    side = text(found, tag)
    return side if side in ("R", "L", "B", "U") else None
