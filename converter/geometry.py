"""Positions in images: displayed areas to pixels, ellipses, curves. Pure functions on arrays of shape (n, 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Points: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
Computed: TypeAlias = NDArray[np.float64]

ROTATIONS = (0, 90, 180, 270)
"""Degrees, clockwise, that an image can be rotated by (PS3.3 C.10.6)."""

_DECIMALS = 6

# Graphic data are single precision: an angle of an ellipse that differs from a right one by no more than this share
# of the displayed area was a right one when it was stated.
_PRECISION = 1e-6

# More chords than any curve within an image needs; bounds what a curve with absurd coordinates can ask for.
_MOST_CHORDS = 2**20
# Of a curve scaled into the unit square; finer than double precision resolves.
_LEAST_TOLERANCE = 2.0**-60


class GeometryError(ValueError):
    """Numbers that describe no geometry."""


@dataclass(frozen=True, slots=True)
class DisplayedArea:
    """The part of an image that is displayed (PS3.3 C.10.4).

    `top_left` and `bottom_right`: (column, row) of the pixels in these corners of the display, counted from 1 in the
    stored image, named by where they are after rotation and flip. Raises GeometryError for a corner of 0, which
    numbers no pixel.
    """

    top_left: tuple[int, int]
    bottom_right: tuple[int, int]

    def __post_init__(self) -> None:
        if 0 in self.top_left or 0 in self.bottom_right:
            raise GeometryError("pixels of a displayed area are counted from 1")

    @property
    def origin(self) -> tuple[int, int]:
        """Left and top edge in the stored image, in pixels."""
        return min(self.top_left[0], self.bottom_right[0]) - 1, min(self.top_left[1], self.bottom_right[1]) - 1

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows of the stored image that are displayed."""
        left, top = self.origin
        return max(self.top_left[0], self.bottom_right[0]) - left, max(self.top_left[1], self.bottom_right[1]) - top


@dataclass(frozen=True, slots=True)
class SpatialTransform:
    """How an image is displayed: rotated clockwise by `rotation` degrees, then flipped left to right (PS3.3 C.10.6).

    Raises GeometryError for a rotation other than 0, 90, 180 or 270.
    """

    rotation: int = 0
    flip: bool = False

    def __post_init__(self) -> None:
        if self.rotation not in ROTATIONS:
            raise GeometryError("an image is rotated by 0, 90, 180 or 270 degrees")


def displayed_to_pixel(points: Points, area: DisplayedArea, transform: SpatialTransform) -> Computed:
    """Map DISPLAY fractions to image pixels.

    `points`: (n, 2), column then row, 0..1 across the displayed area. Returns (n, 2) in pixels of the stored image,
    0,0 at the top left corner of the top left pixel, rounded to 1e-6. PS3.3 C.10.4, C.10.5, C.10.6.
    """
    return _rounded(_to_pixel(points, area, transform))


def pixel_to_displayed(points: Points, area: DisplayedArea, transform: SpatialTransform) -> Computed:
    """Map image pixels to DISPLAY fractions: the inverse of `displayed_to_pixel`, not rounded."""
    along, down = ((points.astype(np.float64) - area.origin) / area.size).T
    across, below = {
        0: (along, down),
        90: (1 - down, along),
        180: (1 - along, 1 - down),
        270: (down, 1 - along),
    }[transform.rotation]
    return np.column_stack([1 - across if transform.flip else across, below])


def circle_to_pixel(points: Points, area: DisplayedArea, transform: SpatialTransform) -> Computed:
    """Map a circle in DISPLAY fractions to pixels.

    `points`: (2, 2), the center and a point on the circumference. Returns (2, 2), the same of a circle, or where
    columns and rows scale differently (4, 2), the ellipse that the circle becomes: end points of the major axis, then
    of the minor axis (PS3.3 C.10.5.1.2).
    """
    columns, rows = area.size
    if columns == rows:
        return displayed_to_pixel(points, area, transform)
    center, on_circumference = points.astype(np.float64)
    radius = float(np.hypot(*(on_circumference - center)))
    axes = center + radius * np.array([[-1.0, 0], [1, 0], [0, -1], [0, 1]])
    return ellipse_to_pixel(axes, area, transform)


