"""Coordinates out of graphic data: which are regions, by the counts of PS3.3 C.18.6.1.2 and C.18.9.1.2."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from converter.catalog import EmptyCatalog
from converter.mapper import KINDS
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.regions import closed, points_of, region_2d, region_3d
from converter.settings import Settings


def obj() -> AnnotationObject:
    return AnnotationObject(Dataset(), EmptyCatalog(), Settings(), "1.2.3", KINDS["SR"])


def graphic(value: bytes, *, little_endian: bool = True) -> Dataset:
    built = Dataset()
    tag = Tag("GraphicData")
    built[tag] = RawDataElement(tag, "FL", len(value), value, 0, False, little_endian)
    return built


@given(
    st.lists(st.tuples(*[st.floats(width=32, allow_nan=False, allow_infinity=False)] * 2), min_size=1, max_size=50),
    st.booleans(),
)
def test_points_are_the_floats_of_the_element_in_either_byte_order(
    points: list[tuple[float, float]], little_endian: bool
) -> None:
    numbers = [number for point in points for number in point]
    value = struct.pack(f"{'<' if little_endian else '>'}{len(numbers)}f", *numbers)
    found = points_of(obj(), graphic(value, little_endian=little_endian), "GraphicData", "$", 2)
    assert found is not None
    assert found.dtype == np.float32
    assert found.tolist() == [list(point) for point in points]


@pytest.mark.parametrize(
    ("numbers", "dimensions", "code"),
    [
        ((), 2, "region-missing"),
        ((1, 2, 3), 2, "region-odd"),
        ((1, 2, 3, 4), 3, "region-odd"),
        ((1, float("nan")), 2, "region-not-finite"),
        ((1, float("inf"), 3), 3, "region-not-finite"),
    ],
)
def test_what_is_no_points_is_reported_at_the_element(numbers: tuple[float, ...], dimensions: int, code: str) -> None:
    known = obj()
    value = struct.pack(f"<{len(numbers)}f", *numbers)
    assert points_of(known, graphic(value), "GraphicData", "$.ContentSequence[4]", dimensions) is None
    assert [(each.code, each.path) for each in known.problems] == [(code, "$.ContentSequence[4].GraphicData")]


@pytest.mark.parametrize(
    ("kind", "counts"),
    [("point", {1}), ("circle", {2}), ("ellipse", {4}), ("multipoint", {1, 2, 3, 4, 5}), ("polyline", {2, 3, 4, 5})],
)
def test_a_2d_region_has_as_many_points_as_its_type(kind: str, counts: set[int]) -> None:
    made = {n for n in range(6) if region_2d(obj(), kind, np.zeros((n, 2)), "$") is not None}  # type: ignore[arg-type]
    assert made == counts


def test_a_polygon_is_closed_and_has_three_corners() -> None:
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0]], np.float32)
    found = region_3d(obj(), "polygon", corners, "$")
    assert found is not None
    assert found.coordinates.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert found.coordinates.dtype == np.float32
    assert region_3d(obj(), "polygon", corners[:2], "$") is None
    assert region_3d(obj(), "ellipsoid", np.zeros((5, 3)), "$") is None


def test_a_closed_ring_stays_as_it_is() -> None:
    ring = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    assert closed(ring) is ring
