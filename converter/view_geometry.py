"""Views of volumes: planes, slabs, boxes and fields of view in a frame of reference. Pure functions, millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from converter.geometry import GeometryError

Array: TypeAlias = NDArray[np.float64]

_DECIMALS = 6
# Directions that are closer to parallel than this, as the sine of the angle between them, span no plane.
_LEAST_SINE = 1e-6
# Beyond a thousand kilometres there is no patient, and little precision left.
_FURTHEST = 1e9


@dataclass(frozen=True, slots=True, eq=False)
class ViewPlane:
    """A rectangle in space, as it is displayed.

    `corner`: (3,), the one at the top left; `across` and `down`: (3,), unit vectors along the top row to the right and
    along the left column down; `width` and `height` in millimetres. Raises GeometryError if it has no extent.
    """

    corner: Array
    across: Array
    down: Array
    width: float
    height: float

    def __post_init__(self) -> None:
        if not self.width > 0 or not self.height > 0 or not np.isfinite([self.width, self.height]).all():
            raise GeometryError("a view has a width and a height")
        if np.linalg.norm(np.cross(self.across, self.down)) < _LEAST_SINE:
            raise GeometryError("the directions of a view span a plane")

    @property
    def outline(self) -> Array:
        """The corners (5, 3): top left, top right, bottom right, bottom left, and the first again."""
        width, height = self.width, self.height
        return self.at(np.array([[0, 0], [width, 0], [width, height], [0, height], [0, 0]]))

    def at(self, points: Array) -> Array:
        """Return positions in the view, (n, 2) in millimetres right of and below its corner, in space, (n, 3)."""
        return _rounded(self.corner + points @ np.array([self.across, self.down]))

    def moved(self, distance: float) -> ViewPlane:
        """Return the plane moved along its normal, away from the viewer."""
        normal = unit(np.cross(self.across, self.down))
        return ViewPlane(self.corner + distance * normal, self.across, self.down, self.width, self.height)


def view_plane(corner: Array, across: Array, width: float, down: Array, height: float) -> ViewPlane:
    """Return the plane of a planar multi-planar reconstruction (PS3.3 C.11.26).

    `corner`, `across`, `down`: (3,). Raises GeometryError where they make no rectangle.
    """
    return ViewPlane(corner.astype(np.float64), unit(across), unit(down), width, height)


def field_of_view(
    position: Array, look_at: Array, up: Array, extent: Array, *, perspective: bool
) -> tuple[Array, Array]:
    """Return the near and the far rectangle of what a volume rendering shows (PS3.3 C.11.30.1), (5, 3) each.

    `position`, `look_at`, `up`: (3,). `extent`: (6,), left, right, top, bottom in the viewpoint's coordinates, and the
    distances of the near and the far plane. All of it lies between the rectangles: a cuboid, in perspective a truncated
    pyramid, of which left to bottom are those at the far plane. Raises GeometryError for what is no such body.
    """
    left, right, top, bottom, near, far = (float(number) for number in extent)
    if not (left < right and bottom < top and 0 < near < far):
        raise GeometryError("a field of view has a width, a height and a depth")
    backward = unit(position - look_at)
    rightward = unit(np.cross(up, backward))
    upward = np.cross(backward, rightward)
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom], [left, top]])
    flat = corners @ np.array([rightward, upward])
    near_scale = near / far if perspective else 1.0
    return (
        _rounded(position - near * backward + near_scale * flat),
        _rounded(position - far * backward + flat),
    )


def box(corners: Array, axes: Array) -> tuple[Array, Array]:
    """Return two opposite faces, (5, 3) each, of the cuboid between two of its opposite corners.

    `corners`: (2, 3). `axes`: (2, 3), unit vectors along two of its edges. The first face holds the first corner.
    """
    along, down = axes
    normal = np.cross(along, down)
    first, second = corners
    width, height, depth = np.array([along, down, normal]) @ (second - first)
    around = np.array([[0, 0], [width, 0], [width, height], [0, height], [0, 0]])
    face = first + around @ axes
    return _rounded(face), _rounded(face + depth * normal)


def unit(vector: Array) -> Array:
    """Return the vector, (3,), at length one. Raises GeometryError for one without direction."""
    length = float(np.linalg.norm(vector))
    if not np.isfinite(length) or length == 0:
        raise GeometryError("a direction has a length")
    result: Array = vector.astype(np.float64) / length
    return result


def _rounded(points: Array) -> Array:
    if not (np.abs(points) < _FURTHEST).all():
        raise GeometryError("a position is within reach")
    rounded: Array = np.round(points, _DECIMALS) + 0.0
    return rounded
