"""Rewrite the parts of the docs that follow from the code: `python docs/generate.py [--check]`.

They stand between `<!-- generated: NAME -->` and `<!-- end -->`. With --check nothing is written; pages that differ are
named, and the exit status is 1 if there is any.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from pydicom.datadict import tag_for_keyword
from pydicom.uid import UID

from converter.context import CONTEXT_KEYS
from converter.fhir import release, release_names
from converter.fhir.encoded import Release
from converter.mapper import MAPPED_KINDS, converted_sop_classes
from converter.problems import DEFINITIONS

FOLDER = Path(__file__).parent
COMMANDS = ((), ("convert",), ("inspect",), ("render",), ("view",), ("validate",))
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


def element_table() -> str:
    """Return a table of every element and what it comes from, by kind of object."""
    sources = tomllib.loads((FOLDER / "elements.toml").read_text("utf-8"))
    rows = ["| Element | Object | Comes from |", "|---|---|---|"]
    for element, kinds in sources.items():
        by_source: dict[str, list[str]] = {}
        for kind in sorted(MAPPED_KINDS):
            stated = kinds.get(kind, kinds.get("all", []))
            text = ", ".join(map(source_name, stated)) or "not stated by DICOM"
            by_source.setdefault(text, []).append(kind)
        for number, (text, names) in enumerate(by_source.items()):
            name = f"`{element}`" if number == 0 else ""
            rows.append(f"| {name} | {'all' if len(by_source) == 1 else ', '.join(names)} | {text} |")
    return "\n".join((*rows, ""))


def sop_class_table() -> str:
    """Return a table of the SOP classes that become selections."""
    classes = sorted(converted_sop_classes().items(), key=lambda each: (each[1], UID(each[0]).name))
    rows = (f"| {kind} | {UID(uid).name} | {uid} |" for uid, kind in classes)
    return "\n".join(("| Kind | SOP class | UID |", "|---|---|---|", *rows, ""))


def source_name(source: str) -> str:
    """Return an attribute's keyword with its tag, other words as they are."""
    tag = tag_for_keyword(source)
    return source if tag is None else f"{source} ({tag >> 16:04X},{tag & 0xFFFF:04X})"


def loss_tables() -> str:
    """Return a table for each release of what it cannot hold."""
    releases = {found.name: found for found in map(release, release_names())}
    return "\n".join(map(loss_table, releases.values()))


def loss_table(found: Release) -> str:
    rows = (
        f"| {each.element} | {each.lost} | {each.instead} | {f'`{each.problem}`' if each.problem else ''} |"
        for each in found.losses
    )
    title = f"### What {found.name} cannot hold\n"
    return "\n".join((title, "| Element | What is lost | Stated instead | Problem |", "|---|---|---|---|", *rows, ""))


def context_table() -> str:
    """Return a table of what the ids of resources around selections are made of."""
    rows = (f"| {kind} | {', else '.join(f'`{key}`' for key in keys)} |" for kind, keys in CONTEXT_KEYS.items())
    return "\n".join(("| Resource | Key |", "|---|---|", *rows, ""))


GENERATED: dict[str, Callable[[], str]] = {
    "help": help_texts,
    "problems": problem_table,
    "sopclasses": sop_class_table,
    "elements": element_table,
    "losses": loss_tables,
    "context": context_table,
}


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
