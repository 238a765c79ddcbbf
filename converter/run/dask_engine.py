"""Tasks on a Dask cluster that is there already, whose workers see the same paths and have the same version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from converter.run.engine import ATTEMPTS, Done, Engine, Losses, Lost
from converter.run.state import RunError
from converter.run.tasks import AnyTask

_TASKS_PER_THREAD = 2


class Dask(Engine):
    """Does tasks wherever the scheduler at `address` has them done.

    `shared`: a file that the workers must see, too. Raises RunError where there is no scheduler, or no use of it.
    """

    def __init__(self, address: str, shared: Path) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            raise RunError("--dask needs Dask: pip install 'imgsel[dask]'") from error
        try:
            self._client: Any = Client(address, timeout=10, set_as_default=False)
        except (OSError, ValueError) as error:
            raise RunError(f"no Dask scheduler answers at {address}") from error
        try:
            self.jobs = self._check(shared)
        except BaseException:
            self._client.close()
            raise

    def _check(self, shared: Path) -> int:
        """Return the number of threads that do tasks."""
        threads = self._client.nthreads()
        if not threads:
            self._client.wait_for_workers(1, timeout=20)
            threads = self._client.nthreads()
        here = version("imgsel")
        try:
            there = set(self._client.run(_version).values())
        except Exception as error:
            raise RunError("the Dask workers cannot import imgsel: install it where they run") from error
        if there != {here}:
            raise RunError(f"the Dask workers have another version of imgsel than this one ({here}): install the same")
        if not all(self._client.run(_sees, str(shared)).values()):
            raise RunError(
                f"the Dask workers do not see {shared.parent}: SOURCE and OUT must have the same paths there"
            )
        return sum(threads.values())

    def run(self, function: Callable[[AnyTask], Done], tasks: Iterable[AnyTask], lost: Lost) -> Iterator[Done]:
        """Yield what each task gave, as they are done."""
        from distributed import as_completed
        from distributed.scheduler import KilledWorker

        losses = Losses(lost)
        waiting = iter(tasks)
        given: dict[Any, AnyTask] = {}
        completed: Any = as_completed(loop=self._client.loop)

        def hand_out(task: AnyTask | None) -> None:
            if task is not None:
                future = self._client.submit(_call, function, task, pure=False)
                given[future] = task
                completed.add(future)

        for _ in range(self.jobs * _TASKS_PER_THREAD):
            hand_out(next(waiting, None))
        for future in completed:
            task = given.pop(future)
            try:
                done = future.result()
            except KilledWorker:
                # The scheduler has tried it often enough by itself.
                hand_out(losses.again(task, ATTEMPTS))
                continue
            future.release()
            hand_out(next(waiting, None))
            yield done

    def close(self) -> None:
        """Leave the cluster as it is; what is being done there for this run is given up."""
        self._client.close()


def _version() -> str:
    import converter.run.shard_task  # noqa: F401

    return version("imgsel")


def _sees(path: str) -> bool:
    return Path(path).exists()


def _call(function: Callable[[Any], Any], task: Any) -> Any:
    return function(task)
