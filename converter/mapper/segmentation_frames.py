"""The frames of a segmentation: what each shows, derives from, and where it lies (PS3.3 C.7.6.16, C.7.6.17, C.8.20)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from pydicom import Dataset

from converter.geometry import GeometryError
from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.derivation import is_label_map
from converter.mapper.gathering import Reference, reference_of
from converter.plane import Plane, pixel_to_frame_of_reference

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
        self.count = self._integer("NumberOfFrames") or len(self._groups) or 1

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
        if self._is_tiled_full:
            # All tiles of all focal planes of one segment, then those of the next (PS3.3 C.7.6.17.3).
            index = (self._before + number - 1) // (self._tiles * max(1, self._integer("TotalPixelMatrixFocalPlanes")))
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
            position = self._numbers(group, path, "PlanePositionSlideSequence", _SLIDE)
        try:
            if not position and self._is_tiled_full:
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
        return self._tile_offset(number) if self._is_tiled_full else None

    @cached_property
    def _is_tiled_full(self) -> bool:
        kind = values.text(self._obj.dataset, "DimensionOrganizationType")
        return kind == "TILED_FULL" and self.total_pixel_matrix is not None and min(self.rows, self.columns) > 0

    @property
    def _across(self) -> int:
        columns, _ = self.total_pixel_matrix or (0, 0)
        return -(-columns // self.columns)

    @property
    def _tiles(self) -> int:
        _, rows = self.total_pixel_matrix or (0, 0)
        return self._across * -(-rows // self.rows)

    @cached_property
    def _before(self) -> int:
        """How many frames the instances before this one hold, in a concatenation."""
        return self._integer("ConcatenationFrameOffsetNumber")

    def _tile_offset(self, number: int) -> tuple[int, int]:
        """Return where a tile is that lies as all of a full tiling do: row by row, from the left (PS3.3 C.7.6.17.3)."""
        row, column = divmod((self._before + number - 1) % self._tiles, self._across)
        return column * self.columns, row * self.rows

    def _tile_plane(self, matrix: Plane, number: int) -> Plane | None:
        """Return the plane of a tile; where focal planes lie is not read."""
        if self._integer("TotalPixelMatrixFocalPlanes") > 1:
            return None
        center = np.array([self._tile_offset(number)], np.float64) + 0.5
        (position,) = pixel_to_frame_of_reference(center, matrix).tolist()
        return Plane(tuple(position), matrix.orientation, matrix.spacing)

    @cached_property
    def _origin(self) -> tuple[float, ...]:
        for index, item in enumerate(values.items(self._obj.dataset, "TotalPixelMatrixOriginSequence")):
            path = f"$.TotalPixelMatrixOriginSequence[{index}]"
            x_y = tuple(number for keyword in _SLIDE[:2] for number in self._floats(item, keyword, path))
            return (*x_y, *(self._floats(item, _SLIDE[2], path) or (0.0,)))
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
