"""Where an object says that its references live, in the words of each kind (PS3.3 C.12.2, C.17.2, C.11.11)."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from converter.mapper.evidence import Evidence
from converter.selection import Series
from tests.builders import STUDY, dataset, reference
from tests.mapper.structure_sets import STRUCTURE_SET_UID, referring, roi, structure_set

OWN = {"SOPInstanceUID": "1.1.1.1", "StudyInstanceUID": "1.1", "SeriesInstanceUID": "1.1.1"}


def series(keyword: str, *uids: str, uid: str = "1.9.2") -> Dataset:
    return dataset(SeriesInstanceUID=uid, **{keyword: [reference(each) for each in uids]})


def study(*held: Dataset, uid: str = "1.9") -> Dataset:
    return dataset(StudyInstanceUID=uid, ReferencedSeriesSequence=list(held))


@pytest.mark.parametrize(
    "keyword",
    [
        "CurrentRequestedProcedureEvidenceSequence",
        "PertinentOtherEvidenceSequence",
        "StudiesContainingOtherReferencedInstancesSequence",
        "BlendingSequence",
        "AdvancedBlendingSequence",
    ],
)
@pytest.mark.parametrize("inner", ["ReferencedSOPSequence", "ReferencedInstanceSequence", "ReferencedImageSequence"])
def test_a_sequence_of_studies_names_study_and_series(keyword: str, inner: str) -> None:
    evidence = Evidence(dataset(**OWN, **{keyword: [study(series(inner, "1.9.2.1", "1.9.2.2"))]}))
    assert evidence.series_of("1.9.2.2") == Series("1.9", "1.9.2")


def test_a_referenced_series_sequence_means_the_objects_own_study() -> None:
    evidence = Evidence(
        dataset(**OWN, ReferencedSeriesSequence=[series("ReferencedImageSequence", "1.1.2.1", uid="1.1.2")])
    )
    assert evidence.series_of("1.1.2.1") == Series("1.1", "1.1.2")


def test_the_object_is_where_it_says_it_is() -> None:
    assert Evidence(dataset(**OWN)).series_of("1.1.1.1") == Series("1.1", "1.1.1")


def test_what_nothing_names_is_not_known() -> None:
    evidence = Evidence(dataset(ReferencedSeriesSequence=[series("ReferencedImageSequence", "")]))
    assert evidence.series_of("1.9.2.1") is None
    assert list(evidence.instances()) == []


def test_the_first_statement_holds_unless_it_names_no_series() -> None:
    nameless = dataset(ReferencedSOPSequence=[reference("1.9.2.1")])
    evidence = Evidence(
        dataset(
            CurrentRequestedProcedureEvidenceSequence=[
                study(nameless),
                study(series("ReferencedSOPSequence", "1.9.2.1")),
                study(series("ReferencedSOPSequence", "1.9.2.1", uid="1.9.3")),
            ]
        )
    )
    assert evidence.series_of("1.9.2.1") == Series("1.9", "1.9.2")


def test_instances_come_in_the_order_stated() -> None:
    held = study(series("ReferencedSOPSequence", "1.9.2.2", "1.9.2.1"))
    evidence = Evidence(dataset(CurrentRequestedProcedureEvidenceSequence=[held]))
    assert [uid for uid, _ in evidence.instances()] == ["1.9.2.2", "1.9.2.1"]


def test_what_is_learned_later_is_known() -> None:
    evidence = Evidence(dataset(**OWN))
    evidence.add("1.9.2.1", Series("1.9", "1.9.2"))
    evidence.add("1.9.2.1", Series("1.9", "1.9.3"))
    assert evidence.series_of("1.9.2.1") == Series("1.9", "1.9.2")


def test_copies_in_other_studies_are_known_as_such_and_where_they_are() -> None:
    evidence = Evidence(
        dataset(
            **OWN,
            CurrentRequestedProcedureEvidenceSequence=[study(series("ReferencedSOPSequence", "1.9.2.1"))],
            IdenticalDocumentsSequence=[
                study(series("ReferencedSOPSequence", "1.8.2.1", "1.9.2.1", uid="1.8.2"), uid="1.8")
            ],
        )
    )
    assert (evidence.is_copy("1.8.2.1"), evidence.is_copy("1.1.1.1")) == (True, False)
    assert evidence.series_of("1.8.2.1") == Series("1.8", "1.8.2")
    assert evidence.series_of("1.9.2.1") == Series("1.9", "1.9.2")


def test_structure_sets_place_images_by_study_and_series() -> None:
    evidence = Evidence(structure_set([roi(1)], **referring("1.9.1", series="1.5")))
    assert evidence.series_of("1.9.1") == Series(STUDY, "1.5")
    assert evidence.series_instance_uids == {"1.5"}


def test_a_series_may_be_named_without_its_images() -> None:
    evidence = Evidence(structure_set([roi(1)], **referring(series="1.5")))
    assert evidence.series_instance_uids == {"1.5"}
    # The object's own series is none that it refers to.
    assert [uid for uid, _ in evidence.instances()] == [STRUCTURE_SET_UID]
