"""Shows how fast headers are read into the catalog, beside pydicom and dcmdump reading the same attributes."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Final

from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

from benchmarks.generate import generate
from benchmarks.measure import cpu_seconds, in_turns, report, run
from converter.mapper import is_annotation
from converter.reader.catalog import SqliteCatalog
from converter.reader.header_fields import HEADER, Tag
from converter.reader.scan import scan
from converter.reader.skim import Wanted
from converter.reader.sources import walk
from converter.reader.spool import Spool
from converter.settings import ArchiveLimits

TARGET: Final = 10
_PER_FOLDER: Final = 500


def main() -> int:
    """Write both kinds of files, read their headers in turns and say what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=5_000, help="files to write of each kind (default: 5000)")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        copies, mixed = Path(folder, "copies"), Path(folder, "mixed")
        write_copies(copies, arguments.images)
        print(f"{arguments.images} copies of pydicom's CT_small.dcm, each with its own UID, warm cache:")
        measured = compared(copies, arguments.rounds)
        report(measured, arguments.images)
        archive = generate(mixed, arguments.images)
        files = archive.images + archive.annotations
        print(f"{files} files of `benchmarks.generate`, among them enhanced multi-frame and slide images:")
        report(compared(mixed, arguments.rounds), files)
    ratio = measured["pydicom.dcmread"] / measured["imgsel, header pass"]
    print(f"{ratio:.1f} times pydicom, target {TARGET}: {'pass' if ratio >= TARGET else 'FAIL'}")
    return 0 if ratio >= TARGET else 1


def write_copies(folder: Path, count: int) -> None:
    """Write CT_small.dcm so often, with a SOP Instance UID of its own each time."""
    sample = get_testdata_file("CT_small.dcm")
    assert isinstance(sample, str)
    data = Path(sample).read_bytes()
    uid = str(dcmread(sample).SOPInstanceUID).encode()
    for number in range(count):
        if number % _PER_FOLDER == 0:
            series = folder / f"{number // _PER_FOLDER:04}"
            series.mkdir(parents=True)
        (series / f"{number:06}.dcm").write_bytes(data.replace(uid, uid[:-8] + b"%08d" % number))


def compared(folder: Path, rounds: int) -> dict[str, float]:
    """Return what each reader takes for all files in the folder, in CPU seconds."""
    return in_turns(
        {
            "imgsel, header pass": partial(cpu_seconds, partial(header_pass, folder)),
            "pydicom.dcmread": partial(cpu_seconds, partial(read_by_pydicom, folder)),
            "dcmdump": partial(read_by_dcmdump, folder),
        },
        rounds,
    )


def header_pass(folder: Path) -> None:
    """Find all files and put their headers into a catalog."""
    with SqliteCatalog() as catalog, Spool() as spool:
        scan(walk([folder], ArchiveLimits()), is_annotation, catalog, spool)


def read_by_pydicom(folder: Path) -> None:
    """Read what the catalog keeps of each file."""
    for path in sorted(folder.rglob("*.dcm")):
        read_values(dcmread(path, stop_before_pixels=True), HEADER)


def read_values(dataset: Dataset, wanted: Wanted) -> None:
    """Ask for each of these elements that is there, converted as pydicom does."""
    for tag, inner in wanted.items():
        element = dataset.get(tag)
        if inner is not None and element is not None:
            for item in element.value:
                read_values(item, inner)


def read_by_dcmdump(folder: Path) -> float:
    """Return what dcmdump takes to print the same attributes of all files, no further than the last; 0 without it."""
    command = shutil.which("dcmdump")
    if command is None:
        return 0
    wanted = [f"{tag >> 16:04x},{tag & 0xFFFF:04x}" for tag, inner in HEADER.items() if inner is None]
    last = f"{Tag.PixelSpacing >> 16:04x},{Tag.PixelSpacing & 0xFFFF:04x}"
    searched = [argument for each in wanted for argument in ("+P", each)]
    return run([command, "-q", "-M", "+st", last, *searched, "+sd", "+r", str(folder)]).seconds


if __name__ == "__main__":
    sys.exit(main())
