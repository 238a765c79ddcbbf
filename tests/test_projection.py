"""Regions between pixels and space: positions worked out by hand, and round trips."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.catalog import FramePlanes, Instance
from converter.plane import Plane
from converter.projection import Slice, Stack, slices_of, to_frame_of_reference, to_pixels
from converter.selection import Frames, Region2D, Region2DType, Region3D, Region3DType
from tests.test_plane import planes

# 1 mm columns, 2 mm rows, the first pixel's centre at (-10, -20, 30).
PLANE = Plane((-10.0, -20.0, 30.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (2.0, 1.0))
AXES = PLANE.orientation


def in_space(kind: Region3DType, *points: tuple[float, float, float]) -> Region3D:
    return Region3D(kind, np.array(points, np.float64))


def on_image(kind: Region2DType, *points: tuple[float, float]) -> Region2D:
    return Region2D(kind, np.array(points, np.float32))


@pytest.mark.parametrize(
    ("region", "kind", "points"),
    [
        (on_image("point", (10.5, 10.5)), "point", [[0, 0, 30]]),
        (on_image("multipoint", (0.5, 0.5), (1.5, 1.5)), "multipoint", [[-10, -20, 30], [-9, -18, 30]]),
        (on_image("polyline", (0.5, 0.5), (1.5, 1.5)), "polyline", [[-10, -20, 30], [-9, -18, 30]]),
        (
            on_image("polyline", (0.5, 0.5), (1.5, 0.5), (1.5, 1.5), (0.5, 0.5)),
            "polygon",
            [[-10, -20, 30], [-9, -20, 30], [-9, -18, 30], [-10, -20, 30]],
        ),
        # There and back is no ring.
        (
            on_image("polyline", (0.5, 0.5), (1.5, 0.5), (0.5, 0.5)),
            "polyline",
            [[-10, -20, 30], [-9, -20, 30], [-10, -20, 30]],
        ),
        # Radius 3 pixels: 3 mm along the columns' direction, 6 mm down, the major axis first.
        (
            on_image("circle", (10.5, 10.5), (13.5, 10.5)),
            "ellipse",
            [[0, -6, 30], [0, 6, 30], [-3, 0, 30], [3, 0, 30]],
        ),
        (
            on_image("ellipse", (5.5, 10.5), (15.5, 10.5), (10.5, 9.5), (10.5, 11.5)),
            "ellipse",
            [[-5, 0, 30], [5, 0, 30], [0, -2, 30], [0, 2, 30]],
        ),
    ],
)
def test_regions_on_images_become_regions_in_space(region: Region2D, kind: str, points: list[list[float]]) -> None:
    found = to_frame_of_reference(region, PLANE, ("1.2",))
    assert (found.type, found.images) == (kind, ("1.2",))
    assert found.coordinates.tolist() == points


def test_a_curve_becomes_the_polyline_along_it() -> None:
    stated = on_image("interpolated", (0, 0), (10, 0), (10, 10), (0, 10), (0, 0))
    found = to_frame_of_reference(stated, PLANE)
    assert found.type == "polygon"
    assert len(found.coordinates) > 5
    # Through (10, 0): 9.5 mm to the right of the first centre, 1 mm above it.
    assert [-0.5, -21, 30] in found.coordinates.tolist()


@pytest.mark.parametrize(
    ("region", "kind", "points"),
    [
        (in_space("point", (0, 0, 30.4)), "point", [[10.5, 10.5]]),
        (in_space("multipoint", (0, 0, 30), (1, 2, 30)), "multipoint", [[10.5, 10.5], [11.5, 11.5]]),
        (in_space("polyline", (0, 0, 30), (1, 2, 30)), "polyline", [[10.5, 10.5], [11.5, 11.5]]),
        (
            in_space("polygon", (0, 0, 30), (1, 0, 30), (1, 2, 30), (0, 0, 30)),
            "polyline",
            [[10.5, 10.5], [11.5, 10.5], [11.5, 11.5], [10.5, 10.5]],
        ),
        # 2 mm in all directions: 2 columns, 1 row.
        (
            in_space("ellipse", (0, -2, 30), (0, 2, 30), (-2, 0, 30), (2, 0, 30)),
            "ellipse",
            [[8.5, 10.5], [12.5, 10.5], [10.5, 9.5], [10.5, 11.5]],
        ),
    ],
)
def test_regions_in_space_become_regions_on_images(region: Region3D, kind: str, points: list[list[float]]) -> None:
    found = to_pixels(region, PLANE)
    assert found is not None
    assert found.type == kind
    assert found.coordinates.tolist() == points


def test_an_ellipsoid_lies_in_no_plane() -> None:
    assert to_pixels(in_space("ellipsoid", *[(0, 0, 0)] * 6), PLANE) is None


@given(
    planes(),
    st.sampled_from(["point", "multipoint", "polyline"]),
    st.lists(st.tuples(st.floats(0, 2048), st.floats(0, 2048)), min_size=2, max_size=9, unique=True),
)
@settings(max_examples=100, deadline=None)
def test_regions_come_back_as_far_as_millionths_of_a_millimetre_go(
    plane: Plane, kind: Region2DType, points: list[tuple[float, float]]
) -> None:
    stated = Region2D(kind, np.array(points[:1] if kind == "point" else points))
    back = to_pixels(to_frame_of_reference(stated, plane), plane)
    assert back is not None
    assert back.type == kind
    assert np.abs(back.coordinates - stated.coordinates).max() < 3e-6 / min(plane.spacing) + 2e-6


# Slices


def image(z: float, number: int | None = None, thickness: float | None = 3.0, uid: str = "1.2") -> Instance:
    return Instance(
        sop_instance_uid=uid,
        instance_number=number,
        rows=10,
        columns=10,
        image_position_patient=(0, 0, z),
        image_orientation_patient=AXES,
        pixel_spacing=(2, 1),
        slice_thickness=thickness,
    )


def test_half_a_slice_is_the_tolerance_and_half_a_pixel_where_slices_have_no_thickness() -> None:
    assert [each.tolerance for each in slices_of(image(0))] == [1.5]
    assert [each.tolerance for each in slices_of(image(0, thickness=None))] == [1]
    assert [each.tolerance for each in slices_of(image(0), tolerance=0.25)] == [0.25]


def test_frames_are_slices_of_their_own() -> None:
    table = FramePlanes((0, 0, 5, 0, 0, 8), AXES, (1, 1))
    multiframe = Instance(sop_instance_uid="1.2", number_of_frames=2, frame_planes=table)
    assert [(each.subset, each.plane.position[2]) for each in slices_of(multiframe)] == [
        (Frames((1,)), 5),
        (Frames((2,)), 8),
    ]
    # Frame 7 is not there.
    assert [each.subset for each in slices_of(multiframe, Frames((2, 7)))] == [Frames((2,))]


def test_frames_in_one_plane_are_one_slice() -> None:
    cine = Instance(
        sop_instance_uid="1.2",
        number_of_frames=30,
        image_position_patient=(0, 0, 1),
        image_orientation_patient=AXES,
        pixel_spacing=(1, 1),
    )
    assert [each.subset for each in slices_of(cine)] == [None]
    assert [each.subset for each in slices_of(cine, Frames((3, 4)))] == [Frames((3, 4))]


@pytest.mark.parametrize(
    "elements",
    [
        {"image_position_patient": None},
        {"pixel_spacing": (0.0, 1.0)},
        {"image_orientation_patient": (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)},
        {"total_pixel_matrix_columns": 512},
        {"sop_class_uid": "1.2.840.10008.5.1.4.1.1.481.2", "number_of_frames": 40},
    ],
)
def test_images_without_a_plane_are_no_slices(elements: dict[str, object]) -> None:
    known = {
        "image_position_patient": (0.0, 0.0, 0.0),
        "image_orientation_patient": AXES,
        "pixel_spacing": (1.0, 1.0),
    }
    assert slices_of(Instance(sop_instance_uid="1.2", **(known | elements))) == []  # type: ignore[arg-type]


def stack(*heights: float) -> Stack:
    return Stack([slice_at for number, z in enumerate(heights, 1) for slice_at in slices_of(image(z, number))])


@pytest.mark.parametrize(
    ("heights", "number"),
    [
        ([0.0], 1),
        ([2.0, 1.6], 2),
        ([1.4, 1.6], None),
        ([1.5], 1),
        ([4.4, 3.1], 2),
        ([7.5], 3),
        ([7.6], None),
        ([0, 3], None),
        ([-1.6], None),
    ],
)
def test_a_region_lies_in_the_slice_nearest_to_all_of_it(heights: list[float], number: int | None) -> None:
    found = stack(0, 3, 6).nearest(np.array([[1.0, 2.0, z] for z in heights]))
    assert (found.instance.instance_number if found else None) == number


def test_the_order_of_slices_does_not_matter_where_two_are_equally_near() -> None:
    slices = [each for number in (4, 2, 9) for each in slices_of(image(1, number, uid=f"1.{number}"))]
    for _ in range(5):
        random.Random(_).shuffle(slices)
        found = Stack(slices).nearest(np.array([[0.0, 0.0, 1.2]]))
        assert found is not None
        assert found.instance.instance_number == 2


def test_no_slices_hold_nothing() -> None:
    assert Stack([]).nearest(np.zeros((1, 3))) is None


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=30), st.lists(st.floats(-101, 101), min_size=1, max_size=5))
@settings(max_examples=200, deadline=None)
def test_the_nearest_slice_is_the_one_that_a_plain_search_finds(heights: list[float], at: list[float]) -> None:
    slices: list[Slice] = [each for n, z in enumerate(heights) for each in slices_of(image(z, n))]
    found = Stack(slices).nearest(np.array([[5.0, 5.0, z] for z in at]))
    farthest = {each.instance.instance_number: max(abs(z - each.plane.position[2]) for z in at) for each in slices}
    least = min(farthest.values())
    if found is None:
        assert least > 1.5
    else:
        assert farthest[found.instance.instance_number] == pytest.approx(least, abs=2e-6)
        assert least <= 1.5 + 1e-6
