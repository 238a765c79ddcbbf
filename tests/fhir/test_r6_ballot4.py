from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from converter.fhir import release
from converter.selection import (
    Channels,
    Code,
    Concept,
    ContentItem,
    Frames,
    LogicalReference,
    Performer,
    Segments,
    SelectedInstance,
    Selection,
    Series,
    Subset,
)
from tests.fhir.cases import ballot4_2d
from tests.fhir.examples import DCM, KEY_2D, SELECTION_2D

BALLOT4 = release("6.0.0-ballot4")


@pytest.mark.parametrize(
    ("subset", "written", "reported"),
    [
        (Segments((0,)), {}, True),
        (Segments((0, 3, 1)), {"segmentNumber": [3, 1]}, True),
        (Frames((1, 2**31)), {"frameNumber": [1]}, True),
        (ContentItem((1, 4, 2), "1.2.840.99"), {"referencedContentItemIdentifier": [1, 4, 2]}, False),
        (ContentItem((1, 2**31)), {}, True),
        (Channels(((1, 2), (2, 1))), {"waveFormChannel": [1, 2, 2, 1]}, False),
        (Channels(((1, 0), (2, 1))), {"waveFormChannel": [2, 1]}, True),
    ],
)
def test_a_number_that_is_not_positive_is_left_out_with_a_warning(
    subset: Subset, written: dict[str, Any], reported: bool
) -> None:
    selection = replace(SELECTION_2D, instances=(SelectedInstance("1.4", subset=subset),), place="$.SegmentSequence[0]")

    result = BALLOT4.encode(selection)

    assert result.to_dict()["instance"] == [{"uid": "1.4", **written}]
    expected = [("subset-not-representable", "$.SegmentSequence[0]")] if reported else []
    assert [(each.code, each.path) for each in result.problems] == expected


def test_the_modality_is_that_of_a_series() -> None:
    selection = Selection(key=KEY_2D, code=Concept(text="x"), modality=Code(DCM, "CT", "Computed Tomography"))

    assert "modality" not in BALLOT4.encode(selection).to_dict()
    stated = BALLOT4.encode(replace(selection, series=Series(None, "1.2.30"))).to_dict()
    assert stated["modality"] == {"coding": [{"system": DCM, "code": "CT", "display": "Computed Tomography"}]}


def test_there_is_one_study() -> None:
    assert BALLOT4.encode(SELECTION_2D).to_dict()["derivedFrom"] == {
        "type": "ImagingStudy",
        "identifier": {"system": "urn:dicom:uid", "value": "urn:oid:1.2.20"},
    }


def test_a_performer_without_an_actor_is_no_performer() -> None:
    function = Code("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "PRF")
    selection = replace(SELECTION_2D, performers=(Performer(LogicalReference("Device"), function),))

    result = BALLOT4.encode(selection)

    assert "performer" not in result.to_dict()
    assert result.broken == ()


def with_instance(**changes: Any) -> dict[str, Any]:
    resource = ballot4_2d()
    resource["instance"][0] |= changes
    return resource


# The rules of the ballot's definition that ballot2 has not: isl-9, isl-10, isl-11.
@pytest.mark.parametrize(
    ("resource", "rule"),
    [
        (with_instance(segmentNumber=[1]), "subset-of-two-kinds"),
        (with_instance(referencedContentItemIdentifier=[1]), "subset-of-two-kinds"),
        (with_instance(waveFormChannel=[2, 1]), "subset-of-two-kinds"),
        (ballot4_2d() | {"instance": [{"uid": "a", "waveFormChannel": [2]}]}, "channels-not-pairs"),
        (ballot4_2d() | {"instance": [{"uid": "a", "waveFormChannel": [1, 2, 3]}]}, "channels-not-pairs"),
        (
            {
                "resourceType": "ImagingSelection",
                "status": "available",
                "code": {"text": "x"},
                "modality": {"coding": [{"system": DCM, "code": "CT"}]},
            },
            "modality-without-study",
        ),
        (ballot4_2d() | {"performer": [{"function": {"text": "x"}}]}, "required-element"),
    ],
)
def test_a_broken_rule_is_named_and_the_model_rejects_the_resource(resource: dict[str, Any], rule: str) -> None:
    assert BALLOT4.check(resource) == (rule,)
    with pytest.raises(ValidationError):
        BALLOT4.model().model_validate(resource)


def test_instances_may_have_subsets_of_different_kinds() -> None:
    instances = [{"uid": "a", "frameNumber": [1, 2, 3]}, {"uid": "b", "segmentNumber": [1]}]

    assert BALLOT4.check(ballot4_2d() | {"instance": instances}) == ()
