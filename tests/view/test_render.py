"""Pictures as PNG: where regions are drawn, by hand and beside references that are drawn independently."""

from __future__ import annotations

import io
import itertools
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from converter.view.picture import Mask, Picture, PictureError, Shape, Sketch
from converter.view.pictures import Pictures, png
from converter.view.render import render, render_sketch
from tests.view.conftest import Resource

YELLOW = (255, 214, 0)


def picture(*shapes: Shape, columns: int = 64, rows: int = 48, gray: int = 100, **elements: Any) -> Picture:
    pixels = np.full((rows, columns), gray, np.uint8)
    return Picture("id", "1.2.3", None, columns, rows, shapes=shapes, png=partial(png, pixels), **elements)


def shape(kind: Any, *points: tuple[float, float], **elements: Any) -> Shape:
    return Shape(kind, np.array(points, np.float64), "element", **elements)


def pixels_of(image: Image.Image) -> NDArray[np.int16]:
    return np.asarray(image.convert("RGB")).astype(np.int16)


def drawn(image: Image.Image) -> NDArray[np.float64]:
    """Return the centres (x, y) of the pixels in which a region's line is, at least half of it."""
    halfway = pixels_of(image)
    is_yellow = (halfway[..., 0] > 170) & (halfway[..., 1] > 140) & (halfway[..., 2] < 60)
    rows, columns = np.nonzero(is_yellow)
    return np.asarray(np.column_stack([columns, rows]) + 0.5)


