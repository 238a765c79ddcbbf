"""Regions on pixels as shapes that can be drawn."""

from __future__ import annotations

from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from converter.geometry import GeometryError, interpolate
from converter.view.picture import Shape, ShapeType
from converter.view.selected import Region

MOST_POINTS: Final = 20_000
"""Points of one shape that are drawn."""

THINNED: Final = f"Of a region of more than {MOST_POINTS} points only every so many are drawn."

_RING: Final = 4


def shape(region: Region, label: str | None = None) -> Shape:
    """Return a region in pixels as a shape: a closed polyline as a polygon, a curve as the polyline along it."""
    points, kind = region.points, region.type
    if kind == "interpolated":
        kind = "polyline"
        try:
            points = interpolate(points)
        except GeometryError:
            points = region.points
    if kind == "polyline" and is_ring(points):
        kind = "polygon"
    return Shape(cast(ShapeType, kind), thinned(points), region.element, label)


def is_ring(points: NDArray[np.float64]) -> bool:
    """Tell whether a polyline ends where it began, and encloses something."""
    return len(points) >= _RING and bool((points[0] == points[-1]).all())


def thinned(points: NDArray[np.float64], most: int = MOST_POINTS) -> NDArray[np.float64]:
    """Return no more than so many of the points, evenly chosen, the first and the last among them."""
    if len(points) <= most:
        return points
    return points[np.linspace(0, len(points) - 1, most).round().astype(np.intp)]


def outline(drawn: Shape, chords: int = 96) -> NDArray[np.float64]:
    """Return the points of a shape as a polyline, a circle's and an ellipse's as chords, closed if it is closed."""
    points = drawn.points
    if drawn.type == "circle":
        radius = float(np.hypot(*(points[1] - points[0])))
        return np.asarray(points[0] + radius * _unit_circle(chords))
    if drawn.type == "ellipse":
        axes = np.array([points[1] - points[0], points[3] - points[2]]) / 2
        return np.asarray(points.mean(axis=0) + _unit_circle(chords) @ axes)
    if drawn.type == "polygon" and len(points) and not (points[0] == points[-1]).all():
        return np.concatenate([points, points[:1]])
    return points


def _unit_circle(chords: int) -> NDArray[np.float64]:
    angles = np.linspace(0, 2 * np.pi, chords + 1)
    circle = np.column_stack([np.cos(angles), np.sin(angles)])
    circle[-1] = circle[0]
    return circle
