"""Where in the DICOM objects selections come from: ids are the same on every run, so converting again finds them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.tag import BaseTag

from converter.batch import Conversion, Result, convert
from converter.fhir import r4
from converter.mapper import values
from converter.reader.parser import NotDicomError
from converter.selection import Coordinates
from converter.settings import Settings

# What decides which selections there are: which settings resources were made with is not in them. What is stated
# besides leaves the ids of all else as they are.
_SETTINGS: Final = (
    Settings(),
    Settings(project=True, select="series"),
    Settings(regions="2d"),
    Settings(regions="3d"),
    Settings(outlines=True),
)
# Bulk annotations hold all of a group in one.
_LISTS: Final = ("PointCoordinatesData", "DoublePointCoordinatesData")
_COORDINATES: Final = ("GraphicData", "ContourData", "AnchorPoint", *_LISTS)
_MOST_ITEMS: Final = 100_000


@dataclass(frozen=True, slots=True)
class SourceItem:
    """Where a selection comes from.

    `file` is relative to the folder; `path` is the JSONPath of the item that states the selection, in keywords of
    DICOM. `regions`: from the FHIRPath of a region (`ImagingSelection.imageRegion3D[0]`) to the JSONPath of the
    attribute that holds its coordinates just as the resource has them, or in a list of them; regions that were
    computed have none.
    """

    file: str
    path: str
    regions: Mapping[str, str] = field(default_factory=dict)


def source_items(folder: Path, resources: Mapping[str, Mapping[str, Any]]) -> dict[str, SourceItem]:
    """Return where the selections with these ids come from; those that no object in the folder gives are left out.

    Which settings they were converted with does not matter, except where several were combined.
    """
    found: dict[str, SourceItem] = {}
    for settings in _SETTINGS:
        with convert(folder, settings) as conversion:
            _collect(conversion, resources, found)
        if len(found) == len(resources):
            break
    return found


def _collect(conversion: Conversion, resources: Mapping[str, Mapping[str, Any]], found: dict[str, SourceItem]) -> None:
    for result in conversion:
        new = [each for each in result.selections if each.id in resources and each.id not in found]
        if not new:
            continue
        stated = _Stated(result) if any(_regions(resources[each.id]) for each in new) else None
        for each in new:
            place = each.selection.place
            regions = stated.of(resources[each.id], place) if stated is not None else {}
            found[each.id] = SourceItem(result.file, place, regions)


class _Stated:
    """The attributes of an object that hold coordinates, by what they hold."""

    def __init__(self, result: Result) -> None:
        self._paths: defaultdict[bytes, list[str]] = defaultdict(list)
        self._every: set[str] = set()
        if result.reference is None:
            return
        try:
            dataset = result.reference.load().dataset
        except (OSError, NotDicomError):
            return
        for path, coordinates in _coordinates(dataset):
            self._paths[_key(coordinates)].append(path)
            self._every.add(path)

    def of(self, resource: Mapping[str, Any], place: str) -> dict[str, str]:
        """Return the paths of the resource's regions, those inside of its place before others."""
        regions: dict[str, str] = {}
        taken: set[str] = set()
        lists = [path for path in (f"{place}.{keyword}" for keyword in _LISTS) if path in self._every]
        for element, coordinates in _regions(resource):
            paths = self._paths.get(_key(coordinates), ())
            inside = [each for each in paths if each.startswith(place)] or list(paths)
            # One graphic on three images is three regions.
            path = next((each for each in inside if each not in taken), inside[0] if inside else None)
            path = path or next(iter(lists), None)
            if path is not None:
                regions[element] = path
                taken.add(path)
        return regions


def _regions(resource: Mapping[str, Any]) -> list[tuple[str, Sequence[float]]]:
    """Return the coordinates of the regions of a resource by their FHIRPaths, in a Basic those that it stands for."""
    plain = r4.from_basic(resource) if resource.get("resourceType") == "Basic" else resource
    places = [("ImagingSelection", plain)]
    instances = plain.get("instance")
    places += [
        (f"ImagingSelection.instance[{index}]", each)
        for index, each in enumerate(instances if isinstance(instances, list) else ())
        if isinstance(each, dict)
    ]
    return [
        (f"{path}.{name}[{index}]", region["coordinate"])
        for path, holder in places
        for name in ("imageRegion2D", "imageRegion3D")
        for index, region in enumerate(holder.get(name) or ())
        if isinstance(region, dict) and region.get("coordinate")
    ]


def _coordinates(dataset: Dataset) -> Iterator[tuple[str, Coordinates]]:
    """Yield the attributes of all items that hold coordinates with their JSONPaths, in the order of the object."""
    waiting: list[tuple[str, Dataset]] = [("$", dataset)]
    for _ in range(_MOST_ITEMS):
        if not waiting:
            return
        path, item = waiting.pop()
        for keyword in _COORDINATES:
            if keyword in item:
                try:
                    yield f"{path}.{keyword}", values.floats(item, keyword)
                except values.ValueUnreadableError:
                    continue
        inside = [
            (f"{path}.{keyword}[{index}]", each)
            for keyword in filter(None, map(_sequence, item.keys()))
            for index, each in enumerate(values.items(item, keyword))
        ]
        waiting += reversed(inside)


def _sequence(tag: BaseTag) -> str | None:
    """Return the keyword of a sequence, None for what is none or is private."""
    return keyword_for_tag(tag) or None if dictionary_has_tag(tag) and dictionary_VR(tag) == "SQ" else None


def _key(coordinates: Sequence[float] | Coordinates) -> bytes:
    """Return what coordinates are compared by: single precision, and a closed ring is the same as one left open."""
    numbers = np.asarray(coordinates, dtype=np.float32).reshape(-1)
    for size in (2, 3):
        if numbers.size > 2 * size and numbers.size % size == 0 and (numbers[:size] == numbers[-size:]).all():
            return numbers[:-size].tobytes()
    return numbers.tobytes()
