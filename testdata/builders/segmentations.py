"""Segmentations of every type, by highdicom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import highdicom as hd
import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.sr.coding import Code

from builders.common import MANUFACTURER, Series, code, same_patient_and_study, state_content, uid
from builders.images import CT_SIZE, MR_FRAMES, MR_SIZE, TILE, disc

TISSUE = Code("85756007", "SCT", "Tissue")
MORPHOLOGY = Code("49755003", "SCT", "Morphologically Abnormal Structure")
ORGAN = Code("113343008", "SCT", "Organ")
LUNG = Code("39607008", "SCT", "Lung")
HEART = Code("80891009", "SCT", "Heart")
NODULE = Code("27925004", "SCT", "Nodule")
MASS = Code("4147007", "SCT", "Mass")
BREAST = Code("76752008", "SCT", "Breast")
RIGHT = Code("24028007", "SCT", "Right")
LEFT = Code("7771000", "SCT", "Left")

SegmentationType = hd.seg.SegmentationTypeValues
AlgorithmType = hd.seg.SegmentAlgorithmTypeValues


def _segment(
    number: int,
    label: str,
    category: Code,
    property_type: Code,
    *,
    algorithm: str = "",
    region: Code | None = None,
    tracked: Series | None = None,
) -> hd.seg.SegmentDescription:
    identification = None
    if algorithm:
        identification = hd.AlgorithmIdentificationSequence(
            name=algorithm, family=Code("123109", "DCM", "Manual Processing"), version="1.0"
        )
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=category,
        segmented_property_type=property_type,
        algorithm_type=AlgorithmType.SEMIAUTOMATIC if algorithm else AlgorithmType.MANUAL,
        algorithm_identification=identification,
        anatomic_regions=[region] if region else None,
        tracking_id=label if tracked else None,
        tracking_uid=uid(f"{tracked.study.name}/tracking/{label}") if tracked else None,
    )


def _segmentation(
    series: Series,
    name: str,
    number: int,
    images: Sequence[Dataset],
    pixels: NDArray[Any],
    kind: hd.seg.SegmentationTypeValues,
    segments: Sequence[hd.seg.SegmentDescription],
    **options: Any,
) -> Dataset:
    dataset: Dataset = hd.seg.Segmentation(
        source_images=images,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=segments,
        series_instance_uid=series.series_instance_uid,
        series_number=series.number,
        sop_instance_uid=uid(f"{series.study.name}/{series.name}/{name}"),
        instance_number=number,
        manufacturer=MANUFACTURER,
        manufacturer_model_name="builder",
        software_versions="1",
        device_serial_number="1",
        **options,
    )
    same_patient_and_study(dataset, series)
    state_content(
        dataset, name.upper().replace(" ", "_")[:16], f"Synthetic segments: {name}", creator="Synthetic^Reader"
    )
    organization = uid(f"{series.study.name}/{series.name}/{name}/dimensions")
    for each in (*dataset.DimensionOrganizationSequence, *dataset.get("DimensionIndexSequence", ())):
        each.DimensionOrganizationUID = organization
    return dataset


def binary(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """Two segments that overlap in one of four slices, the second on two slices only."""
    pixels = np.zeros((4, CT_SIZE, CT_SIZE, 2), dtype=np.uint8)
    pixels[..., 0] = disc(CT_SIZE, 12)
    pixels[1:3, 30:34, 30:34, 1] = 1
    segments = [
        _segment(1, "Right lung", ORGAN, LUNG, region=LUNG),
        _segment(2, "Nodule", MORPHOLOGY, NODULE, algorithm="Synthetic threshold", tracked=series),
    ]
    segments[0].SegmentedPropertyTypeCodeSequence[0].SegmentedPropertyTypeModifierCodeSequence = [
        code(RIGHT.value, RIGHT.scheme_designator, RIGHT.meaning)
    ]
    return _segmentation(series, "binary", 1, ct[:4], pixels, SegmentationType.BINARY, segments)


def fractional(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """One segment with probabilities on two slices."""
    pixels = np.zeros((2, CT_SIZE, CT_SIZE), dtype=np.float64)
    pixels[:, disc(CT_SIZE, 10)] = 0.5
    pixels[:, disc(CT_SIZE, 5)] = 1.0
    segments = [_segment(1, "Heart", ORGAN, HEART, algorithm="Synthetic probability")]
    kind = SegmentationType.FRACTIONAL
    return _segmentation(series, "fractional", 2, ct[2:4], pixels, kind, segments, max_fractional_value=200)


def label_map(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """Background 0 and two segments whose numbers leave a gap: 1 and 4."""
    pixels = np.zeros((3, CT_SIZE, CT_SIZE), dtype=np.uint8)
    pixels[:, disc(CT_SIZE, 12)] = 1
    pixels[:, disc(CT_SIZE, 4)] = 4
    segments = [_segment(1, "Lung", ORGAN, LUNG), _segment(4, "Nodule", MORPHOLOGY, NODULE)]
    return _segmentation(series, "label map", 3, ct[:3], pixels, SegmentationType.LABELMAP, segments)


def with_holes(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """On one slice a frame around an island, and a second segment over both."""
    pixels = np.zeros((1, CT_SIZE, CT_SIZE, 2), dtype=np.uint8)
    pixels[0, 10:30, 20:40, 0] = 1
    pixels[0, 14:26, 24:36, 0] = 0
    pixels[0, 18:22, 28:32, 0] = 1
    pixels[0, 20:24, 16:44, 1] = 1
    segments = [_segment(1, "Wall", ORGAN, HEART), _segment(2, "Needle path", MORPHOLOGY, NODULE)]
    return _segmentation(series, "with holes", 4, ct[2:3], pixels, SegmentationType.BINARY, segments)


def of_frames(series: Series, mr: Dataset) -> Dataset:
    """Two segments of a multi-frame image: one on frames 2 to 4, one on frame 5."""
    pixels = np.zeros((MR_FRAMES, MR_SIZE, MR_SIZE, 2), dtype=np.uint8)
    pixels[1:4, 10:20, 12:16, 0] = 1
    pixels[4, 20:26, 20:26, 1] = 1
    segments = [
        _segment(1, "Mass one", MORPHOLOGY, MASS, region=BREAST, tracked=series),
        _segment(2, "Mass two", MORPHOLOGY, MASS, region=BREAST),
    ]
    return _segmentation(series, "of frames", 1, [mr], pixels, SegmentationType.BINARY, segments)


def tiled(series: Series, slide: Dataset) -> Dataset:
    """A segment on a whole slide image, in the same four tiles."""
    pixels = np.zeros((1, 2 * TILE, 2 * TILE), dtype=np.uint8)
    pixels[0, disc(2 * TILE, 20)] = 1
    segments = [_segment(1, "Tissue", TISSUE, TISSUE, algorithm="Synthetic threshold")]
    kind = SegmentationType.BINARY
    return _segmentation(series, "tiled", 1, [slide], pixels, kind, segments, tile_pixel_array=True)
