"""Builds pydantic models of a resource that fhir.resources has not, from a release's table of its elements.

The models stand on the base classes of fhir.resources; data types and contained resources are those of R5, for what
ImagingSelection uses of them nothing changed. The classes are not entered in fhir.resources' table of types, so its
own ImagingSelection (R5) works beside them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from importlib.resources import files
from types import new_class
from typing import Any, ClassVar, Self

from fhir.resources import fhirtypes
from fhir.resources.backboneelement import BackboneElement
from fhir.resources.domainresource import DomainResource
from pydantic import BaseModel, Field, model_validator

from converter.fhir.elements import (
    DecimalNumber,
    EnforcedElement,
    Id,
    Instant,
    PositiveInt,
    String,
    UnsignedInt,
    element,
    extension_of,
)

_PRIMITIVES: Mapping[str, Any] = {
    "code": fhirtypes.CodeType,
    "decimal": DecimalNumber,
    "id": Id,
    "instant": Instant,
    "oid": fhirtypes.OidType,
    "positiveInt": PositiveInt,
    "string": String,
    "unsignedInt": UnsignedInt,
}
_DATA_TYPES: Mapping[str, Any] = {
    "CodeableConcept": fhirtypes.CodeableConceptType,
    "CodeableReference": fhirtypes.CodeableReferenceType,
    "Identifier": fhirtypes.IdentifierType,
    "Reference": fhirtypes.ReferenceType,
}


class RuledResource(EnforcedElement):
    """An EnforcedElement that keeps the rules between elements too."""

    broken_rules: ClassVar[Callable[[dict[str, Any]], tuple[str, ...]]]

    @model_validator(mode="after")
    def keep_rules(self) -> Self:
        """Raise ValueError naming the rules of the release that the resource breaks."""
        broken = type(self).broken_rules(self.model_dump())
        if broken:
            raise ValueError(f"breaks {', '.join(broken)}")
        return self


def element_table(version: str) -> list[dict[str, Any]]:
    """Return the elements of ImagingSelection in this version of FHIR 6, in the order of its definition.

    Each has `path`, `type`, `min`, `max`, `short` and `isSummary`, and where its definition has them the `binding`
    and the `targets` of a reference.
    """
    text = files("converter.fhir").joinpath("data", f"imagingselection-{version}.json").read_text("utf-8")
    elements: list[dict[str, Any]] = json.loads(text)["elements"]
    return elements


def resource_models(
    version: str, check: Callable[[dict[str, Any]], tuple[str, ...]], module: str
) -> dict[str, type[BaseModel]]:
    """Return the models of ImagingSelection and of what is inside of it, by name, as classes of `module`."""
    children: dict[str, list[dict[str, Any]]] = {}
    for each in element_table(version):
        children.setdefault(each["path"].rpartition(".")[0], []).append(each)
    models: dict[str, type[BaseModel]] = {}
    # What is inside comes after what it is inside of, so the last is without others inside.
    for path in reversed(children):
        name = _class_name(path)
        namespace = _namespace(name, module, children[path], models)
        bases: tuple[type, ...] = (EnforcedElement, BackboneElement)
        if "." not in path:
            bases = (RuledResource, DomainResource)
            namespace["__annotations__"]["id"] = Id | None
            namespace |= {"id": _logical_id(), "broken_rules": staticmethod(check)}
        models[name] = new_class(name, bases, exec_body=partial(_fill, namespace))
    return models


def _fill(namespace: dict[str, Any], empty: dict[str, Any]) -> None:
    empty.update(namespace)


def _namespace(
    name: str, module: str, elements: list[dict[str, Any]], models: Mapping[str, type[BaseModel]]
) -> dict[str, Any]:
    annotations: dict[str, Any] = {}
    namespace: dict[str, Any] = {
        "__module__": module,
        "__qualname__": name,
        "__doc__": f"{name} as the release's table of elements has it.",
        "__resource_type__": name,
        "__annotations__": annotations,
    }
    for each in elements:
        own = each["path"].rpartition(".")[2]
        annotations[own] = _annotation(each, models)
        namespace[own] = _field(each)
        if each["type"] in _PRIMITIVES:
            extension = fhirtypes.FHIRPrimitiveExtensionType | None
            annotations[f"{own}__ext"] = list[extension] | None if each["max"] == "*" else extension
            namespace[f"{own}__ext"] = extension_of(own)
    return namespace


def _annotation(stated: dict[str, Any], models: Mapping[str, type[BaseModel]]) -> Any:
    kind = stated["type"]
    single: Any = _PRIMITIVES.get(kind) or _DATA_TYPES.get(kind) or models[_class_name(stated["path"])]
    if stated["max"] != "*":
        return single | None
    # A coordinate is a number in any case: a point needs all of its own.
    each = single | None if kind in _PRIMITIVES and kind != "decimal" else single
    many: Any = list
    return many[each] | None


def _field(stated: dict[str, Any]) -> Any:
    bound = stated.get("binding", {}).get("strength") == "required"
    return element(
        stated["short"],
        required=stated["min"] > 0,
        summary=stated["isSummary"],
        codes=stated["short"].split(" | ") if bound else (),
        targets=[target.rpartition("/")[2] for target in stated.get("targets", ())],
    )


def _logical_id() -> Any:
    return Field(
        default=None,
        alias="id",
        title="Logical id of this artifact",
        json_schema_extra={"element_property": True, "summary_element_property": True},
    )


def _class_name(path: str) -> str:
    return "".join(part[0].upper() + part[1:] for part in path.split("."))
