"""What selections refer to, in FHIR 5.0.0: Patient, ImagingStudy, Device, Practitioner, ServiceRequest, Endpoint,
BodyStructure. Other releases override what they define otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from converter.context import (
    BodyStructure,
    Context,
    Device,
    Endpoint,
    HumanName,
    ImagingStudy,
    Patient,
    Practitioner,
    ServiceRequest,
    StudyInstance,
    StudySeries,
)
from converter.fhir import datatypes, rules
from converter.fhir.datatypes import Element, every, present
from converter.fhir.encoded import Encoded
from converter.selection import Code, Concept, Identifier, LogicalReference

if TYPE_CHECKING:
    from pydantic import BaseModel

_REPRESENTATION: Final = "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation"
# HL7 v3 EntityNameUseR2.
_SCRIPTS: Final = {"alphabetic": "ABC", "ideographic": "IDE", "phonetic": "SYL"}


class ContextEncoder:
    """Writes what selections refer to. Every resource has its own `urn:uuid` as first identifier."""

    def encoded(self, context: Context, model_of: Callable[[str], type[BaseModel] | None]) -> Encoded:
        """Return `context` as a resource, and the rules that it breaks: an address must be an http or https URL."""
        resource = self.resource(context)

        def model() -> type[BaseModel]:
            found = model_of(resource["resourceType"])
            if found is None:
                raise LookupError(resource["resourceType"])
            return found

        broken = rules.broken(rules.no_empty_elements(resource), _endpoint_address(context))
        return Encoded(resource, (), broken, model)

    def resource(self, context: Context) -> Element:
        """Return the resource."""
        match context:
            case Patient():
                elements = self.patient(context)
            case ImagingStudy():
                elements = self.imaging_study(context)
            case Device():
                elements = self.device(context)
            case Practitioner():
                elements = self.practitioner(context)
            case ServiceRequest():
                elements = self.service_request(context)
            case Endpoint():
                elements = self.endpoint(context)
            case BodyStructure():
                elements = self.body_structure(context)
        return {"resourceType": type(context).__name__, "id": context.id, **elements}

    def patient(self, patient: Patient) -> Element:
        """Return the elements of a Patient."""
        return present(
            identifier=identifiers(patient.id, patient.identifier),
            name=every(map(_human_name, patient.names)),
            gender=patient.gender,
            birthDate=patient.birth_date.isoformat() if patient.birth_date else None,
        )

    def imaging_study(self, study: ImagingStudy) -> Element:
        """Return the elements of an ImagingStudy; how many series and instances it has besides is not known."""
        uid = datatypes.uid_identifier(study.uid)
        modalities = dict.fromkeys(each.modality for each in study.series if each.modality is not None)
        return present(
            identifier=[*identifiers(study.id), *every([uid]), *every(map(datatypes.identifier, study.accessions))],
            status="available",
            modality=[self.modality(each) for each in modalities],
            subject=_required_reference(study.subject),
            started=date_time(study.started),
            endpoint=[{"reference": f"Endpoint/{each.id}"} for each in study.endpoints],
            description=datatypes.string(study.description),
            series=[self.series(each) for each in study.series],
        )

    def series(self, series: StudySeries) -> Element:
        """Return a series of a study. R5's definition wants a modality."""
        return present(
            **_uid(series.uid),
            number=_number(series.number),
            modality=self.modality(series.modality) if series.modality else datatypes.absent("unknown"),
            description=datatypes.string(series.description),
            bodySite=self.body_site(series.body_site) if series.body_site else None,
            started=date_time(series.started),
            instance=[self.instance(each) for each in series.instances],
        )

    def instance(self, instance: StudyInstance) -> Element:
        """Return an instance of a series."""
        sop_class = datatypes.oid(instance.sop_class_uid) if instance.sop_class_uid else None
        return present(
            **_uid(instance.uid),
            **self.sop_class(sop_class, "error" if instance.sop_class_uid else "unknown"),
            number=_number(instance.number),
        )

    def modality(self, modality: Code) -> Any:
        """Return a modality."""
        return datatypes.codeable_concept(Concept((modality,)))

    def body_site(self, site: Concept) -> Any:
        """Return the body site of a series."""
        return present(concept=datatypes.codeable_concept(site))

    def sop_class(self, oid: str | None, reason: Any) -> Element:
        """Return the SOP class of an instance, or the reason why there is none."""
        return {"sopClass": {"system": "urn:ietf:rfc:3986", "code": oid} if oid else datatypes.absent(reason)}

    def device(self, device: Device) -> Element:
        """Return the elements of a Device."""
        return present(identifier=identifiers(device.id, device.identifier), **self.device_name(device.name))

    def device_name(self, name: str | None) -> Element:
        """Return the element that names a device."""
        text = datatypes.string(name)
        return {"name": [{"value": text, "type": "user-friendly-name"}]} if text else {}

    def practitioner(self, practitioner: Practitioner) -> Element:
        """Return the elements of a Practitioner."""
        return present(
            identifier=identifiers(practitioner.id, practitioner.identifier),
            name=every([present(text=datatypes.string(practitioner.name)) or None]),
        )

    def service_request(self, request: ServiceRequest) -> Element:
        """Return the elements of a ServiceRequest. Nothing tells what became of it."""
        kind = request.identifier.type
        return present(
            identifier=identifiers(request.id, request.identifier),
            status="unknown",
            intent="filler-order" if kind and kind.code == "FILL" else "order",
            subject=_required_reference(request.subject),
        )

    def endpoint(self, endpoint: Endpoint) -> Element:
        """Return the elements of an Endpoint."""
        plain = datatypes.dicom_web_endpoint(endpoint.id, endpoint.address)
        return identified(endpoint.id, plain)

    def body_structure(self, structure: BodyStructure) -> Element:
        """Return the elements of a BodyStructure."""
        return present(
            identifier=identifiers(structure.id),
            includedStructure=[{"structure": datatypes.codeable_concept(structure.structure)}],
            patient=datatypes.logical_reference(structure.patient),
        )


