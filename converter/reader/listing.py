"""Finds the files of paths and folders without opening any: what they hold is somebody else's question."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from converter.reader.folders import Visited, list_folder

# An archive that did not change is walked and nothing more: no import here may cost what reading DICOM costs.


class Listed(NamedTuple):
    """A regular file, or a named pipe, that may be DICOM.

    `name` and `source` as of Found. `key` sorts files of one source as they are listed; it stays the same as long as
    the file stays in its place. `in_folder`: whether the folder around it is being walked, so that it is not a SOURCE
    itself and was not named by a DICOMDIR.
    """

    name: str
    source: int
    path: str
    key: bytes
    in_folder: bool = False
    is_pipe: bool = False


class PassedOver(NamedTuple):
    """Something that is not opened; `code` is that of a problem, `key` as of Listed."""

    name: str
    source: int
    code: str
    key: bytes = b""


Listing: TypeAlias = "Listed | PassedOver | Iterator[Listing]"


class Lister:
    """One walk. Its methods yield what is found, or iterators over more, for `flattened`."""

    def __init__(self) -> None:
        self.visited = Visited()

    def path(self, path: str, source: int) -> Iterator[Listing]:
        """Yield the file, or what is in the folder, at `path`."""
        name = printable(Path(path).name)
        try:
            mode = Path(path).stat().st_mode
            if stat.S_ISDIR(mode):
                yield self.root(path, source)
            elif stat.S_ISREG(mode) and not self.visited.is_new_file(path):
                yield PassedOver(name, source, "link-skipped")
            elif stat.S_ISREG(mode) or stat.S_ISFIFO(mode):
                yield Listed(name, source, path, b"", is_pipe=stat.S_ISFIFO(mode))
            else:
                yield PassedOver(name, source, "not-regular")
        except OSError:
            yield PassedOver(name, source, "unreadable")

    def root(self, path: str, source: int) -> Iterator[Listing]:
        """Yield what is in a folder, unless it lies in one that was listed."""
        if self.visited.holds(path):
            yield PassedOver(".", source, "link-skipped")
            return
        self.visited.add_root(path)
        yield self._folder(path, "", b"", source)

    def named(self, folder: str, names: Iterable[str], source: int) -> Iterator[Listing]:
        """Yield the files with these names, relative to a folder, that were not listed before."""
        for name in sorted(names, key=_key):
            path = str(Path(folder, name))
            try:
                is_new = self.visited.is_new_file(path)
            except OSError:
                is_new = True
            if is_new:
                yield Listed(printable(name), source, path, _key(name))

    def _folder(self, path: str, prefix: str, key: bytes, source: int) -> Iterator[Listing]:
        path = path.rstrip(os.sep) or os.sep
        try:
            for entry, kind in list_folder(path, self.visited):
                name = prefix + printable(entry)
                inner = f"{path}{os.sep}{entry}"
                if kind == "file":
                    yield Listed(name, source, inner, key + _key(entry), in_folder=True)
                elif kind == "folder":
                    yield self._folder(inner, name + "/", key + _key(entry) + b"\0", source)
                else:
                    code = {"skip": "link-skipped", "special": "not-regular"}.get(kind, "unreadable")
                    yield PassedOver(name, source, code, key + _key(entry))
        except OSError:
            yield PassedOver(prefix.rstrip("/") or ".", source, "unreadable", key.rstrip(b"\0"))


def flattened(steps: Iterator[Any]) -> Iterator[Any]:
    """Yield the items of nested iterators without recursion: folders are nested to any depth."""
    stack = [steps]
    try:
        while stack:
            step = next(stack[-1], None)
            if step is None:
                stack.pop()
            elif isinstance(step, Iterator):
                stack.append(step)
            else:
                yield step
    finally:
        for each in reversed(stack):
            if hasattr(each, "close"):
                each.close()


def printable(name: str) -> str:
    """Return the name as text that every encoder takes: bytes that are no UTF-8 as escapes."""
    if name.isascii():
        return name
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _key(name: str) -> bytes:
    # A NUL between folders makes keys sort as a walk does that goes into each folder where its name stands.
    return name.encode("utf-8", "surrogatepass").replace(os.sep.encode(), b"\0")
