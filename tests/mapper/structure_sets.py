"""Structure sets for tests, and images whose planes are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydicom import Dataset

from converter.catalog import Instance
from tests.builders import CT, FRAME_OF_REFERENCE, SERIES, STUDY, Instances, dataset, reference

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
STRUCTURE_SET_UID, STRUCTURE_SET_SERIES = "1.2.3.4.1", "1.2.3.4"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SQUARE = (0, 0, 0, 4, 0, 0, 4, 4, 0, 0, 4, 0)


class Space(Instances):
    """A catalog that finds instances by frame of reference, too."""

    def instances_in_frame_of_reference(self, frame_of_reference_uid: str) -> Iterator[Instance]:
        return (each for each in self.values() if each.frame_of_reference_uid == frame_of_reference_uid)


def image(uid: str, z: float, **elements: Any) -> Instance:
    """Return an axial slice: 100 columns of 1 mm and 80 rows of 2 mm, its first pixel centred on (-10, -20)."""
    stated: dict[str, Any] = {
        "sop_class_uid": CT,
        "study_instance_uid": STUDY,
        "series_instance_uid": SERIES,
        "series_number": 3,
        "frame_of_reference_uid": FRAME_OF_REFERENCE,
        "modality": "CT",
        "rows": 80,
        "columns": 100,
        "image_position_patient": (-10.0, -20.0, z),
        "image_orientation_patient": AXIAL,
        "pixel_spacing": (2.0, 1.0),
        "slice_thickness": 3.0,
    }
    return Instance(sop_instance_uid=uid, **(stated | elements))


def space(*instances: Instance) -> Space:
    return Space({each.sop_instance_uid: each for each in instances})


def slices(count: int = 3) -> Space:
    """Return slices 1.9.0, 1.9.1, ... at 0, 3, ... millimetres."""
    return space(*(image(f"1.9.{number}", 3.0 * number, instance_number=number + 1) for number in range(count)))


def at(points: Sequence[float], z: float) -> list[float]:
    """Return the points (x, y, z) moved to a height."""
    return [z if index % 3 == 2 else float(each) for index, each in enumerate(points)]


def roi(number: Any, name: str | None = None, **elements: Any) -> Dataset:
    """Return an item of the Structure Set ROI Sequence."""
    stated: dict[str, Any] = {
        "ROINumber": number,
        "ReferencedFrameOfReferenceUID": FRAME_OF_REFERENCE,
        "ROIName": name,
        "ROIGenerationAlgorithm": "MANUAL",
        **elements,
    }
    return dataset(**{keyword: value for keyword, value in stated.items() if value is not None})


def contour(points: Sequence[float] = SQUARE, kind: str = "CLOSED_PLANAR", *images: str, **elements: Any) -> Dataset:
    """Return an item of a Contour Sequence."""
    built = dataset(
        ContourGeometricType=kind, NumberOfContourPoints=len(points) // 3, ContourData=list(points), **elements
    )
    if images:
        built.ContourImageSequence = [reference(uid) for uid in images]
    return built


def contours(number: Any, *drawn: Dataset) -> Dataset:
    """Return an item of the ROI Contour Sequence."""
    built = dataset(ReferencedROINumber=number)
    if drawn:
        built.ContourSequence = list(drawn)
    return built


def observation(number: int, **elements: Any) -> Dataset:
    """Return an item of the RT ROI Observations Sequence."""
    return dataset(ObservationNumber=number, ReferencedROINumber=number, **elements)


def structure_set(
    rois: Sequence[Dataset], drawn: Sequence[Dataset] = (), observed: Sequence[Dataset] = (), **elements: Any
) -> Dataset:
    stated: dict[str, Any] = {
        "SOPClassUID": STRUCTURE_SET,
        "SOPInstanceUID": STRUCTURE_SET_UID,
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": STRUCTURE_SET_SERIES,
        "SeriesNumber": 400,
        "InstanceNumber": 7,
        "Modality": "RTSTRUCT",
        "StructureSetDate": "20200102",
        "StructureSetTime": "101112",
        "TimezoneOffsetFromUTC": "+0100",
        "StructureSetROISequence": list(rois),
        "ROIContourSequence": list(drawn),
        "RTROIObservationsSequence": list(observed),
        **elements,
    }
    return dataset(**{keyword: value for keyword, value in stated.items() if value not in (None, [])})


def referring(*uids: str, series: str = SERIES, frame_of_reference: str = FRAME_OF_REFERENCE) -> dict[str, Any]:
    """Return a Referenced Frame of Reference Sequence that names a series and these images of it."""
    item = dataset(SeriesInstanceUID=series)
    if uids:
        item.ContourImageSequence = [reference(uid) for uid in uids]
    study = reference(STUDY, "1.2.840.10008.3.1.2.3.1", RTReferencedSeriesSequence=[item])
    named = dataset(FrameOfReferenceUID=frame_of_reference, RTReferencedStudySequence=[study])
    return {"ReferencedFrameOfReferenceSequence": [named]}
