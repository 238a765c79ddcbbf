"""Text out of DICOM stays text, whatever it looks like."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from converter.view.page_data import for_script
from tests.builders import (
    CT,
    IMAGE_1,
    OTHER_SERIES,
    SERIES,
    STUDY,
    code,
    container,
    dataset,
    image,
    item,
    report,
    scoord,
)
from tests.builders import written as as_file
from tests.view.browsing import Opened, imgsel

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'
END = "</script></title><svg onload=alert(1)>"
ODD = "a\u2028b\u2029c ]]> --> ${alert(1)} {{data}} `"
HOSTILE = (SCRIPT, IMAGE, END, ODD)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a report whose texts, codes, labels, names and identifiers, and whose file's name, are HTML."""
    tmp_path = tmp_path_factory.mktemp("hostile")
    study = tmp_path / "study"
    study.mkdir()
    shown = dataset(
        SOPClassUID=CT,
        SOPInstanceUID=IMAGE_1,
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=SERIES,
        PatientID=SCRIPT,
        Modality="CT",
        StudyDescription=IMAGE,
        SeriesDescription=SCRIPT,
        Rows=80,
        Columns=100,
    )
    regions = [
        container(
            code(f"C{number}", "99" + "<b>", text),
            scoord("POINT", [number + 1.5, 2.5], image(IMAGE_1), concept=code(f"R{number}", "99X", text)),
        )
        for number, text in enumerate(HOSTILE)
    ]
    named = item("PNAME", code("121008", "DCM", "Person Observer Name"), PersonName=SCRIPT)
    named.RelationshipType = "HAS OBS CONTEXT"
    words = item("TEXT", code("121071", "DCM", "Finding"), TextValue=END)
    built = report(
        named,
        words,
        *regions,
        title=code("T", "99X", IMAGE),
        PatientID=SCRIPT,
        PatientName=IMAGE,
        IssuerOfPatientID=IMAGE,
        SpecificCharacterSet="ISO_IR 192",
    )
    state = dataset(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.11.1",
        SOPInstanceUID="1.2.3.99",
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=OTHER_SERIES,
        PatientID=SCRIPT,
        Modality="PR",
        ContentLabel="<SCRIPT>",
        ContentDescription=SCRIPT,
        ReferencedSeriesSequence=[
            dataset(
                SeriesInstanceUID=SERIES,
                ReferencedImageSequence=[dataset(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=IMAGE_1)],
            )
        ],
        GraphicAnnotationSequence=[
            dataset(
                GraphicLayer="<B>",
                TextObjectSequence=[
                    dataset(UnformattedTextValue=text, AnchorPoint=[3.0, 4.0], AnchorPointAnnotationUnits="PIXEL")
                    for text in HOSTILE
                ],
            )
        ],
        GraphicLayerSequence=[dataset(GraphicLayer="<B>", GraphicLayerOrder=1, GraphicLayerDescription=IMAGE)],
        SpecificCharacterSet="ISO_IR 192",
    )
    for name, each in (("image", shown), ("<img src=x onerror=alert(1)>", built), ("state", state)):
        (study / name).write_bytes(as_file(each))
    assert imgsel("convert", study, "-o", tmp_path / "out", "--quiet", "--with-names").returncode < 2
    done = imgsel("view", tmp_path / "out", "--dicom", study, "-o", tmp_path / "page.html", "--with-names")
    assert (done.returncode, done.stderr) == (0, "")
    return tmp_path / "page.html"


def test_nothing_in_a_hostile_report_runs(hostile: Path, opened: Callable[..., Opened]) -> None:
    page = opened(hostile)
    page.page.locator("#tree").focus()
    page.press("Home")
    codes = set()
    while True:
        before = page.page.locator("#tree").get_attribute("aria-activedescendant")
        page.press("ArrowDown", "n")
        codes.add(page.text("#code"))
        for selector in ("#stage .shape .hit", "#resource .region"):
            if page.page.locator(selector).count():
                page.page.locator(selector).first.hover(force=True)
        if page.page.locator("#tree").get_attribute("aria-activedescendant") == before:
            break
    page.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.noise == []
    assert page.files == ["page.html"]
    # It is all there, as text.
    for text in (SCRIPT, IMAGE, END):
        assert any(text in each for each in codes), codes
    assert SCRIPT in page.text("#facts")
    assert page.page.locator("script[src], #tree script, main script, main img, aside script").count() == 0


def test_text_that_looks_like_html_is_searched_and_shown(hostile: Path, opened: Callable[..., Opened]) -> None:
    page = opened(hostile)
    page.page.locator("#filter").fill("<img src=x")
    assert page.page.locator("#tree [aria-level='4']").count() > 0
    source = page.text("#source")
    assert "<img src=x onerror=alert(1)>" in source or "state" in source
    assert page.noise == []


def test_the_policy_lets_nothing_run_or_load_that_is_not_the_page_s(
    hostile: Path, opened: Callable[..., Opened]
) -> None:
    page = opened(hostile)
    failures: list[str] = []
    answers: list[str] = []
    page.page.on("requestfailed", lambda request: failures.append(request.failure))
    page.page.on("response", lambda response: answers.append(response.url))
    refused = page.page.evaluate(
        """async () => {
            const refused = [];
            document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            const image = new Image();
            image.src = "https://example.org/pixel.png";
            const style = document.createElement("style");
            style.textContent = "body { background: url(https://example.org/) }";
            document.body.append(image, style);
            document.body.setAttribute("onclick", "window.ran = true");
            document.body.click();
            fetch("https://example.org/").catch(() => {});
            await new Promise((done) => setTimeout(done, 300));
            return { refused, ran: window.ran === true };
        }"""
    )
    assert not refused["ran"]
    found = set(refused["refused"])
    assert {"script-src-elem", "script-src-attr", "img-src", "style-src-elem", "connect-src"} <= found
    # The browser tells of the image that it was asked for, and did not ask for it.
    assert failures == ["csp"]
    assert answers == []


@pytest.mark.parametrize("text", [*HOSTILE, "no Unicode: \ud800 <"], ids=ascii)
def test_json_for_scripts_reads_back_and_cannot_end_one(text: str) -> None:
    made = for_script({text: [text]})
    assert json.loads(made) == {text: [text]}
    assert not set("<>&\u2028\u2029") & set(made.decode())
