"""Standard output and standard error where they are closed, full, or read by nobody."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def open_closed() -> None:
    """Lead streams that are closed nowhere.

    Else a file that is written, or a pipe to a worker, would take their place. Standard output stays None for Python:
    results that are to go there have nowhere to go.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


@contextmanager
def not_needed() -> Iterator[None]:
    """Print what OUT/summary.json holds, too: where that cannot be, it is no error of the run."""
    try:
        yield
    except SystemExit:
        # Rich ends the command where nobody reads any more.
        return
    except OSError as error:
        sys.stderr.write(f"imgsel: cannot print: {error.strerror}; OUT is complete, see summary.json there\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
