"""Shows how fast bulk annotations are converted, beside the least that can be done, and what memory a million take."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from converter import Instance, Settings, convert

ROOT = "1.2.826.0.1.3680043.10.999"
STUDY = f"{ROOT}.1"
LIMITS = {"points": 3.0, "polygons": 2.0}
LIMIT_MEGABYTES = 500
VERTICES = 8, 16
ANNOTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.91.1"
HEADING = f"{'annotations':<22}{'groups':>7}{'each':>9}{'seconds':>9}{'least':>9}{'ratio':>7}{'limit':>7}"


class Slide:
    """A catalog of one whole slide image, on which all annotations are."""

    def lookup(self, sop_instance_uid: str) -> Instance | None:
        return Instance(
            sop_instance_uid=sop_instance_uid,
            study_instance_uid=STUDY,
            series_instance_uid=f"{STUDY}.2.0",
            total_pixel_matrix_columns=60_000,
            total_pixel_matrix_rows=60_000,
        )


@dataclass(frozen=True, slots=True)
class Case:
    """Groups of annotations: points or polygons, in single (`f`) or double (`d`) precision."""

    kind: str
    groups: int
    each: int
    precision: str

    @property
    def name(self) -> str:
        return f"{self.kind}, {'double' if self.precision == 'd' else 'single'}"


CASES = [
    Case(kind, groups, each, precision)
    for kind in LIMITS
    for groups, each in ((1, 200_000), (20, 10_000))
    for precision in "fd"
]
LARGE = [Case(kind, 1, 1_000_000, precision) for kind in LIMITS for precision in "fd"]


def main() -> int:
    """Print a row for each case; return 1 if one is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=7, help="of each case, in turn with the least (default: 7)")
    parser.add_argument("--no-memory", action="store_true", help="do not convert a million annotations")
    arguments = parser.parse_args()
    print(HEADING)
    passed = all(tuple(measured(case, arguments.passes) for case in CASES))
    if not arguments.no_memory:
        for case in LARGE:
            passed &= fits(case)
    return 0 if passed else 1


def measured(case: Case, passes: int) -> bool:
    """Measure both ways in turn by CPU time, print the best of each, and return whether the ratio is within limits."""
    dataset = made(case)
    file = encoded(dataset)
    values = [stored(group) for group in dataset.AnnotationGroupSequence]
    least = least_points if case.kind == "points" else least_polygons
    own, others = [], []
    for _ in range(passes):
        own.append(timed(lambda: converted(file)))
        others.append(timed(lambda: [least(*each, case.precision) for each in values]))
    ratio, limit = min(own) / min(others), LIMITS[case.kind]
    row = f"{case.name:<22}{case.groups:>7}{case.each:>9}{min(own):>9.3f}{min(others):>9.3f}{ratio:>7.2f}{limit:>7}"
    print(row, flush=True)
    return ratio <= limit


def converted(file: bytes) -> list[bytes]:
    """Convert an object from its bytes to the JSON of its resources."""
    return [each.to_json() for result in convert(file, Settings(), Slide()) for each in result.selections]


def least_points(coordinates: bytes, index: bytes, precision: str) -> bytes:  # noqa: ARG001
    """Decode the array of a group and write it as one array."""
    return orjson.dumps(np.frombuffer(coordinates, f"<{_kind(precision)}"), option=orjson.OPT_SERIALIZE_NUMPY)


def least_polygons(coordinates: bytes, index: bytes, precision: str) -> bytes:
    """Decode the arrays of a group and write a dictionary with a slice of them for each region."""
    numbers = np.frombuffer(coordinates, f"<{_kind(precision)}")
    starts = (np.frombuffer(index, "<u4") - 1).tolist()
    regions = [
        {"regionType": "polyline", "coordinate": numbers[start:end]} for start, end in pairwise([*starts, numbers.size])
    ]
    return orjson.dumps(regions, option=orjson.OPT_SERIALIZE_NUMPY)


