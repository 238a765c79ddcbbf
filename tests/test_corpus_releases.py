"""Real files in every release: valid there, the same facts but for the release's losses, R6 and R5 region by region."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from converter import Settings, convert
from converter.fhir import release
from converter.selection import Selection
from tests.fhir.losses import after_losses
from tests.fhir.reading import read
from tests.fhir.test_every_release import EVERY, assert_same, passes


@pytest.fixture(scope="module")
def selections(corpus: Path) -> list[Selection]:
    results = convert(corpus, Settings(timezone="+00:00", endpoint="https://pacs.example.org/dicom-web"))
    return [each.selection for result in results for each in result.selections]


@EVERY
def test_every_resource_is_valid(name: str, selections: list[Selection]) -> None:
    found = release(name)
    encoded = [found.encode(each) for each in selections]

    assert len(encoded) > 300
    assert Counter(rule for each in encoded for rule in each.broken) == {}
    for each in encoded:
        found.model().model_validate(json.loads(each.to_json()))


@EVERY
def test_nothing_is_lost_but_what_the_table_says(name: str, selections: list[Selection]) -> None:
    found = release(name)
    for each in selections:
        encoded = found.encode(each)
        expected, reported = after_losses(found, each)
        assert_same(read(encoded.to_json()), expected)
        assert {problem.code for problem in encoded.problems} == reported


def test_r6_and_r5_state_the_same_regions(selections: list[Selection]) -> None:
    for each in selections:
        r6 = release("R6").encode(each).to_dict()
        r5 = release("R5").encode(each).to_dict()

        assert in_space(r6.get("imageRegion3D", [])) == in_space(
            [region for instance in r5.get("instance", []) for region in instance.get("imageRegion3D", [])]
        )
        if each.instances:
            for one, other in zip(r6["instance"], r5["instance"], strict=True):
                assert one.get("uid") == other.get("uid")
                assert_same_regions(one.get("imageRegion2D", []), other.get("imageRegion2D", []))


def in_space(regions: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(each["regionType"], each["coordinate"]) for each in regions]


def assert_same_regions(r6: list[dict[str, Any]], r5: list[dict[str, Any]]) -> None:
    remaining = iter(r5)
    for region in r6:
        kind, coordinates = region["regionType"], region["coordinate"]
        if kind == "multipoint":
            points = [next(remaining) for _ in range(0, len(coordinates), 2)]
            assert {each["regionType"] for each in points} == {"point"}
            assert [value for each in points for value in each["coordinate"]] == coordinates
            continue
        other = next(remaining)
        if other["regionType"] == "interpolated":
            assert passes((kind, in_pairs(coordinates)), in_pairs(other["coordinate"]))
        else:
            assert other == region
    assert next(remaining, None) is None


def in_pairs(coordinates: list[float]) -> tuple[tuple[float, float], ...]:
    return tuple(zip(coordinates[::2], coordinates[1::2], strict=True))