def ellipse_to_pixel(points: Points, area: DisplayedArea, transform: SpatialTransform) -> Computed:
    """Map an ellipse in DISPLAY fractions to pixels.

    `points`: (4, 2), end points of the major axis, then of the minor axis. Returns the same of the ellipse in pixels.
    Where columns and rows scale differently the axes of a slanted ellipse do not map to axes but to another pair of
    conjugate diameters, of which its axes are found. PS3.3 C.10.5.1.2.
    """
    mapped = _to_pixel(points, area, transform)
    return _rounded(principal_axes(mapped, _PRECISION * max(area.size)))


def principal_axes(diameters: Computed, tolerance: float) -> Computed:
    """Return the axes of the ellipse with these conjugate diameters, the major one first.

    `diameters`: (4, 2), end points of one and of the other, (4, 2) as the result. They are kept where they are axes to
    within `tolerance`.
    """
    center = diameters.mean(axis=0)
    first, second = (diameters[1] - diameters[0]) / 2, (diameters[3] - diameters[2]) / 2
    lengths = float(np.hypot(*first)), float(np.hypot(*second))
    if abs(float(first @ second)) <= tolerance * max(lengths):
        return diameters if lengths[1] <= lengths[0] + tolerance else diameters[[2, 3, 0, 1]]
    directions, semi_axes, _ = np.linalg.svd(np.column_stack([first, second]))
    major, minor = (directions * semi_axes).T
    # The end points keep the sense of the diameters that they come from.
    major = major if major @ first >= 0 else -major
    minor = minor if minor @ second >= 0 else -minor
    return np.array([center - major, center + major, center - minor, center + minor])


def rectangle(corners: Points) -> Points:
    """Return the closed outline (5, 2) of the upright rectangle between two opposite corners, (2, 2)."""
    around = np.array([[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]])
    outline: Points = corners[around, [0, 1]]
    return outline


def ellipse_within(corners: Points) -> Computed:
    """Return the ellipse that fills the upright rectangle between two opposite corners, (2, 2).

    Returns (4, 2): end points of the major axis, then of the minor axis.
    """
    first, second = corners.astype(np.float64)
    center, (half_width, half_height) = (first + second) / 2, np.abs(second - first) / 2
    across = center + half_width * np.array([[-1.0, 0], [1, 0]])
    down = center + half_height * np.array([[0, -1.0], [0, 1]])
    return np.concatenate([across, down] if half_width >= half_height else [down, across])


def rotated(points: Points, center: Points, degrees: float) -> Computed:
    """Return the points rotated counterclockwise, as seen with rows running down, rounded to 1e-6.

    `points`: (n, 2), `center`: (1, 2), both in pixels.
    """
    angle = np.radians(degrees % 360)
    along, down = (points.astype(np.float64) - center).T
    turned = [along * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - along * np.sin(angle)]
    return _rounded(np.column_stack(turned) + center)


def interpolate(points: Points, tolerance: float = 0.1) -> Computed:
    """Return a polyline along the centripetal Catmull-Rom curve through the points.

    `points`: (n, 2) in pixels; the curve is periodic if the first is the last, else it leaves its ends as though it
    went on by the reflection of the neighbouring point. `tolerance`: pixels that no chord is further away from the
    curve. Returns (m, 2): every point stated in its order, unchanged (single precision as the shortest decimal that
    reads back to it), and between them points of the curve rounded to 1e-6. Raises GeometryError for a tolerance that
    is not positive or a coordinate that is not finite. The tolerance gives way on curves that need more than a million
    chords, which no image has room for.
    """
    if not tolerance > 0 or not np.isfinite(points).all():
        raise GeometryError("a curve needs finite points and a positive tolerance")
    stated = _shortest(points)
    starts = np.flatnonzero((np.diff(stated, axis=0) != 0).any(axis=1))
    if not len(starts):
        return stated
    # Scaled into the unit square by a power of two, so that no intermediate result can overflow.
    exponent = int(np.frexp(np.abs(stated).max())[1])
    curves = _bezier_curves(np.ldexp(stated[[*starts, starts[-1] + 1]], -exponent))
    chords = _chords(curves, float(np.ldexp(max(tolerance - 1e-6, tolerance / 2), -exponent)))
    pieces = [stated[: starts[0] + 1]]
    for start, following, curve, count in zip(starts, [*starts[1:], len(stated) - 1], curves, chords, strict=True):
        between = np.linspace(0, 1, count + 1)[1:-1, np.newaxis]
        pieces += [_rounded(np.ldexp(_at(curve, between), exponent)), stated[start + 1 : following + 1]]
    return np.concatenate(pieces)


