"""Computer-aided detection: what PS3.16 TID 4000-4129 say of findings, and what the synthetic reports hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from converter import convert
from converter.catalog import Instance
from converter.selection import ContentItem, Selection
from tests.builders import (
    IMAGE_1,
    IMAGE_2,
    IMAGE_3,
    SERIES,
    STUDY,
    Instances,
    by_reference,
    by_role,
    code,
    container,
    dataset,
    image,
    images,
    item,
    mapped,
    reference,
    report,
    scoord,
)

FINDING = code("111059", "DCM", "Single Image Finding")
COMPOSITE = code("111015", "DCM", "Composite Feature")
RENDERING_INTENT = code("111056", "DCM", "Rendering Intent")
IMAGE_LATERALITY = code("111027", "DCM", "Image Laterality")
CENTER = code("111010", "DCM", "Center")
NODULE, CLUSTER = code("27925004", "SCT", "Nodule"), code("129769006", "SCT", "Calcification Cluster")
PRESENT = code("111150", "DCM", "Presentation Required")
DO_NOT_PRESENT = code("111152", "DCM", "Not for Presentation")
RIGHT_BREAST, LEFT_BREAST = code("73056007", "SCT", "Right breast"), code("80248007", "SCT", "Left breast")
LEFT = code("7771000", "SCT", "Left")
SITE, LIVER = code("363698007", "SCT", "Finding Site"), code("10200004", "SCT", "Liver")


def coded(name: Dataset, value: Dataset, *children: Dataset) -> Dataset:
    return item("CODE", name, children, ConceptCodeSequence=[value])


def library(*entries: Dataset) -> Dataset:
    return container(code("111028", "DCM", "Image Library"), *entries)


def entry(uid: str, laterality: Dataset | None = None) -> Dataset:
    built = image(uid)
    if laterality is not None:
        built.ContentSequence = [coded(IMAGE_LATERALITY, laterality)]
    return built


def texts(selection: Selection) -> list[str | None]:
    return [each.text for each in selection.categories]


def sites(selection: Selection) -> list[str | None]:
    return [each.text for each in selection.body_sites]


def read(**elements: str) -> Instances:
    """Return images with these elements in their headers."""
    return Instances({uid: replace(known, **elements) for uid, known in images().items()})  # type: ignore[arg-type]


# What was found


def test_a_region_says_what_was_found_and_whether_to_present_it() -> None:
    finding = coded(
        FINDING,
        NODULE,
        coded(RENDERING_INTENT, DO_NOT_PRESENT),
        item("TEXT", code("111001", "DCM", "Algorithm Name"), TextValue="Finder"),
        item("TEXT", code("111003", "DCM", "Algorithm Version"), TextValue="2"),
        scoord("POINT", [1, 2], image(IMAGE_1), concept=CENTER),
    )
    (selection,) = mapped(report(container(code("121070", "DCM", "Findings"), finding))).selections
    assert texts(selection) == ["SR Document", "Imaging Measurement Report", "Nodule", "Not for Presentation"]
    assert selection.code.text == "Center"
    assert [each.actor.display for each in selection.performers] == ["Finder 2"]


def test_the_intent_of_an_impression_holds_for_findings_that_state_none() -> None:
    point = scoord("POINT", [1, 2], image(IMAGE_1), concept=CENTER)
    impression = container(
        code("111034", "DCM", "Individual Impression/Recommendation"),
        coded(RENDERING_INTENT, PRESENT),
        coded(FINDING, NODULE, point),
    )
    (selection,) = mapped(report(impression)).selections
    assert texts(selection)[-1] == "Presentation Required"


def test_findings_of_two_kinds_are_apart() -> None:
    points = [scoord("POINT", [n, 2], image(IMAGE_1), concept=CENTER) for n in (1, 3)]
    first, second = mapped(report(coded(FINDING, NODULE, points[0]), coded(FINDING, CLUSTER, points[1]))).selections
    assert (texts(first)[-1], texts(second)[-1]) == ("Nodule", "Calcification Cluster")


# What is composed of findings


def test_findings_name_the_feature_that_they_compose() -> None:
    parts = [coded(FINDING, CLUSTER, scoord("POINT", [1, 2], image(uid), concept=CENTER)) for uid in (IMAGE_1, IMAGE_3)]
    alone = coded(FINDING, NODULE, scoord("POINT", [3, 4], image(IMAGE_2), concept=CENTER))
    own = scoord("POINT", [5, 6], image(IMAGE_2), concept=CENTER)
    composite = coded(
        COMPOSITE,
        CLUSTER,
        by_reference(1, 1, relationship="INFERRED FROM"),
        by_reference(1, 2, relationship="INFERRED FROM"),
        own,
    )
    result = mapped(report(*parts, alone, composite))
    (feature,) = by_role(result, "group")
    assert (feature.code.text, texts(feature)[-1]) == ("Composite Feature", "Calcification Cluster")
    assert feature.instances[0].subset == ContentItem((1, 4))
    focus = {each.key.path: each.focus for each in by_role(result, "regions2d")}
    assert focus == {"1.1.1": (feature.key,), "1.2.1": (feature.key,), "1.3.1": (), "1.4.3": (feature.key,)}


def test_a_feature_composed_of_nothing_that_is_there_stands_alone() -> None:
    composite = coded(COMPOSITE, CLUSTER, by_reference(1, 9, relationship="INFERRED FROM"))
    result = mapped(report(composite))
    assert [each.key.role for each in result.selections] == ["group"]
    assert [each.code for each in result.problems] == ["item-reference-dangling"]


# Where it is, as the image library says


@pytest.mark.parametrize(("laterality", "expected"), [(RIGHT_BREAST, ["Right breast"]), (LEFT, []), (None, [])])
def test_images_that_were_not_read_are_where_the_library_says(laterality: Dataset | None, expected: list[str]) -> None:
    finding = coded(FINDING, CLUSTER, scoord("POINT", [1, 2], by_reference(1, 1, 1), concept=CENTER))
    (selection,) = mapped(report(library(entry(IMAGE_1, laterality)), finding), Instances()).selections
    assert sites(selection) == expected


def test_a_target_region_of_the_library_is_a_site_and_its_laterality_a_side() -> None:
    built = entry(IMAGE_1, LEFT)
    built.ContentSequence.append(coded(code("123014", "DCM", "Target Region"), code("39607008", "SCT", "Lung")))
    finding = coded(FINDING, NODULE, scoord("POINT", [1, 2], by_reference(1, 1, 1), concept=CENTER))
    (selection,) = mapped(report(library(built), finding), Instances()).selections
    assert sites(selection) == ["Lung, left"]


def test_the_item_wins_over_the_header_and_the_header_over_the_library() -> None:
    point = scoord("POINT", [1, 2], by_reference(1, 1, 1), concept=CENTER)
    listed = library(entry(IMAGE_1, RIGHT_BREAST))
    known = read(body_part_examined="CHEST", laterality="L")
    (from_header,) = mapped(report(listed, coded(FINDING, NODULE, point)), known).selections
    assert sites(from_header) == ["Chest, left"]
    (from_item,) = mapped(report(listed, coded(FINDING, NODULE, coded(SITE, LIVER), point)), known).selections
    assert sites(from_item) == ["Liver, left"]


def test_the_side_of_the_library_completes_a_header_without_one() -> None:
    point = scoord("POINT", [1, 2], by_reference(1, 1, 1), concept=CENTER)
    known = read(body_part_examined="BREAST")
    (selection,) = mapped(report(library(entry(IMAGE_1, LEFT)), coded(FINDING, CLUSTER, point)), known).selections
    assert sites(selection) == ["Breast, left"]


def test_images_of_both_sides_have_none() -> None:
    entries = library(entry(IMAGE_1, RIGHT_BREAST), entry(IMAGE_2, LEFT_BREAST))
    seen = [image(uid, code("121112", "DCM", "Source of Measurement")) for uid in (IMAGE_1, IMAGE_2)]
    one_series = dataset(SeriesInstanceUID=SERIES, ReferencedSOPSequence=[reference(IMAGE_1), reference(IMAGE_2)])
    evidence = [dataset(StudyInstanceUID=STUDY, ReferencedSeriesSequence=[one_series])]
    by_library = report(
        entries,
        container(code("121070", "DCM", "Findings"), *seen),
        CurrentRequestedProcedureEvidenceSequence=evidence,
    )
    (unread,) = mapped(by_library, Instances()).selections
    assert (len(unread.instances), sites(unread)) == (2, [])
    known: dict[str, Instance] = read(body_part_examined="BREAST", laterality="R")
    known[IMAGE_2] = replace(known[IMAGE_2], laterality="L")
    (both,) = mapped(by_library, Instances(known)).selections
    assert (len(both.instances), sites(both)) == (2, ["Breast"])
    known[IMAGE_2] = replace(known[IMAGE_2], body_part_examined="CHEST")
    (parts,) = mapped(by_library, Instances(known)).selections
    assert sites(parts) == []


# The synthetic reports

RIGHT, LEFT_SIDE = ["Breast, right"], ["Breast, left"]
TO_PRESENT = ["Calcification Cluster", "Presentation Required: Rendering device is expected to present"]
NOT_TO_PRESENT = ["Mammography breast density", "Not for Presentation: Rendering device expected not to present"]


def test_the_mammography_report_states_its_findings(testdata: Path) -> None:
    folder = testdata / "mg-screening"
    (result,) = (each for each in convert(folder) if each.kind == "SR")
    uids = [dcmread(folder / f"mg-{view}.dcm").SOPInstanceUID for view in ("right-cc", "right-mlo", "left-cc")]
    found = [
        (
            selection.code.text,
            uids.index(selection.instances[0].sop_instance_uid),
            selection.instances[0].regions[0].coordinates.tolist()[0],
            texts(selection)[2:],
            sites(selection),
            [each.actor.display for each in selection.performers],
        )
        for selection in (each.selection for each in result.selections)
        if selection.key.role == "regions2d"
    ]
    finders = ["Synthetic CAD", "Cluster finder 2.1"]
    assert found == [
        ("Center", 0, [12.5, 20.5], TO_PRESENT, RIGHT, finders),
        ("Outline", 0, [10.0, 18.0], TO_PRESENT, RIGHT, finders),
        ("Center", 1, [14.5, 28.5], TO_PRESENT, RIGHT, finders),
        ("Outline", 1, [12.0, 26.0], TO_PRESENT, RIGHT, finders),
        ("Center", 2, [8.0, 24.0], NOT_TO_PRESENT, LEFT_SIDE, ["Synthetic CAD", "Density finder 1.0"]),
    ]
    (composite,) = (each.selection for each in result.selections if each.selection.key.role == "group")
    named_by = [each.selection.key.path for each in result.selections if composite.key in each.selection.focus]
    assert named_by == ["1.4.1.2.5", "1.4.1.2.6", "1.4.1.3.5", "1.4.1.3.6"]
    searched = [each.selection for each in result.selections if each.selection.code.text == "Detection Performed"]
    assert [each.instances[0].sop_instance_uid for each in searched] == uids
    assert result.problems == ()


def test_the_mammography_report_alone_knows_its_sides(testdata: Path) -> None:
    (result,) = convert(testdata / "mg-screening" / "sr-mammography-cad.dcm")
    found = [sites(each.selection) for each in result.selections if each.selection.key.role == "regions2d"]
    assert found == [["Right breast"]] * 4 + [["Left breast"]]


@pytest.mark.parametrize(
    ("study", "name", "expected"),
    [
        (
            "ct-chest",
            "sr-chest-cad",
            [
                ("Center", "ct-3", "point", [[20, 30]], "Nodule", "Upper lobe of lung, right"),
                ("Outline", "ct-3", "circle", [[20, 30], [23, 30]], "Nodule", "Upper lobe of lung, right"),
            ],
        ),
        (
            "ct-colon",
            "sr-colon-cad",
            [
                ("Center", "ct-supine-2", "point", [[12, 17.5]], "Polyp of colon", "Colon"),
                ("Center", "ct-prone-1", "point", [[13, 17.5]], "Polyp of colon", "Colon"),
            ],
        ),
    ],
)
def test_other_reports_state_their_findings(
    testdata: Path, study: str, name: str, expected: list[tuple[str, str, str, list[list[float]], str, str]]
) -> None:
    (result,) = (each for each in convert(testdata / study) if each.file == f"{name}.dcm")
    files = {dcmread(path).SOPInstanceUID: path.stem for path in (testdata / study).glob("ct-*.dcm")}
    assert [
        (
            each.selection.code.text,
            files[instance.sop_instance_uid],
            region.type,
            region.coordinates.tolist(),
            texts(each.selection)[2],
            *sites(each.selection),
        )
        for each in result.selections
        for instance in each.selection.instances
        for region in instance.regions
    ] == expected


def test_an_entry_of_a_procedure_log_has_the_log_s_own_date(testdata: Path) -> None:
    (result,) = (each for each in convert(testdata / "xa-coronary") if each.kind == "SR")
    acquired, shown = (each.selection for each in result.selections)
    assert (acquired.code.text, acquired.instances[0].subset) == ("Image Acquired", None)
    assert [str(each.issued) for each in (acquired, shown)] == ["2024-02-29 14:30:00+01:00"] * 2
    assert shown.instances[0].subset is not None
