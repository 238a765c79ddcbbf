"""What our pydantic models of resources share: FHIR's primitive types in full, and enforcement.

fhir.resources states required elements, bindings and targets of references in the fields' `json_schema_extra`, and
checks of these only the first, in code written out per class; its ids may have 255 characters and its numbers
may be strings. Here a field says what it is once, and `EnforcedElement` keeps to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Self

from fhir.resources import fhirtypes
from fhir.resources.reference import Reference
from fhir_core.fhirabstractmodel import FHIRAbstractModel
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator
from pydantic.fields import FieldInfo

from converter.fhir.rules import refers_to

_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def _a_number(value: Any) -> Any:
    if isinstance(value, str | bytes | bool):
        raise ValueError("a JSON number is needed")
    return value


def _an_integer(value: Any) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("a JSON integer is needed")
    return value


def _a_moment(value: Any) -> Any:
    if isinstance(value, int | float | bytes):
        raise ValueError("a date and time with seconds and zone is needed")
    return value


def _a_text(value: str) -> str:
    if _NOT_TEXT.search(value) or not value.strip():
        raise ValueError("a FHIR string has neither control characters nor white space alone")
    return value


Id = Annotated[fhirtypes.IdType, StringConstraints(pattern=r"^[A-Za-z0-9\-.]{1,64}$")]
Instant = Annotated[fhirtypes.InstantType, BeforeValidator(_a_moment)]
UnsignedInt = Annotated[fhirtypes.UnsignedIntType, BeforeValidator(_an_integer)]
PositiveInt = Annotated[fhirtypes.PositiveIntType, BeforeValidator(_an_integer)]
DecimalNumber = Annotated[fhirtypes.DecimalType, BeforeValidator(_a_number)]
String = Annotated[fhirtypes.StringType, StringConstraints(max_length=2**20), AfterValidator(_a_text)]


def element(
    title: str,
    *,
    required: bool = False,
    summary: bool = True,
    codes: Sequence[str] = (),
    targets: Sequence[str] = (),
) -> Any:
    """Return the field of an element.

    `required`: a primitive may have an extension instead of a value. `codes`: the value set it is bound to.
    `targets`: the types of resources that it may refer to.
    """
    extra: dict[str, Any] = {"element_property": True}
    if summary:
        extra["summary_element_property"] = True
    if required:
        extra["element_required"] = True
    if codes:
        extra["enum_values"] = list(codes)
    if targets:
        extra["enum_reference_types"] = list(targets)
    return Field(default=None, title=title, json_schema_extra=extra)


def extension_of(name: str) -> Any:
    """Return the field `<name>__ext`, in JSON `_<name>`, for the extensions of the primitive `name`."""
    return Field(
        default=None,
        alias=f"_{name}",
        title=f"Extensions of {name}",
        json_schema_extra={"element_property": False},
    )


class EnforcedElement(FHIRAbstractModel):
    """Mixed into a model before its FHIR base: the elements that the base has come first, then its own in order.

    Enforces after validation that required elements are there, with a value or an extension; that codes are in
    the value set they are bound to; that references are to the types allowed; and that nothing is empty.
    """

    @classmethod
    def elements_sequence(cls) -> list[str]:
        """Return the names of all elements in the order of the specification."""
        inherited: list[str] = super().elements_sequence()
        return [*inherited, *(name for name in cls._stating("element_property") if name not in inherited)]

    @classmethod
    def summary_elements_sequence(cls) -> list[str]:
        """Return the names of the elements of the summary in the order of the specification."""
        inherited: list[str] = super().summary_elements_sequence()
        own = (name for name in cls._stating("summary_element_property") if name not in inherited)
        return [*inherited, *own]

    @classmethod
    def _stating(cls, what: str) -> Iterator[str]:
        fields: dict[str, FieldInfo] = cls.model_fields
        return (name for name, field in fields.items() if _stated(field, what))

    @model_validator(mode="after")
    def keep_to_fields(self) -> Self:
        """Raise ValueError naming every element that is not as its field says."""
        fields: dict[str, FieldInfo] = type(self).model_fields
        wrong = [f"{name}: {what}" for name, field in fields.items() for what in self._wrong_in(name, field)]
        if wrong:
            raise ValueError("; ".join(wrong))
        return self

    def _wrong_in(self, name: str, field: FieldInfo) -> Iterator[str]:
        value = getattr(self, name)
        if value is None:
            if _stated(field, "element_required") and not _is_extended(getattr(self, f"{name}__ext", None)):
                yield "is required"
            return
        values = value if isinstance(value, list) else [value]
        if not values or any(_is_empty(each) for each in values):
            yield "is empty"
        codes = _stated(field, "enum_values")
        if codes and any(each not in codes for each in values):
            yield f"is none of {', '.join(codes)}"
        targets = _stated(field, "enum_reference_types")
        if targets and any(
            isinstance(each, Reference) and not refers_to(each.type, each.reference, targets) for each in values
        ):
            yield f"refers to none of {', '.join(targets)}"


def _stated(field: FieldInfo, what: str) -> Any:
    extra = field.json_schema_extra
    return extra.get(what) if isinstance(extra, dict) else None


def _is_empty(value: Any) -> bool:
    return isinstance(value, FHIRAbstractModel) and not value.model_fields_set


def _is_extended(extensions: Any) -> bool:
    """Tell whether a primitive, or any of a list of them, has an extension to say why there is no value."""
    each_of = extensions if isinstance(extensions, list) else [extensions]
    return any(each is not None and each.extension for each in each_of)


__all__ = [
    "DecimalNumber",
    "EnforcedElement",
    "Id",
    "Instant",
    "PositiveInt",
    "String",
    "UnsignedInt",
    "element",
    "extension_of",
]
