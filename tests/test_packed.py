"""Packed regions: what they stand for, and how they are divided."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.packed import PackedRegions, with_z
from converter.selection import Region2D, Region3D


def packed(*counts: int, closed: bool = False) -> PackedRegions[Region2D]:
    """Return polylines of so many points, numbered on."""
    points = np.arange(2 * sum(counts), dtype=np.float32).reshape(-1, 2)
    return PackedRegions(Region2D, "polyline", points, np.cumsum([0, *counts]), closed)


def lists(regions: PackedRegions[Region2D] | PackedRegions[Region3D]) -> list[list[float]]:
    return [each.coordinates.ravel().tolist() for each in regions]


def test_packed_regions_are_a_sequence_of_regions() -> None:
    regions = packed(2, 3)
    assert len(regions) == 2
    assert lists(regions) == [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9]]
    assert {each.type for each in regions} == {"polyline"}
    assert regions[-1].coordinates.tolist() == regions[1].coordinates.tolist()
    assert [each.coordinates.size for each in regions[1:]] == [6]
    with pytest.raises(IndexError):
        regions[2]


def test_a_ring_repeats_its_first_vertex_unless_it_was_stated_so() -> None:
    points = np.array([[0, 0], [1, 0], [1, 1], [5, 5], [6, 5], [5, 5]], np.float32)
    rings = PackedRegions(Region2D, "polyline", points, np.array([0, 3, 6]), closed=True)
    assert lists(rings) == [[0, 0, 1, 0, 1, 1, 0, 0], [5, 5, 6, 5, 5, 5]]
    separated = rings.separated().tolist()
    assert math.isnan(separated.pop(8))
    assert separated == [0, 0, 1, 0, 1, 1, 0, 0, 5, 5, 6, 5, 5, 5]


def test_a_third_coordinate_for_all_points_needs_double_precision_only_where_single_does_not_hold_it() -> None:
    points = np.array([[0.1, 153.6]], np.float32)
    # 0.1 in single precision, written by a program that works in single precision, as a double.
    assert with_z(points, 0.10000000149011612).dtype == np.float32
    assert with_z(points, 0.1).dtype == np.float32
    assert with_z(points, 1 / 3).tolist() == [[0.1, 153.6, 1 / 3]]
    assert with_z(points.astype(np.float64), 0.1).tolist() == [[float(np.float32(0.1)), float(np.float32(153.6)), 0.1]]


@pytest.mark.parametrize(
    ("counts", "most", "closed", "parts"),
    [
        ((2, 2, 2), 4, False, [(0, 2), (2, 1)]),
        ((2, 2, 2), 100, False, [(0, 3)]),
        ((2, 9, 2), 4, False, [(0, 1), (1, 1), (2, 1)]),
        # Three points that are closed are four vertices.
        ((3, 3, 3), 6, True, [(0, 1), (1, 1), (2, 1)]),
        ((3, 3, 3), 8, True, [(0, 2), (2, 1)]),
    ],
)
def test_parts_have_no_more_vertices_and_divide_no_region(
    counts: tuple[int, ...], most: int, closed: bool, parts: list[tuple[int, int]]
) -> None:
    assert [(first, len(part)) for first, part in packed(*counts, closed=closed).parts(most)] == parts


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.integers(1, 20), st.booleans())
def test_parts_together_are_the_whole(counts: list[int], most: int, closed: bool) -> None:
    whole = packed(*counts, closed=closed)
    parts = list(whole.parts(most))
    assert [coordinates for _, part in parts for coordinates in lists(part)] == lists(whole)
    assert [first for first, _ in parts] == np.cumsum([0, *(len(part) for _, part in parts)])[:-1].tolist()
    assert all(len(part) == 1 or sum(len(each.coordinates) for each in part) <= most for _, part in parts)
