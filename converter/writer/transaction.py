"""One transaction Bundle per study, to be posted to a server as it is."""

from __future__ import annotations

from typing import Any

from converter.writer.bundle import BundleSink
from converter.writer.staging import Staging
from converter.writer.store import Stored


class TransactionSink(BundleSink):
    """Writes Bundles that put each resource under its id, so that posting twice changes nothing.

    `conditional`: that create each resource which the server does not know by its `urn:uuid` identifier; the server
    gives it an id of its own and changes the references to it.
    """

    bundle_type = "transaction"

    def __init__(self, staging: Staging, *, conditional: bool) -> None:
        super().__init__(staging)
        self._conditional = conditional

    def more(self, resource: Stored) -> dict[str, Any]:
        """Return the request."""
        if not self._conditional:
            return {"request": {"method": "PUT", "url": f"{resource.type}/{resource.id}"}}
        known_by = f"identifier=urn:ietf:rfc:3986|urn:uuid:{resource.id}"
        return {"request": {"method": "POST", "url": resource.type, "ifNoneExist": known_by}}


def sink(staging: Staging, *, conditional: bool = False, **_: Any) -> TransactionSink:
    """Return the sink of this format."""
    return TransactionSink(staging, conditional=conditional)
