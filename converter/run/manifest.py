"""What a run is of, and how far it came: a file in the state folder that says whether another run may go on from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from converter.fhir import full_name
from converter.run.state import RunError, write_whole

if TYPE_CHECKING:
    from converter.settings import Settings

# Of the catalog, the shards and the manifest: one that is laid out otherwise is not gone on from.
LAYOUT: Final = 1


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """All that decides what a run writes, but for what the sources hold."""

    version: str
    sources: tuple[str, ...]
    settings: dict[str, Any]
    format: str
    conditional: bool
    layout: int = LAYOUT

    @classmethod
    def of(cls, sources: tuple[str, ...], settings: Settings, format_name: str, *, conditional: bool) -> Fingerprint:
        """Return the fingerprint of a run with this version. `sources`: absolute paths."""
        stated = {
            name: dict(value) if isinstance(value, Mapping) else value for name, value in _fields(settings).items()
        }
        return cls(version("imgsel"), sources, stated, format_name, conditional)

    def catalog(self) -> str:
        """Return what the catalog depends on."""
        return json.dumps(
            [self.layout, self.version, self.sources, self.settings["archive_limits"], self.settings["outlines"]]
        )

    def shards(self) -> str:
        """Return what shards depend on, as a hash; the format of the output is chosen when they are joined."""
        stated = json.dumps([self.layout, self.version, self.sources, self.settings], sort_keys=True)
        return sha256(stated.encode()).hexdigest()[:32]

    def differences(self, other: Fingerprint) -> list[str]:
        """Return the names of what is not the same."""
        own = ("version", "layout", "sources", "format", "conditional")
        names = [each for each in own if getattr(self, each) != getattr(other, each)]
        changed = {each for each in self.settings if self.settings[each] != other.settings.get(each)}
        return names + sorted(changed | (set(other.settings) - set(self.settings)))


def _fields(settings: Settings) -> dict[str, Any]:
    values = {name: getattr(settings, name) for name in settings.__dataclass_fields__}
    return {**values, "fhir": full_name(settings.fhir), "archive_limits": asdict(settings.archive_limits)}


@dataclass(frozen=True, slots=True)
class Manifest:
    """The state of OUT.

    `is_complete`: whether what is in OUT is the result of all that was found, and nothing is to be tried again.
    `shards`: name, number of objects, bytes and SHA-256 of each, in order. `outputs`: size and time of each file in
    OUT, None of a folder. `counts`: as in the summary.
    """

    fingerprint: Fingerprint
    is_complete: bool = False
    shards: tuple[tuple[str, int, int, str], ...] = ()
    outputs: dict[str, tuple[int, int] | None] = field(default_factory=dict)
    counts: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Manifest | None:
        """Return the manifest, None if there is none. Raises RunError for one that cannot be read."""
        try:
            stated = json.loads(path.read_bytes())
            stated["fingerprint"]["sources"] = tuple(stated["fingerprint"]["sources"])
            stated["fingerprint"] = Fingerprint(**stated["fingerprint"])
            stated["shards"] = tuple(map(tuple, stated["shards"]))
            stated["outputs"] = {name: each and tuple(each) for name, each in stated["outputs"].items()}
            return cls(**stated)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise RunError(f"{path} is damaged: give --overwrite to start anew") from error

    def write(self, path: Path) -> None:
        """Write it; it is there whole or as it was before. Raises OSError."""
        write_whole(path, json.dumps(asdict(self), indent=1).encode() + b"\n")

    def begun(self) -> Manifest:
        """Return it as it is while OUT does not hold what it should."""
        return replace(self, is_complete=False, counts={})

    def are_outputs_there(self, folder: Path) -> bool:
        """Return whether OUT holds what was written, as it was written."""
        return all(state(folder / name) == stated for name, stated in self.outputs.items())


def state(path: Path) -> tuple[int, int] | None:
    """Return size and time of a file, None of a folder; (-1, 0) of what is not there."""
    try:
        status = path.stat()
    except OSError:
        return -1, 0
    return None if path.is_dir() else (status.st_size, status.st_mtime_ns)
