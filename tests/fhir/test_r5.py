from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from converter.fhir import release
from converter.fhir.encoded import Encoded
from converter.selection import (
    Channels,
    Code,
    Concept,
    ContentItem,
    Frames,
    Region2D,
    Region3D,
    RegionsOfInterest,
    Segments,
    SelectedInstance,
    SelectionKey,
    Series,
    SourceObject,
    Subset,
)
from tests.fhir.examples import KEY_3D, RESOURCE_2D, RESOURCE_3D, SELECTION_2D, SELECTION_3D

R5 = release("R5")
CT_IMAGE = {"system": "urn:ietf:rfc:3986", "code": "urn:oid:1.2.840.10008.5.1.4.1.1.2"}
UNKNOWN = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}
REPORT = SourceObject("1.2.3", "1.2.840.10008.5.1.4.1.1.88.34", 2, Series("1.2.20", "1.2.31", 5))


def resource_2d() -> dict[str, Any]:
    """The example of 2D regions as R5 has it."""
    resource = copy.deepcopy(RESOURCE_2D)
    (resource["bodySite"],) = resource["bodySite"]
    resource["instance"][0]["sopClass"] = CT_IMAGE
    return resource


def resource_3d() -> dict[str, Any]:
    """The example of 3D regions as R5 has it: on the report that states them."""
    resource = copy.deepcopy(RESOURCE_3D)
    report = {
        "uid": "1.2.3",
        "number": 2,
        "sopClass": CT_IMAGE | {"code": "urn:oid:1.2.840.10008.5.1.4.1.1.88.34"},
        "imageRegion3D": resource.pop("imageRegion3D"),
    }
    return resource | {
        "status": "unknown",
        "studyUid": "1.2.20",
        "derivedFrom": RESOURCE_2D["derivedFrom"],
        "seriesUid": "1.2.31",
        "seriesNumber": 5,
        "instance": [report],
    }


def codes_of(result: Encoded) -> list[str]:
    return [problem.code for problem in result.problems]


def test_every_part_of_a_selection_is_written_where_the_release_has_it() -> None:
    result = R5.encode(SELECTION_2D)

    assert result.to_dict() == resource_2d()
    assert codes_of(result) == []


def test_elements_come_in_the_order_of_the_specification() -> None:
    written = list(R5.encode(SELECTION_2D).to_dict())

    assert written == [
        "resourceType",
        "id",
        "contained",
        "identifier",
        "status",
        "subject",
        "issued",
        "performer",
        "basedOn",
        "category",
        "code",
        "studyUid",
        "derivedFrom",
        "endpoint",
        "seriesUid",
        "seriesNumber",
        "frameOfReferenceUid",
        "bodySite",
        "focus",
        "instance",
    ]


class TestRegionsInAFrameOfReference:
    def test_of_no_image_are_on_the_object_that_states_them_in_its_series(self) -> None:
        result = R5.encode(replace(SELECTION_3D, source_object=REPORT))

        assert result.to_dict() == resource_3d()
        assert codes_of(result) == ["status-not-representable"]

    def test_of_an_object_known_by_its_uid_alone_are_in_a_series_unknown(self) -> None:
        resource = R5.encode(SELECTION_3D).to_dict()

        assert resource["instance"][0]["uid"] == KEY_3D.source
        assert resource["_studyUid"] == resource["_seriesUid"] == UNKNOWN

    def test_of_an_object_without_a_uid_are_on_an_instance_unknown(self) -> None:
        hashed = SelectionKey("0123456789abcdef" * 4, "regions3d")

        resource = R5.encode(replace(SELECTION_3D, key=hashed)).to_dict()

        assert resource["instance"][0]["_uid"] == UNKNOWN
        assert "uid" not in resource["instance"][0]

    def test_of_images_are_on_the_first(self) -> None:
        images = (SelectedInstance("1.2.40"), SelectedInstance("1.2.41"))
        selection = replace(SELECTION_3D, instances=images, series=Series("1.2.20", "1.2.30"), source_object=REPORT)

        resource = R5.encode(selection).to_dict()

        regions = RESOURCE_3D["imageRegion3D"]
        assert resource["instance"] == [{"uid": "1.2.40", "imageRegion3D": regions}, {"uid": "1.2.41"}]
        assert resource["seriesUid"] == "1.2.30"


@pytest.mark.parametrize(
    ("subset", "written"),
    [
        (Frames((2, 3)), ["2", "3"]),
        (Segments((0, 7)), ["0", "7"]),
        (RegionsOfInterest((9,)), ["9"]),
        (Channels(((1, 2), (1, 10))), ["1.2", "1.10"]),
        (ContentItem((1, 2, 4)), ["1.2.4"]),
        (ContentItem((1, 2, 4), "1.2.840.99"), ["1.2.840.99"]),
        (ContentItem((1, 2, 4), "no uid"), ["1.2.4"]),
    ],
)
def test_a_subset_is_strings_and_an_item_its_observation_uid(subset: Subset, written: list[str]) -> None:
    instance = SelectedInstance("1.4", subset=subset)

    resource = R5.encode(replace(SELECTION_2D, instances=(instance,))).to_dict()

    assert resource["instance"] == [{"uid": "1.4", "subset": written}]


