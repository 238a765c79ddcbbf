"""Where tasks are done: in this process, or in several. Each is done once, or again if it was lost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Self, TypeVar

from converter.run.state import RunError
from converter.run.tasks import AnyTask, Task

Done = TypeVar("Done")
Lost = Callable[[int, bool], None]
"""Told that a process ended: which of the task's things it was at, and whether that is left out from now on."""

ATTEMPTS = 3
"""How often a process may end at one thing before it is left out."""


class Engine(ABC):
    """Does tasks. Closing it ends all processes that it began."""

    jobs: int = 1

    @abstractmethod
    def run(self, function: Callable[[AnyTask], Done], tasks: Iterable[AnyTask], lost: Lost) -> Iterator[Done]:
        """Yield what each task gave, as they are done; no more tasks are taken than are being done.

        Raises what a task raises, and RunError where tasks cannot be done at all.
        """

    def close(self) -> None:  # noqa: B027 - one engine needs nothing
        """End everything."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class InProcess(Engine):
    """Does tasks here, one after the other."""

    def run(self, function: Callable[[AnyTask], Done], tasks: Iterable[AnyTask], lost: Lost) -> Iterator[Done]:  # noqa: ARG002
        """Yield what each task gave, in order."""
        return map(function, tasks)


class Losses:
    """Counts where processes ended, and decides what becomes of their tasks."""

    def __init__(self, lost: Lost) -> None:
        self._lost = lost
        self._times: Counter[tuple[str | None, int]] = Counter()

    def again(self, task: AnyTask, times: int = 1) -> AnyTask:
        """Return the task that is to be done instead of one whose process ended. Raises RunError."""
        at = task.at()
        self._times[_named(task), at] += times
        is_enough = self._times[_named(task), at] >= ATTEMPTS
        if is_enough and at < 0:
            raise RunError("worker processes end before they do anything: check memory and the installation")
        self._lost(at, is_enough)
        return task.without(at) if is_enough else task


def _named(task: Task) -> str | None:
    return task.progress
