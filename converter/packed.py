"""Very many regions of one type as two arrays: a group of bulk annotations has a million of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Literal, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from converter.plane import as_stated
from converter.selection import Coordinates, Region2D, Region3D

PackedType: TypeAlias = Literal["point", "polyline", "ellipse"]
"""Types of region that every release has in two and in three dimensions."""

_Region = TypeVar("_Region", Region2D, Region3D)


@dataclass(frozen=True, slots=True, eq=False)
class PackedRegions(Sequence[_Region], Generic[_Region]):
    """Regions of one type, made one by one when they are asked for.

    `made`: Region2D or Region3D. `coordinates`: (n, 2) or (n, 3), those of all regions one after the other. `starts`:
    (regions + 1,), the number of the point that each begins with, then n. `closed`: each region repeats its first
    vertex at its end; here that is left out where it was not stated. `z`: in millimetres, the third coordinate of
    all points, of which `coordinates` has two then (Common Z Coordinate Value (006A,0010)).
    """

    made: type[_Region]
    type: PackedType
    coordinates: Coordinates
    starts: NDArray[np.int64]
    closed: bool = False
    z: float | None = None

    def __len__(self) -> int:
        return len(self.starts) - 1

    @overload
    def __getitem__(self, index: int) -> _Region: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[_Region]: ...

    def __getitem__(self, index: int | slice) -> _Region | Sequence[_Region]:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        number = range(len(self))[index]
        points, _ = self.part(number, number + 1).stated()
        return self.made(self.type, points)

    def part(self, first: int, end: int) -> PackedRegions[_Region]:
        """Return the regions from `first` up to, not including, `end`; the coordinates are shared."""
        starts = self.starts[first : end + 1]
        inside = self.coordinates[starts[0] : starts[-1]]
        return replace(self, coordinates=inside, starts=starts - starts[0])

    def stated(self) -> tuple[Coordinates, NDArray[np.int64]]:
        """Return coordinates and starts as the regions have them: closed, with all coordinates of each point."""
        points = self.coordinates if self.z is None else with_z(self.coordinates, self.z)
        if not self.closed or not len(self):
            return points, self.starts
        first, last = self.starts[:-1], self.starts[1:] - 1
        is_open = (points[first] != points[last]).any(axis=1)
        starts = self.starts.copy()
        starts[1:] += np.cumsum(is_open)
        repeated = starts[1:][is_open] - 1
        is_stated = np.ones(starts[-1], np.bool_)
        is_stated[repeated] = False
        ring = np.empty((len(is_stated), points.shape[1]), points.dtype)
        ring[is_stated] = points
        ring[repeated] = points[first[is_open]]
        return ring, starts

    def parts(self, most_vertices: int) -> Iterator[tuple[int, PackedRegions[_Region]]]:
        """Yield the regions in parts of no more vertices than this, each with the number of its first region, from 0.

        A region is never divided: one of more vertices is a part of its own.
        """
        # Whether the first vertex was repeated when it was stated must not move the border between parts.
        ends = self.starts + (np.arange(len(self.starts)) if self.closed else 0)
        first = 0
        while first < len(self):
            end = int(np.searchsorted(ends, ends[first] + most_vertices, "right")) - 1
            end = max(end, first + 1)
            yield first, self.part(first, end)
            first = end


def with_z(points: Coordinates, z: float) -> Coordinates:
    """Return (n, 3) of points (n, 2) that have this third coordinate; in double precision where `z` needs that."""
    exact = points if points.dtype.itemsize > 4 or _is_single(z) else as_stated(points)
    stacked: Coordinates = np.column_stack([exact, np.full(len(exact), z, exact.dtype)])
    return stacked


def _is_single(number: float) -> bool:
    """Return whether single precision holds a number as it is, or as the shortest decimal that reads back to it."""
    single = np.float32(number)
    return float(single) == number or float(str(single)) == number
