"""Where a run has its tasks done: an engine is started for the first one, and what becomes of it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from converter.run.monitor import Monitor
from converter.run.state import StateFolder

if TYPE_CHECKING:
    from converter.run.engine import Engine
    from converter.run.tasks import AnyTask


class Workshop:
    """Makes tasks one of a run, and has them done.

    `engine`: makes what does tasks. `may_end`: whether that does them in processes that may end by themselves.
    """

    def __init__(self, state: StateFolder, engine: Callable[[], Engine], monitor: Monitor, *, may_end: bool) -> None:
        self.state = state
        self.monitor = monitor
        self.run = ""
        self._make_engine = engine
        self._engine: Engine | None = None
        self._may_end = may_end
        self._tasks = 0

    def next_task(self) -> dict[str, Any]:
        """Return what a new task has in common with all others of the run."""
        self._tasks += 1
        progress = str(self.state.parts / f"{self._tasks}.progress") if self._may_end else None
        return {"out": str(self.state.out), "run": self.run, "progress": progress}

    def next_part(self) -> str:
        """Return a name for a new part of the catalog."""
        self._tasks += 1
        return str(self.state.parts / f"{self._tasks}.sqlite")

    def do(self, function: Callable[[AnyTask], Any], tasks: Iterable[AnyTask]) -> Iterator[Any]:
        """Yield what each task gave, as they are done; nothing is started if there is none."""
        waiting = iter(tasks)
        first = next(waiting, None)
        if first is None:
            return
        if self._engine is None:
            self._engine = self._make_engine()
            self.monitor.values["workers"] = {"jobs": self._engine.jobs, "lost": 0}

        def lost(at: int, is_left_out: bool) -> None:
            self.monitor.count("workers", lost=1)
            self.monitor.event("workerLost", at=at, leftOut=is_left_out)

        yield from self._engine.run(function, chain([first], waiting), lost)

    def close(self) -> None:
        """End all processes that were begun."""
        if self._engine is not None:
            self._engine.close()
