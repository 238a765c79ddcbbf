"""Geometry against hand-drawn displays, images turned by numpy, and the textbook form of the Catmull-Rom curve."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from converter.geometry import (
    DisplayedArea,
    GeometryError,
    SpatialTransform,
    circle_to_pixel,
    displayed_to_pixel,
    ellipse_to_pixel,
    ellipse_within,
    interpolate,
    pixel_to_displayed,
    rectangle,
    rotated,
)

Array = NDArray[np.float64]

TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT = [0, 0], [1, 0], [0, 1]
EVERY_TRANSFORM = [SpatialTransform(rotation, flip) for rotation in (0, 90, 180, 270) for flip in (False, True)]

corners = st.integers(-60, 600).filter(lambda number: number != 0)
areas = st.builds(DisplayedArea, st.tuples(corners, corners), st.tuples(corners, corners))
transforms = st.sampled_from(EVERY_TRANSFORM)


def array(*points: tuple[float, float]) -> Array:
    return np.array(points, dtype=np.float64)


# A display of four stored columns by two stored rows, turned on paper: which stored corner appears where.
@pytest.mark.parametrize(
    ("rotation", "flip", "top_left", "top_right", "bottom_left"),
    [
        (0, False, (0, 0), (4, 0), (0, 2)),
        (0, True, (4, 0), (0, 0), (4, 2)),
        (90, False, (0, 2), (0, 0), (4, 2)),
        (90, True, (0, 0), (0, 2), (4, 0)),
        (180, False, (4, 2), (0, 2), (4, 0)),
        (180, True, (0, 2), (4, 2), (0, 0)),
        (270, False, (4, 0), (4, 2), (0, 0)),
        (270, True, (4, 2), (4, 0), (0, 2)),
    ],
)
def test_corners_of_the_display_are_the_stored_corners_that_appear_there(
    rotation: int,
    flip: bool,
    top_left: tuple[int, int],
    top_right: tuple[int, int],
    bottom_left: tuple[int, int],
) -> None:
    shown = np.array([TOP_LEFT, TOP_RIGHT, BOTTOM_LEFT], np.float32)
    mapped = displayed_to_pixel(shown, DisplayedArea((1, 1), (4, 2)), SpatialTransform(rotation, flip))
    assert mapped.dtype == np.float64
    assert mapped.tolist() == [list(top_left), list(top_right), list(bottom_left)]


def test_edges_of_a_sub_area_are_the_outer_edges_of_its_corner_pixels() -> None:
    area = DisplayedArea((11, 21), (30, 60))
    assert (area.origin, area.size) == ((10, 20), (20, 40))
    mapped = displayed_to_pixel(array((0, 0), (1, 1), (0.5, 0.25)), area, SpatialTransform())
    assert mapped.tolist() == [[10, 20], [30, 60], [20, 30]]


def test_an_area_is_the_same_whichever_of_its_corners_is_named_first() -> None:
    transform = SpatialTransform(180)
    as_displayed, as_stored = DisplayedArea((30, 60), (11, 21)), DisplayedArea((11, 21), (30, 60))
    points = array((0.1, 0.9), (0, 0))
    expected = displayed_to_pixel(points, as_stored, transform)
    assert displayed_to_pixel(points, as_displayed, transform).tolist() == expected.tolist()


@pytest.mark.parametrize("transform", EVERY_TRANSFORM)
def test_every_displayed_pixel_is_the_stored_one_that_a_turned_image_shows_there(transform: SpatialTransform) -> None:
    stored = np.arange(5 * 7).reshape(5, 7)
    shown = np.rot90(stored[1:4, 2:7], k=-transform.rotation // 90)
    if transform.flip:
        shown = np.fliplr(shown)
    first, last = (divmod(int(number), 7) for number in (shown[0, 0], shown[-1, -1]))
    area = DisplayedArea((first[1] + 1, first[0] + 1), (last[1] + 1, last[0] + 1))
    rows, columns = shown.shape
    centers = np.array([((column + 0.5) / columns, (row + 0.5) / rows) for row, column in np.ndindex(shown.shape)])
    expected = np.array([(number % 7 + 0.5, number // 7 + 0.5) for number in shown.ravel().tolist()])
    assert displayed_to_pixel(centers, area, transform) == pytest.approx(expected, abs=1e-6)


@given(areas, transforms, st.lists(st.tuples(st.floats(-2, 3), st.floats(-2, 3)), min_size=1, max_size=5))
@settings(max_examples=150)
def test_fractions_survive_the_way_to_pixels_and_back(
    area: DisplayedArea, transform: SpatialTransform, points: list[tuple[float, float]]
) -> None:
    stated = np.array(points)
    returned = pixel_to_displayed(displayed_to_pixel(stated, area, transform), area, transform)
    assert returned == pytest.approx(stated, abs=2e-6)


# Positions that can be written: millionths of a pixel, in images of up to 100,000 columns, and around them.
positions = st.integers(-(10**9), 10**11).map(lambda millionths: millionths / 10**6)
edges = st.integers(-1000, 100_000).filter(lambda number: number != 0)


@pytest.mark.parametrize("transform", EVERY_TRANSFORM, ids=str)
@given(
    st.tuples(edges, edges), st.tuples(edges, edges), st.lists(st.tuples(positions, positions), min_size=1, max_size=5)
)
@settings(max_examples=40)
def test_pixels_survive_the_way_to_the_display_and_back_exactly(
    transform: SpatialTransform,
    top_left: tuple[int, int],
    bottom_right: tuple[int, int],
    points: list[tuple[float, float]],
) -> None:
    stated, area = np.array(points), DisplayedArea(top_left, bottom_right)
    returned = displayed_to_pixel(pixel_to_displayed(stated, area, transform), area, transform)
    assert returned.tolist() == stated.tolist()


def test_pixels_are_rounded_to_a_millionth() -> None:
    mapped = displayed_to_pixel(array((1 / 3, 2 / 3)), DisplayedArea((1, 1), (10, 10)), SpatialTransform())
    assert mapped.tolist() == [[3.333333, 6.666667]]


@pytest.mark.parametrize("top_left", [(0, 1), (1, 0)])
def test_a_corner_of_zero_is_no_area(top_left: tuple[int, int]) -> None:
    with pytest.raises(GeometryError):
        DisplayedArea(top_left, (10, 10))


@pytest.mark.parametrize("rotation", [-90, 45, 360])
def test_other_rotations_are_none(rotation: int) -> None:
    with pytest.raises(GeometryError):
        SpatialTransform(rotation)


def test_a_circle_in_a_square_area_stays_one() -> None:
    mapped = circle_to_pixel(array((0.5, 0.5), (0.75, 0.5)), DisplayedArea((1, 1), (40, 40)), SpatialTransform(90))
    # The point right of the center is above it in an image that was turned clockwise to be shown.
    assert mapped.tolist() == [[20, 20], [20, 10]]


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [
        # Radius 0.1 across 200 displayed columns and 100 displayed rows.
        (0, [[80, 50], [120, 50], [100, 40], [100, 60]]),
        # Turned, the long axis runs down the display and still along the stored columns.
        (90, [[80, 50], [120, 50], [100, 60], [100, 40]]),
    ],
)
def test_a_circle_in_an_oblong_area_becomes_an_ellipse_with_its_long_axis_first(
    rotation: int, expected: list[list[int]]
) -> None:
    circle = array((0.5, 0.5), (0.5 + 0.06, 0.5 + 0.08))
    mapped = circle_to_pixel(circle, DisplayedArea((1, 1), (200, 100)), SpatialTransform(rotation))
    assert mapped.tolist() == expected


def test_a_long_axis_that_becomes_the_short_one_changes_places_with_it() -> None:
    ellipse = array((0.3, 0.5), (0.7, 0.5), (0.5, 0.4), (0.5, 0.6))
    mapped = ellipse_to_pixel(ellipse, DisplayedArea((1, 1), (10, 100)), SpatialTransform())
    assert mapped.tolist() == [[5, 40], [5, 60], [3, 50], [7, 50]]


@given(
    st.floats(0, np.pi),
    st.floats(0.05, 0.3),
    st.floats(0.02, 1),
    st.integers(20, 500),
    st.integers(20, 500),
    transforms,
)
@settings(max_examples=100)
def test_a_slanted_ellipse_keeps_its_outline_and_has_axes_again(
    angle: float, semi_axis: float, share: float, columns: int, rows: int, transform: SpatialTransform
) -> None:
    major = semi_axis * np.array([np.cos(angle), np.sin(angle)])
    minor = semi_axis * share * np.array([-np.sin(angle), np.cos(angle)])
    area = DisplayedArea((1, 1), (columns, rows))
    mapped = ellipse_to_pixel(0.5 + np.array([-major, major, -minor, minor]), area, transform)
    center = mapped.mean(axis=0)
    first, second = (mapped[1] - mapped[0]) / 2, (mapped[3] - mapped[2]) / 2
    size = max(columns, rows)
    assert center == pytest.approx([columns / 2, rows / 2], abs=1e-5)
    assert abs(first @ second) <= 1.1e-6 * size * np.hypot(*first) + 1e-5
    assert np.hypot(*second) <= np.hypot(*first) + 2e-6 * size
    # Every point of the stated ellipse lies on the ellipse of these axes.
    turns, finely = (np.linspace(0, 2 * np.pi, count)[:, np.newaxis] for count in (24, 2000))
    stated = displayed_to_pixel(0.5 + np.cos(turns) * major + np.sin(turns) * minor, area, transform)
    assert distances(stated, center + np.cos(finely) * first + np.sin(finely) * second).max() < 0.01


def test_an_ellipse_drawn_in_pixels_comes_back_point_by_point() -> None:
    # Axes that are at right angles in pixels are not so in fractions of an oblong area.
    drawn = array((30, 40), (70, 70), (44, 63), (56, 47))
    fractions = (drawn / [200, 100]).astype(np.float32)
    mapped = ellipse_to_pixel(fractions, DisplayedArea((1, 1), (200, 100)), SpatialTransform())
    assert mapped == pytest.approx(drawn, abs=1e-4)


def test_a_point_for_an_ellipse_stays_where_it_is() -> None:
    ellipse = array(*[(0.5, 0.5)] * 4)
    assert ellipse_to_pixel(ellipse, DisplayedArea((1, 1), (10, 20)), SpatialTransform()).tolist() == [[5, 10]] * 4


def test_a_rectangle_is_closed_and_as_precise_as_its_corners() -> None:
    outline = rectangle(np.array([[1, 2], [4, 6]], np.float32))
    assert outline.tolist() == [[1, 2], [4, 2], [4, 6], [1, 6], [1, 2]]
    assert outline.dtype == np.float32


@pytest.mark.parametrize(
    ("opposite", "expected"),
    [
        ((9, 6), [[1, 4], [9, 4], [5, 2], [5, 6]]),
        ((5, 12), [[3, 2], [3, 12], [1, 7], [5, 7]]),
    ],
)
def test_an_ellipse_fills_its_box_with_its_long_axis_first(
    opposite: tuple[float, float], expected: list[list[float]]
) -> None:
    assert ellipse_within(array((1, 2), opposite)).tolist() == expected


@pytest.mark.parametrize(
    ("degrees", "expected"), [(90, [10, 15]), (180, [5, 20]), (-90, [10, 25]), (450, [10, 15]), (0, [15, 20])]
)
def test_rotation_is_counterclockwise_as_seen(degrees: float, expected: list[float]) -> None:
    # From right of the center a quarter turn counterclockwise leads above it, to smaller rows.
    assert rotated(array((15, 20)), array((10, 20)), degrees).tolist() == [expected]


def pyramid(points: Array, segment: int, count: int) -> Array:
    """Evaluate a segment of a centripetal Catmull-Rom curve by Barry and Goldman's pyramid; distinct points."""
    is_closed = len(points) > 2 and (points[0] == points[-1]).all()
    before = points[-2] if is_closed else 2 * points[0] - points[1]
    after = points[1] if is_closed else 2 * points[-1] - points[-2]
    p = np.vstack([before, points, after])[segment : segment + 4]
    t = np.concatenate([[0], np.cumsum(np.sqrt(np.hypot(*np.diff(p, axis=0).T)))])
    at = np.linspace(t[1], t[2], count)[:, np.newaxis]

    def between(a: Array, b: Array, start: float, end: float) -> Array:
        mixed: Array = (end - at) / (end - start) * a + (at - start) / (end - start) * b
        return mixed

    level = [between(p[i], p[i + 1], t[i], t[i + 1]) for i in range(3)]
    level = [between(level[i], level[i + 1], t[i], t[i + 2]) for i in range(2)]
    return between(level[0], level[1], t[1], t[2])


