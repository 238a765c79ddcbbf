"""Shows what the conversion of an archive takes, beside dicom2fhir, which turns the same files into ImagingStudy."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.generate import generate
from benchmarks.measure import in_turns, report, run

TARGET: Final = 20
# dicom2fhir does not work with later versions of fhir.resources.
REQUIREMENTS: Final = ("dicom2fhir==0.1.25", "fhir.resources==8.0.0")
# Each folder holds one study: given all of them at once, dicom2fhir takes them for one.
PROGRAM: Final = """
import asyncio, logging, pathlib, sys
from dicom2fhir.dicom2fhir import from_directory

logging.disable(logging.CRITICAL)
for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    asyncio.run(from_directory(folder, config={"dicom_timezone": "UTC"})).model_dump_json()
"""


def main() -> int:
    """Write an archive, convert it with both and say what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000, help="images to write (default: 10000)")
    parser.add_argument("--per-annotation", type=int, default=100, help="images for each annotation object")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--environment", type=Path, default=cache() / "dicom2fhir", help="where dicom2fhir is installed"
    )
    arguments = parser.parse_args()
    python = python_with_dicom2fhir(arguments.environment)
    with tempfile.TemporaryDirectory() as folder:
        archive = generate(Path(folder, "archive"), arguments.images, arguments.per_annotation)
        files = archive.images + archive.annotations
        print(f"{archive.images} images, {archive.annotations} annotation objects, {archive.size / 1e6:.0f} MB:")
        measured = in_turns(
            {
                "imgsel convert": partial(converted, Path(folder)),
                "dicom2fhir": partial(converted_by_dicom2fhir, Path(folder), python),
            },
            arguments.rounds,
        )
    report(measured, files)
    if not measured["dicom2fhir"]:
        return 0
    ratio = measured["dicom2fhir"] / measured["imgsel convert"]
    print(f"{ratio:.1f} times dicom2fhir, target {TARGET}: {'pass' if ratio >= TARGET else 'FAIL'}")
    return 0 if ratio >= TARGET else 1


def converted(folder: Path) -> float:
    """Convert with the command, start and imports included; return the CPU seconds."""
    with tempfile.TemporaryDirectory(dir=folder) as output:
        command = [sys.executable, "-m", "converter.cli", "convert", str(folder / "archive"), "--quiet"]
        cost = run([*command, "--output", str(Path(output, "output"))])
    if cost.status:
        raise SystemExit(f"imgsel convert ended with status {cost.status}")
    return cost.seconds


def converted_by_dicom2fhir(folder: Path, python: Path | None) -> float:
    """Convert each study with dicom2fhir, start and imports included; return the CPU seconds, 0 without it."""
    if python is None:
        return 0
    cost = run([str(python), "-W", "ignore", "-c", PROGRAM, str(folder / "archive")])
    if cost.status:
        raise SystemExit(f"dicom2fhir ended with status {cost.status}")
    return cost.seconds


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "imgsel-benchmarks")


def python_with_dicom2fhir(environment: Path) -> Path | None:
    """Return the interpreter of an environment with dicom2fhir, made if need be; None if it cannot be installed."""
    python = environment / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if not python.exists():
        print(f"Installing {' '.join(REQUIREMENTS)} into {environment} (once) ...", flush=True)
        venv.create(environment, with_pip=True, clear=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS]
    if subprocess.run(install, check=False, stderr=subprocess.DEVNULL).returncode:
        print("dicom2fhir could not be installed: it is left out.")
        return None
    return python


if __name__ == "__main__":
    sys.exit(main())
