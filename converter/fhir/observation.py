"""Observation: measurements, evaluations, findings and groups, in every release of FHIR.

After the HL7 guide "DICOM SR to FHIR Resource Mapping" 1.0.0, which is of R5. The elements written here are the same in
4.0.1, 5.0.0 and the ballots of 6.0.0 but for the selections in `derivedFrom`: R4 has no ImagingSelection and allows
none in its place, so they are named in the extension `alternate-reference`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from converter.fhir import datatypes, rules
from converter.fhir.datatypes import Element, every, present
from converter.fhir.encoded import Encoded
from converter.measurement import (
    Absence,
    Evaluation,
    Finding,
    Measurement,
    MeasurementGroup,
    Property,
    Quantity,
    ReferenceRange,
    Statement,
    Value,
)
from converter.problems import problem
from converter.selection import Code, Concept, Links, Problem, SelectionKey

if TYPE_CHECKING:
    from pydantic import BaseModel

ALTERNATE_REFERENCE = "http://hl7.org/fhir/StructureDefinition/alternate-reference"
_ABSENT_REASONS = "http://terminology.hl7.org/CodeSystem/data-absent-reason"
_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_STUDY_UID = Concept((Code(_DCM, "110180", "Study Instance UID"),))
_IMAGING = Concept((Code("http://terminology.hl7.org/CodeSystem/observation-category", "imaging", "Imaging"),))
_MEASUREMENT_GROUP = Concept((Code(_DCM, "125007", "Measurement Group"),))
_DERIVED_MEASUREMENTS = Concept((Code(_DCM, "126011", "Derived Imaging Measurements"),))
_QUALITATIVE_EVALUATIONS = Concept(
    (Code("http://terminology.hl7.org/CodeSystem/umls", "C0034375", "Qualitative Evaluations"),)
)


def encode(statement: Statement, release: str) -> Encoded:
    """Return `statement` as an Observation of the release with this full name, and what its types could not hold."""
    encoder = _Encoder(statement.place, is_r4=release.startswith("4."))
    resource = encoder.resource(statement)
    model = _r4_model if encoder.is_r4 else _r5_model
    return Encoded(resource, tuple(dict.fromkeys(encoder.problems)), check(resource), model)


def check(resource: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the rules that an Observation breaks, each once.

    `value-and-absent-reason` is obs-6 of the specification, `component-of-same-code` obs-7.
    """
    found: dict[str, None] = {}
    for broken in (
        rules.required(resource, "status", "code"),
        _value_or_reason(resource),
        *(_value_or_reason(component) for component in resource.get("component", ())),
        *(rules.required(component, "code") for component in resource.get("component", ())),
        _other_components(resource),
        rules.no_empty_elements(resource),
    ):
        found.update(dict.fromkeys(broken))
    return tuple(found)


def _r5_model() -> type[BaseModel]:
    from fhir.resources.observation import Observation

    found: type[BaseModel] = Observation
    return found


def _r4_model() -> type[BaseModel]:
    from fhir.resources.R4B.observation import Observation

    found: type[BaseModel] = Observation
    return found


def _value_or_reason(element: dict[str, Any]) -> Iterator[str]:
    if "dataAbsentReason" in element and _has_value(element):
        yield "value-and-absent-reason"


def _other_components(resource: dict[str, Any]) -> Iterator[str]:
    own = _codings(resource)
    if _has_value(resource) and any(own & _codings(each) for each in resource.get("component", ())):
        yield "component-of-same-code"


def _has_value(element: dict[str, Any]) -> bool:
    return any(name.startswith("value") for name in element)


def _codings(element: dict[str, Any]) -> set[tuple[str | None, str | None]]:
    return {(each.get("system"), each.get("code")) for each in element.get("code", {}).get("coding", ())}


