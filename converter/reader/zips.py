"""Reads ZIP archives (PKWARE APPNOTE 6.3) entry by entry, without holding the central directory.

`zipfile` keeps an object per member, gigabytes for an export of millions, and reads nothing of an archive whose end is
missing. Decompression is `zipfile`'s.
"""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from converter.problems import problem
from converter.reader.openers import Opener
from converter.reader.streams import BUFFER_BYTES, ContentError, Metered, Window

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)

_LOCAL = struct.Struct("<4s5HLLL2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_LOCATOR_64 = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_MAX_END = _END.size + 0xFFFF
_UNKNOWN_32 = 0xFFFFFFFF
_ENCRYPTED, _DESCRIPTOR, _UTF_8 = 0x1, 0x8, 0x800
_SYSTEM_UNIX = 3


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One member as a header states it. `offset` is that of its local header, `mode` its Unix mode or 0."""

    name: str
    flags: int
    method: int
    crc: int | None
    compressed: int
    size: int
    offset: int
    mode: int = 0

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder: by its name's end or its mode."""
        return self.name.endswith(("/", "\\")) or stat.S_ISDIR(self.mode)

    @property
    def can_be_read(self) -> bool:
        """Whether it is neither encrypted nor packed in a way unknown here."""
        return not self.flags & _ENCRYPTED and self.method in METHODS


@dataclass(frozen=True, slots=True)
class ZipMember:
    """Opens one member, checking its CRC. `container` must give seekable streams; limits as in ArchiveLimits."""

    container: Opener
    entry: ZipEntry
    member_bytes: int
    ratio: int

    @property
    def rereadable(self) -> bool:
        """As its container."""
        return self.container.rereadable

    def __call__(self) -> io.BufferedReader:
        """Open the member: seekable if it is stored. Raises OSError."""
        stream = self.container()
        try:
            return io.BufferedReader(self._unpacked(stream), BUFFER_BYTES)
        except OSError:
            stream.close()
            raise

    def _unpacked(self, stream: io.BufferedReader) -> io.RawIOBase:
        entry = self.entry
        start = _data_offset(stream, entry.offset)
        if entry.method == zipfile.ZIP_STORED:
            return Window(stream, start, entry.compressed, owned=True, crc=entry.crc)
        info = zipfile.ZipInfo()
        info.compress_type = entry.method
        info.compress_size = entry.compressed
        info.file_size = entry.size
        stream.seek(start)
        return Metered(
            zipfile.ZipExtFile(stream, "r", info),
            (stream,),
            entry.crc,
            member_bytes=self.member_bytes,
            ratio=self.ratio,
            packed=lambda: max(1, entry.compressed),
        )


def entries(stream: io.BufferedReader) -> Iterator[ZipEntry]:
    """Yield the members of the archive in a seekable stream, in the order of its directory.

    An archive whose end is missing gives the members whose local headers are there. Raises ContentError where the
    archive is damaged, after what comes before.
    """
    directory = _find_directory(stream)
    if directory is None:
        yield from _scan_local_headers(stream)
        raise _damaged()
    start, size, shift = directory
    position, packed, available = start, 0, stream.seek(0, io.SEEK_END)
    while position < start + size:
        entry, position = _read_central(stream, position, shift)
        packed += entry.compressed
        if packed > available:
            # Members that share their bytes: the whole unpacks to far more than any one of them tells.
            raise ContentError(problem("archive-limit", limit="ratio"))
        yield entry


def _damaged() -> ContentError:
    return ContentError(problem("archive-damaged"))


def _read(stream: io.BufferedReader, position: int, size: int) -> bytes:
    stream.seek(position)
    data = stream.read(size)
    if len(data) < size:
        raise _damaged()
    return data


def _find_directory(stream: io.BufferedReader) -> tuple[int, int, int] | None:
    """Return the central directory's offset and size, and the offset from which its offsets count; None without one."""
    length = stream.seek(0, io.SEEK_END)
    tail_start = max(0, length - _MAX_END)
    tail = _read(stream, tail_start, length - tail_start)
    found = tail.rfind(b"PK\x05\x06")
    if found < 0 or len(tail) - found < _END.size:
        return None
    end = tail_start + found
    *_, size, offset, comment_size = _END.unpack_from(tail, found)
    ends_here = end + _END.size + comment_size == length
    after = end
    if end >= _LOCATOR_64.size + _END_64.size:
        signature, _, _, _ = _LOCATOR_64.unpack(_read(stream, end - _LOCATOR_64.size, _LOCATOR_64.size))
        if signature == b"PK\x06\x07":
            after = end - _LOCATOR_64.size - _END_64.size
            fields = _END_64.unpack(_read(stream, after, _END_64.size))
            if fields[0] != b"PK\x06\x06":
                return None
            size, offset = fields[-2:]
    start = after - size
    shift = start - offset
    # Where more follows, this may be the end of an archive that is a member of the one looked for.
    return (start, size, shift) if shift == 0 or (shift > 0 and ends_here) else None


def _read_central(stream: io.BufferedReader, position: int, shift: int) -> tuple[ZipEntry, int]:
    fields = _CENTRAL.unpack(_read(stream, position, _CENTRAL.size))
    (signature, version, _, flags, method, _, _, crc, compressed, size) = fields[:10]
    (name_size, extra_size, comment_size, _, _, attributes, offset) = fields[10:]
    if signature != b"PK\x01\x02":
        raise _damaged()
    rest = _read(stream, position + _CENTRAL.size, name_size + extra_size)
    size, compressed, offset = _widen(rest[name_size:], size, compressed, offset)
    entry = ZipEntry(
        name=_name(rest[:name_size], flags),
        flags=flags,
        method=method,
        crc=crc,
        compressed=compressed,
        size=size,
        offset=offset + shift,
        mode=attributes >> 16 if version >> 8 == _SYSTEM_UNIX else 0,
    )
    return entry, position + _CENTRAL.size + len(rest) + comment_size


def _widen(extra: bytes, *values: int) -> tuple[int, ...]:
    """Return `values` with those of 0xFFFFFFFF replaced from the ZIP64 extra field, in its order."""
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind == 1:
            field = extra[position + 4 : position + 4 + length]
            wide = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
            return tuple(next(wide, value) if value == _UNKNOWN_32 else value for value in values)
        position += 4 + length
    return values


def _name(raw: bytes, flags: int) -> str:
    if flags & _UTF_8:
        return raw.decode("utf-8", "backslashreplace")
    try:
        # Many writers use UTF-8 and do not say so.
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _data_offset(stream: io.BufferedReader, offset: int) -> int:
    header = _LOCAL.unpack(_read(stream, offset, _LOCAL.size))
    if header[0] != b"PK\x03\x04":
        raise _damaged()
    return offset + _LOCAL.size + int(header[-2]) + int(header[-1])


def _scan_local_headers(stream: io.BufferedReader) -> Iterator[ZipEntry]:
    """Yield members from the start on, as far as each one's end can be told."""
    length = stream.seek(0, io.SEEK_END)
    position = 0
    while position + _LOCAL.size <= length:
        fields = _LOCAL.unpack(_read(stream, position, _LOCAL.size))
        (signature, _, flags, method, _, _, crc, compressed, size, name_size, extra_size) = fields
        if signature != b"PK\x03\x04":
            return
        rest = _read(stream, position + _LOCAL.size, name_size + extra_size)
        size, compressed = _widen(rest[name_size:], size, compressed)
        start = position + _LOCAL.size + len(rest)
        known_crc: int | None = crc
        if flags & _DESCRIPTOR and not compressed:
            if method != zipfile.ZIP_DEFLATED or flags & _ENCRYPTED:
                return
            compressed, size = _measure_deflated(stream, start)
            known_crc = None
        yield ZipEntry(_name(rest[:name_size], flags), flags, method, known_crc, compressed, size, position)
        position = start + compressed
        if flags & _DESCRIPTOR:
            position = _after_descriptor(stream, position)


def _measure_deflated(stream: io.BufferedReader, start: int) -> tuple[int, int]:
    """Return how many bytes from `start` are one deflate stream (or what is there of it) and what they unpack to."""
    unpacker = zlib.decompressobj(-15)
    consumed = size = 0
    stream.seek(start)
    try:
        while not unpacker.eof and (chunk := stream.read(BUFFER_BYTES)):
            consumed += len(chunk)
            while chunk and not unpacker.eof:
                size += len(unpacker.decompress(chunk, 2**20))
                chunk = unpacker.unconsumed_tail
    except zlib.error:
        return consumed, size
    return consumed - len(unpacker.unused_data), size


def _after_descriptor(stream: io.BufferedReader, position: int) -> int:
    """Return where the next header starts: a data descriptor has 12 to 24 bytes, APPNOTE 4.3.9."""
    stream.seek(position)
    ahead = stream.read(24 + 4)
    found = ahead.find(b"PK\x03\x04", 12)
    return position + (found if found >= 0 else len(ahead))
