"""The segments of a segmentation (PS3.3 C.8.20)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from pydicom import Dataset
from rich.console import RenderableType

from converter.describe.outcomes import Outcomes, becomes
from converter.describe.text import counted, heading, line, table
from converter.mapper import coded, values
from converter.selection import Selection

_SEGMENT = re.compile(r"\$\.SegmentSequence\[\d+\]")
_COLUMNS = ("Number", "Label", "Property", "Category", "Algorithm", "Frames", "Sources")


def home(selection: Selection) -> str:
    """Return the path of the segment's definition, or the place of anything else."""
    matched = _SEGMENT.match(selection.place)
    return selection.place if matched is None else matched[0]


def body(dataset: Dataset, outcomes: Outcomes, *, with_names: bool) -> Iterator[RenderableType]:  # noqa: ARG001
    """Yield the table of segments, and below it what each becomes."""
    kind = values.text(dataset, "SegmentationType") or "of no type"
    definitions = values.items(dataset, "SegmentSequence")
    frames = _frames_by_segment(dataset)
    by_id = {selection.id: selection for selection in outcomes.selections}
    taken = [outcomes.take(f"$.SegmentSequence[{index}]") for index in range(len(definitions))]
    yield heading(f"Segments ({kind}, {counted(len(definitions), 'segment')})")
    yield table(
        _COLUMNS,
        (
            _row(definition, frames, _sources(selections, by_id))
            for definition, selections in zip(definitions, taken, strict=True)
        ),
    )
    for definition, selections in zip(definitions, taken, strict=True):
        yield line(1, (f"Segment {_number(definition)}", "cyan"))
        for selection in selections:
            yield becomes(selection, 2)
            for key in () if selection.key.role.startswith("outline") else selection.focus:
                # What several segments derive from is shown below the first of them.
                sources = outcomes.take(home(by_id[key.id])) if key.id in by_id else []
                yield from (becomes(source, 3) for source in sources)


def _row(definition: Dataset, frames: Counter[int] | None, sources: str) -> Iterator[str | None]:
    number = _number(definition)
    yield "?" if number is None else str(number)
    yield values.text(definition, "SegmentLabel")
    for keyword in ("SegmentedPropertyTypeCodeSequence", "SegmentedPropertyCategoryCodeSequence"):
        concept = coded.concept_of(definition, keyword, {})
        yield None if concept is None else concept.text
    algorithm = (values.text(definition, keyword) for keyword in ("SegmentAlgorithmType", "SegmentAlgorithmName"))
    yield ", ".join(part for part in algorithm if part is not None)
    yield "any" if frames is None else str(frames[number] if number is not None else 0)
    yield sources


def _number(definition: Dataset) -> int | None:
    try:
        return values.integer(definition, "SegmentNumber")
    except values.ValueUnreadableError:
        return None


def _frames_by_segment(dataset: Dataset) -> Counter[int] | None:
    """Return how many frames show each segment, None where frames do not say: those of a label map show any."""
    frames: Counter[int] = Counter()
    groups = values.items(dataset, "PerFrameFunctionalGroupsSequence")
    for group in groups:
        frames.update(_segments(group))
    if not frames:
        for shared in values.items(dataset, "SharedFunctionalGroupsSequence"):
            frames.update({number: len(groups) or 1 for number in _segments(shared)})
    return frames or None


def _segments(group: Dataset) -> Iterator[int]:
    for item in values.items(group, "SegmentIdentificationSequence"):
        try:
            yield from values.integers(item, "ReferencedSegmentNumber")
        except values.ValueUnreadableError:
            continue


def _sources(selections: list[Selection], by_id: dict[str, Selection]) -> str:
    """Return what the segment is about: the images of the selections in its focus."""
    sources = [
        by_id[key.id]
        for selection in selections
        if selection.key.role == "item"
        for key in selection.focus
        if key.id in by_id
    ]
    if not sources:
        return "none"
    images = {instance.sop_instance_uid for source in sources for instance in source.instances}
    series = {source.series.series_instance_uid for source in sources}
    return f"{counted(len(images), 'image')} of {counted(len(series), 'series')}"
