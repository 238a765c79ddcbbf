"""Walks sources: folders, files, archives, DICOMDIRs, standard input and objects in memory, one by one in one order."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal, NoReturn, TypeAlias

from pydicom import Dataset

from converter.problems import problem
from converter.reader import dicom_json, dicomdir
from converter.reader.archives import Budget, Kind, MemberNames, Passed, members, recognise
from converter.reader.arguments import Source, check_source, check_sources
from converter.reader.dicomdir import FileSet, Media
from converter.reader.listing import Listed, Lister, Listing, PassedOver, flattened, printable
from converter.reader.openers import Capped, Handout, Opener, PlainFile, Shared, Unpacked, borrow, cap, unpack
from converter.reader.paths import STANDARD_INPUT
from converter.reader.quick_header import HeaderReader
from converter.reader.rows import HeaderRow
from converter.reader.streams import as_content_error, read_all
from converter.selection import Problem
from converter.settings import ArchiveLimits

__all__ = ["Directory", "Found", "Item", "Source", "Unread", "check_sources", "walk"]


@dataclass(frozen=True, slots=True)
class Found:
    """A file, member or object that may be DICOM.

    `name` is relative to its SOURCE with "/" between: `a/b.dcm` in a folder, the base name of a file given itself,
    `archive.zip/inner/a.dcm` for a member, `-` for standard input; `dataset[0]`, `json[0]`, `bytes[0]` and
    `stream[0]` (if it has no name of its own), counted as `source`, for objects in dicom_json. `source` is the SOURCE's
    index. `open` gives a buffered stream at the start, which may be unable to seek; reading it raises OSError, of
    which ContentError has a `problem`. What is not `rereadable` must be read before the next is asked for, once; what
    is can be pickled and opened again in another process. `size` in bytes where known. `dataset` is set for objects
    in memory, which have no stream, `json` for those that came as DICOM JSON; `path` for a file that is nothing else.
    `row` is what its header says, if that was seen on the way.
    """

    name: str
    source: int
    open: Callable[[], BinaryIO]
    rereadable: bool
    size: int | None = None
    dataset: Dataset | None = None
    json: dicom_json.DicomJson | None = None
    path: str | None = None
    row: HeaderRow | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that was passed over, or found to be wrong on the way to it."""

    name: str
    source: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class Directory:
    """A DICOMDIR; `listed` is the number of files that it refers to."""

    name: str
    source: int
    problems: tuple[Problem, ...]
    sop_instance_uid: str | None
    listed: int


Item: TypeAlias = Found | Unread | Directory
_Step: TypeAlias = "Item | Iterator[_Step]"
_OnFileSet: TypeAlias = "Callable[[str, int, FileSet], Iterator[_Step]]"
"""What to do about a DICOMDIR of this name and source: it depends on what surrounds it."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where content was met; `depth` is the number of archives around it."""

    name: str
    source: int
    on_file_set: _OnFileSet | None = None
    depth: int = 0
    budget: Budget | None = None

    def deeper(self, name: str, on_file_set: _OnFileSet | None = None, budget: Budget | None = None) -> _Place:
        return _Place(name, self.source, on_file_set or self.on_file_set, self.depth + 1, budget or self.budget)


def walk(sources: Iterable[Source], limits: ArchiveLimits) -> Iterator[Item]:
    """Yield everything in the sources once, in the order of the sources, sorted by name within each folder.

    What lies in several sources or is reached through several links is read under the name met first. Only what is
    open or still to be listed of the current folders is held. Raises TypeError for a source that is none, which only
    an iterable not checked before can give.
    """
    walker = _Walker(limits)
    for index, source in enumerate(sources):
        yield from flattened(walker.source(source, index))


def contents(listed: Listed, limits: ArchiveLimits, headers: HeaderReader) -> Iterator[Item]:
    """Yield what a file that was listed holds, as `walk` would; the path `-` stands for standard input."""
    walker = _Walker(limits, headers)
    if listed.path == STANDARD_INPUT:
        yield from flattened(walker.source(STANDARD_INPUT, listed.source))
        return
    links = partial(_file_set_with_links, os.path.dirname(listed.path) or os.curdir)  # noqa: PTH120
    yield from flattened(walker.quickly(listed, None if listed.in_folder else links))


def file_set_listing(lister: Lister, folder: str, source: int, file_set: FileSet) -> Iterator[Listing]:
    """Yield the files that a DICOMDIR given as SOURCE lists; all files beside it if it does not tell."""
    if file_set.damaged:
        yield from lister.root(folder, source)
        return
    media = Media(folder)
    found = {media.find(parts) for parts in file_set.references}
    yield from lister.named(folder, (each for each in found if each is not None and media.holds(each)), source)


