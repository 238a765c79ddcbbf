"""What all selections of an object share, by the table of the mapping documentation."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from pydicom import Dataset

from converter.mapper import KINDS
from converter.selection import Code, Concept, Frames, Identifier, LogicalReference, SelectionKey, Series
from tests.builders import (
    COMPREHENSIVE_3D_SR,
    IMAGE_1,
    REPORT,
    REPORT_SERIES,
    SERIES,
    STUDY,
    Instances,
    code,
    dataset,
    images,
    reference,
    report,
)
from tests.mapper.objects import annotated, problems

SCT = "http://snomed.info/sct"
LUNG = Concept((Code(SCT, "39607008", "Lung"),), "Lung")
PATH = "$.ContentSequence[0]"
PLUS_2 = timezone(timedelta(hours=2))


def evidence(series: str, *uids: str, study: str = STUDY) -> Dataset:
    held = dataset(SeriesInstanceUID=series, ReferencedSOPSequence=[reference(uid) for uid in uids])
    return dataset(StudyInstanceUID=study, ReferencedSeriesSequence=[held])


# Itself


def test_the_object_is_an_instance_of_its_own_series() -> None:
    obj = annotated(report(SeriesNumber=7, InstanceNumber=3))
    assert obj.own_series == Series(STUDY, REPORT_SERIES, 7)
    instance = obj.own_instance(subset=Frames((1,)))
    assert (instance.sop_instance_uid, instance.sop_class_uid) == (REPORT, COMPREHENSIVE_3D_SR)
    assert (instance.number, instance.subset) == (3, Frames((1,)))


def test_an_object_of_no_series_says_so_once() -> None:
    obj = annotated(report(SeriesInstanceUID=None))
    assert (obj.own_series, obj.own_series) == (Series(STUDY, None), Series(STUDY, None))
    assert problems(obj) == [("series-missing", "$")]


# When


def test_it_is_issued_at_its_own_date_and_time() -> None:
    assert annotated(report()).issued == datetime(2020, 1, 2, 10, 11, 12, tzinfo=PLUS_2)


@pytest.mark.parametrize(
    ("kind", "date", "time"),
    [
        ("PR", "PresentationCreationDate", "PresentationCreationTime"),
        ("SEG", "ContentDate", "ContentTime"),
        ("KO", "ContentDate", "ContentTime"),
    ],
)
def test_each_kind_keeps_its_date_in_its_own_element(kind: str, date: str, time: str) -> None:
    built = dataset(Modality=kind, TimezoneOffsetFromUTC="+0200", **{date: "20210304", time: "050607"})
    assert (KINDS[kind].date, KINDS[kind].time) == (date, time)
    assert annotated(built).issued == datetime(2021, 3, 4, 5, 6, 7, tzinfo=PLUS_2)


def test_the_objects_zone_comes_before_that_of_the_settings() -> None:
    obj = annotated(report(), timezone="-05:00")
    assert obj.issued is not None
    assert obj.issued.utcoffset() == timedelta(hours=2)
    for stated in (None, "east"):
        obj = annotated(report(TimezoneOffsetFromUTC=stated), timezone="-05:00")
        assert obj.issued is not None
        assert obj.issued.utcoffset() == timedelta(hours=-5)


@pytest.mark.parametrize(
    ("elements", "problem"),
    [
        ({"TimezoneOffsetFromUTC": None}, "issued-incomplete"),
        ({"ContentTime": "1011"}, "issued-incomplete"),
        ({"ContentTime": None}, "issued-incomplete"),
        ({"ContentDate": None}, "issued-incomplete"),
        ({"ContentDate": "20200230"}, "issued-invalid"),
    ],
)
def test_a_moment_that_is_not_known_is_left_out_and_noted_once(elements: dict[str, Any], problem: str) -> None:
    obj = annotated(report(**elements))
    assert (obj.issued, obj.issued) == (None, None)
    assert problems(obj) == [(problem, "$.ContentDate")]


def test_a_date_time_of_an_item_is_read_with_its_own_offset_else_the_objects_zone() -> None:
    obj = annotated(report())
    stated = dataset(ObservationDateTime="20200102101112.5-0330")
    expected = datetime(2020, 1, 2, 10, 11, 12, 500000, timezone(-timedelta(hours=3, minutes=30)))
    assert obj.issued_at(stated, "ObservationDateTime", PATH) == expected
    plain = dataset(ObservationDateTime="20200102101112")
    assert obj.issued_at(plain, "ObservationDateTime", PATH) == datetime(2020, 1, 2, 10, 11, 12, tzinfo=PLUS_2)
    assert obj.issued_at(dataset(), "ObservationDateTime", PATH) is None
    assert problems(obj) == []


def test_a_date_time_that_is_none_is_noted_at_its_item() -> None:
    obj = annotated(report())
    for value in ("2020", "20200230101112"):
        assert obj.issued_at(dataset(ObservationDateTime=value), "ObservationDateTime", PATH) is None
    place = f"{PATH}.ObservationDateTime"
    assert problems(obj) == [("issued-incomplete", place), ("issued-invalid", place)]


# Where


def test_evidence_places_an_instance_and_the_catalog_numbers_its_series() -> None:
    obj = annotated(report(CurrentRequestedProcedureEvidenceSequence=[evidence(SERIES, IMAGE_1, "1.2.9")]))
    assert obj.locate(IMAGE_1, PATH).series == Series(STUDY, SERIES, 3)
    assert obj.locate("1.2.9", PATH).series == Series(STUDY, SERIES)
    assert problems(obj) == [("instance-not-found", PATH)]


def test_the_catalog_places_what_evidence_does_not() -> None:
    found = annotated(report()).locate(IMAGE_1, PATH)
    assert (found.series, found.instance) == (Series(STUDY, SERIES, 3), images()[IMAGE_1])


@pytest.mark.parametrize(("study", "series"), [(STUDY, "1.9"), ("1.9", SERIES)])
def test_where_evidence_and_catalog_disagree_the_object_is_believed(study: str, series: str) -> None:
    stated = evidence(series, IMAGE_1, study=study)
    obj = annotated(report(CurrentRequestedProcedureEvidenceSequence=[stated]))
    assert obj.locate(IMAGE_1, PATH).series == Series(study, series)
    assert problems(obj) == [("series-conflict", PATH)]


def test_an_instance_that_nothing_places_is_said_to_be_so_once() -> None:
    obj = annotated(report())
    for path in (PATH, "$.Later"):
        assert obj.locate("1.2.9", path).series == Series()
    assert problems(obj) == [("instance-not-found", PATH), ("series-unknown", PATH)]


def test_the_object_itself_needs_no_catalog() -> None:
    obj = annotated(report(), Instances())
    assert obj.locate(REPORT, PATH).series == Series(STUDY, REPORT_SERIES)
    assert problems(obj) == []


def test_images_of_another_patient_are_a_warning() -> None:
    known = images()
    known[IMAGE_1] = replace(known[IMAGE_1], patient_id="P2")
    obj = annotated(report(), known)
    obj.locate(IMAGE_1, PATH)
    assert problems(obj) == [("patient-mismatch", PATH)]


# Body site


def test_the_stated_site_has_the_stated_side_else_the_images() -> None:
    obj = annotated(report())
    left = replace(images()[IMAGE_1], laterality="L", body_part_examined="HEAD")
    (site,) = obj.body_sites(LUNG, "R", left)
    assert site.codings == (*LUNG.codings, Code(SCT, "39607008:272741003=24028007"))
    (site,) = obj.body_sites(LUNG, None, left)
    assert site.codings == (*LUNG.codings, Code(SCT, "39607008:272741003=7771000"))
    assert obj.body_sites(LUNG) == (LUNG,)


def test_without_a_stated_site_the_images_region_comes_before_its_body_part() -> None:
    obj = annotated(report())
    part = replace(images()[IMAGE_1], body_part_examined="ABDOMEN")
    # PS3.16 Table L-1.
    assert obj.body_sites(None, None, part) == (Concept((Code(SCT, "818981001", "Abdomen"),), "Abdomen"),)
    region = replace(part, anatomic_region=LUNG.codings[0])
    assert obj.body_sites(None, None, region) == (LUNG,)


def test_a_side_without_a_site_is_no_site() -> None:
    obj = annotated(report())
    assert obj.body_sites(None, "R") == ()
    assert obj.body_sites(None, "R", replace(images()[IMAGE_1], body_part_examined="NOWHERE")) == ()


# What every selection states


def test_a_selection_states_what_the_object_does_unless_told_otherwise() -> None:
    obj = annotated(
        report(AccessionNumber="A7", Manufacturer="Maker"),
        patient_id_systems={"": "urn:oid:1.2"},
        endpoint="https://pacs.example/dicom-web/",
    )
    selection = obj.selection(obj.key("item", "1.2", SERIES, "1.2.7"), LUNG)
    assert selection.key == SelectionKey(REPORT, "item", "1.2", SERIES, "1.2.7")
    assert selection.categories[0].codings[0].code == "SR"
    assert selection.subject == LogicalReference("Patient", Identifier("P1", "urn:oid:1.2"))
    assert [each.identifier.value for each in selection.based_on if each.identifier] == ["A7"]
    assert selection.issued == obj.issued
    assert [each.actor.display for each in selection.performers] == ["Maker"]
    assert selection.endpoints == ("https://pacs.example/dicom-web",)
    told = obj.selection(obj.key("item"), LUNG, categories=(), issued=None, performers=())
    assert (told.categories, told.issued) == ((), None)
    assert [each.actor.display for each in told.performers] == ["Maker"]


def test_the_endpoint_is_what_stands_before_the_studies_of_a_retrieve_url() -> None:
    held = evidence(SERIES, IMAGE_1)
    series = held.ReferencedSeriesSequence[0]
    series.RetrieveURL = "https://pacs.example/rs/studies/1.2/series/1.3"
    series.ReferencedSOPSequence[0].RetrieveURL = "https://other.example/rs/studies/1.2/series/1.3/instances/1.4"
    obj = annotated(report(CurrentRequestedProcedureEvidenceSequence=[held]))
    assert obj.endpoints == ("https://pacs.example/rs", "https://other.example/rs")


@pytest.mark.parametrize("url", ["https://pacs.example/wado?x=1", "ftp://pacs.example/studies/1.2", ""])
def test_a_retrieve_url_of_something_else_is_no_endpoint(url: str) -> None:
    assert annotated(report(RetrieveURL=url)).endpoints == ()


# Values that cannot be read


def test_an_unreadable_value_is_a_problem_at_its_element_and_counts_as_missing() -> None:
    obj = annotated(report())
    broken = dataset()
    for keyword in ("ReferencedFrameNumber", "GraphicData"):
        broken.add_new(keyword, "LO", "secret")
    assert obj.integer(broken, "ReferencedFrameNumber", PATH) is None
    assert obj.integers(broken, "ReferencedFrameNumber", PATH) == ()
    assert obj.floats(broken, "GraphicData", PATH) is None
    place = f"{PATH}.ReferencedFrameNumber"
    assert problems(obj) == [
        ("value-unreadable", place),
        ("value-unreadable", place),
        ("value-unreadable", f"{PATH}.GraphicData"),
    ]
    assert not any("secret" in each.message for each in obj.problems)


def test_a_concept_without_a_code_and_one_of_an_unknown_scheme_are_told() -> None:
    obj = annotated(report())
    nameless = dataset(ConceptNameCodeSequence=[dataset(CodeMeaning="Shadow")])
    private = dataset(ConceptNameCodeSequence=[code("S1", "99HOUSE", "Shadow")])
    assert obj.concept(nameless, "ConceptNameCodeSequence", PATH) == Concept((), "Shadow")
    for _ in range(2):
        assert obj.concept(private, "ConceptNameCodeSequence", PATH) == Concept((Code(None, "S1", "Shadow"),), "Shadow")
    place = f"{PATH}.ConceptNameCodeSequence[0]"
    assert problems(obj) == [("code-incomplete", place), ("code-scheme-unknown", place)]


def test_the_objects_own_coding_schemes_are_known() -> None:
    schemes = [dataset(CodingSchemeDesignator="99HOUSE", CodingSchemeUID="1.2.3")]
    obj = annotated(report(CodingSchemeIdentificationSequence=schemes))
    found = obj.concept(
        dataset(ConceptNameCodeSequence=[code("S1", "99HOUSE", "Shadow")]), "ConceptNameCodeSequence", "$"
    )
    assert found == Concept((Code("urn:oid:1.2.3", "S1", "Shadow"),), "Shadow")
    assert problems(obj) == []
