"""How an image's total pixel matrix is tiled, and where it lies on the slide: from what the catalog knows of it."""

from __future__ import annotations

import numpy as np

from converter.catalog import Instance, TileOrganization, TilePositions
from converter.geometry import GeometryError
from converter.plane import Plane
from converter.tiling import FullTiling, SparseTiling, Tile, Tiling

MICROMETERS = 1000.0
"""In a millimetre: heights on a slide are stated in micrometres."""


def tiling_of(instance: Instance) -> Tiling | None:
    """Return how the image is tiled, None if it is not or its header does not say it completely."""
    organization = instance.tile_organization
    columns, rows = instance.total_pixel_matrix_columns, instance.total_pixel_matrix_rows
    if organization is None or None in (columns, rows, instance.columns, instance.rows):
        return None
    matrix, size = (columns or 0, rows or 0), (instance.columns or 0, instance.rows or 0)
    try:
        if organization.dimension_organization_type == "TILED_FULL":
            return _full(matrix, size, instance.number_of_frames or 1, organization)
        return None if organization.tiles is None else _sparse(matrix, size, organization.tiles)
    except GeometryError:
        return None


def planes_of(instance: Instance) -> list[Plane]:
    """Return the planes of the total pixel matrix, one for each focal plane from the glass; none if not known.

    PS3.3 C.8.12.2.1, C.8.12.4.1.4.
    """
    organization = instance.tile_organization
    if organization is None:
        return []
    planes = (_plane(instance, height) for height in _heights(organization))
    return [each for each in planes if each is not None]


def plane_of_frame(instance: Instance, tiling: Tiling, frame: int) -> Plane | None:
    """Return the plane of a frame of the image, which is tiled like this; None if that is not known."""
    tile, organization = tiling.tile(frame), instance.tile_organization
    if tile is None or organization is None:
        return None
    heights = _heights(organization)
    plane = _plane(instance, heights[tile.focal_plane - 1]) if tile.focal_plane <= len(heights) else None
    return None if plane is None else plane_of_tile(plane, tile)


def plane_of_tile(matrix: Plane, tile: Tile) -> Plane:
    """Return the plane of a tile of a total pixel matrix that lies in the plane `matrix`."""
    offset = (matrix.steps * (tile.column, tile.row)) @ matrix.directions
    position = tuple((np.array(matrix.position) + offset).tolist())
    return Plane(position, matrix.orientation, matrix.spacing)


def _full(
    matrix: tuple[int, int], size: tuple[int, int], frames: int, organization: TileOrganization
) -> FullTiling | None:
    offset = organization.concatenation_frame_offset
    tiling = FullTiling(matrix, size, frames, max(organization.focal_planes or 1, 1), (offset or 0) + 1)
    # Frames that do not fill the matrix are in no order that is known, unless other instances have the rest.
    fills = frames % (tiling.across * tiling.down) == 0
    return tiling if fills or (offset is not None and offset >= 0) else None


def _sparse(matrix: tuple[int, int], size: tuple[int, int], tiles: TilePositions) -> SparseTiling:
    shape = (len(tiles),)
    corners = np.column_stack([np.frombuffer(each, "<i4") for each in (tiles.columns, tiles.rows)]).astype(np.int64) - 1
    z_offsets = np.frombuffer(tiles.z_offsets, "<f8")
    focal_planes = np.unique(z_offsets, return_inverse=True)[1] + 1 if z_offsets.size else np.ones(1, np.int64)
    optical_paths = np.frombuffer(tiles.optical_paths, "<i4") if tiles.optical_paths else np.ones(1, np.int64)
    return SparseTiling(
        matrix, size, corners, np.broadcast_to(focal_planes, shape), np.broadcast_to(optical_paths, shape)
    )


def _heights(organization: TileOrganization) -> list[float]:
    """Return how far each focal plane is from the glass, in millimetres."""
    tiles = organization.tiles
    if tiles is not None and tiles.z_offsets:
        return [float(each) / MICROMETERS for each in np.unique(np.frombuffer(tiles.z_offsets, "<f8"))]
    lowest = organization.origin[2] / MICROMETERS if organization.origin is not None else 0.0
    spacing, count = organization.spacing_between_slices, organization.focal_planes or 1
    if count > 1 and spacing is None:
        return []
    return [lowest + number * (spacing or 0.0) for number in range(count)]


def _plane(instance: Instance, height: float) -> Plane | None:
    organization = instance.tile_organization
    if organization is None or None in (organization.origin, organization.orientation, instance.pixel_spacing):
        return None
    x, y, _ = organization.origin or ()
    try:
        return Plane((x, y, height), organization.orientation or (), instance.pixel_spacing or ())
    except GeometryError:
        return None
