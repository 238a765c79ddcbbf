from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zlib
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from converter.reader.fingerprint import fingerprint
from converter.reader.parser import parse
from tests.reader.encoded import CONTENT, Encoder, Item, Leaf, Nest, differences, meta

# One of each kind of object, toolkit and encoding; all of them would take too long.
FILES = (
    "clearcanvas/real01.pr.dcm",
    "clearcanvas/real0X.ko.dcm",
    "highdicom/sr_document_with_multiple_groups.dcm",
    "dicomscope/reportki.dcm",
    "dwv/sr-protractor.dcm",
    "highdicom/seg_image_ct_binary_overlap.dcm",
    "highdicom/sm_annotations.dcm",
    "iheos-toolkit2/kos/kos.dcm",
    "odd/pydicom-3.0.2-MR_small_bigendian.dcm",
    "odd/pydicom-3.0.2-chrH31.dcm",
    "odd/pydicom-3.0.2-image_dfl.dcm",
    "odd/pydicom-3.0.2-nested_priv_SQ.dcm",
    "odd/pydicom-3.0.2-priv_SQ.dcm",
    "openrem-0.10.0/test_files/RF-RDSR-Philips_Allura.dcm",
    "pydicom-3.0.2/liver_expb_1frame.dcm",
    "pydicom-3.0.2/rtplan.dcm",
    "pydicom-3.0.2/waveform_ecg.dcm",
    "rt-utils/mock_data/rt.dcm",
)
FORMS = (("+te", "+e"), ("+ti", "-e"), ("+tb", "+e"), ("+td", "+e"), ("+ti", "+e"))


def of(data: bytes) -> str:
    parsed = parse(data)
    assert parsed.problems == ()
    return fingerprint(parsed.dataset)


def encoded(elements: Item, *, explicit: bool = True, little: bool = True) -> bytes:
    uid = ("1.2.840.10008.1.2.1" if explicit else "1.2.840.10008.1.2") if little else "1.2.840.10008.1.2.2"
    return meta(uid) + Encoder(explicit, little).encode(elements)