def as_unread(passed: PassedOver) -> Unread:
    """Return what was passed over with its problem."""
    return Unread(passed.name, passed.source, problem(passed.code))


def _no_stream() -> NoReturn:
    raise ValueError("this object is in memory: take its dataset")


class _Walker:
    """One walk. Its methods yield items, or iterators over more, for `_flattened`."""

    def __init__(self, limits: ArchiveLimits, headers: HeaderReader | None = None) -> None:
        self._limits = limits
        self._lister = Lister()
        self._headers = headers or HeaderReader()

    def source(self, source: Source, index: int) -> Iterator[_Step]:
        if isinstance(source, Dataset):
            return iter([Found(f"dataset[{index}]", index, _no_stream, False, None, source)])
        if isinstance(source, str | os.PathLike):
            if source == STANDARD_INPUT:
                return self._standard_input(index)
            return self._found(self._lister.path(os.fsdecode(source), index))
        if isinstance(source, Mapping):
            return self._json([source], f"json[{index}]", index)
        if isinstance(source, list) and source and all(dicom_json.is_dicom_json(each) for each in source):
            return self._json(source, f"json[{index}]", index, numbered=True)
        if isinstance(source, bytes | bytearray | memoryview):
            return self._content(_Place(f"bytes[{index}]", index), Shared(io.BytesIO(source)), len(source))
        check_source(source)
        name = getattr(source, "name", None)
        name = Path(name).name if isinstance(name, str) and name else f"stream[{index}]"
        return self._content(_Place(printable(name), index), borrow(source))

    def _standard_input(self, index: int) -> Iterator[_Step]:
        buffer = getattr(sys.stdin, "buffer", None)
        if buffer is None:
            yield Unread(STANDARD_INPUT, index, problem("unreadable"))
        else:
            yield self._content(_Place(STANDARD_INPUT, index), borrow(buffer))

    def _found(self, listing: Iterator[Listing]) -> Iterator[_Step]:
        for each in flattened(listing):
            if isinstance(each, PassedOver):
                yield as_unread(each)
                continue
            folder = os.path.dirname(each.path) or os.curdir  # noqa: PTH120
            yield self.quickly(each, None if each.in_folder else partial(self._file_set_as_source, folder))

    def quickly(self, listed: Listed, on_file_set: _OnFileSet | None = None) -> Iterator[_Step]:
        """Yield what a file holds; most hold an object whose header is all that is wanted of it."""
        row = None if listed.is_pipe else self._headers.read(listed.path)
        if row is not None:
            yield Found(listed.name, listed.source, PlainFile(listed.path), True, path=listed.path, row=row)
        else:
            yield self.file(listed, on_file_set)

    def file(self, listed: Listed, on_file_set: _OnFileSet | None = None) -> Iterator[_Step]:
        """Yield what a file holds; `on_file_set`: what to do if that is a DICOMDIR, by default to look around it."""
        beside = partial(_file_set_in_folder, os.path.dirname(listed.path) or os.curdir)  # noqa: PTH120
        place = _Place(listed.name, listed.source, on_file_set or beside)
        if not listed.is_pipe:
            yield self._content(place, PlainFile(listed.path))
            return
        try:
            with PlainFile(listed.path)() as stream:
                yield self._content(_Place(listed.name, listed.source), borrow(stream))
        except OSError as error:
            yield Unread(listed.name, listed.source, as_content_error(error, "unreadable").problem)

    def _content(self, place: _Place, opener: Opener, size: int | None = None) -> Iterator[_Step]:
        """Recognise content by its beginning; its stream is open no longer than until the next item is asked for."""
        try:
            stream = opener()
            head = stream.peek()
        except OSError as error:
            yield Unread(place.name, place.source, as_content_error(error, "unreadable").problem)
            return
        handout = Handout(opener, stream)
        try:
            kind = recognise(head)
            if not head:
                yield Unread(place.name, place.source, problem("empty-file"))
            elif kind is not None:
                yield self._packed(place, kind, opener, stream)
            elif dicomdir.is_dicomdir(head):
                yield self._file_set(place, stream)
            elif dicom_json.looks_like_dicom_json(head):
                yield self._json_text(place, stream)
            else:
                if size is None and isinstance(opener, PlainFile):
                    size = os.fstat(stream.fileno()).st_size
                path = opener.path if isinstance(opener, PlainFile) else None
                row = self._headers.row(head)
                yield Found(place.name, place.source, handout, opener.rereadable, size, path=path, row=row)
        finally:
            handout.withdraw()

    def _packed(self, place: _Place, kind: Kind, opener: Opener, stream: io.BufferedReader) -> Iterator[_Step]:
        if place.depth > self._limits.depth:
            yield Unread(place.name, place.source, problem("archive-limit", limit="depth"))
            return
        if kind == "zip" or kind == "tar":
            yield self._archive(place, kind, opener, stream)
            return
        opener, stream = Unpacked(opener, kind, self._limits.ratio), unpack(stream, kind, self._limits.ratio)
        try:
            is_tar = recognise(stream.peek()) == "tar"
        except OSError as error:
            yield Unread(place.name, place.source, as_content_error(error).problem)
            return
        if is_tar:
            yield self._archive(place, "tar", opener, stream)
        else:
            # Only a tar may unpack to more than a member may: here a single file does.
            most = self._limits.member_bytes
            yield self._content(place.deeper(place.name), Handout(Capped(opener, most), cap(stream, most)))

    def _archive(
        self, place: _Place, kind: Literal["zip", "tar"], opener: Opener, stream: io.BufferedReader
    ) -> Iterator[_Step]:
        names = MemberNames()
        file_sets: list[tuple[str, FileSet]] = []
        budget = place.budget or Budget(self._limits)
        on_file_set = partial(_keep_file_set, file_sets)
        for member in members(kind, stream, opener, self._limits, budget):
            if isinstance(member, Passed):
                name = place.name if member.name is None else f"{place.name}/{printable(member.name)}"
                yield Unread(name, place.source, member.problem)
                continue
            name = f"{place.name}/{printable(names.unique(member.name))}"
            if member.escaped:
                yield Unread(name, place.source, problem("archive-path"))
            yield self._content(place.deeper(name, on_file_set, budget), member.open, member.size)
        for name, file_set in file_sets:
            above = name[len(place.name) + 1 :].split("/")[:-1]
            missing = names.missing(dicomdir.candidate_names((*above, *parts)) for parts in file_set.references)
            yield _directory(name, place.source, file_set, missing)

    def _file_set(self, place: _Place, stream: io.BufferedReader) -> Iterator[_Step]:
        data, failure = read_all(stream, dicomdir.DIRECTORY_BYTES)
        file_set = dicomdir.read_file_set(data)
        if failure is not None:
            file_set = replace(file_set, problems=(failure, *file_set.problems))
        if place.on_file_set is None:
            yield _directory(place.name, place.source, file_set)
        else:
            yield place.on_file_set(place.name, place.source, file_set)

    def _file_set_as_source(self, folder: str, name: str, source: int, file_set: FileSet) -> Iterator[_Step]:
        yield self._found(file_set_listing(self._lister, folder, source, file_set))
        if file_set.damaged:
            yield _directory(name, source, file_set)
        else:
            yield from _file_set_with_links(folder, name, source, file_set)

    def _json_text(self, place: _Place, stream: io.BufferedReader) -> Iterator[_Step]:
        data, failure = read_all(stream, dicom_json.JSON_BYTES)
        values = dicom_json.read_json(data)
        if values is None:
            yield Unread(place.name, place.source, failure or problem("malformed"))
        else:
            yield self._json(values, place.name, place.source, numbered=len(values) > 1)

    def _json(
        self, values: Iterable[dicom_json.DicomJson], name: str, source: int, *, numbered: bool = False
    ) -> Iterator[_Step]:
        for number, value in enumerate(values):
            own_name = f"{name}[{number}]" if numbered else name
            dataset, problems = dicom_json.dataset_from_json(value)
            for each in problems:
                yield Unread(own_name, source, each)
            yield Found(own_name, source, _no_stream, False, None, dataset, json=value)


