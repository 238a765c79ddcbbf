"""Coded concepts out of Code Sequence items (PS3.3 8.8)."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from converter.mapper.coded import (
    code_of,
    coding_schemes,
    concept_of,
    concept_of_item,
    is_code,
    is_complete,
    side_of,
)
from converter.selection import Code, Concept
from tests.builders import code, dataset

DCM = "http://dicom.nema.org/resources/ontology/DCM"
SCT = "http://snomed.info/sct"
KIDNEY = Code(SCT, "64033007", "Kidney")


def scheme(designator: str, **elements: object) -> Dataset:
    return dataset(CodingSchemeDesignator=designator, **elements)


def resource(kind: str, url: str) -> Dataset:
    return dataset(CodingSchemeURLType=kind, CodingSchemeURL=url)


def test_an_object_names_its_schemes_by_uid_or_by_the_url_that_fhir_has_for_it() -> None:
    identified = dataset(
        CodingSchemeIdentificationSequence=[
            scheme("99UID", CodingSchemeUID="1.2.3"),
            scheme(
                "99FHIR",
                CodingSchemeResourcesSequence=[
                    resource("DOC", "https://codes.example/manual"),
                    resource("FHIR", "https://codes.example/fhir"),
                ],
            ),
            scheme("99DOC", CodingSchemeResourcesSequence=[resource("DOC", "https://codes.example/manual")]),
            scheme("99SCT", CodingSchemeUID="2.16.840.1.113883.6.96"),
            scheme("99NOTHING"),
            dataset(CodingSchemeUID="1.2.4"),
        ]
    )
    assert coding_schemes(identified) == {
        "99UID": "urn:oid:1.2.3",
        "99FHIR": "https://codes.example/fhir",
        "99SCT": SCT,
    }
    assert coding_schemes(dataset()) == {}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (code("64033007", "SCT", "Kidney"), KIDNEY),
        (code("T-71000", "SRT", "Kidney"), KIDNEY),  # PS3.16 Table O-1
        (code("121233", "DCM", "Source"), Code(DCM, "121233", "Source")),
        (code("A1", "99HOUSE", "Ours"), Code(None, "A1", "Ours")),
        (code("A1", "99KNOWN", "Ours"), Code("urn:oid:1.2.3", "A1", "Ours")),
        (
            dataset(LongCodeValue="12345678901234567890", CodingSchemeDesignator="DCM", CodeMeaning="Long"),
            Code(DCM, "12345678901234567890", "Long"),
        ),
        (
            dataset(URNCodeValue="urn:lex:us:federal:1", CodeMeaning="Law"),
            Code("urn:ietf:rfc:3986", "urn:lex:us:federal:1", "Law"),
        ),
        (dataset(CodeMeaning="Meaning alone"), None),
        (dataset(), None),
    ],
)
def test_a_code_is_its_value_in_the_uri_of_its_scheme(item: Dataset, expected: Code | None) -> None:
    assert code_of(item, {"99KNOWN": "urn:oid:1.2.3"}) == expected


def test_equivalent_codes_are_further_codings_of_one_meaning() -> None:
    item = code("64033007", "SCT", "Kidney")
    item.EquivalentCodeSequence = [code("K", "99HOUSE", "Niere")]
    assert concept_of_item(item, {}) == Concept((KIDNEY, Code(None, "K", "Niere")), "Kidney")


def test_a_meaning_without_a_code_is_text_and_a_code_without_a_meaning_its_own() -> None:
    assert concept_of_item(dataset(CodeMeaning="Kidney"), {}) == Concept((), "Kidney")
    assert concept_of_item(dataset(CodeValue="K", CodingSchemeDesignator="99X"), {}) == Concept((Code(None, "K"),), "K")
    assert concept_of_item(dataset(CodingSchemeDesignator="99X"), {}) is None


def test_the_first_item_of_a_sequence_is_the_concept() -> None:
    built = dataset(ConceptNameCodeSequence=[code("64033007", "SCT", "Kidney"), code("1", "DCM", "Other")])
    assert concept_of(built, "ConceptNameCodeSequence", {}) == Concept((KIDNEY,), "Kidney")
    assert concept_of(dataset(ConceptNameCodeSequence=[]), "ConceptNameCodeSequence", {}) is None
    assert concept_of(dataset(), "ConceptNameCodeSequence", {}) is None


def test_a_concept_is_a_code_by_system_and_value() -> None:
    concept = Concept((Code(None, "K"), KIDNEY), "Kidney")
    assert is_code(concept, SCT, "1", "64033007")
    assert not is_code(concept, DCM, "64033007")
    assert not is_code(concept, SCT, "K")
    assert not is_code(None, SCT, "64033007")


@pytest.mark.parametrize(
    ("concept", "expected"),
    [(Concept((KIDNEY,), "Kidney"), True), (Concept((Code(None, "K"),), "K"), False), (Concept((), "Kidney"), False)],
)
def test_a_concept_is_complete_with_a_code_of_a_known_scheme(concept: Concept, expected: bool) -> None:
    assert is_complete(concept) is expected


@pytest.mark.parametrize(
    ("value", "designator", "side"),
    [
        # PS3.16 CID 244, in SNOMED CT and, before 2020, in SNOMED-RT style.
        ("24028007", "SCT", "R"),
        ("7771000", "SCT", "L"),
        ("51440002", "SCT", "B"),
        ("G-A100", "SRT", "R"),
        ("G-A101", "SRT", "L"),
        ("G-A102", "SRT", "B"),
        ("66459002", "SCT", None),  # unilateral: one side, and not which
        ("24028007", "DCM", None),
    ],
)
def test_the_side_of_a_laterality(value: str, designator: str, side: str | None) -> None:
    assert side_of(concept_of_item(code(value, designator, "Side"), {})) == side


def test_nothing_has_no_side() -> None:
    assert side_of(None) is None
