"""Reads resources of any release: which release they are of, and what an ImagingSelection says of instances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from converter.fhir import r4, release, release_names

SubsetKind: TypeAlias = Literal["frame", "segment", "region of interest", "content item", "channel"]

_R6: Final = frozenset({"6.0.0-ballot2", "6.0.0-ballot4"})
_NOT_R4: Final = _R6 | {"5.0.0"}
_TYPED: Final[Mapping[str, SubsetKind]] = {
    "frameNumber": "frame",
    "segmentNumber": "segment",
    "regionOfInterest": "region of interest",
    "referencedContentItemIdentifier": "content item",
    "waveFormChannel": "channel",
}


@dataclass(frozen=True, slots=True)
class StatedInstance:
    """What a resource says of an instance; `path` is where, as a JSONPath.

    `subset` holds the strings of a subset, or the numbers of a typed one as such strings; `kind` is None where the
    release does not type them. `regions` holds (column, row, column, row, ...) of each region.
    """

    path: str
    uid: str | None
    sop_class_uid: str | None
    study_uid: str | None
    series_uid: str | None
    subset: tuple[str, ...]
    kind: SubsetKind | None
    regions: tuple[Sequence[float], ...]


def is_selection(resource: Mapping[str, Any]) -> bool:
    """Tell whether the resource is an ImagingSelection, or the Basic that one is in R4."""
    kind = resource.get("resourceType")
    return kind == "ImagingSelection" or (kind == "Basic" and _has_code(resource, r4.CODE))


def _has_code(resource: Mapping[str, Any], code: Mapping[str, Any]) -> bool:
    stated = resource.get("code")
    return isinstance(stated, Mapping) and stated.get("coding") == code["coding"]


def stated_instances(resource: Mapping[str, Any]) -> Iterator[StatedInstance]:
    """Yield what a valid ImagingSelection, of any release, says of instances.

    The paths in a Basic of R4 are those of the ImagingSelection that it stands for.
    """
    plain = r4.from_basic(resource) if resource.get("resourceType") == "Basic" else resource
    for index, instance in enumerate(plain.get("instance") or ()):
        subset, kind = _subset(instance)
        yield StatedInstance(
            path=f"$.instance[{index}]",
            uid=instance.get("uid"),
            sop_class_uid=_sop_class(instance.get("sopClass")),
            study_uid=plain.get("studyUid"),
            series_uid=plain.get("seriesUid"),
            subset=subset,
            kind=kind,
            regions=tuple(region.get("coordinate", ()) for region in instance.get("imageRegion2D") or ()),
        )


def _subset(instance: Mapping[str, Any]) -> tuple[tuple[str, ...], SubsetKind | None]:
    for name, kind in _TYPED.items():
        numbers = instance.get(name) or ()
        if kind == "channel" and numbers:
            pairs = zip(numbers[::2], numbers[1::2], strict=False)
            return tuple(f"{group}.{channel}" for group, channel in pairs), kind
        if kind == "content item" and numbers:
            return (".".join(map(str, numbers)),), kind
        if numbers:
            return tuple(map(str, numbers)), kind
    return tuple(each for each in instance.get("subset") or () if each is not None), None


def _sop_class(stated: Any) -> str | None:
    uri = stated.get("code") if isinstance(stated, Mapping) else stated
    return uri.removeprefix("urn:oid:") if isinstance(uri, str) else None


def tell_release(resources: Iterable[Mapping[str, Any]]) -> str:
    """Return the full name of the release that resources are of, reading no more of them than needed.

    Resources that are the same in several releases do not tell; of those that are left the first in the order of
    `release_names` is it.
    """
    names = dict.fromkeys(release(name).name for name in release_names())
    for resource in resources:
        names = {name: None for name in names if name in _releases(resource)} or names
        if len(names) == 1:
            break
    return next(iter(names))


def _releases(resource: Mapping[str, Any]) -> frozenset[str]:
    """Return the releases that a resource may be of, by those of its elements that tell them apart."""
    found = _NOT_R4 | {"4.0.1"}
    if is_selection(resource):
        if resource["resourceType"] == "Basic":
            return frozenset({"4.0.1"})
        found &= _NOT_R4
    for element, tells in _MARKS:
        for value in _at(resource, element):
            found &= tells(value)
    return found


def _of(kind: type, releases: frozenset[str]) -> Callable[[Any], frozenset[str]]:
    """Return a test: of these releases if the value is of this kind, of the others if it is not."""
    return lambda value: releases if isinstance(value, kind) else (_NOT_R4 | {"4.0.1"}) - releases


def _only(*releases: str) -> Callable[[Any], frozenset[str]]:
    return lambda _: frozenset(releases)


_BALLOT_2, _BALLOT_4, _R5 = "6.0.0-ballot2", "6.0.0-ballot4", "5.0.0"
_MARKS: Final[tuple[tuple[str, Callable[[Any], frozenset[str]]], ...]] = (
    ("ImagingSelection.derivedFrom", _of(dict, frozenset({_BALLOT_4}))),
    ("ImagingSelection.bodySite", _of(dict, frozenset({_R5}))),
    ("ImagingSelection.modality", _only(_BALLOT_4)),
    ("ImagingSelection.imageRegion3D", _only(_BALLOT_2, _BALLOT_4)),
    ("ImagingSelection.instance.sopClass", _of(str, _R6)),
    ("ImagingSelection.instance.subset", _only(_BALLOT_2, _R5)),
    *((f"ImagingSelection.instance.{name}", _only(_BALLOT_4)) for name in _TYPED),
    ("ImagingSelection.instance.imageRegion3D", _only(_R5)),
    ("ImagingStudy.series.instance.sopClass", _of(str, _R6)),
    ("ImagingStudy.modality.code", _only("4.0.1")),
    ("ImagingStudy.modality.coding", _only(*_NOT_R4)),
    ("Device.deviceName", _only("4.0.1")),
    ("Device.name.type", _of(dict, _R6)),
    ("Endpoint.connectionType", _of(dict, frozenset({"4.0.1"}))),
    ("BodyStructure.location", _only("4.0.1")),
    ("BodyStructure.includedStructure", _only(*_NOT_R4)),
)


def _at(resource: Mapping[str, Any], path: str) -> list[Any]:
    """Return the values at the element `path`; the last name's own list is one value."""
    kind, *names = path.split(".")
    if resource.get("resourceType") != kind:
        return []
    places: list[Any] = [resource]
    for name in names:
        flat = [each for place in places for each in (place if isinstance(place, list) else [place])]
        places = [place[name] for place in flat if isinstance(place, Mapping) and name in place]
    return places
