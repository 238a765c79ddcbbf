"""Grayscale softcopy presentation states (PS3.3 A.33.1)."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import Dataset
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from builders.common import CREATED, CREATED_TIME, Series, by_series, instance, item, sop_reference
from builders.graphics import Display, annotation, compound_graphic, graphic, text_object

SQUARE = [(10.0, 20.0), (30.0, 20.0), (30.0, 28.0), (10.0, 28.0), (10.0, 20.0)]
CURVE = [(10.0, 10.0), (20.0, 30.0), (40.0, 30.0), (50.0, 12.5)]


def state(
    series: Series,
    name: str,
    number: int,
    images: Sequence[Dataset],
    annotations: Sequence[Dataset],
    areas: Sequence[Dataset],
    display: Display | None = None,
) -> Dataset:
    """Return a presentation state of these images, with graphic layers MEASURED and NOTES."""
    dataset = instance(series, GrayscaleSoftcopyPresentationStateStorage, name, number)
    references = [
        item(SeriesInstanceUID=uid, ReferencedImageSequence=[sop_reference(each) for each in group])
        for (_, uid), group in by_series(images).items()
    ]
    dataset.update(
        item(
            Laterality="",
            ContentLabel=name.upper().replace(" ", "_")[:16],
            ContentDescription=f"Synthetic annotations: {name}",
            ContentCreatorName="Synthetic^Reader",
            PresentationCreationDate=CREATED,
            PresentationCreationTime=CREATED_TIME,
            ReferencedSeriesSequence=references,
            DisplayedAreaSelectionSequence=list(areas),
            GraphicAnnotationSequence=list(annotations),
            GraphicLayerSequence=[
                item(GraphicLayer="MEASURED", GraphicLayerOrder=1, GraphicLayerDescription="Measured by hand"),
                item(GraphicLayer="NOTES", GraphicLayerOrder=2),
            ],
            RescaleIntercept="-1024",
            RescaleSlope="1",
            RescaleType="HU",
            PresentationLUTShape="IDENTITY",
        )
    )
    if display is not None:
        dataset.ImageRotation = display.rotation
        dataset.ImageHorizontalFlip = "Y" if display.flipped else "N"
    return dataset


def area(display: Display, images: Sequence[Dataset] = ()) -> Dataset:
    """Return a displayed area of these images, of all if none are given."""
    top_left, bottom_right = display.corners()
    dataset = item(
        DisplayedAreaTopLeftHandCorner=top_left,
        DisplayedAreaBottomRightHandCorner=bottom_right,
        PresentationSizeMode="SCALE TO FIT",
        PresentationPixelAspectRatio=[1, 1],
    )
    if images:
        dataset.ReferencedImageSequence = list(images)
    return dataset


WHOLE_CT = Display(1, 1, 64, 64)


def pixel_units(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """Every simple graphic type, and texts by box, by anchor and by both; one item applies to all images."""
    first, second = sop_reference(ct[0]), sop_reference(ct[1])
    annotations = [
        annotation(
            "MEASURED",
            [first],
            graphics=[
                graphic("POINT", [(12.5, 13.25)]),
                graphic("POLYLINE", [(5.0, 5.0), (15.5, 9.0), (25.0, 5.0)]),
                graphic("POLYLINE", SQUARE),
                graphic("CIRCLE", [(40.0, 40.0), (46.0, 40.0)]),
                graphic("ELLIPSE", [(30.0, 50.0), (50.0, 50.0), (40.0, 45.0), (40.0, 55.0)], filled=True),
            ],
        ),
        annotation(
            "NOTES",
            [second],
            texts=[
                text_object("box and anchor", box=[(4.0, 4.0), (24.0, 10.0)], anchor=(32.0, 32.0)),
                text_object("box", box=[(4.0, 14.0), (24.0, 20.0)]),
                text_object("anchor", anchor=(48.5, 16.25)),
            ],
        ),
        annotation("NOTES", [], graphics=[graphic("POINT", [(1.0, 63.0)])]),
    ]
    return state(series, "pixel units", 1, ct[:3], annotations, [area(WHOLE_CT)])


def display_units(series: Series, ct: Sequence[Dataset], display: Display, name: str, number: int) -> Dataset:
    """The same square, point, ellipse and text in DISPLAY and in PIXEL units, item by item."""
    images = [sop_reference(ct[0])]
    ellipse = [(20.0, 25.0), (40.0, 25.0), (30.0, 20.0), (30.0, 30.0)]
    in_display, in_pixels = (
        annotation(
            "MEASURED",
            images,
            graphics=[
                graphic("POLYLINE", SQUARE, display=units),
                graphic("POINT", [(12.5, 13.25)], display=units),
                graphic("ELLIPSE", ellipse, display=units),
            ],
            texts=[text_object("both", box=[(14.0, 10.0), (34.0, 16.0)], anchor=(32.0, 32.0), display=units)],
        )
        for units in (display, None)
    )
    return state(series, name, number, ct[:1], [in_display, in_pixels], [area(display)], display)


def interpolated(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """An open and a closed curve through their points."""
    curves = [graphic("INTERPOLATED", CURVE), graphic("INTERPOLATED", [*CURVE, CURVE[0]])]
    annotations = [annotation("MEASURED", [sop_reference(ct[0])], graphics=curves)]
    return state(series, "interpolated", 4, ct[:1], annotations, [area(WHOLE_CT)])


def compound_graphics(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """A rectangle with its simple counterpart; an ellipse, an arrow and an infinite line without one."""
    # PS3.3 C.10.5.1.2: both are given by the corners of their bounding box.
    rectangle = [(10.0, 20.0), (30.0, 28.0)]
    annotations = [
        annotation(
            "MEASURED",
            [sop_reference(ct[0])],
            graphics=[graphic("POLYLINE", SQUARE, compound=1)],
            compounds=[
                compound_graphic("RECTANGLE", rectangle, 1),
                compound_graphic("ELLIPSE", [(30.0, 45.0), (50.0, 55.0)], 2),
                compound_graphic("ARROW", [(5.0, 5.0), (15.0, 12.0)], 3),
                compound_graphic("INFINITELINE", [(0.0, 32.0), (64.0, 40.0)], 4),
            ],
        )
    ]
    return state(series, "compound graphics", 5, ct[:1], annotations, [area(WHOLE_CT)])


def frames(series: Series, mr: Dataset) -> Dataset:
    """Annotations of single frames of a multi-frame image, which are displayed by different areas."""
    upper = Display(1, 1, 32, 16)
    whole = Display(1, 1, 32, 32)
    two, others = sop_reference(mr, ReferencedFrameNumber=2), sop_reference(mr, ReferencedFrameNumber=[1, 3, 4, 5])
    four_five = sop_reference(mr, ReferencedFrameNumber=[4, 5])
    annotations = [
        annotation("MEASURED", [two], graphics=[graphic("CIRCLE", [(16.0, 8.0), (20.0, 8.0)], display=upper)]),
        annotation("MEASURED", [four_five], graphics=[graphic("POINT", [(8.0, 24.0)], display=whole)]),
        annotation("NOTES", [two], texts=[text_object("second frame", anchor=(16.0, 8.0), display=upper)]),
    ]
    dataset = state(series, "frames", 1, [mr], annotations, [area(upper, [two]), area(whole, [others])])
    dataset.RescaleIntercept = "0"
    dataset.RescaleType = "US"
    return dataset
