"""Regions between an image's pixels and its frame of reference, and the slice in whose plane a region lies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

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
_RING = 4

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

    def nearest(self, points: Coordinates) -> Slice | None:
        """Return the slice that all points, (n, 3), are nearest to, None if none has them within its tolerance."""
        points = planes.as_stated(points)
        # A thousand points and a thousand slices are a million distances: most slices are out by the first point.
        near = np.flatnonzero(np.abs(self._normals @ points[0] - self._offsets) <= self._tolerances + 1e-9)
        if not near.size:
            return None
        distances = np.abs(points @ self._normals[near].T - self._offsets[near]).max(axis=0)
        # Rounding must not decide between slices that are equally near.
        least = int(np.argmin(np.round(distances, _DECIMALS)))
        index = int(near[least])
        return self._slices[index] if distances[least] <= self._tolerances[index] + 1e-9 else None


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
    if region.type == "ellipse":
        return Region2D(kind, _rounded(planes.ellipse_to_pixel(region.coordinates, plane)))
    return Region2D(kind, _rounded(planes.frame_of_reference_to_pixel(region.coordinates, plane)[0]))


def to_frame_of_reference(region: Region2D, plane: Plane, images: tuple[str, ...] = ()) -> Region3D:
    """Return a region on pixels as one in the frame of reference, rounded to 1e-6 mm, to 1e-9 on a microscope's pixels.

    A closed polyline becomes a polygon, a circle an ellipse, a curve the polyline that stands for it.
    """
    points = region.coordinates
    kind: Region3DType
    if region.type == "circle":
        kind, mapped = "ellipse", planes.circle_to_frame_of_reference(points, plane)
    elif region.type == "ellipse":
        kind, mapped = "ellipse", planes.ellipse_to_frame_of_reference(points, plane)
    elif region.type in ("polyline", "interpolated"):
        drawn = interpolate(points) if region.type == "interpolated" else points
        is_ring = len(drawn) >= _RING and np.array_equal(drawn[0], drawn[-1])
        kind, mapped = "polygon" if is_ring else "polyline", planes.pixel_to_frame_of_reference(drawn, plane)
    else:
        kind = "point" if region.type == "point" else "multipoint"
        mapped = planes.pixel_to_frame_of_reference(points, plane)
    decimals = _DECIMALS if min(plane.spacing) >= _MICROSCOPIC else _DECIMALS + 3
    return Region3D(kind, _rounded(mapped, decimals), images)


def _rounded(points: Computed, decimals: int = _DECIMALS) -> Computed:
    # Adding zero turns -0.0 into 0.0.
    rounded: Computed = np.round(points, decimals) + 0.0
    return rounded
