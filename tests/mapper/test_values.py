"""Element values as they are: what is written with pydicom reads back, what is broken says so, and nothing warns."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from converter.mapper import values
from tests.builders import dataset
from tests.mapper.objects import reread

SYNTAXES = st.sampled_from([ExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian])
SEGMENT_NUMBER = 0x0062000B

INTEGERS = {
    "ReferencedSegmentNumber": (0, 2**16 - 1),  # US
    "PixelIntensityRelationshipSign": (-(2**15), 2**15 - 1),  # SS
    "ReferencedContentItemIdentifier": (0, 2**32 - 1),  # UL
    "DisplayedAreaTopLeftHandCorner": (-(2**31), 2**31 - 1),  # SL
    "ReferencedFrameNumber": (-(2**31), 2**31 - 1),  # IS
}


def raw(keyword: str, vr: str | None, value: bytes, *, little: bool = True) -> Dataset:
    """Return a data set with one element as bytes, without a word from pydicom."""
    made = dataset()
    tag = Tag(keyword)
    made._dict[tag] = RawDataElement(tag, vr, len(value), value, 0, vr is None, little)
    return made


@settings(max_examples=60, deadline=None)
@given(st.data(), SYNTAXES)
def test_integers_read_back_in_every_encoding(data: st.DataObject, syntax: str) -> None:
    keyword = data.draw(st.sampled_from(sorted(INTEGERS)))
    low, high = INTEGERS[keyword]
    numbers = data.draw(st.lists(st.integers(low, high), min_size=1, max_size=5))
    built = dataset(**{keyword: numbers})
    assert values.integers(reread(built, syntax), keyword) == tuple(numbers)
    assert values.integers(built, keyword) == tuple(numbers)
    assert values.integer(built, keyword) == numbers[0]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=6), SYNTAXES)
def test_single_precision_stays_single_precision(numbers: list[float], syntax: str) -> None:
    built = dataset(GraphicData=numbers)
    for each in (built, reread(built, syntax)):
        found = values.floats(each, "GraphicData")
        assert found.dtype == np.float32
        assert found.tobytes() == np.array(numbers, np.float32).tobytes()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=4), SYNTAXES)
def test_double_precision_stays_double_precision(numbers: list[float], syntax: str) -> None:
    built = dataset(DoubleFloatRealWorldValueFirstValueMapped=numbers)
    found = values.floats(reread(built, syntax), "DoubleFloatRealWorldValueFirstValueMapped")
    assert found.dtype == np.float64
    assert found.tobytes() == np.array(numbers, np.float64).tobytes()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9).map(lambda number: f"{number:.8g}"), min_size=1, max_size=4))
def test_decimal_strings_are_the_doubles_nearest_to_what_is_written(strings: list[str]) -> None:
    expected = [float(string) for string in strings]
    assert values.floats(dataset(ImagePositionPatient=strings), "ImagePositionPatient").tolist() == expected
    bytes_read = raw("ImagePositionPatient", "DS", (" \\ ".join(strings) + " ").encode())
    assert values.floats(bytes_read, "ImagePositionPatient").tolist() == expected


def test_coordinates_of_many_points_are_read_as_single_precision() -> None:
    built = raw("PointCoordinatesData", "OF", np.array([1.5, math.nan, math.inf], "<f4").tobytes())
    found = values.floats(built, "PointCoordinatesData")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([1.5, math.nan, math.inf], np.float32))


@pytest.mark.parametrize("vr", [None, "UN"])
def test_an_unknown_representation_is_the_dictionarys(vr: str | None) -> None:
    assert values.integers(raw("ReferencedSegmentNumber", vr, b"\x07\0\x02\x01"), "ReferencedSegmentNumber") == (7, 258)
    assert values.text(raw("SegmentLabel", vr, b"Kidney "), "SegmentLabel") == "Kidney"


def test_big_endian_bytes_are_read_as_such() -> None:
    built = raw("ReferencedSegmentNumber", "US", b"\x01\x02", little=False)
    assert values.integers(built, "ReferencedSegmentNumber") == (258,)


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("ReferencedSegmentNumber", "US", b"\x01\0\x02"),  # one and a half numbers
        ("ReferencedSegmentNumber", "LO", b"one"),
        ("ReferencedFrameNumber", "IS", b"1\\two"),
        ("ReferencedFrameNumber", "IS", b"1.5"),
        ("ReferencedFrameNumber", "IS", b"1_0"),  # Python's numbers, not DICOM's
        ("ReferencedFrameNumber", "IS", b"inf"),
        ("ReferencedFrameNumber", "IS", "１".encode()),
        ("GraphicData", "FL", b"\0\0\xc0\x7f"),  # not a number
    ],
)
def test_a_value_that_is_no_integer_is_unreadable(keyword: str, vr: str, value: bytes) -> None:
    with pytest.raises(values.ValueUnreadableError) as caught:
        values.integers(raw(keyword, vr, value), keyword)
    assert caught.value.keyword == str(caught.value) == keyword


def test_what_stands_in_memory_as_bytes_is_read_like_a_file() -> None:
    built = dataset()
    built.add(DataElement(SEGMENT_NUMBER, "US", b"\x07\0\x08\0"))
    assert values.integers(built, "ReferencedSegmentNumber") == (7, 8)
    built.add(DataElement(SEGMENT_NUMBER, "US", b"\x07\0\x08"))
    with pytest.raises(values.ValueUnreadableError):
        values.integers(built, "ReferencedSegmentNumber")


@pytest.mark.parametrize(
    "built", [dataset(), dataset(ReferencedFrameNumber=None), raw("ReferencedFrameNumber", "IS", b" ")]
)
def test_missing_and_empty_elements_have_no_numbers(built: Dataset) -> None:
    assert values.integers(built, "ReferencedFrameNumber") == ()
    assert values.integer(built, "ReferencedFrameNumber") is None
    assert values.text(built, "ReferencedFrameNumber") is None


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (dataset(), False),
        (dataset(ReferencedFrameNumber=None), False),
        (dataset(ReferencedFrameNumber=[]), False),
        (dataset(SegmentLabel=""), False),
        (raw("ReferencedFrameNumber", "IS", b""), False),
        (raw("ReferencedFrameNumber", "IS", b"3 "), True),
        (dataset(ReferencedFrameNumber=0), True),
        (dataset(ReferencedFrameNumber=[1, 2]), True),
    ],
)
def test_an_element_has_a_value_or_not(built: Dataset, expected: bool) -> None:
    keyword = "SegmentLabel" if "SegmentLabel" in built else "ReferencedFrameNumber"
    assert values.has_value(built, keyword) is expected


# Text


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\\"), min_size=1, max_size=8)
        .map(str.strip)
        .filter(bool),
        min_size=1,
        max_size=3,
    ),
    SYNTAXES,
)
def test_text_reads_back_in_utf_8(texts: list[str], syntax: str) -> None:
    expected = tuple(text for text in (each.strip(" \0") for each in texts) if text)
    built = dataset(SpecificCharacterSet="ISO_IR 192", ImageComments="x", OtherPatientIDs=texts)
    assert values.texts(reread(built, syntax), "OtherPatientIDs") == expected


@pytest.mark.parametrize(
    ("character_set", "encoded", "expected"),
    [
        # PS3.5 annexes H to K: names in several character sets.
        ("ISO_IR 100", b"\xc4neas^R\xfcdiger", "Rüdiger Äneas"),
        ("ISO_IR 144", b"\xbb\xee\xdace\xdc\xd1yp\xd3", "Люкceмбypг"),
        ("ISO_IR 192", b"Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1", "XiaoDong Wang"),
        ("GB18030", b"=\xcd\xf5^\xd0\xa1\xb6\xab", "小东 王"),
    ],
)
def test_names_are_decoded_by_their_character_set(character_set: str, encoded: bytes, expected: str) -> None:
    built = raw("PatientName", "PN", encoded)
    built.SpecificCharacterSet = character_set
    found = values.person_names(built, "PatientName")
    assert found == (expected,)


def test_a_sequences_items_are_in_the_character_set_of_the_object() -> None:
    built = dataset(SpecificCharacterSet="ISO_IR 100", SegmentSequence=[dataset(SegmentLabel="Niere öä")])
    (item,) = values.items(reread(built), "SegmentSequence")
    assert values.text(item, "SegmentLabel") == "Niere öä"


def test_values_are_apart_at_backslashes_but_not_in_long_text() -> None:
    assert values.texts(raw("ImageType", "CS", b"DERIVED\\PRIMARY\\\\X "), "ImageType") == ("DERIVED", "PRIMARY", "X")
    assert values.texts(raw("TextValue", "UT", b"either\\or "), "TextValue") == ("either\\or",)
    assert values.texts(dataset(ImageType=["A", "", "B"]), "ImageType") == ("A", "B")


def test_padding_is_no_part_of_a_value() -> None:
    assert values.text(raw("SOPInstanceUID", "UI", b"1.2.3\0"), "SOPInstanceUID") == "1.2.3"
    assert values.text(raw("Modality", "CS", b" SEG "), "Modality") == "SEG"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Doe", "Doe"),
        ("Doe^Jo", "Jo Doe"),
        ("Doe^Jo^M^Dr^Jr", "Dr Jo M Doe Jr"),
        ("^Jo", "Jo"),
        ("^^^^=山田^太郎", "太郎 山田"),
    ],
)
def test_names_are_written_as_people_write_them(name: str, expected: str) -> None:
    assert values.person_names(dataset(PatientName=name), "PatientName") == (expected,)


@pytest.mark.parametrize("name", ["", "^^", "="])
def test_a_name_without_a_word_is_none(name: str) -> None:
    assert values.person_names(dataset(PatientName=name), "PatientName") == ()


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("StudyInstanceUID", "UI", b"1.2.secret"),
        ("ContentDate", "DA", b"yesterday"),
        ("SegmentLabel", "LO", b"x" * 100),
        ("Modality", "CS", b"lower case"),
        ("PatientName", "PN", b"\xff\xfe"),
    ],
)
def test_values_that_are_not_valid_are_taken_without_a_warning(keyword: str, vr: str, value: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = values.text(raw(keyword, vr, value), keyword)
    assert found == (value.decode("iso8859_1") if vr == "PN" else value.decode("ascii"))


# Sequences


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_items_are_found_however_the_sequence_is_encoded(syntax: str) -> None:
    built = dataset(SegmentSequence=[dataset(SegmentNumber=1), dataset(SegmentNumber=2)])
    for undefined in (False, True):
        built["SegmentSequence"].is_undefined_length = undefined
        found = values.items(reread(built, syntax), "SegmentSequence")
        assert [values.integer(item, "SegmentNumber") for item in found] == [1, 2]


@pytest.mark.parametrize(
    "built",
    [
        dataset(),
        dataset(SegmentSequence=[]),
        raw("SegmentSequence", "SQ", b""),
        raw("SegmentSequence", "LO", b"text"),
        raw("SegmentSequence", "SQ", b"ab"),
        raw("SegmentSequence", "SQ", b"\xfe\xff\x00\xe0"),  # an item's tag without its length
    ],
)
def test_what_is_no_sequence_has_no_items(built: Any) -> None:
    assert list(values.items(built, "SegmentSequence")) == []


ITEM = b"\xfe\xff\x00\xe0\x0a\x00\x00\x00\x62\x00\x04\x00US\x02\x00\x01\x00"


@settings(max_examples=200, deadline=None)
@given(st.integers(len(ITEM), 2 * len(ITEM) - 1), st.integers(0, 255), st.integers(len(ITEM), 2 * len(ITEM)))
def test_damage_behind_an_item_does_not_change_it(place: int, byte: int, end: int) -> None:
    damaged = bytearray(ITEM * 2)
    damaged[place] = byte
    found = values.items(raw("SegmentSequence", "SQ", bytes(damaged[:end])), "SegmentSequence")
    assert [values.integer(item, "SegmentNumber") for item in found[:1]] in ([], [1])


def test_a_keyword_that_is_none_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError, match="SegmentNumbr"):
        values.integer(dataset(), "SegmentNumbr")
