"""Observations: elements written by hand from the HL7 guide and FHIR's own definitions, in every release."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from fhir.resources.observation import Observation
from fhir.resources.R4B.observation import Observation as R4Observation
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.fhir.observation import check, encode
from converter.measurement import (
    Absence,
    Evaluation,
    Finding,
    Measurement,
    MeasurementGroup,
    Property,
    Quantity,
    ReferenceRange,
    Statement,
    Value,
)
from converter.selection import Code, Concept, Identifier, LogicalReference, SelectionKey

DCM, SCT, UCUM = "http://dicom.nema.org/resources/ontology/DCM", "http://snomed.info/sct", "http://unitsofmeasure.org"
R5, R6, R4 = "5.0.0", "6.0.0-ballot2", "4.0.1"
KEY = SelectionKey("1.2.3", "observation", "1.2")
REGION = SelectionKey("1.2.3", "regions2d", "1.1", "1.2.30")
SOURCE = SelectionKey("1.2.3", "observation", "1.3")
DIAMETER = Concept((Code(SCT, "81827009", "Diameter"),), "Diameter")
MILLIMETER = Concept((Code(UCUM, "mm", "millimeter"),), "millimeter")
IMAGING = {
    "coding": [
        {
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "imaging",
            "display": "Imaging",
        }
    ]
}

MEASUREMENT = Measurement(
    key=KEY,
    code=DIAMETER,
    status="final",
    identifiers=(Identifier("urn:oid:1.2.3.77", "urn:dicom:uid"),),
    subject=LogicalReference("Patient", Identifier("P1")),
    based_on=(LogicalReference("ServiceRequest", Identifier("A1")),),
    study_instance_uid="1.2.3.1",
    tracked=LogicalReference("BodyStructure", Identifier("urn:oid:1.2.3.4", "urn:dicom:uid"), "Nodule 1"),
    issued=datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
    effective=date(2024, 5, 6),
    performers=(LogicalReference("Practitioner", None, "Reader"),),
    device=LogicalReference("Device", None, "Measurer 2"),
    body_site=Concept((Code(SCT, "39607008", "Lung"),), "Lung"),
    method=Concept((Code(DCM, "122473", "Caliper"),)),
    interpretations=(Concept((Code(SCT, "17621005", "Normal"),)),),
    properties=(Property(Concept((Code(DCM, "121401", "Derivation"),)), Concept((Code(SCT, "373098007", "Mean"),))),),
    selections=(REGION,),
    sources=(SOURCE,),
    members=(replace(SOURCE, path="1.4"),),
    quantities=(Quantity(Decimal("3.10"), MILLIMETER),),
    reference_ranges=(ReferenceRange(Quantity(Decimal(2), MILLIMETER), None, "adults"),),
)

RESOURCE: dict[str, Any] = {
    "resourceType": "Observation",
    "id": KEY.id,
    "identifier": [
        {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{KEY.id}"},
        {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3.77"},
    ],
    "basedOn": [{"type": "ServiceRequest", "identifier": {"value": "A1"}}],
    "partOf": [
        {
            "type": "ImagingStudy",
            "identifier": {
                "type": {"coding": [{"system": DCM, "code": "110180", "display": "Study Instance UID"}]},
                "system": "urn:dicom:uid",
                "value": "urn:oid:1.2.3.1",
            },
        }
    ],
    "status": "final",
    "category": [{"coding": [{"system": DCM, "code": "125007", "display": "Measurement Group"}]}, IMAGING],
    "code": {"coding": [{"system": SCT, "code": "81827009", "display": "Diameter"}], "text": "Diameter"},
    "subject": {"type": "Patient", "identifier": {"value": "P1"}},
    "focus": [
        {
            "type": "BodyStructure",
            "identifier": {"system": "urn:dicom:uid", "value": "urn:oid:1.2.3.4"},
            "display": "Nodule 1",
        }
    ],
    "effectiveDateTime": "2024-05-06",
    "issued": "2024-05-06T07:08:09Z",
    "performer": [{"type": "Practitioner", "display": "Reader"}],
    "valueQuantity": {"value": 3.1, "unit": "millimeter", "system": UCUM, "code": "mm"},
    "interpretation": [{"coding": [{"system": SCT, "code": "17621005", "display": "Normal"}]}],
    "bodySite": {"coding": [{"system": SCT, "code": "39607008", "display": "Lung"}], "text": "Lung"},
    "method": {"coding": [{"system": DCM, "code": "122473", "display": "Caliper"}]},
    "device": {"type": "Device", "display": "Measurer 2"},
    "referenceRange": [
        {"low": {"value": 2, "unit": "millimeter", "system": UCUM, "code": "mm"}, "text": "adults"}
    ],
    "hasMember": [{"reference": f"Observation/{replace(SOURCE, path='1.4').id}"}],
    "derivedFrom": [
        {"reference": f"ImagingSelection/{REGION.id}"},
        {"reference": f"Observation/{SOURCE.id}"},
    ],
    "component": [
        {
            "code": {"coding": [{"system": DCM, "code": "121401", "display": "Derivation"}]},
            "valueCodeableConcept": {"coding": [{"system": SCT, "code": "373098007", "display": "Mean"}]},
        }
    ],
}  # fmt: skip


def resource(statement: Statement, release: str = R6) -> dict[str, Any]:
    """The statement as a valid resource."""
    encoded = encode(statement, release)
    assert encoded.broken == ()
    encoded.to_resource()
    return encoded.to_dict()


def measured(*quantities: Quantity, **more: Any) -> Measurement:
    return Measurement(key=KEY, code=DIAMETER, status="final", quantities=quantities, **more)


@pytest.mark.parametrize("release", [R5, R6, "6.0.0-ballot4"])
def test_every_element_in_r5_and_r6(release: str) -> None:
    encoded = encode(MEASUREMENT, release)
    assert encoded.to_dict() == RESOURCE
    assert (encoded.problems, encoded.broken, encoded.type, encoded.id) == ((), (), "Observation", KEY.id)
    assert isinstance(encoded.to_resource(), Observation)


def test_elements_come_in_the_order_of_the_specification() -> None:
    stated = list(encode(MEASUREMENT, R6).resource)
    order = [name for name in ("resourceType", *Observation.elements_sequence()) if name in stated]
    assert stated == order


def test_r4_refers_to_selections_by_an_extension() -> None:
    encoded = encode(MEASUREMENT, R4)
    url = "http://hl7.org/fhir/StructureDefinition/alternate-reference"
    expected = [
        {"extension": [{"url": url, "valueReference": {"reference": f"Basic/{REGION.id}"}}]},
        {"reference": f"Observation/{SOURCE.id}"},
    ]
    assert encoded.to_dict() == {**RESOURCE, "derivedFrom": expected}
    assert isinstance(encoded.to_resource(), R4Observation)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        (MeasurementGroup(key=KEY, code=DIAMETER), "125007"),
        (measured(), "125007"),
        (measured(is_derived=True), "126011"),
        (Evaluation(key=KEY, code=DIAMETER), "C0034375"),
        (Finding(key=KEY, code=DIAMETER), "imaging"),
    ],
)
def test_categories_are_those_of_the_guide(statement: Statement, code: str) -> None:
    categories = resource(statement)["category"]
    assert categories[0]["coding"][0]["code"] == code
    assert categories[-1] == IMAGING


class TestValues:
    @pytest.mark.parametrize(
        ("number", "written"),
        [("3.10", "3.10"), ("-0.0", "-0.0"), ("1.500E+02", "150.0"), ("1E+5", "1E+5"), ("007", "7"), (".5", "0.5")],
    )
    def test_json_has_the_digits_stated(self, number: str, written: str) -> None:
        # RFC 8259: neither leading zeros nor a leading point.
        encoded = encode(measured(Quantity(Decimal(number))), R6)
        assert f'"value":{written}}}'.encode() in encoded.to_json()
        assert json.loads(encoded.to_json(), parse_float=Decimal)["valueQuantity"]["value"] == Decimal(number)
        assert encoded.problems == ()

    @given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
    @settings(max_examples=50)
    def test_any_decimal_of_a_usual_size_reads_back_as_it_was(self, number: Decimal) -> None:
        written = encode(measured(Quantity(number)), R6).to_json()
        read = json.loads(written, parse_float=Decimal, parse_int=Decimal)["valueQuantity"]["value"]
        assert read.as_tuple() == number.as_tuple()

    def test_more_digits_than_a_decimal_holds_are_rounded(self) -> None:
        # R5: at most 17 digits after the point; half to even.
        encoded = encode(measured(Quantity(Decimal("0.1234567890123456789"))), R6)
        assert b'"value":0.12345678901234568' in encoded.to_json()
        assert [each.code for each in encoded.problems] == ["number-rounded"]

    def test_a_number_beyond_doubles_is_absent(self) -> None:
        encoded = encode(measured(Quantity(Decimal("1E+400"))), R6)
        assert encoded.resource["dataAbsentReason"]["coding"][0]["code"] == "error"
        assert "valueQuantity" not in encoded.resource
        assert [each.code for each in encoded.problems] == ["number-not-representable"]

    @pytest.mark.parametrize(
        ("unit", "expected"),
        [
            (None, {}),
            (MILLIMETER, {"unit": "millimeter", "system": UCUM, "code": "mm"}),
            (Concept((Code(UCUM, "1"),)), {"unit": "1", "system": UCUM, "code": "1"}),
            # qty-3: a code needs its system.
            (Concept((Code(None, "px", "pixels"),), "pixels"), {"unit": "pixels"}),
            (Concept((), "strides"), {"unit": "strides"}),
        ],
    )
    def test_units(self, unit: Concept | None, expected: dict[str, str]) -> None:
        assert resource(measured(Quantity(Decimal(3), unit)))["valueQuantity"] == {"value": 3, **expected}

    def test_several_quantities_are_components_and_the_observation_has_no_value(self) -> None:
        found = resource(measured(Quantity(Decimal(1), MILLIMETER), Quantity(Decimal(2), MILLIMETER)))
        assert [each["valueQuantity"]["value"] for each in found["component"]] == [1, 2]
        assert all(each["code"] == found["code"] for each in found["component"])
        assert not {"valueQuantity", "dataAbsentReason"} & found.keys()

    def test_the_reason_for_no_value_with_the_words_of_the_report(self) -> None:
        stated = Concept((Code(DCM, "114007", "Measurement not attempted"),), "Measurement not attempted")
        assert resource(measured(absence=Absence("not-performed", stated)))["dataAbsentReason"] == {
            "coding": [
                {"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "not-performed"},
                {"system": DCM, "code": "114007", "display": "Measurement not attempted"},
            ],
            "text": "Measurement not attempted",
        }

    @pytest.mark.parametrize(
        ("value", "name", "expected"),
        [
            (Concept((Code(SCT, "42700002", "Round"),), "Round"), "valueCodeableConcept",
             {"coding": [{"system": SCT, "code": "42700002", "display": "Round"}], "text": "Round"}),
            ("like a bean", "valueString", "like a bean"),
            (date(2020, 2, 3), "valueDateTime", "2020-02-03"),
            (datetime(2020, 2, 3, 4, 5, 6, tzinfo=UTC), "valueDateTime", "2020-02-03T04:05:06Z"),
            (time(10, 11, 12), "valueTime", "10:11:12"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("release", [R4, R5, R6])
    def test_values_of_each_kind(self, value: Value, name: str, expected: object, release: str) -> None:
        found = resource(Evaluation(key=KEY, code=DIAMETER, value=value), release)
        assert {key: each for key, each in found.items() if key.startswith("value")} == {name: expected}

    def test_a_finding_is_the_value_of_its_group(self) -> None:
        nodule = Concept((Code(SCT, "27925004", "Nodule"),), "Nodule")
        found = resource(MeasurementGroup(key=KEY, code=DIAMETER, finding=nodule))
        assert found["valueCodeableConcept"]["text"] == "Nodule"
        assert "dataAbsentReason" not in resource(MeasurementGroup(key=KEY, code=DIAMETER))

    def test_what_nothing_names_or_values_says_so(self) -> None:
        url = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
        found = resource(Evaluation(key=KEY, code=None, value="\x00"))
        assert found["code"] == {"extension": [{"url": url, "valueCode": "unknown"}]}
        assert found["dataAbsentReason"]["coding"][0]["code"] == "unknown"
        assert found["status"] == "unknown"


class TestRules:
    def test_obs_6_a_value_or_a_reason(self) -> None:
        both = {**RESOURCE, "dataAbsentReason": {"text": "none"}}
        assert check(both) == ("value-and-absent-reason",)

    def test_obs_7_components_have_another_code(self) -> None:
        same = {"code": RESOURCE["code"], "valueString": "x"}
        assert check({**RESOURCE, "component": [same]}) == ("component-of-same-code",)
        without = {name: value for name, value in RESOURCE.items() if name != "valueQuantity"}
        assert check({**without, "component": [same]}) == ()

    def test_required_elements_and_none_empty(self) -> None:
        assert check({"resourceType": "Observation", "status": "final"}) == ("required-element",)
        assert check({**RESOURCE, "component": [{"valueString": "x"}]}) == ("required-element",)
        assert check({**RESOURCE, "category": []}) == ("empty-element",)
