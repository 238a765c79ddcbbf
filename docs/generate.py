"""Rewrite the parts of the docs that follow from the code: `python docs/generate.py [--check]`.

They stand between `<!-- generated: NAME -->` and `<!-- end -->`. With --check nothing is written; pages that differ are
named, and the exit status is 1 if there is any.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from converter.problems import DEFINITIONS

FOLDER = Path(__file__).parent
COMMANDS = ((), ("convert",), ("inspect",))
PART = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def help_texts() -> str:
    """Return what --help prints of each command."""
    return "\n".join(
        f"```console\n$ imgsel {' '.join((*command, '--help'))}\n{help_text(*command)}```\n" for command in COMMANDS
    )


def help_text(*command: str) -> str:
    program = "import sys; sys.argv[0] = 'imgsel'; from converter.cli import main; main()"
    arguments = [sys.executable, "-c", program, *command, "--help"]
    environment = {**os.environ, "COLUMNS": "100", "PYTHONPATH": str(FOLDER.parent)}
    return subprocess.run(arguments, env=environment, capture_output=True, check=True, text=True).stdout


def problem_table() -> str:
    """Return a table of every problem."""
    rows = (f"| `{each.code}` | {each.severity} | {each.message} |" for each in DEFINITIONS.values())
    return "\n".join(("| Code | Severity | Message |", "|---|---|---|", *rows, ""))


GENERATED: dict[str, Callable[[], str]] = {"help": help_texts, "problems": problem_table}


def page(text: str) -> str:
    """Return a page with its generated parts as they should be."""
    return PART.sub(lambda part: f"{part[1]}\n{GENERATED[part[2]]()}\n{part[3]}", text)


def main(*arguments: str) -> int:
    stale = False
    for path in sorted(FOLDER.glob("*.md")):
        old = path.read_text("utf-8")
        new = page(old)
        # How help is wrapped depends on the version of click.
        if old.split() != new.split():
            stale = True
            print(f"docs/{path.name}")
            if "--check" not in arguments:
                path.write_text(new, "utf-8")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
