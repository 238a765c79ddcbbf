"""Structure sets: what each ROI becomes, by PS3.3 C.8.8, the corpus and positions worked out by hand."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from converter.catalog import EmptyCatalog
from converter.mapper import Mapped, map_object
from converter.selection import Code, Concept, RegionsOfInterest, Selection, SelectionKey, Series
from converter.settings import Settings
from tests.builders import FRAME_OF_REFERENCE, OTHER_SERIES, SERIES, STUDY, by_role, code, codes_of, dataset, mapped
from tests.mapper.objects import problems, reread
from tests.mapper.structure_sets import (
    SQUARE,
    STRUCTURE_SET_SERIES,
    STRUCTURE_SET_UID,
    Space,
    at,
    contour,
    contours,
    image,
    observation,
    referring,
    roi,
    slices,
    space,
    structure_set,
)

SCT = "http://snomed.info/sct"
CLOSED = [*map(float, SQUARE), 0.0, 0.0, 0.0]


def regions(selection: Selection) -> list[tuple[str, list[float]]]:
    return [(each.type, each.coordinates.ravel().tolist()) for each in selection.regions_3d]


def drawn_on(selection: Selection) -> dict[str, list[tuple[str, list[float]]]]:
    return {
        each.sop_instance_uid: [(region.type, region.coordinates.ravel().tolist()) for region in each.regions]
        for each in selection.instances
    }


def single(result: Mapped, role: str) -> Selection:
    (selection,) = by_role(result, role)
    return selection


def one_roi(*drawn: Dataset, observed: Dataset | None = None, **elements: Any) -> Dataset:
    """Return a structure set of ROI 1 with these contours; elements are the ROI's."""
    return structure_set([roi(1, "Heart", **elements)], [contours(1, *drawn)], [observed or observation(1)])


# Real objects


