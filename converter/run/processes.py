"""Tasks in processes of this machine. One that ends takes nothing with it but its own task, which is done again."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from converter.run.engine import Done, Engine, Losses, Lost
from converter.run.tasks import AnyTask

# The same on every system, and nothing of the main process (locks, open files) is in a worker by accident.
_CONTEXT = multiprocessing.get_context("spawn")


@dataclass(slots=True, eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection
    task: Any = None


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
        self._hand_out(function, again, waiting)
        while busy := [each for each in self._workers if each.task is not None]:
            # While workers are busy, what comes next is made ready: finding it may take as long as doing it.
            again += islice(waiting, max(0, self.jobs - len(again)))
            ready = wait([each.connection for each in busy])
            for worker in busy:
                if worker.connection not in ready:
                    continue
                try:
                    kind, value = worker.connection.recv()
                except (EOFError, OSError):
                    again.append(losses.again(worker.task))
                    self._remove(worker)
                else:
                    worker.task = None
                    if kind == "failed":
                        raise value
                    # Before what was done is looked at, so that nobody waits for that.
                    self._hand_out(function, again, waiting)
                    yield value
            self._hand_out(function, again, waiting)

    def _hand_out(self, function: Callable[..., Any], again: list[AnyTask], waiting: Iterator[AnyTask]) -> None:
        """Give every worker that has none a task."""
        while True:
            idle = next((each for each in self._workers if each.task is None), None)
            if idle is None and len(self._workers) >= self.jobs:
                return
            task = again.pop(0) if again else next(waiting, None)
            if task is None:
                return
            idle = idle or self._start()
            try:
                idle.connection.send((function, task))
            except OSError:
                # It ended while it had nothing to do.
                again.append(task)
                self._remove(idle)
            else:
                idle.task = task

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
    while True:
        try:
            function, task = connection.recv()
        except EOFError:
            return
        try:
            answer = ("done", function(task))
        except Exception as error:  # noqa: BLE001 - it is raised again in the main process
            answer = ("failed", error)
        connection.send(answer)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
