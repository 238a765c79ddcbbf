"""Encodes a selection as ImagingSelection: what the releases have in common, and what a release may do differently.

Elements are made by name and put into the order of the release; a release overrides the methods of those that it
defines otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from converter.fhir import datatypes
from converter.fhir.datatypes import Element, every, present
from converter.fhir.encoded import Encoded
from converter.fhir.many import ManyRegions, flat
from converter.packed import PackedRegions
from converter.problems import problem
from converter.selection import (
    Channels,
    Concept,
    ContentItem,
    Coordinates,
    Links,
    Performer,
    Problem,
    Region2D,
    Region3D,
    SelectedInstance,
    Selection,
    Subset,
)

if TYPE_CHECKING:
    from pydantic import BaseModel

CURVE_TOLERANCE = 0.1
"""Pixels between an interpolated curve and the polyline that stands for it."""


class Encoder:
    """Writes one selection, noting what its elements cannot hold.

    `order`: the elements of the release after `contained`, as its definition has them. `focus_type`: the type of
    resource that a selection is in it.
    """

    order: ClassVar[Sequence[str]]
    focus_type: ClassVar[str] = "ImagingSelection"

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.links = selection.links or Links()
        self.problems: list[Problem] = []

    def encoded(
        self, check: Callable[[dict[str, Any]], tuple[str, ...]], model: Callable[[], type[BaseModel]]
    ) -> Encoded:
        """Return the selection as a resource of the release that has these rules and this model."""
        resource = self.resource()
        return Encoded(resource, tuple(dict.fromkeys(self.problems)), check(resource), model)

    def resource(self) -> Element:
        """Return the resource: JSON but for each `coordinate`, a flat numpy array, and what stands for many."""
        usable = self.endpoints()
        contained = [] if self.selection.links else [self.endpoint(name, address) for name, address in usable.items()]
        prefix = "Endpoint/" if self.selection.links else "#"
        elements = self.elements() | present(endpoint=[{"reference": prefix + name} for name in usable])
        return {
            **present(resourceType="ImagingSelection", id=self.selection.id, contained=contained),
            **in_order(elements, self.order),
        }

    def elements(self) -> Element:
        """Return the elements by name, of a primitive without a value by its name with `_` before it."""
        selection = self.selection
        return present(
            identifier=self.identifiers(),
            status=self.status(),
            category=every(map(datatypes.codeable_concept, selection.categories)),
            code=_purpose(selection.code),
            subject=datatypes.logical_reference(selection.subject) if selection.subject else None,
            issued=self.issued(),
            performer=every(map(_performer, selection.performers)),
            basedOn=every(map(datatypes.logical_reference, selection.based_on)),
            derivedFrom=self.derived_from(),
            **self.series(),
            bodySite=self.body_site(),
            focus=[{"reference": f"{self.focus_type}/{key.id}"} for key in dict.fromkeys(selection.focus)],
            instance=self.instances(),
            imageRegion3D=self.regions_3d(),
        )

    def identifiers(self) -> list[Element]:
        """Return the resource's own identifier, then those that DICOM gives."""
        own = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{self.selection.id}"}
        return [own, *every(map(datatypes.identifier, self.selection.identifiers))]

    def status(self) -> str:
        """Return the status."""
        return self.selection.status

    def issued(self) -> str | None:
        """Return when the selection was made, if that is known to the second and with a zone."""
        if self.selection.issued is None:
            return None
        issued = datatypes.instant(self.selection.issued)
        if issued is None:
            self.note("issued-incomplete")
        return issued

    def derived_from(self) -> Any:
        """Return the studies selected from, as the release's list or single value."""
        return every([self.study()])

    def study(self) -> Element | None:
        """Return the study selected from, as a reference by its UID."""
        uid = self.selection.series.study_instance_uid
        identifier = datatypes.uid_identifier(uid) if uid else None
        literal = f"ImagingStudy/{self.links.study}" if self.links.study else None
        found = present(reference=literal, type="ImagingStudy", identifier=identifier)
        return found if literal or identifier else None

    def series(self) -> Element:
        """Return the series and its context; what a rule needs and nothing names is stated as unknown."""
        series = self.selection.series
        in_series = bool(self.selection.instances or series.series_instance_uid)
        elements = {
            **self.uid("studyUid", series.study_instance_uid, needed=in_series),
            **self.uid("seriesUid", series.series_instance_uid, needed=in_series),
        }
        if in_series:
            elements |= self.number("seriesNumber", series.number)
        needed = bool(self.selection.regions_3d)
        return elements | self.uid("frameOfReferenceUid", self.selection.frame_of_reference_uid, needed=needed)

    def body_site(self) -> Any:
        """Return the body sites, as the release's list or single value."""
        sites = self.selection.body_sites
        ids = self.links.body_sites or (None,) * len(sites)
        found = []
        for site, resource_id in zip(sites, ids, strict=True):
            concept = datatypes.codeable_concept(site)
            reference = {"reference": f"BodyStructure/{resource_id}"} if resource_id and concept else None
            found.append(present(concept=concept, reference=reference))
        return [each for each in found if each]

    def endpoints(self) -> dict[str, str]:
        """Return the addresses of the services that hold the instances, by the ids of their resources."""
        addresses = self.selection.endpoints
        usable = [address for address in dict.fromkeys(addresses) if datatypes.http_url(address)]
        if len(usable) < len(set(addresses)):
            self.note("endpoint-invalid")
        ids = dict(zip(addresses, self.links.endpoints, strict=False))
        return {ids.get(address) or f"endpoint-{n}": address for n, address in enumerate(usable, 1)}

    def endpoint(self, name: str, address: str) -> Element:
        """Return the Endpoint of the WADO-RS service at `address`."""
        return datatypes.dicom_web_endpoint(name, address)

    def instances(self) -> list[Element]:
        """Return the selected instances."""
        return [self.instance(each) for each in self.selection.instances]

    def instance(self, instance: SelectedInstance) -> Element:
        """Return one selected instance."""
        return present(
            **self.uid("uid", instance.sop_instance_uid, needed=True),
            **self.number("number", instance.number),
            sopClass=self.sop_class(instance.sop_class_uid),
            **self.subset(instance.subset),
            imageRegion2D=self.regions_2d(instance.regions),
        )

    def sop_class(self, uid: str | None) -> Any:
        """Return the SOP class as an oid."""
        sop_class = datatypes.oid(uid) if uid else None
        if uid and sop_class is None:
            self.note("uid-not-representable")
        return sop_class

    def subset(self, subset: Subset | None) -> Element:
        """Return the elements that state a subset of an instance."""
        return {"subset": subset_strings(subset)}

    def regions_2d(self, regions: Sequence[Region2D]) -> list[Any]:
        """Return the regions in pixels of an instance; packed ones stay so until they are written."""
        if isinstance(regions, PackedRegions):
            return [ManyRegions(regions)]
        return [each for region in regions for each in self.region_2d(region)]

    def region_2d(self, region: Region2D) -> Iterable[Any]:
        """Return what a region in pixels is in the release: a curve is a polyline through its stated points."""
        if region.type != "interpolated":
            return [as_stated(region)]
        from converter.geometry import interpolate

        return [_region("polyline", interpolate(region.coordinates, tolerance=CURVE_TOLERANCE))]

    def regions_3d(self) -> list[Any]:
        """Return the regions that the resource has itself."""
        return in_space(self.selection.regions_3d)

    def uid(self, name: str, uid: str | None, *, needed: bool) -> Element:
        """Return the element of a UID; if one is needed and there is none that an id can hold, why it is absent."""
        identity = datatypes.identity(uid) if uid else None
        if identity is not None:
            return {name: identity}
        if uid:
            self.note("uid-not-representable")
        reason: Literal["error", "unknown"] = "error" if uid else "unknown"
        return {f"_{name}": datatypes.absent(reason)} if needed else {}

    def number(self, name: str, number: int | None) -> Element:
        """Return the element of a number, none for one that an unsignedInt cannot hold."""
        if number is None:
            return {}
        if datatypes.unsigned_int(number) is None:
            self.note("number-not-representable")
            return {}
        return {name: number}

    def note(self, code: str) -> None:
        """Report a problem at the place that states the selection."""
        self.problems.append(problem(code, self.selection.place))


def in_order(elements: Element, names: Iterable[str]) -> Element:
    """Return the `elements` among `names` in their order, each in its place whether it has a value or not."""
    return {each: elements[each] for name in names for each in (name, f"_{name}") if each in elements}


def subset_strings(subset: Subset | None) -> list[str]:
    """Return a subset as decimal strings: an item's path and waveform channels dotted."""
    match subset:
        case None:
            return []
        case ContentItem(position=position):
            return [".".join(map(str, position))] if position else []
        case Channels(pairs=pairs):
            return [f"{group}.{channel}" for group, channel in pairs]
        case _:
            return [str(number) for number in subset.numbers]


def in_space(regions: Sequence[Region3D]) -> list[Any]:
    """Return regions in a frame of reference; packed ones stay so until they are written."""
    return [ManyRegions(regions)] if isinstance(regions, PackedRegions) else [as_stated(each) for each in regions]


def as_stated(region: Region2D | Region3D) -> Element:
    """Return a region with its own type and coordinates."""
    return _region(region.type, region.coordinates)


def _region(kind: str, points: Coordinates) -> Element:
    return {"regionType": kind, "coordinate": flat(points)}


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
