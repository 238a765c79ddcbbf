"""Each element of the resource, for each kind of object that can state it, and for none that cannot."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from pydicom.datadict import tag_for_keyword

from converter import Settings, convert
from converter.fhir.r6_ballot2_models import ImagingSelection
from converter.mapper import MAPPED_KINDS
from tests.conftest import ROOT

SOURCES: dict[str, dict[str, list[str]]] = tomllib.loads((ROOT / "docs" / "elements.toml").read_text("utf-8"))


def filled(resource: Any, path: list[str]) -> bool:
    """Whether the element at `path` has a value anywhere in the resource."""
    if not path:
        return True
    if isinstance(resource, list):
        return any(filled(each, path) for each in resource)
    return isinstance(resource, dict) and path[0] in resource and filled(resource[path[0]], path[1:])


@pytest.fixture(scope="module")
def resources(testdata: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for result in convert(testdata, Settings(endpoint="https://pacs.example/rs", outlines=True)):
        found[result.kind or ""] += [each.to_dict() for each in result.selections]
    return found


@pytest.mark.parametrize("element", SOURCES)
@pytest.mark.parametrize("kind", sorted(MAPPED_KINDS))
def test_an_element_is_filled_where_the_table_says_that_dicom_states_it(
    element: str, kind: str, resources: dict[str, list[dict[str, Any]]]
) -> None:
    stated_by = SOURCES[element].get(kind, SOURCES[element].get("all", []))
    assert any(filled(each, element.split(".")) for each in resources[kind]) == bool(stated_by)


def test_the_table_has_every_element_of_the_resource() -> None:
    inherited = {"id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension"}
    names = {field.alias or name for name, field in ImagingSelection.model_fields.items()}
    own = {name for name in names if not name.startswith("_") and name not in inherited | {"resourceType"}}
    assert {each.split(".")[0] for each in SOURCES} == {name for name in own if not name.endswith("_comment")} - {
        "fhir_comments"
    }
    assert len(SOURCES) == 29


def test_every_keyword_of_the_table_is_an_attribute() -> None:
    words = [each for kinds in SOURCES.values() for sources in kinds.values() for each in sources]
    keywords = [each for each in words if each.isalnum() and each[0].isupper() and each not in ("SCOORD", "SCOORD3D")]
    assert [each for each in keywords if tag_for_keyword(each) is None] == []
