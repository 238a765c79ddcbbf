"""Outlines through the command: the options, the files, the memory that pixel data takes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.reader.packing import make_tar


def imgsel(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "converter.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, check=False)


def written(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "ImagingSelection.ndjson").read_bytes().splitlines()]


def regions(resources: list[dict[str, Any]]) -> int:
    on_images = (each for resource in resources for each in resource.get("instance", ()))
    return sum(len(each.get("imageRegion2D", ())) for each in on_images)


@pytest.mark.parametrize("release", ["6.0.0-ballot2", "5.0.0", "6.0.0-ballot4"])
def test_outlines_come_beside_the_segments_and_are_valid(release: str, testdata: Path, tmp_path: Path) -> None:
    study = testdata / "ct-chest"
    sources = [study / "seg-with-holes.dcm", *study.glob("ct-?.dcm")]
    plain, outlined = tmp_path / "plain", tmp_path / "outlined"
    assert imgsel("convert", *sources, "-o", plain, "-q", "--fhir", release).returncode == 0
    assert imgsel("convert", *sources, "-o", outlined, "-q", "--fhir", release, "--outlines").returncode == 0
    before, after = written(plain), written(outlined)
    # Three rings and one, on images and in space.
    assert (len(before), len(after), regions(before), regions(after)) == (4, 8, 0, 4)
    assert {each["id"] for each in before} < {each["id"] for each in after}
    checked = imgsel("validate", outlined, "--fhir", release, "--dicom", study)
    assert (checked.returncode, checked.stdout) == (0, b"")


def test_other_packing_gives_the_same_bytes(testdata: Path, tmp_path: Path) -> None:
    study = testdata / "mr-breast"
    archive = tmp_path / "archive.tar.gz"
    archive.write_bytes(make_tar({each.name: each.read_bytes() for each in reversed([*study.iterdir()])}, "w:gz"))
    for source, name in ((study, "folder"), (archive, "archive")):
        assert imgsel("convert", source, "-o", tmp_path / name, "-q", "--outlines").returncode == 0
    first, second = ((tmp_path / name / "ImagingSelection.ndjson").read_bytes() for name in ("folder", "archive"))
    assert first == second


def test_options_and_keys_mean_the_same(testdata: Path, tmp_path: Path) -> None:
    file = testdata / "ct-chest" / "seg-fractional.dcm"
    settings = tmp_path / "settings.toml"
    settings.write_text("outlines = true\noutline_tolerance = 1.5\n")
    by_option = imgsel("convert", file, "-o", "-", "-q", "--outlines", "--outline-tolerance", "1.5")
    assert by_option.stdout == imgsel("convert", file, "-o", "-", "-q", "--settings", settings).stdout
    exact = imgsel("convert", file, "-o", "-", "-q", "--outlines")
    assert len(by_option.stdout) < len(exact.stdout)


def test_a_tolerance_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    done = imgsel("convert", tmp_path, "-o", "-", "--outlines", "--outline-tolerance", "-1")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"imgsel: outline_tolerance: give a number of pixels\n"


def test_inspect_shows_outlines_below_their_segment(testdata: Path) -> None:
    shown = imgsel("inspect", testdata / "ct-chest" / "seg-with-holes.dcm", "--outlines").stdout.decode()
    words = " ".join(shown.split())
    assert words.count("(outline2d, 3 regions, about 1 other)") == words.count("(outline3d, 3 regions") == 1
    assert words.index("Segment 1 →") < words.index("(outline2d, 3 regions") < words.index("Segment 2 →")
    # What it is an outline of is no source of it.
    assert words.count("1 image of") == 2
