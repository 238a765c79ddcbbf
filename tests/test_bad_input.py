"""Input that breaks the rules: each is accounted for, nothing else is lost, nothing of it is repeated."""

from __future__ import annotations

import itertools
import json
import os
import re
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from converter import Result, Settings, convert
from converter.problems import DEFINITIONS
from tests.builders import (
    CT,
    IMAGE_1,
    IMAGE_2,
    SERIES,
    STUDY,
    by_reference,
    code,
    container,
    dataset,
    image,
    report,
    scoord,
    written,
)

IMAGE_REGION = code("111030", "DCM", "Image Region")
PATH = re.compile(r"\$(\.[A-Za-z0-9]+(\[\d+\])?|\['[0-9A-F]{8}'\](\[\d+\])?)*")


def ct(uid: str = IMAGE_1, **elements: Any) -> Dataset:
    built = dataset(
        SOPClassUID=CT, SOPInstanceUID=uid, StudyInstanceUID=STUDY, SeriesInstanceUID=SERIES, Modality="CT", Rows=80,
        Columns=100, InstanceNumber=11,
    )  # fmt: skip
    for keyword, value in elements.items():
        setattr(built, keyword, value)
    return built


def good_report(**elements: Any) -> Dataset:
    return report(scoord("POINT", [10, 20], image(IMAGE_1), concept=IMAGE_REGION), **elements)


def only(source: object) -> Result:
    (result,) = list(convert(source, Settings(timezone="+00:00")))
    return result


def codes(result: Result) -> list[str]:
    return [each.code for each in result.problems]


def test_what_is_not_dicom_is_a_note_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("Remember the milk, and the DICM conformance statement.")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "random").write_bytes(bytes(range(256)) * 8)
    found = {each.file: each for each in convert(tmp_path)}
    assert {name: codes(each) for name, each in found.items()} == {
        "notes.txt": ["not-dicom"],
        "empty": ["empty-file"],
        "random": ["not-dicom"],
    }
    assert not any(each.has_error for each in found.values())


@pytest.mark.parametrize("place", ["element", "item", "sequence"])
def test_a_truncated_report_is_an_error_and_what_stands_before_is_kept(place: str, tmp_path: Path) -> None:
    first = scoord("POINT", [10, 20], image(IMAGE_1), concept=IMAGE_REGION)
    second = container(code("121070", "DCM", "Findings"), image(IMAGE_2))
    whole = written(report(first, second))
    cuts = {
        "element": whole.rindex(IMAGE_2.encode()) + 3,
        "item": whole.rindex(b"\xfe\xff\x00\xe0") + 8,
        "sequence": whole.rindex(b"\x08\x00\x99\x11SQ") + 12,
    }
    path = tmp_path / "cut.dcm"
    path.write_bytes(whole[: cuts[place]])
    result = only(path)
    assert "truncated" in codes(result)
    assert [each.severity for each in result.problems if each.code == "truncated"] == ["error"]
    assert result.selections[0].to_dict()["instance"][0]["imageRegion2D"] == [
        {"regionType": "point", "coordinate": [10.0, 20.0]}
    ]