class _Encoder:
    """Writes one statement, noting what its elements cannot hold."""

    def __init__(self, place: str, *, is_r4: bool) -> None:
        self.place = place
        self.is_r4 = is_r4
        self.problems: list[Problem] = []

    def resource(self, statement: Statement) -> Element:
        value, components = self._values(statement)
        return present(
            resourceType="Observation",
            id=statement.id,
            identifier=_identifiers(statement),
            basedOn=every(map(datatypes.logical_reference, statement.based_on)),
            partOf=every([_study(statement)]),
            status=statement.status,
            category=every(map(datatypes.codeable_concept, _categories(statement))),
            code=_code(statement.code),
            subject=datatypes.logical_reference(statement.subject) if statement.subject else None,
            focus=every([datatypes.logical_reference(statement.tracked)] if statement.tracked else []),
            effectiveDateTime=_date_time(statement.effective),
            issued=datatypes.instant(statement.issued) if statement.issued else None,
            performer=every(map(datatypes.logical_reference, statement.performers)),
            **value,
            interpretation=every(map(datatypes.codeable_concept, statement.interpretations)),
            bodySite=datatypes.codeable_concept(statement.body_site) if statement.body_site else None,
            method=datatypes.codeable_concept(statement.method) if statement.method else None,
            device=datatypes.logical_reference(statement.device) if statement.device else None,
            referenceRange=self._ranges(statement),
            hasMember=[{"reference": f"Observation/{key.id}"} for key in statement.members],
            derivedFrom=self._derived_from(statement),
            component=[*components, *map(self._component, statement.properties)],
        )

    def _values(self, statement: Statement) -> tuple[Element, list[Element]]:
        """Return the elements of the value, and the components that stand for several values."""
        match statement:
            case MeasurementGroup(finding=finding):
                return (self._value(finding) if finding else {}), []
            case Measurement(quantities=(quantity,)):
                return self._value(quantity), []
            case Measurement(quantities=(), absence=absence):
                return _absent(absence or Absence("unknown")), []
            case Measurement(quantities=quantities, code=code):
                return {}, [present(code=_code(code), **self._value(each)) for each in quantities]
            case Evaluation(value=value) | Finding(value=value):
                return (_absent(Absence("unknown")) if value is None else self._value(value)), []
        raise TypeError(type(statement).__name__)

    def _component(self, stated: Property) -> Element:
        value = _absent(stated.absence or Absence("unknown")) if stated.value is None else self._value(stated.value)
        interpretation = every([datatypes.codeable_concept(stated.interpretation)] if stated.interpretation else [])
        return present(code=_code(stated.code), **value, interpretation=interpretation)

    def _value(self, value: Value) -> Element:
        """Return value[x], or the reason why there is none."""
        if isinstance(value, Quantity):
            quantity = self._quantity(value)
            return _absent(Absence("error")) if quantity is None else {"valueQuantity": quantity}
        named: dict[str, Any]
        if isinstance(value, Concept):
            named = {"valueCodeableConcept": datatypes.codeable_concept(value)}
        elif isinstance(value, date):
            named = {"valueDateTime": _date_time(value)}
        elif isinstance(value, time):
            named = {"valueTime": value.isoformat()}
        else:
            named = {"valueString": datatypes.string(value)}
        return present(**named) or _absent(Absence("unknown"))

    def _quantity(self, quantity: Quantity) -> Element | None:
        number = self._decimal(quantity.value)
        if number is None:
            return None
        unit = quantity.unit or Concept()
        coding = unit.codings[0] if unit.codings else Code(None, "")
        system = datatypes.uri(coding.system)
        return present(
            value=number,
            unit=datatypes.string(unit.text or coding.display or coding.code),
            system=system,
            code=datatypes.code(coding.code) if system else None,
        )

    def _decimal(self, number: Decimal) -> Decimal | None:
        held = datatypes.decimal(number)
        if held is None:
            self._note("number-not-representable")
        elif held != number:
            self._note("number-rounded")
        return held

    def _ranges(self, statement: Statement) -> list[Element]:
        ranges: tuple[ReferenceRange, ...] = statement.reference_ranges if isinstance(statement, Measurement) else ()
        elements = (
            present(
                low=self._quantity(each.low) if each.low else None,
                high=self._quantity(each.high) if each.high else None,
                text=datatypes.string(each.text),
            )
            for each in ranges
        )
        return [element for element in elements if element]

    def _derived_from(self, statement: Statement) -> list[Element]:
        observations = [{"reference": f"Observation/{key.id}"} for key in statement.sources]
        return [*map(self._selection, statement.selections), *observations]

    def _selection(self, key: SelectionKey) -> Element:
        if not self.is_r4:
            return {"reference": f"ImagingSelection/{key.id}"}
        return {"extension": [{"url": ALTERNATE_REFERENCE, "valueReference": {"reference": f"Basic/{key.id}"}}]}

    def _note(self, code: str) -> None:
        self.problems.append(problem(code, self.place))


def _identifiers(statement: Statement) -> list[Element]:
    own = {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{statement.id}"}
    return [own, *every(map(datatypes.identifier, statement.identifiers))]


def _study(statement: Statement) -> Element | None:
    """Return the study that the report is part of."""
    uid, links = statement.study_instance_uid, statement.links or Links()
    identifier = datatypes.uid_identifier(uid) if uid else None
    literal = f"ImagingStudy/{links.study}" if links.study else None
    if identifier is None and literal is None:
        return None
    named = {"type": datatypes.codeable_concept(_STUDY_UID), **identifier} if identifier else None
    return present(reference=literal, type="ImagingStudy", identifier=named)


def _categories(statement: Statement) -> tuple[Concept, ...]:
    match statement:
        case Measurement(is_derived=True):
            return (_DERIVED_MEASUREMENTS, _IMAGING)
        case MeasurementGroup() | Measurement():
            return (_MEASUREMENT_GROUP, _IMAGING)
        case Evaluation():
            return (_QUALITATIVE_EVALUATIONS, _IMAGING)
    return (_IMAGING,)


def _code(concept: Concept | None) -> Element:
    """Return what is stated; nothing is made up where the report does not say."""
    return (datatypes.codeable_concept(concept) if concept else None) or datatypes.absent("unknown")


def _absent(absence: Absence) -> Element:
    reason = Code(_ABSENT_REASONS, absence.reason)
    stated = absence.stated or Concept()
    return {"dataAbsentReason": datatypes.codeable_concept(Concept((reason, *stated.codings), stated.text))}


def _date_time(moment: datetime | date | None) -> str | None:
    if isinstance(moment, datetime):
        return datatypes.instant(moment)
    return None if moment is None else moment.isoformat()
