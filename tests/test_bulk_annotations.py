"""Bulk annotations through the command: the synthetic objects, a real one, and a million."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
from pydicom import dcmread

from converter import Settings, convert
from tests.conftest import ROOT

Found = list[tuple[str, str, list[Any]]]


def converted(source: Path, output: Path, *options: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "converter.cli", "convert", str(source), "-o", str(output), "-q", *options]
    subprocess.run(command, cwd=ROOT, check=True)
    return [json.loads(line) for line in (output / "ImagingSelection.ndjson").read_text("utf-8").splitlines()]


def regions(resources: list[dict[str, Any]]) -> Found:
    """Return text, type and coordinates of each region."""
    return [
        (resource["code"]["text"], region["regionType"], region["coordinate"])
        for resource in resources
        for region in (*resource.get("imageRegion3D", []), *resource["instance"][0].get("imageRegion2D", []))
    ]


def test_every_graphic_type_in_the_total_pixel_matrix(testdata: Path, tmp_path: Path) -> None:
    # The coordinates of testdata/builders/bulk_annotations.py, rings closed.
    resources = converted(testdata / "sm-slide" / "ann-total-pixel-matrix.dcm", tmp_path)
    assert regions(resources) == [
        ("Nucleus: Nuclei", "multipoint", [10.5, 20.25, 30.1, 40.2, 33.0, 41.75]),
        ("Blood vessel: Vessel walls", "polyline", [1, 1, 5, 2, 9, 1]),
        ("Blood vessel: Vessel walls", "polyline", [20.5, 30.5, 21.5, 31.5]),
        *(
            ("Glandular structure: Glands: Found at low magnification", "polyline", ring)
            for ring in (
                [10, 10, 20, 10, 15, 18.6, 10, 10],
                [40, 40, 50, 40, 50, 50, 40, 50, 40, 40],
                [5, 60, 9, 60, 7, 63, 5, 60],
            )
        ),
        ("Necrosis", "ellipse", [20, 32, 44, 32, 32, 26, 32, 38]),
        ("Neoplasm: Tumour", "polyline", [2.5, 2.5, 12.5, 2.5, 12.5, 8.5, 2.5, 8.5, 2.5, 2.5]),
        ("Neoplasm: Tumour", "polyline", [30, 50, 60, 50, 60, 62, 30, 62, 30, 50]),
    ]
    assert {each["performer"][0]["actor"]["display"] for each in resources} == {
        "Reader Synthetic",
        "Synthetic gland finder 1.0",
    }


def test_every_graphic_type_in_slide_coordinates(testdata: Path, tmp_path: Path) -> None:
    resources = converted(testdata / "sm-slide", tmp_path)
    in_space = [each for each in resources if "imageRegion3D" in each]
    assert [(kind, coordinates) for _, kind, coordinates in regions(in_space)] == [
        ("multipoint", [19.9, 39.9, 0.5, 19.7, 39.6, 0.5]),
        ("polyline", [19.9, 39.9, 0.1, 19.8, 39.8, 0.2]),
        ("polyline", [19.7, 39.7, 0.3, 19.6, 39.6, 0.4, 19.5, 39.5, 0.5]),
        ("polyline", [19.9, 39.9, 0.25, 19.8, 39.9, 0.25, 19.8, 39.8, 0.25, 19.9, 39.9, 0.25]),
        ("ellipse", [19.9, 39.7, 0.001, 19.5, 39.7, 0.001, 19.7, 39.8, 0.001, 19.7, 39.6, 0.001]),
        *(
            (
                "polyline",
                [
                    x
                    for point in ((19.9, 39.9), (19.9, 39.8), (19.8, 39.8), (19.8, 39.9), (19.9, 39.9))
                    for x in (*point, z)
                ],
            )
            for z in (0.0, 0.004)
        ),
    ]
    image = dcmread(testdata / "sm-slide" / "sm-2x2-tiles.dcm")
    assert {each["frameOfReferenceUid"] for each in in_space} == {image.FrameOfReferenceUID}
    assert {each["instance"][0]["uid"] for each in in_space} == {image.SOPInstanceUID}


def test_annotations_in_a_frame(testdata: Path, tmp_path: Path) -> None:
    (resource,) = converted(testdata / "sm-slide" / "ann-frame.dcm", tmp_path)
    assert regions([resource]) == [("Nucleus: Nuclei (optical paths 1)", "multipoint", [3.5, 4.5, 30, 31])]
    assert resource["instance"][0]["subset"] == ["2"]


def test_a_group_is_divided_by_the_option(testdata: Path, tmp_path: Path) -> None:
    source = testdata / "sm-slide" / "ann-total-pixel-matrix.dcm"
    # Triangles closed are four vertices, the square is five.
    resources = converted(source, tmp_path, "--max-region-vertices", "9")
    glands = [each for each in resources if each["code"]["text"].startswith("Glandular")]
    assert [(each["code"]["text"].rpartition(" (")[2], len(regions([each]))) for each in glands] == [
        ("annotations 1 to 2 of 3)", 2),
        ("annotation 3 of 3)", 1),
    ]
    assert len({each["id"] for each in glands}) == 2
    assert len({each["identifier"][1]["value"] for each in glands}) == 1


def test_every_annotation_of_a_real_object_is_stated(corpus: Path) -> None:
    file = corpus / "highdicom" / "sm_annotations.dcm"
    (result,) = (each for each in convert(corpus / "highdicom") if each.kind == "ANN")
    ours = [region[2] for region in regions([each.to_dict() for each in result.selections])]
    theirs = highdicom.ann.MicroscopyBulkSimpleAnnotations.from_dataset(dcmread(file))
    groups = theirs.get_annotation_groups()
    assert ours == [np.concatenate(each.get_graphic_data("2D")).ravel().tolist() for each in groups]
    # As dcmdump prints it.
    assert ours == [[34.6, 18.4, 28.7, 34.9]]
    assert [each.selection.identifiers[0].value for each in result.selections] == [
        f"urn:oid:{each.uid}" for each in groups
    ]


def test_annotations_in_the_total_pixel_matrix_are_restated_on_the_slide(testdata: Path) -> None:
    # The centre of the top left pixel is at 20, 40 on the slide; columns run down its y axis, rows down its x axis,
    # 0.01 mm each: a position (c, r) is at 20 - (r - 0.5) / 100, 40 - (c - 0.5) / 100.
    results = convert(testdata / "sm-slide", Settings(regions="3d"))
    (drawn,) = (each for each in results if each.file.endswith("ann-total-pixel-matrix.dcm"))
    found = {each.selection.key.path: each.to_dict()["imageRegion3D"] for each in drawn.selections}
    (points,) = found["1"]
    assert points["regionType"] == "multipoint"
    assert np.reshape(points["coordinate"], (-1, 3))[:, :2].tolist() == [
        [19.8025, 39.9],
        [19.603, 39.704],
        [19.5875, 39.675],
    ]
    assert [(each["regionType"], len(each["coordinate"]) // 3) for each in found["3"]] == [
        ("polygon", 4),
        ("polygon", 5),
        ("polygon", 4),
    ]
