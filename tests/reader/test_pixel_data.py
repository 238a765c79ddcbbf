"""Pixel data frame by frame: the same outlines out of every source and encoding, by pixels that the test knows."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from converter import Settings, convert
from converter.batch import Result
from tests.builders import FRAME_OF_REFERENCE, Instances, dataset, written
from tests.mapper.segmentations import segmentation
from tests.reader.encoded import meta
from tests.reader.packing import make_tar, make_zip

OUTLINES = Settings(outlines=True)
COUNT, ROWS, COLUMNS = 20, 250, 263
RNG = np.random.default_rng(7)


def labels(count: int = COUNT, rows: int = ROWS, columns: int = COLUMNS) -> NDArray[np.uint8]:
    """Return frames of blocks of segments 1 to 3: more than a megabyte, an odd number of bytes each."""
    blocks = RNG.integers(0, 4, (count, -(-rows // 25), -(-columns // 25)), np.uint8)
    return blocks.repeat(25, axis=1).repeat(25, axis=2)[:, :rows, :columns].copy()


PIXELS = labels()


def group(number: int, segment: int | None) -> Dataset:
    built = dataset(
        PlanePositionSequence=[dataset(ImagePositionPatient=[0.5, 0.5, number])],
        PlaneOrientationSequence=[dataset(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        PixelMeasuresSequence=[dataset(PixelSpacing=[1, 1])],
    )
    if segment is not None:
        built.SegmentIdentificationSequence = [dataset(ReferencedSegmentNumber=segment)]
    return built


def label_map(pixels: NDArray[Any] = PIXELS, **elements: Any) -> Dataset:
    """Return a label map whose pixels are millimetres: column, row, frame are x, y, z."""
    count, rows, columns = pixels.shape
    bits = pixels.dtype.itemsize * 8
    built = segmentation(
        *(1, 2, 3),
        frames=[group(number, None) for number in range(count)],
        SegmentationType="LABELMAP",
        FrameOfReferenceUID=FRAME_OF_REFERENCE,
        **{"NumberOfFrames": count, "Rows": rows, "Columns": columns, "SamplesPerPixel": 1},
        **{"PhotometricInterpretation": "MONOCHROME2", "PixelRepresentation": 0},
        **{"BitsAllocated": bits, "BitsStored": bits, "HighBit": bits - 1},
        **elements,
    )
    data = pixels.tobytes()
    built.add_new(0x7FE00010, "OB" if bits == 8 else "OW", data + b"\0" * (len(data) & 1))
    return built


def result_of(source: Any, settings: Settings = OUTLINES, **options: Any) -> Result:
    (result,) = (each for each in convert(source, settings, **options) if each.kind == "SEG")
    return result


def read_back(result: Result, shape: tuple[int, int, int] = PIXELS.shape) -> NDArray[np.uint8]:
    """Return the labels that the polygons enclose: pixels are millimetres."""
    found = np.zeros(shape, np.uint8)
    for each in result.selections:
        if each.selection.key.role == "outline3d":
            inside = np.zeros(shape, np.bool_)
            for region in each.selection.regions_3d:
                frame = int(region.coordinates[0, 2])
                for (x, y, _), (next_x, next_y, _) in pairwise(region.coordinates):
                    if x == next_x:
                        inside[frame, int(min(y, next_y)) : int(max(y, next_y)), int(x) :] ^= True
            found[inside] = int(each.selection.key.path)
    return found


FILE = written(label_map())
assert len(FILE) > 2**20


# Sources


class Unseekable(io.RawIOBase):
    """A stream as of a pipe."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._inner.readinto(buffer)


def saved(data: bytes, name: str) -> Callable[[Path], Any]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(data)
        return path

    return write


def deferred(folder: Path) -> Dataset:
    return dcmread(saved(FILE, "deferred.dcm")(folder), defer_size=1000)


def buffered(_: Path) -> Dataset:
    built = dcmread(io.BytesIO(FILE))
    built.PixelData = io.BytesIO(PIXELS.tobytes())
    return built


