"""A run after a run: only what changed is read, only whom that concerns converted; the output is that of a first."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from converter import Settings
from converter.run.monitor import Listener
from tests.builders import COMPREHENSIVE_3D_SR, IMAGE_1, image, report
from tests.run.archives import archive, converted, ct, lines, note, one_pass, put, run, summary, touch, written_files


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive(tmp_path_factory.mktemp("original") / "source")


@pytest.fixture
def source(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "source"))


@pytest.fixture
def out(source: Path, tmp_path: Path) -> Path:
    outcome = run(source, tmp_path / "out")
    assert outcome.error is None
    return tmp_path / "out"


def assert_as_one_pass(source: Path, out: Path, tmp_path: Path, settings: Settings | None = None) -> None:
    expected = tmp_path / "expected"
    shutil.rmtree(expected, ignore_errors=True)
    assert written_files(out) == written_files(one_pass(source, expected, settings))


def files(out: Path) -> dict[str, int]:
    counts: dict[str, int] = summary(out)["files"]
    return {name: counts[name] for name in ("new", "changed", "gone", "unchanged")}


def test_a_run_writes_what_one_pass_writes(source: Path, out: Path, tmp_path: Path) -> None:
    assert_as_one_pass(source, out, tmp_path)
    assert files(out) == {"new": 72, "changed": 0, "gone": 0, "unchanged": 0}
    assert converted(out) == 60


def test_nothing_changed_nothing_is_converted_and_nothing_is_written_again(source: Path, out: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    outcome = run(source, out)
    after = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file()}
    rewritten = {str(path.relative_to(out)) for path in after if after[path] != before.get(path)}
    assert rewritten == {"summary.json", ".imgsel/run"}
    assert files(out) == {"new": 0, "changed": 0, "gone": 0, "unchanged": 72}
    assert converted(out) == 0
    # The counts are still those of all that is in OUT.
    assert outcome.summary.objects["SR"] == 66
    assert outcome.summary.problems["duplicate", "note"] == 6


def new_report(source: Path) -> None:
    put(source, "reports/new", note("1.2.3.81.1000"))


def changed_report(source: Path) -> None:
    put(source, "reports/1/0001", note("1.2.3.81.1", "1.2.3.1.1.5"))


def deleted_report(source: Path) -> None:
    (source / "reports/3/0003").unlink()


def deleted_folder(source: Path) -> None:
    shutil.rmtree(source / "reports/3")


def changed_image(source: Path) -> None:
    put(source, "images/003", ct("1.2.3.1.1.3", InstanceNumber=300))


def deleted_image(source: Path) -> None:
    (source / "images/003").unlink()


def new_image(source: Path) -> None:
    put(source, "images/new", ct("1.2.3.1.1.5000"))


def greater_image(source: Path) -> None:
    """Another header of an image that is there: the greater of both is looked up."""
    put(source, "images/zz", ct("1.2.3.1.1.3", StudyInstanceUID="9.9.9"))


def equal_image(source: Path) -> None:
    (source / "images/zz").write_bytes((source / "images/003").read_bytes())


def renamed_report(source: Path) -> None:
    (source / "reports/1/0001").rename(source / "reports/1/other")


def deleted_copy(source: Path) -> None:
    (source / "reports/0/0010").unlink()


def not_dicom(source: Path) -> None:
    (source / "a.txt").write_text("nothing")


def touched_report(source: Path) -> None:
    touch(source / "reports/1/0001")


def touched_image(source: Path) -> None:
    touch(source / "images/003")


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (new_report, 1),
        (changed_report, 1),
        (deleted_report, 0),
        (deleted_folder, 0),
        # Of 60 reports, ten are about each of the 6 images.
        (changed_image, 10),
        (deleted_image, 10),
        (new_image, 0),
        (greater_image, 10),
        (equal_image, 0),
        # Its line of the report has another name.
        (renamed_report, 1),
        # "copy-10" is listed first and was converted: nothing becomes of it but the other one's line in the report.
        (deleted_copy, 0),
        (not_dicom, 0),
        (touched_report, 1),
        (touched_image, 0),
    ],
)
def test_only_whom_a_change_concerns_is_converted_again(
    change: Callable[[Path], None], again: int, source: Path, out: Path, tmp_path: Path
) -> None:
    change(source)
    assert run(source, out).error is None
    assert converted(out) == again
    assert_as_one_pass(source, out, tmp_path)
    assert run(source, out).error is None
    assert converted(out) == 0


def test_the_copy_that_stood_for_others_goes_away(source: Path, out: Path, tmp_path: Path) -> None:
    (source / "copy-10").unlink()
    run(source, out)
    assert converted(out) == 1
    assert_as_one_pass(source, out, tmp_path)


def test_of_different_objects_with_one_uid_the_next_is_converted_when_the_latest_goes(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    put(source, "image", ct())
    put(source, "old", note("1.2.3.9", ContentDate="20200101", SeriesInstanceUID="1.2.3.88"))
    latest = put(source, "late", note("1.2.3.9", ContentDate="20210101", SeriesInstanceUID="1.2.3.89"))
    # A report about the report: what the catalog says of that is what the chosen one says.
    put(source, "about", report(_selection_of("1.2.3.9"), SOPInstanceUID="1.2.3.10"))
    run(source, out)
    assert_as_one_pass(source, out, tmp_path)
    assert b'"seriesUid":"1.2.3.89"' in (out / "ImagingSelection.ndjson").read_bytes()
    latest.unlink()
    run(source, out)
    assert converted(out) == 2
    assert_as_one_pass(source, out, tmp_path)
    assert b'"seriesUid":"1.2.3.88"' in (out / "ImagingSelection.ndjson").read_bytes()


def _selection_of(uid: str) -> Dataset:
    return image(uid, value_type="COMPOSITE", sop_class=COMPREHENSIVE_3D_SR)


def test_many_changes_at_once_and_one_after_the_other(source: Path, out: Path, tmp_path: Path) -> None:
    for changes in (
        (new_report, changed_image, deleted_report),
        (deleted_image, renamed_report, not_dicom),
        (greater_image, deleted_folder),
    ):
        for change in changes:
            change(source)
        assert run(source, out).error is None
        assert_as_one_pass(source, out, tmp_path)


def test_what_selections_refer_to_follows_a_change_without_a_conversion(source: Path, tmp_path: Path) -> None:
    settings, out = Settings(context=True), tmp_path / "out"
    run(source, out, settings=settings)
    assert_as_one_pass(source, out, tmp_path, settings)
    # Most images name this description now: the study is stated otherwise, no selection is.
    for number in range(15):
        put(source, f"images/more{number}", ct(f"1.2.3.1.1.10{number}", StudyDescription="THORAX"))
    run(source, out, settings=settings)
    assert converted(out) == 0
    assert_as_one_pass(source, out, tmp_path, settings)
    assert b"THORAX" in (out / "ImagingStudy.ndjson").read_bytes()


def test_members_of_archives_follow_their_archive(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()

    def pack(*reports: str) -> None:
        with zipfile.ZipFile(source / "all.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("image", put(tmp_path, "image", ct()).read_bytes())
            for uid in reports:
                packed.writestr(uid, put(tmp_path, "report", note(uid)).read_bytes())

    pack("1.2.3.81.1", "1.2.3.81.2")
    run(source, out)
    assert converted(out) == 2
    assert_as_one_pass(source, out, tmp_path)
    assert len([*(out / ".imgsel" / "spool").rglob("*.*")]) == 0
    assert len([path for path in (out / ".imgsel" / "spool").rglob("*") if path.is_file()]) == 2
    pack("1.2.3.81.2", "1.2.3.81.3", "1.2.3.81.4")
    run(source, out)
    # What is in the archive as it was is known by its content.
    assert converted(out) == 2
    assert_as_one_pass(source, out, tmp_path)
    assert len([path for path in (out / ".imgsel" / "spool").rglob("*") if path.is_file()]) == 3


def test_results_can_be_moved(source: Path, tmp_path: Path) -> None:
    (tmp_path / "packed").mkdir()
    with zipfile.ZipFile(tmp_path / "packed" / "all.zip", "w") as packed:
        for path in source.rglob("*"):
            packed.write(path, str(path.relative_to(source)))
    out, moved = tmp_path / "out", tmp_path / "moved"
    run(tmp_path / "packed", out)
    out.rename(moved)
    run(tmp_path / "packed", moved)
    assert converted(moved) == 0
    # The copies that are kept of what is in the archive are read where they are now.
    settings = Settings(select="series")
    assert run(tmp_path / "packed", moved, settings=settings, overwrite=True).error is None
    assert_as_one_pass(tmp_path / "packed", moved, tmp_path, settings)


def test_a_file_that_could_not_be_opened_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    put(source, "image", ct())
    (source / "reports").mkdir()
    (source / "reports" / "r").symlink_to(tmp_path / "later" / "r")
    run(source, out)
    assert [line["problems"][0]["code"] for line in lines(out / "report.ndjson")] == ["link-skipped"]
    put(tmp_path / "later", "r", note("1.2.3.9"))
    run(source, out)
    assert converted(out) == 1
    assert_as_one_pass(source, out, tmp_path)


def lost_while(phase: str, path: Path) -> Listener:
    """Return what takes a file away when a phase begins, and puts it back, as it was, with the next one."""
    away = path.parent.parent.parent / "away"

    def listen(name: str, values: dict[str, Any]) -> None:
        if name == "phase" and values["name"] == phase:
            path.rename(away)
        elif name == "phase" and away.exists():
            away.rename(path)

    return listen


def test_an_object_that_could_not_be_read_is_tried_again(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(source, out, lost_while("conversion", source / "reports" / "1" / "0001"))
    failed = {line["file"] for line in lines(out / "report.ndjson") if "unreadable" in str(line["problems"])}
    assert failed == {"reports/1/0001"}
    run(source, out)
    assert converted(out) == 1
    assert_as_one_pass(source, out, tmp_path)
    run(source, out)
    assert (converted(out), summary(out)["seconds"].keys()) == (0, {"headers"})


def test_an_object_of_an_archive_is_converted_again_if_that_is_asked_for(tmp_path: Path) -> None:
    source, out, asked = tmp_path / "source", tmp_path / "out", tmp_path / "report.ndjson"
    source.mkdir()
    with zipfile.ZipFile(source / "all.zip", "w") as packed:
        for number in range(3):
            packed.writestr(str(number), put(tmp_path, "report", note(f"1.2.3.81.{number}")).read_bytes())
    run(source, out)
    asked.write_text('{"file": "all.zip/1", "problems": [{"severity": "error"}]}\n')
    for _ in range(2):
        assert run(source, out, retry=asked).error is None
        assert converted(out) == 1
        assert_as_one_pass(source, out, tmp_path)


def test_a_dicomdir_is_looked_into_again(tmp_path: Path, corpus: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    shutil.copy(corpus / "odd" / "pydicom-3.0.2-DICOMDIR", source / "DICOMDIR")
    run(source, out)
    assert_as_one_pass(source, out, tmp_path)
    run(source, out)
    assert files(out) == {"new": 0, "changed": 0, "gone": 0, "unchanged": 1}
    # One of the files that it lists appears: the DICOMDIR itself is what it was.
    (listed,) = lines(out / "report.ndjson")
    put(source, "77654033/CR1/6154", ct(IMAGE_1))
    run(source, out)
    assert files(out)["changed"] == 1
    assert_as_one_pass(source, out, tmp_path)
    assert lines(out / "report.ndjson") != [listed]


@pytest.mark.parametrize("format_name", ["bundle", "transaction", "files"])
def test_what_is_not_written_any_more_is_removed(format_name: str, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    put(source, "image", ct())
    put(source, "other", ct("1.2.3.77.1", StudyInstanceUID="1.2.3.77", SeriesInstanceUID="1.2.3.77.2"))
    put(source, "report", note("1.2.3.81.1"))
    gone = put(source, "gone", note("1.2.3.81.2", "1.2.3.77.1", StudyInstanceUID="1.2.3.77"))
    run(source, out, format_name=format_name)
    before = written_files(out)
    gone.unlink()
    run(source, out, format_name=format_name)
    assert written_files(out) == written_files(one_pass(source, tmp_path / "expected", None, format_name))
    assert len(written_files(out)) == len(before) - 1


def test_types_of_resources_that_nobody_makes_any_more_have_no_file(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    put(source, "report", note("1.2.3.81.1"))
    settings = Settings(context=True)
    run(source, out, settings=settings)
    assert (out / "Patient.ndjson").exists()
    put(source, "report", note("1.2.3.81.1", PatientID=None, StudyInstanceUID=None))
    (out / "own.txt").write_text("somebody's")
    run(source, out, settings=settings)
    assert not (out / "Patient.ndjson").exists()
    assert (out / "own.txt").read_text() == "somebody's"
    (out / "own.txt").unlink()
    assert written_files(out) == written_files(one_pass(source, tmp_path / "expected", settings))


def test_outlines_of_segmentations_in_archives_come_from_copies_with_pixels(testdata: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    with zipfile.ZipFile(source / "all.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for number, path in enumerate(sorted(testdata.rglob("*.dcm"))):
            packed.write(path, str(number))
    run(source, out)
    assert_as_one_pass(source, out, tmp_path)
    settings = Settings(outlines=True)
    assert run(source, out, settings=settings, overwrite=True).error is None
    assert_as_one_pass(source, out, tmp_path, settings)
