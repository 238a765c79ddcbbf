"""ImagingSelection of FHIR 6.0.0-ballot2: the encoder and the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from converter.fhir import datatypes, rules
from converter.fhir.datatypes import Element, every, present
from converter.fhir.encoded import Encoded, Release
from converter.problems import problem
from converter.selection import (
    Channels,
    Concept,
    ContentItem,
    Coordinates,
    Performer,
    Problem,
    Region2D,
    Region3D,
    SelectedInstance,
    Selection,
    Subset,
)

if TYPE_CHECKING:
    from converter.fhir.r6_ballot2_models import ImagingSelection

CURVE_TOLERANCE = 0.1
"""Pixels between an interpolated curve and the polyline that stands for it."""


def encode(selection: Selection) -> Encoded:
    """Return `selection` as a resource, with what its elements could not hold and the rules it breaks."""
    encoder = _Encoder(selection.place)
    resource = encoder.resource(selection)
    return Encoded(resource, tuple(dict.fromkeys(encoder.problems)), check(resource), model)


def check(resource: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the rules that `resource` breaks, each once."""
    instances = resource.get("instance", [])
    regions_2d = [region for instance in instances for region in instance.get("imageRegion2D", [])]
    regions_3d = resource.get("imageRegion3D", [])
    found: dict[str, None] = {}
    for broken in (
        rules.required(resource, "status", "code"),
        rules.series_context(resource),
        rules.frame_of_reference(resource, regions_3d),
        rules.one_dimensionality(regions_2d, regions_3d),
        *(rules.required(instance, "uid") for instance in instances),
        *(rules.subset(instance) for instance in instances),
        *(rules.region(region, 2) for region in regions_2d),
        *(rules.region(region, 3) for region in regions_3d),
        rules.no_empty_elements(resource),
    ):
        found.update(dict.fromkeys(broken))
    return tuple(found)


def model() -> type[ImagingSelection]:
    """Return the pydantic model; fhir.resources is imported when this is first called."""
    from converter.fhir.r6_ballot2_models import ImagingSelection

    return ImagingSelection


