"""What a page is made of: one file or a folder beside it, whose names it shows, what it does not load."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converter import Settings, convert
from converter.view.index import entry, without_names
from converter.view.page import write_page
from converter.view.picture import Picture, Pictured, Shape
from converter.view.png import gray_png
from tests.conftest import ROOT
from tests.view.browsing import Opened, imgsel

COUNT = 10_000


@cache
def _gray(number: int) -> bytes:
    return gray_png(np.full((64, 64), number, np.uint8))


class Generated:
    """A source of two pictures for every selection, of 40 different images."""

    def of(self, selection: Any) -> Pictured:
        number = int(selection["id"].removeprefix("s"))
        pictures = [
            Picture(
                selection["id"],
                f"1.2.{number}",
                frame,
                64,
                64,
                shapes=(Shape("point", np.array([(3.5, 4.5)]), "ImagingSelection.instance[0].imageRegion2D[0]"),),
                png=partial(self.png, number % 20 + 20 * frame),
            )
            for frame in (0, 1)
        ]
        return Pictured(tuple(pictures))

    def png(self, number: int) -> bytes:
        return _gray(number)

    def lookup(self, sop_instance_uid: str) -> None:
        return None


def selection(number: int, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "ImagingSelection",
        "id": f"s{number}",
        "category": [{"coding": [{"code": "SR" if number % 3 else "SEG"}], "text": "Kind"}, {"text": "Category"}],
        "code": {"text": f"Finding {number}"},
        "subject": {"type": "Patient", "identifier": {"value": f"P{number // 1000}"}, "display": "Somebody Else"},
        "studyUid": f"1.2.{number // 500}",
        "seriesUid": f"1.2.3.{number // 100}",
        "seriesNumber": number // 100,
        "instance": [{"uid": f"1.2.{number}", "imageRegion2D": [{"regionType": "point", "coordinate": [3.5, 4.5]}]}],
        **more,
    }


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of ten thousand selections."""
    # A name that is no URL as it stands.
    path = tmp_path_factory.mktemp("large") / "page #1 50%.html"
    page = write_page(path, map(selection, range(COUNT)), Generated(), {}, most_bytes=2**20)
    assert (page.folder, page.selections) == (path.parent / "page #1 50%_files", COUNT)
    return path


def test_a_large_page_loads_its_list_and_what_is_shown(large: Path, opened: Callable[..., Opened]) -> None:
    page = opened(large)
    page.page.wait_for_selector("#stage svg")
    assert page.value("#count") == "10,000 selections"
    # The list, the chunk of the first selection, its two images: of each image the same file for all that share it.
    page.page.wait_for_selector("#strip svg >> nth=1")
    names = sorted(set(page.files))
    assert [each for each in names if each.endswith(".js")] == ["c0.js"]
    assert len([each for each in names if each.endswith(".png")]) <= 2
    files = [
        large,
        *(large.parent / "page #1 50%_files" / each for each in names if "." in each and "html" not in each),
    ]
    # What is read at once is parsed in some tens of milliseconds; benchmarks/page.py says in how many here.
    assert sum(each.stat().st_size for each in files) < 8 * 2**20
    assert page.page.evaluate("document.querySelectorAll('*').length") < 1_000
    assert len(page.rows()) < 60
    page.page.locator("#tree").focus()
    page.press("End")
    page.page.locator("#facts", has_text="s9999").wait_for()
    page.page.wait_for_selector("#stage svg")
    assert len(page.rows()) < 60
    assert len({each for each in page.files if each.endswith(".js")}) == 2
    page.page.locator("#filter").fill("finding 4321")
    assert page.value("#count") == "1 of 10,000 selections"
    assert page.noise == []


def test_what_is_beside_a_page_and_gone_is_said(large: Path, tmp_path: Path, opened: Callable[..., Opened]) -> None:
    alone = tmp_path / "page.html"
    alone.write_bytes(large.read_bytes())
    page = opened(alone)
    page.page.locator("#stage", has_text="keep that folder beside the page").wait_for()


