"""Turns the DICOM JSON Model (PS3.18 Annex F) into data sets, element by element."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias, TypeGuard

from pydicom import DataElement, Dataset, Sequence
from pydicom.config import IGNORE
from pydicom.dataelem import empty_value_for_VR
from pydicom.jsonrep import JsonDataElementConverter
from pydicom.valuerep import VR

from converter.problems import problem
from converter.reader.elements import dictionary_vr, step
from converter.selection import Problem

JSON_BYTES = 512 * 2**20
"""The most that is read of a JSON file: it is held whole."""

DicomJson: TypeAlias = Mapping[str, Any]
"""One data set: attributes by their tag."""

_TAG = re.compile("[0-9A-Fa-f]{8}")
_BEGINNING = re.compile(rb'(\xef\xbb\xbf)?\s*(\[\s*)?\{\s*"[0-9A-Fa-f]{8}"\s*:\s*\{\s*"')
_VRS = frozenset(str(vr) for vr in VR if len(vr) == 2)
_UNUSABLE = (ValueError, TypeError, KeyError, AttributeError, IndexError, ArithmeticError)


def is_dicom_json(value: object) -> TypeGuard[DicomJson]:
    """Return whether `value` is one data set in the DICOM JSON Model."""
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(key, str) and _TAG.fullmatch(key) for key in value)
        and all(isinstance(attribute, Mapping) for attribute in value.values())
    )


def looks_like_dicom_json(head: bytes) -> bool:
    """Return whether content with this beginning (512 bytes suffice) may be DICOM JSON."""
    return _BEGINNING.match(head) is not None


def read_json(data: bytes) -> list[DicomJson] | None:
    """Return the data sets in a JSON text; None if it is no JSON or holds anything else."""
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    values = value if isinstance(value, list) else [value]
    return values if values and all(is_dicom_json(each) for each in values) else None


def dataset_from_json(attributes: DicomJson) -> tuple[Dataset, tuple[Problem, ...]]:
    """Return the data set and a problem for each attribute that could not be read.

    Bulk data is left empty, file meta information (group 0002) out. Items may be nested to any depth.
    """
    root = Dataset()
    problems: list[Problem] = []
    pending: list[tuple[Dataset, DicomJson, str]] = [(root, attributes, "$")]
    while pending:
        dataset, model, path = pending.pop()
        for key, attribute in model.items():
            tag = int(key, 16)
            if tag >> 16 == 2:
                continue
            place = path + step(tag)
            vr, vr_problem = _value_representation(tag, attribute, place)
            problems += vr_problem
            try:
                if vr == "SQ":
                    pending += _enter(dataset, tag, attribute, place, problems)
                elif vr is not None:
                    dataset.add(_element(tag, vr, attribute))
            except _UNUSABLE:
                problems.append(problem("value-unreadable", place))
    return root, tuple(problems)


def _value_representation(tag: int, attribute: Mapping[str, Any], place: str) -> tuple[str | None, list[Problem]]:
    vr = attribute.get("vr")
    if isinstance(vr, str) and vr in _VRS:
        return vr, []
    known = dictionary_vr(tag)
    if known is None:
        return None, [problem("value-unreadable", place)]
    return known[:2], [problem("vr-unknown", place)]


def _enter(
    dataset: Dataset, tag: int, attribute: Mapping[str, Any], place: str, problems: list[Problem]
) -> Iterator[tuple[Dataset, DicomJson, str]]:
    """Add the sequence with empty items; return those still to be filled, the last first."""
    values = attribute.get("Value") or []
    if not isinstance(values, list):
        raise TypeError
    items = [Dataset() for _ in values]
    pending = []
    for index, value in enumerate(values):
        if is_dicom_json(value):
            pending.append((items[index], value, f"{place}[{index}]"))
        elif value:
            problems.append(problem("value-unreadable", f"{place}[{index}]"))
    dataset.add(DataElement(tag, "SQ", Sequence(items)))
    return reversed(pending)


def _element(tag: int, vr: str, attribute: Mapping[str, Any]) -> DataElement:
    """Return one element. Raises one of _UNUSABLE."""
    key = next((each for each in ("Value", "InlineBinary") if attribute.get(each)), None)
    if key is None:
        return DataElement(tag, vr, empty_value_for_VR(vr), validation_mode=IGNORE)
    given = attribute[key]
    if key == "Value":
        given = [_checked(vr, each) for each in given]
    value = JsonDataElementConverter(Dataset, f"{tag:08X}", vr, given, key).get_element_values()
    return DataElement(tag, vr, value, validation_mode=IGNORE)


def _checked(vr: str, value: Any) -> Any:
    """Return a value that pydicom takes without a warning, which would hold it. Raises one of _UNUSABLE."""
    if vr == "AT" and value:
        return f"{int(value, 16):08X}"
    if vr == "PN" and isinstance(value, str):
        # Some DICOMweb servers write names as plain strings.
        return {"Alphabetic": value}
    return value
