"""Where the tiles of a total pixel matrix lie, and positions between it and its frames. Pure functions and values.

A position is (column, row), 0,0 at the top left corner of the top left pixel: of the matrix, or of a frame. Focal
planes count from 1 at the glass, optical paths from 1 in the order of the Optical Path Sequence (PS3.3 C.7.6.17.3).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from converter.geometry import Computed, GeometryError, Points
from converter.plane import as_stated


class Tile(NamedTuple):
    """A tile of a total pixel matrix: `column` and `row` of the matrix at its top left corner, from 0."""

    column: int
    row: int
    focal_plane: int = 1
    optical_path: int = 1


@dataclass(frozen=True, slots=True)
class Tiling(ABC):
    """How the frames of an image make up its total pixel matrix.

    `matrix` and `size`: columns and rows of the matrix and of each tile. Raises GeometryError if one is not positive.
    """

    matrix: tuple[int, int]
    size: tuple[int, int]

    def __post_init__(self) -> None:
        if min(*self.matrix, *self.size) <= 0:
            raise GeometryError("matrices and tiles have columns and rows")

    @abstractmethod
    def tile(self, frame: int) -> Tile | None:
        """Return the tile that a frame, counted from 1, is; None if there is no such frame."""

    @abstractmethod
    def frame_at(self, position: tuple[float, float], focal_plane: int = 1, optical_path: int = 1) -> int | None:
        """Return the frame that a position in the matrix is in, None if none is or it is outside of the matrix.

        A position on an edge between tiles is in the tile to its right or below it; on the right and the lower edge
        of the matrix, and where there is no such tile, in the one that has the edge. Where tiles overlap, the
        frame with the lowest number is taken.
        """

    def holds(self, frame: int, points: Points) -> bool:
        """Return whether all points, (n, 2) in the matrix, are in a frame's part of it, edges included."""
        tile = self.tile(frame)
        if tile is None or not self._is_inside(points):
            return False
        inside = matrix_to_frame(points, tile)
        return bool(((inside >= 0) & (inside <= self.size)).all())

    def _is_inside(self, points: Points) -> bool:
        stated = as_stated(points)
        return bool(((stated >= 0) & (stated <= self.matrix)).all())


@dataclass(frozen=True, slots=True)
class FullTiling(Tiling):
    """Tiles side by side in a known order (TILED_FULL): along the rows, down, by focal plane, by optical path.

    Frames of several segments go on by segment: these count as further optical paths. `number_of_frames` are those of
    the instance, `first` is the number that its first frame has in the matrix: more than 1 in a concatenation.
    """

    number_of_frames: int = 1
    focal_planes: int = 1
    first: int = 1

    @property
    def across(self) -> int:
        """How many tiles are side by side."""
        return -(-self.matrix[0] // self.size[0])

    @property
    def down(self) -> int:
        """How many tiles are one below the other."""
        return -(-self.matrix[1] // self.size[1])

    def tile(self, frame: int) -> Tile | None:
        """Return the tile that a frame, counted from 1, is; None if there is no such frame."""
        if not 1 <= frame <= self.number_of_frames:
            return None
        rest, column = divmod(frame + self.first - 2, self.across)
        rest, row = divmod(rest, self.down)
        optical_path, focal_plane = divmod(rest, self.focal_planes)
        return Tile(column * self.size[0], row * self.size[1], focal_plane + 1, optical_path + 1)

    def frame_at(self, position: tuple[float, float], focal_plane: int = 1, optical_path: int = 1) -> int | None:
        """Return the frame that a position in the matrix is in, as `Tiling.frame_at` says."""
        if not self._is_inside(np.array([position])) or not 1 <= focal_plane <= self.focal_planes:
            return None
        column = min(int(position[0] // self.size[0]), self.across - 1)
        row = min(int(position[1] // self.size[1]), self.down - 1)
        planes_before = (optical_path - 1) * self.focal_planes + focal_plane - 1
        frame = (planes_before * self.down + row) * self.across + column + 2 - self.first
        return frame if 1 <= frame <= self.number_of_frames else None


@dataclass(frozen=True, slots=True, eq=False)
class SparseTiling(Tiling):
    """Tiles that lie where each says (TILED_SPARSE); they may overlap and leave gaps.

    `corners`: (n, 2), column and row of the matrix at the top left corner of each frame, from 0. `focal_planes` and
    `optical_paths`: (n,), from 1.
    """

    corners: NDArray[np.int64]
    focal_planes: NDArray[np.int64]
    optical_paths: NDArray[np.int64]

    def tile(self, frame: int) -> Tile | None:
        """Return the tile that a frame, counted from 1, is; None if there is no such frame."""
        if not 1 <= frame <= len(self.corners):
            return None
        column, row = self.corners[frame - 1].tolist()
        return Tile(column, row, int(self.focal_planes[frame - 1]), int(self.optical_paths[frame - 1]))

    def frame_at(self, position: tuple[float, float], focal_plane: int = 1, optical_path: int = 1) -> int | None:
        """Return the frame that a position in the matrix is in, as `Tiling.frame_at` says."""
        point = np.array([position], np.float64)
        if not self._is_inside(point):
            return None
        ends = self.corners + np.array(self.size, np.float64)
        there = (self.focal_planes == focal_plane) & (self.optical_paths == optical_path)
        there &= ((point >= self.corners) & (point <= ends)).all(axis=1)
        # Of the tiles that have the position on their far edge, none is taken if another begins there.
        beginning = there & ((point < ends) | (point == self.matrix)).all(axis=1)
        found = np.flatnonzero(beginning if beginning.any() else there)
        return int(found[0]) + 1 if found.size else None


def matrix_to_frame(points: Points, tile: Tile) -> Computed:
    """Map positions in the total pixel matrix, (n, 2), to positions in the frame that the tile is; not rounded.

    In double precision the difference of a position in a tile and the tile's corner is exact, and so is the way back.
    """
    mapped: Computed = as_stated(points) - np.array([tile.column, tile.row], np.float64)
    return mapped


def frame_to_matrix(points: Points, tile: Tile) -> Computed:
    """Map positions in a frame, (n, 2), to the total pixel matrix: the inverse of `matrix_to_frame`."""
    mapped: Computed = as_stated(points) + np.array([tile.column, tile.row], np.float64)
    return mapped
