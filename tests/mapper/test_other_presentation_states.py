"""Presentation states that subtract, blend and colour: what they are presented by means of, and the synthetic ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from converter import convert
from converter.mapper import Mapped
from converter.selection import Frames, Selection
from tests.builders import (
    GSPS,
    IMAGE_1,
    IMAGE_2,
    IMAGE_3,
    OTHER_SERIES,
    SERIES,
    STUDY,
    Instances,
    by_role,
    dataset,
    images,
    mapped,
    reference,
)
from tests.mapper.objects import problems, referenced_series

STATE, STATE_SERIES = "1.2.3.5", "1.2.3.6"
XA_STATE, BLENDING, ADVANCED_BLENDING = (f"1.2.840.10008.5.1.4.1.1.11.{number}" for number in (5, 4, 8))
REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.1"


def series(*on: Dataset, uid: str = SERIES) -> Dataset:
    return dataset(SeriesInstanceUID=uid, ReferencedImageSequence=list(on))


def state(sop_class: str = GSPS, **elements: Any) -> Dataset:
    return dataset(
        SOPClassUID=sop_class,
        SOPInstanceUID=STATE,
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=STATE_SERIES,
        Modality="PR",
        ContentLabel="LABEL",
        PresentationCreationDate="20200102",
        PresentationCreationTime="101112",
        TimezoneOffsetFromUTC="+0200",
        **elements,
    )


def point(*on: Dataset) -> Dataset:
    graphic = dataset(
        GraphicAnnotationUnits="PIXEL",
        GraphicDimensions=2,
        NumberOfGraphicPoints=1,
        GraphicData=[1, 2],
        GraphicType="POINT",
    )
    built = dataset(GraphicLayer="LAYER", GraphicObjectSequence=[graphic])
    if on:
        built.ReferencedImageSequence = list(on)
    return built


def run_of_frames(number: int) -> Instances:
    known = images()
    known[IMAGE_1] = replace(known[IMAGE_1], number_of_frames=number)
    return known


def of_instances(selection: Selection) -> list[tuple[str, object]]:
    return [(each.sop_instance_uid, each.subset) for each in selection.instances]


def drawn_on(result: Mapped) -> list[str]:
    return [each.sop_instance_uid for selection in by_role(result, "regions2d") for each in selection.instances]


# Masks


def test_mask_frames_are_selected_apart_from_what_is_presented() -> None:
    masks = [
        dataset(MaskOperation="AVG_SUB", MaskFrameNumbers=[1, 2], ReferencedImageSequence=[reference(IMAGE_1)]),
        dataset(MaskOperation="TID", TIDOffset=1),
        dataset(MaskOperation="AVG_SUB", MaskFrameNumbers=[3], ApplicableFrameRange=[4, 8]),
    ]
    made = state(XA_STATE, ReferencedSeriesSequence=[series(reference(IMAGE_1))], MaskSubtractionSequence=masks)
    result = mapped(made, run_of_frames(8))
    first, third = by_role(result, "mask")
    assert (first.key.path, third.key.path) == ("1", "3")
    assert of_instances(first) == [(IMAGE_1, Frames((1, 2)))]
    assert of_instances(third) == [(IMAGE_1, Frames((3,)))]
    assert first.code.codings[0].code == "121321"
    assert first.focus == (by_role(result, "document")[0].key,)
    assert of_instances(by_role(result, "series")[0]) == [(IMAGE_1, None)]
    assert problems(result) == []


def test_a_mask_of_frames_that_cannot_be_is_reported() -> None:
    masks = [dataset(MaskOperation="AVG_SUB", MaskFrameNumbers=[0, 1])]
    made = state(XA_STATE, ReferencedSeriesSequence=[series(reference(IMAGE_1))], MaskSubtractionSequence=masks)
    result = mapped(made, run_of_frames(8))
    assert by_role(result, "mask") == []
    assert problems(result) == [("frame-invalid", "$.MaskSubtractionSequence[0].MaskFrameNumbers")]


def test_frames_to_be_played_are_noted_and_all_that_are_presented_stay() -> None:
    played = dataset(FrameDisplaySequence=[dataset(StartTrim=3, StopTrim=8)])
    made = state(
        XA_STATE,
        ReferencedSeriesSequence=[series(reference(IMAGE_1))],
        MultiFramePresentationSequence=[dataset(PreferredPlaybackSequencing=0), played],
    )
    result = mapped(made, run_of_frames(8))
    assert problems(result) == [("playback", "$.MultiFramePresentationSequence[1].FrameDisplaySequence")]
    assert of_instances(by_role(result, "series")[0]) == [(IMAGE_1, None)]


# Blending


def blended(position: str, uid: str, *on: Dataset) -> Dataset:
    return dataset(BlendingPosition=position, StudyInstanceUID=STUDY, ReferencedSeriesSequence=[series(*on, uid=uid)])


def test_the_series_of_a_blending_say_whether_they_lie_under_or_over() -> None:
    made = state(
        BLENDING,
        BlendingSequence=[
            blended("UNDERLYING", SERIES, reference(IMAGE_1)),
            blended("SUPERIMPOSED", OTHER_SERIES, reference(IMAGE_3)),
        ],
    )
    result = mapped(made)
    assert [(each.key.series, each.categories[-1].text) for each in by_role(result, "series")] == [
        (SERIES, "Underlying"),
        (OTHER_SERIES, "Superimposed"),
    ]
    assert len(by_role(result, "document")[0].categories) == 1


def test_a_series_that_is_blended_with_itself_lies_nowhere() -> None:
    made = state(
        BLENDING,
        BlendingSequence=[
            blended("UNDERLYING", SERIES, reference(IMAGE_1)),
            blended("SUPERIMPOSED", SERIES, reference(IMAGE_2)),
        ],
    )
    (presented,) = by_role(mapped(made), "series")
    assert [each.text for each in presented.categories] == ["Presentation State"]


def test_the_registration_of_a_blending_is_in_the_series_stated_with_it() -> None:
    registration = dataset(
        StudyInstanceUID="1.2.3.98",
        ReferencedSeriesSequence=[
            dataset(SeriesInstanceUID="1.2.3.98.1", ReferencedSOPSequence=[reference("1.2.3.98.1.1", REGISTRATION)])
        ],
    )
    made = state(
        BLENDING,
        BlendingSequence=[blended("UNDERLYING", SERIES, reference(IMAGE_1))],
        ReferencedSpatialRegistrationSequence=[registration],
    )
    result = mapped(made)
    (registered,) = by_role(result, "registration")
    assert (registered.series.study_instance_uid, registered.series.series_instance_uid) == ("1.2.3.98", "1.2.3.98.1")
    assert of_instances(registered) == [("1.2.3.98.1.1", None)]


def advanced(*inputs: Dataset, **elements: Any) -> Dataset:
    listed = [referenced_series(SERIES, IMAGE_1, IMAGE_2), referenced_series(OTHER_SERIES, IMAGE_3)]
    return state(
        ADVANCED_BLENDING,
        AdvancedBlendingSequence=list(inputs),
        ReferencedSeriesSequence=listed,
        GraphicAnnotationSequence=[point()],
        **elements,
    )


def test_a_graphic_on_what_is_blended_lies_on_the_input_whose_geometry_is_displayed() -> None:
    one = dataset(SeriesInstanceUID=SERIES, ReferencedImageSequence=[reference(IMAGE_1)])
    other = dataset(SeriesInstanceUID=OTHER_SERIES, ReferencedImageSequence=[reference(IMAGE_3)])
    assert drawn_on(mapped(advanced(one, other))) == [IMAGE_1, IMAGE_3]
    other.GeometryForDisplay = "TRUE"
    assert drawn_on(mapped(advanced(one, other))) == [IMAGE_3]


def test_a_graphic_on_a_whole_series_lies_on_the_images_listed() -> None:
    whole = dataset(SeriesInstanceUID=SERIES, GeometryForDisplay="TRUE")
    result = mapped(advanced(whole))
    assert drawn_on(result) == [IMAGE_1, IMAGE_2]
    (presented,) = by_role(result, "series")
    assert (presented.key.series, presented.instances) == (SERIES, ())


def test_registrations_of_inputs_are_found_in_the_inputs() -> None:
    registration = dataset(
        StudyInstanceUID=STUDY,
        ReferencedSeriesSequence=[
            dataset(SeriesInstanceUID="1.2.3.1.9", ReferencedSOPSequence=[reference("1.2.3.1.9.1", REGISTRATION)])
        ],
    )
    one = dataset(
        SeriesInstanceUID=SERIES,
        ReferencedImageSequence=[reference(IMAGE_1)],
        ReferencedSpatialRegistrationSequence=[registration],
    )
    (registered,) = by_role(mapped(advanced(one)), "registration")
    assert (registered.key.series, of_instances(registered)) == ("1.2.3.1.9", [("1.2.3.1.9.1", None)])


# The synthetic states: regions as the builders put them in, in pixels


@pytest.mark.parametrize(
    ("study", "name", "expected"),
    [
        ("vl-skin", "pr-color", [("vl-photograph", [], "circle", [[16, 16], [22, 16]])]),
        (
            "ct-chest",
            "pr-pseudo-color",
            [
                ("ct-2", [], "polyline", [[8, 8], [16.5, 8], [16.5, 24]]),
                ("ct-2", [], "ellipse", [[20, 32], [44, 32], [32, 26], [32, 38]]),
            ],
        ),
        ("ct-chest", "pr-variable-modality-lut", [("ct-1", [], "point", [[31.5, 20.25]])]),
        (
            "ct-chest",
            "pr-blending",
            [("ct-1", [], "point", [[16, 16]]), ("ct-right-lung-1", [], "point", [[8, 48]])],
        ),
        ("ct-chest", "pr-advanced-blending", [(f"ct-{n}", [], "point", [[40, 24.5]]) for n in (1, 2, 3)]),
        ("xa-coronary", "pr-angiography", [("xa-8-frames", [5, 6], "polyline", [[10, 16], [22, 16]])]),
    ],
)
def test_synthetic_states_state_what_was_drawn(
    testdata: Path, study: str, name: str, expected: list[tuple[str, list[int], str, list[list[float]]]]
) -> None:
    (result,) = (each for each in convert(testdata / study) if each.file == f"{name}.dcm")
    uids = {file: dcmread(testdata / study / f"{file}.dcm").SOPInstanceUID for file, *_ in expected}
    found = [
        (instance.sop_instance_uid, instance.subset, region.type, region.coordinates.tolist())
        for each in result.selections
        for instance in each.selection.instances
        for region in instance.regions
        if each.selection.key.role == "regions2d"
    ]
    assert found == [
        (uids[file], Frames(tuple(frames)) if frames else None, kind, [pytest.approx(point) for point in points])
        for file, frames, kind, points in expected
    ]