def _to_pixel(points: Points, area: DisplayedArea, transform: SpatialTransform) -> Computed:
    across, down = points.astype(np.float64).T
    if transform.flip:
        across = 1 - across
    fractions = {
        0: (across, down),
        90: (down, 1 - across),
        180: (1 - across, 1 - down),
        270: (1 - down, across),
    }[transform.rotation]
    mapped: Computed = np.column_stack(fractions) * area.size + area.origin
    return mapped


def _bezier_curves(points: Computed) -> Computed:
    """Return the control points (n - 1, 4, 2) of the cubic curves from each of the distinct points to the next."""
    is_closed = bool((points[0] == points[-1]).all()) and len(points) > 2
    before = points[-2] if is_closed else 2 * points[0] - points[1]
    after = points[1] if is_closed else 2 * points[-1] - points[-2]
    steps = np.diff(np.vstack([before, points, after]), axis=0)
    # Centripetal: the parameter grows by the square root of the distance.
    knots = np.sqrt(np.hypot(steps[:, 0], steps[:, 1]))[:, np.newaxis]
    tangents = _tangents(steps[:-1], steps[1:], knots[:-1], knots[1:])
    starts, ends, lengths = points[:-1], points[1:], knots[1:-1]
    return np.stack([starts, starts + lengths * tangents[:-1] / 3, ends - lengths * tangents[1:] / 3, ends], axis=1)


def _tangents(before: Computed, after: Computed, knot_before: Computed, knot_after: Computed) -> Computed:
    """Return the derivative of the curve at each point by its parameter."""
    slopes = before / knot_before * knot_after + after / knot_after * knot_before
    tangents: Computed = slopes / (knot_before + knot_after)
    return tangents


def _chords(curves: Computed, tolerance: float) -> list[int]:
    """Return by how many chords of equal parameter each curve stays within the tolerance.

    A chord over a step h of the parameter is at most h² / 8 times the largest second derivative away from its curve;
    that of a cubic curve is largest at one of its ends.
    """
    bends = curves[:, :-2] - 2 * curves[:, 1:-1] + curves[:, 2:]
    second_derivative = 6 * np.hypot(bends[..., 0], bends[..., 1]).max(axis=1)
    needed = np.maximum(np.ceil(np.sqrt(second_derivative / (8 * max(tolerance, _LEAST_TOLERANCE)))), 1)
    share = min(1.0, _MOST_CHORDS / float(needed.sum()))
    return [int(count) for count in np.maximum(np.floor(needed * share), 1)]


def _at(curve: Computed, parameter: Computed) -> Computed:
    rest = 1 - parameter
    points: Computed = (
        rest**3 * curve[0]
        + 3 * rest**2 * parameter * curve[1]
        + 3 * rest * parameter**2 * curve[2]
        + parameter**3 * curve[3]
    )
    return points


def _shortest(points: Points) -> Computed:
    """Return double precision; of single precision the shortest decimals that read back to it."""
    return points.astype(str).astype(np.float64) if points.dtype.itemsize == 4 else points.astype(np.float64)


def _rounded(points: Computed) -> Computed:
    # Numbers this large have no digits left at the sixth decimal, and rounding them could overflow.
    is_small = np.abs(points) < 1e9
    rounded: Computed = np.where(is_small, np.round(np.where(is_small, points, 0), _DECIMALS), points) + 0.0
    return rounded
