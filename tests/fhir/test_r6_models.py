"""The models of 6.0.0 against its tables: every case is built from a release's list of elements."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from converter.fhir.encoded import Release
from converter.fhir.models import element_table
from converter.selection import SelectedInstance
from tests.conftest import ROOT
from tests.fhir.cases import (
    BALLOT2,
    BALLOT4,
    CASES,
    SELECTION_BALLOT4,
    SELECTIONS,
    SUBSETS,
    Case,
    ballot4_2d,
    elements,
    example_for,
    is_valid,
    parent_of,
)
from tests.fhir.examples import RESOURCE_2D, RESOURCE_3D, SELECTION_2D

ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
PRIMITIVES = {"code", "id", "unsignedInt", "positiveInt", "instant", "oid", "string", "decimal"}
POINTS = {"point": 1, "multipoint": 2, "polyline": 3, "polygon": 4, "circle": 2, "ellipse": 4, "ellipsoid": 6}

VALID: dict[str, list[Any]] = {
    "id": ["1.2.840.10008", "a" * 64, "A-z.0"],
    "unsignedInt": [0, 1, 2147483647],
    "positiveInt": [1, 2147483647],
    "instant": ["2024-05-06T07:08:09Z", "2015-02-07T13:28:17.239+02:00", "2016-12-31T23:59:60Z"],
    "oid": ["urn:oid:1.2.840.10008.5.1.4.1.1.2", "urn:oid:0.0"],
    "string": ["1", "1.2.4"],
    "Identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.3"}],
    "CodeableConcept": [{"text": "x"}, {"coding": [{"code": "x"}]}],
    "CodeableReference": [{"concept": {"text": "x"}}],
}
INVALID: dict[str, list[Any]] = {
    "code": ["", " available", "no such code", 1],
    "id": ["", "a" * 65, "1.2 3", "1_2", "1.2\n", 12],
    "unsignedInt": [-1, 2147483648, 1.5, "1", True],
    "positiveInt": [0, -1, 2147483648, 1.5, "1", True],
    "instant": ["2024-05-06", "2024-05-06T07:08Z", "2024-05-06T07:08:09", "2024-02-30T07:08:09Z", 1714979289],
    "oid": ["1.2.3", "urn:oid:3.1", "urn:oid:1.02", "urn:oid:1", "urn:oid:1.2\n"],
    "string": ["", "  ", "a\x00", 1],
    "decimal": ["1.5", True, math.nan, math.inf],
    "Identifier": [{"code": "x"}, {}, "x"],
    "CodeableConcept": [{"concept": {"text": "x"}}, {}, "x"],
    "CodeableReference": [{"text": "x"}, {}, "x"],
    "Reference": [{"value": "x"}, {}, "x"],
    "BackboneElement": [{"noSuchElement": 1}, {}, "x"],
}


def paths_in(value: Any, prefix: str = "") -> set[str]:
    """The paths of all that a resource states."""
    if isinstance(value, list):
        return {path for each in value for path in paths_in(each, prefix)}
    if not isinstance(value, dict):
        return set()
    below = ((f"{prefix}{name}", each) for name, each in value.items())
    return {path for own, each in below for path in {own} | paths_in(each, f"{own}.")}


def test_the_table_of_ballot2_is_the_specification() -> None:
    specification = ROOT.parent / "shared" / "spec" / "imagingselection-6.0.0-ballot2.json"
    if not specification.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the specification is missing: {specification}")
        pytest.skip("needs the specification beside the project")

    assert element_table(BALLOT2.name) == json.loads(specification.read_text("utf-8"))["elements"]


def test_the_table_of_ballot4_differs_from_that_of_ballot2_in_what_the_ballot_changed() -> None:
    def by_path(found: Release) -> dict[str, dict[str, Any]]:
        return {case.path: case.element for case in CASES if case.release is found}

    old, new = by_path(BALLOT2), by_path(BALLOT4)
    assert set(old) - set(new) == {"instance.subset"}
    assert set(new) - set(old) == {"modality", "instance.frameNumber", *(f"instance.{name}" for name in SUBSETS)}
    changed = {
        (path, name)
        for path in set(old) & set(new)
        for name in ("type", "min", "max", "isSummary", "short", "targets")
        if old[path].get(name) != new[path].get(name)
    }
    assert changed == {("performer.actor", "min"), ("derivedFrom", "max"), ("basedOn", "targets")}


@pytest.mark.parametrize("subset", ["frameNumber", *SUBSETS])
def test_the_examples_are_valid(subset: str) -> None:
    assert is_valid(BALLOT2, RESOURCE_2D)
    assert is_valid(BALLOT4, ballot4_2d(subset))
    for found in (BALLOT2, BALLOT4):
        assert is_valid(found, RESOURCE_3D)


@elements()
def test_the_encoder_states_every_element(case: Case) -> None:
    encoded = [case.release.encode(each).to_dict() for each in SELECTIONS[case.release.name]]

    assert case.path in {path for each in encoded for path in paths_in(each)}


def test_ballot4_states_an_example_in_its_own_order_and_way() -> None:
    encoded = BALLOT4.encode(SELECTION_BALLOT4)

    assert encoded.to_dict() == ballot4_2d()
    order = [case.path for case in CASES if case.release is BALLOT4 and "." not in case.path]
    assert [name for name in encoded.to_dict() if name in order] == [name for name in order if name != "imageRegion3D"]
    assert encoded.problems == ()


@pytest.mark.parametrize("name", SUBSETS)
def test_ballot4_states_each_kind_of_subset_in_its_own_element(name: str) -> None:
    written, subset = SUBSETS[name]
    selection = replace(SELECTION_2D, instances=(SelectedInstance("1.2.40", subset=subset),))

    assert BALLOT4.encode(selection).to_dict()["instance"] == [{"uid": "1.2.40", name: written}]


@elements()
def test_the_model_gives_back_every_element(case: Case) -> None:
    model = case.release.model().model_validate(case.example())

    assert case.path in paths_in(json.loads(model.model_dump_json())), "lost on the way through the model"


@elements(min=1)
def test_a_required_element_cannot_be_missing(case: Case) -> None:
    assert not case.is_valid(case.resource_without())


@pytest.mark.parametrize("found", [BALLOT2, BALLOT4], ids=lambda found: found.name)
@pytest.mark.parametrize(
    "resource",
    [
        {"status": "unknown", "code": {"text": "x"}},
        {"status": "unknown", "code": {"text": "x"}, "performer": [{"actor": {"display": "x"}}]},
        {
            "status": "unknown",
            "code": {"text": "x"},
            "studyUid": "1.2",
            "seriesUid": "1.3",
            "instance": [{"uid": "1.4", "imageRegion2D": [{"regionType": "point", "coordinate": [1, 2]}]}],
        },
    ],
)
def test_nothing_but_the_required_elements_is_required(found: Release, resource: dict[str, Any]) -> None:
    assert is_valid(found, resource)


@pytest.mark.parametrize("case", [case for case in CASES if case.kind in PRIMITIVES], ids=str)
def test_a_primitive_may_be_missing_for_a_reason(case: Case) -> None:
    resource = case.resource_without()
    parent, name = parent_of(resource, case.path)
    parent[f"_{name}"] = absent = [ABSENT] if case.element["max"] == "*" else ABSENT

    assert case.is_valid(resource)
    dumped = case.release.model().model_validate(resource).model_dump(mode="json")
    assert parent_of(dumped, case.path)[0][f"_{name}"] == absent


@elements()
def test_valid_values_are_accepted(case: Case) -> None:
    for value in VALID.get(case.kind, []):
        assert case.is_valid(case.resource_with(case.as_occurring(value))), value


@elements()
def test_invalid_values_are_rejected(case: Case) -> None:
    for value in INVALID[case.kind]:
        assert not case.is_valid(case.resource_with(case.as_occurring(value))), value


@elements(max="1")
def test_a_single_element_is_no_list(case: Case) -> None:
    parent, name = parent_of(case.example(), case.path)

    assert not case.is_valid(case.resource_with([parent[name]]))


@elements(max="*")
def test_a_repeating_element_is_a_list_that_is_not_empty(case: Case) -> None:
    parent, name = parent_of(case.example(), case.path)

    assert not case.is_valid(case.resource_with(parent[name][0]))
    assert not case.is_valid(case.resource_with([]))


@elements(max="*")
def test_a_repeating_element_repeats(case: Case) -> None:
    parent, name = parent_of(case.example(), case.path)

    # A repeated ring of coordinates goes round twice and is still one.
    assert case.is_valid(case.resource_with(parent[name] * 2))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.element.get("binding", {}).get("strength") == "required"], ids=str
)
def test_a_code_is_one_of_its_value_set(case: Case) -> None:
    codes = str(case.element["short"]).split(" | ")
    for code in codes:
        resource = case.resource_with(code)
        parent, name = parent_of(resource, case.path)
        if name == "regionType":
            dimensions = 3 if case.path.startswith("imageRegion3D") else 2
            parent["coordinate"] = [0.5] * dimensions * POINTS[code]
        assert case.is_valid(resource), code
    for code in ("interpolated", "on-hold", codes[0].upper()):
        assert not case.is_valid(case.resource_with(code)), code


@elements(type="Reference")
def test_a_reference_is_to_one_of_its_targets(case: Case) -> None:
    for target in (str(each).rpartition("/")[2] for each in case.element["targets"]):
        for reference in ({"type": target, "display": "x"}, {"reference": f"{target}/1"}):
            assert case.is_valid(case.resource_with(case.as_occurring(reference))), reference
    for reference in (
        {"type": "Location", "display": "x"},
        {"reference": "Location/1"},
        {"reference": "https://fhir.example.org/r6/Location/1"},
    ):
        assert not case.is_valid(case.resource_with(case.as_occurring(reference))), reference


OBJECTS = pytest.mark.parametrize(
    ("found", "path"),
    [
        *((found, "") for found in (BALLOT2, BALLOT4)),
        *((case.release, case.path) for case in CASES if case.kind == "BackboneElement"),
    ],
    ids=lambda value: getattr(value, "name", value),
)


@OBJECTS
def test_an_element_that_is_not_defined_is_rejected(found: Release, path: str) -> None:
    resource = example_for(found, path)
    parent, name = parent_of(resource, f"{path}.noSuchElement".lstrip("."))
    parent[name] = 1

    assert not is_valid(found, resource)


def model_at(found: Release, path: str) -> Any:
    """The model of the object at `path`, as validated from an example."""
    model = found.model().model_validate(example_for(found, path))
    for each in filter(None, path.split(".")):
        model = getattr(model, each)[0]
    return type(model)


@OBJECTS
def test_the_model_has_the_elements_of_the_table_in_its_order_and_no_others(found: Release, path: str) -> None:
    own = [case for case in CASES if case.release is found and case.path.rpartition(".")[0] == path]
    base = ["id", "extension", "modifierExtension"]
    if not path:
        base = ["id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension"]

    model = model_at(found, path)
    assert model.elements_sequence() == base + [case.path.rpartition(".")[2] for case in own]
    summary = [case.path.rpartition(".")[2] for case in own if case.element["isSummary"]]
    assert [name for name in model.summary_elements_sequence() if name not in base] == summary


@pytest.mark.parametrize("found", [BALLOT2, BALLOT4], ids=lambda found: found.name)
def test_an_absent_value_needs_its_extension(found: Release) -> None:
    resource = example_for(found, "instance.uid")
    parent, name = parent_of(resource, "instance.uid")
    del parent[name]
    parent["_uid"] = {"id": "only-an-id"}

    assert not is_valid(found, resource)


def test_an_assignment_is_checked_too() -> None:
    resource: Any = BALLOT2.model().model_validate(RESOURCE_2D)

    with pytest.raises(ValidationError, match="status"):
        resource.status = "on-hold"


def test_decimals_are_kept_exactly() -> None:
    coordinates = [0.1, 153.6, 1e-7, 123456789.123456, 5e-324, 1.7976931348623157e308]
    resource = copy.deepcopy(RESOURCE_2D)
    resource["instance"][0]["imageRegion2D"][0]["coordinate"] = coordinates

    text = BALLOT2.model().model_validate_json(json.dumps(resource)).model_dump_json()
    written = json.loads(text)["instance"][0]["imageRegion2D"][0]["coordinate"]
    assert [float(each) for each in written] == coordinates


@pytest.mark.parametrize("found", [BALLOT2, BALLOT4], ids=lambda found: found.name)
def test_a_resource_can_go_to_another_process(found: Release) -> None:
    for selection in SELECTIONS[found.name]:
        resource = found.encode(selection).to_resource()
        assert pickle.loads(pickle.dumps(resource)) == resource


@pytest.mark.parametrize("found", [BALLOT2, BALLOT4], ids=lambda found: found.name)
def test_the_models_stand_beside_those_of_fhir_resources(found: Release) -> None:
    from fhir.resources.bundle import Bundle
    from fhir.resources.imagingselection import ImagingSelection

    ours = found.model().model_validate(RESOURCE_3D)
    r5 = {
        "resourceType": "ImagingSelection",
        "status": "available",
        "code": {"text": "x"},
        "bodySite": {"concept": {"text": "x"}},
        "instance": [{"uid": "1.2", "sopClass": {"code": "urn:oid:1.2.3"}}],
    }
    bundle: Any = Bundle.model_validate({"type": "collection", "entry": [{"resource": r5}, {"resource": ours}]})

    assert isinstance(bundle.entry[0].resource, ImagingSelection)
    assert [each["resource"] for each in json.loads(bundle.model_dump_json())["entry"]] == [r5, RESOURCE_3D]
    assert not is_valid(found, r5)
