"""Regions between an image's pixels and its frame of reference, and the slice in whose plane a region lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from converter import plane as planes
from converter.catalog import Instance
from converter.geometry import Computed, GeometryError, interpolate
from converter.plane import Plane
from converter.selection import Coordinates, Frames, Region2D, Region2DType, Region3D, Region3DType
from converter.slide import plane_of_frame, planes_of, tiling_of

_DECIMALS = 6
# Millimetres between the pixels of a microscope, in which 1e-6 mm are a share of a pixel.
_MICROSCOPIC = 0.01
# Its position is that of its first frame only; the others' follow from Grid Frame Offset Vector (PS3.3 C.8.8.3).
_RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
RING = 4
"""Vertices, the first repeated as the last, from which on a closed polyline is a polygon."""

_IN_PIXELS: dict[Region3DType, Region2DType] = {
    "point": "point",
    "multipoint": "multipoint",
    "polyline": "polyline",
    "polygon": "polyline",
    "ellipse": "ellipse",
}


@dataclass(frozen=True, slots=True)
class Slice:
    """An image or a frame of one, and where it lies; `tolerance` is how far off its plane a region may be, in mm."""

    instance: Instance
    subset: Frames | None
    plane: Plane
    tolerance: float


def slices_of(instance: Instance, frames: Frames | None = None, tolerance: float | None = None) -> list[Slice]:
    """Return the slices that an image or the named frames of it are, none if it is not known where they lie.

    `tolerance`: in millimetres, None for half the slice thickness, or half a pixel where that is not known. Frames in
    one plane are one slice. The frames of tiled images lie side by side: they are none.
    """
    if instance.total_pixel_matrix_columns is not None:
        return []
    if instance.frame_planes is not None:
        numbers = frames.numbers if frames is not None else range(1, len(instance.frame_planes) + 1)
        stated = [(Frames((number,)), instance.frame_planes.of(number)) for number in numbers]
    elif instance.sop_class_uid == _RT_DOSE and (instance.number_of_frames or 1) > 1:
        return []
    else:
        vectors = (instance.image_position_patient, instance.image_orientation_patient, instance.pixel_spacing)
        stated = [(frames, vectors)] if None not in vectors else []  # type: ignore[list-item]
    slices = []
    for subset, found in stated:
        try:
            plane = None if found is None else Plane(*found)
        except GeometryError:
            plane = None
        if plane is not None:
            slices.append(Slice(instance, subset, plane, _tolerance(instance, plane, tolerance)))
    return slices


def slices_or_tiles_of(instance: Instance, frames: Frames | None = None, tolerance: float | None = None) -> list[Slice]:
    """Return the slices that an image is, as `slices_of` does, or where a tiled image or the named frames of it lie.

    A whole tiled image is a slice for each focal plane of its total pixel matrix; its frames lie side by side, so what
    is in the plane of one need not be on it.
    """
    if instance.total_pixel_matrix_columns is None:
        return slices_of(instance, frames, tolerance)
    return [Slice(instance, *each, _tolerance(instance, each[1], tolerance)) for each in _tiles(instance, frames)]


def _tiles(instance: Instance, frames: Frames | None) -> Iterator[tuple[Frames | None, Plane]]:
    """Yield the planes of a tiled image's total pixel matrix, or of the named frames of it."""
    if frames is None:
        yield from ((None, plane) for plane in planes_of(instance))
        return
    tiling = tiling_of(instance)
    for number in frames.numbers:
        plane = None if tiling is None else plane_of_frame(instance, tiling, number)
        if plane is not None:
            yield Frames((number,)), plane


def _tolerance(instance: Instance, plane: Plane, stated: float | None) -> float:
    if stated is not None:
        return stated
    return (instance.slice_thickness or max(plane.spacing)) / 2


