"""What the benchmarks generate is what their results are said to be about."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from benchmarks.generate import generate
from tests.conftest import ROOT


def read(folder: Path) -> dict[str, Dataset]:
    return {str(path.relative_to(folder)): dcmread(path) for path in sorted(folder.rglob("*.dcm"))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive") / "archive"
    generate(folder, 480, per_annotation=20)
    return folder


def test_an_archive_has_the_images_asked_for_and_annotation_objects_at_the_rate(tmp_path: Path) -> None:
    archive = generate(tmp_path / "archive", 150, per_annotation=50)
    files = [path.stat().st_size for path in (tmp_path / "archive").rglob("*.dcm")]
    assert (archive.images, archive.annotations) == (150, 3)
    assert (len(files), sum(files)) == (153, archive.size)


def test_no_two_objects_have_one_uid_and_no_two_copies_of_a_study_one_patient(folder: Path) -> None:
    datasets = read(folder)
    assert max(Counter(each.SOPInstanceUID for each in datasets.values()).values()) == 1
    assert all(each.SOPInstanceUID.is_valid for each in datasets.values())
    studies = {(name.split("/")[0], each.StudyInstanceUID, each.PatientID) for name, each in datasets.items()}
    assert len(studies) == len({name.split("/")[0] for name in datasets})


def test_the_images_of_a_series_are_numbered_and_lie_one_beside_the_other(folder: Path) -> None:
    series = {name: each for name, each in read(folder).items() if name.startswith("ct-colon-00000/series-01/")}
    numbers = [each.InstanceNumber for each in series.values()]
    positions = [each.ImagePositionPatient[2] for each in series.values()]
    assert numbers == [*range(1, len(series) + 1)]
    assert positions == [1.5 * number for number in numbers]


def test_annotation_objects_refer_to_images_of_the_archive(folder: Path) -> None:
    datasets = read(folder)
    uids = {each.SOPInstanceUID for each in datasets.values()}
    referenced: list[str] = []
    for each in datasets.values():
        referenced += (element.value for element in each.iterall() if element.keyword == "ReferencedSOPInstanceUID")
    known = [uid for uid in referenced if uid in uids]
    # The others are of annotation objects that the archive is too small for.
    assert len(known) > 0.9 * len(referenced) > 0


def test_the_same_arguments_give_the_same_files_and_another_seed_other_uids(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        generate(tmp_path / name, 40, per_annotation=20, seed=seed)
    one, again, other = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.dcm")}
        for name in ("one", "again", "other")
    )
    assert one == again
    assert one.keys() == other.keys()
    assert not set(one.values()) & set(other.values())


def test_memory_is_measured_and_what_was_converted_is_said() -> None:
    command = [sys.executable, "-m", "benchmarks.memory", "--images", "20", "40", "--per-annotation", "20"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    sizes = [line.split()[:2] for line in done.stdout.splitlines()[1:3]]
    assert sizes == [["20", "1"], ["40", "2"]]
    assert done.stdout.endswith("pass\n")
