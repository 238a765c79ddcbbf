"""Outlines of masks: by hand, rasterised again by counting crossings, and against shapely where it is installed."""

from __future__ import annotations

import importlib
import os
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from converter.outline import Mask, Ring, is_hole, outlines, signed_area, simplified

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))


def mask(*rows: str) -> Mask:
    """Return a mask drawn with # and dots."""
    return np.array([[each == "#" for each in row] for row in rows])


def vertices(ring: Ring) -> list[tuple[float, float]]:
    return [(column, row) for column, row in ring.tolist()]


def rasterised(rings: list[Ring], shape: tuple[int, ...]) -> Mask:
    """Return which pixels' centres have an odd number of edges, of any direction, to their right."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    inside = np.zeros(shape, np.bool_)
    for ring in rings:
        for (x, y), (next_x, next_y) in pairwise(ring):
            if y != next_y:
                crossed = (rows >= min(y, next_y)) & (rows < max(y, next_y))
                inside ^= crossed & (columns < x + (rows - y) * (next_x - x) / (next_y - y))
    return inside


def shapely() -> Any:
    try:
        return importlib.import_module("shapely")
    except ImportError:
        if os.environ.get("CI") == "true":
            pytest.fail("shapely is missing: make oracles")
        pytest.skip("compares with shapely: make oracles")


# By hand


def test_a_pixel_is_outlined_by_its_four_corners_clockwise() -> None:
    (ring,) = outlines(mask("....", "..#."))
    assert vertices(ring) == [(2, 1), (3, 1), (3, 2), (2, 2), (2, 1)]
    assert not is_hole(ring)


def test_a_full_image_is_outlined_by_its_own_corners() -> None:
    (ring,) = outlines(np.ones((3, 5), np.bool_))
    assert vertices(ring) == [(0, 0), (5, 0), (5, 3), (0, 3), (0, 0)]


def test_an_empty_mask_has_no_outline() -> None:
    assert outlines(np.zeros((3, 5), np.bool_)) == []
    assert outlines(np.zeros((0, 5), np.bool_)) == []


def test_vertices_are_only_where_a_ring_turns() -> None:
    (ring,) = outlines(mask("###", "#..", "#.."))
    assert vertices(ring) == [(0, 0), (3, 0), (3, 1), (1, 1), (1, 3), (0, 3), (0, 0)]


@pytest.mark.parametrize(
    ("drawn", "corners"),
    [
        (mask("#.", ".#"), [(0, 0), (1, 1)]),
        (mask(".#", "#."), [(1, 0), (0, 1)]),
    ],
)
def test_pixels_that_touch_at_a_corner_only_have_a_ring_each(drawn: Mask, corners: list[tuple[int, int]]) -> None:
    expected = [[(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1), (x, y)] for x, y in corners]
    assert [vertices(ring) for ring in outlines(drawn)] == expected


def test_a_hole_is_a_ring_of_its_own_that_runs_counterclockwise() -> None:
    outer, inner = outlines(mask("###", "#.#", "###"))
    assert vertices(outer) == [(0, 0), (3, 0), (3, 3), (0, 3), (0, 0)]
    assert vertices(inner) == [(1, 1), (1, 2), (2, 2), (2, 1), (1, 1)]
    assert (is_hole(outer), is_hole(inner)) == (False, True)
    assert (signed_area(outer), signed_area(inner)) == (9, -1)


def test_a_hole_that_touches_the_border_at_a_corner_stays_a_hole() -> None:
    rings = outlines(mask("###.", "#.##", "####"))
    assert [is_hole(ring) for ring in rings] == [False, True]
    rings = outlines(mask("##.", "#.#", "###"))
    # The bay above right and the hole touch at (2, 1): one way round the ring would meet itself there.
    assert [vertices(ring) for ring in rings] == [
        [(0, 0), (2, 0), (2, 1), (3, 1), (3, 3), (0, 3), (0, 0)],
        [(1, 1), (1, 2), (2, 2), (2, 1), (1, 1)],
    ]


def test_two_holes_that_touch_at_a_corner_are_two() -> None:
    rings = outlines(mask("####", "#.##", "##.#", "####"))
    assert [vertices(ring) for ring in rings if is_hole(ring)] == [
        [(1, 1), (1, 2), (2, 2), (2, 1), (1, 1)],
        [(2, 2), (2, 3), (3, 3), (3, 2), (2, 2)],
    ]


def test_islands_in_holes_in_islands_are_rings_in_turn() -> None:
    rings = outlines(mask("#######", "#.....#", "#.###.#", "#.#.#.#", "#.###.#", "#.....#", "#######"))
    assert [signed_area(ring) for ring in rings] == [49, -25, 9, -1]


# For any mask


@given(masks)
def test_rasterised_again_outlines_give_the_mask(drawn: Mask) -> None:
    assert np.array_equal(rasterised(outlines(drawn), drawn.shape), drawn)


@given(masks)
def test_areas_of_rings_and_holes_add_up_to_the_pixels(drawn: Mask) -> None:
    assert sum(map(signed_area, outlines(drawn))) == drawn.sum()


@given(masks)
def test_no_ring_meets_itself_and_each_turns_at_every_vertex(drawn: Mask) -> None:
    for ring in outlines(drawn):
        inner = vertices(ring)[:-1]
        assert vertices(ring)[-1] == inner[0] == min(inner, key=lambda each: each[::-1])
        assert len(set(inner)) == len(inner) >= 4
        is_horizontal = np.diff(ring, axis=0)[:, 1] == 0
        assert (is_horizontal[1:] != is_horizontal[:-1]).all()


@given(masks)
def test_rings_of_a_mirrored_mask_are_the_mirrored_rings(drawn: Mask) -> None:
    def edges(rings: list[Ring], columns: int | None) -> list[frozenset[tuple[float, float]]]:
        moved = [[(x if columns is None else columns - x, y) for x, y in vertices(ring)] for ring in rings]
        return sorted((frozenset(each) for each in moved), key=sorted)

    assert edges(outlines(drawn[:, ::-1]), drawn.shape[1]) == edges(outlines(drawn), None)


@given(masks)
def test_shapely_takes_each_ring_for_a_valid_polygon_and_all_for_the_pixels(drawn: Mask) -> None:
    library = shapely()
    union = library.Polygon()
    for ring in outlines(drawn):
        polygon = library.Polygon(ring)
        assert polygon.is_valid
        # Shapely's rows count upwards.
        assert polygon.exterior.is_ccw is not is_hole(ring)
        union = union.symmetric_difference(polygon)
    boxes = [library.box(x, y, x + 1, y + 1) for y, x in np.argwhere(drawn)]
    assert union.symmetric_difference(library.union_all(boxes)).area == 0


def test_large_masks_come_back_as_they_are() -> None:
    rows, columns = np.mgrid[:512, :512] - 256
    distance = np.hypot(rows, columns)
    rings: NDArray[np.bool_] = (distance < 200) & (np.floor(distance / 20) % 2 == 0)
    noise = np.random.default_rng(1).random((300, 200)) < 0.5
    for drawn in (rings, noise):
        found = outlines(drawn)
        crossed = np.zeros(drawn.shape, np.bool_)
        for ring in found:
            for (x, y), (next_x, next_y) in pairwise(ring):
                if x == next_x:
                    crossed[int(min(y, next_y)) : int(max(y, next_y)), int(x) :] ^= True
        assert np.array_equal(crossed, drawn)


# Simplified


def test_a_ring_is_simplified_only_as_far_as_the_tolerance_allows() -> None:
    (ring,) = outlines(mask("#...", "##..", "###.", "####"))
    assert np.array_equal(simplified(ring, 0), ring)
    # The outer corner of each step is 0.71 from the diagonal, its inner one on it.
    assert vertices(simplified(ring, 0.72)) == [(0, 0), (4, 4), (0, 4), (0, 0)]
    # From (1, 0) to (4, 4) the corners are at most 0.6 off.
    assert vertices(simplified(ring, 0.7)) == [(0, 0), (1, 0), (4, 4), (0, 4), (0, 0)]
    assert np.array_equal(simplified(ring, 0.2), ring)


@given(masks, st.floats(0, 20))
def test_simplified_rings_stay_rings_near_what_they_stand_for(drawn: Mask, tolerance: float) -> None:
    for ring in outlines(drawn):
        fewer = simplified(ring, tolerance)
        assert vertices(fewer)[0] == vertices(fewer)[-1]
        assert len(fewer) >= 4
        assert set(vertices(fewer)) <= set(vertices(ring))
        assert abs(signed_area(fewer)) > 0
        starts, along = fewer[:-1], np.diff(fewer, axis=0)
        for vertex in ring:
            share = np.clip(((vertex - starts) * along).sum(axis=1) / (along**2).sum(axis=1), 0, 1)
            assert np.hypot(*(vertex - starts - share[:, None] * along).T).min() <= tolerance + 1e-9


@given(masks, st.floats(0.5, 20))
def test_shapely_takes_simplified_rings_for_valid_polygons(drawn: Mask, tolerance: float) -> None:
    library = shapely()
    assert all(library.Polygon(simplified(ring, tolerance)).is_valid for ring in outlines(drawn))
