"""CPU time and memory of work in this process and of commands, taken in turns: other load does not tell them apart."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took: CPU seconds of all its processes, and the most memory that it had resident, in megabytes."""

    status: int
    seconds: float
    megabytes: float


def run(command: Sequence[str], output: IO[str] | int = subprocess.DEVNULL) -> Cost:
    """Run a command to its end; what it prints goes to `output`."""
    with subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts in kibibytes, macOS in bytes.
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    return Cost(process.returncode, usage.ru_utime + usage.ru_stime, peak)


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the CPU time that work in this process takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def in_turns(contenders: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Let each contender measure itself, one after the other, `rounds` times; return the best of each."""
    measured = [{name: contender() for name, contender in contenders.items()} for _ in range(rounds)]
    return {name: min(each[name] for each in measured) for name in contenders}


def report(measured: Mapping[str, float], files: int) -> None:
    """Print a line for each contender, and what the first one is ahead of it; 0 stands for one that is missing."""
    own = next(iter(measured.values()))
    print(f"{'':<28}{'CPU s':>9}{'files/s':>10}{'ratio':>8}")
    for name, seconds in measured.items():
        if seconds:
            print(f"{name:<28}{seconds:>9.2f}{files / seconds:>10.0f}{seconds / own:>8.1f}")
        else:
            print(f"{name:<28}{'not there':>9}")
    print(flush=True)
