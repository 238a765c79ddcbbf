"""Checks paths that are given as sources. Nothing that reads DICOM is imported here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

STANDARD_INPUT = "-"


def check_path(source: str | os.PathLike[Any]) -> None:
    """Raise ValueError for an empty path, FileNotFoundError for one that leads nowhere; `-` is standard input."""
    if not os.fspath(source):
        raise ValueError("a path must not be empty")
    if source == STANDARD_INPUT:
        return
    try:
        Path(os.fsdecode(source)).stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(error.errno, os.strerror(error.errno or 0), os.fsdecode(source)) from None
    except OSError:
        # It is there, or cannot be told: the walk reports it.
        return


def check_paths(sources: tuple[str, ...]) -> None:
    """Check each; standard input may be there once. Raises as `check_path`."""
    for each in sources:
        check_path(each)
    if sources.count(STANDARD_INPUT) > 1:
        raise ValueError("standard input can be read only once")
