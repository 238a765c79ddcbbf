"""The graphics and texts of a graphic annotation item, as stated: shapes that lie in no image yet (PS3.3 C.10.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from pydicom import Dataset

from converter import geometry
from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.regions import closed, has_right_count, points_of
from converter.selection import Coordinates, Region2DType

Units: TypeAlias = Literal["PIXEL", "DISPLAY", "MATRIX"]

_UNITS: dict[str, Units] = {"PIXEL": "PIXEL", "DISPLAY": "DISPLAY", "MATRIX": "MATRIX"}
_TYPES: dict[str, Region2DType] = {
    "POINT": "point",
    "POLYLINE": "polyline",
    "INTERPOLATED": "interpolated",
    "CIRCLE": "circle",
    "ELLIPSE": "ellipse",
}
# Compound graphics that are a line between their points, whatever ticks and heads adorn it.
_LINES = frozenset({"CUTLINE", "RANGELINE", "RULER", "AXIS", "ARROW"})


@dataclass(frozen=True, slots=True, eq=False)
class Rotation:
    """A rotation by `degrees`, counterclockwise, around `center`, (1, 2) in the shape's units (PS3.3 C.10.5.1.3.2)."""

    degrees: float
    center: Coordinates


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """A graphic in its own units.

    `points`: (n, 2), column then row. `path` is the JSONPath of the element that holds them, `units_path` that of
    the element that states their units.
    """

    type: Region2DType
    points: Coordinates
    units: Units
    path: str
    units_path: str
    rotation: Rotation | None = None


@dataclass(frozen=True, slots=True)
class _Outline:
    """What a compound graphic is drawn as."""

    type: Region2DType
    points: Coordinates


def shape_of(obj: AnnotationObject, graphic: Dataset, path: str) -> Shape | None:
    """Return the shape of a Graphic Object Sequence item, None with a problem if it is not one."""
    units = _units(obj, graphic, "GraphicAnnotationUnits", path)
    kind = _TYPES.get(values.text(graphic, "GraphicType") or "")
    if kind is None:
        obj.report("region-type", f"{path}.GraphicType")
    points = _graphic_data(obj, graphic, path)
    if units is None or kind is None or points is None:
        return None
    place = f"{path}.GraphicData"
    if not has_right_count(obj, kind, len(points), place):
        return None
    return Shape(kind, points, units, place, f"{path}.GraphicAnnotationUnits")


def shapes_of_text(obj: AnnotationObject, text: Dataset, path: str) -> Iterator[Shape]:
    """Yield the bounding box and the anchor point of a Text Object Sequence item, each in its own units."""
    corners = ("BoundingBoxTopLeftHandCorner", "BoundingBoxBottomRightHandCorner")
    has_box = any(values.has_value(text, keyword) for keyword in corners)
    has_anchor = values.has_value(text, "AnchorPoint")
    if not has_box and not has_anchor:
        obj.report("text-position-missing", path)
    if has_box:
        units = _units(obj, text, "BoundingBoxAnnotationUnits", path)
        first, second = (_single_point(obj, text, keyword, path) for keyword in corners)
        if units is not None and first is not None and second is not None:
            outline = geometry.rectangle(np.concatenate([first, second]))
            yield Shape("polyline", outline, units, f"{path}.{corners[0]}", f"{path}.BoundingBoxAnnotationUnits")
    if has_anchor:
        units = _units(obj, text, "AnchorPointAnnotationUnits", path)
        anchor = _single_point(obj, text, "AnchorPoint", path)
        if units is not None and anchor is not None:
            yield Shape("point", anchor, units, f"{path}.AnchorPoint", f"{path}.AnchorPointAnnotationUnits")


