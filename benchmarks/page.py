"""Shows how long a page of 10,000 selections takes to be written and to open in a browser (Debian's Chromium)."""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from converter.view.page import write_page
from converter.view.picture import Picture, Pictured, Shape
from converter.view.png import gray_png

LIMIT_SECONDS = 2.0
SIZE = 256
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
# When the list is there and the first selection is shown, in milliseconds from the start of the navigation.
SHOWN = """() => new Promise((shown) => {
    const look = () => document.querySelector("#stage svg image") && document.querySelector("#tree [role=treeitem]")
        ? requestAnimationFrame(() => shown(performance.now())) : setTimeout(look, 1);
    look();
})"""


class Pictures:
    """Five pictures for each selection, of two hundred different images."""

    def __init__(self) -> None:
        random = np.random.default_rng(1)
        self.images = [gray_png(random.integers(0, 255, (SIZE, SIZE), np.uint8)) for _ in range(200)]

    def of(self, selection: Any) -> Pictured:
        number = int(selection["id"].removeprefix("s"))
        angles = np.linspace(0, 2 * np.pi, 100)
        points = 128 + 60 * np.stack((np.cos(angles), np.sin(angles)), axis=1)
        shape = Shape("polygon", points, "ImagingSelection.instance[0].imageRegion2D[0]")
        return Pictured(
            tuple(
                Picture(
                    selection["id"], f"1.2.{number}", None, SIZE, SIZE, shapes=(shape,), png=self.png(number + each)
                )
                for each in range(5)
            )
        )

    def png(self, number: int) -> Any:
        return lambda: self.images[number % len(self.images)]

    def lookup(self, sop_instance_uid: str) -> None:
        del sop_instance_uid


def selections(count: int) -> Iterator[dict[str, Any]]:
    coordinates = [float(each) for each in range(200)]
    for number in range(count):
        region = {"regionType": "polyline", "coordinate": coordinates}
        yield {
            "resourceType": "ImagingSelection",
            "id": f"s{number}",
            "category": [{"coding": [{"code": "SR"}]}, {"text": "Imaging Measurement Report"}],
            "code": {"text": f"Image Region {number}"},
            "subject": {"identifier": {"value": f"PATIENT-{number // 100}"}},
            "issued": "2024-02-29T14:30:00+01:00",
            "performer": [{"actor": {"display": "Reader of the benchmark"}}],
            "bodySite": [{"concept": {"text": "Lung, right"}}],
            "studyUid": f"2.25.{number // 50}",
            "seriesUid": f"2.25.1.{number // 10}",
            "seriesNumber": number // 10,
            "instance": [{"uid": f"2.25.2.{number}", "imageRegion2D": [region]}],
        }


def main() -> int:
    """Write the page, open it several times and say how long that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--selections", type=int, default=10_000)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        page = write_page(Path(folder, "page.html"), selections(arguments.selections), Pictures(), {})
        seconds = time.process_time() - start
        files = list(page.folder.iterdir()) if page.folder else []
        megabytes = page.path.stat().st_size / 1e6, sum(each.stat().st_size for each in files) / 1e6
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
        print(f"{page.selections} selections written in {seconds:.1f} s of CPU time, peak {peak:.0f} MB")
        print(f"page {megabytes[0]:.1f} MB, {len(files)} files beside it {megabytes[1]:.1f} MB")
        opened = open_times(page.path, arguments.times)
    if not opened:
        print("not opened: needs Chromium (Debian package chromium) and Playwright (make oracles)")
        return 0
    best = min(opened)
    verdict = "pass" if best < LIMIT_SECONDS else "FAIL"
    print(f"opened in {best:.2f} s (best of {len(opened)}), limit {LIMIT_SECONDS} s: {verdict}")
    return 0 if verdict == "pass" else 1


def open_times(path: Path, times: int) -> list[float]:
    """Return how many seconds a browser took each time until list and first image were there."""
    program = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return []
    if program is None:
        return []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        found = []
        for _ in range(times):
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            page.goto(path.as_uri(), wait_until="commit")
            found.append(page.evaluate(SHOWN) / 1000)
            page.close()
        browser.close()
    return found


if __name__ == "__main__":
    sys.exit(main())