class Stack:
    """Slices, and which of them a region lies in."""

    def __init__(self, slices: Iterable[Slice]) -> None:
        # Of several slices in one plane the first by number is taken, whatever the order in which they come.
        self._slices: Sequence[Slice] = sorted(slices, key=_order)
        self._normals = np.array([each.plane.normal for each in self._slices]).reshape(-1, 3)
        self._offsets = np.einsum(
            "ij,ij->i", self._normals, np.array([each.plane.position for each in self._slices]).reshape(-1, 3)
        )
        self._tolerances = np.array([each.tolerance for each in self._slices])

    def __len__(self) -> int:
        return len(self._slices)

    def __getitem__(self, number: int) -> Slice:
        return self._slices[number]

    def nearest(self, points: Coordinates) -> Slice | None:
        """Return the slice that all points, (n, 3), are nearest to, None if none has them within its tolerance."""
        number = int(self.nearest_of(points, np.zeros(1, np.int64))[0])
        return None if number < 0 else self._slices[number]

    def nearest_of(self, points: Coordinates, starts: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of the slice that is `nearest` to each region, -1 where there is none.

        `points`: (n, 3), those of all regions one after the other. `starts`: (regions,), the number of the point that
        each begins with.
        """
        stated = planes.as_stated(points)
        tolerances = self._tolerances + 1e-9
        # A thousand points and a thousand slices are a million distances: most slices are out by the first point.
        is_near = self._distances(stated[starts], slice(None)) <= tolerances
        found, least = np.full(len(starts), -1), np.full(len(starts), np.inf)
        for number in np.flatnonzero(is_near.any(axis=0)).tolist():
            distances = np.maximum.reduceat(self._distances(stated, [number])[:, 0], starts)
            # Rounding must not decide between slices that are equally near.
            rounded = np.round(distances, _DECIMALS)
            is_nearer = is_near[:, number] & (rounded < least)
            least[is_nearer] = rounded[is_nearer]
            found[is_nearer] = np.where(distances[is_nearer] <= tolerances[number], number, -1)
        return found

    def _distances(self, points: Computed, which: slice | list[int]) -> Computed:
        """Return the distance of each point, (n, 3), from each of these slices: (n, slices)."""
        reach = sum(points[:, [axis]] * self._normals[which, axis] for axis in range(3))
        distances: Computed = np.abs(reach - self._offsets[which])
        return distances


def _order(each: Slice) -> tuple[float, int, str, tuple[int, ...]]:
    number = each.instance.instance_number
    numbers = each.subset.numbers if each.subset is not None else ()
    # Of the levels of a slide's pyramid, the finest comes first.
    fineness = 0.0 if each.instance.total_pixel_matrix_columns is None else max(each.plane.spacing)
    return (fineness, 2**63 if number is None else number, each.instance.sop_instance_uid, numbers)


def to_pixels(region: Region3D, plane: Plane) -> Region2D | None:
    """Return a region in a frame of reference on the pixels above or below which it lies, rounded to 1e-6.

    A polygon becomes a closed polyline. None for an ellipsoid, which lies in no plane.
    """
    kind = _IN_PIXELS.get(region.type)
    if kind is None:
        return None
    return Region2D(kind, points_to_pixels(region.type, region.coordinates, plane))


def points_to_pixels(kind: Region3DType, points: Coordinates, plane: Plane) -> Computed:
    """Return the points of a region, or of several of one type, as `to_pixels` does: (n, 3) as (n, 2)."""
    if kind == "ellipse":
        return _rounded(planes.ellipse_to_pixel(points, plane))
    return _rounded(planes.frame_of_reference_to_pixel(points, plane)[0])


def to_frame_of_reference(region: Region2D, plane: Plane, images: tuple[str, ...] = ()) -> Region3D:
    """Return a region on pixels as one in the frame of reference, rounded to 1e-6 mm, to 1e-9 on a microscope's pixels.

    A closed polyline becomes a polygon, a circle an ellipse, a curve the polyline that stands for it.
    """
    points = region.coordinates
    kind: Region3DType
    if region.type in ("polyline", "interpolated"):
        points = interpolate(points) if region.type == "interpolated" else points
        is_ring = len(points) >= RING and np.array_equal(points[0], points[-1])
        kind = "polygon" if is_ring else "polyline"
    elif region.type in ("circle", "ellipse"):
        kind = "ellipse"
    else:
        kind = "point" if region.type == "point" else "multipoint"
    return Region3D(kind, points_to_frame_of_reference(region.type, points, plane), images)


def points_to_frame_of_reference(kind: Region2DType, points: Coordinates, plane: Plane) -> Computed:
    """Return the points of a region, or of several of one type, as `to_frame_of_reference` does: (n, 2) as (n, 3)."""
    if kind == "circle":
        mapped = planes.circle_to_frame_of_reference(points, plane)
    elif kind == "ellipse":
        mapped = planes.ellipse_to_frame_of_reference(points, plane)
    else:
        mapped = planes.pixel_to_frame_of_reference(points, plane)
    return _rounded(mapped, _DECIMALS if min(plane.spacing) >= _MICROSCOPIC else _DECIMALS + 3)


def _rounded(points: Computed, decimals: int = _DECIMALS) -> Computed:
    # Adding zero turns -0.0 into 0.0.
    rounded: Computed = np.round(points, decimals) + 0.0
    return rounded
