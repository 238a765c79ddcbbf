"""Graphic annotations of presentation states (PS3.3 C.10.5) and displayed areas to place them in (C.10.4, C.10.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydicom import Dataset

from builders.common import item

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Display:
    """How an image is displayed: stored columns and rows `left`..`right`, `top`..`bottom` (from 1, both included),
    rotated clockwise, then flipped left to right.
    """

    left: int
    top: int
    right: int
    bottom: int
    rotation: int = 0
    flipped: bool = False

    def corners(self) -> tuple[list[int], list[int]]:
        """Return the stored pixels that appear at the top left and the bottom right."""
        top_left, top_right = [self.left, self.top], [self.right, self.top]
        bottom_left, bottom_right = [self.left, self.bottom], [self.right, self.bottom]
        clockwise = [top_left, top_right, bottom_right, bottom_left]
        turns = self.rotation // 90
        # A turn clockwise brings the corner before each one to its place.
        a, b, c, d = (clockwise[(place - turns) % 4] for place in range(4))
        return (b, d) if self.flipped else (a, c)

    def fractions(self, points: Points) -> list[tuple[float, float]]:
        """Return where stored pixel positions (0,0 at the image's top left corner) appear, 0..1 across the display."""
        width, height = self.right - self.left + 1, self.bottom - self.top + 1
        return [self._turned((x - self.left + 1) / width, (y - self.top + 1) / height) for x, y in points]

    def _turned(self, along: float, down: float) -> tuple[float, float]:
        for _ in range(self.rotation // 90):
            along, down = 1 - down, along
        return (1 - along if self.flipped else along), down


def graphic(
    graphic_type: str,
    points: Points,
    *,
    display: Display | None = None,
    filled: bool = False,
    compound: int | None = None,
) -> Dataset:
    """Return a graphic object at these stored pixel positions, in DISPLAY units where `display` is given."""
    dataset = item(
        GraphicAnnotationUnits="PIXEL" if display is None else "DISPLAY",
        GraphicDimensions=2,
        NumberOfGraphicPoints=len(points),
        GraphicData=_flat(points if display is None else display.fractions(points)),
        GraphicType=graphic_type,
    )
    if graphic_type in ("CIRCLE", "ELLIPSE") or (len(points) > 1 and points[0] == points[-1]):
        dataset.GraphicFilled = "Y" if filled else "N"
    if compound is not None:
        dataset.CompoundGraphicInstanceID = compound
    return dataset


def text_object(
    words: str, *, box: Points | None = None, anchor: tuple[float, float] | None = None, display: Display | None = None
) -> Dataset:
    """Return a text object with a bounding box (two corners), an anchor point, or both."""
    units = "PIXEL" if display is None else "DISPLAY"
    dataset = item(UnformattedTextValue=words)
    if box is not None:
        top_left, bottom_right = box if display is None else _displayed_box(display.fractions(box))
        dataset.BoundingBoxAnnotationUnits = units
        dataset.BoundingBoxTopLeftHandCorner = list(top_left)
        dataset.BoundingBoxBottomRightHandCorner = list(bottom_right)
        dataset.BoundingBoxTextHorizontalJustification = "LEFT"
    if anchor is not None:
        (point,) = [anchor] if display is None else display.fractions([anchor])
        dataset.AnchorPointAnnotationUnits = units
        dataset.AnchorPoint = list(point)
        dataset.AnchorPointVisibility = "Y"
    return dataset


def _displayed_box(corners: Points) -> Points:
    # The corners of a box are named as displayed, whichever of the stored ones comes to be there.
    across, down = [x for x, _ in corners], [y for _, y in corners]
    return [(min(across), min(down)), (max(across), max(down))]


def compound_graphic(graphic_type: str, points: Points, instance_id: int) -> Dataset:
    """Return a compound graphic in PIXEL units."""
    dataset = item(
        CompoundGraphicInstanceID=instance_id,
        CompoundGraphicUnits="PIXEL",
        GraphicDimensions=2,
        NumberOfGraphicPoints=len(points),
        GraphicData=_flat(points),
        CompoundGraphicType=graphic_type,
    )
    if graphic_type in ("RECTANGLE", "ELLIPSE"):
        dataset.GraphicFilled = "N"
    if graphic_type == "INFINITELINE":
        dataset.GapLength = 0.0
        dataset.RotationPoint = list(points[0])
    return dataset


def annotation(
    layer: str,
    images: Sequence[Dataset],
    *,
    graphics: Sequence[Dataset] = (),
    texts: Sequence[Dataset] = (),
    compounds: Sequence[Dataset] = (),
) -> Dataset:
    """Return a graphic annotation item; `images` are the references it applies to, none for all."""
    dataset = item(GraphicLayer=layer)
    if images:
        dataset.ReferencedImageSequence = list(images)
    if texts:
        dataset.TextObjectSequence = list(texts)
    if graphics:
        dataset.GraphicObjectSequence = list(graphics)
    if compounds:
        dataset.CompoundGraphicSequence = list(compounds)
    return dataset


def _flat(points: Points) -> list[float]:
    return [coordinate for point in points for coordinate in point]
