"""Tasks in processes of this machine. One that ends takes nothing with it but its own task, which is done again."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from converter.run.engine import Done, Engine, Losses, Lost
from converter.run.tasks import AnyTask

# The same on every system, and nothing of the main process (locks, open files) is in a worker by accident.
_CONTEXT = multiprocessing.get_context("spawn")
# Tasks that a worker has: one that it is at, and one to go on with while the main process is at something else.
_TASKS = 2


@dataclass(slots=True, eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection
    tasks: deque[Any] = field(default_factory=deque)


class Processes(Engine):
    """Does up to `jobs` tasks at once."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._workers: list[_Worker] = []

    def run(self, function: Callable[[AnyTask], Done], tasks: Iterable[AnyTask], lost: Lost) -> Iterator[Done]:
        """Yield what each task gave, as they are done."""
        waiting = iter(tasks)
        losses = Losses(lost)
        again: list[AnyTask] = []
        self._hand_out(function, again, waiting, losses)
        while busy := [each for each in self._workers if each.tasks]:
            ready = wait([each.connection for each in busy])
            for worker in busy:
                if worker.connection not in ready:
                    continue
                try:
                    kind, value = worker.connection.recv()
                except (EOFError, OSError):
                    again += self._ended(worker, losses)
                else:
                    worker.tasks.popleft()
                    if kind == "failed":
                        raise value
                    # Before what was done is looked at, so that nobody waits for that.
                    self._hand_out(function, again, waiting, losses)
                    yield value
            self._hand_out(function, again, waiting, losses)

    def _hand_out(
        self, function: Callable[..., Any], again: list[AnyTask], waiting: Iterator[AnyTask], losses: Losses
    ) -> None:
        """Give every worker what it can have."""
        while (worker := self._least_busy()) is not None or len(self._workers) < self.jobs:
            task = again.pop(0) if again else next(waiting, None)
            if task is None:
                return
            worker = worker or self._start()
            try:
                worker.connection.send((function, task))
            except OSError:
                again += (task, *self._ended(worker, losses))
            else:
                worker.tasks.append(task)

    def _least_busy(self) -> _Worker | None:
        """Return the worker that is to have the next task, None if a new one is or nobody can have it."""
        least = min(self._workers, key=lambda each: len(each.tasks), default=None)
        if least is None or not least.tasks:
            return least
        return least if len(self._workers) == self.jobs and len(least.tasks) < _TASKS else None

    def _ended(self, worker: _Worker, losses: Losses) -> list[Any]:
        """Return the tasks of a worker that ended, to be done again. It ended at the one that had begun."""
        self._remove(worker)
        at = next((number for number, task in enumerate(worker.tasks) if task.at() >= 0), 0)
        return [losses.again(task) if number == at else task for number, task in enumerate(worker.tasks)]

    def _start(self) -> _Worker:
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_work, args=(theirs,), daemon=True, name="imgsel worker")
        # Ctrl-C is for this process to deal with. A worker inherits that it does not get it.
        with _without_interrupts():
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self._workers.append(worker)
        return worker

    def _remove(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        worker.connection.close()
        worker.process.kill()
        worker.process.join()

    def close(self) -> None:
        """End all processes, whatever they are at."""
        for each in self._workers:
            each.process.kill()
        for each in list(self._workers):
            self._remove(each)


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(connection: Connection) -> None:
    """Do tasks until nobody gives any."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Where the main process ended there is nobody to tell.
    with contextlib.suppress(EOFError, OSError):
        while True:
            function, task = connection.recv()
            connection.send(_answer(function, task))


def _answer(function: Callable[[AnyTask], Any], task: AnyTask) -> tuple[str, Any]:
    try:
        return "done", function(task)
    except Exception as error:  # noqa: BLE001 - it is raised again in the main process
        return "failed", error


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
