"""Sources of segments, worked out by hand from functional groups (PS3.3 C.7.6.16.2.6, C.8.20.3.1)."""

from __future__ import annotations

from pydicom import Dataset

from converter.catalog import Instance
from converter.mapper.derivation import Derivation, is_label_map
from converter.mapper.gathering import Gathered
from converter.selection import Frames, SelectionKey, Subset
from tests.builders import IMAGE_1, IMAGE_2, IMAGE_3, OTHER_SERIES, SERIES, Instances, dataset, images, reference
from tests.mapper.objects import annotated, problems, referenced_series
from tests.mapper.segmentations import frame, segmentation

SLIDE = "1.2.3.5.1"
Sources = list[tuple[SelectionKey, Gathered]]


def slide(frames: int) -> Instances:
    known = images()
    known[SLIDE] = Instance(
        sop_instance_uid=SLIDE,
        study_instance_uid="1.2.3.1",
        series_instance_uid="1.2.3.5",
        rows=10,
        number_of_frames=frames,
    )
    return known


def stated(sources: Sources) -> list[tuple[str, str, list[tuple[str, Subset | None]]]]:
    """Path and series of each key, with the instances and their subsets."""
    return [
        (key.path, key.series, [(each.sop_instance_uid, each.subset) for each in gathered.instances])
        for key, gathered in sources
    ]


def derivation_of(built: Dataset, catalog: Instances | None = None) -> Derivation:
    return Derivation(annotated(built, catalog))


def test_each_segment_derives_from_the_images_of_its_own_frames_by_series() -> None:
    derivation = derivation_of(
        segmentation(1, 2, frames=[frame(1, IMAGE_1), frame(2, IMAGE_2), frame(1, IMAGE_2), frame(1, IMAGE_3)])
    )
    assert stated(derivation.own(1)) == [
        ("1", SERIES, [(IMAGE_1, None), (IMAGE_2, None)]),
        ("1", OTHER_SERIES, [(IMAGE_3, None)]),
    ]
    assert stated(derivation.own(2)) == [("2", SERIES, [(IMAGE_2, None)])]
    assert derivation.common == []


def test_frames_of_one_image_become_one_entry_in_ascending_order() -> None:
    built = segmentation(
        1,
        frames=[
            frame(1, SLIDE, ReferencedFrameNumber=[7, 9]),
            frame(1, SLIDE, ReferencedFrameNumber=2),
            frame(1, SLIDE, ReferencedFrameNumber=9),
        ],
    )
    assert stated(derivation_of(built, slide(9)).own(1)) == [("1", "1.2.3.5", [(SLIDE, Frames((2, 7, 9)))])]


def test_an_image_named_once_as_a_whole_is_a_source_as_a_whole() -> None:
    built = segmentation(1, frames=[frame(1, SLIDE, ReferencedFrameNumber=4), frame(1, SLIDE), frame(1, SLIDE)])
    assert stated(derivation_of(built, slide(9)).own(1)) == [("1", "1.2.3.5", [(SLIDE, None)])]


def test_the_frames_of_a_label_map_derive_for_all_segments_whatever_they_say() -> None:
    tiles = [frame(None, SLIDE, ReferencedFrameNumber=number) for number in (3, 1)]
    built = segmentation(0, 5, frames=[*tiles, frame(5, SLIDE, ReferencedFrameNumber=2)], SegmentationType="LABELMAP")
    derivation = derivation_of(built, slide(3))
    assert stated(derivation.common) == [("", "1.2.3.5", [(SLIDE, Frames((1, 2, 3)))])]
    assert derivation.own(5) == []


def test_a_shared_derivation_holds_for_all_segments_unless_the_segment_is_shared_too() -> None:
    shared = frame(None, IMAGE_1)
    built = segmentation(1, 2, frames=[frame(1), frame(2)], SharedFunctionalGroupsSequence=[shared])
    assert stated(derivation_of(built).common) == [("", SERIES, [(IMAGE_1, None)])]

    built.SharedFunctionalGroupsSequence = [frame(2, IMAGE_1)]
    derivation = derivation_of(built)
    assert (derivation.common, stated(derivation.own(2))) == ([], [("2", SERIES, [(IMAGE_1, None)])])


