from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from converter.reader.parser import NotDicomError, parse
from tests.reader.encoded import (
    BIG,
    CONTENT,
    DEFLATED,
    ENCODINGS,
    EXPLICIT,
    IMPLICIT,
    REPORT,
    UNDEFINED,
    Encoder,
    Leaf,
    codes,
    differences,
    explicit,
    leaves,
    meta,
)


def corpus_files(corpus: Path) -> Iterator[Path]:
    for path in sorted(corpus.rglob("*")):
        if path.is_file() and path.name not in ("README.md", "facts.jsonl"):
            yield path


def test_reads_every_file_of_the_corpus_as_pydicom_does(corpus: Path) -> None:
    different = {}
    for path in corpus_files(corpus):
        if path.name in ("pydicom-3.0.2-no_meta.dcm", "pydicom-3.0.2-zipMR.gz"):
            continue
        name = str(path.relative_to(corpus))
        found = differences(parse(path.read_bytes()).dataset, pydicom.dcmread(path, force=True))
        if found:
            different[name] = found
    # pydicom keeps the half of a value that is there.
    cut = ["$.BeamSequence[0].ControlPointSequence[0]: {0x300a012c}"]
    assert different == {
        "odd/pydicom-3.0.2-rtplan_truncated.dcm": cut,
        "pydicom-3.0.2/rtplan_truncated.dcm": cut,
    }


def test_finds_fault_with_no_file_of_the_corpus_but_the_truncated_ones(corpus: Path) -> None:
    found = {}
    for path in corpus_files(corpus):
        try:
            problems = codes(parse(path.read_bytes()))
        except NotDicomError:
            problems = [("not-dicom", "$")]
        if problems:
            found[path.name] = problems
    cut = [("truncated", "$.BeamSequence[0].ControlPointSequence[0].IsocenterPosition")]
    assert found == {
        "pydicom-3.0.2-MR_truncated.dcm": [("truncated", "$.PixelData")],
        "pydicom-3.0.2-no_meta.dcm": [("not-dicom", "$")],
        "pydicom-3.0.2-rtplan_truncated.dcm": cut,
        "pydicom-3.0.2-zipMR.gz": [("not-dicom", "$")],
        "rtplan_truncated.dcm": cut,
    }


def test_takes_a_memoryview() -> None:
    assert parse(memoryview(explicit(REPORT))).dataset == parse(explicit(REPORT)).dataset


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("begin", ["preamble", "no preamble", "nothing", "no transfer syntax", "wrong one"])
def test_finds_the_encoding_by_the_content(name: str, begin: str) -> None:
    is_explicit, little, uid = ENCODINGS[name]
    other = IMPLICIT if is_explicit else EXPLICIT
    heads = {
        "preamble": meta(uid),
        "no preamble": meta(uid)[132:],
        "nothing": b"",
        "no transfer syntax": b"\0" * 128 + b"DICM" + Encoder().encode([Leaf(0x00020012, "UI", b"1.2\0")]),
        "wrong one": meta(other),
    }
    parsed = parse(heads[begin] + Encoder(is_explicit, little).encode(REPORT))
    assert parsed.transfer_syntax_uid == uid
    assert parsed.problems == ()
    assert parsed.dataset.SOPClassUID == "1.2.840.10008.5.1.4.1.1.88.33"
    assert [item.ValueType for item in parsed.dataset.ContentSequence if item] == ["TEXT", "SCOORD"]
    assert parsed.dataset.ContentSequence[2].ContentSequence[0].ValueType == "IMAGE"


def test_reads_encapsulated_objects_as_explicit_little_endian_and_leaves_out_their_pixels() -> None:
    fragments = Encoder().mark(0xFFFEE000, 0) + Encoder().mark(0xFFFEE000, 4) + b"\1\2\3\4"
    pixels = Encoder().head(0x7FE00010, "OB", UNDEFINED) + fragments + Encoder().mark(0xFFFEE0DD, 0)
    data = meta("1.2.840.10008.1.2.4.50") + Encoder().encode([*REPORT])
    after = Encoder().encode([Leaf(0xFFFAFFFA, "OB", b"ab")])
    parsed = parse(data + pixels + after)
    assert codes(parsed) == []
    assert parsed.transfer_syntax_uid == "1.2.840.10008.1.2.4.50"
    assert "PixelData" not in parsed.dataset
    assert parsed.dataset[0xFFFAFFFA].value == b"ab"
    assert codes(parse(data + pixels[:-8])) == [("truncated", "$.PixelData")]
    assert codes(parse(data + pixels[:-10])) == [("truncated", "$.PixelData")]


