"""Shows what runs of the command take: a second one over the same archive, and one in several processes."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks.generate import generate
from benchmarks.headers import write_copies
from benchmarks.measure import run

UNCHANGED: Final = 5
TWICE: Final = 1.7


class Measured(NamedTuple):
    """What a run took: CPU seconds of all its processes and of the main one, and seconds by the clock."""

    seconds: float
    main: float
    clock: float
    summary: dict[str, Any]


def main() -> int:
    """Write archives, convert them, and say what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--copies", type=int, default=20_000, help="copies of CT_small.dcm for a second run")
    parser.add_argument("--images", type=int, default=300_000, help="images for several processes")
    parser.add_argument("--per-annotation", type=int, default=100, help="images for each annotation object")
    parser.add_argument("--rounds", type=int, default=1, help="of which the best counts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        is_quick = second_run(Path(folder), arguments.copies)
        is_scaling = several_processes(Path(folder), arguments.images, arguments.per_annotation, arguments.rounds)
    return 0 if is_quick and is_scaling else 1


def second_run(folder: Path, count: int) -> bool:
    """Convert copies of an image twice, start and imports included."""
    write_copies(folder / "copies", count)
    print(f"{count} copies of pydicom's CT_small.dcm, each with its own UID, warm cache:")
    first = converted(folder / "copies", folder / "out")
    second = converted(folder / "copies", folder / "out")
    assert second.summary["files"]["unchanged"] == count
    assert second.summary["objects"]["converted"] == 0
    ratio = first.seconds / second.seconds
    print(f"first run {first.seconds:.2f} CPU s, second {second.seconds:.2f} CPU s")
    print(f"{ratio:.1f} times as fast, target {UNCHANGED}: {'pass' if ratio >= UNCHANGED else 'FAIL'}\n", flush=True)
    return ratio >= UNCHANGED


def several_processes(folder: Path, images: int, per_annotation: int, rounds: int) -> bool:
    """Convert an archive in one process, in two and in four."""
    archive = generate(folder / "archive", images, per_annotation)
    print(f"{archive.images} images, {archive.annotations} annotation objects, {archive.size / 1e6:.0f} MB:")
    print(f"{'':<12}{'CPU s':>8}{'of main':>9}{'most':>7}{'clock s':>9}{'work':>7}{'peak MB':>9}")
    done = {jobs: best(folder, jobs, rounds) for jobs in (1, 2, 4)}
    work = {}
    for jobs, each in done.items():
        most = done[1].seconds / (each.seconds / min(jobs, os.cpu_count() or 1))
        work[jobs] = done[1].clock / each.clock
        peak = max(each.summary["peakMemoryBytes"].values()) / 1e6
        cost = f"{each.seconds:>8.2f}{each.main:>9.2f}{most:>7.2f}{each.clock:>9.1f}"
        print(f"--jobs {jobs:<5}{cost}{work[jobs]:>7.2f}{peak:>9.0f}")
    print(f"two do {work[2]:.2f} times the work of one, target {TWICE}: {'pass' if work[2] >= TWICE else 'FAIL'}")
    return work[2] >= TWICE


def best(folder: Path, jobs: int, rounds: int) -> Measured:
    """Convert the archive anew in each round, and return the run that took the least."""
    outs = [folder / f"out-{jobs}-{number}" for number in range(rounds)]
    return min((converted(folder / "archive", out, "--jobs", str(jobs)) for out in outs), key=lambda each: each.clock)


def converted(source: Path, out: Path, *options: str) -> Measured:
    """Convert with the command."""
    command = [sys.executable, "-m", "converter.cli", "convert", str(source), "--output", str(out), "--quiet", *options]
    began = time.monotonic()
    cost = run(command)
    if cost.status:
        raise SystemExit(f"imgsel convert ended with status {cost.status}")
    summary = json.loads((out / "summary.json").read_bytes())
    main_seconds = cost.seconds - summary["cpuSeconds"]["workers"]
    return Measured(cost.seconds, main_seconds, time.monotonic() - began, summary)


if __name__ == "__main__":
    sys.exit(main())
