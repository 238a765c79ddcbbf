"""Planes of frames: positions worked out by hand and by pydicom's and the standard's equation, and round trips."""

from __future__ import annotations

from math import cos, pi, sin, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.geometry import GeometryError
from converter.plane import (
    Plane,
    circle_to_frame_of_reference,
    ellipse_to_frame_of_reference,
    ellipse_to_pixel,
    frame_of_reference_to_pixel,
    pixel_to_frame_of_reference,
)

AXIAL = Plane((-10.0, -20.0, 30.0), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), (0.5, 2.0))
SAGITTAL = Plane((5.0, -50.0, 60.0), (0.0, 1.0, 0.0, 0.0, 0.0, -1.0), (1.0, 1.0))


@st.composite
def planes(draw: st.DrawFn) -> Plane:
    """Any plane: turned by any angles, its spacings from a microscope's to a scintigram's."""
    turn, tilt, spin = (draw(st.floats(-pi, pi)) for _ in range(3))
    around_x = np.array([[1, 0, 0], [0, cos(turn), -sin(turn)], [0, sin(turn), cos(turn)]])
    around_y = np.array([[cos(tilt), 0, sin(tilt)], [0, 1, 0], [-sin(tilt), 0, cos(tilt)]])
    around_z = np.array([[cos(spin), -sin(spin), 0], [sin(spin), cos(spin), 0], [0, 0, 1]])
    rotation = around_z @ around_y @ around_x
    skew = draw(st.floats(-2e-3, 2e-3))
    rows, columns = rotation[:, 0], rotation[:, 1] + skew * rotation[:, 0]
    position = draw(st.tuples(*[st.floats(-2000, 2000)] * 3))
    spacing = draw(st.tuples(*[st.floats(1e-3, 20)] * 2))
    return Plane(position, (*map(float, rows), *map(float, columns)), spacing)


pixels = st.lists(st.tuples(st.floats(-100, 70000), st.floats(-100, 70000)), min_size=1, max_size=20)


def test_image_position_is_the_centre_of_the_first_pixel() -> None:
    corner = pixel_to_frame_of_reference(np.array([[0.5, 0.5]]), AXIAL)
    assert corner.tolist() == [[-10, -20, 30]]


def test_columns_go_by_the_second_spacing_and_rows_by_the_first() -> None:
    # From the centre of pixel (0, 0): 3 columns of 2 mm along x, 4 rows of 0.5 mm along y.
    assert pixel_to_frame_of_reference(np.array([[3.5, 4.5]]), AXIAL).tolist() == [[-4, -18, 30]]
    # The top left corner lies half a pixel before the centre.
    assert pixel_to_frame_of_reference(np.array([[0.0, 0.0]]), AXIAL).tolist() == [[-11, -20.25, 30]]


def test_rows_of_a_sagittal_image_run_down() -> None:
    assert pixel_to_frame_of_reference(np.array([[10.5, 20.5]]), SAGITTAL).tolist() == [[5, -40, 40]]
    found, distances = frame_of_reference_to_pixel(np.array([[7.5, -40.0, 40.0]]), SAGITTAL)
    assert found.tolist() == [[10.5, 20.5]]
    # Rows run to the back (y), columns to the feet (-z): the normal points to -x, and 7.5 is 2.5 off on the other side.
    assert SAGITTAL.normal.tolist() == [-1, 0, 0]
    assert distances.tolist() == [-2.5]


def test_single_precision_counts_as_the_decimals_stated() -> None:
    point = np.array([[153.6, 0.1]], np.float32)
    assert pixel_to_frame_of_reference(point, Plane((0, 0, 0), (1, 0, 0, 0, 1, 0), (1, 1))) == pytest.approx(
        np.array([[153.1, -0.4, 0]]), abs=1e-12
    )


@given(planes(), pixels)
@settings(max_examples=300, deadline=None)
def test_pixels_come_back_from_any_plane(plane: Plane, points: list[tuple[float, float]]) -> None:
    stated = np.array(points)
    found, distances = frame_of_reference_to_pixel(pixel_to_frame_of_reference(stated, plane), plane)
    assert np.abs(found - stated).max() < 1e-6
    assert np.abs(distances).max() < 1e-6


@given(planes(), st.floats(-500, 500), st.tuples(st.floats(0, 512), st.floats(0, 512)))
@settings(max_examples=100, deadline=None)
def test_distance_is_what_a_point_was_lifted_by(plane: Plane, height: float, pixel: tuple[float, float]) -> None:
    lifted = pixel_to_frame_of_reference(np.array([pixel]), plane) + height * plane.normal
    found, distances = frame_of_reference_to_pixel(lifted, plane)
    assert distances[0] == pytest.approx(height, abs=1e-6)
    assert np.abs(found - [pixel]).max() < 1e-6