@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_reports_pixels_that_end_too_soon(vr: str) -> None:
    data = explicit([*REPORT[:3], Leaf(0x7FE00010, vr, b"\0" * 64)])
    assert parse(data).problems == ()
    assert codes(parse(data[:-1])) == [("truncated", "$.PixelData")]


def deflate(data: bytes, window: int = -15) -> bytes:
    deflater = zlib.compressobj(wbits=window)
    return deflater.compress(data) + deflater.flush()


def test_inflates() -> None:
    plain = Encoder().encode(REPORT)
    for packed in (deflate(plain), deflate(plain) + b"\0", deflate(plain, 15)):
        parsed = parse(meta(DEFLATED) + packed)
        assert parsed.problems == ()
        assert parsed.transfer_syntax_uid == DEFLATED
        assert leaves(parsed.dataset) == leaves(parse(explicit(REPORT)).dataset)


def test_reads_what_is_said_to_be_deflated_and_is_not() -> None:
    parsed = parse(meta(DEFLATED) + Encoder().encode(REPORT))
    assert parsed.transfer_syntax_uid == EXPLICIT
    assert leaves(parsed.dataset) == leaves(parse(explicit(REPORT)).dataset)


def test_reports_a_deflated_stream_that_is_cut_anywhere() -> None:
    whole = leaves(parse(explicit(REPORT)).dataset)
    packed = deflate(Encoder().encode(REPORT))
    for size in range(1, len(packed)):
        parsed = parse(meta(DEFLATED) + packed[:size])
        assert [each.code for each in parsed.problems] == ["truncated"]
        found = leaves(parsed.dataset)
        assert found == whole[: len(found)]


def test_stops_inflating_at_a_limit() -> None:
    bomb = deflate(Encoder().encode([*REPORT, Leaf(0x7FE00010, "OB", b"\0" * 1_000_000)]))
    parsed = parse(meta(DEFLATED) + bomb, inflated_limit=100_000)
    assert [each.code for each in parsed.problems] == ["archive-limit", "truncated"]
    assert parsed.dataset.Modality == "SR"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\0" * 500,
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        b"{}" * 200,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 90,
        b"\x1f\x8b\x08\0" + bytes(range(200)),
        b"\x08\0\x05\0",
        b"II*\0\x08\0\0\0" + b"\0" * 300,
        b"\xff" * 300,
    ],
)
def test_tells_what_is_no_dicom(data: bytes) -> None:
    with pytest.raises(NotDicomError):
        parse(data)


def test_names_a_transfer_syntax_that_compresses_the_whole() -> None:
    parsed = parse(meta("1.2.826.0.1.3680043.8.1") + zlib.compress(Encoder().encode(REPORT)))
    assert codes(parsed) == [("unsupported-transfer-syntax", "$")]
    assert parsed.transfer_syntax_uid == "1.2.826.0.1.3680043.8.1"


@settings(max_examples=150, deadline=None)
@given(
    encoding=st.sampled_from(list(ENCODINGS.values())),
    flips=st.lists(st.tuples(st.integers(132, 600), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_any_damage_is_a_problem_and_never_an_exception(
    encoding: tuple[bool, bool, str], flips: list[tuple[int, int]]
) -> None:
    data = bytearray(meta(encoding[2]) + Encoder(*encoding[:2]).encode(REPORT))
    for at, value in flips:
        data[at % len(data)] = value
    try:
        parsed = parse(bytes(data))
    except NotDicomError:
        # Only if the prefix is hit.
        assert data[128:132] != b"DICM"
        return
    known = {"truncated", "malformed", "vr-unknown", "value-unreadable", "unsupported-transfer-syntax"}
    known |= {"character-set-unknown", "character-set-undecodable", "archive-limit"}
    assert {each.code for each in parsed.problems} <= known
    assert all(each.path.startswith("$") for each in parsed.problems)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_random_bytes_after_the_prefix_never_escape(data: bytes) -> None:
    assert isinstance(parse(b"\0" * 128 + b"DICM" + data).dataset, Dataset)


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=120), st.sampled_from([EXPLICIT, IMPLICIT, BIG, DEFLATED]))
def test_random_bytes_within_a_sequence_never_escape(data: bytes, uid: str) -> None:
    encoder = Encoder(uid != IMPLICIT, uid != BIG)
    sequence = encoder.head(CONTENT, "SQ", UNDEFINED) + encoder.mark(0xFFFEE000, UNDEFINED) + data
    parsed = parse(meta(uid) + encoder.encode(REPORT[:3]) + sequence)
    assert parsed.dataset.Modality == "SR"
