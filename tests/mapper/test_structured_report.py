"""Structured reports: what each item becomes, expected values read off PS3.3 C.17.3, C.18 and PS3.16 TID 1410, 1411."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from pydicom import Dataset

from converter.catalog import Instance
from converter.selection import Code, ContentItem, Frames, Segments
from tests.builders import (
    ECG,
    ENHANCED_CT,
    FRAME_OF_REFERENCE,
    IMAGE_1,
    IMAGE_2,
    IMAGE_3,
    OTHER_SERIES,
    REPORT,
    REPORT_SERIES,
    SEGMENTATION,
    SERIES,
    STUDY,
    Instances,
    by_reference,
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
    scoord,
    scoord3d,
)

IMAGE_REGION = code("111030", "DCM", "Image Region")
GROUP = code("125007", "DCM", "Measurement Group")
LENGTH = code("410668003", "SCT", "Length")
FINDING_SITE = code("363698007", "SCT", "Finding Site")
LIVER = code("10200004", "SCT", "Liver")
PLUS_2 = timezone(timedelta(hours=2))


def test_a_region_stands_on_the_image_it_is_selected_from() -> None:
    result = mapped(report(scoord("CIRCLE", [10.5, 20, 15.5, 20], image(IMAGE_1), concept=IMAGE_REGION)))
    (selection,) = result.selections
    assert selection.code.codings[0] == Code("http://dicom.nema.org/resources/ontology/DCM", "111030", "Image Region")
    assert (selection.series.study_instance_uid, selection.series.series_instance_uid) == (STUDY, SERIES)
    assert selection.series.number == 3
    (instance,) = selection.instances
    assert (instance.sop_instance_uid, instance.sop_class_uid, instance.number) == (
        IMAGE_1,
        "1.2.840.10008.5.1.4.1.1.2",
        11,
    )
    (region,) = instance.regions
    assert region.type == "circle"
    assert region.coordinates.dtype == np.float32
    assert region.coordinates.tolist() == [[10.5, 20.0], [15.5, 20.0]]
    assert selection.key.path == "1.1"
    assert selection.place == "$.ContentSequence[0]"
    assert selection.issued == datetime(2020, 1, 2, 10, 11, 12, tzinfo=PLUS_2)
    assert result.problems == ()


def test_an_unnamed_region_has_the_purpose_of_its_nearest_named_ancestor() -> None:
    number = item("NUM", LENGTH, [scoord("POLYLINE", [1, 2, 3, 4], image(IMAGE_1))])
    (selection,) = mapped(report(container(None, number))).selections
    assert selection.code.text == "Length"
    assert selection.key.path == "1.1.1.1"


@pytest.mark.parametrize(
    ("kind", "points", "expected"),
    [
        ("POINT", 1, "point"),
        ("MULTIPOINT", 3, "multipoint"),
        ("POLYLINE", 2, "polyline"),
        ("CIRCLE", 2, "circle"),
        ("ELLIPSE", 4, "ellipse"),
    ],
)
def test_each_2d_graphic_type_keeps_its_name(kind: str, points: int, expected: str) -> None:
    (selection,) = mapped(report(scoord(kind, range(2 * points), image(IMAGE_1)))).selections
    assert selection.instances[0].regions[0].type == expected


@pytest.mark.parametrize(
    ("kind", "points", "expected"),
    [
        ("POINT", 1, "point"),
        ("MULTIPOINT", 2, "multipoint"),
        ("POLYLINE", 2, "polyline"),
        ("POLYGON", 4, "polygon"),
        ("ELLIPSE", 4, "ellipse"),
        ("ELLIPSOID", 6, "ellipsoid"),
    ],
)
def test_a_3d_region_alone_has_a_frame_of_reference_and_no_series(kind: str, points: int, expected: str) -> None:
    (selection,) = mapped(report(scoord3d(kind, range(3 * points)))).selections
    assert selection.frame_of_reference_uid == FRAME_OF_REFERENCE
    assert selection.series.series_instance_uid is None
    assert selection.instances == ()
    assert [region.type for region in selection.regions_3d] == [expected]


def test_an_open_polygon_is_closed_by_its_first_vertex() -> None:
    (selection,) = mapped(report(scoord3d("POLYGON", [0, 0, 0, 1, 0, 0, 1, 1, 0]))).selections
    assert selection.regions_3d[0].coordinates.tolist() == [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_3d_regions_with_images_of_two_series_become_two_selections() -> None:
    result = mapped(report(scoord3d("POINT", [1, 2, 3], image(IMAGE_1), image(IMAGE_3))))
    assert [each.series.series_instance_uid for each in result.selections] == [SERIES, OTHER_SERIES]
    assert [len(each.regions_3d) for each in result.selections] == [1, 1]
    assert len({each.id for each in result.selections}) == 2


def test_items_of_one_parent_and_concept_merge_by_series() -> None:
    regions = [
        scoord("POINT", [n, n], image(uid), concept=IMAGE_REGION) for n, uid in enumerate([IMAGE_1, IMAGE_1, IMAGE_2])
    ]
    other_series = scoord("POINT", [9, 9], image(IMAGE_3), concept=IMAGE_REGION)
    result = mapped(report(container(GROUP, *regions, other_series)))
    first, second = by_role(result, "regions2d")
    assert [(each.sop_instance_uid, len(each.regions)) for each in first.instances] == [(IMAGE_1, 2), (IMAGE_2, 1)]
    assert first.key.path == "1.1.1"
    assert [each.sop_instance_uid for each in second.instances] == [IMAGE_3]
    assert second.key.path == "1.1.4"


@pytest.mark.parametrize("difference", ["concept", "date", "observation uid", "parent"])
def test_items_that_differ_do_not_merge(difference: str) -> None:
    one = scoord("POINT", [1, 1], image(IMAGE_1), concept=IMAGE_REGION)
    two = scoord("POINT", [2, 2], image(IMAGE_1), concept=IMAGE_REGION)
    if difference == "concept":
        two.ConceptNameCodeSequence = [LENGTH]
    elif difference == "date":
        two.ObservationDateTime = "20200103000000+0000"
    elif difference == "observation uid":
        two.ObservationUID = "1.2.3.44"
    children = (container(None, one), container(None, two)) if difference == "parent" else (one, two)
    result = mapped(report(*children))
    assert len(result.selections) == 2
    if difference == "date":
        assert result.selections[1].issued == datetime(2020, 1, 3, tzinfo=timezone.utc)  # noqa: UP017
    if difference == "observation uid":
        identifier = result.selections[1].identifiers[0]
        assert (identifier.system, identifier.value) == ("urn:dicom:uid", "urn:oid:1.2.3.44")


def test_a_measurement_group_is_selected_and_named_by_its_regions() -> None:
    laterality = code("272741003", "SCT", "Laterality")
    side = item("CODE", laterality, ConceptCodeSequence=[code("24028007", "SCT", "Right")])
    group = container(
        GROUP,
        item("TEXT", code("112039", "DCM", "Tracking Identifier"), TextValue="Lesion 1"),
        item("UIDREF", code("112040", "DCM", "Tracking Unique Identifier"), UID="1.2.3.55"),
        item("CODE", FINDING_SITE, [side], ConceptCodeSequence=[LIVER]),
        scoord("POINT", [1, 1], image(IMAGE_1), concept=IMAGE_REGION),
        ObservationUID="1.2.3.66",
    )
    result = mapped(report(container(code("126010", "DCM", "Imaging Measurements"), group)))
    (stated,), (region,) = by_role(result, "group"), by_role(result, "regions2d")
    assert stated.code.codings[0].code == "111040"
    assert stated.series.series_instance_uid == REPORT_SERIES
    (instance,) = stated.instances
    assert instance.sop_instance_uid == REPORT
    assert instance.subset == ContentItem((1, 1, 1), "1.2.3.66")
    assert [(each.value, each.use) for each in stated.identifiers] == [
        ("urn:oid:1.2.3.66", None),
        ("Lesion 1", "secondary"),
        ("urn:oid:1.2.3.55", "secondary"),
    ]
    assert region.focus == (stated.key,)
    assert [each.code for each in region.body_sites[0].codings] == ["10200004", "10200004:272741003=24028007"]


@pytest.mark.parametrize("template", ["1410", "1411", "1501"])
def test_a_group_is_recognised_by_its_template_too(template: str) -> None:
    group = container(code("X", "99LOCAL", "Own group"), image(IMAGE_1), template=template)
    assert len(by_role(mapped(report(group)), "group")) == 1


def test_the_nearest_observation_context_wins_and_verifiers_are_added() -> None:
    def observer(name: str) -> list[Dataset]:
        kind = item(
            "CODE", code("121005", "DCM", "Observer Type"), ConceptCodeSequence=[code("121006", "DCM", "Person")]
        )
        person = item("PNAME", code("121008", "DCM", "Person Observer Name"), PersonName=name)
        kind.RelationshipType = person.RelationshipType = "HAS OBS CONTEXT"
        return [kind, person]

    inner = container(GROUP, *observer("Reader^Second"), image(IMAGE_1))
    verifier = dataset(VerifyingObserverName="Chief^The", VerifyingDateTime="20200101")
    result = mapped(report(*observer("Reader^First"), inner, image(IMAGE_2), VerifyingObserverSequence=[verifier]))
    nested, outer = by_role(result, "item")
    assert [(each.actor.display, each.function and each.function.code) for each in nested.performers] == [
        ("Second Reader", "PRF"),
        ("The Chief", "VRF"),
    ]
    assert outer.performers[0].actor.display == "First Reader"


def test_a_device_observer_is_identified_by_its_uid() -> None:
    context = [
        item("CODE", code("121005", "DCM", "Observer Type"), ConceptCodeSequence=[code("121007", "DCM", "Device")]),
        item("UIDREF", code("121012", "DCM", "Device Observer UID"), UID="1.2.3.77"),
        item("TEXT", code("121013", "DCM", "Device Observer Name"), TextValue="CAD"),
    ]
    for each in context:
        each.RelationshipType = "HAS OBS CONTEXT"
    (selection,) = mapped(report(*context, image(IMAGE_1))).selections
    (performer,) = selection.performers
    assert performer.actor.type == "Device"
    assert performer.actor.display == "CAD"
    assert performer.actor.identifier is not None
    assert performer.actor.identifier.value == "urn:oid:1.2.3.77"


def test_image_library_entries_alone_select_nothing() -> None:
    library = container(code("111028", "DCM", "Image Library"), image(IMAGE_1), image(IMAGE_2))
    result = mapped(report(library))
    assert result.selections == ()
    assert codes_of(result) == ["nothing-selected"]


def test_a_region_by_reference_to_a_library_entry_stands_on_that_image() -> None:
    library = container(code("111028", "DCM", "Image Library"), image(IMAGE_1), image(IMAGE_2))
    result = mapped(report(library, scoord("POINT", [5, 6], by_reference(1, 1, 2))))
    (selection,) = result.selections
    assert [each.sop_instance_uid for each in selection.instances] == [IMAGE_2]


def test_library_uids_are_evidence_for_instances_that_were_not_read() -> None:
    library = container(
        code("111028", "DCM", "Image Library"),
        item("UIDREF", code("110180", "DCM", "Study Instance UID"), UID="1.9.1"),
        item("UIDREF", code("112002", "DCM", "Series Instance UID"), UID="1.9.2"),
        image("1.9.3"),
    )
    (selection,) = mapped(report(library, scoord("POINT", [5, 6], by_reference(1, 1, 3)))).selections
    assert (selection.series.study_instance_uid, selection.series.series_instance_uid) == ("1.9.1", "1.9.2")


def test_a_measurement_that_refers_to_a_region_selects_it_for_its_own_purpose() -> None:
    region = scoord("POINT", [5, 6], image(IMAGE_1), concept=IMAGE_REGION)
    number = item("NUM", LENGTH, [by_reference(1, 1, relationship="INFERRED FROM")])
    stated, referred = mapped(report(region, number)).selections
    assert referred.code.text == "Length"
    assert referred.instances[0].regions[0].coordinates.tolist() == [[5, 6]]
    assert referred.focus == (stated.key,)


def test_references_in_a_loop_and_to_nowhere_are_reported_with_their_place() -> None:
    looped = container(None, by_reference(1, 1), image(IMAGE_1))
    mutual = [container(None, by_reference(1, 3)), container(None, by_reference(1, 2))]
    result = mapped(report(looped, *mutual, scoord("POINT", [1, 2], by_reference(1, 9))))
    problems = {(each.code, each.path) for each in result.problems}
    assert (
        "item-reference-loop",
        "$.ContentSequence[0].ContentSequence[0].ReferencedContentItemIdentifier",
    ) in problems
    assert (
        "item-reference-loop",
        "$.ContentSequence[2].ContentSequence[0].ReferencedContentItemIdentifier",
    ) in problems
    assert (
        "item-reference-dangling",
        "$.ContentSequence[3].ContentSequence[0].ReferencedContentItemIdentifier",
    ) in problems
    assert ("region-without-image", "$.ContentSequence[3].GraphicData") in problems
    assert [each.instances[0].sop_instance_uid for each in result.selections] == [IMAGE_1]


def test_frames_and_segments_of_one_reference_are_two_selections() -> None:
    catalog = images()
    segmentation = image("1.2.3.5", code("121214", "DCM", "Referenced Segmentation Frame"), sop_class=SEGMENTATION,
                         ReferencedFrameNumber=[2, 3], ReferencedSegmentNumber=4)  # fmt: skip
    evidence = dataset(
        StudyInstanceUID=STUDY,
        ReferencedSeriesSequence=[
            dataset(SeriesInstanceUID="1.2.3.6", ReferencedSOPSequence=[reference("1.2.3.5", SEGMENTATION)])
        ],
    )
    result = mapped(report(segmentation, CurrentRequestedProcedureEvidenceSequence=[evidence]), catalog)
    frames, segments = result.selections
    assert frames.instances[0].subset == Frames((2, 3))
    assert segments.instances[0].subset == Segments((4,))
    assert segments.focus == (frames.key,)
    assert frames.series.series_instance_uid == segments.series.series_instance_uid == "1.2.3.6"
    assert "frames-and-segments" in codes_of(result)


def test_a_presentation_state_beside_an_image_is_a_selection_of_its_own_series() -> None:
    shown = image(IMAGE_1, IMAGE_REGION, ReferencedSOPSequence=[reference("1.2.3.5", "1.2.840.10008.5.1.4.1.1.11.1")])
    result = mapped(report(shown))
    (state,) = by_role(result, "presentation")
    assert [each.sop_instance_uid for each in state.instances] == ["1.2.3.5"]
    assert state.series.series_instance_uid is None
    assert "series-unknown" in codes_of(result)


def test_a_temporal_range_is_reported_and_what_it_is_selected_from_is_kept() -> None:
    waveform = image("1.2.3.5", value_type="WAVEFORM", sop_class=ECG)
    result = mapped(report(item("TCOORD", LENGTH, [waveform], TemporalRangeType="SEGMENT")))
    assert [each.instances[0].sop_instance_uid for each in result.selections] == ["1.2.3.5"]
    assert ("temporal-range", "$.ContentSequence[0]") in {(each.code, each.path) for each in result.problems}


def test_instances_of_no_known_series_stay_apart() -> None:
    result = mapped(report(image("1.9.1"), image("1.9.2")))
    assert [each.instances[0].sop_instance_uid for each in result.selections] == ["1.9.1", "1.9.2"]
    assert len({each.id for each in result.selections}) == 2


def test_the_objects_evidence_wins_over_a_catalog_that_disagrees() -> None:
    evidence = dataset(
        StudyInstanceUID=STUDY,
        ReferencedSeriesSequence=[dataset(SeriesInstanceUID="1.2.3.99", ReferencedSOPSequence=[reference(IMAGE_1)])],
    )
    result = mapped(report(image(IMAGE_1), CurrentRequestedProcedureEvidenceSequence=[evidence]))
    assert result.selections[0].series.series_instance_uid == "1.2.3.99"
    assert codes_of(result) == ["series-conflict"]


def test_volume_positions_are_kept_for_the_whole_instance() -> None:
    region = scoord("POINT", [500, 700], image(IMAGE_1, ReferencedFrameNumber=2), PixelOriginInterpretation="VOLUME")
    catalog = Instances(
        {
            IMAGE_1: tiled_image(),
        }
    )
    result = mapped(report(region), catalog)
    (instance,) = result.selections[0].instances
    assert instance.subset is None
    assert instance.regions[0].coordinates.tolist() == [[500, 700]]
    assert codes_of(result) == ["region-matrix"]


def tiled_image() -> Instance:
    from dataclasses import replace

    return replace(images()[IMAGE_1], number_of_frames=4, total_pixel_matrix_columns=1000, total_pixel_matrix_rows=1000)


@pytest.mark.parametrize(
    ("points", "kind", "problem"),
    [
        ([1.0, 2.0, 3.0], "POLYLINE", "region-odd"),
        ([], "POINT", "region-missing"),
        ([1.0, float("nan")], "POINT", "region-not-finite"),
        ([1.0, float("inf")], "POINT", "region-not-finite"),
        ([1.0, 2.0, 3.0, 4.0], "ELLIPSE", "region-count"),
        ([1.0, 2.0], "SQUARE", "region-type"),
    ],
)
def test_a_bad_region_is_reported_and_its_image_stays_selected(points: list[float], kind: str, problem: str) -> None:
    result = mapped(report(scoord(kind, points, image(IMAGE_1))))
    assert problem in codes_of(result)
    (selection,) = result.selections
    assert [(each.sop_instance_uid, each.regions) for each in selection.instances] == [(IMAGE_1, ())]


def test_a_region_outside_of_its_image_is_kept_with_a_warning() -> None:
    result = mapped(report(scoord("POINT", [100.5, 10], image(IMAGE_1))))
    assert result.selections[0].instances[0].regions[0].coordinates.tolist() == [[100.5, 10]]
    assert [(each.code, each.severity) for each in result.problems] == [("region-outside", "warning")]


def test_frames_beyond_the_image_are_kept_with_a_warning_and_invalid_ones_are_not() -> None:
    catalog = Instances({IMAGE_1: tiled_image()})
    beyond = mapped(report(image(IMAGE_1, sop_class=ENHANCED_CT, ReferencedFrameNumber=5)), catalog)
    assert beyond.selections[0].instances[0].subset == Frames((5,))
    assert codes_of(beyond) == ["frame-out-of-range"]
    invalid = mapped(report(image(IMAGE_1, sop_class=ENHANCED_CT, ReferencedFrameNumber=0)), catalog)
    assert invalid.selections == ()
    assert codes_of(invalid) == ["frame-invalid", "nothing-selected"]


def test_the_source_series_of_a_segmentation_is_selected_without_instances() -> None:
    series = item("UIDREF", code("121232", "DCM", "Source series for segmentation"), UID=SERIES)
    (selection,) = mapped(report(series)).selections
    assert (selection.series.study_instance_uid, selection.series.series_instance_uid) == (STUDY, SERIES)
    assert selection.instances == ()


def test_the_body_site_of_the_image_stands_in_for_one_not_stated() -> None:
    catalog = Instances({IMAGE_1: replace(images()[IMAGE_1], body_part_examined="BREAST", laterality="L")})
    (selection,) = mapped(report(image(IMAGE_1)), catalog).selections
    # PS3.16 Annex L: BREAST is 76752008; CID 244: left is 7771000.
    assert [each.code for each in selection.body_sites[0].codings] == ["76752008", "76752008:272741003=7771000"]
