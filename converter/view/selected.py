"""What a selection of any release selects, as far as it can be shown.

Resources may come from any program: nothing in them is trusted to be of the right type, and what cannot be read is left
out with a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from converter.fhir import r4
from converter.fhir.reading import SubsetKind, stated_instances

REGION_UNREADABLE: Final = "The coordinates of a region cannot be read: it is not shown."

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
# Where the nearest image could lie, in pixels or millimetres; further off numbers lose what they tell apart.
_FARTHEST: Final = 1e9
_TYPES: Final = {
    2: ("point", "multipoint", "polyline", "interpolated", "circle", "ellipse"),
    3: ("point", "multipoint", "polyline", "polygon", "ellipse", "ellipsoid"),
}
# How many points a region of a type has; of the others any number.
_COUNTS: Final = {"point": 1, "circle": 2, "ellipse": 4, "ellipsoid": 6}


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A region as stated: (n, 2) in pixels or (n, 3) in millimetres. `element` is its FHIRPath."""

    type: str
    points: NDArray[np.float64]
    element: str


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A selected instance; `kind` is None where the release does not type the subset. `element` is its FHIRPath."""

    uid: str
    sop_class_uid: str | None
    kind: SubsetKind | None
    subset: tuple[str, ...]
    regions: tuple[Region, ...]
    element: str


@dataclass(frozen=True, slots=True, eq=False)
class Selected:
    """A selection: `label` is what its code is called where it has a coding, `kind` its first category's code.

    Free text is no label: it may name somebody.
    """

    id: str
    label: str | None
    kind: str | None
    study_uid: str | None
    series_uid: str | None
    frame_of_reference_uid: str | None
    focus: tuple[str, ...]
    parts: tuple[Part, ...]
    regions_3d: tuple[Region, ...]
    notes: tuple[str, ...]


def selected(resource: Mapping[str, Any]) -> Selected:
    """Return what an ImagingSelection selects, or the Basic that one is in R4."""
    plain = _plain(resource)
    stated_id = plain.get("id")
    categories = _mappings(plain.get("category"))
    notes: list[str] = []
    parts, on_instances = _parts(plain, notes)
    return Selected(
        id=stated_id if isinstance(stated_id, str) and _ID.fullmatch(stated_id) else "",
        label=_coding(plain.get("code"), "display"),
        kind=_coding(categories[0], "code") if categories else None,
        study_uid=_text(plain.get("studyUid")),
        series_uid=_text(plain.get("seriesUid")),
        frame_of_reference_uid=_text(plain.get("frameOfReferenceUid")),
        focus=tuple(_focus(plain)),
        parts=parts,
        regions_3d=(*_regions(plain, "imageRegion3D", "ImagingSelection", 3, notes), *on_instances),
        notes=tuple(dict.fromkeys(notes)),
    )


def _plain(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    return r4.from_basic(resource) if resource.get("resourceType") == "Basic" else resource


def _parts(plain: Mapping[str, Any], notes: list[str]) -> tuple[tuple[Part, ...], list[Region]]:
    """Return the selected instances, and the regions in a frame of reference that R5 has on them."""
    parts = []
    regions_3d: list[Region] = []
    stated = plain.get("instance")
    for index, instance in enumerate(stated if isinstance(stated, list) else ()):
        if not isinstance(instance, Mapping):
            continue
        element = f"ImagingSelection.instance[{index}]"
        sop_class, kind, subset = _subset(instance)
        regions = tuple(_regions(instance, "imageRegion2D", element, 2, notes))
        regions_3d += _regions(instance, "imageRegion3D", element, 3, notes)
        parts.append(Part(_text(instance.get("uid")) or "", sop_class, kind, subset, regions, element))
    return tuple(parts), regions_3d


def _subset(instance: Mapping[str, Any]) -> tuple[str | None, SubsetKind | None, tuple[str, ...]]:
    try:
        stated = next(iter(stated_instances({"instance": [{**instance, "imageRegion2D": ()}]})))
    except (TypeError, AttributeError, ValueError):
        return None, None, ()
    return stated.sop_class_uid, stated.kind, tuple(each for each in stated.subset if isinstance(each, str))


def _regions(parent: Mapping[str, Any], name: str, element: str, dimensions: int, notes: list[str]) -> Iterator[Region]:
    stated = parent.get(name)
    for index, region in enumerate(stated if isinstance(stated, list) else ()):
        found = region if isinstance(region, Mapping) else {}
        kind, points = found.get("regionType"), _points(found.get("coordinate"), dimensions)
        if points is None or kind not in _TYPES[dimensions] or len(points) != _COUNTS.get(kind, len(points)):
            notes.append(REGION_UNREADABLE)
        else:
            yield Region(str(kind), points, f"{element}.{name}[{index}]")


def _points(stated: Any, dimensions: int) -> NDArray[np.float64] | None:
    """Return (n, dimensions), None for what is no list of as many finite numbers."""
    if not isinstance(stated, list) or not stated or len(stated) % dimensions:
        return None
    try:
        array = np.array(stated)
        if array.ndim != 1 or array.dtype.kind not in "iufO":
            return None
        points = array.astype(np.float64).reshape(-1, dimensions)
    except (TypeError, ValueError, OverflowError):
        return None
    # What is not finite is not less either.
    return points if (np.abs(points) < _FARTHEST).all() else None


def _focus(plain: Mapping[str, Any]) -> Iterator[str]:
    for each in _mappings(plain.get("focus")):
        reference = _text(each.get("reference"))
        if reference is not None:
            # ImagingSelection/<id>, an absolute URL of one, or the urn:uuid: that it has in a Bundle.
            yield reference.removeprefix("urn:uuid:").rpartition("/")[2]


def _coding(concept: Any, name: str) -> str | None:
    codings = _mappings(concept.get("coding")) if isinstance(concept, Mapping) else []
    return _text(codings[0].get(name)) if codings else None


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
