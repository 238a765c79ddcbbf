"""Reads a DICOMDIR's references to files and finds those files on the media, PS3.3 Annex F and PS3.10 chapter 8."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom import Dataset

from converter.problems import problem
from converter.reader.parser import NotDicomError, parse
from converter.selection import Problem

DIRECTORY_BYTES = 2**30
"""What is read of a DICOMDIR: one record takes some 500 bytes, so this lists two million files."""

_META_SOP_CLASS = re.compile(rb"\x02\x00\x02\x00UI..1\.2\.840\.10008\.1\.3\.10[\x00 ]*(?![0-9.])", re.DOTALL)
# File-set ID, or the offset of the first record: what a directory without file meta information starts with.
_BARE = re.compile(rb"(\x04\x00(\x30\x11|\x00\x12)|\x00\x04(\x11\x30|\x12\x00))")
_DAMAGE = frozenset({"truncated", "malformed", "nesting-too-deep", "unsupported-transfer-syntax"})
_REFERENCED_FILE_ID = 0x00041500
_RECORD_IN_USE_FLAG = 0x00041410
_DIRECTORY_RECORD_SEQUENCE = 0x00041220
_CACHED_FOLDERS = 64


@dataclass(frozen=True, slots=True)
class FileSet:
    """What a DICOMDIR lists.

    `references`: the distinct Referenced File IDs by their components, in the order of the records; `escaping`: how
    many more lead out of the file-set; `damaged`: whether there may be records that could not be read.
    """

    references: tuple[tuple[str, ...], ...]
    escaping: int
    damaged: bool
    sop_instance_uid: str | None
    problems: tuple[Problem, ...]

    @property
    def listed(self) -> int:
        """The number of distinct files listed."""
        return len(self.references) + self.escaping


def is_dicomdir(head: bytes) -> bool:
    """Return whether content with this beginning (512 bytes suffice) is a Media Storage Directory."""
    if head[128:132] == b"DICM":
        return _META_SOP_CLASS.search(head, 132, 512) is not None
    return _BARE.match(head) is not None


def read_file_set(data: bytes) -> FileSet:
    """Read a DICOMDIR. What cannot be read of it becomes problems."""
    try:
        parsed = parse(data)
    except NotDicomError:
        return FileSet((), 0, True, None, (problem("file-set-damaged"),))
    records = parsed.dataset.get_item(_DIRECTORY_RECORD_SEQUENCE)
    has_records = records is not None and records.VR == "SQ"
    damaged = not has_records or any(each.code in _DAMAGE for each in parsed.problems)
    problems = parsed.problems
    if damaged:
        problems = (*problems, problem("file-set-damaged", "$.DirectoryRecordSequence"))
    kept: dict[tuple[str, ...], None] = {}
    escaping: set[str] = set()
    for stated in _file_ids(parsed.dataset[_DIRECTORY_RECORD_SEQUENCE].value if has_records else ()):
        parts = _components(stated)
        if parts is None:
            escaping.add(stated)
        else:
            kept[parts] = None
    if escaping:
        problems = (*problems, problem("file-set-path", "$.DirectoryRecordSequence", count=len(escaping)))
    return FileSet(tuple(kept), len(escaping), damaged, _sop_instance_uid(parsed.dataset), problems)


def _file_ids(records: Any) -> Iterator[str]:
    for record in records:
        in_use = _raw(record, _RECORD_IN_USE_FLAG)
        stated = _raw(record, _REFERENCED_FILE_ID).rstrip(b" \x00")
        # A record marked as inactive refers to a file that was deleted, PS3.3 F.3.2.2.
        if stated and (not in_use or any(in_use)):
            yield os.fsdecode(stated)


def _raw(record: Dataset, tag: int) -> bytes:
    """Return an element's value as encoded, empty if it is not there."""
    element = record.get_item(tag)
    value = None if element is None else element.value
    if value is None or isinstance(value, bytes):
        return value or b""
    if isinstance(value, int):
        return value.to_bytes(4, "little", signed=True)
    return os.fsencode(value if isinstance(value, str) else "\\".join(str(each) for each in value))


def _components(stated: str) -> tuple[str, ...] | None:
    """Return a File ID's components; None if it leads out of the file-set, PS3.10 8.2."""
    # A slash is no separator in a File ID, but some writers use it as one.
    parts = [part.strip(" ") for part in re.split(r"[\\/]", stated)]
    if not parts[0] or ".." in parts or "\x00" in stated or re.match("[A-Za-z]:", parts[0]):
        return None
    return tuple(part for part in parts if part not in ("", ".")) or None


def _sop_instance_uid(dataset: Dataset) -> str | None:
    meta = getattr(dataset, "file_meta", None)
    element = None if meta is None else meta.get_item(0x00020003)
    value = None if element is None else element.value
    if isinstance(value, bytes):
        value = value.decode("ascii", "replace")
    return str(value).strip(" \x00") or None if value else None


def candidate_names(parts: tuple[str, ...]) -> Iterator[str]:
    """Yield the names that a file may have on media: as listed, and as ISO 9660 extends it (final dot, version)."""
    name = "/".join(parts)
    return (name + ending for ending in ("", ".", ";1", ".;1"))


class Media:
    """Finds listed files under the folder that holds the DICOMDIR."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._real_root = os.path.realpath(root)
        self._folders: OrderedDict[str, dict[str, str]] = OrderedDict()

    def find(self, parts: tuple[str, ...]) -> str | None:
        """Return the path of the file with these components relative to the root ("/" between), or None.

        Upper and lower case count as the same, and so do the endings that ISO 9660 adds.
        """
        if self._is_file(parts):
            return "/".join(parts)
        found: list[str] = []
        for part in parts:
            name = self._names(os.path.join(self._root, *found)).get(_folded(part))  # noqa: PTH118
            if name is None:
                return None
            found.append(name)
        return "/".join(found) if self._is_file(found) else None

    def holds(self, relative: str) -> bool:
        """Return whether the file lies in the file-set indeed, links resolved."""
        return Path(os.path.realpath(Path(self._root, relative))).is_relative_to(self._real_root)

    def _is_file(self, parts: Iterable[str]) -> bool:
        # Path.is_file raises where a folder may not be searched.
        return os.path.isfile(Path(self._root, *parts))  # noqa: PTH113

    def _names(self, folder: str) -> dict[str, str]:
        names = self._folders.get(folder)
        if names is None:
            try:
                names = {_folded(name): name for name in sorted(os.listdir(folder), reverse=True)}  # noqa: PTH208
            except OSError:
                names = {}
            self._folders[folder] = names
            if len(self._folders) > _CACHED_FOLDERS:
                self._folders.popitem(last=False)
        return names


def _folded(name: str) -> str:
    return re.sub(r"\.?(;[0-9]+)?$", "", name, count=1).casefold()
