"""Packs trees of files in every way, and reads what a walk finds."""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from converter.reader.sources import Found, Unread, walk
from converter.reader.streams import read_all
from converter.settings import ArchiveLimits

LIMITS = ArchiveLimits()
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


PACKERS: dict[str, Callable[[Tree], bytes]] = {
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
