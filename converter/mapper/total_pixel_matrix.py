"""Where regions in the total pixel matrix of a tiled image are stated: in the frame that is named, or in the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from pydicom import Dataset

from converter import geometry
from converter.catalog import Instance
from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.gathering import Reference
from converter.selection import Coordinates, Frames, Region2D, Region2DType, SelectedInstance, Subset
from converter.slide import tiling_of
from converter.tiling import Tile, Tiling, matrix_to_frame

_DECIMALS = 6


class TotalPixelMatrix:
    """Places the regions of one object that are stated in total pixel matrices; remembers how images are tiled."""

    def __init__(self, obj: AnnotationObject) -> None:
        self._obj = obj
        self._tilings: dict[str, Tiling | None] = {}
        self._placed: dict[tuple[str, int | None, Region2D], Region2D | None] = {}

    def place(
        self, reference: Reference, named: Mapping[str, int | None], region: Region2D, path: str
    ) -> tuple[Reference, Region2D]:
        """Return where a region is stated that lies in the total pixel matrix of a referenced image.

        It is stated in the frame that the reference names if no other is `named` (as `only_frames` returns it) and
        that frame holds all of the region; else in the whole instance, with a problem at `path` where frames are left
        out.
        """
        if not isinstance(reference.subset, Frames):
            return reference, region
        placed = self._in_frame(reference, named, region)
        if placed is not None:
            return reference, placed
        self._obj.report_once("region-matrix", path, path)
        return replace(reference, subset=None), region

    def tile_holding(self, reference: Reference, named: Mapping[str, int | None], points: Coordinates) -> Tile | None:
        """Return the tile that is the only frame `named` of a referenced image, None if it does not hold all points.

        `points`: (n, 2) in the total pixel matrix.
        """
        frame, tiling = named.get(reference.sop_instance_uid), self._tiling(reference)
        return tiling.tile(frame) if tiling is not None and frame and tiling.holds(frame, points) else None

    def place_all(
        self, references: Sequence[Reference], region: Region2D, origin: str | None, path: str
    ) -> Iterator[tuple[Reference, Region2D]]:
        """Yield where a region on these images is stated, each place once.

        `origin`: Pixel Origin Interpretation (0048,0301), which stands at `path`: VOLUME for positions in the total
        pixel matrix. Positions are in the frames named if it is FRAME or, with a note on a tiled image, missing.
        """
        named = only_frames(references)
        if origin is None and any(is_tiled(each.located.instance) for each in references):
            self._obj.report_once("pixel-origin-assumed", path, path)
        stated: set[tuple[str, Subset | None]] = set()
        for reference in references:
            if origin == "VOLUME":
                on, placed = self.place(reference, named, region, path)
            else:
                on, placed = reference, region
                self.check_frames(reference, path)
            if (on.sop_instance_uid, on.subset) not in stated:
                stated.add((on.sop_instance_uid, on.subset))
                yield on, placed

    def check_frames(self, reference: Reference, path: str) -> None:
        """Warn where positions are those in a frame of a tiled image and nothing says of which."""
        instance = reference.located.instance
        is_whole = reference.subset is None and instance is not None and (instance.number_of_frames or 1) > 1
        if is_whole and is_tiled(instance):
            self._obj.report_once("frame-unnamed", path, path)

    def _in_frame(self, reference: Reference, named: Mapping[str, int | None], region: Region2D) -> Region2D | None:
        """Return the region with positions in the frame named, None if that does not hold all of it."""
        key = (reference.sop_instance_uid, named.get(reference.sop_instance_uid), region)
        if key not in self._placed:
            tile = self.tile_holding(reference, named, extent(region.type, region.coordinates))
            self._placed[key] = None if tile is None else Region2D(region.type, in_tile(region.coordinates, tile))
        return self._placed[key]

    def _tiling(self, reference: Reference) -> Tiling | None:
        uid = reference.sop_instance_uid
        if uid not in self._tilings:
            instance = reference.located.instance
            self._tilings[uid] = None if instance is None else tiling_of(instance)
        return self._tilings[uid]


def pixel_origin(dataset: Dataset) -> str | None:
    """Return the Pixel Origin Interpretation (0048,0301), FRAME or VOLUME; None if it is missing or neither."""
    stated = values.text(dataset, "PixelOriginInterpretation")
    return stated if stated in ("FRAME", "VOLUME") else None


def only_frames(references: Iterable[Reference | SelectedInstance]) -> dict[str, int | None]:
    """Return the one frame of each instance that is named, None where the whole instance is or several are."""
    found: dict[str, int | None] = {}
    for each in references:
        numbers = each.subset.numbers if isinstance(each.subset, Frames) else ()
        only = numbers[0] if len(numbers) == 1 else None
        if found.setdefault(each.sop_instance_uid, only) != only:
            found[each.sop_instance_uid] = None
    return found


def is_tiled(instance: Instance | None) -> bool:
    """Return whether positions may be meant in a total pixel matrix rather than in a frame."""
    return instance is not None and instance.total_pixel_matrix_columns is not None


def in_tile(points: Coordinates, tile: Tile) -> Coordinates:
    """Return positions in the total pixel matrix, (n, 2), as positions in a tile, rounded to 1e-6 if they differ."""
    if tile.column == tile.row == 0:
        return points
    # Adding zero turns -0.0 into 0.0.
    inside: Coordinates = np.round(matrix_to_frame(points, tile), _DECIMALS) + 0.0
    return inside


def extent(kind: Region2DType, points: Coordinates) -> Coordinates:
    """Return points that reach as far as a region does: curves, circles and ellipses go beyond their own.

    `points`: (n, 2); of ellipses, four after four.
    """
    if kind == "interpolated":
        return geometry.interpolate(points)
    if kind == "circle":
        center, on_circumference = points.astype(np.float64)
        radius = np.hypot(*(on_circumference - center))
        return np.array([center - radius, center + radius])
    if kind == "ellipse":
        ends = points.astype(np.float64).reshape(-1, 4, 2)
        center, semi_axes = ends.mean(axis=1), (ends[:, 1::2] - ends[:, ::2]) / 2
        reach = np.hypot(semi_axes[:, 0], semi_axes[:, 1])
        return np.concatenate([center - reach, center + reach])
    return points
