"""Regions in a frame of reference on the slices that they lie in or cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from converter import plane as planes
from converter.plane import Plane
from converter.projection import Slice, Stack
from converter.view.picture import Shape, ShapeType
from converter.view.selected import Region
from converter.view.shapes import thinned

_ENOUGH: Final = 1e-9
_CHORDS: Final = 128
# Millimetres that a region that lies in one plane may depart from it.
_FLAT: Final = 0.5


class Sections:
    """The slices of one series, and what is to be seen of regions on them."""

    def __init__(self, slices: Iterable[Slice]) -> None:
        self._slices = list(slices)
        self._stack = Stack(self._slices)
        self._normals = np.array([each.plane.normal for each in self._slices]).reshape(-1, 3)
        positions = np.array([each.plane.position for each in self._slices]).reshape(-1, 3)
        self._offsets = np.einsum("ij,ij->i", self._normals, positions)

    def __len__(self) -> int:
        return len(self._slices)

    @property
    def is_slide(self) -> bool:
        """Whether all of them are slides under a microscope."""
        return all(each.instance.total_pixel_matrix_columns is not None for each in self._slices)

    def of(self, region: Region, label: str | None = None) -> Iterator[tuple[Slice, Shape]]:
        """Yield each slice that a region lies in or cuts, with its shape there in pixels."""
        if not self._slices:
            return
        if region.type == "ellipsoid":
            yield from self._cut_ellipsoid(region, label)
        elif region.type == "multipoint":
            yield from self._points(region, label)
        else:
            holding = self._stack.nearest(region.points)
            if holding is not None:
                yield holding, _in_plane(region, holding.plane, label)
            elif region.type != "point":
                yield from self._cut(region, label)

    def _points(self, region: Region, label: str | None) -> Iterator[tuple[Slice, Shape]]:
        """Each point on the slice that it is nearest to, if it is near enough to any."""
        found: dict[int, tuple[Slice, list[NDArray[np.float64]]]] = {}
        for point in thinned(region.points):
            holding = self._stack.nearest(point[np.newaxis])
            if holding is not None:
                found.setdefault(id(holding), (holding, []))[1].append(point)
        for holding, points in found.values():
            pixels = planes.frame_of_reference_to_pixel(np.array(points), holding.plane)[0]
            yield holding, Shape("multipoint", pixels, region.element, label)

    def _cut(self, region: Region, label: str | None) -> Iterator[tuple[Slice, Shape]]:
        """Where lines pass through slices: of a flat closed region the chords inside of it, else the points."""
        lines = _closed(region)
        is_filled = region.type in ("polygon", "ellipse") and _is_flat(lines)
        for index in self._between(lines):
            crossings = _crossings(lines @ self._normals[index] - self._offsets[index], lines)
            if not len(crossings):
                continue
            each = self._slices[index]
            pixels = planes.frame_of_reference_to_pixel(crossings, each.plane)[0]
            if is_filled and len(pixels) > 1:
                # A plane cuts another along a line: on it inside and outside take turns.
                ordered = pixels[np.argsort((pixels - pixels[0]) @ (pixels[_farthest(pixels)] - pixels[0]))]
                for start in range(0, len(ordered) - 1, 2):
                    chord = ordered[start : start + 2]
                    yield each, Shape("polyline", chord, region.element, label, is_derived=True)
            else:
                yield each, Shape("multipoint", thinned(pixels), region.element, label, is_derived=True)

    def _between(self, points: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the numbers of the slices that have points on both sides."""
        least = np.full(len(self._slices), np.inf)
        greatest = -least
        for chunk in np.array_split(points, len(points) // 4096 + 1):
            distances = chunk @ self._normals.T - self._offsets
            least = np.minimum(least, distances.min(axis=0))
            greatest = np.maximum(greatest, distances.max(axis=0))
        return np.flatnonzero((least < 0) & (greatest >= 0))

    def _cut_ellipsoid(self, region: Region, label: str | None) -> Iterator[tuple[Slice, Shape]]:
        """The ellipses that an ellipsoid, three axes by their end points, is cut along (PS3.3 C.18.9.1.2)."""
        center = region.points.mean(axis=0)
        semi_axes = (region.points[1::2] - region.points[::2]) / 2
        for each, normal, offset in zip(self._slices, self._normals, self._offsets, strict=True):
            # In the axes of the ellipsoid it is a unit sphere, and the slice the plane across . u = distance.
            across = semi_axes @ normal
            length = float(np.sqrt(across @ across))
            if length <= _ENOUGH or abs(float(offset - center @ normal)) >= length * (1 - _ENOUGH):
                continue
            nearest = across * float(offset - center @ normal) / length**2
            radius = np.sqrt(1 - float(nearest @ nearest))
            first, second = _perpendicular(across / length)
            ends = nearest + radius * np.array([-first, first, -second, second])
            diameters = center + ends @ semi_axes
            pixels = planes.ellipse_to_pixel(diameters, each.plane)
            yield each, Shape("ellipse", pixels, region.element, label, is_derived=True)


def _in_plane(region: Region, plane: Plane, label: str | None) -> Shape:
    if region.type == "ellipse":
        points = planes.ellipse_to_pixel(region.points, plane)
    else:
        points = planes.frame_of_reference_to_pixel(thinned(region.points), plane)[0]
    return Shape(cast(ShapeType, region.type), points, region.element, label)


def _closed(region: Region) -> NDArray[np.float64]:
    """Return a region as a polyline, an ellipse as chords, a polygon closed."""
    points = region.points
    if region.type == "ellipse":
        angles = np.linspace(0, 2 * np.pi, _CHORDS + 1)[:, np.newaxis]
        major, minor = (points[1] - points[0]) / 2, (points[3] - points[2]) / 2
        around: NDArray[np.float64] = points.mean(axis=0) + np.cos(angles) * major + np.sin(angles) * minor
        around[-1] = around[0]
        return around
    if region.type == "polygon" and not (points[0] == points[-1]).all():
        return np.concatenate([points, points[:1]])
    return points


def _is_flat(points: NDArray[np.float64]) -> bool:
    centered = points - points.mean(axis=0)
    # The direction of least extent, of all points.
    normal = np.linalg.eigh(centered.T @ centered)[1][:, 0]
    return float(np.abs(centered @ normal).max()) <= _FLAT


def _crossings(distances: NDArray[Any], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where a polyline passes from one side of a plane to the other; a point on it counts as beyond."""
    is_beyond = distances >= 0
    starts = np.flatnonzero(is_beyond[:-1] != is_beyond[1:])
    before, after = distances[starts], distances[starts + 1]
    share = (before / (before - after))[:, np.newaxis]
    crossings: NDArray[np.float64] = points[starts] + share * (points[starts + 1] - points[starts])
    return crossings


def _farthest(points: NDArray[np.float64]) -> int:
    offsets = points - points[0]
    return int(np.argmax(np.einsum("ij,ij->i", offsets, offsets)))


def _perpendicular(unit: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two unit vectors at right angles to a third and to each other."""
    axis = np.zeros(3)
    axis[int(np.argmin(np.abs(unit)))] = 1
    first = np.cross(unit, axis)
    first /= np.sqrt(first @ first)
    return first, np.cross(unit, first)
