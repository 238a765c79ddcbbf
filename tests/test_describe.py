"""What `imgsel inspect` shows, against what the objects were built from."""

from __future__ import annotations

import io
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from rich.console import Console, RenderableType

from converter import Settings, convert
from converter.describe import describe, inspections
from converter.describe.text import harmless
from tests.builders import (
    IMAGE_1,
    IMAGE_2,
    IMAGE_3,
    by_reference,
    code,
    container,
    dataset,
    image,
    item,
    report,
    scoord,
)

_BECOMES = re.compile(r"→ ImagingSelection/([0-9a-f-]{36})")
_WITH = re.compile(r"→ with ImagingSelection/([0-9a-f-]{36})")
FINDING = code("121071", "DCM", "Finding")


def shown(*renderables: RenderableType, width: int = 150) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    for each in renderables:
        console.print(each)
    printed: str = console.file.getvalue()  # type: ignore[attr-defined]
    return printed


def inspected(source: Any, width: int = 150, **choices: Any) -> tuple[list[str], list[str]]:
    """Return the lines shown of a source, and the ids of the resources that it becomes."""
    ids = [selection.id for result in convert(source) for selection in result.selections]
    chosen = Settings(**choices)
    with convert(source, chosen) as conversion:
        return shown(*inspections(conversion, chosen), width=width).splitlines(), ids


def line_with(lines: list[str], text: str) -> str:
    (found,) = [line for line in lines if text in line]
    return found.strip()


def after(lines: list[str], text: str) -> str:
    """Return the line after the only one that holds `text`."""
    (index,) = [index for index, line in enumerate(lines) if text in line]
    return lines[index + 1].strip()


def test_an_item_is_shown_with_its_position_relationship_name_and_value() -> None:
    measured = dataset(NumericValue="12.5", MeasurementUnitsCodeSequence=[code("mm", "UCUM", "millimeter")])
    lines, _ = inspected(
        report(
            item("TEXT", FINDING, TextValue="A shadow."),
            item("NUM", code("410668003", "SCT", "Length"), MeasuredValueSequence=[measured]),
            item("CODE", FINDING, ConceptCodeSequence=[code("4147007", "SCT", "Mass")]),
            item("NUM", FINDING, NumericValueQualifierCodeSequence=[code("114000", "DCM", "Not a number")]),
        )
    )
    content = lines[lines.index("Content") + 1 :]
    assert [line.strip() for line in content[:5]] == [
        '1  CONTAINER "Imaging Measurement Report"',
        '1.1 contains TEXT "Finding" = "A shadow."',
        '1.2 contains NUM "Length" = 12.5 mm',
        '1.3 contains CODE "Finding" = Mass (SCT 4147007)',
        '1.4 contains NUM "Finding" = no value, Not a number (DCM 114000)',
    ]


def test_below_a_region_stands_the_resource_that_it_becomes() -> None:
    points = [1.5, 2, 3, 4.25, 5, 6, 7, 8]
    lines, (only,) = inspected(report(scoord("POLYLINE", points, image(IMAGE_1), concept=FINDING)))
    assert 'SCOORD "Finding" = POLYLINE, 4 points: (1.5, 2) (3, 4.25) (5, 6) …' in line_with(lines, "SCOORD")
    assert after(lines, "SCOORD") == f"→ ImagingSelection/{only} (regions2d, 1 region)"
    assert line_with(lines, "1.1.1") == f"1.1.1 contains IMAGE = CT Image {IMAGE_1}"


def test_items_that_merge_say_with_which() -> None:
    on_image = [scoord("POINT", [number, 1], image(IMAGE_1), concept=FINDING) for number in (1, 2)]
    lines, (only,) = inspected(report(*on_image))
    assert after(lines, "(1, 1)") == f"→ ImagingSelection/{only} (regions2d, 2 regions)"
    assert after(lines, "(2, 1)") == f"→ with ImagingSelection/{only}"


def test_images_that_merge_say_with_which() -> None:
    lines, (only,) = inspected([report(image(IMAGE_1, FINDING), image(IMAGE_2, FINDING)), ct(IMAGE_1), ct(IMAGE_2)])
    assert after(lines, IMAGE_1) == f"→ ImagingSelection/{only} (item, 2 instances)"
    assert after(lines, IMAGE_2) == f"→ with ImagingSelection/{only}"


def test_references_to_items_name_their_position_and_what_is_not_followed() -> None:
    lines, _ = inspected(
        report(image(IMAGE_1, FINDING), scoord("POINT", [1, 2], by_reference(1, 1)), by_reference(1, 9))
    )
    assert line_with(lines, "1.2.1") == "1.2.1 selected from by reference to 1.1"
    assert line_with(lines, "by reference to 1.9") == "1.3 selected from by reference to 1.9, not followed"
    assert "error item-reference-dangling" in line_with(lines, "item-reference-dangling")


