"""The neutral measurement: what a report states of what it selects, between reading DICOM and writing FHIR.

Four kinds of statement share what every one of them has: a measurement, an evaluation in words or codes, a finding of
a computer-aided detection, and the group that holds others together. They refer to selections, and to each other, by
key. A number is a Decimal with the digits that were stated: 3.10 is not 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Literal, TypeAlias

from converter.selection import Concept, Identifier, Links, LogicalReference, SelectionKey

AbsenceReason: TypeAlias = Literal[
    "unknown", "error", "not-a-number", "negative-infinity", "positive-infinity", "not-performed"
]
Status: TypeAlias = Literal["preliminary", "final", "unknown"]


@dataclass(frozen=True, slots=True)
class Absence:
    """Why there is no value: a reason, and how the report itself puts it."""

    reason: AbsenceReason
    stated: Concept | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """A finite number and its unit; a unit's code is one of its coding scheme (UCUM), its text what people read."""

    value: Decimal
    unit: Concept | None = None


Value: TypeAlias = Quantity | Concept | str | datetime | date | time


@dataclass(frozen=True, slots=True)
class Property:
    """Something said of a statement that is none of its own elements: a derivation, a certainty, a time point."""

    code: Concept | None
    value: Value | None
    absence: Absence | None = None
    interpretation: Concept | None = None


@dataclass(frozen=True, slots=True)
class ReferenceRange:
    """What is normal; either limit may be missing."""

    low: Quantity | None = None
    high: Quantity | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statement:
    """What all kinds of statement have.

    `code` is what is stated, None where the report does not say. `effective` is a date where no more than that is
    known. `selections` are what it is derived from, `sources` other statements that it is inferred from, `members`
    those that it holds together. `tracked` names the thing that is followed over time. `study_instance_uid` is the
    study that the report is part of, `place` the JSONPath of the content item. `links` is set where there are resources
    to refer to.
    """

    key: SelectionKey
    code: Concept | None
    status: Status = "unknown"
    identifiers: tuple[Identifier, ...] = ()
    subject: LogicalReference | None = None
    based_on: tuple[LogicalReference, ...] = ()
    study_instance_uid: str | None = None
    tracked: LogicalReference | None = None
    issued: datetime | None = None
    effective: datetime | date | None = None
    performers: tuple[LogicalReference, ...] = ()
    device: LogicalReference | None = None
    body_site: Concept | None = None
    method: Concept | None = None
    interpretations: tuple[Concept, ...] = ()
    properties: tuple[Property, ...] = ()
    selections: tuple[SelectionKey, ...] = ()
    sources: tuple[SelectionKey, ...] = ()
    members: tuple[SelectionKey, ...] = ()
    links: Links | None = None
    place: str = "$"

    @property
    def id(self) -> str:
        """The resource id."""
        return self.key.id


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasurementGroup(Statement):
    """Statements of one thing (PS3.16 TID 1410, 1411, 1501), and what that thing was found to be."""

    finding: Concept | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measurement(Statement):
    """A number (PS3.16 TID 300, 1419). More than one quantity is against the standard, and kept.

    `is_derived`: from several other measurements (TID 1420). Without a quantity, `absence` says why.
    """

    quantities: tuple[Quantity, ...] = ()
    absence: Absence | None = None
    reference_ranges: tuple[ReferenceRange, ...] = ()
    is_derived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evaluation(Statement):
    """A qualitative evaluation: a code, a text or a date. None where the report leaves it empty."""

    value: Value | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Finding(Statement):
    """A finding or feature of a computer-aided detection (PS3.16 TID 4006, 4104 and their like)."""

    value: Value | None = None
