"""Encodes selections as FHIR resources: one module per release of FHIR, found by the release's name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from converter.fhir.encoded import Release

DEFAULT = "6.0.0-ballot2"

_MODULES = {
    "6.0.0-ballot2": "converter.fhir.r6_ballot2",
    "5.0.0": "converter.fhir.r5",
    "6.0.0-ballot4": "converter.fhir.r6_ballot4",
    "4.0.1": "converter.fhir.r4",
}
_SHORT_NAMES = {
    "R6": "6.0.0-ballot2",
    "R5": "5.0.0",
    "R4": "4.0.1",
}


def release_names() -> tuple[str, ...]:
    """Return the names that `release` knows, full ones before short ones."""
    return (*_MODULES, *_SHORT_NAMES)


def full_name(name: str) -> str:
    """Return the full name of the release with this full or short name (`6.0.0-ballot2`, `R6`).

    Raises ValueError, naming the known ones, for any other name.
    """
    full = _SHORT_NAMES.get(name.upper(), name.lower())
    if full not in _MODULES:
        raise ValueError(f"unknown FHIR release {name!r}: known are {', '.join(release_names())}")
    return full


def release(name: str) -> Release:
    """Return the release of FHIR with this full or short name.

    Its module is imported now and its pydantic models when they are first asked for. Raises ValueError as
    `full_name` does.
    """
    found: Release = import_module(_MODULES[full_name(name)]).RELEASE
    return found


__all__ = ["DEFAULT", "full_name", "release", "release_names"]
