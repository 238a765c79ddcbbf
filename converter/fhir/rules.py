"""The rules that hold between elements of an ImagingSelection, each a generator of the names it finds broken.

They read a resource as the encoders make it (coordinates as numpy arrays) or as plain JSON, and cost nothing per
coordinate. An element that has a data-absent-reason counts as present.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def region(element: Mapping[str, Any], dimensions: int) -> Iterator[str]:
    """Coordinates are finite, divide into points, and are as many as the type of region has."""
    if "coordinate" not in element or "regionType" not in element:
        yield from required(element, "regionType", "coordinate")
        return
    values: NDArray[np.floating[Any]] = np.asarray(element["coordinate"], dtype=np.float64)
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


def subset(instance: Mapping[str, Any]) -> Iterator[str]:
    """The strings of a subset are of one kind: numbers, or dotted numbers."""
    strings = [text for text in instance.get("subset", ()) if text is not None]
    if strings and not any(all(kind.fullmatch(text) for text in strings) for kind in (_NUMBER, _DOTTED)):
        yield "subset-of-two-kinds"


def no_empty_elements(value: Any) -> Iterator[str]:
    """No object, array or string is empty."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, Mapping):
            waiting.extend(child for name, child in each.items() if name != "coordinate")
        elif isinstance(each, list):
            waiting.extend(each)
        if isinstance(each, Mapping | list | str) and not each:
            yield "empty-element"
            return
