"""One annotation object as a person would want to read it: what it holds, and what each part of it becomes.

A module per kind of object has a function `body(dataset, outcomes, *, with_names) -> Iterator[RenderableType]`.
Everything that comes out of a data set passes `text.harmless`: a terminal takes orders from control characters.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Protocol, cast

from pydicom import Dataset
from pydicom.uid import UID
from rich.console import Group, RenderableType
from rich.text import Text

from converter.batch import Conversion, Result
from converter.describe.outcomes import Outcomes, becomes
from converter.describe.text import counted, facts, harmless, heading, line
from converter.mapper import KINDS, values
from converter.selection import Problem, Selection
from converter.settings import Settings

_MODULES = {
    "SR": "converter.describe.content_items",
    "KO": "converter.describe.content_items",
    "PR": "converter.describe.presentation_state",
    "SEG": "converter.describe.segmentation",
    "ANN": "converter.describe.bulk_annotations",
}
_ANY_OTHER = "converter.describe.attributes"
_SEVERITY_STYLES = {"error": "bold red", "warning": "yellow", "note": "dim"}
_MOST_PATHS = 3


class _Module(Protocol):
    """What a module here offers."""

    home: Callable[[Selection], str]
    """Where a selection is shown: the key by which `body` takes it from the outcomes."""
    body: Callable[..., Iterator[RenderableType]]


def inspections(conversion: Conversion, settings: Settings) -> Iterator[RenderableType]:
    """Yield what a terminal shows of each result, then of everything that selects nothing.

    Raises OSError where an object cannot be read a second time.
    """
    for number, result in enumerate(conversion):
        if number:
            yield Text("")
        dataset = Dataset() if result.reference is None else result.reference.load().dataset
        yield describe(result, dataset, with_names=settings.with_names)
    for name, count in sorted(conversion.summary.others.items()):
        yield line(0, f"{harmless(name)}: {counted(count, 'object')}, selecting nothing.")


def describe(result: Result, dataset: Dataset, *, with_names: bool = False) -> RenderableType:
    """Return what a terminal shows of one result and the data set that it came from.

    The patient is left out; other people's names are shown only `with_names`. An empty data set stands for what could
    not be read.
    """
    module = cast(_Module, importlib.import_module(_MODULES.get(result.kind or "", _ANY_OTHER)))
    outcomes = Outcomes((each.selection for each in result.selections), module.home)
    body = [] if result.kind is None else list(module.body(dataset, outcomes, with_names=with_names))
    rest = outcomes.rest()
    return Group(
        *_header(result, dataset),
        *body,
        *([heading("Also"), *(becomes(each, 1) for each in rest)] if rest else []),
        *_problems(result.problems),
    )


def _header(result: Result, dataset: Dataset) -> Iterator[RenderableType]:
    sop_class = result.sop_class_uid
    title = UID(sop_class).name if sop_class else ("Not read" if result.kind is None else "No SOP class")
    yield Text(harmless(title), style="bold")
    yield facts(
        ("File", result.file),
        ("Kind", _kind(result.kind)),
        ("Label", values.text(dataset, "ContentLabel")),
        ("Description", values.text(dataset, "ContentDescription")),
        ("Made", _made(result.kind, dataset)),
        ("Completion", _flags(dataset)),
        ("Instance", result.sop_instance_uid),
        ("Series", values.text(dataset, "SeriesInstanceUID")),
        ("Study", values.text(dataset, "StudyInstanceUID")),
        ("Selections", str(len(result.selections)) if result.kind in KINDS else None),
    )


def _kind(kind: str | None) -> str | None:
    known = KINDS.get(kind or "")
    return kind if known is None else f"{known.modality}, {known.meaning}"


def _made(kind: str | None, dataset: Dataset) -> str | None:
    """Return the object's own date and time as they are stated, with separators where they are complete."""
    known = KINDS.get(kind or "")
    if known is None:
        return None
    date, time = values.text(dataset, known.date), values.text(dataset, known.time)
    if date is not None and len(date) == 8:
        date = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    if time is not None and len(time) >= 6 and time[:6].isdigit():
        time = f"{time[:2]}:{time[2:4]}:{time[4:]}"
    zone = values.text(dataset, "TimezoneOffsetFromUTC")
    return " ".join(part for part in (date, time, zone) if part is not None) or None


def _flags(dataset: Dataset) -> str | None:
    flags = (values.text(dataset, keyword) for keyword in ("CompletionFlag", "VerificationFlag"))
    return ", ".join(flag.lower() for flag in flags if flag is not None) or None


def _problems(problems: tuple[Problem, ...]) -> Iterator[RenderableType]:
    if not problems:
        yield line(0, ("No problems.", "dim"))
        return
    yield heading("Problems")
    by_message: dict[tuple[str, str, str], list[str]] = {}
    for each in problems:
        by_message.setdefault((each.severity, each.code, each.message), []).append(each.path)
    for (severity, code, message), paths in by_message.items():
        yield line(1, (severity, _SEVERITY_STYLES[severity]), " ", (code, "bold"), f": {message}", fold=True)
        for path in paths[:_MOST_PATHS]:
            yield line(2, (path, "dim"), fold=True)
        if len(paths) > _MOST_PATHS:
            yield line(2, (f"and {len(paths) - _MOST_PATHS} more", "dim"))
