from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.typing import NDArray

from converter.fhir import release
from converter.fhir.encoded import Encoded
from converter.selection import (
    Channels,
    Code,
    Concept,
    ContentItem,
    LogicalReference,
    Performer,
    Region2D,
    Region3D,
    SelectedInstance,
    Selection,
    Series,
    Subset,
)
from tests.fhir import strategies
from tests.fhir.examples import (
    GROUP,
    KEY_2D,
    KEY_3D,
    RESOURCE_2D,
    RESOURCE_3D,
    SELECTION_2D,
    SELECTION_3D,
)

R6 = release("6.0.0-ballot2")


def absent(reason: str) -> dict[str, Any]:
    url = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    return {"extension": [{"url": url, "valueCode": reason}]}


def encoded(**changes: Any) -> Encoded:
    return R6.encode(replace(Selection(key=KEY_2D, code=Concept(text="x")), **changes))


def codes_of(result: Encoded) -> list[str]:
    return [problem.code for problem in result.problems]


@pytest.mark.parametrize(
    ("selection", "resource"),
    [(SELECTION_2D, RESOURCE_2D), (SELECTION_3D, RESOURCE_3D)],
    ids=["2D", "3D"],
)
def test_every_part_of_a_selection_is_written_where_the_mapping_says(
    selection: Selection, resource: dict[str, Any]
) -> None:
    result = R6.encode(selection)

    assert json.loads(result.to_json()) == resource
    assert result.to_dict() == resource
    assert result.id == resource["id"]
    assert not result.problems
    assert not result.broken


def test_elements_come_in_the_order_of_the_specification() -> None:
    written = list(R6.encode(SELECTION_2D).to_dict())

    assert written == list(RESOURCE_2D)
    assert written[:3] == ["resourceType", "id", "contained"]


def test_the_pydantic_resource_holds_what_the_json_says() -> None:
    resource = R6.encode(SELECTION_2D).to_resource()

    assert type(resource) is R6.model()
    assert json.loads(resource.model_dump_json()) == RESOURCE_2D


def test_json_is_one_line_of_utf_8() -> None:
    line = encoded(code=Concept(text="Ωmega\nsecond line")).to_json()

    assert b"\n" not in line
    assert "Ωmega\\nsecond line".encode() in line


def read_back(points: NDArray[Any]) -> NDArray[Any]:
    """What a reader of the JSON text makes of the coordinates, in the precision that they were stated in."""
    line = encoded(regions_3d=(Region3D("multipoint", points),), frame_of_reference_uid="1.2").to_json()
    texts = json.loads(line, parse_float=str, parse_int=str)["imageRegion3D"][0]["coordinate"]
    return np.array(texts).astype(points.dtype.newbyteorder("="))


@settings(max_examples=200)
@given(points=strategies.coordinates(3, 1, 20))
def test_coordinates_read_back_to_the_same_bits(points: NDArray[Any]) -> None:
    native = points.astype(points.dtype.newbyteorder("="))

    assert read_back(points).tobytes() == native.tobytes(order="C")


def test_a_float32_is_written_as_the_decimal_that_was_meant() -> None:
    points = np.array([[153.6, 0.1], [1e-7, 16777216]], dtype=np.float32)
    result = encoded(
        series=Series("1.2", "1.3"), instances=(SelectedInstance("1.4", regions=(Region2D("polyline", points),)),)
    )

    assert b'"coordinate":[153.6,0.1,1e-7,16777216.0]' in result.to_json()
    assert result.to_dict()["instance"][0]["imageRegion2D"][0]["coordinate"] == [153.6, 0.1, 1e-7, 16777216.0]


def test_an_interpolated_region_becomes_a_polyline_through_every_stated_point() -> None:
    points = np.array([[10, 10], [20, 14], [30, 10], [40, 30]], dtype=np.float32)
    result = encoded(
        series=Series("1.2", "1.3"),
        instances=(SelectedInstance("1.4", regions=(Region2D("interpolated", points),)),),
    )

    (region,) = result.to_dict()["instance"][0]["imageRegion2D"]
    written = np.array(region["coordinate"]).reshape(-1, 2)
    assert region["regionType"] == "polyline"
    assert len(written) > len(points)
    for point in points:
        assert np.abs(written - point).sum(axis=1).min() < 1e-5


@pytest.mark.parametrize(
    ("subset", "written"),
    [
        (ContentItem((1, 2, 4)), ["1.2.4"]),
        (ContentItem((1,)), ["1"]),
        (Channels(((1, 2), (1, 10))), ["1.2", "1.10"]),
    ],
)
def test_a_subset_is_written_as_strings(subset: Subset, written: list[str]) -> None:
    result = encoded(series=Series("1.2", "1.3"), instances=(SelectedInstance("1.4", subset=subset),))

    assert result.to_dict()["instance"] == [{"uid": "1.4", "subset": written}]