def test_a_shared_segment_is_that_of_frames_that_do_not_say() -> None:
    built = segmentation(1, frames=[frame(None, IMAGE_1)], SharedFunctionalGroupsSequence=[frame(1)])
    assert stated(derivation_of(built).own(1)) == [("1", SERIES, [(IMAGE_1, None)])]


def test_the_object_refers_to_its_series_those_of_other_studies_and_source_images() -> None:
    built = segmentation(
        1,
        SourceImageSequence=[reference(SLIDE, ReferencedFrameNumber=1)],
        ReferencedSeriesSequence=[referenced_series(SERIES, IMAGE_2)],
        StudiesContainingOtherReferencedInstancesSequence=[
            dataset(StudyInstanceUID="1.2.9", ReferencedSeriesSequence=[referenced_series("1.2.9.1", "1.2.9.1.1")])
        ],
    )
    found = derivation_of(built, slide(1)).of_object
    assert stated(found) == [
        ("", "1.2.3.5", [(SLIDE, Frames((1,)))]),
        ("", SERIES, [(IMAGE_2, None)]),
        ("", "1.2.9.1", [("1.2.9.1.1", None)]),
    ]
    assert found[2][1].series.study_instance_uid == "1.2.9"


def test_the_place_of_the_first_frame_that_names_a_segment_is_kept() -> None:
    derivation = derivation_of(segmentation(1, frames=[frame(1), frame(3), frame(3)]))
    place = "SegmentIdentificationSequence[0].ReferencedSegmentNumber"
    assert derivation.first_named == {
        1: f"$.PerFrameFunctionalGroupsSequence[0].{place}",
        3: f"$.PerFrameFunctionalGroupsSequence[1].{place}",
    }


def test_what_cannot_be_read_is_reported_and_the_other_frames_stay() -> None:
    obj = annotated(
        segmentation(
            1,
            frames=[
                frame(1, SLIDE, ReferencedFrameNumber=0),
                frame(1, SLIDE, ReferencedFrameNumber=12),
                frame(1, SLIDE, ReferencedFrameNumber=13),
                frame(1, ""),
            ],
        ),
        slide(9),
    )
    assert stated(Derivation(obj).own(1)) == [("1", "1.2.3.5", [(SLIDE, Frames((12, 13)))])]
    at = "$.PerFrameFunctionalGroupsSequence[{}].DerivationImageSequence[0].SourceImageSequence[0]"
    assert problems(obj) == [
        ("frame-invalid", at.format(0) + ".ReferencedFrameNumber"),
        ("frame-out-of-range", at.format(1) + ".ReferencedFrameNumber"),
        ("reference-incomplete", at.format(3)),
    ]


def test_an_image_that_thousands_of_tiles_derive_from_is_looked_up_once() -> None:
    class Counting(Instances):
        asked = 0

        def lookup(self, sop_instance_uid: str) -> Instance | None:
            self.asked += 1
            return super().lookup(sop_instance_uid)

    known = Counting(slide(3000))
    tiles = [frame(1 + number % 2, SLIDE, ReferencedFrameNumber=number) for number in range(1, 3001)]
    derivation = derivation_of(segmentation(1, 2, frames=tiles), known)
    assert stated(derivation.own(2)) == [("2", "1.2.3.5", [(SLIDE, Frames(tuple(range(1, 3001, 2))))])]
    assert known.asked == 1


def test_a_label_map_is_one_by_its_segmentation_type_else_by_its_class() -> None:
    label_map_storage = "1.2.840.10008.5.1.4.1.1.66.7"
    assert is_label_map(dataset(SegmentationType="LABELMAP"))
    assert is_label_map(dataset(SOPClassUID=label_map_storage))
    assert is_label_map(dataset(SOPClassUID=label_map_storage, SegmentationType="LABEL"))
    assert not is_label_map(dataset(SOPClassUID=label_map_storage, SegmentationType="BINARY"))
    assert not is_label_map(dataset())
