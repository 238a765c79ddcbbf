"""The docs say what the code does, and their examples run."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import fields
from pathlib import Path
from typing import Any

import pydicom
import pytest

from converter import ArchiveLimits, Settings
from converter.problems import DEFINITIONS
from tests.conftest import ROOT

DOCS = ROOT / "docs"
EXAMPLES = DOCS / "examples"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
PAGES = [*sorted(DOCS.glob("*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, command)], capture_output=True, check=False, text=True, env=ENVIRONMENT
    )


def imgsel(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run("-m", "converter.cli", *arguments)


def page(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_generated_parts_are_up_to_date() -> None:
    done = run(DOCS / "generate.py", "--check")
    assert (done.returncode, done.stdout) == (0, ""), "run docs/generate.py"


def test_every_problem_is_documented_with_severity_and_message() -> None:
    rows = re.findall(r"^\| `(.+?)` \| (\w+) \| (.+) \|$", page("problems.md"), re.MULTILINE)
    assert {code: (severity, message) for code, severity, message in rows} == {
        each.code: (each.severity, each.message) for each in DEFINITIONS.values()
    }
    assert len(rows) == len(DEFINITIONS)


def test_every_option_is_documented() -> None:
    stated = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", imgsel("convert", "--help").stdout)) - {"--help"}
    assert stated
    for text in (page("command.md"), (ROOT / "README.md").read_text("utf-8")):
        assert stated <= set(re.findall(r"--[a-z][a-z-]+", text))


def test_every_setting_is_documented_and_the_file_with_all_keys_holds_them_all(tmp_path: Path) -> None:
    names = {each.name for each in fields(Settings)}
    documented = set(re.findall(r"^\| `(\w+)` \|", page("settings.md"), re.MULTILINE))
    assert documented == names
    (example,) = blocks(page("settings.md"), "toml")
    path = tmp_path / "settings.toml"
    path.write_text(example, "utf-8")
    assert set(Settings.read_toml(path)) == names
    read = Settings.from_toml(path)
    # The limits in the example are the defaults that the text above it names.
    assert read.archive_limits == ArchiveLimits()
    assert read.patient_id_systems[""] == "urn:oid:1.2.276.0.76.3.1.99.1"


def test_the_settings_of_the_readme_are_settings(tmp_path: Path) -> None:
    (example,) = blocks((ROOT / "README.md").read_text("utf-8"), "toml")
    path = tmp_path / "settings.toml"
    path.write_text(example, "utf-8")
    assert Settings.from_toml(path).timezone == "Europe/Berlin"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text("utf-8")):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        linked = path.parent / file if file else path
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", each).strip().lower().replace(" ", "-") for each in headings}


@pytest.fixture(scope="module")
def written(testdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command's output for testdata/."""
    out = tmp_path_factory.mktemp("out")
    done = imgsel("convert", testdata, "--output", out, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return out


def test_roles_in_use_are_documented(written: Path, testdata: Path) -> None:
    documented = re.findall(r"^\| `(\w+)` \|", page("mapping.md"), re.MULTILINE)
    shown = imgsel("inspect", testdata, "--outlines").stdout
    used = set(
        re.findall(r"\((\w+)[,)]", "\n".join(line for line in shown.splitlines() if "→ ImagingSelection" in line))
    )
    assert used
    assert used <= set(documented)


def test_the_resource_in_the_readme_comes_out_of_testdata(written: Path) -> None:
    stated = json.loads(blocks((ROOT / "README.md").read_text("utf-8"), "json")[0])
    lines = (written / "ImagingSelection.ndjson").read_text("utf-8").splitlines()
    (resource,) = [each for each in map(json.loads, lines) if each["id"] == stated["id"]]
    assert {key: resource[key] for key in stated} == stated
    assert stated["focus"][0]["reference"].removeprefix("ImagingSelection/") in {
        json.loads(each)["id"] for each in lines
    }


def test_the_lines_of_the_report_have_the_fields_documented(written: Path) -> None:
    lines = [json.loads(line) for line in (written / "report.ndjson").read_text("utf-8").splitlines()]
    for example in (blocks(page("command.md"), "json")[0], blocks((ROOT / "README.md").read_text("utf-8"), "json")[1]):
        stated = json.loads(example)
        assert all(list(line) == list(stated) for line in lines)
        problems = [problem for line in lines for problem in line["problems"]]
        assert all(list(problem) == list(stated["problems"][0]) for problem in problems)


def test_the_folder_example_counts_what_the_command_writes(testdata: Path) -> None:
    done = run(EXAMPLES / "convert_folder.py", testdata)
    assert (done.returncode, done.stderr) == (0, "")
    *lines, total = [line.strip() for line in done.stdout.splitlines()]
    counts = {text: int(count) for count, text in (line.split(" ", 1) for line in lines)}
    expected = Counter(resource["code"]["text"] for resource in converted(testdata))
    assert counts == expected
    # One text object of one presentation state: testdata/README.md.
    assert counts["box and anchor"] == 1
    assert total.startswith(f"{sum(expected.values())} selections in ")


def converted(source: Path) -> list[dict[str, Any]]:
    done = imgsel("convert", source, "--output", "-", "--quiet")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("study", ["ct-chest", "mr-breast", "ecg-rest"])
def test_data_sets_in_memory_give_the_bytes_that_the_command_gives(testdata: Path, tmp_path: Path, study: str) -> None:
    done = run(EXAMPLES / "convert_in_memory.py", testdata / study)
    assert (done.returncode, done.stderr) == (0, "")
    assert imgsel("convert", testdata / study, "--output", tmp_path, "--quiet").returncode == 0
    assert done.stdout.encode() == (tmp_path / "ImagingSelection.ndjson").read_bytes()
    assert done.stdout


def test_a_catalog_of_ones_own_completes_a_single_report(testdata: Path, tmp_path: Path) -> None:
    report = testdata / "ct-chest" / "sr-tid1500-regions-2d.dcm"
    database = tmp_path / "pacs.db"
    fill(database, sorted((testdata / "ct-chest").glob("ct-*.dcm")))
    done = run(EXAMPLES / "own_catalog.py", report, database)
    assert (done.returncode, done.stderr) == (0, "")
    circle = next(each for each in objects(done.stdout) if each["id"] == "5bd6d877-c3cc-5a1b-9016-6380ea7b559a")
    image = pydicom.dcmread(testdata / "ct-chest" / "ct-2.dcm")
    assert circle["instance"][0]["uid"] == image.SOPInstanceUID
    assert circle["instance"][0]["number"] == image.InstanceNumber
    assert circle["seriesNumber"] == image.SeriesNumber
    assert circle["frameOfReferenceUid"] == image.FrameOfReferenceUID
    # Without it, nothing but the report itself is known.
    alone = next(each for each in converted(report) if each["id"] == circle["id"])
    assert alone.keys() <= circle.keys()
    assert "seriesNumber" not in alone
    assert "number" not in alone["instance"][0]


def fill(database: Path, images: list[Path]) -> None:
    keywords = {
        "sop_instance_uid": "SOPInstanceUID",
        "sop_class_uid": "SOPClassUID",
        "study_instance_uid": "StudyInstanceUID",
        "series_instance_uid": "SeriesInstanceUID",
        "series_number": "SeriesNumber",
        "instance_number": "InstanceNumber",
        "frame_of_reference_uid": "FrameOfReferenceUID",
        "rows": "Rows",
        "columns": "Columns",
        "number_of_frames": "NumberOfFrames",
    }
    connection = sqlite3.connect(database)
    with connection:
        columns = ", ".join(f'"{column}"' for column in keywords)
        connection.execute(f"CREATE TABLE instance ({columns})")
        for path in images:
            dataset = pydicom.dcmread(path, stop_before_pixels=True)
            row = [dataset.get(keyword) for keyword in keywords.values()]
            connection.execute(f"INSERT INTO instance VALUES ({', '.join('?' * len(row))})", row)
    connection.close()


def objects(text: str) -> list[dict[str, Any]]:
    """Return the JSON values that follow each other in a text."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(text.rstrip()):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
        at += 1
    return found
