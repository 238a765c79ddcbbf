"""What selections refer to, as each release writes it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import ValidationError

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
from converter.fhir import release
from converter.selection import Code, Concept, Identifier, LogicalReference

RELEASES = ("6.0.0-ballot2", "5.0.0", "6.0.0-ballot4", "4.0.1")
ID = "6f0a2d1e-9b7c-4c57-8f3e-2a5d1c9b7e40"
OWN = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{ID}"}
SCT, DCM = "http://snomed.info/sct", "http://dicom.nema.org/resources/ontology/DCM"
SUBJECT = LogicalReference("Patient", Identifier("P1"), resource_id=ID)
RIGHT_LUNG = Concept((Code(SCT, "39607008", "Lung"), Code(SCT, "39607008:272741003=24028007")), "Lung, right")
SERIES = StudySeries(
    "1.2.3.1",
    3,
    Code(DCM, "CT"),
    "Lung",
    RIGHT_LUNG,
    Code(SCT, "24028007", "Right"),
    date(2020, 1, 3),
    (StudyInstance("1.2.3.1.1", "1.2.840.10008.5.1.4.1.1.2", 11),),
)
STUDY = ImagingStudy(
    ID, "1.2.3", SUBJECT, started=datetime(2020, 1, 2, 10, 11, 12, tzinfo=UTC), description="Thorax", series=(SERIES,)
)
EVERYTHING: tuple[Context, ...] = (
    Patient(
        ID,
        Identifier("P1", "urn:oid:1.2"),
        (
            HumanName("Tarou Yamada", "Yamada", ("Tarou",)),
            HumanName("太郎 山田", "山田", ("太郎",), representation="ideographic"),
        ),
        date(1970, 1, 2),
        "other",
    ),
    STUDY,
    # Nothing of it is known, or can be written.
    ImagingStudy(ID, "not a uid", series=(StudySeries("x" * 65, -1, instances=(StudyInstance("1.2"),)),)),
    Device(ID, Identifier("urn:oid:1.2.3", "urn:ietf:rfc:3986"), "Maker M1"),
    Device(ID),
    Practitioner(ID, Identifier("77", assigner="99HOSP"), "Richard Roe"),
    Practitioner(ID),
    ServiceRequest(ID, Identifier("A1", type=Code("http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN")), SUBJECT),
    ServiceRequest(ID, Identifier("A1")),
    Endpoint(ID, "https://pacs.example/rs"),
    BodyStructure(ID, RIGHT_LUNG, SUBJECT),
    BodyStructure(ID, Concept((), "left ear"), SUBJECT),
)  # fmt: skip


def written(context: Context, name: str) -> dict[str, Any]:
    encoded = release(name).encode_context(context)
    assert encoded.broken == ()
    encoded.to_resource()
    return encoded.to_dict()


@pytest.mark.parametrize("name", RELEASES)
@pytest.mark.parametrize("context", EVERYTHING)
def test_everything_is_valid_in_every_release_and_begins_with_its_own_identifier(context: Context, name: str) -> None:
    resource = written(context, name)
    assert (resource["resourceType"], resource["id"]) == (type(context).__name__, ID)
    assert resource["identifier"][0] == OWN


@pytest.mark.parametrize("name", RELEASES)
def test_an_address_that_is_none_breaks_a_rule(name: str) -> None:
    assert release(name).encode_context(Endpoint(ID, "ftp://pacs.example")).broken == ("endpoint-address",)


def test_an_imaging_study_of_r5() -> None:
    assert written(STUDY, "R5") == {
        "resourceType": "ImagingStudy",
        "id": ID,
        "identifier": [OWN, {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}],
        "status": "available",
        "modality": [{"coding": [{"system": DCM, "code": "CT"}]}],
        "subject": {"reference": f"Patient/{ID}", "type": "Patient", "identifier": {"value": "P1"}},
        "started": "2020-01-02T10:11:12Z",
        "description": "Thorax",
        "series": [
            {
                "uid": "1.2.3.1",
                "number": 3,
                "modality": {"coding": [{"system": DCM, "code": "CT"}]},
                "description": "Lung",
                "bodySite": {
                    "concept": {
                        "coding": [
                            {"system": SCT, "code": "39607008", "display": "Lung"},
                            {"system": SCT, "code": "39607008:272741003=24028007"},
                        ],
                        "text": "Lung, right",
                    }
                },
                "started": "2020-01-03",
                "instance": [
                    {
                        "uid": "1.2.3.1.1",
                        "sopClass": {"system": "urn:ietf:rfc:3986", "code": "urn:oid:1.2.840.10008.5.1.4.1.1.2"},
                        "number": 11,
                    }
                ],
            }
        ],
    }


@pytest.mark.parametrize("name", ["6.0.0-ballot2", "6.0.0-ballot4"])
def test_r6_has_oids_and_the_type_of_a_devices_name_as_a_concept(name: str) -> None:
    instance = written(STUDY, name)["series"][0]["instance"][0]
    assert instance["sopClass"] == "urn:oid:1.2.840.10008.5.1.4.1.1.2"
    kind = written(Device(ID, name="M1"), name)["name"][0]["type"]
    assert kind["coding"][0]["code"] == "user-friendly-name"


def test_r4_has_codings_and_names_of_its_own() -> None:
    study = written(STUDY, "R4")
    (series,) = study["series"]
    assert study["modality"] == [{"system": DCM, "code": "CT"}]
    assert series["modality"] == {"system": DCM, "code": "CT"}
    assert series["bodySite"] == {"system": SCT, "code": "39607008", "display": "Lung"}
    assert series["laterality"] == {"system": SCT, "code": "24028007", "display": "Right"}
    assert written(Device(ID, name="M1"), "R4")["deviceName"] == [{"name": "M1", "type": "user-friendly-name"}]
    endpoint = written(Endpoint(ID, "https://pacs.example/rs"), "R4")
    assert endpoint["connectionType"]["code"] == "dicom-wado-rs"
    assert endpoint["payloadType"]
    assert written(BodyStructure(ID, RIGHT_LUNG, SUBJECT), "R4")["location"]["text"] == "Lung, right"


def test_names_in_other_scripts_say_so() -> None:
    first, second = written(EVERYTHING[0], "R5")["name"]
    assert "extension" not in first
    assert second["extension"] == [
        {"url": "http://hl7.org/fhir/StructureDefinition/iso21090-EN-representation", "valueCode": "IDE"}
    ]
    assert (second["family"], second["given"]) == ("山田", ["太郎"])


def test_what_is_needed_and_not_known_has_a_reason() -> None:
    (series,) = written(EVERYTHING[2], "R6")["series"]
    reasons = {name: value["extension"][0]["valueCode"] for name, value in series.items() if name != "instance"}
    assert reasons == {"_uid": "error", "modality": "unknown"}
    assert series["instance"][0]["_sopClass"]["extension"][0]["valueCode"] == "unknown"


def test_the_models_of_r6_refuse_what_only_r5_allows() -> None:
    for context in (STUDY, Device(ID, name="M1")):
        model = release("R6").model_of(type(context).__name__)
        assert model is not None
        with pytest.raises(ValidationError):
            model.model_validate(written(context, "R5"))


def test_a_type_that_a_release_does_not_have_has_no_model() -> None:
    assert release("R4").model_of("ImagingSelection") is None
    assert release("R5").model_of("ImagingSelection") is not None
    for name in RELEASES:
        assert release(name).model_of("Nothing") is None
        assert release(name).model_of("HumanName") is None
