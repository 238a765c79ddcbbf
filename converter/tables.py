"""What a terminal shows of a conversion: its progress and its counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from converter.run.log import printed

if TYPE_CHECKING:
    from converter.run.monitor import Failures, Listener
    from converter.summary import Summary, Watch

_PHASES: Final = {
    "headers": "Reading headers",
    "settling": "Comparing copies",
    "conversion": "Converting",
    "join": "Writing",
}
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


@contextmanager
def run_progress() -> Iterator[Listener]:
    """Show a run on standard error while it lasts: its phase, how much is done, how fast, and the time left."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Starting", total=None, rate="")

        def listen(name: str, values: dict[str, Any]) -> None:
            if name == "phase":
                bar.reset(task, description=_PHASES[values["name"]], total=values["total"], rate="")
            elif name == "found":
                bar.update(task, description=f"{_PHASES['headers']} ({values['files']:,} files)")
            elif name == "progress":
                bar.update(task, completed=values["done"], total=values.get("total", bar.tasks[0].total))
                speed = bar.tasks[0].speed
                bar.update(task, rate=f"{speed:,.0f}/s" if speed else "")

        yield listen


def run_line(values: dict[str, Any]) -> str:
    """Return what a run did, in one line."""
    files, objects = values.get("files", {}), values.get("objects", {})
    return (
        f"Files: {files.get('new', 0)} new, {files.get('changed', 0)} changed, {files.get('gone', 0)} gone,"
        f" {files.get('unchanged', 0)} unchanged. Objects: {objects.get('converted', 0)} converted."
    )


def failure_table(failures: Sequence[Failures]) -> Table:
    """Return a table of errors by kind, each with the first files that have it."""
    table = Table("Error", title="Failed", title_justify="left")
    table.add_column("Count", justify="right")
    table.add_column("For example")
    for each in failures:
        table.add_row(each.code, str(each.count), "\n".join(escape(printed(file)) for file in each.files))
    return table


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
