"""Coded concepts out of data sets: Code Sequence items become neutral concepts (PS3.3 8.8)."""

from __future__ import annotations

from collections.abc import Mapping

from pydicom import Dataset

from converter import codes
from converter.mapper import values
from converter.selection import Code, Concept

DCM = "http://dicom.nema.org/resources/ontology/DCM"
SCT = "http://snomed.info/sct"

# Laterality as CID 244 and its SNOMED-RT ancestors state it; R, L, B as in Image Laterality (0020,0062).
_SIDES = {"24028007": "R", "7771000": "L", "51440002": "B"}


def coding_schemes(dataset: Dataset) -> dict[str, str]:
    """Return designator → URI as the object's Coding Scheme Identification Sequence states it (PS3.3 C.12.1.1.1)."""
    schemes: dict[str, str] = {}
    for item in values.items(dataset, "CodingSchemeIdentificationSequence"):
        designator = values.text(item, "CodingSchemeDesignator")
        resources = values.items(item, "CodingSchemeResourcesSequence")
        urls = [values.text(each, "CodingSchemeURL") for each in resources if _is_fhir(each)]
        uri = codes.scheme_uri(values.text(item, "CodingSchemeUID"), urls[0] if urls else None)
        if designator is not None and uri is not None:
            schemes[designator] = uri
    return schemes


def _is_fhir(resource: Dataset) -> bool:
    return values.text(resource, "CodingSchemeURLType") == "FHIR"


def code_of(item: Dataset, schemes: Mapping[str, str]) -> Code | None:
    """Return the code of a Code Sequence item, None if it holds no code value at all."""
    meaning = values.text(item, "CodeMeaning")
    urn = values.text(item, "URNCodeValue")
    value = values.text(item, "CodeValue") or values.text(item, "LongCodeValue")
    if value is None:
        return None if urn is None else codes.urn_coding(urn, meaning)
    return codes.coding(
        values.text(item, "CodingSchemeDesignator"),
        value,
        meaning,
        version=values.text(item, "CodingSchemeVersion"),
        uid=values.text(item, "CodingSchemeUID"),
        schemes=schemes,
    )


def concept_of(dataset: Dataset, keyword: str, schemes: Mapping[str, str]) -> Concept | None:
    """Return the concept that the first item of the sequence `keyword` states, None if it states none.

    Equivalent Code Sequence (0008,0121) items are further codings of it; the text is the first meaning.
    """
    found = values.items(dataset, keyword)
    return concept_of_item(found[0], schemes) if found else None


def concept_of_item(item: Dataset, schemes: Mapping[str, str]) -> Concept | None:
    """Return the concept that a Code Sequence item states, None if it has neither code nor meaning."""
    stated = [item, *values.items(item, "EquivalentCodeSequence")]
    codings = tuple(code for code in (code_of(each, schemes) for each in stated) if code is not None)
    meaning = values.text(item, "CodeMeaning")
    text = meaning or next((code.display or code.code for code in codings), None)
    return Concept(codings, text) if text else None


def is_complete(concept: Concept) -> bool:
    """Return whether the concept has a code of a known coding scheme."""
    return bool(concept.codings) and concept.codings[0].system is not None


def is_code(concept: Concept | None, system: str, *code_values: str) -> bool:
    """Return whether one of the concept's codings is one of these codes of that system."""
    return concept is not None and any(
        coding.system == system and coding.code in code_values for coding in concept.codings
    )


def side_of(concept: Concept | None) -> str | None:
    """Return R, L or B for a laterality concept (CID 244), None for anything else."""
    if concept is None:
        return None
    return next((_SIDES[each.code] for each in concept.codings if each.system == SCT and each.code in _SIDES), None)
