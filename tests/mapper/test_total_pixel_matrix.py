"""Regions on tiled images: frames worked out by hand for reports, presentation states and the synthetic slides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread

from converter import Settings, convert
from converter.catalog import Instance, TileOrganization, TilePositions
from converter.mapper import Mapped
from converter.selection import Frames, Selection
from tests.builders import SERIES, by_role, code, dataset, mapped, reference, report, scoord, scoord3d
from tests.builders import image as image_item
from tests.mapper.objects import problems
from tests.mapper.structure_sets import Space, image, space

SLIDE = "1.9.0"
PATH = "$.ContentSequence[0].PixelOriginInterpretation"
# The slide's rows run along -y, its columns along -x.
FULL = TileOrganization(
    dimension_organization_type="TILED_FULL",
    focal_planes=1,
    origin=(20.0, 40.0, 0.0),
    orientation=(0.0, -1.0, 0.0, -1.0, 0.0, 0.0),
)
Found = list[tuple[list[int], str, list[list[float]]]]


def slide(organization: TileOrganization = FULL, uid: str = SLIDE, **elements: Any) -> Instance:
    """A slide of 100 x 50 pixels, 0.02 mm wide and 0.01 mm high, in 3 x 2 tiles of 40 x 30."""
    stated = {
        "modality": "SM",
        "rows": 30,
        "columns": 40,
        "number_of_frames": 6,
        "total_pixel_matrix_rows": 50,
        "total_pixel_matrix_columns": 100,
        "image_position_patient": None,
        "image_orientation_patient": None,
        "pixel_spacing": (0.01, 0.02),
        "slice_thickness": 0.001,
        "tile_organization": organization,
    }
    return image(uid, 0, **(stated | elements))


def slides(*more: Instance) -> Space:
    return space(slide(), *more)


def drawn(
    kind: str, points: list[float], *frames: int, origin: str | None = "VOLUME", known: Space | None = None
) -> Mapped:
    """Map a report of one region on the slide, on the frames named."""
    stated: dict[str, Any] = {} if origin is None else {"PixelOriginInterpretation": origin}
    named: dict[str, Any] = {"ReferencedFrameNumber": list(frames)} if frames else {}
    return mapped(report(scoord(kind, points, image_item(SLIDE, **named), **stated)), known or slides())


def found(result: Mapped) -> Found:
    return [
        (
            list(each.subset.numbers) if isinstance(each.subset, Frames) else [],
            region.type,
            region.coordinates.tolist(),
        )
        for selection in by_role(result, "regions2d")
        for each in selection.instances
        for region in each.regions
    ]


# Frame 5 is the second tile of the second row: columns 40 to 80, rows 30 to 50 of the matrix.


@pytest.mark.parametrize(
    ("kind", "points", "expected"),
    [
        ("POINT", [40, 30], [[0, 0]]),
        ("POINT", [80, 50], [[40, 20]]),
        ("POLYLINE", [41.5, 31.25, 79, 49], [[1.5, 1.25], [39, 19]]),
        # Single precision: 50.1 is stated, and 10.1 its distance from column 40.
        ("POINT", [50.1, 40.7], [[10.1, 10.7]]),
        # From column 45 to 55; from 45 to 75 and from 35 to 45.
        ("CIRCLE", [50, 40, 55, 40], [[10, 10], [15, 10]]),
        ("ELLIPSE", [45, 40, 75, 40, 60, 35, 60, 45], [[5, 10], [35, 10], [20, 5], [20, 15]]),
    ],
)
def test_a_region_in_the_frame_that_is_named_is_stated_there(
    kind: str, points: list[float], expected: list[list[float]]
) -> None:
    result = drawn(kind, points, 5)
    assert found(result) == [([5], kind.lower(), expected)]
    assert problems(result) == []


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("POINT", [39.75, 40]),
        ("POLYLINE", [41, 31, 81, 31]),
        # All points are in the frame; the circles begin at row 29.5 and column 38, the ellipse at row 36.25 less the
        # root of 40.
        ("CIRCLE", [50, 38, 58.5, 38]),
        ("CIRCLE", [42, 40, 46, 40]),
        ("ELLIPSE", [49, 30.25, 61, 42.25, 57, 34.25, 53, 38.25]),
    ],
)
def test_a_region_that_reaches_beyond_the_frame_is_stated_for_the_whole_slide(kind: str, points: list[float]) -> None:
    result = drawn(kind, points, 5)
    assert found(result) == [([], kind.lower(), [points[at : at + 2] for at in range(0, len(points), 2)])]
    assert problems(result)[0] == ("region-matrix", PATH)


def test_frames_are_left_out_unless_exactly_one_is_named() -> None:
    assert found(drawn("POINT", [50, 40], 4, 5)) == [([], "point", [[50, 40]])]
    items = [image_item(SLIDE, ReferencedFrameNumber=number) for number in (5, 2)]
    result = mapped(report(scoord("POINT", [50, 40], *items, PixelOriginInterpretation="VOLUME")), slides())
    assert found(result) == [([], "point", [[50, 40]])]
    assert problems(result) == [("region-matrix", PATH)]
    both = [image_item(SLIDE, ReferencedFrameNumber=5), image_item(SLIDE)]
    result = mapped(report(scoord("POINT", [50, 40], *both, PixelOriginInterpretation="VOLUME")), slides())
    assert found(result) == [([], "point", [[50, 40]])]


def test_one_frame_named_twice_is_one_place() -> None:
    items = [image_item(SLIDE, ReferencedFrameNumber=5)] * 2
    result = mapped(report(scoord("POINT", [50, 40], *items, PixelOriginInterpretation="VOLUME")), slides())
    assert found(result) == [([5], "point", [[10, 10]])]


def test_the_whole_slide_named_loses_nothing() -> None:
    result = drawn("POINT", [50, 40])
    assert found(result) == [([], "point", [[50, 40]])]
    assert problems(result) == []


@pytest.mark.parametrize(
    "known", [slide(replace(FULL, dimension_organization_type="TILED_SPARSE")), slide(number_of_frames=5)]
)
def test_where_tiles_lie_may_be_unknown(known: Instance) -> None:
    result = drawn("POINT", [50, 40], 5, known=space(known))
    assert found(result) == [([], "point", [[50, 40]])]
    assert problems(result) == [("region-matrix", PATH)]


def test_a_sparse_tile_is_where_it_says() -> None:
    tiles = TilePositions.of([61, 11], [1, 6])
    sparse = slide(replace(FULL, dimension_organization_type=None, tiles=tiles), number_of_frames=2)
    assert found(drawn("POINT", [50, 10], 2, known=space(sparse))) == [([2], "point", [[40, 5]])]
    assert found(drawn("POINT", [50, 10], 1, known=space(sparse))) == [([], "point", [[50, 10]])]


# Positions in frames


def test_positions_in_frames_stay_there() -> None:
    assert found(drawn("POINT", [10, 5], 4, 5, origin="FRAME")) == [([4, 5], "point", [[10, 5]])]
    assert problems(drawn("POINT", [10, 5], 4, 5, origin="FRAME")) == []


@pytest.mark.parametrize("origin", [None, "MATRIX"])
def test_without_an_interpretation_positions_are_in_frames_with_a_note(origin: str | None) -> None:
    result = drawn("POINT", [10, 5], 5, origin=origin)
    assert found(result) == [([5], "point", [[10, 5]])]
    assert problems(result) == [("pixel-origin-assumed", PATH)]


def test_positions_in_a_frame_that_is_not_named_are_reported() -> None:
    result = drawn("POINT", [10, 5], origin="FRAME")
    assert found(result) == [([], "point", [[10, 5]])]
    assert problems(result) == [("frame-unnamed", PATH)]


def test_a_region_beyond_its_frame_is_outside_even_if_the_slide_goes_on() -> None:
    assert problems(drawn("POINT", [41, 5], 5, origin="FRAME")) == [
        ("region-outside", "$.ContentSequence[0].GraphicData")
    ]


# In space: the first pixel's centre is at (20, 40), a column is 0.02 mm along -y, a row 0.01 mm along -x.


def in_space(result: Mapped) -> list[list[float]]:
    (selection,) = by_role(result, "projected3d")
    return [[round(float(number), 9) for number in each.coordinates.ravel()] for each in selection.regions_3d]


def restated(points: list[float], *frames: int, origin: str = "VOLUME", known: Space | None = None) -> Mapped:
    named: dict[str, Any] = {"ReferencedFrameNumber": list(frames)} if frames else {}
    region = scoord("POINT", points, image_item(SLIDE, **named), PixelOriginInterpretation=origin)
    return mapped(report(region), known or slides(), regions="3d")


def test_positions_on_a_slide_are_stated_in_space() -> None:
    assert in_space(restated([0.5, 0.5])) == [[20, 40, 0]]
    # 50 columns and 40 rows on.
    assert in_space(restated([50.5, 40.5])) == [[19.6, 39, 0]]
    assert in_space(restated([50.5, 40.5], 5)) == [[19.6, 39, 0]]
    assert in_space(restated([10.5, 10.5], 5, origin="FRAME")) == [[19.6, 39, 0]]


def test_positions_on_several_frames_are_stated_in_space_once_for_each() -> None:
    # 40 columns lie between the two.
    assert in_space(restated([0.5, 0.5], 4, 5, origin="FRAME")) == [[19.7, 40, 0], [19.7, 39.2, 0]]


def test_a_position_on_a_whole_slide_is_in_each_focal_plane() -> None:
    planes = replace(FULL, focal_planes=2, spacing_between_slices=0.003)
    known = space(slide(planes, number_of_frames=12))
    assert in_space(restated([0.5, 0.5], known=known)) == [[20, 40, 0], [20, 40, 0.003]]
    # Frame 11 is frame 5 in the second focal plane.
    assert in_space(restated([50.5, 40.5], 11, known=known)) == [[19.6, 39, 0.003]]


def test_pixels_of_a_microscope_are_not_rounded_away() -> None:
    fine = space(slide(pixel_spacing=(0.00025, 0.00025)))
    # 0.3 pixels of 0.00025 mm are 0.000075 mm, a thousandth of a pixel 0.00000025 mm.
    assert in_space(restated([0.8, 0.501], known=fine)) == [[19.99999975, 39.999925, 0]]


def on_slides(points: list[float], known: Space, **named: Any) -> Mapped:
    images = [image_item(SLIDE, **named)] if named else []
    return mapped(report(scoord3d("POINT", points, *images)), known, regions="2d")


def flat(result: Mapped) -> list[tuple[str, list[int], list[list[float]]]]:
    return [
        (
            each.sop_instance_uid,
            list(each.subset.numbers) if isinstance(each.subset, Frames) else [],
            each.regions[0].coordinates.tolist(),
        )
        for selection in by_role(result, "projected2d")
        for each in selection.instances
    ]


def test_positions_in_space_are_stated_on_the_finest_level_of_a_pyramid() -> None:
    coarse = slide(uid="1.9.1", pixel_spacing=(0.02, 0.04), instance_number=1, series_instance_uid=SERIES)
    result = on_slides([19.6, 39, 0], slides(coarse))
    assert flat(result) == [(SLIDE, [], [[50.5, 40.5]])]


def test_positions_in_space_are_stated_in_the_frame_named_that_holds_them() -> None:
    assert flat(on_slides([19.6, 39, 0], slides(), ReferencedFrameNumber=5)) == [(SLIDE, [5], [[10.5, 10.5]])]
    result = on_slides([19.6, 39, 0], slides(), ReferencedFrameNumber=[4, 5])
    assert flat(result) == [(SLIDE, [], [[50.5, 40.5]])]
    assert [code for code, _ in problems(result)] == ["region-matrix"]
    # Two micrometers above the glass is in no focal plane.
    far = on_slides([19.6, 39, 0.002], slides(), ReferencedFrameNumber=5)
    assert [code for code, _ in problems(far)] == ["region-not-in-plane"]


# The synthetic slides


def selected(testdata: Path, name: str, **settings: Any) -> tuple[list[Selection], list[str], dict[str, str]]:
    folder = testdata / "sm-slide"
    (result,) = (each for each in convert(folder, Settings(**settings)) if each.file == f"{name}.dcm")
    files = {dcmread(path, stop_before_pixels=True).SOPInstanceUID: path.stem for path in folder.glob("*.dcm")}
    return [each.selection for each in result.selections], [each.code for each in result.problems], files


def placed(selections: list[Selection], files: dict[str, str]) -> list[tuple[str, list[int], str, list[list[float]]]]:
    return [
        (
            files[each.sop_instance_uid],
            list(each.subset.numbers) if isinstance(each.subset, Frames) else [],
            region.type,
            region.coordinates.tolist(),
        )
        for selection in selections
        for each in selection.instances
        for region in each.regions
    ]


def test_the_synthetic_state_draws_in_frames_and_on_whole_slides(testdata: Path) -> None:
    selections, codes, files = selected(testdata, "pr-matrix-units")
    full, sparse = "sm-2x2-tiles", "sm-sparse"
    assert placed(selections, files) == [
        # Frame 4 begins at column 32, row 32.
        (full, [4], "polyline", [[8, 8], [18, 8], [18, 16.5]]),
        # A circle from column 26 to 34 is on two tiles.
        (full, [], "circle", [[30, 16], [26, 16]]),
        (full, [], "point", [[40, 8]]),
        (full, [], "point", [[63.5, 63.5]]),
        # The third sparse tile begins at column 16, row 0.
        (sparse, [3], "point", [[4.5, 10.25]]),
        # (48, 32) of the slide: 16 columns on in frame 4, on its upper edge.
        (full, [4], "point", [[16, 0]]),
    ]
    assert codes.count("region-matrix") == 2


def test_the_synthetic_report_measures_in_frames_and_on_whole_slides(testdata: Path) -> None:
    selections, codes, files = selected(testdata, "sr-slide-regions")
    line, in_frame = [[34, 4], [60, 4.5]], [[2, 4], [28, 4.5]]
    full = "sm-2x2-tiles"
    assert placed(selections, files) == [
        (full, [2], "polyline", in_frame),
        (full, [], "polyline", line),
        (full, [], "polyline", [[20, 10], [44, 10], [44, 20], [20, 20], [20, 10]]),
        (full, [], "polyline", line),
        (full, [2], "polyline", in_frame),
        (full, [1, 3], "polyline", in_frame),
        ("sm-sparse", [4], "polyline", [[1, 1], [11, 1]]),
    ]
    assert codes.count("region-matrix") == 2


def test_the_synthetic_report_lies_on_the_slide(testdata: Path) -> None:
    selections, _, _ = selected(testdata, "sr-slide-regions", regions="3d")
    found = [each.coordinates for selection in selections for each in selection.regions_3d]
    # Column 34, row 4 of the slide is 33.5 pixels of 0.01 mm along -y and 3.5 along -x from (20, 40).
    line = pytest.approx([19.965, 39.665, 0, 19.96, 39.405, 0])
    assert [each.ravel().tolist() for each in found[:2]] == [line, line]
    # The fourth sparse tile is 1.5 micrometers above the glass; (33, 33) is 32.5 pixels on.
    assert found[-1].ravel().tolist() == pytest.approx([19.675, 39.675, 0.0015, 19.675, 39.575, 0.0015])


# Bulk annotations


def bulk(kind: str, points: list[float], *frames: int, origin: str | None = "VOLUME") -> Mapped:
    """Map one group of annotations in pixels of the slide."""
    named: dict[str, Any] = {"ReferencedFrameNumber": list(frames)} if frames else {}
    built = dataset(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.91.1",
        SOPInstanceUID="1.2.8",
        Modality="ANN",
        AnnotationCoordinateType="2D",
        ReferencedImageSequence=[reference(SLIDE, **named)],
        AnnotationGroupSequence=[
            dataset(
                AnnotationGroupNumber=1,
                AnnotationPropertyTypeCodeSequence=[code("4421005", "SCT", "Cell")],
                GraphicType=kind,
                NumberOfAnnotations=len(points) // {"POINT": 2, "ELLIPSE": 8}[kind],
                PointCoordinatesData=np.array(points, "<f4").tobytes(),
            )
        ],
    )
    if origin is not None:
        built.PixelOriginInterpretation = origin
    return mapped(built, slides())


def test_annotations_in_the_frame_that_is_named_are_stated_there() -> None:
    assert found(bulk("POINT", [40, 30, 50.1, 40.7], 5)) == [([5], "multipoint", [[0, 0], [10.1, 10.7]])]
    assert found(bulk("POINT", [40, 30, 50, 40])) == [([], "multipoint", [[40, 30], [50, 40]])]
    result = bulk("POINT", [40, 30, 50, 40], 5, origin=None)
    assert found(result) == [([5], "multipoint", [[0, 0], [10, 10]])]
    assert ("pixel-origin-volume", "$.PixelOriginInterpretation") in problems(result)


def test_annotations_of_which_one_is_beyond_the_frame_are_stated_for_the_whole_slide() -> None:
    result = bulk("POINT", [40, 30, 81, 40], 5)
    assert found(result) == [([], "multipoint", [[40, 30], [81, 40]])]
    assert ("region-matrix", "$.PixelOriginInterpretation") in problems(result)
    # As above: the second ellipse reaches row 36.25 less the root of 40.
    inside, beyond = [45, 40, 75, 40, 60, 35, 60, 45], [49, 30.25, 61, 42.25, 57, 34.25, 53, 38.25]
    assert [frames for frames, *_ in found(bulk("ELLIPSE", [*map(float, inside)], 5))] == [[5]]
    assert [frames for frames, *_ in found(bulk("ELLIPSE", [*map(float, inside + beyond)], 5))] == [[], []]


def test_annotations_on_the_first_tile_are_as_they_were_stated() -> None:
    assert found(bulk("POINT", [0.1, 0.7], 1))[0][0] == [1]
    assert bulk("POINT", [0.1, 0.7], 1).selections[0].instances[0].regions[0].coordinates.dtype == np.float32
