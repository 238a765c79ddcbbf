"""Very many regions of one type as two arrays: a group of bulk annotations has a million of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeAlias, TypeVar, overload

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

    `made`: Region2D or Region3D. `coordinates`: (n, 2) or (n, 3), finite, those of all regions one after the other.
    `starts`: (regions + 1,), the number of the point that each begins with, then n; none is without points. `closed`:
    each region repeats its first vertex at its end; here that is left out where it was not stated. `z`: in
    millimetres, the third coordinate of all points, of which `coordinates` has two then (Common Z Coordinate Value
    (006A,0010)).
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
        points = self._points(self.coordinates[self.starts[number] : self.starts[number + 1]])
        is_open = self.closed and not np.array_equal(points[0], points[-1])
        return self.made(self.type, np.concatenate([points, points[:1]]) if is_open else points)

    def part(self, first: int, end: int) -> PackedRegions[_Region]:
        """Return the regions from `first` up to, not including, `end`; the coordinates are shared."""
        starts = self.starts[first : end + 1]
        inside = self.coordinates[starts[0] : starts[-1]]
        return replace(self, coordinates=inside, starts=starts - starts[0])

    def separated(self) -> Coordinates:
        """Return the coordinates of all regions one after the other, one-dimensional, with a NaN between each two."""
        points = self._points(self.coordinates)
        size = points.shape[1]
        first, last = self.starts[:-1], self.starts[1:] - 1
        is_open = (points[first] != points[last]).any(axis=1) & self.closed
        # After each region a NaN, and before that, in an open ring, its first vertex once more.
        after = np.cumsum((np.diff(self.starts) + is_open) * size + 1) - 1
        repeated = after[is_open, np.newaxis] - np.arange(size, 0, -1)
        is_stated = np.ones(after[-1] + 1, np.bool_)
        is_stated[after] = False
        is_stated[repeated] = False
        numbers: NDArray[Any] = np.empty(len(is_stated), np.float32 if points.dtype.itemsize == 4 else np.float64)
        numbers[after] = np.nan
        numbers[repeated] = points[first[is_open]]
        numbers[is_stated] = points.reshape(-1)
        separated: Coordinates = numbers[:-1]
        return separated

    def _points(self, stored: Coordinates) -> Coordinates:
        return stored if self.z is None else with_z(stored, self.z)

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
