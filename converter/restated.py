"""Packed regions restated between pixels and the frame of reference: whole arrays of points, when they are written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from converter.packed import PackedRegions, PackedType, VeryManyRegions, divided
from converter.plane import Plane
from converter.projection import (
    RING,
    Stack,
    points_to_frame_of_reference,
    points_to_pixels,
    to_frame_of_reference,
    to_pixels,
)
from converter.selection import Coordinates, Region2D, Region3D

_Region = TypeVar("_Region", Region2D, Region3D)

AT_ONCE = 2**13
"""Vertices that are mapped at once: small enough to stay in the processor's cache."""


def in_frame_of_reference(
    regions: PackedRegions[Region2D], planes: Sequence[Plane], images: tuple[str, ...] = ()
) -> VeryManyRegions[Region3D]:
    """Return what `to_frame_of_reference` makes of each of the regions on each of the planes, region by region."""
    count = len(regions)
    numbers, which = np.repeat(np.arange(count), len(planes)), np.tile(np.arange(len(planes)), count)
    return _held(RestatedRegions(Region3D, regions, numbers, tuple(planes), which, images))


def on_pixels(
    regions: PackedRegions[Region3D], numbers: NDArray[np.int64], planes: Sequence[Plane], which: NDArray[np.int64]
) -> VeryManyRegions[Region2D]:
    """Return what `to_pixels` makes of the regions with these numbers, each on the plane with the number in `which`."""
    return _held(RestatedRegions(Region2D, regions, numbers, tuple(planes), which))


def nearest_slices(stack: Stack, regions: PackedRegions[Region3D]) -> NDArray[np.int64]:
    """Return the number in the stack of the slice that each region lies in, -1 for none."""
    found = [stack.nearest_of(part.points, part.starts[:-1]) for _, part in regions.parts(AT_ONCE)]
    return np.concatenate(found) if found else np.empty(0, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class RestatedRegions(VeryManyRegions[_Region], Generic[_Region]):
    """Packed regions as they are in space, or the other way round; no more is held than the regions and the planes.

    `made`: Region3D for `regions` in pixels, Region2D for those in space; not ellipses. `numbers`: (n,), the number in
    `regions` of each, and `which` that of its plane in `planes`. `images`: those of each Region3D.
    """

    made: type[_Region]
    regions: PackedRegions[Any]
    numbers: NDArray[np.int64]
    planes: tuple[Plane, ...]
    which: NDArray[np.int64]
    images: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.numbers)

    def _region(self, number: int) -> Any:
        region, plane = self.regions[int(self.numbers[number])], self.planes[self.which[number]]
        return to_frame_of_reference(region, plane, self.images) if self._is_in_space else to_pixels(region, plane)

    @property
    def _is_in_space(self) -> bool:
        return self.made is Region3D

    @property
    def types(self) -> tuple[PackedType, ...]:
        """The types that regions may be of: in space, polylines that are closed are polygons."""
        kind = self.regions.type
        return ("polyline", "polygon") if self._is_in_space and kind == "polyline" else (kind,)

    @property
    def dimensions(self) -> int:
        """How many coordinates a point has."""
        return 3 if self._is_in_space else 2

    @property
    def stored(self) -> PackedRegions[Any]:
        """The regions as they were stated."""
        return self.regions

    def are_finite(self) -> bool:
        """Tell whether all coordinates are finite: those that reach farthest are."""
        if not self.regions.are_finite():
            return False
        stated = self.regions.coordinates
        reach = [np.array([axis.min(), axis.max()], np.float64) for axis in stated.T]
        reach += [] if self.regions.z is None else [np.array([self.regions.z])]
        corners = np.stack(np.meshgrid(*reach), axis=-1).reshape(-1, len(reach))
        return all(bool(np.isfinite(self._mapped(corners, plane)).all()) for plane in self.planes)

    def parts(self, most_vertices: int) -> Iterator[tuple[int, PackedRegions[_Region]]]:
        """Yield the regions in parts of one type and of no more vertices, each with the number of its first, from 0."""
        counts = np.diff(self.regions.starts) + self.regions.closed
        ends = np.append(0, np.cumsum(counts[self.numbers]))
        for first, end in divided(ends, most_vertices):
            stated = self.regions.chosen(self.numbers[first:end])
            points = self._on_planes(stated, self.which[first:end])
            for kind, begin, until in self._of_one_type(stated):
                bounds = stated.starts[begin : until + 1]
                inside = points[bounds[0] : bounds[-1]]
                yield first + begin, PackedRegions(self.made, kind, inside, bounds - bounds[0], images=self.images)

    def _on_planes(self, stated: PackedRegions[Any], which: NDArray[np.int64]) -> Coordinates:
        """Return the points of regions, each mapped by the plane of its region."""
        points = stated.points
        used = np.unique(which).tolist()
        if len(used) == 1:
            return self._mapped(points, self.planes[used[0]])
        of_points = np.repeat(which, np.diff(stated.starts))
        mapped = np.empty((len(points), self.dimensions))
        for number in used:
            mapped[of_points == number] = self._mapped(points[of_points == number], self.planes[number])
        return mapped

    def _mapped(self, points: Coordinates, plane: Plane) -> Coordinates:
        kind = self.regions.type
        if self._is_in_space:
            return points_to_frame_of_reference("polyline" if kind == "polygon" else kind, points, plane)
        return points_to_pixels(kind, points, plane)

    def _of_one_type(self, stated: PackedRegions[Any]) -> Iterator[tuple[PackedType, int, int]]:
        """Yield the type of successive regions, the number of the first of them and the one before which they end."""
        if len(self.types) == 1:
            kind: PackedType = "polyline" if self.regions.type == "polygon" else self.regions.type
            yield kind, 0, len(stated)
            return
        points, first, ends = stated.coordinates, stated.starts[:-1], stated.starts[1:]
        is_polygon: NDArray[np.bool_] = (ends - first >= RING) & (points[first] == points[ends - 1]).all(axis=1)
        borders = [0, *(np.flatnonzero(np.diff(is_polygon)) + 1).tolist(), len(stated)]
        for begin, until in pairwise(borders):
            yield "polygon" if is_polygon[begin] else "polyline", begin, until


def _held(regions: RestatedRegions[_Region]) -> VeryManyRegions[_Region]:
    """Return ellipses as what they become, which may fail and is found by more than adding and multiplying."""
    if regions.regions.type != "ellipse" or not len(regions):
        return regions
    points = np.concatenate([part.coordinates for _, part in regions.parts(AT_ONCE)])
    return PackedRegions(regions.made, "ellipse", points, np.arange(0, len(points) + 1, 4), images=regions.images)
