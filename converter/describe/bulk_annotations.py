"""The groups of bulk annotations (PS3.3 C.37.1.2)."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset
from rich.console import RenderableType

from converter.describe.outcomes import Outcomes, becomes
from converter.describe.text import counted, heading, line, table
from converter.mapper import coded, values
from converter.selection import Selection

_COLUMNS = ("Number", "Label", "Property", "Category", "Type", "Annotations", "Made")


def home(selection: Selection) -> str:
    """Return the path of the selection's group."""
    return selection.place


def body(dataset: Dataset, outcomes: Outcomes, *, with_names: bool) -> Iterator[RenderableType]:  # noqa: ARG001
    """Yield the table of groups, and below it what each becomes."""
    groups = values.items(dataset, "AnnotationGroupSequence")
    dimensions = values.text(dataset, "AnnotationCoordinateType") or "of no dimensions"
    origin = values.text(dataset, "PixelOriginInterpretation")
    kind = dimensions if origin is None else f"{dimensions}, relative to {origin}"
    yield heading(f"Groups ({kind}, {counted(len(groups), 'group')})")
    yield table(_COLUMNS, (_row(group) for group in groups))
    for index, group in enumerate(groups):
        yield line(1, (f"Group {_number(group, 'AnnotationGroupNumber')}", "cyan"))
        for selection in outcomes.take(f"$.AnnotationGroupSequence[{index}]"):
            yield becomes(selection, 2)


def _row(group: Dataset) -> Iterator[str | None]:
    yield _number(group, "AnnotationGroupNumber")
    yield values.text(group, "AnnotationGroupLabel")
    for keyword in ("AnnotationPropertyTypeCodeSequence", "AnnotationPropertyCategoryCodeSequence"):
        concept = coded.concept_of(group, keyword, {})
        yield None if concept is None else concept.text
    yield values.text(group, "GraphicType")
    yield _number(group, "NumberOfAnnotations")
    algorithms = values.items(group, "AnnotationGroupAlgorithmIdentificationSequence")
    names = (values.text(each, "AlgorithmName") for each in algorithms)
    made = (values.text(group, "AnnotationGroupGenerationType"), *names)
    yield ", ".join(part for part in made if part is not None)


def _number(group: Dataset, keyword: str) -> str:
    try:
        number = values.integer(group, keyword)
    except values.ValueUnreadableError:
        number = None
    return "?" if number is None else str(number)
