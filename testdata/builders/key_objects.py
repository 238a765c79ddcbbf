"""Key object selections (PS3.16 TID 2010)."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage

from builders.common import CREATED, CREATED_TIME, Series, code, evidence, instance, sop_reference
from builders.content_items import add_root, coded, container, reference, text

MODIFIER = code("113011", "DCM", "Document Title Modifier")
DESCRIPTION = code("113012", "DCM", "Key Object Description")


def _selection(
    series: Series,
    name: str,
    number: int,
    title: Dataset,
    items: Sequence[Dataset],
    referenced: Sequence[Dataset],
) -> Dataset:
    dataset = instance(series, KeyObjectSelectionDocumentStorage, name, number)
    dataset.ContentDate = CREATED
    dataset.ContentTime = CREATED_TIME
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.CurrentRequestedProcedureEvidenceSequence = evidence(referenced)
    add_root(dataset, container(title, items, template="2010"))
    return dataset


def best_in_set(series: Series, ct: Sequence[Dataset], lung: Sequence[Dataset], state: Dataset) -> Dataset:
    """A title with a modifier, a description, images of two series, one of them as a presentation state shows it."""
    shown = reference("IMAGE", ct[0], "CONTAINS")
    shown.ReferencedSOPSequence[0].ReferencedSOPSequence = [sop_reference(state)]
    items = [
        coded(MODIFIER, code("113015", "DCM", "Series"), "HAS CONCEPT MOD"),
        text(DESCRIPTION, "The slices with the synthetic nodule."),
        shown,
        reference("IMAGE", ct[2], "CONTAINS"),
        reference("IMAGE", lung[1], "CONTAINS"),
    ]
    title = code("113013", "DCM", "Best In Set")
    return _selection(series, "best in set", 1, title, items, [ct[0], ct[2], lung[1], state])


def rejected(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """A rejection note: two images rejected for quality reasons."""
    items = [
        coded(MODIFIER, code("111207", "DCM", "Image artifact(s)"), "HAS CONCEPT MOD"),
        reference("IMAGE", ct[4], "CONTAINS"),
        reference("IMAGE", ct[5], "CONTAINS"),
    ]
    title = code("113001", "DCM", "Rejected for Quality Reasons")
    return _selection(series, "rejected", 2, title, items, ct[4:6])


def frames(series: Series, mr: Dataset, state: Dataset, report: Dataset) -> Dataset:
    """Frames of a multi-frame image, a presentation state and a report by themselves."""
    items = [
        text(DESCRIPTION, "Two frames and what was written about them."),
        reference("IMAGE", mr, "CONTAINS", ReferencedFrameNumber=[2, 4]),
        reference("COMPOSITE", state, "CONTAINS"),
        reference("COMPOSITE", report, "CONTAINS"),
    ]
    title = code("113004", "DCM", "For Teaching")
    return _selection(series, "frames", 1, title, items, [mr, state, report])


def waveform(series: Series, ecg: Dataset) -> Dataset:
    """A waveform of note."""
    items = [reference("WAVEFORM", ecg, "CONTAINS")]
    return _selection(series, "waveform", 1, code("113000", "DCM", "Of Interest"), items, [ecg])
