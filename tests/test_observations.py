"""Observations the whole way: from real and synthetic reports to the files that the command writes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from converter import Result, Settings, convert

DCM, SCT = "http://dicom.nema.org/resources/ontology/DCM", "http://snomed.info/sct"
SYSTEMS = {
    "DCM": DCM,
    "SCT": SCT,
    "SRT": SCT,
    "UCUM": "http://unitsofmeasure.org",
    "UMLS": "http://terminology.hl7.org/CodeSystem/umls",
    # As the report's own Coding Scheme Identification Sequence (0008,0110) says.
    "99PMP": "urn:oid:1.3.6.1.4.1.5962.98.1",
}
# PS3.16 Annex O, for what dcmqi's example states in SNOMED-RT.
SNOMED_CT = {
    "M-80003": "86049000",
    "R-00317": "373098007",
    "R-404FB": "255605001",
    "G-A437": "56851009",
    "R-10047": "386136009",
    "R-00319": "373099004",
    "G-D705": "118565006",
}


def observations(source: Path) -> list[dict[str, Any]]:
    """The resources of a file or folder, numbers as they are written."""
    with convert(source, Settings(observations=True, timezone="+00:00")) as results:
        return [json.loads(each.to_json(), parse_float=Decimal) for result in results for each in result.resources]


def by_id(resources: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in resources}


def members(group: dict[str, Any], resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    known = by_id(resources)
    return [known[each["reference"].removeprefix("Observation/")] for each in group.get("hasMember", [])]


def groups(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in resources if each["code"].get("text") == "Measurement Group"]


def as_coding(stated: dict[str, str]) -> dict[str, str]:
    """A code as dcmqi prints it, as a Coding."""
    value = SNOMED_CT.get(stated["CodeValue"], stated["CodeValue"])
    return {"system": SYSTEMS[stated["CodingSchemeDesignator"]], "code": value, "display": stated["CodeMeaning"]}


@pytest.fixture(scope="module")
def tid1500reader() -> str:
    beside = Path(sys.executable).parent / "tid1500reader"
    found = str(beside) if beside.exists() else shutil.which("tid1500reader")
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("tid1500reader is missing: install the extra 'oracles'")
        pytest.skip("needs tid1500reader of dcmqi")
    return found


@pytest.fixture(scope="module")
def read_by_dcmqi(corpus: Path, tid1500reader: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("dcmqi") / "measurements.json"
    report = corpus / "dcmqi" / "sr-example" / "sr.dcm"
    arguments = [tid1500reader, "--inputDICOM", str(report), "--outputMetadata", str(out)]
    subprocess.run(arguments, check=True, capture_output=True)
    read: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return read


def test_dcmqi_reads_the_same_numbers_quantities_units_and_derivations(
    corpus: Path, read_by_dcmqi: dict[str, Any]
) -> None:
    resources = observations(corpus / "dcmqi" / "sr-example" / "sr.dcm")
    (stated,) = read_by_dcmqi["Measurements"]
    (group,) = groups(resources)
    found = members(group, resources)
    assert len(found) == len(stated["measurementItems"]) == 22
    for each, expected in zip(found, stated["measurementItems"], strict=True):
        quantity = each["valueQuantity"]
        assert str(quantity["value"]) == expected["value"]
        assert each["code"]["coding"] == [as_coding(expected["quantity"])]
        unit = as_coding(expected["units"])
        assert (quantity["code"], quantity["system"], quantity["unit"]) == (
            unit["code"], unit["system"], unit["display"],
        )  # fmt: skip
        derivations = [
            component["valueCodeableConcept"]["coding"]
            for component in each.get("component", [])
            if component["code"]["coding"][0]["code"] == "121401"
        ]
        modifier = expected.get("derivationModifier")
        assert derivations == ([[as_coding(modifier)]] if modifier else [])


def test_dcmqi_reads_the_same_group(corpus: Path, read_by_dcmqi: dict[str, Any]) -> None:
    (stated,) = read_by_dcmqi["Measurements"]
    (group,) = groups(observations(corpus / "dcmqi" / "sr-example" / "sr.dcm"))
    assert group["valueCodeableConcept"]["coding"] == [as_coding(stated["Finding"])]
    (followed,) = group["focus"]
    assert followed["identifier"]["value"] == f"urn:oid:{stated['TrackingUniqueIdentifier']}"
    assert followed["display"] == stated["TrackingIdentifier"]
    components = {each["code"]["text"]: each["valueString"] for each in group["component"]}
    assert components["Activity Session"] == stated["activitySession"]
    assert group["status"] == {"PARTIAL": "preliminary", "COMPLETE": "final"}[read_by_dcmqi["CompletionFlag"]]


def test_circles_of_dwv_have_the_numbers_that_dsrdump_prints(corpus: Path) -> None:
    # dsrdump dwv/sr-circle.dcm.af60e9: three groups, each Radius, Area, minimum, maximum, mean.
    resources = observations(corpus / "dwv" / "sr-circle.dcm.af60e9")
    stated = [
        [
            (each["code"]["text"], str(each["valueQuantity"]["value"]), each["valueQuantity"]["code"])
            for each in members(group, resources)
            if "valueQuantity" in each
        ]
        for group in groups(resources)
    ]
    assert stated == [
        [
            ("Radius", "2", "mm"),
            ("Area", "0.125663706144", "cm2"),
            ("Pixel by pixel Minimum", grey, "1"),
            ("Pixel by pixel Maximum", grey, "1"),
            ("Pixel by pixel mean", grey, "1"),
        ]
        for grey in ("25", "50", "100")
    ]


def test_groups_of_highdicom_have_the_values_that_dsrdump_prints(corpus: Path) -> None:
    # And dcmdump: Floating Point Value (0040,A161) of the first has the digits that did not fit its Numeric Value.
    resources = observations(corpus / "highdicom" / "sr_document_with_multiple_groups.dcm")
    found = [
        (
            each["focus"][0]["display"],
            each["code"]["text"],
            each.get("valueCodeableConcept", {}).get("text"),
            [
                (member["code"]["text"], str(member.get("valueQuantity", {}).get("value")))
                for member in members(each, resources)
            ],
        )
        for each in resources
        if each.get("hasMember")
    ]
    assert found == [
        ("Image0001", "Measurement Group", None,
         [("Intensity Histogram Mean", "-119.0738525390625"), ("Anatomical position (finding)", "None")]),
        ("LungNodule0001", "Morphologically Abnormal Structure", "Nodule",
         [("Diameter", "10.0"), ("Level of Significance", "None")]),
        ("Aorta0001", "Anatomical structure", "Aorta", [("Diameter", "20.0")]),
        ("Vertebra0001", "Anatomical structure", "Vertebra", [("Volume", "200.0")]),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def results(corpus: Path) -> list[Result]:
    return list(convert(corpus, Settings(observations=True, timezone="+00:00")))


def test_every_observation_of_the_corpus_is_a_valid_one_of_r5(results: list[Result]) -> None:
    kinds = {
        type(encoded.to_resource()).__module__
        for result in results
        for encoded in result.resources
        if encoded.type == "Observation"
    }
    assert kinds == {"fhir.resources.observation"}
    assert sum(len(result.resources) for result in results) > 150


def test_every_reference_of_the_corpus_leads_to_what_is_written(results: list[Result]) -> None:
    for result in results:
        resources = [each.to_dict() for each in result.resources]
        known = {f"Observation/{each['id']}" for each in resources}
        known |= {f"ImagingSelection/{each.id}" for each in result.selections}
        assert len(known) == len(resources) + len(result.selections)
        for each in resources:
            for reference in (*each.get("derivedFrom", []), *each.get("hasMember", [])):
                assert reference["reference"] in known, result.file


def test_measuring_changes_no_selection_and_no_line_of_the_report(corpus: Path, results: list[Result]) -> None:
    plain = list(convert(corpus, Settings(timezone="+00:00")))
    assert [[each.to_json() for each in result.selections] for result in results] == [
        [each.to_json() for each in result.selections] for result in plain
    ]
    fields = [list(json.loads(result.report_line())) for result in (*results, *plain)]
    assert all(each == fields[0] for each in fields)
    assert not any(result.resources for result in plain)


def imgsel(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "converter.cli", *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


class TestCommand:
    def test_observations_are_a_file_of_their_own(self, testdata: Path, tmp_path: Path) -> None:
        done = imgsel("convert", testdata, "-o", tmp_path, "--with", "observations", "--with", "context")
        assert (done.returncode, done.stderr) == (0, "")
        assert "Observation" in done.stdout
        assert "Observation.ndjson" in {each.name for each in tmp_path.iterdir()}
        written = [json.loads(line) for line in (tmp_path / "Observation.ndjson").read_text("utf-8").splitlines()]
        expected = [each.id for result in convert(testdata, Settings(observations=True)) for each in result.resources]
        assert [each["id"] for each in written] == expected

    def test_without_the_option_there_is_none(self, testdata: Path, tmp_path: Path) -> None:
        assert imgsel("convert", testdata, "-o", tmp_path, "-q").returncode == 0
        assert sorted(each.name for each in tmp_path.iterdir()) == [
            ".imgsel",
            "ImagingSelection.ndjson",
            "report.ndjson",
            "summary.json",
        ]

    def test_a_stream_has_them_after_the_selections_of_their_report(self, testdata: Path) -> None:
        report = testdata / "ct-chest" / "sr-tid1500-regions-2d.dcm"
        done = imgsel("convert", report, "-o", "-", "-q", "--with", "observations")
        kinds = [json.loads(line)["resourceType"] for line in done.stdout.splitlines()]
        assert kinds == sorted(kinds)
        assert set(kinds) == {"ImagingSelection", "Observation"}

    def test_the_settings_file_can_ask_for_them(self, testdata: Path, tmp_path: Path) -> None:
        (tmp_path / "settings.toml").write_text("observations = true\n", "utf-8")
        report = testdata / "ct-chest" / "sr-tid1500-regions-2d.dcm"
        done = imgsel("convert", report, "-o", "-", "-q", "--settings", tmp_path / "settings.toml")
        assert '"resourceType":"Observation"' in done.stdout

    def test_another_kind_is_refused(self, testdata: Path, tmp_path: Path) -> None:
        assert imgsel("convert", testdata, "-o", tmp_path, "--with", "everything").returncode == 2
