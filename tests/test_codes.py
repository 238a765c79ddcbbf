"""Coding schemes, against PS3.16 section 8 and the names that FHIR gives to code systems."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.codes import coding, scheme_uri, urn_coding
from converter.selection import Code

SCT = "http://snomed.info/sct"


@pytest.mark.parametrize(
    ("designator", "system"),
    [
        ("SCT", "http://snomed.info/sct"),
        ("DCM", "http://dicom.nema.org/resources/ontology/DCM"),
        ("LN", "http://loinc.org"),
        ("UCUM", "http://unitsofmeasure.org"),
        ("RXNORM", "http://www.nlm.nih.gov/research/umls/rxnorm"),
        ("C4", "http://www.ama-assn.org/go/cpt"),
        ("NDC", "http://hl7.org/fhir/sid/ndc"),
        ("I10", "http://hl7.org/fhir/sid/icd-10"),
        ("I10C", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("I9C", "http://hl7.org/fhir/sid/icd-9-cm"),
        ("NCIt", "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"),
        ("RADLEX", "http://radlex.org"),
        ("MDC", "urn:iso:std:iso:11073:10101"),
        ("ISO3166_1", "urn:iso:std:iso:3166"),
        ("RFC3066", "urn:ietf:bcp:47"),
        ("RFC5646", "urn:ietf:bcp:47"),
        ("IETF4646", "urn:ietf:bcp:47"),
    ],
)
def test_a_designator_becomes_the_uri_that_fhir_gives_the_system(designator: str, system: str) -> None:
    assert coding(designator, "1", "meaning") == Code(system, "1", "meaning")


@pytest.mark.parametrize(
    ("designator", "oid"),
    [
        ("FMA", "2.16.840.1.113883.6.119"),
        ("MA", "1.2.840.10008.2.16.5"),
        ("UBERON", "1.2.840.10008.2.16.6"),
        ("ITIS_TSN", "1.2.840.10008.2.16.7"),
        ("MGI", "1.2.840.10008.2.16.8"),
        ("IBSI", "1.2.840.10008.2.16.13"),
        ("ICDO3", "2.16.840.1.113883.6.43.1"),
        ("NEU", "2.16.840.1.113883.6.210"),
    ],
)
def test_a_scheme_without_fhir_uri_becomes_the_urn_of_its_table_8_1_uid(designator: str, oid: str) -> None:
    assert coding(designator, "1", None).system == f"urn:oid:{oid}"


@pytest.mark.parametrize("designator", ["SRT", "SNM3", "99SDM"])
@pytest.mark.parametrize(
    ("srt", "sct", "meaning"),
    [
        ("T-62000", "10200004", "Liver"),
        ("T-28000", "39607008", "Lung"),
        ("G-A185", "103339001", "Long Axis"),
        ("M-01000", "49755003", "Morphologically Altered Structure"),
        ("G-C0E3", "363698007", "Finding Site"),
    ],
)
def test_a_snomed_rt_style_code_is_translated_whatever_its_retired_designator(
    designator: str, srt: str, sct: str, meaning: str
) -> None:
    assert coding(designator, srt, meaning, version="20040101") == Code(SCT, sct, meaning)


def test_a_snomed_rt_style_code_that_the_table_does_not_know_is_not_called_snomed_ct() -> None:
    code = coding("SRT", "T-FFFFF", "Unknown", version="1998")
    assert code == Code("http://snomed.info/srt", "T-FFFFF", "Unknown", "1998")


def test_style_decides_where_designator_and_value_disagree() -> None:
    assert coding("SRT", "10200004", "Liver") == Code(SCT, "10200004", "Liver")
    assert coding("SCT", "T-62000", "Liver") == Code(SCT, "10200004", "Liver")
    assert coding("SCT", "T-FFFFF", None).system == "http://snomed.info/srt"


def test_a_snomed_ct_expression_stays_as_stated() -> None:
    assert coding("SCT", "39607008:272741003=24028007", None) == Code(SCT, "39607008:272741003=24028007")


def test_a_version_is_kept_but_for_snomed_ct_only_as_a_uri() -> None:
    edition = "http://snomed.info/sct/900000000000207008/version/20200309"
    assert coding("DCM", "121071", "Finding", "01").version == "01"
    assert coding("SCT", "10200004", "Liver", "20200309").version is None
    assert coding("SCT", "10200004", "Liver", edition).version == edition


@pytest.mark.parametrize("designator", ["99IMGSEL", "L", "", None])
def test_a_private_scheme_without_uri_keeps_code_and_display(designator: str | None) -> None:
    assert coding(designator, "A1", "Arrow") == Code(None, "A1", "Arrow")


def test_a_private_scheme_takes_the_uri_that_the_object_states() -> None:
    schemes = {"99IMGSEL": "urn:oid:1.2.3.4", "DCM": "http://example.org/not-dcm"}
    assert coding("99IMGSEL", "A1", "Arrow", schemes=schemes).system == "urn:oid:1.2.3.4"
    assert coding("99IMGSEL", "A1", "Arrow", uid="1.2.3.5", schemes=schemes).system == "urn:oid:1.2.3.5"
    assert coding("DCM", "1", None, schemes=schemes).system == "http://dicom.nema.org/resources/ontology/DCM"


def test_a_private_designator_for_a_known_scheme_is_recognized_by_its_uid() -> None:
    assert coding("99LOINC", "18782-3", None, uid="2.16.840.1.113883.6.1").system == "http://loinc.org"
    assert coding("99SNO", "T-62000", None, uid="2.16.840.1.113883.6.96") == Code(SCT, "10200004")
    assert coding("99SNO", "T-62000", None, schemes={"99SNO": SCT}) == Code(SCT, "10200004")
    schemes = {"99SNO": "urn:oid:2.16.840.1.113883.6.96"}
    assert coding("99SNO", "T-62000", None, schemes=schemes) == Code(SCT, "10200004")


def test_a_uid_as_code_value_becomes_its_urn() -> None:
    ct_image_storage = "1.2.840.10008.5.1.4.1.1.2"
    assert coding("DCMUID", ct_image_storage, "CT Image Storage") == Code(
        "urn:ietf:rfc:3986", f"urn:oid:{ct_image_storage}", "CT Image Storage"
    )


def test_a_urn_code_value_is_its_own_code() -> None:
    assert urn_coding("urn:lex:us:federal:codified.regulation:2013-04-25", "21 CFR") == Code(
        "urn:ietf:rfc:3986", "urn:lex:us:federal:codified.regulation:2013-04-25", "21 CFR"
    )


def test_an_identified_scheme_goes_by_known_uid_then_url_then_uid() -> None:
    assert scheme_uri("2.16.840.1.113883.6.8", "http://example.org") == "http://unitsofmeasure.org"
    assert scheme_uri("2.16.840.1.113883.6.96") == SCT
    assert scheme_uri("1.2.3", "http://example.org") == "http://example.org"
    assert scheme_uri("1.2.3") == "urn:oid:1.2.3"
    assert scheme_uri("not a uid", "not a url") is None
    assert scheme_uri(None) is None


@given(st.sampled_from(["SRT", "SCT", "SNM3", "99SDM"]), st.text())
def test_nothing_but_a_numeric_concept_is_ever_called_snomed_ct(designator: str, value: str) -> None:
    code = coding(designator, value, None)
    assert code.system != SCT or code.code[0].isdigit()


@given(st.text(), st.text(), st.none() | st.text(), st.none() | st.text(), st.none() | st.text())
def test_anything_stated_gives_a_code_with_a_system_that_is_a_uri(
    designator: str, value: str, meaning: str | None, version: str | None, uid: str | None
) -> None:
    code = coding(designator, value, meaning, version, uid)
    assert code.system is None or code.system.startswith(("http://", "urn:"))
    assert code.display == (meaning or None)
