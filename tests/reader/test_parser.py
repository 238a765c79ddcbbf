from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from converter.reader.parser import NotDicomError, Parsed, parse
from tests.reader.encoded import UNDEFINED, Encoder, Item, Leaf, Nest, leaves, meta

without_warning = pytest.mark.filterwarnings("error")

IMPLICIT, EXPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{part}" for part in ("", ".1", ".2", ".1.99"))
COMPREHENSIVE_SR = Leaf(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.88.33\0")
CONTENT = 0x0040A730
PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}

REPORT: Item = [
    COMPREHENSIVE_SR,
    Leaf(0x00080018, "UI", b"1.2.3\0"),
    Leaf(0x00080060, "CS", b"SR"),
    Leaf(0x00100020, "LO", b""),
    Nest(0x0040A043, [[Leaf(0x00080100, "SH", b"121071"), Leaf(0x00080102, "SH", b"DCM ")]]),
    Nest(
        CONTENT,
        [
            [Leaf(0x0040A040, "CS", b"TEXT"), Leaf(0x0040A160, "UT", b"none")],
            [],
            [
                Leaf(0x0040A040, "CS", b"SCOORD"),
                Nest(CONTENT, [[Leaf(0x0040A040, "CS", b"IMAGE ")]], items_undefined=True),
                Leaf(0x00700023, "CS", b"POINT "),
            ],
        ],
        undefined=True,
        items_undefined=True,
    ),
    Leaf(0x00700080, "CS", b"X "),
]


def codes(parsed: Parsed) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in parsed.problems]


def explicit(elements: Item) -> bytes:
    return meta(EXPLICIT) + Encoder().encode(elements)


# Against pydicom


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


def differences(ours: Dataset, theirs: Dataset) -> list[str]:
    found = []
    pending = [(ours, theirs, "$")]
    while pending:
        one, other, path = pending.pop()
        tags = set(one.keys()) ^ (set(other.keys()) - PIXELS)
        if tags:
            found.append(f"{path}: {{{', '.join(hex(tag) for tag in sorted(tags))}}}")
        for tag in set(one.keys()) & set(other.keys()):
            mine, yours = one[tag], other[tag]
            if mine.VR != yours.VR:
                found.append(f"{path}.{tag}: VR")
            elif mine.VR != "SQ":
                found += [f"{path}.{tag}"] if mine.value != yours.value else []
            elif len(mine.value) != len(yours.value):
                found.append(f"{path}.{tag}: items")
            else:
                pairs = enumerate(zip(mine.value, yours.value, strict=True))
                pending += ((*pair, f"{path}.{mine.keyword}[{index}]") for index, pair in pairs)
    return found


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


# Encodings

ENCODINGS = {"implicit": (False, True, IMPLICIT), "explicit": (True, True, EXPLICIT), "big": (True, False, BIG)}


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
    [b"", b"\0", b"\0" * 500, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n", b"{}" * 200, b"\x89PNG\r\n\x1a\n" + b"\0" * 90]
    + [b"\x1f\x8b\x08\0" + bytes(range(200)), b"\x08\0\x05\0", b"II*\0\x08\0\0\0" + b"\0" * 300, b"\xff" * 300],
)
def test_tells_what_is_no_dicom(data: bytes) -> None:
    with pytest.raises(NotDicomError):
        parse(data)


def test_names_a_transfer_syntax_that_compresses_the_whole() -> None:
    parsed = parse(meta("1.2.826.0.1.3680043.8.1") + zlib.compress(Encoder().encode(REPORT)))
    assert codes(parsed) == [("unsupported-transfer-syntax", "$")]
    assert parsed.transfer_syntax_uid == "1.2.826.0.1.3680043.8.1"


# Truncation