class TestUids:
    def test_a_series_that_nothing_names_is_stated_as_unknown(self) -> None:
        resource = encoded(instances=(SelectedInstance("1.4"),)).to_dict()

        assert resource["_studyUid"] == resource["_seriesUid"] == absent("unknown")
        assert "studyUid" not in resource
        assert "seriesUid" not in resource

    def test_a_selection_without_instances_says_nothing_of_a_series(self) -> None:
        resource = R6.encode(SELECTION_3D).to_dict()

        assert not {"studyUid", "_studyUid", "seriesUid", "_seriesUid", "instance"} & set(resource)

    def test_what_an_id_cannot_hold_is_an_error_where_needed_and_reported_once(self) -> None:
        long = "1." * 32 + "1"
        result = encoded(
            series=Series(long, long),
            frame_of_reference_uid=long,
            instances=(SelectedInstance(long), SelectedInstance("1.4")),
            place="$.ContentSequence[2]",
        )

        resource = result.to_dict()
        assert resource["_studyUid"] == resource["_seriesUid"] == absent("error")
        assert resource["instance"] == [{"_uid": absent("error")}, {"uid": "1.4"}]
        assert "frameOfReferenceUid" not in resource
        assert "_frameOfReferenceUid" not in resource
        assert [(each.code, each.path) for each in result.problems] == [
            ("uid-not-representable", "$.ContentSequence[2]")
        ]

    def test_a_frame_of_reference_that_an_id_cannot_hold_is_an_error_for_3d_regions(self) -> None:
        result = R6.encode(replace(SELECTION_3D, frame_of_reference_uid="1" * 65))

        assert result.to_dict()["_frameOfReferenceUid"] == absent("error")
        assert codes_of(result) == ["uid-not-representable"]

    def test_a_study_too_long_for_an_id_is_still_identified(self) -> None:
        long = "1." * 32 + "1"

        assert encoded(series=Series(long)).to_dict()["derivedFrom"] == [
            {"type": "ImagingStudy", "identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{long}"}}
        ]

    @pytest.mark.parametrize("uid", ["1.2.03", "3.1", "1", "1.2.840.x"])
    def test_a_sop_class_that_is_no_oid_is_left_out(self, uid: str) -> None:
        result = encoded(series=Series("1.2", "1.3"), instances=(SelectedInstance("1.4", uid),))

        assert result.to_dict()["instance"] == [{"uid": "1.4"}]
        assert codes_of(result) == ["uid-not-representable"]

    @pytest.mark.parametrize("number", [-1, 2**31])
    def test_a_number_out_of_range_is_left_out(self, number: int) -> None:
        result = encoded(series=Series("1.2", "1.3", number), instances=(SelectedInstance("1.4", number=number),))

        assert "seriesNumber" not in result.to_dict()
        assert result.to_dict()["instance"] == [{"uid": "1.4"}]
        assert codes_of(result) == ["number-not-representable"]


class TestPurpose:
    def test_without_text_takes_what_the_first_coding_is_called(self) -> None:
        code = encoded(code=Concept((Code(None, "A", "Meaning"), Code(None, "B", "Other")))).to_dict()["code"]

        assert code["text"] == "Meaning"

    def test_that_nothing_names_is_stated_as_unknown(self) -> None:
        result = encoded(code=Concept((Code("http://loinc.org", " "),), "\x00"))

        assert result.to_dict()["code"] == absent("unknown")
        assert result.broken == ()


def test_a_performer_without_an_actor_is_no_performer() -> None:
    function = Code("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "PRF")

    assert "performer" not in encoded(performers=(Performer(LogicalReference("Device"), function),)).to_dict()


def test_focus_and_endpoint_are_stated_once() -> None:
    url = "https://pacs.example.org/dicom-web"
    resource = encoded(focus=(GROUP, KEY_3D, GROUP), endpoints=(url, url)).to_dict()

    assert [each["reference"].partition("/")[2] for each in resource["focus"]] == [GROUP.id, KEY_3D.id]
    assert [each["address"] for each in resource["contained"]] == [url]


def test_an_endpoint_that_is_no_http_url_is_left_out_with_a_warning() -> None:
    result = encoded(endpoints=("file:///etc", "https://pacs.example.org/"))

    assert [each["address"] for each in result.to_dict()["contained"]] == ["https://pacs.example.org/"]
    assert result.to_dict()["endpoint"] == [{"reference": "#endpoint-1"}]
    assert codes_of(result) == ["endpoint-invalid"]


def test_a_time_without_zone_is_left_out_with_a_note() -> None:
    result = encoded(issued=datetime(2024, 5, 6, 7, 8, 9))

    assert "issued" not in result.to_dict()
    assert codes_of(result) == ["issued-incomplete"]


def test_a_zone_with_seconds_becomes_utc() -> None:
    # Amsterdam until 1937 was 19 min 32 s ahead of Greenwich.
    zone = timezone(timedelta(minutes=19, seconds=32))

    issued = encoded(issued=datetime(1930, 1, 1, 0, 19, 32, tzinfo=zone)).to_dict()["issued"]
    assert issued == "1930-01-01T00:00:00Z"


class TestBrokenRules:
    def test_are_named(self) -> None:
        circle = Region2D("circle", np.zeros((3, 2)))
        instance = SelectedInstance("1.4", regions=(circle, circle))

        assert encoded(series=Series("1.2", "1.3"), instances=(instance,)).broken == ("region-point-count",)

    def test_keep_a_resource_from_being_a_model(self) -> None:
        result = R6.encode(replace(SELECTION_2D, regions_3d=(Region3D("point", np.array([[1.0, 2.0, 3.0]])),)))

        assert result.broken == ("regions-of-two-dimensionalities",)
        with pytest.raises(ValueError, match="regions-of-two-dimensionalities"):
            result.to_resource()
