"""Outlines of segments: where they are stated, by hand, and what becomes of frames that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset

from converter import Settings, convert
from converter.catalog import FramePlanes, Instance
from converter.mapper import Mapped, map_object
from converter.pixel_data import EncodedFrame
from converter.selection import Frames, Selection, SelectionKey
from tests.builders import (
    CT,
    ENHANCED_CT,
    FRAME_OF_REFERENCE,
    IMAGE_1,
    IMAGE_2,
    IMAGE_3,
    OTHER_SERIES,
    SERIES,
    STUDY,
    Instances,
    by_role,
    codes_of,
    dataset,
    reference,
)
from tests.mapper.segmentations import SEGMENTATION_SERIES, SEGMENTATION_UID, segment, segmentation

EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
# What every frame here shows unless it says otherwise: one pixel, column 2 and row 1 of 6 by 4.
PIXEL = np.zeros((4, 6), np.uint8)
PIXEL[1, 2] = 1
RING = [(2, 1), (3, 1), (3, 2), (2, 2), (2, 1)]


class Pixels:
    """Frames in memory, a byte a pixel."""

    def __init__(self, *frames: NDArray[Any]) -> None:
        self._frames = frames

    def frames(
        self, count: int, bits: int, extended_offsets: tuple[bytes, bytes] | None = None
    ) -> Iterator[EncodedFrame]:
        return (EncodedFrame(each.tobytes(), EXPLICIT_LITTLE_ENDIAN) for each in self._frames[:count])


def image(uid: str, z: float | None, **known: Any) -> Instance:
    """Return a CT image of 6 columns by 4 rows at this height, pixels of 2 mm; None for one that lies nowhere."""
    places = {} if z is None else plane(z)
    stated: dict[str, Any] = {
        "sop_class_uid": CT,
        "study_instance_uid": STUDY,
        "series_instance_uid": SERIES,
        "rows": 4,
        "columns": 6,
    }
    return Instance(sop_instance_uid=uid, **{**stated, "frame_of_reference_uid": FRAME_OF_REFERENCE, **places, **known})


def plane(z: float) -> dict[str, Any]:
    return {
        "image_position_patient": (10.0, 20.0, z),
        "image_orientation_patient": AXIAL,
        "pixel_spacing": (2.0, 2.0),
        "slice_thickness": 5.0,
    }


def catalog(*instances: Instance) -> Instances:
    return Instances({each.sop_instance_uid: each for each in instances})


def frame(
    number: int | None = 1,
    *sources: Dataset,
    position: Sequence[float] | None = (10, 20, 0),
    spacing: Sequence[float] = (2, 2),
    orientation: Sequence[float] = AXIAL,
) -> Dataset:
    """Return a functional group; a `position` of None leaves out where the frame lies."""
    group = Dataset()
    if number is not None:
        group.SegmentIdentificationSequence = [dataset(ReferencedSegmentNumber=number)]
    if sources:
        group.DerivationImageSequence = [dataset(SourceImageSequence=list(sources))]
    if position is not None:
        group.PlanePositionSequence = [dataset(ImagePositionPatient=list(position))]
        group.PlaneOrientationSequence = [dataset(ImageOrientationPatient=list(orientation))]
        group.PixelMeasuresSequence = [dataset(PixelSpacing=list(spacing))]
    return group


def outlined(
    frames: Sequence[Dataset],
    pixels: Sequence[NDArray[Any]] | None = None,
    known: Instances | None = None,
    *,
    segments: Sequence[int | Dataset] = (1,),
    settings: dict[str, Any] | None = None,
    **elements: Any,
) -> Mapped:
    """Return what a segmentation of these frames becomes, each showing PIXEL unless `pixels` are given."""
    shown = [PIXEL] * max(1, len(frames)) if pixels is None else pixels
    rows, columns = shown[0].shape if shown else PIXEL.shape
    size = {"Rows": rows, "Columns": columns, "BitsAllocated": 8, "BitsStored": 8, "NumberOfFrames": len(frames) or 1}
    built = segmentation(*segments, frames=frames, **{**size, **elements})
    chosen = Settings(outlines=True, **(settings or {}))
    return map_object(built, SEGMENTATION_UID, known or Instances(), chosen, Pixels(*shown))


def drawn(result: Mapped, number: int = 1) -> list[tuple[str, tuple[int, ...] | None, list[Any]]]:
    """Return the outlines of a segment on images: image, frames, rings."""
    return [
        (
            instance.sop_instance_uid,
            instance.subset.numbers if isinstance(instance.subset, Frames) else None,
            [[tuple(vertex) for vertex in region.coordinates.tolist()] for region in instance.regions],
        )
        for selection in by_role(result, "outline2d")
        for instance in selection.instances
        if selection.key.path == str(number)
    ]


def polygons(selection: Selection) -> list[Any]:
    return [[tuple(vertex) for vertex in region.coordinates.tolist()] for region in selection.regions_3d]


def only(result: Mapped, role: str) -> Selection:
    (selection,) = by_role(result, role)
    return selection


# What is stated


def test_a_segment_is_outlined_on_the_image_that_its_frame_derives_from_and_in_space() -> None:
    result = outlined([frame(1, reference(IMAGE_1))], known=catalog(image(IMAGE_1, 0, instance_number=11)))
    assert drawn(result) == [(IMAGE_1, None, [RING])]
    # Pixel 0,0 is the corner of a pixel whose centre is at 10,20: 9,19. From there 2 mm a pixel.
    in_space = only(result, "outline3d")
    assert polygons(in_space) == [[(13, 21, 0), (15, 21, 0), (15, 23, 0), (13, 23, 0), (13, 21, 0)]]
    assert [region.type for region in in_space.regions_3d] == ["polygon"]
    assert in_space.regions_3d[0].images == (IMAGE_1,)
    assert result.problems == ()


def test_outlines_have_keys_and_what_the_segment_has_and_name_it_in_focus() -> None:
    tracked = segment(1, TrackingID="T", TrackingUID="1.2.3.99", SegmentLabel="Left one")
    known = catalog(image(IMAGE_1, 0, series_number=3, instance_number=11))
    result = outlined([frame(1, reference(IMAGE_1))], known=known, segments=[tracked])
    item = only(result, "item")
    on_image, in_space = only(result, "outline2d"), only(result, "outline3d")
    assert on_image.key == SelectionKey(SEGMENTATION_UID, "outline2d", "1", SERIES)
    assert in_space.key == SelectionKey(SEGMENTATION_UID, "outline3d", "1", SERIES, FRAME_OF_REFERENCE)
    for each in (on_image, in_space):
        assert each.focus == (item.key,)
        assert (each.code, each.categories, each.performers) == (item.code, item.categories, item.performers)
        assert (each.identifiers, each.issued, each.place) == (item.identifiers, item.issued, item.place)
        assert (each.series.series_instance_uid, each.series.number) == (SERIES, 3)
        assert each.frame_of_reference_uid == FRAME_OF_REFERENCE
        assert [(selected.sop_instance_uid, selected.number) for selected in each.instances] == [(IMAGE_1, 11)]


def test_without_the_setting_no_pixel_is_asked_for() -> None:
    built = segmentation(1, frames=[frame(1, reference(IMAGE_1))], Rows=4, Columns=6, BitsAllocated=8)
    result = map_object(built, SEGMENTATION_UID, Instances(), Settings())
    assert [each.key.role for each in result.selections] == ["item", "source"]


def test_segments_that_overlap_are_outlined_each_on_its_own() -> None:
    wide = np.ones((4, 6), np.uint8)
    frames = [frame(1, reference(IMAGE_1)), frame(2, reference(IMAGE_1))]
    result = outlined(frames, [PIXEL, wide], catalog(image(IMAGE_1, 0)), segments=[1, 2])
    assert drawn(result, 1) == [(IMAGE_1, None, [RING])]
    assert drawn(result, 2) == [(IMAGE_1, None, [[(0, 0), (6, 0), (6, 4), (0, 4), (0, 0)]])]


def test_holes_are_rings_of_their_own_and_said_in_words() -> None:
    holed = np.ones((4, 6), np.uint8) - PIXEL
    result = outlined([frame(1, reference(IMAGE_1))], [holed], catalog(image(IMAGE_1, 0)))
    assert drawn(result) == [(IMAGE_1, None, [[(0, 0), (6, 0), (6, 4), (0, 4), (0, 0)], RING[::-1]])]
    assert len(only(result, "outline3d").regions_3d) == 2
    for role in ("outline2d", "outline3d"):
        assert only(result, role).code.text == "Kidney (inner rings are holes)"
    assert only(result, "item").code.text == "Kidney"
    assert [(each.code, each.path) for each in result.problems] == [("outline-holes", "$.SegmentSequence[0]")]


def test_frames_of_one_segment_on_images_of_two_series_are_outlined_by_series() -> None:
    known = catalog(image(IMAGE_1, 0), image(IMAGE_3, 0, series_instance_uid=OTHER_SERIES))
    result = outlined([frame(1, reference(IMAGE_1), reference(IMAGE_3))], known=known)
    assert sorted(drawn(result)) == [(IMAGE_1, None, [RING]), (IMAGE_3, None, [RING])]
    assert sorted(each.series.series_instance_uid or "" for each in by_role(result, "outline2d")) == [
        SERIES,
        OTHER_SERIES,
    ]
    assert sorted(each.key.series for each in by_role(result, "outline3d")) == [SERIES, OTHER_SERIES]


def test_an_empty_frame_has_no_outline() -> None:
    result = outlined([frame(1, reference(IMAGE_1))], [PIXEL * 0], catalog(image(IMAGE_1, 0)))
    assert [each.key.role for each in result.selections] == ["item", "source"]
    assert result.problems == ()


def test_outlines_are_simplified_by_request() -> None:
    stairs = np.tril(np.ones((6, 6), np.uint8))
    exact = outlined([frame(1, reference(IMAGE_1))], [stairs], catalog(image(IMAGE_1, 0, rows=6)))
    assert len(drawn(exact)[0][2][0]) == 15
    fewer = outlined(
        [frame(1, reference(IMAGE_1))],
        [stairs],
        catalog(image(IMAGE_1, 0, rows=6)),
        settings={"outline_tolerance": 0.75},
    )
    assert drawn(fewer) == [(IMAGE_1, None, [[(0, 0), (6, 6), (0, 6), (0, 0)]])]


def test_regions_wanted_one_way_are_stated_that_way_only() -> None:
    frames, known = [frame(1, reference(IMAGE_1))], catalog(image(IMAGE_1, 0))
    for wanted, role in (("2d", "outline2d"), ("3d", "outline3d")):
        result = outlined(frames, known=known, settings={"regions": wanted})
        assert [each.key.role for each in result.selections] == ["item", role, "source"]
        assert only(result, role).focus == (only(result, "item").key,)


def test_what_lies_on_an_image_only_is_restated_in_space_where_that_is_wanted() -> None:
    frames = [frame(1, reference(IMAGE_1), position=None)]
    result = outlined(frames, known=catalog(image(IMAGE_1, 0)), settings={"regions": "3d"})
    assert [each.key.role for each in result.selections] == ["item", "projected3d", "source"]
    assert polygons(only(result, "projected3d")) == [[(13, 21, 0), (15, 21, 0), (15, 23, 0), (13, 23, 0), (13, 21, 0)]]
    nowhere = outlined([frame(1, position=None)], settings={"regions": "3d"})
    assert drawn(nowhere) == [(SEGMENTATION_UID, None, [RING])]


def test_outlines_that_are_not_in_space_for_want_of_a_plane_are_counted() -> None:
    # Without Pixel Spacing a position and an orientation are no plane.
    group = frame(1, reference(IMAGE_1))
    del group.PixelMeasuresSequence
    result = outlined([group], known=catalog(image(IMAGE_1, 0)))
    assert drawn(result) == [(IMAGE_1, None, [RING])]
    assert by_role(result, "outline3d") == []
    assert [(each.code, each.severity, each.message) for each in result.problems] == [
        (
            "outline-plane-unknown",
            "note",
            "Where the frames of 1 outlines lie in space is not stated: the outlines are on images only.",
        )
    ]
    flat = outlined(
        [frame(1, reference(IMAGE_1), position=None)], known=catalog(image(IMAGE_1, 0)), FrameOfReferenceUID=None
    )
    assert (drawn(flat), codes_of(flat)) == ([(IMAGE_1, None, [RING])], [])


# Kinds of segmentations


@pytest.mark.parametrize(("maximum", "least"), [(200, 100), (255, 128), (1, 1)])
def test_of_fractions_pixels_from_half_of_the_maximum_on_are_outlined(maximum: int, least: int) -> None:
    pixels = np.array([[least - 1, least, maximum]], np.uint8)
    elements: dict[str, Any] = {"SegmentationType": "FRACTIONAL", "MaximumFractionalValue": maximum}
    known = catalog(image(IMAGE_1, 0, rows=1, columns=3))
    result = outlined([frame(1, reference(IMAGE_1))], [pixels], known, **elements)
    assert drawn(result) == [(IMAGE_1, None, [[(1, 0), (3, 0), (3, 1), (1, 1), (1, 0)]])]
    assert codes_of(result) == ["outline-threshold"]


@pytest.mark.parametrize("kind", [None, "FRACTION"])
def test_a_maximum_tells_fractions_where_the_segmentation_type_does_not(kind: str | None) -> None:
    pixels = np.array([[99, 100]], np.uint8)
    elements: dict[str, Any] = {"SegmentationType": kind, "MaximumFractionalValue": 200}
    result = outlined(
        [frame(1, reference(IMAGE_1))], [pixels], catalog(image(IMAGE_1, 0, rows=1, columns=2)), **elements
    )
    assert drawn(result) == [(IMAGE_1, None, [[(1, 0), (2, 0), (2, 1), (1, 1), (1, 0)]])]
    assert codes_of(result) == ["outline-threshold"]


def test_without_a_maximum_fractions_are_of_the_greatest_value() -> None:
    pixels = np.array([[127, 128]], np.uint8)
    known = catalog(image(IMAGE_1, 0, rows=1, columns=2))
    result = outlined([frame(1, reference(IMAGE_1))], [pixels], known, SegmentationType="FRACTIONAL")
    assert drawn(result) == [(IMAGE_1, None, [[(1, 0), (2, 0), (2, 1), (1, 1), (1, 0)]])]
    assert codes_of(result) == ["outline-threshold", "outline-maximum"]


def test_a_label_map_is_outlined_by_label() -> None:
    labels = np.array([[0, 3, 3], [0, 7, 9]], np.uint8)
    known = catalog(image(IMAGE_1, 0, rows=2, columns=3))
    result = outlined([frame(None, reference(IMAGE_1))], [labels], known, segments=[3, 7], SegmentationType="LABELMAP")
    assert drawn(result, 3) == [(IMAGE_1, None, [[(1, 0), (3, 0), (3, 1), (1, 1), (1, 0)]])]
    assert drawn(result, 7) == [(IMAGE_1, None, [[(1, 1), (2, 1), (2, 2), (1, 2), (1, 1)]])]
    # Nobody says what 9 is; 0 is the background.
    assert [(each.code, each.path) for each in result.problems] == [("segment-not-defined", "$.PixelData")]


def test_labels_may_have_two_bytes() -> None:
    labels = np.array([[0, 300]], np.uint16)
    known = catalog(image(IMAGE_1, 0, rows=1, columns=2))
    result = outlined(
        [frame(None, reference(IMAGE_1))],
        [labels],
        known,
        segments=[300],
        SegmentationType="LABELMAP",
        BitsAllocated=16,
        BitsStored=16,
    )
    assert drawn(result, 300) == [(IMAGE_1, None, [[(1, 0), (2, 0), (2, 1), (1, 1), (1, 0)]])]


def test_a_background_that_is_a_segment_is_outlined() -> None:
    known = catalog(image(IMAGE_1, 0, rows=1, columns=2))
    frames = [frame(None, reference(IMAGE_1))]
    result = outlined(frames, [np.array([[0, 1]], np.uint8)], known, segments=[0, 1], SegmentationType="LABELMAP")
    assert drawn(result, 0) == [(IMAGE_1, None, [[(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)]])]


def test_a_frame_that_names_no_segment_is_that_of_the_only_one() -> None:
    result = outlined([frame(None, reference(IMAGE_1))], known=catalog(image(IMAGE_1, 0)))
    assert drawn(result) == [(IMAGE_1, None, [RING])]
    result = outlined([frame(None, reference(IMAGE_1))], known=catalog(image(IMAGE_1, 0)), segments=[1, 2])
    assert by_role(result, "outline2d") == by_role(result, "outline3d") == []
    assert [(each.code, each.message) for each in result.problems] == [
        ("outline-frame-segment", "1 frames do not say which segment they show: they have no outlines.")
    ]


def test_of_two_segments_with_one_number_the_first_is_outlined() -> None:
    result = outlined([frame(1, reference(IMAGE_1))], known=catalog(image(IMAGE_1, 0)), segments=[1, 1])
    on_image = only(result, "outline2d")
    assert on_image.key.part == "0"
    assert on_image.focus == (by_role(result, "item")[0].key,)


# Places


def test_an_image_of_other_pixels_has_the_outline_where_it_lies_on_it() -> None:
    # Pixels of 1 mm from 10,20: the ring is from 13,21 to 15,23, 3.5 and 1.5 pixels from 9.5,19.5.
    finer = image(IMAGE_1, 0, pixel_spacing=(1.0, 1.0), rows=8, columns=12)
    result = outlined([frame(1, reference(IMAGE_1))], known=catalog(finer))
    assert drawn(result) == [(IMAGE_1, None, [[(3.5, 1.5), (5.5, 1.5), (5.5, 3.5), (3.5, 3.5), (3.5, 1.5)]])]
    assert result.problems == ()


def test_a_part_of_an_image_has_whole_pixels_on_it() -> None:
    # The frame begins two columns and one row into the image; its position is rounded as decimal strings are.
    cropped = frame(1, reference(IMAGE_1), position=(14.001, 21.999, 0.001))
    result = outlined([cropped], known=catalog(image(IMAGE_1, 0, rows=40, columns=40)))
    assert drawn(result) == [(IMAGE_1, None, [[(4, 2), (5, 2), (5, 3), (4, 3), (4, 2)]])]


def test_rows_and_columns_that_run_the_other_way_are_followed() -> None:
    # Rows run along -y, columns along -x: from the centre of pixel 0,0 at 20,26.
    turned = frame(1, reference(IMAGE_1), position=(20, 26, 0), orientation=(0, -1, 0, -1, 0, 0))
    result = outlined([turned], known=catalog(image(IMAGE_1, 0)))
    # Columns 2 to 3 are y from 23 down to 21, rows 1 to 2 are x from 19 down to 17; the image begins at 9,19.
    assert drawn(result) == [(IMAGE_1, None, [[(5, 2), (5, 1), (4, 1), (4, 2), (5, 2)]])]


def test_a_frame_beside_the_planes_of_its_images_is_outlined_in_space_only() -> None:
    tilted = frame(1, reference(IMAGE_1), orientation=(1, 0, 0, 0, 0.6, 0.8))
    for off in (frame(1, reference(IMAGE_1), position=(10, 20, 2.6)), tilted):
        result = outlined([off], known=catalog(image(IMAGE_1, 0)))
        assert by_role(result, "outline2d") == []
        assert len(by_role(result, "outline3d")) == 1
        assert [(each.code, each.path) for each in result.problems] == [("region-not-in-plane", "$.SegmentSequence[0]")]


def test_frames_that_lie_on_one_image_are_counted() -> None:
    frames = [frame(number, reference(IMAGE_1), position=(10, 20, z)) for number, z in ((1, 0), (2, 1), (1, 1), (1, 2))]
    result = outlined(frames, known=catalog(image(IMAGE_1, 0)), segments=[1, 2])
    assert drawn(result, 1) == [(IMAGE_1, None, [RING] * 3)]
    assert [(each.code, each.path, each.message[:8]) for each in result.problems] == [
        ("outline-overlaid", "$.SegmentSequence[0]", "2 frames")
    ]


def test_an_image_that_is_named_twice_is_one() -> None:
    frames = [frame(1, reference(IMAGE_1), reference(IMAGE_1), position=None)]
    assert drawn(outlined(frames, known=catalog(image(IMAGE_1, None)))) == [(IMAGE_1, None, [RING])]


def test_the_tolerance_says_how_far_beside_a_plane_is_in_it() -> None:
    off = frame(1, reference(IMAGE_1), position=(10, 20, 2))
    assert len(drawn(outlined([off], known=catalog(image(IMAGE_1, 0))))) == 1
    assert drawn(outlined([off], known=catalog(image(IMAGE_1, 0)), settings={"plane_tolerance": 1.5})) == []


def test_of_several_images_the_one_that_a_frame_lies_on_has_the_outline() -> None:
    sources = [reference(uid) for uid in (IMAGE_1, IMAGE_2)]
    known = catalog(image(IMAGE_1, 0), image(IMAGE_2, 5))
    result = outlined([frame(1, *sources, position=(10, 20, 5))], known=known)
    assert drawn(result) == [(IMAGE_2, None, [RING])]
    in_space = only(result, "outline3d")
    assert in_space.regions_3d[0].images == (IMAGE_1, IMAGE_2)


def test_frames_of_an_image_have_the_outlines_in_their_planes() -> None:
    planes = FramePlanes((10, 20, 0, 10, 20, 5, 10, 20, 10), AXIAL, (2, 2))
    enhanced = replace(image(IMAGE_1, None), number_of_frames=3, frame_planes=planes)
    frames = [frame(1, reference(IMAGE_1, ReferencedFrameNumber=[2]), position=(10, 20, 5))]
    frames.append(frame(1, reference(IMAGE_1), position=(10, 20, 10)))
    result = outlined(frames, known=catalog(enhanced))
    assert drawn(result) == [(IMAGE_1, (2,), [RING]), (IMAGE_1, (3,), [RING])]


def test_in_other_frames_of_reference_images_are_taken_to_be_in_the_segmentation_s() -> None:
    result = outlined(
        [frame(1, reference(IMAGE_1))], known=catalog(image(IMAGE_1, 0, frame_of_reference_uid="1.2.3.70"))
    )
    assert drawn(result) == [(IMAGE_1, None, [RING])]
    assert codes_of(result) == ["frame-of-reference-conflict"]


def test_without_derivation_images_that_the_object_refers_to_have_the_outline_by_plane() -> None:
    series = dataset(SeriesInstanceUID=SERIES, ReferencedInstanceSequence=[reference(IMAGE_1), reference(IMAGE_2)])
    known = catalog(image(IMAGE_1, 0), image(IMAGE_2, 5))
    result = outlined([frame(1, position=(10, 20, 5))], known=known, ReferencedSeriesSequence=[series])
    assert drawn(result) == [(IMAGE_2, None, [RING])]
    off = outlined([frame(1, position=(10, 20, 50))], known=known, ReferencedSeriesSequence=[series])
    assert drawn(off) == []
    assert codes_of(off) == ["region-not-in-plane"]


def test_pixels_of_an_image_without_a_plane_are_the_frame_s_if_there_are_as_many() -> None:
    alike, other = image(IMAGE_1, None), image(IMAGE_1, None, columns=7)
    for position in (None, (10, 20, 0)):
        frames = [frame(1, reference(IMAGE_1), position=position)]
        assert drawn(outlined(frames, known=catalog(alike))) == [(IMAGE_1, None, [RING])]
    result = outlined([frame(1, reference(IMAGE_1))], known=catalog(other))
    assert by_role(result, "outline2d") == []
    assert codes_of(result) == ["plane-unknown"]


def test_locations_that_were_not_preserved_are_not_taken_over() -> None:
    frames = [frame(1, reference(IMAGE_1, SpatialLocationsPreserved="NO"))]
    result = outlined(frames, known=catalog(image(IMAGE_1, None)))
    assert by_role(result, "outline2d") == []
    assert codes_of(result) == ["plane-unknown"]


def test_an_image_that_was_not_read_has_the_outline_only_if_locations_were_preserved() -> None:
    stated = outlined([frame(1, reference(IMAGE_1, SpatialLocationsPreserved="YES"))])
    assert drawn(stated) == [(IMAGE_1, None, [RING])]
    silent = outlined([frame(1, reference(IMAGE_1))])
    assert by_role(silent, "outline2d") == []
    assert len(by_role(silent, "outline3d")) == 1
    assert "plane-unknown" in codes_of(silent)


def test_without_planes_only_frames_that_are_named_say_which_of_an_image_s_a_frame_is_of() -> None:
    many = replace(image(IMAGE_1, None), number_of_frames=3)
    whole = [frame(1, reference(IMAGE_1)) for _ in range(2)]
    assert codes_of(outlined(whole, known=catalog(many))) == ["plane-unknown"]
    named = [frame(1, reference(IMAGE_1, ReferencedFrameNumber=[number])) for number in (3, 1)]
    assert drawn(outlined(named, known=catalog(many))) == [(IMAGE_1, (3,), [RING]), (IMAGE_1, (1,), [RING])]
    unread = [frame(1, reference(IMAGE_1, ENHANCED_CT, SpatialLocationsPreserved="YES")) for _ in range(2)]
    assert by_role(outlined(unread), "outline2d") == []


def test_of_several_images_without_planes_none_is_taken() -> None:
    known = catalog(image(IMAGE_1, None), image(IMAGE_2, None))
    result = outlined([frame(1, reference(IMAGE_1), reference(IMAGE_2))], known=known)
    assert by_role(result, "outline2d") == []
    assert codes_of(result) == ["plane-unknown"]


def test_what_lies_nowhere_is_outlined_on_the_segmentation_itself() -> None:
    frames = [frame(1, position=None), frame(1, position=None)]
    result = outlined(frames, [PIXEL * 0, PIXEL])
    assert drawn(result) == [(SEGMENTATION_UID, (2,), [RING])]
    on_image = only(result, "outline2d")
    assert on_image.series.series_instance_uid == SEGMENTATION_SERIES
    assert by_role(result, "outline3d") == []
    assert [(each.code, each.severity) for each in result.problems] == [("outline-on-segmentation", "note")]
    single = outlined([frame(1, position=None)])
    assert drawn(single) == [(SEGMENTATION_UID, None, [RING])]


def test_the_frame_of_reference_may_be_that_of_the_images() -> None:
    frames, known = [frame(1, reference(IMAGE_1))], catalog(image(IMAGE_1, 0))
    result = outlined(frames, known=known, FrameOfReferenceUID="")
    assert only(result, "outline3d").frame_of_reference_uid == FRAME_OF_REFERENCE
    unknown = outlined(frames, known=catalog(image(IMAGE_1, 0, frame_of_reference_uid=None)), FrameOfReferenceUID="")
    assert by_role(unknown, "outline3d") == []
    assert drawn(unknown) == [(IMAGE_1, None, [RING])]


def test_an_object_without_functional_groups_is_one_frame_of_its_only_segment() -> None:
    result = outlined([])
    assert drawn(result) == [(SEGMENTATION_UID, None, [RING])]


# Tiles


def slide(**known: Any) -> Instance:
    matrix: dict[str, Any] = {"total_pixel_matrix_columns": 12, "total_pixel_matrix_rows": 8, "number_of_frames": 4}
    return image(IMAGE_1, None, modality="SM", **{"pixel_spacing": (0.5, 0.5), **matrix, **known})


def tile(column: int, row: int, *sources: Dataset) -> Dataset:
    """Return a functional group of a tile; the matrix begins at 30,40 in a slide's usual orientation."""
    group = frame(1, *sources, position=None)
    group.PixelMeasuresSequence = [dataset(PixelSpacing=[0.5, 0.5])]
    group.PlanePositionSlideSequence = [
        dataset(
            ColumnPositionInTotalImagePixelMatrix=column + 1,
            RowPositionInTotalImagePixelMatrix=row + 1,
            XOffsetInSlideCoordinateSystem=30 - row * 0.5,
            YOffsetInSlideCoordinateSystem=40 - column * 0.5,
            ZOffsetInSlideCoordinateSystem=250,
        )
    ]
    return group


