"""What a run says of itself while it goes on: events for displays and logs, and the account that is given at the end.

No event holds anything of a patient: numbers, codes and, of files that failed, names relative to their SOURCE.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

Listener: TypeAlias = Callable[[str, dict[str, Any]], None]
"""Told of an event by its name and values."""

EXAMPLES: Final = 5
"""How many files are named for one kind of problem."""


@dataclass(slots=True)
class Failures:
    """Problems of one code: how many there are, and the first files that have one."""

    code: str
    severity: str
    message: str
    count: int = 0
    files: list[str] = field(default_factory=list)


class Monitor:
    """Takes events and hands them on; keeps times and counts for the summary file."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners
        self._started = datetime.now(UTC)
        self._seconds: dict[str, float] = {}
        self.values: dict[str, Any] = {}
        self._failures: dict[str, Failures] = {}

    def event(self, name: str, /, **values: Any) -> None:
        """Tell all listeners."""
        for each in self._listeners:
            each(name, values)

    def count(self, group: str, **values: int) -> None:
        """Add to the counts of a group."""
        counts = self.values.setdefault(group, {})
        for name, value in values.items():
            counts[name] = counts.get(name, 0) + value

    @contextmanager
    def phase(self, name: str, total: int | None = None) -> Iterator[None]:
        """Tell when a phase begins and ends, and note its time."""
        self.event("phase", name=name, total=total)
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + time.monotonic() - began

    def failed(self, file: str, problems: list[dict[str, str]]) -> None:
        """Note the problems of a file; of each kind of error the first files are remembered and told of."""
        for each in problems:
            self.event("problem", file=file, **each)
            if each["severity"] != "error":
                continue
            found = self._failures.setdefault(each["code"], Failures(each["code"], each["severity"], each["message"]))
            found.count += 1
            if len(found.files) < EXAMPLES and file not in found.files:
                found.files.append(file)
                self.event("failed", file=file, code=each["code"], path=each["path"])

    @property
    def failures(self) -> list[Failures]:
        """The errors, by code."""
        return sorted(self._failures.values(), key=lambda each: each.code)

    def summary(self, counts: dict[str, Any]) -> dict[str, Any]:
        """Return what the summary file holds."""
        from importlib.metadata import version

        return {
            "version": version("imgsel"),
            "started": self._started.isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": {name: round(each, 3) for name, each in self._seconds.items()},
            **self.values,
            **_usage(),
            "counts": counts,
            "failures": [
                {"code": each.code, "count": each.count, "message": each.message, "examples": each.files}
                for each in self.failures
            ],
        }


def _usage() -> dict[str, dict[str, float]]:
    """Return CPU time and greatest memory of this process and of its workers, as far as the system says.

    Workers of a cluster are not this process's.
    """
    try:
        import resource
    except ImportError:  # Windows
        return {}
    unit = 1 if sys.platform == "darwin" else 1024
    own, workers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "cpuSeconds": {
            "main": round(own.ru_utime + own.ru_stime, 3),
            "workers": round(workers.ru_utime + workers.ru_stime, 3),
        },
        "peakMemoryBytes": {"main": own.ru_maxrss * unit, "worker": workers.ru_maxrss * unit},
    }
