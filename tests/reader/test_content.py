"""Large objects come whole but for their pixel data."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from converter.reader.content import Recording, content
from converter.reader.fingerprint import fingerprint
from converter.reader.header import read_header
from converter.reader.parser import NotDicomError, parse
from tests.reader.test_header import encoded, image

LARGE = 3 * 2**20


def test_small_objects_come_as_they_are(corpus: Path) -> None:
    data = (corpus / "dcmqi/segmentations/liver.dcm").read_bytes()
    assert content(io.BytesIO(data)) == data


@pytest.mark.parametrize("transfer_syntax_uid", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
def test_large_pixel_data_is_left_out_and_what_follows_kept(transfer_syntax_uid: str) -> None:
    dataset = image(Rows=2, ContentLabel="LABEL", BitsAllocated=16)
    dataset.add_new(0x7FE00010, "OW", bytes(LARGE))
    dataset.add_new(0xFFFCFFFC, "OB", b"\1\2")
    data = encoded(dataset, transfer_syntax_uid)
    kept = content(io.BytesIO(data))
    assert len(kept) < 1000
    parsed = parse(kept)
    assert parsed.problems == ()
    assert parsed.dataset.ContentLabel == "LABEL"
    assert 0xFFFCFFFC in parsed.dataset
    assert fingerprint(parsed.dataset) == fingerprint(parse(data).dataset)


def test_compressed_pixel_data_is_left_out() -> None:
    fragment = b"\xfe\xff\x00\xe0" + LARGE.to_bytes(4, "little") + bytes(LARGE)
    pixels = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\0\0\0\0" + fragment + b"\xfe\xff\xdd\xe0\0\0\0\0"
    head = encoded(image(Rows=2), "1.2.840.10008.1.2.1")
    assert content(io.BytesIO(head + pixels)) == head


def test_pixel_data_that_ends_too_soon_is_told() -> None:
    dataset = image(Rows=2, BitsAllocated=16)
    dataset.add_new(0x7FE00010, "OW", bytes(LARGE))
    kept = content(io.BytesIO(encoded(dataset)[:-2]))
    assert len(kept) < 1000
    assert [(each.code, each.path) for each in parse(kept).problems] == [("truncated", "$.PixelData")]


@pytest.mark.parametrize("transfer_syntax_uid", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"])
def test_large_objects_without_pixel_data_come_whole(transfer_syntax_uid: str) -> None:
    dataset = image(Rows=2)
    noise = bytes((number * number >> 3) & 0xFF ^ number * 7 & 0xFF for number in range(LARGE))
    dataset.add_new(0x00420011, "OB", noise)
    data = encoded(dataset, transfer_syntax_uid)
    assert content(io.BytesIO(data)) == data


def test_what_is_not_dicom_raises() -> None:
    with pytest.raises(NotDicomError):
        content(io.BytesIO(b"text " * LARGE))


def test_a_recorded_stream_can_be_replayed_from_its_beginning(corpus: Path) -> None:
    data = (corpus / "openrem-0.10.0/test_files/RF-RDSR-Philips_Allura.dcm").read_bytes()
    for offset in (0, 10):
        source = io.BytesIO(bytes(offset) + data)
        source.seek(offset)
        with Recording(source) as recording:
            assert not recording.stream.seekable()
            assert read_header(recording.stream) == read_header(io.BytesIO(data))
            assert recording.replayed().read() == data
