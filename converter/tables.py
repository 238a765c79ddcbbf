"""What a terminal shows of a conversion: its progress and its counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table

if TYPE_CHECKING:
    from converter.batch import Summary, Watch

_SEVERITIES = ("error", "warning", "note")


@contextmanager
def progress() -> Iterator[Watch]:
    """Show progress on standard error while the context lasts: files read, then objects converted."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading headers", total=None)

        def watch(summary: Summary) -> None:
            if summary.total is None:
                bar.update(task, completed=summary.files)
            else:
                done = sum(summary.objects.values())
                bar.update(task, description="Converting", completed=done, total=max(done, summary.total))

        yield watch


def summary_tables(summary: Summary) -> Iterator[Table]:
    """Yield the tables that sum a conversion up: objects by kind with their selections, more resources, problems."""
    yield _objects(summary)
    if summary.resources:
        yield _resources(summary)
    if summary.problems:
        yield _problems(summary)


def _objects(summary: Summary) -> Table:
    table = Table("Kind", title="Objects", title_justify="left", show_footer=False)
    table.add_column("Objects", justify="right")
    table.add_column("Selections", justify="right")
    for kind in sorted(summary.objects):
        table.add_row(kind, str(summary.objects[kind]), str(summary.selections[kind]))
    for name in sorted(summary.others):
        table.add_row(name, str(summary.others[name]), "", style="dim")
    if summary.unread:
        table.add_row("not read", str(summary.unread), "", style="dim")
    table.add_section()
    total = sum(summary.objects.values()) + sum(summary.others.values()) + summary.unread
    table.add_row("all", str(total), str(sum(summary.selections.values())))
    return table


def _resources(summary: Summary) -> Table:
    table = Table("Type", title="Other resources", title_justify="left")
    table.add_column("Count", justify="right")
    for kind in sorted(summary.resources):
        table.add_row(kind, str(summary.resources[kind]))
    return table


def _problems(summary: Summary) -> Table:
    table = Table("Problem", "Severity", title="Problems", title_justify="left")
    table.add_column("Count", justify="right")
    ranked = sorted(summary.problems.items(), key=lambda each: (_SEVERITIES.index(each[0][1]), each[0][0]))
    for (code, severity), count in ranked:
        table.add_row(code, severity, str(count))
    return table
