"""What is written: a resource, encoded just now or before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Resource(Protocol):
    """A resource that knows its own type and id; `Encoded` is one."""

    @property
    def id(self) -> str:
        """The resource's id."""
        ...

    @property
    def type(self) -> str:
        """The resource's type."""
        ...

    def to_json(self) -> bytes:
        """Return the resource as compact UTF-8 JSON without a newline."""
        ...


@dataclass(frozen=True, slots=True)
class EncodedBefore:
    """A resource of which there is only the JSON."""

    type: str
    id: str
    body: bytes

    def to_json(self) -> bytes:
        """Return the JSON."""
        return self.body
