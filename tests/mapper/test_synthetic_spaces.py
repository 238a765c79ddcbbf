"""The synthetic objects that lie in space: expected values are worked out from what their builders state.

CT slices have 64 x 64 pixels of 5 mm, the first one's centre at (-157.5, -157.5), at 0, 5, 10, ... mm; so x is at
column (x + 157.5) / 5 + 0.5 = x / 5 + 32.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread

from converter import Settings, convert

RING = [28, 28, 36, 28, 36, 36, 28, 36, 28, 28]
INNER = [30, 30, 34, 30, 34, 34, 30, 34, 30, 30]


def resources(folder: Path, kind: str, **settings: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return role and resource of each selection of the objects of a kind."""
    return [
        (each.selection.key.role, each.to_dict())
        for result in convert(folder, Settings(**settings))
        if result.kind == kind
        for each in result.selections
    ]


def uids(folder: Path, *names: str) -> list[str]:
    return [str(dcmread(folder / f"{name}.dcm").SOPInstanceUID) for name in names]


@pytest.mark.parametrize("wanted", [{"project": True}, {"regions": "2d"}])
def test_contours_on_images(testdata: Path, wanted: dict[str, Any]) -> None:
    folder = testdata / "ct-chest"
    first, second, third = uids(folder, "ct-1", "ct-2", "ct-3")
    found = [each for role, each in resources(folder, "RTSTRUCT", **wanted) if role == "projected2d"]
    assert [
        {
            instance["uid"]: [
                (region["regionType"], list(region["coordinate"])) for region in instance["imageRegion2D"]
            ]
            for instance in each["instance"]
        }
        for each in found
    ] == [
        {uid: [("polyline", RING)] for uid in (first, second, third)},
        {second: [("polyline", RING), ("polyline", INNER)]},
        # (2.5, -2.5), half a millimetre above the second slice.
        {second: [("point", [32.5, 31.5])]},
        # The line across slices lies on none.
        {third: [("polyline", [32, 32, 34.5, 32, 34.5, 33.5])]},
    ]


def test_structures(testdata: Path) -> None:
    found = [each for role, each in resources(testdata / "ct-chest", "RTSTRUCT") if role == "structure"]
    assert [each["instance"][0]["subset"] for each in found] == [["1"], ["2"], ["3"], ["4"]]
    lung, avoided, isocenter, lines = found
    assert lung["code"]["coding"][0]["code"] == "39607008"
    assert lung["code"]["text"] == "Lung, Right: Lung_R (ORGAN)"
    assert lung["bodySite"][0]["concept"]["text"] == "Lung, right"
    # The ROI has a time of its own; the zone is +0100.
    assert lung["issued"] == "2024-02-29T15:00:00+01:00"
    assert avoided["issued"] == "2024-02-29T14:30:00+01:00"
    assert [[who["actor"]["display"] for who in each["performer"]] for each in found] == [
        ["Planner Synthetic"],
        ["Planner Synthetic", "Synthetic ring 1.0"],
        ["Operator Synthetic"],
        ["Operator Synthetic"],
    ]
    assert (isocenter["code"]["text"], lines["code"]["text"]) == ("Iso (ISOCENTER)", "Lines")


def test_fiducials_on_images_and_in_space(testdata: Path) -> None:
    folder = testdata / "ct-chest"
    (_, carina), (_, midline), (role, marker) = resources(folder, "FID")
    assert carina["imageRegion3D"][0]["regionType"] == "point"
    assert list(carina["imageRegion3D"][0]["coordinate"]) == [2.5, -7.5, 5]
    assert carina["code"]["coding"][0]["code"] == "28700002"
    assert midline["imageRegion3D"][0]["regionType"] == "polyline"
    assert list(midline["imageRegion3D"][0]["coordinate"]) == [0, -50, 0, 0, 50, 0]
    assert role == "regions2d"
    assert [(each["uid"], list(each["imageRegion2D"][0]["coordinate"])) for each in marker["instance"]] == [
        (uid, point) for uid, point in zip(uids(folder, "ct-1", "ct-2"), ([10.25, 20.5], [11.25, 20.5]), strict=True)
    ]


def test_fiducials_on_images_have_a_place_in_space(testdata: Path) -> None:
    (marker,) = [each for role, each in resources(testdata / "ct-chest", "FID", regions="3d") if role == "projected3d"]
    # Column 10.25, row 20.5: 5 (10.25 - 32), 5 (20.5 - 32); the slices lie at 0 and 5.
    assert [list(each["coordinate"]) for each in marker["imageRegion3D"]] == [[-108.75, -57.5, 0], [-103.75, -57.5, 5]]
    assert marker["frameOfReferenceUid"] == dcmread(testdata / "ct-chest" / "ct-1.dcm").FrameOfReferenceUID