def report(undefined: bool = False) -> Item:
    items: list[Item] = [[Leaf(0x0040A040, "CS", b"TEXT"), Leaf(0x0040A160, "UT", b"none")], []]
    return [
        Leaf(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.88.33\0"),
        Leaf(0x00080060, "CS", b"SR"),
        Nest(CONTENT, items, undefined=undefined, items_undefined=undefined),
    ]


def test_is_the_hash_of_the_data_set_in_explicit_vr_little_endian() -> None:
    # Written out by hand: sequences and items of undefined length.
    written = (
        b"\x08\0\x16\0UI\x1e\0001.2.840.10008.5.1.4.1.1.88.33\0"
        b"\x08\0\x60\0CS\x02\0SR"
        b"\x40\0\x30\xa7SQ\0\0\xff\xff\xff\xff"
        b"\xfe\xff\0\xe0\xff\xff\xff\xff"
        b"\x40\0\x40\xa0CS\x04\0TEXT"
        b"\x40\0\x60\xa1UT\0\0\x04\0\0\0none"
        b"\xfe\xff\x0d\xe0\0\0\0\0"
        b"\xfe\xff\0\xe0\xff\xff\xff\xff"
        b"\xfe\xff\x0d\xe0\0\0\0\0"
        b"\xfe\xff\xdd\xe0\0\0\0\0"
    )
    assert of(encoded(report())) == hashlib.sha256(written).hexdigest()
    assert of(meta("1.2.840.10008.1.2.1") + written) == hashlib.sha256(written).hexdigest()


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("undefined", [True, False])
def test_does_not_depend_on_vr_encoding_or_lengths(explicit: bool, undefined: bool) -> None:
    assert of(encoded(report(undefined), explicit=explicit)) == of(encoded(report()))


@pytest.mark.skipif(shutil.which("dcmconv") is None and os.environ.get("CI") != "true", reason="needs dcmconv of dcmtk")
@pytest.mark.parametrize("name", FILES)
def test_is_the_same_for_whatever_dcmtk_makes_of_a_file(name: str, corpus: Path, tmp_path: Path) -> None:
    first = None
    for number, form in enumerate(FORMS):
        path = tmp_path / f"{number}.dcm"
        # Without the group lengths that dcmtk would recalculate, and what it knows of private elements.
        subprocess.run(["dcmconv", "-q", *form, "-g", str(corpus / name), str(path)], check=True)
        parsed = parse(path.read_bytes())
        assert parsed.problems == ()
        assert differences(parsed.dataset, pydicom.dcmread(path)) == []
        first = first or fingerprint(parsed.dataset)
        assert fingerprint(parse(path.read_bytes()).dataset) == first, form
        assert fingerprint(pydicom.dcmread(path)) == first, form
    assert fingerprint(parse((corpus / name).read_bytes()).dataset) == first


def saved(dataset: Dataset, syntax: pydicom.uid.UID) -> bytes:
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("1.2")
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def in_memory() -> Dataset:
    item = Dataset()
    item.ValueType = "SCOORD"
    item.GraphicData = [1.5, 2.25, -3.0]
    item.PersonName = "Müller^Jörg"
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    dataset.ContentDate = "20240229"
    dataset.SeriesDescription = ["Größe", "odd"]
    dataset.PatientName = "König^Änne"
    dataset.PatientWeight = "70.50"
    dataset.SeriesNumber = 7
    dataset.PixelRepresentation = 1
    dataset.SmallestImagePixelValue = -5
    dataset.add_new(0x00280009, "AT", [0x00181063, 0x00540010])
    dataset.add_new(0x00091010, "FD", [1.0, 2.0])
    dataset.add_new(0x00090010, "LO", "MINE")
    dataset.add_new(0x00189074, "DT", "20240229120000+0100")
    dataset.add_new(0x00660016, "OF", b"\0\0\x80\x3f\0\0\0\x40")
    dataset.ContentSequence = Sequence([item, Dataset()])
    return dataset


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_is_the_same_for_a_data_set_in_memory_and_its_file(syntax: pydicom.uid.UID) -> None:
    data = saved(in_memory(), syntax)
    dataset = pydicom.dcmread(BytesIO(data))
    if syntax == ExplicitVRBigEndian:
        # pydicom writes OF in the byte order that it is given in.
        del dataset[0x00660016]
        expected = in_memory()
        del expected[0x00660016]
        assert fingerprint(dataset) == fingerprint(expected)
    else:
        assert of(data) == fingerprint(in_memory())
        assert fingerprint(dataset) == fingerprint(in_memory())
        for element in dataset.iterall():
            # As it is asked for, the element is converted.
            assert element is not None
        assert fingerprint(dataset) == fingerprint(in_memory())


def test_swaps_numbers_of_big_endian_data_sets() -> None:
    def numbers(order: str) -> Item:
        def of_size(size: int, *values: int) -> bytes:
            return b"".join(value.to_bytes(size, order) for value in values)  # type: ignore[arg-type]

        return [
            Leaf(0x00080016, "UI", b"1.2.3\0"),
            Leaf(0x00280009, "AT", of_size(2, 0x18, 0x1063)),
            Leaf(0x00280010, "US", of_size(2, 512)),
            Leaf(0x00291001, "UL", of_size(4, 70_000)),
            Leaf(0x00660016, "OF", of_size(4, 0x3F800000, 0x40000000)),
            Leaf(0x00700022, "FL", of_size(4, 0x3F800000)),
            Leaf(0x0072006F, "FD", of_size(8, 0x3FF0000000000000)),
        ]

    assert of(encoded(numbers("big"), little=False)) == of(encoded(numbers("little")))


def test_takes_un_and_a_wrong_vr_for_what_they_are() -> None:
    expected = of(encoded(report()))
    item = Encoder(explicit=False).encode([Nest(CONTENT, report()[2].items)])[8:]  # type: ignore[union-attr]
    for modality in ("UN", "LO"):
        changed: Item = [report()[0], Leaf(0x00080060, modality, b"SR"), Leaf(CONTENT, "UN", item)]
        assert of(encoded(changed)) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Leaf(0x00100020, "LO", b"12  "), Leaf(0x00100020, "LO", b"12")),
        (Leaf(0x00100020, "LO", b"1 \\2 "), Leaf(0x00100020, "LO", b"1\\2 ")),
        (Leaf(0x00100020, "LO", b"12\0\0"), Leaf(0x00100020, "LO", b"12")),
        (Leaf(0x00080018, "UI", b"1.2.3 "), Leaf(0x00080018, "UI", b"1.2.3\0")),
        (Leaf(0x00101030, "DS", b" 70 "), Leaf(0x00101030, "DS", b"70")),
        (Leaf(0x0040A160, "UT", b" a  "), Leaf(0x0040A160, "UT", b" a")),
    ],
)
def test_leaves_padding_out(one: Leaf, other: Leaf) -> None:
    assert of(encoded([report()[0], one])) == of(encoded([report()[0], other]))


