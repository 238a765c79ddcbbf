"""Small archives for tests of runs, and what they must become: what one pass in this process writes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydicom import Dataset

from converter import Settings, convert
from converter.batch import in_writing_order
from converter.run.command import Command, Outcome
from converter.run.monitor import Listener
from converter.writer.sink import open_sink
from tests.builders import CT, IMAGE_1, SERIES, STUDY, code, dataset, image, report, written

NAME = code("121191", "DCM", "Referenced Segment")


def ct(uid: str = IMAGE_1, **elements: Any) -> Dataset:
    stated = {
        "SOPClassUID": CT,
        "SOPInstanceUID": uid,
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
        "SeriesNumber": 3,
        "InstanceNumber": 1,
        "Modality": "CT",
        "PatientID": "P1",
        **elements,
    }
    return dataset(**stated)


def note(uid: str, of: str = IMAGE_1, **elements: Any) -> Dataset:
    """Return a report with this UID that selects an image."""
    return report(image(of, NAME), SOPInstanceUID=uid, **elements)


def put(folder: Path, name: str, built: Dataset) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written(built))
    return path


def archive(folder: Path, reports: int = 60, images: int = 6) -> Path:
    """Write images and reports, each report about one image; every tenth also exists under another name."""
    for number in range(images):
        put(folder, f"images/{number:03}", ct(f"1.2.3.1.1.{number}", InstanceNumber=number))
    for number in range(reports):
        built = note(f"1.2.3.81.{number}", f"1.2.3.1.1.{number % images}", AccessionNumber=f"A{number % 7}")
        path = put(folder, f"reports/{number % 5}/{number:04}", built)
        if number % 10 == 0:
            (folder / f"copy-{number}").write_bytes(path.read_bytes())
    return folder


def run(
    source: Path | Sequence[Path],
    out: Path,
    *listeners: Listener,
    settings: Settings | None = None,
    format_name: str = "ndjson",
    jobs: int = 1,
    dask: str | None = None,
    overwrite: bool = False,
    retry: Path | None = None,
) -> Outcome:
    """Convert as the command does."""
    sources = [source] if isinstance(source, Path) else source
    names = tuple(map(str, sources))
    command = Command(names, str(out), settings or Settings(), format_name, False, jobs, dask, overwrite, retry)
    return command.run(*listeners)


def summary(out: Path) -> dict[str, Any]:
    account: dict[str, Any] = json.loads((out / "summary.json").read_bytes())
    return account


def converted(out: Path) -> int:
    """Return how many objects the last run converted."""
    return int(summary(out)["objects"]["converted"])


def one_pass(
    source: Path | Sequence[Path], out: Path, settings: Settings | None = None, format_name: str = "ndjson"
) -> Path:
    """Write what a conversion in this process gives, result by result, without anything of a run."""
    sources = [source] if isinstance(source, Path) else list(source)
    with (
        convert([str(each) for each in sources], settings) as results,
        open_sink(format_name, out, types=(results.release.resource_type,)) as sink,
    ):
        for result in results:
            for resource, study in in_writing_order(result):
                sink.write(resource, study)
            sink.report(result.report_line())
    return out


def written_files(out: Path) -> dict[str, bytes]:
    """Return all that was written, but for the state and the summary, which holds times."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.relative_to(out).parts[0] not in (".imgsel", "summary.json")
    }


def touch(path: Path) -> None:
    """Change a file's time and nothing else."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]
