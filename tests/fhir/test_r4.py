from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from converter.fhir import release
from converter.fhir.r4 import from_basic, to_basic
from converter.selection import Region3D, SelectedInstance, Series
from tests.fhir.examples import DCM, SELECTION_2D, SELECTION_3D, SNOMED_CT
from tests.fhir.test_r5 import REPORT, resource_2d, resource_3d

R4 = release("R4")
BASE = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ImagingSelection."
WADO_RS = {"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "dicom-wado-rs"}

# As hl7.fhir.uv.xver-r5.r4 0.1.0 has it: inside of an extension the url is the element's name.
BASIC_2D: dict[str, Any] = {
    "resourceType": "Basic",
    "id": "30872c48-c99f-5d69-9e01-b62e4346e6fe",
    "contained": [
        {
            "resourceType": "Endpoint",
            "id": "endpoint-1",
            "status": "active",
            "connectionType": WADO_RS,
            "payloadType": [{"text": "DICOM"}],
            "address": "https://pacs.example.org/dicom-web",
        }
    ],
    "extension": [
        {"url": f"{BASE}issued", "valueInstant": "2024-05-06T07:08:09.123456-03:30"},
        {
            "url": f"{BASE}performer",
            "extension": [
                {
                    "url": "function",
                    "valueCodeableConcept": {
                        "coding": [
                            {"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRF"}
                        ]
                    },
                },
                {
                    "url": "actor",
                    "valueReference": {"type": "Practitioner", "identifier": {"value": "4711"}, "display": "Reader"},
                },
            ],
        },
        {
            "url": f"{BASE}performer",
            "extension": [{"url": "actor", "valueReference": {"type": "Device", "display": "Workstation"}}],
        },
        {
            "url": f"{BASE}basedOn",
            "valueReference": {
                "type": "ServiceRequest",
                "identifier": {
                    "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "ACSN"}]},
                    "value": "A1",
                },
            },
        },
        {"url": f"{BASE}category", "valueCodeableConcept": {"coding": [{"system": DCM, "code": "SR"}]}},
        {
            "url": f"{BASE}category",
            "valueCodeableConcept": {
                "coding": [{"system": DCM, "code": "126000", "display": "Imaging Measurement Report"}]
            },
        },
        {
            "url": f"{BASE}code",
            "valueCodeableConcept": {
                "coding": [{"system": DCM, "code": "111030", "display": "Image Region"}],
                "text": "Image Region",
            },
        },
        {"url": f"{BASE}studyUid", "valueId": "1.2.20"},
        {
            "url": f"{BASE}derivedFrom",
            "valueReference": {
                "type": "ImagingStudy",
                "identifier": {"system": "urn:dicom:uid", "value": "urn:oid:1.2.20"},
            },
        },
        {"url": f"{BASE}endpoint", "valueReference": {"reference": "#endpoint-1"}},
        {"url": f"{BASE}seriesUid", "valueId": "1.2.30"},
        {"url": f"{BASE}seriesNumber", "valueUnsignedInt": 4},
        {"url": f"{BASE}frameOfReferenceUid", "valueId": "1.2.50"},
        {
            "url": f"{BASE}bodySite",
            "extension": [
                {"url": "http://hl7.org/fhir/StructureDefinition/_datatype", "valueString": "CodeableReference"},
                {
                    "url": "concept",
                    "valueCodeableConcept": {
                        "coding": [{"system": SNOMED_CT, "code": "39607008", "display": "Lung structure"}]
                    },
                },
            ],
        },
        {"url": f"{BASE}focus", "valueReference": {"reference": "Basic/62469a81-c85c-5b47-9231-4baf0c12db5e"}},
        {
            "url": f"{BASE}instance",
            "extension": [
                {"url": "uid", "valueId": "1.2.40"},
                {"url": "number", "valueUnsignedInt": 17},
                {
                    "url": "sopClass",
                    "valueCoding": {"system": "urn:ietf:rfc:3986", "code": "urn:oid:1.2.840.10008.5.1.4.1.1.2"},
                },
                {"url": "subset", "valueString": "2"},
                {"url": "subset", "valueString": "3"},
                {
                    "url": "imageRegion2D",
                    "extension": [
                        {"url": "regionType", "valueCode": "polyline"},
                        {"url": "coordinate", "valueDecimal": 153.6},
                        {"url": "coordinate", "valueDecimal": 0.1},
                        {"url": "coordinate", "valueDecimal": 10.0},
                        {"url": "coordinate", "valueDecimal": 20.5},
                        {"url": "coordinate", "valueDecimal": 153.6},
                        {"url": "coordinate", "valueDecimal": 0.1},
                    ],
                },
                {
                    "url": "imageRegion2D",
                    "extension": [
                        {"url": "regionType", "valueCode": "point"},
                        {"url": "coordinate", "valueDecimal": 1.25},
                        {"url": "coordinate", "valueDecimal": 2.000001},
                    ],
                },
            ],
        },
        {"url": f"{BASE}instance", "extension": [{"url": "uid", "valueId": "1.2.41"}]},
    ],
    "modifierExtension": [{"url": f"{BASE}status", "valueCode": "available"}],
    "identifier": resource_2d()["identifier"],
    "code": {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "ImagingSelection"}]},
    "subject": {"type": "Patient", "identifier": {"system": "urn:oid:1.2.3.4", "value": "ID-7"}},
}