MATRIX: dict[str, Any] = {
    "TotalPixelMatrixColumns": 12,
    "TotalPixelMatrixRows": 8,
    "ImageOrientationSlide": [0, -1, 0, -1, 0, 0],
}
IN_MATRIX = [(8, 5), (9, 5), (9, 6), (8, 6), (8, 5)]


def test_a_tile_is_outlined_in_the_matrix_of_its_slide_and_in_space() -> None:
    result = outlined([tile(6, 4, reference(IMAGE_1))], known=catalog(slide()), **MATRIX)
    assert drawn(result) == [(IMAGE_1, None, [IN_MATRIX])]
    # Column 8 of the matrix begins 7.5 pixels of 0.5 mm down y from 40, row 5 begins 4.5 down x from 30; the height is
    # stated in micrometres.
    (polygon,) = polygons(only(result, "outline3d"))
    assert polygon[0] == (27.75, 36.25, 0.25)
    assert polygon[2] == (27.25, 35.75, 0.25)
    assert result.problems == ()


def test_the_position_of_a_tile_decides_where_frames_are_named() -> None:
    named = reference(IMAGE_1, ReferencedFrameNumber=[1], SpatialLocationsPreserved="YES")
    result = outlined([tile(6, 4, named)], known=catalog(slide()), **MATRIX)
    assert drawn(result) == [(IMAGE_1, None, [IN_MATRIX])]
    assert codes_of(result) == ["region-matrix"]


