"""Where selections come from, in DICOM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from converter import Settings, convert
from converter.view.source_items import source_items


def converted(folder: Path, **settings: Any) -> dict[str, dict[str, Any]]:
    with convert(folder, Settings(**settings)) as results:
        return {each.id: each.to_dict() for result in results for each in result.selections}


def test_regions_lead_to_the_attributes_that_hold_them(testdata: Path) -> None:
    """The same places in the content tree as dsrdump numbers them, less one: JSONPath counts from 0."""
    found = source_items(testdata, converted(testdata))
    circle = found["5bd6d877-c3cc-5a1b-9016-6380ea7b559a"]
    assert circle.file == "ct-chest/sr-tid1500-regions-2d.dcm"
    assert circle.path == "$.ContentSequence[13].ContentSequence[0].ContentSequence[6]"
    assert circle.regions == {"ImagingSelection.instance[0].imageRegion2D[0]": f"{circle.path}.GraphicData"}


def test_one_graphic_on_three_images_is_where_all_three_regions_come_from(testdata: Path) -> None:
    resources = converted(testdata / "ct-chest")
    found = source_items(testdata / "ct-chest", resources)
    (several,) = [
        found[key]
        for key, each in resources.items()
        if "[1.0, 63.0]" in json.dumps(each) and found[key].file == "pr-pixel-units.dcm"
    ]
    assert several.path == "$.GraphicAnnotationSequence[2]"
    assert set(several.regions.values()) == {f"{several.path}.GraphicObjectSequence[0].GraphicData"}
    assert len(several.regions) == 3


def test_bulk_annotations_lead_to_the_list_of_their_group(testdata: Path) -> None:
    folder = testdata / "sm-slide"
    found = source_items(folder, converted(folder)).values()
    groups = [each for each in found if each.file == "ann-total-pixel-matrix.dcm" and each.regions]
    assert {path for each in groups for path in each.regions.values()} >= {
        # The first group states double precision, the second single.
        "$.AnnotationGroupSequence[0].DoublePointCoordinatesData",
        "$.AnnotationGroupSequence[1].PointCoordinatesData",
    }


def test_basic_resources_of_r4_lead_to_the_same_items(testdata: Path) -> None:
    report = testdata / "ct-chest" / "sr-tid1500-regions-2d.dcm"
    basic, expected = source_items(report, converted(report, fhir="R4")), source_items(report, converted(report))
    assert {key: (each.file, each.path) for key, each in basic.items()} == {
        key: (each.file, each.path) for key, each in expected.items()
    }
    # R4 has no multipoint: its points are regions that no attribute holds alone.
    assert [key for key in expected if basic[key].regions != expected[key].regions] == [
        key for key, each in converted(report).items() if '"multipoint"' in json.dumps(each)
    ]


@pytest.mark.parametrize("settings", [{"project": True, "select": "series"}, {"regions": "2d"}, {"outlines": True}])
def test_settings_that_resources_were_made_with_do_not_matter(settings: dict[str, Any], testdata: Path) -> None:
    resources = converted(testdata / "ct-chest", **settings)
    assert source_items(testdata / "ct-chest", resources).keys() == resources.keys()


def test_what_is_not_there_is_not_made_up(testdata: Path) -> None:
    resources = converted(testdata / "ct-chest")
    assert source_items(testdata / "mr-head", resources) == {}