def test_a_file_that_may_not_be_read_is_an_error_and_the_rest_is_converted(tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    out.mkdir(mode=0o777)
    out.chmod(0o777)
    for name, uid in (("secret.dcm", "1.2.3.9"), ("open.dcm", "1.2.3.10")):
        (source / name).write_bytes(written(good_report(SOPInstanceUID=uid)))
    (source / "secret.dcm").chmod(0o000)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    # Root may read everything, so the command goes on as another user once all its modules are imported.
    script = (
        "import os, sys\nfrom converter import cli\nargv, argv_out = ['imgsel', *sys.argv[1:-1]], sys.argv[-1]\n"
        "sys.argv = [*argv, argv_out + '/by-root']\n"
        "try:\n    cli.main()\nexcept SystemExit:\n    pass\n"
        "if os.getuid() == 0:\n    os.setgid(65534)\n    os.setuid(65534)\n"
        "sys.argv = [*argv, argv_out]\n"
        "cli.main()\n"
    )
    command = [sys.executable, "-c", script, "convert", str(source), "-v", "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    lines = {each["file"]: each for each in read_report(out)}
    assert [each["code"] for each in lines["secret.dcm"]["problems"]] == ["unreadable"]
    assert len(lines["open.dcm"]["selections"]) == 1


def read_report(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "report.ndjson").read_text("utf-8").splitlines()]


def test_an_undefined_vr_is_read_as_the_dictionary_says() -> None:
    data = written(good_report())
    at = data.index(b"\x70\x00\x22\x00FL")
    damaged = data[: at + 4] + b"ZZ" + data[at + 6 :]
    result = only(damaged)
    assert "vr-unknown" in codes(result)
    # A two-byte length follows an undefined VR as it does FL, so nothing shifts.
    assert result.selections[0].to_dict()["instance"][0]["imageRegion2D"][0]["coordinate"] == [10.0, 20.0]


def test_coordinates_of_another_vr_that_are_no_numbers_are_reported() -> None:
    data = written(good_report())
    at = data.index(b"\x70\x00\x22\x00FL")
    result = only(data[: at + 4] + b"LO" + data[at + 6 :])
    problems = {(each.code, each.path) for each in result.problems}
    assert ("value-unreadable", "$.ContentSequence[0].GraphicData") in problems


def test_text_that_does_not_fit_its_character_set_is_kept_as_far_as_it_goes() -> None:
    data = written(good_report(SpecificCharacterSet="ISO_IR 192", Manufacturer="XXXX"))
    result = only(data.replace(b"XXXX", b"A\xff\xfeB"))
    assert "character-set-undecodable" in codes(result)
    display = result.selections[0].to_dict()["performer"][0]["actor"]["display"]
    assert display[0] == "A"
    assert display[-1] == "B"


def test_a_character_set_that_dicom_does_not_define_is_reported() -> None:
    known = written(good_report(SpecificCharacterSet="ISO_IR 100"))
    result = only(known.replace(b"ISO_IR 100", b"ISO_IR 999"))
    assert "character-set-unknown" in codes(result)
    assert len(result.selections) == 1


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    if vr in (b"SQ", b"UT"):
        return struct.pack("<HH2sHI", group, number, vr, 0, len(value)) + value
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


@pytest.mark.parametrize("form", ["defined", "undefined"])
def test_sequences_nested_ten_thousand_deep_are_read_to_the_bottom(form: str) -> None:
    depth = 10_000
    container_elements = element(0x40, 0xA010, b"CS", b"CONTAINS") + element(0x40, 0xA040, b"CS", b"CONTAINER ")
    sop = element(8, 0x1150, b"UI", CT.encode() + b"\0") + element(8, 0x1155, b"UI", IMAGE_1.encode() + b"\0")
    image_item = element(8, 0x1199, b"SQ", struct.pack("<HHI", 0xFFFE, 0xE000, len(sop)) + sop) + element(
        0x40, 0xA010, b"CS", b"CONTAINS"
    )
    image_item += element(0x40, 0xA040, b"CS", b"IMAGE ")
    if form == "defined":
        step = len(container_elements) + 20
        bottom = len(image_item)
        levels = [
            struct.pack("<HH2sHI", 0x40, 0xA730, b"SQ", 0, 8 + bottom + below * step)
            + struct.pack("<HHI", 0xFFFE, 0xE000, bottom + below * step)
            for below in range(depth - 1, -1, -1)
        ]
        content = container_elements.join(levels) + image_item
    else:
        begin = struct.pack("<HH2sHI", 0x40, 0xA730, b"SQ", 0, 0xFFFFFFFF) + struct.pack(
            "<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF
        )
        end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        content = container_elements.join([begin] * depth) + image_item + end * depth
    empty = written(report(ContentSequence=None))
    result = only(empty + content)
    (selection,) = result.selections
    assert selection.selection.key.path == ".".join(["1"] * (depth + 1))
    assert selection.to_dict()["instance"][0]["uid"] == IMAGE_1
    assert [each.severity for each in result.problems if each.severity == "error"] == []


def test_items_that_refer_to_each_other_in_a_loop_are_reported(tmp_path: Path) -> None:
    looped = report(container(None, by_reference(1, 2)), container(None, by_reference(1, 1)), image(IMAGE_1))
    result = only(written(looped))
    assert "item-reference-loop" in codes(result)
    assert len(result.selections) == 1


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (struct.pack("<3f", 1, 2, 3), "region-odd"),
        (b"", "region-missing"),
        (struct.pack("<2f", 1, float("nan")), "region-not-finite"),
        (struct.pack("<2f", float("-inf"), 1), "region-not-finite"),
        (struct.pack("<2f", 1, 2)[:6], "value-unreadable"),
    ],
)
def test_graphic_data_that_is_no_region_is_an_error_with_its_place(value: bytes, problem: str) -> None:
    built = report(scoord("POLYLINE", [1, 2], image(IMAGE_1)))
    tag = Tag("GraphicData")
    built.ContentSequence[0][tag] = RawDataElement(tag, "FL", len(value), value, 0, False, True)
    result = only(built)
    assert (problem, "$.ContentSequence[0].GraphicData") in {(each.code, each.path) for each in result.problems}
    assert result.selections[0].to_dict()["instance"] == [{"uid": IMAGE_1, "sopClass": f"urn:oid:{CT}"}]