def distances(points: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each point is from the nearest of the others."""
    steps = points[:, np.newaxis] - others
    return np.asarray(np.sqrt((steps**2).sum(axis=2)).min(axis=1))


def along(*corners: tuple[float, float]) -> NDArray[np.float64]:
    """Return points close together along a line."""
    share = np.linspace(0, 1, 200)[:, np.newaxis]
    pieces = [np.array(a) + share * (np.array(b) - a) for a, b in itertools.pairwise(corners)]
    return np.concatenate(pieces)


def around(center: tuple[float, float], major: tuple[float, float], minor: tuple[float, float]) -> NDArray[np.float64]:
    """Return points close together around an ellipse by its half axes."""
    angle = np.linspace(0, 2 * np.pi, 500)[:, np.newaxis]
    points: NDArray[np.float64] = np.array(center) + np.cos(angle) * major + np.sin(angle) * minor
    return points


SQUARE = ((10.0, 8.0), (40.5, 8.0), (40.5, 30.0), (10.0, 30.0), (10.0, 8.0))
REFERENCES = [
    (shape("point", (20.5, 11.5)), np.array([[20.5, 11.5]])),
    (shape("multipoint", (20.5, 11.5), (50.0, 40.0)), np.array([[20.5, 11.5], [50.0, 40.0]])),
    (shape("polyline", (5, 5), (15.5, 29), (60, 7.25)), along((5, 5), (15.5, 29), (60, 7.25))),
    (shape("polygon", *SQUARE), along(*SQUARE)),
    (shape("polygon", *SQUARE[:-1]), along(*SQUARE)),
    (shape("circle", (30, 24), (42, 24)), around((30, 24), (12, 0), (0, 12))),
    (shape("ellipse", (10, 24), (50, 24), (30, 14), (30, 34)), around((30, 24), (20, 0), (0, 10))),
    (shape("ellipse", (16, 10), (44, 38), (25, 29), (35, 19)), around((30, 24), (14, 14), (-5, 5))),
]


@pytest.mark.parametrize("scale", [1, 3, 4])
@pytest.mark.parametrize(("region", "reference"), REFERENCES, ids=[each.type for each, _ in REFERENCES])
def test_each_type_of_region_is_drawn_where_it_is(region: Shape, reference: NDArray[np.float64], scale: int) -> None:
    found = drawn(render(picture(region), scale))
    # A dot is 2.5 pixels around its point, a line half of 2.
    reach = 2.5 if region.type in ("point", "multipoint") else 1.0
    assert distances(found, reference * scale).max() <= reach + 1
    assert distances(reference * scale, found).max() <= 1


class TestByHand:
    def test_a_vertex_is_in_its_pixel(self, pictures: Pictures, resources: list[Resource]) -> None:
        # pr-pixel-units.dcm: a point at column 12.5, row 13.25 of ct-1.dcm: pixel (12, 13), or (50, 53) of 4 by 4.
        (selection,) = (
            each
            for each in resources
            if [12.5, 13.25] in [r["coordinate"] for i in each.get("instance", ()) for r in i.get("imageRegion2D", ())]
            and [5.0, 5.0, 15.5, 9.0, 25.0, 5.0]
            in [r["coordinate"] for i in each["instance"] for r in i["imageRegion2D"]]
        )
        (found,) = (each for each in pictures.of(selection).pictures)
        one, four = pixels_of(render(found, 1)), pixels_of(render(found, 4))
        assert one.shape == (64, 64, 3)
        assert tuple(one[13, 12]) == YELLOW
        assert four.shape == (256, 256, 3)
        assert tuple(four[53, 50]) == YELLOW
        # The open line begins at (5, 5), turns at (15.5, 9) and ends at (25, 5).
        for x, y in ((5, 5), (15.5, 9), (25, 5)):
            assert distances(np.array([[4.0 * x, 4.0 * y]]), drawn(render(found, 4))).max() <= 1

    def test_a_line_between_pixels_covers_half_of_both(self) -> None:
        # y = 8 is the border of rows 7 and 8; at scale 4 that of rows 31 and 32, both of which a line of 2 fills.
        image = pixels_of(render(picture(shape("polyline", (8, 8), (40, 8))), 4))
        assert tuple(image[31, 100]) == YELLOW
        assert tuple(image[32, 100]) == YELLOW
        assert image[28, 100].tolist() == [100, 100, 100]
        assert image[36, 100].tolist() == [100, 100, 100]
        # Beside it, the dark edge.
        assert image[30, 100].tolist() == [40, 40, 40]
        assert image[33, 100].tolist() == [40, 40, 40]

    def test_a_pixel_becomes_a_square(self) -> None:
        pixels = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
        found = pixels_of(render(Picture("id", "1.2", None, 4, 3, png=partial(png, pixels)), 5))
        assert np.array_equal(found[..., 0], pixels.repeat(5, axis=0).repeat(5, axis=1))

    def test_pixels_that_are_higher_than_wide(self) -> None:
        image = render(picture(shape("point", (10.5, 10.5)), aspect=2.0), 3)
        assert image.size == (64 * 3, 48 * 6)
        assert tuple(pixels_of(image)[63, 31]) == YELLOW

    def test_pixels_that_are_wider_than_high(self) -> None:
        assert render(picture(aspect=0.5), 3).size == (64 * 6, 48 * 3)

    def test_holes_are_not_filled(self) -> None:
        inner = shape("polygon", (20, 14), (30, 14), (30, 24), (20, 24))
        image = pixels_of(render(picture(shape("polygon", *SQUARE), inner), 4))
        # 12 hundredths of yellow in 100: between the rings, not within the inner one, nor outside.
        assert image[4 * 27, 4 * 35].tolist() == pytest.approx([119, 114, 88], abs=1)
        assert image[4 * 19, 4 * 25].tolist() == [100, 100, 100]
        assert image[4 * 40, 4 * 25].tolist() == [100, 100, 100]

    def test_what_is_derived_is_dashed(self) -> None:
        line = ((4, 24), (60, 24))
        solid = drawn(render(picture(shape("polyline", *line)), 4))
        dashed = drawn(render(picture(shape("polyline", *line, is_derived=True)), 4))
        # Six of ten pixels.
        assert 0.5 < len(dashed) / len(solid) < 0.75

    def test_a_mask_tints_its_pixels_alone(self) -> None:
        mask = np.zeros((48, 64), bool)
        mask[10, 20] = True
        image = pixels_of(render(picture(masks=(Mask(1, mask, "element"),)), 4))
        changed = np.argwhere((image != 100).any(axis=2))
        assert changed.min(axis=0).tolist() == [40, 80]
        assert changed.max(axis=0).tolist() == [43, 83]

    def test_half_of_a_pixel_is_tinted_half_as_much(self) -> None:
        mask = np.zeros((48, 64))
        mask[1, 1], mask[1, 2] = 0.5, 1.0
        image = pixels_of(render(picture(masks=(Mask(1, mask, "element"),)), 1))
        half, whole = image[1, 1] - 100, image[1, 2] - 100
        assert whole.any()
        assert np.abs(half * 2 - whole).max() <= 2

    def test_an_image_that_is_missing_is_hatched_and_has_its_regions(self) -> None:
        missing = Picture("id", "1.2", None, 64, 48, shapes=(REFERENCES[2][0],), missing="It is not there.")
        image = render(missing, 4)
        assert image.size == (256, 192)
        assert distances(REFERENCES[2][1] * 4, drawn(image)).max() <= 1

    def test_an_image_that_turns_out_missing_is_hatched(self) -> None:
        def fail() -> bytes:
            raise PictureError("The image cannot be decoded.")

        found = render(Picture("id", "1.2", None, 300, 200, png=fail), 1)
        same = render(Picture("id", "1.2", None, 300, 200, missing="The image cannot be decoded."), 1)
        assert found.tobytes() == same.tobytes()

    def test_a_field_of_a_whole_slide_is_made_small(self) -> None:
        image = render(
            Picture("id", "1.2", None, 80_000, 40_000, shapes=(shape("point", (40_000, 20_000)),), missing="No."), 1
        )
        assert image.size == (1024, 512)
        assert tuple(pixels_of(image)[256, 512]) == YELLOW

    def test_a_label_stands_beside_its_region(self) -> None:
        region = shape("point", (50, 100), label="Nodule")
        without = shape("point", (50, 100))
        big = {"columns": 300, "rows": 200}
        changed = np.argwhere(
            (pixels_of(render(picture(region, **big))) != pixels_of(render(picture(without, **big)))).any(axis=2)
        )
        (top, left), (bottom, right) = changed.min(axis=0), changed.max(axis=0)
        assert 50 < left < 60
        assert 80 < top < bottom < 102
        assert right - left > 30

    def test_a_label_that_has_no_room_is_left_out(self) -> None:
        region = shape("point", (8, 8), label="A very long name of something small")
        small = {"columns": 16, "rows": 16}
        assert render(picture(region, **small)).tobytes() == render(picture(shape("point", (8, 8)), **small)).tobytes()


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["polyline", "polygon", "multipoint"]),
    points=st.lists(st.tuples(*[st.floats(-1e9, 1e9) | st.floats(-9, 70)] * 2), min_size=1, max_size=6),
    is_derived=st.booleans(),
)
def test_regions_far_out_are_drawn_as_far_as_they_are_near(
    kind: Any, points: list[tuple[float, float]], is_derived: bool
) -> None:
    found = drawn(render(picture(shape(kind, *points, is_derived=is_derived))))
    # Every pixel that is drawn lies near the exact line, or the points.
    corners = np.array([*points, points[0]] if kind == "polygon" else points, np.float64)
    nearest = np.full(len(found), np.inf)
    for start, end in (
        itertools.pairwise(corners) if kind != "multipoint" and len(points) > 1 else zip(corners, corners, strict=True)
    ):
        step = end - start
        length = float(step @ step)
        share = np.clip((found - start) @ step / length, 0, 1) if length else np.zeros(len(found))
        nearest = np.minimum(nearest, np.hypot(*(found - start - share[:, np.newaxis] * step).T))
    assert (nearest <= 4).all()


class TestSketches:
    def test_a_sketch_keeps_proportions(self) -> None:
        line = shape("polyline", (-20, 0), (20, 10), is_derived=True)
        image = render_sketch(Sketch("id", "axial", (line,), ((-20, 0), (20, 10))))
        # 464 pixels for 40 mm, 24 around.
        assert image.size == (512, 116 + 48)

    def test_rings_behind_each_other_make_no_hole(self) -> None:
        ring = shape("polygon", (0, 0), (10, 0), (10, 10), (0, 10), is_derived=True)
        image = pixels_of(render_sketch(Sketch("id", "axial", (ring, ring), ((0, 0), (10, 10)))))
        assert image[256, 256].tolist() == [255, 255, 255]

    def test_a_sketch_of_a_point_can_be_seen(self) -> None:
        image = pixels_of(render_sketch(Sketch("id", "coronal", (shape("point", (3, 4)),), ((3, 4), (3, 4)))))
        assert (image.sum(axis=2) < 400).any()


def test_a_png_holds_pixels_only(pictures: Pictures, resources: list[Resource]) -> None:
    opened = Image.open(io.BytesIO(png(np.zeros((2, 2), np.uint8))))
    assert opened.info == {}
