"""Reads an instance's header: what the catalog keeps of it, and no further than the last element needed for that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain
from typing import BinaryIO, Final, TypeVar

from pydicom import Dataset

from converter.catalog import FramePlanes, Instance, TileOrganization
from converter.codes import coding, urn_coding
from converter.problems import problem
from converter.reader import tiles
from converter.reader.character_sets import CharacterSet
from converter.reader.elements import EXPLICIT_BIG, encoding_at, strength
from converter.reader.parser import DEFLATED, NotDicomError
from converter.reader.raw_values import character_set_of, decimals, integer, items, text
from converter.reader.skim import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Cursor,
    Encoding,
    MalformedError,
    Skimmed,
    Skimmer,
    TruncatedError,
    Wanted,
    skim_dataset,
)
from converter.selection import Code, Problem

T = TypeVar("T")

_ENCODINGS: Final = {"1.2.840.10008.1.2": IMPLICIT_LITTLE, "1.2.840.10008.1.2.2": EXPLICIT_BIG}
MEDIA_STORAGE_DIRECTORY: Final = "1.2.840.10008.1.3.10"
_WAVEFORMS: Final = "1.2.840.10008.5.1.4.1.1.9."
_SEGMENTATIONS: Final = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})


# Enough to tell one encoding from another by, in bytes.
_FIRST_ELEMENTS: Final = 2048


class Tag(IntEnum):
    """The elements of a header by keyword (PS3.6)."""

    MediaStorageSOPClassUID = 0x00020002
    TransferSyntaxUID = 0x00020010
    SpecificCharacterSet = 0x00080005
    SOPClassUID = 0x00080016
    SOPInstanceUID = 0x00080018
    StudyDate = 0x00080020
    SeriesDate = 0x00080021
    StudyTime = 0x00080030
    SeriesTime = 0x00080031
    AccessionNumber = 0x00080050
    Modality = 0x00080060
    CodeValue = 0x00080100
    CodingSchemeDesignator = 0x00080102
    CodingSchemeVersion = 0x00080103
    CodeMeaning = 0x00080104
    LongCodeValue = 0x00080119
    URNCodeValue = 0x00080120
    TimezoneOffsetFromUTC = 0x00080201
    StudyDescription = 0x00081030
    SeriesDescription = 0x0008103E
    AnatomicRegionSequence = 0x00082218
    PatientName = 0x00100010
    PatientID = 0x00100020
    IssuerOfPatientID = 0x00100021
    IssuerOfPatientIDQualifiersSequence = 0x00100024
    PatientBirthDate = 0x00100030
    PatientSex = 0x00100040
    BodyPartExamined = 0x00180015
    SliceThickness = 0x00180050
    SpacingBetweenSlices = 0x00180088
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
    UniversalEntityID = 0x00400032
    UniversalEntityIDType = 0x00400033
    WaveformAnnotationSequence = 0x0040B020
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
    Tag.PixelMeasuresSequence: {Tag.SliceThickness: None, Tag.SpacingBetweenSlices: None, Tag.PixelSpacing: None},
    **tiles.OF_FRAME,
}
_META: Final[Wanted] = {Tag.MediaStorageSOPClassUID: None, Tag.TransferSyntaxUID: None}
_HEADER: Final[Wanted] = {
    Tag.SpecificCharacterSet: None,
    Tag.SOPClassUID: None,
    Tag.SOPInstanceUID: None,
    Tag.StudyDate: None,
    Tag.SeriesDate: None,
    Tag.StudyTime: None,
    Tag.SeriesTime: None,
    Tag.AccessionNumber: None,
    Tag.Modality: None,
    Tag.TimezoneOffsetFromUTC: None,
    Tag.StudyDescription: None,
    Tag.SeriesDescription: None,
    Tag.AnatomicRegionSequence: _CODE,
    Tag.PatientName: None,
    Tag.PatientID: None,
    Tag.IssuerOfPatientID: None,
    Tag.IssuerOfPatientIDQualifiersSequence: {Tag.UniversalEntityID: None, Tag.UniversalEntityIDType: None},
    Tag.PatientBirthDate: None,
    Tag.PatientSex: None,
    Tag.BodyPartExamined: None,
    Tag.SliceThickness: None,
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
    Tag.WaveformAnnotationSequence: {},
    Tag.TotalPixelMatrixColumns: None,
    Tag.TotalPixelMatrixRows: None,
    Tag.SharedFunctionalGroupsSequence: _FRAME,
    Tag.PerFrameFunctionalGroupsSequence: _FRAME,
    Tag.WaveformSequence: {Tag.NumberOfWaveformChannels: None},
    **tiles.OF_IMAGE,
}


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
        Skimmer(cursor, encoding).data_set(_HEADER, found, _last_needed)
    except TruncatedError:
        problems = (problem("truncated"),)
    except MalformedError:
        problems = (problem("malformed"),)
    return _header(found, meta, problems)


def header_of(dataset: Dataset) -> Header:
    """Return the header of a data set in memory; no element of it is converted or changed."""
    meta = skim_dataset(getattr(dataset, "file_meta", None) or Dataset(), _META)
    return _header(skim_dataset(dataset, _HEADER, _last_needed), meta, ())


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
        Skimmer(cursor, EXPLICIT_LITTLE).element(_META, meta)
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


def _last_needed(found: Skimmed) -> int:
    """Return the tag beyond which nothing of this object is needed."""
    sop_class_uid = text(found, Tag.SOPClassUID) or ""
    if sop_class_uid.startswith(_WAVEFORMS):
        return Tag.WaveformSequence
    if Tag.NumberOfFrames not in found:
        return Tag.PixelSpacing
    is_tiled = Tag.TotalPixelMatrixColumns in found
    if (is_tiled and tiles.is_full(found)) or sop_class_uid in _SEGMENTATIONS:
        # Tiles may lie in a known order; segment frames have the anatomy of the images they derive from.
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
        is_bare_waveform=(sop_class_uid or "").startswith(_WAVEFORMS)
        and not items(found, Tag.WaveformAnnotationSequence),
        problems=problems,
    )


def _instance(sop_instance_uid: str, found: Skimmed) -> Instance:
    governing = character_set_of(found)
    issuer = next(iter(items(found, Tag.IssuerOfPatientIDQualifiersSequence)), {})
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
        patient_id=text(found, Tag.PatientID, governing),
        issuer_of_patient_id=text(found, Tag.IssuerOfPatientID, governing),
        accession_number=text(found, Tag.AccessionNumber, governing),
        rows=integer(found, Tag.Rows),
        columns=integer(found, Tag.Columns),
        number_of_frames=frames if frames is not None and frames > 0 else None,
        total_pixel_matrix_rows=integer(found, Tag.TotalPixelMatrixRows),
        total_pixel_matrix_columns=integer(found, Tag.TotalPixelMatrixColumns),
        image_orientation_patient=decimals(found, Tag.ImageOrientationPatient, 6)
        or _of_frames(found, Tag.PlaneOrientationSequence, lambda g: decimals(g, Tag.ImageOrientationPatient, 6)),
        image_position_patient=decimals(found, Tag.ImagePositionPatient, 3)
        or _of_frames(found, Tag.PlanePositionSequence, lambda g: decimals(g, Tag.ImagePositionPatient, 3)),
        pixel_spacing=decimals(found, Tag.PixelSpacing, 2)
        or _of_frames(found, Tag.PixelMeasuresSequence, lambda g: decimals(g, Tag.PixelSpacing, 2)),
        body_part_examined=text(found, Tag.BodyPartExamined),
        anatomic_region=_region(found, governing)
        or _of_frames(found, anatomy, lambda group: _region(group, governing)),
        laterality=_of_frames(found, anatomy, lambda group: _side(group, Tag.FrameLaterality))
        or _side(found, Tag.ImageLaterality)
        or _side(found, Tag.Laterality),
        waveform_channels=tuple(
            max(integer(item, Tag.NumberOfWaveformChannels) or 0, 0) for item in items(found, Tag.WaveformSequence)
        ),
        patient_name=text(found, Tag.PatientName, governing),
        patient_birth_date=text(found, Tag.PatientBirthDate),
        patient_sex=text(found, Tag.PatientSex),
        issuer_universal_entity_id=text(issuer, Tag.UniversalEntityID, governing),
        issuer_universal_entity_id_type=text(issuer, Tag.UniversalEntityIDType),
        study_date=text(found, Tag.StudyDate),
        study_time=text(found, Tag.StudyTime),
        study_description=text(found, Tag.StudyDescription, governing),
        series_date=text(found, Tag.SeriesDate),
        series_time=text(found, Tag.SeriesTime),
        series_description=text(found, Tag.SeriesDescription, governing),
        timezone_offset_from_utc=text(found, Tag.TimezoneOffsetFromUTC),
        slice_thickness=_thickness(found) or _of_frames(found, Tag.PixelMeasuresSequence, _thickness),
        frame_planes=_frame_planes(found),
        tile_organization=_tile_organization(found),
    )


def _thickness(found: Skimmed) -> float | None:
    return _positive(found, Tag.SliceThickness)


def _positive(found: Skimmed, tag: int) -> float | None:
    stated = decimals(found, tag, 1)
    return stated[0] if stated is not None and stated[0] > 0 else None


def _tile_organization(found: Skimmed) -> TileOrganization | None:
    if Tag.TotalPixelMatrixColumns not in found:
        return None
    spacing = _of_frames(found, Tag.PixelMeasuresSequence, lambda group: _positive(group, Tag.SpacingBetweenSlices))
    shared = items(found, Tag.SharedFunctionalGroupsSequence)
    return tiles.organization(found, shared, items(found, Tag.PerFrameFunctionalGroupsSequence), spacing)


def _frame_planes(found: Skimmed) -> FramePlanes | None:
    """Return the planes of the frames, None if they do not differ or some frame's is not stated."""
    tables = []
    for macro, tag, size in (
        (Tag.PlanePositionSequence, Tag.ImagePositionPatient, 3),
        (Tag.PlaneOrientationSequence, Tag.ImageOrientationPatient, 6),
        (Tag.PixelMeasuresSequence, Tag.PixelSpacing, 2),
    ):
        each = _of_each_frame(found, macro, tag, size)
        if not each or None in each:
            return None
        tables.append([vector for vector in each if vector is not None])
    positions, orientations, spacings = tables
    if len(set(zip(positions, orientations, spacings, strict=True))) == 1:
        return None
    return FramePlanes(_joined(positions), _compact(orientations), _compact(spacings))


