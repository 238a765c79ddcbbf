"""What a person does with a page in a browser, and what the browser says of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# Chromium as root, and without anything of its own that asks the network.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HALF_A_PIXEL = 0.5


def imgsel(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "converter.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False, text=True)


class Opened:
    """A page opened from disk; `noise` holds what must not happen: dialogs, errors, requests of anything but files."""

    def __init__(self, page: Any, path: Path, key: str = "") -> None:
        self.page = page
        self.noise: list[str] = []
        self.files: list[str] = []
        page.on("dialog", self._dialog)
        page.on("console", lambda message: self.noise.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: self.noise.append(f"error: {error}"))
        page.on("request", lambda request: self._request(request.url))
        page.goto(path.as_uri() + (f"#{key}" if key else ""))
        page.wait_for_selector("#stage > *")

    def _dialog(self, dialog: Any) -> None:
        self.noise.append("dialog")
        dialog.dismiss()

    def _request(self, url: str) -> None:
        if url.startswith("file:"):
            self.files.append(url.rpartition("/")[2].partition("#")[0])
        elif not url.startswith("data:"):
            self.noise.append(f"request: {url}")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).inner_text())

    def value(self, selector: str) -> str:
        return str(self.page.locator(selector).evaluate("each => each.value"))

    def focused(self) -> str:
        return str(self.page.evaluate("document.activeElement.id"))

    def box(self, selector: str, index: int = 0) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom of an element on the screen."""
        found = self.page.locator(selector).nth(index).evaluate("each => each.getBoundingClientRect().toJSON()")
        return found["left"], found["top"], found["right"], found["bottom"]

    def rows(self) -> list[str]:
        """Return the rows of the list that are in the page."""
        return [str(each) for each in self.page.locator("#tree [role=treeitem]").all_inner_texts()]


def resources(page: Path) -> list[dict[str, Any]]:
    """Return the resources that a page was made from."""
    lines = (page.parent / "ImagingSelection.ndjson").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


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
