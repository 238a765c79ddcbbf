"""Real files: what independent readers found them to state is what comes out, and nothing else."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converter import Result, Settings, convert

KINDS = ("SR", "PR", "SEG", "KO", "RTSTRUCT")
Stated = set[tuple[Any, ...]]


@pytest.fixture(scope="module")
def facts(corpus: Path) -> dict[str, dict[str, Any]]:
    lines = (corpus / "facts.jsonl").read_text("utf-8").splitlines()
    return {each["file"]: each for each in map(json.loads, lines)}


@pytest.fixture(scope="module")
def results(corpus: Path) -> list[Result]:
    return list(convert(corpus, Settings(timezone="+00:00")))


def shortest(coordinates: list[float]) -> tuple[float, ...]:
    """The shortest decimals that read back to the same single precision numbers."""
    return tuple(float(str(np.float32(each))) for each in coordinates)


def stated_by(resources: list[dict[str, Any]]) -> Stated:
    found: Stated = set()
    for resource in resources:
        for region in resource.get("imageRegion3D", []):
            place = resource["frameOfReferenceUid"]
            found.add(("region3d", place, region["regionType"], tuple(region["coordinate"])))
        for instance in resource.get("instance", []):
            place, subset = instance.get("uid"), tuple(instance.get("subset", []))
            found.add(("select", place, subset))
            for region in instance.get("imageRegion2D", []):
                found.add(("region2d", place, subset, region["regionType"], tuple(region["coordinate"])))
    return found


def as_stated(fact: list[Any], kind: str) -> tuple[Any, ...]:
    match fact:
        case ["region3d", uid, region_type, coordinates] if kind == "RTSTRUCT":
            # Decimal strings are doubles, and the facts list rings as the files do: not closed.
            ring = coordinates if coordinates[:3] == coordinates[-3:] else [*coordinates, *coordinates[:3]]
            return ("region3d", uid, region_type, tuple(ring if region_type == "polygon" else coordinates))
        case ["roi", uid, number]:
            return ("select", uid, (str(number),))
        case ["region2d", uid, frames, kind, coordinates]:
            return ("region2d", uid, tuple(map(str, frames)), kind, shortest(coordinates))
        case ["region3d", uid, kind, coordinates]:
            return ("region3d", uid, kind, shortest(coordinates))
        case ["segment", uid, number]:
            return ("select", uid, (str(number),))
        case _:
            return ("select", fact[1], tuple(map(str, fact[2])))


def by_object(results: list[Result]) -> dict[str, list[Result]]:
    grouped: dict[str, list[Result]] = defaultdict(list)
    for each in results:
        grouped[each.file].append(each)
    return grouped


def winners(results: list[Result], facts: dict[str, dict[str, Any]]) -> dict[str, Result]:
    """Objects by file; of a file that another one with its SOP Instance UID stands for, that one."""
    converted = {each.sop_instance_uid: each for each in results if each.selections}
    found = {}
    for file, entry in facts.items():
        if entry["object"] in KINDS:
            (own,) = by_object(results)[file]
            replaced = any(each.code.startswith("duplicate") for each in own.problems)
            found[file] = converted[own.sop_instance_uid] if replaced else own
    return found


def test_every_fact_is_stated(results: list[Result], facts: dict[str, dict[str, Any]]) -> None:
    missing = {}
    for file, result in winners(results, facts).items():
        stated = stated_by([each.to_dict() for each in result.selections])
        # A reference without a UID selects nothing: the report says so, once each.
        nameless = [each for each in facts[file]["facts"] if each[1] == "None"]
        assert [each.code for each in result.problems].count("reference-incomplete") >= len(nameless)
        named = [each for each in facts[file]["facts"] if each[1] != "None"]
        lost = [each for each in (as_stated(fact, facts[file]["object"]) for fact in named) if each not in stated]
        if lost:
            missing[file] = lost
    assert missing == {}


def test_no_region_appears_that_no_object_states(
    results: list[Result], facts: dict[str, dict[str, Any]], corpus: Path
) -> None:
    invented = {}
    for file, result in winners(results, facts).items():
        if result.file != file:
            continue
        kind = facts[file]["object"]
        known = {as_stated(each, kind) for each in facts[file]["facts"] if each[0].startswith("region")}
        drawn = [each.to_dict() for each in result.selections if each.selection.key.role != "text"]
        stated = {each for each in stated_by(drawn) if each[0].startswith("region")}
        if stated - known:
            invented[file] = stated - known
    assert invented == {}


def test_ids_are_unique_and_every_resource_is_valid(results: list[Result]) -> None:
    converted = [selection for result in results for selection in result.selections]
    assert len(converted) > 300
    assert len({each.id for each in converted}) == len(converted)
    for each in converted:
        assert each.to_resource().model_dump()["id"] == each.id
        assert each.encoded.broken == ()


def test_every_focus_is_one_of_the_same_objects_selections(results: list[Result]) -> None:
    for result in results:
        ids = {f"ImagingSelection/{each.id}" for each in result.selections}
        for selection in result.selections:
            references = {each["reference"] for each in selection.to_dict().get("focus", [])}
            assert references <= ids


def test_every_annotation_object_has_a_line(results: list[Result], facts: dict[str, dict[str, Any]]) -> None:
    reported = {each.file for each in results}
    assert {file for file in facts if file not in reported} == set()


ODD = {
    "pydicom-3.0.2-DICOMDIR": ["file-set-missing"],
    "pydicom-3.0.2-DICOMDIR-bigEnd": ["file-set-missing"],
    "pydicom-3.0.2-DICOMDIR-nopatient": ["file-set-missing"],
    "pydicom-3.0.2-ExplVR_BigEndNoMeta.dcm": None,
    "pydicom-3.0.2-ExplVR_LitEndNoMeta.dcm": None,
    "pydicom-3.0.2-MR_small_bigendian.dcm": None,
    "pydicom-3.0.2-MR_truncated.dcm": None,
    "pydicom-3.0.2-UN_sequence.dcm": None,
    "pydicom-3.0.2-badVR.dcm": None,
    "pydicom-3.0.2-chrArab.dcm": None,
    "pydicom-3.0.2-chrH31.dcm": None,
    "pydicom-3.0.2-chrSQEncoding1.dcm": None,
    "pydicom-3.0.2-chrX2.dcm": None,
    "pydicom-3.0.2-empty_charset_LEI.dcm": None,
    "pydicom-3.0.2-hotiron.dcm": None,
    "pydicom-3.0.2-image_dfl.dcm": None,
    # All 13 source images are elsewhere.
    "pydicom-3.0.2-liver_expb_1frame.dcm": ["instance-not-found"],
    "pydicom-3.0.2-meta_missing_tsyntax.dcm": None,
    "pydicom-3.0.2-nested_priv_SQ.dcm": None,
    # A space stands before its first element: it is no data set.
    "pydicom-3.0.2-no_meta.dcm": ["not-dicom"],
    "pydicom-3.0.2-no_meta_group_length.dcm": None,
    "pydicom-3.0.2-priv_SQ.dcm": None,
    # Its references are to instance "0" of class "0", in no series.
    "pydicom-3.0.2-reportsi_with_empty_number_tags.dcm": [
        "instance-not-found",
        "series-unknown",
        "uid-not-representable",
    ],
    "pydicom-3.0.2-rtplan_truncated.dcm": None,
    "pydicom-3.0.2-rtstruct.dcm": [],
    "pydicom-3.0.2-test-SR.dcm": [
        "channels-unknown",
        "code-scheme-unknown",
        "instance-not-found",
        "region-without-image",
        "series-unknown",
        "temporal-range",
    ],
    "pydicom-3.0.2-zipMR.gz": None,
    # It names images without saying of which series they are.
    "rt-utils-non_existent_reference_rt.dcm": ["instance-not-found", "series-unknown"],
}
"""The problem codes of each odd file; None for what is only counted in the summary."""


def test_every_odd_file_is_accounted_for(corpus: Path) -> None:
    assert set(ODD) == {each.name for each in (corpus / "odd").iterdir()}
    conversion = convert(corpus / "odd", Settings(timezone="+00:00"))
    lines = {each.file: sorted({problem.code for problem in each.problems}) for each in conversion}
    assert lines == {file: codes for file, codes in ODD.items() if codes is not None}
    assert sum(conversion.summary.others.values()) == list(ODD.values()).count(None)
