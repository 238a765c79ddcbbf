"""References of content items, by PS3.3 C.18.3 to C.18.5."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydicom import Dataset

from converter.catalog import Instance
from converter.mapper.sop_reference import SopReferences, selected
from converter.selection import Channels, Frames, Segments, Subset
from tests.builders import (
    ECG,
    GSPS,
    IMAGE_1,
    IMAGE_2,
    SEGMENTATION,
    SERIES,
    STUDY,
    Instances,
    dataset,
    image,
    images,
    item,
    reference,
    report,
)
from tests.mapper.objects import annotated, problems, referenced_series

PATH = "$.ContentSequence[4]"
ITEM = f"{PATH}.ReferencedSOPSequence[0]"
WAVEFORM = "1.2.3.1.9.1"


def catalog() -> Instances:
    known = images()
    known[IMAGE_1] = replace(known[IMAGE_1], number_of_frames=10)
    known[WAVEFORM] = Instance(
        sop_instance_uid=WAVEFORM,
        study_instance_uid=STUDY,
        series_instance_uid="1.2.3.1.9",
        waveform_channels=(2, 3),
    )
    return known


def read(content_item: Dataset, known: Instances | None = None) -> tuple[SopReferences, list[tuple[str, str]]]:
    obj = annotated(report(), catalog() if known is None else known)
    return selected(obj, content_item, PATH), problems(obj)


def waveform(*channels: Any) -> Dataset:
    return image(WAVEFORM, value_type="WAVEFORM", sop_class=ECG, ReferencedWaveformChannels=list(channels))


def subsets(references: tuple[Any, ...]) -> list[Subset | None]:
    return [each.subset for each in references]


def test_an_image_without_more_is_selected_whole() -> None:
    found, reported = read(image(IMAGE_1))
    (primary,) = found.primary
    assert (primary.sop_instance_uid, primary.subset, primary.path) == (IMAGE_1, None, ITEM)
    assert primary.located.series.series_instance_uid == SERIES
    assert (found.segments, found.presentation_states, found.real_world_value_mappings, reported) == ((), (), (), [])


def test_empty_frame_and_segment_numbers_mean_the_whole_image() -> None:
    found, reported = read(image(IMAGE_1, ReferencedFrameNumber=None, ReferencedSegmentNumber=None))
    assert (subsets(found.primary), found.segments, reported) == ([None], (), [])


def test_frames_are_kept_in_their_order_each_once() -> None:
    found, _ = read(image(IMAGE_1, ReferencedFrameNumber=[4, 2, 4]))
    assert subsets(found.primary) == [Frames((4, 2))]


def test_segments_alone_select_no_more_than_them() -> None:
    found, reported = read(image(IMAGE_1, sop_class=SEGMENTATION, ReferencedSegmentNumber=[3, 0, 3]))
    assert (found.primary, subsets(found.segments), reported) == ((), [Segments((3, 0))], [])


def test_frames_and_segments_are_two_references() -> None:
    found, reported = read(image(IMAGE_1, ReferencedFrameNumber=[1, 2], ReferencedSegmentNumber=3))
    assert (subsets(found.primary), subsets(found.segments)) == ([Frames((1, 2))], [Segments((3,))])
    assert reported == [("frames-and-segments", ITEM)]


def test_segments_that_are_no_numbers_do_not_become_the_whole_segmentation() -> None:
    built = image(IMAGE_1)
    built.ReferencedSOPSequence[0].add_new(0x0062000B, "LO", "all")
    found, reported = read(built)
    assert (found.primary, found.segments) == ((), ())
    assert reported == [("segment-invalid", f"{ITEM}.ReferencedSegmentNumber")]


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ([1, 2, 2, 1], ((1, 2), (2, 1))),
        ([2, 0], ((2, 1), (2, 2), (2, 3))),
        ([1, 2, 1, 0], ((1, 2), (1, 1))),
    ],
)
def test_channels_are_pairs_and_channel_0_is_all_of_its_group(
    channels: list[int], expected: tuple[tuple[int, int], ...]
) -> None:
    found, reported = read(waveform(*channels))
    assert (subsets(found.primary), reported) == ([Channels(expected)], [])


@pytest.mark.parametrize("group", [1, 3])
def test_all_channels_of_an_unknown_group_are_the_whole_waveform(group: int) -> None:
    known = catalog()
    if group == 1:
        known[WAVEFORM] = replace(known[WAVEFORM], waveform_channels=())
    found, reported = read(waveform(group, 0), known)
    assert subsets(found.primary) == [None]
    assert reported == [("channels-unknown", f"{ITEM}.ReferencedWaveformChannels")]


def test_a_channel_without_its_group_is_left_out() -> None:
    found, reported = read(waveform(1, 2, 0, 1, 2))
    assert subsets(found.primary) == [Channels(((1, 2),))]
    assert reported == [("number-invalid", f"{ITEM}.ReferencedWaveformChannels")]


def test_what_an_image_is_presented_and_measured_through_is_apart() -> None:
    built = image(
        IMAGE_1,
        ReferencedSOPSequence=[reference("1.2.3.7.1", GSPS)],
        ReferencedRealWorldValueMappingInstanceSequence=[reference("1.2.3.7.2", "1.2.840.10008.5.1.4.1.1.67")],
    )
    found, _ = read(built)
    assert [each.sop_instance_uid for each in found.primary] == [IMAGE_1]
    (state,), (mapping,) = found.presentation_states, found.real_world_value_mappings
    assert (state.sop_instance_uid, state.path) == ("1.2.3.7.1", f"{ITEM}.ReferencedSOPSequence[0]")
    assert mapping.sop_instance_uid == "1.2.3.7.2"


@pytest.mark.parametrize(
    ("built", "place"),
    [(item("IMAGE"), f"{PATH}.ReferencedSOPSequence"), (image(""), ITEM)],
)
def test_a_reference_without_an_instance_is_reported(built: Dataset, place: str) -> None:
    found, reported = read(built)
    assert (found, reported) == (SopReferences(), [("reference-incomplete", place)])


def test_a_frame_that_cannot_be_leaves_the_reference_out() -> None:
    found, reported = read(image(IMAGE_1, ReferencedFrameNumber=[0, 1]))
    assert (found.primary, reported) == ((), [("frame-invalid", f"{ITEM}.ReferencedFrameNumber")])


def test_a_copy_in_another_study_is_noted_and_found_there() -> None:
    copies = dataset(StudyInstanceUID="1.2.8", ReferencedSeriesSequence=[dataset(SeriesInstanceUID="1.2.8.1")])
    copies.ReferencedSeriesSequence[0].ReferencedSOPSequence = [reference("1.2.8.1.1")]
    obj = annotated(report(IdenticalDocumentsSequence=[copies]))
    found = selected(obj, image("1.2.8.1.1", value_type="COMPOSITE"), PATH)
    series = found.primary[0].located.series
    assert (series.study_instance_uid, series.series_instance_uid) == ("1.2.8", "1.2.8.1")
    assert ("identical-document", ITEM) in problems(obj)


def test_more_references_than_one_are_all_taken() -> None:
    found, _ = read(item("IMAGE", ReferencedSOPSequence=[reference(IMAGE_1), reference(IMAGE_2)]))
    assert [(each.sop_instance_uid, each.path) for each in found.primary] == [
        (IMAGE_1, ITEM),
        (IMAGE_2, f"{PATH}.ReferencedSOPSequence[1]"),
    ]


def test_a_series_of_the_objects_own_references_places_an_unread_instance() -> None:
    obj = annotated(report(ReferencedSeriesSequence=[referenced_series("1.2.3.44", "1.2.3.44.1")]))
    (primary,) = selected(obj, image("1.2.3.44.1"), PATH).primary
    assert primary.located.series.series_instance_uid == "1.2.3.44"
    assert problems(obj) == [("instance-not-found", ITEM)]
