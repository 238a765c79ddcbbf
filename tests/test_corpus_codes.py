"""Every coded concept of the real files gets the URI of its system, and SNOMED codes in RT style become SNOMED CT.

What is expected is written out here: systems from PS3.16 Table 8-1 and HL7 Terminology, translations from PS3.16
Annex O.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom import Dataset
from pydicom.errors import InvalidDicomError

from converter import Settings, convert
from converter.fhir import release
from converter.mapper import coded
from converter.selection import Code, Selection

SCT = "http://snomed.info/sct"
SRT = "http://snomed.info/srt"
DCM = "http://dicom.nema.org/resources/ontology/DCM"

SYSTEMS: dict[str | None, str | None] = {
    "DCM": DCM,
    "UCUM": "http://unitsofmeasure.org",
    "LN": "http://loinc.org",
    "NCIt": "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl",
    "UMLS": "http://terminology.hl7.org/CodeSystem/umls",
    "RFC3066": "urn:ietf:bcp:47",
    "RFC5646": "urn:ietf:bcp:47",
    "ISO3166_1": "urn:iso:std:iso:3166",
    "IBSI": "urn:oid:1.2.840.10008.2.16.13",
    # In the table without a UID.
    "SCPECG": None,
    # Private; the objects that use the first two identify them, all but one.
    "99_OFFIS_DCMTK": "urn:oid:1.2.276.0.7230010.3.0.0.1",
    "99PMP": "urn:oid:1.3.6.1.4.1.5962.98.1",
    "99HOLX": None,
    "99PHI-IXR-XPER": None,
    "General": None,
    "QDOC": None,
    "RP": None,
    "TEST": None,
    None: None,
}
NOT_IDENTIFIED = {("99_OFFIS_DCMTK", None), ("99PMP", None)}

TRANSLATED = {
    "C-10072": "89457008",
    "C-111A1": "77004003",
    "C-120F9": "105830007",
    "C-B1031": "35321007",
    "F-10340": "40199007",
    "F-10450": "102538003",
    "F-10470": "102540008",
    "G-A100": "24028007",
    "G-A101": "7771000",
    "G-A16A": "131184002",
    "G-A1F8": "106233006",
    "G-A437": "56851009",
    "G-A460": "17621005",
    "G-C036": "370129005",
    "G-C0E3": "363698007",
    "G-C0E8": "363703001",
    "G-C171": "272741003",
    "G-C1C6": "246205007",
    "G-C32C": "408730004",
    "G-D705": "118565006",
    "M-01000": "49755003",
    "M-80003": "86049000",
    "P5-00100": "27483000",
    "P5-06000": "44491008",
    "P5-08000": "77477000",
    "P5-08001": "116152004",
    "P5-0808E": "399331006",
    "P5-40010": "71651007",
    "R-002E9": "371931008",
    "R-00317": "373098007",
    "R-00319": "373099004",
    "R-00345": "371928007",
    "R-0038D": "373066001",
    "R-10047": "386136009",
    "R-10242": "399162004",
    "R-404FB": "255605001",
    "R-408C3": "261004008",
    "T-04000": "76752008",
    "T-04020": "73056007",
    "T-04030": "80248007",
    "T-11531": "280734009",
    "T-62000": "10200004",
    "T-A7010": "2748008",
    "T-C5300": "55940004",
    "T-D0005": "91723000",
    "T-D0010": "38266002",
    "T-D0050": "85756007",
    "T-D00F7": "297171002",
    "T-D3000": "51185008",
    "T-D4000": "113345001",
}
NOT_IN_THE_TABLE = {"C-127F9", "C-164F9", "C-167F9", "F-61FDB", "T-D400"}
"""Codes that Annex O does not translate: kept, under the URI of SNOMED-RT."""


def expected(designator: str | None, value: str) -> set[tuple[str | None, str]]:
    if designator in ("SCT", "SRT", "SNM3"):
        if value in NOT_IN_THE_TABLE:
            return {(SRT, value)}
        return {(SCT, TRANSLATED.get(value, value))}
    return {(SYSTEMS[designator], value)} | ({(None, value)} if (designator, None) in NOT_IDENTIFIED else set())


def data_sets(corpus: Path) -> Iterator[Dataset]:
    for file in sorted(each for each in corpus.rglob("*") if each.is_file()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                yield pydicom.dcmread(file, stop_before_pixels=True)
            except InvalidDicomError:
                continue


def coded_items(dataset: Dataset) -> Iterator[Dataset]:
    waiting = [dataset]
    while waiting:
        item = waiting.pop()
        if item.get("CodeValue") or item.get("LongCodeValue"):
            yield item
        for tag in item.keys():  # noqa: SIM118 - a Dataset is no dict
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    element = item[tag]
                except (NotImplementedError, ValueError, OSError):
                    continue
            if element.VR == "SQ":
                waiting.extend(element.value)


def stated_by(item: Dataset) -> tuple[str | None, str]:
    """The designator and the code of a Code Sequence item."""
    value = item.get("CodeValue") or item.get("LongCodeValue")
    return item.get("CodingSchemeDesignator") or None, str(value).strip()


@pytest.fixture(scope="module")
def concepts(corpus: Path) -> list[tuple[str | None, str, Code | None]]:
    """Designator and code of every coded concept of the corpus, and what is made of it."""
    return [
        (*stated_by(item), coded.code_of(item, schemes))
        for dataset in data_sets(corpus)
        for schemes in [coded.coding_schemes(dataset)]
        for item in coded_items(dataset)
    ]


def test_every_coded_concept_gets_the_uri_of_its_system(concepts: list[tuple[str | None, str, Code | None]]) -> None:
    wrong = [
        (designator, value, found)
        for designator, value, found in concepts
        if found is None or (found.system, found.code) not in expected(designator, value)
    ]

    assert wrong == []
    assert len(concepts) > 3000
    assert {value for _, value, _ in concepts} >= set(TRANSLATED) | NOT_IN_THE_TABLE


@pytest.fixture(scope="module")
def selections(corpus: Path) -> list[Selection]:
    return [each.selection for result in convert(corpus, Settings(timezone="+00:00")) for each in result.selections]


@pytest.fixture(scope="module")
def known(concepts: list[tuple[str | None, str, Code | None]]) -> dict[str, set[str | None]]:
    """The systems that each code of the corpus may be under."""
    systems: dict[str, set[str | None]] = {}
    for designator, value, _ in concepts:
        for system, code in expected(designator, value):
            systems.setdefault(code, set()).add(system)
    return systems


@pytest.mark.parametrize("name", ["R6", "R5", "6.0.0-ballot4", "R4"])
def test_no_resource_has_a_code_under_another_uri(
    name: str, selections: list[Selection], known: dict[str, set[str | None]]
) -> None:
    resources = [json.loads(release(name).encode(each).to_json()) for each in selections]
    found = {(each.get("system"), each["code"]) for resource in resources for each in codings(resource)}

    assert {(system, code) for system, code in found if code in known and system not in known[code]} == set()
    assert {system for system, _ in found} >= {SCT, DCM}
    # Concept identifiers, and expressions of a site and its side.
    assert all(re.fullmatch(r"\d+(:\d+=\d+)?", code) for system, code in found if system == SCT)
    assert SRT not in {system for system, _ in found}


def codings(value: Any) -> Iterator[dict[str, Any]]:
    """Every Coding within a resource but those of SOP classes, which are UIDs."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting.extend(each)
        elif isinstance(each, dict):
            yield from each.get("coding", [])
            waiting.extend(each.values())
