"""Regions in a frame of reference as seen along its axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from converter.geometry import principal_axes
from converter.view.picture import Shape, ShapeType, Sketch
from converter.view.selected import Region
from converter.view.shapes import outline, thinned

View: TypeAlias = Literal["axial", "coronal", "sagittal"]

MOST_REGIONS: Final = 2_000
MOST_POINTS: Final = 2_000
SKETCHED_IN_PART: Final = (
    f"A sketch shows no more than {MOST_REGIONS} regions, and no more than {MOST_POINTS} points of each."
)

# What runs to the right and what runs down, of x (to the left hand side), y (to the back), z (to the head): as a
# radiologist sees the patient from the feet, from the front and from the left.
_VIEWS: Final[dict[View, NDArray[np.float64]]] = {
    "axial": np.array([[1.0, 0, 0], [0, 1.0, 0]]).T,
    "coronal": np.array([[1.0, 0, 0], [0, 0, -1.0]]).T,
    "sagittal": np.array([[0, 1.0, 0], [0, 0, -1.0]]).T,
}


def sketches(selection_id: str, regions: Sequence[Region], label: str | None = None) -> tuple[Sketch, ...]:
    """Return a sketch of each view, none where there are no regions."""
    if not regions:
        return ()
    return tuple(_sketch(selection_id, view, regions[:MOST_REGIONS], label) for view in _VIEWS)


def is_whole(regions: Sequence[Region]) -> bool:
    """Tell whether sketches show all of the regions."""
    return len(regions) <= MOST_REGIONS and all(len(each.points) <= MOST_POINTS for each in regions)


def _sketch(selection_id: str, view: View, regions: Sequence[Region], label: str | None) -> Sketch:
    shapes = tuple(_projected(each, _VIEWS[view], label) for each in regions)
    points = np.concatenate([outline(each) for each in shapes])
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Sketch(selection_id, view, shapes, ((left, top), (right, bottom)))


def _projected(region: Region, onto: NDArray[np.float64], label: str | None) -> Shape:
    if region.type == "ellipsoid":
        # A sphere's shadow: the singular values of the projected axes are its semi-axes.
        center = region.points.mean(axis=0) @ onto
        axes = (region.points[1::2] - region.points[::2]) / 2 @ onto
        directions, lengths, _ = np.linalg.svd(axes.T, full_matrices=False)
        major, minor = (directions * lengths).T
        ends = center + np.array([-major, major, -minor, minor])
        return Shape("ellipse", ends, region.element, label, is_derived=True)
    points = thinned(region.points, MOST_POINTS) @ onto
    if region.type == "ellipse":
        points = principal_axes(points, 1e-6 * float(np.abs(points).max() or 1))
    return Shape(cast(ShapeType, region.type), points, region.element, label, is_derived=True)
