"""Writes a page that shows selections: one file that opens from disk, with a folder beside it where there is much."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from converter.catalog import Instance
from converter.view.index import Entry, entry, without_names
from converter.view.page_data import as_json, for_script, pictured_data, source_data
from converter.view.picture import Pictured
from converter.view.source_items import SourceItem
from converter.writer.staging import Staging

MOST_BYTES: Final = 24 * 2**20
"""What a page holds itself, in bytes; what is larger is in a folder beside it."""

_CHUNK_BYTES: Final = 2**18
_CHUNK_SELECTIONS: Final = 100
_SCRIPTS: Final = ("drawing.js", "viewer.js", "tree.js", "resource.js", "page.js")
_PLACEHOLDER: Final = re.compile(r"\{\{(\w+)\}\}")
_OWN_FILE: Final = re.compile(r"(c\d+\.js|i[0-9a-f]{20}\.png)")
_UNKNOWN_SOURCE: Final = (
    "Unknown: no DICOM folder was given, or no object in it gives this id. Its object is not there, or it was "
    "converted with other settings or by another program."
)


class PictureSource(Protocol):
    """Where pictures come from: `converter.view.pictures.Pictures`, or anything like it."""

    def of(self, selection: Mapping[str, Any]) -> Pictured:
        """Return what there is to see of a selection."""
        ...

    def lookup(self, sop_instance_uid: str) -> Instance | None:
        """Return what is known of an instance, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """What was written: the page, the folder beside it if there is one, and how many selections it shows."""

    path: Path
    folder: Path | None
    selections: int


def write_page(
    path: Path,
    resources: Iterable[Mapping[str, Any]],
    pictures: PictureSource,
    sources: Mapping[str, SourceItem],
    *,
    with_names: bool = False,
    most_bytes: int = MOST_BYTES,
) -> Page:
    """Write a page that shows ImagingSelections, of any release.

    `sources`: where selections come from, by id. Patients' names are left out unless `with_names`. What is larger than
    `most_bytes` goes into the folder `<name>_files` beside the page. Page and files appear when all are complete, or
    not at all. Raises OSError.
    """
    listed = _listed(resources, with_names=with_names)
    folder = f"{path.stem}_files"
    with Staging(path.parent) as staging:
        parts = _Parts(lambda name, content: staging.write(folder, name, content), most_bytes)
        chunks = _write_chunks(listed, pictures, sources, parts, with_names=with_names)
        content = {
            "files": folder if parts.is_split else None,
            "patients": _patients([each for each, _ in listed], chunks, pictures),
            "unknownSource": _UNKNOWN_SOURCE,
        }
        file = staging.open(path.name)
        for piece in _pieces(content, parts):
            file.write(piece)
        staging.commit(path.name)
    _remove_stale(path.parent / folder, parts.written)
    return Page(path, path.parent / folder if parts.is_split else None, len(listed))


def _listed(resources: Iterable[Mapping[str, Any]], *, with_names: bool) -> list[tuple[Entry, Mapping[str, Any]]]:
    """Return selections with their entries in the order of the list, each id once."""
    found: dict[str, tuple[Entry, Mapping[str, Any]]] = {}
    for number, resource in enumerate(resources):
        each = entry(resource, with_names=with_names)
        found.setdefault(each.id or f"#{number}", (each, resource))
    return sorted(found.values(), key=lambda pair: pair[0].place)


# What is loaded when it is needed