def test_a_circle_of_square_pixels_is_a_circle_in_millimetres() -> None:
    plane = Plane((0, 0, 7), (1, 0, 0, 0, 1, 0), (2, 2))
    ellipse = circle_to_frame_of_reference(np.array([[10.5, 20.5], [13.5, 24.5]]), plane)
    # Centre (20, 40), radius 5 pixels of 2 mm.
    assert ellipse.tolist() == [[10, 40, 7], [30, 40, 7], [20, 30, 7], [20, 50, 7]]


def test_the_longer_axis_of_a_circle_follows_the_longer_pixels() -> None:
    plane = Plane((0, 0, 0), (1, 0, 0, 0, 1, 0), (3, 1))
    ellipse = circle_to_frame_of_reference(np.array([[0.5, 0.5], [1.5, 0.5]]), plane)
    assert ellipse.tolist() == [[0, -3, 0], [0, 3, 0], [-1, 0, 0], [1, 0, 0]]


def test_axes_change_where_pixels_are_not_square() -> None:
    # x = (p + q) / sqrt 2, y = (p - q) / sqrt 2 with p = 2 cos t, q = sin t; columns are stretched by 2.
    # By hand: the quadratic form of the stretched diameters has the trace 12.5 and the determinant 16.
    half = sqrt(0.5)
    stated = np.array([[-2, -2], [2, 2], [-1, 1], [1, -1]]) * half + 0.5
    plane = Plane((0, 0, 0), (1, 0, 0, 0, 1, 0), (1, 2))
    found = ellipse_to_frame_of_reference(stated, plane)
    major, minor = (found[1] - found[0]) / 2, (found[3] - found[2]) / 2
    assert major @ minor == pytest.approx(0, abs=1e-12)
    assert major @ major + minor @ minor == pytest.approx(12.5)
    assert (major @ major) * (minor @ minor) == pytest.approx(16)
    assert major @ major > minor @ minor
    assert found.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-12)


@given(planes(), st.floats(0, pi), st.floats(1, 100), st.floats(0.1, 0.9))
@settings(max_examples=100, deadline=None)
def test_ellipses_come_back_from_any_plane(plane: Plane, angle: float, length: float, ratio: float) -> None:
    major = length * np.array([cos(angle), sin(angle)])
    minor = ratio * length * np.array([-sin(angle), cos(angle)])
    stated = np.array([-major, major, -minor, minor]) + 50
    found = ellipse_to_pixel(ellipse_to_frame_of_reference(stated, plane), plane)
    # An axis may come back the other way round: as a set of points it is the same.
    for axis in (slice(0, 2), slice(2, 4)):
        assert found[axis] == pytest.approx(stated[axis], abs=1e-4) or found[axis][::-1] == pytest.approx(
            stated[axis], abs=1e-4
        )


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid value:RuntimeWarning")
def test_an_ellipse_that_overflows_has_no_finite_axes_and_others_keep_theirs() -> None:
    plane = Plane((0, 0, 0), (1, 0, 0, 0, 1, 0), (1, 2))
    beyond = np.array([[-1e308, -1e308], [1e308, 1e308], [-1e308, 1e308], [1e308, -1e308]])
    usual = np.array([[-2, -2], [2, 2], [-1, 1], [1, -1]]) + 0.5
    found = ellipse_to_frame_of_reference(np.concatenate([usual, beyond]), plane)
    assert np.array_equal(found[:4], ellipse_to_frame_of_reference(usual, plane))
    assert not np.isfinite(found[4:]).all()


@pytest.mark.parametrize(
    ("position", "orientation", "spacing"),
    [
        ((0, 0, 0), (1, 0, 0, 0, 1, 0), (0, 1)),
        ((0, 0, 0), (1, 0, 0, 0, 1, 0), (1, -1)),
        ((0, 0, 0), (1, 0, 0, 1, 0, 0), (1, 1)),
        ((0, 0, 0), (0, 0, 0, 0, 0, 0), (1, 1)),
        ((0, 0, 0), (2, 0, 0, 0, 1, 0), (1, 1)),
        ((0, 0, float("nan")), (1, 0, 0, 0, 1, 0), (1, 1)),
        ((0, 0), (1, 0, 0, 0, 1, 0), (1, 1)),
        ((0, 0, 0), (1, 0, 0, 0, 1, 0), (1, 1e308)),
        ((0, -1e12, 0), (1, 0, 0, 0, 1, 0), (1, 1)),
        ((0, 0, 0), (1, 0, 0), (1, 1)),
    ],
)
def test_numbers_that_describe_no_plane_are_refused(
    position: tuple[float, ...], orientation: tuple[float, ...], spacing: tuple[float, ...]
) -> None:
    with pytest.raises(GeometryError):
        Plane(position, orientation, spacing)