SOURCES: dict[str, Callable[[Path], Any]] = {
    "file": saved(FILE, "file.dcm"),
    "gzip": saved(gzip.compress(FILE), "file.dcm.gz"),
    "zip": saved(make_zip({"a/file.dcm": FILE}), "archive.zip"),
    "stored zip": saved(make_zip({"a/file.dcm": FILE}, method=0), "archive.zip"),
    "tar": saved(make_tar({"a/file.dcm": FILE}), "archive.tar"),
    "tar.gz": saved(make_tar({"a/file.dcm": FILE}, "w:gz"), "archive.tar.gz"),
    "bytes": lambda _: FILE,
    "stream": lambda _: io.BytesIO(FILE),
    "pipe": lambda _: Unseekable(FILE),
    "data set": lambda _: label_map(),
    "data set read": lambda _: dcmread(io.BytesIO(FILE)),
    "iterable": lambda _: iter([label_map()]),
    "deferred": deferred,
    "buffered": buffered,
    "DICOM JSON": lambda _: dcmread(io.BytesIO(FILE)).to_json_dict(),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_gives_its_frames(kind: str, tmp_path: Path) -> None:
    result = result_of(SOURCES[kind](tmp_path))
    assert codes(result) == []
    assert np.array_equal(read_back(result), PIXELS)


@pytest.mark.parametrize("kind", ["file", "gzip", "tar.gz", "pipe", "data set", "buffered"])
def test_frames_are_there_at_once_where_the_caller_has_a_catalog(kind: str, tmp_path: Path) -> None:
    result = result_of(SOURCES[kind](tmp_path), catalog=Instances())
    assert np.array_equal(read_back(result), PIXELS)


def test_a_data_set_of_the_caller_is_not_changed() -> None:
    built = label_map()
    before = built.to_json()
    result_of(built)
    assert built.to_json() == before


# Encodings


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize("kind", ["bytes", "data set"])
def test_native_frames_are_read_in_every_encoding(syntax: str, kind: str) -> None:
    data = written(label_map(), syntax)
    result = result_of(data if kind == "bytes" else dcmread(io.BytesIO(data)))
    assert np.array_equal(read_back(result), PIXELS)


def swapped(data: bytes) -> bytes:
    return np.frombuffer(data + b"\0" * (len(data) & 1), "<u2").byteswap().tobytes()


@pytest.mark.parametrize("kind", ["bytes", "data set"])
def test_words_in_big_endian_are_swapped_and_bytes_are_not(kind: str) -> None:
    wide = PIXELS[:3].astype(np.uint16)
    odd = labels(5, 7, 9)
    for pixels, vr, value in (
        (wide, "OW", wide.astype(">u2").tobytes()),
        (odd, "OW", swapped(odd.tobytes())),
        (odd, "OB", odd.tobytes() + b"\0"),
    ):
        built = label_map(pixels)
        del built.PixelData
        built.add_new(0x7FE00010, vr, value)
        data = written(built, ExplicitVRBigEndian)
        result = result_of(data if kind == "bytes" else dcmread(io.BytesIO(data)))
        assert np.array_equal(read_back(result, pixels.shape), pixels)


@pytest.mark.parametrize("big", [False, True])
def test_frames_of_bits_need_not_begin_with_a_byte(big: bool) -> None:
    frames = (labels(11, 7, 9) > 1).astype(np.uint8)
    built = label_map(frames, SegmentsOverlap="NO")
    built.SegmentationType, built.BitsAllocated, built.BitsStored, built.HighBit = "BINARY", 1, 1, 0
    built.PerFrameFunctionalGroupsSequence = [group(number, 1) for number in range(11)]
    packed = np.packbits(frames.ravel(), bitorder="little").tobytes()
    del built.PixelData
    built.add_new(0x7FE00010, "OW", swapped(packed) if big else packed + b"\0" * (len(packed) & 1))
    result = result_of(written(built, ExplicitVRBigEndian if big else ExplicitVRLittleEndian))
    assert np.array_equal(read_back(result, frames.shape), frames)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless, JPEGLSLossless])
@pytest.mark.parametrize("kind", ["file", "tar.gz", "data set"])
def test_compressed_frames_are_decoded(syntax: Any, kind: str, tmp_path: Path) -> None:
    pixels = PIXELS[:4]
    built = label_map(pixels)
    built.file_meta = dcmread(io.BytesIO(FILE)).file_meta
    built.compress(syntax, generate_instance_uid=False)
    data = written(built, syntax)
    sources: dict[str, Callable[[], Any]] = {
        "file": lambda: saved(data, "file.dcm")(tmp_path),
        "tar.gz": lambda: saved(make_tar({"file.dcm": data}, "w:gz"), "archive.tar.gz")(tmp_path),
        "data set": lambda: dcmread(io.BytesIO(data)),
    }
    result = result_of(sources[kind]())
    assert codes(result) == []
    assert np.array_equal(read_back(result, pixels.shape), pixels)


def encapsulated(value: bytes, syntax: str, pixels: NDArray[Any], **elements: Any) -> bytes:
    built = label_map(pixels, **elements)
    del built.PixelData
    built.add_new(0x7FE00010, "OB", value)
    built["PixelData"].is_undefined_length = True
    data = written(built, RLELossless)
    meta_end = 132 + 12 + int.from_bytes(data[140:144], "little")
    return meta(syntax) + data[meta_end:]


def rle(frame: NDArray[np.uint8]) -> bytes:
    """Return a frame of one segment of literal runs (PS3.5 G)."""
    data = frame.tobytes()
    runs = b"".join(bytes([len(part) - 1]) + part for part in (data[at : at + 128] for at in range(0, len(data), 128)))
    return np.array([1, 64] + [0] * 14, "<u4").tobytes() + runs + b"\0" * (len(runs) & 1)


