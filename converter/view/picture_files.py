"""Writes pictures and sketches of selections as PNG files, and what each of them is as NDJSON."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from PIL import Image

from converter.fhir.reading import is_selection
from converter.resource_files import PICTURES, resources
from converter.view.picture import Pictured
from converter.view.pictures import Pictures
from converter.view.render import as_png, decoded, render, render_sketch
from converter.writer.staging import Staging

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.\-]")
_LONGEST: Final = 64


@dataclass(slots=True)
class Written:
    """How many there were; `missing` pictures have no image."""

    selections: int = 0
    pictures: int = 0
    sketches: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A picture or sketch as a file: its name, its image, and what pictures.ndjson says of it."""

    name: str
    image: Image.Image
    line: Mapping[str, Any]


def write_pictures(
    path: Path, dicom: Path | None, output: Path, *, scale: int = 1, wanted: Collection[str] = (), most: int = 64
) -> Written:
    """Write the pictures of all selections at a path, or of those with the ids that are wanted. Raises OSError.

    Nothing in the folder changes before all are complete; without a selection there is no folder.
    """
    written = Written()
    if next(_wanted(resources(path), wanted), None) is None:
        return written
    with Pictures(resources(path), dicom, most=most) as pictures, Staging(output) as staging:
        index = staging.open(PICTURES)
        for selection in _wanted(resources(path), wanted):
            written.selections += 1
            identity = f"selection-{written.selections}"
            for drawn in draw(pictures.of(selection), scale, identity):
                staging.write("", drawn.name, as_png(drawn.image))
                index.write(orjson.dumps({"file": drawn.name, **drawn.line}) + b"\n")
                written.pictures += "instance" in drawn.line
                written.sketches += "view" in drawn.line
                written.missing += drawn.line.get("missing") is not None
        staging.commit(PICTURES)
    return written


def draw(pictured: Pictured, scale: int, fallback: str = "selection") -> Iterator[Drawn]:
    """Yield what there is to see of a selection; `fallback` names one without an id."""
    for picture in map(decoded, pictured.pictures):
        yield Drawn(
            _name(picture.selection_id or fallback, picture.sop_instance_uid, picture.frame),
            render(picture, scale),
            {
                "selection": picture.selection_id,
                "instance": picture.sop_instance_uid,
                "frame": picture.frame,
                "missing": picture.missing,
                "regions": [each.element for each in picture.shapes],
                "segments": [each.segment for each in picture.masks],
                "notes": [*picture.notes, *pictured.notes],
            },
        )
    for sketch in pictured.sketches:
        line = {"selection": sketch.selection_id, "view": sketch.view, "notes": list(pictured.notes)}
        yield Drawn(_name(sketch.selection_id or fallback, sketch.view, None), render_sketch(sketch), line)


def _wanted(found: Iterable[Mapping[str, Any]], wanted: Collection[str]) -> Iterator[Mapping[str, Any]]:
    for each in found:
        if is_selection(each) and (not wanted or each.get("id") in wanted):
            yield each


def _name(selection: str, what: str, frame: int | None) -> str:
    """Return a file's name: a resource may hold any text as an id or a UID."""
    parts = (selection, what or "unnamed", *([] if frame is None else [str(frame)]))
    return "-".join(_UNSAFE.sub("_", each)[:_LONGEST] for each in parts) + ".png"
