"""Where a frame's pixels lie in its frame of reference, and back. Pure functions on arrays.

A pixel position is (column, row), 0,0 at the top left corner of the top left pixel (PS3.3 C.18.6.1.2), while Image
Position (Patient) is the centre of that pixel (C.7.6.2.1.1): the two are half a pixel apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray

from converter.geometry import Computed, GeometryError, Points

# Direction cosines are decimal strings, often of few digits: this far from orthonormal they are still meant as such.
_ORTHONORMAL = 1e-2
_HALF_PIXEL = 0.5
# Millimetres, a thousand kilometres: no image reaches farther, and what is mapped by such numbers does not overflow.
_FARTHEST = 1e9
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
        if max(map(abs, stated)) > _FARTHEST:
            raise GeometryError("a plane and its pixels are within reach")
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
    along, down = plane.directions
    # Not by a product of matrices, whose last digit depends on how many points there are.
    mapped: Computed = offsets[:, :1] * along + offsets[:, 1:] * down + np.array(plane.position)
    return mapped


def frame_of_reference_to_pixel(points: Points, plane: Plane) -> tuple[Computed, Computed]:
    """Map positions in the frame of reference to the pixels above or below which they lie.

    `points`: (n, 3) in millimetres. Returns (n, 2), column then row, and (n,), each point's distance from the plane
    in millimetres, positive on the side of `plane.normal`; neither rounded.
    """
    offsets = as_stated(points) - np.array(plane.position)
    along, down = plane.directions
    # The direction vectors may be a little skew: what is perpendicular to one has no share in the other.
    inverse = np.linalg.inv(plane.directions @ plane.directions.T)
    shares = components(offsets, along)[:, np.newaxis], components(offsets, down)[:, np.newaxis]
    in_plane = shares[0] * inverse[0] + shares[1] * inverse[1]
    return in_plane / plane.steps + _HALF_PIXEL, components(offsets, plane.normal)


def components(points: Computed, direction: NDArray[np.float64]) -> Computed:
    """Return how far points reach in a direction, (n,); `points`: (n, 3), `direction`: (3,).

    Of each point the same to the last digit, however many there are, as a product of matrices is not.
    """
    x, y, z = points.T
    reach: Computed = x * direction[0] + y * direction[1] + z * direction[2]
    return reach


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
    """Map an ellipse in pixels, or several, to the frame of reference.

    `points`: (4, 2), end points of the major axis, then of the minor axis, of several ellipses (4 n, 2). Returns (4, 3)
    or (4 n, 3), the same of the ellipse in millimetres: where pixels are not square its axes are others.
    """
    return _with_principal_axes(pixel_to_frame_of_reference(points, plane))


def ellipse_to_pixel(points: Points, plane: Plane) -> Computed:
    """Map an ellipse in the frame of reference to pixels: the inverse of `ellipse_to_frame_of_reference`."""
    return _with_principal_axes(frame_of_reference_to_pixel(points, plane)[0])


def as_stated(points: Points) -> Computed:
    """Return double precision; of single precision the shortest decimals that read back to it."""
    if points.dtype.itemsize > 4:
        return points.astype(np.float64)
    if not np.isfinite(points).all():
        return points.astype(str).astype(np.float64)
    # The same decimals, of which orjson writes and reads ten while numpy does one.
    single = np.ascontiguousarray(points, np.float32)
    decimals = orjson.loads(orjson.dumps(single.reshape(-1), option=orjson.OPT_SERIALIZE_NUMPY))
    return np.array(decimals, np.float64).reshape(points.shape)


def _with_principal_axes(diameters: Computed) -> Computed:
    """Return the axes of the ellipses with these conjugate diameters, (4 n, k), the major one first."""
    ends = diameters.reshape(-1, 4, diameters.shape[1])
    first, second = (ends[:, 1] - ends[:, 0]) / 2, (ends[:, 3] - ends[:, 2]) / 2
    lengths = np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1)
    is_first_longer = lengths[1] <= lengths[0] * (1 + _PRECISION)
    axes: Computed = np.where(is_first_longer[:, np.newaxis, np.newaxis], ends, ends[:, [2, 3, 0, 1]])
    is_slanted = ~(np.abs((first * second).sum(axis=1)) <= _PRECISION * lengths[0] * lengths[1])
    # Of numbers that overflow there are no axes: they stay as they are.
    is_slanted &= np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
    if is_slanted.any():
        axes[is_slanted] = _principal(ends[is_slanted].mean(axis=1), first[is_slanted], second[is_slanted])
    return axes.reshape(diameters.shape)


def _principal(centers: Computed, first: Computed, second: Computed) -> Computed:
    """Return the axes, (n, 4, k), of ellipses with these conjugate semi-diameters, each (n, k)."""
    directions, semi_axes, _ = np.linalg.svd(np.stack([first, second], axis=2), full_matrices=False)
    reached = directions * semi_axes[:, np.newaxis]
    # The end points keep the sense of the diameters that they come from.
    major, minor = (
        np.where((axis * diameter).sum(axis=1, keepdims=True) >= 0, axis, -axis)
        for axis, diameter in ((reached[:, :, 0], first), (reached[:, :, 1], second))
    )
    return np.stack([centers - major, centers + major, centers - minor, centers + minor], axis=1)
