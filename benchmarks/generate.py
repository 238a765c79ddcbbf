"""Writes an archive of any size: images of scanners and slides, and annotation objects that refer to them.

The annotation objects are those of `testdata/`, each study of which is written again and again under new UIDs and
patients. Most images are fillers: images of the same study under headers as long as those of a scanner, with few
pixels. The same arguments give the same files.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from io import BytesIO
from itertools import count, zip_longest
from pathlib import Path
from typing import Final, NamedTuple

from pydicom import Dataset, dcmread, dcmwrite
from pydicom.data import get_testdata_file
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from converter.mapper import is_annotation

TESTDATA: Final = Path(__file__).parent.parent / "testdata"

_UID: Final = re.compile(rb"2\.25\.[0-9]{30,39}")
_UID_OF_FILLER: Final = b"2.25.100000000000000000000000000000000000001"
_UID_OF_SERIES: Final = b"2.25.100000000000000000000000000000000000002"
# What is replaced in each filler, without a change of length: Instance Number and Image Position (Patient). No UID may
# have it by chance.
_NUMBER: Final = b"+98765"
_POSITION: Final = b"-98765.4"
_ENHANCED_FRAMES: Final = 60
_FILLER_SIDE: Final = 16
_ICC_PROFILE_BYTES: Final = 3144
# Not of the images themselves but of how they were written, or of what the fillers leave out.
_NOT_TAKEN: Final = ("PixelData", "DataSetTrailingPadding", "SpecificCharacterSet")


class Archive(NamedTuple):
    """What was written: numbers of files, and all their bytes."""

    images: int
    annotations: int
    size: int


def generate(folder: Path, images: int, per_annotation: int = 100, seed: int = 0) -> Archive:
    """Write so many images, and an annotation object for every `per_annotation` of them, into a new `folder`.

    `seed` decides the UIDs. The images that annotation objects refer to are always there, even if these alone are
    more than was asked for. Annotation objects come in turn from all studies of `testdata/`: CT and MR images,
    enhanced multi-frame images, whole slide images and waveforms are below them in all but the smallest archives.
    """
    written = Archive(0, 0, 0)
    for cycle in count():
        studies = [_Copy(study, folder / f"{study.name}-{cycle:05}", seed, cycle) for study in _studies()]
        for block in _in_turn(studies):
            if written.images >= images:
                return written
            most = min(per_annotation, images - written.images)
            written = Archive(*map(sum, zip(written, block.write(most), strict=True)))
    raise AssertionError


@dataclass(frozen=True, slots=True)
class _Study:
    """A study of testdata: files by name, and ten templates of fillers."""

    name: str
    images: tuple[tuple[str, bytes], ...]
    annotations: tuple[tuple[str, bytes], ...]
    fillers: tuple[bytes, ...]


@dataclass(slots=True)
class _Copy:
    """A study under UIDs and with a patient of its own."""

    study: _Study
    folder: Path
    seed: int
    cycle: int
    series: int = field(default=0)

    def blocks(self) -> Iterator[_Block]:
        return (_Block(self, name, data) for name, data in self.study.annotations)

    def renamed(self, data: bytes) -> bytes:
        """Return an object with UIDs and Patient ID of this copy, each as long as it was."""
        data = _UID.sub(partial(_new_uid, f"{self.seed}/{self.cycle}/"), data)
        name = self.study.name.upper().encode()
        return data.replace(b"IMGSEL-" + name, b"P%05d-" % (self.cycle % 100_000) + name)


@dataclass(frozen=True, slots=True)
class _Block:
    """An annotation object and the images that come with it."""

    copy: _Copy
    name: str
    annotation: bytes

    def write(self, images: int) -> Archive:
        """Write the object with `images` images, those of the study first; return what was written."""
        copied, size, written = self.copy, 0, 0
        if not copied.series:
            copied.folder.mkdir(parents=True)
            for name, data in copied.study.images:
                size += _write(copied.folder / name, copied.renamed(data))
                written += 1
        copied.series += 1
        if written < images:
            size += self._fill(copied.folder / f"series-{copied.series:02}", images - written)
            written = images
        size += _write(copied.folder / self.name, copied.renamed(self.annotation))
        return Archive(written, 1, size)

    def _fill(self, folder: Path, images: int) -> int:
        folder.mkdir()
        series = f"{self.copy.seed}/{self.copy.cycle}/{self.copy.study.name}/{self.copy.series}/"
        uid_of_series = _numbered_uid(series, 0)
        templates = [
            self.copy.renamed(each).replace(self.copy.renamed(_UID_OF_SERIES), uid_of_series)
            for each in self.copy.study.fillers
        ]
        uid_of_filler = self.copy.renamed(_UID_OF_FILLER)
        size = 0
        for number in range(1, images + 1):
            data = templates[number % len(templates)].replace(uid_of_filler, _numbered_uid(series, number))
            data = data.replace(_NUMBER, b"%6d" % number).replace(_POSITION, b"%8.1f" % (number * 1.5))
            size += _write(folder / f"image-{number:04}.dcm", data)
        return size


def _in_turn(studies: list[_Copy]) -> Iterator[_Block]:
    """Yield the first block of each study, then the second of those that have one, and so on."""
    for blocks in zip_longest(*(each.blocks() for each in studies)):
        yield from (block for block in blocks if block is not None)


def _write(path: Path, data: bytes) -> int:
    with path.open("wb", buffering=0) as file:
        file.write(data)
    return len(data)


@lru_cache(maxsize=1)
def _studies() -> tuple[_Study, ...]:
    return tuple(_study(folder) for folder in sorted(TESTDATA.iterdir()) if any(folder.glob("*.dcm")))


def _study(folder: Path) -> _Study:
    images: list[tuple[str, bytes]] = []
    annotations: list[tuple[str, bytes]] = []
    found: dict[str, Dataset] = {}
    for path in sorted(folder.glob("*.dcm")):
        dataset = dcmread(path)
        bare_waveform = "WaveformSequence" in dataset and "WaveformAnnotationSequence" not in dataset
        annotating = is_annotation(dataset.SOPClassUID, dataset.Modality) and not bare_waveform
        (annotations if annotating else images).append((path.name, path.read_bytes()))
        if not annotating:
            found.setdefault(dataset.Modality, dataset)
    return _Study(folder.name, tuple(images), tuple(annotations), _fillers(folder.name, found))


def _fillers(study: str, images: dict[str, Dataset]) -> tuple[bytes, ...]:
    """Return ten templates, of which the fillers of a study are made in turn."""
    if study == "sm-slide":
        return (_encoded(_slide(images["SM"])),) * 10
    if "MR" in images:
        like = _like_scanner(images["MR"], "MR_small.dcm")
        implicit = _encoded(like, ImplicitVRLittleEndian)
        enhanced = [_encoded(_enhanced(images["MR"]))] if "NumberOfFrames" in images["MR"] else [implicit]
        return (*enhanced, *[implicit] * 9)
    return (_encoded(_like_scanner(next(iter(images.values())), "CT_small.dcm")),) * 10


def _like_scanner(image: Dataset, name: str) -> Dataset:
    """Return a single-frame image of the study and patient of `image`, with the header of pydicom's sample."""
    sample = get_testdata_file(name, read=True)
    assert isinstance(sample, Dataset)
    filler = copy.deepcopy(sample)
    for keyword in _NOT_TAKEN:
        if keyword in filler:
            delattr(filler, keyword)
    for element in image:
        if element.tag.group in (0x0008, 0x0010) and element.keyword not in ("SOPClassUID", "Modality", "ImageType"):
            filler.add(element)
    filler.StudyInstanceUID, filler.StudyID = image.StudyInstanceUID, image.StudyID
    filler.FrameOfReferenceUID = image.get("FrameOfReferenceUID") or _UID_OF_SERIES.decode()
    x, y, _ = filler.ImagePositionPatient
    filler.ImagePositionPatient = [x, y, _POSITION.decode()]
    filler.Rows = filler.Columns = _FILLER_SIDE
    filler.add_new("PixelData", "OW", bytes(2 * _FILLER_SIDE**2))
    return filler


