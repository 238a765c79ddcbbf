"""Presentation states that colour, blend and subtract, and one whose rescaling varies (PS3.3 A.33.2 - A.33.8)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom import Dataset
from pydicom.uid import (
    AdvancedBlendingPresentationStateStorage,
    BlendingSoftcopyPresentationStateStorage,
    ColorSoftcopyPresentationStateStorage,
    PseudoColorSoftcopyPresentationStateStorage,
    VariableModalityLUTSoftcopyPresentationStateStorage,
    XAXRFGrayscaleSoftcopyPresentationStateStorage,
)

from builders.common import CREATED, CREATED_TIME, Series, by_series, instance, item, sop_reference
from builders.graphics import Display, annotation, graphic, text_object


def _state(
    series: Series, sop_class_uid: str, name: str, number: int, annotations: Sequence[Dataset], **elements: Any
) -> Dataset:
    dataset = instance(series, sop_class_uid, name, number)
    dataset.update(
        item(
            Laterality="",
            ContentLabel=name.upper().replace(" ", "_").replace("-", "_")[:16],
            ContentDescription=f"Synthetic presentation: {name}",
            ContentCreatorName="Synthetic^Reader",
            PresentationCreationDate=CREATED,
            PresentationCreationTime=CREATED_TIME,
            GraphicAnnotationSequence=list(annotations),
            GraphicLayerSequence=[
                item(GraphicLayer="MEASURED", GraphicLayerOrder=1, GraphicLayerDescription="Measured by hand"),
            ],
            **elements,
        )
    )
    return dataset


def _area(display: Display, images: Sequence[Dataset] = ()) -> Dataset:
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


def _series_of(images: Sequence[Dataset]) -> list[Dataset]:
    return [
        item(SeriesInstanceUID=uid, ReferencedImageSequence=[sop_reference(each) for each in group])
        for (_, uid), group in by_series(images).items()
    ]


def color_profile() -> bytes:
    """Return the header of an ICC profile (ISO 15076-1) for RGB displays, with no tag behind it."""
    header = bytearray(132)
    header[0:4] = len(header).to_bytes(4, "big")
    header[8:12] = bytes([4, 0, 0, 0])
    header[12:24] = b"mntrRGB XYZ "
    header[36:40] = b"acsp"
    return bytes(header)


def _palette() -> Dataset:
    ramp = bytes(range(0, 256, 16))
    return item(
        RedPaletteColorLookupTableDescriptor=[16, 0, 8],
        GreenPaletteColorLookupTableDescriptor=[16, 0, 8],
        BluePaletteColorLookupTableDescriptor=[16, 0, 8],
        RedPaletteColorLookupTableData=ramp,
        GreenPaletteColorLookupTableData=bytes(range(15, 256, 16)),
        BluePaletteColorLookupTableData=bytes(reversed(ramp)),
    )


def color(series: Series, photo: Dataset) -> Dataset:
    """The outline of a spot on a photograph, in DISPLAY units, and a text."""
    whole = Display(1, 1, 32, 32)
    spot = graphic("CIRCLE", [(16.0, 16.0), (22.0, 16.0)], display=whole)
    words = text_object("spot", anchor=(16.0, 8.0))
    annotations = [annotation("MEASURED", [sop_reference(photo)], graphics=[spot], texts=[words])]
    return _state(
        series,
        ColorSoftcopyPresentationStateStorage,
        "color",
        1,
        annotations,
        ReferencedSeriesSequence=_series_of([photo]),
        DisplayedAreaSelectionSequence=[_area(whole)],
        ICCProfile=color_profile(),
    )


def pseudo_color(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """A polyline and an ellipse on one of two slices."""
    graphics = [
        graphic("POLYLINE", [(8.0, 8.0), (16.5, 8.0), (16.5, 24.0)]),
        graphic("ELLIPSE", [(20.0, 32.0), (44.0, 32.0), (32.0, 26.0), (32.0, 38.0)]),
    ]
    dataset = _state(
        series,
        PseudoColorSoftcopyPresentationStateStorage,
        "pseudo-color",
        6,
        [annotation("MEASURED", [sop_reference(ct[1])], graphics=graphics)],
        ReferencedSeriesSequence=_series_of(ct[:2]),
        DisplayedAreaSelectionSequence=[_area(Display(1, 1, 64, 64))],
        RescaleIntercept="-1024",
        RescaleSlope="1",
        RescaleType="HU",
        ICCProfile=color_profile(),
    )
    dataset.update(_palette())
    return dataset


def variable_modality_lut(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """A point on a slice whose rescaling differs from that of the other."""
    luts = [
        item(
            RescaleIntercept=intercept,
            RescaleSlope="1",
            RescaleType="HU",
            ReferencedImageSequence=[sop_reference(each)],
        )
        for intercept, each in zip(("-1024", "-1000"), ct[:2], strict=True)
    ]
    return _state(
        series,
        VariableModalityLUTSoftcopyPresentationStateStorage,
        "variable modality lut",
        7,
        [annotation("MEASURED", [sop_reference(ct[0])], graphics=[graphic("POINT", [(31.5, 20.25)])])],
        ReferencedSeriesSequence=_series_of(ct[:2]),
        DisplayedAreaSelectionSequence=[_area(Display(1, 1, 64, 64))],
        VariableModalityLUTSequence=luts,
        PresentationLUTShape="IDENTITY",
    )


def blending(series: Series, underlying: Sequence[Dataset], superimposed: Sequence[Dataset]) -> Dataset:
    """Two slices over three, each set with its displayed area; one graphic on an image of each."""
    left = Display(1, 1, 32, 64)
    whole = Display(1, 1, 64, 64)
    under, over = sop_reference(underlying[0]), sop_reference(superimposed[0])
    annotations = [
        annotation("MEASURED", [under], graphics=[graphic("POINT", [(16.0, 16.0)], display=whole)]),
        annotation("MEASURED", [over], graphics=[graphic("POINT", [(8.0, 48.0)], display=left)]),
    ]
    areas = [
        _area(whole, [sop_reference(each) for each in underlying]),
        _area(left, [sop_reference(each) for each in superimposed]),
    ]
    blended = [
        item(
            BlendingPosition=position,
            StudyInstanceUID=images[0].StudyInstanceUID,
            RescaleIntercept="-1024",
            RescaleSlope="1",
            RescaleType="HU",
            ReferencedSeriesSequence=_series_of(images),
        )
        for position, images in (("UNDERLYING", underlying), ("SUPERIMPOSED", superimposed))
    ]
    dataset = _state(
        series,
        BlendingSoftcopyPresentationStateStorage,
        "blending",
        8,
        annotations,
        BlendingSequence=blended,
        RelativeOpacity=0.5,
        DisplayedAreaSelectionSequence=areas,
        ICCProfile=color_profile(),
    )
    dataset.update(_palette())
    return dataset


def advanced_blending(series: Series, first: Sequence[Dataset], second: Sequence[Dataset]) -> Dataset:
    """Two inputs, one by its images, one as a whole series; a graphic that names none lies on the first."""
    inputs = []
    for number, images in enumerate((first, second), start=1):
        blended = item(
            BlendingInputNumber=number,
            StudyInstanceUID=images[0].StudyInstanceUID,
            SeriesInstanceUID=images[0].SeriesInstanceUID,
            GeometryForDisplay="TRUE" if number == 1 else "FALSE",
        )
        if number == 1:
            blended.ReferencedImageSequence = [sop_reference(each) for each in images]
        inputs.append(blended)
    listed = [
        item(SeriesInstanceUID=uid, ReferencedInstanceSequence=[sop_reference(each) for each in group])
        for (_, uid), group in by_series([*first, *second]).items()
    ]
    shown = item(
        BlendingMode="EQUAL", BlendingDisplayInputSequence=[item(BlendingInputNumber=1), item(BlendingInputNumber=2)]
    )
    return _state(
        series,
        AdvancedBlendingPresentationStateStorage,
        "advanced blending",
        9,
        [annotation("MEASURED", [], graphics=[graphic("POINT", [(40.0, 24.5)])])],
        FrameOfReferenceUID=series.study.frame_of_reference_uid,
        PositionReferenceIndicator="",
        AdvancedBlendingSequence=inputs,
        PixelPresentation="TRUE_COLOR",
        BlendingDisplaySequence=[shown],
        DisplayedAreaSelectionSequence=[_area(Display(1, 1, 64, 64))],
        ReferencedSeriesSequence=listed,
        ICCProfile=color_profile(),
    )


def angiography(series: Series, run: Dataset) -> Dataset:
    """A stenosis on frames 5 and 6, subtracted from the first two frames, of which frames 3 to 8 are played."""
    stenosis = graphic("POLYLINE", [(10.0, 16.0), (22.0, 16.0)])
    shown = item(
        StartTrim=3,
        StopTrim=8,
        SkipFrameRangeFlag="DISPLAY",
        RecommendedDisplayFrameRateInFloat=15.0,
        RecommendedViewingMode="SUB",
        DisplayFilterPercentage=None,
        MaskVisibilityPercentage=0.0,
    )
    mask = item(
        MaskOperation="AVG_SUB",
        ApplicableFrameRange=[3, 8],
        MaskFrameNumbers=[1, 2],
        ReferencedImageSequence=[sop_reference(run)],
    )
    frames = sop_reference(run, ReferencedFrameNumber=[5, 6])
    return _state(
        series,
        XAXRFGrayscaleSoftcopyPresentationStateStorage,
        "angiography",
        1,
        [annotation("MEASURED", [frames], graphics=[stenosis])],
        ReferencedSeriesSequence=_series_of([run]),
        DisplayedAreaSelectionSequence=[_area(Display(1, 1, 32, 32))],
        MaskSubtractionSequence=[mask],
        MultiFramePresentationSequence=[
            item(FrameDisplaySequence=[shown], ReferencedImageSequence=[sop_reference(run)])
        ],
        PresentationLUTShape="IDENTITY",
    )
