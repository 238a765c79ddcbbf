"""Where resources go: one interface, one module per format, found by the format's name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from converter.writer.resource import Resource
from converter.writer.staging import Staging

_MODULES = {
    "ndjson": "converter.writer.ndjson",
    "bundle": "converter.writer.bundle",
    "transaction": "converter.writer.transaction",
    "files": "converter.writer.files",
}
FORMATS = tuple(_MODULES)
REPORT = "report.ndjson"


class Sink(ABC):
    """Takes resources in writing order, and the lines of the report."""

    def __init__(self, staging: Staging) -> None:
        self.staging = staging
        self._report = staging.open(REPORT)

    @abstractmethod
    def write(self, resource: Resource, study: str | None = None) -> None:
        """Write a resource.

        `study`: the Study Instance UID of what belongs to a study, "" if that is not known. None for a resource that
        belongs wherever one that it refers to does, or one that refers to it.
        """

    def report(self, line: bytes) -> None:
        """Write a line of the report, given without its newline."""
        self._report.write(line + b"\n")

    def finish(self) -> None:  # noqa: B027 - most formats need nothing
        """Write what could not be written before all resources were known."""

    def close(self) -> None:  # noqa: B027 - most formats need nothing
        """Give back what is held, also after an exception."""


@contextmanager
def open_sink(
    format_name: str,
    folder: str | Path,
    *,
    types: Sequence[str] = (),
    conditional: bool = False,
    replacing: bool = False,
) -> Iterator[Sink]:
    """Give a sink that writes into `folder`, where everything appears when the context ends, or nothing at all.

    `types`: types of resources that have a file in `ndjson` even if there are none. `conditional`: whether a
    `transaction` creates what is not there, known by its `urn:uuid` identifier, instead of putting it under its id.
    `replacing`: whether the single resources that `files` wrote before and does not now are removed.
    Raises ValueError for an unknown format, OSError if the folder cannot be written.
    """
    if format_name not in _MODULES:
        raise ValueError(f"unknown format {format_name!r}: known are {', '.join(FORMATS)}")
    make: Callable[..., Sink] = import_module(_MODULES[format_name]).sink
    with Staging(folder, replacing=replacing) as staging:
        sink = make(staging, types=types, conditional=conditional)
        try:
            yield sink
            sink.finish()
            staging.commit(REPORT)
        finally:
            sink.close()
