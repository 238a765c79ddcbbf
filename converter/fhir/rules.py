"""The rules that hold between elements of an ImagingSelection, each a generator of the names it finds broken.

They read a resource as the encoders make it (coordinates as numpy arrays, at no cost per coordinate) or as plain
JSON. An element that has a data-absent-reason counts as present.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from converter.fhir import datatypes
from converter.fhir.many import ManyRegions
from converter.packed import PackedRegions
from converter.selection import Region2D, Region3D

COUNTS: Mapping[str, tuple[int, int | None]] = {
    "point": (1, 1),
    "multipoint": (1, None),
    "polyline": (2, None),
    "interpolated": (2, None),
    "polygon": (4, None),
    "circle": (2, 2),
    "ellipse": (4, 4),
    "ellipsoid": (6, 6),
}
"""Points of each type of region, least and most: PS3.3 C.18.6.1.2 and C.18.9.1.2. A polygon repeats its first."""

_NUMBER = re.compile(r"[0-9]+")
_DOTTED = re.compile(r"[0-9]+(\.[0-9]+)+")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:([0-5][0-9]|60)(\.[0-9]+)?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)"
)
_LITERAL = re.compile(r"(?:https?://\S+/)?(?P<type>[A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/\S+)?")


def broken(*found: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the rules found broken, each once."""
    return tuple(dict.fromkeys(name for each in found for name in each))