def test_every_part_of_a_selection_is_written_as_the_package_has_it() -> None:
    result = R4.encode(SELECTION_2D)

    assert json.loads(result.to_json()) == BASIC_2D
    assert list(result.to_dict()) == list(BASIC_2D)
    assert result.problems == ()
    assert result.broken == ()


def test_the_pydantic_resource_holds_what_the_json_says() -> None:
    from fhir.resources.R4B.basic import Basic

    resource = R4.encode(SELECTION_2D).to_resource()

    assert type(resource) is Basic
    assert json.loads(resource.model_dump_json()) == BASIC_2D


def test_what_is_written_is_what_r5_says() -> None:
    for selection in (SELECTION_2D, replace(SELECTION_3D, source_object=REPORT)):
        r5 = release("R5").encode(selection).to_dict()
        stated = from_basic(R4.encode(selection).to_dict())

        assert stated.pop("contained", None) is not None or "contained" not in r5
        r5.pop("contained", None)
        for focus in r5.get("focus", []):
            focus["reference"] = focus["reference"].replace("ImagingSelection/", "Basic/")
        assert stated == r5


@pytest.mark.parametrize("resource", [resource_2d(), resource_3d()])
def test_there_and_back_again(resource: dict[str, Any]) -> None:
    assert from_basic(json.loads(json.dumps(to_basic(resource)))) == resource


def test_the_reason_why_a_value_is_absent_stands_in_its_place() -> None:
    selection = replace(SELECTION_2D, instances=(SelectedInstance("1" * 65),), series=Series())
    result = R4.encode(selection)

    by_url = {each["url"].removeprefix(BASE): each for each in result.to_dict()["extension"]}
    absent = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    for name in ("studyUid", "seriesUid"):
        assert by_url[name]["extension"] == [{"url": absent, "valueCode": "unknown"}]
    assert by_url["instance"]["extension"] == [{"url": "uid", "extension": [{"url": absent, "valueCode": "error"}]}]
    assert result.to_resource() is not None


def test_a_float32_is_written_as_the_decimal_that_was_meant() -> None:
    region = Region3D("point", np.array([[153.6, 0.1, 1e-7]], dtype=">f4"))

    line = R4.encode(replace(SELECTION_3D, regions_3d=(region,))).to_json()

    assert b'"valueDecimal":153.6}' in line
    assert b'"valueDecimal":0.1}' in line
    assert b'"valueDecimal":1e-7}' in line


def with_extension(url: str, **value: Any) -> dict[str, Any]:
    """The example with another extension of this url in place of its own."""
    others = [each for each in BASIC_2D["extension"] if each["url"] != BASE + url]
    return BASIC_2D | {"extension": [*others, {"url": BASE + url, **value}]}


@pytest.mark.parametrize(
    ("resource", "rule"),
    [
        (
            BASIC_2D | {"modifierExtension": [{"url": f"{BASE}status", "valueCode": "inactive"}]},
            "code-not-in-value-set",
        ),
        (with_extension("studyUid", valueId="1" * 65), "not-an-id"),
        (with_extension("seriesNumber", valueUnsignedInt=-1), "not-an-unsigned-int"),
        (with_extension("instance", extension=[{"url": "number", "valueUnsignedInt": 1}]), "required-element"),
        (
            with_extension(
                "instance",
                extension=[
                    {"url": "uid", "valueId": "1.2"},
                    {
                        "url": "imageRegion2D",
                        "extension": [
                            {"url": "regionType", "valueCode": "circle"},
                            {"url": "coordinate", "valueDecimal": 1.5},
                        ],
                    },
                ],
            ),
            "coordinates-not-points",
        ),
        (with_extension("focus", valueReference={"reference": "ImagingSelection/1"}), "reference-target"),
        ({name: value for name, value in BASIC_2D.items() if name != "modifierExtension"}, "required-element"),
        ({name: value for name, value in BASIC_2D.items() if name != "code"}, "required-element"),
        (BASIC_2D | {"identifier": []}, "empty-element"),
        (BASIC_2D | {"code": None}, "empty-element"),
        (
            with_extension("instance", extension=[{"valueId": "1.2"}, {"url": "uid", "valueId": "1"}]),
            "required-element",
        ),
    ],
)
def test_the_rules_of_r5_hold_for_what_the_extensions_state(resource: dict[str, Any], rule: str) -> None:
    assert R4.check(resource) == (rule,)


def test_extensions_of_others_are_passed_over() -> None:
    other = {"url": "http://example.org/other", "valueString": "x"}

    assert R4.check(BASIC_2D | {"extension": [other, *BASIC_2D["extension"]]}) == ()


def test_the_model_sees_the_rest() -> None:
    changes: list[dict[str, Any]] = [{"subject": "x"}, {"instance": []}, {"extension": [{"x": 1}]}]
    for change in changes:
        with pytest.raises(ValidationError):
            R4.model().model_validate(BASIC_2D | change)
