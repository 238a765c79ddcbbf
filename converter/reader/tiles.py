"""What a header says of tiles: which elements are needed for it, and how they are read."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Final, TypeVar

from converter.catalog import TileOrganization, TilePositions
from converter.reader.raw_values import decimals, integer, items, text
from converter.reader.skim import Skimmed, Wanted

T = TypeVar("T", int, float)

_LEAST, _MOST = -(2**31), 2**31 - 1


class Tag(IntEnum):
    """The elements by keyword (PS3.6)."""

    ConcatenationFrameOffsetNumber = 0x00209228
    DimensionOrganizationType = 0x00209311
    XOffsetInSlideCoordinateSystem = 0x0040072A
    YOffsetInSlideCoordinateSystem = 0x0040073A
    ZOffsetInSlideCoordinateSystem = 0x0040074A
    TotalPixelMatrixOriginSequence = 0x00480008
    ImageOrientationSlide = 0x00480102
    OpticalPathSequence = 0x00480105
    OpticalPathIdentifier = 0x00480106
    OpticalPathIdentificationSequence = 0x00480207
    PlanePositionSlideSequence = 0x0048021A
    ColumnPositionInTotalImagePixelMatrix = 0x0048021E
    RowPositionInTotalImagePixelMatrix = 0x0048021F
    NumberOfOpticalPaths = 0x00480302
    TotalPixelMatrixFocalPlanes = 0x00480303


OF_IMAGE: Final[Wanted] = {
    Tag.ConcatenationFrameOffsetNumber: None,
    Tag.DimensionOrganizationType: None,
    Tag.TotalPixelMatrixOriginSequence: {
        Tag.XOffsetInSlideCoordinateSystem: None,
        Tag.YOffsetInSlideCoordinateSystem: None,
        Tag.ZOffsetInSlideCoordinateSystem: None,
    },
    Tag.ImageOrientationSlide: None,
    Tag.OpticalPathSequence: {Tag.OpticalPathIdentifier: None},
    Tag.NumberOfOpticalPaths: None,
    Tag.TotalPixelMatrixFocalPlanes: None,
}
"""The elements wanted of an image."""

OF_FRAME: Final[Wanted] = {
    Tag.OpticalPathIdentificationSequence: {Tag.OpticalPathIdentifier: None},
    Tag.PlanePositionSlideSequence: {
        Tag.ZOffsetInSlideCoordinateSystem: None,
        Tag.ColumnPositionInTotalImagePixelMatrix: None,
        Tag.RowPositionInTotalImagePixelMatrix: None,
    },
}
"""The elements wanted of a frame's functional groups."""


def is_full(found: Skimmed) -> bool:
    """Return whether the order of the frames alone says where each tile lies (PS3.3 C.7.6.17.3)."""
    return text(found, Tag.DimensionOrganizationType) == "TILED_FULL"


def organization(
    found: Skimmed, shared: list[Skimmed], frames: list[Skimmed], spacing_between_slices: float | None
) -> TileOrganization:
    """Return what is said of the tiles of an image with these functional groups, shared and of each frame."""
    identifiers = [text(item, Tag.OpticalPathIdentifier) for item in items(found, Tag.OpticalPathSequence)]
    return TileOrganization(
        dimension_organization_type=text(found, Tag.DimensionOrganizationType),
        focal_planes=integer(found, Tag.TotalPixelMatrixFocalPlanes),
        optical_paths=integer(found, Tag.NumberOfOpticalPaths) or len(identifiers) or None,
        concatenation_frame_offset=integer(found, Tag.ConcatenationFrameOffsetNumber),
        origin=_origin(found),
        orientation=decimals(found, Tag.ImageOrientationSlide, 6),
        spacing_between_slices=spacing_between_slices,
        tiles=_tiles(shared, frames, identifiers),
    )


def _origin(found: Skimmed) -> tuple[float, ...] | None:
    for item in items(found, Tag.TotalPixelMatrixOriginSequence)[:1]:
        x = decimals(item, Tag.XOffsetInSlideCoordinateSystem, 1)
        y = decimals(item, Tag.YOffsetInSlideCoordinateSystem, 1)
        if x is not None and y is not None:
            return (*x, *y, *(decimals(item, Tag.ZOffsetInSlideCoordinateSystem, 1) or (0.0,)))
    return None


def _tiles(shared: list[Skimmed], frames: list[Skimmed], identifiers: list[str | None]) -> TilePositions | None:
    """Return the positions of the tiles, None if that of one is not stated."""
    columns, rows, z_offsets = [], [], []
    for item in _of_each_frame(shared, frames, Tag.PlanePositionSlideSequence):
        column = integer(item, Tag.ColumnPositionInTotalImagePixelMatrix)
        row = integer(item, Tag.RowPositionInTotalImagePixelMatrix)
        if column is None or row is None or min(column, row) < _LEAST or max(column, row) > _MOST:
            return None
        columns.append(column)
        rows.append(row)
        z_offsets.append(decimals(item, Tag.ZOffsetInSlideCoordinateSystem, 1))
    if not columns:
        return None
    named = [
        text(item, Tag.OpticalPathIdentifier)
        for item in _of_each_frame(shared, frames, Tag.OpticalPathIdentificationSequence)
    ]
    numbers: dict[str | None, int] = {}
    for number, identifier in enumerate(identifiers, 1):
        numbers.setdefault(identifier, number)
    numbers.pop(None, None)
    return TilePositions.of(
        columns,
        rows,
        _compact([None if each is None else each[0] for each in z_offsets]),
        _compact([numbers.get(each) for each in named]),
    )


def _of_each_frame(shared: list[Skimmed], frames: list[Skimmed], macro: int) -> Iterator[Skimmed]:
    """Yield what the functional group macro says for each frame, itself or shared."""
    of_all: Skimmed = next((item for group in shared for item in items(group, macro)), {})
    return (next(iter(items(group, macro)), of_all) for group in frames)


def _compact(stated: list[T | None]) -> list[T]:
    """Return a number for all frames where it is one, none where a frame states none."""
    numbers = [each for each in stated if each is not None]
    if len(numbers) < len(stated):
        return []
    return numbers[:1] if len(set(numbers)) == 1 else numbers
