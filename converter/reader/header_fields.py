"""What the catalog keeps of a header: which elements are needed for it, and how each field of it is read from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import IntEnum
from itertools import chain
from typing import Any, Final, NamedTuple, TypeVar

from converter.catalog import FramePlanes, Instance, TileOrganization
from converter.codes import coding, urn_coding
from converter.reader import tiles
from converter.reader.character_sets import CharacterSet
from converter.reader.raw_values import character_set_of, decimals, integer, items, text
from converter.reader.skim import Skimmed, Wanted
from converter.selection import Code

T = TypeVar("T")

WAVEFORMS: Final = "1.2.840.10008.5.1.4.1.1.9."
_SEGMENTATIONS: Final = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})


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
META: Final[Wanted] = {Tag.MediaStorageSOPClassUID: None, Tag.TransferSyntaxUID: None}
HEADER: Final[Wanted] = {
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


DECIDING: Final = frozenset(
    {Tag.SOPClassUID, Tag.NumberOfFrames, Tag.TotalPixelMatrixColumns, tiles.Tag.DimensionOrganizationType}
)
"""The elements that `last_needed` looks at."""


def last_needed(found: Skimmed) -> int:
    """Return the tag beyond which nothing of this object is needed."""
    sop_class_uid = text(found, Tag.SOPClassUID) or ""
    if sop_class_uid.startswith(WAVEFORMS):
        return Tag.WaveformSequence
    if Tag.NumberOfFrames not in found:
        return Tag.PixelSpacing
    is_tiled = Tag.TotalPixelMatrixColumns in found
    if (is_tiled and tiles.is_full(found)) or sop_class_uid in _SEGMENTATIONS:
        # Tiles may lie in a known order; segment frames have the anatomy of the images they derive from.
        return Tag.SharedFunctionalGroupsSequence
    return Tag.PerFrameFunctionalGroupsSequence


class Field(NamedTuple):
    """How a field of Instance is read.

    `tags`: from which elements, where there are no functional groups, waveforms and tiles. `is_of_frames`: whether
    these say it too. `is_governed`: whether it depends on the Specific Character Set.
    """

    tags: tuple[int, ...]
    read: Callable[[Skimmed, CharacterSet], Any]
    is_governed: bool = False
    is_of_frames: bool = False


def instance_of(sop_instance_uid: str, found: Skimmed) -> Instance:
    """Return what these elements say of the instance."""
    governing = character_set_of(found)
    return Instance(
        sop_instance_uid=sop_instance_uid, **{name: field.read(found, governing) for name, field in FIELDS.items()}
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

    def stated(groups: Iterable[Skimmed]) -> Iterator[T | None]:
        return (next((value(item) for item in items(group, macro)), None) for group in groups)

    shared = next(stated(items(found, Tag.SharedFunctionalGroupsSequence)), None)
    if shared is not None:
        return shared
    each = stated(items(found, Tag.PerFrameFunctionalGroupsSequence))
    first = next(each, None)
    return first if all(one == first for one in each) else None


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


def _text(tag: int) -> Field:
    return Field((tag,), lambda found, _: text(found, tag))


def _governed(tag: int) -> Field:
    return Field((tag,), lambda found, governing: text(found, tag, governing), is_governed=True)


def _integer(tag: int) -> Field:
    return Field((tag,), lambda found, _: integer(found, tag))


def _vector(tag: int, count: int, macro: int) -> Field:
    return Field(
        (tag,),
        lambda found, _: (
            decimals(found, tag, count) or _of_frames(found, macro, lambda group: decimals(group, tag, count))
        ),
        is_of_frames=True,
    )


def _issuer(found: Skimmed) -> Skimmed:
    return next(iter(items(found, Tag.IssuerOfPatientIDQualifiersSequence)), {})


def _number_of_frames(found: Skimmed) -> int | None:
    frames = integer(found, Tag.NumberOfFrames)
    return frames if frames is not None and frames > 0 else None


def _laterality(found: Skimmed) -> str | None:
    return (
        _of_frames(found, Tag.FrameAnatomySequence, lambda group: _side(group, Tag.FrameLaterality))
        or _side(found, Tag.ImageLaterality)
        or _side(found, Tag.Laterality)
    )


def _channels(found: Skimmed) -> tuple[int, ...]:
    groups = items(found, Tag.WaveformSequence)
    return tuple(max(integer(item, Tag.NumberOfWaveformChannels) or 0, 0) for item in groups)


FIELDS: Final[Mapping[str, Field]] = {
    "sop_class_uid": _text(Tag.SOPClassUID),
    "study_instance_uid": _text(Tag.StudyInstanceUID),
    "series_instance_uid": _text(Tag.SeriesInstanceUID),
    "series_number": _integer(Tag.SeriesNumber),
    "instance_number": _integer(Tag.InstanceNumber),
    "modality": _text(Tag.Modality),
    "frame_of_reference_uid": _text(Tag.FrameOfReferenceUID),
    "patient_id": _governed(Tag.PatientID),
    "issuer_of_patient_id": _governed(Tag.IssuerOfPatientID),
    "accession_number": _governed(Tag.AccessionNumber),
    "rows": _integer(Tag.Rows),
    "columns": _integer(Tag.Columns),
    "number_of_frames": Field((Tag.NumberOfFrames,), lambda found, _: _number_of_frames(found)),
    "total_pixel_matrix_rows": _integer(Tag.TotalPixelMatrixRows),
    "total_pixel_matrix_columns": _integer(Tag.TotalPixelMatrixColumns),
    "image_orientation_patient": _vector(Tag.ImageOrientationPatient, 6, Tag.PlaneOrientationSequence),
    "image_position_patient": _vector(Tag.ImagePositionPatient, 3, Tag.PlanePositionSequence),
    "pixel_spacing": _vector(Tag.PixelSpacing, 2, Tag.PixelMeasuresSequence),
    "body_part_examined": _text(Tag.BodyPartExamined),
    "anatomic_region": Field(
        (Tag.AnatomicRegionSequence,),
        lambda found, governing: (
            _region(found, governing)
            or _of_frames(found, Tag.FrameAnatomySequence, lambda group: _region(group, governing))
        ),
        is_governed=True,
        is_of_frames=True,
    ),
    "laterality": Field((Tag.ImageLaterality, Tag.Laterality), lambda found, _: _laterality(found), is_of_frames=True),
    "waveform_channels": Field((), lambda found, _: _channels(found), is_of_frames=True),
    "patient_name": _governed(Tag.PatientName),
    "patient_birth_date": _text(Tag.PatientBirthDate),
    "patient_sex": _text(Tag.PatientSex),
    "issuer_universal_entity_id": Field(
        (Tag.IssuerOfPatientIDQualifiersSequence,),
        lambda found, governing: text(_issuer(found), Tag.UniversalEntityID, governing),
        is_governed=True,
    ),
    "issuer_universal_entity_id_type": Field(
        (Tag.IssuerOfPatientIDQualifiersSequence,), lambda found, _: text(_issuer(found), Tag.UniversalEntityIDType)
    ),
    "study_date": _text(Tag.StudyDate),
    "study_time": _text(Tag.StudyTime),
    "study_description": _governed(Tag.StudyDescription),
    "series_date": _text(Tag.SeriesDate),
    "series_time": _text(Tag.SeriesTime),
    "series_description": _governed(Tag.SeriesDescription),
    "timezone_offset_from_utc": _text(Tag.TimezoneOffsetFromUTC),
    "slice_thickness": Field(
        (Tag.SliceThickness,),
        lambda found, _: _thickness(found) or _of_frames(found, Tag.PixelMeasuresSequence, _thickness),
        is_of_frames=True,
    ),
    "frame_planes": Field((), lambda found, _: _frame_planes(found), is_of_frames=True),
    "tile_organization": Field((), lambda found, _: _tile_organization(found), is_of_frames=True),
}
"""The fields of Instance but for its UID."""
