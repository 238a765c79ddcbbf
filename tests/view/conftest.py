"""What the tests of pictures share: the synthetic studies converted, their pictures, their page, a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from converter import Settings, convert
from converter.view.pictures import Pictures
from tests.conftest import ROOT
from tests.view.browsing import FLAGS, Opened, imgsel

Resource = dict[str, Any]
OUTPUT = Path(os.environ.get("IMGSEL_TEST_OUTPUT", ROOT / "test-output"))


def _missing(what: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing")
    pytest.skip(f"needs {what}")


@pytest.fixture(scope="session")
def resources(testdata: Path) -> list[Resource]:
    """All selections of the synthetic studies."""
    return [
        each.to_dict() for result in convert(testdata, Settings(fhir="6.0.0-ballot2")) for each in result.selections
    ]


@pytest.fixture(scope="session")
def pictures(testdata: Path, resources: list[Resource]) -> Iterator[Pictures]:
    with Pictures(resources, testdata) as opened:
        yield opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's Chromium, driven by Playwright."""
    program = shutil.which("chromium")
    if program is None:
        _missing("Chromium (Debian package chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("Playwright (make oracles)")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def opened(browser: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Opened]]:
    """Return a function that opens a page from disk; a screenshot of its end is kept under the test's name."""
    contexts = []

    def open_page(path: Path, key: str = "", **options: Any) -> Opened:
        context = browser.new_context(viewport={"width": 1440, "height": 900}, **options)
        contexts.append(context)
        return Opened(context.new_page(), path, key)

    yield open_page
    OUTPUT.mkdir(exist_ok=True)
    for number, context in enumerate(contexts, 1):
        name = "".join(each if each.isalnum() else "-" for each in request.node.name)
        context.pages[0].screenshot(path=OUTPUT / f"{name}-{number}.png")
        context.close()


@pytest.fixture(scope="session")
def testdata_page(testdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the synthetic studies. Their resources hold patients' names, which the page does not show."""
    return _page(testdata, tmp_path_factory.mktemp("testdata-page"), "--with-names")


@pytest.fixture(scope="session")
def corpus_page(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the real files."""
    return _page(corpus, tmp_path_factory.mktemp("corpus-page"))


def _page(folder: Path, out: Path, *options: str) -> Path:
    assert imgsel("convert", folder, "--output", out, "--quiet", *options).returncode < 2
    done = imgsel("view", out, "--dicom", folder, "--output", out / "page.html")
    assert (done.returncode, done.stderr) == (0, "")
    return out / "page.html"
