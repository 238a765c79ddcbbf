"""The page in a real browser: the list, keys, links, and who uses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from converter import Settings, convert
from converter.view.page import write_page
from converter.view.pictures import Pictures
from converter.view.source_items import source_items
from tests.view.browsing import HALF_A_PIXEL, Opened, key_of, region_of, resources

Open = Callable[..., Opened]

CIRCLE = "5bd6d877-c3cc-5a1b-9016-6380ea7b559a"


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
    with convert(report, Settings(fhir=release)) as results:
        selections = [each.to_dict() for result in results for each in result.selections]
    sources = source_items(report, {each["id"]: each for each in selections})
    with Pictures(selections, None) as pictures:
        write_page(tmp_path / "page.html", selections, pictures, sources)
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


def test_a_link_that_names_no_selection_opens_the_first(testdata_page: Path, opened: Open) -> None:
    page = opened(testdata_page, "%E0%A4%A")
    assert page.page.locator("#tree [aria-selected=true]").count() == 1
    assert page.noise == []
