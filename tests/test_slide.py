"""Slides: how the catalog's instances are tiled and where they lie, against highdicom and the standard's text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from highdicom.spatial import ImageToReferenceTransformer, iter_tiled_full_frame_data
from pydicom import Dataset, dcmread
from pydicom.sequence import Sequence

from converter.catalog import Instance, TileOrganization, TilePositions
from converter.plane import pixel_to_frame_of_reference
from converter.reader.header import header_of
from converter.slide import plane_of_frame, planes_of, tiling_of
from converter.tiling import Tile

ORIENTATION = (0.0, -1.0, 0.0, -1.0, 0.0, 0.0)


def slide(organization: TileOrganization | None = None, frames: int = 4) -> Instance:
    """A slide of 64 x 64 pixels of 0.01 mm in four tiles, or as many frames."""
    full = TileOrganization(
        dimension_organization_type="TILED_FULL", focal_planes=1, origin=(20, 40, 2), orientation=ORIENTATION
    )
    return Instance(
        sop_instance_uid="1.2",
        rows=32,
        columns=32,
        number_of_frames=frames,
        total_pixel_matrix_rows=64,
        total_pixel_matrix_columns=64,
        pixel_spacing=(0.01, 0.01),
        tile_organization=organization or full,
    )


def organization(**elements: object) -> TileOrganization:
    known = slide().tile_organization
    assert known is not None
    return replace(known, **elements)  # type: ignore[arg-type]


def instance_of(dataset: Dataset) -> Instance:
    instance = header_of(dataset).instance
    assert instance is not None
    return instance


@pytest.mark.parametrize("planes", [1, 3])
def test_frames_of_a_real_slide_lie_where_highdicom_says(corpus: Path, planes: int) -> None:
    dataset = dcmread(corpus / "highdicom/sm_image.dcm", stop_before_pixels=True)
    dataset.TotalPixelMatrixFocalPlanes = planes
    dataset.NumberOfOpticalPaths = 2
    dataset.OpticalPathSequence = Sequence([dataset.OpticalPathSequence[0]] * 2)
    dataset.NumberOfFrames = 25 * planes * 2
    measures = dataset.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.SpacingBetweenSlices = "0.002"
    measures.PixelSpacing = [0.0005, 0.0003]
    instance = instance_of(dataset)
    tiling = tiling_of(instance)
    assert tiling is not None
    expected = list(iter_tiled_full_frame_data(dataset))
    assert len(expected) == 50 * planes
    for frame, (path, focal_plane, column, row, x, y, z) in enumerate(expected, 1):
        assert tiling.tile(frame) == Tile(column - 1, row - 1, focal_plane, path or 0)
        plane = plane_of_frame(instance, tiling, frame)
        assert plane is not None
        assert plane.position == pytest.approx((x, y, z), abs=1e-9)
    assert tiling.tile(len(expected) + 1) is None


def test_positions_in_the_matrix_of_a_real_slide_are_those_of_highdicom(corpus: Path) -> None:
    dataset = dcmread(corpus / "highdicom/sm_image.dcm", stop_before_pixels=True)
    (plane,) = planes_of(instance_of(dataset))
    points = np.array([[0, 0], [0.5, 0.5], [50, 50], [12.25, 40.75]])
    expected = ImageToReferenceTransformer((23.449873, 25.691574, 0), ORIENTATION, (0.000499, 0.000499))(points)
    assert pixel_to_frame_of_reference(points, plane) == pytest.approx(expected, abs=1e-9)


def test_heights_are_stated_in_micrometers_and_spacings_in_millimetres() -> None:
    # The lowest focal plane is 2 micrometers above the glass, the others 1.5 micrometers apart.
    planes = planes_of(slide(organization(focal_planes=3, spacing_between_slices=0.0015)))
    assert [each.position[:2] for each in planes] == [(20.0, 40.0)] * 3
    assert [each.position[2] for each in planes] == pytest.approx([0.002, 0.0035, 0.005], abs=1e-12)
    assert planes_of(slide(organization(focal_planes=3))) == []


def test_a_sparse_slide_has_its_focal_planes_where_its_tiles_say() -> None:
    # Heights of 4, 1.5 and 4 micrometers: the second frame is in the plane nearer to the glass.
    tiles = TilePositions.of([33, 1, 1], [1, 33, 1], [4, 1.5, 4], [2])
    instance = slide(organization(dimension_organization_type="TILED_SPARSE", tiles=tiles), 3)
    tiling = tiling_of(instance)
    assert tiling is not None
    assert [tiling.tile(frame) for frame in (1, 2, 3)] == [Tile(32, 0, 2, 2), Tile(0, 32, 1, 2), Tile(0, 0, 2, 2)]
    assert [each.position[2] for each in planes_of(instance)] == [0.0015, 0.004]
    # Rows of the matrix run along -y, columns along -x: 32 columns of 0.01 mm from (20, 40), 32 rows.
    for frame, position in ((1, (20, 39.68, 0.004)), (2, (19.68, 40, 0.0015)), (3, (20, 40, 0.004))):
        plane = plane_of_frame(instance, tiling, frame)
        assert plane is not None
        assert plane.position == pytest.approx(position, abs=1e-12)
    assert plane_of_frame(instance, tiling, 4) is None


def test_a_segmentation_goes_on_by_segment() -> None:
    tiling = tiling_of(slide(frames=8))
    assert tiling is not None
    assert tiling.tile(8) == Tile(32, 32, 1, 2)


def test_an_instance_of_a_concatenation_need_not_fill_the_matrix() -> None:
    tiling = tiling_of(slide(organization(concatenation_frame_offset=3), frames=1))
    assert tiling is not None
    assert tiling.tile(1) == Tile(32, 32)


@pytest.mark.parametrize(
    "instance",
    [
        slide(frames=3),
        slide(organization(dimension_organization_type="TILED_SPARSE")),
        replace(slide(), rows=None),
        replace(slide(), columns=0),
        replace(slide(), total_pixel_matrix_rows=None),
        replace(slide(), tile_organization=None),
    ],
)
def test_what_is_not_stated_is_no_tiling(instance: Instance) -> None:
    assert tiling_of(instance) is None


@pytest.mark.parametrize(
    "instance",
    [
        slide(organization(origin=None)),
        slide(organization(orientation=None)),
        slide(organization(orientation=(1.0, 0, 0, 1, 0, 0))),
        replace(slide(), pixel_spacing=None),
        replace(slide(), tile_organization=None),
    ],
)
def test_what_is_not_stated_is_no_plane(instance: Instance) -> None:
    tiling = tiling_of(slide())
    assert tiling is not None
    assert planes_of(instance) == []
    assert plane_of_frame(instance, tiling, 1) is None
