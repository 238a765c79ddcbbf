"""Observers of an observation context: people, devices and algorithms (PS3.16 TID 1001-1004, TID 4019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydicom import Dataset

from converter.mapper import coded, people, values
from converter.selection import Code, Identifier, Performer

OBSERVER_TYPE = "121005"
_DEVICE = "121007"
_PERSON_NAME = "121008"
_PERSON_ORGANIZATION = "121009"
_PERSON_SLOTS = frozenset({_PERSON_NAME, _PERSON_ORGANIZATION, "121010", "121011", "128774"})
_DEVICE_UID = "121012"
_DEVICE_NAME = "121013"
_DEVICE_MANUFACTURER = "121014"
_DEVICE_MODEL = "121015"
_DEVICE_SERIAL = "121016"
_LOGIN_NAME = "128774"
_DEVICE_SLOTS = frozenset({_DEVICE_UID, _DEVICE_NAME, _DEVICE_MANUFACTURER, _DEVICE_MODEL, _DEVICE_SERIAL, "121017"})
_ALGORITHM_NAME = "111001"
_ALGORITHM_VERSION = "111003"
OBSERVER_CONTEXT = frozenset({OBSERVER_TYPE, *_PERSON_SLOTS, *_DEVICE_SLOTS})
ALGORITHM = frozenset({_ALGORITHM_NAME, _ALGORITHM_VERSION})


def observers(items: Sequence[Dataset], schemes: Mapping[str, str]) -> tuple[Performer, ...]:
    """Return the observers that these sibling content items state, in their order.

    Each Observer Type begins another; so does a name or UID where one is stated already. Absent, the type follows
    from what is stated of the observer.
    """
    groups: list[dict[str, str]] = []
    for item in items:
        slot = dcm_code(item, schemes)
        if slot is None or slot not in OBSERVER_CONTEXT:
            continue
        if not groups or slot in groups[-1] or _changes_kind(groups[-1], slot):
            groups.append({})
        groups[-1][slot] = _value(item, schemes) or ""
    found = (_observer(group) for group in groups)
    return tuple(performer for performer in found if performer is not None)


def algorithm(items: Sequence[Dataset], schemes: Mapping[str, str]) -> Performer | None:
    """Return the algorithm that these sibling content items identify (TID 4019), None if they do not."""
    stated = {slot: _value(item, schemes) for item in items if (slot := dcm_code(item, schemes)) is not None}
    name, version = stated.get(_ALGORITHM_NAME), stated.get(_ALGORITHM_VERSION)
    if not name:
        return None
    return people.device(f"{name} {version}" if version else name)


def dcm_code(item: Dataset, schemes: Mapping[str, str]) -> str | None:
    """Return the DCM code value of the item's concept name, None if it is of another scheme or missing."""
    names = values.items(item, "ConceptNameCodeSequence")
    code: Code | None = coded.code_of(names[0], schemes) if names else None
    return code.code if code is not None and code.system == coded.DCM else None


def _changes_kind(group: Mapping[str, str], slot: str) -> bool:
    if OBSERVER_TYPE in group:
        return slot == OBSERVER_TYPE
    is_device = any(known in _DEVICE_SLOTS for known in group)
    return slot == OBSERVER_TYPE or (slot in _DEVICE_SLOTS) != is_device


def _observer(group: Mapping[str, str]) -> Performer | None:
    is_device = group.get(OBSERVER_TYPE) == _DEVICE or (
        not group.get(OBSERVER_TYPE) and any(slot in _DEVICE_SLOTS for slot in group)
    )
    if is_device:
        model = " ".join(part for part in (group.get(_DEVICE_MANUFACTURER), group.get(_DEVICE_MODEL)) if part)
        uid, serial = group.get(_DEVICE_UID), group.get(_DEVICE_SERIAL)
        identifier = Identifier(f"urn:oid:{uid}", "urn:ietf:rfc:3986") if uid else None
        if identifier is None and serial:
            identifier = Identifier(serial, assigner=group.get(_DEVICE_MANUFACTURER))
        return people.device(group.get(_DEVICE_NAME) or model or None, identifier)
    login = group.get(_LOGIN_NAME)
    identifier = Identifier(login, assigner=group.get(_PERSON_ORGANIZATION)) if login else None
    return people.person(group.get(_PERSON_NAME) or None, identifier)


def _value(item: Dataset, schemes: Mapping[str, str]) -> str | None:
    """Return what an observation context item states, as text; of a code, its code value."""
    kind = values.text(item, "ValueType")
    if kind == "CODE":
        found = values.items(item, "ConceptCodeSequence")
        code = coded.code_of(found[0], schemes) if found else None
        return None if code is None else code.code
    if kind == "PNAME":
        return next(iter(values.person_names(item, "PersonName")), None)
    return values.text(item, "UID") if kind == "UIDREF" else values.text(item, "TextValue")