def _keep_file_set(file_sets: list[tuple[str, FileSet]], name: str, _: int, file_set: FileSet) -> Iterator[_Step]:
    """Put the DICOMDIR aside until all members of its archive are known."""
    file_sets.append((name, file_set))
    return iter(())


def _file_set_in_folder(folder: str, name: str, source: int, file_set: FileSet) -> Iterator[_Step]:
    """Only look whether the listed files are there: the folder is being walked."""
    media = Media(folder)
    missing = sum(media.find(parts) is None for parts in file_set.references)
    yield _directory(name, source, file_set, missing)


def _file_set_with_links(folder: str, name: str, source: int, file_set: FileSet) -> Iterator[_Step]:
    """Look, too, whether what is listed leads out of the folder: nothing else says that this is not to be read."""
    if file_set.damaged:
        yield _directory(name, source, file_set)
        return
    media = Media(folder)
    found = [media.find(parts) for parts in file_set.references]
    outside = sum(not media.holds(each) for each in {*found} - {None} if each is not None)
    yield _directory(name, source, file_set, found.count(None), outside)


def _directory(name: str, source: int, file_set: FileSet, missing: int = 0, outside: int = 0) -> Directory:
    problems = file_set.problems
    if outside:
        problems = (*problems, problem("file-set-path", count=outside))
    if missing:
        problems = (*problems, problem("file-set-missing", count=missing))
    return Directory(name, source, problems, file_set.sop_instance_uid, file_set.listed)
