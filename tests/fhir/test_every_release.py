"""Every selection in every release: valid there, and nothing lost but what the release's table of losses says."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from converter import Settings, convert
from converter.fhir import release
from converter.fhir.encoded import Encoded
from converter.problems import DEFINITIONS
from converter.selection import Selection
from tests.conftest import ROOT
from tests.fhir import strategies
from tests.fhir.facts import Facts
from tests.fhir.losses import after_losses
from tests.fhir.reading import read

RELEASES = ("6.0.0-ballot2", "5.0.0", "6.0.0-ballot4", "4.0.1")
EVERY = pytest.mark.parametrize("name", RELEASES)
thoroughly = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example]
)


@EVERY
@thoroughly
@given(selection=strategies.selections())
def test_any_selection_becomes_a_resource_that_is_valid_there(name: str, selection: Selection) -> None:
    found = release(name)
    encoded = found.encode(selection)

    assert encoded.broken == ()
    plain = json.loads(encoded.to_json())
    assert found.check(plain) == ()
    model = found.model().model_validate(plain)
    assert json.loads(model.model_dump_json())["id"] == selection.id


@EVERY
@thoroughly
@given(selection=strategies.selections())
def test_nothing_is_lost_but_what_the_table_says(name: str, selection: Selection) -> None:
    found = release(name)
    encoded = found.encode(selection)

    expected, reported = after_losses(found, selection)
    assert_same(read(encoded.to_json()), expected)
    assert {each.code for each in encoded.problems} == reported
    assert {each.path for each in encoded.problems} <= {selection.place}


def assert_same(facts: Facts, expected: Facts) -> None:
    for one, other in zip(facts["instances"], expected["instances"], strict=True):
        assert len(one["regions"]) == len(other["regions"])
        other["regions"] = [
            drawn if wanted[0] == "through" and passes(drawn, wanted[1]) else wanted
            for drawn, wanted in zip(one["regions"], other["regions"], strict=True)
        ]
    assert facts == expected


def passes(drawn: tuple[Any, ...], points: tuple[Any, ...]) -> bool:
    """Tell whether a polyline begins at the first point, goes on through each in order and ends at the last."""
    remaining = iter(drawn[1])
    return drawn[0] == "polyline" and all(point in remaining for point in points) and next(remaining, None) is None


@EVERY
def test_every_row_of_the_table_is_reported_by_a_code_that_there_is(name: str) -> None:
    losses = release(name).losses

    assert len(losses) > 10
    assert {loss.problem for loss in losses} - {None} <= set(DEFINITIONS)
    assert len({(loss.element, loss.lost) for loss in losses}) == len(losses)


@EVERY
def test_the_table_is_in_the_docs(name: str) -> None:
    page = (ROOT / "docs" / "releases.md").read_text("utf-8")
    _, _, section = page.partition(f"### What {name} cannot hold\n")
    lines = section.partition("\n### ")[0].splitlines()

    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    told = [
        [loss.element, loss.lost, loss.instead.replace("`", ""), loss.problem or ""] for loss in release(name).losses
    ]
    assert [[cell.replace("`", "") for cell in row] for row in rows[1:]] == told


@pytest.fixture(scope="module")
def selections(testdata: Path) -> list[Selection]:
    found = convert(testdata, Settings(timezone="+00:00"))
    return [each.selection for result in found for each in result.selections]


@EVERY
def test_the_synthetic_studies_are_valid_in_every_release(name: str, selections: list[Selection]) -> None:
    found = release(name)
    encoded = [found.encode(each) for each in selections]

    assert len(encoded) > 50
    assert [each.broken for each in encoded if each.broken] == []
    for each in encoded:
        assert type(each.to_resource()) is found.model()


def test_releases_in_threads_give_the_same_bytes_as_apart(selections: list[Selection]) -> None:
    def encode_all(name: str) -> bytes:
        found = release(name)
        return b"\n".join(line for each in selections[::3] for line in lines(found.encode(each)))

    def lines(encoded: Encoded) -> tuple[bytes, bytes]:
        return encoded.to_json(), json.dumps(encoded.to_resource().model_dump(mode="json")).encode()

    apart = [encode_all(name) for name in RELEASES]
    with ThreadPoolExecutor(len(RELEASES)) as threads:
        together = list(threads.map(encode_all, RELEASES))

    assert together == apart
    assert len(set(together)) == len(RELEASES)


def test_conversions_to_two_releases_in_two_threads_give_the_same_bytes_as_apart(testdata: Path) -> None:
    def converted(name: str) -> list[bytes]:
        found = convert(testdata, Settings(fhir=name, timezone="+00:00"))
        return [line for each in found for line in (*(one.to_json() for one in each.selections), each.report_line())]

    names = ("R5", "R6")
    apart = [converted(name) for name in names]
    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(converted, names))

    assert together == apart
    assert together[0] != together[1]
