"""Lists folders in one order and follows links once, without recursion and without remembering files."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

EntryKind = Literal["file", "folder", "skip", "special", "unreadable"]


@dataclass(slots=True)
class Visited:
    """What a walk has entered: folders and the targets of links to files by device and inode, roots by real path."""

    folders: set[tuple[int, int]] = field(default_factory=set)
    files: set[tuple[int, int]] = field(default_factory=set)
    roots: set[str] = field(default_factory=set)

    def holds(self, path: str) -> bool:
        """Whether what `path` leads to is read under its own name, as it lies under a root."""
        real = Path(os.path.realpath(path))
        return any(str(each) in self.roots for each in (real, *real.parents))

    def add_root(self, path: str) -> None:
        """Note that everything under `path` is going to be read."""
        self.roots.add(os.path.realpath(path))

    def is_new_file(self, path: str) -> bool:
        """Note the file and return whether it was not noted before and lies under no root. Raises OSError."""
        status = Path(path).stat()
        identity = (status.st_dev, status.st_ino)
        if identity in self.files or self.holds(path):
            return False
        self.files.add(identity)
        return True


def list_folder(path: str, visited: Visited) -> Iterator[tuple[str, EntryKind]]:
    """Yield the name and kind of each entry of a folder, sorted by name; nothing if it was entered before.

    A link counts as what it leads to; as `skip` if that is read under another name or is not there. Links to folders
    become roots. Raises OSError if the folder cannot be read.
    """
    names, others = _scan(path, visited)
    names.sort(reverse=True)
    while names:
        name = names.pop()
        kind = others.pop(name, "file")
        if kind == "link":
            yield name, _follow(f"{path}{os.sep}{name}", visited)
        else:
            yield name, kind


def _scan(path: str, visited: Visited) -> tuple[list[str], dict[str, EntryKind | Literal["link"]]]:
    """Return the names in a folder, and the kinds of those that are not plain files."""
    names: list[str] = []
    others: dict[str, EntryKind | Literal["link"]] = {}
    descriptor: int | None = None
    try:
        try:
            status = Path(path).stat()
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            # Imported where it is needed: a walk alone imports nothing that reads DICOM.
            from converter.reader.openers import open_stepwise

            descriptor = open_stepwise(path, os.O_RDONLY)
            status = os.fstat(descriptor)
        identity = (status.st_dev, status.st_ino)
        if identity in visited.folders:
            return names, others
        with os.scandir(path if descriptor is None else descriptor) as entries:
            for entry in entries:
                if visited.files and (status.st_dev, entry.inode()) in visited.files:
                    continue
                names.append(entry.name)
                kind = _kind(entry)
                if kind != "file":
                    others[entry.name] = kind
        visited.folders.add(identity)
    finally:
        if descriptor is not None:
            os.close(descriptor)
    return names, others


def _kind(entry: os.DirEntry[str]) -> EntryKind | Literal["link"]:
    try:
        if entry.is_symlink():
            return "link"
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        return "file" if entry.is_file(follow_symlinks=False) else "special"
    except OSError:
        return "unreadable"


def _follow(path: str, visited: Visited) -> EntryKind:
    try:
        status = Path(path).stat()
        if stat.S_ISDIR(status.st_mode):
            if visited.holds(path) or (status.st_dev, status.st_ino) in visited.folders:
                return "skip"
            visited.add_root(path)
            return "folder"
        if stat.S_ISREG(status.st_mode):
            return "file" if visited.is_new_file(path) else "skip"
    except PermissionError:
        return "unreadable"
    except OSError:
        # It leads nowhere, or to itself.
        return "skip"
    return "special"
