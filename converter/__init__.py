"""Turns DICOM annotation objects into FHIR ImagingSelection.

The public names are imported when first used, so that `import converter` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from converter.batch import Conversion, ConvertedSelection, Result, convert
    from converter.catalog import Catalog, FramePlanes, GroupedCatalog, Instance, TileOrganization, TilePositions
    from converter.selection import Problem, Selection
    from converter.settings import ArchiveLimits, Settings, SettingsError
    from converter.summary import Summary
    from converter.validate import Checked, Validator

_MODULES = {
    "ArchiveLimits": "converter.settings",
    "Catalog": "converter.catalog",
    "Checked": "converter.validate",
    "Conversion": "converter.batch",
    "ConvertedSelection": "converter.batch",
    "FramePlanes": "converter.catalog",
    "GroupedCatalog": "converter.catalog",
    "Instance": "converter.catalog",
    "Problem": "converter.selection",
    "Result": "converter.batch",
    "Selection": "converter.selection",
    "Settings": "converter.settings",
    "SettingsError": "converter.settings",
    "Summary": "converter.summary",
    "TileOrganization": "converter.catalog",
    "TilePositions": "converter.catalog",
    "Validator": "converter.validate",
    "convert": "converter.batch",
}

__all__ = [
    "ArchiveLimits",
    "Catalog",
    "Checked",
    "Conversion",
    "ConvertedSelection",
    "FramePlanes",
    "GroupedCatalog",
    "Instance",
    "Problem",
    "Result",
    "Selection",
    "Settings",
    "SettingsError",
    "Summary",
    "TileOrganization",
    "TilePositions",
    "Validator",
    "convert",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
