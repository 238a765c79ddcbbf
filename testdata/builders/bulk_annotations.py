"""Microscopy bulk simple annotations of every graphic type, by highdicom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.coding import Code

from builders.common import MANUFACTURER, Series, same_patient_and_study, sop_reference, state_content, uid

ANATOMY = Code("91723000", "SCT", "Anatomical Structure")
MORPHOLOGY = Code("49755003", "SCT", "Morphologically Abnormal Structure")
NUCLEUS = Code("84640000", "SCT", "Nucleus")
GLAND = Code("361339000", "SCT", "Glandular structure")
VESSEL = Code("59820001", "SCT", "Blood vessel")
NECROSIS = Code("6574001", "SCT", "Necrosis")
TUMOR = Code("108369006", "SCT", "Neoplasm")
LIVER = Code("10200004", "SCT", "Liver")

SINGLE, DOUBLE = np.float32, np.float64


def total_pixel_matrix(series: Series, slide: Dataset) -> Dataset:
    """Return annotations of every type in the total pixel matrix of 64 x 64, in single and in double precision."""
    points = [[[10.5, 20.25]], [[30.1, 40.2]], [[33.0, 41.75]]]
    lines = [[[1, 1], [5, 2], [9, 1]], [[20.5, 30.5], [21.5, 31.5]]]
    polygons = [[[10, 10], [20, 10], [15, 18.6]], [[40, 40], [50, 40], [50, 50], [40, 50]], [[5, 60], [9, 60], [7, 63]]]
    ellipses = [[[20, 32], [44, 32], [32, 26], [32, 38]]]
    rectangles = [[[2.5, 2.5], [12.5, 2.5], [12.5, 8.5], [2.5, 8.5]], [[30, 50], [60, 50], [60, 62], [30, 62]]]
    groups = [
        _group(1, "Nuclei", ANATOMY, NUCLEUS, "POINT", points, DOUBLE),
        _group(2, "Vessel walls", ANATOMY, VESSEL, "POLYLINE", lines, SINGLE),
        _group(3, "Glands", ANATOMY, GLAND, "POLYGON", polygons, SINGLE, algorithm="Synthetic gland finder"),
        _group(4, "Necrosis", MORPHOLOGY, NECROSIS, "ELLIPSE", ellipses, DOUBLE),
        _group(5, "Tumour", MORPHOLOGY, TUMOR, "RECTANGLE", rectangles, SINGLE),
    ]
    groups[2].AnatomicRegionSequence = [hd.sr.CodedConcept.from_code(LIVER)]
    groups[2].AnnotationGroupDescription = "Found at low magnification"
    groups[2].MeasurementsSequence = [
        hd.ann.Measurements(
            name=Code("42798000", "SCT", "Area"),
            values=np.array([43.0, 100.0, 6.0]),
            unit=Code("um2", "UCUM", "square micrometer"),
        )
    ]
    return _object(series, "total pixel matrix", 1, slide, "2D", groups)


def slide_coordinates(series: Series, slide: Dataset) -> Dataset:
    """Return annotations in the slide coordinate system, most of them in one plane, one group in two planes."""
    points = [[[19.9, 39.9, 0.5]], [[19.7, 39.6, 0.5]]]
    lines = [[[19.9, 39.9, 0.1], [19.8, 39.8, 0.2]], [[19.7, 39.7, 0.3], [19.6, 39.6, 0.4], [19.5, 39.5, 0.5]]]
    polygons = [[[19.9, 39.9, 0.25], [19.8, 39.9, 0.25], [19.8, 39.8, 0.25]]]
    ellipses = [[[19.9, 39.7, 0.001], [19.5, 39.7, 0.001], [19.7, 39.8, 0.001], [19.7, 39.6, 0.001]]]
    rectangles = [[[19.9, 39.9, 0.0], [19.9, 39.8, 0.0], [19.8, 39.8, 0.0], [19.8, 39.9, 0.0]]]
    groups = [
        _group(1, "Nuclei", ANATOMY, NUCLEUS, "POINT", points, DOUBLE),
        _group(2, "Vessel walls", ANATOMY, VESSEL, "POLYLINE", lines, DOUBLE),
        _group(3, "Glands", ANATOMY, GLAND, "POLYGON", polygons, SINGLE),
        _group(4, "Necrosis", MORPHOLOGY, NECROSIS, "ELLIPSE", ellipses, SINGLE),
        _group(5, "Tumour", MORPHOLOGY, TUMOR, "RECTANGLE", rectangles, SINGLE),
    ]
    groups[4].CommonZCoordinateValue = [0.0, 0.004]
    return _object(series, "slide coordinates", 2, slide, "3D", groups)


def frame(series: Series, slide: Dataset) -> Dataset:
    """Return nuclei in frame 2, on one optical path; the frame is 32 x 32."""
    groups = [_group(1, "Nuclei", ANATOMY, NUCLEUS, "POINT", [[[3.5, 4.5]], [[30.0, 31.0]]], SINGLE)]
    groups[0].AnnotationAppliesToAllOpticalPaths = "NO"
    groups[0].ReferencedOpticalPathIdentifier = "1"
    dataset = _object(series, "frame", 3, slide, "2D", groups)
    dataset.PixelOriginInterpretation = "FRAME"
    dataset.ReferencedImageSequence = [sop_reference(slide, ReferencedFrameNumber=2)]
    return dataset


def _group(
    number: int,
    label: str,
    category: Code,
    property_type: Code,
    graphic_type: str,
    coordinates: Sequence[Any],
    precision: type[Any],
    *,
    algorithm: str = "",
) -> hd.ann.AnnotationGroup:
    identification = None
    if algorithm:
        identification = hd.AlgorithmIdentificationSequence(
            name=algorithm, family=Code("123109", "DCM", "Manual Processing"), version="1.0"
        )
    data: list[NDArray[Any]] = [np.array(each, precision) for each in coordinates]
    return hd.ann.AnnotationGroup(
        number=number,
        uid="",
        label=label,
        annotated_property_category=category,
        annotated_property_type=property_type,
        graphic_type=graphic_type,
        graphic_data=data,
        algorithm_type="AUTOMATIC" if algorithm else "MANUAL",
        algorithm_identification=identification,
    )


def _object(
    series: Series,
    name: str,
    number: int,
    slide: Dataset,
    coordinate_type: str,
    groups: Sequence[hd.ann.AnnotationGroup],
) -> Dataset:
    for group in groups:
        group.AnnotationGroupUID = uid(f"{series.study.name}/{series.name}/{name}/{group.AnnotationGroupNumber}")
    dataset: Dataset = hd.ann.MicroscopyBulkSimpleAnnotations(
        source_images=[slide],
        annotation_coordinate_type=coordinate_type,
        annotation_groups=groups,
        series_instance_uid=series.series_instance_uid,
        series_number=series.number,
        sop_instance_uid=uid(f"{series.study.name}/{series.name}/{name}"),
        instance_number=number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name="builder",
        software_versions="1",
        device_serial_number="1",
    )
    same_patient_and_study(dataset, series)
    dataset.TimezoneOffsetFromUTC = "+0100"
    state_content(
        dataset, name.upper().replace(" ", "_")[:16], f"Synthetic annotations: {name}", creator="Synthetic^Reader"
    )
    return dataset
