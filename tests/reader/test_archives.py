"""Archives: recognised by content, read member by member, hostile ones held to limits."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import pickle
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.reader import streams
from converter.reader.archives import clean_name, recognise
from converter.reader.sources import Found, Unread, walk
from converter.reader.streams import ContentError, read_all
from converter.settings import ArchiveLimits

LIMITS = ArchiveLimits()
ROOT = Path(__file__).parents[2]
Tree = dict[str, bytes]
NOISE = bytes(zlib.crc32(bytes([n % 251, n // 251])) % 256 for n in range(5000))


def make_zip(tree: Tree, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in tree.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def make_streamed_zip(tree: Tree) -> bytes:
    """As written to a pipe: sizes and CRC follow the data."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError

        def seek(self, *_: int) -> int:
            raise OSError

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in tree.items():
            archive.writestr(name, content)
    return pipe.getvalue()


def make_tar(tree: Tree, mode: str = "w", **options: Any) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, **options) as archive:  # type: ignore[call-overload]
        for name, content in tree.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


PACKERS = {
    "zip": make_zip,
    "stored zip": lambda tree: make_zip(tree, zipfile.ZIP_STORED),
    "zip with bzip2": lambda tree: make_zip(tree, zipfile.ZIP_BZIP2),
    "zip with LZMA": lambda tree: make_zip(tree, zipfile.ZIP_LZMA),
    "streamed zip": make_streamed_zip,
    "tar": make_tar,
    "GNU tar": lambda tree: make_tar(tree, format=tarfile.GNU_FORMAT),
    "tar.gz": lambda tree: make_tar(tree, "w:gz"),
    "tar.bz2": lambda tree: make_tar(tree, "w:bz2"),
    "tar.xz": lambda tree: make_tar(tree, "w:xz"),
}


def contents(source: Any, limits: ArchiveLimits = LIMITS) -> Tree:
    return {each.name: each.open().read() for each in walk([source], limits) if isinstance(each, Found)}


def problems(source: Any, limits: ArchiveLimits = LIMITS) -> list[tuple[str, str]]:
    """What the walk and the reading of what it finds report."""
    found = []
    for each in walk([source], limits):
        if isinstance(each, Found):
            _, problem = read_all(io.BufferedReader(each.open()))  # type: ignore[arg-type]
            if problem is not None:
                found.append((each.name, problem.code))
        else:
            assert isinstance(each, Unread)
            found.append((each.name, each.problem.code))
    return found


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
        assert sorted(os.listdir(tmp_path)) == ["x"]

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


class TestDamage:
    def test_an_encrypted_member_is_reported_and_the_next_is_read(self) -> None:
        data = bytearray(make_zip({"a": b"secret", "b": b"2"}))
        local, central = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
        data[local + 6] |= 1
        data[central + 8] |= 1
        assert contents(bytes(data)) == {"bytes[0]/b": b"2"}
        assert problems(bytes(data)) == [("bytes[0]/a", "archive-damaged")]

    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_a_wrong_checksum_fails_that_member_after_its_bytes(self, method: int) -> None:
        data = make_zip({"a": NOISE, "b": b"2"}, method)
        crc = struct.pack("<L", zlib.crc32(NOISE))
        data = data.replace(crc, b"\x00\x01\x02\x03")
        assert problems(data) == [("bytes[0]/a", "archive-damaged")]
        first, second = (each for each in walk([data], LIMITS) if isinstance(each, Found))
        assert (first.name, second.name) == ("bytes[0]/a", "bytes[0]/b")

    @pytest.mark.parametrize("packer", sorted(PACKERS))
    def test_what_stands_before_a_cut_is_read(self, packer: str) -> None:
        noise = os.urandom(3000)
        data = PACKERS[packer]({"a": noise[:1000], "b": noise})
        # Within the last member's data, whatever the packing adds before and after it.
        data = data[: len(data) // 2] if packer.startswith("tar.") else data[: data.index(b"b", 900) + 1500]
        if packer in ("tar.xz", "tar.bz2"):
            # These unpack in blocks: nothing of the one that is cut can be had.
            assert problems(data)
            return
        reported = problems(data)
        assert ("bytes[0]", "archive-damaged") in reported
        assert {name for name, _ in reported} <= {"bytes[0]", "bytes[0]/b"}
        found = {}
        for each in walk([data], LIMITS):
            if isinstance(each, Found):
                found[each.name] = read_all(io.BufferedReader(each.open()))[0]  # type: ignore[arg-type]
        assert found["bytes[0]/a"] == noise[:1000]

    def test_a_cut_gzip_gives_its_bytes_and_then_fails(self) -> None:
        noise = os.urandom(100_000)
        steps = walk([gzip.compress(noise)[:60_000]], LIMITS)
        found = next(steps)
        assert isinstance(found, Found)
        with found.open() as stream:
            assert noise.startswith(stream.read(50_000))
            with pytest.raises(ContentError) as caught:
                stream.read()
        assert caught.value.problem.code == "archive-damaged"
        assert str(caught.value) == "archive-damaged"

    def test_a_broken_header_in_a_tar_is_not_taken_for_its_end(self) -> None:
        data = bytearray(make_tar({"a": b"1", "b": b"2", "c": b"3"}))
        data[1024 + 148 : 1024 + 154] = b"999999"
        assert contents(bytes(data)) == {"bytes[0]/a": b"1"}
        assert problems(bytes(data)) == [("bytes[0]", "archive-damaged")]

    def test_a_negative_size_does_not_go_round_in_circles(self) -> None:
        info = tarfile.TarInfo("a")
        header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
        header[124:136] = b"\xff" * 10 + b"\xfc\x00"
        header[148:156] = b"%06o\0 " % (sum(header[:148]) + 256 + sum(header[156:]))
        assert problems(bytes(header) + bytes(4096))[-1] == ("bytes[0]", "archive-damaged")

    def test_an_extended_header_of_absurd_size_is_not_read(self) -> None:
        info = tarfile.TarInfo("a")
        info.type = tarfile.XHDTYPE
        info.size = 2**33
        data = make_tar({"first": b"1"})[:1024] + info.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)
        assert contents(data) == {"bytes[0]/first": b"1"}
        assert problems(gzip.compress(data)) == [("bytes[0]", "archive-damaged")]

    @settings(max_examples=150, deadline=None)
    @given(
        packer=st.sampled_from(sorted(PACKERS)),
        changes=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), min_size=1, max_size=4),
    )
    def test_damage_anywhere_never_stops_a_walk(self, packer: str, changes: list[tuple[int, int]]) -> None:
        data = bytearray(PACKERS[packer]({"a": b"first" * 20, "b/c": NOISE[:600], "d": PACKERS["zip"]({"e": b"1"})}))
        for at, value in changes:
            data[at % len(data)] = value
        for each in walk([bytes(data), b"after"], LIMITS):
            if isinstance(each, Found):
                read_all(io.BufferedReader(each.open()))  # type: ignore[arg-type]
        assert (each.name, each.source) == ("bytes[1]", 1)


