"""One frozen value with every choice a conversion depends on."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import Any

from converter.zones import parse_zone

REGIONS = ("as-stated", "2d", "3d")
"""How regions can be stated."""


class SettingsError(ValueError):
    """A setting has a value that it cannot have; the message says what it can have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """What an archive may hold before it counts as hostile."""

    members: int = 5_000_000
    """Members of one archive: a PACS export of five million files is still real."""
    ratio: int = 1_000
    """Unpacked bytes per packed byte: deflate reaches 1032 on nothing but zeros."""
    member_bytes: int = 16 * 2**30
    """Unpacked bytes of one member; the largest whole slide images are near 10 GB."""
    depth: int = 4
    """Archives within archives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The choices of one conversion.

    `timezone`: offset (`+01:00`) or IANA name for objects that state no zone; None leaves such times out.
    `patient_id_systems`: from Issuer of Patient ID to the URI of its system; the key "" is for patients without
    issuer. `endpoint`: the root of a WADO-RS service that holds the instances. `with_names`: whether patients'
    names may be written. `context`, `observations`: whether to make the resources that selections refer to, and those
    of what is measured in them. `project`: whether contours of structure sets are stated on images, too. `outlines`:
    whether the segments of segmentations are outlined, which reads their pixel data; `outline_tolerance`: pixels that
    outlines may be simplified by. `regions`:
    `as-stated`, or all that can be as `2d` regions on images or as `3d` regions in a frame of reference.
    `plane_tolerance`: millimetres that a region on an image may be off its plane; None for half a slice. `select`:
    `series` for one selection per image series besides. `max_region_vertices`: vertices in one resource beyond
    which a group of bulk annotations is divided. Raises SettingsError for a value that cannot be meant.
    """

    fhir: str = "6.0.0-ballot2"
    timezone: str | None = None
    patient_id_systems: Mapping[str, str] = field(default_factory=dict)
    endpoint: str | None = None
    with_names: bool = False
    context: bool = False
    observations: bool = False
    project: bool = False
    outlines: bool = False
    outline_tolerance: float = 0.0
    regions: str = "as-stated"
    plane_tolerance: float | None = None
    select: str | None = None
    max_region_vertices: int = 100_000
    archive_limits: ArchiveLimits = field(default_factory=ArchiveLimits)

    def __post_init__(self) -> None:
        if self.timezone is not None and parse_zone(self.timezone) is None:
            raise SettingsError("timezone: give an offset such as +01:00 or a name such as Europe/Berlin")
        if self.endpoint is not None and not self.endpoint.startswith(("http://", "https://")):
            raise SettingsError("endpoint: give the http or https root of a WADO-RS service")
        if self.regions not in REGIONS:
            raise SettingsError(f"regions: give one of {', '.join(REGIONS)}")
        if self.plane_tolerance is not None and not 0 <= self.plane_tolerance < float("inf"):
            raise SettingsError("plane_tolerance: give a number of millimetres")
        if type(self.max_region_vertices) is not int or self.max_region_vertices < 1:
            raise SettingsError("max_region_vertices: give a whole number of at least 1")
        if not 0 <= self.outline_tolerance < float("inf"):
            raise SettingsError("outline_tolerance: give a number of pixels")
        if self.select not in (None, "series"):
            raise SettingsError("select: give series")
        for system in self.patient_id_systems.values():
            if not isinstance(system, str) or ":" not in system or any(character.isspace() for character in system):
                raise SettingsError("patient_id_systems: give each system as a URI, such as urn:oid:1.2.3")
        object.__setattr__(self, "patient_id_systems", MappingProxyType(dict(self.patient_id_systems)))

    def __reduce__(self) -> tuple[Callable[..., Settings], tuple[dict[str, Any]]]:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        # The view that protects the table cannot be pickled, and is made anew.
        return _settings_of, ({**values, "patient_id_systems": dict(self.patient_id_systems)},)

    @property
    def zone(self) -> tzinfo | None:
        """The zone of `timezone`."""
        return None if self.timezone is None else parse_zone(self.timezone)

    @staticmethod
    def read_toml(path: str | Path) -> dict[str, Any]:
        """Read the keys and values of a settings file, unchecked. Raises SettingsError if it is no TOML."""
        try:
            return tomllib.loads(Path(path).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise SettingsError(f"settings: cannot be read as TOML: {path}") from error

    @classmethod
    def from_toml(cls, path: str | Path) -> Settings:
        """Read settings from a TOML file whose keys are the fields' names. Raises SettingsError."""
        return cls.from_mapping(cls.read_toml(path))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Settings:
        """Build settings from plain values. Raises SettingsError for an unknown key or a wrong type."""
        known = {each.name for each in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise SettingsError(f"unknown setting {unknown[0]!r}: known are {', '.join(sorted(known))}")
        plain = dict(values)
        if "archive_limits" in plain:
            plain["archive_limits"] = _archive_limits(plain["archive_limits"])
        for name, kind in (
            ("fhir", str),
            ("timezone", str),
            ("endpoint", str),
            ("with_names", bool),
            ("context", bool),
            ("observations", bool),
            ("project", bool),
            ("outlines", bool),
            ("regions", str),
            ("select", str),
            ("patient_id_systems", dict),
        ):
            if name in plain and not isinstance(plain[name], kind):
                raise SettingsError(f"{name}: give a {kind.__name__}")
        for name in ("plane_tolerance", "outline_tolerance"):
            if name in plain:
                plain[name] = _number(name, plain[name])
        return cls(**plain)


def _settings_of(values: dict[str, Any]) -> Settings:
    return Settings(**values)


def _number(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise SettingsError(f"{name}: give a number")
    return float(value)


def _archive_limits(values: Any) -> ArchiveLimits:
    known = {each.name for each in fields(ArchiveLimits)}
    if not isinstance(values, Mapping) or set(values) - known:
        raise SettingsError(f"archive_limits: known are {', '.join(sorted(known))}")
    if not all(isinstance(value, int) and value > 0 for value in values.values()):
        raise SettingsError("archive_limits: give positive whole numbers")
    return ArchiveLimits(**values)
