"""One collection Bundle per study, with everything that its resources refer to."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid5

import orjson

from converter.selection import ID_NAMESPACE
from converter.writer.resource import Resource
from converter.writer.sink import Sink
from converter.writer.staging import Staging
from converter.writer.store import Stored, StudyStore


class BundleSink(Sink):
    """Writes `Bundle-<id>.json` for each study, and one for what belongs to no study that is known.

    An entry's full URL is `urn:uuid:<id>`, and so are the references to it: each Bundle stands alone. What several
    studies share is in the Bundle of each.
    """

    bundle_type: ClassVar[str] = "collection"

    def __init__(self, staging: Staging) -> None:
        super().__init__(staging)
        self._store = StudyStore()

    def write(self, resource: Resource, study: str | None = None) -> None:
        """Keep the resource until its Bundle is written."""
        self._store.add(resource, study)

    def finish(self) -> None:
        """Write the Bundles, one resource after the other."""
        for study, resources in self._store.studies():
            identity = bundle_id(study)
            name = f"Bundle-{identity}.json"
            file = self.staging.open(name)
            head = orjson.dumps({"resourceType": "Bundle", "id": identity, "type": self.bundle_type})
            file.write(head[:-1] + b',"entry":[')
            for number, resource in enumerate(resources):
                file.write((b",\n" if number else b"\n") + self._entry(resource))
            file.write(b"\n]}\n")
            self.staging.close(name)

    def close(self) -> None:
        """Remove the temporary database."""
        self._store.close()

    def _entry(self, resource: Stored) -> bytes:
        entry = {"fullUrl": f"urn:uuid:{resource.id}", "resource": orjson.Fragment(resource.body)}
        return orjson.dumps(entry | self.more(resource))

    def more(self, resource: Stored) -> dict[str, Any]:  # noqa: ARG002
        """Return what an entry has besides its resource."""
        return {}


def bundle_id(study: str) -> str:
    """Return the id of a study's Bundle: the UUIDv5 of `Bundle;<Study Instance UID>`."""
    return str(uuid5(ID_NAMESPACE, f"Bundle;{study}"))


def sink(staging: Staging, **_: Any) -> BundleSink:
    """Return the sink of this format."""
    return BundleSink(staging)