@pytest.mark.parametrize(
    "other",
    [
        {"total_pixel_matrix_columns": 24},
        {"pixel_spacing": (0.25, 0.25)},
        {"frame_of_reference_uid": "1.2.3.70"},
    ],
)
def test_a_tile_of_another_matrix_than_its_slide_s_is_outlined_in_space_only(other: dict[str, Any]) -> None:
    result = outlined([tile(6, 4, reference(IMAGE_1))], known=catalog(replace(slide(), **other)), **MATRIX)
    assert by_role(result, "outline2d") == []
    assert len(by_role(result, "outline3d")) == 1
    assert codes_of(result) == ["plane-unknown"]


def test_tiles_that_name_nothing_are_outlined_on_the_slide_that_the_object_names() -> None:
    series = dataset(SeriesInstanceUID=SERIES, ReferencedInstanceSequence=[reference(IMAGE_1)])
    result = outlined([tile(6, 4)], known=catalog(slide()), ReferencedSeriesSequence=[series], **MATRIX)
    assert drawn(result) == [(IMAGE_1, None, [IN_MATRIX])]


def test_outlines_on_the_pixels_of_a_microscope_are_rounded_to_a_millionth_of_a_micrometre() -> None:
    fine = tile(6, 4, reference(IMAGE_1))
    fine.PixelMeasuresSequence = [dataset(PixelSpacing=[0.000499, 0.000499])]
    result = outlined([fine], known=catalog(slide(pixel_spacing=(0.000499, 0.000499))), **MATRIX)
    (polygon,) = polygons(only(result, "outline3d"))
    # The tile's first pixel is at 28,37; the outline begins 1.5 pixels down y and half of one down x from there.
    assert polygon[0] == (27.9997505, 36.9992515, 0.25)


