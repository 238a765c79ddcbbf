"""The page in a real browser: where regions, masks and images are seen."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image

from converter import Settings, convert
from converter.view.page import write_page
from converter.view.picture import Mask, Picture, Pictured, Shape
from converter.view.pictures import Pictures
from tests.view.browsing import HALF_A_PIXEL, Opened, key_of, region_of, zooms

Open = Callable[..., Opened]


def check_place(opened: Opened, element: str, expected: Sequence[float], size: tuple[int, int]) -> None:
    """Compare a shape's box on the screen with where it has to be on the image's; `expected` in pixels."""
    left, top, right, bottom = opened.box("#stage image.pixels")
    across, down = (right - left) / size[0], (bottom - top) / size[1]
    assert across > 1
    wanted = (
        left + expected[0] * across,
        top + expected[1] * down,
        left + expected[2] * across,
        top + expected[3] * down,
    )
    drawn = opened.box(f'#stage .shape[data-element="{element}"] .line')
    assert drawn == pytest.approx(wanted, abs=HALF_A_PIXEL)


# Positions. Those of testdata are what its builders put in; all of its CT images are 64 by 64.

PLACES: dict[str, tuple[str, list[float], tuple[float, ...]]] = {
    "circle": ("SR", [20.5, 30.25, 24.5, 30.25], (16.5, 26.25, 24.5, 34.25)),
    "closed polyline": ("SR", [40, 20, 48, 20, 48, 26, 40, 26, 40, 20], (40, 20, 48, 26)),
    "ellipse": ("SR", [30, 40, 42, 40, 36, 37, 36, 43], (30, 37, 42, 43)),
    "point": ("SR", [10.125, 12.875], (10.125, 12.875, 10.125, 12.875)),
    "multipoint": ("SR", [16.5, 31.5, 20.5, 31.5, 32.5, 31.5], (16.5, 31.5, 32.5, 31.5)),
    "point of a presentation state": ("PR", [12.5, 13.25], (12.5, 13.25, 12.5, 13.25)),
    "open polyline of a presentation state": ("PR", [5, 5, 15.5, 9, 25, 5], (5, 5, 25, 9)),
    "circle of a presentation state": ("PR", [40, 40, 46, 40], (34, 34, 46, 46)),
    "ellipse of a presentation state": ("PR", [30, 50, 50, 50, 40, 45, 40, 55], (30, 45, 50, 55)),
    # 40 mm about the origin, which is the middle of the image, and pixels of 5 mm.
    "contour": ("RTSTRUCT", [-20, -20, 0, 20, -20, 0, 20, 20, 0, -20, 20, 0, -20, -20, 0], (28, 28, 36, 36)),
}


@pytest.mark.parametrize("name", PLACES)
def test_regions_of_testdata_are_drawn_where_they_are(name: str, testdata_page: Path, opened: Open) -> None:
    kind, coordinates, expected = PLACES[name]
    key, element = region_of(testdata_page, kind, coordinates)
    page = opened(testdata_page, key)
    for _ in zooms(page):
        check_place(page, element, expected, (64, 64))
    assert page.noise == []


CORPUS = (
    ("clearcanvas/real01.pr.dcm", "PR", "polyline"),
    ("dwv/sr-ellipse.dcm.819cf0", "SR", "ellipse"),
    ("dwv/sr-circle.dcm.af60e9", "SR", "circle"),
)


@pytest.mark.parametrize(("file", "kind", "region"), CORPUS)
def test_regions_of_real_files_are_drawn_where_they_are(
    file: str, kind: str, region: str, corpus: Path, corpus_page: Path, opened: Open
) -> None:
    facts = map(json.loads, (corpus / "facts.jsonl").read_text("utf-8").splitlines())
    (stated,) = [each["facts"] for each in facts if each["file"] == file]
    image, coordinates = next((each[1], each[4]) for each in stated if each[0] == "region2d" and each[3] == region)
    points = np.reshape(coordinates, (-1, 2))
    if region == "circle":
        radius = np.hypot(*(points[1] - points[0]))
        points = np.array([points[0] - radius, points[0] + radius])
    if region == "ellipse":
        # Of axes that are not parallel to the image's the box is no box of the end points.
        center, (major, minor) = points.mean(axis=0), (points[1::2] - points[::2]) / 2
        reach = np.hypot(major, minor)
        points = np.array([center - reach, center + reach])
    key, element = region_of(corpus_page, kind, coordinates, image)
    page = opened(corpus_page, key)
    size = size_of(corpus, image)
    for _ in zooms(page):
        check_place(page, element, (*points.min(axis=0), *points.max(axis=0)), size)
    assert page.noise == []


def size_of(corpus: Path, sop_instance_uid: str) -> tuple[int, int]:
    for path in sorted(corpus.rglob("*")):
        if path.is_file() and path.suffix != ".jsonl":
            try:
                dataset = pydicom.dcmread(path, stop_before_pixels=True)
            except pydicom.errors.InvalidDicomError:
                continue
            if dataset.get("SOPInstanceUID") == sop_instance_uid and "Rows" in dataset:
                return dataset.Columns, dataset.Rows
    raise AssertionError("no such image")


# What is seen, in a screenshot: a picture with one white pixel, the column 11 and row 5 of 20 by 12.

ELEMENT = "ImagingSelection.instance[0].imageRegion2D[0]"


class OnePicture:
    """A source of one picture for every selection."""

    def __init__(self, **stated: Any) -> None:
        self.stated = stated

    def of(self, selection: Any) -> Pictured:
        return Pictured((Picture(selection["id"], "1.2.3", None, 20, 12, **self.stated),))

    def lookup(self, sop_instance_uid: str) -> None:
        return None


def white_pixel() -> bytes:
    pixels = np.zeros((12, 20), np.uint8)
    pixels[5, 11] = 255
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def page_of(folder: Path, **stated: Any) -> Path:
    resource = {"resourceType": "ImagingSelection", "id": "one", "code": {"text": "One"}}
    return write_page(folder / "page.html", [resource], OnePicture(**stated), {}).path


def screen(opened: Opened) -> NDArray[np.int64]:
    """Return what is seen: (rows, columns, 3)."""
    return np.asarray(Image.open(io.BytesIO(opened.page.screenshot())).convert("RGB")).astype(np.int64)


def extent(where: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(where)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize("aspect", [1.0, 2.0])
def test_a_pixel_is_seen_where_a_region_around_it_is(aspect: float, tmp_path: Path, opened: Open) -> None:
    square = Shape("polygon", np.array([(11.0, 5.0), (12, 5), (12, 6), (11, 6)]), ELEMENT)
    page = opened(page_of(tmp_path, aspect=aspect, shapes=(square,), png=white_pixel))
    for _ in zooms(page):
        drawn = page.box("#stage .line")
        page.page.locator("#show-regions").uncheck()
        stage = np.round(page.box("#stage")).astype(int) + np.array((4, 4, -4, -4))
        inside = screen(page)[stage[1] : stage[3], stage[0] : stage[2]]
        seen = np.array(extent(inside.min(axis=2) > 128)) + np.tile(stage[:2], 2)
        page.page.locator("#show-regions").check()
        # What is seen ends with whole pixels of the screen.
        assert drawn == pytest.approx(seen, abs=1)
        assert (drawn[3] - drawn[1]) / (drawn[2] - drawn[0]) == pytest.approx(aspect, rel=1e-4)


def test_a_point_is_seen_at_its_place(tmp_path: Path, opened: Open) -> None:
    point = Shape("point", np.array([(7.25, 3.5)]), ELEMENT)
    page = opened(page_of(tmp_path, shapes=(point,), png=white_pixel))
    for _ in zooms(page):
        left, top, right, bottom = page.box("#stage image.pixels")
        stage = np.round(page.box("#stage")).astype(int)
        red, green, blue = np.moveaxis(screen(page)[stage[1] : stage[3], stage[0] : stage[2]], 2, 0)
        rows, columns = np.nonzero((red > 200) & (green > 150) & (blue < 110))
        seen = (columns.mean() + 0.5 + stage[0], rows.mean() + 0.5 + stage[1])
        expected = (left + 7.25 * (right - left) / 20, top + 3.5 * (bottom - top) / 12)
        assert seen == pytest.approx(expected, abs=HALF_A_PIXEL)


def test_a_mask_tints_its_pixels_and_no_others(tmp_path: Path, opened: Open) -> None:
    pixels = np.zeros((12, 20), bool)
    pixels[2:4, 3:8] = True
    # A hole.
    pixels[3, 5] = False
    mask = Mask(1, pixels, "ImagingSelection.instance[0]")
    page = opened(page_of(tmp_path, masks=(mask,), png=lambda: gray_square(120)))
    left, top, right, _ = page.box("#stage image.pixels")
    shown, size = screen(page), (right - left) / 20
    tinted = np.zeros((12, 20), bool)
    for row, column in np.ndindex(12, 20):
        red, _, blue = shown[int(top + (row + 0.5) * size), int(left + (column + 0.5) * size)]
        tinted[row, column] = red - blue > 20
    assert (tinted == pixels).all()
    assert page.text("#regions") == "1 Segment 1"


def gray_square(value: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.full((12, 20), value, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def test_inner_rings_of_a_structure_are_holes(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, key_of(testdata_page, "Avoid", "RTSTRUCT", "polygon"))
    is_filled = """([x, y]) => {
        const rings = document.querySelector("#stage .rings");
        return rings.isPointInFill(new DOMPoint(x, y));
    }"""
    # The outer ring is from 28 to 36, the inner one from 30 to 34.
    assert page.page.evaluate(is_filled, [29, 29])
    assert not page.page.evaluate(is_filled, [32, 32])
    assert page.page.locator("#stage .rings").evaluate("each => getComputedStyle(each).fillRule") == "evenodd"


@pytest.mark.parametrize("regions", ["imageRegion2D", "imageRegion3D"])
def test_inner_outlines_of_a_segment_are_holes(regions: str, testdata: Path, tmp_path: Path, opened: Open) -> None:
    settings = Settings(outlines=True)
    with convert(testdata / "ct-chest", settings) as results:
        segments = [
            resource
            for result in results
            if result.file == "seg-label-map.dcm"
            for resource in (each.to_dict() for each in result.selections)
            if resource["code"]["text"].startswith("Background") and f'"{regions}"' in json.dumps(resource)
        ]
    with Pictures(segments, testdata / "ct-chest") as pictures:
        page = opened(write_page(tmp_path / "page.html", segments, pictures, {}).path)
    is_filled = """([x, y]) => document.querySelector("#stage .rings").isPointInFill(new DOMPoint(x, y))"""
    # All of the image but for the body in the middle of it.
    assert page.page.evaluate(is_filled, [2, 2])
    assert not page.page.evaluate(is_filled, [32, 32])
    assert page.page.locator("#stage .tint").count() == 0


def test_what_is_missing_is_said_and_its_regions_are_in_their_box(tmp_path: Path, opened: Open) -> None:
    point = Shape("point", np.array([(7.25, 3.5)]), ELEMENT)
    page = opened(page_of(tmp_path, shapes=(point,), missing="The image is not among the DICOM objects given."))
    assert "not among the DICOM objects" in page.text("#stage")
    left, top, right, bottom = page.box("#stage .missing rect")
    x, y, *_ = page.box("#stage .line")
    assert (x, y) == pytest.approx(
        (left + 7.25 / 20 * (right - left), top + 3.5 / 12 * (bottom - top)), abs=HALF_A_PIXEL
    )


def test_regions_in_space_are_on_the_slices_they_cut_and_on_sketches(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, key_of(testdata_page, "Volume Surface", "SR", "ellipsoid"))
    titles = page.page.locator("#strip .thumbnail > span").all_inner_texts()
    assert titles[-3:] == ["Axial sketch", "Coronal sketch", "Sagittal sketch"]
    assert len(titles) > 3
    page.page.locator("#stage").focus()
    page.press("End")
    assert page.text("#caption") == "Sagittal sketch, millimetres"
    # Seen from the side: 30 mm from front to back and 15 mm high, its axes are parallel to those of the patient.
    left, top, right, bottom = page.box("#stage .shape .line")
    assert (right - left) / (bottom - top) == pytest.approx(30 / 15, rel=0.01)
    assert {"A", "P", "H", "F"} <= set(page.page.locator("#stage .sketch text").all_text_contents())
    assert "section or projection" in page.text("#regions")


def test_texts_are_written_beside_their_boxes_and_anchors(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, key_of(testdata_page, "box and anchor", "PR"))
    assert page.page.locator("#stage .labels text").all_text_contents() == ["1 box and anchor", "2"]
    # The anchor is in the middle of the image.
    left, top, right, bottom = page.box("#stage image.pixels")
    x, y, *_ = page.box("#stage .dots .line")
    assert (x, y) == pytest.approx(((left + right) / 2, (top + bottom) / 2), abs=HALF_A_PIXEL)


def test_the_frame_seen_first_has_a_region_and_another_says_that_it_has_none(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, key_of(testdata_page, "Carina", "FID", "point"))
    # The point is on the second of the two images that the fiducial refers to.
    assert (page.value("#position"), page.text("#regions")) == ("2 of 5", "1 Carina: point")
    page.press(",")
    assert page.text("#regions") == "None of the regions lies on this frame."
    assert page.noise == []


def test_a_long_label_is_cut_and_stays_on_the_image(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, key_of(testdata_page, "Avoid", "RTSTRUCT", "polygon"))
    stage = page.box("#stage")
    label = page.box("#stage .labels text")
    assert stage[0] <= label[0] < label[2] <= stage[2]
    words = page.page.locator("#stage .labels text").first.text_content()
    assert words.startswith("1 Avoid (AVOIDANCE)")
    assert words.endswith("…")
