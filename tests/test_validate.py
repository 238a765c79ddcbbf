"""Checking resources, by the command and by the class behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter import Settings, convert
from converter.fhir import release
from converter.validate import Checked, Validator, problems_of
from tests.builders import (
    CT,
    ECG,
    ENHANCED_CT,
    IMAGE_1,
    IMAGE_2,
    SEGMENTATION,
    SERIES,
    STUDY,
    code,
    container,
    dataset,
    image,
    report,
    scoord,
    written,
)
from tests.test_bad_input import IMAGE_REGION, ct, good_report
from tests.test_cli import imgsel

RELEASES = ("6.0.0-ballot2", "5.0.0", "6.0.0-ballot4", "4.0.1")


def converted(source: object, fhir: str = "R6", **choices: Any) -> list[dict[str, Any]]:
    results = convert(source, Settings(fhir=fhir, **choices))
    return [
        each.to_dict()
        for result in results
        for each in (*result.resources, *(selection.encoded for selection in result.selections))
    ]


def lines(path: Path, *resources: Any) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in resources), "utf-8")
    return path


def codes(checked: list[Checked]) -> list[tuple[str, str]]:
    return [(each.code, each.path) for one in checked for each in one.problems]


def good(fhir: str = "R6") -> dict[str, Any]:
    (resource,) = converted([ct(), good_report()], fhir)
    return resource


@pytest.mark.parametrize(
    ("fhir", "output"), list(zip(RELEASES, ("ndjson", "bundle", "transaction", "files"), strict=True))
)
def test_what_is_converted_is_valid_and_tells_its_release(
    testdata: Path, tmp_path: Path, fhir: str, output: str
) -> None:
    out = tmp_path / "out"
    done = imgsel("convert", testdata, "-o", out, "--fhir", fhir, "--format", output, "--with", "context", "-q")
    assert done.stderr == b""
    validator = Validator(out, dicom=testdata)
    checked = list(validator)
    assert codes(checked) == []
    assert validator.found.release == fhir
    assert validator.found.resources == len(checked) > 20


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"status": "nope"}, ("element-invalid", "$.status")),
        ({"status": None}, ("element-missing", "$.status")),
        ({"colour": "red"}, ("element-unknown", "$.colour")),
        ({"instance": "x"}, ("element-invalid", "$.instance")),
        ({"instance": [{"uid": 5}]}, ("element-invalid", "$.instance[0].uid")),
        ({"issued": "yesterday"}, ("element-invalid", "$.issued")),
        ({"seriesUid": None}, ("rule-broken", "$")),
        ({"subject": {"reference": "Encounter/1"}}, ("element-invalid", "$.subject")),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change: dict[str, Any], expected: tuple[str, str]) -> None:
    changed = {name: value for name, value in (good() | change).items() if value is not None}
    found = [(each.code, each.path) for each in problems_of(changed, release("R6"))]
    assert expected in found


@pytest.mark.parametrize("fhir", ["R6", "R5"])
def test_rules_are_named(fhir: str) -> None:
    changed = {name: value for name, value in good(fhir).items() if name != "seriesUid"}
    found = [each.message for each in problems_of(changed, release(fhir)) if each.code == "rule-broken"]
    assert "The resource breaks a rule of the release (instance-without-series)." in found


def containers(value: Any) -> Iterator[Any]:
    """All objects and arrays with something in them."""
    if isinstance(value, dict | list) and value:
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from containers(each)


@pytest.mark.parametrize("fhir", RELEASES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_resource_never_stops_it_and_nothing_of_it_is_repeated(fhir: str, data: st.DataObject) -> None:
    secret = "Secret^Jane"
    leaves = st.none() | st.booleans() | st.integers() | st.just(secret)
    json_values = st.recursive(
        leaves, lambda inner: st.lists(inner) | st.dictionaries(st.just(secret), inner), max_leaves=4
    )
    resource = good(fhir)
    places = [resource]
    for place in places:
        for value in place.values() if isinstance(place, dict) else place:
            if isinstance(value, dict | list) and value:
                places.append(value)  # type: ignore[arg-type]
    damaged: Any = data.draw(st.sampled_from(places))
    at = data.draw(st.sampled_from(sorted(damaged) if isinstance(damaged, dict) else range(len(damaged))))
    damaged[at] = data.draw(json_values)
    for each in problems_of(resource, release(fhir)):
        assert secret not in f"{each.code}{each.message}{each.path}"


def test_a_type_that_is_none_or_of_another_release(tmp_path: Path) -> None:
    path = lines(tmp_path / "a.ndjson", {"id": "1"}, {"resourceType": "Nothing"}, {"resourceType": 5}, good("R5"))
    checked = list(Validator(path, release="R4"))
    assert codes(checked) == [("resource-type-unknown", "$")] * 4
    assert {each.resource for each in checked} == {None}


def test_lines_that_are_no_json_are_named_by_number(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"resourceType":"Patient","id":"1"}\n\n{"resource\n[]\n')
    checked = list(Validator(path))
    assert [(each.place, each.resource, len(each.problems)) for each in checked] == [
        ("1", "Patient/1", 0),
        ("3", None, 1),
        ("4", None, 1),
    ]
    assert codes(checked) == [("json-invalid", "$")] * 2


def test_bundles_are_checked_entry_by_entry(tmp_path: Path) -> None:
    url = "urn:uuid:6f0a2d1e-9b7c-4c57-8f3e-2a5d1c9b7e40"
    nowhere = "urn:uuid:00000000-0000-5000-8000-000000000000"
    entries = [
        {"fullUrl": url, "resource": {"resourceType": "Patient", "id": "1", "birthDate": "long ago"}},
        {
            "fullUrl": url,
            "resource": {"resourceType": "Patient", "id": "2", "link": [{"other": {"reference": nowhere}}]},
        },
        {"fullUrl": f"{url}-3"},
        {"resource": {"resourceType": "Patient", "id": "4"}},
    ]
    path = tmp_path / "bundle.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "id": "b", "entry": entries}))
    checked = {each.place: each for each in Validator(path)}
    assert {each.resource for each in checked.values()} == {"Bundle/b", "Patient/1", "Patient/2", "Patient/4"}
    assert codes([checked[""]]) == [
        ("element-missing", "$.type"),
        ("bundle-entry", "$.entry[1]"),
        ("bundle-entry", "$.entry[2]"),
        ("bundle-entry", "$.entry[3]"),
        ("reference-unresolved", "$.entry[1].resource.link[0].other.reference"),
    ]
    assert codes([checked["$.entry[0].resource"]]) == [("element-invalid", "$.birthDate")]
    assert codes([checked["$.entry[1].resource"]]) == [("element-missing", "$.link[0].type")]


# Against the objects


def objects(folder: Path, *built: Any) -> Path:
    folder.mkdir()
    for number, each in enumerate(built):
        (folder / str(number)).write_bytes(written(each))
    return folder


def compared(tmp_path: Path, resources: list[dict[str, Any]], *built: Any) -> list[tuple[str, str]]:
    path = lines(tmp_path / "resources.ndjson", *resources)
    return codes(list(Validator(path, dicom=objects(tmp_path / "objects", *built))))


def selected(uid: str, sop_class: str, *subset: str, **more: Any) -> dict[str, Any]:
    """An ImagingSelection of 6.0.0-ballot2."""
    return {
        "resourceType": "ImagingSelection",
        "status": "available",
        "code": {"text": "x"},
        "studyUid": STUDY,
        "seriesUid": SERIES,
        "instance": [
            {"uid": uid, "sopClass": f"urn:oid:{sop_class}", **({"subset": list(subset)} if subset else {}), **more}
        ],
    }


def test_what_the_objects_hold_is_no_problem(tmp_path: Path) -> None:
    built = [ct(), good_report()]
    assert compared(tmp_path, converted(built), *built) == []


def test_an_instance_that_is_not_there(tmp_path: Path) -> None:
    assert compared(tmp_path, [selected(IMAGE_2, CT)], ct()) == [("object-missing", "$.instance[0].uid")]


@pytest.mark.parametrize(
    "change", [{"StudyInstanceUID": "9.9"}, {"SeriesInstanceUID": "9.9"}, {"SOPClassUID": ENHANCED_CT}]
)
def test_an_instance_of_another_series_or_class(tmp_path: Path, change: dict[str, str]) -> None:
    assert compared(tmp_path, [selected(IMAGE_1, CT)], ct(**change)) == [("object-differs", "$.instance[0]")]


@pytest.mark.parametrize(("subset", "found"), [("1", []), ("3", []), ("4", [("object-subset", "$.instance[0]")])])
def test_frames_are_in_range(tmp_path: Path, subset: str, found: list[tuple[str, str]]) -> None:
    enhanced = ct(SOPClassUID=ENHANCED_CT, NumberOfFrames="3")
    assert compared(tmp_path, [selected(IMAGE_1, ENHANCED_CT, subset)], enhanced) == found


@pytest.mark.parametrize(("subset", "found"), [("1", []), ("7", []), ("2", [("object-subset", "$.instance[0]")])])
def test_segments_exist(tmp_path: Path, subset: str, found: list[tuple[str, str]]) -> None:
    segments = [dataset(SegmentNumber=number) for number in (1, 7)]
    built = ct(SOPClassUID=SEGMENTATION, Modality="SEG", SegmentSequence=segments)
    assert compared(tmp_path, [selected(IMAGE_1, SEGMENTATION, subset)], built) == found


def test_structures_items_and_channels_exist(tmp_path: Path) -> None:
    structure_set = "1.2.840.10008.5.1.4.1.1.481.3"
    rois = ct(
        "1.2.3.1.1.5", SOPClassUID=structure_set, Modality="RTSTRUCT", StructureSetROISequence=[dataset(ROINumber="4")]
    )
    channels = ct(
        "1.2.3.1.1.6", SOPClassUID=ECG, Modality="ECG", WaveformSequence=[dataset(NumberOfWaveformChannels=2)]
    )
    region = scoord("POINT", [1, 2], image(IMAGE_1), concept=IMAGE_REGION, ObservationUID="1.2.99")
    stated = report(container(code("125007", "DCM", "Measurement Group"), region), SeriesInstanceUID=SERIES)
    sop_class = stated.SOPClassUID
    resources = [
        selected("1.2.3.1.1.5", structure_set, "4"),
        selected("1.2.3.1.1.5", structure_set, "5"),
        selected("1.2.3.1.1.6", ECG, "1.2"),
        selected("1.2.3.1.1.6", ECG, "1.3"),
        selected("1.2.3.1.1.6", ECG, "2.1"),
        selected("1.2.3.9", sop_class, "1.1.1"),
        selected("1.2.3.9", sop_class, "1.1.2"),
    ]
    path = lines(tmp_path / "resources.ndjson", *resources)
    folder = objects(tmp_path / "objects", rois, channels, stated)
    wrong = [len(each.problems) for each in Validator(path, dicom=folder)]
    assert wrong == [0, 1, 0, 1, 1, 0, 1]


@pytest.mark.parametrize(
    ("corner", "found"), [((100, 80), []), ((100.5, 80), ["object-region"]), ((0, -1), ["object-region"])]
)
def test_regions_lie_in_the_image(tmp_path: Path, corner: tuple[float, float], found: list[str]) -> None:
    regions = [{"regionType": "polyline", "coordinate": [0, 0, *corner]}]
    problems = compared(tmp_path, [selected(IMAGE_1, CT, imageRegion2D=regions)], ct())
    assert problems == [(each, "$.instance[0].imageRegion2D[0]") for each in found]


def test_regions_lie_in_the_whole_of_a_tiled_image_or_in_the_frame_that_is_named(tmp_path: Path) -> None:
    slide = ct(TotalPixelMatrixRows=1000, TotalPixelMatrixColumns=1000, NumberOfFrames="4")
    regions = [{"regionType": "point", "coordinate": [500, 500]}]
    resources = [selected(IMAGE_1, CT, imageRegion2D=regions), selected(IMAGE_1, CT, "2", imageRegion2D=regions)]
    path = lines(tmp_path / "resources.ndjson", *resources)
    found = [len(each.problems) for each in Validator(path, dicom=objects(tmp_path / "objects", slide))]
    assert found == [0, 1]


# The command


def test_the_command_prints_a_line_for_each_resource_with_problems(tmp_path: Path) -> None:
    wrong = good() | {"issued": "yesterday"}
    path = lines(tmp_path / "a.ndjson", good(), wrong)
    done = imgsel("validate", path)
    assert done.returncode == 1
    (line,) = map(json.loads, done.stdout.splitlines())
    assert line == {
        "file": "a.ndjson",
        "place": "2",
        "resource": f"ImagingSelection/{wrong['id']}",
        "problems": [
            {
                "code": "element-invalid",
                "severity": "error",
                "message": "The element is not as the release defines it: its value is wrong.",
                "path": "$.issued",
            }
        ],
    }
    assert done.stderr.decode().splitlines() == ["2 resources of FHIR 6.0.0-ballot2, 1 problems"]


def test_without_problems_the_command_prints_no_line(tmp_path: Path) -> None:
    done = imgsel("validate", lines(tmp_path / "a.ndjson", good("R5")), "--fhir", "R5", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_warning_is_no_error(tmp_path: Path) -> None:
    regions = [{"regionType": "point", "coordinate": [500, 500]}]
    path = lines(tmp_path / "a.ndjson", selected(IMAGE_1, CT, imageRegion2D=regions))
    done = imgsel("validate", path, "--dicom", objects(tmp_path / "objects", ct()))
    assert done.returncode == 0
    assert b"object-region" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["nowhere"], b"nowhere"), ([".", "--fhir", "R99"], b"6.0.0-ballot2"), ([".", "--dicom", "nowhere"], b"nowhere")],
)
def test_wrong_usage_is_one_line_and_status_2(arguments: list[str], says: bytes, tmp_path: Path) -> None:
    lines(tmp_path / "a.ndjson", good())
    fixed = [str(tmp_path) if each == "." else each for each in arguments]
    done = imgsel("validate", *fixed)
    assert (done.returncode, done.stdout) == (2, b"")
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr


def test_a_folder_without_resources_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "report.ndjson").write_text("{}\n")
    done = imgsel("validate", tmp_path)
    assert done.returncode == 2
