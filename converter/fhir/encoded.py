"""What every release of FHIR offers, and what encoding a selection gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from converter.context import Context
from converter.fhir.many import Many
from converter.selection import Problem, Selection

if TYPE_CHECKING:
    from pydantic import BaseModel

_PLACE = b"\0"
"""Stands for many elements until they are put in its place: in JSON it is nowhere else."""


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """A selection, or what goes with it, as a resource.

    `resource` is JSON but for Decimals, for coordinates, which are flat numpy arrays, and for what stands in a list
    for many elements. `problems` holds what the release's types could not take; `broken` names the
    rules of the release that the resource breaks, empty for one to be written.
    """

    resource: dict[str, Any]
    problems: tuple[Problem, ...]
    broken: tuple[str, ...]
    _model: Callable[[], type[BaseModel]] = field(repr=False)

    @property
    def id(self) -> str:
        """The resource's id."""
        identity: str = self.resource["id"]
        return identity

    @property
    def type(self) -> str:
        """The resource's type."""
        kind: str = self.resource["resourceType"]
        return kind

    def to_json(self) -> bytes:
        """Return the resource as compact UTF-8 JSON without a newline.

        A float32 coordinate is the shortest decimal that reads back to the same float32, a float64 one the
        shortest that reads back to the same float64; a Decimal keeps all its digits.
        """
        many: list[Many] = []

        def fragment(value: object) -> orjson.Fragment:
            # What orjson itself does not take: a Decimal, with the digits that it has, and the place of many elements.
            if isinstance(value, Many):
                many.append(value)
                return orjson.Fragment(_PLACE)
            if isinstance(value, Decimal):
                return orjson.Fragment(str(value))
            raise TypeError(type(value).__name__)

        text = orjson.dumps(self.resource, fragment, orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_PASSTHROUGH_DATACLASS)
        if not many:
            return text
        first, *others = text.split(_PLACE)
        return b"".join([first, *(piece for each in zip(many, others, strict=True) for piece in _pieces(*each))])

    def to_dict(self) -> dict[str, Any]:
        """Return the resource as plain Python values, equal to what a JSON parser makes of `to_json`."""
        plain: dict[str, Any] = orjson.loads(self.to_json())
        return plain

    def to_resource(self) -> BaseModel:
        """Return the resource as an instance of the release's pydantic model.

        Raises ValueError if the resource breaks a rule, and pydantic.ValidationError, which is one, if it is not
        valid by the model.
        """
        if self.broken:
            raise ValueError(f"breaks {', '.join(self.broken)}")
        return self._model().model_validate(self.to_dict())


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that a selection may have and a release cannot hold.

    `element`: where it would be; `lost`: what it is; `instead`: what is stated in its place; `problem`: the code that
    reports it, None where nothing is worth a report.
    """

    element: str
    lost: str
    instead: str
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """One release of FHIR.

    `encode` turns a selection into a resource and checks it; `check` names the rules of the release that a
    resource (as `Encoded.resource` or as plain JSON that the model takes) breaks; `model` returns the pydantic model
    of the resource; `losses` is all that encoding may lose, in the order in which it is lost. `encode_context` turns
    what selections refer to into resources; `model_of` returns the model of any other type of resource of the release,
    None for one that it does not have. `resource_type`: what a selection is in it.
    """

    name: str
    encode: Callable[[Selection], Encoded]
    check: Callable[[dict[str, Any]], tuple[str, ...]]
    model: Callable[[], type[BaseModel]]
    losses: tuple[Loss, ...] = ()
    encode_context: Callable[[Context], Encoded] = field(kw_only=True)
    model_of: Callable[[str], type[BaseModel] | None] = field(kw_only=True)
    resource_type: str = field(default="ImagingSelection", kw_only=True)


def _pieces(many: Many, rest: bytes) -> Iterator[bytes]:
    yield from many.chunks()
    yield rest