def test_coordinates_that_are_no_points_are_counted() -> None:
    lines, _ = inspected(report(scoord("POLYLINE", [1, 2, 3], image(IMAGE_1), concept=FINDING)))
    assert line_with(lines, "SCOORD").endswith("= POLYLINE, 3 numbers")
    assert after(lines, "error region-odd") == "$.ContentSequence[0].GraphicData"


def test_the_patient_is_never_shown_and_others_only_with_names() -> None:
    subject = item("PNAME", code("121029", "DCM", "Subject Name"), PersonName="Roe^Patient")
    subject_id = item("TEXT", code("121030", "DCM", "Subject ID"), TextValue="SECRET-ID")
    observer = item("PNAME", code("121008", "DCM", "Person Observer Name"), PersonName="Doe^Reader")
    built = report(
        subject, subject_id, observer, image(IMAGE_1, FINDING), PatientID="SECRET-ID", PatientName="Roe^Patient"
    )
    without, with_names = (inspected(built, with_names=choice)[0] for choice in (False, True))
    for lines in (without, with_names):
        assert not [line for line in lines if "Roe" in line or "SECRET" in line]
    assert line_with(without, "Person Observer Name").endswith("(not shown)")
    assert line_with(with_names, "Person Observer Name").endswith("= Doe^Reader")


def test_nothing_in_an_object_reaches_the_terminal_as_an_order_or_as_markup() -> None:
    attack = "\x1b]0;owned\x07\x9b31m[bold red]x[/] :smile:\u202egnp\nnext"
    built = report(
        item("TEXT", code("1", "99X", attack[:60]), TextValue=attack),
        title=code("2", "99X", f"{attack}\x7f"),
    )
    lines, _ = inspected(built)
    text = "\n".join(lines)
    assert not {
        character for character in text if unicodedata.category(character) in ("Cc", "Cf") and character != "\n"
    }
    assert "␛]0;owned␇�31m[bold red]x[/] :smile:�gnp next" in line_with(lines, 'TEXT "')


def test_long_values_end_at_the_edge() -> None:
    lines, _ = inspected(report(item("TEXT", FINDING, TextValue="word " * 1000)), width=60)
    shortened = line_with(lines, "TEXT")
    assert len(shortened) <= 60
    assert shortened.endswith("…")
    assert max(map(len, lines)) <= 60


def test_a_tree_of_thousands_of_levels_is_shown_to_its_end() -> None:
    depth = 1_500
    innermost = image(IMAGE_1, code("1", "99X", "the innermost"))
    for _ in range(depth):
        innermost = container(FINDING, innermost)
    with convert(report()) as conversion:
        (result,) = conversion
    text = shown(describe(result, report(innermost)), width=120)
    last = [line for line in text.splitlines() if " IMAGE " in line]
    assert len(last) == 1
    # The position is shortened; its end is what tells items of one depth apart.
    assert re.search(r"…(\.1|1)+ contains IMAGE", last[0])
    assert text.count("CONTAINER") == depth + 1


def test_segments_are_a_table_with_frames_and_sources(testdata: Path) -> None:
    # As testdata/README.md says: segment 1 on frames 2 to 4 of the image, segment 2 on frame 5.
    study = testdata / "mr-breast"
    lines, ids = inspected([study / "seg-of-frames.dcm", study / "mr-enhanced-5-frames.dcm"])
    heading = line_with(lines, "Segments (")
    assert heading == "Segments (BINARY, 2 segments)"
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert [(row[0], row[5], row[6]) for row in rows] == [
        ("1", "3", "1 image of 1 series"),
        ("2", "1", "1 image of 1 series"),
    ]
    assert sorted(_BECOMES.findall("\n".join(lines))) == sorted(ids)


def test_the_frames_of_a_label_map_show_any_segment(testdata: Path) -> None:
    lines, _ = inspected(testdata / "ct-chest" / "seg-label-map.dcm")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert [(row[0], row[5]) for row in rows] == [("0", "any"), ("1", "any"), ("4", "any")]


def test_a_presentation_state_shows_layers_areas_graphics_and_texts(testdata: Path) -> None:
    state = testdata / "ct-chest" / "pr-display-units-rotated-90-flipped.dcm"
    lines, ids = inspected(state)
    assert line_with(lines, "Rotation") == "Rotation        90° clockwise, then flipped"
    # Turned clockwise and then flipped, a corner stays where it is: columns and rows are exchanged.
    assert "(11, 5) to (50, 34), scale to fit, all images" in line_with(lines, "Displayed area")
    assert [line for line in lines if line.strip().startswith("POLYLINE in DISPLAY, 5 points: (")]
    assert [line for line in lines if line.strip().startswith("POLYLINE in PIXEL, 5 points: (")]
    assert ids
    assert sorted(_BECOMES.findall("\n".join(lines))) == sorted(ids)