def fits(case: Case) -> bool:
    """Convert one object in a process of its own, print what that took and return whether memory was enough."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "annotations.dcm"), Path(folder, "output")
        source.write_bytes(encoded(made(case)))
        command = [sys.executable, "-m", "converter.cli", "convert", str(source), "--output", str(output), "--quiet"]
        measure = (
            "import resource, subprocess, sys; status = subprocess.run(sys.argv[1:]).returncode; "
            "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
            "print(status, used.ru_maxrss, used.ru_utime + used.ru_stime)"
        )
        told = subprocess.run([sys.executable, "-c", measure, *command], capture_output=True, text=True, check=True)
        status, peak, seconds = told.stdout.split()
        resources = (output / "ImagingSelection.ndjson").read_bytes().count(b"\n")
        megabytes = int(peak) * (1 if sys.platform == "darwin" else 1024) / 1e6
        size = source.stat().st_size / 1e6
    passed = status == "0" and megabytes < LIMIT_MEGABYTES
    print(
        f"{case.each} {case.name} ({size:.0f} MB): {resources} resources, {float(seconds):.1f} s, "
        f"peak {megabytes:.0f} MB of {LIMIT_MEGABYTES} MB: {'pass' if passed else 'FAIL'}",
        flush=True,
    )
    return passed


def timed(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def made(case: Case) -> Dataset:
    """Return an object with groups of points, or of polygons with 8 to 16 vertices."""
    dataset = instance(ANNOTATION_STORAGE, f"{ROOT}.9.1", f"{ROOT}.9.2", "ANN")
    dataset.PixelOriginInterpretation = "VOLUME"
    dataset.AnnotationCoordinateType = "2D"
    dataset.ReferencedImageSequence = reference(1)
    series = Dataset()
    series.SeriesInstanceUID = f"{STUDY}.2.0"
    series.ReferencedInstanceSequence = reference(1)
    dataset.ReferencedSeriesSequence = Sequence([series])
    random = np.random.default_rng(1)
    dataset.AnnotationGroupSequence = Sequence([group(case, number, random) for number in range(1, case.groups + 1)])
    return dataset


def instance(sop_class_uid: str, sop_instance_uid: str, series_uid: str, modality: str) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = sop_class_uid
    dataset.SOPInstanceUID = sop_instance_uid
    dataset.Modality = modality
    dataset.PatientID = "BENCHMARK"
    dataset.StudyInstanceUID = STUDY
    dataset.SeriesInstanceUID = series_uid
    return dataset


def reference(number: int) -> Sequence:
    referenced = Dataset()
    referenced.ReferencedSOPClassUID = CTImageStorage
    referenced.ReferencedSOPInstanceUID = f"{STUDY}.3.{number}"
    return Sequence([referenced])


def code(value: str, scheme: str, meaning: str) -> Sequence:
    coded = Dataset()
    coded.CodeValue, coded.CodingSchemeDesignator, coded.CodeMeaning = value, scheme, meaning
    return Sequence([coded])


def group(case: Case, number: int, random: np.random.Generator) -> Dataset:
    item = Dataset()
    item.AnnotationGroupNumber = number
    item.AnnotationGroupUID = f"{ROOT}.9.3.{number}"
    item.AnnotationGroupLabel = f"group {number}"
    item.AnnotationGroupGenerationType = "AUTOMATIC"
    item.AnnotationPropertyCategoryCodeSequence = code("91723000", "SCT", "Anatomical Structure")
    item.AnnotationPropertyTypeCodeSequence = code("84640000", "SCT", "Nucleus")
    item.AnnotationAppliesToAllOpticalPaths = "YES"
    item.NumberOfAnnotations = case.each
    points = random.random((case.each, 2)) * 50_000
    item.GraphicType = "POINT"
    if case.kind == "polygons":
        item.GraphicType = "POLYGON"
        counts = random.integers(*VERTICES, case.each, endpoint=True)
        points = np.repeat(points, counts, axis=0) + random.random((counts.sum(), 2)) * 20
        starts = 1 + 2 * np.append(0, np.cumsum(counts[:-1]))
        item.LongPrimitivePointIndexList = starts.astype("<u4").tobytes()
    keyword = "PointCoordinatesData" if case.precision == "f" else "DoublePointCoordinatesData"
    setattr(item, keyword, points.astype(f"<{_kind(case.precision)}").tobytes())
    return item


def stored(item: Dataset) -> tuple[bytes, bytes]:
    coordinates = item.get("PointCoordinatesData") or item.get("DoublePointCoordinatesData")
    return coordinates, item.get("LongPrimitivePointIndexList", b"")


def encoded(dataset: Dataset) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    return file.getvalue()


def _kind(precision: str) -> str:
    return "f4" if precision == "f" else "f8"


if __name__ == "__main__":
    sys.exit(main())
