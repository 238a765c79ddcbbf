"""The page in a real browser: positions, filtering, keys and links."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image

from converter.view.page import write_page
from converter.view.picture import Mask, Picture, Pictured, Shape
from tests.view.browsing import Opened, imgsel, resources

Open = Callable[..., Opened]

CIRCLE = "5bd6d877-c3cc-5a1b-9016-6380ea7b559a"
HALF_A_PIXEL = 0.5


def key_of(page: Path, code: str, kind: str, *types: str) -> str:
    """Return the id of the first selection with this code, of this kind of object, with regions of all these types."""
    for each in resources(page):
        found = json.dumps(each.get("instance", [])) + json.dumps(each.get("imageRegion3D", []))
        is_kind = each["category"][0]["coding"][0]["code"] == kind
        if is_kind and each["code"]["text"].startswith(code) and all(f'"{name}"' in found for name in types):
            return str(each["id"])
    raise AssertionError(f"no such selection: {code}")


def region_of(page: Path, kind: str, coordinates: Sequence[float], image: str | None = None) -> tuple[str, str]:
    """Return the id of the selection of this kind of object with such a region, and the region's FHIRPath."""
    for each in resources(page):
        if each["category"][0]["coding"][0]["code"] != kind:
            continue
        holders = [("ImagingSelection", each)]
        holders += [(f"ImagingSelection.instance[{index}]", one) for index, one in enumerate(each.get("instance", []))]
        for path, holder in holders:
            for name in ("imageRegion2D", "imageRegion3D"):
                for index, region in enumerate(holder.get(name, [])):
                    is_same = np.array_equal(np.array(region["coordinate"], "f4"), np.array(coordinates, "f4"))
                    if is_same and image in (None, holder.get("uid")):
                        return str(each["id"]), f"{path}.{name}[{index}]"
    raise AssertionError("no such region")


def zooms(opened: Opened) -> Iterator[None]:
    """Fit, then zoomed in and moved."""
    yield
    opened.page.locator("#stage").focus()
    opened.press("+", "+", "+", "ArrowRight", "ArrowDown")
    yield


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


# The list


def test_the_list_is_filtered_by_text_and_by_kind(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page)
    every = resources(testdata_page)
    assert page.value("#count") == f"{len(every)} selections"
    kinds = [each["category"][0]["coding"][0]["code"] for each in every]
    page.press("/")
    assert page.focused() == "filter"
    page.page.keyboard.type("nodule SEG")
    wanted = sum(
        kind == "SEG" and "nodule" in json.dumps(each).lower() for kind, each in zip(kinds, every, strict=True)
    )
    assert wanted > 0
    assert page.value("#count") == f"{wanted} of {len(every)} selections"
    page.press("Escape")
    assert (page.value("#filter"), page.focused()) == ("", "filter")
    page.press("Escape")
    assert page.focused() == "tree"
    for kind in set(kinds) - {"RTSTRUCT"}:
        page.page.locator(f'#kinds input[value="{kind}"]').uncheck()
    assert page.value("#count") == f"{kinds.count('RTSTRUCT')} of {len(every)} selections"
    assert any("Lung_R" in each for each in page.rows())
    # What is of no kind that is shown is not in the list.
    assert not any("Synthetic annotations" in each for each in page.rows())
    page.page.locator("#filter").fill("no such word")
    assert (page.value("#count"), page.rows()) == (f"0 of {len(every)} selections", [])
    assert page.noise == []


def test_the_list_says_code_category_site_performer_and_date(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, CIRCLE)
    facts = page.text("#facts").replace("\n", " ")
    for stated in (
        "Kind SR",
        "Category Imaging Measurement Report",
        "Body site Lung, right",
        "Performer Reader Synthetic, Synthetic workstation, Verifier Synthetic",
        "Issued 2024-02-29T14:30:00+01:00",
        "Patient IMGSEL-CT-CHEST",
        "Regions 2D circle",
    ):
        assert stated in facts, facts
    row = page.text("#tree [aria-selected=true]")
    for stated in ("Image Region", "2024-02-29", "Lung, right", "Imaging Measurement Report", "Reader Synthetic"):
        assert stated in page.page.locator("#tree [aria-selected=true]").get_attribute("title"), row


