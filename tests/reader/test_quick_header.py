"""The quick reader says what the reader of all headers says, or nothing; and what pydicom reads of well-formed ones."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VR
from pydicom.multival import MultiValue
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless

from converter.catalog import Instance
from converter.reader.header import read_header
from converter.reader.header_fields import HEADER
from converter.reader.parser import NotDicomError
from converter.reader.quick_header import HeaderReader
from converter.reader.rows import HeaderRow, row_of
from converter.reader.skim import Wanted
from tests.conftest import ROOT
from tests.reader.test_header import encoded, image, item

READER = HeaderReader()
"""One for all tests: what it learned from anything before must not change what it says."""

CT, ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4.1"
SLIDE, SEGMENTATION, ECG = (
    "1.2.840.10008.5.1.4.1.1.77.1.6",
    "1.2.840.10008.5.1.4.1.1.66.4",
    "1.2.840.10008.5.1.4.1.1.9.1.2",
)


def said(data: bytes) -> HeaderRow | None:
    try:
        return row_of(read_header(io.BytesIO(data)))
    except NotDicomError:
        return None


def agrees(data: bytes) -> bool:
    """Check what is said of these bytes; return whether anything is."""
    row = READER.row(data, whole=True)
    assert row in (None, said(data))
    assert row == HeaderReader().row(data, whole=True)
    return row is not None


def files(*folders: Path) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())


# Real and synthetic files


def test_it_agrees_with_the_reader_of_all_headers(corpus: Path, testdata: Path) -> None:
    quick = [path for path in files(corpus, testdata) if agrees(path.read_bytes())]
    assert [READER.read(str(path)) for path in quick] == [said(path.read_bytes()) for path in quick]
    # 39 files of the corpus are in other encodings, damaged or odd.
    assert len(quick) > 180


KEYWORDS = {
    "sop_class_uid": "SOPClassUID",
    "study_instance_uid": "StudyInstanceUID",
    "series_instance_uid": "SeriesInstanceUID",
    "series_number": "SeriesNumber",
    "instance_number": "InstanceNumber",
    "modality": "Modality",
    "frame_of_reference_uid": "FrameOfReferenceUID",
    "patient_id": "PatientID",
    "patient_name": "PatientName",
    "accession_number": "AccessionNumber",
    "rows": "Rows",
    "columns": "Columns",
    "number_of_frames": "NumberOfFrames",
    "body_part_examined": "BodyPartExamined",
    "patient_birth_date": "PatientBirthDate",
    "patient_sex": "PatientSex",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "study_description": "StudyDescription",
    "series_description": "SeriesDescription",
    "timezone_offset_from_utc": "TimezoneOffsetFromUTC",
}


def stated(dataset: Dataset, keyword: str) -> str | int | None:
    value = dataset.get(keyword)
    if isinstance(value, MultiValue):
        value = value[0]
    return value if isinstance(value, int) or value is None else str(value).strip() or None


def test_it_says_what_pydicom_reads(testdata: Path) -> None:
    for path in files(testdata):
        row = READER.read(str(path))
        if path.suffix != ".dcm":
            assert row is None
            continue
        assert row is not None
        assert row.instance is not None
        dataset = dcmread(path)
        for name, keyword in KEYWORDS.items():
            assert getattr(row.instance, name) == stated(dataset, keyword), (path, name)
        if "NumberOfFrames" not in dataset:
            position = dataset.get("ImagePositionPatient")
            assert row.instance.image_position_patient == (None if position is None else tuple(position))


@pytest.mark.parametrize("transfer_syntax_uid", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless])
def test_every_little_endian_encoding_says_the_same(transfer_syntax_uid: str) -> None:
    dataset = image(
        SpecificCharacterSet="ISO_IR 100",
        PatientName="Müller^Jörg",
        Rows=512,
        InstanceNumber=7,
        SliceThickness="2.50",
        ImagePositionPatient=[1.5, -2, 0],
        ImageLaterality="L",
        AnatomicRegionSequence=[item(CodeValue="39607008", CodingSchemeDesignator="SCT", CodeMeaning="Lung")],
        ReferencedImageSequence=[item(ReferencedSOPInstanceUID="1.2.3.4")],
    )
    if transfer_syntax_uid == JPEG2000Lossless:
        dataset.add_new(0x7FE00010, "OB", b"\xfe\xff\x00\xe0\0\0\0\0")
        dataset["PixelData"].is_undefined_length = True
    row = READER.row(encoded(dataset, transfer_syntax_uid), whole=True)
    assert row is not None
    assert row.transfer_syntax_uid == transfer_syntax_uid
    plain = READER.row(encoded(dataset), whole=True)
    assert plain is not None
    assert (row.uid, row.header) == (plain.uid, plain.header)
    instance = row.instance
    assert instance is not None
    assert (instance.patient_name, instance.rows, instance.instance_number) == ("Müller^Jörg", 512, 7)
    assert (instance.slice_thickness, instance.image_position_patient) == (2.5, (1.5, -2, 0))
    assert instance.laterality == "L"
    assert instance.anatomic_region is not None
    assert instance.anatomic_region.code == "39607008"


def test_text_is_read_in_the_character_set_of_its_own_file() -> None:
    names = {"ISO_IR 100": "Äpfel^Ö", "ISO_IR 144": "Люкceмбypг", "ISO_IR 192": "山田^太郎", "ISO_IR 138": "שרון^דבורה"}
    for _ in range(2):
        for character_set, name in names.items():
            row = READER.row(
                encoded(image(SpecificCharacterSet=character_set, PatientName=name, PatientID="1")), whole=True
            )
            assert row is not None
            assert row.instance is not None
            assert row.instance.patient_name == name
    latin, cyrillic = (image(SpecificCharacterSet=each, PatientID="1") for each in ("ISO_IR 100", "ISO_IR 144"))
    for dataset, meaning in ((latin, "ä"), (cyrillic, "ф"), (latin, "ä")):
        # The same bytes but for what they mean.
        dataset.AnatomicRegionSequence = [item(CodeValue="1", CodingSchemeDesignator="SCT", CodeMeaning="x")]
        data = encoded(dataset).replace(b"LO\2\0x ", b"LO\2\0" + ("\xe4".encode("latin-1")) + b" ")
        row = READER.row(data, whole=True)
        assert row is not None
        assert row.instance is not None
        assert row.instance.anatomic_region is not None
        assert row.instance.anatomic_region.display == meaning


# Where it stops


def test_it_reads_no_further_than_needed(tmp_path: Path) -> None:
    path = tmp_path / "image.dcm"
    dataset = image(Rows=1, PixelSpacing=[1, 2], BitsAllocated=16)
    complete = encoded(dataset)
    path.write_bytes(complete)
    row = READER.read(str(path))
    assert row is not None
    # What follows Pixel Spacing is cut within its value: reading that would show.
    assert READER.row(complete[:-1], whole=True) == row
    assert READER.row(complete[:-12], whole=True) is None


@pytest.mark.parametrize("size", [100, 7000, 60_000, 900_000, 2_000_000])
def test_a_long_header_is_read_on(tmp_path: Path, size: int) -> None:
    dataset = image(Rows=3)
    dataset.private_block(0x0019, "IMGSEL TEST", create=True).add_new(0x01, "OB", bytes(size))
    path = tmp_path / "image.dcm"
    path.write_bytes(encoded(dataset))
    assert READER.read(str(path)) == said(path.read_bytes())
    dataset.BitsAllocated = 16
    path.write_bytes(encoded(dataset))
    assert READER.read(str(path)) == said(path.read_bytes())


def test_what_takes_a_closer_look_is_left_to_others(tmp_path: Path) -> None:
    whole = encoded(image(Rows=1))
    for name, data in {
        "empty": b"",
        "text": b"plain text",
        "truncated": whole[:-1],
        "bare": whole[132:],
        "big endian": encoded(image(Rows=1), "1.2.840.10008.1.2.2"),
        "deflated": encoded(image(Rows=1), "1.2.840.10008.1.2.1.99"),
        "another VR": whole.replace(b"US\2\0", b"SS\2\0"),
        "unknown VR": whole.replace(b"US\2\0", b"ZZ\2\0"),
        "no UID": whole.replace(b"\x08\0\x18\0UI", b"\x08\0\x19\0UI"),
        "no class": whole.replace(b"\x08\0\x16\0UI", b"\x08\0\x15\0UI"),
    }.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert READER.read(str(path)) is None, name
    assert READER.read(str(tmp_path / "missing")) is None
    assert READER.read(str(tmp_path)) is None


# Well-formed and damaged


def vr_of(tag: int) -> str:
    return dictionary_VR(tag)


texts = st.text("ABC 12.\\^=", max_size=10).map(str.encode) | st.binary(max_size=6)
numbers = st.floats(-1e4, 1e4).map(lambda number: f"{number:.3f}".rstrip("0")) | st.integers(-99, 99).map(str)


@st.composite
def values(draw: st.DrawFn, tag: int) -> bytes:
    vr = vr_of(tag)
    if vr in ("US", "UL", "SL"):
        return draw(st.binary(min_size=2, max_size=2) if vr == "US" else st.binary(min_size=4, max_size=4))
    if vr in ("DS", "IS") and draw(st.booleans()):
        data = "\\".join(draw(st.lists(numbers, min_size=1, max_size=6))).encode()
    elif vr == "UI":
        data = draw(st.sampled_from([b"1.2.3", b"1.2.840.10008.1", b""]))
    else:
        data = draw(texts)
    return data + b" " * (len(data) % 2)


DELIMITERS = b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
LONG = {"OB", "OW", "SQ", "UC", "UN", "UR", "UT"}
OTHERS = {
    0x00080008: "CS",
    0x00080012: "DA",
    0x00081140: "SQ",
    0x00081199: "SQ",
    0x00090010: "LO",
    0x00091001: "UN",
    0x00091002: "OB",
    0x00104000: "LT",
    0x00181030: "LO",
    0x00280002: "US",
    0x00280100: "US",
    0x00420010: "ST",
}


class Encoder:
    """Encodes elements as hypothesis draws them."""

    def __init__(self, draw: st.DrawFn, explicit: bool) -> None:
        self.draw = draw
        self.explicit = explicit

    def element(self, tag: int, vr: str, value: bytes, *, undefined: bool = False) -> bytes:
        head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
        length = 0xFFFFFFFF if undefined else len(value)
        if not self.explicit or tag >> 16 == 0xFFFE:
            return head + struct.pack("<L", length) + value
        if vr in LONG:
            return head + vr.encode() + b"\0\0" + struct.pack("<L", length) + value
        return head + vr.encode() + struct.pack("<H", length) + value

    def sequence(self, tag: int, wanted: Wanted, depth: int = 0) -> bytes:
        content = b""
        for _ in range(self.draw(st.integers(0, 3))):
            inner = self.data_set(wanted, depth + 1)
            undefined = self.draw(st.booleans())
            content += self.element(0xFFFEE000, "", inner, undefined=undefined)
            content += self.element(0xFFFEE00D, "", b"") if undefined else b""
        undefined = self.draw(st.booleans())
        content += self.element(0xFFFEE0DD, "", b"") if undefined else b""
        return self.element(tag, "SQ", content, undefined=undefined)

    def data_set(self, wanted: Wanted, depth: int = 0) -> bytes:
        tags = st.sampled_from([*wanted, *OTHERS] if depth < 3 else list(OTHERS))
        chosen = self.draw(st.lists(tags, max_size=12 if depth == 0 else 3, unique=True))
        return b"".join(self.any(tag, wanted, depth) for tag in sorted(chosen))

    def any(self, tag: int, wanted: Wanted, depth: int) -> bytes:
        inner = wanted.get(tag)
        if inner is not None or (tag in OTHERS and OTHERS[tag] == "SQ"):
            return self.sequence(tag, inner or {}, depth) if depth < 3 else b""
        if tag in OTHERS:
            return self.element(tag, OTHERS[tag], self.draw(st.binary(max_size=8).filter(lambda d: not len(d) % 2)))
        vr = self.draw(st.sampled_from([vr_of(tag), vr_of(tag), vr_of(tag), "UN"]))
        return self.element(tag, vr, self.draw(values(tag)))


@st.composite
def headers(draw: st.DrawFn) -> bytes:
    explicit = draw(st.booleans())
    encoder = Encoder(draw, explicit)
    sop_class = draw(st.sampled_from([CT, CT, ENHANCED_MR, SLIDE, SEGMENTATION, ECG]))
    first = {
        0x00080005: draw(st.sampled_from([b"ISO_IR 100", b"ISO_IR 192", b"", b"\\ISO 2022 IR 87", b"nonsense"])),
        0x00080016: sop_class.encode(),
        0x00080018: draw(st.sampled_from([b"1.2.3.4", b"1.2.3.5"])),
    }
    start = b"".join(encoder.element(tag, vr_of(tag), each + b"\0" * (len(each) % 2)) for tag, each in first.items())
    rest = {tag: inner for tag, inner in HEADER.items() if tag not in first}
    syntax = (
        b"1.2.840.10008.1.2\0"
        if not explicit
        else draw(st.sampled_from([b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.4.70"]))
    )
    meta = Encoder(draw, True).element(0x00020010, "UI", syntax)
    return bytes(128) + b"DICM" + meta + start + encoder.data_set(rest) + encoder.element(0x7FE00010, "OW", bytes(16))


@given(headers())
@settings(max_examples=400, deadline=None)
def test_well_formed_headers_are_read_alike_and_never_left_to_others(data: bytes) -> None:
    row = READER.row(data, whole=True)
    assert row is not None
    assert row == said(data)
    assert row == HeaderReader().row(data, whole=True)


@st.composite
def damaged(draw: st.DrawFn, headers: st.SearchStrategy[bytes]) -> bytes:
    data = draw(headers)
    result = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(132, len(data) - 1))
        match draw(st.sampled_from(["change", "cut", "delimit", "insert", "remove", "repeat"])):
            case "delimit":
                at = draw(st.sampled_from([result.find(b"\x08\0\x16\0"), result.find(b"\xfe\xff"), at]))
                result[at:at] = draw(st.sampled_from(DELIMITERS))
            case "change":
                result[at : at + 1] = draw(st.sampled_from([b"\0", b"\xff", b"\1", b"U", b"Q", b"\xfe"]))
            case "cut":
                del result[at:]
            case "insert":
                result[at:at] = draw(st.binary(min_size=1, max_size=4))
            case "remove":
                del result[at : at + draw(st.integers(1, 8))]
            case "repeat":
                result[at:at] = result[at : at + draw(st.integers(8, 80))]
    return bytes(result)


@given(damaged(headers()))
@settings(max_examples=400, deadline=None)
def test_damaged_headers_are_read_alike_or_left_to_others(data: bytes) -> None:
    agrees(data)


OBJECTS = [path.read_bytes()[:8192] for path in sorted((ROOT / "testdata").rglob("*.dcm"))]


@given(damaged(st.sampled_from(OBJECTS)))
@settings(max_examples=800, deadline=None)
def test_whole_objects_that_are_damaged_are_read_alike_or_left_to_others(data: bytes) -> None:
    agrees(data)


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_a_delimiter_where_none_belongs_is_not_taken_for_an_element_in_other_files(delimiter: bytes) -> None:
    dataset = image(SpecificCharacterSet="ISO_IR 100", Rows=7)
    dataset.ReferencedImageSequence = [item(PurposeOfReferenceCodeSequence=[item(CodeValue="1")]), item()]
    for holder in (dataset, dataset.ReferencedImageSequence[0]):
        for element in holder:
            element.is_undefined_length = element.VR == "SQ"
    for each in dataset.ReferencedImageSequence:
        each.is_undefined_length_sequence_item = True
    whole = encoded(dataset)
    assert whole.count(b"SQ\0\0\xff\xff\xff\xff") == 2
    first = whole.index(b"\x08\0\x16\0UI")
    reader = HeaderReader()
    assert reader.row(whole[:first] + delimiter + whole[first:], whole=True) is None
    assert reader.row(whole, whole=True) == said(whole) is not None


def test_a_sequence_that_is_there_twice_counts_as_where_each_is_looked_into() -> None:
    whole = encoded(image(AnatomicRegionSequence=[item(CodeValue="1", CodingSchemeDesignator="SCT")], Rows=2))
    begin = whole.index(b"\x08\0\x18\x22SQ")
    end = whole.index(b"\x28\0\x10\0US")
    damaged = whole[begin:end].replace(b"SH\2\0", b"SH\xff\xff", 1)
    assert agrees(whole)
    agrees(whole[:begin] + damaged + whole[begin:])


def _header_of_sample() -> bytes:
    path = get_testdata_file("CT_small.dcm")
    assert isinstance(path, str)
    return Path(path).read_bytes()[:8192]


SAMPLE = _header_of_sample()


@given(st.integers(0, 8192))
@settings(max_examples=150, deadline=None)
def test_the_beginning_of_a_file_says_the_same_as_the_file_or_nothing(size: int) -> None:
    assert READER.row(SAMPLE[:size]) in (None, READER.row(SAMPLE))
    assert READER.row(SAMPLE) is not None
    agrees(SAMPLE[:size])


def test_equal_headers_are_equal_rows_whatever_their_numbers_are_written_like() -> None:
    rows = [
        READER.row(encoded(image(ImagePositionPatient=position, SliceThickness=thickness)), whole=True)
        for position, thickness in ((["1.50", "0", "-2"], "5"), (["1.5", "0.0", "-2.000"], "5.0"))
    ]
    assert rows[0] == rows[1] is not None


def test_a_row_holds_the_instance() -> None:
    row = READER.row(encoded(image(Rows=5, Modality="CT")), whole=True)
    assert row is not None
    assert row.instance == Instance(sop_instance_uid="1.2.3", sop_class_uid=CT, rows=5, modality="CT")
    assert row.sop_instance_uid == "1.2.3"