def _of_each_frame(found: Skimmed, macro: int, tag: int, size: int) -> list[tuple[float, ...] | None]:
    """Return what the functional group macro says for each frame, itself or shared."""

    def stated(group: Skimmed) -> tuple[float, ...] | None:
        return next((decimals(item, tag, size) for item in items(group, macro)), None)

    shared = next(map(stated, items(found, Tag.SharedFunctionalGroupsSequence)), None)
    return [stated(group) or shared for group in items(found, Tag.PerFrameFunctionalGroupsSequence)]


def _compact(vectors: list[tuple[float, ...]]) -> tuple[float, ...]:
    return vectors[0] if len(set(vectors)) == 1 else _joined(vectors)


def _joined(vectors: list[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(chain.from_iterable(vectors))


def _of_frames(found: Skimmed, macro: int, value: Callable[[Skimmed], T | None]) -> T | None:
    """Return what the functional group macro says for all frames: shared, or the same in each (PS3.3 C.7.6.16)."""

    def stated(groups: Iterable[Skimmed]) -> list[T | None]:
        return [next((value(item) for item in items(group, macro)), None) for group in groups]

    shared = stated(items(found, Tag.SharedFunctionalGroupsSequence)[:1])
    if shared and shared[0] is not None:
        return shared[0]
    each = stated(items(found, Tag.PerFrameFunctionalGroupsSequence))
    return each[0] if each and all(one == each[0] for one in each) else None


def _region(found: Skimmed, governing: CharacterSet) -> Code | None:
    for item in items(found, Tag.AnatomicRegionSequence)[:1]:
        meaning = text(item, Tag.CodeMeaning, governing)
        value = text(item, Tag.CodeValue) or text(item, Tag.LongCodeValue)
        if value is not None:
            designator, version = text(item, Tag.CodingSchemeDesignator), text(item, Tag.CodingSchemeVersion)
            return coding(designator, value, meaning, version)
        urn = text(item, Tag.URNCodeValue)
        if urn is not None:
            return urn_coding(urn, meaning)
    return None


def _side(found: Skimmed, tag: int) -> str | None:
    side = text(found, tag)
    return side if side in ("R", "L", "B", "U") else None