def test_keys_go_through_the_tree(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page)
    tree = page.page.locator("#tree")
    tree.focus()

    def active() -> Any:
        return page.page.locator("#" + str(tree.get_attribute("aria-activedescendant")))

    page.press("Home")
    assert active().get_attribute("aria-level") == "1"
    assert active().get_attribute("aria-expanded") == "true"
    page.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert active().get_attribute("aria-level") == "4"
    assert page.page.locator("#tree [aria-selected=true]").count() == 1
    first = page.text("#code")
    page.press("ArrowDown")
    second = page.page.url
    page.press("ArrowUp", "ArrowDown")
    assert page.page.url == second
    page.press("ArrowLeft", "ArrowLeft")
    assert (active().get_attribute("aria-level"), active().get_attribute("aria-expanded")) == ("3", "false")
    page.press("ArrowRight")
    assert active().get_attribute("aria-expanded") == "true"
    page.press("End")
    assert active().is_visible()
    assert active().get_attribute("aria-posinset") == active().get_attribute("aria-setsize")
    page.press("Home", "PageDown", "PageDown", "PageUp")
    assert active().is_visible()
    page.press("k")
    page.press("Home", "j")
    assert first
    assert page.noise == []


def test_keys_go_from_the_list_to_the_image_and_over_it(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, key_of(testdata_page, "Lung, Right", "RTSTRUCT", "polygon"))
    page.page.locator("#tree").focus()
    page.press("Enter")
    assert page.focused() == "stage"
    outlined = page.page.locator("#stage").evaluate("each => parseFloat(getComputedStyle(each).outlineWidth)")
    assert outlined >= 2
    assert page.value("#position").startswith("1 of ")
    page.press(".", "PageDown", ",")
    assert page.value("#position").startswith("2 of ")
    fitted = page.value("#zoom")
    page.press("+")
    assert float(page.value("#zoom")[:-2]) == pytest.approx(float(fitted[:-2]) * 1.25, abs=1)
    before = page.box("#stage image.pixels")
    page.press("ArrowRight")
    assert page.box("#stage image.pixels")[0] == pytest.approx(before[0] - 40, abs=HALF_A_PIXEL)
    # Frames of one size keep zoom and place.
    page.press(".")
    assert page.box("#stage image.pixels")[0] == pytest.approx(before[0] - 40, abs=HALF_A_PIXEL)
    page.press("-", "1")
    assert page.value("#zoom") == "100 %"
    page.press("Escape")
    assert page.value("#zoom") == fitted
    page.press("?")
    assert page.page.locator("#keys").evaluate("each => each.open")
    page.page.locator("#shortcuts").uncheck()
    page.press("Escape")
    assert not page.page.locator("#keys").evaluate("each => each.open")
    page.page.locator("#tree").focus()
    page.press("+")
    assert page.value("#zoom") == fitted


def test_the_wheel_zooms_about_the_pointer_and_dragging_moves(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, CIRCLE)
    left, top, right, bottom = page.box("#stage image.pixels")
    x, y = left + (right - left) / 4, top + (bottom - top) / 4
    page.page.mouse.move(x, y)
    assert page.value("#pointer") == "column 16.0, row 16.0"
    fitted = page.text("#zoom")
    page.page.mouse.wheel(0, -300)
    page.page.locator("#zoom").filter(has_not_text=fitted).wait_for()
    after = page.box("#stage image.pixels")
    assert after[0] + (after[2] - after[0]) / 4 == pytest.approx(x, abs=HALF_A_PIXEL)
    page.page.mouse.down()
    page.page.mouse.move(x + 30, y + 20, steps=3)
    page.page.mouse.up()
    moved = page.box("#stage image.pixels")
    assert (moved[0] - after[0], moved[1] - after[1]) == pytest.approx((30, 20), abs=HALF_A_PIXEL)


# Links


def test_a_click_on_a_region_shows_its_json_and_where_it_comes_from(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, region_of(testdata_page, "PR", [40, 40, 46, 40])[0])
    page.page.locator('#stage .shape[data-index="3"]').hover()
    hovered = page.page.locator("#resource .hovered")
    assert json.loads(hovered.inner_text()) == {"regionType": "circle", "coordinate": [40, 40, 46, 40]}
    page.page.locator('#stage .shape[data-index="3"]').click()
    chosen = page.page.locator("#resource .chosen")
    assert json.loads(chosen.inner_text()) == {"regionType": "circle", "coordinate": [40, 40, 46, 40]}
    top, bottom = page.box("#resource")[1::2]
    assert top <= page.box("#resource .chosen")[1] < bottom
    source = page.text("#source").split("\n")
    assert source[1::2] == [
        "ct-chest/pr-pixel-units.dcm",
        "$.GraphicAnnotationSequence[0]",
        "$.GraphicAnnotationSequence[0].GraphicObjectSequence[3].GraphicData",
    ]
    assert page.text("#regions [aria-selected=true]") == "4 circle"
    page.press("n")
    assert page.text("#regions [aria-selected=true]") == "5 ellipse"
    page.press("p", "p")
    assert page.text("#regions [aria-selected=true]") == "3 closed polyline, 5 points"
    page.press("Escape")
    assert page.page.locator(".chosen, #regions [aria-selected=true]").count() == 0
    assert page.noise == []


