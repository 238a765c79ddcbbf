"""Key object selections: what a title says of what, by PS3.16 TID 2010, MAPPING rows and corpus facts."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import highdicom as hd
import pytest
from pydicom import Dataset, dcmread

from converter.catalog import EmptyCatalog, Instance
from converter.mapper import Mapped, map_object
from converter.selection import Channels, Code, Concept, Frames, Segments, Selection
from converter.settings import Settings
from tests.builders import (
    ECG,
    GSPS,
    IMAGE_1,
    IMAGE_2,
    IMAGE_3,
    OTHER_SERIES,
    SEGMENTATION,
    SERIES,
    STUDY,
    Instances,
    by_role,
    code,
    codes_of,
    container,
    dataset,
    image,
    images,
    item,
    mapped,
    reference,
    report,
)
from tests.mapper.objects import problems, reread

DCM = "http://dicom.nema.org/resources/ontology/DCM"
KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
FOR_SURGERY = code("113010", "DCM", "For Surgery")
SEGMENTED = "1.2.3.6.1"


def key_objects(*children: Dataset, title: Dataset | None = FOR_SURGERY, **elements: Any) -> Dataset:
    built = report(*children, title=title, SOPClassUID=KEY_OBJECTS, Modality="KO", **elements)
    if title is None:
        del built.ConceptNameCodeSequence
    return built


def text(value: str, concept: str = "113012") -> Dataset:
    return item("TEXT", code(concept, "DCM", "Key Object Description"), TextValue=value)


def modifier(meaning: str) -> Dataset:
    return item(
        "CODE", code("113011", "DCM", "Document Title Modifier"), ConceptCodeSequence=[code("1", "99X", meaning)]
    )


def catalog() -> Instances:
    known = images()
    known[SEGMENTED] = Instance(sop_instance_uid=SEGMENTED, study_instance_uid=STUDY, series_instance_uid="1.2.3.6")
    return known


def selected(selection: Selection) -> list[tuple[str, object]]:
    return [(each.sop_instance_uid, each.subset) for each in selection.instances]


def keys(selections: list[Selection]) -> list[tuple[str, str, str]]:
    return [(each.key.role, each.key.path, each.key.series) for each in selections]


# Real objects


def test_every_fact_of_the_corpus_is_stated_and_only_presentation_states_are_beside_them(corpus: Path) -> None:
    checked = 0
    for line in (corpus / "facts.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["object"] != "KO":
            continue
        read = dcmread(corpus / entry["file"])
        result = map_object(read, str(read.SOPInstanceUID), EmptyCatalog(), Settings())
        stated = [each for selection in by_role(result, "item") for each in selected(selection)]
        expected = [(uid, Frames(tuple(frames)) if frames else None) for _, uid, frames in entry["facts"]]
        assert sorted(stated, key=str) == sorted(expected, key=str), entry["file"]
        assert {each.key.role for each in result.selections} <= {"item", "presentation"}
        checked += 1
    assert checked == 10


def test_real_key_images_are_named_by_the_states_that_present_them(corpus: Path) -> None:
    read = dcmread(corpus / "clearcanvas" / "real0X.ko.dcm")
    result = map_object(read, str(read.SOPInstanceUID), EmptyCatalog(), Settings())
    (images_selected,) = by_role(result, "item")
    assert images_selected.code == Concept((Code(DCM, "113000", "Of Interest"),), "Of Interest")
    root = "1.3.6.1.4.1.25403.2200303521616.3496.20090914011307"
    states = by_role(result, "presentation")
    # (0008,1199) within (0008,1199) of each content item, as dcmdump prints them.
    assert {uid for each in states for uid, _ in selected(each)} == {
        f"{root}.{number}" for number in (1, 3, 5, 7, 9, 11)
    }
    assert {each.focus for each in states} == {(images_selected.key,)}


def test_a_document_of_highdicom_is_read_with_its_observers() -> None:
    observer = hd.sr.ObserverContext(
        observer_type=hd.sr.CodedConcept("121006", "DCM", "Person"),
        observer_identifying_attributes=hd.sr.PersonObserverIdentifyingAttributes(name="Doe^Jo"),
    )
    evidence = []
    for uid in (IMAGE_1, IMAGE_2):
        header = dataset(
            SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID=uid, Modality="CT", Rows=80, Columns=100
        )
        header.update(dataset(StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES, PatientID="P1", AccessionNumber="A7"))
        header.update(dataset(StudyDate="", StudyTime="", StudyID="", PatientBirthDate="", PatientSex=""))
        header.update(dataset(PatientName="", ReferringPhysicianName=""))
        evidence.append(header)
    content = hd.ko.KeyObjectSelection(
        document_title=hd.sr.CodedConcept("113004", "DCM", "For Teaching"),
        referenced_objects=evidence,
        observer_person_context=observer,
        description="Two of many",
    )
    built = hd.ko.KeyObjectSelectionDocument(
        evidence=evidence,
        content=content,
        series_instance_uid="1.2.3.8",
        series_number=1,
        sop_instance_uid="1.2.3.9",
        instance_number=1,
        manufacturer="Maker",
    )
    result = mapped(reread(built), Instances())
    (selection,) = result.selections
    assert selected(selection) == [(IMAGE_1, None), (IMAGE_2, None)]
    assert selection.code == Concept((Code(DCM, "113004", "For Teaching"),), "For Teaching: Two of many")
    assert [each.actor.display for each in selection.performers] == ["Jo Doe"]
    assert (selection.series.study_instance_uid, selection.series.series_instance_uid) == (STUDY, SERIES)


# What the document says


def test_the_title_its_modifiers_and_the_description_say_why() -> None:
    result = mapped(key_objects(modifier("Left side"), modifier("Again"), text("Stones"), image(IMAGE_1)))
    (selection,) = result.selections
    assert selection.code == Concept((Code(DCM, "113010", "For Surgery"),), "For Surgery, Left side, Again: Stones")
    assert selection.categories == (
        Concept((Code(DCM, "KO", "Key Object Selection"),), "Key Object Selection"),
        Concept((Code(DCM, "113010", "For Surgery"),), "For Surgery"),
    )
    assert selection.status == "available"
    assert selection.issued == datetime(2020, 1, 2, 10, 11, 12, tzinfo=timezone(timedelta(hours=2)))


def test_without_a_title_the_description_says_why_else_the_kind_of_object() -> None:
    (described,) = mapped(key_objects(text("Stones"), image(IMAGE_1), title=None)).selections
    assert described.code == Concept((), "Stones")
    result = mapped(key_objects(image(IMAGE_1), title=None))
    assert result.selections[0].code.text == "Key Object Selection"
    assert problems(result) == [("code-missing", "$.ConceptNameCodeSequence")]


@pytest.mark.parametrize("title", ["113001", "113037", "113038", "113039"])
def test_a_rejection_note_makes_everything_inactive(title: str) -> None:
    result = mapped(key_objects(image(IMAGE_1), image(IMAGE_3), title=code(title, "DCM", "Rejected")))
    assert [each.status for each in result.selections] == ["inactive", "inactive"]
    assert problems(result) == [("rejection-note", "$.ConceptNameCodeSequence[0]")]


def test_a_code_of_another_scheme_is_no_rejection() -> None:
    result = mapped(key_objects(image(IMAGE_1), title=code("113001", "99X", "Something else")))
    assert [each.status for each in result.selections] == ["available"]


def test_people_and_devices_that_observed_are_the_performers_else_the_equipment() -> None:
    name = item("PNAME", code("121008", "DCM", "Person Observer Name"), PersonName="Doe^Jo")
    device = item("UIDREF", code("121012", "DCM", "Device Observer UID"), UID="1.2.55")
    (selection,) = mapped(key_objects(name, device, image(IMAGE_1), Manufacturer="Maker")).selections
    person, machine = (each.actor for each in selection.performers)
    assert (person.type, person.display) == ("Practitioner", "Jo Doe")
    assert machine.identifier is not None
    assert (machine.type, machine.identifier.value) == ("Device", "urn:oid:1.2.55")
    (selection,) = mapped(key_objects(image(IMAGE_1), Manufacturer="Maker")).selections
    assert [each.actor.display for each in selection.performers] == ["Maker"]


# What it selects


def test_instances_are_selected_by_series_under_the_position_of_the_first() -> None:
    ecg = image("1.2.3.1.2.9", value_type="WAVEFORM", sop_class=ECG, ReferencedWaveformChannels=[1, 2])
    known = catalog()
    known["1.2.3.1.2.9"] = Instance(
        sop_instance_uid="1.2.3.1.2.9", study_instance_uid=STUDY, series_instance_uid=OTHER_SERIES
    )
    built = key_objects(
        text("Stones"),
        image(IMAGE_3, value_type="COMPOSITE"),
        image(IMAGE_1, ReferencedFrameNumber=1),
        ecg,
        image(IMAGE_2, ReferencedFrameNumber=None),
    )
    result = mapped(built, known)
    assert keys(list(result.selections)) == [("item", "1.2", OTHER_SERIES), ("item", "1.3", SERIES)]
    first, second = result.selections
    assert selected(first) == [(IMAGE_3, None), ("1.2.3.1.2.9", Channels(((1, 2),)))]
    assert selected(second) == [(IMAGE_1, Frames((1,))), (IMAGE_2, None)]
    assert [each.number for each in second.instances] == [11, 12]
    assert second.place == "$.ContentSequence[2].ReferencedSOPSequence[0]"


def test_items_within_containers_are_found() -> None:
    built = key_objects(container(None, container(None, image(IMAGE_1))), image(IMAGE_3))
    assert keys(list(mapped(built).selections)) == [("item", "1.1.1.1", SERIES), ("item", "1.2", OTHER_SERIES)]


def test_segments_alone_are_selected_like_any_instance() -> None:
    built = key_objects(image(SEGMENTED, sop_class=SEGMENTATION, ReferencedSegmentNumber=[2, 5]))
    (selection,) = mapped(built, catalog()).selections
    assert selected(selection) == [(SEGMENTED, Segments((2, 5)))]


def test_frames_and_segments_are_two_selections_the_segments_about_the_frames() -> None:
    both = image(SEGMENTED, sop_class=SEGMENTATION, ReferencedFrameNumber=[3, 4], ReferencedSegmentNumber=2)
    whole = image(SEGMENTED, sop_class=SEGMENTATION)
    result = mapped(key_objects(whole, both), catalog())
    plain, frames, segments = result.selections
    assert keys([plain, frames, segments]) == [
        ("item", "1.1", "1.2.3.6"),
        ("item", "1.2", "1.2.3.6"),
        ("segment", "1.2", "1.2.3.6"),
    ]
    assert (selected(frames), selected(segments)) == (
        [(SEGMENTED, Frames((3, 4)))],
        [(SEGMENTED, Segments((2,)))],
    )
    assert (plain.focus, frames.focus, segments.focus) == ((), (), (frames.key,))
    assert codes_of(result) == ["frames-and-segments"]


def test_presentation_states_are_selections_of_their_own_series_about_their_images() -> None:
    known = catalog()
    for uid in ("1.2.3.1.7.1", "1.2.3.1.7.2"):
        known[uid] = Instance(sop_instance_uid=uid, study_instance_uid=STUDY, series_instance_uid="1.2.3.1.7")
    result = mapped(
        key_objects(
            image(IMAGE_1),
            image(IMAGE_2, ReferencedSOPSequence=[reference("1.2.3.1.7.1", GSPS)]),
            image(IMAGE_3, ReferencedSOPSequence=[reference("1.2.3.1.7.2", GSPS)]),
        ),
        known,
    )
    first, second, states = result.selections
    assert keys([states]) == [("presentation", "1.2", "1.2.3.1.7")]
    assert selected(states) == [("1.2.3.1.7.1", None), ("1.2.3.1.7.2", None)]
    assert states.focus == (first.key, second.key)
    assert states.code.text == "For Surgery"


def test_instances_that_nothing_places_are_selected_each_on_its_own() -> None:
    result = mapped(key_objects(image("1.2.9.1"), image("1.2.9.2")), Instances())
    assert [each.series.series_instance_uid for each in result.selections] == [None, None]
    assert len({each.id for each in result.selections}) == 2
    assert codes_of(result) == ["instance-not-found", "series-unknown"] * 2


def test_one_bad_reference_costs_none_of_the_others() -> None:
    result = mapped(key_objects(image(""), item("IMAGE"), image(IMAGE_1, ReferencedFrameNumber=-1), image(IMAGE_2)))
    assert [selected(each) for each in result.selections] == [[(IMAGE_2, None)]]
    assert problems(result) == [
        ("reference-incomplete", "$.ContentSequence[0].ReferencedSOPSequence[0]"),
        ("reference-incomplete", "$.ContentSequence[1].ReferencedSOPSequence"),
        ("frame-invalid", "$.ContentSequence[2].ReferencedSOPSequence[0].ReferencedFrameNumber"),
    ]


def test_a_document_without_content_selects_nothing() -> None:
    result: Mapped = mapped(key_objects())
    assert (result.selections, problems(result)) == (
        (),
        [("content-missing", "$.ContentSequence"), ("nothing-selected", "$")],
    )
