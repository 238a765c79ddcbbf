"""Any other kind of object: what its sequences hold, by number, and what it selects, by name."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from rich.console import RenderableType

from converter.describe.outcomes import Outcomes, becomes
from converter.describe.text import counted, facts, heading, line
from converter.mapper import values
from converter.selection import Selection

_LABELS = (
    "StructureSetLabel",
    "StructureSetName",
    "FrameOfReferenceUID",
    "AnnotationCoordinateType",
    "SeriesDescription",
)


def home(selection: Selection) -> str:
    """Return the place of a selection."""
    return selection.place


def body(dataset: Dataset, outcomes: Outcomes, *, with_names: bool) -> Iterator[RenderableType]:  # noqa: ARG001
    """Yield the object's labels, how many items each of its sequences has, and its selections."""
    rows = [(keyword, values.text(dataset, keyword)) for keyword in _LABELS]
    for tag in sorted(dataset.keys()):
        if not tag.is_private and dictionary_has_tag(tag) and dictionary_VR(tag) == "SQ":
            keyword = keyword_for_tag(tag)
            count = len(values.items(dataset, keyword))
            if count:
                rows.append((keyword, counted(count, "item")))
    if any(value is not None for _, value in rows):
        yield heading("Attributes")
        yield facts(*rows)
    if outcomes.selections:
        yield heading("Selections")
        yield from _selections(outcomes)


def _selections(outcomes: Outcomes) -> Iterator[RenderableType]:
    shown = None
    for selection in outcomes.selections:
        for each in outcomes.take(home(selection)):
            if each.code.text != shown:
                shown = each.code.text
                yield line(1, (shown or "", "cyan"))
            yield becomes(each, 2)