def test_the_json_leads_to_its_region_on_whatever_frame_it_is(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, key_of(testdata_page, "Lung, Right", "RTSTRUCT", "polygon"))
    last = page.page.locator("#resource .region").last
    element = last.get_attribute("data-element")
    last.click()
    assert page.page.locator("#stage .shape.chosen").get_attribute("data-element") == element
    assert page.text("#source").endswith("$.ROIContourSequence[0].ContourSequence[2].ContourData")
    assert not page.value("#position").startswith("1 of")


@pytest.mark.parametrize("release", ["R5", "R4"])
def test_regions_lead_to_their_json_in_other_releases(
    release: str, testdata: Path, tmp_path: Path, opened: Open
) -> None:
    report = testdata / "ct-chest" / "sr-tid1500-regions-2d.dcm"
    assert imgsel("convert", report, "-o", tmp_path, "--fhir", release, "--quiet").returncode == 0
    assert imgsel("view", tmp_path, "--dicom", testdata / "ct-chest", "-o", tmp_path / "page.html").returncode == 0
    page = opened(tmp_path / "page.html", CIRCLE)
    page.press("n")
    chosen = json.loads(page.text("#resource .chosen"))
    if release == "R4":
        assert chosen["url"] == "imageRegion2D"
        numbers = [each["valueDecimal"] for each in chosen["extension"] if each["url"] == "coordinate"]
    else:
        numbers = chosen["coordinate"]
    assert numbers == [20.5, 30.25, 24.5, 30.25]
    assert page.text("#source").endswith("ContentSequence[6].GraphicData")


def test_the_json_is_that_of_the_resource(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, CIRCLE)
    (resource,) = [each for each in resources(testdata_page) if each["id"] == CIRCLE]
    # The name alone is not shown.
    assert resource["subject"].pop("display") == "Chest Synthetic"
    assert json.loads(page.text("#resource")) == resource
    assert "--with-names" in page.text("#without-names")


def test_a_link_leads_to_a_selection(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page)
    page.page.evaluate("key => { location.hash = key; }", CIRCLE)
    page.page.locator("#facts", has_text=CIRCLE).wait_for()
    assert page.text("#tree [aria-selected=true]").startswith("SR")


# Whoever uses it


def test_every_control_has_a_name_and_every_part_is_reached_by_keys(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, CIRCLE)
    named = """each => {
        const by = each.getAttribute("aria-labelledby");
        const labels = [each.labels?.[0], document.getElementById(by)];
        return !!(each.ariaLabel || each.innerText || labels.some((label) => label?.textContent));
    }"""
    controls = page.page.locator("button, input, [tabindex], [role=listbox], [role=tree], [role=toolbar], dialog")
    for index in range(controls.count()):
        control = controls.nth(index)
        assert control.evaluate(named), control.evaluate("each => each.outerHTML.slice(0, 200)")
    reached = set()
    page.page.locator("#keys-open").focus()
    for _ in range(60):
        reached.add(page.focused())
        page.press("Tab")
    assert {"filter", "tree", "previous", "next", "zoom-in", "fit", "smooth", "stage", "regions", "resource"} <= reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_colours_that_are_preferred(scheme: str, testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, CIRCLE, color_scheme=scheme)
    red, green, blue = page.page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)"
    )
    assert (red + green + blue > 3 * 128) == (scheme == "light")


def test_print_holds_all_frames_and_the_whole_json(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, key_of(testdata_page, "Lung, Right", "RTSTRUCT", "polygon"))
    count = page.page.locator("#strip .thumbnail").count()
    page.page.emulate_media(media="print")
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.page.locator("#print figure svg .shape").count() >= count - 1
    assert page.page.locator("#print figure").count() == count
    assert not page.page.locator("#tree").is_visible()
    assert not page.page.locator("#stage").is_visible()
    assert page.page.locator("#resource").evaluate("each => each.scrollHeight <= each.clientHeight + 1")


def test_a_narrow_window_shows_all_parts_below_each_other(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, CIRCLE)
    page.page.set_viewport_size({"width": 390, "height": 800})
    tops = [page.box(each)[1] for each in (".list", "main", ".details")]
    assert tops == sorted(tops)
    assert page.page.evaluate("document.scrollingElement.scrollWidth") <= 390
