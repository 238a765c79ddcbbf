"""A small slide as a whole: the tiles of its total pixel matrix put together (PS3.3 C.8.12.4, C.8.12.14)."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from converter.catalog import Instance
from converter.slide import tiling_of
from converter.tiling import Tile
from converter.view.images import NO_FRAME, Images
from converter.view.picture import PictureError

MOST_PIXELS: Final = 2**22
"""Pixels of a total pixel matrix that is shown as a whole."""

_MOST_TILES: Final = 4096


def is_slide(instance: Instance | None) -> bool:
    """Tell whether an image is one of tiles, the frames of which show parts of it."""
    if instance is None or instance.total_pixel_matrix_columns is None:
        return False
    return (instance.number_of_frames or 1) > 1


def is_small(instance: Instance) -> bool:
    """Tell whether a slide can be shown as a whole."""
    return bool(tiles(instance))


def tiles(instance: Instance) -> dict[int, Tile]:
    """Return the tiles of the first focal plane and optical path by frame, none of what is too large or unknown."""
    tiling = tiling_of(instance)
    count = instance.number_of_frames or 1
    if tiling is None or tiling.matrix[0] * tiling.matrix[1] > MOST_PIXELS or count > _MOST_TILES:
        return {}
    found = {frame: tiling.tile(frame) for frame in range(1, count + 1)}
    return {frame: tile for frame, tile in found.items() if tile and (tile.focal_plane, tile.optical_path) == (1, 1)}


def assembled(images: Images, instance: Instance) -> NDArray[Any]:
    """Return the stored values of a slide as a whole, zeros where there is no tile. Raises PictureError.

    Where tiles overlap, that of the first frame is seen.
    """
    matrix: NDArray[Any] | None = None
    rows, columns = instance.total_pixel_matrix_rows or 0, instance.total_pixel_matrix_columns or 0
    for frame, tile in sorted(tiles(instance).items(), reverse=True):
        pixels = images.pixels(instance.sop_instance_uid, frame)
        if matrix is None:
            matrix = np.zeros((rows, columns, *pixels.shape[2:]), pixels.dtype)
        top, left = max(tile.row, 0), max(tile.column, 0)
        bottom, right = max(rows - tile.row, 0), max(columns - tile.column, 0)
        part = pixels[top - tile.row : bottom, left - tile.column : right]
        matrix[top : top + part.shape[0], left : left + part.shape[1]] = part
    if matrix is None:
        raise PictureError(NO_FRAME)
    return matrix