@pytest.mark.parametrize(("is_explicit", "little"), [(True, True), (False, True), (True, False)])
def test_notices_every_cut_but_between_top_level_elements(is_explicit: bool, little: bool) -> None:
    head = meta({(True, True): EXPLICIT, (False, True): IMPLICIT, (True, False): BIG}[is_explicit, little])
    encoder = Encoder(is_explicit, little)
    data = head + encoder.encode(REPORT, len(head))
    # Before, between and after the two elements of the file meta information, the first of which has 12 bytes.
    whole_ends = {132, 144, len(head), *encoder.ends}
    for size in range(132, len(data)):
        parsed = parse(data[:size])
        found = {each.code for each in parsed.problems}
        assert found <= {"truncated"}, size
        assert len(parsed.problems) == (size not in whole_ends), size
        assert leaves(parsed.dataset) == [(tag, value) for end, tag, value in encoder.leaves if end <= size], size


@pytest.mark.parametrize(("is_explicit", "little"), [(True, True), (False, True), (True, False)])
def test_notices_every_cut_of_a_bare_data_set(is_explicit: bool, little: bool) -> None:
    encoder = Encoder(is_explicit, little)
    data = encoder.encode(REPORT)
    first = encoder.leaves[0][0]
    for size in range(first):
        with pytest.raises(NotDicomError):
            parse(data[:size])
    for size in range(first, len(data)):
        parsed = parse(data[:size])
        assert [each.code for each in parsed.problems] == ["truncated"] * (size not in encoder.ends), size
        assert leaves(parsed.dataset) == [(tag, value) for end, tag, value in encoder.leaves if end <= size], size


def test_says_where_a_data_set_is_cut() -> None:
    encoder = Encoder()
    data = explicit(REPORT)
    start = len(meta(EXPLICIT))
    encoder.encode(REPORT, start)
    ends = {(tag, value): end for end, tag, value in encoder.leaves}
    assert codes(parse(data[:-1])) == [("truncated", "$.ContentLabel")]
    places = {
        ends[0x00080102, b"DCM "] - 1: "$.ConceptNameCodeSequence[0].CodingSchemeDesignator",
        ends[0x0040A040, b"IMAGE "] - 1: "$.ContentSequence[2].ContentSequence[0].ValueType",
        # Before the item's delimiter, and within it.
        ends[0x0040A040, b"IMAGE "]: "$.ContentSequence[2].ContentSequence[0]",
        ends[0x0040A040, b"IMAGE "] + 5: "$.ContentSequence[2].ContentSequence[0]",
        ends[0x00700023, b"POINT "]: "$.ContentSequence[2]",
        # Before the sequence's delimiter.
        ends[0x00700023, b"POINT "] + 8: "$.ContentSequence",
        start + 3: "$",
    }
    for size, path in places.items():
        assert codes(parse(data[:size])) == [("truncated", path)]


def test_reads_on_after_an_item_that_is_too_long_for_its_sequence() -> None:
    item = Encoder().encode([Leaf(0x0040A040, "CS", b"TEXT")])
    sequence = Encoder().mark(0xFFFEE000, len(item) + 6) + item
    data = explicit(REPORT[:3]) + Encoder().head(CONTENT, "SQ", len(sequence)) + sequence
    parsed = parse(data + Encoder().encode([Leaf(0x00700023, "CS", b"POINT ")]))
    assert codes(parsed) == [("truncated", "$.ContentSequence[0]")]
    assert parsed.dataset.ContentSequence[0].ValueType == "TEXT"
    assert parsed.dataset.GraphicType == "POINT"


def test_reads_on_after_a_value_that_is_too_long_for_its_item() -> None:
    item = Encoder().encode([Leaf(0x0040A040, "CS", b"TEXT")])
    item += Encoder().head(0x0040A160, "UT", 500) + b"some"
    sequence = Encoder().mark(0xFFFEE000, len(item)) + item
    sequence += Encoder().mark(0xFFFEE000, 12) + Encoder().encode([Leaf(0x0040A040, "CS", b"CODE")])
    data = explicit(REPORT[:3]) + Encoder().head(CONTENT, "SQ", len(sequence)) + sequence
    parsed = parse(data)
    assert codes(parsed) == [("truncated", "$.ContentSequence[0].TextValue")]
    assert [item.ValueType for item in parsed.dataset.ContentSequence] == ["TEXT", "CODE"]