def test_a_multipoint_becomes_its_points_and_a_curve_keeps_those_it_states() -> None:
    points = np.array([[1.5, 2], [3, 4.25], [5, 0.1]], dtype=np.float32)
    regions = (Region2D("multipoint", points), Region2D("interpolated", points))
    instance = SelectedInstance("1.4", regions=regions)

    resource = R5.encode(replace(SELECTION_2D, instances=(instance,))).to_dict()

    assert resource["instance"][0]["imageRegion2D"] == [
        {"regionType": "point", "coordinate": [1.5, 2.0]},
        {"regionType": "point", "coordinate": [3.0, 4.25]},
        {"regionType": "point", "coordinate": [5.0, 0.1]},
        {"regionType": "interpolated", "coordinate": [1.5, 2.0, 3.0, 4.25, 5.0, 0.1]},
    ]


def test_of_two_body_sites_the_first_is_stated_with_a_warning() -> None:
    sites = tuple(Concept((Code("http://snomed.info/sct", code),)) for code in ("39607008", "80891009"))

    result = R5.encode(replace(SELECTION_2D, body_sites=sites))

    assert result.to_dict()["bodySite"] == {
        "concept": {"coding": [{"system": "http://snomed.info/sct", "code": "39607008"}]}
    }
    assert codes_of(result) == ["body-site-not-representable"]


def test_to_resource_gives_the_model_of_fhir_resources() -> None:
    from fhir.resources.imagingselection import ImagingSelection

    resource = R5.encode(SELECTION_2D).to_resource()

    assert type(resource) is ImagingSelection
    assert json.loads(resource.model_dump_json()) == resource_2d()


def test_a_bundle_of_fhir_resources_takes_it() -> None:
    from fhir.resources.bundle import Bundle

    entries = [{"resource": resource} for resource in (resource_2d(), resource_3d())]
    bundle = Bundle.model_validate({"resourceType": "Bundle", "type": "collection", "entry": entries})

    assert json.loads(bundle.model_dump_json())["entry"] == entries


def test_a_broken_rule_keeps_a_resource_from_being_a_model() -> None:
    region = Region3D("ellipsoid", np.zeros((5, 3)))
    result = R5.encode(replace(SELECTION_3D, regions_3d=(region,)))

    assert result.broken == ("region-point-count",)
    with pytest.raises(ValueError, match="region-point-count"):
        result.to_resource()


def with_(path: str, value: Any) -> dict[str, Any]:
    """The example with another value at a path, first of each list; None takes the element away."""
    resource = resource_3d() if "3D" in path else resource_2d()
    *parents, name = path.split(".")
    element = resource
    for each in parents:
        element = element[each][0] if isinstance(element[each], list) else element[each]
    element[name] = value
    if value is None:
        del element[name]
    return resource


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        ("status", "inactive", "code-not-in-value-set"),
        ("instance.imageRegion2D.regionType", "multipoint", "code-not-in-value-set"),
        ("instance.imageRegion3D.regionType", "volume", "code-not-in-value-set"),
        ("instance.imageRegion2D.coordinate", [1.5], "coordinates-not-points"),
        ("instance.imageRegion2D.coordinate", ["1.5", "2"], "coordinate-not-a-number"),
        ("instance.imageRegion2D.coordinate", [1.5, 2.5], "region-point-count"),
        ("instance.imageRegion3D.coordinate", [1.5, 2.5], "coordinates-not-points"),
        ("frameOfReferenceUid", "1" * 65, "not-an-id"),
        ("studyUid", "1" * 65, "not-an-id"),
        ("seriesUid", "1.2 3", "not-an-id"),
        ("instance.uid", "1" * 65, "not-an-id"),
        ("instance.uid", None, "required-element"),
        ("studyUid", None, "series-without-study"),
        ("status", None, "required-element"),
        ("seriesNumber", "4", "not-an-unsigned-int"),
        ("seriesNumber", -1, "not-an-unsigned-int"),
        ("instance.number", 2**31, "not-an-unsigned-int"),
        ("issued", "2024-05-06", "not-an-instant"),
        ("issued", "2024-05-06T07:08:09", "not-an-instant"),
        ("issued", "2024-02-30T07:08:09Z", "not-an-instant"),
        ("issued", 1714979289, "not-an-instant"),
        ("subject.type", "Practitioner", None),
        ("subject.type", "Encounter", "reference-target"),
        ("performer.actor.type", "Location", "reference-target"),
        ("focus", [{"reference": "Observation/1"}], "reference-target"),
        ("focus", [{"reference": "https://fhir.example.org/r5/ImagingSelection/1"}], None),
        ("derivedFrom", [{"reference": "Patient/1"}], "reference-target"),
        ("endpoint", [{"reference": "Endpoint/1"}], None),
        ("bodySite", {"reference": {"reference": "Observation/1"}}, "reference-target"),
        ("bodySite", {"reference": {"reference": "BodyStructure/1"}}, None),
        ("category", [], "empty-element"),
        ("instance.subset", ["1", "1.2"], "subset-of-two-kinds"),
        ("issued", "2016-12-31T23:59:60Z", None),
    ],
)
def test_what_the_models_let_pass_is_checked(path: str, value: Any, rule: str | None) -> None:
    assert R5.check(with_(path, value)) == (() if rule is None else (rule,))


def test_the_examples_break_no_rule() -> None:
    assert R5.check(resource_2d()) == R5.check(resource_3d()) == ()


@pytest.mark.parametrize(
    ("path", "value"),
    [("code", None), ("noSuchElement", 1), ("instance.sopClass", "urn:oid:1.2"), ("bodySite", [{}]), ("code", "x")],
)
def test_the_models_see_the_rest(path: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        R5.model().model_validate(with_(path, value))
