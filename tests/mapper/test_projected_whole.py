"""Packed regions restated whole: the same as one by one, with the same problems."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.catalog import FramePlanes
from converter.fhir import release, release_names
from converter.mapper.projected import restated
from converter.packed import PackedRegions, PackedType, VeryManyRegions
from converter.plane import Plane
from converter.restated import in_frame_of_reference, on_pixels
from converter.selection import (
    Concept,
    Frames,
    Region2D,
    Region3D,
    SelectedInstance,
    Selection,
    SelectionKey,
    Series,
    Subset,
)
from tests.builders import CT, FRAME_OF_REFERENCE, OTHER_SERIES, SERIES, STUDY, report
from tests.mapper.objects import annotated, problems
from tests.mapper.structure_sets import AXIAL, Space, image, space
from tests.mapper.test_total_pixel_matrix import FULL, SLIDE, slide

# Nothing here lies straight: rounding shows.
SKEW = (0.9396926, 0.3420201, 0.0, -0.3420201, 0.9396926, 0.0)
FRAMES = FramePlanes((0, 0, 1, 0.3, 0, 1.5, 0, 0.7, 3), AXIAL, (0.31, 0.7))
TWO_PLANES = replace(FULL, focal_planes=2, spacing_between_slices=0.5)
KNOWN = space(
    image("1.9.0", 0, image_orientation_patient=SKEW, slice_thickness=1),
    image("1.9.1", 1, slice_thickness=1),
    image("1.9.2", 1.5, series_instance_uid=OTHER_SERIES),
    image("1.9.3", 0, image_position_patient=None, frame_planes=FRAMES, number_of_frames=3),
    image("1.9.4", 0, image_position_patient=None),
    slide(TWO_PLANES, number_of_frames=12),
)
# What is drawn on, and what is named with it.
INSTANCES: list[tuple[str, Subset | None]] = [
    ("1.9.0", None),
    ("1.9.3", Frames((1,))),
    ("1.9.3", Frames((3, 1))),
    ("1.9.3", None),
    ("1.9.4", None),
    ("1.2.not-read", None),
    (SLIDE, None),
    (SLIDE, Frames((2,))),
]
# Whole numbers, so that vertices meet; others are any.
COORDINATES = st.integers(0, 3).map(float) | st.floats(-5, 120, width=32)
HEIGHTS = st.sampled_from([0.0, 0.5, 0.1, 1.0, 1.25, 1.5, 3.0, 40.0, 1 / 3])
COUNTS: dict[PackedType, tuple[int, int]] = {"polyline": (2, 6), "ellipse": (4, 4), "point": (1, 1)}


@st.composite
def packed(draw: st.DrawFn, made: Any) -> PackedRegions[Any]:
    """Regions of one type: rings of which some are stated closed, polylines, ellipses; some in planes."""
    kind, (least, most) = draw(st.sampled_from(sorted(COUNTS.items())))
    counts = draw(st.lists(st.integers(least, most), min_size=1, max_size=6))
    total = sum(counts)
    z = draw(st.none() | HEIGHTS) if made is Region3D else None
    points = np.array(draw(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=total, max_size=total)))
    if made is Region3D and z is None:
        heights = draw(st.lists(HEIGHTS, min_size=len(counts), max_size=len(counts)))
        points = np.column_stack([points, np.repeat(heights, counts)])
    starts = np.cumsum([0, *counts])
    if kind == "polyline":
        for first, last in zip(starts[:-1], starts[1:] - 1, strict=True):
            if draw(st.booleans()):
                points[last] = points[first]
    dtype = draw(st.sampled_from(["<f4", "<f8"]))
    closed = kind == "polyline" and draw(st.booleans())
    return PackedRegions(made, kind, points.astype(dtype), starts, closed, z)


def selection(instances: tuple[SelectedInstance, ...], regions_3d: Sequence[Region3D] = ()) -> Selection:
    return Selection(
        key=SelectionKey("1.2", "regions", "1", SERIES),
        code=Concept((), "nuclei"),
        series=Series(STUDY, SERIES),
        frame_of_reference_uid=FRAME_OF_REFERENCE,
        instances=instances,
        regions_3d=regions_3d,
    )


def values(regions: Sequence[Any]) -> list[Any]:
    """Return all that regions are, images included where they have any."""
    return [(each.type, each.coordinates.tolist(), getattr(each, "images", None)) for each in regions]


def contents(stated: Selection) -> Any:
    instances = [(each.sop_instance_uid, each.number, each.subset, values(each.regions)) for each in stated.instances]
    return stated.key, stated.series, stated.frame_of_reference_uid, instances, values(stated.regions_3d)


def in_parts(regions: VeryManyRegions[Any], most: int) -> list[Any]:
    """Return the values of the regions as they are written, having looked at how they are divided."""
    found: list[Any] = []
    for first, part in regions.parts(most):
        assert first == len(found)
        assert len(part) == 1 or len(part.points) <= most
        assert part.separated().tolist() is not None
        found += values(part)
    return found


def check(whole: Selection, one_by_one: Selection, wanted: str, known: Space = KNOWN) -> list[Selection]:
    """Return what a selection of packed regions becomes, having compared it with what the others become."""
    results = []
    for each in (whole, one_by_one):
        obj = annotated(report(), known, regions=wanted)
        results.append((restated(obj, [each])[0], set(problems(obj)), {each.message for each in obj.problems}))
    (found, *told), (expected, *told_one_by_one) = results
    assert list(map(contents, found)) == list(map(contents, expected))
    assert told == told_one_by_one
    for name in release_names():
        for one, other in zip(map(release(name).encode, found), map(release(name).encode, expected), strict=True):
            assert one.to_json() == other.to_json()
            assert one.broken == other.broken == ()
    return list(found)


@settings(max_examples=100, deadline=None)
@given(packed(Region2D), st.sampled_from(INSTANCES), st.integers(1, 20))
def test_regions_on_an_image_are_in_space_what_they_are_one_by_one(
    regions: PackedRegions[Region2D], on: tuple[str, Subset | None], most: int
) -> None:
    uid, subset = on
    drawn, other = SelectedInstance(uid, CT, 3, subset, regions), SelectedInstance("1.9.1", CT, 4)
    whole = selection((drawn, other))
    one_by_one = selection((replace(drawn, regions=tuple(regions)), other))
    for each in check(whole, one_by_one, "3d"):
        if each.regions_3d:
            assert isinstance(each.regions_3d, VeryManyRegions)
            assert in_parts(each.regions_3d, most) == values(each.regions_3d)


@settings(max_examples=100, deadline=None)
@given(
    packed(Region3D),
    st.lists(st.sampled_from(INSTANCES), unique_by=lambda each: each[0], max_size=3),
    st.integers(1, 20),
)
def test_regions_in_space_are_on_images_what_they_are_one_by_one(
    regions: PackedRegions[Region3D], named: list[tuple[str, Subset | None]], most: int
) -> None:
    instances = tuple(SelectedInstance(uid, CT, 3, subset) for uid, subset in named)
    for each in check(selection(instances, regions), selection(instances, tuple(regions)), "2d"):
        for instance in each.instances:
            if isinstance(instance.regions, VeryManyRegions):
                assert in_parts(instance.regions, most) == values(instance.regions)


def test_a_closed_line_becomes_a_polygon_from_three_corners_on() -> None:
    # 1 mm (column) by 2 mm (row); the first pixel's centre, (0.5, 0.5), lies at (-10, -20, 1).
    ring, line = [[0.5, 0.5], [1.5, 0.5], [1.5, 1.5], [0.5, 0.5]], [[0.5, 0.5], [1.5, 0.5], [1.5, 1.5]]
    flat = [[0.5, 0.5], [1.5, 0.5], [0.5, 0.5]]
    points = np.array([*ring, *line, *flat, *ring, *ring], np.float32)
    regions = PackedRegions(Region2D, "polyline", points, np.array([0, 4, 7, 10, 14, 18]))
    drawn = selection((SelectedInstance("1.9.1", CT, 3, None, regions),))
    (found,) = check(drawn, selection((replace(drawn.instances[0], regions=tuple(regions)),)), "3d")
    corners = [[-10, -20, 1], [-9, -20, 1], [-9, -18, 1]]
    assert [(each.type, each.coordinates.tolist()) for each in found.regions_3d] == [
        ("polygon", [*corners, corners[0]]),
        ("polyline", corners),
        ("polyline", [*corners[:2], corners[0]]),
        ("polygon", [*corners, corners[0]]),
        ("polygon", [*corners, corners[0]]),
    ]
    assert isinstance(found.regions_3d, VeryManyRegions)
    assert [(first, part.type, len(part)) for first, part in found.regions_3d.parts(100)] == [
        (0, "polygon", 1),
        (1, "polyline", 2),
        (3, "polygon", 2),
    ]


def test_regions_take_turns_between_focal_planes() -> None:
    points = np.array([[20.0, 40, 0], [19.9, 39, 0], [20, 40, 0.5], [19.9, 39, 0.5], [19.5, 39.5, 0], [19.9, 39.9, 0]])
    regions = PackedRegions(Region3D, "polyline", points, np.array([0, 2, 4, 6]))
    named = (SelectedInstance(SLIDE),)
    (found,) = check(selection(named, regions), selection(named, tuple(regions)), "2d")
    # Columns go down y, 0.02 mm each; rows go down x, 0.01 mm each.
    assert [each.coordinates.tolist() for each in found.instances[0].regions] == [
        [[0.5, 0.5], [50.5, 10.5]],
        [[0.5, 0.5], [50.5, 10.5]],
        [[25.5, 50.5], [5.5, 10.5]],
    ]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_more_regions_than_are_mapped_at_once(dtype: Any) -> None:
    random = np.random.default_rng(3)
    counts = random.integers(3, 9, 2_000)
    points = (random.random((counts.sum(), 2)) * 60).astype(dtype)
    rings = PackedRegions(Region2D, "polyline", points, np.append(0, np.cumsum(counts)), closed=True)
    drawn = selection((SelectedInstance("1.9.0", CT, 3, None, rings),))
    check(drawn, selection((replace(drawn.instances[0], regions=tuple(rings)),)), "3d")
    lines = PackedRegions(Region3D, "polyline", points, np.append(0, np.cumsum(counts)), z=1.25)
    check(selection((), lines), selection((), tuple(lines)), "2d")


@pytest.mark.parametrize(("high", "rules"), [(1e300, ()), (1e308, ("coordinate-not-finite",))])
def test_what_overflows_on_its_way_breaks_a_rule(high: float, rules: tuple[str, ...]) -> None:
    regions = PackedRegions(Region2D, "polyline", np.array([[0, 0], [high, high]]), np.array([0, 2]))
    plane = Plane((0, 0, 0), AXIAL, (8, 8))
    with np.errstate(over="ignore", invalid="ignore"):
        packed_whole = in_frame_of_reference(regions, [plane])
        for stated in (packed_whole, tuple(packed_whole)):
            drawn = selection((SelectedInstance("1.9.0", CT),), stated)
            assert release("r5").encode(drawn).broken == rules


def test_no_planes_or_no_regions_are_no_regions() -> None:
    regions = PackedRegions(Region2D, "ellipse", np.zeros((4, 2)), np.array([0, 4]))
    assert not in_frame_of_reference(regions, [])
    none = np.empty(0, np.int64)
    spatial = PackedRegions(Region3D, "ellipse", np.zeros((4, 3)), np.array([0, 4]))
    assert list(on_pixels(spatial, none, [], none)) == []