def test_writes_the_tag_of_what_has_no_keyword() -> None:
    data = explicit([*REPORT[:2], Leaf(0x00091001, "LO", b"abcd")])
    assert codes(parse(data[:-1])) == [("truncated", "$['00091001']")]


# Depth


def nested(depth: int, undefined: bool, encoder: Encoder) -> bytes:
    """Return a data set with a value type and a content sequence of one item, `depth` times."""
    leaf = encoder.encode([Leaf(0x0040A040, "CS", b"TEXT")])
    levels: list[bytes] = [leaf]
    size = len(leaf)
    for _ in range(depth):
        item = encoder.mark(0xFFFEE000, UNDEFINED if undefined else size)
        head = encoder.head(CONTENT, "SQ", UNDEFINED if undefined else size + 8)
        levels.append(leaf + head + item)
        size += len(levels[-1])
    ends = (encoder.mark(0xFFFEE00D, 0) + encoder.mark(0xFFFEE0DD, 0)) * depth if undefined else b""
    return encoder.encode(REPORT[:3]) + b"".join(reversed(levels)) + ends


def depth_of(dataset: Dataset) -> int:
    depth = 0
    while CONTENT in dataset:
        assert dataset.ValueType == "TEXT"
        dataset = dataset[CONTENT].value[0]
        depth += 1
    return depth


