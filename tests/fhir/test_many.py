"""Very many regions in a resource: the same as one by one, in every release."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from converter.fhir import release, release_names
from converter.fhir.rules import many_regions
from converter.packed import PackedRegions
from converter.selection import Region2D, Region3D
from tests.fhir.examples import SELECTION_2D, SELECTION_3D

RELEASES = [release(name) for name in release_names()]
# More than is written at once, in pieces of different sizes.
COUNTS = np.random.default_rng(1).integers(3, 9, 5_000)


def packed(made: Any, dimensions: int, **elements: Any) -> PackedRegions[Any]:
    starts = np.append(0, np.cumsum(COUNTS))
    points = np.random.default_rng(2).random((starts[-1], dimensions)).astype(np.float32) * 1000
    return PackedRegions(made, "polyline", points, starts, **elements)


@pytest.mark.parametrize("each", RELEASES, ids=lambda each: each.name)
@pytest.mark.parametrize("closed", [False, True])
def test_packed_regions_on_an_image_are_what_they_are_one_by_one(each: Any, closed: bool) -> None:
    regions = packed(Region2D, 2, closed=closed)
    instance = SELECTION_2D.instances[0]
    many = each.encode(replace(SELECTION_2D, instances=(replace(instance, regions=regions),)))
    one_by_one = each.encode(replace(SELECTION_2D, instances=(replace(instance, regions=tuple(regions)),)))
    assert many.broken == one_by_one.broken == ()
    assert many.to_json() == one_by_one.to_json()


@pytest.mark.parametrize("each", RELEASES, ids=lambda each: each.name)
@pytest.mark.parametrize(("dimensions", "z"), [(3, None), (2, 0.25), (2, 1 / 3)])
def test_packed_regions_in_space_are_what_they_are_one_by_one(each: Any, dimensions: int, z: float | None) -> None:
    regions = packed(Region3D, dimensions, z=z)
    many = each.encode(replace(SELECTION_3D, regions_3d=regions))
    one_by_one = each.encode(replace(SELECTION_3D, regions_3d=tuple(regions)))
    assert many.broken == one_by_one.broken == ()
    assert many.to_json() == one_by_one.to_json()


@pytest.mark.parametrize("each", RELEASES, ids=lambda each: each.name)
def test_a_multipoint_of_very_many_points_has_all_of_them(each: Any) -> None:
    points = np.arange(3 * 20_000, dtype=np.float32).reshape(-1, 3)
    resource = each.encode(replace(SELECTION_3D, regions_3d=(Region3D("multipoint", points),))).to_dict()
    text = str(resource)
    assert all(text.count(f"{number}.0") >= 1 for number in (0, 24_575, 24_576, 59_999))
    found = [value for value in numbers(resource) if isinstance(value, float)]
    assert found == points.ravel().tolist()


def numbers(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [each for child in value.values() for each in numbers(child)]
    return [each for child in value for each in numbers(child)] if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("points", "starts", "kind", "rule"),
    [
        ([[1, 2], [3, np.nan]], [0, 2], "polyline", "coordinate-not-finite"),
        ([[1, 2]], [0, 1], "polyline", "region-point-count"),
        ([[1, 2], [3, 4]], [0, 2], "point", "region-point-count"),
        ([[1, 2], [3, 4]], [0, 2, 2], "polyline", "coordinates-not-points"),
        ([[1, 2], [3, 4], [5, 6]], [0, 2], "polyline", "coordinates-not-points"),
        ([[1, 2, 3], [4, 5, 6]], [0, 2], "polyline", "coordinates-not-points"),
    ],
)
def test_packed_regions_keep_the_rules(points: list[list[float]], starts: list[int], kind: Any, rule: str) -> None:
    regions = PackedRegions(Region2D, kind, np.array(points), np.array(starts))
    assert list(many_regions(regions, 2)) == [rule]