def test_the_corpus_states_what_independent_readers_found(corpus: Path) -> None:
    checked = 0
    for line in (corpus / "facts.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["object"] != "RTSTRUCT":
            continue
        read = dcmread(corpus / entry["file"], force=True)
        result = map_object(read, str(read.SOPInstanceUID), EmptyCatalog(), Settings())
        rois = [
            ("roi", each.instances[0].sop_instance_uid, each.instances[0].subset.numbers[0])
            for each in by_role(result, "structure")
            if isinstance(each.instances[0].subset, RegionsOfInterest)
        ]
        assert sorted(rois) == sorted(tuple(fact) for fact in entry["facts"] if fact[0] == "roi")
        stated = [
            (each.frame_of_reference_uid, kind, tuple(points))
            for each in by_role(result, "regions3d")
            for kind, points in regions(each)
        ]
        # The facts list rings as the files do, open.
        facts = [
            (uid, kind, tuple(points if kind != "polygon" or points[:3] == points[-3:] else [*points, *points[:3]]))
            for name, uid, kind, points in (fact for fact in entry["facts"] if fact[0] == "region3d")
            if name
        ]
        assert sorted(stated, key=str) == sorted(facts, key=str), entry["file"]
        checked += 1
    assert checked == 4


# Structures


def test_a_structure_is_its_number_in_the_structure_set() -> None:
    result = mapped(one_roi(contour()))
    structure = single(result, "structure")
    assert structure.key == SelectionKey(STRUCTURE_SET_UID, "structure", "1", STRUCTURE_SET_SERIES)
    (instance,) = structure.instances
    assert (instance.sop_instance_uid, instance.number) == (STRUCTURE_SET_UID, 7)
    assert instance.subset == RegionsOfInterest((1,))
    assert structure.series == Series(STUDY, STRUCTURE_SET_SERIES, 400)
    assert structure.frame_of_reference_uid == FRAME_OF_REFERENCE
    assert structure.issued == datetime(2020, 1, 2, 10, 11, 12, tzinfo=timezone(timedelta(hours=1)))
    assert structure.categories[0].codings[0].code == "RTSTRUCT"
    assert structure.place == "$.StructureSetROISequence[0]"
    assert problems(result) == []


def test_contours_are_regions_in_the_frame_of_reference_of_their_roi() -> None:
    result = mapped(one_roi(contour(), ReferencedFrameOfReferenceUID="1.7"))
    drawn = single(result, "regions3d")
    assert drawn.key == SelectionKey(STRUCTURE_SET_UID, "regions3d", "1", "", "1.7")
    assert drawn.frame_of_reference_uid == "1.7"
    assert regions(drawn) == [("polygon", CLOSED)]
    assert drawn.focus == (single(result, "structure").key,)
    assert (drawn.series, drawn.instances) == (Series(), ())
    assert drawn.place == "$.ROIContourSequence[0]"


@pytest.mark.parametrize(
    ("kind", "points", "stated"),
    [
        ("POINT", [1, 2, 3], ("point", [1, 2, 3])),
        ("OPEN_PLANAR", [1, 2, 3, 4, 5, 3], ("polyline", [1, 2, 3, 4, 5, 3])),
        ("OPEN_NONPLANAR", [1, 2, 3, 4, 5, 6], ("polyline", [1, 2, 3, 4, 5, 6])),
        ("CLOSED_PLANAR", SQUARE, ("polygon", CLOSED)),
        ("CLOSED_PLANAR", CLOSED, ("polygon", CLOSED)),
        ("CLOSEDPLANAR_XOR", SQUARE, ("polygon", CLOSED)),
    ],
)
def test_every_geometric_type_is_a_region(kind: str, points: list[float], stated: tuple[str, list[float]]) -> None:
    assert regions(single(mapped(one_roi(contour(points, kind))), "regions3d")) == [stated]


@pytest.mark.parametrize(
    ("kind", "points", "stated"),
    [
        ("CLOSED_PLANAR", [1, 2, 3], "point"),
        ("CLOSED_PLANAR", [1, 2, 3, 4, 5, 3], "polyline"),
        ("OPEN_PLANAR", [1, 2, 3], "point"),
        ("POINT", [1, 2, 3, 4, 5, 6], "multipoint"),
    ],
)
def test_too_few_or_many_points_for_a_type_are_another_type(kind: str, points: list[float], stated: str) -> None:
    result = mapped(one_roi(contour(points, kind)))
    ((found, _),) = regions(single(result, "regions3d"))
    assert found == stated
    assert problems(result) == [("region-type-changed", "$.ROIContourSequence[0].ContourSequence[0].ContourData")]


def test_exclusive_or_is_said_in_words() -> None:
    inner = [1.0, 1, 0, 2, 1, 0, 2, 2, 0]
    result = mapped(one_roi(contour(), contour(SQUARE, "CLOSEDPLANAR_XOR"), contour(inner, "CLOSEDPLANAR_XOR")))
    drawn = single(result, "regions3d")
    assert drawn.code.text == "Heart (contours combined by exclusive or: inner rings are holes)"
    assert len(drawn.regions_3d) == 3
    assert single(result, "structure").code.text == "Heart"
    assert problems(result) == [("contour-xor", "$.ROIContourSequence[0].ContourSequence[1]")]


def test_decimal_strings_are_doubles_in_their_shortest_form() -> None:
    stated = ["-50.049", "0.1", "1e2"]
    result = mapped(reread(one_roi(contour(stated, "POINT"))))  # type: ignore[arg-type]
    (region,) = single(result, "regions3d").regions_3d
    assert region.coordinates.dtype == "float64"
    assert region.coordinates.tolist() == [[-50.049, 0.1, 100.0]]


# What they are called, by whom, when


LUNG = code("39607008", "SCT", "Lung")


@pytest.mark.parametrize(
    ("observed", "name", "text"),
    [
        ({}, "ROI-1", "ROI-1"),
        ({"ROIObservationLabel": "Left lung"}, "ROI-1", "Left lung"),
        ({"RTROIInterpretedType": "ORGAN"}, "Heart", "Heart (ORGAN)"),
        ({"RTROIInterpretedType": "PTV"}, "PTV 2", "PTV 2"),
        ({"RTROIInterpretedType": "PTV"}, None, "PTV"),
        ({"RTROIIdentificationCodeSequence": [LUNG]}, "ROI-1", "Lung: ROI-1"),
        ({"RTROIIdentificationCodeSequence": [LUNG], "ROIObservationLabel": "Left lung"}, "x", "Left lung"),
        (
            {"RTROIIdentificationCodeSequence": [LUNG], "RTROIInterpretedType": "ORGAN"},
            None,
            "Lung (ORGAN)",
        ),
    ],
)
def test_the_code_is_the_identification_with_label_or_name_and_type(
    observed: dict[str, Any], name: str | None, text: str
) -> None:
    built = structure_set([roi(1, name)], [contours(1, contour())], [observation(1, **observed)])
    result = mapped(built)
    coded = (Code(SCT, "39607008", "Lung"),) if "RTROIIdentificationCodeSequence" in observed else ()
    assert {each.code for each in result.selections} == {Concept(coded, text)}
    assert problems(result) == []


def test_a_roi_without_any_name_is_a_structure_set_at_least() -> None:
    result = mapped(structure_set([roi(1)], [contours(1, contour())], [observation(1)]))
    assert single(result, "structure").code.text == "RT Structure Set"
    assert problems(result) == [("code-missing", "$.StructureSetROISequence[0]")]


def test_anatomy_and_category_come_from_the_observation() -> None:
    organ = code("113343008", "SCT", "Organ")
    coded = code("39607008", "SCT", "Lung")
    coded.SegmentedPropertyTypeModifierCodeSequence = [code("7771000", "SCT", "Left")]
    observed = observation(
        1,
        SegmentedPropertyCategoryCodeSequence=[organ],
        RTROIIdentificationCodeSequence=[coded],
        AnatomicRegionSequence=[code("39607008", "SCT", "Lung")],
    )
    for each in mapped(one_roi(contour(), observed=observed)).selections:
        assert each.categories[1].text == "Organ"
        assert each.code.text == "Lung, Left: Heart"
        assert [code.code for site in each.body_sites for code in site.codings] == [
            "39607008",
            "39607008:272741003=7771000",
        ]


AUTHOR = dataset(ObserverType="PSN", PersonName="Drawer^Dora", InstitutionName=None)
ALGORITHM = dataset(AlgorithmName="Outliner", AlgorithmVersion="2")


@pytest.mark.parametrize(
    ("definition", "observed", "names"),
    [
        ({}, {}, ["Operator"]),
        ({}, {"ROIInterpreter": "Reader^Rita"}, ["Rita Reader"]),
        ({"ROICreatorSequence": [AUTHOR]}, {"ROIInterpreter": "Reader^Rita"}, ["Rita Reader", "Dora Drawer"]),
        ({}, {"ROIInterpreterSequence": [AUTHOR]}, ["Dora Drawer"]),
        ({"ROIGenerationAlgorithm": "AUTOMATIC"}, {}, ["Planner 9000"]),
        (
            {
                "ROIGenerationAlgorithm": "AUTOMATIC",
                "ROIDerivationAlgorithmIdentificationSequence": [ALGORITHM],
            },
            {},
            ["Outliner 2"],
        ),
        (
            {
                "ROIGenerationAlgorithm": "SEMIAUTOMATIC",
                "ROIDerivationAlgorithmIdentificationSequence": [ALGORITHM],
            },
            {},
            ["Operator", "Outliner 2"],
        ),
    ],
)
def test_performers_follow_the_generation_algorithm(
    definition: dict[str, Any], observed: dict[str, Any], names: list[str]
) -> None:
    built = one_roi(contour(), observed=observation(1, **observed), **definition)
    built.update(dataset(OperatorsName="Operator", Manufacturer="Planner", ManufacturerModelName="9000"))
    for each in mapped(built).selections:
        assert [performer.actor.display for performer in each.performers] == names


def test_an_observation_has_a_time_of_its_own() -> None:
    built = structure_set(
        [roi(1, "a"), roi(2, "b", ROIDateTime="20200301080000+0200"), roi(3, "c")],
        [contours(1), contours(2), contours(3)],
        [observation(1, ROIObservationDateTime="20200401090000")],
    )
    issued = [each.issued.isoformat() for each in by_role(mapped(built), "structure") if each.issued]
    assert issued == ["2020-04-01T09:00:00+01:00", "2020-03-01T08:00:00+02:00", "2020-01-02T10:11:12+01:00"]


# Images


def test_contour_images_are_the_instances_of_their_series() -> None:
    built = one_roi(
        contour(SQUARE, "CLOSED_PLANAR", "1.9.0"), contour(at(SQUARE, 3), "CLOSED_PLANAR", "1.9.1", "1.9.0")
    )
    result = mapped(built, slices())
    drawn = single(result, "regions3d")
    assert drawn.series == Series(STUDY, SERIES, 3)
    assert [(each.sop_instance_uid, each.number) for each in drawn.instances] == [("1.9.0", 1), ("1.9.1", 2)]
    assert [each.images for each in drawn.regions_3d] == [("1.9.0",), ("1.9.1", "1.9.0")]
    assert problems(result) == []


def test_series_come_from_the_referenced_study_where_images_were_not_read() -> None:
    built = one_roi(contour(SQUARE, "CLOSED_PLANAR", "1.9.0"))
    built.update(dataset(**referring("1.9.0", series="1.5")))
    result = mapped(built, space())
    assert single(result, "regions3d").series == Series(STUDY, "1.5")
    assert codes_of(result) == ["instance-not-found"]


def test_contours_of_two_series_and_of_none_are_apart() -> None:
    known = space(image("1.9.0", 0), image("1.8.0", 0, series_instance_uid=OTHER_SERIES))
    built = one_roi(
        contour(SQUARE, "CLOSED_PLANAR", "1.9.0"),
        contour(at(SQUARE, 1), "CLOSED_PLANAR", "1.8.0"),
        contour(at(SQUARE, 2)),
        contour(at(SQUARE, 3), "CLOSED_PLANAR", "1.8.0", "1.9.0"),
    )
    found = {
        each.series.series_instance_uid: [points[2] for _, points in regions(each)]
        for each in by_role(mapped(built, known), "regions3d")
    }
    assert found == {SERIES: [0, 3], OTHER_SERIES: [1, 3], None: [2]}


def test_images_of_which_nothing_names_the_series_are_apart() -> None:
    built = one_roi(contour(SQUARE, "CLOSED_PLANAR", "1.9.0"), contour(at(SQUARE, 3), "CLOSED_PLANAR", "1.9.1"))
    result = mapped(built, space())
    drawn = by_role(result, "regions3d")
    assert [each.instances[0].sop_instance_uid for each in drawn] == ["1.9.0", "1.9.1"]
    assert len({each.id for each in drawn}) == 2
    assert codes_of(result) == ["instance-not-found", "series-unknown"] * 2


# What is missing or wrong


def without(built: Dataset, *keywords: str) -> Dataset:
    for keyword in keywords:
        del built[keyword]
    return built


def test_without_observations_there_is_the_name() -> None:
    result = mapped(without(one_roi(contour()), "RTROIObservationsSequence"))
    assert [each.code.text for each in result.selections] == ["Heart", "Heart"]
    assert problems(result) == [("sequence-missing", "$.RTROIObservationsSequence")]


def test_without_contours_there_is_the_structure() -> None:
    result = mapped(without(one_roi(contour()), "ROIContourSequence"))
    assert [each.key.role for each in result.selections] == ["structure"]
    assert problems(result) == [("sequence-missing", "$.ROIContourSequence")]


def test_contours_of_a_roi_that_nothing_defines_are_stated_by_its_number() -> None:
    built = structure_set([roi(1, "Heart")], [contours(1), contours(5, contour())], [observation(1)])
    built.FrameOfReferenceUID = "1.7"
    result = mapped(built)
    assert [(each.key.role, each.key.path) for each in result.selections] == [
        ("structure", "1"),
        ("structure", "5"),
        ("regions3d", "5"),
    ]
    assert by_role(result, "regions3d")[0].frame_of_reference_uid == "1.7"
    assert problems(result) == [
        ("roi-not-defined", "$.ROIContourSequence[1].ReferencedROINumber"),
        ("roi-without-contours", "$.StructureSetROISequence[0]"),
        ("code-missing", "$.ROIContourSequence[1]"),
    ]


def test_without_definitions_all_contours_are_stated() -> None:
    built = without(one_roi(contour()), "StructureSetROISequence")
    built.update(dataset(**referring()))
    result = mapped(built)
    assert regions(single(result, "regions3d")) == [("polygon", CLOSED)]
    assert single(result, "regions3d").frame_of_reference_uid == FRAME_OF_REFERENCE
    assert codes_of(result) == ["sequence-missing", "roi-not-defined", "code-missing"]


def test_observations_of_a_roi_that_nothing_defines_are_reported() -> None:
    built = structure_set([roi(1, "Heart")], [contours(1, contour())], [observation(1), observation(2)])
    assert problems(mapped(built)) == [("roi-not-defined", "$.RTROIObservationsSequence[1].ReferencedROINumber")]


def test_rois_of_one_number_are_both_stated() -> None:
    built = structure_set([roi(1, "Heart"), roi(1, "Lung")], [contours(1, contour())], [observation(1)])
    result = mapped(built)
    assert [(each.code.text, each.key.part) for each in by_role(result, "structure")] == [("Heart", "0"), ("Lung", "1")]
    assert len({each.id for each in result.selections}) == 3
    assert problems(result) == [
        ("roi-duplicate", "$.StructureSetROISequence"),
        ("roi-without-contours", "$.StructureSetROISequence[1]"),
    ]


@pytest.mark.parametrize("number", [None, -1, "1.5"])
def test_a_roi_without_a_number_is_left_out(number: Any) -> None:
    bad = roi(None if number == "1.5" else number, "Nameless")
    if number == "1.5":
        bad.add_new("ROINumber", "LO", number)
    built = structure_set([bad, roi(0, "Heart")], [contours(0, contour())], [observation(0)])
    result = mapped(built)
    assert [each.key.path for each in result.selections] == ["0", "0"]
    assert problems(result) == [("roi-invalid", "$.StructureSetROISequence[0].ROINumber")]


def test_a_wrong_number_of_points_is_only_noted() -> None:
    drawn = contour()
    drawn.NumberOfContourPoints = 7
    result = mapped(one_roi(drawn))
    assert len(regions(single(result, "regions3d"))) == 1
    path = "$.ROIContourSequence[0].ContourSequence[0].NumberOfContourPoints"
    assert problems(result) == [("region-count-mismatch", path)]


def test_one_bad_contour_takes_nothing_with_it() -> None:
    bad = [
        contour([1, 2]),
        contour([1, 2, 3], "SPLINE"),
        contour([]),
        dataset(ContourGeometricType="POINT"),
    ]
    result = mapped(one_roi(*bad, contour()))
    assert regions(single(result, "regions3d")) == [("polygon", CLOSED)]
    base = "$.ROIContourSequence[0].ContourSequence"
    assert problems(result) == [
        ("region-odd", f"{base}[0].ContourData"),
        ("region-type", f"{base}[1].ContourGeometricType"),
        ("region-missing", f"{base}[2].ContourData"),
        ("region-missing", f"{base}[3].ContourData"),
    ]


# Frames of reference


def test_the_only_frame_of_reference_that_is_referred_to_stands_in_for_a_missing_one() -> None:
    built = one_roi(contour(), ReferencedFrameOfReferenceUID=None)
    built.update(dataset(**referring(frame_of_reference="1.6")))
    assert single(mapped(built), "regions3d").frame_of_reference_uid == "1.6"


def test_the_images_frame_of_reference_stands_in_for_a_missing_one() -> None:
    built = one_roi(contour(SQUARE, "CLOSED_PLANAR", "1.9.0"), ReferencedFrameOfReferenceUID=None)
    assert single(mapped(built, slices()), "regions3d").frame_of_reference_uid == FRAME_OF_REFERENCE


def test_contours_without_any_frame_of_reference_are_reported() -> None:
    result = mapped(one_roi(contour(), ReferencedFrameOfReferenceUID=None))
    assert [each.key.role for each in result.selections] == ["structure"]
    assert problems(result) == [("region-without-frame-of-reference", "$.ROIContourSequence[0]")]


# On images. The first pixel of 1 mm (column) by 2 mm (row) is centred on (-10, -20): x = 0 is column 10.5, y = 0 is
# row 10.5; 4 mm are 4 columns or 2 rows.

ON_PIXELS = ("polyline", [10.5, 10.5, 14.5, 10.5, 14.5, 12.5, 10.5, 12.5, 10.5, 10.5])


def projected(built: Dataset, catalog: Space, **settings: Any) -> Mapped:
    return mapped(built, catalog, project=True, **settings)


def test_contours_lie_on_the_images_that_they_name() -> None:
    built = one_roi(contour(SQUARE, "CLOSED_PLANAR", "1.9.0"), contour(at(SQUARE, 3), "CLOSED_PLANAR", "1.9.1"))
    result = projected(built, slices())
    drawn = single(result, "projected2d")
    assert drawn.key == SelectionKey(STRUCTURE_SET_UID, "projected2d", "1", SERIES)
    assert drawn_on(drawn) == {"1.9.0": [ON_PIXELS], "1.9.1": [ON_PIXELS]}
    assert drawn.series == Series(STUDY, SERIES, 3)
    assert drawn.frame_of_reference_uid == FRAME_OF_REFERENCE
    assert drawn.focus == (single(result, "structure").key,)
    assert drawn.regions_3d == ()
    assert len(by_role(result, "regions3d")) == 1
    assert problems(result) == []


def test_contours_without_images_lie_on_the_slice_within_half_its_thickness() -> None:
    # Slices of 3 mm at 0, 3 and 6: 1.4 belongs to the first, 1.6 to the second, 7.5 just to the third, 7.6 to none.
    built = one_roi(*(contour(at(SQUARE, z)) for z in (1.4, 1.6, 7.5, 7.6)))
    result = projected(built, slices())
    assert {uid: len(found) for uid, found in drawn_on(single(result, "projected2d")).items()} == {
        "1.9.0": 1,
        "1.9.1": 1,
        "1.9.2": 1,
    }
    assert problems(result) == [("region-not-in-plane", "$.ROIContourSequence[0]")]
    assert result.problems[0].message.startswith("1 regions")


def test_a_stated_tolerance_is_taken_instead_of_half_a_slice() -> None:
    built = one_roi(contour(at(SQUARE, 0.1)), contour(at(SQUARE, 0.3)))
    drawn = single(projected(built, slices(), plane_tolerance=0.2), "projected2d")
    assert drawn_on(drawn) == {"1.9.0": [ON_PIXELS]}


def test_a_contour_across_slices_lies_on_none() -> None:
    built = one_roi(contour([0, 0, 0, 4, 0, 3, 4, 4, 6], "OPEN_NONPLANAR"))
    result = projected(built, slices())
    assert by_role(result, "projected2d") == []
    assert codes_of(result) == ["region-not-in-plane"]


def test_an_image_named_wins_over_a_nearer_one() -> None:
    built = one_roi(contour(at(SQUARE, 1.4), "CLOSED_PLANAR", "1.9.0"))
    known = space(image("1.9.0", 0), image("1.8.0", 1.4))
    assert list(drawn_on(single(projected(built, known), "projected2d"))) == ["1.9.0"]


def test_only_series_that_the_object_refers_to_are_searched() -> None:
    known = space(image("1.9.0", 0), image("1.8.0", 0, series_instance_uid=OTHER_SERIES))
    built = one_roi(contour())
    found = by_role(projected(built, known), "projected2d")
    assert [each.series.series_instance_uid for each in found] == sorted([SERIES, OTHER_SERIES])
    built.update(dataset(**referring(series=OTHER_SERIES)))
    assert list(drawn_on(single(projected(built, known), "projected2d"))) == ["1.8.0"]


def test_segmentations_and_doses_are_not_drawn_on() -> None:
    known = space(image("1.8.0", 0, modality="SEG"), image("1.8.1", 0, modality="RTDOSE"), image("1.8.2", 0, rows=None))
    result = projected(one_roi(contour()), known)
    assert by_role(result, "projected2d") == []
    assert codes_of(result) == ["plane-unknown"]


def test_without_a_frame_of_reference_there_are_the_images_that_are_referred_to() -> None:
    built = one_roi(contour(at(SQUARE, 3)), ReferencedFrameOfReferenceUID=None)
    built.update(dataset(**referring("1.9.0", "1.9.1")))
    del built.ReferencedFrameOfReferenceSequence[0].FrameOfReferenceUID
    result = projected(built, slices())
    assert drawn_on(single(result, "projected2d")) == {"1.9.1": [ON_PIXELS]}
    assert codes_of(result) == ["region-without-frame-of-reference"]


def test_a_catalog_without_spaces_still_knows_the_images_named() -> None:
    class Plain:
        def lookup(self, sop_instance_uid: str) -> Any:
            return slices().get(sop_instance_uid)

    built = one_roi(contour(SQUARE, "CLOSED_PLANAR", "1.9.0"))
    result = map_object(built, STRUCTURE_SET_UID, Plain(), Settings(project=True))
    assert drawn_on(single(result, "projected2d")) == {"1.9.0": [ON_PIXELS]}


def test_an_image_in_another_frame_of_reference_is_taken_when_it_is_named_and_that_is_noted() -> None:
    built = one_roi(contour(SQUARE, "CLOSED_PLANAR", "1.9.0"), ReferencedFrameOfReferenceUID="1.6")
    result = projected(built, slices())
    assert drawn_on(single(result, "projected2d")) == {"1.9.0": [ON_PIXELS]}
    assert single(result, "projected2d").frame_of_reference_uid == FRAME_OF_REFERENCE
    assert codes_of(result) == ["frame-of-reference-conflict"]


def test_a_contour_that_leaves_the_image_is_kept() -> None:
    built = one_roi(contour([-12.0, 0, 0], "POINT", "1.9.0"))
    result = projected(built, slices())
    assert drawn_on(single(result, "projected2d")) == {"1.9.0": [("point", [-1.5, 10.5])]}
    assert problems(result) == [("region-outside", "$.ROIContourSequence[0]")]


def test_images_that_were_not_read_have_no_plane() -> None:
    built = one_roi(contour(SQUARE, "CLOSED_PLANAR", "1.5.1"))
    built.update(dataset(**referring("1.5.1")))
    result = projected(built, slices())
    assert by_role(result, "projected2d") == []
    assert codes_of(result) == ["instance-not-found", "plane-unknown"]


def test_in_two_dimensions_only_what_lies_on_no_image_stays_in_space() -> None:
    built = one_roi(contour(), contour(at(SQUARE, 99)))
    for project in (False, True):
        result = mapped(built, slices(), regions="2d", project=project)
        assert [each.key.role for each in result.selections] == ["structure", "projected2d", "regions3d"]
        assert drawn_on(single(result, "projected2d")) == {"1.9.0": [ON_PIXELS]}
        assert [points[2] for _, points in regions(single(result, "regions3d"))] == [99]
        assert codes_of(result) == ["region-not-in-plane"]


def test_the_corpus_lies_on_the_slices_that_its_contours_name(corpus: Path) -> None:
    from converter import convert

    (result,) = [
        each
        for each in convert(corpus / "rt-utils", Settings(project=True))
        if each.file.endswith("non_existent_reference_rt.dcm")
    ]
    read = dcmread(corpus / "rt-utils" / result.file)
    on_images = [each.selection for each in result.selections if each.selection.key.role == "projected2d"]
    assert len(on_images) == 4
    for item, selection in zip(read.ROIContourSequence, on_images, strict=True):
        for drawn, instance in zip(item.ContourSequence, selection.instances, strict=True):
            assert drawn.ContourImageSequence[0].ReferencedSOPInstanceUID == instance.sop_instance_uid
            # 512 x 512 pixels of 0.488281 mm, the first one's centre at (-125, -125): by hand.
            (region,) = instance.regions
            x, y = (float(each) for each in drawn.ContourData[:2])
            column, row = region.coordinates[0]
            assert column == pytest.approx((x + 125) / 0.488281 + 0.5, abs=1e-6)
            assert row == pytest.approx((y + 125) / 0.488281 + 0.5, abs=1e-6)


@pytest.mark.parametrize("wanted", [{"project": True}, {"regions": "2d"}])
def test_contours_with_and_without_images_meet_on_an_image(wanted: dict[str, Any]) -> None:
    built = one_roi(contour(SQUARE, "CLOSED_PLANAR", "1.9.0"), contour([1, 2, 0], "POINT"))
    result = mapped(built, slices(), **wanted)
    drawn = single(result, "projected2d")
    assert drawn_on(drawn) == {"1.9.0": [ON_PIXELS, ("point", [11.5, 11.5])]}
    assert drawn.key.part == ""
    assert len({each.id for each in result.selections}) == len(result.selections)


def test_two_dimensions_are_enough_where_no_frame_of_reference_is_named() -> None:
    built = one_roi(
        contour(SQUARE, "CLOSED_PLANAR", "1.9.0"), contour(at(SQUARE, 9)), ReferencedFrameOfReferenceUID=None
    )
    known = space(image("1.9.0", 0, frame_of_reference_uid=None))
    result = mapped(built, known, regions="2d")
    assert [each.key.role for each in result.selections] == ["structure", "projected2d"]
    assert drawn_on(single(result, "projected2d")) == {"1.9.0": [ON_PIXELS]}
    assert codes_of(result) == ["region-without-frame-of-reference", "plane-unknown"]
