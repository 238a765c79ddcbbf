"""Presentation states: what PS3.3 C.10.4-C.10.6 and C.11.11 say that they draw, and where."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from converter.catalog import EmptyCatalog, Instance
from converter.mapper import Mapped, map_object
from converter.selection import Code, Concept, Frames, Identifier, Region2D, Segments
from converter.settings import Settings
from tests.builders import (
    ENHANCED_CT,
    FRAME_OF_REFERENCE,
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
    dataset,
    images,
    mapped,
    reference,
)

STATE, STATE_SERIES = "1.2.3.5", "1.2.3.6"
BLENDING, ADVANCED_BLENDING = "1.2.840.10008.5.1.4.1.1.11.4", "1.2.840.10008.5.1.4.1.1.11.8"
ITEM = "$.GraphicAnnotationSequence[0]"
GRAPHIC = f"{ITEM}.GraphicObjectSequence[0]"
TEXT = f"{ITEM}.TextObjectSequence[0]"
COMPOUND = f"{ITEM}.CompoundGraphicSequence[0]"

Points = Sequence[tuple[float, float]]


def graphic(kind: str, points: Points, units: str = "PIXEL", **elements: Any) -> Dataset:
    stated = {
        "GraphicAnnotationUnits": units,
        "GraphicDimensions": 2,
        "NumberOfGraphicPoints": len(points),
        "GraphicData": [number for point in points for number in point],
        "GraphicType": kind,
        **elements,
    }
    return dataset(**{keyword: value for keyword, value in stated.items() if value is not None})


def compound(kind: str, points: Points, units: str = "PIXEL", **elements: Any) -> Dataset:
    stated = graphic(kind, points, units)
    del stated.GraphicType, stated.GraphicAnnotationUnits
    return dataset(
        **{each.keyword: each.value for each in stated},
        CompoundGraphicUnits=units,
        CompoundGraphicType=kind,
        **elements,
    )


def annotation(
    *graphics: Dataset,
    on: Sequence[Dataset] = (),
    texts: Sequence[Dataset] = (),
    compounds: Sequence[Dataset] = (),
    layer: str | None = "LAYER",
) -> Dataset:
    sequences = {
        "ReferencedImageSequence": on,
        "GraphicObjectSequence": graphics,
        "TextObjectSequence": texts,
        "CompoundGraphicSequence": compounds,
    }
    built = dataset(**{keyword: list(items) for keyword, items in sequences.items() if items})
    if layer is not None:
        built.GraphicLayer = layer
    return built


def area(top_left: tuple[int, int], bottom_right: tuple[int, int], *on: Dataset, **elements: Any) -> Dataset:
    built = dataset(
        DisplayedAreaTopLeftHandCorner=list(top_left), DisplayedAreaBottomRightHandCorner=list(bottom_right), **elements
    )
    if on:
        built.ReferencedImageSequence = list(on)
    return built


def series(*on: Dataset, uid: str = SERIES) -> Dataset:
    return dataset(SeriesInstanceUID=uid, ReferencedImageSequence=list(on))


WHOLE = area((1, 1), (100, 80))
ONE_IMAGE = (series(reference(IMAGE_1)),)


def state(
    *annotations: Dataset, presents: Sequence[Dataset] = ONE_IMAGE, areas: Sequence[Dataset] = (WHOLE,), **elements: Any
) -> Dataset:
    """Return a state made on 2020-01-02 that presents the first image, 100 columns by 80 rows, as a whole."""
    stated = {
        "SOPClassUID": GSPS,
        "SOPInstanceUID": STATE,
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": STATE_SERIES,
        "Modality": "PR",
        "InstanceNumber": 7,
        "ContentLabel": "LABEL",
        "PresentationCreationDate": "20200102",
        "PresentationCreationTime": "101112",
        "TimezoneOffsetFromUTC": "+0200",
        "ReferencedSeriesSequence": list(presents),
        "DisplayedAreaSelectionSequence": list(areas),
        "GraphicLayerSequence": [dataset(GraphicLayer="LAYER", GraphicLayerDescription="Measured")],
        **elements,
    }
    built = dataset(**{keyword: value for keyword, value in stated.items() if value})
    if annotations:
        built.GraphicAnnotationSequence = list(annotations)
    return built


def problems(result: Mapped) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in result.problems]


def regions(result: Mapped, role: str = "regions2d") -> list[tuple[str, list[int], str, list[list[float]]]]:
    return [
        (
            instance.sop_instance_uid,
            list(instance.subset.numbers) if isinstance(instance.subset, Frames) else [],
            region.type,
            region.coordinates.tolist(),
        )
        for selection in by_role(result, role)
        for instance in selection.instances
        for region in instance.regions
    ]


def only(result: Mapped, role: str = "regions2d") -> Region2D:
    ((instance,),) = (selection.instances for selection in by_role(result, role))
    (region,) = instance.regions
    return region


def of_frames(number_of_frames: int | None, **elements: Any) -> Instances:
    known = images()
    stated = {"sop_class_uid": ENHANCED_CT, "number_of_frames": number_of_frames, **elements}
    known[IMAGE_1] = replace(known[IMAGE_1], **stated)
    return known


# The state and what it presents


def test_the_state_focuses_on_what_it_presents_by_series() -> None:
    presented = (series(reference(IMAGE_1, ReferencedFrameNumber=[2, 3]), reference(IMAGE_2)),)
    other = series(reference(IMAGE_3), uid=OTHER_SERIES)
    result = mapped(state(presents=(*presented, other), ContentDescription="Two series"), of_frames(3))
    document, first, second = result.selections
    assert (document.key.role, document.key.series) == ("document", STATE_SERIES)
    assert document.code == Concept(
        (Code("http://dicom.nema.org/resources/ontology/DCM", "PR", "Presentation State"),), "Two series"
    )
    assert [category.codings[0].code for category in document.categories] == ["PR"]
    assert document.focus == (first.key, second.key)
    (itself,) = document.instances
    assert (itself.sop_instance_uid, itself.sop_class_uid, itself.number, itself.subset) == (STATE, GSPS, 7, None)
    assert (document.series.study_instance_uid, document.series.series_instance_uid) == (STUDY, STATE_SERIES)
    assert {each.key.role for each in (first, second)} == {"series"}
    assert (first.key.series, second.key.series) == (SERIES, OTHER_SERIES)
    assert [(each.sop_instance_uid, each.subset) for each in first.instances] == [
        (IMAGE_1, Frames((2, 3))),
        (IMAGE_2, None),
    ]
    assert first.frame_of_reference_uid == FRAME_OF_REFERENCE
    assert [each.number for each in second.instances] == [13]
    assert document.issued is not None
    assert document.issued.isoformat() == "2020-01-02T10:11:12+02:00"
    assert result.problems == ()


def test_the_content_label_names_a_state_without_description() -> None:
    assert mapped(state()).selections[0].code.text == "LABEL"
    assert mapped(state(ContentLabel=None)).selections[0].code.text == "Presentation State"


def test_the_content_creator_performs_else_the_equipment() -> None:
    made = state(annotation(graphic("POINT", [(1, 2)])), ContentCreatorName="Doe^Jane", Manufacturer="Maker")
    assert {each.performers[0].actor.display for each in mapped(made).selections} == {"Jane Doe"}
    del made.ContentCreatorName
    assert {each.performers[0].actor.display for each in mapped(made).selections} == {"Maker"}


def test_a_blending_state_presents_the_images_of_both_studies() -> None:
    blended = [
        dataset(
            BlendingPosition=position,
            StudyInstanceUID=study,
            ReferencedSeriesSequence=[series(reference(image), uid=uid)],
        )
        for position, study, image, uid in (
            ("UNDERLYING", STUDY, IMAGE_1, SERIES),
            ("SUPERIMPOSED", "1.2.3.99", "1.2.3.99.1.1", "1.2.3.99.1"),
        )
    ]
    made = state(annotation(graphic("POINT", [(1, 2)])), SOPClassUID=BLENDING, BlendingSequence=blended, presents=())
    result = mapped(made)
    assert [
        (each.series.study_instance_uid, each.series.series_instance_uid) for each in by_role(result, "series")
    ] == [(STUDY, SERIES), ("1.2.3.99", "1.2.3.99.1")]
    assert [place for place, *_ in regions(result)] == [IMAGE_1, "1.2.3.99.1.1"]


def test_an_advanced_blending_state_presents_images_or_a_whole_series() -> None:
    blended = [
        dataset(StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES, ReferencedImageSequence=[reference(IMAGE_1)]),
        dataset(StudyInstanceUID="1.2.3.99", SeriesInstanceUID="1.2.3.99.1"),
    ]
    made = state(SOPClassUID=ADVANCED_BLENDING, AdvancedBlendingSequence=blended, presents=())
    result = map_object(made, STATE, EmptyCatalog(), Settings())
    document, images_of_first, whole = result.selections
    assert document.focus == (images_of_first.key, whole.key)
    assert images_of_first.series.series_instance_uid == SERIES
    assert [each.sop_instance_uid for each in images_of_first.instances] == [IMAGE_1]
    assert (whole.series.study_instance_uid, whole.series.series_instance_uid) == ("1.2.3.99", "1.2.3.99.1")
    assert whole.instances == ()
    assert [each.code for each in result.problems] == ["instance-not-found"]


def test_a_presented_segmentation_keeps_the_segments_named() -> None:
    presented = series(reference("1.2.3.77", SEGMENTATION, ReferencedSegmentNumber=[2, 3]))
    (selection,) = by_role(mapped(state(presents=[presented])), "series")
    assert selection.instances[0].subset == Segments((2, 3))


def test_a_state_that_presents_nothing_says_so() -> None:
    result = mapped(state(annotation(graphic("POINT", [(1, 2)])), presents=()))
    assert [each.key.role for each in result.selections] == ["document"]
    assert problems(result) == [
        ("content-missing", "$.ReferencedSeriesSequence"),
        ("region-without-image", ITEM),
    ]


def test_frames_that_cannot_be_leave_their_reference_out() -> None:
    result = mapped(state(presents=[series(reference(IMAGE_1, ReferencedFrameNumber=0), reference(IMAGE_2))]))
    assert [each.sop_instance_uid for each in by_role(result, "series")[0].instances] == [IMAGE_2]
    assert problems(result) == [
        ("frame-invalid", "$.ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedFrameNumber")
    ]


# Graphics in pixels


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("POINT", [(12.5, 13.1)]),
        ("POLYLINE", [(1, 2), (3.3, 4), (1, 2)]),
        ("INTERPOLATED", [(1, 2), (3, 9.7), (20, 4)]),
        ("CIRCLE", [(40, 40), (46.2, 40)]),
        ("ELLIPSE", [(30, 50), (50, 50), (40, 45), (40, 55)]),
    ],
)
def test_graphics_in_pixels_pass_unchanged(kind: str, points: list[tuple[float, float]]) -> None:
    result = mapped(state(annotation(graphic(kind, points)), ImageRotation=90, ImageHorizontalFlip="Y"))
    region = only(result)
    assert region.type == kind.lower()
    assert region.coordinates.dtype == np.float32
    assert region.coordinates.tolist() == np.array(points, np.float32).tolist()
    assert result.problems == ()


def test_the_graphics_of_an_item_are_one_selection_per_series() -> None:
    on = [reference(IMAGE_1), reference(IMAGE_3), reference(IMAGE_2)]
    drawn = annotation(graphic("POINT", [(1, 2)]), graphic("POLYLINE", [(1, 2), (3, 4)]), on=on)
    presents = [series(reference(IMAGE_1), reference(IMAGE_2)), series(reference(IMAGE_3), uid=OTHER_SERIES)]
    result = mapped(state(annotation(graphic("POINT", [(5, 6)])), drawn, presents=presents))
    first, second = by_role(result, "regions2d")[-2:]
    assert [(each.key.path, each.key.series, each.place) for each in (first, second)] == [
        ("2", SERIES, "$.GraphicAnnotationSequence[1]"),
        ("2", OTHER_SERIES, "$.GraphicAnnotationSequence[1]"),
    ]
    assert [each.sop_instance_uid for each in first.instances] == [IMAGE_1, IMAGE_2]
    assert [[region.type for region in each.regions] for each in first.instances] == [["point", "polyline"]] * 2
    assert first.code == Concept((), "LAYER: Measured")
    assert first.focus == (result.selections[0].key,)
    assert first.series.number == 3
    # The item that names no image applies to all that are presented.
    everywhere = by_role(result, "regions2d")[:2]
    assert [[each.sop_instance_uid for each in one.instances] for one in everywhere] == [[IMAGE_1, IMAGE_2], [IMAGE_3]]


def test_graphics_of_frames_stay_with_them() -> None:
    on = [reference(IMAGE_1, ReferencedFrameNumber=[2, 4])]
    result = mapped(state(annotation(graphic("POINT", [(1, 2)]), on=on)), of_frames(4))
    assert regions(result) == [(IMAGE_1, [2, 4], "point", [[1, 2]])]


def test_a_layer_without_description_is_named_and_none_is_reported() -> None:
    drawn = [annotation(graphic("POINT", [(1, 2)]), layer=layer) for layer in ("OTHER", None)]
    result = mapped(state(*drawn))
    assert [each.code.text for each in by_role(result, "regions2d")] == ["OTHER", "Presentation State"]
    assert problems(result) == [("code-missing", "$.GraphicAnnotationSequence[1].GraphicLayer")]


def test_what_tracks_graphics_identifies_them_as_secondary() -> None:
    tracked = [
        graphic("POINT", [(1, 2)], TrackingUID="1.2.9", TrackingID="Lesion"),
        graphic("POINT", [(3, 4)], TrackingUID="1.2.9", TrackingID="Lesion"),
    ]
    (selection,) = by_role(mapped(state(annotation(*tracked))), "regions2d")
    assert selection.identifiers == (
        Identifier("urn:oid:1.2.9", "urn:dicom:uid", use="secondary"),
        Identifier("Lesion", use="secondary"),
    )


def test_the_image_says_where_in_the_body_a_graphic_is() -> None:
    known = images()
    known[IMAGE_1] = replace(known[IMAGE_1], anatomic_region=Code("http://snomed.info/sct", "10200004", "Liver"))
    (selection,) = by_role(mapped(state(annotation(graphic("POINT", [(1, 2)]))), known), "regions2d")
    assert [site.codings[0].code for site in selection.body_sites] == ["10200004"]


@pytest.mark.parametrize(
    ("bad", "code", "element"),
    [
        (graphic("POLYLINE", [(1, 2), (3, 4)], GraphicData=[1, 2, 3]), "region-odd", "GraphicData"),
        (graphic("POLYLINE", [(1, 2), (3, 4)], GraphicData=None), "region-missing", "GraphicData"),
        (graphic("POLYLINE", [(1, 2), (3, float("nan"))]), "region-not-finite", "GraphicData"),
        (graphic("CIRCLE", [(1, 2), (3, 4), (5, 6)]), "region-count", "GraphicData"),
        (graphic("ELLIPSE", [(1, 2), (3, 4)]), "region-count", "GraphicData"),
        (graphic("POINT", [(1, 2), (3, 4)]), "region-count", "GraphicData"),
        (graphic("POLYLINE", [(1, 2)]), "region-count", "GraphicData"),
        (graphic("SQUARE", [(1, 2)]), "region-type", "GraphicType"),
        (graphic("POINT", [(1, 2)], GraphicType=None), "region-type", "GraphicType"),
        (graphic("POINT", [(1, 2)], GraphicDimensions=3), "region-dimensions", "GraphicDimensions"),
        (graphic("POINT", [(1, 2)], units="INCH"), "annotation-units", "GraphicAnnotationUnits"),
        (graphic("POINT", [(1, 2)], GraphicAnnotationUnits=None), "annotation-units", "GraphicAnnotationUnits"),
    ],
)
def test_a_graphic_that_is_none_is_reported_and_nothing_else_is_lost(bad: Dataset, code: str, element: str) -> None:
    result = mapped(state(annotation(bad, graphic("POINT", [(5, 6)]))))
    assert problems(result) == [(code, f"{GRAPHIC}.{element}")]
    assert regions(result) == [(IMAGE_1, [], "point", [[5, 6]])]


def test_a_wrong_number_of_points_counts_less_than_the_points() -> None:
    result = mapped(state(annotation(graphic("POLYLINE", [(1, 2), (3, 4)], NumberOfGraphicPoints=3))))
    assert problems(result) == [("region-count-mismatch", f"{GRAPHIC}.NumberOfGraphicPoints")]
    assert regions(result) == [(IMAGE_1, [], "polyline", [[1, 2], [3, 4]])]


def test_a_graphic_outside_of_its_image_is_kept_with_a_warning() -> None:
    result = mapped(state(annotation(graphic("POINT", [(100.5, 20)]))))
    assert problems(result) == [("region-outside", f"{GRAPHIC}.GraphicData")]
    assert regions(result) == [(IMAGE_1, [], "point", [[100.5, 20]])]


# Graphics in displayed areas


def turned(points: NDArray[np.float64], size: tuple[int, int], rotation: int, flip: bool) -> NDArray[np.float64]:
    """Return where positions in a picture of this width and height are when it is turned by quarters, 0..1."""
    (width, height), at = size, points
    for _ in range(rotation // 90):
        # What was `row` below the top is that far from the right edge after a quarter turn clockwise.
        at = np.column_stack([height - at[:, 1], at[:, 0]])
        width, height = height, width
    if flip:
        at = np.column_stack([width - at[:, 0], at[:, 1]])
    return at / [width, height]


def displayed_corners(
    left: int, top: int, size: tuple[int, int], rotation: int, flip: bool
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the stored pixels, from 1, at the top left and the bottom right of the display."""
    columns, rows = np.meshgrid(np.arange(left + 1, left + size[0] + 1), np.arange(top + 1, top + size[1] + 1))
    shown = [np.rot90(numbers, -rotation // 90) for numbers in (columns, rows)]
    column, row = (np.fliplr(numbers) if flip else numbers for numbers in shown)
    return (int(column[0, 0]), int(row[0, 0])), (int(column[-1, -1]), int(row[-1, -1]))


SHAPES: list[tuple[str, list[tuple[float, float]]]] = [
    ("POINT", [(12.5, 13.25)]),
    ("POLYLINE", [(10, 20), (30, 20), (30, 28.5), (10, 20)]),
    ("INTERPOLATED", [(10, 10), (20, 30), (40, 30), (50, 12.5)]),
    ("ELLIPSE", [(20, 25), (40, 25), (30, 20), (30, 30)]),
    ("ELLIPSE", [(30, 40), (70, 70), (44, 63), (56, 47)]),
]


@given(
    st.tuples(st.integers(0, 30), st.integers(0, 30)),
    st.tuples(st.integers(20, 600), st.integers(20, 600)),
    st.sampled_from([0, 90, 180, 270]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_regions_in_display_units_equal_those_in_pixels_of_the_same_shape(
    origin: tuple[int, int], size: tuple[int, int], rotation: int, flip: bool
) -> None:
    in_display = [
        graphic(kind, [(x, y) for x, y in turned(np.array(points) - origin, size, rotation, flip)], "DISPLAY")
        for kind, points in SHAPES
    ]
    box = turned(np.array([(14, 10), (34, 16)]) - origin, size, rotation, flip)
    anchor = turned(np.array([(32, 31.5)]) - origin, size, rotation, flip)
    words = dataset(
        UnformattedTextValue="Words",
        BoundingBoxAnnotationUnits="DISPLAY",
        BoundingBoxTopLeftHandCorner=box.min(axis=0).tolist(),
        BoundingBoxBottomRightHandCorner=box.max(axis=0).tolist(),
        AnchorPointAnnotationUnits="DISPLAY",
        AnchorPoint=anchor[0].tolist(),
    )
    shown = area(*displayed_corners(*origin, size, rotation, flip))
    made = state(
        annotation(*in_display, texts=[words]),
        areas=[shown],
        ImageRotation=rotation,
        ImageHorizontalFlip="Y" if flip else "N",
    )
    result = map_object(made, STATE, EmptyCatalog(), Settings())
    for (kind, points), (_, _, region_type, coordinates) in zip(SHAPES, regions(result), strict=True):
        assert region_type == kind.lower()
        assert np.array(coordinates) == pytest.approx(np.array(points), abs=0.01)
    (_, _, of_box, outline), (_, _, of_anchor, point) = regions(result, "text")
    assert (of_box, of_anchor) == ("polyline", "point")
    assert outline[0] == outline[-1]
    assert np.abs(np.array(outline) - [24, 13]) == pytest.approx(np.array([[10, 3]] * 5), abs=0.01)
    assert len({tuple(np.round(vertex)) for vertex in outline}) == 4
    assert point[0] == pytest.approx([32, 31.5], abs=0.01)


def test_a_circle_in_an_oblong_area_is_stated_as_the_ellipse_it_becomes() -> None:
    result = mapped(state(annotation(graphic("CIRCLE", [(0.5, 0.5), (0.75, 0.5)], "DISPLAY"))))
    assert regions(result) == [(IMAGE_1, [], "ellipse", [[25, 40], [75, 40], [50, 20], [50, 60]])]
    assert problems(result) == [("region-circle-ellipse", f"{GRAPHIC}.GraphicData")]


def test_a_circle_in_a_square_area_is_one() -> None:
    made = state(annotation(graphic("CIRCLE", [(0.5, 0.5), (0.75, 0.5)], "DISPLAY")), areas=[area((1, 1), (40, 40))])
    assert regions(mapped(made)) == [(IMAGE_1, [], "circle", [[20, 20], [30, 20]])]


def test_each_image_has_the_area_that_names_it_else_the_one_of_all() -> None:
    areas = [area((1, 1), (10, 10)), area((11, 11), (30, 30), reference(IMAGE_2)), area((1, 1), (50, 50))]
    presents = [series(reference(IMAGE_1), reference(IMAGE_2))]
    made = state(annotation(graphic("POINT", [(0.5, 0.5)], "DISPLAY")), areas=areas, presents=presents)
    assert regions(mapped(made)) == [(IMAGE_1, [], "point", [[5, 5]]), (IMAGE_2, [], "point", [[20, 20]])]


BY_FRAME = [
    area((1, 1), (10, 10), reference(IMAGE_1, ReferencedFrameNumber=[2, 3])),
    area((1, 1), (20, 20), reference(IMAGE_1, ReferencedFrameNumber=5)),
]
CENTER = annotation(graphic("POINT", [(0.5, 0.5)], "DISPLAY"))


def test_frames_with_different_areas_are_told_apart() -> None:
    presents = [series(reference(IMAGE_1, ReferencedFrameNumber=[2, 3, 4, 5]))]
    made = state(CENTER, areas=[*BY_FRAME, area((1, 1), (40, 40), reference(IMAGE_1))], presents=presents)
    result = mapped(made, of_frames(5))
    assert regions(result) == [
        (IMAGE_1, [2, 3], "point", [[5, 5]]),
        (IMAGE_1, [4], "point", [[20, 20]]),
        (IMAGE_1, [5], "point", [[10, 10]]),
    ]
    assert result.problems == ()


def test_an_image_whose_frames_have_different_areas_is_stated_frame_by_frame() -> None:
    result = mapped(state(CENTER, areas=[*BY_FRAME, WHOLE]), of_frames(5))
    assert [(frames, points) for _, frames, _, points in regions(result)] == [
        ([1, 4], [[50, 40]]),
        ([2, 3], [[5, 5]]),
        ([5], [[10, 10]]),
    ]


def test_an_area_of_the_only_frame_is_one_of_the_image() -> None:
    areas = [area((1, 1), (10, 10), reference(IMAGE_1, ReferencedFrameNumber=1))]
    for known in (images(), Instances()):
        assert regions(mapped(state(CENTER, areas=areas), known)) == [(IMAGE_1, [], "point", [[5, 5]])]


def test_frames_that_no_area_governs_have_no_place() -> None:
    result = mapped(state(CENTER, areas=BY_FRAME), of_frames(5))
    assert [frames for _, frames, _, _ in regions(result)] == [[2, 3], [5]]
    assert problems(result) == [("displayed-area-missing", f"{GRAPHIC}.GraphicData")]


def test_of_an_unknown_number_of_frames_those_named_are_placed() -> None:
    result = mapped(state(CENTER, areas=[*BY_FRAME, WHOLE]), Instances())
    assert [frames for _, frames, _, _ in regions(result)] == [[2, 3], [5]]
    assert ("displayed-area-frames", f"{GRAPHIC}.GraphicData") in problems(result)


@pytest.mark.parametrize(
    ("elements", "areas", "expected"),
    [
        ({}, [], ("displayed-area-missing", f"{GRAPHIC}.GraphicData")),
        ({}, [area((1, 1), (9, 9), reference(IMAGE_2))], ("displayed-area-missing", f"{GRAPHIC}.GraphicData")),
        ({}, [area((0, 1), (9, 9))], ("displayed-area-invalid", "$.DisplayedAreaSelectionSequence[0]")),
        ({}, [dataset()], ("displayed-area-invalid", "$.DisplayedAreaSelectionSequence[0]")),
        ({"ImageRotation": 45}, [WHOLE], ("rotation-invalid", "$.ImageRotation")),
        ({"ImageHorizontalFlip": "YES"}, [WHOLE], ("flip-invalid", "$.ImageHorizontalFlip")),
    ],
)
def test_what_cannot_be_placed_is_reported_and_graphics_in_pixels_stay(
    elements: dict[str, Any], areas: list[Dataset], expected: tuple[str, str]
) -> None:
    drawn = annotation(graphic("POINT", [(0.5, 0.5)], "DISPLAY"), graphic("POINT", [(5, 6)]))
    result = mapped(state(drawn, areas=areas, **elements))
    assert problems(result) == [expected]
    assert regions(result) == [(IMAGE_1, [], "point", [[5, 6]])]


# Tiled images

TILED = {"total_pixel_matrix_rows": 1000, "total_pixel_matrix_columns": 2000}
TWO_FRAMES = [series(reference(IMAGE_1, ReferencedFrameNumber=2), reference(IMAGE_1, ReferencedFrameNumber=3))]


def test_positions_in_the_total_pixel_matrix_are_kept_once_for_the_whole_instance() -> None:
    made = state(annotation(graphic("POINT", [(1500, 900)], "MATRIX")), presents=TWO_FRAMES)
    result = mapped(made, of_frames(4, **TILED))
    assert regions(result) == [(IMAGE_1, [], "point", [[1500, 900]])]
    assert problems(result) == [("region-matrix", f"{GRAPHIC}.GraphicAnnotationUnits")]


def test_positions_in_the_matrix_of_a_whole_instance_lose_nothing() -> None:
    result = mapped(state(annotation(graphic("POINT", [(1500, 900)], "MATRIX"))), of_frames(4, **TILED))
    assert result.problems == ()


def test_an_area_of_the_volume_is_one_of_the_total_pixel_matrix() -> None:
    areas = [area((1, 1), (2000, 1000), PixelOriginInterpretation="VOLUME")]
    result = mapped(state(CENTER, areas=areas, presents=TWO_FRAMES), of_frames(4, **TILED))
    assert regions(result) == [(IMAGE_1, [], "point", [[1000, 500]])]
    assert problems(result) == [("region-matrix", "$.DisplayedAreaSelectionSequence[0].PixelOriginInterpretation")]


@pytest.mark.parametrize(
    "origin", [{}, {"PixelOriginInterpretation": "MATRIX"}, {"PixelOriginInterpretation": "FRAME"}]
)
def test_an_area_of_a_tiled_image_is_one_of_its_frames_unless_it_says_otherwise(origin: dict[str, str]) -> None:
    on_frame = [series(reference(IMAGE_1, ReferencedFrameNumber=2))]
    made = state(CENTER, areas=[area((1, 1), (100, 80), **origin)], presents=on_frame)
    result = mapped(made, of_frames(4, **TILED))
    assert regions(result) == [(IMAGE_1, [2], "point", [[50, 40]])]
    path = "$.DisplayedAreaSelectionSequence[0].PixelOriginInterpretation"
    assert problems(result) == ([] if "FRAME" in origin.values() else [("pixel-origin-assumed", path)])


def test_positions_in_a_frame_of_a_tiled_image_that_is_not_named_are_reported() -> None:
    result = mapped(state(annotation(graphic("POINT", [(5, 6)]))), of_frames(4, **TILED))
    assert regions(result) == [(IMAGE_1, [], "point", [[5, 6]])]
    assert problems(result) == [("frame-unnamed", f"{GRAPHIC}.GraphicAnnotationUnits")]
    assert problems(mapped(state(annotation(graphic("POINT", [(5, 6)]))), of_frames(1, **TILED))) == []


# Texts


def text(words: str | None = "Words", **elements: Any) -> Dataset:
    return dataset(**({} if words is None else {"UnformattedTextValue": words}), **elements)


BOX = {
    "BoundingBoxAnnotationUnits": "PIXEL",
    "BoundingBoxTopLeftHandCorner": [10, 20],
    "BoundingBoxBottomRightHandCorner": [30, 25],
}
ANCHOR = {"AnchorPointAnnotationUnits": "DISPLAY", "AnchorPoint": [0.5, 0.5]}


def test_a_text_has_its_box_and_its_anchor_each_in_its_units() -> None:
    words = [text("First"), text("Line\r\nbreak", **BOX, **ANCHOR, TrackingID="Lesion")]
    result = mapped(state(annotation(texts=words)))
    first, second = by_role(result, "text")
    assert [each.key.path for each in (first, second)] == ["1.1", "1.2"]
    assert second.code == Concept((), "Line\r\nbreak")
    assert second.place == f"{ITEM}.TextObjectSequence[1]"
    assert second.identifiers == (Identifier("Lesion", use="secondary"),)
    assert regions(result, "text") == [
        (IMAGE_1, [], "polyline", [[10, 20], [30, 20], [30, 25], [10, 25], [10, 20]]),
        (IMAGE_1, [], "point", [[50, 40]]),
    ]
    box, anchor = second.instances[0].regions
    assert box.coordinates.dtype == np.float32
    assert anchor.coordinates.dtype == np.float64
    assert problems(result) == [("text-position-missing", TEXT)]
    assert [each.sop_instance_uid for each in first.instances] == [IMAGE_1]


def test_a_text_without_words_is_named_by_its_layer() -> None:
    (selection,) = by_role(mapped(state(annotation(texts=[text(None, **BOX)]))), "text")
    assert selection.code.text == "LAYER: Measured"


@pytest.mark.parametrize(
    ("elements", "code", "element"),
    [
        ({**BOX, "BoundingBoxBottomRightHandCorner": [1]}, "region-odd", "BoundingBoxBottomRightHandCorner"),
        ({**BOX, "BoundingBoxBottomRightHandCorner": None}, "region-missing", "BoundingBoxBottomRightHandCorner"),
        ({**BOX, "BoundingBoxTopLeftHandCorner": [1, 2, 3, 4]}, "region-count", "BoundingBoxTopLeftHandCorner"),
        ({**BOX, "BoundingBoxAnnotationUnits": None}, "annotation-units", "BoundingBoxAnnotationUnits"),
        ({**ANCHOR, "AnchorPoint": [float("inf"), 0]}, "region-not-finite", "AnchorPoint"),
    ],
)
def test_a_text_whose_place_is_broken_is_stated_for_its_image(
    elements: dict[str, Any], code: str, element: str
) -> None:
    result = mapped(state(annotation(texts=[text(**elements)])))
    assert problems(result) == [(code, f"{TEXT}.{element}")]
    (selection,) = by_role(result, "text")
    assert [(each.sop_instance_uid, each.regions) for each in selection.instances] == [(IMAGE_1, ())]


# Compound graphics


def test_a_compound_graphic_is_stated_by_its_simple_graphics() -> None:
    simple = graphic("POLYLINE", [(1, 2), (3, 4)], CompoundGraphicInstanceID=1)
    compounds = [compound("RULER", [(1, 2), (3, 4)], CompoundGraphicInstanceID=number) for number in (1, 2)]
    assert len(regions(mapped(state(annotation(simple, compounds=compounds))))) == 2


def test_simple_graphics_that_are_broken_do_not_stand_for_a_compound_one() -> None:
    simple = graphic("POLYLINE", [(1, 2)], CompoundGraphicInstanceID=1)
    compounds = [compound("RULER", [(1, 2), (3, 4)], CompoundGraphicInstanceID=1)]
    assert regions(mapped(state(annotation(simple, compounds=compounds)))) == [
        (IMAGE_1, [], "polyline", [[1, 2], [3, 4]])
    ]


@pytest.mark.parametrize(
    ("kind", "points", "expected"),
    [
        (
            "MULTILINE",
            [(1, 2), (3, 4), (5, 6), (7, 8)],
            [("polyline", [[1, 2], [3, 4]]), ("polyline", [[5, 6], [7, 8]])],
        ),
        ("CUTLINE", [(1, 2), (3, 4)], [("polyline", [[1, 2], [3, 4]])]),
        ("RANGELINE", [(1, 2), (3, 4)], [("polyline", [[1, 2], [3, 4]])]),
        ("RULER", [(1, 2), (3, 4)], [("polyline", [[1, 2], [3, 4]])]),
        ("AXIS", [(10, 10), (90, 10)], [("polyline", [[10, 10], [90, 10]])]),
        ("ARROW", [(1, 2), (3, 4)], [("polyline", [[1, 2], [3, 4]])]),
        ("CROSSHAIR", [(7, 8)], [("point", [[7, 8]])]),
        ("RECTANGLE", [(1, 2), (5, 8)], [("polyline", [[1, 2], [5, 2], [5, 8], [1, 8], [1, 2]])]),
        ("RECTANGLE", [(1, 2), (5, 2), (5, 8), (1, 8)], [("polyline", [[1, 2], [5, 2], [5, 8], [1, 8], [1, 2]])]),
        ("ELLIPSE", [(10, 20), (30, 30)], [("ellipse", [[10, 25], [30, 25], [20, 20], [20, 30]])]),
        ("ELLIPSE", [(10, 25), (30, 25), (20, 20), (20, 30)], [("ellipse", [[10, 25], [30, 25], [20, 20], [20, 30]])]),
    ],
)
def test_a_compound_graphic_alone_is_stated_by_its_outline(
    kind: str, points: Points, expected: list[tuple[str, list[list[float]]]]
) -> None:
    result = mapped(state(annotation(compounds=[compound(kind, points)])))
    assert [(region, coordinates) for _, _, region, coordinates in regions(result)] == expected
    assert result.problems == ()


def test_an_outline_in_display_units_is_mapped() -> None:
    # A box of 20 by 64 pixels: the axis that is the longer one as displayed is not so in the image.
    made = state(annotation(compounds=[compound("ELLIPSE", [(0.4, 0.1), (0.6, 0.9)], "DISPLAY")]))
    assert only(mapped(made)).coordinates == pytest.approx(np.array([[50, 8], [50, 72], [40, 40], [60, 40]]), abs=1e-4)


def test_a_compound_graphic_turns_counterclockwise_as_displayed() -> None:
    drawn = compound("RULER", [(20, 20), (30, 20)], RotationAngle=90.0, RotationPoint=[20, 20])
    assert only(mapped(state(annotation(compounds=[drawn])))).coordinates.tolist() == [[20, 20], [20, 10]]
    shown = compound("RULER", [(0.2, 0.25), (0.3, 0.25)], "DISPLAY", RotationAngle=90.0, RotationPoint=[0.2, 0.25])
    upright = only(mapped(state(annotation(compounds=[shown]))))
    assert upright.coordinates == pytest.approx(np.array([[20, 20], [20, 10]]), abs=1e-4)
    # Mirrored, 0.2 across is stored column 80, and the line still points up on the display and in the image.
    mirrored = only(mapped(state(annotation(compounds=[shown]), ImageHorizontalFlip="Y")))
    assert mirrored.coordinates == pytest.approx(np.array([[80, 20], [80, 10]]), abs=1e-4)


@pytest.mark.parametrize(
    ("bad", "code", "element"),
    [
        (compound("INFINITELINE", [(1, 2), (3, 4)]), "graphic-not-representable", "CompoundGraphicType"),
        (compound("SPIRAL", [(1, 2), (3, 4)]), "region-type", "CompoundGraphicType"),
        (compound("MULTILINE", [(1, 2), (3, 4), (5, 6)]), "region-count", "GraphicData"),
        (compound("CROSSHAIR", [(1, 2), (3, 4)]), "region-count", "GraphicData"),
        (compound("RECTANGLE", [(1, 2)]), "region-count", "GraphicData"),
        (compound("ELLIPSE", [(1, 2), (3, 4), (5, 6)]), "region-count", "GraphicData"),
        (compound("RULER", [(1, 2)]), "region-count", "GraphicData"),
        (compound("RULER", [(1, 2), (3, 4)], "INCH"), "annotation-units", "CompoundGraphicUnits"),
        (compound("RULER", [(1, 2), (3, 4)], RotationAngle=9.0), "region-missing", "RotationPoint"),
        (
            compound("RULER", [(1, 2), (3, 4)], RotationAngle=float("nan"), RotationPoint=[1, 2]),
            "value-unreadable",
            "RotationAngle",
        ),
    ],
)
def test_a_compound_graphic_without_outline_is_reported(bad: Dataset, code: str, element: str) -> None:
    result = mapped(state(annotation(graphic("POINT", [(5, 6)]), compounds=[bad])))
    assert problems(result) == [(code, f"{COMPOUND}.{element}")]
    assert regions(result) == [(IMAGE_1, [], "point", [[5, 6]])]


# Real objects


def catalog_of(folder: Path) -> Instances:
    known = Instances()
    for file in folder.glob("*.dcm"):
        header = dcmread(file, stop_before_pixels=True)
        if "Rows" in header:
            known[header.SOPInstanceUID] = Instance(
                sop_instance_uid=header.SOPInstanceUID,
                sop_class_uid=header.SOPClassUID,
                study_instance_uid=header.StudyInstanceUID,
                series_instance_uid=header.SeriesInstanceUID,
                rows=header.Rows,
                columns=header.Columns,
            )
    return known


def facts_of(result: Mapped) -> list[tuple[str, list[int], str, list[float]]]:
    return [
        (place, frames, kind, [number for point in points for number in point])
        for place, frames, kind, points in regions(result)
    ]


@pytest.mark.parametrize("with_catalog", [False, True])
def test_real_states_state_what_independent_readers_found(corpus: Path, with_catalog: bool) -> None:
    known = catalog_of(corpus / "clearcanvas") if with_catalog else EmptyCatalog()
    lines = map(json.loads, (corpus / "facts.jsonl").read_text("utf-8").splitlines())
    stated = [each for each in lines if each["object"] == "PR"]
    assert len(stated) == 6
    for each in stated:
        result = map_object(dcmread(corpus / each["file"]), each["sopInstanceUid"], known, Settings())
        drawn = [tuple(fact[1:]) for fact in each["facts"] if fact[0] == "region2d"]
        assert facts_of(result) == drawn
        presented = [
            [instance.sop_instance_uid, list(instance.subset.numbers)]
            for selection in by_role(result, "series")
            for instance in selection.instances
            if isinstance(instance.subset, Frames)
        ]
        assert presented == [fact[1:] for fact in each["facts"] if fact[0] == "select"]
        assert len(by_role(result, "text")) == 1
        assert all(selection.series.series_instance_uid for selection in result.selections)
        expected = {"issued-incomplete"} if with_catalog else {"issued-incomplete", "instance-not-found"}
        assert {problem.code for problem in result.problems} == expected