def deflated(frame: NDArray[np.uint8]) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(frame.tobytes()) + packer.flush()
    return data + b"\0" * (len(data) & 1)


def test_frames_are_told_apart_with_and_without_offset_tables() -> None:
    pixels = labels(4, 30, 31)
    frames = [rle(each) for each in pixels]
    value, offsets, lengths = encapsulate_extended(frames)
    for data in (
        encapsulated(encapsulate(frames, has_bot=True), RLELossless, pixels),
        encapsulated(encapsulate(frames, has_bot=False), RLELossless, pixels),
        encapsulated(value, RLELossless, pixels, ExtendedOffsetTable=offsets, ExtendedOffsetTableLengths=lengths),
    ):
        result = result_of(data)
        assert codes(result) == []
        assert np.array_equal(read_back(result, pixels.shape), pixels)


def test_frames_may_be_deflated_each() -> None:
    pixels = labels(4, 30, 31)
    value = encapsulate([deflated(each) for each in pixels], has_bot=False)
    result = result_of(encapsulated(value, "1.2.840.10008.1.2.8.1", pixels))
    assert codes(result) == []
    assert np.array_equal(read_back(result, pixels.shape), pixels)


# What is missing or broken


def codes(result: Result) -> list[tuple[str, str]]:
    return [(each.code, each.message) for each in result.problems if each.code.startswith("outline-frame")]


MISSING = "The pixel data of {} frames is missing or too short: they have no outlines."


def test_frames_before_the_end_of_a_file_that_is_cut_are_outlined() -> None:
    result = result_of(FILE[: -3 * ROWS * COLUMNS - 100])
    assert codes(result) == [("outline-frame-missing", MISSING.format(4))]
    assert "truncated" in {each.code for each in result.problems}
    expected = PIXELS.copy()
    expected[-4:] = 0
    assert np.array_equal(read_back(result), expected)


def test_frames_before_the_end_of_compressed_data_that_is_cut_are_outlined() -> None:
    pixels = labels(4, 30, 31)
    data = encapsulated(encapsulate([rle(each) for each in pixels]), RLELossless, pixels)
    result = result_of(data[: -len(rle(pixels[0])) - 40])
    assert [code for code, _ in codes(result)] == ["outline-frame-missing", "outline-frame-undecodable"]
    assert np.array_equal(read_back(result, pixels.shape)[:2], pixels[:2])


def test_a_frame_that_is_broken_is_counted_and_the_others_kept() -> None:
    pixels = labels(4, 30, 31)
    frames = [rle(each) for each in pixels]
    frames[1] = b"\1\2\3\4"
    result = result_of(encapsulated(encapsulate(frames), RLELossless, pixels))
    assert codes(result) == [("outline-frame-undecodable", "1 frames cannot be decoded: they have no outlines.")]
    pixels[1] = 0
    assert np.array_equal(read_back(result, pixels.shape), pixels)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.100", "1.2.3.4"])
def test_what_nothing_decodes_is_counted(syntax: str) -> None:
    pixels = labels(4, 30, 31)
    result = result_of(encapsulated(encapsulate([b"\1\2\3\4"] * 4), syntax, pixels))
    assert codes(result) == [("outline-frame-undecodable", "4 frames cannot be decoded: they have no outlines.")]
    assert [each.selection.key.role for each in result.selections] == ["item"] * 3


def test_an_object_without_pixel_data_keeps_its_segments() -> None:
    built = label_map()
    del built.PixelData
    for source in (built, written(built), saved_without_reading(built)):
        result = result_of(source)
        assert codes(result) == [("outline-frame-missing", MISSING.format(COUNT))]
        assert [each.selection.key.role for each in result.selections] == ["item"] * 3


def saved_without_reading(built: Dataset) -> Dataset:
    return dcmread(io.BytesIO(written(built)), stop_before_pixels=True)


def test_fragments_of_a_data_set_without_transfer_syntax_are_not_taken_for_pixels() -> None:
    pixels = labels(4, 30, 31)
    built = label_map(pixels)
    built.PixelData = encapsulate([rle(each) for each in pixels])
    built["PixelData"].is_undefined_length = True
    assert [code for code, _ in codes(result_of(built))] == ["outline-frame-undecodable"]


def test_fragments_that_make_no_sense_are_missing_frames() -> None:
    pixels = labels(4, 30, 31)
    frames = [rle(each) for each in pixels]
    value = encapsulate(frames, has_bot=False)
    # After the empty offset table and the first frame, no item's tag.
    second = 8 + 8 + len(frames[0])
    broken = value[:second] + b"\xff" * 8 + value[second + 8 :]
    result = result_of(encapsulated(broken, RLELossless, pixels))
    assert codes(result) == [("outline-frame-missing", MISSING.format(3))]
    assert np.array_equal(read_back(result, pixels.shape)[0], pixels[0])
