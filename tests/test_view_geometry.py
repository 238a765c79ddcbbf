"""Views of volumes against corners worked out by hand, and against what a renderer's clipping planes enclose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from converter.geometry import GeometryError
from converter.view_geometry import box, field_of_view, unit, view_plane

Array = NDArray[np.float64]

X, Y, Z = np.eye(3)
numbers = st.floats(-500, 500)
vectors = st.tuples(numbers, numbers, numbers).map(np.array)
lengths = st.floats(1, 500)


def array(*points: object) -> Array:
    return np.array(points, np.float64)


def test_the_outline_of_a_view_begins_at_its_top_left_and_runs_along_its_top() -> None:
    # Coronal, seen from the front: right is the patient's left (+x), down is towards the feet (-z).
    plane = view_plane(array(-10, 5, 20), array(2, 0, 0), 40.0, array(0, 0, -3), 30.0)
    assert plane.outline.tolist() == [[-10, 5, 20], [30, 5, 20], [30, 5, -10], [-10, 5, -10], [-10, 5, 20]]
    assert plane.at(array([10, 15])).tolist() == [[0, 5, 5]]


def test_a_view_moves_away_from_the_viewer() -> None:
    # Who sees +x to the right and -z below looks along +y.
    plane = view_plane(array(0, 0, 0), X, 1.0, -Z, 1.0)
    assert plane.moved(2.5).corner.tolist() == [0, 2.5, 0]
    # An axial view, +x to the right and +y below, is seen from the feet.
    assert view_plane(array(0, 0, 0), X, 1.0, Y, 1.0).moved(2.5).corner.tolist() == [0, 0, 2.5]


@pytest.mark.parametrize(
    ("across", "width", "down", "height"),
    [
        (X, 0.0, Y, 1.0),
        (X, 1.0, Y, -1.0),
        (X, np.nan, Y, 1.0),
        (X, np.inf, Y, 1.0),
        (X, 1.0, X, 1.0),
        (X, 1.0, -2 * X, 1.0),
        (0 * X, 1.0, Y, 1.0),
    ],
)
def test_what_spans_no_rectangle_is_no_view(across: Array, width: float, down: Array, height: float) -> None:
    with pytest.raises(GeometryError):
        view_plane(array(0, 0, 0), across, width, down, height)


def test_a_view_out_of_reach_is_none() -> None:
    with pytest.raises(GeometryError):
        _ = view_plane(array(1e12, 0, 0), X, 1.0, Y, 1.0).outline


def test_an_orthographic_field_of_view_is_a_cuboid() -> None:
    near, far = field_of_view(
        array(0, -1000, 0), array(0, 0, 0), Z, array(-160, 150, 100, -90, 800, 1200), perspective=False
    )
    assert near.tolist() == [
        [-160, -200, 100],
        [150, -200, 100],
        [150, -200, -90],
        [-160, -200, -90],
        [-160, -200, 100],
    ]
    assert (far - near).tolist() == [[0, 400, 0]] * 5


def test_in_perspective_the_near_rectangle_is_smaller_as_it_is_nearer() -> None:
    near, far = field_of_view(array(0, 0, 100), array(0, 0, 0), Y, array(-40, 40, 20, -20, 50, 200), perspective=True)
    # From above the head with +y upwards, +x is to the right; what is 200 away is at z = -100, four times as far.
    assert far.tolist() == [[-40, 20, -100], [40, 20, -100], [40, -20, -100], [-40, -20, -100], [-40, 20, -100]]
    assert near.tolist() == [[-10, 5, 50], [10, 5, 50], [10, -5, 50], [-10, -5, 50], [-10, 5, 50]]


@given(vectors, vectors, vectors)
@settings(max_examples=60)
def test_all_corners_of_a_perspective_lie_on_rays_from_the_viewpoint(
    position: Array, look_at: Array, up: Array
) -> None:
    backward = position - look_at
    if np.linalg.norm(backward) < 1 or np.linalg.norm(np.cross(up, backward)) < 1:
        return
    near, far = field_of_view(position, look_at, up, array(-40, 30, 20, -10, 50, 200), perspective=True)
    assert (far - position) / 4 == pytest.approx(near - position, abs=1e-5)
    # Corners are as far apart as left, right, top and bottom say.
    assert np.linalg.norm(np.diff(far, axis=0), axis=1) == pytest.approx([70, 30, 70, 30], abs=1e-5)
    # Their distance along the line of sight is that of the far plane.
    assert (far - position) @ unit(look_at - position) == pytest.approx([200] * 5, abs=1e-5)


@pytest.mark.parametrize(
    "extent",
    [(1, 1, 1, 0, 1, 2), (0, 1, 0, 1, 1, 2), (0, 1, 1, 0, 2, 2), (0, 1, 1, 0, 0, 2), (0, 1, 1, 0, -2, -1)],
)
def test_a_field_without_extent_is_none(extent: tuple[float, ...]) -> None:
    with pytest.raises(GeometryError):
        field_of_view(array(0, 0, 1), array(0, 0, 0), Y, array(*extent), perspective=False)


@pytest.mark.parametrize(("look_at", "up"), [(Z, Y), (0 * Z, Z)])
def test_a_viewpoint_without_direction_or_upright_sees_nothing(look_at: Array, up: Array) -> None:
    with pytest.raises(GeometryError):
        field_of_view(Z, look_at, up, array(0, 1, 1, 0, 1, 2), perspective=False)


def test_an_upright_box_has_its_faces_at_both_ends() -> None:
    first, second = box(array([1, 2, 3], [11, 22, 33]), array(X, Y))
    assert first.tolist() == [[1, 2, 3], [11, 2, 3], [11, 22, 3], [1, 22, 3], [1, 2, 3]]
    assert second.tolist() == [[1, 2, 33], [11, 2, 33], [11, 22, 33], [1, 22, 33], [1, 2, 33]]


@given(vectors, lengths, lengths, lengths, st.floats(0, 2 * np.pi), st.floats(0, 2 * np.pi))
@settings(max_examples=60)
def test_a_turned_box_has_its_edges_along_the_axes(
    corner: Array, width: float, height: float, depth: float, first: float, second: float
) -> None:
    along = array(np.cos(first), np.sin(first), 0)
    down = array(-np.sin(first) * np.cos(second), np.cos(first) * np.cos(second), np.sin(second))
    normal = np.cross(along, down)
    opposite = corner + width * along + height * down + depth * normal
    near, far = box(array(corner, opposite), array(along, down))
    assert near[0] == pytest.approx(corner, abs=1e-5)
    assert near[1] == pytest.approx(corner + width * along, abs=1e-5)
    assert far[2] == pytest.approx(opposite, abs=1e-5)
    assert far - near == pytest.approx(np.tile(depth * normal, (5, 1)), abs=1e-5)


@pytest.mark.parametrize("vector", [(0, 0, 0), (np.inf, 0, 0), (np.nan, 0, 0)])
def test_a_vector_without_direction_is_none(vector: tuple[float, float, float]) -> None:
    with pytest.raises(GeometryError):
        unit(np.array(vector))
