"""Take the picture of a page that the README shows: `python docs/screenshot.py`. Needs Chromium and Playwright.

The studies in it are the synthetic ones of testdata/.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from converter import Settings, convert
from converter.view.page import write_page
from converter.view.pictures import Pictures
from converter.view.source_items import source_items

FOLDER = Path(__file__).parent
TESTDATA = FOLDER.parent / "testdata"
WIDTH, HEIGHT = 1280, 800
COLOURS = 256
# Of a presentation state: a point, an open and a closed polyline, a circle and an ellipse.
SHOWN = "eb0ee30b-f455-57a5-ac76-54326fcd3764"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")


def main() -> int:
    """Write docs/page.png."""
    program = shutil.which("chromium")
    if program is None:
        print("Chromium is missing (Debian package chromium)", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        with convert(TESTDATA, Settings()) as results:
            selections = [each.to_dict() for result in results for each in result.selections]
        sources = source_items(TESTDATA, {each["id"]: each for each in selections})
        with Pictures(selections, TESTDATA) as pictures:
            write_page(page, selections, pictures, sources)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
            opened = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            opened.goto(f"{page.as_uri()}#{SHOWN}")
            opened.locator("#stage .shape").first.wait_for()
            # The circle.
            for _ in range(4):
                opened.keyboard.press("n")
            shot = opened.screenshot()
            browser.close()
    image = (
        Image.open(io.BytesIO(shot))
        .convert("RGB")
        .quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=4, dither=Image.Dither.NONE)
    )
    image.save(FOLDER / "page.png", optimize=True)
    print(f"{FOLDER / 'page.png'}: {(FOLDER / 'page.png').stat().st_size // 1024} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
