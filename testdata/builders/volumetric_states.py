"""Volumetric presentation states: planar reconstructions and volume renderings (PS3.3 A.80)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom import Dataset
from pydicom.uid import (
    CompositingPlanarMPRVolumetricPresentationStateStorage,
    GrayscalePlanarMPRVolumetricPresentationStateStorage,
    MultipleVolumeRenderingVolumetricPresentationStateStorage,
    SegmentedVolumeRenderingVolumetricPresentationStateStorage,
    VolumeRenderingVolumetricPresentationStateStorage,
)

from builders.common import CREATED, CREATED_TIME, Series, by_series, code, instance, item, sop_reference, uid
from builders.graphics import Display, annotation, graphic, text_object
from builders.other_states import color_profile

BREADTH = 320.0
# Positions on a view are given in hundredths of it.
VIEW = Display(1, 1, 100, 100)


def _state(
    series: Series,
    sop_class_uid: str,
    name: str,
    number: int,
    inputs: Sequence[Sequence[Dataset]],
    *,
    referenced: Sequence[Dataset] = (),
    cropped: bool = False,
    **elements: Any,
) -> Dataset:
    dataset = instance(series, sop_class_uid, name, number)
    sets = [uid(f"{series.study.name}/{name}/input {index}") for index in range(len(inputs))]
    everything = [each for images in inputs for each in images] + list(referenced)
    dataset.update(
        item(
            ContentLabel=name.upper().replace(" ", "_")[:16],
            ContentDescription=f"Synthetic view: {name}",
            ContentCreatorName="Synthetic^Reader",
            PresentationCreationDate=CREATED,
            PresentationCreationTime=CREATED_TIME,
            FrameOfReferenceUID=series.study.frame_of_reference_uid,
            PositionReferenceIndicator="",
            VolumetricPresentationInputSetSequence=[
                item(
                    VolumetricPresentationInputSetUID=set_uid,
                    PresentationInputType="VOLUME",
                    ReferencedImageSequence=[sop_reference(each) for each in images],
                )
                for set_uid, images in zip(sets, inputs, strict=True)
            ],
            VolumetricPresentationStateInputSequence=[
                item(
                    VolumetricPresentationInputNumber=index + 1,
                    VolumetricPresentationInputSetUID=set_uid,
                    WindowCenter="40",
                    WindowWidth="400",
                    Crop="NO",
                )
                for index, set_uid in enumerate(sets)
            ],
            GlobalCrop="YES" if cropped else "NO",
            AnatomicRegionSequence=[code("51185008", "SCT", "Chest")],
            ImageLaterality="",
            ViewCodeSequence=[],
            GraphicLayerSequence=[
                item(GraphicLayer="PLANNED", GraphicLayerOrder=1, GraphicLayerDescription="Planned by hand")
            ],
            ReferencedSeriesSequence=[
                item(SeriesInstanceUID=series_uid, ReferencedInstanceSequence=[sop_reference(each) for each in group])
                for (_, series_uid), group in by_series(everything).items()
            ],
            **elements,
        )
    )
    return dataset


def _in_space(graphic_type: str, points: Sequence[float], words: str = "", **elements: Any) -> Dataset:
    dataset = item(
        GraphicData=list(points), GraphicType=graphic_type, GraphicLayer="PLANNED", AnnotationClipping="NO", **elements
    )
    if words:
        dataset.TextObjectSequence = [item(UnformattedTextValue=words)]
    return dataset


def _coronal(y: float, thickness: float | None = None) -> dict[str, Any]:
    """Return the geometry of a coronal plane of 320 x 100 mm through the slices, seen from the front."""
    geometry: dict[str, Any] = {
        "MultiPlanarReconstructionStyle": "PLANAR",
        "MPRThicknessType": "THIN" if thickness is None else "SLAB",
        "MPRTopLeftHandCorner": [-BREADTH / 2, y, 60.0],
        "MPRViewWidthDirection": [1.0, 0.0, 0.0],
        "MPRViewWidth": BREADTH,
        "MPRViewHeightDirection": [0.0, 0.0, -1.0],
        "MPRViewHeight": 100.0,
    }
    if thickness is not None:
        geometry["MPRSlabThickness"] = thickness
    return geometry


def planar(series: Series, ct: Sequence[Dataset], report: Dataset, observation_uid: str) -> Dataset:
    """A thin coronal plane; in space a needle path, as a report has it, and its target; drawings on the view."""
    context = item(
        ReferencedSOPClassUID=report.SOPClassUID,
        ReferencedSOPInstanceUID=report.SOPInstanceUID,
        ReferencedContentItem=observation_uid,
    )
    needle = _in_space("POLYLINE", [-100.0, 0.0, 40.0, 20.5, 0.0, 12.5], "Needle path")
    needle.ReferencedStructuredContextSequence = [context]
    target = _in_space(
        "ELLIPSOID", [10, 0, 12.5, 31, 0, 12.5, 20.5, -8, 12.5, 20.5, 8, 12.5, 20.5, 0, 7.5, 20.5, 0, 17.5]
    )
    drawing = annotation(
        "PLANNED",
        [],
        graphics=[graphic("POLYLINE", [(25.0, 50.0), (50.0, 50.0)], display=VIEW)],
        texts=[text_object("entry", anchor=(25.0, 50.0), display=VIEW)],
    )
    return _state(
        series,
        GrayscalePlanarMPRVolumetricPresentationStateStorage,
        "planar reconstruction",
        1,
        [ct],
        referenced=[report],
        PixelPresentation="MONOCHROME",
        PresentationLUTShape="IDENTITY",
        VolumetricAnnotationSequence=[needle, target],
        GraphicAnnotationSequence=[drawing],
        **_coronal(0.0),
    )


def composited(series: Series, ct: Sequence[Dataset], lung: Sequence[Dataset]) -> Dataset:
    """A coronal slab of two volumes, cropped to a box; a text names the second volume."""
    label = item(
        VolumetricPresentationInputIndex=2,
        GraphicLayer="PLANNED",
        TextObjectSequence=[item(UnformattedTextValue="right lung")],
    )
    box = item(
        CroppingSpecificationNumber=1,
        VolumeCroppingMethod="BOUNDING_BOX",
        BoundingBoxCrop=[-150.0, -100.0, 0.0, 150.0, 100.0, 25.0],
    )
    classified = [
        item(
            ComponentType="ONE_TO_RGBA",
            ComponentInputSequence=[item(VolumetricPresentationInputIndex=number)],
            RGBLUTTransferFunction="EQUAL_RGB",
            AlphaLUTTransferFunction="NONE",
        )
        for number in (1, 2)
    ]
    weights = item(
        WeightingTransferFunctionSequence=[
            item(LUTDescriptor=[4, 0, 8], LUTData=bytes([128] * 4)),
            item(LUTDescriptor=[4, 0, 8], LUTData=bytes([128] * 4)),
        ]
    )
    dataset = _state(
        series,
        CompositingPlanarMPRVolumetricPresentationStateStorage,
        "composited slab",
        2,
        [ct, lung],
        cropped=True,
        PixelPresentation="TRUE_COLOR",
        PresentationStateClassificationComponentSequence=classified,
        PresentationStateCompositorComponentSequence=[weights],
        ICCProfile=color_profile(),
        VolumeCroppingSequence=[box],
        VolumetricPresentationInputAnnotationSequence=[label],
        **_coronal(0.0, 10.0),
    )
    dataset.GlobalCroppingSpecificationIndex = 1
    for each in dataset.VolumetricPresentationStateInputSequence:
        each.RenderingMethod = "AVERAGE_IP"
    return dataset


def _rendered(dataset: Dataset, projection: str) -> Dataset:
    """Add the geometry of a view from the front, 1000 mm from the origin: at its back 320 mm wide and 200 mm high."""
    palette = {
        f"{color}PaletteColorLookupTable{part}": value
        for color in ("Red", "Green", "Blue", "Alpha")
        for part, value in (("Descriptor", [16, 0, 8]), ("Data", bytes(range(0, 256, 16))))
    }
    streams = [
        item(
            VolumetricPresentationInputSetUID=each.VolumetricPresentationInputSetUID,
            PresentationStateClassificationComponentSequence=[
                item(
                    ComponentType="ONE_TO_RGBA",
                    ComponentInputSequence=[
                        item(VolumetricPresentationInputIndex=each.VolumetricPresentationInputNumber)
                    ],
                    RGBLUTTransferFunction="TABLE",
                    AlphaLUTTransferFunction="TABLE",
                    **palette,
                )
            ],
        )
        for each in dataset.VolumetricPresentationStateInputSequence
    ]
    dataset.update(
        item(
            RenderProjection=projection,
            ViewpointPosition=[0.0, -1000.0, 0.0],
            ViewpointLookAtPoint=[0.0, 0.0, 0.0],
            ViewpointUpDirection=[0.0, 0.0, 1.0],
            RenderFieldOfView=[-160.0, 160.0, 100.0, -100.0, 800.0, 1200.0],
            RenderingMethod="VOLUME_RENDERED",
            PixelPresentation="TRUE_COLOR",
            VolumeStreamSequence=streams,
            PresentationStateCompositorComponentSequence=[],
            ICCProfile=color_profile(),
        )
    )
    return dataset


def rendered(series: Series, ct: Sequence[Dataset]) -> Dataset:
    """A rendering in perspective that turns, with a plane of cut in space."""
    cut = _in_space("POLYGON", [-50, 0, 0, 50, 0, 0, 50, 0, 25, -50, 0, 25, -50, 0, 0], "Cut")
    dataset = _state(
        series,
        VolumeRenderingVolumetricPresentationStateStorage,
        "volume rendering",
        3,
        [ct],
        VolumetricAnnotationSequence=[cut],
        PresentationAnimationStyle="SWIVEL",
        SwivelRange=90.0,
        RecommendedAnimationRate=30.0,
    )
    return _rendered(dataset, "PERSPECTIVE")


def segmented(series: Series, ct: Sequence[Dataset], segmentation: Dataset) -> Dataset:
    """A rendering of what segment 1 of a segmentation encloses."""
    crop = item(
        CroppingSpecificationNumber=1,
        VolumeCroppingMethod="INCLUDE_SEG",
        ReferencedImageSequence=[sop_reference(segmentation, ReferencedSegmentNumber=1)],
    )
    dataset = _state(
        series,
        SegmentedVolumeRenderingVolumetricPresentationStateStorage,
        "segmented rendering",
        4,
        [ct],
        referenced=[segmentation],
        cropped=True,
        VolumeCroppingSequence=[crop],
    )
    dataset.GlobalCroppingSpecificationIndex = 1
    return _rendered(dataset, "ORTHOGRAPHIC")


def multiple(series: Series, ct: Sequence[Dataset], lung: Sequence[Dataset], rendered_image: Dataset) -> Dataset:
    """A rendering of two volumes, of which an image was made; a text on the view."""
    dataset = _state(
        series,
        MultipleVolumeRenderingVolumetricPresentationStateStorage,
        "multiple rendering",
        5,
        [ct, lung],
        referenced=[rendered_image],
        RenderedImageReferenceSequence=[sop_reference(rendered_image)],
        GraphicAnnotationSequence=[
            annotation("PLANNED", [], texts=[text_object("seen from the front", anchor=(5.0, 5.0), display=VIEW)])
        ],
    )
    dataset = _rendered(dataset, "ORTHOGRAPHIC")
    weights = [item(LUTDescriptor=[4, 0, 8], LUTData=bytes([128] * 4)) for _ in range(2)]
    dataset.PresentationStateCompositorComponentSequence = [item(WeightingTransferFunctionSequence=weights)]
    return dataset
