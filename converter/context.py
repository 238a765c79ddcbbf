"""What selections refer to, as neutral values: the patient, study, people, devices and requests around them.

Each has a key and, made of it, an id that is the same on every run, machine and order. `CONTEXT_KEYS` says what the
keys are made of; a part that is unknown is empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Literal, TypeAlias
from urllib.parse import quote
from uuid import uuid5

from converter.selection import ID_NAMESPACE, Code, Concept, Identifier, LogicalReference

Gender: TypeAlias = Literal["male", "female", "other"]
Representation: TypeAlias = Literal["alphabetic", "ideographic", "phonetic"]

CONTEXT_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Patient": ("Patient;<system, else issuer>;<Patient ID>",),
        "ImagingStudy": ("ImagingStudy;<Study Instance UID>",),
        "Device": ("Device;<system>;<identifier>", "Device;<assigner>;<identifier>;<name>"),
        "Practitioner": ("Practitioner;<system, else assigner>;<identifier>", "Practitioner;;;<name>"),
        "ServiceRequest": ("ServiceRequest;<id of the Patient>;<ACSN, PLAC or FILL>;<system, else assigner>;<number>",),
        "Endpoint": ("Endpoint;<address>",),
        "BodyStructure": (
            "BodyStructure;<id of the Patient>;<system>;<code>, for each code",
            "BodyStructure;<id of the Patient>;;<text>",
        ),
    }
)
"""The type of each resource, and what its id is made of, the UUIDv5 of this text: a system, an identifier or a code
where there is one (the first form), else the second."""


def context_id(kind: str, *parts: str | None) -> str:
    """Return the id of the resource of the type `kind` whose key has these parts."""
    # A value may hold anything; a separator inside a part must not make two keys one.
    return str(uuid5(ID_NAMESPACE, ";".join([kind, *(quote(part or "", safe=" ./:") for part in parts)])))


@dataclass(frozen=True, slots=True)
class HumanName:
    """A person's name in one script; `representation` is that of PS3.5 6.2.1.2, in the order of its groups."""

    text: str
    family: str | None = None
    given: tuple[str, ...] = ()
    prefix: str | None = None
    suffix: str | None = None
    representation: Representation = "alphabetic"


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient: one identifier of one issuer."""

    id: str
    identifier: Identifier
    names: tuple[HumanName, ...] = ()
    birth_date: date | None = None
    gender: Gender | None = None


@dataclass(frozen=True, slots=True)
class StudyInstance:
    """An instance of a series."""

    uid: str
    sop_class_uid: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class StudySeries:
    """A series of a study with those of its instances that are known, by number.

    `body_site` says the side too, where it has one; `laterality` is the side alone.
    """

    uid: str
    number: int | None = None
    modality: Code | None = None
    description: str | None = None
    body_site: Concept | None = None
    laterality: Code | None = None
    started: datetime | date | None = None
    instances: tuple[StudyInstance, ...] = ()


@dataclass(frozen=True, slots=True)
class ImagingStudy:
    """A study with those of its series that are known, by number. `started` is a date where no zone is known."""

    id: str
    uid: str
    subject: LogicalReference | None = None
    accessions: tuple[Identifier, ...] = ()
    started: datetime | date | None = None
    description: str | None = None
    endpoints: tuple[Endpoint, ...] = ()
    series: tuple[StudySeries, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """Equipment or an algorithm."""

    id: str
    identifier: Identifier | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Practitioner:
    """A person who selected or verified."""

    id: str
    identifier: Identifier | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """A request by one of its numbers."""

    id: str
    identifier: Identifier
    subject: LogicalReference | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A WADO-RS service by its address."""

    id: str
    address: str


@dataclass(frozen=True, slots=True)
class BodyStructure:
    """A part of a patient's body."""

    id: str
    structure: Concept
    patient: LogicalReference


Context: TypeAlias = Patient | ImagingStudy | Device | Practitioner | ServiceRequest | Endpoint | BodyStructure
