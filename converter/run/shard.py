"""A shard: what the objects of a range of the one order became, in a file that is there whole or not at all.

Lines: what the join needs, object by object. The last line but one is an index in JSON; the last one says where that
begins, and is the SHA-256 of all before it.

    C  what a selection refers to, as of converter.run.context_lines
    S  a selection: type, id, study, JSON, tabs between
    R  another resource, alike
    E  the line of the report: what came since the last one is this object's
"""

from __future__ import annotations

import hashlib
import os
import secrets
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple, Self

import orjson

SUFFIX: Final = ".shard"
_BUFFER: Final = 2**20
_LAST: Final = 16 + 1 + 64 + 1


class DamagedShardError(ValueError):
    """A shard is not what was written."""


class Indexed(NamedTuple):
    """An object in a shard: its key as of ObjectRow, its lines, and what was asked of the catalog for it."""

    key: str
    offset: int
    length: int
    asked: bytes

    @property
    def questions(self) -> array[int]:
        """The questions."""
        asked = array("q")
        asked.frombytes(self.asked)
        return asked


@dataclass(frozen=True, slots=True)
class Shard:
    """A finished shard, by its index.

    `first`: the place of its first object in the one order. `token` stands for all that its objects are; `made`: the
    settings and the version that made it; `generation`: that of the catalog then.
    """

    path: Path
    first: tuple[bytes, bytes]
    token: str
    made: str
    generation: int
    objects: tuple[Indexed, ...]
    end: int
    digest: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the index. Raises DamagedShardError, and OSError where the file cannot be read."""
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LAST))
            try:
                end, digest = file.read().decode("ascii").split()
                file.seek(int(end))
                index = orjson.loads(file.read(size - _LAST - int(end)))
                first, token, made, generation, objects = index
                return cls(
                    path,
                    (b64decode(first[0]), b64decode(first[1])),
                    token,
                    made,
                    generation,
                    tuple(Indexed(key, offset, length, b64decode(asked)) for key, offset, length, asked in objects),
                    int(end),
                    digest,
                )
            except (ValueError, TypeError) as error:
                raise DamagedShardError(path.name) from error

    def lines(self) -> Iterator[bytes]:
        """Yield the lines, without their newlines. Raises DamagedShardError, at the end too, and OSError."""
        digest = hashlib.sha256()
        with self.path.open("rb", buffering=_BUFFER) as file:
            at = 0
            while at < self.end:
                line = file.readline()
                if not line:
                    raise DamagedShardError(self.path.name)
                at += len(line)
                digest.update(line)
                yield line[:-1]
            digest.update(file.read()[:-_LAST])
        if digest.hexdigest() != self.digest:
            raise DamagedShardError(self.path.name)

    def check(self) -> None:
        """Read it all. Raises DamagedShardError and OSError."""
        for _ in self.lines():
            pass


class ShardWriter:
    """Writes a shard. Everything raises OSError; without `finish` nothing is left."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        self._file: IO[bytes] = self._part.open("xb", buffering=_BUFFER)
        self._digest = hashlib.sha256()
        self._at = 0
        self._began = 0
        self._objects: list[tuple[str, int, int, str]] = []
        self._is_finished = False

    def line(self, *parts: bytes) -> None:
        """Write a line of these parts with tabs between them."""
        self._write(b"\t".join(parts) + b"\n")

    def end_object(self, key: str, asked: Iterable[int]) -> None:
        """What was written since the last time is this object's."""
        packed = b64encode(array("q", sorted(asked)).tobytes()).decode()
        self._objects.append((key, self._began, self._at - self._began, packed))
        self._began = self._at

    def copy(self, shard: Shard, indexed: Indexed) -> None:
        """Take an object over as it is in another shard."""
        with shard.path.open("rb") as file:
            file.seek(indexed.offset)
            left = indexed.length
            while left:
                data = file.read(min(left, _BUFFER))
                if not data:
                    raise DamagedShardError(shard.path.name)
                self._write(data)
                left -= len(data)
        self._objects.append((indexed.key, self._began, indexed.length, b64encode(indexed.asked).decode()))
        self._began = self._at

    def finish(self, first: tuple[bytes, bytes], token: str, made: str, generation: int) -> None:
        """Bring everything to the disk; the index is complete."""
        end = self._at
        place = [b64encode(each).decode() for each in first]
        self._write(orjson.dumps([place, token, made, generation, self._objects]) + b"\n")
        self._file.write(b"%016d %s\n" % (end, self._digest.hexdigest().encode()))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._is_finished = True

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._at += len(data)

    def put(self) -> None:
        """Give it its name: from now on it is there."""
        self._part.replace(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)
