"""Tasks that count, fail, or end their processes. Nothing that takes long to import is imported here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from converter.run.tasks import Progress, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting(Task):
    """Counts to ten; ends its process at `deadly`, or once at `once`, which a file there says."""

    number: int
    deadly: int | None = None
    once: str | None = None


def counted(task: Counting) -> tuple[int, list[int]]:
    done = []
    with Progress(task) as progress:
        for number in range(10):
            progress.at(number)
            if number in task.skip:
                continue
            if number == task.deadly:
                os._exit(1)
            if number == 5 and task.once is not None and not Path(task.once).exists():
                Path(task.once).touch()
                os.abort()
            done.append(number)
    return task.number, done


def fails(task: Counting) -> None:
    raise FileNotFoundError(2, "not there", str(task.number))


def never(task: Counting) -> int:
    os._exit(3)


def tasks(folder: Path, **of_third: object) -> Iterator[Counting]:
    for number in range(6):
        more = of_third if number == 3 else {}
        yield Counting(out="", run="", progress=str(folder / str(number)), number=number, **more)  # type: ignore[arg-type]
