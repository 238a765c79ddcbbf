"""Where a frame's pixels lie in its frame of reference, and back. Pure functions on arrays.

A pixel position is (column, row), 0,0 at the top left corner of the top left pixel (PS3.3 C.18.6.1.2), while Image
Position (Patient) is the centre of that pixel (C.7.6.2.1.1): the two are half a pixel apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converter.geometry import Computed, GeometryError, Points

# Direction cosines are decimal strings, often of few digits: this far from orthonormal they are still meant as such.
_ORTHONORMAL = 1e-2
_HALF_PIXEL = 0.5
# An angle between diameters that differs from a right one by no more than this was a right one.
_PRECISION = 1e-6


@dataclass(frozen=True, slots=True)
class Plane:
    """The plane of a frame.

    `position`: (x, y, z) of the centre of the top left pixel, millimetres (Image Position (Patient)). `orientation`:
    direction cosines of the rows, then of the columns (Image Orientation (Patient)). `spacing`: millimetres between
    rows, then between columns (Pixel Spacing). Raises GeometryError for numbers that describe no plane.
    """

    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]

    def __post_init__(self) -> None:
        stated = (*self.position, *self.orientation, *self.spacing)
        if (len(self.position), len(self.orientation), len(self.spacing)) != (3, 6, 2) or not np.isfinite(stated).all():
            raise GeometryError("a plane has a position, two direction vectors and two spacings, all finite")
        if min(self.spacing) <= 0:
            raise GeometryError("pixel spacings are positive")
        along, down = self.directions
        departures = (along @ along - 1, down @ down - 1, along @ down)
        if max(map(abs, departures)) > _ORTHONORMAL:
            raise GeometryError("direction vectors are of length 1 and at right angles")

    @property
    def directions(self) -> NDArray[np.float64]:
        """(2, 3): unit vectors along the rows (columns increase) and down the columns (rows increase)."""
        return np.array(self.orientation, np.float64).reshape(2, 3)

    @property
    def normal(self) -> NDArray[np.float64]:
        """(3,): the unit vector at right angles to the plane."""
        normal: NDArray[np.float64] = np.cross(*self.directions)
        return normal / np.sqrt(normal @ normal)

    @property
    def steps(self) -> NDArray[np.float64]:
        """(2,): millimetres from one column to the next and from one row to the next."""
        return np.array([self.spacing[1], self.spacing[0]], np.float64)


def pixel_to_frame_of_reference(points: Points, plane: Plane) -> Computed:
    """Map pixel positions to the frame of reference.

    `points`: (n, 2), column then row. Returns (n, 3) in millimetres, not rounded. PS3.3 C.7.6.2.1.1.
    """
    offsets = (as_stated(points) - _HALF_PIXEL) * plane.steps
    mapped: Computed = offsets @ plane.directions + np.array(plane.position)
    return mapped


def frame_of_reference_to_pixel(points: Points, plane: Plane) -> tuple[Computed, Computed]:
    """Map positions in the frame of reference to the pixels above or below which they lie.

    `points`: (n, 3) in millimetres. Returns (n, 2), column then row, and (n,), each point's distance from the plane
    in millimetres, positive on the side of `plane.normal`; neither rounded.
    """
    offsets = as_stated(points) - np.array(plane.position)
    directions = plane.directions
    # The direction vectors may be a little skew: what is perpendicular to one has no share in the other.
    in_plane = np.linalg.solve(directions @ directions.T, directions @ offsets.T).T
    return in_plane / plane.steps + _HALF_PIXEL, offsets @ plane.normal


def circle_to_frame_of_reference(points: Points, plane: Plane) -> Computed:
    """Map a circle in pixels to the ellipse that it is in the frame of reference.

    `points`: (2, 2), the centre and a point on the circumference. Returns (4, 3): end points of the major axis, then
    of the minor axis; they are of one length where pixels are square.
    """
    center, on_circumference = as_stated(points)
    radius = float(np.hypot(*(on_circumference - center)))
    across, down = radius * np.array([[-1.0, 0], [1, 0]]), radius * np.array([[0, -1.0], [0, 1]])
    is_wide = plane.steps[0] >= plane.steps[1]
    axes = np.concatenate([across, down] if is_wide else [down, across]) + center
    return pixel_to_frame_of_reference(axes, plane)


def ellipse_to_frame_of_reference(points: Points, plane: Plane) -> Computed:
    """Map an ellipse in pixels to the frame of reference.

    `points`: (4, 2), end points of the major axis, then of the minor axis. Returns (4, 3), the same of the ellipse in
    millimetres: where pixels are not square its axes are others.
    """
    return _with_principal_axes(pixel_to_frame_of_reference(points, plane))


def ellipse_to_pixel(points: Points, plane: Plane) -> Computed:
    """Map an ellipse in the frame of reference to pixels: the inverse of `ellipse_to_frame_of_reference`."""
    return _with_principal_axes(frame_of_reference_to_pixel(points, plane)[0])


def as_stated(points: Points) -> Computed:
    """Return double precision; of single precision the shortest decimals that read back to it."""
    return points.astype(str).astype(np.float64) if points.dtype.itemsize == 4 else points.astype(np.float64)


def _with_principal_axes(diameters: Computed) -> Computed:
    """Return the axes of the ellipse with these conjugate diameters, (4, k), the major one first."""
    center = diameters.mean(axis=0)
    first, second = (diameters[1] - diameters[0]) / 2, (diameters[3] - diameters[2]) / 2
    lengths = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    if abs(float(first @ second)) <= _PRECISION * lengths[0] * lengths[1]:
        return diameters if lengths[1] <= lengths[0] * (1 + _PRECISION) else diameters[[2, 3, 0, 1]]
    directions, semi_axes, _ = np.linalg.svd(np.column_stack([first, second]), full_matrices=False)
    major, minor = (directions * semi_axes).T
    # The end points keep the sense of the diameters that they come from.
    major = major if major @ first >= 0 else -major
    minor = minor if minor @ second >= 0 else -minor
    return np.array([center - major, center + major, center - minor, center + minor])
