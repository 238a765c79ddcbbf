"""Frames are found and decoded, one at a time, from whatever encoding; what cannot be shown says why."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from converter.view import images as texts
from converter.view.codestream import size_of
from converter.view.images import Images
from converter.view.picture import PictureError
from tests.builders import IMAGE_1, SERIES, STUDY, dataset, written

FRAMES = np.arange(3 * 64 * 48, dtype=np.uint16).reshape(3, 64, 48) * 7


def ct(pixels: NDArray[Any] = FRAMES, **elements: Any) -> Dataset:
    stated = dataset(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2",
        SOPInstanceUID=IMAGE_1,
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=SERIES,
        Modality="CT",
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        Rows=pixels.shape[-2],
        Columns=pixels.shape[-1],
        BitsAllocated=16,
        BitsStored=16,
        HighBit=15,
        PixelRepresentation=0,
        PixelData=pixels.tobytes(),
    )
    if pixels.ndim == 3:
        stated.NumberOfFrames = len(pixels)
    stated["PixelData"].VR = "OW"
    stated.update(dataset(**elements))
    return stated


def compressed(syntax: str) -> Dataset:
    built = ct()
    built.file_meta = FileMetaDataset()
    built.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    built.compress(syntax, generate_instance_uid=False)
    return built


def frame(file: Path, number: int = 1) -> NDArray[Any]:
    with Images(file) as images:
        return images.pixels(IMAGE_1, number)


def failure(file: Path, number: int = 1) -> str:
    with Images(file) as images, pytest.raises(PictureError) as raised:
        images.pixels(IMAGE_1, number)
    return str(raised.value)


def stored(folder: Path, data: bytes) -> Path:
    file = folder / "image.dcm"
    file.write_bytes(data)
    return file


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_each_frame_of_a_native_encoding(tmp_path: Path, syntax: str) -> None:
    file = stored(tmp_path, written(ct(), syntax))
    for number in (1, 2, 3):
        assert np.array_equal(frame(file, number), FRAMES[number - 1])


def test_a_big_endian_image(tmp_path: Path) -> None:
    built = ct()
    built.PixelData = FRAMES.astype(">u2").tobytes()
    file = stored(tmp_path, written(built, ExplicitVRBigEndian))
    assert np.array_equal(frame(file, 2), FRAMES[1])


def test_a_data_set_without_file_meta_information(tmp_path: Path) -> None:
    data = written(ct(), ExplicitVRLittleEndian)
    bare = data[data.index(b"\x08\x00\x16\x00") :]
    assert np.array_equal(frame(stored(tmp_path, bare), 3), FRAMES[2])


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
def test_each_frame_of_a_lossless_compression(tmp_path: Path, syntax: str) -> None:
    file = stored(tmp_path, written(compressed(syntax), syntax))
    for number in (1, 2, 3):
        assert np.array_equal(frame(file, number), FRAMES[number - 1])


def test_a_jpeg_in_colour_becomes_rgb(tmp_path: Path) -> None:
    red = Image.new("RGB", (16, 16), (200, 40, 60))
    stream = io.BytesIO()
    red.save(stream, "JPEG", quality=95)
    built = ct(
        np.zeros((16, 16), np.uint8),
        SamplesPerPixel=3,
        PhotometricInterpretation="YBR_FULL_422",
        PlanarConfiguration=0,
        BitsAllocated=8,
        BitsStored=8,
        HighBit=7,
    )
    built.PixelData = encapsulate([stream.getvalue()])
    built["PixelData"].VR = "OB"
    built["PixelData"].is_undefined_length = True
    pixels = frame(stored(tmp_path, written(built, JPEGBaseline8Bit)))
    assert pixels.shape == (16, 16, 3)
    assert np.abs(pixels.astype(int) - (200, 40, 60)).max() <= 3


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_tells_its_size(progressive: bool) -> None:
    stream = io.BytesIO()
    Image.new("L", (300, 200)).save(stream, "JPEG", progressive=progressive)
    assert size_of(stream.getvalue()) == (200, 300)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8" + b"\xff" * 40, b"\xff\xd8\xff\xe0\0\0" * 9, b"RLE"])
def test_what_is_no_image_tells_none(data: bytes) -> None:
    assert size_of(data) is None


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_image_within_an_archive(tmp_path: Path, compression: int) -> None:
    file = tmp_path / "images.zip"
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("a/image.dcm", written(ct()))
    assert np.array_equal(frame(file, 2), FRAMES[1])


def test_of_a_large_image_no_more_than_a_frame_is_held(tmp_path: Path) -> None:
    built = ct(np.zeros((200, 256, 256), np.uint16))
    file = stored(tmp_path, written(built))
    del built
    with Images(file) as images:
        tracemalloc.start()
        images.pixels(IMAGE_1, 200)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # 26 MB in the file, 131 kB in a frame.
    assert peak < 2_000_000


class TestMissing:
    def test_an_image_that_is_not_there(self, tmp_path: Path) -> None:
        with Images(tmp_path) as images:
            assert images.missing(IMAGE_1) == texts.NOT_THERE
            assert images.lookup(IMAGE_1) is None

    def test_without_a_path_nothing_is_there(self) -> None:
        with Images(None) as images:
            assert images.missing(IMAGE_1) == texts.NOT_THERE

    def test_a_frame_that_is_not_there(self, tmp_path: Path) -> None:
        file = stored(tmp_path, written(ct()))
        assert failure(file, 4) == texts.NO_FRAME
        assert failure(file, 0) == texts.NO_FRAME

    def test_an_image_without_pixels(self, tmp_path: Path) -> None:
        built = ct()
        del built.PixelData
        assert failure(stored(tmp_path, written(built))) == texts.NO_PIXELS

    def test_an_image_that_is_cut(self, tmp_path: Path) -> None:
        assert failure(stored(tmp_path, written(ct())[:-2000]), 3) == texts.NOT_DECODED

    def test_the_frames_before_the_cut_are_shown(self, tmp_path: Path) -> None:
        assert np.array_equal(frame(stored(tmp_path, written(ct())[:-900]), 2), FRAMES[1])

    def test_a_compression_that_is_none(self, tmp_path: Path) -> None:
        built = ct()
        built.PixelData = encapsulate([b"no JPEG"])
        built["PixelData"].VR = "OB"
        built["PixelData"].is_undefined_length = True
        assert failure(stored(tmp_path, written(built, JPEGBaseline8Bit))) == texts.NOT_DECODED

    def test_a_transfer_syntax_that_nothing_decodes(self, tmp_path: Path) -> None:
        built = ct()
        built.PixelData = encapsulate([b"a video"])
        built["PixelData"].VR = "OB"
        built["PixelData"].is_undefined_length = True
        # MPEG-2.
        assert failure(stored(tmp_path, written(built, "1.2.840.10008.1.2.4.100"))) == texts.NO_DECODER

    def test_pixels_that_contradict_the_transfer_syntax(self, tmp_path: Path) -> None:
        built = ct()
        built.PixelData = encapsulate([FRAMES[0].tobytes()])
        built["PixelData"].VR = "OB"
        built["PixelData"].is_undefined_length = True
        data = written(built, RLELossless).replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.1\0")
        assert failure(stored(tmp_path, data)) == texts.NOT_DECODED

    def test_an_image_that_claims_to_be_vast(self, tmp_path: Path) -> None:
        assert failure(stored(tmp_path, written(ct(Rows=60000, Columns=60000)))) == texts.TOO_LARGE

    @pytest.mark.parametrize(
        ("syntax", "before", "sizes"),
        [
            # Rows and columns behind the marker, its length and the precision.
            (JPEGLSLossless, b"\xff\xf7", "5:9"),
            # Columns and rows of the grid.
            (JPEG2000Lossless, b"\xff\x4f\xff\x51", "8:16"),
        ],
    )
    def test_a_frame_that_claims_to_be_vast(self, syntax: str, before: bytes, sizes: str, tmp_path: Path) -> None:
        data = bytearray(written(compressed(syntax), syntax))
        at = data.index(before)
        start, end = (at + int(each) for each in sizes.split(":"))
        data[start:end] = (60000).to_bytes((end - start) // 2, "big") * 2
        assert failure(stored(tmp_path, bytes(data))) == texts.NOT_DECODED

    def test_a_report_is_no_image(self, corpus: Path) -> None:
        file = corpus / "highdicom" / "sr_document.dcm"
        with Images(file) as images:
            assert images.missing(str(dcmread(file).SOPInstanceUID)) == texts.NO_IMAGE


@settings(max_examples=60, deadline=None)
@given(
    at=st.integers(0, 4000),
    junk=st.binary(min_size=1, max_size=8),
    syntax=st.sampled_from([ExplicitVRLittleEndian, RLELossless]),
)
def test_damage_gives_pixels_or_a_fixed_text(at: int, junk: bytes, syntax: str) -> None:
    data = bytearray(written(compressed(syntax) if syntax == RLELossless else ct(), syntax))
    at %= len(data) - len(junk)
    data[at : at + len(junk)] = junk
    fixed = {value for name, value in vars(texts).items() if name.isupper() and isinstance(value, str)}
    with TemporaryDirectory() as folder, Images(stored(Path(folder), bytes(data))) as images:
        try:
            found: object = images.pixels(IMAGE_1, 2).ndim
        except PictureError as error:
            found = str(error)
    assert found in {2, 3} | fixed