def shapes_of_compound(obj: AnnotationObject, compound: Dataset, path: str) -> Iterator[Shape]:
    """Yield the outline of a Compound Graphic Sequence item; a problem if it has none (PS3.3 C.10.5.1.3)."""
    kind = values.text(compound, "CompoundGraphicType")
    if kind == "INFINITELINE":
        obj.report("graphic-not-representable", f"{path}.CompoundGraphicType", type="INFINITELINE")
        return
    units = _units(obj, compound, "CompoundGraphicUnits", path)
    points = _graphic_data(obj, compound, path)
    if points is None or units is None:
        return
    place = f"{path}.GraphicData"
    outlines = _outlines(kind or "", points)
    if outlines is None:
        obj.report("region-type", f"{path}.CompoundGraphicType")
    elif not outlines:
        obj.report("region-count", place, type=kind or "", count=len(points))
    else:
        is_rotated, rotation = _rotation(obj, compound, path)
        if is_rotated and rotation is None:
            return
        for outline in outlines:
            yield Shape(outline.type, outline.points, units, place, f"{path}.CompoundGraphicUnits", rotation)


def _outlines(kind: str, points: Coordinates) -> list[_Outline] | None:
    """Return what a compound graphic is drawn as: nothing for a wrong number of points, None for a type not defined.

    An ellipse and a rectangle have two points, corners of the box around them; four points are taken as
    those that the simple graphics have.
    """
    count = len(points)
    match kind:
        case "MULTILINE":
            pairs = zip(points[0::2], points[1::2], strict=False)
            return [] if count % 2 else [_Outline("polyline", np.array(pair)) for pair in pairs]
        case _ if kind in _LINES:
            return [_Outline("polyline", points)] if count >= 2 else []
        case "CROSSHAIR":
            return [_Outline("point", points)] if count == 1 else []
        case "RECTANGLE" if count == 2:
            return [_Outline("polyline", geometry.rectangle(points))]
        case "RECTANGLE":
            return [_Outline("polyline", closed(points))] if count == 4 else []
        case "ELLIPSE" if count == 2:
            return [_Outline("ellipse", geometry.ellipse_within(points))]
        case "ELLIPSE":
            return [_Outline("ellipse", points)] if count == 4 else []
        case _:
            return None


def _rotation(obj: AnnotationObject, compound: Dataset, path: str) -> tuple[bool, Rotation | None]:
    """Return whether a compound graphic is rotated, and how; None with a problem if that cannot be read."""
    if not values.has_value(compound, "RotationAngle"):
        return False, None
    angles = obj.floats(compound, "RotationAngle", path)
    if angles is None:
        return True, None
    if not angles.size or not np.isfinite(angles).all():
        obj.report("value-unreadable", f"{path}.RotationAngle")
        return True, None
    if not angles[0] % 360:
        return False, None
    center = _single_point(obj, compound, "RotationPoint", path)
    return True, None if center is None else Rotation(float(angles[0]), center)


def _graphic_data(obj: AnnotationObject, graphic: Dataset, path: str) -> Coordinates | None:
    dimensions = obj.integer(graphic, "GraphicDimensions", path)
    if dimensions not in (2, None):
        obj.report("region-dimensions", f"{path}.GraphicDimensions")
        return None
    points = points_of(obj, graphic, "GraphicData", path, 2)
    stated = obj.integer(graphic, "NumberOfGraphicPoints", path)
    if points is not None and stated is not None and stated != len(points):
        obj.report("region-count-mismatch", f"{path}.NumberOfGraphicPoints")
    return points


def _single_point(obj: AnnotationObject, dataset: Dataset, keyword: str, path: str) -> Coordinates | None:
    """Return a point (1, 2), None with a problem if the element does not hold exactly one."""
    point = points_of(obj, dataset, keyword, path, 2)
    if point is None or not has_right_count(obj, "point", len(point), f"{path}.{keyword}"):
        return None
    return point


def _units(obj: AnnotationObject, dataset: Dataset, keyword: str, path: str) -> Units | None:
    units = _UNITS.get(values.text(dataset, keyword) or "")
    if units is None:
        obj.report("annotation-units", f"{path}.{keyword}")
    return units