def test_a_volumetric_state_shows_crops_and_what_is_annotated_with_what_it_becomes(testdata: Path) -> None:
    lines, _ = inspected(testdata / "ct-chest" / "pr-compositing-mpr.dcm")
    assert line_with(lines, "BOUNDING_BOX") == "Crop 1, BOUNDING_BOX, 2 points"
    assert "(crop, 2 regions" in after(lines, "BOUNDING_BOX")
    assert line_with(lines, "right lung") == 'Annotation 1, "right lung"'
    assert "(input, 2 instances" in after(lines, "right lung")
    lines, _ = inspected(testdata / "ct-chest" / "pr-planar-mpr.dcm")
    assert line_with(lines, "Needle path") == 'Annotation 1, POLYLINE, 2 points, "Needle path"'
    assert "(regions3d, 1 region" in after(lines, "Needle path")


@pytest.mark.parametrize(
    "study",
    ["ct-chest", "mr-breast", "mr-head", "sm-slide", "ecg-rest", "xa-coronary", "mg-screening", "ct-colon", "vl-skin"],
)
def test_every_resource_is_shown_once_where_it_comes_from(testdata: Path, study: str) -> None:
    lines, ids = inspected(testdata / study)
    assert ids
    assert sorted(_BECOMES.findall("\n".join(lines))) == sorted(ids)
    assert set(_WITH.findall("\n".join(lines))) <= set(ids)
    assert "Also" not in lines


def test_what_has_no_view_of_its_own_is_shown_by_its_attributes() -> None:
    structures = dataset(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.481.3",
        SOPInstanceUID="1.2.3.4",
        StudyInstanceUID="1.2.3.1",
        SeriesInstanceUID="1.2.3.5",
        Modality="RTSTRUCT",
        StructureSetLabel="Plan A",
        StructureSetDate="20200102",
        StructureSetTime="101112",
        StructureSetROISequence=[dataset(ROINumber=1, ROIName="Heart"), dataset(ROINumber=2)],
    )
    lines, ids = inspected(structures)
    assert lines[0] == "RT Structure Set Storage"
    assert line_with(lines, "Made").endswith("2020-01-02 10:11:12")
    assert line_with(lines, "StructureSetLabel").endswith("Plan A")
    (sequence,) = [line for line in lines if line.strip().startswith("StructureSetROISequence")]
    assert sequence.endswith("2 items")
    assert _BECOMES.findall("\n".join(lines)) == ids
    assert after(lines, "Heart") == f"→ ImagingSelection/{ids[0]} (structure, 1 instance, ROI 1)"


def test_what_is_no_annotation_object_is_named(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("nothing of DICOM")
    lines, _ = inspected(tmp_path / "note.txt")
    assert lines[0] == "Not read"
    assert line_with(lines, "not-dicom").startswith("note")
    lines, _ = inspected(ct(IMAGE_3))
    assert lines == ["CT Image Storage: 1 object, selecting nothing."]


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_harmless_text_is_one_line_without_control_characters(text: str) -> None:
    safe = harmless(text)
    assert len(safe) == min(len(text), 500)
    assert not {unicodedata.category(each) for each in safe} & {"Cc", "Cs", "Zl", "Zp"}
    printable = "".join(each for each in text if each.isprintable())[:100]
    assert harmless(printable) == printable


def ct(uid: str) -> Dataset:
    return dataset(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.2",
        SOPInstanceUID=uid,
        StudyInstanceUID="1.2.3.1",
        SeriesInstanceUID="1.2.3.1.1",
        Modality="CT",
        Rows=80,
        Columns=100,
    )


def test_groups_of_annotations_are_a_table(testdata: Path) -> None:
    lines, ids = inspected(testdata / "sm-slide" / "ann-total-pixel-matrix.dcm")
    assert line_with(lines, "Groups (") == "Groups (2D, relative to VOLUME, 5 groups)"
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines if line.startswith("│")]
    assert [(row[0], row[1], row[4], row[5]) for row in rows] == [
        ("1", "Nuclei", "POINT", "3"),
        ("2", "Vessel walls", "POLYLINE", "2"),
        ("3", "Glands", "POLYGON", "3"),
        ("4", "Necrosis", "ELLIPSE", "1"),
        ("5", "Tumour", "RECTANGLE", "2"),
    ]
    assert sorted(_BECOMES.findall("\n".join(lines))) == sorted(ids)
