"""Shows the most memory that outlining a segmentation of 2,000 frames takes, which is that of its outlines alone."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, SegmentationStorage

from benchmarks.annotations import STUDY, code, instance
from benchmarks.measure import run

SIZE = 512
LIMIT_MEGABYTES = 300


def main() -> int:
    """Write the segmentation, convert it in a process of its own and say how much memory and time that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=2_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, output = Path(folder, "segmentation.dcm"), Path(folder, "output")
        write(path, arguments.frames)
        stored = path.stat().st_size / 1e6
        command = [sys.executable, "-m", "converter.cli", "convert", str(path), "--output", str(output), "--quiet"]
        cost = run([*command, "--outlines"])
        written = (output / "ImagingSelection.ndjson").stat().st_size / 1e6 if cost.status < 2 else 0
    megabytes, seconds = cost.megabytes, cost.seconds
    passed = cost.status == 0 and written > 0 and megabytes < LIMIT_MEGABYTES
    print(
        f"{arguments.frames} frames, {stored:.0f} MB: {written:.1f} MB of resources, {seconds:.1f} s of processor time"
    )
    verdict = "pass" if passed else "FAIL"
    print(f"exit status {cost.status}, peak {megabytes:.0f} MB of {LIMIT_MEGABYTES} MB: {verdict}")
    return 0 if passed else 1


def write(path: Path, frames: int) -> None:
    """Write a fractional segmentation of one segment, a ring whose width changes from frame to frame."""
    dataset = instance(SegmentationStorage, f"{STUDY}.8", f"{STUDY}.9", "SEG")
    dataset.FrameOfReferenceUID = f"{STUDY}.4"
    dataset.SegmentationType, dataset.SegmentationFractionalType = "FRACTIONAL", "PROBABILITY"
    dataset.MaximumFractionalValue = 255
    dataset.Rows = dataset.Columns = SIZE
    dataset.NumberOfFrames = frames
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel, segment.SegmentAlgorithmType = 1, "Ring", "MANUAL"
    segment.SegmentedPropertyCategoryCodeSequence = code("85756007", "SCT", "Tissue")
    segment.SegmentedPropertyTypeCodeSequence = code("85756007", "SCT", "Tissue")
    dataset.SegmentSequence = Sequence([segment])
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.8, 0.8], 1
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = Sequence([measures]), Sequence([orientation])
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence([group(number) for number in range(frames)])
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta = meta
    dcmwrite(path, dataset, enforce_file_format=True)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    distances = np.hypot(rows - SIZE / 2, columns - SIZE / 2)
    with path.open("ab") as file:
        file.write(b"\xe0\x7f\x10\x00OW\0\0" + (frames * SIZE * SIZE).to_bytes(4, "little"))
        for number in range(frames):
            ring = (distances < 60) & (distances >= 20 + number % 20)
            file.write((ring * np.uint8(255)).tobytes())


def group(number: int) -> Dataset:
    built, position, identification = Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = [-200, -200, number]
    identification.ReferencedSegmentNumber = 1
    built.PlanePositionSequence = Sequence([position])
    built.SegmentIdentificationSequence = Sequence([identification])
    return built


if __name__ == "__main__":
    sys.exit(main())