class TestLimits:
    def nested(self, depth: int, packer: str = "zip") -> bytes:
        data = b"content"
        for _ in range(depth + 1):
            data = PACKERS[packer]({"a": data})
        return data

    @pytest.mark.parametrize("packer", ["zip", "tar", "tar.gz"])
    def test_archives_within_archives_down_to_the_limit(self, packer: str) -> None:
        limits = ArchiveLimits(depth=3)
        assert contents(self.nested(3, packer), limits) == {"bytes[0]/a/a/a/a": b"content"}
        assert problems(self.nested(4, packer), limits) == [("bytes[0]/a/a/a/a", "archive-limit")]

    def test_packed_within_packed_without_end(self) -> None:
        data = b"content"
        for _ in range(50):
            data = gzip.compress(data)
        assert problems(data) == [("bytes[0]", "archive-limit")]

    @pytest.mark.parametrize("packer", ["zip", "tar", "tar.gz"])
    def test_members_are_counted_through_all_archives(self, packer: str) -> None:
        inner = PACKERS[packer]({str(number): b"1" for number in range(4)})
        data = PACKERS[packer]({"a": inner, "b": inner})
        found = contents(data, ArchiveLimits(members=7))
        assert sorted(found) == ["bytes[0]/a/0", "bytes[0]/a/1", "bytes[0]/a/2", "bytes[0]/a/3", "bytes[0]/b/0"]
        assert problems(data, ArchiveLimits(members=7))[0] == ("bytes[0]/b", "archive-limit")
        assert problems(data, ArchiveLimits(members=10)) == []

    @pytest.mark.parametrize("packer", ["zip", "stored zip", "tar", "tar.gz"])
    def test_a_member_above_the_limit_is_refused_and_the_next_is_read(self, packer: str) -> None:
        data = PACKERS[packer]({"a": bytes(2000), "b": b"2"})
        limits = ArchiveLimits(member_bytes=1000)
        assert contents(data, limits) == {"bytes[0]/b": b"2"}
        assert problems(data, limits) == [("bytes[0]/a", "archive-limit")]

    def test_a_packed_file_is_cut_off_at_the_limit(self) -> None:
        reported = problems(gzip.compress(bytes(500_000)), ArchiveLimits(member_bytes=100_000))
        assert reported == [("bytes[0]", "archive-limit")]

    @pytest.mark.parametrize("packer", ["zip", "tar.gz", "tar.xz"])
    def test_a_bomb_is_cut_off_whatever_its_headers_say(self, packer: str, monkeypatch: pytest.MonkeyPatch) -> None:
        data = PACKERS[packer]({"a": bytes(20_000_000), "b": b"2"})
        assert problems(data, ArchiveLimits(ratio=100)) == []
        monkeypatch.setattr(streams, "RATIO_FLOOR", 2**20)
        reported = problems(data, ArchiveLimits(ratio=100))
        assert reported[0] == ("bytes[0]/a", "archive-limit")
        assert problems(data, ArchiveLimits(ratio=10**6)) == []

    def test_members_that_share_their_bytes_are_refused(self) -> None:
        """Fifield's overlapping bomb: a directory of many names for one member."""
        data = make_zip({"a": NOISE}, zipfile.ZIP_STORED)
        start = data.index(b"PK\x01\x02")
        end = data.index(b"PK\x05\x06")
        entry, directory = data[start:end], b""
        for number in range(9):
            directory += entry[:46] + str(number).encode() + entry[47:]
        tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, len(directory), start, 0)
        assert problems(data[:start] + directory + tail) == [("bytes[0]", "archive-limit")]


def test_the_real_packed_file(corpus: Path) -> None:
    (content,) = contents(corpus / "odd" / "pydicom-3.0.2-zipMR.gz").values()
    # The unpacked size is what the gzip trailer states, RFC 1952.
    assert len(content) == 9830
    assert content[128:132] == b"DICM"
