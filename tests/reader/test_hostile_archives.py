"""Archives that are broken or meant to do harm: what can be had is read, the rest reported."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.reader import streams
from converter.reader.sources import Found, walk
from converter.reader.streams import ContentError, read_all
from converter.settings import ArchiveLimits
from tests.reader.packing import LIMITS, NOISE, PACKERS, contents, make_tar, make_zip, problems


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
