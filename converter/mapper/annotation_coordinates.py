"""The annotations of a group of bulk annotations out of its arrays: which points each has, and what it is.

PS3.3 C.37.1.2.1.1. A group may have a million: what is wrong is looked for and left out on arrays, and reported by
how many annotations it concerns and the first of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject
from converter.selection import Coordinates

AnnotationType: TypeAlias = Literal["multipoint", "polyline", "ring", "ellipse"]
"""What annotations become: the points of one multipoint; polylines; closed polylines; ellipses."""

_Numbers: TypeAlias = NDArray[np.int64]
Numbers: TypeAlias = range | _Numbers
"""Numbers of annotations in their group, from 1."""

INDEXED: Final = frozenset({"POLYLINE", "POLYGON"})
_TYPES: Final[dict[str, tuple[AnnotationType, int]]] = {
    "POINT": ("multipoint", 1),
    "POLYLINE": ("polyline", 2),
    "POLYGON": ("ring", 3),
    "ELLIPSE": ("ellipse", 4),
    "RECTANGLE": ("ring", 4),
}
"""Graphic Type (0070,0023) → what its annotations become, and the points that each has, or has at least if indexed."""
_NO_NUMBERS: Final[_Numbers] = np.empty(0, np.int64)
# What annotations of fewer points are: contours that are found in pixels are often of one or two.
_SMALLER: Final[dict[int, AnnotationType]] = {1: "multipoint", 2: "polyline"}


@dataclass(frozen=True, slots=True)
class Annotations:
    """Annotations of one group that become regions of one type.

    `coordinates`: (n, 2), or (n, 3) but for points whose third coordinate is `z`. `starts`: (annotations + 1,), the
    point that each begins with, then n; empty for points. `numbers`: each one's number in its group, from 1. `of` is
    how many annotations the group has, those left out included.
    """

    type: AnnotationType
    coordinates: Coordinates
    starts: _Numbers
    numbers: Numbers
    of: int
    z: float | None = None


def keyword_of(group: Dataset) -> str:
    """Return the keyword of the element that holds the group's coordinates."""
    double = "DoublePointCoordinatesData"
    return double if values.has_value(group, double) else "PointCoordinatesData"


def annotations_of(obj: AnnotationObject, group: Dataset, path: str, dimensions: int) -> list[Annotations]:
    """Return a group's annotations by the type that they become: first those of the group's Graphic Type.

    `path` is that of `group`. What cannot be stated is left out, with problems.
    """
    return list(_Group(obj, group, path, dimensions).annotations())


