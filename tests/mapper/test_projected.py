"""Objects whose regions are wanted in two or in three dimensions only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom import Dataset

from converter.catalog import FramePlanes
from converter.mapper import Mapped
from converter.mapper.projected import merged
from converter.measurement import Measurement
from converter.selection import Concept, Frames, Region2D, SelectedInstance, Selection, SelectionKey, Series
from tests.builders import (
    ENHANCED_CT,
    FRAME_OF_REFERENCE,
    OTHER_SERIES,
    SERIES,
    STUDY,
    by_role,
    code,
    codes_of,
    container,
    dataset,
    item,
    mapped,
    reference,
    report,
    scoord,
    scoord3d,
)
from tests.builders import image as image_item
from tests.mapper.objects import problems
from tests.mapper.structure_sets import AXIAL, Space, image, slices, space

LESION = code("52988006", "SCT", "Lesion")


def group(*items: Dataset) -> Dataset:
    return report(container(code("125007", "DCM", "Measurement Group"), *items, template="1411"))


def on_image(kind: str, points: list[float], uid: str = "1.9.0", **frames: Any) -> Dataset:
    return scoord(kind, points, image_item(uid, **frames), concept=LESION)


def drawn_3d(selection: Selection) -> list[tuple[str, list[float]]]:
    return [(each.type, each.coordinates.ravel().tolist()) for each in selection.regions_3d]


def drawn_2d(selection: Selection) -> dict[tuple[str, Any], list[tuple[str, list[float]]]]:
    return {
        (each.sop_instance_uid, each.subset): [
            (region.type, region.coordinates.ravel().tolist()) for region in each.regions
        ]
        for each in selection.instances
    }


def only(result: Mapped, role: str) -> Selection:
    (selection,) = by_role(result, role)
    return selection


# To space. The first pixel of 1 mm (column) by 2 mm (row) is centred on (-10, -20).


def test_regions_on_images_are_stated_in_space() -> None:
    built = group(on_image("POINT", [10.5, 10.5]), on_image("CIRCLE", [10.5, 10.5, 12.5, 10.5], "1.9.1"))
    flat, spatial = mapped(built, slices()), mapped(built, slices(), regions="3d")
    assert by_role(spatial, "regions2d") == []
    stated, found = by_role(flat, "regions2d"), by_role(spatial, "projected3d")
    assert [drawn_3d(each) for each in found] == [
        [("point", [0, 0, 0]), ("ellipse", [0, -4, 3, 0, 4, 3, -2, 0, 3, 2, 0, 3])]
    ]
    (selection,) = found
    assert selection.frame_of_reference_uid == FRAME_OF_REFERENCE == selection.key.frame_of_reference
    assert [(each.sop_instance_uid, each.regions) for each in selection.instances] == [("1.9.0", ()), ("1.9.1", ())]
    assert [each.images for each in selection.regions_3d] == [("1.9.0",), ("1.9.1",)]
    assert selection.series == stated[0].series == Series(STUDY, SERIES, 3)
    # What else is said of it stays, the focus on its group, too.
    assert (selection.code, selection.focus) == (stated[0].code, stated[0].focus)
    assert selection.focus == (only(spatial, "group").key,)
    assert problems(spatial) == []


def test_a_region_on_frames_is_one_region_per_plane() -> None:
    table = FramePlanes((0, 0, 5, 0, 0, 8, 0, 0, 11), AXIAL, (1, 1))
    plane = {"image_position_patient": None, "frame_planes": table, "number_of_frames": 3}
    known = space(image("1.9.0", 0, sop_class_uid=ENHANCED_CT, **plane))
    built = group(on_image("POINT", [0.5, 0.5], ReferencedFrameNumber=[2, 3]))
    selection = only(mapped(built, known, regions="3d"), "projected3d")
    assert drawn_3d(selection) == [("point", [0, 0, 8]), ("point", [0, 0, 11])]
    assert [each.subset for each in selection.instances] == [Frames((2, 3))]


def test_regions_on_images_of_two_spaces_are_two_selections() -> None:
    known = space(image("1.9.0", 0), image("1.9.1", 3, frame_of_reference_uid="1.6"))
    built = group(on_image("POINT", [10.5, 10.5]), on_image("POINT", [0.5, 0.5], "1.9.1"))
    result = mapped(built, known, regions="3d")
    found = {each.frame_of_reference_uid: drawn_3d(each) for each in by_role(result, "projected3d")}
    assert found == {FRAME_OF_REFERENCE: [("point", [0, 0, 0])], "1.6": [("point", [-10, -20, 3])]}
    assert len({each.id for each in result.selections}) == len(result.selections)


def test_what_lies_nowhere_stays_on_its_image() -> None:
    known = space(image("1.9.0", 0), image("1.9.1", 3, image_position_patient=None))
    built = group(
        on_image("POINT", [10.5, 10.5]),
        on_image("POINT", [0.5, 0.5], "1.9.1"),
        on_image("POINT", [1.5, 0.5], "1.9.1"),
    )
    result = mapped(built, known, regions="3d")
    assert drawn_3d(only(result, "projected3d")) == [("point", [0, 0, 0])]
    left = {("1.9.1", None): [("point", [0.5, 0.5]), ("point", [1.5, 0.5])]}
    assert drawn_2d(only(result, "regions2d")) == left
    assert codes_of(result) == ["plane-unknown"]
    assert result.problems[0].message.startswith("Where the images of 2 regions lie")


def test_an_image_without_a_frame_of_reference_lies_nowhere() -> None:
    result = mapped(
        group(on_image("POINT", [1, 1])), space(image("1.9.0", 0, frame_of_reference_uid=None)), regions="3d"
    )
    assert by_role(result, "projected3d") == []
    assert codes_of(result) == ["plane-unknown"]


def test_presentation_states_and_their_texts_are_stated_in_space() -> None:
    graphic = dataset(
        GraphicAnnotationUnits="PIXEL",
        GraphicDimensions=2,
        NumberOfGraphicPoints=4,
        GraphicData=[0.5, 0.5, 2.5, 0.5, 2.5, 1.5, 0.5, 0.5],
        GraphicType="POLYLINE",
        GraphicFilled="N",
    )
    text = dataset(UnformattedTextValue="here", AnchorPointAnnotationUnits="PIXEL", AnchorPoint=[10.5, 10.5])
    built = dataset(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.11.1",
        SOPInstanceUID="1.2.3.5",
        StudyInstanceUID=STUDY,
        SeriesInstanceUID="1.2.3.55",
        Modality="PR",
        PresentationCreationDate="20200102",
        PresentationCreationTime="101112",
        TimezoneOffsetFromUTC="+0000",
        ContentLabel="LABEL",
        ReferencedSeriesSequence=[dataset(SeriesInstanceUID=SERIES, ReferencedImageSequence=[reference("1.9.0")])],
        GraphicAnnotationSequence=[
            dataset(GraphicLayer="A", GraphicObjectSequence=[graphic], TextObjectSequence=[text])
        ],
    )
    result = mapped(built, slices(), regions="3d")
    found = {each.key.path: drawn_3d(each) for each in by_role(result, "projected3d")}
    assert found == {
        "1": [("polygon", [-10, -20, 0, -8, -20, 0, -8, -18, 0, -10, -20, 0])],
        "1.1": [("point", [0, 0, 0])],
    }
    assert codes_of(result) == []


# To images


def test_regions_in_space_are_stated_on_the_images_that_they_were_selected_from() -> None:
    item = scoord3d("POINT", [0, 0, 3.2], image_item("1.9.1"), concept=LESION)
    result = mapped(group(item), slices(), regions="2d")
    selection = only(result, "projected2d")
    assert drawn_2d(selection) == {("1.9.1", None): [("point", [10.5, 10.5])]}
    assert selection.focus == (only(result, "group").key,)
    assert by_role(result, "regions3d") == []
    assert problems(result) == []


def test_regions_in_space_without_images_are_stated_on_those_found() -> None:
    built = group(scoord3d("POLYLINE", [0, 0, 6, 4, 4, 6], concept=LESION))
    result = mapped(built, slices(), regions="2d")
    assert drawn_2d(only(result, "projected2d")) == {("1.9.2", None): [("polyline", [10.5, 10.5, 14.5, 12.5])]}


def test_frames_are_found_and_named() -> None:
    table = FramePlanes((0, 0, 5, 0, 0, 8), AXIAL, (1, 1))
    known = space(image("1.9.0", 0, image_position_patient=None, frame_planes=table, number_of_frames=2))
    built = group(scoord3d("POINT", [2, 3, 8], concept=LESION))
    result = mapped(built, known, regions="2d")
    assert drawn_2d(only(result, "projected2d")) == {("1.9.0", Frames((2,))): [("point", [2.5, 3.5])]}


def test_a_region_is_found_in_each_series_of_its_space() -> None:
    known = space(image("1.9.0", 0), image("1.8.0", 0.5, series_instance_uid=OTHER_SERIES))
    result = mapped(group(scoord3d("POINT", [0, 0, 0], concept=LESION)), known, regions="2d")
    found = by_role(result, "projected2d")
    assert {each.series.series_instance_uid for each in found} == {SERIES, OTHER_SERIES}
    assert len({each.id for each in found}) == 2


@pytest.mark.parametrize(
    ("kind", "points"),
    [
        ("ELLIPSOID", [-1, 0, 0, 1, 0, 0, 0, -1, 0, 0, 1, 0, 0, 0, -1, 0, 0, 1]),
        ("MULTIPOINT", [0, 0, 0, 0, 0, 3]),
        ("POINT", [0, 0, 99]),
    ],
)
def test_what_lies_in_no_plane_stays_in_space(kind: str, points: list[float]) -> None:
    result = mapped(group(scoord3d(kind, points, image_item("1.9.0"), concept=LESION)), slices(), regions="2d")
    assert [kind for kind, _ in drawn_3d(only(result, "regions3d"))] == [kind.lower()]
    assert by_role(result, "projected2d") == []
    assert codes_of(result) == ["region-not-in-plane"]


def test_what_has_no_regions_is_as_it_was() -> None:
    built = group(image_item("1.9.0", LESION))
    for regions in ("2d", "3d"):
        restated = mapped(built, slices(), regions=regions)
        assert [each.key for each in restated.selections] == [each.key for each in mapped(built, slices()).selections]


def test_ids_differ_from_those_of_what_was_stated() -> None:
    built = group(on_image("POINT", [1, 1]), scoord3d("POINT", [0, 0, 0], concept=LESION))
    ids = {
        regions: {each.id for each in mapped(built, slices(), regions=regions).selections if each.key.role != "group"}
        for regions in ("as-stated", "2d", "3d")
    }
    stated = {each.id: each.key.role for each in mapped(built, slices()).selections if each.key.role != "group"}
    assert set(stated) == ids["as-stated"]
    assert {stated[each] for each in ids["as-stated"] & ids["2d"]} == {"regions2d"}
    assert {stated[each] for each in ids["as-stated"] & ids["3d"]} == {"regions3d"}


def test_a_catalog_that_knows_nothing_changes_nothing() -> None:
    built = group(scoord3d("POINT", [0, 0, 0], concept=LESION))
    result = mapped(built, Space(), regions="2d")
    assert [each.key.role for each in result.selections] == [each.key.role for each in mapped(built).selections]
    assert codes_of(result) == ["plane-unknown"]


def selection_on(text: str, *points: tuple[float, float]) -> Selection:
    regions = tuple(Region2D("point", np.array([point])) for point in points)
    return Selection(
        key=SelectionKey("1.2", "projected2d", "1", SERIES),
        code=Concept((), text),
        instances=(SelectedInstance("1.9.0", regions=regions),),
    )


def test_two_ways_to_one_image_are_one_selection_if_they_are_of_one_purpose() -> None:
    found = list(merged([selection_on("a", (1, 1)), selection_on("b", (2, 2)), selection_on("a", (3, 3))]))
    assert [(each.code.text, each.key.part) for each in found] == [("a", ""), ("b", "0")]
    assert [list(drawn_2d(each).values()) for each in found] == [
        [[("point", [1, 1]), ("point", [3, 3])]],
        [[("point", [2, 2])]],
    ]


def test_measurements_follow_what_they_were_made_on() -> None:
    measured = item(
        "NUM",
        code("410668003", "SCT", "Length"),
        [on_image("POLYLINE", [10.5, 10.5, 14.5, 10.5])],
        MeasuredValueSequence=[
            dataset(NumericValue="4", MeasurementUnitsCodeSequence=[code("mm", "UCUM", "millimeter")])
        ],
    )
    for wanted, role in (("as-stated", "regions2d"), ("3d", "projected3d")):
        result = mapped(group(measured), slices(), regions=wanted, observations=True)
        drawn = only(result, role)
        assert [each.selections for each in result.measurements if isinstance(each, Measurement)] == [(drawn.key,)]
