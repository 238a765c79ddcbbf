"""Radiotherapy structure sets, by pydicom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom import Dataset
from pydicom.uid import RTStructureSetStorage

from builders.common import CREATED, CREATED_TIME, Series, code, instance, item, sop_reference

_DETACHED_STUDY = "1.2.840.10008.3.1.2.3.1"
# A square of 40 mm, open as contours are: the slices' pixels are of 5 mm, the first one's centre at -157.5 mm.
_SQUARE = ((-20, -20), (20, -20), (20, 20), (-20, 20))
_INNER = ((-10, -10), (10, -10), (10, 10), (-10, 10))

Points = Sequence[tuple[float, float]]


def contours(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """Return four ROIs: rings on their images, rings by exclusive or, a point, and open lines without images."""
    dataset = instance(series, RTStructureSetStorage, "contours", 1)
    frame_of_reference = series.study.frame_of_reference_uid
    dataset.update(
        item(
            OperatorsName="Synthetic^Operator",
            StructureSetLabel="CONTOURS",
            StructureSetDate=CREATED,
            StructureSetTime=CREATED_TIME,
            FrameOfReferenceUID=frame_of_reference,
            PositionReferenceIndicator="",
            ReferencedFrameOfReferenceSequence=[_referenced(frame_of_reference, ct)],
            StructureSetROISequence=[
                _roi(1, "Lung_R", frame_of_reference, "MANUAL"),
                _roi(2, "Ring", frame_of_reference, "SEMIAUTOMATIC"),
                _roi(3, "Iso", frame_of_reference, "MANUAL"),
                _roi(4, "Lines", frame_of_reference, ""),
            ],
            ROIContourSequence=[
                _drawn(1, *(_contour(_SQUARE, "CLOSED_PLANAR", image) for image in ct[:3])),
                _drawn(2, *(_contour(each, "CLOSEDPLANAR_XOR", ct[1]) for each in (_SQUARE, _INNER))),
                # Half a millimetre above the second slice.
                _drawn(3, _contour([(2.5, -2.5)], "POINT", z=5.5)),
                _drawn(
                    4,
                    _contour([(0, 0), (12.5, 0), (12.5, 7.5)], "OPEN_PLANAR", z=10),
                    _spatial_line((0, 0, 0), (0, 0, 10), (5, 5, 15)),
                ),
            ],
            RTROIObservationsSequence=[
                _lung(),
                _observation(2, "AVOIDANCE", "Synthetic^Planner", ROIObservationLabel="Avoid"),
                _observation(3, "ISOCENTER"),
                _observation(4, ""),
            ],
            ApprovalStatus="UNAPPROVED",
        )
    )
    algorithm = item(
        AlgorithmFamilyCodeSequence=[code("123109", "DCM", "Manual Processing")],
        AlgorithmName="Synthetic ring",
        AlgorithmVersion="1.0",
    )
    dataset.StructureSetROISequence[1].ROIDerivationAlgorithmIdentificationSequence = [algorithm]
    return dataset


def _referenced(frame_of_reference: str, images: Sequence[Dataset]) -> Dataset:
    first = images[0]
    series = item(
        SeriesInstanceUID=first.SeriesInstanceUID,
        ContourImageSequence=[sop_reference(image) for image in images],
    )
    study = item(
        ReferencedSOPClassUID=_DETACHED_STUDY,
        ReferencedSOPInstanceUID=first.StudyInstanceUID,
        RTReferencedSeriesSequence=[series],
    )
    return item(FrameOfReferenceUID=frame_of_reference, RTReferencedStudySequence=[study])


def _roi(number: int, name: str, frame_of_reference: str, generation: str) -> Dataset:
    return item(
        ROINumber=number,
        ReferencedFrameOfReferenceUID=frame_of_reference,
        ROIName=name,
        ROIGenerationAlgorithm=generation,
    )


def _drawn(number: int, *drawn: Dataset) -> Dataset:
    return item(ReferencedROINumber=number, ROIDisplayColor=[255, 64 * number - 1, 0], ContourSequence=list(drawn))


def _contour(points: Points, kind: str, image: Dataset | None = None, z: float = 0) -> Dataset:
    height = z if image is None else float(image.ImagePositionPatient[2])
    flat = [float(each) for x, y in points for each in (x, y, height)]
    drawn = item(ContourGeometricType=kind, NumberOfContourPoints=len(points), ContourData=flat)
    if image is not None:
        drawn.ContourImageSequence = [sop_reference(image)]
    return drawn


def _spatial_line(*points: tuple[float, float, float]) -> Dataset:
    flat = [float(each) for point in points for each in point]
    return item(ContourGeometricType="OPEN_NONPLANAR", NumberOfContourPoints=len(points), ContourData=flat)


def _observation(number: int, kind: str, interpreter: str = "", **more: Any) -> Dataset:
    return item(
        ObservationNumber=number,
        ReferencedROINumber=number,
        RTROIInterpretedType=kind,
        ROIInterpreter=interpreter,
        **more,
    )


def _lung() -> Dataset:
    lung = code("39607008", "SCT", "Lung")
    lung.SegmentedPropertyTypeModifierCodeSequence = [code("24028007", "SCT", "Right")]
    return _observation(
        1,
        "ORGAN",
        "Synthetic^Planner",
        ROIObservationDateTime=f"{CREATED}150000",
        SegmentedPropertyCategoryCodeSequence=[code("123037004", "SCT", "Anatomical Structure")],
        RTROIIdentificationCodeSequence=[lung],
        AnatomicRegionSequence=[code("39607008", "SCT", "Lung")],
    )