class _Group:
    """One item of Annotation Group Sequence (006A,0002)."""

    def __init__(self, obj: AnnotationObject, group: Dataset, path: str, dimensions: int) -> None:
        self._obj = obj
        self._group = group
        self._path = path
        self._keyword = keyword_of(group)
        self._is_cut = False
        self._graphic_type = values.text(group, "GraphicType") or ""
        self._in_common = dimensions == 3 and values.has_value(group, "CommonZCoordinateValue")
        self._stored = 2 if self._in_common else dimensions
        stated = obj.integers(group, "NumberOfAnnotations", path)
        self._number = stated[0] if stated else None

    def annotations(self) -> Iterator[Annotations]:
        """Yield the annotations of each type."""
        if self._graphic_type not in _TYPES:
            self._obj.report("region-type", f"{self._path}.GraphicType")
            return
        planes = self._common_z() if self._in_common else [None]
        points = self._points()
        if points is None or not planes:
            return
        if self._graphic_type == "POINT":
            found = self._single(points)
        else:
            found = self._of_points(points)
        for each in found:
            for z in planes:
                yield replace(each, z=z)

    def _single(self, points: Coordinates) -> Iterator[Annotations]:
        """Yield annotations that are a point each."""
        self._check_number(len(points))
        of = len(points)
        numbers: Numbers = range(1, of + 1)
        if not np.isfinite(points).all():
            are_finite = np.asarray(np.isfinite(points).all(axis=1), np.bool_)
            self._report("annotation-not-finite", ~are_finite, self._keyword)
            points, numbers = points[are_finite], np.flatnonzero(are_finite) + 1
        if len(numbers):
            yield Annotations("multipoint", points, _NO_NUMBERS, numbers, of)

    def _of_points(self, points: Coordinates) -> Iterator[Annotations]:
        """Yield annotations that are of several points, by the type that they become."""
        begins, ends, is_known = self._extents(len(points))
        self._check_number(len(begins))
        kept = is_known & self._are_finite(points, begins, ends, is_known)
        for kind, chosen in self._by_type(ends - begins, kept):
            numbers = np.flatnonzero(chosen)
            if numbers.size:
                packed, starts = _packed(points, begins[numbers], ends[numbers])
                yield Annotations(kind, packed, starts, numbers + 1, len(begins))

    def _report(self, code: str, is_wrong: NDArray[np.bool_], keyword: str, **details: str) -> None:
        count = int(np.count_nonzero(is_wrong))
        if count:
            first = int(np.argmax(is_wrong)) + 1
            self._obj.report(code, f"{self._path}.{keyword}", count=count, first=first, **details)

    # Coordinates

    def _common_z(self) -> list[float | None]:
        """Return the Z planes that all points are in, none if they cannot be told."""
        found = self._obj.floats(self._group, "CommonZCoordinateValue", self._path)
        stated = [] if found is None else found.tolist()
        planes = [z for z in dict.fromkeys(stated) if np.isfinite(z)]
        if not all(map(np.isfinite, stated)) or not planes:
            self._obj.report("annotation-planes", f"{self._path}.CommonZCoordinateValue")
        return planes

    def _points(self) -> Coordinates | None:
        """Return the group's points as stored, None with a problem if there are none."""
        numbers = self._obj.floats(self._group, self._keyword, self._path)
        place = f"{self._path}.{self._keyword}"
        if numbers is None:
            return None
        if not numbers.size:
            self._obj.report("annotation-group-empty" if self._number == 0 else "region-missing", place)
            return None
        if self._is_of_other_dimensions(numbers.size):
            self._obj.report("annotation-dimensions", place)
            return None
        self._is_cut = numbers.size % self._stored > 0
        if self._is_cut:
            self._obj.report("region-odd", place)
        points: Coordinates = numbers[: numbers.size - numbers.size % self._stored].reshape(-1, self._stored)
        return points

    def _is_of_other_dimensions(self, size: int) -> bool:
        """Return whether so many numbers can only be what is stated with two coordinates for three or so."""
        other = 5 - self._stored
        if self._graphic_type in INDEXED:
            return not self._divides(size, self._stored) and self._divides(size, other)
        if self._number is None:
            return False
        points = self._number * _TYPES[self._graphic_type][1]
        return size != points * self._stored and size == points * other

    def _divides(self, size: int, dimensions: int) -> bool:
        """Return whether so many numbers, and those before each annotation, are points of so many coordinates."""
        return size % dimensions == 0 and self._index.size > 1 and not ((self._index - 1) % dimensions).any()

    # Which points each annotation has

    def _extents(self, count: int) -> tuple[_Numbers, _Numbers, NDArray[np.bool_]]:
        """Return the point that each annotation begins with, the one before which it ends, and whether both are known.

        `count`: how many points there are.
        """
        if self._graphic_type in INDEXED:
            return self._indexed(count)
        each = _TYPES[self._graphic_type][1]
        begins = np.arange(0, count, each)
        ends = np.minimum(begins + each, count)
        return begins, ends, np.ones(len(begins), np.bool_)

    def _indexed(self, count: int) -> tuple[_Numbers, _Numbers, NDArray[np.bool_]]:
        keyword = "LongPrimitivePointIndexList"
        stated = self._index if self._index.size else self._assumed_index(keyword)
        # An index is the position, from 1, of an annotation's first value among all values.
        places = np.full(len(stated), -1.0)
        is_number = np.isfinite(stated) & (stated >= 1)
        places[is_number] = (stated[is_number] - 1) / self._stored
        is_place = (places >= 0) & (places < count) & (places == np.floor(places))
        begins = np.where(is_place, places, count).astype(np.int64)
        ends = np.append(begins[1:], count)
        is_known = is_place & np.append(is_place[1:], np.True_) & (begins <= ends)
        # Where another begins within it, it is not known which of them is out of order.
        known_places = np.sort(begins[is_place])
        inside = np.searchsorted(known_places, ends, "left") - np.searchsorted(known_places, begins, "right")
        is_known &= inside <= 0
        self._report("annotation-index", ~is_known, keyword)
        if self._is_cut and len(is_known):
            is_known[-1] = False
        if is_place.size and is_place[0] and known_places[0] > 0:
            self._obj.report("annotation-unindexed", f"{self._path}.{self._keyword}")
        return begins, ends, is_known

    @cached_property
    def _index(self) -> Coordinates:
        stated = self._obj.floats(self._group, "LongPrimitivePointIndexList", self._path)
        return np.empty(0) if stated is None else stated

    def _assumed_index(self, keyword: str) -> Coordinates:
        """Return the index list of a group without one: only where it has one annotation is it known."""
        place = f"{self._path}.{keyword}"
        if self._number == 1:
            self._obj.report("annotation-index-assumed", place)
            return np.ones(1)
        self._obj.report("annotation-index-missing", place)
        return np.empty(0)

    def _check_number(self, count: int) -> None:
        if count and self._number != count:
            self._obj.report("annotation-count", f"{self._path}.NumberOfAnnotations", count=count)

    # What is left out or is something else

    def _are_finite(
        self, points: Coordinates, begins: _Numbers, ends: _Numbers, is_known: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        if np.isfinite(points).all():
            return is_known
        wrong_before = np.append(0, np.cumsum(~np.isfinite(points).all(axis=1)))
        are_finite: NDArray[np.bool_] = wrong_before[ends] == wrong_before[begins]
        self._report("annotation-not-finite", is_known & ~are_finite, self._keyword)
        return are_finite

    def _by_type(self, counts: _Numbers, kept: NDArray[np.bool_]) -> Iterator[tuple[AnnotationType, NDArray[np.bool_]]]:
        """Yield each type and which of the annotations kept are of it: those of too few points are of another."""
        kind, least = _TYPES[self._graphic_type]
        if counts.size and counts.min() >= least:
            yield kind, kept
            return
        yield kind, kept & (counts >= least)
        may_be_smaller = self._graphic_type in INDEXED
        for count, smaller in _SMALLER.items():
            if may_be_smaller and count < least:
                chosen = kept & (counts == count)
                self._report("annotation-type-changed", chosen, self._keyword, type=self._graphic_type, kind=smaller)
                yield smaller, chosen
        lost = kept & ((counts == 0) if may_be_smaller else (counts < least))
        self._report("annotation-incomplete", lost, self._keyword, type=self._graphic_type)


def _packed(points: Coordinates, begins: _Numbers, ends: _Numbers) -> tuple[Coordinates, _Numbers]:
    """Return the points of annotations one after the other, and where each begins, then the end."""
    starts = np.append(0, np.cumsum(ends - begins))
    if starts[-1] == len(points) and begins[0] == 0 and np.array_equal(begins[1:], ends[:-1]):
        return points, starts
    chosen = np.arange(starts[-1]) + np.repeat(begins - starts[:-1], ends - begins)
    packed: Coordinates = points[chosen]
    return packed, starts
