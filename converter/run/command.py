"""The run that the command asks for: its options become a run, and whatever ends that becomes words."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from converter.reader.paths import STANDARD_INPUT, check_paths
from converter.run.archive_run import ArchiveRun, Options
from converter.run.monitor import Listener, Monitor
from converter.run.state import STATE, OutError, RunError, StateFolder
from converter.summary import Summary

if TYPE_CHECKING:
    from converter.run.engine import Engine
    from converter.settings import Settings


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: with an `error`, a line that says what to do; `interrupted`, with what is kept; or well.

    `signal`: what interrupted it.
    """

    monitor: Monitor
    summary: Summary
    error: str | None = None
    interrupted: str | None = None
    signal: int = signal.SIGINT


@dataclass(frozen=True, slots=True)
class Command:
    """The options of `imgsel convert` that make a run into a folder."""

    sources: tuple[str, ...]
    out: str
    settings: Settings
    format_name: str
    conditional: bool
    jobs: int
    dask: str | None
    overwrite: bool
    retry: Path | None

    def run(self, *listeners: Listener) -> Outcome:
        """Do it."""
        with _terminable():
            return self._run(*listeners)

    def _run(self, *listeners: Listener) -> Outcome:
        seen = _Seen()
        monitor = Monitor(seen, *listeners)
        nothing = Summary()
        try:
            check_paths(self.sources)
        except FileNotFoundError as error:
            return Outcome(monitor, nothing, error=f"nothing is there: {error.filename}")
        except (OSError, ValueError) as error:
            return Outcome(monitor, nothing, error=str(error))
        try:
            options = Options(
                format_name=self.format_name,
                conditional=self.conditional,
                overwrite=self.overwrite,
                jobs_may_end=self.jobs > 1 or self.dask is not None,
                retry=None if self.retry is None else failed_files(self.retry),
            )
            sources = tuple(each if each == STANDARD_INPUT else os.path.abspath(each) for each in self.sources)  # noqa: PTH100
            return Outcome(monitor, ArchiveRun(sources, self.out, self.settings, options, self._engine, monitor)())
        except RunError as error:
            return Outcome(monitor, nothing, error=str(error))
        except KeyboardInterrupt as interruption:
            kept = f"{seen.said}: run the same command again to go on from there"
            number = signal.SIGTERM if isinstance(interruption, _Terminated) else signal.SIGINT
            return Outcome(monitor, nothing, interrupted=kept, signal=number)
        except (OSError, OutError) as error:
            return Outcome(monitor, nothing, error=self._cannot_write(error))

    def _cannot_write(self, error: OSError | OutError) -> str:
        reason = error.strerror or "check the folder"
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return f"cannot write to {self.out}: {reason}"
        return (
            f"cannot write to {self.out}: {reason}; what is complete is kept in {Path(self.out, STATE)}: make room and"
            " run the same command again"
        )

    def _engine(self) -> Engine:
        if self.dask is not None:
            from converter.run.dask_engine import Dask

            return Dask(self.dask, StateFolder(self.out).path / "lock")
        if self.jobs > 1:
            from converter.run.processes import Processes

            return Processes(self.jobs)
        from converter.run.engine import InProcess

        return InProcess()


class _Terminated(KeyboardInterrupt):
    """Somebody asks the process to end, as a batch system or a service manager does."""


def _terminate(*_: object) -> None:
    raise _Terminated


@contextmanager
def _terminable() -> Iterator[None]:
    """Deal with SIGTERM as with Ctrl-C, unless somebody else does."""
    is_free = (
        threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    )
    if not is_free:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


class _Seen:
    """Remembers how far a run came."""

    def __init__(self) -> None:
        self._phase = ""
        self._done = 0
        self._total: int | None = None

    def __call__(self, name: str, values: dict[str, object]) -> None:
        if name == "phase":
            self._phase, self._done, self._total = str(values["name"]), 0, _number(values["total"])
        elif name == "progress":
            self._done = _number(values.get("kept", values["done"])) or 0
            self._total = _number(values.get("total")) or self._total

    @property
    def said(self) -> str:
        """What is done and kept."""
        of = "" if self._total is None else f" of {self._total}"
        if self._phase == "headers":
            return f"the headers of {self._done}{of} files are read and kept"
        if self._phase == "conversion":
            return f"{self._done}{of} objects are converted and kept"
        if self._phase == "join":
            return "all is converted and kept, and not yet joined"
        return "what was there is as it was"


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


def failed_files(report: Path) -> tuple[str, ...]:
    """Return the names of the files that have an error in a report. Raises RunError where it is none."""
    names: dict[str, None] = {}
    try:
        with report.open("rb") as lines:
            for line in lines:
                stated = json.loads(line)
                name = stated["file"]
                if not isinstance(name, str):
                    raise TypeError
                if any(each["severity"] == "error" for each in stated["problems"]):
                    names[name] = None
    except OSError as error:
        raise RunError(f"cannot read {report}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(f"{report} is no report.ndjson") from error
    return tuple(names)
