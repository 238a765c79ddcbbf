"""Reports of computer-aided detection: mammography, chest and colon (PS3.16 TID 4000, 4100 and 4120)."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import Dataset
from pydicom.uid import ChestCADSRStorage, ColonCADSRStorage, MammographyCADSRStorage

from builders.common import Series, code
from builders.content_items import by_reference, coded, container, coordinates, document, number, reference, text

PERCENT = code("%", "UCUM", "Percent")
PRESENT = code("111150", "DCM", "Presentation Required: Rendering device is expected to present")
DO_NOT_PRESENT = code("111152", "DCM", "Not for Presentation: Rendering device expected not to present")
CLUSTER = code("129769006", "SCT", "Calcification Cluster")
DENSITY = code("129793001", "SCT", "Mammography breast density")
RIGHT_BREAST = code("73056007", "SCT", "Right breast")
LEFT_BREAST = code("80248007", "SCT", "Left breast")
CENTER = code("111010", "DCM", "Center")
OUTLINE = code("111041", "DCM", "Outline")
DETECTION = code("111022", "DCM", "Detection Performed")


def _language() -> Dataset:
    name = code("121049", "DCM", "Language of Content Item and Descendants")
    return coded(name, code("en", "RFC5646", "English"), "HAS CONCEPT MOD")


def _device(name: str) -> list[Dataset]:
    """Return the observer context of a device (TID 4022, 1004)."""
    return [
        coded(code("121005", "DCM", "Observer Type"), code("121007", "DCM", "Device"), "HAS OBS CONTEXT"),
        text(code("121013", "DCM", "Device Observer Name"), name, "HAS OBS CONTEXT"),
    ]


def _algorithm(name: str, version: str) -> list[Dataset]:
    """Return what identifies an algorithm (TID 4019)."""
    return [
        text(code("111001", "DCM", "Algorithm Name"), name, "HAS PROPERTIES"),
        text(code("111003", "DCM", "Algorithm Version"), version, "HAS PROPERTIES"),
    ]


def _intent(value: Dataset) -> Dataset:
    return coded(code("111056", "DCM", "Rendering Intent"), value, "HAS CONCEPT MOD")


def _certainty(percent: str) -> Dataset:
    return number(code("111012", "DCM", "Certainty of Finding"), percent, PERCENT, [], "HAS PROPERTIES")


def _finding(value: Dataset, items: Sequence[Dataset], relationship: str = "CONTAINS") -> Dataset:
    return coded(code("111059", "DCM", "Single Image Finding"), value, relationship, items)


def _summary(value: tuple[str, str], items: Sequence[Dataset]) -> Dataset:
    name = code("111017", "DCM", "CAD Processing and Findings Summary")
    return coded(name, code(value[0], "DCM", value[1]), items=items)


def _detections(performed: Sequence[Dataset]) -> Dataset:
    successful = container(code("111063", "DCM", "Successful Detections"), performed, relationship="INFERRED FROM")
    return coded(code("111064", "DCM", "Summary of Detections"), code("111222", "DCM", "Succeeded"), items=[successful])


def _analyses() -> Dataset:
    return coded(code("111065", "DCM", "Summary of Analyses"), code("111225", "DCM", "Not Attempted"))


def _mammogram(image: Dataset, side: Dataset) -> Dataset:
    """Return an image library entry (TID 4020)."""
    entry = reference("IMAGE", image, "CONTAINS")
    view = image.ViewCodeSequence[0]
    entry.ContentSequence = [
        coded(code("111027", "DCM", "Image Laterality"), side, "HAS ACQ CONTEXT"),
        coded(
            code("111031", "DCM", "Image View"),
            code(view.CodeValue, view.CodingSchemeDesignator, view.CodeMeaning),
            "HAS ACQ CONTEXT",
        ),
        text(code("111044", "DCM", "Patient Orientation Row"), image.PatientOrientation[0], "HAS ACQ CONTEXT"),
        text(code("111043", "DCM", "Patient Orientation Column"), image.PatientOrientation[1], "HAS ACQ CONTEXT"),
    ]
    return entry


def _cluster(position: int, center: tuple[float, float]) -> Dataset:
    """Return a cluster on an image of the library, with its center and its outline, 2.5 pixels around."""
    column, row = center
    left, right, top, bottom = column - 2.5, column + 2.5, row - 2.5, row + 2.5
    image = by_reference("SELECTED FROM", 1, 3, position)
    outline = [left, top, right, top, right, bottom, left, bottom, left, top]
    return _finding(
        CLUSTER,
        [
            _intent(PRESENT),
            *_algorithm("Cluster finder", "2.1"),
            _certainty("85"),
            coordinates("POINT", center, [image], "HAS PROPERTIES", CENTER),
            coordinates("POLYLINE", outline, [image], "HAS PROPERTIES", OUTLINE),
        ],
    )


def mammography(series: Series, right: Sequence[Dataset], left: Dataset) -> Dataset:
    """A cluster in two views of the right breast, one feature, to be presented; a density on the left, not to be."""
    density = _finding(
        DENSITY,
        [
            _intent(DO_NOT_PRESENT),
            *_algorithm("Density finder", "1.0"),
            coordinates("POINT", [8.0, 24.0], [by_reference("SELECTED FROM", 1, 3, 3)], "HAS PROPERTIES", CENTER),
        ],
    )
    composite = coded(
        code("111015", "DCM", "Composite Feature"),
        CLUSTER,
        items=[
            _intent(PRESENT),
            *_algorithm("Feature matcher", "0.9"),
            by_reference("INFERRED FROM", 1, 4, 1, 2),
            by_reference("INFERRED FROM", 1, 4, 1, 3),
        ],
    )
    impression = container(
        code("111034", "DCM", "Individual Impression/Recommendation"),
        [_intent(PRESENT), _cluster(1, (12.5, 20.5)), _cluster(2, (14.5, 28.5)), density, composite],
        relationship="INFERRED FROM",
    )
    performed = coded(
        DETECTION,
        CLUSTER,
        items=[
            *_algorithm("Cluster finder", "2.1"),
            *(by_reference("HAS PROPERTIES", 1, 3, position) for position in (1, 2, 3)),
        ],
    )
    entries = [*(_mammogram(each, RIGHT_BREAST) for each in right), _mammogram(left, LEFT_BREAST)]
    # The language is item 1.1, the observer 1.2, the Image Library 1.3 and the findings 1.4.
    root = container(
        code("111036", "DCM", "Mammography CAD Report"),
        [
            _language(),
            text(code("121013", "DCM", "Device Observer Name"), "Synthetic CAD", "HAS OBS CONTEXT"),
            container(code("111028", "DCM", "Image Library"), entries),
            _summary(("111242", "All algorithms succeeded; with findings"), [impression]),
            _detections([performed]),
            _analyses(),
        ],
        template="4000",
        relationship="",
    )
    return document(series, MammographyCADSRStorage, "mammography", 1, root, [*right, left])


def chest(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """A nodule outlined on a slice, with its site; the detection names its image itself, as there is no library."""
    site = coded(
        code("363698007", "SCT", "Finding Site"), code("45653009", "SCT", "Upper lobe of lung"), "HAS PROPERTIES"
    )
    site.ContentSequence = [
        coded(code("272741003", "SCT", "Laterality"), code("24028007", "SCT", "Right"), "HAS CONCEPT MOD")
    ]
    image = reference("IMAGE", ct[2], "SELECTED FROM")
    nodule = _finding(
        code("27925004", "SCT", "Nodule"),
        [
            _intent(PRESENT),
            *_algorithm("Nodule finder", "3.0"),
            site,
            coordinates("POINT", [20.0, 30.0], [image], "HAS PROPERTIES", CENTER),
            coordinates("CIRCLE", [20.0, 30.0, 23.0, 30.0], [image], "HAS PROPERTIES", OUTLINE),
        ],
        "INFERRED FROM",
    )
    root = container(
        code("112000", "DCM", "Chest CAD Report"),
        [
            _language(),
            *_device("Synthetic CAD"),
            _summary(("111242", "All algorithms succeeded; with findings"), [nodule]),
            _detections(
                [
                    coded(
                        DETECTION,
                        code("27925004", "SCT", "Nodule"),
                        items=[*_algorithm("Nodule finder", "3.0"), reference("IMAGE", ct[2], "HAS PROPERTIES")],
                    )
                ]
            ),
            _analyses(),
        ],
        template="4100",
        relationship="",
    )
    return document(series, ChestCADSRStorage, "chest CAD", 6, root, [ct[2]])


def colon(series: Series, supine: Sequence[Dataset], prone: Sequence[Dataset]) -> Dataset:
    """One polyp, seen supine and prone."""
    polyps = [
        _finding(
            code("68496003", "SCT", "Polyp of colon"),
            [
                _intent(PRESENT),
                *_algorithm("Polyp finder", "1.2"),
                coordinates(
                    "POINT",
                    [12.0 + offset, 17.5],
                    [reference("IMAGE", image, "SELECTED FROM")],
                    "HAS PROPERTIES",
                    CENTER,
                ),
            ],
            "INFERRED FROM",
        )
        for offset, image in enumerate((supine[1], prone[0]))
    ]
    root = container(
        code("112220", "DCM", "Colon CAD Report"),
        [
            _language(),
            *_device("Synthetic CAD"),
            _summary(("111242", "All algorithms succeeded; with findings"), polyps),
            _detections(
                [
                    coded(
                        DETECTION,
                        code("68496003", "SCT", "Polyp of colon"),
                        items=[
                            *_algorithm("Polyp finder", "1.2"),
                            *(reference("IMAGE", each, "HAS PROPERTIES") for each in (*supine, *prone)),
                        ],
                    )
                ]
            ),
            _analyses(),
        ],
        template="4120",
        relationship="",
    )
    return document(series, ColonCADSRStorage, "colon CAD", 1, root, [*supine, *prone])