def date_time(moment: datetime | date | None) -> str | None:
    """Return a dateTime: a moment with its zone, or a day."""
    if moment is None:
        return None
    return datatypes.instant(moment) if isinstance(moment, datetime) else moment.isoformat()


def model_of(resource_type: str) -> type[BaseModel] | None:
    """Return the model of fhir.resources, None for a type that the release does not have."""
    from fhir.resources import get_fhir_model_class
    from fhir.resources.resource import Resource

    try:
        found: type[BaseModel] = get_fhir_model_class(resource_type)
    except (ValueError, KeyError):
        return None
    return found if issubclass(found, Resource) else None


def encode(context: Context) -> Encoded:
    """Return what selections refer to as a resource."""
    return ContextEncoder().encoded(context, model_of)


def _endpoint_address(context: Context) -> list[str]:
    if isinstance(context, Endpoint) and datatypes.http_url(context.address) is None:
        return ["endpoint-address"]
    return []


def identifiers(resource_id: str, *others: Identifier | None) -> list[Element]:
    """Return a resource's own identifier, then the others."""
    own = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{resource_id}"}
    return [own, *every(datatypes.identifier(each) for each in others if each is not None)]


def identified(resource_id: str, resource: Element) -> Element:
    """Return the elements of a resource made elsewhere, after its identifier."""
    elements = {name: value for name, value in resource.items() if name not in ("resourceType", "id")}
    return {"identifier": identifiers(resource_id), **elements}


def _required_reference(reference: LogicalReference | None) -> Element:
    found = datatypes.logical_reference(reference) if reference is not None else None
    return found or datatypes.absent("unknown")


def _human_name(name: HumanName) -> Element | None:
    text = datatypes.string(name.text)
    if text is None:
        return None
    script = {"url": _REPRESENTATION, "valueCode": _SCRIPTS[name.representation]}
    return present(
        extension=[script] if name.representation != "alphabetic" else None,
        text=text,
        family=datatypes.string(name.family),
        given=[each for each in map(datatypes.string, name.given) if each],
        prefix=[each for each in [datatypes.string(name.prefix)] if each],
        suffix=[each for each in [datatypes.string(name.suffix)] if each],
    )


def _uid(uid: str) -> Element:
    identity = datatypes.identity(uid)
    return {"uid": identity} if identity else {"_uid": datatypes.absent("error")}


def _number(number: int | None) -> int | None:
    return datatypes.unsigned_int(number) if number is not None else None
