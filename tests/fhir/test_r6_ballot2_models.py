"""The models against the specification: every case is built from the release's list of elements."""

from __future__ import annotations

import copy
import json
import math
import os
from typing import Any

import pytest
from pydantic import ValidationError

from converter.fhir import release
from tests.conftest import ROOT
from tests.fhir.examples import RESOURCE_2D, RESOURCE_3D, SELECTION_2D, SELECTION_3D

SPECIFICATION = ROOT.parent / "shared" / "spec" / "imagingselection-6.0.0-ballot2.json"
ELEMENTS: list[dict[str, Any]] = (
    json.loads(SPECIFICATION.read_text("utf-8"))["elements"] if SPECIFICATION.is_file() else []
)
R6 = release("R6")
ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
PRIMITIVES = {"code", "id", "unsignedInt", "instant", "oid", "string", "decimal"}
POINTS = {"point": 1, "multipoint": 2, "polyline": 3, "polygon": 4, "circle": 2, "ellipse": 4, "ellipsoid": 6}

VALID: dict[str, list[Any]] = {
    "id": ["1.2.840.10008", "a" * 64, "A-z.0"],
    "unsignedInt": [0, 1, 2147483647],
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


def path_of(element: dict[str, Any]) -> str:
    return str(element["path"]).partition(".")[2]


def elements(**wanted: Any) -> pytest.MarkDecorator:
    """Parametrize a test by the elements of the specification that have these attributes."""
    chosen = [each for each in ELEMENTS if all(each.get(name) == value for name, value in wanted.items())]
    return pytest.mark.parametrize("element", chosen, ids=[path_of(each) for each in chosen])


def example_for(path: str) -> dict[str, Any]:
    return copy.deepcopy(RESOURCE_3D if path.startswith("imageRegion3D") else RESOURCE_2D)


def parent_of(resource: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """The object, first of its list, that has the last part of `path` as a member."""
    *parents, name = path.split(".")
    for each in parents:
        resource = resource[each][0]
    return resource, name


def resource_with(path: str, value: Any) -> dict[str, Any]:
    """An example in which the element at `path` is `value`."""
    resource = example_for(path)
    parent, name = parent_of(resource, path)
    parent[name] = value
    return resource


def resource_without(path: str) -> dict[str, Any]:
    resource = example_for(path)
    parent, name = parent_of(resource, path)
    del parent[name]
    return resource


def is_valid(resource: dict[str, Any]) -> bool:
    try:
        R6.model().model_validate(resource)
    except ValidationError:
        return False
    return True


def as_occurring(element: dict[str, Any], value: Any) -> Any:
    return [value] if element["max"] == "*" else value


def paths_in(value: Any, prefix: str = "") -> set[str]:
    """The paths of all that a resource states."""
    if isinstance(value, list):
        return {path for each in value for path in paths_in(each, prefix)}
    if not isinstance(value, dict):
        return set()
    below = ((f"{prefix}{name}", each) for name, each in value.items())
    return {path for own, each in below for path in {own} | paths_in(each, f"{own}.")}


def test_the_specification_is_there() -> None:
    if not ELEMENTS:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the specification is missing: {SPECIFICATION}")
        pytest.skip("needs the specification beside the project")
    assert len(ELEMENTS) == 29


def test_the_examples_are_valid() -> None:
    assert is_valid(RESOURCE_2D)
    assert is_valid(RESOURCE_3D)


@elements()
def test_the_encoder_states_every_element(element: dict[str, Any]) -> None:
    stated = paths_in(R6.encode(SELECTION_2D).to_dict()) | paths_in(R6.encode(SELECTION_3D).to_dict())

    assert path_of(element) in stated


@elements()
def test_the_model_gives_back_every_element(element: dict[str, Any]) -> None:
    example = example_for(path_of(element))

    assert path_of(element) in paths_in(json.loads(R6.model().model_validate(example).model_dump_json())), (
        "lost on the way through the model"
    )


@elements(min=1)
def test_a_required_element_cannot_be_missing(element: dict[str, Any]) -> None:
    assert not is_valid(resource_without(path_of(element)))


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
def test_nothing_but_the_required_elements_is_required(resource: dict[str, Any]) -> None:
    assert is_valid(resource)


@pytest.mark.parametrize("element", [each for each in ELEMENTS if each["type"] in PRIMITIVES], ids=path_of)
def test_a_primitive_may_be_missing_for_a_reason(element: dict[str, Any]) -> None:
    path = path_of(element)
    resource = resource_without(path)
    parent, name = parent_of(resource, path)
    parent[f"_{name}"] = as_occurring(element, ABSENT)

    assert is_valid(resource)
    dumped = R6.model().model_validate(resource).model_dump(mode="json")
    assert parent_of(dumped, path)[0][f"_{name}"] == as_occurring(element, ABSENT)


@elements()
def test_valid_values_are_accepted(element: dict[str, Any]) -> None:
    for value in VALID.get(element["type"], []):
        assert is_valid(resource_with(path_of(element), as_occurring(element, value))), value


@elements()
def test_invalid_values_are_rejected(element: dict[str, Any]) -> None:
    for value in INVALID[element["type"]]:
        assert not is_valid(resource_with(path_of(element), as_occurring(element, value))), value


@elements(max="1")
def test_a_single_element_is_no_list(element: dict[str, Any]) -> None:
    resource = example_for(path_of(element))
    parent, name = parent_of(resource, path_of(element))
    parent[name] = [parent[name]]

    assert not is_valid(resource)


@elements(max="*")
def test_a_repeating_element_is_a_list_that_is_not_empty(element: dict[str, Any]) -> None:
    path = path_of(element)
    parent, name = parent_of(example_for(path), path)

    assert not is_valid(resource_with(path, parent[name][0]))
    assert not is_valid(resource_with(path, []))


@elements(max="*")
def test_a_repeating_element_repeats(element: dict[str, Any]) -> None:
    path = path_of(element)
    parent, name = parent_of(example_for(path), path)
    # A repeated ring of coordinates goes round twice and is still one.
    assert is_valid(resource_with(path, parent[name] * 2))


@pytest.mark.parametrize(
    "element", [each for each in ELEMENTS if each.get("binding", {}).get("strength") == "required"], ids=path_of
)
def test_a_code_is_one_of_its_value_set(element: dict[str, Any]) -> None:
    codes = str(element["short"]).split(" | ")
    path = path_of(element)
    for code in codes:
        resource = resource_with(path, code)
        parent, name = parent_of(resource, path)
        if name == "regionType":
            dimensions = 3 if path.startswith("imageRegion3D") else 2
            parent["coordinate"] = [0.5] * dimensions * POINTS[code]
        assert is_valid(resource), code
    for code in ("interpolated", "on-hold", codes[0].upper()):
        assert not is_valid(resource_with(path, code)), code


@elements(type="Reference")
def test_a_reference_is_to_one_of_its_targets(element: dict[str, Any]) -> None:
    targets = [str(target).rpartition("/")[2] for target in element["targets"]]
    path = path_of(element)
    for target in targets:
        for reference in ({"type": target, "display": "x"}, {"reference": f"{target}/1"}):
            assert is_valid(resource_with(path, as_occurring(element, reference))), reference
    for reference in (
        {"type": "Location", "display": "x"},
        {"reference": "Location/1"},
        {"reference": "https://fhir.example.org/r6/Location/1"},
    ):
        assert not is_valid(resource_with(path, as_occurring(element, reference))), reference


@pytest.mark.parametrize("path", ["", *(path_of(each) for each in ELEMENTS if each["type"] == "BackboneElement")])
def test_an_element_that_is_not_defined_is_rejected(path: str) -> None:
    assert not is_valid(resource_with(f"{path}.noSuchElement".lstrip("."), 1))


def model_at(path: str) -> Any:
    """The model of the object at `path`, as validated from an example."""
    model = R6.model().model_validate(example_for(path))
    for each in filter(None, path.split(".")):
        model = getattr(model, each)[0]
    return type(model)


@pytest.mark.parametrize("path", ["", *(path_of(each) for each in ELEMENTS if each["type"] == "BackboneElement")])
def test_the_model_has_the_elements_of_the_specification_in_its_order_and_no_others(path: str) -> None:
    if not ELEMENTS:
        pytest.skip("needs the specification beside the project")
    own = [each for each in ELEMENTS if path_of(each).rpartition(".")[0] == path]
    base = ["id", "extension", "modifierExtension"]
    if not path:
        base = ["id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension"]

    model = model_at(path)
    assert model.elements_sequence() == base + [each["path"].rpartition(".")[2] for each in own]
    summary = [each["path"].rpartition(".")[2] for each in own if each["isSummary"]]
    assert [name for name in model.summary_elements_sequence() if name not in base] == summary


def test_an_absent_value_needs_its_extension() -> None:
    resource = resource_without("instance.uid")
    parent, _ = parent_of(resource, "instance.uid")
    parent["_uid"] = {"id": "only-an-id"}

    assert not is_valid(resource)


def test_an_assignment_is_checked_too() -> None:
    resource: Any = R6.model().model_validate(RESOURCE_2D)

    with pytest.raises(ValidationError, match="status"):
        resource.status = "on-hold"


def test_decimals_are_kept_exactly() -> None:
    coordinates = [0.1, 153.6, 1e-7, 123456789.123456, 5e-324, 1.7976931348623157e308]
    resource = resource_with("instance.imageRegion2D.coordinate", coordinates)

    text = R6.model().model_validate_json(json.dumps(resource)).model_dump_json()
    written = json.loads(text)["instance"][0]["imageRegion2D"][0]["coordinate"]
    assert [float(each) for each in written] == coordinates


def test_the_models_stand_beside_those_of_fhir_resources() -> None:
    from fhir.resources.bundle import Bundle
    from fhir.resources.imagingselection import ImagingSelection

    ours = R6.model().model_validate(RESOURCE_3D)
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
    assert not is_valid(r5)
