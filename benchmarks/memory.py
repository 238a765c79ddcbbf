"""Shows the most memory that a conversion of 10,000 image headers and 50 reports takes."""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ComprehensiveSRStorage, CTImageStorage, ExplicitVRLittleEndian

LIMIT_MEGABYTES = 300
ROOT = "1.2.826.0.1.3680043.10.999"
STUDY = f"{ROOT}.1"
IMAGES_PER_SERIES = 500


def main() -> int:
    """Generate the study, convert it in a process of its own and say how much memory that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--reports", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        study, output = Path(folder, "study"), Path(folder, "output")
        study.mkdir()
        for number in range(arguments.images):
            write(study / f"image{number:06}.dcm", image(number))
        for number in range(arguments.reports):
            write(study / f"report{number:06}.dcm", report(number, arguments.images))
        command = [sys.executable, "-m", "converter.cli", "convert", str(study), "--output", str(output), "--quiet"]
        start = time.perf_counter()
        completed = subprocess.run(command, cwd=Path(__file__).parent.parent, check=False)
        seconds = time.perf_counter() - start
        resources = (output / "ImagingSelection.ndjson").read_bytes().count(b"\n") if completed.returncode < 2 else 0
    megabytes = peak_megabytes()
    passed = completed.returncode == 0 and resources > 0 and megabytes < LIMIT_MEGABYTES
    print(f"{arguments.images} images, {arguments.reports} reports: {resources} resources in {seconds:.1f} s")
    verdict = "pass" if passed else "FAIL"
    print(f"exit status {completed.returncode}, peak {megabytes:.0f} MB of {LIMIT_MEGABYTES} MB: {verdict}")
    return 0 if passed else 1


def peak_megabytes() -> float:
    """Return the most memory that any child process had resident."""
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    # Linux counts in kibibytes, macOS in bytes.
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def series(number: int) -> str:
    return f"{STUDY}.2.{number // IMAGES_PER_SERIES}"


def image(number: int) -> Dataset:
    dataset = instance(CTImageStorage, f"{STUDY}.3.{number}", series(number), "CT")
    dataset.SeriesNumber = number // IMAGES_PER_SERIES + 1
    dataset.InstanceNumber = number % IMAGES_PER_SERIES + 1
    dataset.FrameOfReferenceUID = f"{STUDY}.4"
    dataset.BodyPartExamined = "CHEST"
    dataset.ImagePositionPatient = [-200, -200, number % IMAGES_PER_SERIES]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = [0.8, 0.8]
    dataset.Rows = dataset.Columns = 512
    dataset.BitsAllocated = 16
    dataset.add_new(0x7FE00010, "OW", bytes(1024))
    return dataset


def report(number: int, images: int) -> Dataset:
    """Return a measurement report (TID 1500) of 20 groups, each with a region on an image (TID 1410)."""
    referenced = [(number * 20 + group) % images for group in range(20)]
    dataset = instance(ComprehensiveSRStorage, f"{STUDY}.5.{number}", f"{STUDY}.6", "SR")
    dataset.ContentDate, dataset.ContentTime = "20240102", "030405"
    dataset.TimezoneOffsetFromUTC = "+0000"
    dataset.ValueType = "CONTAINER"
    dataset.ContinuityOfContent = "SEPARATE"
    dataset.ConceptNameCodeSequence = code("126000", "DCM", "Imaging Measurement Report")
    dataset.ContentTemplateSequence = template("1500")
    measurements = container("126010", "Imaging Measurements", [group(each) for each in referenced])
    dataset.ContentSequence = Sequence([measurements])
    dataset.CurrentRequestedProcedureEvidenceSequence = evidence(referenced)
    return dataset


def group(number: int) -> Dataset:
    selected = item("IMAGE", "SELECTED FROM")
    selected.ReferencedSOPSequence = reference(number)
    region = item("SCOORD", "CONTAINS", code("111030", "DCM", "Image Region"))
    region.GraphicType = "POLYLINE"
    region.GraphicData = [float(value) for point in range(100) for value in (point + 0.5, number % 500)]
    region.ContentSequence = Sequence([selected])
    tracked = item("UIDREF", "HAS OBS CONTEXT", code("112040", "DCM", "Tracking Unique Identifier"))
    tracked.UID = f"{STUDY}.7.{number}"
    measured = container("125007", "Measurement Group", [tracked, region])
    measured.ContentTemplateSequence = template("1410")
    return measured


def evidence(numbers: list[int]) -> Sequence:
    study = Dataset()
    study.StudyInstanceUID = STUDY
    study.ReferencedSeriesSequence = Sequence()
    for uid in sorted({series(number) for number in numbers}):
        referenced = Dataset()
        referenced.SeriesInstanceUID = uid
        inside = sorted(number for number in set(numbers) if series(number) == uid)
        referenced.ReferencedSOPSequence = Sequence([reference(number)[0] for number in inside])
        study.ReferencedSeriesSequence.append(referenced)
    return Sequence([study])


def reference(number: int) -> Sequence:
    referenced = Dataset()
    referenced.ReferencedSOPClassUID = CTImageStorage
    referenced.ReferencedSOPInstanceUID = f"{STUDY}.3.{number}"
    return Sequence([referenced])


def item(value_type: str, relationship: str, name: Sequence | None = None) -> Dataset:
    content = Dataset()
    content.RelationshipType = relationship
    content.ValueType = value_type
    if name is not None:
        content.ConceptNameCodeSequence = name
    return content


def container(value: str, meaning: str, content: list[Dataset]) -> Dataset:
    outer = item("CONTAINER", "CONTAINS", code(value, "DCM", meaning))
    outer.ContinuityOfContent = "SEPARATE"
    outer.ContentSequence = Sequence(content)
    return outer


def code(value: str, scheme: str, meaning: str) -> Sequence:
    coded = Dataset()
    coded.CodeValue, coded.CodingSchemeDesignator, coded.CodeMeaning = value, scheme, meaning
    return Sequence([coded])


def template(identifier: str) -> Sequence:
    stated = Dataset()
    stated.MappingResource, stated.TemplateIdentifier = "DCMR", identifier
    return Sequence([stated])


def instance(sop_class_uid: str, sop_instance_uid: str, series_uid: str, modality: str) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = sop_class_uid
    dataset.SOPInstanceUID = sop_instance_uid
    dataset.Modality = modality
    dataset.PatientID = "BENCHMARK"
    dataset.StudyInstanceUID = STUDY
    dataset.SeriesInstanceUID = series_uid
    return dataset


def write(path: Path, dataset: Dataset) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    dcmwrite(path, dataset, enforce_file_format=True)


if __name__ == "__main__":
    sys.exit(main())
