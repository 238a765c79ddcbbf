"""The command, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import Dataset

from converter import Settings, convert
from tests.builders import IMAGE_1, code, image, images, report, scoord, written
from tests.test_bad_input import ct, good_report


def imgsel(*arguments: str | Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "converter.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, input=stdin, check=False)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "image").write_bytes(written(ct()))
    (folder / "deep" / "er" / "report.bin").write_bytes(written(good_report()))
    return folder


def resources(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "ImagingSelection.ndjson").read_text("utf-8").splitlines()]


def test_a_folder_becomes_two_files_and_a_table(study: Path, tmp_path: Path) -> None:
    done = imgsel("convert", study, "--output", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    names = [".imgsel", "ImagingSelection.ndjson", "report.ndjson", "summary.json"]
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == names
    (resource,) = resources(tmp_path / "out")
    assert resource["resourceType"] == "ImagingSelection"
    (line,) = [json.loads(each) for each in (tmp_path / "out" / "report.ndjson").read_text("utf-8").splitlines()]
    assert line == {
        "file": "deep/er/report.bin",
        "sopInstanceUid": "1.2.3.9",
        "sopClassUid": "1.2.840.10008.5.1.4.1.1.88.34",
        "kind": "SR",
        "selections": [resource["id"]],
        "problems": [],
    }
    table = done.stdout.decode()
    assert [row for row in table.splitlines() if "SR" in row.split()]
    assert "CT Image Storage" in table


def test_standard_output_holds_resources_alone(study: Path) -> None:
    done = imgsel("convert", study, "--output", "-")
    assert done.returncode == 0
    assert [json.loads(line)["resourceType"] for line in done.stdout.splitlines()] == ["ImagingSelection"]
    assert b"CT Image Storage" in done.stderr


def test_quiet_prints_nothing(study: Path, tmp_path: Path) -> None:
    done = imgsel("convert", study, "-o", tmp_path / "out", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_verbose_prints_every_problem(tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_bytes(written(good_report()))
    done = imgsel("convert", path, "-o", tmp_path / "out", "--verbose")
    assert b"note: report: instance-not-found:" in done.stderr
    assert b"$.ContentSequence[0]" in done.stderr


def test_an_error_in_an_object_gives_status_1_and_the_rest_is_written(study: Path, tmp_path: Path) -> None:
    (study / "broken").write_bytes(written(report(scoord("POINT", [1, 2]), SOPInstanceUID="1.2.3.10")))
    done = imgsel("convert", study, "-o", tmp_path / "out")
    assert done.returncode == 1
    assert len(resources(tmp_path / "out")) == 1
    assert b"region-without-image" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["convert", "nowhere", "-o", "out"], b"nothing is there: nowhere"),
        (["convert", "nowhere", "-o", "-"], b"nothing is there: nowhere"),
        (["inspect", "nowhere"], b"nothing is there: nowhere"),
        (["convert", ".", "-o", "out", "--timezone", "Mars/Olympus"], b"+01:00"),
        (["convert", ".", "-o", "out", "--patient-id-system", "no uri"], b"URI"),
        (["convert", ".", "-o", "out", "--endpoint", "ftp://x"], b"http"),
        (["convert", ".", "-o", "out", "--fhir", "R99"], b"6.0.0-ballot2"),
        (["convert", ".", "-o", "out", "--settings", "missing.toml"], b"missing.toml"),
        (["convert", ".", "--no-such-option"], b"--no-such-option"),
        (["convert"], b"SOURCE"),
        (["no-such-command"], b"no-such-command"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments: list[str], says: bytes, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "converter.cli", *arguments],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert done.returncode == 2
    assert done.stdout == b""
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_an_output_that_cannot_be_written_is_one_line_and_status_2(study: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = imgsel("convert", study, "-o", tmp_path / "file", "-q")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_options_and_a_settings_file_mean_the_same(tmp_path: Path) -> None:
    path = tmp_path / "report"
    bare = good_report(TimezoneOffsetFromUTC=None, IssuerOfPatientID="WARD 9")
    path.write_bytes(written(bare))
    (tmp_path / "settings.toml").write_text(
        'timezone = "-05:00"\nendpoint = "https://pacs.example/rs"\n'
        '[patient_id_systems]\n"WARD 9" = "urn:oid:1.2.3.4"\n'
    )
    by_file = imgsel("convert", path, "-o", "-", "--settings", tmp_path / "settings.toml")
    by_options = imgsel(
        "convert", path, "-o", "-", "--timezone", "-05:00", "--endpoint", "https://pacs.example/rs/",
        "--patient-id-system", "WARD 9=urn:oid:1.2.3.4",
    )  # fmt: skip
    resource = json.loads(by_file.stdout)
    assert resource["issued"] == "2020-01-02T10:11:12-05:00"
    assert resource["subject"]["identifier"] == {"system": "urn:oid:1.2.3.4", "value": "P1"}
    assert resource["contained"][0]["address"] == "https://pacs.example/rs"
    assert by_file.stdout == by_options.stdout
    overridden = imgsel("convert", path, "-o", "-", "--settings", tmp_path / "settings.toml", "--timezone", "Z")
    assert json.loads(overridden.stdout)["issued"] == "2020-01-02T10:11:12Z"


def test_other_names_other_order_and_packing_give_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    files = sorted(path for path in corpus.rglob("*") if path.is_file() and path.suffix not in (".jsonl", ".md"))
    files = [path for path in files if path.parent.name != "odd" and path.stat().st_size < 200_000]
    (tmp_path / "renamed").mkdir()
    for number, path in enumerate(reversed(files)):
        (tmp_path / "renamed" / f"{number:04}").symlink_to(path)
    with zipfile.ZipFile(tmp_path / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for number, path in enumerate(files):
            archive.write(path, f"in/{number % 7}/{number}")
    with tarfile.open(tmp_path / "all.tar.xz", "w:xz", preset=0) as tar:
        for number, path in enumerate(files):
            tar.add(path, f"{-number}", recursive=False)
    outputs = []
    for name in ("renamed", "all.zip", "all.tar.xz"):
        done = imgsel("convert", tmp_path / name, "-o", tmp_path / f"out-{name}", "-q")
        assert done.stderr == b""
        outputs.append((tmp_path / f"out-{name}" / "ImagingSelection.ndjson").read_bytes())
    in_memory = b"".join(selection.to_json() + b"\n" for result in convert(files) for selection in result.selections)
    assert len(outputs[0].splitlines()) > 200
    assert outputs[1:] == [outputs[0]] * 2
    assert in_memory == outputs[0]


def test_standard_input_may_be_an_object_or_an_archive(study: Path, tmp_path: Path) -> None:
    path = study / "deep" / "er" / "report.bin"
    alone = imgsel("convert", "-", "-o", "-", "-q", stdin=path.read_bytes())
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        archive.write(path, "report")
        archive.write(study / "image", "image")
    together = imgsel("convert", "-", "-o", "-", "-q", stdin=(tmp_path / "study.zip").read_bytes())
    assert "seriesUid" not in json.loads(alone.stdout)
    assert json.loads(together.stdout)["seriesUid"] == "1.2.3.1.1"


def test_ctrl_c_leaves_the_output_as_it_was_and_says_how_to_go_on(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "ImagingSelection.ndjson").write_text("before\n")
    command = [sys.executable, "-m", "converter.cli", "convert", "-", "-o", str(out), "--log-json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(written(good_report())[:400])
        process.stdin.flush()
        while b'"name":"headers"' not in process.stderr.readline():
            assert process.poll() is None
        # From here on it waits for the rest of its input.
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    *events, message = errors.splitlines()
    assert b"run the same command again" in message
    assert all("event" in json.loads(each) for each in events)
    assert (out / "ImagingSelection.ndjson").read_text() == "before\n"
    assert sorted(each.name for each in out.iterdir()) == [".imgsel", "ImagingSelection.ndjson"]


def test_a_reader_that_stops_reading_is_no_error(study: Path) -> None:
    for number in range(300):
        (study / f"r{number}").write_bytes(written(good_report(SOPInstanceUID=f"1.2.3.9.{number}")))
    command = f"{sys.executable} -m converter.cli convert {study} -o - -q | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stderr == b""
    assert json.loads(done.stdout)["resourceType"] == "ImagingSelection"


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys\nfrom converter import cli\nsys.argv = ['imgsel', '--help']\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "print(sorted({'pydicom', 'numpy', 'fhir', 'pydantic', 'orjson', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "convert" in done.stdout


def test_in_memory_datasets_give_what_the_files_give(study: Path) -> None:
    def held() -> list[Dataset]:
        return [ct(), good_report()]

    from_files = [s.to_json() for result in convert(study) for s in result.selections]
    from_memory = [s.to_json() for result in convert(held()) for s in result.selections]
    from_iterator = [s.to_json() for result in convert(iter(held())) for s in result.selections]
    from_json = [s.to_json() for result in convert([each.to_json_dict() for each in held()]) for s in result.selections]
    assert from_files == from_memory == from_iterator == from_json


def test_a_catalog_of_the_callers_own_gives_results_at_once() -> None:
    def endless() -> Iterator[Dataset]:
        number = 0
        while True:
            number += 1
            yield good_report(SOPInstanceUID=f"1.2.3.9.{number}")

    conversion = convert(endless(), Settings(), images())
    resource = next(conversion).selections[0].to_dict()
    assert (resource["seriesUid"], resource["instance"][0]["number"]) == ("1.2.3.1.1", 11)
    conversion.close()


@pytest.mark.parametrize("wrong", [5, None, 1.5, ["nowhere"], Path("nowhere"), object()])
def test_wrong_sources_raise_at_the_call(wrong: object) -> None:
    with pytest.raises((TypeError, ValueError, OSError)):
        convert(wrong)


def test_wrong_settings_and_catalogs_raise_at_the_call() -> None:
    with pytest.raises(TypeError, match="settings"):
        convert(good_report(), {"timezone": "Z"})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="lookup"):
        convert(good_report(), catalog={})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="R99"):
        convert(good_report(), Settings(fhir="R99"))


def test_two_conversions_with_different_settings_run_side_by_side() -> None:
    one = convert([good_report(TimezoneOffsetFromUTC=None), ct()], Settings(timezone="+01:00"))
    two = convert([good_report(TimezoneOffsetFromUTC=None), ct()], Settings(timezone="+02:00"))
    issued = [each.selections[0].to_dict()["issued"] for pair in zip(one, two, strict=True) for each in pair]
    assert issued == ["2020-01-02T10:11:12+01:00", "2020-01-02T10:11:12+02:00"]


def test_a_region_is_named_by_its_concept() -> None:
    built = report(image(IMAGE_1, code("121200", "DCM", "Illustration of ROI")))
    (result,) = list(convert([ct(), built]))
    assert result.selections[0].to_dict()["code"]["coding"][0]["code"] == "121200"
