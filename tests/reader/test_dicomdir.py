"""DICOMDIRs: what they list, where it is on the media, what is missing."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)

from converter.reader.dicomdir import is_dicomdir, read_file_set
from converter.reader.sources import Directory, Found, walk
from converter.settings import ArchiveLimits

LIMITS = ArchiveLimits()
OWN_UID = "1.2.826.0.1.3680043.8.498.1"


def directory(
    *file_ids: str | list[str] | None,
    inactive: str | None = None,
    meta: bool = True,
    syntax: UID = ExplicitVRLittleEndian,
) -> bytes:
    """A DICOMDIR with one record per File ID; None is a record without a file."""
    dataset = Dataset()
    dataset.FileSetID = "TEST"
    dataset.DirectoryRecordSequence = []
    for file_id in (*file_ids, inactive):
        record = Dataset()
        record.RecordInUseFlag = 0 if inactive is not None and file_id is inactive else 0xFFFF
        record.DirectoryRecordType = "IMAGE"
        if file_id is not None:
            record.ReferencedFileID = file_id
        dataset.DirectoryRecordSequence.append(record)
    buffer = io.BytesIO()
    if not meta:
        dcmwrite(buffer, dataset, implicit_vr=True, little_endian=True)
        return buffer.getvalue()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(OWN_UID)
    dataset.file_meta.TransferSyntaxUID = syntax
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def walked(source: Any) -> tuple[list[str], Directory]:
    items = list(walk([source], LIMITS))
    (only,) = (each for each in items if isinstance(each, Directory))
    return [each.name for each in items if isinstance(each, Found)], only


def problems(each: Directory) -> list[tuple[str, str]]:
    return [(problem.code, problem.message.split()[0]) for problem in each.problems]


@pytest.mark.parametrize("name", ["", "-bigEnd", "-nopatient"])
def test_real_directories_list_31_files(corpus: Path, name: str) -> None:
    """31 is the number of ReferencedFileID elements that dcmdump prints."""
    names, found = walked(corpus / "odd" / f"pydicom-3.0.2-DICOMDIR{name}")
    assert names == []
    assert found.listed == 31
    assert found.sop_instance_uid == "1.2.276.0.7230010.3.1.4.0.31906.1359940846.78187"
    assert problems(found) == [("file-set-missing", "31")]


def test_given_itself_its_files_are_walked_by_name_and_nothing_else(tmp_path: Path) -> None:
    source = write(tmp_path / "DICOMDIR", directory(None, ["B", "2"], ["A", "1"], ["A", "1"], ["GONE", "X"]))
    for name in ("A/1", "B/2", "B/3"):
        write(tmp_path / name, name.encode())
    names, found = walked(source)
    assert names == ["A/1", "B/2"]
    assert (found.name, found.listed, problems(found)) == ("DICOMDIR", 3, [("file-set-missing", "1")])


def test_met_in_a_folder_it_is_listed_and_its_files_are_read_once(tmp_path: Path) -> None:
    write(tmp_path / "cd" / "DICOMDIR", directory(["A", "1"], ["A", "2"]))
    write(tmp_path / "cd" / "A" / "1", b"1")
    write(tmp_path / "cd" / "other", b"2")
    names, found = walked(tmp_path)
    assert names == ["cd/A/1", "cd/other"]
    assert (found.name, found.listed, problems(found)) == ("cd/DICOMDIR", 2, [("file-set-missing", "1")])


def test_it_is_known_by_its_content(tmp_path: Path) -> None:
    assert walked(write(tmp_path / "any name", directory(["A"])))[1].listed == 1
    assert walked(write(tmp_path / "bare", directory(["A"], meta=False)))[1].listed == 1
    other = directory().replace(b"1.2.840.10008.1.3.10", b"1.2.840.10008.1.3.11")
    assert not is_dicomdir(other)
    assert not is_dicomdir(b"DICOMDIR")


@pytest.mark.parametrize("name", ["images/im1", "IMAGES/IM1.", "IMAGES/IM1;1", "Images/im1.;12"])
def test_names_as_media_spell_them(tmp_path: Path, name: str) -> None:
    source = write(tmp_path / "dicomdir", directory(["IMAGES", "IM1"]))
    write(tmp_path / name, b"1")
    names, found = walked(source)
    assert (names, problems(found)) == ([name], [])
    assert problems(walked(tmp_path)[1]) == []


@pytest.mark.parametrize("outside", [["..", "X"], ["A", "..", "..", "X"], "/X", ["", "X"], "C:\\X", ["A", "../../X"]])
def test_what_leads_out_of_the_file_set_is_not_followed(tmp_path: Path, outside: str | list[str]) -> None:
    write(tmp_path / "X", b"1")
    write(tmp_path / "set" / "A" / "1", b"1")
    source = write(tmp_path / "set" / "DICOMDIR", directory(["A", "1"], outside))
    names, found = walked(source)
    assert (names, problems(found)) == (["A/1"], [("file-set-path", "1")])
    assert found.listed == 2


def test_a_link_out_of_the_file_set_is_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "X", b"1")
    source = write(tmp_path / "set" / "DICOMDIR", directory(["A"]))
    (tmp_path / "set" / "A").symlink_to(tmp_path / "X")
    names, found = walked(source)
    assert (names, problems(found)) == ([], [("file-set-path", "1")])


def test_inactive_records_are_not_missed(tmp_path: Path) -> None:
    write(tmp_path / "A", b"1")
    _, found = walked(write(tmp_path / "DICOMDIR", directory(["A"], inactive="DELETED")))
    assert (found.listed, problems(found)) == (1, [])


def test_records_that_break_off_leave_the_files_beside_it(tmp_path: Path) -> None:
    data = directory(["A"], ["B"], ["C"])
    source = write(tmp_path / "DICOMDIR", data[:-30])
    for name in "ABCD":
        write(tmp_path / name, b"1")
    names, found = walked(source)
    assert names == ["A", "B", "C", "D"]
    assert "file-set-damaged" in {problem.code for problem in found.problems}
    assert walked(tmp_path)[0] == ["A", "B", "C", "D"]


def test_without_records_it_is_damaged() -> None:
    data = directory()
    start = data.index(b"\x04\x00\x20\x12SQ")
    assert [each.code for each in read_file_set(data[:start]).problems] == ["file-set-damaged"]
    assert read_file_set(b"nothing").damaged


@pytest.mark.parametrize("packing", ["zip", "gztar"])
@pytest.mark.parametrize("prefix", ["", "media/"])
def test_in_an_archive_its_files_are_read_once(tmp_path: Path, packing: str, prefix: str) -> None:
    tree = tmp_path / "tree" / prefix
    write(tree / "DICOMDIR", directory(["A", "1"], ["A", "2"], ["A", "3"]))
    write(tree / "A" / "1", b"1")
    write(tree / "a" / "2.;1", b"2")
    packed = shutil.make_archive(str(tmp_path / "packed"), packing, tmp_path / "tree")
    names, found = walked(packed)
    base = Path(packed).name
    assert sorted(names) == [f"{base}/{prefix}A/1", f"{base}/{prefix}a/2.;1"]
    assert found.name == f"{base}/{prefix}DICOMDIR"
    assert (found.listed, problems(found)) == (3, [("file-set-missing", "1")])
    assert zipfile.is_zipfile(packed) or tarfile.is_tarfile(packed)


def test_from_memory_there_is_no_file_set_to_look_at() -> None:
    names, found = walked(directory(["A", "1"]))
    assert (names, found.name, found.listed, problems(found)) == ([], "bytes[0]", 1, [])


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_any_transfer_syntax(syntax: UID) -> None:
    file_set = read_file_set(directory(["A", "1"], syntax=syntax))
    assert (file_set.references, file_set.sop_instance_uid, file_set.problems) == ((("A", "1"),), OWN_UID, ())
