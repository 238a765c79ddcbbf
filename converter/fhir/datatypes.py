"""FHIR data types as JSON values, the same in every release.

Every function returns None for what its type cannot hold or what would be empty, and `present` leaves such
elements out, so that no resource ever has an empty string, array or object.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Literal, TypeAlias

from converter.selection import Code, Concept, Identifier, LogicalReference

Element: TypeAlias = dict[str, Any]

DATA_ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
UNSIGNED_INT_MAX = 2**31 - 1
STRING_MAX = 2**20
"""Characters of a string."""
DECIMAL_DIGITS = 17
"""Digits that a double can tell apart, and that a decimal of R5 may have after its point."""

_WADO_RS = {"system": "http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "code": "dicom-wado-rs"}

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_OID = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?(E[+-]?[0-9]{1,9})?")
# Control characters other than tab, line feed and carriage return, and halves of surrogate pairs, which UTF-8 lacks.
_NOT_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# A host that ends in a number is an IPv4 address or nothing (WHATWG URL).
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_HTTP_URL = re.compile(
    r"https?://(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*))"
    r"(?::(?P<port>[0-9]{1,5}))?(?:[/?#][!-~]*)?"
)


def present(**elements: Any) -> Element:
    """Return the elements that are neither None nor empty, in the order given."""
    return {name: value for name, value in elements.items() if value is not None and not _is_empty(value)}


def _is_empty(value: Any) -> bool:
    return isinstance(value, str | list | dict) and not value


def every(values: Iterable[Element | None]) -> list[Element]:
    """Return the values that are not None."""
    return [value for value in values if value is not None]


def string(text: str | None) -> str | None:
    """Return `text` as a FHIR string: without the characters it may not hold, trimmed, of at most 2^20."""
    if text is None:
        return None
    return _NOT_TEXT.sub(" ", text).strip()[:STRING_MAX].rstrip() or None


def code(text: str | None) -> str | None:
    """Return `text` as a FHIR code: trimmed, with single spaces inside."""
    cleaned = string(text)
    return cleaned and " ".join(cleaned.split())


def uri(text: str | None) -> str | None:
    """Return `text` as a FHIR uri, None if there is white space within it."""
    cleaned = string(text)
    return cleaned if cleaned and not any(character.isspace() for character in cleaned) else None


def http_url(text: str) -> str | None:
    """Return `text` if it is an absolute http or https URL with a host that can be one."""
    matched = _HTTP_URL.fullmatch(text)
    if not matched or int(matched["port"] or 0) > 65535:
        return None
    return text if _is_host(matched["host"], matched["ipv6"]) else None


def _is_host(name: str | None, ipv6: str | None) -> bool:
    try:
        if name is None:
            IPv6Address(ipv6 or "")
        elif _NUMBER.fullmatch(name.rpartition(".")[2]):
            IPv4Address(name)
    except ValueError:
        return False
    return True


def identity(uid: str) -> str | None:
    """Return a DICOM UID as a FHIR id (`[A-Za-z0-9.-]`, 1 to 64), None if it is not one."""
    return uid if _ID.fullmatch(uid) else None


def oid(uid: str) -> str | None:
    """Return a DICOM UID as a FHIR oid, None if it is not one: each component 0 or without leading zeros."""
    return f"urn:oid:{uid}" if _OID.fullmatch(uid) else None


def uid_identifier(uid: str) -> Element | None:
    """Return the identifier that FHIR gives a DICOM UID, None for what is not digits and dots.

    The value is a string and its system says that it is a UID, so a UID that is too long or has leading zeros
    keeps its identity here, where `id` and `oid` cannot hold it.
    """
    return {"system": "urn:dicom:uid", "value": f"urn:oid:{uid}"} if _UID.fullmatch(uid) else None


def unsigned_int(number: int) -> int | None:
    """Return `number` if FHIR's unsignedInt can hold it."""
    return number if 0 <= number <= UNSIGNED_INT_MAX else None


def decimal(number: Decimal) -> Decimal | None:
    """Return `number` as a FHIR decimal: with all its digits, trailing zeros too, up to what the type can hold.

    None if it is not finite, or beyond what a double can hold: there are few readers that would take it.
    """
    if not number.is_finite() or math.isinf(float(number)):
        return None
    return number if _DECIMAL.fullmatch(str(number)) else Context(prec=DECIMAL_DIGITS).create_decimal(number)


def positive_int(number: int) -> int | None:
    """Return `number` if FHIR's positiveInt can hold it."""
    return number if 1 <= number <= UNSIGNED_INT_MAX else None


def instant(moment: datetime) -> str | None:
    """Return `moment` as a FHIR instant, None if it has no zone.

    A zone that FHIR cannot write (with seconds, or beyond 14 hours) becomes UTC.
    """
    offset = moment.utcoffset()
    if offset is None:
        return None
    if offset % timedelta(minutes=1) or abs(offset) > timedelta(hours=14):
        try:
            moment = moment.astimezone(UTC)
        except OverflowError:
            return None
    text = moment.isoformat()
    return f"{text[:-6]}Z" if text.endswith("+00:00") else text


def absent(reason: Literal["unknown", "error"]) -> Element:
    """Return what stands for a primitive whose value is not there, under the element's name with `_` before it."""
    return {"extension": [{"url": DATA_ABSENT_REASON, "valueCode": reason}]}


def coding(value: Code) -> Element | None:
    """Return `value` as a Coding."""
    return (
        present(
            system=uri(value.system),
            version=string(value.version),
            code=code(value.code),
            display=string(value.display),
        )
        if code(value.code) or string(value.display)
        else None
    )


def codeable_concept(value: Concept) -> Element | None:
    """Return `value` as a CodeableConcept."""
    return present(coding=every(map(coding, value.codings)), text=string(value.text)) or None


def identifier(value: Identifier) -> Element | None:
    """Return `value` as an Identifier."""
    text = string(value.value)
    if text is None:
        return None
    return present(
        use=value.use,
        type=codeable_concept(Concept((value.type,))) if value.type else None,
        system=uri(value.system),
        value=text,
        assigner=present(display=string(value.assigner)),
    )


def logical_reference(value: LogicalReference) -> Element | None:
    """Return `value` as a Reference, None if it says nothing but a type; what has an id is referred to by it."""
    literal = f"{value.type}/{value.resource_id}" if value.resource_id else None
    said = present(
        identifier=identifier(value.identifier) if value.identifier else None,
        display=string(value.display),
    )
    return present(reference=literal, type=value.type, **said) if said or literal else None


def dicom_web_endpoint(name: str, address: str) -> Element:
    """Return the Endpoint (R5 and later) of a WADO-RS service at `address`, to be contained under `name`."""
    return {
        "resourceType": "Endpoint",
        "id": name,
        "status": "active",
        "connectionType": [{"coding": [_WADO_RS]}],
        "address": address,
    }


def dicom_web_endpoint_r4(name: str, address: str) -> Element:
    """Return the Endpoint (R4) of a WADO-RS service at `address`, to be contained under `name`."""
    return {
        "resourceType": "Endpoint",
        "id": name,
        "status": "active",
        "connectionType": _WADO_RS,
        "payloadType": [{"text": "DICOM"}],
        "address": address,
    }
