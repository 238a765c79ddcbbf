"""Events on standard error: as JSON for machines, as lines for people."""

from __future__ import annotations

import json
import sys
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final, Self

_MOST: Final = 20


def log_json(name: str, values: dict[str, Any]) -> None:
    """Write an event as one line of JSON: its time, its name, its values."""
    if name == "problem":
        return
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": name, **values}
    _write(json.dumps(line, separators=(",", ":")))


def problem_line(*, severity: str, file: str, code: str, message: str, path: str) -> str:
    """Return a problem as one line, whatever the file's name holds."""
    return f"{severity}: {printed(file)}: {code}: {message} {path}"


def printed(name: str) -> str:
    """Return the name of a file as people are shown it: line breaks and control characters as escapes."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in name)


class ProblemPrinter:
    """Prints problems: of each code the first ones, and at the end how many more there are."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def __call__(self, name: str, values: dict[str, Any]) -> None:
        """Take an event."""
        if name != "problem":
            return
        kind = values["severity"], values["code"]
        self._counts[kind] += 1
        if self._counts[kind] <= _MOST:
            _write(problem_line(**values))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for (severity, code), count in sorted(self._counts.items()):
            if count > _MOST:
                _write(f"{severity}: {code}: {count - _MOST} more, see report.ndjson")


def _write(line: str) -> None:
    # Whoever reads this may be gone: that is no reason to stop a run.
    if sys.stderr is not None:
        with suppress(OSError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
