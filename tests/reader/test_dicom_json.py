"""Reading the DICOM JSON Model, PS3.18 Annex F."""

from __future__ import annotations

import json
import warnings
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

from converter.reader.dicom_json import dataset_from_json, is_dicom_json, looks_like_dicom_json, read_json


def test_a_real_report_reads_as_from_its_file() -> None:
    path = get_testdata_file("reportsi.dcm")
    assert isinstance(path, str)
    report = dcmread(path)
    dataset, problems = dataset_from_json(report.to_json_dict())
    assert problems == ()
    assert dataset == report


def test_attributes_that_cannot_be_read_are_left_out_and_named() -> None:
    model: dict[str, Any] = {
        "00020010": {"vr": "UI", "Value": ["1.2"]},
        "00080016": {"Value": ["1.2.3"]},
        "00280010": {"vr": "US", "Value": ["many"]},
        "00200013": {"vr": "IS", "Value": 3},
        "00091001": {"vr": "??", "Value": ["x"]},
        "0040A730": {
            "vr": "SQ",
            "Value": [
                {"0040A160": {"vr": "UT", "Value": ["kept"]}},
                "no item",
                None,
                {"00720026": {"vr": "AT", "Value": ["no tag"]}, "00700022": {"vr": "FL", "BulkDataURI": "http://x"}},
            ],
        },
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset, problems = dataset_from_json(model)
    assert {(each.path, each.code) for each in problems} == {
        ("$.SOPClassUID", "vr-unknown"),
        ("$.Rows", "value-unreadable"),
        ("$.InstanceNumber", "value-unreadable"),
        ("$['00091001']", "value-unreadable"),
        ("$.ContentSequence[1]", "value-unreadable"),
        ("$.ContentSequence[3].SelectorAttribute", "value-unreadable"),
    }
    assert dataset.SOPClassUID == "1.2.3"
    assert dataset.ContentSequence[0].TextValue == "kept"
    assert [len(item) for item in dataset.ContentSequence] == [1, 0, 0, 1]
    assert dataset.ContentSequence[3]["GraphicData"].is_empty
    assert 0x00020010 not in dataset


def test_items_nested_deeper_than_python_recurses() -> None:
    model: dict[str, Any] = {"0040A160": {"vr": "UT", "Value": ["innermost"]}}
    for _ in range(5000):
        model = {"0040A730": {"vr": "SQ", "Value": [model]}}
    dataset, problems = dataset_from_json(model)
    for _ in range(5000):
        dataset = dataset.ContentSequence[0]
    assert (dataset.TextValue, problems) == ("innermost", ())


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        ("PN", [{"Alphabetic": "A^B", "Ideographic": "C"}], "A^B=C"),
        ("PN", ["A^B"], "A^B"),
        ("DS", [1.5, "2"], [1.5, 2]),
        ("FL", [0.5, None], [0.5, None]),
        ("CS", [], ""),
    ],
)
def test_values(vr: str, value: list[Any], expected: Any) -> None:
    dataset, problems = dataset_from_json({"00101001": {"vr": vr, "Value": value}})
    assert (dataset[0x00101001].value or "", problems) == (expected, ())


def test_only_a_whole_text_of_data_sets_is_dicom_json() -> None:
    model = {"00080018": {"vr": "UI"}}
    text = json.dumps(model).encode()
    assert looks_like_dicom_json(b"\xef\xbb\xbf\n" + text)
    assert looks_like_dicom_json(b" [ " + text)
    assert not looks_like_dicom_json(b'{"resourceType": "Patient"}')
    assert read_json(b"\xef\xbb\xbf" + text) == [model]
    assert read_json(b"[" + text + b"," + text + b"]") == [model, model]
    assert read_json(b"[" + text + b", 3]") is None
    assert read_json(b"[]") is None
    assert read_json(b'{"0040A730":' * 100_000) is None
    assert not is_dicom_json({"8": {}})
