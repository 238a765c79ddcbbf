"""People, devices and algorithms as performers (PS3.3 C.17.2, 10.9, C.7.5.1; v3-ParticipationType)."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from converter.mapper import people
from converter.selection import Code, Identifier, LogicalReference, Performer
from tests.builders import code, dataset

PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
PERFORMER = Code(PARTICIPATION, "PRF", "performer")
VERIFIER = Code(PARTICIPATION, "VRF", "verifier")


def practitioner(name: str | None, identifier: Identifier | None = None, function: Code = PERFORMER) -> Performer:
    return Performer(LogicalReference("Practitioner", identifier, name), function)


def device(name: str | None, identifier: Identifier | None = None) -> Performer:
    return Performer(LogicalReference("Device", identifier, name), PERFORMER)


def test_without_name_and_identifier_there_is_no_performer() -> None:
    assert people.person(None) is None
    assert people.device(None) is None


def test_verifying_observers_verify() -> None:
    built = dataset(
        VerifyingObserverSequence=[
            dataset(
                VerifyingObserverName="Doe^Jo",
                VerifyingObserverIdentificationCodeSequence=[code("17", "99STAFF", "Jo")],
            ),
            dataset(VerifyingOrganization="Clinic"),
            dataset(VerifyingObserverName="Roe^Ann"),
        ]
    )
    assert people.verifying_observers(built) == (
        practitioner("Jo Doe", Identifier("17", assigner="99STAFF"), VERIFIER),
        practitioner("Ann Roe", None, VERIFIER),
    )
    assert people.verifying_observers(dataset()) == ()


def test_authors_are_people_and_devices() -> None:
    built = dataset(
        AuthorObserverSequence=[
            dataset(
                ObserverType="PSN", PersonName="Doe^Jo", PersonIdentificationCodeSequence=[code("17", "DCM", "Jo")]
            ),
            dataset(ObserverType="DEV", DeviceUID="1.2.55", StationName="CAD1"),
            dataset(ObserverType="DEV", Manufacturer="Maker"),
            dataset(ObserverType="DEV"),
        ]
    )
    assert people.authors(built) == (
        practitioner("Jo Doe", Identifier("17", "http://dicom.nema.org/resources/ontology/DCM")),
        device("CAD1", Identifier("urn:oid:1.2.55", "urn:ietf:rfc:3986")),
        device("Maker"),
    )


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (dataset(), None),
        (dataset(ContentCreatorName="^"), None),
        (dataset(ContentCreatorName="Doe^Jo"), practitioner("Jo Doe")),
        (
            dataset(
                ContentCreatorIdentificationCodeSequence=[
                    dataset(PersonIdentificationCodeSequence=[code("17", "99STAFF", "Jo")])
                ]
            ),
            practitioner(None, Identifier("17", assigner="99STAFF")),
        ),
    ],
)
def test_the_content_creator_is_known_by_name_or_identification(built: Dataset, expected: Performer | None) -> None:
    assert people.content_creator(built) == expected


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (dataset(), None),
        (dataset(Manufacturer="Maker", ManufacturerModelName="M1"), device("Maker M1")),
        (dataset(StationName="CT3"), device("CT3")),
        (
            dataset(Manufacturer="Maker", DeviceSerialNumber="SN7"),
            device("Maker", Identifier("SN7", assigner="Maker")),
        ),
        (
            dataset(Manufacturer="Maker", DeviceSerialNumber="SN7", DeviceUID="1.2.55"),
            device("Maker", Identifier("urn:oid:1.2.55", "urn:ietf:rfc:3986")),
        ),
    ],
)
def test_equipment_is_known_by_uid_else_serial_number_and_by_name(built: Dataset, expected: Performer | None) -> None:
    assert people.equipment(built) == expected