def test_tiles_of_a_full_tiling_lie_row_by_row_segment_by_segment() -> None:
    series = dataset(SeriesInstanceUID=SERIES, ReferencedInstanceSequence=[reference(IMAGE_1)])
    shared = dataset(PixelMeasuresSequence=[dataset(PixelSpacing=[0.5, 0.5])])
    origin = dataset(XOffsetInSlideCoordinateSystem=30, YOffsetInSlideCoordinateSystem=40)
    result = outlined(
        [],
        [PIXEL * 0] * 3 + [PIXEL, PIXEL] + [PIXEL * 0] * 3,
        catalog(slide()),
        segments=[1, 2],
        NumberOfFrames=8,
        DimensionOrganizationType="TILED_FULL",
        SharedFunctionalGroupsSequence=[shared],
        TotalPixelMatrixOriginSequence=[origin],
        ReferencedSeriesSequence=[series],
        **MATRIX,
    )
    # The fourth of four tiles of segment 1, the first of segment 2.
    assert drawn(result, 1) == [(IMAGE_1, None, [IN_MATRIX])]
    assert drawn(result, 2) == [(IMAGE_1, None, [RING])]
    first, second = by_role(result, "outline3d")
    assert polygons(first)[0][0] == (27.75, 36.25, 0)
    assert polygons(second)[0][0] == (29.75, 39.25, 0)


