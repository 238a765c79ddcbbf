"""ImagingSelection of FHIR 5.0.0: the encoder, and the rules that the models of fhir.resources do not check."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from converter.fhir import context_r5, losses, rules
from converter.fhir.datatypes import Element
from converter.fhir.encoded import Encoded, Loss, Release
from converter.fhir.encoder import Encoder, as_stated, in_space, subset_strings
from converter.fhir.many import ManyRegions
from converter.packed import PackedRegions
from converter.selection import (
    ContentItem,
    Region2D,
    SelectedInstance,
    Selection,
    Series,
    SourceObject,
    Subset,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

STATUS = ("available", "entered-in-error", "unknown")
GRAPHIC_TYPE_2D = ("point", "polyline", "interpolated", "circle", "ellipse")
GRAPHIC_TYPE_3D = ("point", "multipoint", "polyline", "polygon", "ellipse", "ellipsoid")
TARGETS: Mapping[str, tuple[str, ...]] = {
    "subject": (
        "Patient",
        "Group",
        "Device",
        "Location",
        "Organization",
        "Procedure",
        "Practitioner",
        "Medication",
        "Substance",
        "Specimen",
    ),
    "basedOn": ("CarePlan", "ServiceRequest", "Appointment", "AppointmentResponse", "Task"),
    "derivedFrom": ("ImagingStudy", "DocumentReference"),
    "endpoint": ("Endpoint",),
    "focus": ("ImagingSelection",),
    "performer.actor": (
        "Practitioner",
        "PractitionerRole",
        "Device",
        "Organization",
        "CareTeam",
        "Patient",
        "RelatedPerson",
        "HealthcareService",
    ),
    "bodySite.reference": ("BodyStructure",),
}
"""The types of resources that each reference may be to."""

LOSSES = (
    Loss(
        "instance.imageRegion3D",
        "that regions in a frame of reference are on no instance",
        "the regions on the first instance selected; if there is none, on the annotation object, in its own series",
    ),
    *losses.COMMON,
    losses.NO_MODALITY,
    Loss("status", "inactive", "unknown", "status-not-representable"),
    Loss("bodySite", "more than one body site", "the first", "body-site-not-representable"),
    Loss("instance.imageRegion2D", "that points are one multipoint", "a point each"),
    Loss("instance.subset", "the path of a report's item that has an Observation UID", "the Observation UID"),
    losses.STRINGS,
)
"""What a selection may have and the release cannot hold."""

_UID = re.compile(r"[0-9]+(\.[0-9]+)+")


class R5Encoder(Encoder):
    """Writes one selection, with its regions in a frame of reference on its first instance."""

    order = (
        "identifier",
        "status",
        "subject",
        "issued",
        "performer",
        "basedOn",
        "category",
        "code",
        "studyUid",
        "derivedFrom",
        "endpoint",
        "seriesUid",
        "seriesNumber",
        "frameOfReferenceUid",
        "bodySite",
        "focus",
        "instance",
    )

    def status(self) -> str:
        """Return the status; the release has none for what is inactive."""
        if self.selection.status != "inactive":
            return self.selection.status
        self.note("status-not-representable")
        return "unknown"

    def body_site(self) -> Element | None:
        """Return the first body site."""
        sites = super().body_site()
        if len(sites) > 1:
            self.note("body-site-not-representable")
        return sites[0] if sites else None

    def instances(self) -> list[Element]:
        """Return the selected instances, the regions in a frame of reference on the first."""
        instances = super().instances()
        regions = in_space(self.selection.regions_3d)
        if regions:
            instances[0]["imageRegion3D"] = regions
        return instances

    def sop_class(self, uid: str | None) -> Element | None:
        """Return the SOP class as a Coding."""
        sop_class = super().sop_class(uid)
        return {"system": "urn:ietf:rfc:3986", "code": sop_class} if sop_class else None

    def subset(self, subset: Subset | None) -> Element:
        """Return a subset as strings, a report's item by its Observation UID where it has one."""
        if isinstance(subset, ContentItem) and _UID.fullmatch(subset.observation_uid or ""):
            return {"subset": [subset.observation_uid]}
        return {"subset": subset_strings(subset)}

    def region_2d(self, region: Region2D) -> list[Any]:
        """Return a region in pixels as stated, and a multipoint as its points."""
        if region.type != "multipoint":
            return [as_stated(region)]
        starts = np.arange(len(region.coordinates) + 1)
        return [ManyRegions(PackedRegions(Region2D, "point", region.coordinates, starts))]


def encode(selection: Selection) -> Encoded:
    """Return `selection` as a resource, with what its elements could not hold and the rules it breaks."""
    return R5Encoder(on_instances(selection)).encoded(check, model)


def on_instances(selection: Selection) -> Selection:
    """Return a selection whose regions in a frame of reference have an instance to be on.

    Where it names no image that is the annotation object itself, in its series: the release has no other place.
    """
    if selection.instances or not selection.regions_3d:
        return selection
    if selection.series != Series():
        return replace(selection, instances=(SelectedInstance(""),))
    source = selection.source_object or _source(selection.key.source)
    instance = SelectedInstance(source.sop_instance_uid or "", source.sop_class_uid, source.number)
    return replace(selection, instances=(instance,), series=source.series)


def _source(identity: str) -> SourceObject:
    """What a key tells of its object: a UID, where it is not the hash of an object without one."""
    return SourceObject(identity if _UID.fullmatch(identity) else None)


def check(resource: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the rules that `resource` breaks, each once.

    Besides the rules between elements these are the types, value sets and targets of references that the models of
    fhir.resources let pass.
    """
    return rules.broken(broken_in(resource, TARGETS), rules.no_empty_elements(resource))


def broken_in(resource: Mapping[str, Any], targets: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the rules that an ImagingSelection breaks; `targets`: the types that each reference may be to."""
    instances = resource.get("instance", [])
    regions_2d = [region for instance in instances for region in instance.get("imageRegion2D", [])]
    regions_3d = [region for instance in instances for region in instance.get("imageRegion3D", [])]
    yield from rules.selection(resource, regions_3d)
    yield from rules.ids(resource, "id", "studyUid", "seriesUid", "frameOfReferenceUid")
    yield from rules.unsigned_ints(resource, "seriesNumber")
    yield from rules.instant(resource, "issued")
    yield from rules.one_of(resource, "status", STATUS)
    for instance in instances:
        yield from rules.ids(instance, "uid")
        yield from rules.unsigned_ints(instance, "number")
        yield from rules.subset(instance)
    for region in regions_2d:
        yield from rules.region_type(region, GRAPHIC_TYPE_2D)
    for region in regions_3d:
        yield from rules.region_type(region, GRAPHIC_TYPE_3D)
    for path, types in targets.items():
        yield from rules.targets(resource, path, types)


def model() -> type[BaseModel]:
    """Return the model of fhir.resources, which is imported when this is first called."""
    from fhir.resources.imagingselection import ImagingSelection

    found: type[BaseModel] = ImagingSelection
    return found


RELEASE = Release("5.0.0", encode, check, model, LOSSES, encode_context=context_r5.encode, model_of=context_r5.model_of)
