"""What a task is: something that any process can do that sees the files, and another again if that one ends."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO, Self, TypeVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task over things that are counted from 0.

    `out`: the folder that is written to. `run`: the run it belongs to. `progress`: a file where it notes which of them
    it is at, None if nobody asks. `skip`: those to leave out, because the process that was at them ended each time.
    """

    out: str
    run: str
    progress: str | None = None
    skip: frozenset[int] = field(default_factory=frozenset)

    def at(self) -> int:
        """Return where the task was last, -1 if it never began."""
        try:
            return int(Path(self.progress or "").read_bytes())
        except (OSError, ValueError):
            return -1

    def without(self, number: int) -> Self:
        """Return the task without one of the things."""
        return replace(self, skip=self.skip | {number})


AnyTask = TypeVar("AnyTask", bound=Task)


class Progress:
    """Notes where a task is, so that it is known if its process ends."""

    def __init__(self, task: Task) -> None:
        self._file: BinaryIO | None = None
        if task.progress is not None:
            self._file = Path(task.progress).open("wb", buffering=0)  # noqa: SIM115

    def at(self, number: int) -> None:
        """Note that this one is next."""
        if self._file is not None:
            self._file.seek(0)
            self._file.write(b"%12d" % number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            Path(os.fsdecode(self._file.name)).unlink(missing_ok=True)
