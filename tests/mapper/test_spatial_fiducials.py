"""Spatial fiducials: shapes in space and on images, by PS3.3 C.21.2."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom import Dataset

from converter.mapper import Mapped
from converter.selection import Code, Concept, Frames, Identifier, Selection, SelectionKey, Series
from tests.builders import FRAME_OF_REFERENCE, SERIES, STUDY, by_role, code, dataset, mapped, reference
from tests.mapper.objects import problems
from tests.mapper.structure_sets import slices

FIDUCIALS_UID = "1.2.3.60"
SET = "$.FiducialSetSequence[0]"
FIDUCIAL = f"{SET}.FiducialSequence[0]"


def fiducial(shape: str | None = "POINT", points: list[float] | None = None, **elements: Any) -> Dataset:
    stated: dict[str, Any] = {"FiducialIdentifier": "F1", "ShapeType": shape}
    if points is not None:
        stated |= {"ContourData": points, "NumberOfContourPoints": len(points) // 3}
    return dataset(**{keyword: value for keyword, value in (stated | elements).items() if value is not None})


def on_image(points: list[float], uid: str = "1.9.0", **frames: Any) -> Dataset:
    return dataset(GraphicData=points, ReferencedImageSequence=[reference(uid, **frames)])


def fiducials(*items: Dataset, space: str | None = FRAME_OF_REFERENCE, images: tuple[str, ...] = ()) -> Dataset:
    fiducial_set = dataset(FiducialSequence=list(items))
    if space is not None:
        fiducial_set.FrameOfReferenceUID = space
    if images:
        fiducial_set.ReferencedImageSequence = [reference(uid) for uid in images]
    return dataset(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.66.2",
        SOPInstanceUID=FIDUCIALS_UID,
        StudyInstanceUID=STUDY,
        SeriesInstanceUID="1.2.3.61",
        Modality="FID",
        ContentDate="20200102",
        ContentTime="101112",
        ContentCreatorName="Marker^Mary",
        TimezoneOffsetFromUTC="+0000",
        FiducialSetSequence=[fiducial_set],
    )


def only(result: Mapped, role: str) -> Selection:
    (selection,) = by_role(result, role)
    return selection


def drawn(selection: Selection) -> list[tuple[str, list[float]]]:
    return [(each.type, each.coordinates.ravel().tolist()) for each in selection.regions_3d]


@pytest.mark.parametrize(
    ("shape", "count", "stated"),
    [
        ("POINT", 1, "point"),
        ("LINE", 2, "polyline"),
        ("PLANE", 3, "multipoint"),
        ("SURFACE", 5, "multipoint"),
        ("RULER", 4, "polyline"),
        ("L_SHAPE", 3, "polyline"),
        ("T_SHAPE", 3, "multipoint"),
        ("SHAPE", 4, "polyline"),
        ("SURFACE", 1, "multipoint"),
    ],
)
def test_every_shape_is_a_region_in_space_and_on_images(shape: str, count: int, stated: str) -> None:
    points = [float(number) for number in range(3 * count)]
    flat = [float(number) for number in range(2 * count)]
    result = mapped(
        fiducials(fiducial(shape, points), fiducial(shape, None, GraphicCoordinatesDataSequence=[on_image(flat)])),
        slices(),
    )
    assert drawn(only(result, "regions3d")) == [(stated, points)]
    (region,) = only(result, "regions2d").instances[0].regions
    assert (region.type, region.coordinates.ravel().tolist()) == (stated, flat)
    assert problems(result) == []


def test_a_fiducial_in_space_is_one_selection() -> None:
    landmark = code("130514", "DCM", "Anterior commissure")
    item = fiducial(
        "POINT",
        [1.5, 2, 3],
        FiducialUID="1.2.77",
        FiducialIdentifierCodeSequence=[landmark],
        FiducialsPropertyCategoryCodeSequence=[code("123037004", "SCT", "Anatomical Structure")],
    )
    _, selection = by_role(mapped(fiducials(fiducial("LINE", [0] * 6), item)), "regions3d")
    assert selection.key == SelectionKey(FIDUCIALS_UID, "regions3d", "1.2", "", FRAME_OF_REFERENCE)
    dcm = "http://dicom.nema.org/resources/ontology/DCM"
    assert selection.code == Concept((Code(dcm, "130514", "Anterior commissure"),), "Anterior commissure: F1")
    assert [each.text for each in selection.categories] == ["Fiducials", "Anatomical Structure"]
    assert selection.identifiers == (Identifier("urn:oid:1.2.77", "urn:dicom:uid"),)
    assert [each.actor.display for each in selection.performers] == ["Mary Marker"]
    assert selection.frame_of_reference_uid == FRAME_OF_REFERENCE
    assert (selection.series, selection.instances) == (Series(), ())
    assert selection.place == f"{SET}.FiducialSequence[1]"


def test_images_of_the_set_are_instances_of_its_fiducials() -> None:
    result = mapped(fiducials(fiducial("POINT", [1, 2, 3]), space=None, images=("1.9.0", "1.9.1")), slices())
    selection = only(result, "regions3d")
    assert [each.sop_instance_uid for each in selection.instances] == ["1.9.0", "1.9.1"]
    assert selection.series == Series(STUDY, SERIES, 3)
    # The set names no frame of reference: its images have one.
    assert selection.frame_of_reference_uid == FRAME_OF_REFERENCE


def test_graphics_lie_on_their_own_images() -> None:
    coordinates = [on_image([1, 2], "1.9.0"), on_image([3, 4], "1.9.1", ReferencedFrameNumber=1)]
    item = fiducial("POINT", None, GraphicCoordinatesDataSequence=coordinates)
    selection = only(mapped(fiducials(item, space=None), slices()), "regions2d")
    assert [(each.sop_instance_uid, each.subset) for each in selection.instances] == [
        ("1.9.0", None),
        ("1.9.1", Frames((1,))),
    ]
    assert [each.regions[0].coordinates.tolist() for each in selection.instances] == [[[1, 2]], [[3, 4]]]
    assert selection.key == SelectionKey(FIDUCIALS_UID, "regions2d", "1.1", SERIES)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (fiducial(None, [1, 2, 3]), ("region-type", f"{FIDUCIAL}.ShapeType")),
        (fiducial("POINT", [1, 2]), ("region-odd", f"{FIDUCIAL}.ContourData")),
        (fiducial("POINT"), ("region-missing", FIDUCIAL)),
        (
            fiducial("POINT", None, GraphicCoordinatesDataSequence=[dataset(GraphicData=[1, 2])]),
            ("region-without-image", f"{FIDUCIAL}.GraphicCoordinatesDataSequence[0]"),
        ),
    ],
)
def test_what_is_no_region_is_reported(item: Dataset, expected: tuple[str, str]) -> None:
    result = mapped(fiducials(item), slices())
    assert result.selections == ()
    assert problems(result) == [expected, ("nothing-selected", "$")]


@pytest.mark.parametrize(("shape", "points", "stated"), [("POINT", [0] * 6, "multipoint"), ("LINE", [0] * 3, "point")])
def test_points_that_do_not_fit_their_shape_are_kept(shape: str, points: list[float], stated: str) -> None:
    result = mapped(fiducials(fiducial(shape, points)))
    assert [kind for kind, _ in drawn(only(result, "regions3d"))] == [stated]
    assert problems(result) == [("region-type-changed", f"{FIDUCIAL}.ContourData")]


def test_without_a_frame_of_reference_there_is_no_place_in_space() -> None:
    result = mapped(fiducials(fiducial("POINT", [1, 2, 3]), space=None))
    assert problems(result) == [
        ("region-without-frame-of-reference", f"{FIDUCIAL}.ContourData"),
        ("nothing-selected", "$"),
    ]


def test_a_wrong_count_of_points_is_noted_and_an_empty_object_named() -> None:
    result = mapped(fiducials(fiducial("POINT", [1, 2, 3], NumberOfContourPoints=4)))
    assert problems(result) == [("region-count-mismatch", f"{FIDUCIAL}.NumberOfContourPoints")]
    empty = fiducials()
    empty.FiducialSetSequence = []
    assert problems(mapped(empty))[0] == ("sequence-missing", "$.FiducialSetSequence")
