"""The header pass of a run: finds out what changed since the last one, and takes that into the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from converter.run import discovery
from converter.run.discovery import Changes, Comparison, FileToRead
from converter.run.ledger import Ledger
from converter.run.workshop import Workshop

if TYPE_CHECKING:
    from converter.run.headers import HeaderTask
    from converter.settings import Settings

# The more files there are, the more of them a task has: what it learns from some makes it read others faster.
_LEAST_FILES, _MOST_FILES, _TASKS = 256, 2048, 8


@dataclass(slots=True)
class HeaderPass:
    """One pass over the sources. `begin`: called before the catalog is changed. Everything raises CatalogError.

    Files are read while others are still being looked for. What was read waits in parts until all are found: what is
    known is being compared with what is there until then, and must stay. In a first run nothing is known and nothing
    waits.
    """

    workshop: Workshop
    ledger: Ledger
    sources: Sequence[str]
    settings: Settings
    begin: Callable[[], None]
    _here: list[FileToRead] = field(default_factory=list)
    _waiting: list[Path] = field(default_factory=list)
    _is_begun: bool = False
    _is_ready: bool = False

    def __call__(self, retry: Sequence[str] | None = None) -> Changes:
        """Do it, and return what changed; `retry`: names of what is to be read again, and nothing else."""
        monitor = self.workshop.monitor
        only = None if retry is None else self.ledger.files_of(retry)
        found = discovery.listing(self.sources, str(self.workshop.state.out))
        comparison = self.ledger.compare(found, lambda count: monitor.event("found", files=count), only)
        done = kept = 0
        for part, count in self.workshop.do(_read_headers, self._tasks(comparison)):
            self._waiting.append(part)
            done += count
            kept += self._take_in(comparison)
            monitor.event("progress", done=done, total=comparison.changes.to_read, kept=kept)
        kept += self._take_in(comparison)
        monitor.count("files", read=kept)
        return comparison.changes

    def _tasks(self, comparison: Comparison) -> Iterator[HeaderTask]:
        """Yield tasks for all files that any process can read."""
        files, given = self._elsewhere(comparison), 0
        while some := tuple(islice(files, min(max(given // _TASKS, _LEAST_FILES), _MOST_FILES))):
            given += len(some)
            yield self._task(some)

    def _elsewhere(self, comparison: Comparison) -> Iterator[FileToRead]:
        for each in comparison:
            if each.is_here:
                self._here.append(each)
            else:
                yield each

    def _take_in(self, comparison: Comparison) -> int:
        """Merge the parts that wait, if all is ready for that; return how many files they have."""
        if comparison.is_first and self._waiting:
            self._begin(comparison.last)
        if comparison.is_complete and not self._is_ready:
            self._is_ready = True
            self._make_ready(comparison)
        if not self._is_begun:
            return 0
        taken = sum(map(self.ledger.merge, self._waiting))
        self._waiting.clear()
        return taken

    def _begin(self, last: int) -> None:
        if not self._is_begun:
            self._is_begun = True
            self.begin()
            self.ledger.begin(last)

    def _make_ready(self, comparison: Comparison) -> None:
        """Read what only this process reads, and forget what is gone, if anything changed."""
        changes = comparison.changes
        again = self._look_again(changes) if changes.again else None
        counts = {"new": changes.new, "changed": changes.changed, "gone": changes.gone, "unchanged": changes.unchanged}
        self.workshop.monitor.count("files", found=changes.files, **counts)
        self.workshop.monitor.event("discovered", found=changes.files, **counts)
        if not changes.is_any:
            return
        if again is not None:
            self._waiting.append(again)
        if self._here:
            self._waiting.append(_read_headers(self._task(tuple(self._here)))[0])
        self._begin(comparison.last)

    def _look_again(self, changes: Changes) -> Path:
        """Read what may be something else though nothing shows; return the part with what is."""
        part, _ = _read_headers(self._task(self.ledger.to_look_into()))
        changed = self.ledger.drop_unchanged(part)
        changes.changed += changed
        changes.unchanged += changes.again - changed
        changes.again = 0
        return part

    def _task(self, files: tuple[FileToRead, ...]) -> HeaderTask:
        from converter.run.headers import HeaderTask

        return HeaderTask(
            files=files,
            sources=tuple(self.sources),
            part=self.workshop.next_part(),
            limits=self.settings.archive_limits,
            with_pixels=self.settings.outlines,
            **self.workshop.next_task(),
        )


def _read_headers(task: HeaderTask) -> tuple[Path, int]:
    # Imported where it is done: what reads DICOM is of no use to a run that reads nothing.
    from converter.run.headers import read_headers

    return read_headers(task)