def test_tiles_of_a_concatenation_are_counted_from_its_beginning() -> None:
    series = dataset(SeriesInstanceUID=SERIES, ReferencedInstanceSequence=[reference(IMAGE_1)])
    full: dict[str, Any] = {"DimensionOrganizationType": "TILED_FULL", "ConcatenationFrameOffsetNumber": 3}
    result = outlined([], [PIXEL], catalog(slide()), ReferencedSeriesSequence=[series], **full, **MATRIX)
    assert drawn(result) == [(IMAGE_1, None, [IN_MATRIX])]


# Frames that cannot be read


def test_frames_without_pixel_data_are_counted_and_the_others_kept() -> None:
    frames = [frame(1, reference(IMAGE_1)) for _ in range(3)]
    result = outlined(frames, [PIXEL], catalog(image(IMAGE_1, 0)))
    assert drawn(result) == [(IMAGE_1, None, [RING])]
    assert [(each.code, each.severity, each.message) for each in result.problems] == [
        (
            "outline-frame-missing",
            "error",
            "The pixel data of 2 frames is missing or too short: they have no outlines.",
        )
    ]


@pytest.mark.parametrize("count", [0, -3])
def test_a_number_of_frames_that_cannot_be_is_that_of_their_functional_groups(count: int) -> None:
    frames = [frame(1, reference(IMAGE_1)) for _ in range(3)]
    result = outlined(frames, [PIXEL], catalog(image(IMAGE_1, 0)), NumberOfFrames=count)
    assert drawn(result) == [(IMAGE_1, None, [RING])]
    assert [each.message for each in result.problems] == [
        "The pixel data of 2 frames is missing or too short: they have no outlines."
    ]


