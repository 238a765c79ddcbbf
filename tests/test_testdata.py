"""The synthetic studies: what is committed is what the script builds, and holds what the README says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import highdicom
import pytest
from pydicom import Dataset, dcmread

# Laid out by highdicom, whose minor versions differ; all other files are stated byte by byte.
BY_HIGHDICOM = re.compile(r"(ann|seg|sr-tid1500)-")
ITS_VERSION = "0.28."

STUDY_CLASS = "1.2.840.10008.3.1.2.3.1"

# What modules a class has and what attributes a module, as PS3.3 says.
TABLES = resources.files(highdicom) / "_standard"
# Of classes that dciodvfy does not know.
UNKNOWN_TO_DCIODVFY = (
    *("pr-planar-mpr", "pr-compositing-mpr", "pr-volume-rendering", "pr-segmented-rendering", "pr-multiple-rendering"),
    *("pr-variable-modality-lut", "pr-angiography", "sr-colon-cad"),
)
# The one thing that validators rightly find: a frame and a segment in one reference.
KNOWN_ERRORS = {
    "sr-tid1500-segments.dcm": [
        "Error - Shall not be present when ReferencedFrameNumber is present - attribute <ReferencedSegmentNumber>"
    ],
    **{f"{name}.dcm": ["Error - Information Object Not found"] for name in UNKNOWN_TO_DCIODVFY},
}


@pytest.fixture(scope="module")
def rebuilt(testdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rebuilt")
    subprocess.run([sys.executable, testdata / "build.py", out], check=True)
    return out


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.glob("*/*.dcm")}


def datasets(folder: Path) -> Iterator[tuple[str, Dataset]]:
    return ((path.name, dcmread(path)) for path in sorted(folder.glob("*/*.dcm")))


def descendants(dataset: Dataset) -> Iterator[Dataset]:
    yield dataset
    for element in dataset:
        if element.VR == "SQ":
            for each in element.value:
                yield from descendants(each)


def test_a_rebuild_gives_the_same_files(testdata: Path, rebuilt: Path) -> None:
    assert names(rebuilt) == names(testdata)
    same_layout = highdicom.__version__.startswith(ITS_VERSION)
    compared = {name for name in names(rebuilt) if same_layout or not BY_HIGHDICOM.match(Path(name).name)}
    differing = {name for name in compared if (rebuilt / name).read_bytes() != (testdata / name).read_bytes()}
    assert not differing


def test_all_of_it_is_small(testdata: Path) -> None:
    assert sum(path.stat().st_size for path in testdata.rglob("*.dcm")) < 3_000_000


def test_the_readme_lists_every_file_in_its_study(testdata: Path) -> None:
    listed, study = set(), ""
    for line in (testdata / "README.md").read_text("utf-8").splitlines():
        if line.startswith("## "):
            study = line.removeprefix("## ")
        elif found := re.match(r"\| (\S+\.dcm) \|", line):
            listed.add(f"{study}/{found[1]}")
    assert listed == names(testdata)


def test_instances_are_unique_and_of_no_real_patient(testdata: Path) -> None:
    all_of_them = [dataset for _, dataset in datasets(testdata)]
    assert len({dataset.SOPInstanceUID for dataset in all_of_them}) == len(all_of_them)
    assert {str(dataset.PatientName).split("^")[0] for dataset in all_of_them} == {"Synthetic"}
    assert all(dataset.PatientID.startswith("IMGSEL-") for dataset in all_of_them)


def test_every_referenced_instance_is_there(testdata: Path) -> None:
    there = {dataset.SOPInstanceUID for _, dataset in datasets(testdata)}
    for name, dataset in datasets(testdata):
        references = (each for each in descendants(dataset) if "ReferencedSOPInstanceUID" in each)
        # Structure sets refer to a study as though it were an instance.
        named = {each.ReferencedSOPInstanceUID for each in references if each.ReferencedSOPClassUID != STUDY_CLASS}
        assert named <= there, name


def test_every_graphic_type_of_reports_occurs(testdata: Path) -> None:
    items = [each for name, dataset in datasets(testdata) if name.startswith("sr-") for each in descendants(dataset)]
    by_value_type = {
        value_type: {each.GraphicType for each in items if each.get("ValueType") == value_type}
        for value_type in ("SCOORD", "SCOORD3D")
    }
    assert by_value_type == {
        "SCOORD": {"POINT", "MULTIPOINT", "POLYLINE", "CIRCLE", "ELLIPSE"},
        "SCOORD3D": {"POINT", "MULTIPOINT", "POLYLINE", "POLYGON", "ELLIPSE", "ELLIPSOID"},
    }


@pytest.mark.parametrize(
    ("name", "top_left", "bottom_right", "first_points", "box"),
    [
        # Columns 11..50 and rows 5..34 are shown: (10, 20) lies 0/40 along the columns, 16/30 down the rows, and
        # (30, 20) 20/40 along. Turned by 90 degrees and flipped, columns run down and rows run to the right.
        ("rotated-90-flipped", [11, 5], [50, 34], [16 / 30, 0, 16 / 30, 0.5], ([6 / 30, 0.1], [12 / 30, 0.6])),
        # Turned by 270 degrees, columns run up and rows run to the right.
        ("rotated-270", [50, 5], [11, 34], [16 / 30, 1, 16 / 30, 0.5], ([6 / 30, 0.4], [12 / 30, 0.9])),
    ],
)
def test_display_units_are_fractions_of_the_area_as_displayed(
    testdata: Path,
    name: str,
    top_left: list[int],
    bottom_right: list[int],
    first_points: list[float],
    box: tuple[list[float], list[float]],
) -> None:
    state = dcmread(testdata / "ct-chest" / f"pr-display-units-{name}.dcm")
    (area,) = state.DisplayedAreaSelectionSequence
    assert area.DisplayedAreaTopLeftHandCorner == top_left
    assert area.DisplayedAreaBottomRightHandCorner == bottom_right
    shown, stored = state.GraphicAnnotationSequence
    square, text = shown.GraphicObjectSequence[0], shown.TextObjectSequence[0]
    assert stored.GraphicObjectSequence[0].GraphicData[:4] == [10, 20, 30, 20]
    assert square.GraphicData[:4] == pytest.approx(first_points, abs=1e-6)
    assert text.BoundingBoxTopLeftHandCorner == pytest.approx(box[0], abs=1e-6)
    assert text.BoundingBoxBottomRightHandCorner == pytest.approx(box[1], abs=1e-6)


def test_items_by_reference_name_the_items_they_mean(testdata: Path) -> None:
    report = dcmread(testdata / "ct-chest" / "sr-items-by-reference.dcm")
    _, library, findings = report.ContentSequence
    length, diameter, finding = findings.ContentSequence
    coordinates = length.ContentSequence[0]
    # Positions count from 1, the root first: findings are 1.3, the length 1.3.1, its coordinates 1.3.1.1.
    assert diameter.ContentSequence[0].ReferencedContentItemIdentifier == [1, 3, 1, 1]
    assert coordinates.ValueType == "SCOORD"
    assert coordinates.ContentSequence[0].ReferencedContentItemIdentifier == [1, 2, 1]
    assert finding.ContentSequence[0].ReferencedContentItemIdentifier == [1, 2, 2]
    assert [each.ValueType for each in library.ContentSequence] == ["IMAGE", "IMAGE"]


def test_the_label_map_has_a_background_and_a_gap(testdata: Path) -> None:
    label_map = dcmread(testdata / "ct-chest" / "seg-label-map.dcm")
    assert [segment.SegmentNumber for segment in label_map.SegmentSequence] == [0, 1, 4]


def validator(name: str) -> str:
    # Beside Python first: older releases, as distributions have them, know no label maps.
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is missing")
        pytest.skip(f"needs {name}")
    return found


def test_dciodvfy_finds_no_other_errors(testdata: Path) -> None:
    dciodvfy = validator("dciodvfy")
    errors = {}
    for path in sorted(testdata.glob("*/*.dcm")):
        said = subprocess.run([dciodvfy, path], capture_output=True, text=True, check=False)
        if found := [line for line in said.stderr.splitlines() if line.startswith("Error")]:
            errors[path.name] = found
    assert errors == KNOWN_ERRORS


def required(dataset: Dataset) -> Iterator[tuple[list[Dataset], str, bool]]:
    """Yield, by the standard's tables, the data sets that must have an attribute, and whether with a value."""
    classes, modules, attributes = (
        json.loads((TABLES / f"{name}_map.json").read_text("utf-8"))
        for name in ("sop_class_iod", "iod_module", "module_attribute")
    )
    for module in modules[classes[dataset.SOPClassUID]]:
        for attribute in attributes[module["key"]] if module["usage"] == "M" else ():
            parents = [dataset]
            for keyword in attribute["path"]:
                parents = [each for parent in parents for each in parent.get(keyword) or ()]
            if attribute["type"] in ("1", "2"):
                yield parents, attribute["keyword"], attribute["type"] == "1"


@pytest.mark.skipif(not TABLES.is_dir(), reason="needs the tables of a newer highdicom")
def test_presentation_states_have_what_the_standard_requires(testdata: Path) -> None:
    missing = [
        (path.name, keyword)
        for path in sorted(testdata.glob("*/pr-*.dcm"))
        for parents, keyword, with_value in required(dcmread(path))
        for parent in parents
        if keyword not in parent or (with_value and not parent[keyword].VM)
    ]
    assert missing == []


def test_dcmtk_reads_every_document(testdata: Path) -> None:
    dsrdump = validator("dsrdump")
    for path in [*testdata.glob("*/sr-*.dcm"), *testdata.glob("*/ko-*.dcm")]:
        said = subprocess.run([dsrdump, path], capture_output=True, text=True, check=False)
        assert said.returncode == 0, path.name
        assert not re.search(r"^[EF]:", said.stderr, re.MULTILINE), path.name
