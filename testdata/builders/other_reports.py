"""Reports outside of TID 1500: items by reference, plain references with frames, channels and presentation states."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import Dataset
from pydicom.uid import BasicTextSRStorage, ComprehensiveSRStorage, EnhancedSRStorage

from builders.common import DATE, Series, code, sop_reference, uid
from builders.content_items import (
    by_reference,
    coded,
    container,
    content_item,
    coordinates,
    document,
    number,
    reference,
    text,
)

REPORT = code("11528-7", "LN", "Radiology Report")
FINDINGS = code("121070", "DCM", "Findings")
FINDING = code("121071", "DCM", "Finding")
LENGTH = code("410668003", "SCT", "Length")
DIAMETER = code("81827009", "SCT", "Diameter")
MILLIMETRE = code("mm", "UCUM", "millimeter")
SOURCE = code("121112", "DCM", "Source of Measurement")
REGION = code("111030", "DCM", "Image Region")


def by_reference_items(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """Measurements whose images and coordinates stand elsewhere in the tree and are named by position."""
    language = coded(
        code("121049", "DCM", "Language of Content Item and Descendants"), code("en", "RFC5646", "English")
    )
    language.RelationshipType = "HAS CONCEPT MOD"
    images = container(
        code("111028", "DCM", "Image Library"), [reference("IMAGE", each, "CONTAINS") for each in ct[:2]]
    )
    stated = coordinates(
        "POLYLINE", [12.0, 20.5, 30.0, 20.5], [by_reference("SELECTED FROM", 1, 2, 1)], "INFERRED FROM"
    )
    # The SCOORD is this document's item 1.3.1.1, its image item 1.2.1.
    length = number(LENGTH, "90", MILLIMETRE, [stated])
    length.ObservationDateTime = f"{DATE}142233+0100"
    length.ObservationUID = uid(f"{series.study.name}/length observation")
    findings = container(
        FINDINGS,
        [
            length,
            number(DIAMETER, "45", MILLIMETRE, [by_reference("INFERRED FROM", 1, 3, 1, 1)]),
            text(FINDING, "A synthetic shadow.", items=[by_reference("INFERRED FROM", 1, 2, 2)]),
        ],
    )
    root = container(REPORT, [language, images, findings], relationship="")
    return document(series, ComprehensiveSRStorage, "by reference", 4, root, ct[:2])


def basic_text(series: Series, ct: Sequence[Dataset], presentation_state: Dataset) -> Dataset:
    """Findings with an image, with an image as a presentation state shows it, and with an earlier report."""
    shown = reference("IMAGE", ct[1], "INFERRED FROM")
    shown.ReferencedSOPSequence[0].ReferencedSOPSequence = [sop_reference(presentation_state)]
    root = container(
        REPORT,
        [
            text(FINDING, "A synthetic disc.", items=[reference("IMAGE", ct[0], "INFERRED FROM")]),
            text(FINDING, "The same with its annotations.", items=[shown]),
        ],
        relationship="",
    )
    return document(series, BasicTextSRStorage, "basic text", 5, root, [ct[0], ct[1], presentation_state])


def enhanced_frames(series: Series, mr: Dataset, measurement_report: Dataset) -> Dataset:
    """Frames of a multi-frame image, coordinates on one of them, and another report as a composite."""
    frame = reference("IMAGE", mr, "SELECTED FROM", ReferencedFrameNumber=4)
    region = coordinates("CIRCLE", [15.5, 15.5, 19.5, 15.5], [frame], "INFERRED FROM", REGION)
    root = container(
        REPORT,
        [
            text(
                FINDING, "Seen on two.", items=[reference("IMAGE", mr, "INFERRED FROM", ReferencedFrameNumber=[2, 3])]
            ),
            number(DIAMETER, "32", MILLIMETRE, [region]),
            reference("COMPOSITE", measurement_report, "CONTAINS", code("121206", "DCM", "Distance")),
        ],
        relationship="",
    )
    return document(series, EnhancedSRStorage, "enhanced", 2, root, [mr, measurement_report])


def ecg_findings(series: Series, ecg: Dataset) -> Dataset:
    """Waveform channels, all channels of a group, a time on one of them, and the whole waveform."""
    one = reference("WAVEFORM", ecg, "SELECTED FROM", ReferencedWaveformChannels=[1, 2])
    moment = content_item(
        "TCOORD", SOURCE, "INFERRED FROM", TemporalRangeType="POINT", ReferencedSamplePositions=42, items=[one]
    )
    root = container(
        code("11524-0", "LN", "ECG Report"),
        [
            text(
                FINDING,
                "Two channels of the first group, all of the second.",
                items=[reference("WAVEFORM", ecg, "INFERRED FROM", ReferencedWaveformChannels=[1, 1, 1, 3, 2, 0])],
            ),
            number(code("8867-4", "LN", "Heart rate"), "60", code("/min", "UCUM", "per minute"), [moment]),
            reference("WAVEFORM", ecg, "CONTAINS", SOURCE),
        ],
        relationship="",
    )
    return document(series, EnhancedSRStorage, "ecg", 1, root, [ecg])
