"""The patient and the requests, as the mapping says (PS3.3 C.7.1.1, 10.14; HL7 v2-0203)."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from converter.mapper.identities import based_on, subject
from converter.selection import Code, Identifier, LogicalReference
from tests.builders import dataset

TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"


def identifier_of(built: Dataset, **systems: str) -> Identifier | None:
    found = subject(built, systems, with_names=False)
    assert found is not None
    assert (found.type, found.display) == ("Patient", None)
    return found.identifier


def qualified(entity: str, kind: str) -> Dataset:
    item = dataset(UniversalEntityID=entity, UniversalEntityIDType=kind)
    return dataset(PatientID="P1", IssuerOfPatientID="HOSP", IssuerOfPatientIDQualifiersSequence=[item])


@pytest.mark.parametrize(
    ("entity", "kind", "system"),
    [
        ("1.2.3", "ISO", "urn:oid:1.2.3"),
        ("6F0A2D1E-9B7C-4C57-8F3E-2A5D1C9B7E40", "UUID", "urn:uuid:6f0a2d1e-9b7c-4c57-8f3e-2a5d1c9b7e40"),
        ("https://hospital.example/patients", "URI", "https://hospital.example/patients"),
    ],
)
def test_the_qualifiers_of_the_issuer_are_the_system(entity: str, kind: str, system: str) -> None:
    assert identifier_of(qualified(entity, kind), HOSP="urn:oid:9") == Identifier("P1", system)


@pytest.mark.parametrize(("entity", "kind"), [("hospital.example", "DNS"), ("no colon", "URI"), ("a b", "ISO")])
def test_qualifiers_without_a_uri_leave_it_to_the_settings(entity: str, kind: str) -> None:
    assert identifier_of(qualified(entity, kind), HOSP="urn:oid:9") == Identifier("P1", "urn:oid:9")
    assert identifier_of(qualified(entity, kind)) == Identifier("P1", assigner="HOSP")


def test_an_issuer_that_nothing_knows_is_the_assigner_and_never_a_system() -> None:
    built = dataset(PatientID="P1", IssuerOfPatientID="urn:oid:1.2.3")
    assert identifier_of(built) == Identifier("P1", assigner="urn:oid:1.2.3")


def test_patients_without_an_issuer_have_the_system_of_the_empty_key() -> None:
    found = subject(dataset(PatientID="P1"), {"": "urn:oid:9"}, with_names=False)
    assert found == LogicalReference("Patient", Identifier("P1", "urn:oid:9"))


def test_the_name_is_written_only_where_names_may_be() -> None:
    built = dataset(PatientID="P1", PatientName="Doe^Jo")
    assert subject(built, {}, with_names=True) == LogicalReference("Patient", Identifier("P1"), "Jo Doe")
    assert subject(built, {}, with_names=False) == LogicalReference("Patient", Identifier("P1"))


def test_a_patient_without_an_identifier_is_a_name_or_nobody() -> None:
    built = dataset(PatientID="", PatientName="Doe^Jo")
    assert subject(built, {}, with_names=True) == LogicalReference("Patient", None, "Jo Doe")
    assert subject(built, {}, with_names=False) is None


def test_requests_are_accession_placer_and_filler_numbers_each_once() -> None:
    request = dataset(
        AccessionNumber="A7",
        PlacerOrderNumberImagingServiceRequest="PL1",
        OrderPlacerIdentifierSequence=[dataset(LocalNamespaceEntityID="WARD")],
        FillerOrderNumberImagingServiceRequest="FI1",
        OrderFillerIdentifierSequence=[dataset(UniversalEntityID="1.2.3", UniversalEntityIDType="ISO")],
    )
    built = dataset(AccessionNumber="A7", ReferencedRequestSequence=[request, dataset(AccessionNumber="A8")])
    expected = [
        Identifier("A7", type=Code(TYPES, "ACSN", "Accession ID")),
        Identifier("PL1", type=Code(TYPES, "PLAC", "Placer Identifier"), assigner="WARD"),
        Identifier("FI1", "urn:oid:1.2.3", Code(TYPES, "FILL", "Filler Identifier")),
        Identifier("A8", type=Code(TYPES, "ACSN", "Accession ID")),
    ]
    assert based_on(built) == tuple(LogicalReference("ServiceRequest", each) for each in expected)


def test_one_number_of_two_issuers_is_two_requests() -> None:
    issuers = [dataset(UniversalEntityID=each, UniversalEntityIDType="ISO") for each in ("1.2", "1.3")]
    requests = [dataset(AccessionNumber="A7", IssuerOfAccessionNumberSequence=[issuer]) for issuer in issuers]
    found = based_on(dataset(ReferencedRequestSequence=requests))
    assert [each.identifier.system for each in found if each.identifier] == ["urn:oid:1.2", "urn:oid:1.3"]


def test_no_number_no_request() -> None:
    assert based_on(dataset(AccessionNumber="", ReferencedRequestSequence=[dataset()])) == ()
