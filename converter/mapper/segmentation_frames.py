"""The frames of a segmentation: what each shows, derives from, and where it lies (PS3.3 C.7.6.16, C.7.6.17, C.8.20)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pydicom import Dataset

from converter.geometry import GeometryError
from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.derivation import is_label_map
from converter.mapper.gathering import Reference, reference_of
from converter.plane import Plane
from converter.slide import MICROMETERS, plane_of_tile
from converter.tiling import FullTiling

_SHARED, _PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
_SLIDE = ("XOffsetInSlideCoordinateSystem", "YOffsetInSlideCoordinateSystem", "ZOffsetInSlideCoordinateSystem")


@dataclass(frozen=True, slots=True)
class Source:
    """An image, or frames of one, that a frame derives from; `preserved` is Spatial Locations Preserved (0028,135A)."""

    reference: Reference
    preserved: str | None


@dataclass(frozen=True, slots=True)
class SegmentationFrame:
    """A frame by its number, from 1. `segments` is empty for one of a label map, None if nothing says which it shows.

    `offset`: column and row of its top left pixel in the total pixel matrix, from 0; None if it is no tile.
    """

    number: int
    segments: tuple[int, ...] | None
    sources: tuple[Source, ...]
    plane: Plane | None
    offset: tuple[int, int] | None


class SegmentationFrames:
    """The frames of an object in their order; `defined` are the numbers of its segments in theirs."""

    def __init__(self, obj: AnnotationObject, defined: Sequence[int]) -> None:
        self._obj = obj
        self._defined = defined
        self._groups = values.items(obj.dataset, _PER_FRAME)
        self._shared = next(iter(values.items(obj.dataset, _SHARED)), Dataset())
        self.is_label_map = is_label_map(obj.dataset)
        self.rows = self._integer("Rows")
        self.columns = self._integer("Columns")
        stated = self._integer("NumberOfFrames")
        self.count = stated if stated > 0 else len(self._groups) or 1

    def __iter__(self) -> Iterator[SegmentationFrame]:
        for number in range(1, self.count + 1):
            group = self._groups[number - 1] if number <= len(self._groups) else Dataset()
            path = f"$.{_PER_FRAME}[{number - 1}]"
            yield SegmentationFrame(
                number,
                self._segments(group, path, number),
                tuple(self._sources(group, path)),
                self._plane(group, path, number),
                self._offset(group, path, number),
            )

    @cached_property
    def total_pixel_matrix(self) -> tuple[int, int] | None:
        """Columns and rows of the matrix that the frames are tiles of, None if they are none."""
        columns, rows = self._integer("TotalPixelMatrixColumns"), self._integer("TotalPixelMatrixRows")
        return (columns, rows) if columns > 0 and rows > 0 else None

    def _segments(self, group: Dataset, path: str, number: int) -> tuple[int, ...] | None:
        if self.is_label_map:
            return ()
        named: dict[int, None] = {}
        for item, item_path in self._items(group, path, "SegmentIdentificationSequence"):
            named |= dict.fromkeys(self._obj.integers(item, "ReferencedSegmentNumber", item_path))
        if named:
            return tuple(named)
        tile = self._tiling.tile(number) if self._tiling is not None else None
        if tile is not None:
            # All tiles of all focal planes of one segment, then those of the next (PS3.3 C.7.6.17.3).
            index = tile.optical_path - 1
            return (self._defined[index],) if index < len(self._defined) else None
        return (self._defined[0],) if len(self._defined) == 1 else None

    def _sources(self, group: Dataset, path: str) -> Iterator[Source]:
        for derivation, derivation_path in self._items(group, path, "DerivationImageSequence"):
            for index, item in enumerate(values.items(derivation, "SourceImageSequence")):
                reference = reference_of(self._obj, item, f"{derivation_path}.SourceImageSequence[{index}]")
                if reference is not None:
                    yield Source(reference, values.text(item, "SpatialLocationsPreserved"))

    def _plane(self, group: Dataset, path: str, number: int) -> Plane | None:
        spacing = self._numbers(group, path, "PixelMeasuresSequence", ("PixelSpacing",))
        position = self._numbers(group, path, "PlanePositionSequence", ("ImagePositionPatient",))
        orientation = self._numbers(group, path, "PlaneOrientationSequence", ("ImageOrientationPatient",))
        if not position:
            orientation = self._floats(self._obj.dataset, "ImageOrientationSlide", "$")
            position = _in_millimeters(self._numbers(group, path, "PlanePositionSlideSequence", _SLIDE))
        try:
            if not position and self._tiling is not None:
                return self._tile_plane(Plane(self._origin, orientation, spacing), number)
            return Plane(position, orientation, spacing)
        except GeometryError:
            return None

    # Tiles

    def _offset(self, group: Dataset, path: str, number: int) -> tuple[int, int] | None:
        if self.total_pixel_matrix is None:
            return None
        for item, item_path in self._items(group, path, "PlanePositionSlideSequence"):
            column = self._obj.integer(item, "ColumnPositionInTotalImagePixelMatrix", item_path)
            row = self._obj.integer(item, "RowPositionInTotalImagePixelMatrix", item_path)
            if column is not None and row is not None:
                return column - 1, row - 1
        tile = self._tiling.tile(number) if self._tiling is not None else None
        return None if tile is None else (tile.column, tile.row)

    @cached_property
    def _tiling(self) -> FullTiling | None:
        """How the frames make up the matrix, if they do in the order of a full tiling; segments count as its paths."""
        if values.text(self._obj.dataset, "DimensionOrganizationType") != "TILED_FULL" or not self.total_pixel_matrix:
            return None
        before = self._integer("ConcatenationFrameOffsetNumber")
        focal_planes = max(1, self._integer("TotalPixelMatrixFocalPlanes"))
        try:
            return FullTiling(
                self.total_pixel_matrix, (self.columns, self.rows), self.count, focal_planes, max(0, before) + 1
            )
        except GeometryError:
            return None

    def _tile_plane(self, matrix: Plane, number: int) -> Plane | None:
        """Return the plane of a tile; where focal planes lie is not read."""
        tile = self._tiling.tile(number) if self._tiling is not None else None
        if tile is None or self._integer("TotalPixelMatrixFocalPlanes") > 1:
            return None
        return plane_of_tile(matrix, tile)

    @cached_property
    def _origin(self) -> tuple[float, ...]:
        for index, item in enumerate(values.items(self._obj.dataset, "TotalPixelMatrixOriginSequence")):
            path = f"$.TotalPixelMatrixOriginSequence[{index}]"
            x_y = tuple(number for keyword in _SLIDE[:2] for number in self._floats(item, keyword, path))
            return _in_millimeters((*x_y, *(self._floats(item, _SLIDE[2], path) or (0.0,))))
        return ()

    # Values

    def _integer(self, keyword: str) -> int:
        return self._obj.integer(self._obj.dataset, keyword, "$") or 0

    def _items(self, group: Dataset, path: str, keyword: str) -> list[tuple[Dataset, str]]:
        """Return the items of a functional group's macro, of the frame or else of all, each with its path."""
        found, at = values.items(group, keyword), path
        if not found:
            found, at = values.items(self._shared, keyword), f"$.{_SHARED}[0]"
        return [(item, f"{at}.{keyword}[{index}]") for index, item in enumerate(found)]

    def _numbers(self, group: Dataset, path: str, macro: str, keywords: tuple[str, ...]) -> tuple[float, ...]:
        for item, item_path in self._items(group, path, macro):
            return tuple(number for keyword in keywords for number in self._floats(item, keyword, item_path))
        return ()

    def _floats(self, dataset: Dataset, keyword: str, path: str) -> tuple[float, ...]:
        found = self._obj.floats(dataset, keyword, path)
        return () if found is None else tuple(found.tolist())


def _in_millimeters(offsets: tuple[float, ...]) -> tuple[float, ...]:
    """Return offsets on a slide in one unit: x and y are in millimetres, z is in micrometres (PS3.3 C.8.12.6.1)."""
    return (*offsets[:2], *(offset / MICROMETERS for offset in offsets[2:]))
