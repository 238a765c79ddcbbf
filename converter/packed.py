"""Very many regions of one type as two arrays: a group of bulk annotations has a million of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Generic, Literal, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from converter.plane import as_stated
from converter.selection import Coordinates, Region2D, Region3D

PackedType: TypeAlias = Literal["point", "polyline", "polygon", "ellipse"]
"""Types of region that every release has; a polygon is one of three dimensions alone, and closed."""

_Region = TypeVar("_Region", Region2D, Region3D)


class VeryManyRegions(Sequence[_Region], ABC):
    """Regions that are made one by one when they are asked for."""

    __slots__ = ()

    @overload
    def __getitem__(self, index: int) -> _Region: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[_Region]: ...

    def __getitem__(self, index: int | slice) -> _Region | Sequence[_Region]:
        if isinstance(index, slice):
            return [self[each] for each in range(len(self))[index]]
        return self._region(range(len(self))[index])

    @abstractmethod
    def _region(self, number: int) -> _Region:
        """Return a region by its number, from 0."""

    @property
    @abstractmethod
    def types(self) -> tuple[PackedType, ...]:
        """The types that regions may be of."""

    @property
    @abstractmethod
    def dimensions(self) -> int:
        """How many coordinates a point has."""

    @property
    @abstractmethod
    def stored(self) -> PackedRegions[Any]:
        """The regions as they are held, which may be in another space."""

    @abstractmethod
    def are_finite(self) -> bool:
        """Tell whether all coordinates are finite."""

    @abstractmethod
    def parts(self, most_vertices: int) -> Iterator[tuple[int, PackedRegions[_Region]]]:
        """Yield the regions in parts of one type and of no more vertices, each with the number of its first, from 0.

        A region is never divided: one of more vertices is a part of its own.
        """


@dataclass(frozen=True, slots=True, eq=False)
class PackedRegions(VeryManyRegions[_Region], Generic[_Region]):
    """Regions of one type.

    `made`: Region2D or Region3D. `coordinates`: (n, 2) or (n, 3), finite, those of all regions one after the other.
    `starts`: (regions + 1,), the number of the point that each begins with, then n; none is without points. `closed`:
    each region repeats its first vertex at its end; here that is left out where it was not stated. `z`: in
    millimetres, the third coordinate of all points, of which `coordinates` has two then (Common Z Coordinate Value
    (006A,0010)). `images`: those of each Region3D.
    """

    made: type[_Region]
    type: PackedType
    coordinates: Coordinates
    starts: NDArray[np.int64]
    closed: bool = False
    z: float | None = None
    images: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.starts) - 1

    def _region(self, number: int) -> _Region:
        points = self._points(self.coordinates[self.starts[number] : self.starts[number + 1]])
        is_open = self.closed and not np.array_equal(points[0], points[-1])
        vertices = np.concatenate([points, points[:1]]) if is_open else points
        made: Any = self.made
        region: _Region = made(self.type, vertices, self.images) if self.images else made(self.type, vertices)
        return region

    @property
    def types(self) -> tuple[PackedType, ...]:
        """Their one type."""
        return (self.type,)

    @property
    def dimensions(self) -> int:
        """How many coordinates a point has, with that which all have in common."""
        stored: int = self.coordinates.shape[1]
        return stored + (self.z is not None)

    @property
    def stored(self) -> PackedRegions[_Region]:
        """The regions themselves."""
        return self

    @property
    def points(self) -> Coordinates:
        """The points of all regions, (n, 2) or (n, 3), without the vertices that were not stated."""
        return self._points(self.coordinates)

    def are_finite(self) -> bool:
        """Tell whether all coordinates are finite."""
        return bool(np.isfinite(self.coordinates).all() and np.isfinite(self.z or 0))

    def chosen(self, numbers: NDArray[np.int64]) -> PackedRegions[_Region]:
        """Return the regions with these numbers, in this order, all vertices of rings with them."""
        first, ends = self.starts[numbers], self.starts[numbers + 1]
        is_open = self._are_open(first, ends - 1)
        counts = ends - first + is_open
        starts = np.append(0, np.cumsum(counts))
        places = np.arange(starts[-1]) + np.repeat(first - starts[:-1], counts)
        places[starts[1:][is_open] - 1] = first[is_open]
        return replace(self, coordinates=self.coordinates[places], starts=starts, closed=False)

    def _are_open(self, first: NDArray[np.int64], last: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return of which rings, from the point `first` to `last`, the first vertex is to be repeated."""
        is_open: NDArray[np.bool_] = (self.coordinates[first] != self.coordinates[last]).any(axis=1) & self.closed
        return is_open

    def part(self, first: int, end: int) -> PackedRegions[_Region]:
        """Return the regions from `first` up to, not including, `end`; the coordinates are shared."""
        starts = self.starts[first : end + 1]
        inside = self.coordinates[starts[0] : starts[-1]]
        return replace(self, coordinates=inside, starts=starts - starts[0])

    def separated(self) -> Coordinates:
        """Return the coordinates of all regions one after the other, one-dimensional, with a NaN between each two."""
        points = self.points
        size = points.shape[1]
        first = self.starts[:-1]
        is_open = self._are_open(first, self.starts[1:] - 1)
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
        """Yield the regions in parts of no more vertices, each with the number of its first region, from 0."""
        # Whether the first vertex was repeated when it was stated must not move the border between parts.
        ends = self.starts + (np.arange(len(self.starts)) if self.closed else 0)
        for first, end in divided(ends, most_vertices):
            yield first, self.part(first, end)


def divided(ends: NDArray[np.int64], most_vertices: int) -> Iterator[tuple[int, int]]:
    """Yield the first region of each part and the one before which it ends, as `VeryManyRegions.parts` divides.

    `ends`: (regions + 1,), how many vertices there are before each region, then in all.
    """
    first = 0
    while first < len(ends) - 1:
        end = int(np.searchsorted(ends, ends[first] + most_vertices, "right")) - 1
        end = max(end, first + 1)
        yield first, end
        first = end


def joined(parts: Iterable[Sequence[_Region]]) -> Sequence[_Region]:
    """Return the regions of all parts one after the other; those of one part alone as they are."""
    some = [each for each in parts if each]
    return some[0] if len(some) == 1 else tuple(chain.from_iterable(some))


def with_z(points: Coordinates, z: float) -> Coordinates:
    """Return (n, 3) of points (n, 2) that have this third coordinate; in double precision where `z` needs that."""
    exact = points if points.dtype.itemsize > 4 or _is_single(z) else as_stated(points)
    stacked: Coordinates = np.column_stack([exact, np.full(len(exact), z, exact.dtype)])
    return stacked


def _is_single(number: float) -> bool:
    """Return whether single precision holds a number as it is, or as the shortest decimal that reads back to it."""
    single = np.float32(number)
    return float(single) == number or float(str(single)) == number