def distances(points: Array, line: Array) -> Array:
    """Return how far each point is from a polyline."""
    starts, steps = line[:-1], np.diff(line, axis=0)
    lengths = np.maximum((steps**2).sum(axis=1), 1e-300)
    offsets = points[:, np.newaxis] - starts
    along = np.clip((offsets * steps).sum(axis=2) / lengths, 0, 1)[..., np.newaxis]
    nearest: Array = np.linalg.norm(offsets - along * steps, axis=2).min(axis=1)
    return nearest


def pieces(line: Array, stated: Array) -> list[Array]:
    """Cut a polyline at the stated points, which it holds in their order."""
    places, start = [], 0
    for point in stated:
        found = start + int(np.flatnonzero((line[start:] == point).all(axis=1))[0])
        places.append(found)
        start = found + 1
    assert places[0] == 0
    assert places[-1] == len(line) - 1
    return [line[first : last + 1] for first, last in pairwise(places)]


pixels = st.integers(-800, 16000).map(lambda sixteenths: sixteenths / 16)


@given(
    st.lists(st.tuples(pixels, pixels), min_size=3, max_size=8, unique=True),
    st.booleans(),
    st.sampled_from([0.1, 0.01, 2.0]),
)
@settings(max_examples=60, deadline=None)
def test_no_chord_leaves_the_curve_by_more_than_the_tolerance(
    points: list[tuple[float, float]], is_closed: bool, tolerance: float
) -> None:
    stated = np.array([*points, points[0]] if is_closed else points)
    line = interpolate(stated, tolerance)
    for segment, piece in enumerate(pieces(line, stated)):
        curve = pyramid(stated, segment, 400)
        assert distances(curve, piece).max() <= tolerance + 1e-5
        assert distances(piece, curve).max() <= 0.01


