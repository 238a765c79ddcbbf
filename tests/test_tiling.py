"""Tiles of total pixel matrices: frames counted by hand, in loops, and by highdicom; ways there and back."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from converter.geometry import GeometryError
from converter.tiling import FullTiling, SparseTiling, Tile, Tiling, frame_to_matrix, matrix_to_frame

# 100 columns and 50 rows in tiles of 40 x 30: 3 across and 2 down, those at the right and the bottom reach beyond.
# Two focal planes and two optical paths: 24 frames.
FULL = FullTiling((100, 50), (40, 30), 24, 2)


def sparse(*tiles: Tile, matrix: tuple[int, int] = (100, 50), size: tuple[int, int] = (40, 30)) -> SparseTiling:
    corners = np.array([each[:2] for each in tiles], np.int64).reshape(-1, 2)
    planes, paths = (np.array([each[part] for each in tiles], np.int64) for part in (2, 3))
    return SparseTiling(matrix, size, corners, planes, paths)


def test_frames_run_along_the_rows_then_down_then_by_focal_plane_then_by_optical_path() -> None:
    expected = [
        Tile(column, row, plane, path) for path, plane, row, column in product((1, 2), (1, 2), (0, 30), (0, 40, 80))
    ]
    assert [FULL.tile(frame) for frame in range(1, 25)] == expected
    assert FULL.tile(0) is FULL.tile(25) is None


@pytest.mark.parametrize(
    ("position", "plane", "path", "frame"),
    [
        ((0, 0), 1, 1, 1),
        ((39.999, 29.999), 1, 1, 1),
        # On an edge between tiles: the one to the right, the one below.
        ((40, 0), 1, 1, 2),
        ((0, 30), 1, 1, 4),
        ((99.5, 49.5), 1, 1, 6),
        # The far edges of the matrix are those of its last tiles.
        ((100, 50), 1, 1, 6),
        ((99.5, 0), 2, 1, 9),
        ((0, 0), 1, 2, 13),
        ((100, 50), 2, 2, 24),
        # Outside of the matrix, even where the tile goes on; planes and paths that are not there.
        ((100.001, 10), 1, 1, None),
        ((-0.001, 10), 1, 1, None),
        ((10, 50.5), 1, 1, None),
        ((0, 0), 0, 1, None),
        ((0, 0), 3, 1, None),
        ((0, 0), 1, 3, None),
        ((0, 0), 1, 0, None),
    ],
)
def test_a_position_is_in_the_frame_counted_by_hand(
    position: tuple[float, float], plane: int, path: int, frame: int | None
) -> None:
    assert FULL.frame_at(position, plane, path) == frame


def test_instances_of_a_concatenation_go_on_where_the_one_before_ended() -> None:
    # The second of two instances has frames 13 to 24 of the matrix: those of the second optical path.
    second = FullTiling((100, 50), (40, 30), 12, 2, first=13)
    assert second.tile(1) == Tile(0, 0, 1, 2)
    assert second.frame_at((0, 0), 1, 2) == 1
    assert second.frame_at((0, 0), 1, 1) is None
    assert [second.tile(frame) for frame in range(1, 13)] == [FULL.tile(frame) for frame in range(13, 25)]


def test_a_sparse_tile_lies_where_it_says_and_gaps_are_in_no_frame() -> None:
    tiling = sparse(Tile(60, 20), Tile(0, 0, 2, 1), Tile(0, 0, 1, 2))
    assert tiling.tile(1) == Tile(60, 20, 1, 1)
    assert tiling.tile(0) is tiling.tile(4) is None
    assert tiling.frame_at((60, 20)) == tiling.frame_at((100, 50)) == 1
    assert tiling.frame_at((59.9, 20)) is tiling.frame_at((10, 10)) is None
    assert (tiling.frame_at((10, 10), 2, 1), tiling.frame_at((10, 10), 1, 2)) == (2, 3)
    # The right edge of a tile without a neighbour is its own.
    assert tiling.frame_at((40, 30), 2, 1) == 2


def test_of_overlapping_tiles_the_first_frame_is_taken() -> None:
    tiling = sparse(Tile(20, 0), Tile(0, 0), Tile(40, 0))
    assert [tiling.frame_at((x, 5)) for x in (10, 30, 40, 60, 70)] == [2, 1, 1, 3, 3]


def test_a_frame_holds_what_is_in_its_part_of_the_matrix_edges_included() -> None:
    assert FULL.holds(2, np.array([[40, 0], [80, 30.0]]))
    assert not FULL.holds(2, np.array([[40, 0], [80.001, 30]]))
    assert not FULL.holds(2, np.array([[39.999, 0], [80, 30]]))
    # Frame 3 goes on beyond the matrix, which ends at column 100.
    assert FULL.holds(3, np.array([[100.0, 0]]))
    assert not FULL.holds(3, np.array([[101.0, 0]]))
    assert not FULL.holds(25, np.array([[0.0, 0]]))
    # Above the matrix, where a tile begins before it.
    assert not sparse(Tile(-10, -10)).holds(1, np.array([[-1.0, 5]]))


def test_positions_of_single_precision_are_the_decimals_that_they_were_stated_as() -> None:
    assert frame_to_matrix(np.array([[0.1, 0.7]], np.float32), Tile(40, 30)).tolist() == [[40.1, 30.7]]


@pytest.mark.parametrize(("matrix", "size"), [((0, 50), (40, 30)), ((100, 50), (40, 0)), ((100, -1), (40, 30))])
def test_nothing_is_no_tiling(matrix: tuple[int, int], size: tuple[int, int]) -> None:
    with pytest.raises(GeometryError):
        FullTiling(matrix, size)


def test_absurd_sizes_are_no_obstacle() -> None:
    tiling = FullTiling((2**62, 2**62), (2**61 + 1, 2**61 + 1), 4)
    assert tiling.frame_at((1.0, 2.0**62)) == 3
    assert tiling.holds(4, np.array([[2.0**62, 2.0**62]]))
    assert sparse(Tile(5, 5), matrix=(2**62, 2**62), size=(2**63 - 1, 1)).frame_at((7.0, 5.5)) == 1


sizes = st.tuples(st.integers(1, 200_000), st.integers(1, 200_000))
tile_sizes = st.tuples(st.integers(1, 5000), st.integers(1, 5000))


@st.composite
def full_tilings(draw: st.DrawFn) -> Tiling:
    matrix, size = draw(sizes), draw(tile_sizes)
    planes, paths = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    frames = FullTiling(matrix, size).across * FullTiling(matrix, size).down * planes * paths
    return FullTiling(matrix, size, frames, planes)


@st.composite
def sparse_tilings(draw: st.DrawFn) -> Tiling:
    matrix, size = draw(sizes), draw(tile_sizes)
    corner = st.builds(
        Tile, st.integers(0, matrix[0] - 1), st.integers(0, matrix[1] - 1), st.integers(1, 3), st.integers(1, 2)
    )
    return sparse(*draw(st.lists(corner, min_size=1, max_size=30)), matrix=matrix, size=size)


@given(full_tilings() | sparse_tilings(), st.data())
@settings(max_examples=400, deadline=None)
def test_total_pixel_matrix_to_frame_to_total_pixel_matrix_is_exact(tiling: Tiling, data: st.DataObject) -> None:
    columns, rows = tiling.matrix
    column = st.floats(0, columns) | st.floats(0, columns, width=32)
    row = st.floats(0, rows) | st.floats(0, rows, width=32)
    position = data.draw(st.tuples(column, row))
    plane, path = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    frame = tiling.frame_at(position, plane, path)
    assume(frame is not None)
    assert frame is not None
    tile = tiling.tile(frame)
    assert tile is not None
    assert (tile.focal_plane, tile.optical_path) == (plane, path)
    stated = np.array([position], np.float64)
    inside = matrix_to_frame(stated, tile)
    assert ((inside >= 0) & (inside <= tiling.size)).all()
    assert frame_to_matrix(inside, tile).tolist() == [list(position)]
    assert tiling.holds(frame, stated)
    assert (matrix_to_frame(frame_to_matrix(inside, tile), tile) == inside).all()


@given(full_tilings(), st.data())
@settings(max_examples=200, deadline=None)
def test_every_frame_is_found_again_by_its_corner(tiling: FullTiling, data: st.DataObject) -> None:
    frame = data.draw(st.integers(1, tiling.number_of_frames))
    tile = tiling.tile(frame)
    assert tile is not None
    assert tiling.frame_at((tile.column, tile.row), tile.focal_plane, tile.optical_path) == frame


@given(sparse_tilings(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_plain_search_finds_the_same_sparse_tile(tiling: SparseTiling, data: st.DataObject) -> None:
    columns, rows = tiling.matrix
    x, y = data.draw(st.tuples(st.floats(0, columns), st.floats(0, rows)))
    found = tiling.frame_at((x, y))
    tiles = [tile for frame in range(1, len(tiling.corners) + 1) if (tile := tiling.tile(frame)) is not None]
    first = next(
        (
            number
            for number, (column, row, plane, path) in enumerate(tiles, 1)
            if (plane, path) == (1, 1) and column <= x < column + tiling.size[0] and row <= y < row + tiling.size[1]
        ),
        None,
    )
    if first is not None and x < columns and y < rows:
        assert found == first
