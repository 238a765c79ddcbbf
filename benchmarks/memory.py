"""Shows the most memory that the conversion of archives of different sizes takes: it must not grow with them."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.generate import generate
from benchmarks.measure import run

LIMIT_MEGABYTES: Final = 250


def main() -> int:
    """Convert an archive of each size in a process of its own and say how much memory that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[1_000, 20_000], help="sizes (default: 1000 20000)")
    parser.add_argument("--per-annotation", type=int, default=100, help="images for each annotation object")
    arguments = parser.parse_args()
    print(f"{'images':>8}{'objects':>9}{'resources':>11}{'CPU s':>8}{'peak MB':>9}")
    peaks = [converted(images, arguments.per_annotation) for images in arguments.images]
    passed = max(peaks) < LIMIT_MEGABYTES
    print(f"peak {max(peaks):.0f} MB, limit {LIMIT_MEGABYTES} MB: {'pass' if passed else 'FAIL'}")
    return 0 if passed else 1


def converted(images: int, per_annotation: int) -> float:
    """Convert so many images and the annotation objects beside them; return the peak in megabytes."""
    with tempfile.TemporaryDirectory() as folder:
        archive = generate(Path(folder, "archive"), images, per_annotation)
        output = Path(folder, "output")
        command = [sys.executable, "-m", "converter.cli", "convert", str(Path(folder, "archive")), "--quiet"]
        cost = run([*command, "--output", str(output)])
        if cost.status:
            raise SystemExit(f"imgsel convert ended with status {cost.status}")
        resources = (output / "ImagingSelection.ndjson").read_bytes().count(b"\n")
    line = f"{archive.images:>8}{archive.annotations:>9}{resources:>11}{cost.seconds:>8.1f}{cost.megabytes:>9.0f}"
    print(line, flush=True)
    return cost.megabytes


if __name__ == "__main__":
    sys.exit(main())