def test_the_default_tolerance_is_a_tenth_of_a_pixel() -> None:
    stated = array((10, 10), (20, 30), (40, 30), (50, 12.5))
    assert interpolate(stated).tolist() == interpolate(stated, 0.1).tolist()
    assert len(interpolate(stated)) < len(interpolate(stated, 0.01))


def test_single_precision_points_are_stated_as_the_shortest_decimals() -> None:
    decimals = [[153.6, 0.1], [7.7, 20.3], [153.6, 40.9]]
    line = interpolate(np.array(decimals, np.float32))
    assert line.dtype == np.float64
    assert [point for point in line.tolist() if point in decimals] == decimals
    between = [number for point in line.tolist() if point not in decimals for number in point]
    assert between == [round(number, 6) for number in between]


@pytest.mark.parametrize(
    "points",
    [
        [(3, 4)],
        [(3, 4), (3, 4)],
        [(3, 4), (30, 44)],
        [(3, 4), (30, 44), (57, 84)],
    ],
)
def test_points_on_a_line_stay_as_they_are(points: list[tuple[float, float]]) -> None:
    assert interpolate(array(*points)).tolist() == [list(point) for point in points]


def test_a_point_stated_twice_in_a_row_does_not_bend_the_curve() -> None:
    once = array((0, 0), (10, 30), (40, 0))
    twice = array((0, 0), (0, 0), (10, 30), (10, 30), (40, 0), (40, 0))
    line = interpolate(twice)
    kept = line[np.concatenate([[True], (np.diff(line, axis=0) != 0).any(axis=1)])]
    assert kept.tolist() == interpolate(once).tolist()
    assert len(line) == len(kept) + 3


