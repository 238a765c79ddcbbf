"""The content tree of a report or key object selection, item by item (PS3.3 C.17.3)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydicom import Dataset
from pydicom.uid import UID
from rich.console import RenderableType

from converter.catalog import EmptyCatalog
from converter.describe.outcomes import Outcomes, becomes, is_part_of
from converter.describe.text import counted, heading, line, number, points
from converter.mapper import KINDS, coded, values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.content_tree import Item, read_tree
from converter.selection import Coordinates, Selection
from converter.settings import Settings

_REFERENCES = frozenset({"IMAGE", "COMPOSITE", "WAVEFORM"})
_COORDINATES = frozenset({"SCOORD", "SCOORD3D", "TCOORD"})
_PLAIN = {
    "TEXT": "TextValue",
    "DATETIME": "DateTime",
    "DATE": "Date",
    "TIME": "Time",
    "UIDREF": "UID",
    "PNAME": "PersonName",
}
# Subject Name, Subject ID and Subject Birth Date (PS3.16 TID 1007).
_SUBJECT = ("121029", "121030", "121031")
_LONGEST_POSITION = 40


def home(selection: Selection) -> str:
    """Return the position of the first item that a selection is made of."""
    return selection.key.path


def body(dataset: Dataset, outcomes: Outcomes, *, with_names: bool) -> Iterator[RenderableType]:
    """Yield a line per content item, and below it what it becomes; `with_names` shows people's names."""
    obj = AnnotationObject(dataset, EmptyCatalog(), Settings(), "", KINDS["SR"])
    stated = _Stated(outcomes.selections)
    yield heading("Content")
    # Each with its position and its parent's; without recursion, for trees of thousands of levels.
    stack: list[tuple[Item, str, str, int]] = [(read_tree(obj), "1", "", 0)]
    while stack:
        item, position, parent_position, depth = stack.pop()
        yield line(
            depth + 1,
            (_shortened(position), "cyan"),
            (f" {_relationship(item)}", "dim"),
            " by reference" if item.is_reference else f" {item.value_type or 'of no value type'}",
            ("" if item.concept is None else f' "{item.concept.text}"', "bold"),
            _value(obj, item, with_names=with_names),
        )
        taken = outcomes.take(position)
        for selection in taken:
            yield becomes(selection, depth + 2)
        for selection in stated.with_others(obj, item, parent_position, taken):
            yield is_part_of(selection, depth + 2)
        for index in reversed(range(len(item.children))):
            stack.append((item.children[index], f"{position}.{index + 1}", position, depth + 1))


class _Stated:
    """Selections by what they hold and the item around what they are made of: items merge with their siblings."""

    def __init__(self, selections: tuple[Selection, ...]) -> None:
        self._by_content: dict[tuple[str, str | bytes], dict[Selection, None]] = {}
        for selection in selections:
            parent = selection.key.path.rpartition(".")[0]
            regions = [region.coordinates for instance in selection.instances for region in instance.regions]
            for region in selection.regions_3d:
                # A polygon is closed where the item left it open.
                regions += [region.coordinates, region.coordinates[:-1]]
            contents: list[str | bytes] = [_fingerprint(each) for each in regions]
            contents = contents or [each.sop_instance_uid for each in selection.instances]
            for content in contents:
                self._by_content.setdefault((parent, content), {})[selection] = None

    def with_others(
        self, obj: AnnotationObject, item: Item, parent_position: str, own: list[Selection]
    ) -> list[Selection]:
        """Return the selections that an item is part of, beside its `own`."""
        found: dict[Selection, None] = {}
        for content in _contents(obj, item):
            holding = self._by_content.get((parent_position, content), {})
            if not any(selection in holding for selection in own):
                named = [selection for selection in holding if selection.code == item.concept]
                found |= dict.fromkeys(named or holding)
        return list(found)


def _contents(obj: AnnotationObject, item: Item) -> list[str | bytes]:
    """Return what of an item can stand in a selection: its region, or the instances that it names."""
    if item.value_type in ("SCOORD", "SCOORD3D"):
        numbers = _numbers(obj, item)
        return [] if numbers is None or not numbers.size else [_fingerprint(numbers)]
    of_coordinates = item.parent is not None and item.parent.value_type in _COORDINATES
    if item.value_type not in _REFERENCES or of_coordinates:
        return []
    references = values.items(item.dataset, "ReferencedSOPSequence")
    uids = (values.text(reference, "ReferencedSOPInstanceUID") for reference in references)
    return [uid for uid in uids if uid is not None]


