"""A run into a folder: who may write there, what is gone on from, what is said, and what is done again on request."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from converter import Settings, Validator
from converter.run.state import Lock, StateFolder
from tests.builders import report, scoord
from tests.conftest import ROOT
from tests.run.archives import archive, converted, ct, lines, note, one_pass, put, run, summary, written_files


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive(tmp_path_factory.mktemp("run") / "source")


def imgsel(*arguments: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "converter.cli", "convert", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, **more)


def failing(folder: Path, number: int) -> Path:
    """Put a report there whose region names no image, which is an error."""
    broken = report(scoord("POINT", [1, 2]), SOPInstanceUID=f"1.2.3.66.{number}")
    return put(folder, f"broken-{number}", broken)


# One output


@pytest.mark.parametrize(
    ("settings", "format_name"),
    [
        (Settings(context=True, observations=True, with_names=True), "ndjson"),
        (Settings(context=True, observations=True, endpoint="https://pacs.example/rs"), "bundle"),
        (Settings(project=True, select="series", context=True), "ndjson"),
        (Settings(regions="2d", fhir="R4"), "ndjson"),
        (Settings(observations=True), "transaction"),
    ],
)
def test_a_run_over_every_kind_of_object_writes_what_one_pass_writes(
    settings: Settings, format_name: str, testdata: Path, tmp_path: Path
) -> None:
    assert run(testdata, tmp_path / "out", settings=settings, format_name=format_name).error is None
    expected = one_pass(testdata, tmp_path / "expected", settings, format_name)
    assert written_files(tmp_path / "out") == written_files(expected)


def test_several_processes_write_what_one_does(source: Path, tmp_path: Path) -> None:
    outcome = run(source, tmp_path / "out", jobs=2)
    assert outcome.error is None
    assert summary(tmp_path / "out")["workers"] == {"jobs": 2, "lost": 0}
    assert written_files(tmp_path / "out") == written_files(one_pass(source, tmp_path / "expected"))


def test_a_pipe_that_only_the_command_has_is_read_by_it(source: Path, tmp_path: Path) -> None:
    report = source / "reports" / "1" / "0001"
    options = f"-o {tmp_path / 'out'} -q -j 2"
    script = f"{sys.executable} -m converter.cli convert <(cat {report}) {source / 'images'} {options}"
    subprocess.run(["bash", "-c", script], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    (resource,) = lines(tmp_path / "out" / "ImagingSelection.ndjson")
    assert resource["seriesNumber"] == 3


def test_settings_survive_the_way_to_another_process() -> None:
    settings = Settings(patient_id_systems={"WARD": "urn:oid:1.2"}, fhir="R5")
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert pickle.loads(pickle.dumps(settings)).patient_id_systems["WARD"] == "urn:oid:1.2"


def test_what_a_run_keeps_is_not_taken_for_resources(source: Path, tmp_path: Path) -> None:
    run(source, tmp_path / "out")
    found = list(Validator(tmp_path / "out"))
    assert len(found) == 60
    assert not [each for each in found if each.problems]


# Who may write


def test_headers_are_kept_while_others_are_still_read(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    for number in range(400):
        put(source, f"{number:03}", ct(f"1.2.3.1.1.{number}"))
    command = [sys.executable, "-m", "converter.cli", "convert", str(source), "-", "-o", str(out)]
    with subprocess.Popen([*command, "--log-json"], stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while b'"discovered"' not in process.stderr.readline():
            assert process.poll() is None
        # It waits for its standard input, which comes last; the first 256 files are the first task.
        process.kill()
    subprocess.run([*command, "-q"], input=b"", check=False)
    assert summary(out)["files"]["unchanged"] == 256
    assert summary(out)["files"]["new"] == 400 - 256 + 1
    assert summary(out)["counts"]["files"] == 401


def test_a_second_run_into_the_same_folder_is_one_line_and_status_2(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Lock(StateFolder(out)):
        done = imgsel(source, "-o", out)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "another run is writing to" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert imgsel(source, "-o", out, "-q").returncode == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--endpoint", "https://pacs.example/rs"], "endpoint"),
        (["--with", "context"], "context"),
        (["--fhir", "R5"], "fhir"),
        (["--format", "bundle"], "format"),
    ],
)
def test_another_command_is_told_what_differs(options: list[str], named: str, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(source, out)
    before = written_files(out)
    done = imgsel(source, "-o", out, *options)
    assert done.returncode == 2
    assert f"({named})" in done.stderr
    assert "--overwrite" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert written_files(out) == before
    assert imgsel(source, "-o", out, "-q", *options, "--overwrite").returncode == 0
    # The headers are those that were read before.
    assert summary(out)["files"]["unchanged"] == 72
    assert converted(out) == (60 if named != "format" else 0)
    assert written_files(out) != before


def test_other_sources_are_another_command(source: Path, tmp_path: Path) -> None:
    put(tmp_path, "other/report", note("1.2.3.81.5000"))
    run(source, tmp_path / "out")
    outcome = run([source, tmp_path / "other"], tmp_path / "out")
    assert outcome.error is not None
    assert "(sources)" in outcome.error
    run([source, tmp_path / "other"], tmp_path / "out", overwrite=True)
    expected = one_pass([source, tmp_path / "other"], tmp_path / "expected")
    assert written_files(tmp_path / "out") == written_files(expected)


def test_a_short_and_a_full_name_of_a_release_are_the_same_command(source: Path, tmp_path: Path) -> None:
    run(source, tmp_path / "out", settings=Settings(fhir="R6"))
    assert run(source, tmp_path / "out", settings=Settings(fhir="6.0.0-ballot2")).error is None
    assert converted(tmp_path / "out") == 0


def test_a_folder_with_results_and_no_state_is_written_to(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    put(source, "report", note("1.2.3.9"))
    out.mkdir()
    (out / "ImagingSelection.ndjson").write_text("before\n")
    (out / "own.txt").write_text("somebody's")
    assert run(source, out).error is None
    assert "before" not in (out / "ImagingSelection.ndjson").read_text()
    assert (out / "own.txt").read_text() == "somebody's"


def test_an_output_that_lies_in_the_source_is_not_read(tmp_path: Path) -> None:
    put(tmp_path, "report", note("1.2.3.9"))
    out = tmp_path / "deep" / "out"
    for _ in range(2):
        assert run(tmp_path, out).error is None
        assert [line["file"] for line in lines(out / "report.ndjson")] == ["report"]
    assert converted(out) == 0


def test_an_output_that_is_the_source_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "report", note("1.2.3.9"))
    done = imgsel(".", "-o", tmp_path, cwd=tmp_path)
    assert done.returncode == 2
    assert "is a SOURCE" in done.stderr


def test_a_link_to_the_source_is_the_source(source: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(source)
    for command in ((source, "-o", link), (link, "-o", source)):
        done = imgsel(*command)
        assert done.returncode == 2
        assert "is a SOURCE" in done.stderr
    assert not (source / ".imgsel").exists()


def test_a_damaged_manifest_is_told_and_can_be_overwritten(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(source, out)
    before = written_files(out)
    (out / ".imgsel" / "manifest.json").write_text("{")
    outcome = run(source, out)
    assert outcome.error is not None
    assert "--overwrite" in outcome.error
    assert run(source, out, overwrite=True).error is None
    assert written_files(out) == before


def test_a_catalog_that_is_damaged_or_gone_is_no_ground_for_old_results(source: Path, tmp_path: Path) -> None:
    archived, out = tmp_path / "source", tmp_path / "out"
    shutil.copytree(source, archived)
    run(archived, out)
    put(archived, "images/003", ct("1.2.3.1.1.3", InstanceNumber=300))
    catalog = out / ".imgsel" / "catalog.sqlite"
    catalog.write_bytes(b"no database" * 1000)
    outcome = run(archived, out)
    assert outcome.error is not None
    assert "to start anew" in outcome.error
    catalog.unlink()
    assert run(archived, out).error is None
    assert converted(out) == 60
    assert written_files(out) == written_files(one_pass(archived, tmp_path / "expected"))


# Going on


def test_results_that_were_removed_are_joined_again_without_a_conversion(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(source, out)
    before = written_files(out)
    (out / "ImagingSelection.ndjson").unlink()
    run(source, out)
    assert converted(out) == 0
    assert written_files(out) == before


@pytest.mark.parametrize("damage", ["cut", "changed", "emptied"])
def test_a_damaged_shard_is_converted_again(damage: str, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(source, out)
    before = written_files(out)
    shard = min((out / ".imgsel" / "shards").iterdir())
    data = shard.read_bytes()
    at = data.index(b"ImagingSelection")
    shard.write_bytes({"cut": data[:-100], "changed": data[:at] + b"X" + data[at + 1 :], "emptied": b""}[damage])
    (out / "report.ndjson").unlink()
    outcome = run(source, out)
    assert outcome.error is None
    assert 0 < converted(out) < 60
    assert written_files(out) == before


def test_the_manifest_lists_the_shards_with_counts_and_checksums(source: Path, tmp_path: Path) -> None:
    import hashlib

    out = tmp_path / "out"
    run(source, out)
    manifest = json.loads((out / ".imgsel" / "manifest.json").read_bytes())
    assert manifest["is_complete"]
    assert sum(count for _, count, _, _ in manifest["shards"]) == 60
    for name, _, size, digest in manifest["shards"]:
        data = (out / ".imgsel" / "shards" / name).read_bytes()
        assert len(data) == size
        # All but the last line, which holds it.
        assert hashlib.sha256(data[: data.rindex(b"\n", 0, -1) + 1]).hexdigest() == digest
    assert {path.name for path in (out / ".imgsel" / "shards").iterdir()} == {each[0] for each in manifest["shards"]}


# Watching


def test_events_are_lines_of_json_without_anything_of_a_patient(source: Path, tmp_path: Path) -> None:
    done = imgsel(source, "-o", tmp_path / "out", "-q", "--log-json", "-j", "2")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    names = [each["event"] for each in events]
    assert {"time", "event"} <= set(events[0])
    assert [each["name"] for each in events if each["event"] == "phase"] == [
        "headers", "settling", "conversion", "join",
    ]  # fmt: skip
    assert next(each for each in events if each["event"] == "discovered")["new"] == 72
    assert sum(each["converted"] for each in events if each["event"] == "shard") == 60
    assert names[-1] == "finished"
    assert "P1" not in done.stderr


def test_the_summary_holds_counts_times_and_memory(source: Path, tmp_path: Path) -> None:
    run(source, tmp_path / "out")
    account = summary(tmp_path / "out")
    assert account["counts"]["objects"] == {"SR": 66}
    assert account["counts"]["selections"] == {"SR": 60}
    assert account["counts"]["others"] == {"CT Image Storage": 6}
    assert set(account["seconds"]) == {"headers", "settling", "conversion", "join"}
    assert account["started"] <= account["finished"]
    assert account["shards"]["converted"] == account["shards"]["total"] > 1


def test_many_failures_of_one_kind_are_one_row_with_a_few_examples(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    for number in range(100):
        failing(source, number)
    done = imgsel(source, "-o", out, "--verbose")
    assert done.returncode == 1
    # 20 lines of each of two kinds, and one that says how many more there are.
    assert len(done.stderr.splitlines()) == 42
    assert "error: region-without-image: 80 more, see report.ndjson" in done.stderr
    assert done.stdout.count("broken-") == 5
    (failure,) = summary(out)["failures"]
    assert (failure["code"], failure["count"]) == ("region-without-image", 100)
    assert len(failure["examples"]) == 5
    assert len(lines(out / "report.ndjson")) == 100


def test_a_name_does_not_break_lines_nor_colour_them(tmp_path: Path) -> None:
    source = tmp_path / "source"
    failing(source, 1).rename(source / "one\ntwo\x1b[31m")
    done = imgsel(source, "-o", tmp_path / "out", "--verbose")
    assert done.returncode == 1
    assert all(": one\\ntwo\\x1b[31m: " in line for line in done.stderr.splitlines())
    assert "one\\ntwo\\x1b[31m" in done.stdout
    done = imgsel(source, "-o", "-", "--verbose", "--quiet")
    assert all(": one\\ntwo\\x1b[31m: " in line for line in done.stderr.splitlines())
    (line,) = lines(tmp_path / "out" / "report.ndjson")
    assert line["file"] == "one\ntwo\x1b[31m"


@pytest.mark.parametrize(
    ("redirected", "said"),
    [
        (">&-", 0),
        (">/dev/full", 1),
        ("2>&- >&-", 0),
        ("--jobs 2 0<&- 2>&- >&-", 0),
        ("--log-json --verbose 2>/dev/full", 0),
        ("--log-json 2>&-", 0),
    ],
)
def test_a_run_does_not_need_anybody_to_read_what_it_says(redirected: str, said: int, tmp_path: Path) -> None:
    put(tmp_path / "source", "report", note("1.2.3.81.1"))
    command = f'"{sys.executable}" -m converter.cli convert source -o out {redirected}'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, shell=True, cwd=tmp_path, stderr=subprocess.PIPE, check=False, env=environment)
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == said
    assert len(lines(tmp_path / "out" / "report.ndjson")) == 1


# Doing again


def test_what_failed_is_done_again_alone(tmp_path: Path) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    put(source, "image", ct())
    put(source, "good", note("1.2.3.81.1"))
    failing(source, 1)
    failing(source, 2)
    run(source, out)
    put(source, "new", note("1.2.3.81.2"))
    # Mended within the same second and to the same size: nothing shows it.
    broken = source / "broken-1"
    status = broken.stat()
    mended = note("1.2.3.66.1")
    put(source, "broken-1", mended)
    os.utime(broken, ns=(status.st_atime_ns, status.st_mtime_ns))
    done = imgsel(source, "-o", out, "-q", "--retry", out / "report.ndjson")
    assert done.returncode == 1
    assert summary(out)["files"] == {"found": 4, "new": 0, "changed": 2, "gone": 0, "unchanged": 2, "read": 2}
    report_lines = {line["file"]: line for line in lines(out / "report.ndjson")}
    assert set(report_lines) == {"good", "broken-1", "broken-2"}
    assert not [each for each in report_lines["broken-1"]["problems"] if each["severity"] == "error"]
    run(source, out)
    assert {line["file"] for line in lines(out / "report.ndjson")} == {"good", "new", "broken-1", "broken-2"}
    assert written_files(out) == written_files(one_pass(source, tmp_path / "expected"))


def test_nothing_can_be_done_again_that_was_not_done(source: Path, tmp_path: Path) -> None:
    (tmp_path / "report.ndjson").write_text('{"file": "a", "problems": []}\n')
    done = imgsel(source, "-o", tmp_path / "out", "--retry", tmp_path / "report.ndjson")
    assert done.returncode == 2
    assert "--retry" in done.stderr


@pytest.mark.parametrize(
    "content",
    ["text\n", '{"file": 3, "problems": []}\n', '{"file": 3, "problems": [{"severity": "error"}]}\n', "[1]\n"],
)
def test_what_is_no_report_is_told(content: str, source: Path, tmp_path: Path) -> None:
    (tmp_path / "no-report").write_text(content)
    outcome = run(source, tmp_path / "out", retry=tmp_path / "no-report")
    assert outcome.error is not None
    assert "is no report.ndjson" in outcome.error


# A full disk


def limited(most: int, source: Path, out: Path, *options: str) -> None:
    """Run where no file can be greater than so many bytes, and check that the end is told."""
    script = (
        "import resource, sys, runpy; resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2);"
        "runpy.run_module('converter.cli', run_name='__main__')"
    )
    command = [sys.executable, "-c", script, str(most), "convert", str(source), "-o", str(out), *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert "make room and run the same command again" in done.stderr
    assert done.stdout == ""


def test_a_full_disk_is_told_and_what_was_complete_is_kept(source: Path, tmp_path: Path) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    run(source, whole)
    catalog = (whole / ".imgsel" / "catalog.sqlite").stat().st_size
    for most in (0, catalog // 4, catalog - 1):
        limited(most, source, out)
        assert not (out / "ImagingSelection.ndjson").exists()
    assert run(source, out).error is None
    assert written_files(out) == written_files(whole)


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_disk_that_is_full_of_shards_is_told_too(jobs: str, source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(source, out)
    before = written_files(out)
    shards = sorted((out / ".imgsel" / "shards").iterdir(), key=lambda each: each.stat().st_size)
    sizes = [each.stat().st_size for each in shards]
    (out / "report.ndjson").unlink()
    for each in shards:
        each.unlink()
    limited(sizes[-1] - 1, source, out, "-j", jobs)
    # One after the other, all are there when the greatest one's turn comes, or are converted later.
    kept = len(list((out / ".imgsel" / "shards").iterdir()))
    assert kept < len(shards)
    limited(max(sizes[-1], len(before["ImagingSelection.ndjson"]) - 1), source, out, "-j", jobs)
    assert not (out / "report.ndjson").exists()
    assert run(source, out).error is None
    assert (summary(out)["shards"]["kept"], converted(out)) == (len(shards), 0)
    assert written_files(out) == before


# Processes


def test_processes_are_gone_when_a_run_is_done(source: Path, tmp_path: Path) -> None:
    run(source, tmp_path / "out", jobs=2)
    assert workers() == []


def workers() -> list[str]:
    """Return the processes that do tasks for this one."""
    begun = " ".join((task / "children").read_text() for task in Path("/proc/self/task").iterdir()).split()
    return [each for each in begun if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]
