"""Bulk annotations: groups with arrays of coordinates, whole and broken, by PS3.3 C.37.1.2."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import highdicom
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.sr.coding import Code

from converter.mapper import Mapped
from converter.selection import Frames, Selection
from tests.builders import (
    FRAME_OF_REFERENCE,
    IMAGE_1,
    IMAGE_2,
    IMAGE_3,
    OTHER_SERIES,
    SERIES,
    STUDY,
    Instances,
    code,
    dataset,
    images,
    mapped,
    reference,
)
from tests.mapper.objects import problems, referenced_series, reread

GROUP = "$.AnnotationGroupSequence[0]"
ROOT = "1.2.3.50"


def group(kind: str, points: list[float], index: list[int] | None = None, **elements: Any) -> Dataset:
    """Return a group of nuclei in single precision; an element that is None is left out."""
    each = {"POINT": 2, "ELLIPSE": 8, "RECTANGLE": 8}
    stated: dict[str, Any] = {
        "AnnotationGroupNumber": 1,
        "AnnotationGroupUID": f"{ROOT}.1",
        "AnnotationGroupLabel": "Cells",
        "AnnotationGroupGenerationType": "MANUAL",
        "AnnotationPropertyCategoryCodeSequence": [code("91723000", "SCT", "Anatomical Structure")],
        "AnnotationPropertyTypeCodeSequence": [code("84640000", "SCT", "Nucleus")],
        "NumberOfAnnotations": len(points) // each[kind] if kind in each else len(index or []),
        "AnnotationAppliesToAllOpticalPaths": "YES",
        "GraphicType": kind,
        "PointCoordinatesData": np.array(points, "<f4").tobytes(),
        "LongPrimitivePointIndexList": None if index is None else np.array(index, "<u4").tobytes(),
        **elements,
    }
    return dataset(**{keyword: value for keyword, value in stated.items() if value is not None})


def bulk(*groups: Dataset, **elements: Any) -> Dataset:
    """Return an object as read, with positions in the pixels of the first of `images()`."""
    stated: dict[str, Any] = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.91.1",
        "SOPInstanceUID": ROOT,
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": "1.2.3.51",
        "Modality": "ANN",
        "ContentDate": "20200102",
        "ContentTime": "101112",
        "TimezoneOffsetFromUTC": "+0000",
        "ReferencedSeriesSequence": [referenced_series(SERIES, IMAGE_1)],
        "ReferencedImageSequence": [reference(IMAGE_1)],
        "PixelOriginInterpretation": "VOLUME",
        "AnnotationCoordinateType": "2D",
        "AnnotationGroupSequence": list(groups),
        **elements,
    }
    return reread(dataset(**{keyword: value for keyword, value in stated.items() if value is not None}))


def in_space(*groups: Dataset, **elements: Any) -> Dataset:
    of_space = {
        "AnnotationCoordinateType": "3D",
        "PixelOriginInterpretation": None,
        "FrameOfReferenceUID": FRAME_OF_REFERENCE,
    }
    return bulk(*groups, **(of_space | elements))


def tiled(frames: int = 4) -> Instances:
    """The images, the first tiled: a total pixel matrix of 200 x 160 in tiles of 100 x 80."""
    known = images()
    known[IMAGE_1] = replace(
        known[IMAGE_1], number_of_frames=frames, total_pixel_matrix_columns=200, total_pixel_matrix_rows=160
    )
    return known


def only(result: Mapped) -> Selection:
    (selection,) = result.selections
    return selection


def regions(selection: Selection) -> list[tuple[str, list[float]]]:
    """Return type and coordinates of the regions on the first instance, or in space."""
    found = selection.regions_3d or selection.instances[0].regions
    return [(each.type, each.coordinates.ravel().tolist()) for each in found]


# What a group becomes


@pytest.mark.parametrize(
    ("kind", "points", "index", "stated"),
    [
        ("POINT", [1, 2, 3, 4], None, [("multipoint", [1, 2, 3, 4])]),
        (
            "POLYLINE",
            [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
            [1, 5],
            [("polyline", [1, 2, 3, 4]), ("polyline", [5, 6, 7, 8, 9, 10])],
        ),
        ("POLYGON", [1, 1, 2, 1, 2, 2], [1], [("polyline", [1, 1, 2, 1, 2, 2, 1, 1])]),
        ("ELLIPSE", [1, 3, 5, 3, 3, 2, 3, 4], None, [("ellipse", [1, 3, 5, 3, 3, 2, 3, 4])]),
        ("RECTANGLE", [1, 1, 5, 1, 5, 4, 1, 4], None, [("polyline", [1, 1, 5, 1, 5, 4, 1, 4, 1, 1])]),
    ],
)
def test_every_graphic_type_on_an_image(
    kind: str, points: list[float], index: list[int] | None, stated: list[tuple[str, list[float]]]
) -> None:
    result = mapped(bulk(group(kind, points, index)))
    selection = only(result)
    assert regions(selection) == stated
    assert selection.key.role == "regions2d"
    assert [each.sop_instance_uid for each in selection.instances] == [IMAGE_1]
    assert problems(result) == []


def test_a_group_says_what_it_is_of_whom_and_where() -> None:
    liver = code("10200004", "SCT", "Liver")
    liver.AnatomicRegionModifierSequence = [code("24028007", "SCT", "Right")]
    kind = code("84640000", "SCT", "Nucleus")
    kind.AnnotationPropertyTypeModifierCodeSequence = [code("373803006", "SCT", "Mitotic")]
    described = group(
        "POINT",
        [1, 2],
        AnnotationGroupNumber=7,
        AnnotationGroupDescription="At 40 times",
        AnnotationGroupGenerationType="AUTOMATIC",
        AnnotationGroupAlgorithmIdentificationSequence=[dataset(AlgorithmName="Finder", AlgorithmVersion="2")],
        AnnotationPropertyTypeCodeSequence=[kind],
        AnatomicRegionSequence=[liver],
    )
    selection = only(mapped(bulk(described)))
    assert (selection.key.path, selection.key.part) == ("7", "")
    assert [each.value for each in selection.identifiers] == [f"urn:oid:{ROOT}.1"]
    assert [each.text for each in selection.categories] == ["Annotation", "Anatomical Structure"]
    assert selection.code.codings[0].code == "84640000"
    assert selection.code.text == "Nucleus, Mitotic: Cells: At 40 times"
    assert [each.actor.display for each in selection.performers] == ["Finder 2"]
    assert [each.text for each in selection.body_sites] == ["Liver, right"]
    assert selection.issued is not None


def test_double_precision_keeps_its_digits_and_single_precision_its_own() -> None:
    double = np.array([1 / 3, 2 / 3], "<f8").tobytes()
    exact = only(mapped(bulk(group("POINT", [], NumberOfAnnotations=1, DoublePointCoordinatesData=double))))
    assert regions(exact) == [("multipoint", [1 / 3, 2 / 3])]
    (single,) = only(mapped(bulk(group("POINT", [1 / 3, 2 / 3])))).instances[0].regions
    assert single.coordinates.dtype == np.float32


def test_optical_paths_that_are_meant_are_named() -> None:
    limited = group(
        "POINT", [1, 2], AnnotationAppliesToAllOpticalPaths="NO", ReferencedOpticalPathIdentifier=["A", "B"]
    )
    result = mapped(bulk(limited))
    assert only(result).code.text == "Nucleus: Cells (optical paths A, B)"
    assert problems(result) == [("optical-paths", f"{GROUP}.ReferencedOpticalPathIdentifier")]


# In space


def test_points_with_a_common_z_have_three_coordinates() -> None:
    lines = group("POLYLINE", [1, 2, 3, 4, 5, 6, 7, 8], [1, 5], CommonZCoordinateValue=0.5)
    selection = only(mapped(in_space(lines)))
    assert regions(selection) == [("polyline", [1, 2, 0.5, 3, 4, 0.5]), ("polyline", [5, 6, 0.5, 7, 8, 0.5])]
    assert selection.frame_of_reference_uid == selection.key.frame_of_reference == FRAME_OF_REFERENCE
    assert [each.regions for each in selection.instances] == [()]


def test_an_index_counts_three_numbers_a_point_where_each_has_its_own_z() -> None:
    lines = group("POLYLINE", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15], [1, 7])
    assert regions(only(mapped(in_space(lines)))) == [
        ("polyline", [1, 2, 3, 4, 5, 6]),
        ("polyline", [7, 8, 9, 10, 11, 12, 13, 14, 15]),
    ]


def test_annotations_in_several_planes_are_stated_in_each() -> None:
    result = mapped(in_space(group("POINT", [1, 2], CommonZCoordinateValue=[0.5, 0.25])))
    assert [(each.key.part, regions(each)) for each in result.selections] == [
        ("0", [("multipoint", [1, 2, 0.5])]),
        ("1", [("multipoint", [1, 2, 0.25])]),
    ]


def test_annotations_in_space_are_stated_by_series_of_the_images() -> None:
    both = [referenced_series(SERIES, IMAGE_1, IMAGE_2), referenced_series(OTHER_SERIES, IMAGE_3)]
    stated = in_space(
        group("POINT", [1, 2, 3], NumberOfAnnotations=1),
        ReferencedSeriesSequence=both,
        ReferencedImageSequence=None,
        FrameOfReferenceUID=None,
    )
    result = mapped(stated)
    assert [
        (each.series.series_instance_uid, [one.sop_instance_uid for one in each.instances], each.frame_of_reference_uid)
        for each in result.selections
    ] == [(SERIES, [IMAGE_1, IMAGE_2], FRAME_OF_REFERENCE), (OTHER_SERIES, [IMAGE_3], FRAME_OF_REFERENCE)]
    assert all(regions(each) == [("multipoint", [1, 2, 3])] for each in result.selections)


def test_annotations_in_space_need_no_image() -> None:
    result = mapped(
        in_space(
            group("POINT", [1, 2, 3], NumberOfAnnotations=1),
            ReferencedSeriesSequence=None,
            ReferencedImageSequence=None,
        )
    )
    selection = only(result)
    assert (selection.instances, selection.series.series_instance_uid) == ((), None)
    assert problems(result) == []


def test_without_a_frame_of_reference_the_image_stays_selected() -> None:
    stated = in_space(group("POINT", [1, 2, 3], NumberOfAnnotations=1), FrameOfReferenceUID=None)
    result = mapped(stated, Instances())
    assert [each.sop_instance_uid for each in only(result).instances] == [IMAGE_1]
    assert ("region-without-frame-of-reference", f"{GROUP}.PointCoordinatesData") in problems(result)


# Where on the image


@pytest.mark.parametrize(
    ("origin", "frames", "subset", "codes"),
    [
        ("VOLUME", None, None, []),
        (None, None, None, ["pixel-origin-volume"]),
        ("MATRIX", 2, None, ["pixel-origin-volume", "region-matrix"]),
        ("VOLUME", 2, None, ["region-matrix"]),
        ("FRAME", 2, Frames((2,)), []),
    ],
)
def test_positions_are_in_the_total_pixel_matrix_or_in_a_frame(
    origin: str | None, frames: int | None, subset: Frames | None, codes: list[str]
) -> None:
    named = reference(IMAGE_1) if frames is None else reference(IMAGE_1, ReferencedFrameNumber=frames)
    stated = bulk(group("POINT", [50, 60]), PixelOriginInterpretation=origin, ReferencedImageSequence=[named])
    result = mapped(stated, tiled())
    (instance,) = only(result).instances
    assert (instance.subset, len(instance.regions)) == (subset, 1)
    assert [each for each, _ in problems(result)] == codes


def test_a_whole_slide_image_that_was_not_read_is_tiled_all_the_same() -> None:
    whole_slide = reference(IMAGE_1, "1.2.840.10008.5.1.4.1.1.77.1.6")
    stated = bulk(group("POINT", [50, 60]), PixelOriginInterpretation=None, ReferencedImageSequence=[whole_slide])
    assert ("pixel-origin-volume", "$.PixelOriginInterpretation") in problems(mapped(stated, Instances()))


@pytest.mark.parametrize("origin", ["FRAME", None])
def test_a_position_in_a_frame_that_nothing_names_is_none(origin: str | None) -> None:
    known = tiled()
    if origin is None:
        # Without tiles there is no matrix that absence could mean.
        known[IMAGE_1] = replace(known[IMAGE_1], total_pixel_matrix_columns=None, total_pixel_matrix_rows=None)
    result = mapped(bulk(group("POINT", [50, 60]), PixelOriginInterpretation=origin), known)
    assert [each.regions for each in only(result).instances] == [()]
    assert problems(result) == [("annotation-frame", f"{GROUP}.PointCoordinatesData")]


@pytest.mark.parametrize(
    ("origin", "frame", "x", "is_outside"),
    [("VOLUME", None, 150, False), ("VOLUME", None, 201, True), ("FRAME", 2, 150, True)],
)
def test_outside_is_outside_of_the_matrix_or_of_the_frame(
    origin: str, frame: int | None, x: float, is_outside: bool
) -> None:
    named = reference(IMAGE_1) if frame is None else reference(IMAGE_1, ReferencedFrameNumber=frame)
    stated = bulk(group("POINT", [x, 10]), PixelOriginInterpretation=origin, ReferencedImageSequence=[named])
    result = mapped(stated, tiled())
    assert regions(only(result)) == [("multipoint", [x, 10])]
    assert problems(result) == ([("region-outside", f"{GROUP}.PointCoordinatesData")] if is_outside else [])


def test_of_several_images_the_first_has_the_annotations() -> None:
    stated = bulk(group("POINT", [1, 2]), ReferencedImageSequence=[reference(IMAGE_1), reference(IMAGE_2)])
    result = mapped(stated)
    assert [(each.sop_instance_uid, len(each.regions)) for each in only(result).instances] == [
        (IMAGE_1, 1),
        (IMAGE_2, 0),
    ]
    assert problems(result) == [("annotation-images", "$.ReferencedImageSequence")]


def test_the_only_instance_referred_to_stands_in_for_the_image() -> None:
    result = mapped(bulk(group("POINT", [1, 2]), ReferencedImageSequence=None))
    assert regions(only(result)) == [("multipoint", [1, 2])]
    assert problems(result) == [("sequence-missing", "$.ReferencedImageSequence")]


def test_without_an_image_a_position_in_pixels_selects_nothing() -> None:
    two = [referenced_series(SERIES, IMAGE_1, IMAGE_2)]
    result = mapped(bulk(group("POINT", [1, 2]), ReferencedImageSequence=None, ReferencedSeriesSequence=two))
    assert result.selections == ()
    assert ("region-without-image", GROUP) in problems(result)


# What is broken


@pytest.mark.parametrize(
    ("index", "kept", "count", "first"),
    [
        # Eight points: of two numbers each, so that polylines can begin at 1, 3, 5, ..., 15.
        ([1, 5, 9], [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12, 13, 14, 15, 16]], 0, 0),
        # Out of order: neither of the two is known to end where the next begins.
        ([1, 9, 5, 13], [[13, 14, 15, 16]], 3, 1),
        # One index points far ahead: those after it are in order among themselves, up to where it points.
        ([1, 13, 5, 9], [[5, 6, 7, 8]], 3, 1),
        # Within a point, and with it the polyline before, whose end it would be.
        ([1, 6, 9], [[9, 10, 11, 12, 13, 14, 15, 16]], 2, 1),
        # Beyond the end.
        ([1, 5, 99], [[1, 2, 3, 4]], 2, 2),
        # Counted from 0.
        ([0, 5, 9], [[5, 6, 7, 8], [9, 10, 11, 12, 13, 14, 15, 16]], 1, 1),
    ],
)
def test_what_the_index_list_does_not_place_is_left_out(
    index: list[int], kept: list[list[float]], count: int, first: int
) -> None:
    result = mapped(bulk(group("POLYLINE", list(range(1, 17)), index)))
    assert [coordinates for _, coordinates in regions(only(result))] == kept
    assert problems(result) == [("annotation-index", f"{GROUP}.LongPrimitivePointIndexList")] * (count > 0)
    assert all(each.message.startswith(f"{count} annotations, number {first} first,") for each in result.problems)


def test_an_annotation_without_points_is_left_out() -> None:
    result = mapped(bulk(group("POLYLINE", [1, 2, 3, 4, 5, 6, 7, 8], [1, 5, 5])))
    assert [coordinates for _, coordinates in regions(only(result))] == [[1, 2, 3, 4], [5, 6, 7, 8]]
    (found,) = result.problems
    assert found.code == "annotation-incomplete"
    assert found.message.startswith("1 annotations, number 2 first")


def test_points_before_the_first_index_are_reported() -> None:
    result = mapped(bulk(group("POLYLINE", [1, 2, 3, 4, 5, 6, 7, 8], [5])))
    assert regions(only(result)) == [("polyline", [5, 6, 7, 8])]
    assert problems(result) == [("annotation-unindexed", f"{GROUP}.PointCoordinatesData")]


@pytest.mark.parametrize(("number", "found"), [(1, "annotation-index-assumed"), (2, "annotation-index-missing")])
def test_without_an_index_list_only_a_single_annotation_is_known(number: int, found: str) -> None:
    result = mapped(bulk(group("POLYGON", [1, 1, 2, 1, 2, 2], None, NumberOfAnnotations=number)))
    stated = only(result).instances[0].regions
    assert [each.coordinates.tolist() for each in stated] == ([[[1, 1], [2, 1], [2, 2], [1, 1]]] if number == 1 else [])
    assert problems(result) == [(found, f"{GROUP}.LongPrimitivePointIndexList")]


def test_a_number_of_annotations_that_is_not_theirs_is_reported_and_all_are_stated() -> None:
    result = mapped(bulk(group("POINT", [1, 2, 3, 4], NumberOfAnnotations=5)))
    assert regions(only(result)) == [("multipoint", [1, 2, 3, 4])]
    assert problems(result) == [("annotation-count", f"{GROUP}.NumberOfAnnotations")]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_what_is_not_finite_is_left_out_and_nothing_else(wrong: float) -> None:
    points = mapped(bulk(group("POINT", [1, 2, wrong, 4, 5, 6])))
    assert regions(only(points)) == [("multipoint", [1, 2, 5, 6])]
    lines = mapped(bulk(group("POLYLINE", [1, 2, 3, 4, 5, wrong, 7, 8, 9, 10, 11, 12], [1, 5, 9])))
    assert [coordinates for _, coordinates in regions(only(lines))] == [[1, 2, 3, 4], [9, 10, 11, 12]]
    for result in (points, lines):
        (found,) = result.problems
        assert (found.code, found.path) == ("annotation-not-finite", f"{GROUP}.PointCoordinatesData")
        assert found.message.startswith("1 annotations, number 2 first")


def test_a_point_that_is_cut_off_takes_only_its_annotation_with_it() -> None:
    result = mapped(bulk(group("POLYLINE", [1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 5])))
    assert regions(only(result)) == [("polyline", [1, 2, 3, 4])]
    assert problems(result) == [("region-odd", f"{GROUP}.PointCoordinatesData")]


def test_an_ellipse_that_is_cut_off_is_left_out() -> None:
    result = mapped(bulk(group("ELLIPSE", [1, 3, 5, 3, 3, 2, 3, 4, 9, 9], NumberOfAnnotations=2)))
    assert regions(only(result)) == [("ellipse", [1, 3, 5, 3, 3, 2, 3, 4])]
    assert problems(result) == [("annotation-incomplete", f"{GROUP}.PointCoordinatesData")]


def test_polygons_of_one_or_two_points_are_points_and_lines() -> None:
    polygons = group("POLYGON", [9, 9, 1, 1, 2, 1, 2, 2, 5, 5, 6, 6, 8, 8], [1, 3, 9, 13])
    result = mapped(bulk(polygons))
    assert [(each.key.part, regions(each)) for each in result.selections] == [
        ("0", [("polyline", [1, 1, 2, 1, 2, 2, 1, 1])]),
        ("1", [("multipoint", [9, 9, 8, 8])]),
        ("2", [("polyline", [5, 5, 6, 6])]),
    ]
    assert [each.code.text for each in result.selections] == [
        "Nucleus: Cells (annotation 2 of 4)",
        "Nucleus: Cells (2 of 4 annotations, 1 the first and 4 the last)",
        "Nucleus: Cells (annotation 3 of 4)",
    ]
    assert problems(result) == [("annotation-type-changed", f"{GROUP}.PointCoordinatesData")] * 2


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (group("POINT", []), ("region-missing", f"{GROUP}.PointCoordinatesData")),
        (group("CIRCLE", [1, 2]), ("region-type", f"{GROUP}.GraphicType")),
        (
            group("POINT", [1, 2, 3, 4, 5, 6], NumberOfAnnotations=2),
            ("annotation-dimensions", f"{GROUP}.PointCoordinatesData"),
        ),
        (group("POINT", [1, 2], PointCoordinatesData=b"\0" * 6), ("value-unreadable", f"{GROUP}.PointCoordinatesData")),
    ],
)
def test_the_image_stays_selected_where_no_annotation_can_be_stated(broken: Dataset, found: tuple[str, str]) -> None:
    broken.NumberOfAnnotations = broken.NumberOfAnnotations or 1
    result = mapped(bulk(broken))
    (instance,) = only(result).instances
    assert (instance.sop_instance_uid, instance.regions) == (IMAGE_1, ())
    assert found in problems(result)


def test_lines_in_pixels_that_are_said_to_be_in_space_are_left_out() -> None:
    # Two lines of three and of two points: by threes, the first would be two points that nobody drew.
    lines = group("POLYLINE", [1, 1, 5, 2, 9, 1, 20, 30, 21, 31], [1, 7])
    result = mapped(in_space(lines))
    assert only(result).regions_3d == ()
    assert problems(result) == [("annotation-dimensions", f"{GROUP}.PointCoordinatesData")]
    # And the other way round: two triangles in space.
    triangles = group("POLYGON", [1, 1, 5, 2, 1, 5, 2, 2, 5, 3, 1, 5, 4, 1, 5, 3, 2, 5], [1, 10])
    result = mapped(bulk(triangles))
    assert only(result).instances[0].regions == ()
    assert problems(result) == [("annotation-dimensions", f"{GROUP}.PointCoordinatesData")]


def test_a_group_that_has_no_annotations_selects_nothing() -> None:
    result = mapped(bulk(group("POINT", [], NumberOfAnnotations=0), group("POINT", [1, 2], AnnotationGroupNumber=2)))
    assert only(result).key.path == "2"
    assert problems(result) == [("annotation-group-empty", f"{GROUP}.PointCoordinatesData")]


@pytest.mark.parametrize("z", [float("nan"), float("-inf")])
def test_a_plane_that_is_none_is_reported(z: float) -> None:
    result = mapped(in_space(group("POINT", [1, 2], CommonZCoordinateValue=[z, 0.5])))
    assert regions(only(result)) == [("multipoint", [1, 2, 0.5])]
    assert problems(result) == [("annotation-planes", f"{GROUP}.CommonZCoordinateValue")]


def test_groups_whose_numbers_are_not_unique_are_numbered_by_position() -> None:
    result = mapped(bulk(group("POINT", [1, 2]), group("POINT", [3, 4])))
    assert [each.key.path for each in result.selections] == ["1", "2"]
    assert problems(result) == [("annotation-group-number", "$.AnnotationGroupSequence")]


@pytest.mark.parametrize(
    ("elements", "role", "found"),
    [
        ({}, "regions2d", "annotation-coordinate-type-assumed"),
        ({"PixelOriginInterpretation": None}, "regions2d", "annotation-coordinate-type"),
    ],
)
def test_dimensions_that_are_not_stated_follow_from_what_is_there(
    elements: dict[str, Any], role: str, found: str
) -> None:
    result = mapped(bulk(group("POINT", [1, 2]), AnnotationCoordinateType=None, **elements))
    selection = only(result)
    assert selection.key.role == role
    assert bool(selection.instances[0].regions) == (found == "annotation-coordinate-type-assumed")
    assert (found, "$.AnnotationCoordinateType") in problems(result)


def test_a_common_z_says_that_coordinates_are_in_space() -> None:
    stated = in_space(group("POINT", [1, 2], CommonZCoordinateValue=0.5), AnnotationCoordinateType=None)
    assert regions(only(mapped(stated))) == [("multipoint", [1, 2, 0.5])]


def test_an_object_without_groups_is_reported() -> None:
    assert problems(mapped(bulk())) == [
        ("sequence-missing", "$.AnnotationGroupSequence"),
        ("nothing-selected", "$"),
    ]


# Groups that are divided


def test_a_group_is_divided_between_annotations_and_every_part_says_which_it_has() -> None:
    lines = group("POLYLINE", list(range(1, 17)), [1, 5, 9])
    result = mapped(bulk(lines), max_region_vertices=4)
    assert [(each.key.part, each.code.text, len(each.instances[0].regions)) for each in result.selections] == [
        ("0", "Nucleus: Cells (annotations 1 to 2 of 3)", 2),
        ("1", "Nucleus: Cells (annotation 3 of 3)", 1),
    ]
    assert len({each.id for each in result.selections}) == 2
    assert {each.identifiers[0].value for each in result.selections} == {f"urn:oid:{ROOT}.1"}


def test_points_are_divided_into_multipoints() -> None:
    result = mapped(bulk(group("POINT", [1, 2, 3, 4, 5, 6])), max_region_vertices=2)
    assert [regions(each) for each in result.selections] == [
        [("multipoint", [1, 2, 3, 4])],
        [("multipoint", [5, 6])],
    ]


# Against the reader of another library

KINDS = {"POINT": (1, 1), "POLYLINE": (2, 6), "POLYGON": (3, 6), "ELLIPSE": (4, 4), "RECTANGLE": (4, 4)}


@st.composite
def groups(draw: st.DrawFn) -> tuple[str, Any]:
    """Return the coordinate type, and a group built by highdicom."""
    kind, (least, most) = draw(st.sampled_from(sorted(KINDS.items())))
    dimensions = draw(st.sampled_from([2, 3]))
    numbers = st.floats(-1000, 1000, width=32)
    counts = draw(st.lists(st.integers(least, most), min_size=1, max_size=5))
    of_all = draw(st.lists(numbers, min_size=dimensions * sum(counts), max_size=dimensions * sum(counts), unique=True))
    points = np.array(of_all, draw(st.sampled_from([np.float32, np.float64]))).reshape(-1, dimensions)
    if dimensions == 3 and draw(st.booleans()):
        points[:, 2] = points[0, 2]
    built = highdicom.ann.AnnotationGroup(
        number=1,
        uid=f"{ROOT}.1",
        label="Cells",
        annotated_property_category=Code("91723000", "SCT", "Anatomical Structure"),
        annotated_property_type=Code("84640000", "SCT", "Nucleus"),
        graphic_type=kind,
        graphic_data=np.split(points, np.cumsum(counts)[:-1]),
        algorithm_type="MANUAL",
    )
    return f"{dimensions}D", built


@settings(deadline=None)
@given(groups())
def test_what_highdicom_builds_and_reads_is_what_is_stated(drawn: tuple[str, Any]) -> None:
    coordinate_type, built = drawn
    origin = "VOLUME" if coordinate_type == "2D" else None
    elements = {"FrameOfReferenceUID": FRAME_OF_REFERENCE} if coordinate_type == "3D" else {}
    stated = bulk(built, AnnotationCoordinateType=coordinate_type, PixelOriginInterpretation=origin, **elements)
    item = stated.AnnotationGroupSequence[0]
    theirs = highdicom.ann.AnnotationGroup.from_dataset(item).get_graphic_data(coordinate_type)
    ours = regions(only(mapped(stated)))
    kind = str(built.GraphicType)
    if kind == "POINT":
        assert ours == [("multipoint", np.concatenate(theirs).ravel().tolist())]
    else:
        closed = kind in ("POLYGON", "RECTANGLE")
        rings = [np.concatenate([each, each[:1]]) if closed else each for each in theirs]
        assert [coordinates for _, coordinates in ours] == [each.ravel().tolist() for each in rings]


def test_a_large_element_is_read_like_a_small_one() -> None:
    # Beyond 64 kB the numbers stay where the file has them.
    points = np.arange(2 * 20_000, dtype="<f4")
    result = mapped(bulk(group("POINT", points.tolist())), max_region_vertices=50_000)
    (region,) = only(result).instances[0].regions
    assert np.array_equal(region.coordinates.ravel(), points)
