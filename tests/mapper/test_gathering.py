"""Gathering: one entry per distinct instance and subset, one selection per series."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from converter.catalog import Instance
from converter.mapper.annotation_object import Located
from converter.mapper.gathering import Gathering, Reference, check_inside, frames_of, reference_of
from converter.selection import Frames, Region2D, Series, Subset
from tests.builders import CT, FRAME_OF_REFERENCE, IMAGE_1, SERIES, STUDY, dataset, images, reference, report
from tests.mapper.objects import annotated, problems

PATH = "$.ReferencedImageSequence[2]"


def point(*coordinates: float) -> Region2D:
    return Region2D("point", np.array([coordinates], np.float32))


def found(uid: str, series: str | None, subset: Subset | None = None, study: str = STUDY) -> Reference:
    header = Instance(sop_instance_uid=uid, instance_number=len(uid), frame_of_reference_uid=FRAME_OF_REFERENCE)
    return Reference(uid, CT, subset, Located(Series(study, series), header), f"$.{uid}")


# References


def test_a_reference_is_the_instance_and_where_it_is() -> None:
    made = reference_of(annotated(report()), reference(IMAGE_1), PATH)
    assert made is not None
    assert (made.sop_instance_uid, made.sop_class_uid, made.subset, made.path) == (IMAGE_1, CT, None, PATH)
    assert made.located.series == Series(STUDY, SERIES, 3)
    assert made.located.instance == images()[IMAGE_1]


def test_a_reference_without_a_class_has_that_of_the_instance_read() -> None:
    made = reference_of(annotated(report()), dataset(ReferencedSOPInstanceUID=IMAGE_1), PATH)
    assert made is not None
    assert made.sop_class_uid == CT


def test_a_reference_without_an_instance_is_none() -> None:
    obj = annotated(report())
    assert reference_of(obj, dataset(ReferencedSOPClassUID=CT), PATH) is None
    assert problems(obj) == [("reference-incomplete", PATH)]


@pytest.mark.parametrize("stated", ["0", "-1", "1.5", "one"])
def test_frames_that_cannot_be_leave_the_reference_out(stated: str) -> None:
    obj = annotated(report())
    item = reference(IMAGE_1)
    item.add_new("ReferencedFrameNumber", "LO", stated)  # an IS of pydicom refuses most of these
    assert reference_of(obj, item, PATH) is None
    assert problems(obj) == [("frame-invalid", f"{PATH}.ReferencedFrameNumber")]


@pytest.mark.parametrize(
    ("frames", "expected"), [(None, Frames(())), ([], Frames(())), (3, Frames((3,))), ([3, 1, 3], Frames((3, 1)))]
)
def test_frames_are_those_stated_each_once(frames: Any, expected: Frames) -> None:
    obj = annotated(report())
    assert frames_of(obj, dataset(ReferencedFrameNumber=frames), PATH, None) == expected
    assert problems(obj) == []


def test_frames_beyond_the_image_are_kept_with_one_warning_per_image() -> None:
    obj = annotated(report())
    ten = replace(images()[IMAGE_1], number_of_frames=10)
    item = dataset(ReferencedFrameNumber=[10, 11])
    assert frames_of(obj, item, PATH, ten) == Frames((10, 11))
    assert frames_of(obj, item, "$.Later", ten) == Frames((10, 11))
    assert frames_of(obj, dataset(ReferencedFrameNumber=10), PATH, replace(ten, sop_instance_uid="1.9")) == Frames(
        (10,)
    )
    assert problems(obj) == [("frame-out-of-range", f"{PATH}.ReferencedFrameNumber")]


def test_an_image_that_states_no_number_of_frames_has_one() -> None:
    obj = annotated(report())
    frames_of(obj, dataset(ReferencedFrameNumber=2), PATH, images()[IMAGE_1])
    assert problems(obj) == [("frame-out-of-range", f"{PATH}.ReferencedFrameNumber")]


# Gathering


def test_regions_of_one_instance_and_its_frames_are_in_one_entry() -> None:
    gathering = Gathering()
    regions = [point(number, 1) for number in range(4)]
    gathering.add(found("1.9.1", "1.9"), regions[0])
    gathering.add(found("1.9.1", "1.9", Frames((2,))), regions[1])
    gathering.add(found("1.9.1", "1.9"), regions[2])
    gathering.add(found("1.9.2", "1.9"))
    gathering.add(found("1.9.1", "1.9", Frames((2,))), regions[3])
    (gathered,) = gathering
    assert [(each.sop_instance_uid, each.subset, each.regions) for each in gathered.instances] == [
        ("1.9.1", None, (regions[0], regions[2])),
        ("1.9.1", Frames((2,)), (regions[1], regions[3])),
        ("1.9.2", None, ()),
    ]
    assert [each.number for each in gathered.instances] == [5, 5, 5]
    assert gathered.frame_of_reference_uid == FRAME_OF_REFERENCE
    assert gathered.place == "$.1.9.1"


def test_series_come_in_the_order_in_which_they_are_first_selected() -> None:
    gathering = Gathering()
    for uid, series in (("1.9.1", "1.9"), ("1.8.1", "1.8"), ("1.9.2", "1.9")):
        gathering.add(found(uid, series))
    keyed = list(gathering.keyed(annotated(report()), "item", "1.2"))
    assert [(key.role, key.path, key.series, key.part) for key, _ in keyed] == [
        ("item", "1.2", "1.9", ""),
        ("item", "1.2", "1.8", ""),
    ]
    assert [len(gathered.instances) for _, gathered in keyed] == [2, 1]


def test_instances_of_no_known_series_stay_apart() -> None:
    gathering = Gathering()
    for uid in ("1.9.1", "1.9.2", "1.9.1"):
        gathering.add(found(uid, None))
    keyed = list(gathering.keyed(annotated(report()), "item", "1.2"))
    assert [(key.series, key.part) for key, _ in keyed] == [("", "0"), ("", "1")]
    assert len({key.id for key, _ in keyed}) == 2


def test_one_series_uid_in_two_studies_is_two_series() -> None:
    gathering = Gathering()
    gathering.add(found("1.9.1", "1.9", study="1.1"))
    gathering.add(found("1.9.2", "1.9", study="1.2"))
    keyed = list(gathering.keyed(annotated(report()), "item", ""))
    assert [(gathered.series.study_instance_uid, key.part) for key, gathered in keyed] == [("1.1", "0"), ("1.2", "1")]


# Regions


@pytest.mark.parametrize(
    ("coordinates", "outside"),
    [
        ((0, 0), False),
        ((100, 80), False),
        ((50.5, 40), False),
        ((100.1, 0), True),
        ((0, 80.1), True),
        ((-0.1, 0), True),
    ],
)
def test_a_region_is_inside_from_edge_to_edge(coordinates: tuple[float, float], outside: bool) -> None:
    obj = annotated(report())
    check_inside(obj, point(*coordinates), images()[IMAGE_1], PATH)
    assert problems(obj) == ([("region-outside", PATH)] if outside else [])


def test_the_size_of_a_tiled_image_is_that_of_its_total_pixel_matrix() -> None:
    obj = annotated(report())
    tiled = replace(images()[IMAGE_1], total_pixel_matrix_columns=5000, total_pixel_matrix_rows=4000)
    check_inside(obj, point(4999, 3999), tiled, PATH)
    check_inside(obj, point(9999, 9999), None, PATH)
    check_inside(obj, point(9999, 9999), replace(tiled, total_pixel_matrix_rows=None, rows=None), PATH)
    assert problems(obj) == []