def test_frames_that_cannot_be_decoded_are_counted_and_the_others_kept() -> None:
    frames = [frame(1, reference(IMAGE_1)) for _ in range(2)]
    result = outlined(frames, [PIXEL, PIXEL[:1]], catalog(image(IMAGE_1, 0)))
    assert drawn(result) == [(IMAGE_1, None, [RING])]
    assert codes_of(result) == ["outline-frame-undecodable"]


def test_without_rows_and_columns_no_frame_is_read() -> None:
    result = outlined([frame(1, reference(IMAGE_1))], Rows=0)
    assert [each.key.role for each in result.selections] == ["item", "source"]
    assert "outline-frame-missing" in codes_of(result)


def test_frames_that_would_fill_memory_are_not_read() -> None:
    result = outlined([frame(1, reference(IMAGE_1))], [PIXEL], Rows=65535, Columns=65535)
    assert [each.key.role for each in result.selections] == ["item", "source"]
    assert "outline-frame-undecodable" in codes_of(result)


# Synthetic studies


def test_the_synthetic_segments_are_outlined_where_they_were_drawn(testdata: Path) -> None:
    rings: dict[tuple[str, str], list[Any]] = {}
    for study in ("ct-chest", "mr-breast"):
        for result in convert(testdata / study, Settings(outlines=True)):
            for each in result.selections:
                if each.selection.key.role == "outline2d":
                    regions = [
                        (selected.number, selected.subset.numbers[0] if isinstance(selected.subset, Frames) else None)
                        for selected in each.selection.instances
                    ]
                    shapes = {
                        tuple(map(tuple, region.coordinates.tolist()))
                        for selected in each.selection.instances
                        for region in selected.regions
                    }
                    rings[Path(result.file).stem, each.selection.key.path] = [sorted(regions), shapes]
    # What testdata/builders/segmentations.py draws, as row and column slices.
    assert rings["seg-binary-two-segments", "2"] == [[(2, None), (3, None)], {square(30, 30, 34, 34)}]
    assert rings["seg-of-frames", "1"] == [[(1, 2), (1, 3), (1, 4)], {square(12, 10, 16, 20)}]
    assert rings["seg-of-frames", "2"] == [[(1, 5)], {square(20, 20, 26, 26)}]
    holes = {square(20, 10, 40, 30), square(28, 18, 32, 22), hole(24, 14, 36, 26)}
    assert rings["seg-with-holes", "1"] == [[(3, None)], holes]
    assert rings["seg-with-holes", "2"] == [[(3, None)], {square(16, 20, 44, 24)}]


def square(left: int, top: int, right: int, bottom: int) -> tuple[tuple[float, float], ...]:
    return ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))


def hole(left: int, top: int, right: int, bottom: int) -> tuple[tuple[float, float], ...]:
    return ((left, top), (left, bottom), (right, bottom), (right, top), (left, top))
