"""What a page holds of each selection, as JSON: its resource, what there is to see of it and where it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from converter.catalog import Instance
from converter.view.index import Entry
from converter.view.picture import Mask, Picture, Pictured, Shape, Sketch
from converter.view.png import gray_png
from converter.view.source_items import SourceItem

_DECIMALS = 4
# The box of a text, and its anchor.
_FEW_SHAPES = 2
_LONGEST_LABEL = 80
_OUTLINED = ("RTSTRUCT", "SEG")
_SKETCHES = {"axial": "Axial sketch", "coronal": "Coronal sketch", "sagittal": "Sagittal sketch"}


def pictured_data(
    pictured: Pictured, entry: Entry, add_image: Callable[[bytes], str], lookup: Callable[[str], Instance | None]
) -> dict[str, Any]:
    """Return pictures and sketches as the page's script draws them; `add_image` takes a PNG and returns its name."""
    return {
        "pictures": [_picture(each, entry, add_image, lookup) for each in pictured.pictures],
        "sketches": [_sketch(each, entry) for each in pictured.sketches],
        "notes": list(pictured.notes),
    }


def source_data(source: SourceItem | None) -> dict[str, Any] | None:
    """Return where a selection comes from, None where that is not known."""
    return None if source is None else {"file": source.file, "path": source.path, "regions": dict(source.regions)}


def as_json(value: Any) -> bytes:
    """Return a value as JSON."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        # What a damaged header says may be no Unicode, what another program wrote a number of any length.
        return json.dumps(value).encode()


def for_script(value: Any) -> bytes:
    """Return a value as JSON that can stand in a script element, or be a script: no text of it can end either."""
    text = as_json(value)
    # Outside of strings JSON has none of these characters.
    for character in "<>&\u2028\u2029":
        text = text.replace(character.encode(), f"\\u{ord(character):04x}".encode())
    return text


def _picture(
    picture: Picture, entry: Entry, add_image: Callable[[bytes], str], lookup: Callable[[str], Instance | None]
) -> dict[str, Any]:
    png, missing = picture.decoded()
    title, short = _title(picture, lookup(picture.sop_instance_uid))
    return {
        "title": title,
        "short": short,
        "columns": picture.columns,
        "rows": picture.rows,
        "aspect": picture.aspect,
        "image": None if png is None else add_image(png),
        "missing": missing,
        "shapes": _shapes(picture.shapes, entry),
        "masks": [_mask(each, add_image) for each in picture.masks],
        # The contours of a structure, the outlines of a segment are its boundary: what lies inside of two is a hole.
        "rings": entry.kind in _OUTLINED,
        "notes": list(picture.notes),
    }


def _title(picture: Picture, instance: Instance | None) -> tuple[str, str]:
    """Return what a picture is called: by the numbers of image and frame where they are known, else by its UID."""
    number = None if instance is None or instance.instance_number is None else f"image {instance.instance_number}"
    frame = None if picture.frame is None else f"frame {picture.frame}"
    modality = None if instance is None else instance.modality
    short = ", ".join(each for each in (number, frame) if each) or picture.sop_instance_uid[-12:]
    named = " ".join(each for each in (modality, number) if each) or None
    return ", ".join(each for each in (named, frame, picture.sop_instance_uid) if each), short


def _sketch(sketch: Sketch, entry: Entry) -> dict[str, Any]:
    title = _SKETCHES[sketch.view]
    return {
        "title": f"{title}, millimetres",
        "short": title,
        "view": sketch.view,
        "bounds": sketch.bounds,
        "shapes": _shapes(sketch.shapes, entry),
    }


def _shapes(shapes: Sequence[Shape], entry: Entry) -> list[dict[str, Any]]:
    """Return shapes; a few without labels have the selection's text, which of a text object is what it says."""
    label = entry.code[:_LONGEST_LABEL] if len(shapes) <= _FEW_SHAPES else None
    return [
        {
            "type": each.type,
            "points": _flat(each.points),
            "element": each.element,
            "label": each.label or label,
            "derived": each.is_derived,
        }
        for each in shapes
    ]


def _mask(mask: Mask, add_image: Callable[[bytes], str]) -> dict[str, Any]:
    gray = np.rint(np.asarray(mask.pixels, np.float64).clip(0, 1) * 255).astype(np.uint8)
    image = add_image(gray_png(gray))
    return {"segment": mask.segment, "image": image, "element": mask.element, "label": mask.label}


def _flat(points: NDArray[np.float64]) -> list[float]:
    flat: list[float] = np.round(np.asarray(points, np.float64).reshape(-1), _DECIMALS).tolist()
    return flat