def test_each_image_is_kept_once_and_a_small_page_is_one_file(tmp_path: Path) -> None:
    page = write_page(tmp_path / "page.html", map(selection, range(100)), Generated(), {})
    assert page.folder is None
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]
    assert len(re.findall(r'<script type="text/plain" id="i[0-9a-f]+">', page.path.read_text("utf-8"))) == 40


def test_files_of_an_earlier_page_go_and_those_of_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write_page(path, map(selection, range(500)), Generated(), {}, most_bytes=1)
    folder = tmp_path / "page_files"
    assert len(list(folder.glob("c*.js"))) == 5
    (folder / "notes.txt").write_text("mine", "utf-8")
    write_page(path, map(selection, range(3)), Generated(), {})
    assert [each.name for each in folder.iterdir()] == ["notes.txt"]
    (folder / "notes.txt").unlink()
    write_page(path, map(selection, range(3)), Generated(), {})
    assert not folder.exists()


def test_the_same_input_gives_the_same_page(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write_page(tmp_path / name / "page.html", map(selection, range(300)), Generated(), {}, most_bytes=1)
    one, other = (
        {
            each.relative_to(tmp_path / name): each.read_bytes()
            for each in (tmp_path / name).rglob("*.*")
            if each.is_file()
        }
        for name in ("one", "other")
    )
    assert one == other
    assert len(one) == 1 + 3 + 40


def test_names_are_shown_only_where_both_flags_allow_it(tmp_path: Path) -> None:
    quiet = write_page(tmp_path / "a.html", [selection(1)], Generated(), {}).path.read_text("utf-8")
    named = write_page(tmp_path / "b.html", [selection(1)], Generated(), {}, with_names=True).path.read_text("utf-8")
    assert "Somebody" not in quiet
    assert "Somebody Else, P0" in named


def test_whatever_shows_a_patient_s_name_in_a_resource_goes() -> None:
    resource = {
        "resourceType": "ImagingSelection",
        "subject": {"reference": "Patient/1", "display": "A", "identifier": {"value": "1"}},
        "performer": [
            {"actor": {"type": "Patient", "display": "B"}},
            {"actor": {"type": "Practitioner", "display": "C"}},
        ],
        "contained": [{"resourceType": "Patient", "id": "p", "name": [{"text": "D"}], "birthDate": "1970-01-01"}],
        "code": {"coding": [{"display": "E"}]},
    }
    left = json.dumps(without_names(resource))
    assert [each for each in "ABCDE" if f'"{each}"' in left] == ["C", "E"]
    assert "1970" not in left


def test_a_subject_that_is_not_said_to_be_a_patient_and_a_narrative_may_name_one() -> None:
    resource = {
        "text": {"status": "generated", "div": "<div>A</div>"},
        "subject": {"reference": "urn:uuid:1", "display": "B", "identifier": {"value": "C"}},
        "code": {"text": "D"},
    }
    assert without_names(resource) == {
        "text": {"status": "generated"},
        "subject": {"reference": "urn:uuid:1", "identifier": {"value": "C"}},
        "code": {"text": "D"},
    }


@pytest.mark.parametrize("release", ["R6", "R5", "6.0.0-ballot4", "R4"])
def test_the_list_is_the_same_of_all_releases(release: str, testdata: Path) -> None:
    with convert(testdata / "ct-chest" / "sr-tid1500-regions-2d.dcm", Settings(fhir=release)) as results:
        entries = [entry(each.to_dict()) for result in results for each in result.selections]
    (circle,) = [each for each in entries if each.region_types == ("2D circle",)]
    assert circle.id == "5bd6d877-c3cc-5a1b-9016-6380ea7b559a"
    assert (circle.kind, circle.code, circle.patient) == ("SR", "Image Region", "IMGSEL-CT-CHEST")
    assert circle.categories == ("SR Document", "Imaging Measurement Report")
    assert circle.body_sites == ("Lung, right",)
    assert circle.performers == ("Reader Synthetic", "Synthetic workstation", "Verifier Synthetic")
    assert circle.issued == "2024-02-29T14:30:00+01:00"


def test_a_basic_with_extensions_that_are_none_is_listed_and_shown(tmp_path: Path) -> None:
    performer = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ImagingSelection.performer"
    study = performer.replace("performer", "studyUid")
    basic = {
        "resourceType": "Basic",
        "id": "s1",
        "modifierExtension": 7,
        "extension": [3.5, {"url": performer, "extension": True}, {"url": study, "valueId": "1.2"}],
        "identifier": [{"value": 10**30}, {"value": "\ud800"}],
    }
    assert entry(basic).study_uid == "1.2"
    page = write_page(tmp_path / "page.html", [basic], Generated(), {}).path.read_text("utf-8")
    assert f"1{30 * '0'}" in page


def test_what_another_program_writes_is_listed_as_far_as_it_goes() -> None:
    odd = {"resourceType": "ImagingSelection", "id": 7, "category": {"text": "one"}, "code": [], "subject": "x"}
    listed = entry(
        odd | {"bodySite": [None, {"concept": {"coding": [{"code": "T"}]}}], "instance": [3, {}], "performer": 1}
    )
    assert (listed.id, listed.kind, listed.code, listed.categories) == ("", "other", "no code", ("one",))
    assert listed.body_sites == ("T",)


# The command


def test_wrong_usage_is_one_line_and_exit_status_2(testdata: Path, tmp_path: Path) -> None:
    report = testdata / "ct-chest" / "ko-rejection-note.dcm"
    assert imgsel("convert", report, "-o", tmp_path / "out", "--quiet").returncode == 0
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("", "utf-8")
    out = tmp_path / "out"
    for arguments, words in (
        ((tmp_path / "none",), "nothing is there"),
        ((out, "--dicom", tmp_path / "none"), "nothing is there"),
        ((tmp_path / "empty",), "no ImagingSelections"),
        ((out, "--output", tmp_path / "empty"), "name the page"),
        ((out, "--output", tmp_path / "file" / "page.html"), "cannot write"),
    ):
        done = imgsel("view", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("imgsel: ")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1


def test_without_images_a_page_shows_where_regions_are(
    testdata: Path, tmp_path: Path, opened: Callable[..., Opened]
) -> None:
    report = testdata / "ct-chest" / "sr-tid1500-regions-2d.dcm"
    assert imgsel("convert", report, "-o", tmp_path, "--quiet").returncode == 0
    done = imgsel("view", tmp_path, "-o", tmp_path / "page.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert "selections in" in done.stdout
    page = opened(tmp_path / "page.html", "5bd6d877-c3cc-5a1b-9016-6380ea7b559a")
    assert "The image is not among the DICOM objects given." in page.text("#stage")
    assert page.page.locator("#stage .shape").count() == 1
    assert "Unknown: no DICOM folder was given" in page.text("#source")
    assert page.noise == []


# Colours

STYLE = (ROOT / "converter" / "view" / "assets" / "page.css").read_text("utf-8")
TEXTS = {
    "--text": ("--page", "--panel", "--chosen", "--hover"),
    "--muted": ("--page", "--panel", "--hover"),
    "--warning": ("--panel",),
    "--json-name": ("--panel",),
    "--json-text": ("--panel",),
    "--json-number": ("--panel",),
    "--mark-text": ("--mark",),
    "--stage-text": ("--stage",),
    "--stage-muted": ("--stage",),
}
EDGES = {"--control": ("--page", "--panel"), "--accent": ("--page", "--panel", "--chosen")}


def colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"(--[a-z-]+): (#[0-9a-f]{6});", block))


def luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_edges_have_the_contrast_of_wcag_aa(scheme: str) -> None:
    light, dark = re.findall(r":root \{([^}]*--page[^}]*)\}", STYLE)[:2]
    found = colours(light) if scheme == "light" else colours(light) | colours(dark)
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    for pairs, least in ((TEXTS, 4.5), (EDGES, 3)):
        for front, backs in pairs.items():
            for back in backs:
                assert contrast(found[front], found[back]) >= least, (front, back)


def test_regions_have_contrast_with_the_dark_border_that_they_come_with() -> None:
    used = re.findall(r"\.c[1-8] \{ --colour: (#[0-9a-f]{6}); \}", STYLE)
    assert len(used) == 8
    assert all(contrast(each, "#000000") >= 7 for each in used)
