"""Removes from OUT what a run wrote there before and the last one did not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

_RESOURCE: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json")


def remove_outdated(out: Path, before: Mapping[str, object], now: Iterable[str]) -> None:
    """Remove the files and folders that were written `before` and are not `now`. Raises OSError."""
    for name in set(before) - set(now):
        path = out / name
        if before[name] is not None:
            path.unlink(missing_ok=True)
            continue
        for each in path.glob("*.json"):
            if _RESOURCE.fullmatch(each.name):
                each.unlink(missing_ok=True)
        with suppress(OSError):
            # Somebody else's files keep it.
            path.rmdir()
