"""Headers against pydicom's full reading, dcmdump's output and values put there by hand."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, CTImageStorage, EnhancedCTImageStorage, ExplicitVRLittleEndian

from converter.catalog import FramePlanes, TileOrganization, TilePositions
from converter.reader.header import Header, header_of, read_header
from converter.reader.parser import NotDicomError
from converter.selection import Code

SCT = "http://snomed.info/sct"

# What each file of the corpus's odd folder is: its SOP class, or why it has none.
ODD = {
    "pydicom-3.0.2-DICOMDIR": "Media Storage Directory Storage",
    "pydicom-3.0.2-DICOMDIR-bigEnd": "Media Storage Directory Storage",
    "pydicom-3.0.2-DICOMDIR-nopatient": "Media Storage Directory Storage",
    "pydicom-3.0.2-ExplVR_BigEndNoMeta.dcm": "RT Ion Plan Storage",
    "pydicom-3.0.2-ExplVR_LitEndNoMeta.dcm": "RT Ion Plan Storage",
    "pydicom-3.0.2-MR_small_bigendian.dcm": "MR Image Storage",
    "pydicom-3.0.2-MR_truncated.dcm": "MR Image Storage",
    "pydicom-3.0.2-UN_sequence.dcm": None,
    "pydicom-3.0.2-badVR.dcm": "RT Dose Storage",
    "pydicom-3.0.2-chrArab.dcm": "Secondary Capture Image Storage",
    "pydicom-3.0.2-chrH31.dcm": "Secondary Capture Image Storage",
    "pydicom-3.0.2-chrSQEncoding1.dcm": None,
    "pydicom-3.0.2-chrX2.dcm": "Secondary Capture Image Storage",
    "pydicom-3.0.2-empty_charset_LEI.dcm": None,
    "pydicom-3.0.2-hotiron.dcm": "Color Palette Storage",
    "pydicom-3.0.2-image_dfl.dcm": "Secondary Capture Image Storage",
    "pydicom-3.0.2-liver_expb_1frame.dcm": "Segmentation Storage",
    "pydicom-3.0.2-meta_missing_tsyntax.dcm": None,
    "pydicom-3.0.2-nested_priv_SQ.dcm": None,
    # A stray byte stands before the first element: dcmdump and pydicom find nothing in it either.
    "pydicom-3.0.2-no_meta.dcm": "not DICOM",
    "pydicom-3.0.2-no_meta_group_length.dcm": None,
    "pydicom-3.0.2-priv_SQ.dcm": None,
    "pydicom-3.0.2-reportsi_with_empty_number_tags.dcm": "Basic Text SR Storage",
    "pydicom-3.0.2-rtplan_truncated.dcm": "RT Plan Storage",
    "pydicom-3.0.2-rtstruct.dcm": "RT Structure Set Storage",
    "pydicom-3.0.2-test-SR.dcm": "Comprehensive SR Storage",
    "pydicom-3.0.2-zipMR.gz": "not DICOM",
    "rt-utils-non_existent_reference_rt.dcm": "RT Structure Set Storage",
}


def corpus_headers(corpus: Path) -> Iterator[tuple[Path, Header]]:
    for path in sorted(corpus.rglob("*")):
        if path.is_file() and path.suffix not in (".md", ".jsonl", ".gz") and "no_meta.dcm" not in path.name:
            with path.open("rb") as stream:
                yield path, read_header(stream)


def whole(path: Path) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True)


def encoded(dataset: Dataset, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> bytes:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    meta.MediaStorageSOPClassUID = dataset.get("SOPClassUID", "1.2")
    meta.MediaStorageSOPInstanceUID = dataset.get("SOPInstanceUID", "1.2")
    dataset.file_meta = meta
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def image(**elements: Any) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = "1.2.3"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def item(**elements: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


class Counting(io.RawIOBase):
    """Counts the bytes that are read, and perhaps cannot seek."""

    def __init__(self, data: bytes, seekable: bool) -> None:
        self._inner = io.BytesIO(data)
        self._seekable = seekable
        self.count = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._seekable

    def seek(self, offset: int, whence: int = 0) -> int:
        assert self._seekable
        return self._inner.seek(offset, whence)

    def tell(self) -> int:
        return self._inner.tell()

    def readinto(self, buffer: Any) -> int:
        count = self._inner.readinto(buffer)
        self.count += count
        return count


def element(tag: int, vr: str, value: bytes) -> bytes:
    """One element in explicit VR little endian."""
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little") + vr.encode()
    if vr in ("SQ", "UN", "OB"):
        return head + b"\0\0" + len(value).to_bytes(4, "little") + value
    return head + len(value).to_bytes(2, "little") + value


UIDS = element(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.2\0") + element(0x00080018, "UI", b"1.2.3\0")
PREFIX = bytes(128) + b"DICM" + element(0x00020010, "UI", b"1.2.840.10008.1.2.1\0")


def read(data: bytes) -> Header:
    return read_header(io.BytesIO(data))


# Against pydicom


def test_header_equals_what_pydicom_reads_from_the_whole_file(corpus: Path) -> None:
    compared = 0
    for path, header in corpus_headers(corpus):
        dataset = whole(path)
        if header.instance is None:
            assert "SOPInstanceUID" not in dataset, path
            continue
        for field, keyword in {
            "sop_instance_uid": "SOPInstanceUID",
            "sop_class_uid": "SOPClassUID",
            "study_instance_uid": "StudyInstanceUID",
            "series_instance_uid": "SeriesInstanceUID",
            "series_number": "SeriesNumber",
            "instance_number": "InstanceNumber",
            "modality": "Modality",
            "frame_of_reference_uid": "FrameOfReferenceUID",
            "patient_id": "PatientID",
            "issuer_of_patient_id": "IssuerOfPatientID",
            "accession_number": "AccessionNumber",
            "rows": "Rows",
            "columns": "Columns",
            "number_of_frames": "NumberOfFrames",
            "total_pixel_matrix_rows": "TotalPixelMatrixRows",
            "total_pixel_matrix_columns": "TotalPixelMatrixColumns",
            "body_part_examined": "BodyPartExamined",
        }.items():
            expected = dataset.get(keyword)
            if isinstance(expected, str):
                # badVR.dcm counts its frames as 1A.
                expected = None if expected == "1A" else expected.strip()
            assert getattr(header.instance, field) == (None if expected in ("", None) else expected), (
                path,
                field,
            )
        compared += 1
    assert compared > 120


def test_plane_equals_what_pydicom_reads(corpus: Path) -> None:
    for path, header in corpus_headers(corpus):
        dataset = whole(path)
        if header.instance is None or "NumberOfFrames" in dataset:
            continue
        for field, keyword in {
            "image_orientation_patient": "ImageOrientationPatient",
            "image_position_patient": "ImagePositionPatient",
            "pixel_spacing": "PixelSpacing",
        }.items():
            expected = dataset.get(keyword)
            assert getattr(header.instance, field) == (tuple(map(float, expected)) if expected else None), path


def test_header_of_a_data_set_in_memory_equals_that_of_its_file(corpus: Path) -> None:
    for path, header in corpus_headers(corpus):
        assert header_of(whole(path)) == header, path


def test_nothing_is_warned_of(corpus: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(list(corpus_headers(corpus))) > 140


def test_every_odd_file_is_recognised_for_what_it_is(corpus: Path) -> None:
    found: dict[str, str | None] = {}
    for path in (corpus / "odd").iterdir():
        try:
            header = read(path.read_bytes())
        except NotDicomError:
            found[path.name] = "not DICOM"
            continue
        assert header.problems == (), path
        uid = header.sop_class_uid
        found[path.name] = None if uid is None else pydicom.uid.UID(uid).name
    assert found == ODD


# Against dcmdump


@pytest.mark.parametrize(
    "name",
    [
        "odd/pydicom-3.0.2-image_dfl.dcm",
        "odd/pydicom-3.0.2-MR_small_bigendian.dcm",
        "odd/pydicom-3.0.2-ExplVR_LitEndNoMeta.dcm",
        "odd/pydicom-3.0.2-rtstruct.dcm",
        "highdicom/sm_image.dcm",
        "dcmqi/ct-3slice/01.dcm",
    ],
)
def test_header_equals_what_dcmdump_prints(corpus: Path, name: str) -> None:
    if shutil.which("dcmdump") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("dcmdump is missing")
        pytest.skip("needs dcmdump of dcmtk")
    printed = subprocess.run(
        ["dcmdump", "-Un", "+L", str(corpus / name)], capture_output=True, check=True, text=True
    ).stdout
    instance = read((corpus / name).read_bytes()).instance
    assert instance is not None

    def dumped(tag: str) -> str | None:
        matched = re.search(rf"^\({tag}\) \w\w (?:\[(.*)\]|(\d+))", printed, re.MULTILINE)
        return None if matched is None else matched[1] or matched[2]

    assert instance.sop_instance_uid == dumped("0008,0018")
    assert instance.study_instance_uid == dumped("0020,000d")
    assert instance.series_instance_uid == dumped("0020,000e")
    assert (None if instance.rows is None else str(instance.rows)) == dumped("0028,0010")
    assert (None if instance.columns is None else str(instance.columns)) == dumped("0028,0011")
    matrix = instance.total_pixel_matrix_columns
    assert (None if matrix is None else str(matrix)) == dumped("0048,0006")
    assert instance.patient_id == dumped("0010,0020")


def test_channels_of_each_multiplex_group_are_counted(corpus: Path) -> None:
    header = read((corpus / "pydicom-3.0.2/waveform_ecg.dcm").read_bytes())
    assert header.instance is not None
    # dcmdump prints (003a,0005) US 12 twice.
    assert header.instance.waveform_channels == (12, 12)


# What is read


@pytest.mark.parametrize("seekable", [True, False])
def test_pixel_data_is_never_read(seekable: bool) -> None:
    dataset = image(Rows=4096, Columns=4096, PixelSpacing=[0.5, 0.25], BitsAllocated=16)
    dataset.add_new(0x7FE00010, "OW", bytes(2**25))
    stream = Counting(encoded(dataset), seekable)
    header = read_header(io.BufferedReader(stream))
    assert header.instance is not None
    assert (header.instance.rows, header.instance.pixel_spacing) == (4096, (0.5, 0.25))
    assert stream.count <= 2 * io.DEFAULT_BUFFER_SIZE


def test_values_that_are_not_wanted_are_leapt_over_where_the_stream_can_seek() -> None:
    dataset = image(Rows=1)
    dataset.private_block(0x0019, "IMGSEL TEST", create=True).add_new(0x01, "OB", bytes(2**22))
    stream = Counting(encoded(dataset), True)
    header = read_header(io.BufferedReader(stream))
    assert header.instance is not None
    assert header.instance.rows == 1
    assert stream.count <= 4 * io.DEFAULT_BUFFER_SIZE


def test_an_image_is_read_no_further_than_pixel_spacing() -> None:
    complete = PREFIX + UIDS + element(0x00280030, "DS", b"1\\2 ")
    # What follows is cut within its head: reading it would show.
    assert read(complete + b"\x28\x00\x00\x01US\x02\x00").problems == ()
    assert [each.code for each in read(complete[:-1]).problems] == ["truncated"]


@pytest.mark.parametrize("seekable", [True, False])
def test_a_header_that_ends_within_a_value_is_truncated_and_keeps_what_came_before(seekable: bool) -> None:
    for data in (
        PREFIX + UIDS + element(0x00100020, "LO", b"PATIENT1")[:-2],
        PREFIX + UIDS + element(0x00100010, "PN", b"PASSED OVER")[:-2],
        PREFIX + UIDS + element(0x00104000, "UN", bytes(100_000))[:-2],
        PREFIX + UIDS + b"\x10\x00\x20",
    ):
        header = read_header(io.BufferedReader(Counting(data, seekable)))
        assert [each.code for each in header.problems] == ["truncated"]
        assert header.sop_instance_uid == "1.2.3"
        assert header.instance is not None


def test_a_header_may_end_anywhere(corpus: Path) -> None:
    data = (corpus / "highdicom/ct_image.dcm").read_bytes()
    for length in range(132, 3000, 7):
        header = read(data[:length])
        assert {each.code for each in header.problems} <= {"truncated"}


# Detection


@given(st.binary(max_size=600))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_are_not_dicom(data: bytes) -> None:
    assume(b"DICM" not in data)
    with pytest.raises(NotDicomError):
        read(data)


@given(st.sampled_from([b"\x08\x00\x05\x00", b"\x02\x00\x00\x00", b"\x00\x08\x00\x05"]), st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_bytes_that_begin_like_an_element_raise_nothing_else(start: bytes, data: bytes) -> None:
    try:
        header = read(start + data)
    except NotDicomError:
        return
    assert {each.code for each in header.problems} <= {"truncated", "malformed"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"plain text, and some more of it",
        b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj",
        b'{"00080018": {"vr": "UI", "Value": ["1.2.3"]}}',
        b"\x89PNG\r\n\x1a\n" + bytes(400),
        bytes(1000),
        b"\xff" * 1000,
        bytes(128) + b"dicm" + bytes(200),
    ],
)
def test_other_files_are_not_dicom(data: bytes) -> None:
    with pytest.raises(NotDicomError):
        read(data)


def swapped(dataset: Dataset) -> bytes:
    return encoded(dataset, "1.2.840.10008.1.2.2")


@pytest.mark.parametrize(
    "transfer_syntax_uid",
    ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"],
)
def test_every_encoding_says_the_same(transfer_syntax_uid: str) -> None:
    region = item(CodeValue="39607008", CodingSchemeDesignator="SCT", CodeMeaning="Lung")
    dataset = image(
        Rows=300,
        Columns=70,
        SeriesNumber=-1,
        AnatomicRegionSequence=Sequence([region]),
        ImagePositionPatient=[1.5, -2, 0],
    )
    header = read(encoded(dataset, transfer_syntax_uid))
    assert header.transfer_syntax_uid == transfer_syntax_uid
    assert header.instance is not None
    assert (header.instance.rows, header.instance.columns, header.instance.series_number) == (300, 70, -1)
    assert header.instance.image_position_patient == (1.5, -2.0, 0.0)
    assert header.instance.anatomic_region == Code(SCT, "39607008", "Lung")


def test_bytes_decide_where_the_transfer_syntax_is_wrong() -> None:
    implicit = b"".join(
        tag.to_bytes(2, "little") + number.to_bytes(2, "little") + len(value).to_bytes(4, "little") + value
        for tag, number, value in (
            (0x0008, 0x0016, b"1.2.840.10008.5.1.4.1.1.2\0"),
            (0x0008, 0x0018, b"1.2.3\0"),
            (0x0010, 0x0020, b"ID"),
            (0x0028, 0x0010, b"\x07\x00"),
        )
    )
    header = read(PREFIX + implicit)
    assert header.instance is not None
    assert (header.sop_instance_uid, header.instance.patient_id, header.instance.rows) == ("1.2.3", "ID", 7)


# Values


@pytest.mark.parametrize(
    ("stated", "number"),
    [
        (b"12", 12),
        (b" 12 ", 12),
        (b"-1", -1),
        (b"+3", 3),
        (b"1.0 ", 1),
        (b"1.5 ", None),
        (b"abc ", None),
        (b"1_0 ", None),
        (b"nan ", None),
        (b"1e999 ", None),
        (b"4\\5 ", 4),
        (b"", None),
        (b"99999999999999999999", None),
        ("٣".encode(), None),
    ],
)
def test_integer_strings_are_read_as_far_as_they_make_sense(stated: bytes, number: int | None) -> None:
    header = read(PREFIX + UIDS + element(0x00200013, "IS", stated))
    assert header.instance is not None
    assert header.instance.instance_number == number


@pytest.mark.parametrize("stated", [b"1\\2 ", b"1\\2\\3\\4 ", b"1\\\\3", b"1\\x\\3 ", b"1\\nan\\3", b"1\\1e400\\3"])
def test_a_position_that_is_no_point_is_none(stated: bytes) -> None:
    header = read(PREFIX + UIDS + element(0x00200032, "DS", stated))
    assert header.instance is not None
    assert header.instance.image_position_patient is None


def test_numbers_in_another_representation_than_theirs_are_read() -> None:
    data = element(0x00280010, "UL", b"\x00\x00\x01\x00") + element(0x00280011, "US", b"\x01")
    header = read(PREFIX + UIDS + data)
    assert header.instance is not None
    assert (header.instance.rows, header.instance.columns) == (65536, None)


def test_padding_is_left_out_and_the_first_of_several_values_taken() -> None:
    data = (
        element(0x00080050, "SH", b"  ACC ")
        + element(0x00100020, "LO", b" ID\0\0")
        + element(0x0020000D, "UI", b"1.2\\1.3\0")
        + element(0x0020000E, "UI", b" \0")
    )
    instance = read(PREFIX + UIDS + data).instance
    assert instance is not None
    assert instance.accession_number == "ACC"
    assert instance.patient_id == "ID"
    assert instance.study_instance_uid == "1.2"
    assert instance.series_instance_uid is None


@pytest.mark.parametrize(
    ("terms", "stated", "text"),
    [
        (b"ISO_IR 100", b"M\xfcller", "Müller"),
        (b"ISO_IR 192", "Müller".encode(), "Müller"),
        (b"ISO_IR 144", b"\xb8\xd2\xd0\xdd", "Иван"),
        (b"\\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B", "山田"),
        (b"", "Müller".encode(), "Müller"),
        (b"", b"M\xfcller", "Müller"),
    ],
)
def test_patient_ids_follow_the_specific_character_set(terms: bytes, stated: bytes, text: str) -> None:
    data = element(0x00080005, "CS", terms) + UIDS + element(0x00100020, "LO", stated)
    instance = read(PREFIX + data).instance
    assert instance is not None
    assert instance.patient_id == text


def test_what_identifies_patient_and_study_is_kept_as_encoded() -> None:
    issuer = item(UniversalEntityID="1.2.840.99", UniversalEntityIDType="ISO")
    stated = image(
        PatientName="DOE^JANE",
        PatientBirthDate="19700102",
        PatientSex="F",
        IssuerOfPatientIDQualifiersSequence=[issuer],
        StudyDate="20200102",
        StudyTime="101112",
        StudyDescription="CT Thorax",
        SeriesDate="20200103",
        SeriesTime="0900",
        SeriesDescription="Lung",
        TimezoneOffsetFromUTC="+0100",
    )
    instance = read(encoded(stated)).instance
    assert instance is not None
    assert (instance.patient_name, instance.patient_birth_date, instance.patient_sex) == ("DOE^JANE", "19700102", "F")
    assert (instance.issuer_universal_entity_id, instance.issuer_universal_entity_id_type) == ("1.2.840.99", "ISO")
    assert (instance.study_date, instance.study_time, instance.study_description) == ("20200102", "101112", "CT Thorax")
    assert (instance.series_date, instance.series_time, instance.series_description) == ("20200103", "0900", "Lung")
    assert instance.timezone_offset_from_utc == "+0100"


def test_a_name_in_several_scripts_is_decoded_group_by_group() -> None:
    # PS3.5 H.3.1: the first character set applies again after each delimiter of a person's name.
    name = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
    data = element(0x00080005, "CS", b"\\ISO 2022 IR 87 ") + element(0x00080018, "UI", b"1.2.3\0")
    instance = read(data + element(0x00100010, "PN", name + b" " * (len(name) % 2))).instance
    assert instance is not None
    assert instance.patient_name == "Yamada^Tarou=山田^太郎=やまだ^たろう"


def test_an_object_without_sop_instance_uid_has_no_instance() -> None:
    header = read(PREFIX + element(0x00080060, "CS", b"SR"))
    assert (header.instance, header.sop_instance_uid, header.modality) == (None, None, "SR")


@pytest.mark.parametrize("count", [10, 10_000])
@pytest.mark.parametrize("defined", [True, False])
def test_nesting_is_passed_over_however_deep(count: int, defined: bool) -> None:
    if defined:
        nested = b""
        for _ in range(min(count, 2000)):
            nested = (
                b"\x40\x00\x30\xa7SQ\0\0"
                + (len(nested) + 8).to_bytes(4, "little")
                + (b"\xfe\xff\x00\xe0" + len(nested).to_bytes(4, "little") + nested)
            )
        nested = (
            b"\x09\x00\x01\x10SQ\0\0"
            + (len(nested) + 8).to_bytes(4, "little")
            + (b"\xfe\xff\x00\xe0" + len(nested).to_bytes(4, "little") + nested)
        )
    else:
        opened = b"\x09\x00\x01\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
        closed = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
        nested = opened * count + closed * count
    header = read(PREFIX + UIDS + nested + element(0x00100020, "LO", b"ID"))
    assert header.problems == ()
    assert header.instance is not None
    assert header.instance.patient_id == "ID"


def test_unknown_sequences_of_undefined_length_are_implicit_inside() -> None:
    inner = b"\x08\x00\x00\x01\x02\x00\x00\x00AB"
    unknown = (
        b"\x09\x00\x01\x10UN\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
        + inner
        + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    )
    header = read(PREFIX + UIDS + unknown + element(0x00100020, "LO", b"ID"))
    assert header.instance is not None
    assert header.instance.patient_id == "ID"


# Functional groups


def enhanced(shared: Dataset | None, frames: list[Dataset], **elements: Any) -> Header:
    dataset = image(NumberOfFrames=max(len(frames), 1), **elements)
    dataset.SOPClassUID = EnhancedCTImageStorage
    if shared is not None:
        dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    header = read(encoded(dataset))
    assert header_of(dataset).instance == header.instance
    return header


def anatomy(laterality: str) -> Dataset:
    return item(FrameAnatomySequence=Sequence([item(FrameLaterality=laterality)]))


@pytest.mark.parametrize(
    ("shared", "frames", "laterality"),
    [
        ("L", [], "L"),
        ("L", ["R", "R"], "L"),
        (None, ["R", "R"], "R"),
        (None, ["R", "L"], "B"),
        (None, [], "B"),
    ],
)
def test_laterality_is_of_all_frames_or_else_of_the_image(
    shared: str | None, frames: list[str], laterality: str
) -> None:
    header = enhanced(
        anatomy(shared) if shared else None, [anatomy(each) for each in frames], ImageLaterality="B", Laterality="L"
    )
    assert header.instance is not None
    assert header.instance.laterality == laterality


def test_a_laterality_that_is_none_is_left_out() -> None:
    instance = read(encoded(image(ImageLaterality="X", Laterality="R"))).instance
    assert instance is not None
    assert instance.laterality == "R"


def test_plane_of_enhanced_images_comes_from_functional_groups() -> None:
    shared = item(
        PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]),
        PixelMeasuresSequence=Sequence([item(PixelSpacing=[0.7, 0.8])]),
        FrameAnatomySequence=Sequence(
            [
                item(
                    AnatomicRegionSequence=Sequence(
                        [item(CodeValue="64033007", CodingSchemeDesignator="SCT", CodeMeaning="Kidney")]
                    )
                )
            ]
        ),
    )
    frames = [item(PlanePositionSequence=Sequence([item(ImagePositionPatient=[0, 0, float(z)])])) for z in range(3)]
    instance = enhanced(shared, frames).instance
    assert instance is not None
    assert instance.image_orientation_patient == (1, 0, 0, 0, 1, 0)
    assert instance.pixel_spacing == (0.7, 0.8)
    assert instance.anatomic_region == Code(SCT, "64033007", "Kidney")
    assert instance.image_position_patient is None
    assert instance.number_of_frames == 3


def plane_of_frame(z: float, spacing: float | None = None, orientation: list[float] | None = None) -> Dataset:
    """The functional group of a frame: its position, and what it does not share."""
    group = item(PlanePositionSequence=Sequence([item(ImagePositionPatient=[1.5, -2.0, z])]))
    if spacing is not None:
        group.PixelMeasuresSequence = Sequence([item(PixelSpacing=[spacing, spacing], SliceThickness=4)])
    if orientation is not None:
        group.PlaneOrientationSequence = Sequence([item(ImageOrientationPatient=orientation)])
    return group


AXIAL, SAGITTAL = [1.0, 0, 0, 0, 1, 0], [0.0, 1, 0, 0, 0, -1]


def test_planes_of_frames_share_what_is_the_same() -> None:
    shared = item(
        PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=AXIAL)]),
        PixelMeasuresSequence=Sequence([item(PixelSpacing=[0.7, 0.8], SliceThickness=2.5)]),
    )
    instance = enhanced(shared, [plane_of_frame(0), plane_of_frame(3)]).instance
    assert instance is not None
    assert instance.slice_thickness == 2.5
    assert instance.frame_planes == FramePlanes((1.5, -2, 0, 1.5, -2, 3), tuple(AXIAL), (0.7, 0.8))
    assert instance.frame_planes.of(2) == ((1.5, -2, 3), tuple(AXIAL), (0.7, 0.8))
    assert instance.frame_planes.of(3) is instance.frame_planes.of(0) is None


def test_planes_of_frames_may_differ_in_everything() -> None:
    frames = [plane_of_frame(0, 1, AXIAL), plane_of_frame(3, 2, SAGITTAL)]
    instance = enhanced(None, frames).instance
    assert instance is not None
    assert instance.slice_thickness == 4
    assert instance.frame_planes is not None
    assert instance.frame_planes.of(1) == ((1.5, -2, 0), tuple(AXIAL), (1, 1))
    assert instance.frame_planes.of(2) == ((1.5, -2, 3), tuple(SAGITTAL), (2, 2))


def test_frames_in_one_plane_are_stated_as_one_image() -> None:
    instance = enhanced(None, [plane_of_frame(7, 1, AXIAL)] * 2).instance
    assert instance is not None
    assert instance.frame_planes is None
    assert instance.image_position_patient == (1.5, -2, 7)


def test_without_the_plane_of_every_frame_there_is_no_table() -> None:
    frames = [plane_of_frame(0, 1, AXIAL), plane_of_frame(3, 2)]
    instance = enhanced(None, frames).instance
    assert instance is not None
    assert instance.frame_planes is None


@pytest.mark.parametrize(("stated", "thickness"), [("2.50", 2.5), ("0", None), ("", None), ("-1", None)])
def test_slice_thickness_is_positive_or_unknown(stated: str, thickness: float | None) -> None:
    instance = read(encoded(image(SliceThickness=stated))).instance
    assert instance is not None
    assert instance.slice_thickness == thickness


def test_frames_of_tiled_images_in_a_known_order_are_not_read() -> None:
    dataset = image(NumberOfFrames=2, TotalPixelMatrixColumns=512, TotalPixelMatrixRows=256)
    dataset.DimensionOrganizationType = "TILED_FULL"
    dataset.SharedFunctionalGroupsSequence = Sequence([anatomy("U")])
    complete = encoded(dataset)
    # A sequence of frames whose first item lacks its length would be truncated, were it read.
    header = read(complete + b"\x00\x52\x30\x92SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0")
    assert header.problems == ()
    assert header.instance is not None
    assert (header.instance.total_pixel_matrix_columns, header.instance.total_pixel_matrix_rows) == (512, 256)
    assert header.instance.laterality == "U"


# Tiles


def tiled(frames: list[Dataset], shared: Dataset | None = None, **elements: Any) -> TileOrganization:
    matrix = {"TotalPixelMatrixColumns": 512, "TotalPixelMatrixRows": 256}
    instance = enhanced(shared, frames, **matrix, **elements).instance
    assert instance is not None
    assert instance.tile_organization is not None
    return instance.tile_organization


def tile(column: int, row: int, z: str | None = "0", path: str | None = None) -> Dataset:
    position = item(ColumnPositionInTotalImagePixelMatrix=column, RowPositionInTotalImagePixelMatrix=row)
    if z is not None:
        position.ZOffsetInSlideCoordinateSystem = z
    group = item(PlanePositionSlideSequence=Sequence([position]))
    if path is not None:
        group.OpticalPathIdentificationSequence = optical_paths(path)
    return group


def optical_paths(*identifiers: str) -> Sequence:
    return Sequence([item(OpticalPathIdentifier=each) for each in identifiers])


def test_organization_of_tiles_equals_what_dcmdump_prints(corpus: Path) -> None:
    instance = read((corpus / "highdicom/sm_image.dcm").read_bytes()).instance
    assert instance is not None
    assert instance.tile_organization == TileOrganization(
        dimension_organization_type="TILED_FULL",
        focal_planes=1,
        optical_paths=1,
        origin=(23.449873, 25.691574, 0),
        orientation=(0, -1, 0, -1, 0, 0),
    )


def test_images_without_a_total_pixel_matrix_have_no_tiles() -> None:
    instance = enhanced(None, [tile(1, 1)]).instance
    assert instance is not None
    assert instance.tile_organization is None


def test_tiles_lie_where_their_frames_say() -> None:
    found = tiled(
        [tile(1, 1, "0", "B"), tile(257, 1, "1.5", "A")],
        DimensionOrganizationType="TILED_SPARSE",
        OpticalPathSequence=optical_paths("A", "B"),
        ConcatenationFrameOffsetNumber=12,
        TotalPixelMatrixOriginSequence=Sequence(
            [
                item(
                    XOffsetInSlideCoordinateSystem="20",
                    YOffsetInSlideCoordinateSystem="40.5",
                    ZOffsetInSlideCoordinateSystem="2",
                )
            ]
        ),
    )
    # Little endian: 1, 257 (0x0101); 1, 1; the doubles 0 and 1.5; items 2 and 1 of the Optical Path Sequence.
    assert found.tiles == TilePositions(
        bytes.fromhex("01000000 01010000"),
        bytes.fromhex("01000000 01000000"),
        bytes.fromhex("0000000000000000 000000000000f83f"),
        bytes.fromhex("02000000 01000000"),
    )
    assert (found.optical_paths, found.concatenation_frame_offset, found.origin) == (2, 12, (20, 40.5, 2))
    assert len(found.tiles) == 2


def test_what_tiles_share_is_kept_once() -> None:
    shared = item(
        OpticalPathIdentificationSequence=optical_paths("A"),
        PixelMeasuresSequence=Sequence([item(PixelSpacing=[0.01, 0.01], SpacingBetweenSlices="0.002")]),
    )
    found = tiled([tile(1, 1, "3"), tile(257, 1, "3")], shared, OpticalPathSequence=optical_paths("A"))
    assert found.tiles == TilePositions.of([1, 257], [1, 1], [3], [1])
    assert found.spacing_between_slices == 0.002


def test_what_a_tile_does_not_say_is_not_made_up() -> None:
    assert tiled([tile(1, 1), item()]).tiles is None
    assert tiled([tile(1, 1, None), tile(257, 1, "3")]).tiles == TilePositions.of([1, 257], [1, 1])
    assert tiled([tile(1, 1, path="X"), tile(257, 1, path="A")], OpticalPathSequence=optical_paths("A")).tiles == (
        TilePositions.of([1, 257], [1, 1], [0])
    )


def test_reading_the_header_of_a_data_set_leaves_it_as_it_is(corpus: Path) -> None:
    dataset = pydicom.dcmread(corpus / "highdicom/sm_image.dcm")
    before = {tag: dataset.get_item(tag) for tag in dataset.keys()}  # noqa: SIM118
    header_of(dataset)
    assert all(dataset.get_item(tag) is element for tag, element in before.items())


def test_stream_that_hands_out_little_at_a_time_is_read_all_the_same(corpus: Path) -> None:
    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 3) if size is not None and size >= 0 else size)

    data = (corpus / "highdicom/ct_image.dcm").read_bytes()
    dripping: BinaryIO = Dripping(data)
    assert read_header(dripping) == replace(read(data))
