"""Recognises archives and packed data by content and hands out members without unpacking them to disk."""

from __future__ import annotations

import io
import re
import shutil
import stat
import tarfile
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, cast

from converter.problems import problem
from converter.reader.openers import Once, Opener, Part, Shared
from converter.reader.streams import BUFFER_BYTES, DAMAGE, CheckedStream, ContentError, Metered, as_content_error
from converter.reader.zips import ZipEntry, ZipMember, entries
from converter.selection import Problem
from converter.settings import ArchiveLimits

Kind = Literal["zip", "tar", "gzip", "bz2", "xz"]

SPOOL_BYTES = 32 * 2**20
"""What of a nested archive is held in memory before the rest goes to a temporary file."""
TAR_HEADER_BYTES = 2**20
"""More than any extended header of a real archive needs."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member: `name` is relative and clean; `escaped` says that the name in the archive led out of it."""

    name: str
    open: Opener
    size: int
    escaped: bool


@dataclass(frozen=True, slots=True)
class Passed:
    """A member that is not read, or with `name` None the rest of the archive."""

    name: str | None
    problem: Problem


class Budget:
    """How many members the outermost archive and those within it may still give."""

    def __init__(self, limits: ArchiveLimits) -> None:
        self._left = limits.members

    def spend(self) -> None:
        """Count one member. Raises ContentError beyond the limit."""
        self._left -= 1
        if self._left < 0:
            raise ContentError(problem("archive-limit", limit="members"))


class MemberNames:
    """Tells duplicate names apart and remembers which were there, in a few bytes per member."""

    def __init__(self) -> None:
        self._exact: set[int] = set()
        self._folded = array("q")

    def unique(self, name: str) -> str:
        """Return the name, or `name#2` and so on if it was there before."""
        self._folded.append(hash(name.casefold()))
        unique, number = name, 1
        while hash(unique) in self._exact:
            number += 1
            unique = f"{name}#{number}"
        self._exact.add(hash(unique))
        return unique

    def missing(self, groups: Iterable[Iterable[str]]) -> int:
        """Return of how many groups no name was there, whatever the case."""
        wanted = [{hash(name.casefold()) for name in group} for group in groups]
        there = set[int]().union(*wanted).intersection(self._folded)
        return sum(group.isdisjoint(there) for group in wanted)


def recognise(head: bytes) -> Kind | None:
    """Return the kind of archive or packing that content with this beginning (512 bytes suffice) has, if any."""
    if head[128:132] == b"DICM":
        # A preamble may hold anything, another format's magic number included (PS3.10 7.1).
        return None
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04")):
        return "zip"
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if re.match(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)", head):
        return "bz2"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    return "tar" if _is_tar_header(head[: tarfile.BLOCKSIZE]) else None


def _is_tar_header(block: bytes) -> bool:
    if len(block) < tarfile.BLOCKSIZE or not block[0]:
        return False
    stated = block[148:156].strip(b" \x00")
    checksum = sum(block[:148]) + sum(block[156:]) + 8 * ord(" ")
    return re.fullmatch(rb"[0-7]{1,7}", stated) is not None and int(stated, 8) == checksum


_NOWHERE = ("", ".", "..")


def clean_name(raw: str) -> tuple[str, bool]:
    """Return a member's name as a relative one with "/", and whether the raw one led anywhere else."""
    parts = raw.replace("\\", "/").split("/")
    escaped = not parts[0] or ".." in parts or "\x00" in raw
    kept = [part for part in parts if part not in _NOWHERE]
    while kept and (drive := re.match("[A-Za-z]:", kept[0])):
        escaped = True
        below = kept[0][drive.end() :]
        kept[:1] = [] if below in _NOWHERE else [below]
    return "/".join(kept).replace("\x00", "_") or "unnamed", escaped


def members(
    kind: Literal["zip", "tar"],
    stream: io.BufferedReader,
    opener: Opener,
    limits: ArchiveLimits,
    budget: Budget,
) -> Iterator[Member | Passed]:
    """Yield the members of the archive in `stream`, which `opener` has given; damage ends it with a Passed.

    A member whose opener is not rereadable must be read before the next one is asked for.
    """
    try:
        if kind == "tar":
            yield from _tar_members(stream, opener, limits, budget)
        elif stream.seekable():
            container = opener if opener.rereadable else Shared(stream, stream.tell())
            yield from _zip_members(container, limits, budget)
        else:
            with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as spool:
                shutil.copyfileobj(stream, spool, 2**20)
                yield from _zip_members(Shared(spool), limits, budget)
    except OSError as error:
        yield Passed(None, as_content_error(error).problem)


