"""The patient and the requests that an object belongs to, as logical references."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydicom import Dataset

from converter.mapper import values
from converter.selection import Code, Identifier, LogicalReference

_IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
_ACCESSION = Code(_IDENTIFIER_TYPES, "ACSN", "Accession ID")
_PLACER = Code(_IDENTIFIER_TYPES, "PLAC", "Placer Identifier")
_FILLER = Code(_IDENTIFIER_TYPES, "FILL", "Filler Identifier")


def subject(dataset: Dataset, systems: Mapping[str, str], *, with_names: bool) -> LogicalReference | None:
    """Return the patient by Patient ID (0010,0020), None if the object has none.

    `systems`: from Issuer of Patient ID (0010,0021) to a URI, "" standing for no issuer. PS3.3 C.7.1.1.
    """
    patient_id = values.text(dataset, "PatientID")
    issuer = values.text(dataset, "IssuerOfPatientID")
    qualifiers = values.items(dataset, "IssuerOfPatientIDQualifiersSequence")
    universal = _universal(qualifiers[0]) if qualifiers else None
    name = next(iter(values.person_names(dataset, "PatientName")), None) if with_names else None
    if patient_id is None:
        return LogicalReference("Patient", None, name) if name else None
    return LogicalReference("Patient", patient_identifier(patient_id, issuer, universal, systems), name)


def patient_identifier(
    patient_id: str, issuer: str | None, universal: str | None, systems: Mapping[str, str]
) -> Identifier:
    """Return a Patient ID with its issuer: the URI that the object states (`universal`), the settings', or its text."""
    system = universal or systems.get(issuer or "")
    return Identifier(patient_id, system, assigner=issuer if system is None else None)


def based_on(dataset: Dataset) -> tuple[LogicalReference, ...]:
    """Return the requests: accession, placer and filler numbers, each once (PS3.3 C.7.2.1, C.17.2)."""
    found: dict[tuple[str, str | None, str], LogicalReference] = {}
    for item in (dataset, *values.items(dataset, "ReferencedRequestSequence")):
        for identifier in _request_identifiers(item):
            key = (identifier.value, identifier.system, identifier.type.code if identifier.type else "")
            found.setdefault(key, LogicalReference("ServiceRequest", identifier))
    return tuple(found.values())


def _request_identifiers(item: Dataset) -> Iterator[Identifier]:
    for keyword, issuer_keyword, kind in (
        ("AccessionNumber", "IssuerOfAccessionNumberSequence", _ACCESSION),
        ("PlacerOrderNumberImagingServiceRequest", "OrderPlacerIdentifierSequence", _PLACER),
        ("FillerOrderNumberImagingServiceRequest", "OrderFillerIdentifierSequence", _FILLER),
    ):
        value = values.text(item, keyword)
        if value is None:
            continue
        issuers = values.items(item, issuer_keyword)
        system = _universal(issuers[0]) if issuers else None
        local = values.text(issuers[0], "LocalNamespaceEntityID") if issuers else None
        yield Identifier(value, system, kind, assigner=local if system is None else None)


def _universal(item: Dataset) -> str | None:
    return universal_uri(values.text(item, "UniversalEntityID"), values.text(item, "UniversalEntityIDType"))


def universal_uri(entity: str | None, kind: str | None) -> str | None:
    """Return the URI of an HL7v2 Hierarchic Designator (PS3.3 10.14), None where its type has no URI."""
    if entity is None or any(character.isspace() for character in entity):
        return None
    if kind == "ISO":
        return f"urn:oid:{entity}"
    if kind == "UUID":
        return f"urn:uuid:{entity.lower()}"
    return entity if kind == "URI" and ":" in entity else None