class _Encoder:
    """Writes one selection, noting what its elements cannot hold."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.problems: list[Problem] = []

    def resource(self, selection: Selection) -> Element:
        endpoints = self._endpoints(selection.endpoints)
        return present(
            resourceType="ImagingSelection",
            id=selection.id,
            contained=endpoints,
            identifier=_identifiers(selection),
            status=selection.status,
            category=every(map(datatypes.codeable_concept, selection.categories)),
            code=_purpose(selection.code),
            subject=datatypes.logical_reference(selection.subject) if selection.subject else None,
            issued=self._issued(selection),
            performer=every(map(_performer, selection.performers)),
            basedOn=every(map(datatypes.logical_reference, selection.based_on)),
            derivedFrom=_derived_from(selection.series.study_instance_uid),
            **self._series(selection),
            bodySite=[{"concept": each} for each in every(map(datatypes.codeable_concept, selection.body_sites))],
            focus=[{"reference": f"ImagingSelection/{key.id}"} for key in dict.fromkeys(selection.focus)],
            endpoint=[{"reference": f"#{endpoint['id']}"} for endpoint in endpoints],
            instance=[self._instance(instance) for instance in selection.instances],
            imageRegion3D=[_region_3d(region) for region in selection.regions_3d],
        )

    def _endpoints(self, addresses: tuple[str, ...]) -> list[Element]:
        usable = [address for address in dict.fromkeys(addresses) if datatypes.http_url(address)]
        if len(usable) < len(set(addresses)):
            self._note("endpoint-invalid")
        return [datatypes.dicom_web_endpoint(f"endpoint-{n}", address) for n, address in enumerate(usable, 1)]

    def _issued(self, selection: Selection) -> str | None:
        if selection.issued is None:
            return None
        issued = datatypes.instant(selection.issued)
        if issued is None:
            self._note("issued-incomplete")
        return issued

    def _series(self, selection: Selection) -> Element:
        """The series and its context; what a rule needs and nothing names is stated as unknown."""
        series = selection.series
        in_series = bool(selection.instances or series.series_instance_uid)
        elements = {
            **self._uid("studyUid", series.study_instance_uid, needed=in_series),
            **self._uid("seriesUid", series.series_instance_uid, needed=in_series),
        }
        if in_series:
            elements |= self._number("seriesNumber", series.number)
        needed = bool(selection.regions_3d)
        return elements | self._uid("frameOfReferenceUid", selection.frame_of_reference_uid, needed=needed)

    def _instance(self, instance: SelectedInstance) -> Element:
        return present(
            **self._uid("uid", instance.sop_instance_uid, needed=True),
            **self._number("number", instance.number),
            sopClass=self._sop_class(instance.sop_class_uid),
            subset=_subset(instance.subset),
            imageRegion2D=[_region_2d(region) for region in instance.regions],
        )

    def _sop_class(self, uid: str | None) -> str | None:
        sop_class = datatypes.oid(uid) if uid else None
        if uid and sop_class is None:
            self._note("uid-not-representable")
        return sop_class

    def _uid(self, name: str, uid: str | None, *, needed: bool) -> Element:
        identity = datatypes.identity(uid) if uid else None
        if identity is not None:
            return {name: identity}
        if uid:
            self._note("uid-not-representable")
        reason: Literal["error", "unknown"] = "error" if uid else "unknown"
        return {f"_{name}": datatypes.absent(reason)} if needed else {}

    def _number(self, name: str, number: int | None) -> Element:
        if number is None:
            return {}
        if datatypes.unsigned_int(number) is None:
            self._note("number-not-representable")
            return {}
        return {name: number}

    def _note(self, code: str) -> None:
        self.problems.append(problem(code, self.place))


def _identifiers(selection: Selection) -> list[Element]:
    own = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{selection.id}"}
    return [own, *every(map(datatypes.identifier, selection.identifiers))]


def _purpose(purpose: Concept) -> Element:
    """The code, always with a text: its own, else what the first coding calls it."""
    named = datatypes.codeable_concept(purpose)
    if named is None:
        return datatypes.absent("unknown")
    if "text" not in named:
        first = named["coding"][0]
        named["text"] = first.get("display") or first["code"]
    return named


def _performer(performer: Performer) -> Element | None:
    actor = datatypes.logical_reference(performer.actor)
    if actor is None:
        return None
    function = Concept((performer.function,)) if performer.function else Concept()
    return present(function=datatypes.codeable_concept(function), actor=actor)


def _derived_from(study_instance_uid: str | None) -> list[Element]:
    study = datatypes.uid_identifier(study_instance_uid) if study_instance_uid else None
    return [{"type": "ImagingStudy", "identifier": study}] if study else []


def _subset(subset: Subset | None) -> list[str]:
    match subset:
        case None:
            return []
        case ContentItem(position=position):
            return [".".join(map(str, position))] if position else []
        case Channels(pairs=pairs):
            return [f"{group}.{channel}" for group, channel in pairs]
        case _:
            return [str(number) for number in subset.numbers]


def _region_2d(region: Region2D) -> Element:
    if region.type != "interpolated":
        return {"regionType": region.type, "coordinate": _flat(region.coordinates)}
    from converter.geometry import interpolate

    curve = interpolate(region.coordinates, tolerance=CURVE_TOLERANCE)
    return {"regionType": "polyline", "coordinate": _flat(curve)}


def _region_3d(region: Region3D) -> Element:
    return {"regionType": region.type, "coordinate": _flat(region.coordinates)}


def _flat(points: Coordinates) -> NDArray[Any]:
    """Coordinates one after the other, as orjson takes them: contiguous, of the machine's byte order."""
    precision = np.float32 if points.dtype.itemsize == 4 and points.dtype.kind == "f" else np.float64
    return np.ascontiguousarray(points, dtype=precision).reshape(-1)


RELEASE = Release("6.0.0-ballot2", encode, check, model)
