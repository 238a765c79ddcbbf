"""ImagingSelection in FHIR 4.0.1: Basic with the cross-version extensions of R5 (hl7.fhir.uv.xver-r5.r4 0.1.0).

The package gives each element of R5's ImagingSelection an extension on Basic, but for those that Basic has itself
(`identifier`, `subject`); `status` modifies the meaning of the resource and so is a modifier extension. What is
inside of an element is an extension in its extension, with the element's name as url. An extension has its value or
extensions, so the reason why a value is absent stands in the place of the value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from converter.fhir import context_r4, datatypes, r5, rules
from converter.fhir.datatypes import Element, present
from converter.fhir.encoded import Encoded, Loss, Release
from converter.fhir.many import Many, ManyCoordinateExtensions, ManyRegionExtensions, ManyRegions
from converter.selection import Selection

if TYPE_CHECKING:
    from pydantic import BaseModel

EXTENSION = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ImagingSelection."
DATATYPE = "http://hl7.org/fhir/StructureDefinition/_datatype"
CODE = {"coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "ImagingSelection"}]}

Shape: TypeAlias = "str | Mapping[str, Shape]"
_REGION: Shape = {"regionType": "Code", "coordinate": "Decimal"}
ELEMENTS: Mapping[str, Shape] = {
    "status": "Code",
    "issued": "Instant",
    "performer": {"function": "CodeableConcept", "actor": "Reference"},
    "basedOn": "Reference",
    "category": "CodeableConcept",
    "code": "CodeableConcept",
    "studyUid": "Id",
    "derivedFrom": "Reference",
    "endpoint": "Reference",
    "seriesUid": "Id",
    "seriesNumber": "UnsignedInt",
    "frameOfReferenceUid": "Id",
    "bodySite": {"concept": "CodeableConcept", "reference": "Reference"},
    "focus": "Reference",
    "instance": {
        "uid": "Id",
        "number": "UnsignedInt",
        "sopClass": "Coding",
        "subset": "String",
        "imageRegion2D": _REGION,
        "imageRegion3D": _REGION,
    },
}
"""The elements of R5 that are extensions, in R5's order: the type of each one's value, or what is inside of it."""

REPEATING = frozenset(
    {
        "performer",
        "basedOn",
        "category",
        "derivedFrom",
        "endpoint",
        "focus",
        "instance",
        "subset",
        "imageRegion2D",
        "imageRegion3D",
        "coordinate",
    }
)

LOSSES: tuple[Loss, ...] = r5.LOSSES
"""What a selection may have and the release cannot hold: the extensions are those of R5, no more and no less."""

_TARGETS = {**r5.TARGETS, "focus": ("Basic",)}


class _Encoder(r5.R5Encoder):
    focus_type = "Basic"

    def resource(self) -> Element:
        return to_basic(super().resource())

    def endpoint(self, name: str, address: str) -> Element:
        return datatypes.dicom_web_endpoint_r4(name, address)


def encode(selection: Selection) -> Encoded:
    """Return `selection` as a resource, with what its elements could not hold and the rules it breaks."""
    return _Encoder(r5.on_instances(selection)).encoded(check, model)


def to_basic(resource: Element) -> Element:
    """Return an ImagingSelection of R5 as a Basic of R4; what is many, as coordinates are, stays so until written."""
    extensions = {name: list(_extensions(EXTENSION + name, name, shape, resource)) for name, shape in ELEMENTS.items()}
    status = extensions.pop("status")
    return present(
        resourceType="Basic",
        id=resource.get("id"),
        contained=resource.get("contained"),
        extension=[each for found in extensions.values() for each in found],
        modifierExtension=status,
        identifier=resource.get("identifier"),
        code=CODE,
        subject=resource.get("subject"),
    )


def _extensions(url: str, name: str, shape: Shape, parent: Mapping[str, Any]) -> Iterator[Any]:
    """The extensions that an element of `parent` is: one for each of its values."""
    if f"_{name}" in parent:
        yield {"url": url, **parent[f"_{name}"]}
    if name not in parent:
        return
    values = parent[name] if name in REPEATING else [parent[name]]
    if isinstance(values, np.ndarray):
        yield ManyCoordinateExtensions(values)
        return
    for value in values:
        if isinstance(value, ManyRegions):
            yield ManyRegionExtensions(name, value.regions)
        elif isinstance(shape, str):
            yield {"url": url, f"value{shape}": value}
        else:
            yield {"url": url, "extension": list(_inside(name, shape, value))}


def _inside(name: str, shape: Mapping[str, Shape], value: Mapping[str, Any]) -> Iterator[Any]:
    if name == "bodySite":
        # R4 has no CodeableReference.
        yield {"url": DATATYPE, "valueString": "CodeableReference"}
    for child, inner in shape.items():
        yield from _extensions(child, child, inner, value)


def from_basic(resource: Mapping[str, Any]) -> Element:
    """Return the ImagingSelection of R5 that a Basic of R4 states; all else is passed over."""
    stated = [*_stated(resource, "modifierExtension"), *_stated(resource, "extension")]
    own = {name: resource[name] for name in ("id", "contained", "identifier", "subject") if name in resource}
    return {"resourceType": "ImagingSelection", **own, **_elements(stated, EXTENSION, ELEMENTS)}


def _stated(holder: Mapping[str, Any], name: str = "extension") -> Sequence[Any]:
    """Return the extensions of what another program may have written."""
    found = holder.get(name)
    return found if isinstance(found, list) else []


def _elements(extensions: Sequence[Any], prefix: str, shapes: Mapping[str, Shape]) -> Element:
    found: Element = {}
    for extension in extensions:
        if isinstance(extension, ManyCoordinateExtensions):
            found["coordinate"] = extension.numbers
            continue
        if isinstance(extension, ManyRegionExtensions):
            found.setdefault(extension.name, []).append(ManyRegions(extension.regions))
            continue
        if not isinstance(extension, Mapping):
            continue
        name = str(extension.get("url", "")).removeprefix(prefix)
        if name not in shapes or extension["url"] != prefix + name:
            continue
        shape = shapes[name]
        if isinstance(shape, str) and f"value{shape}" not in extension:
            found[f"_{name}"] = {"extension": _stated(extension)}
            continue
        inside = _stated(extension)
        value = extension[f"value{shape}"] if isinstance(shape, str) else _elements(inside, "", shape)
        if name in REPEATING:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def check(resource: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the rules that `resource` breaks, each once: those of R5 on what the extensions state."""
    return rules.broken(
        rules.required(resource, "code"),
        _with_urls([*resource.get("modifierExtension", []), *resource.get("extension", [])]),
        r5.broken_in(from_basic(resource), _TARGETS),
        rules.no_empty_elements(resource),
    )


def _with_urls(extensions: Sequence[Any]) -> Iterator[str]:
    """Every extension says by its url what it states."""
    for each in extensions:
        if isinstance(each, Many):
            continue
        yield from rules.required(each, "url")
        yield from _with_urls(each.get("extension", ()))


def model() -> type[BaseModel]:
    """Return the model of fhir.resources (R4B's, which is R4's), which is imported when this is first called."""
    from fhir.resources.R4B.basic import Basic

    found: type[BaseModel] = Basic
    return found


RELEASE = Release(
    "4.0.1",
    encode,
    check,
    model,
    LOSSES,
    encode_context=context_r4.encode,
    model_of=context_r4.model_of,
    resource_type="Basic",
)