def _fingerprint(coordinates: Coordinates) -> bytes:
    return np.ascontiguousarray(coordinates, np.float64).tobytes()


def _numbers(obj: AnnotationObject, item: Item) -> Coordinates | None:
    return obj.floats(item.dataset, "GraphicData", "$")


def _shortened(position: str) -> str:
    return position if len(position) <= _LONGEST_POSITION else f"…{position[-_LONGEST_POSITION:]}"


def _relationship(item: Item) -> str:
    return (values.text(item.dataset, "RelationshipType") or "").lower()


def _code(dataset: Dataset, keyword: str) -> str:
    """Return a code's meaning, its scheme's designator and its value."""
    found = values.items(dataset, keyword)
    if not found:
        return "no code"
    keywords = ("CodingSchemeDesignator", "CodeValue", "LongCodeValue", "URNCodeValue")
    code = " ".join(part for part in (values.text(found[0], keyword) for keyword in keywords) if part is not None)
    return f"{values.text(found[0], 'CodeMeaning') or 'no meaning'} ({code})"


def _value(obj: AnnotationObject, item: Item, *, with_names: bool) -> str:
    """Return the item's value in short, with what leads up to it."""
    dataset = item.dataset
    if item.is_reference:
        return f" to {'.'.join(map(str, obj.integers(dataset, 'ReferencedContentItemIdentifier', '$')))}" + (
            "" if item.target is not None else ", not followed"
        )
    match item.value_type:
        case "CONTAINER":
            templates = values.items(dataset, "ContentTemplateSequence")
            template = values.text(templates[0], "TemplateIdentifier") if templates else None
            return "" if template is None else f" (TID {template})"
        case "CODE":
            return f" = {_code(dataset, 'ConceptCodeSequence')}"
        case "NUM":
            return f" = {_measured(dataset)}"
        case "SCOORD" | "SCOORD3D" | "TCOORD":
            return f" = {_coordinates(obj, item)}"
        case "IMAGE" | "COMPOSITE" | "WAVEFORM":
            return f" = {'; '.join(_reference(obj, each) for each in values.items(dataset, 'ReferencedSOPSequence'))}"
        case plain if plain in _PLAIN:
            if coded.is_code(item.concept, coded.DCM, *_SUBJECT) or (plain == "PNAME" and not with_names):
                return " (not shown)"
            quote = '"' if plain == "TEXT" else ""
            return f" = {quote}{values.text(dataset, _PLAIN[plain]) or ''}{quote}"
        case _:
            return ""


def _measured(dataset: Dataset) -> str:
    measured = values.items(dataset, "MeasuredValueSequence")
    if not measured:
        return f"no value, {_code(dataset, 'NumericValueQualifierCodeSequence')}"
    units = values.items(measured[0], "MeasurementUnitsCodeSequence")
    unit = values.text(units[0], "CodeValue") if units else None
    value = values.text(measured[0], "NumericValue") or ""
    return value if unit in (None, "1") else f"{value} {unit}"


def _coordinates(obj: AnnotationObject, item: Item) -> str:
    if item.value_type == "TCOORD":
        return values.text(item.dataset, "TemporalRangeType") or "no type"
    kind = values.text(item.dataset, "GraphicType") or "no type"
    numbers = _numbers(obj, item)
    dimensions = 2 if item.value_type == "SCOORD" else 3
    if numbers is None:
        return f"{kind}, unreadable"
    if numbers.size % dimensions:
        return f"{kind}, {counted(numbers.size, 'number')}"
    return f"{kind}, {points(numbers.reshape(-1, dimensions))}"


def _reference(obj: AnnotationObject, item: Dataset) -> str:
    sop_class = values.text(item, "ReferencedSOPClassUID")
    uid = values.text(item, "ReferencedSOPInstanceUID") or "no instance"
    parts = [uid if sop_class is None else f"{UID(sop_class).name.removesuffix(' Storage')} {uid}"]
    for noun, keyword in (
        ("frames", "ReferencedFrameNumber"),
        ("segments", "ReferencedSegmentNumber"),
        ("channels", "ReferencedWaveformChannels"),
    ):
        numbers = obj.integers(item, keyword, "$")
        if numbers:
            more = ", …" if len(numbers) > 10 else ""
            parts.append(f"{noun} {', '.join(map(number, numbers[:10]))}{more}")
    return ", ".join(parts)