def selection(resource: Mapping[str, Any], regions_3d: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The rules of an ImagingSelection in every release; `regions_3d`: where the release has them."""
    instances = resource.get("instance", [])
    regions_2d = [region for instance in instances for region in instance.get("imageRegion2D", [])]
    yield from required(resource, "status", "code")
    yield from series_context(resource)
    yield from frame_of_reference(resource, regions_3d)
    yield from one_dimensionality(regions_2d, regions_3d)
    for instance in instances:
        yield from required(instance, "uid")
    for each in regions_2d:
        yield from region(each, 2)
    for each in regions_3d:
        yield from region(each, 3)


def has(element: Mapping[str, Any], name: str) -> bool:
    """Tell whether the element is there, with a value or with the reason why it has none."""
    return name in element or f"_{name}" in element


def required(element: Mapping[str, Any], *names: str) -> Iterator[str]:
    """Every one of `names` is there."""
    if not all(has(element, name) for name in names):
        yield "required-element"


def series_context(resource: Mapping[str, Any]) -> Iterator[str]:
    """A series needs its study; an instance and a series number need their series."""
    if has(resource, "seriesUid") and not has(resource, "studyUid"):
        yield "series-without-study"
    if not has(resource, "seriesUid"):
        if "instance" in resource:
            yield "instance-without-series"
        if has(resource, "seriesNumber"):
            yield "series-number-without-series"


def frame_of_reference(resource: Mapping[str, Any], regions_3d: Iterable[Any]) -> Iterator[str]:
    """3D regions need the frame of reference that they are in."""
    if regions_3d and not has(resource, "frameOfReferenceUid"):
        yield "region-without-frame-of-reference"


def one_dimensionality(regions_2d: Iterable[Any], regions_3d: Iterable[Any]) -> Iterator[str]:
    """A resource has 2D or 3D regions, not both."""
    if regions_2d and regions_3d:
        yield "regions-of-two-dimensionalities"


def region(element: Mapping[str, Any] | ManyRegions, dimensions: int) -> Iterator[str]:
    """Coordinates are finite, divide into points, and are as many as the type of region has."""
    if isinstance(element, ManyRegions):
        yield from many_regions(element.regions, dimensions)
        return
    if "coordinate" not in element or "regionType" not in element:
        yield from required(element, "regionType", "coordinate")
        return
    stated = element["coordinate"]
    if not isinstance(stated, np.ndarray) and any(isinstance(each, str | bool | None) for each in stated):
        yield "coordinate-not-a-number"
        return
    values: NDArray[np.floating[Any]] = np.asarray(stated, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or values.size % dimensions:
        yield "coordinates-not-points"
        return
    if not np.isfinite(values).all():
        yield "coordinate-not-finite"
    least, most = COUNTS.get(element["regionType"], (1, None))
    count = values.size // dimensions
    if count < least or (most is not None and count > most):
        yield "region-point-count"
    if element["regionType"] == "polygon" and not np.array_equal(values[:dimensions], values[-dimensions:]):
        yield "polygon-not-closed"


def many_regions(packed: PackedRegions[Region2D] | PackedRegions[Region3D], dimensions: int) -> Iterator[str]:
    """What `region` says holds of each of the packed regions; none of their types is a polygon."""
    points, starts = packed.coordinates, packed.starts
    counts = np.diff(starts)
    has_points = counts.size and counts.min() >= 1 and starts[0] == 0 and starts[-1] == len(points)
    if points.shape[1] + (packed.z is not None) != dimensions or not has_points:
        yield "coordinates-not-points"
        return
    if not np.isfinite(points).all() or not np.isfinite(packed.z or 0):
        yield "coordinate-not-finite"
    least, most = COUNTS[packed.type]
    if counts.min() < least or (most is not None and counts.max() > most):
        yield "region-point-count"


def region_type(element: Mapping[str, Any] | ManyRegions, codes: Sequence[str]) -> Iterator[str]:
    """The type of a region, or of many, is a code of the value set that it is bound to."""
    if isinstance(element, ManyRegions):
        element = {"regionType": element.regions.type}
    yield from one_of(element, "regionType", codes)


def subset(instance: Mapping[str, Any]) -> Iterator[str]:
    """The strings of a subset are of one kind: numbers, or dotted numbers."""
    strings = [text for text in instance.get("subset", ()) if text is not None]
    if strings and not any(all(kind.fullmatch(text) for text in strings) for kind in (_NUMBER, _DOTTED)):
        yield "subset-of-two-kinds"


def ids(element: Mapping[str, Any], *names: str) -> Iterator[str]:
    """The values of `names` are FHIR ids: 1 to 64 letters, digits, hyphens and dots."""
    if any(name in element and not _is_id(element[name]) for name in names):
        yield "not-an-id"


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and datatypes.identity(value) is not None


def unsigned_ints(element: Mapping[str, Any], *names: str) -> Iterator[str]:
    """The values of `names` are integers that an unsignedInt can hold."""
    for name in names:
        value = element.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or datatypes.unsigned_int(value) is None:
            yield "not-an-unsigned-int"


def instant(element: Mapping[str, Any], name: str) -> Iterator[str]:
    """The value of `name` is an instant: with seconds and a zone, on a day and at a time that there is."""
    value = element.get(name)
    if isinstance(value, datetime):
        value = datatypes.instant(value) or ""
    if value is not None and not (isinstance(value, str) and _is_instant(value)):
        yield "not-an-instant"


def _is_instant(text: str) -> bool:
    if not _INSTANT.fullmatch(text):
        return False
    try:
        # FHIR has leap seconds, Python has none.
        datetime.fromisoformat(f"{text[:10]}T{text[11:16]}")
    except ValueError:
        return False
    return True


def one_of(element: Mapping[str, Any], name: str, codes: Sequence[str]) -> Iterator[str]:
    """The value of `name` is a code of the value set that it is bound to."""
    if name in element and element[name] not in codes:
        yield "code-not-in-value-set"


def targets(resource: Mapping[str, Any], path: str, types: Sequence[str]) -> Iterator[str]:
    """The references at `path` (`focus`, `performer.actor`) are to resources of one of `types`, as far as they tell."""
    found: list[Any] = [resource]
    for name in path.split("."):
        values = (each[name] for each in found if name in each)
        found = [item for value in values for item in (value if isinstance(value, list) else [value])]
    if not all(refers_to(each.get("type"), each.get("reference"), types) for each in found):
        yield "reference-target"


def refers_to(stated: str | None, literal: str | None, types: Sequence[str]) -> bool:
    """Tell whether a reference with this type and literal reference can be to a resource of one of `types`."""
    if stated is not None and stated not in types:
        return False
    matched = _LITERAL.fullmatch(literal) if literal is not None else None
    # A contained resource, one by URN, conditional or on another kind of server does not tell its type.
    return matched is None or matched["type"] in types


def no_empty_elements(value: Any) -> Iterator[str]:
    """No object, array or string is empty, and no member of an object is null."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        # Of every element of every resource: asking for a Mapping takes ten times as long.
        if isinstance(each, dict):
            waiting.extend(child for name, child in each.items() if name != "coordinate")
        elif isinstance(each, list):
            # Where a primitive of a list has no value, null stands in its place.
            waiting.extend(child for child in each if child is not None)
        if each is None or (not each and isinstance(each, dict | list | str)):
            yield "empty-element"
            return
