from __future__ import annotations

import gc
import subprocess
import sys
import tracemalloc
from itertools import product

import pytest
from pydicom import Dataset

from converter.reader.parser import NotDicomError, Parsed, parse
from tests.reader.encoded import (
    BIG,
    CONTENT,
    EXPLICIT,
    IMPLICIT,
    REPORT,
    UNDEFINED,
    Encoder,
    Item,
    Leaf,
    Nest,
    codes,
    explicit,
    leaves,
    meta,
)


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
