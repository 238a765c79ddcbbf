"""Archives: recognised by content, read member by member under clean names."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.reader.archives import clean_name, recognise
from converter.reader.sources import Found, walk
from tests.reader.packing import LIMITS, NOISE, PACKERS, Tree, contents, make_tar, make_zip, problems

ROOT = Path(__file__).parents[2]


class TestPacking:
    PART = st.text(st.sampled_from("abcXYZ019 _-.äβ"), min_size=1, max_size=6).filter(lambda part: part.strip("."))
    NAMES = st.lists(PART, min_size=1, max_size=4).map("/".join)
    # Bytes may happen to be an archive's; these are not.
    CONTENTS = st.binary(max_size=3000).map(lambda content: b"x" + content)
    TREES = st.dictionaries(NAMES, CONTENTS, min_size=1, max_size=6).filter(
        lambda tree: not any(other.startswith(name + "/") for name in tree for other in tree)
    )

    @settings(max_examples=25, deadline=None)
    @given(tree=TREES, first=st.sampled_from(sorted(PACKERS)), second=st.sampled_from(sorted(PACKERS)))
    def test_any_tree_gives_the_same_files_however_it_is_packed(self, tree: Tree, first: str, second: str) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            for name, content in tree.items():
                (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / "tree" / name).write_bytes(content)
            packed = PACKERS[first](tree)
            (folder / "packed").write_bytes(packed)
            (folder / "twice").write_bytes(PACKERS[second]({"inner/one": packed}))
            assert contents(folder / "tree") == tree
            assert contents(folder / "packed") == {f"packed/{name}": content for name, content in tree.items()}
            expected = {f"twice/inner/one/{name}": content for name, content in tree.items()}
            assert contents(folder / "twice") == expected
            assert problems(folder) == []

    @pytest.mark.parametrize("packer", sorted(PACKERS))
    def test_from_memory_and_from_streams(self, packer: str) -> None:
        packed = PACKERS[packer]({"a/b": b"content", "c": NOISE})
        assert contents(packed) == {"bytes[0]/a/b": b"content", "bytes[0]/c": NOISE}
        assert contents(io.BytesIO(packed)) == {"stream[0]/a/b": b"content", "stream[0]/c": NOISE}

    @pytest.mark.parametrize("packer", ["zip", "tar", "tar.gz"])
    def test_from_standard_input(self, packer: str) -> None:
        program = (
            "from converter.reader.sources import walk; from converter.settings import ArchiveLimits\n"
            "print([(each.name, each.open().read()) for each in walk(['-'], ArchiveLimits())])"
        )
        given_bytes = PACKERS[packer]({"a": b"1", "b": b"2"})
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, input=given_bytes, capture_output=True, check=True
        )
        assert done.stdout.decode().strip() == "[('-/a', b'1'), ('-/b', b'2')]"

    @pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
    def test_one_packed_file_has_the_name_of_its_pack(self, tmp_path: Path, pack: Any) -> None:
        (tmp_path / "image.gz").write_bytes(pack(NOISE))
        (tmp_path / "image.twice").write_bytes(pack(pack(NOISE)))
        assert contents(tmp_path) == {"image.gz": NOISE, "image.twice": NOISE}

    @pytest.mark.parametrize(
        ("packer", "inner", "rereadable"),
        [
            ("zip", "zip", False),
            ("stored zip", "zip", True),
            ("tar", "zip", True),
            ("tar", "tar", True),
            ("stored zip", "tar.gz", False),
            ("tar.gz", "zip", False),
        ],
    )
    def test_what_is_rereadable_can_be_read_again_after_the_walk(
        self, tmp_path: Path, packer: str, inner: str, rereadable: bool
    ) -> None:
        packed = PACKERS[packer]({"inner": PACKERS[inner]({"a": b"1", "b": NOISE})})
        (tmp_path / "outer").write_bytes(packed)
        found = [each for each in walk([tmp_path], LIMITS) if isinstance(each, Found)]
        assert [(each.name, each.rereadable) for each in found] == [
            ("outer/inner/a", rereadable),
            ("outer/inner/b", rereadable),
        ]
        if rereadable:
            again: list[Found] = pickle.loads(pickle.dumps(found))
            assert [each.open().read() for each in reversed(again)] == [NOISE, b"1"]

    def test_a_member_of_a_forward_archive_cannot_be_read_after_the_next(self) -> None:
        steps = walk([make_tar({"a": b"1", "b": b"2"}, "w:gz")], LIMITS)
        first = next(steps)
        next(steps)
        assert isinstance(first, Found)
        with pytest.raises(ValueError, match="before the next"):
            first.open()

    def test_an_archive_after_other_bytes(self) -> None:
        """The end of the file counts, APPNOTE 4.3.1: what was put before shifts all offsets."""
        assert contents(make_zip({"a": b"1"}) + make_zip({"b": b"2"})) == {"bytes[0]/b": b"2"}

    def test_an_archive_with_the_end_of_more_than_65535_members(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
        data = make_zip({"a": b"1", "b": b"2"})
        end = data.index(b"PK\x05\x06")
        assert data[end - 20 : end - 16] == b"PK\x06\x07"
        # What is too large for 32 bits is stated as all ones there.
        data = data[: end + 8] + b"\xff" * 12 + data[end + 20 :]
        assert contents(data) == {"bytes[0]/a": b"1", "bytes[0]/b": b"2"}
        assert problems(data) == []

    def test_sizes_of_64_bits(self, tmp_path: Path) -> None:
        with (
            zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive,
            archive.open("a", "w", force_zip64=True) as member,
        ):
            member.write(NOISE)
        assert contents(tmp_path) == {"a.zip/a": NOISE}

    def test_sparse_members_of_a_tar(self, tmp_path: Path) -> None:
        with (tmp_path / "sparse").open("wb") as file:
            file.seek(2**20)
            file.write(b"end")
        done = subprocess.run(["tar", "-cSf", "s.tar", "sparse"], cwd=tmp_path, check=False, capture_output=True)
        if done.returncode or (tmp_path / "s.tar").stat().st_size > 2**20:
            if os.environ.get("CI") == "true":
                pytest.fail("tar stores no holes")
            pytest.skip("needs a tar that stores holes")
        assert contents(tmp_path / "s.tar") == {"s.tar/sparse": bytes(2**20) + b"end"}

    def test_dicom_whose_preamble_is_that_of_an_archive_is_no_archive(self) -> None:
        assert recognise(b"PK\x03\x04" + bytes(124) + b"DICM") is None
        assert recognise(make_zip({})) == "zip"
        assert recognise(bytes(1024)) is None


class TestNames:
    @pytest.mark.parametrize(
        ("raw", "clean", "escaped"),
        [
            ("a/b.dcm", "a/b.dcm", False),
            ("./a//b", "a/b", False),
            ("a\\b", "a/b", False),
            ("..a/b..", "..a/b..", False),
            ("/etc/passwd", "etc/passwd", True),
            ("../../a", "a", True),
            ("a/../../b", "a/b", True),
            ("..\\a", "a", True),
            ("C:\\a", "a", True),
            ("c:a", "a", True),
            ("c:../a", "a", True),
            ("\\\\server\\share", "server/share", True),
            ("a\x00.dcm", "a_.dcm", True),
            ("..", "unnamed", True),
            ("", "unnamed", True),
        ],
    )
    def test_names_stay_within_the_archive(self, raw: str, clean: str, escaped: bool) -> None:
        assert clean_name(raw) == (clean, escaped)

    @given(st.text(st.sampled_from("./\\:Ca\x00"), max_size=12))
    def test_no_name_leads_out(self, raw: str) -> None:
        clean, _ = clean_name(raw)
        assert clean
        assert "\x00" not in clean
        assert not set(clean.split("/")) & {"", ".", ".."}

    @pytest.mark.parametrize("packer", ["zip", "tar", "tar.gz"])
    def test_what_leads_out_is_read_under_its_plain_name(self, tmp_path: Path, packer: str) -> None:
        (tmp_path / "x").write_bytes(PACKERS[packer]({"../../a": b"1", "/b": b"2", "c": b"3"}))
        assert contents(tmp_path) == {"x/a": b"1", "x/b": b"2", "x/c": b"3"}
        assert problems(tmp_path) == [("x/a", "archive-path"), ("x/b", "archive-path")]
        assert [each.name for each in tmp_path.iterdir()] == ["x"]

    @pytest.mark.filterwarnings("ignore:Duplicate name")
    def test_members_of_one_name_are_all_read(self) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for content in (b"1", b"2", b"3"):
                archive.writestr("a", content)
            archive.writestr("a#2", b"4")
            archive.writestr("A", b"5")
        expected = {"a": b"1", "a#2": b"2", "a#3": b"3", "a#2#2": b"4", "A": b"5"}
        assert contents(buffer.getvalue()) == {f"bytes[0]/{name}": content for name, content in expected.items()}

    def test_names_without_the_utf_8_flag(self) -> None:
        raw = make_zip({"XXXX": b"1"})
        assert list(contents(raw.replace(b"XXXX", "ääXX"[:2].encode()))) == ["bytes[0]/ää"]
        assert list(contents(raw.replace(b"XXXX", b"\x84.dc"))) == ["bytes[0]/ä.dc"]


class TestSpecialMembers:
    @pytest.mark.parametrize("mode", ["w", "w:gz"])
    def test_links_and_devices_of_a_tar_are_passed_over(self, mode: str) -> None:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
            for name, kind in (
                ("folder", tarfile.DIRTYPE),
                ("symlink", tarfile.SYMTYPE),
                ("hard", tarfile.LNKTYPE),
                ("device", tarfile.CHRTYPE),
                ("pipe", tarfile.FIFOTYPE),
            ):
                info = tarfile.TarInfo(name)
                info.type = kind
                info.linkname = "folder/../../../etc/passwd" if name == "symlink" else "symlink"
                archive.addfile(info)
            info = tarfile.TarInfo("file")
            info.size = 1
            archive.addfile(info, io.BytesIO(b"1"))
        assert contents(buffer.getvalue()) == {"bytes[0]/file": b"1"}
        assert problems(buffer.getvalue()) == [
            ("bytes[0]/symlink", "link-skipped"),
            ("bytes[0]/hard", "link-skipped"),
            ("bytes[0]/device", "not-regular"),
            ("bytes[0]/pipe", "not-regular"),
        ]

    def test_links_of_a_zip_are_passed_over(self) -> None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            link = zipfile.ZipInfo("link")
            link.create_system = 3
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, "/etc/passwd")
            archive.writestr("folder/", b"")
        assert contents(buffer.getvalue()) == {}
        assert problems(buffer.getvalue()) == [("bytes[0]/link", "link-skipped")]


def test_the_real_packed_file(corpus: Path) -> None:
    (content,) = contents(corpus / "odd" / "pydicom-3.0.2-zipMR.gz").values()
    # The unpacked size is what the gzip trailer states, RFC 1952.
    assert len(content) == 9830
    assert content[128:132] == b"DICM"