def _enhanced(image: Dataset) -> Dataset:
    """Return the multi-frame image with more frames, each in its place."""
    filler = copy.deepcopy(image)
    groups = filler.PerFrameFunctionalGroupsSequence
    for number in range(len(groups), _ENHANCED_FRAMES):
        group = copy.deepcopy(groups[0])
        group.PlanePositionSequence[0].ImagePositionPatient[0] += 3.0 * number
        content = group.FrameContentSequence[0]
        content.InStackPositionNumber = content.DimensionIndexValues = number + 1
        groups.append(group)
    filler.NumberOfFrames = len(groups)
    filler.Rows = filler.Columns = _FILLER_SIDE
    filler.add_new("PixelData", "OW", bytes(2 * _FILLER_SIDE**2 * len(groups)))
    return filler


def _slide(image: Dataset) -> Dataset:
    """Return the whole slide image with a colour profile, as scanners of slides state it ahead of the frames."""
    filler = copy.deepcopy(image)
    filler.OpticalPathSequence[0].add_new("ICCProfile", "OB", bytes(_ICC_PROFILE_BYTES))
    return filler


def _encoded(filler: Dataset, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> bytes:
    filler.SOPInstanceUID = _UID_OF_FILLER.decode()
    filler.SeriesInstanceUID = _UID_OF_SERIES.decode()
    filler.SeriesNumber = "100"
    filler.InstanceNumber = _NUMBER.decode()
    filler.file_meta.MediaStorageSOPInstanceUID = filler.SOPInstanceUID
    filler.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    buffer = BytesIO()
    dcmwrite(buffer, filler, enforce_file_format=True)
    return buffer.getvalue()


def _new_uid(scope: str, old: re.Match[bytes]) -> bytes:
    """Return the UID that stands for another one: as long, so that no length in the file changes."""
    return _uid(scope.encode() + old[0], len(old[0]))


def _numbered_uid(scope: str, number: int) -> bytes:
    return _uid(b"%s%d" % (scope.encode(), number), len(_UID_OF_FILLER))


def _uid(name: bytes, length: int) -> bytes:
    digits = length - len("2.25.")
    value = int.from_bytes(hashlib.blake2b(name, digest_size=16).digest())
    # A UID from a UUID is below 2**128, which has 39 digits and begins with 3.
    return b"2.25.1%0*d" % (digits - 1, value % 10 ** (digits - 1))


def main() -> int:
    """Write an archive and say what is in it."""
    parser = argparse.ArgumentParser(description="Write an archive of images and annotation objects.")
    parser.add_argument("folder", type=Path, help="a new folder")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--per-annotation", type=int, default=100, help="images for each annotation object")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    archive = generate(arguments.folder, arguments.images, arguments.per_annotation, arguments.seed)
    print(f"{archive.images} images, {archive.annotations} annotation objects, {archive.size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