def test_leaves_out_what_is_not_content() -> None:
    more: Item = [Leaf(0x7FE00010, "OW", b"\0" * 8), Leaf(0xFFFCFFFC, "OB", b"\0" * 10)]
    lengths: Item = [Leaf(0x00080000, "UL", b"\x44\0\0\0")]
    assert of(encoded([*lengths, *report(), *more])) == of(encoded(report()))


@pytest.mark.parametrize(
    "changed",
    [
        [*report()[:2], Nest(CONTENT, [[Leaf(0x0040A040, "CS", b"TEXT"), Leaf(0x0040A160, "UT", b"some")], []])],
        [*report()[:2], Nest(CONTENT, [[Leaf(0x0040A040, "CS", b"TEXT"), Leaf(0x0040A160, "UT", b"none")]])],
        [*report(), Leaf(0x00700080, "CS", b"")],
        [*report(), Leaf(0x00091001, "LO", b"x ")],
    ],
)
def test_tells_different_content_apart(changed: Item) -> None:
    assert of(encoded(changed)) != of(encoded(report()))


def test_takes_private_sequences_of_defined_length_in_implicit_vr_for_sequences() -> None:
    private = Nest(0x00091001, [[Leaf(0x0040A040, "CS", b"TEXT")]])
    elements: Item = [report()[0], Leaf(0x00090010, "LO", b"MINE"), private]
    assert of(encoded(elements, explicit=False)) == of(encoded(elements))


def test_hashes_what_cannot_be_encoded() -> None:
    dataset = in_memory()
    dataset.PatientName = "山田^太郎"
    dataset[0x00200011].value = None
    dataset.add_new(0x00280010, "US", 70_000)
    other = in_memory()
    other.PatientName = "山田^次郎"
    other[0x00200011].value = None
    other.add_new(0x00280010, "US", 70_000)
    assert fingerprint(dataset) != fingerprint(other)
    other.PatientName = "山田^太郎"
    assert fingerprint(dataset) == fingerprint(other)


def test_hashes_data_sets_nested_deep() -> None:
    def nest(text: str) -> Dataset:
        dataset = Dataset()
        dataset.TextValue = text
        for _ in range(3_000):
            outer = Dataset()
            outer.ContentSequence = Sequence([dataset])
            dataset = outer
        return dataset

    assert fingerprint(nest("a")) == fingerprint(nest("a"))
    assert fingerprint(nest("a")) != fingerprint(nest("b"))


def test_is_the_same_when_deflated() -> None:
    deflater = zlib.compressobj(wbits=-15)
    packed = deflater.compress(Encoder().encode(report())) + deflater.flush()
    assert of(meta("1.2.840.10008.1.2.1.99") + packed) == of(encoded(report()))