class _Parts:
    """Chunks of data and images: held as long as they are few, then written by `write(name, content)`."""

    def __init__(self, write: Callable[[str, bytes], None], most_bytes: int) -> None:
        self._write = write
        self._left = most_bytes
        self._held: dict[str, bytes] = {}
        self.is_split = False
        self.written: set[str] = set()

    def add_image(self, png: bytes) -> str:
        """Take a PNG and return its name; the same PNG is kept once."""
        name = f"i{hashlib.sha256(png).hexdigest()[:20]}"
        self._add(f"{name}.png", png, cost=len(png) * 4 // 3)
        return name

    def add_chunk(self, name: str, data: bytes) -> None:
        """Take the data of some selections, as `for_script` gives it."""
        self._add(f"{name}.js", data, cost=len(data))

    def _add(self, name: str, content: bytes, *, cost: int) -> None:
        if name in self._held or name in self.written:
            return
        self._held[name] = content
        self._left -= cost
        if self.is_split or self._left < 0:
            self.is_split = True
            for each, held in self._held.items():
                self._write(each, held if each.endswith(".png") else _call(each, held))
                self.written.add(each)
            self._held.clear()

    def elements(self) -> Iterator[bytes]:
        """Yield what is held as elements of the page: scripts of types that no browser runs."""
        for name, content in self._held.items():
            stem, _, suffix = name.partition(".")
            if suffix == "png":
                yield _data_element(stem, "text/plain", base64.b64encode(content))
            else:
                yield _data_element(stem, "application/json", content)


def _call(name: str, data: bytes) -> bytes:
    return b'"use strict";imgselArrived(%s,%s);\n' % (orjson.dumps(name.removesuffix(".js")), data)


def _data_element(name: str, kind: str, content: bytes) -> bytes:
    return b'<script type="%s" id="%s">%s</script>\n' % (kind.encode(), name.encode(), content)


def _write_chunks(
    listed: Sequence[tuple[Entry, Mapping[str, Any]]],
    pictures: PictureSource,
    sources: Mapping[str, SourceItem],
    parts: _Parts,
    *,
    with_names: bool,
) -> list[str]:
    """Hand all that is shown of the selections to `parts`, and return the name of the chunk that each is in."""
    names: list[str] = []
    held: list[bytes] = []
    number = 0
    for index, (each, resource) in enumerate(listed):
        shown = resource if with_names else without_names(resource)
        data = {
            "isWithoutNames": shown is not resource and shown != resource,
            "resource": as_json(shown).decode(),
            "patient": _patient_label(each),
            "study": each.study_uid,
            "series": _series_words(each),
            "source": source_data(sources.get(each.id)),
            **pictured_data(pictures.of(resource), each, parts.add_image, pictures.lookup),
        }
        held.append(for_script(_key(each, index)) + b":" + for_script(data))
        names.append(f"c{number}")
        if len(held) == _CHUNK_SELECTIONS or sum(map(len, held)) > _CHUNK_BYTES or index + 1 == len(listed):
            parts.add_chunk(f"c{number}", b"{" + b",\n".join(held) + b"}")
            held, number = [], number + 1
    return names


def _key(each: Entry, index: int) -> str:
    """Return what a selection is called in the page: its id, or its place in the list where it has none."""
    return each.id or f"no-id-{index + 1}"


# The list


def _patients(entries: Sequence[Entry], chunks: Sequence[str], pictures: PictureSource) -> list[dict[str, Any]]:
    """Return the list as the page's script takes it: patients, their studies, their series, their selections."""
    rows = list(enumerate(entries))
    return [
        {
            "label": _patient_label(of_patient[0][1]),
            "detail": of_patient[0][1].patient_system,
            "studies": [
                {
                    "label": _study_label(of_study, pictures),
                    "detail": of_study[0][1].study_uid,
                    "series": [
                        {
                            "label": _series_label(of_series, pictures),
                            "detail": of_series[0][1].series_uid,
                            "entries": [_row(each, index, chunks[index]) for index, each in of_series],
                        }
                        for of_series in _groups(of_study, lambda each: (each.series_uid, each.series_number))
                    ],
                }
                for of_study in _groups(of_patient, lambda each: each.study_uid)
            ],
        }
        for of_patient in _groups(rows, lambda each: (each.patient, each.patient_system))
    ]


def _groups(rows: Iterable[tuple[int, Entry]], key: Callable[[Entry], object]) -> Iterator[list[tuple[int, Entry]]]:
    for _, group in groupby(rows, key=lambda row: key(row[1])):
        yield list(group)


def _row(each: Entry, index: int, chunk: str) -> dict[str, Any]:
    row = {
        "key": _key(each, index),
        "chunk": chunk,
        "code": each.code,
        "kind": each.kind,
        # The first says in words what the kind is.
        "categories": each.categories[1:] or each.categories,
        "sites": each.body_sites,
        "performers": each.performers,
        "issued": each.issued,
        "regions": each.region_types,
    }
    return {name: value for name, value in row.items() if value}


def _patient_label(each: Entry) -> str:
    return ", ".join(part for part in (each.patient_name, each.patient) if part) or "Unknown patient"


def _study_label(rows: Sequence[tuple[int, Entry]], pictures: PictureSource) -> str:
    uid = rows[0][1].study_uid
    known = next((each for each in _known(rows, pictures) if each.study_instance_uid == uid), None)
    stated = (_date(known.study_date), known.study_description) if known is not None else ()
    return "Study " + (", ".join(part for part in stated if part) or uid or "unknown")


def _series_label(rows: Sequence[tuple[int, Entry]], pictures: PictureSource) -> str:
    uid, series_number = rows[0][1].series_uid, rows[0][1].series_number
    known = next((each for each in _known(rows, pictures) if each.series_instance_uid == uid), None)
    stated = (known.modality, known.series_description) if known is not None else ()
    number = "" if series_number is None else f" {series_number}"
    if not number and not any(stated):
        return f"Series {uid}" if uid else "No series: regions in space"
    return f"Series{number} {', '.join(part for part in stated if part)}".rstrip()


def _series_words(each: Entry) -> str | None:
    number = None if each.series_number is None else str(each.series_number)
    return ", ".join(part for part in (number, each.series_uid) if part) or None


def _known(rows: Sequence[tuple[int, Entry]], pictures: PictureSource) -> Iterator[Instance]:
    """Yield what is known of the instances that selections select."""
    for _, each in rows:
        known = None if each.instance_uid is None else pictures.lookup(each.instance_uid)
        if known is not None:
            yield known


def _date(stated: str | None) -> str | None:
    """Return a date of DICOM with separators, None if it is none."""
    if stated is None or not re.fullmatch(r"[0-9]{8}", stated):
        return None
    return f"{stated[:4]}-{stated[4:6]}-{stated[6:]}"


# The page


def _pieces(content: Mapping[str, Any], parts: _Parts) -> Iterator[bytes]:
    """Yield the page piece by piece."""
    folder = files("converter.view").joinpath("assets")
    style = folder.joinpath("page.css").read_text("utf-8")
    scripts = [folder.joinpath(name).read_text("utf-8") for name in _SCRIPTS]
    pieces: dict[str, Callable[[], Iterable[bytes]]] = {
        "title": lambda: [b"imgsel: what was selected"],
        "policy": lambda: [html.escape(_policy(style, scripts, is_split=parts.is_split)).encode()],
        "style": lambda: [style.encode()],
        "data": lambda: (_data_element("list", "application/json", for_script(content)), *parts.elements()),
        "scripts": lambda: [f"<script>{each}</script>\n".encode() for each in scripts],
    }
    for number, piece in enumerate(_PLACEHOLDER.split(folder.joinpath("page.html").read_text("utf-8"))):
        yield from pieces[piece]() if number % 2 else [piece.encode()]


def _policy(style: str, scripts: Sequence[str], *, is_split: bool) -> str:
    """Return a Content Security Policy: only the page's own scripts run, only its own files are loaded."""
    # Browsers differ in whether a file from disk is of the page's own origin.
    beside = " 'self' file:" if is_split else ""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_hash, scripts))}{beside}",
            f"style-src {_hash(style)}",
            f"img-src data:{beside}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _remove_stale(folder: Path, written: set[str]) -> None:
    """Remove files of an earlier page of this name, which may show what this one does not."""
    if not folder.is_dir():
        return
    for file in folder.iterdir():
        if _OWN_FILE.fullmatch(file.name) and file.name not in written:
            file.unlink()
    with suppress(OSError):
        # It is kept if it holds anything.
        folder.rmdir()
