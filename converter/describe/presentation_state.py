"""What a presentation state shows: layers, displayed areas, and graphics and texts by annotation item (PS3.3 C.10)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydicom import Dataset
from rich.console import RenderableType

from converter.describe.outcomes import Outcomes, becomes
from converter.describe.text import counted, facts, heading, line, number, points, table
from converter.mapper import values
from converter.mapper.evidence import Evidence
from converter.selection import Coordinates, Selection

_PARTS = ("GraphicObjectSequence", "TextObjectSequence", "CompoundGraphicSequence")
# Sequences of volumetric presentation states, each with what its items are called, all together and one by one.
_IN_SPACE = {
    "VolumeCroppingSequence": ("Crops", "Crop"),
    "VolumetricAnnotationSequence": ("Annotations in space", "Annotation"),
    "VolumetricPresentationInputAnnotationSequence": ("Annotations of volumes", "Annotation"),
}
_HOME = re.compile(
    rf"\$\.GraphicAnnotationSequence\[\d+\](\.({'|'.join(_PARTS)})\[\d+\])?|\$\.({'|'.join(_IN_SPACE)})\[\d+\]"
)
_STATE = "$"


def home(selection: Selection) -> str:
    """Return the path of the annotation item, graphic or text that a selection is made of."""
    matched = _HOME.match(selection.place)
    return _STATE if matched is None else matched[0]


def body(dataset: Dataset, outcomes: Outcomes, *, with_names: bool) -> Iterator[RenderableType]:  # noqa: ARG001
    """Yield how the images are presented, the layers, and each annotation item with what it becomes."""
    yield heading("Presentation")
    yield facts(*_presented(dataset))
    for selection in outcomes.take(_STATE):
        yield becomes(selection, 1)
    layers = values.items(dataset, "GraphicLayerSequence")
    if layers:
        yield heading("Graphic layers")
        yield table(
            ("Order", "Layer", "Description"),
            (
                [
                    values.text(layer, keyword)
                    for keyword in ("GraphicLayerOrder", "GraphicLayer", "GraphicLayerDescription")
                ]
                for layer in layers
            ),
        )
    for keyword in _IN_SPACE:
        yield from _in_space(dataset, keyword, outcomes)
    annotations = values.items(dataset, "GraphicAnnotationSequence")
    if annotations:
        yield heading("Graphic annotations")
    for index, annotation in enumerate(annotations):
        yield from _annotation(annotation, index, outcomes)


def _presented(dataset: Dataset) -> Iterator[tuple[str, str | None]]:
    own = values.text(dataset, "SOPInstanceUID")
    images = {uid: series for uid, series in Evidence(dataset).instances() if uid != own}
    all_series = {series.series_instance_uid for series in images.values()}
    yield "Images", f"{counted(len(images), 'image')} of {counted(len(all_series), 'series')}"
    rotation = _numbers(dataset, "ImageRotation")
    flipped = ", then flipped" if values.text(dataset, "ImageHorizontalFlip") == "Y" else ""
    if rotation is None or rotation.size:
        yield "Rotation", "unreadable" if rotation is None else f"{number(rotation[0])}° clockwise{flipped}"
    for area in values.items(dataset, "DisplayedAreaSelectionSequence"):
        corners = (
            _corner(area, "DisplayedAreaTopLeftHandCorner"),
            _corner(area, "DisplayedAreaBottomRightHandCorner"),
        )
        mode = values.text(area, "PresentationSizeMode") or "no size mode"
        yield "Displayed area", f"{' to '.join(corners)}, {mode.lower()}, {_images(area)}"


def _corner(area: Dataset, keyword: str) -> str:
    numbers = _numbers(area, keyword)
    return "unreadable" if numbers is None else f"({', '.join(map(number, numbers))})"


def _numbers(dataset: Dataset, keyword: str) -> Coordinates | None:
    try:
        return values.floats(dataset, keyword)
    except values.ValueUnreadableError:
        return None


def _images(dataset: Dataset) -> str:
    """Return which images an item applies to: those that it names, else all."""
    named = values.items(dataset, "ReferencedImageSequence")
    if not named:
        return "all images"
    framed = sum(values.has_value(each, "ReferencedFrameNumber") for each in named)
    return counted(len(named), "image") + (f", certain frames of {framed}" if framed else "")


def _in_space(dataset: Dataset, keyword: str, outcomes: Outcomes) -> Iterator[RenderableType]:
    """Yield what crops or annotates the volumes of a volumetric presentation state."""
    title, noun = _IN_SPACE[keyword]
    items = values.items(dataset, keyword)
    if items:
        yield heading(title)
    for index, item in enumerate(items):
        yield line(1, (f"{noun} {index + 1}", "cyan"), "".join(f", {each}" for each in _of_volume(item)))
        for selection in outcomes.take(f"$.{keyword}[{index}]"):
            yield becomes(selection, 3)


def _of_volume(item: Dataset) -> Iterator[str]:
    for keyword in ("VolumeCroppingMethod", "GraphicType"):
        kind = values.text(item, keyword)
        if kind is not None:
            yield kind
    for keyword in ("BoundingBoxCrop", "GraphicData"):
        numbers = _numbers(item, keyword)
        if numbers is None or numbers.size:
            yield "unreadable" if numbers is None else counted(numbers.size // 3, "point")
    for text in values.items(item, "TextObjectSequence"):
        yield f'"{values.text(text, "UnformattedTextValue") or ""}"'


def _annotation(annotation: Dataset, index: int, outcomes: Outcomes) -> Iterator[RenderableType]:
    path = f"$.GraphicAnnotationSequence[{index}]"
    layer = values.text(annotation, "GraphicLayer")
    on_layer = "no layer" if layer is None else f"layer {layer}"
    yield line(1, (f"Annotation {index + 1}", "cyan"), f", {on_layer}, {_images(annotation)}")
    for selection in outcomes.take(path):
        yield becomes(selection, 3)
    for keyword, describe in zip(_PARTS, (_graphic, _text, _compound), strict=True):
        for part, item in enumerate(values.items(annotation, keyword)):
            yield line(2, describe(item))
            for selection in outcomes.take(f"{path}.{keyword}[{part}]"):
                yield becomes(selection, 3)


def _graphic(graphic: Dataset) -> str:
    kind = values.text(graphic, "GraphicType") or "no type"
    units = values.text(graphic, "GraphicAnnotationUnits") or "no units"
    filled = ", filled" if values.text(graphic, "GraphicFilled") == "Y" else ""
    return f"{kind} in {units}{filled}, {_points(graphic, 'GraphicData')}"


def _text(text: Dataset) -> str:
    parts = [f'"{values.text(text, "UnformattedTextValue") or ""}"']
    if values.has_value(text, "BoundingBoxTopLeftHandCorner"):
        units = values.text(text, "BoundingBoxAnnotationUnits") or "no units"
        corners = (
            _corner(text, "BoundingBoxTopLeftHandCorner"),
            _corner(text, "BoundingBoxBottomRightHandCorner"),
        )
        parts.append(f"box in {units} {' to '.join(corners)}")
    if values.has_value(text, "AnchorPoint"):
        units = values.text(text, "AnchorPointAnnotationUnits") or "no units"
        parts.append(f"anchor in {units} {_corner(text, 'AnchorPoint')}")
    return ", ".join(parts)


def _compound(graphic: Dataset) -> str:
    kind = values.text(graphic, "CompoundGraphicType") or "no type"
    units = values.text(graphic, "CompoundGraphicUnits") or "no units"
    return f"compound {kind} in {units}, {_points(graphic, 'GraphicData')}"


def _points(dataset: Dataset, keyword: str) -> str:
    numbers = _numbers(dataset, keyword)
    if numbers is None:
        return "unreadable"
    return counted(numbers.size, "number") if numbers.size % 2 else points(numbers.reshape(-1, 2))
