"""The values of content items: numbers digit by digit, units, the reasons for having none (PS3.3 C.18.1 and others)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from pydicom import Dataset

from converter.mapper import coded, timing, values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.content_tree import Item
from converter.measurement import Absence, AbsenceReason, Quantity, Value
from converter.selection import Concept

# PS3.5 6.2 on DS; ASCII digits only.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_NOT_FINITE: dict[str, AbsenceReason] = {
    "nan": "not-a-number",
    "inf": "positive-infinity",
    "infinity": "positive-infinity",
    "-inf": "negative-infinity",
    "-infinity": "negative-infinity",
}
# CID 42 Numeric Value Qualifier.
_QUALIFIERS: dict[str, AbsenceReason] = {
    "114000": "not-a-number",
    "114001": "negative-infinity",
    "114002": "positive-infinity",
    "114003": "error",
    "114004": "error",
    "114005": "error",
    "114006": "error",
    "114007": "not-performed",
    "114008": "error",
    "114009": "error",
    "114010": "unknown",
    "114011": "unknown",
}
# Numeric Value has 16 characters at most, so its last digits may differ from Floating Point Value's.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Measured:
    """What a NUM item states: its quantities, or why it has none; a qualifier that stands beside a value."""

    quantities: tuple[Quantity, ...]
    absence: Absence | None = None
    qualifier: Concept | None = None


def measured(obj: AnnotationObject, item: Item) -> Measured:
    """Return the values of a NUM item (PS3.3 C.18.1); what is wrong with them becomes a problem.

    One Measured Value with one number is legal, or none and a qualifier; whatever more there is is kept.
    """
    quantities: list[Quantity] = []
    absence: Absence | None = None
    for index, dataset in enumerate(values.items(item.dataset, "MeasuredValueSequence")):
        path = f"{item.path}.MeasuredValueSequence[{index}]"
        numbers, reason = _numbers(obj, dataset, path)
        absence = absence or (Absence(reason) if reason else None)
        if numbers:
            unit = _unit(obj, dataset, path)
            quantities += [Quantity(number, unit) for number in numbers]
    qualifier = obj.concept(item.dataset, "NumericValueQualifierCodeSequence", item.path)
    if len(quantities) > 1:
        obj.report("measured-values", f"{item.path}.MeasuredValueSequence", count=len(quantities))
    if quantities:
        return Measured(tuple(quantities), None, qualifier)
    if qualifier is not None:
        return Measured((), Absence(_reason(qualifier), qualifier))
    if absence is None:
        obj.report("value-missing", f"{item.path}.MeasuredValueSequence")
    return Measured((), absence or Absence("unknown"))


def value_of(obj: AnnotationObject, item: Item) -> Value | None:
    """Return the value of a CODE, TEXT, DATE, TIME or DATETIME item, None if it has none or is of another type."""
    match item.value_type:
        case "CODE":
            return obj.concept(item.dataset, "ConceptCodeSequence", item.path)
        case "TEXT":
            return values.text(item.dataset, "TextValue")
        case "DATE":
            return timing.day(values.text(item.dataset, "Date"))
        case "TIME":
            return timing.clock(values.text(item.dataset, "Time"))
        case "DATETIME":
            text = values.text(item.dataset, "DateTime")
            try:
                return None if text is None else timing.moment_of_date_time(text, obj.zone)
            except (timing.IncompleteTimeError, timing.InvalidTimeError):
                return timing.day(text)
    return None


def _numbers(obj: AnnotationObject, dataset: Dataset, path: str) -> tuple[list[Decimal], AbsenceReason | None]:
    """Return the numbers of one Measured Value, or the reason for having none that the number itself gives."""
    texts = values.texts(dataset, "NumericValue")
    found = obj.floats(dataset, "FloatingPointValue", path)
    doubles: list[float] = [] if found is None else [float(each) for each in found]
    if not texts:
        texts = tuple(map(repr, doubles))
        doubles = []
    numbers: list[Decimal] = []
    reason: AbsenceReason | None = None
    for index, text in enumerate(texts):
        if not _DECIMAL.fullmatch(text):
            obj.report("measured-value-invalid", f"{path}.NumericValue")
            reason = _NOT_FINITE.get(text.lower().removeprefix("+"), "error")
            continue
        number = Decimal(text)
        double = doubles[index] if len(doubles) == len(texts) else None
        numbers.append(number if double is None else _fuller(obj, number, double, path))
    return numbers, reason


def _fuller(obj: AnnotationObject, number: Decimal, double: float, path: str) -> Decimal:
    """Return the double that Numeric Value is the rounded form of, where it says more; PS3.3 Table C.18.1-1."""
    if not math.isfinite(double) or float(number) == double:
        return number
    if math.isclose(float(number), double, rel_tol=_ROUNDING):
        return Decimal(repr(double))
    obj.report("measured-value-conflict", f"{path}.FloatingPointValue")
    return number


def _unit(obj: AnnotationObject, dataset: Dataset, path: str) -> Concept | None:
    unit = obj.concept(dataset, "MeasurementUnitsCodeSequence", path)
    if unit is None:
        obj.report("measured-value-unit", f"{path}.MeasurementUnitsCodeSequence")
    return unit


def _reason(qualifier: Concept) -> AbsenceReason:
    of_dicom = (each.code for each in qualifier.codings if each.system == coded.DCM)
    return next((_QUALIFIERS[code] for code in of_dicom if code in _QUALIFIERS), "unknown")