def test_a_reference_to_an_instance_that_is_not_there_is_stated_and_noted() -> None:
    result = only(written(good_report()))
    assert codes(result) == ["instance-not-found", "series-unknown"]
    resource = result.selections[0].to_dict()
    url = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    absent = {"extension": [{"url": url, "valueCode": "unknown"}]}
    assert resource["_studyUid"] == absent
    assert resource["_seriesUid"] == absent


def test_an_object_without_sop_instance_uid_is_known_by_its_content(tmp_path: Path) -> None:
    nameless = good_report(SOPInstanceUID=None)
    files = {"explicit": written(nameless), "implicit": written(nameless, ImplicitVRLittleEndian)}
    results = [only(data) for data in files.values()]
    assert [codes(each)[0] for each in results] == ["sop-instance-uid-missing"] * 2
    first, second = ({selection.id for selection in each.selections} for each in results)
    assert first == second
    other = only(written(good_report(SOPInstanceUID=None, ContentTime="101113")))
    assert {each.id for each in other.selections}.isdisjoint(first)


def test_an_object_without_series_is_reported_when_it_selects_itself() -> None:
    group = container(code("125007", "DCM", "Measurement Group"), image(IMAGE_1))
    result = only([ct(), report(group, SeriesInstanceUID=None)])
    assert "series-missing" in codes(result)
    resource = next(each.to_dict() for each in result.selections if each.selection.key.role == "group")
    assert "_seriesUid" in resource
    assert resource["studyUid"] == STUDY


def test_one_object_under_many_names_and_transfer_syntaxes_counts_once(tmp_path: Path) -> None:
    syntaxes = (ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)
    (tmp_path / "a.dcm").write_bytes(written(good_report()))
    for number, syntax in enumerate(syntaxes):
        (tmp_path / f"copy{number}").write_bytes(written(good_report(), syntax))
    results = list(convert(tmp_path))
    assert [len(each.selections) for each in results].count(1) == 1
    assert [codes(each) for each in results if not each.selections] == [["duplicate"]] * 3


def test_different_objects_of_one_uid_are_settled_the_same_way_in_any_order(tmp_path: Path) -> None:
    times = ("101112", "101113", "091113")
    versions = [written(good_report(ContentTime=time)) for time in times]
    outcomes = []
    for number, order in enumerate(itertools.permutations(versions)):
        folder = tmp_path / str(number)
        folder.mkdir()
        for name, data in enumerate(order):
            (folder / f"{name}.dcm").write_bytes(data)
        results = list(convert(folder, Settings(timezone="+00:00")))
        (winner,) = [each for each in results if each.selections]
        outcomes.append(winner.selections[0].to_dict()["issued"])
        assert [codes(each) for each in results if each is not winner] == [["duplicate-differs"]] * 2
    assert set(outcomes) == {"2020-01-02T10:11:13+02:00"}


def test_images_of_one_uid_with_different_headers_are_settled_the_same_way_in_any_order() -> None:
    versions = [ct(InstanceNumber=number) for number in (7, 3)]
    outcomes = set()
    for order in (versions, versions[::-1]):
        results = list(convert([*order, good_report()]))
        (converted,) = [each for each in results if each.selections]
        outcomes.add(converted.selections[0].to_dict()["instance"][0]["number"])
        assert ["duplicate-image"] in [codes(each) for each in results]
    assert len(outcomes) == 1


def test_what_reaches_the_user_is_a_template_and_a_path_of_keywords(corpus: Path) -> None:
    templates = {
        code: re.compile(re.sub(r"\\\{\w+\\\}", r"[A-Za-z0-9 .:_-]+", re.escape(each.message)))
        for code, each in DEFINITIONS.items()
    }
    for result in convert(corpus):
        for problem in result.problems:
            assert templates[problem.code].fullmatch(problem.message), problem.code
            assert PATH.fullmatch(problem.path), problem.code


def test_an_object_whose_class_is_lost_to_damage_is_an_error() -> None:
    # The class stands twice: the header pass sees the first, which the whole data set's last one overrides.
    data = written(good_report())
    again = element(8, 0x16, b"UI", CT.encode() + b"\0")
    result = only(data + again)
    assert codes(result) == ["malformed"]
    assert result.kind == "SR"