def _zip_members(container: Opener, limits: ArchiveLimits, budget: Budget) -> Iterator[Member | Passed]:
    with container() as directory:
        for entry in entries(directory):
            if entry.is_folder:
                continue
            budget.spend()
            name, escaped = clean_name(entry.name)
            refusal = _refuse_zip_entry(entry, limits)
            if refusal is not None:
                yield Passed(name, refusal)
                continue
            opener = ZipMember(container, entry, limits.member_bytes, limits.ratio)
            yield Member(name, opener, entry.size, escaped)


def _refuse_zip_entry(entry: ZipEntry, limits: ArchiveLimits) -> Problem | None:
    if stat.S_ISLNK(entry.mode):
        return problem("link-skipped")
    if stat.S_IFMT(entry.mode) not in (0, stat.S_IFREG):
        return problem("not-regular")
    if not entry.can_be_read:
        return problem("archive-damaged")
    if entry.size > limits.member_bytes:
        return problem("archive-limit", limit="member_bytes")
    return None


class _TarBlocks:
    """A stream as `tarfile` wants it: it only moves forward, and refuses to read headers of absurd size."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._position = 0
        self.last_block = b""

    def tell(self) -> int:
        return self._position

    def read(self, size: int) -> bytes:
        if not 0 <= size <= TAR_HEADER_BYTES:
            raise ContentError(problem("archive-damaged"))
        data = self._stream.read(size)
        self._position += len(data)
        if size == tarfile.BLOCKSIZE:
            self.last_block = data
        return data

    def read_some(self, size: int) -> bytes:
        """Return up to `size` bytes of a member, at least one unless the archive ends here."""
        data = self._stream.read1(size)
        self._position += len(data)
        return data

    def seek(self, offset: int) -> None:
        if offset < self._position:
            # Sizes below zero and the like would have it read the same members for ever.
            raise ContentError(problem("archive-damaged"))
        if self._stream.seekable():
            self._stream.seek(offset)
            self._position = offset
        while self._position < offset and self.read_some(min(offset - self._position, 2**20)):
            pass


class _TarMember(CheckedStream):
    """The data of the member whose header was read last, for an archive that cannot seek."""

    def __init__(self, blocks: _TarBlocks, size: int) -> None:
        super().__init__()
        self._blocks = blocks
        self._left = size
        self._expected_position = blocks.tell()

    def take(self, count: int) -> bytes:
        if self._left == 0:
            return b""
        if self._blocks.tell() != self._expected_position:
            raise ValueError("the archive has gone on to the next member")
        data = self._blocks.read_some(min(count, self._left))
        if not data:
            raise ContentError(problem("archive-damaged"))
        self._left -= len(data)
        self._expected_position += len(data)
        return data


def _tar_members(
    stream: io.BufferedReader, opener: Opener, limits: ArchiveLimits, budget: Budget
) -> Iterator[Member | Passed]:
    container: Opener | None = None
    if stream.seekable():
        container = opener if opener.rereadable else Shared(stream, stream.tell())
    blocks = _TarBlocks(stream if container is None or opener.rereadable else container())
    for info, archive in _tar_headers(blocks):
        if info.isdir():
            continue
        budget.spend()
        name, escaped = clean_name(info.name)
        refusal = _refuse_tar_header(info, limits)
        if refusal is not None:
            yield Passed(name, refusal)
            continue
        yield Member(name, _tar_opener(info, archive, blocks, container), info.size, escaped)


def _tar_headers(blocks: _TarBlocks) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """Yield the header of each member with the archive. Raises ContentError where the archive is damaged."""
    archive: tarfile.TarFile | None = None
    while True:
        try:
            if archive is None:
                archive = tarfile.TarFile(fileobj=cast(Any, blocks), encoding="utf-8")
            info = archive.next()
        except DAMAGE as error:
            raise as_content_error(error) from None
        if info is None:
            break
        # Else it remembers every member.
        cast(Any, archive).members.clear()
        yield info, archive
    if blocks.last_block.strip(b"\x00"):
        # tarfile takes a header that it cannot read for the end; the end is a block of zeros, or nothing.
        raise ContentError(problem("archive-damaged"))


def _refuse_tar_header(info: tarfile.TarInfo, limits: ArchiveLimits) -> Problem | None:
    if info.issym() or info.islnk():
        return problem("link-skipped")
    if not info.isfile():
        return problem("not-regular")
    if info.size > limits.member_bytes:
        return problem("archive-limit", limit="member_bytes")
    return None


def _tar_opener(
    info: tarfile.TarInfo, archive: tarfile.TarFile, blocks: _TarBlocks, container: Opener | None
) -> Opener:
    if info.issparse():
        # Its holes are in a map that tarfile knows to read.
        sparse = archive.extractfile(info)
        return Once(io.BufferedReader(Metered(sparse), BUFFER_BYTES))
    if container is not None:
        return Part(container, info.offset_data, info.size)
    return Once(io.BufferedReader(_TarMember(blocks, info.size), BUFFER_BYTES))
