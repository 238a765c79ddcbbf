"""Removes from OUT what a run wrote there before and the last one did not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from converter.writer.staging import remove_resources


def remove_outdated(out: Path, before: Mapping[str, object], now: Iterable[str]) -> None:
    """Remove the files and folders that were written `before` and are not `now`. Raises OSError."""
    for name in set(before) - set(now):
        path = out / name
        if before[name] is not None:
            path.unlink(missing_ok=True)
        elif path.is_dir():
            remove_resources(path)
            with suppress(OSError):
                # Somebody else's files keep it.
                path.rmdir()
