"""What resources of each release tell: which release it is, and what is said of instances."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from converter.context import BodyStructure, Device, Endpoint, ImagingStudy, StudyInstance, StudySeries
from converter.fhir import release
from converter.fhir.reading import StatedInstance, SubsetKind, is_selection, stated_instances, tell_release
from converter.selection import (
    Channels,
    Code,
    Concept,
    ContentItem,
    Frames,
    LogicalReference,
    RegionsOfInterest,
    Segments,
    SelectedInstance,
    Selection,
    SelectionKey,
    Series,
    Subset,
)
from tests.fhir.examples import SELECTION_2D, SELECTION_3D

RELEASES = ("6.0.0-ballot2", "5.0.0", "6.0.0-ballot4", "4.0.1")
IMAGE = "1.2.840.10008.5.1.4.1.1.2"


def selection(subset: Subset | None, sop_class: str | None = IMAGE) -> Selection:
    return Selection(
        key=SelectionKey("1.2", "document"),
        code=Concept((), "text"),
        series=Series("1.2", "1.2.3"),
        instances=(SelectedInstance("1.2.3.4", sop_class, subset=subset),),
    )


@pytest.mark.parametrize("name", RELEASES)
def test_a_selection_tells_its_release(name: str) -> None:
    resource = release(name).encode(SELECTION_2D).to_dict()
    assert is_selection(resource)
    assert tell_release([resource]) == name


@pytest.mark.parametrize(
    ("name", "told"),
    [("6.0.0-ballot2", "6.0.0-ballot2"), ("6.0.0-ballot4", "6.0.0-ballot2"), ("5.0.0", "5.0.0"), ("4.0.1", "4.0.1")],
)
def test_regions_in_a_frame_of_reference_alone_tell_releases_apart_but_not_ballots(name: str, told: str) -> None:
    assert tell_release([release(name).encode(SELECTION_3D).to_dict()]) == told


def test_what_is_the_same_in_several_releases_leaves_it_to_others() -> None:
    plain = {"resourceType": "Patient", "id": "1"}
    basic = release("R4").encode(SELECTION_2D).to_dict()
    assert tell_release([plain, basic]) == "4.0.1"
    assert tell_release([plain]) == "6.0.0-ballot2"
    assert tell_release([]) == "6.0.0-ballot2"


@pytest.mark.parametrize(
    ("name", "told"),
    [("6.0.0-ballot2", "6.0.0-ballot2"), ("6.0.0-ballot4", "6.0.0-ballot2"), ("5.0.0", "5.0.0"), ("4.0.1", "4.0.1")],
)
def test_what_selections_refer_to_tells_releases_apart_but_not_ballots(name: str, told: str) -> None:
    subject = LogicalReference("Patient", resource_id="1")
    series = StudySeries("1.2.3", modality=Code(None, "CT"), instances=(StudyInstance("1.2.3.4", IMAGE),))
    around = (
        ImagingStudy("1", "1.2", series=(series,)),
        Device("1", name="M1"),
        Endpoint("1", "https://pacs.example"),
        BodyStructure("1", Concept((), "ear"), subject),
    )
    resources = [release(name).encode_context(each).to_dict() for each in around]
    for order in itertools.permutations(resources):
        assert tell_release(order) == told


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "ImagingSelection", "instance": "x", "derivedFrom": 5, "bodySite": None},
        {"resourceType": "ImagingStudy", "series": [{"instance": [None, 5, {"sopClass": []}]}]},
        {"resourceType": ["x"]},
        {"resourceType": "Basic", "code": "x"},
    ],
)
def test_what_is_of_no_release_tells_one_all_the_same(resource: dict[str, Any]) -> None:
    assert tell_release([resource]) in RELEASES


@pytest.mark.parametrize("name", RELEASES)
@pytest.mark.parametrize(
    ("subset", "strings", "kind"),
    [
        (None, (), None),
        (Frames((1, 3)), ("1", "3"), "frame"),
        (Segments((2,)), ("2",), "segment"),
        (RegionsOfInterest((7,)), ("7",), "region of interest"),
        (ContentItem((1, 2, 4)), ("1.2.4",), "content item"),
        (Channels(((1, 2), (1, 3))), ("1.2", "1.3"), "channel"),
    ],
)
def test_subsets_are_read_from_every_release(
    name: str, subset: Subset | None, strings: tuple[str, ...], kind: SubsetKind | None
) -> None:
    (stated,) = stated_instances(release(name).encode(selection(subset)).to_dict())
    typed = kind if name == "6.0.0-ballot4" else None
    assert stated == StatedInstance(
        "$.instance[0]",
        "1.2.3.4",
        IMAGE,
        "1.2",
        "1.2.3",
        strings,
        typed,
        (),
    )


@pytest.mark.parametrize("name", RELEASES)
def test_regions_are_read_from_every_release(name: str) -> None:
    plain = [region.coordinates.reshape(-1).tolist() for each in SELECTION_2D.instances for region in each.regions]
    stated = [
        list(region)
        for each in stated_instances(release(name).encode(SELECTION_2D).to_dict())
        for region in each.regions
    ]
    assert sorted(itertools.chain(*stated)) == pytest.approx(sorted(itertools.chain(*plain)))