def test_fiducials_in_space_have_a_place_on_images(testdata: Path) -> None:
    folder = testdata / "ct-chest"
    found = [each for role, each in resources(folder, "FID", regions="2d") if role == "projected2d"]
    carina, midline = (
        {each["uid"]: list(each["imageRegion2D"][0]["coordinate"]) for each in one["instance"]} for one in found
    )
    first, second = uids(folder, "ct-1", "ct-2")
    assert carina == {second: [32.5, 30.5]}
    assert midline == {first: [32, 22, 32, 42]}


def test_tracks_in_space(testdata: Path) -> None:
    (_, tracks), (_, source) = resources(testdata / "mr-head", "MR")
    assert [
        (each["regionType"], [float(str(one)) for one in each["coordinate"]]) for each in tracks["imageRegion3D"]
    ] == [
        ("polyline", [0.1, 0, 0, 1.5, 0, 2, 3, 0.5, 4]),
        ("polyline", [0, 1, 0, 0, 2.25, 5]),
    ]
    assert tracks["focus"] == [{"reference": f"ImagingSelection/{source['id']}"}]
    assert [each["uid"] for each in source["instance"]] == uids(testdata / "mr-head", "mr-1", "mr-2")


def test_a_surface_and_its_images(testdata: Path) -> None:
    folder = testdata / "ct-chest"
    (uid,) = uids(folder, "surface-heart")
    (segment,) = [each for _, each in resources(folder, "SEG") if each["instance"][0]["uid"] == uid]
    assert segment["instance"][0]["subset"] == ["1"]
    (source,) = [
        each
        for _, each in resources(folder, "SEG")
        if segment["focus"] == [{"reference": f"ImagingSelection/{each['id']}"}]
    ]
    assert [each["uid"] for each in source["instance"]] == uids(folder, "ct-1", "ct-2", "ct-3")


def test_mapped_images(testdata: Path) -> None:
    folder = testdata / "ct-chest"
    found = [each for _, each in resources(folder, "RWV")]
    assert [[instance["uid"] for instance in each["instance"]] for each in found] == [
        uids(folder, "ct-1", "ct-2", "ct-3"),
        uids(folder, "ct-right-lung-1"),
        uids(folder, "ct-4"),
    ]
    assert [each["code"]["text"] for each in found] == [
        "Attenuation Coefficient",
        "Attenuation Coefficient",
        "Relative electron density",
    ]


def test_annotated_channels(testdata: Path) -> None:
    found = [each for _, each in resources(testdata / "ecg-rest", "ECG")]
    assert [each["instance"][0]["subset"] for each in found] == [["1.1", "1.2", "1.3"], ["1.1", "1.3"], ["2.2"]]
    assert [each["code"]["text"] for each in found] == [
        "Sinus rhythm",
        "PR interval",
        "Morphology: Ventricular premature beats",
    ]


def test_graphics_on_frames_have_a_place_in_space(testdata: Path) -> None:
    # The sagittal frames have 32 x 32 pixels of 4 mm; frame n lies at x = 60 + 3 n, its first pixel at y -62, z 62.
    found = resources(testdata / "mr-breast", "SR", regions="3d")
    flat = {each["id"]: each for role, each in resources(testdata / "mr-breast", "SR") if role == "regions2d"}
    (circle,) = flat.values()
    (instance,) = circle["instance"]
    (frame,) = map(int, instance["subset"])
    column, row, edge_column, edge_row = map(float, instance["imageRegion2D"][0]["coordinate"])
    radius = 4 * ((edge_column - column) ** 2 + (edge_row - row) ** 2) ** 0.5
    (ellipse,) = [each for role, each in found if role == "projected3d"]
    (region,) = ellipse["imageRegion3D"]
    y, z = -62 + 4 * (column - 0.5), 62 - 4 * (row - 0.5)
    expected = [(y - radius, z), (y + radius, z), (y, z + radius), (y, z - radius)]
    assert list(region["coordinate"]) == pytest.approx(
        [n for y, z in expected for n in (60 + 3 * frame, y, z)], abs=1e-6
    )
    assert ellipse["instance"] == [{key: instance[key] for key in instance if key != "imageRegion2D"}]


def test_fiducials_on_frames_have_a_place_in_each(testdata: Path) -> None:
    # The same frames: column 4.5 is at y -46, column 8.5 at -30, row 4.5 at z 46, row 8.5 at 30.
    ((role, corner),) = resources(testdata / "mr-breast", "FID", regions="3d")
    assert role == "projected3d"
    assert [(each["regionType"], list(each["coordinate"])) for each in corner["imageRegion3D"]] == [
        ("polyline", [x, -46, 46, x, -46, 30, x, -30, 30]) for x in (63, 72)
    ]
    assert [each["subset"] for each in corner["instance"]] == [["1"], ["4"]]
