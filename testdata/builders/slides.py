"""A sparse whole slide image, and what selects from slides: positions in frames and in total pixel matrices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pydicom import Dataset
from pydicom.uid import ComprehensiveSRStorage

from builders.common import Series, item, sop_reference, uid
from builders.content_items import container, coordinates, document, number, reference
from builders.graphics import Display, annotation, graphic, text_object
from builders.images import TILE, disc, slide
from builders.other_reports import FINDINGS, LENGTH, MILLIMETRE, REGION, REPORT
from builders.presentation_states import area, state

# Column and row of the matrix at each tile's top left pixel, from 1, and micrometers above the glass: the third tile
# overlaps the second, the fourth lies over the first in a focal plane of its own.
TILES = ((33, 33, "0"), (1, 1, "0"), (17, 1, "0"), (33, 33, "1.5"))
ACROSS = [(20.0, 10.0), (44.0, 10.0), (44.0, 20.0), (20.0, 20.0), (20.0, 10.0)]


def sparse(series: Series) -> Dataset:
    """Return the slide again, with four of its tiles at places of their own (TILED_SPARSE)."""
    dataset = slide(series)
    dataset.SOPInstanceUID = uid(f"{series.study.name}/{series.name}/sparse image")
    dataset.InstanceNumber = 2
    dataset.DimensionOrganizationType = "TILED_SPARSE"
    organization = dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID
    dataset.DimensionIndexSequence = [
        item(DimensionOrganizationUID=organization, DimensionIndexPointer=pointer, FunctionalGroupPointer=0x0048021A)
        for pointer in (0x0048021F, 0x0048021E, 0x0040074A)
    ]
    del dataset.TotalPixelMatrixFocalPlanes
    dataset.PerFrameFunctionalGroupsSequence = [_tile(*each) for each in TILES]
    whole = np.where(disc(2 * TILE, 24), 90, 230).astype(np.uint8)
    tiles = [whole[row - 1 : row - 1 + TILE, column - 1 : column - 1 + TILE] for column, row, _ in TILES]
    dataset.PixelData = np.stack(tiles).tobytes()
    return dataset


def _tile(column: int, row: int, z: str) -> Dataset:
    # Along a row of the matrix y decreases, down a column x does: 0.01 mm each pixel, from (20, 40).
    position = item(
        XOffsetInSlideCoordinateSystem=f"{20 - (row - 1) / 100:.2f}",
        YOffsetInSlideCoordinateSystem=f"{40 - (column - 1) / 100:.2f}",
        ZOffsetInSlideCoordinateSystem=z,
        ColumnPositionInTotalImagePixelMatrix=column,
        RowPositionInTotalImagePixelMatrix=row,
    )
    columns, rows, heights = sorted({each[0] for each in TILES}), [1, 33], ["0", "1.5"]
    indices = [rows.index(row) + 1, columns.index(column) + 1, heights.index(z) + 1]
    return item(
        FrameContentSequence=[item(DimensionIndexValues=indices)],
        PlanePositionSlideSequence=[position],
    )


def matrix_units(series: Series, full: Dataset, sparse: Dataset) -> Dataset:
    """Graphics in MATRIX units: in the frame named, across frames, on the whole slide, on a sparse tile."""
    frame_4, frame_1 = (sop_reference(full, ReferencedFrameNumber=each) for each in (4, 1))
    frames, tile = sop_reference(full, ReferencedFrameNumber=[1, 2]), sop_reference(sparse, ReferencedFrameNumber=3)
    corner = _in_matrix(graphic("POLYLINE", [(40.0, 40.0), (50.0, 40.0), (50.0, 48.5)]))
    annotations = [
        annotation("MEASURED", [frame_4], graphics=[corner]),
        annotation("MEASURED", [frame_1], graphics=[_in_matrix(graphic("CIRCLE", [(30.0, 16.0), (26.0, 16.0)]))]),
        annotation("MEASURED", [frames], graphics=[_in_matrix(graphic("POINT", [(40.0, 8.0)]))]),
        annotation("MEASURED", [sop_reference(full)], graphics=[_in_matrix(graphic("POINT", [(63.5, 63.5)]))]),
        annotation("MEASURED", [tile], graphics=[_in_matrix(graphic("POINT", [(20.5, 10.25)]))]),
        annotation("NOTES", [frame_4], texts=[text_object("edge", anchor=(48.0, 32.0), display=Display(1, 1, 64, 64))]),
    ]
    shown = area(Display(1, 1, 64, 64))
    shown.PixelOriginInterpretation = "VOLUME"
    dataset = state(series, "matrix units", 1, [full, sparse], annotations, [shown])
    dataset.RescaleIntercept = "0"
    dataset.RescaleType = "US"
    return dataset


def _in_matrix(shape: Dataset) -> Dataset:
    shape.GraphicAnnotationUnits = "MATRIX"
    return shape


def regions(series: Series, full: Dataset, sparse: Dataset) -> Dataset:
    """Lengths whose coordinates are those of the slide (VOLUME) or of a frame, with one, two or no frames named."""
    line = [34.0, 4.0, 60.0, 4.5]
    measured = [
        _length("0.26", line, "VOLUME", full, [2]),
        _length("0.26", line, "VOLUME", full, [1, 2]),
        _length("0.26", [coordinate for point in ACROSS for coordinate in point], "VOLUME", full, [1]),
        _length("0.26", line, "VOLUME", full, []),
        _length("0.26", [2.0, 4.0, 28.0, 4.5], "FRAME", full, [2]),
        _length("0.26", [2.0, 4.0, 28.0, 4.5], "FRAME", full, [1, 3]),
        _length("0.10", [33.0, 33.0, 43.0, 33.0], "VOLUME", sparse, [4]),
    ]
    root = container(REPORT, [container(FINDINGS, measured)], relationship="")
    return document(series, ComprehensiveSRStorage, "regions", 1, root, [full, sparse])


def _length(value: str, points: Sequence[float], origin: str, of: Dataset, frames: Sequence[int]) -> Dataset:
    image = reference("IMAGE", of, "SELECTED FROM")
    if frames:
        image.ReferencedSOPSequence[0].ReferencedFrameNumber = list(frames)
    region = coordinates("POLYLINE", points, [image], "INFERRED FROM", REGION)
    region.PixelOriginInterpretation = origin
    return number(LENGTH, value, MILLIMETRE, [region])
