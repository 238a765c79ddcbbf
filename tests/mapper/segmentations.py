"""Segmentations for tests, built with pydicom alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom import Dataset

from tests.builders import FRAME_OF_REFERENCE, SEGMENTATION, STUDY, code, dataset, reference

SEGMENTATION_UID, SEGMENTATION_SERIES = "1.2.3.6.1", "1.2.3.6"
TISSUE = code("85756007", "SCT", "Tissue")
KIDNEY = code("64033007", "SCT", "Kidney")


def segmentation(*segments: int | Dataset, frames: Sequence[Dataset] = (), **elements: Any) -> Dataset:
    """Return a segmentation of these segments, by number or as items of its Segment Sequence."""
    stated = {
        "SOPClassUID": SEGMENTATION,
        "SOPInstanceUID": SEGMENTATION_UID,
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SEGMENTATION_SERIES,
        "SeriesNumber": 300,
        "InstanceNumber": 5,
        "Modality": "SEG",
        "FrameOfReferenceUID": FRAME_OF_REFERENCE,
        "SegmentationType": "BINARY",
        "ContentDate": "20200102",
        "ContentTime": "101112.5",
        "TimezoneOffsetFromUTC": "-0330",
        **elements,
    }
    built = dataset(**stated)
    if segments:
        built.SegmentSequence = [segment(each) if isinstance(each, int) else each for each in segments]
    if frames:
        built.PerFrameFunctionalGroupsSequence = list(frames)
    return built


def segment(number: int | None, kind: Dataset | None = KIDNEY, **elements: Any) -> Dataset:
    """Return an item of the Segment Sequence."""
    built = dataset(SegmentedPropertyCategoryCodeSequence=[TISSUE], **elements)
    if number is not None:
        built.SegmentNumber = number
    if kind is not None:
        built.SegmentedPropertyTypeCodeSequence = [kind]
    return built


def frame(number: int | None, *uids: str, **of_source: Any) -> Dataset:
    """Return a functional group that identifies a segment and the images that its frame derives from."""
    built = Dataset()
    if number is not None:
        built.SegmentIdentificationSequence = [dataset(ReferencedSegmentNumber=number)]
    if uids:
        sources = [reference(uid, **of_source) for uid in uids]
        built.DerivationImageSequence = [dataset(SourceImageSequence=sources)]
    return built
