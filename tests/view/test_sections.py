"""Regions in a frame of reference on slices: geometry by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from converter.catalog import Instance
from converter.plane import Plane, pixel_to_frame_of_reference
from converter.projection import Slice, slices_of
from converter.view.picture import Shape
from converter.view.sections import Sections
from converter.view.selected import Region
from converter.view.shapes import outline
from converter.view.sketches import sketches

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def stack(count: int = 6, spacing: float = 5.0, orientation: tuple[float, ...] = AXIAL) -> list[Slice]:
    """Axial slices at 0, 5, 10, ... mm, 64 by 64 pixels of 5 mm, (0, 0) in the middle at column 32, row 32."""
    return [
        each
        for number in range(count)
        for each in slices_of(
            Instance(
                sop_instance_uid=f"1.2.{number}",
                instance_number=number + 1,
                rows=64,
                columns=64,
                image_orientation_patient=orientation,
                image_position_patient=(-157.5, -157.5, spacing * number),
                pixel_spacing=(5.0, 5.0),
                slice_thickness=5.0,
            )
        )
    ]


def region(kind: str, *points: tuple[float, float, float]) -> Region:
    return Region(kind, np.array(points, np.float64), "ImagingSelection.imageRegion3D[0]")


def sections(of: Region, slices: list[Slice] | None = None) -> dict[str, list[Shape]]:
    found: dict[str, list[Shape]] = {}
    for each, drawn in Sections(stack() if slices is None else slices).of(of, "what"):
        found.setdefault(each.instance.sop_instance_uid, []).append(drawn)
    return found


def rounded(points: NDArray[np.float64]) -> list[list[float]]:
    return [[each + 0.0 for each in point] for point in np.round(points, 6).tolist()]


class TestInPlane:
    def test_a_polygon_lies_on_its_slice(self) -> None:
        found = sections(region("polygon", (10, 10, 5), (30, 10, 5), (30, 30, 5), (10, 30, 5), (10, 10, 5)))
        ((uid, (drawn,)),) = found.items()
        # x mm are at column x / 5 + 32.
        assert uid == "1.2.1"
        assert drawn.type == "polygon"
        assert not drawn.is_derived
        assert rounded(drawn.points) == [[34, 34], [38, 34], [38, 38], [34, 38], [34, 34]]
        assert (drawn.element, drawn.label) == ("ImagingSelection.imageRegion3D[0]", "what")

    def test_a_point_lies_on_the_nearest_slice(self) -> None:
        ((uid, (drawn,)),) = sections(region("point", (2.5, -2.5, 5.5))).items()
        assert (uid, drawn.type, rounded(drawn.points)) == ("1.2.1", "point", [[32.5, 31.5]])

    def test_a_point_beyond_the_last_slice_lies_on_none(self) -> None:
        assert sections(region("point", (0, 0, 27.6))) == {}

    def test_the_points_of_a_multipoint_lie_each_on_its_own_slice(self) -> None:
        found = sections(region("multipoint", (0, 0, 0), (5, 0, 10), (10, 0, 10), (0, 0, 99)))
        assert {uid: [rounded(each.points) for each in shapes] for uid, shapes in found.items()} == {
            "1.2.0": [[[32, 32]]],
            "1.2.2": [[[33, 32], [34, 32]]],
        }

    def test_an_ellipse_keeps_its_axes(self) -> None:
        ((uid, (drawn,)),) = sections(region("ellipse", (-20, 0, 15), (20, 0, 15), (0, -10, 15), (0, 10, 15))).items()
        assert (uid, drawn.type) == ("1.2.3", "ellipse")
        assert rounded(drawn.points) == [[28, 32], [36, 32], [32, 30], [32, 34]]


class TestCut:
    def test_an_ellipsoid_is_cut_along_ellipses(self) -> None:
        found = sections(
            region("ellipsoid", (-20, 0, 10), (20, 0, 10), (0, -15, 10), (0, 15, 10), (0, 0, 2.5), (0, 0, 17.5))
        )
        assert list(found) == ["1.2.1", "1.2.2", "1.2.3"]
        # In the middle its own axes: 20 and 15 mm are 4 and 3 pixels.
        (middle,) = found["1.2.2"]
        assert middle.is_derived
        assert np.ptp(outline(middle), axis=0) == pytest.approx([8, 6])
        assert middle.points.mean(axis=0) == pytest.approx([32, 32])
        # 5 of 7.5 mm off it: sqrt(1 - 4/9) of that.
        for uid in ("1.2.1", "1.2.3"):
            (off,) = found[uid]
            assert np.ptp(outline(off), axis=0) == pytest.approx(np.array([8, 6]) * np.sqrt(5 / 9))

    def test_a_polygon_across_the_slices_is_a_chord_on_each(self) -> None:
        found = sections(region("polygon", (-50, 0, 1), (50, 0, 1), (50, 0, 24), (-50, 0, 24), (-50, 0, 1)))
        assert list(found) == ["1.2.1", "1.2.2", "1.2.3", "1.2.4"]
        for (drawn,) in found.values():
            assert (drawn.type, drawn.is_derived) == ("polyline", True)
            assert sorted(rounded(drawn.points)) == [[22, 32], [42, 32]]

    def test_a_polygon_with_a_notch_is_two_chords(self) -> None:
        # A U that is open to the head: above its ground it is cut twice.
        outer = ((-40, 0, 14), (-40, 0, 1), (40, 0, 1), (40, 0, 14))
        found = sections(region("polygon", *outer, (20, 0, 14), (20, 0, 7), (-20, 0, 7), (-20, 0, 14)))
        assert [sorted(rounded(each.points)) for each in found["1.2.1"]] == [[[24, 32], [40, 32]]]
        chords = sorted(sorted(rounded(each.points)) for each in found["1.2.2"])
        assert chords == [[[24, 32], [28, 32]], [[36, 32], [40, 32]]]

    def test_a_slanted_polygon_is_cut_where_it_passes(self) -> None:
        # In the plane z = x / 2 + 12.5: at z = 10 it is at x = -5.
        found = sections(region("polygon", (-20, -10, 2.5), (20, -10, 22.5), (20, 10, 22.5), (-20, 10, 2.5)))
        ((drawn),) = found["1.2.2"]
        assert sorted(rounded(drawn.points)) == [[31, 30], [31, 34]]

    def test_a_line_passes_through_slices_at_points(self) -> None:
        found = sections(region("polyline", (0, 0, 2), (12, 0, 14)))
        assert {uid: [(each.type, rounded(each.points)) for each in shapes] for uid, shapes in found.items()} == {
            "1.2.1": [("multipoint", [[32.6, 32]])],
            "1.2.2": [("multipoint", [[33.6, 32]])],
        }

    def test_what_lies_elsewhere_is_on_no_slice(self) -> None:
        assert sections(region("ellipsoid", *((x, 0, 99) for x in range(6)))) == {}
        assert sections(region("polyline", (0, 0, 40), (0, 0, 60))) == {}

    def test_there_may_be_no_slices(self) -> None:
        assert sections(region("point", (0, 0, 0)), []) == {}


axes = st.floats(3, 60)
angles = st.floats(0, np.pi)


@settings(max_examples=60, deadline=None)
@given(a=axes, b=axes, c=axes, first=angles, second=angles, height=st.floats(0, 25))
def test_what_an_ellipsoid_is_cut_along_lies_on_it(
    a: float, b: float, c: float, first: float, second: float, height: float
) -> None:
    turn = _turned(first, 2) @ _turned(second, 0)
    semi_axes = np.diag([a, b, c]) @ turn
    center = np.array([3.0, -4.0, height])
    ends = center + np.repeat(semi_axes, 2, axis=0) * np.array([-1, 1] * 3)[:, np.newaxis]
    slices = stack()
    for each, drawn in Sections(slices).of(Region("ellipsoid", ends, "")):
        points = pixel_to_frame_of_reference(outline(drawn), each.plane)
        inverse = np.linalg.inv(semi_axes)
        assert np.linalg.norm((points - center) @ inverse, axis=1) == pytest.approx(1, abs=1e-6)
        assert points[:, 2] == pytest.approx(each.plane.position[2], abs=1e-6)


def _turned(angle: float, axis: int) -> NDArray[np.float64]:
    turned = np.eye(3)
    one, other = (each for each in range(3) if each != axis)
    turned[one, one] = turned[other, other] = np.cos(angle)
    turned[one, other], turned[other, one] = -np.sin(angle), np.sin(angle)
    return turned


class TestSketch:
    def test_each_view_has_its_own_axes(self) -> None:
        line = region("polyline", (10, 20, 30), (11, 22, 33))
        views = {each.view: each for each in sketches("id", [line])}
        # Right and down: left of the patient and back; left and feet; back and feet.
        assert views["axial"].shapes[0].points.tolist() == [[10, 20], [11, 22]]
        assert views["coronal"].shapes[0].points.tolist() == [[10, -30], [11, -33]]
        assert views["sagittal"].shapes[0].points.tolist() == [[20, -30], [22, -33]]
        assert views["coronal"].bounds == ((10, -33), (11, -30))

    def test_an_ellipsoid_is_its_shadow(self) -> None:
        body = region("ellipsoid", (-20, 0, 10), (20, 0, 10), (0, -15, 10), (0, 15, 10), (0, 0, 2.5), (0, 0, 17.5))
        for view, extent in (("axial", [40, 30]), ("coronal", [40, 15]), ("sagittal", [30, 15])):
            (found,) = (each for each in sketches("id", [body]) if each.view == view)
            assert np.ptp(outline(found.shapes[0]), axis=0) == pytest.approx(extent)

    def test_the_shadow_of_a_slanted_ellipsoid_reaches_as_far_as_it(self) -> None:
        # Along x it reaches sqrt(sum of the squares of its semi-axes' shares of x).
        semi_axes = np.array([[3.0, 4, 0], [-8, 6, 0], [0, 0, 5]])
        ends = np.repeat(semi_axes, 2, axis=0) * np.array([-1, 1] * 3)[:, np.newaxis]
        axial = sketches("id", [Region("ellipsoid", ends, "")])[0]
        reach = np.ptp(outline(axial.shapes[0], 4000), axis=0)
        assert reach == pytest.approx([2 * np.sqrt(73), 2 * np.sqrt(52)], rel=1e-4)

    def test_without_regions_there_is_none(self) -> None:
        assert sketches("id", []) == ()


def test_an_oblique_stack_is_cut_as_an_axial_one() -> None:
    # Coronal slices: down the columns is towards the feet.
    coronal = [
        Slice(each.instance, None, Plane((-157.5, 5.0 * n, 157.5), (1.0, 0, 0, 0, 0, -1), (5.0, 5.0)), 2.5)
        for n, each in enumerate(stack())
    ]
    ((uid, (drawn,)),) = sections(region("point", (5, 10, 20)), coronal).items()
    assert (uid, rounded(drawn.points)) == ("1.2.2", [[33, 28]])
