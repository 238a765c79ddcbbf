"""Finds resources in files: NDJSON, JSON and Bundles, one file or a folder of them at any depth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson

REPORT: Final = "report.ndjson"
PICTURES: Final = "pictures.ndjson"
_OWN: Final = (REPORT, PICTURES, "summary.json")
# What runs keep beside what they write.
_STATE: Final = ".imgsel"
_SUFFIXES: Final = (".json", ".ndjson")


def resource_files(path: Path) -> list[Path]:
    """Return the files at a path that may hold resources, in order: what else this package writes is passed over."""
    if not path.is_dir():
        return [path]
    named = (each for each in path.rglob("*") if each.suffix in _SUFFIXES and each.name not in _OWN)
    return sorted(each for each in named if _STATE not in each.relative_to(path).parts and each.is_file())


def json_values(file: Path) -> Iterator[tuple[str, Any]]:
    """Yield each JSON value of a file with the line it is on, "" for that of a whole file; None is what is no JSON."""
    if file.suffix != ".ndjson":
        try:
            yield "", orjson.loads(file.read_bytes())
        except orjson.JSONDecodeError:
            # Lines by another name.
            if len(file.read_bytes().split(b"\n", 1)) < 2:
                yield "", None
                return
        else:
            return
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    value = orjson.loads(line)
                except orjson.JSONDecodeError:
                    value = None
                yield str(number), value


def is_bundle(value: Mapping[str, Any]) -> bool:
    """Tell whether a resource holds others."""
    return value.get("resourceType") == "Bundle"


def bundle_entries(bundle: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the resources in a Bundle with their JSONPaths."""
    entries = bundle.get("entry")
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            yield f"$.entry[{index}].resource", resource


def resources(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield all resources at a path, those in Bundles too; what is no resource is passed over. Raises OSError."""
    for file in resource_files(path):
        for _, value in json_values(file):
            if isinstance(value, dict):
                yield from (each for _, each in bundle_entries(value)) if is_bundle(value) else [value]