@pytest.mark.parametrize(("undefined", "is_explicit"), list(product([True, False], [True, False])))
def test_reads_sequences_nested_ten_thousand_deep(undefined: bool, is_explicit: bool) -> None:
    data = nested(10_000, undefined, Encoder(is_explicit))
    parsed = parse(data)
    assert parsed.problems == ()
    assert depth_of(parsed.dataset) == 10_000
    cut = parse(data[: len(data) // 2])
    assert [each.code for each in cut.problems] == ["truncated"]
    assert cut.problems[0].path.startswith("$.ContentSequence[0].ContentSequence[0]")
    assert depth_of(cut.dataset) > 4_000


def test_reads_unknown_sequences_nested_ten_thousand_deep() -> None:
    inner = nested(10_000, False, Encoder(explicit=False))[len(Encoder(explicit=False).encode(REPORT[:3])) :]
    item = Encoder().mark(0xFFFEE000, len(inner)) + inner
    parsed = parse(explicit([*REPORT[:3], Leaf(CONTENT, "UN", item)]))
    assert parsed.problems == ()
    assert depth_of(parsed.dataset[CONTENT].value[0]) == 10_000


def test_lets_go_of_a_deep_nest() -> None:
    # In a process of its own: a stack that overflows takes the process with it.
    script = (
        "import gc, sys; from converter.reader.parser import parse; parsed = parse(sys.stdin.buffer.read());"
        "assert not parsed.problems; parsed = None; gc.collect(); print('gone')"
    )
    data = nested(20_000, True, Encoder())
    done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=False)
    assert done.stdout == b"gone\n"
    assert done.returncode == 0


def test_takes_memory_in_proportion_to_depth() -> None:
    def peak(depth: int) -> int:
        data = nested(depth, False, Encoder())
        gc.collect()
        tracemalloc.start()
        parsed = parse(data)
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert parsed.problems == ()
        return size

    assert peak(8_000) < 10 * peak(1_000)


# What writers do


def test_reads_an_unknown_vr_as_its_keywords() -> None:
    for odd in (b"ZZ\x06\0", b"ZZ\0\0\x06\0\0\0"):
        data = explicit(REPORT[:2]) + Encoder().tag(0x00080060) + odd + b"SR    "
        parsed = parse(data + Encoder().encode([Leaf(0x00100020, "LO", b"12")]))
        assert codes(parsed) == [("vr-unknown", "$.Modality")]
        assert parsed.dataset.Modality == "SR"
        assert parsed.dataset.PatientID == "12"


def test_reads_single_elements_in_the_other_encoding() -> None:
    one, other = Encoder(explicit=True), Encoder(explicit=False)
    data = meta(EXPLICIT) + one.encode(REPORT[:2]) + other.encode(REPORT[2:5]) + one.encode(REPORT[5:])
    assert leaves(parse(data).dataset) == leaves(parse(explicit(REPORT)).dataset)
    assert parse(data).problems == ()
    data = (
        meta(IMPLICIT)
        + other.encode(REPORT[:3])
        + one.encode([Leaf(0x00100010, "PN", b"A^")])
        + other.encode(REPORT[4:])
    )
    parsed = parse(data)
    assert parsed.problems == ()
    assert parsed.dataset.PatientName == "A^"
    assert len(parsed.dataset.ContentSequence) == 3


def unknown(undefined: bool, content: Encoder) -> bytes:
    item = content.encode([Leaf(0x0040A040, "CS", b"TEXT")])
    value = content.mark(0xFFFEE000, len(item)) + item
    head = Encoder().head(CONTENT, "UN", UNDEFINED if undefined else len(value))
    return explicit(REPORT[:3]) + head + value + (Encoder().mark(0xFFFEE0DD, 0) if undefined else b"")


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("is_explicit", [True, False])
def test_reads_un_as_the_sequence_that_it_is(undefined: bool, is_explicit: bool) -> None:
    # PS3.5 6.2.2 note 4: implicit VR little endian; some writers leave it explicit.
    data = unknown(undefined, Encoder(is_explicit)) + Encoder().encode([REPORT[-1]])
    parsed = parse(data)
    assert parsed.problems == ()
    assert parsed.dataset.ContentSequence[0].ValueType == "TEXT"
    assert 0x00700080 in parsed.dataset


def test_leaves_un_raw_where_it_is_no_sequence() -> None:
    parsed = parse(explicit([*REPORT[:3], Leaf(CONTENT, "UN", b"\1\2\3\4\5\6\7\x08\x09\x0a"), REPORT[-1]]))
    assert codes(parsed) == [("value-unreadable", "$.ContentSequence")]
    assert parsed.dataset[CONTENT].value == b"\1\2\3\4\5\6\7\x08\x09\x0a"
    assert parsed.dataset[CONTENT].VR == "UN"
    assert 0x00700080 in parsed.dataset


def test_leaves_un_raw_where_a_part_of_it_cannot_be_read() -> None:
    bad = Encoder(explicit=False).encode([Leaf(0x0040A040, "CS", b"TEXT"), Leaf(0x0040A168, "UN", b"garbage!")])
    item = Encoder().mark(0xFFFEE000, len(bad)) + bad
    parsed = parse(explicit([*REPORT[:3], Leaf(CONTENT, "UN", item)]))
    # In implicit VR the inner one is known to be a sequence: it is malformed, and so the outer one is none.
    assert codes(parsed) == [("value-unreadable", "$.ContentSequence")]


def test_reads_private_sequences_of_undefined_length_in_implicit_vr() -> None:
    encoder = Encoder(explicit=False)
    private = Nest(0x00091001, [[Leaf(0x0040A040, "CS", b"TEXT")]], undefined=True, items_undefined=True)
    parsed = parse(meta(IMPLICIT) + encoder.encode([*REPORT[:3], Leaf(0x00090010, "LO", b"MINE"), private, REPORT[-1]]))
    assert parsed.problems == ()
    assert parsed.dataset[0x00091001].value[0].ValueType == "TEXT"


def test_passes_over_stray_delimiters() -> None:
    encoder = Encoder()
    stray = encoder.mark(0xFFFEE00D, 0) + encoder.mark(0xFFFEE0DD, 0)
    inner = encoder.encode([Nest(CONTENT, [[Leaf(0x0040A040, "CS", b"CODE")]])]) + encoder.mark(0xFFFEE0DD, 0)
    item = encoder.mark(0xFFFEE000, UNDEFINED) + inner + encoder.encode([Leaf(0x0040A040, "CS", b"TEXT")])
    sequence = encoder.head(CONTENT, "SQ", UNDEFINED) + item + stray
    parsed = parse(explicit(REPORT[:3]) + stray + sequence + stray + encoder.encode([REPORT[-1]]))
    assert parsed.problems == ()
    assert parsed.dataset.ContentSequence[0].ValueType == "TEXT"
    assert parsed.dataset.ContentSequence[0].ContentSequence[0].ValueType == "CODE"
    assert 0x00700080 in parsed.dataset


def test_closes_items_whose_delimiter_is_missing() -> None:
    encoder = Encoder()
    item = encoder.mark(0xFFFEE000, UNDEFINED) + encoder.encode([Leaf(0x0040A040, "CS", b"TEXT")])
    sequence = encoder.head(CONTENT, "SQ", UNDEFINED) + item + item + encoder.mark(0xFFFEE0DD, 0)
    parsed = parse(explicit(REPORT[:3]) + sequence + encoder.encode([Leaf(0x00700023, "CS", b"POINT ")]))
    assert [item.ValueType for item in parsed.dataset.ContentSequence] == ["TEXT", "TEXT"]
    assert parsed.dataset.GraphicType == "POINT"


def without_items(length: int, content: Leaf) -> Parsed:
    encoded = Encoder().head(0x0040A043, "SQ", length) + Encoder().encode([content])
    return parse(explicit(REPORT[:3]) + encoded + Encoder().encode([Leaf(0x00700023, "CS", b"POINT ")]))


def test_passes_over_a_sequence_without_items() -> None:
    parsed = without_items(16, Leaf(0x0040A160, "UT", b"none"))
    assert codes(parsed) == [("malformed", "$.ConceptNameCodeSequence")]
    assert "TextValue" not in parsed.dataset
    assert parsed.dataset.GraphicType == "POINT"


def test_reads_on_where_a_sequence_of_undefined_length_has_no_end() -> None:
    parsed = without_items(UNDEFINED, Leaf(0x0040A160, "UT", b"none"))
    assert codes(parsed) == [("malformed", "$.ConceptNameCodeSequence")]
    assert parsed.dataset.TextValue == "none"
    assert parsed.dataset.GraphicType == "POINT"


def test_stops_where_nothing_says_how_to_go_on() -> None:
    parsed = without_items(UNDEFINED, Leaf(0x00080070, "LO", b"none"))
    assert codes(parsed) == [("malformed", "$.ConceptNameCodeSequence")]
    assert parsed.dataset.Modality == "SR"
    assert "GraphicType" not in parsed.dataset


def test_keeps_what_stands_before_nonsense() -> None:
    parsed = parse(explicit(REPORT) + b"\0\0\0\0nonsense that goes on for a while")
    assert codes(parsed) == [("malformed", "$")]
    assert leaves(parsed.dataset) == leaves(parse(explicit(REPORT)).dataset)


@pytest.mark.parametrize("padding", [b"\0" * 2, b"\0" * 6, b"\0" * 100, b"\xfc\xff\xfc\xffOB\0\0\x04\0\0\0\0\0\0\0"])
def test_accepts_padding_at_the_end(padding: bytes) -> None:
    assert parse(explicit(REPORT) + padding).problems == ()


def test_reads_values_of_odd_length_padded_or_not() -> None:
    for padding in (b"", b"\0", b" "):
        data = explicit([*REPORT[:3], Leaf(0x00100020, "LO", b"123")]) + padding
        for more in (b"", Encoder().encode(REPORT[4:])):
            parsed = parse(data + more)
            assert parsed.problems == (), (padding, more)
            assert parsed.dataset.PatientID == "123"


def test_reads_empty_sequences() -> None:
    for undefined in (True, False):
        parsed = parse(explicit([*REPORT[:3], Nest(CONTENT, [], undefined=undefined), REPORT[-1]]))
        assert parsed.problems == ()
        assert list(parsed.dataset.ContentSequence) == []
        assert 0x00700080 in parsed.dataset


def test_reads_file_meta_elements_inside_the_data_set() -> None:
    parsed = parse(Encoder(explicit=False).encode([*REPORT[:3], Leaf(0x00020010, "UI", b"1.2\0"), *REPORT[3:]]))
    assert parsed.problems == ()
    assert len(parsed.dataset.ContentSequence) == 3


def test_settles_what_is_us_or_ss_by_the_nearest_pixel_representation() -> None:
    lowest = Leaf(0x00280106, "US", b"\xff\xff")
    items: list[Item] = [[lowest], [lowest, Leaf(0x00280103, "US", b"\0\0")]]
    encoded = Encoder(explicit=False).encode(
        [*REPORT[:3], Leaf(0x00280103, "US", b"\1\0"), lowest, Nest(0x00409096, items, undefined=True)]
    )
    dataset = parse(meta(IMPLICIT) + encoded).dataset
    assert dataset.SmallestImagePixelValue == -1
    values = [item.SmallestImagePixelValue for item in dataset.RealWorldValueMappingSequence]
    assert values == [-1, 65535]


# Damage


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


# Character sets

# PS3.5 annexes H.3 and I.2: the examples' Person Names, and what they say.
JAPANESE = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
KOREAN = b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf"


def with_text(character_set: bytes | None, name: bytes, *more: Leaf | Nest) -> Parsed:
    stated = [] if character_set is None else [Leaf(0x00080005, "CS", character_set)]
    return parse(explicit([*stated, *REPORT[:3], Leaf(0x00100010, "PN", name), *more]))


@without_warning
@pytest.mark.parametrize(
    ("character_set", "encoded", "text"),
    [
        (b"ISO_IR 100", "Bärbel".encode("latin-1"), "Bärbel"),
        (b"ISO_IR 192", "山田".encode(), "山田"),
        (b"GB18030 ", "王".encode("gb18030"), "王"),
        (b"ISO_IR 144", "Люкceмбypг".encode("iso8859-5"), "Люкceмбypг"),
        (b"\\ISO 2022 IR 87", JAPANESE, "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (b"\\ISO 2022 IR 149", KOREAN, "Hong^Gildong=洪^吉洞=홍^길동"),
        (b"ISO 2022 IR 100\\ISO 2022 IR 144", b"K\xf6nig=\x1b-L\xbb\xee", "König=Лю"),
    ],
)
def test_leaves_text_that_fits_its_character_set_to_pydicom(character_set: bytes, encoded: bytes, text: str) -> None:
    parsed = with_text(character_set, encoded)
    assert parsed.problems == ()
    assert parsed.dataset.get_item(0x00100010).value == encoded
    assert str(parsed.dataset.PatientName) == text


@without_warning
@pytest.mark.parametrize(
    "character_set", [b"ISO_IR 999", b"klingon", b"zlib", b"ISO_IR 999\\ISO 2022 IR 87", b"\xff\xfe"]
)
@pytest.mark.parametrize(
    ("encoded", "text"),
    [(b"Plain", "Plain"), ("Bärbel".encode(), "Bärbel"), (b"B\xe4rbel", "B\ufffdrbel"), (b"\x1b$B;3ED\x1b(B", "山田")],
)
def test_reads_text_in_an_unknown_character_set_as_utf_8(character_set: bytes, encoded: bytes, text: str) -> None:
    parsed = with_text(character_set, encoded)
    assert codes(parsed) == [("character-set-unknown", "$.SpecificCharacterSet")]
    assert str(parsed.dataset.PatientName) == text
    assert parsed.dataset.SpecificCharacterSet == "ISO_IR 192"


@without_warning
@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [(b"ISO-IR 100", "ISO_IR 100"), (b"iso_ir_100", "ISO_IR 100"), (b"latin1", "ISO_IR 100"), (b"utf-8", "ISO_IR 192")]
    + [(b"ISO_IR 192\\ISO 2022 IR 87", "ISO_IR 192"), (b"ISO_IR 100\\GB18030", "ISO_IR 100")],
)
def test_understands_misspelt_character_sets(misspelt: bytes, meant: str) -> None:
    encoded = "Bärbel".encode("utf-8" if meant == "ISO_IR 192" else "latin-1")
    parsed = with_text(misspelt, encoded)
    assert codes(parsed) == [("character-set-unknown", "$.SpecificCharacterSet")]
    assert parsed.dataset.PatientName == "Bärbel"
    assert parsed.dataset.SpecificCharacterSet == meant


@without_warning
@pytest.mark.parametrize(
    ("character_set", "encoded", "text"),
    [
        (b"ISO_IR 192", b"B\xe4rbel", "B\ufffdrbel"),
        (b"ISO_IR 138", b"\xfb\xfc", "\ufffd\ufffd"),
        (b"\\ISO 2022 IR 149", b"\x1b$B;3ED\x1b(B", "山田"),
        (b"ISO_IR 100", b"a\x1b$B;3ED\x1b(B", "a山田"),
        (None, "Bärbel".encode(), "Bärbel"),
        (None, "Bärbel".encode("latin-1"), "Bärbel"),
        (b"ISO_IR 6", "Bärbel".encode("latin-1"), "Bärbel"),
    ],
)
def test_replaces_what_does_not_fit_its_character_set(character_set: bytes | None, encoded: bytes, text: str) -> None:
    inner = Nest(CONTENT, [[Leaf(0x0040A123, "PN", b"Inner")]])
    parsed = with_text(character_set, encoded, inner)
    assert codes(parsed) == [("character-set-undecodable", "$.PatientName")]
    assert parsed.dataset.PatientName == text
    assert parsed.dataset.ContentSequence[0].PersonName == "Inner"


@without_warning
def test_keeps_the_other_text_of_a_data_set_with_undecodable_text() -> None:
    inner = [Leaf(0x0040A123, "PN", "홍".encode("euc_kr").join([b"\x1b$)C", b""]))]
    own = [Leaf(0x00080005, "CS", b"ISO_IR 100"), Leaf(0x0040A123, "PN", b"K\xf6nig")]
    sequence = Nest(CONTENT, [inner, own, [Leaf(0x0040A160, "UT", b"ab\xff\xff")]])
    parsed = with_text(b"\\ISO 2022 IR 149", KOREAN, sequence)
    assert codes(parsed) == [("character-set-undecodable", "$.ContentSequence[2].TextValue")]
    assert parsed.dataset.PatientName == "Hong^Gildong=洪^吉洞=홍^길동"
    items = parsed.dataset.ContentSequence
    assert [str(items[0].PersonName), str(items[1].PersonName)] == ["홍", "König"]
    assert items[2].TextValue == "abÿÿ"


@without_warning
def test_items_take_over_the_character_set_unless_they_state_one() -> None:
    name = Leaf(0x0040A123, "PN", "Ж".encode("iso8859-5"))
    own: Item = [Leaf(0x00080005, "CS", b"ISO_IR 100"), Leaf(0x0040A123, "PN", b"\xd6"), Nest(CONTENT, [[name]])]
    deep: Item = [Leaf(0x0040A040, "CS", b"CODE"), Nest(CONTENT, [[name]])]
    dataset = with_text(b"ISO_IR 144", b"A", Nest(CONTENT, [[name], own, deep])).dataset
    items = dataset.ContentSequence
    assert items[0].PersonName == "Ж"
    assert items[1].PersonName == "Ö"
    assert items[1].ContentSequence[0].PersonName == "Ж".encode("iso8859-5").decode("latin-1")
    assert items[2].ContentSequence[0].PersonName == "Ж"


@without_warning
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=24), st.binary(max_size=12))
def test_any_text_in_any_character_set_can_be_read_without_a_warning(character_set: bytes, encoded: bytes) -> None:
    parsed = with_text(character_set, b"", Nest(CONTENT, [[Leaf(0x0040A160, "UT", encoded)]]))
    text: Any = parsed.dataset.ContentSequence[0].TextValue
    assert isinstance(text, str)
    assert {each.code for each in parsed.problems} <= {"character-set-unknown", "character-set-undecodable"}