def test_a_closed_curve_has_no_corner_where_it_closes() -> None:
    square = array((0, 0), (100, 0), (100, 100), (0, 100), (0, 0))
    line = interpolate(square, 0.001)
    first, last = line[1] - line[0], line[-1] - line[-2]
    assert first @ last / (np.hypot(*first) * np.hypot(*last)) > 0.999
    # The same symmetry as the square that it goes around.
    assert distances(100 - line, line).max() < 0.002
    assert distances(line[:, ::-1], line).max() < 0.002


@pytest.mark.parametrize("most", [3e38, 1.7e308])
def test_absurd_coordinates_neither_overflow_nor_ask_for_endless_chords(most: float) -> None:
    line = interpolate(array((0, 0), (most, 1), (5, -most), (9, 9)))
    assert np.isfinite(line).all()
    assert len(line) <= 2**20 + 4
    assert line[-1].tolist() == [9, 9]


@pytest.mark.parametrize("tolerance", [0, -1, float("nan")])
def test_a_tolerance_that_is_not_positive_is_refused(tolerance: float) -> None:
    with pytest.raises(GeometryError):
        interpolate(array((0, 0), (1, 1)), tolerance)


def test_coordinates_that_are_not_finite_are_refused() -> None:
    with pytest.raises(GeometryError):
        interpolate(array((0, 0), (1, float("inf"))))
