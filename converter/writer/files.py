"""One JSON file per resource: `<type>/<id>.json`."""

from __future__ import annotations

from typing import Any

from converter.writer.resource import Resource
from converter.writer.sink import Sink
from converter.writer.staging import Staging


class FilesSink(Sink):
    """Writes each resource to a file of its own."""

    def write(self, resource: Resource, study: str | None = None) -> None:  # noqa: ARG002
        """Write the file."""
        self.staging.write(resource.type, f"{resource.id}.json", resource.to_json())


def sink(staging: Staging, **_: Any) -> FilesSink:
    """Return the sink of this format."""
    return FilesSink(staging)
