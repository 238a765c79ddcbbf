"""What selections and measurements refer to: each patient, study, person, device, request, service and body part once.

Patients and studies are stated by the catalog, so what is said of them depends on all that was read and not on which
object was read first: of different values that instances state, the one that most of them state, of equally many the
least. People and devices are stated by the objects alone, and taken as the first object in order names them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from converter import body_part
from converter.catalog import Catalog, GroupedCatalog, Instance
from converter.context import (
    BodyStructure,
    Context,
    Device,
    Endpoint,
    Gender,
    ImagingStudy,
    Patient,
    Practitioner,
    ServiceRequest,
    StudyInstance,
    StudySeries,
    context_id,
)
from converter.mapper import coded, identities, timing, values
from converter.measurement import Statement
from converter.problems import problem
from converter.selection import Code, Concept, Identifier, Links, LogicalReference, Performer, Problem, Selection
from converter.settings import Settings
from converter.zones import parse_zone

T = TypeVar("T")
S = TypeVar("S", bound=Statement)

_ACCESSION: Final = Code("http://terminology.hl7.org/CodeSystem/v2-0203", "ACSN", "Accession ID")
_GENDERS: Final[dict[str | None, Gender]] = {"M": "male", "F": "female", "O": "other"}


@dataclass(frozen=True, slots=True)
class PatientNeeded:
    """A patient who is to be stated by the catalog."""

    id: str
    identifier: Identifier


@dataclass(frozen=True, slots=True)
class StudyNeeded:
    """A study that is to be stated by the catalog.

    `referring`: the patient whom the selection that refers to it is about; `place`: where that is in its object.
    """

    id: str
    uid: str
    referring: LogicalReference | None
    place: str


Needed: TypeAlias = Context | PatientNeeded | StudyNeeded


class Ids(Protocol):
    """Ids of resources: a set, or something that holds more than memory does."""

    def __contains__(self, each: str, /) -> bool: ...

    def add(self, each: str, /) -> None:  # noqa: D102
        ...


class ContextMapper:
    """Links selections to what they refer to, and gives each of that once.

    `catalog`: one that groups instances (GroupedCatalog) states patients and studies in full; with any other, a
    patient is no more than its identifier and a study no more than its UID. `given`: the ids of what was given before.
    """

    def __init__(self, catalog: Catalog, settings: Settings, given: Ids | None = None) -> None:
        self._catalog = catalog if isinstance(catalog, GroupedCatalog) else None
        self._settings = settings
        self._given: Ids = set() if given is None else given

    def linked(self, selection: Selection) -> Selection:
        """Return the selection with literal references besides the logical ones."""
        subject = self.reference(selection.subject) if selection.subject else None
        study = selection.series.study_instance_uid
        links = Links(
            study=context_id("ImagingStudy", study) if study else None,
            endpoints=tuple(_endpoint(address).id for address in selection.endpoints),
            body_sites=tuple(each.id if each else None for each in _body_structures(selection, subject)),
        )
        performers = (Performer(self.reference(each.actor), each.function) for each in selection.performers)
        based_on = (self.reference(each, subject) for each in selection.based_on)
        return replace(selection, subject=subject, performers=tuple(performers), based_on=tuple(based_on), links=links)

    def linked_statement(self, statement: S) -> S:
        """Return what is measured with literal references besides the logical ones."""
        subject = self.reference(statement.subject) if statement.subject else None
        study = statement.study_instance_uid
        return replace(
            statement,
            subject=subject,
            based_on=tuple(self.reference(each, subject) for each in statement.based_on),
            performers=tuple(map(self.reference, statement.performers)),
            device=self.reference(statement.device) if statement.device else None,
            links=Links(study=context_id("ImagingStudy", study) if study else None),
        )

    def reference(self, reference: LogicalReference, subject: LogicalReference | None = None) -> LogicalReference:
        """Return a logical reference that is literal as well, if there is a resource for what it refers to.

        `subject`: the patient, by a linked reference, whom a request is for.
        """
        return replace(reference, resource_id=self._resource_id(reference, subject))

    def _resource_id(self, reference: LogicalReference, subject: LogicalReference | None) -> str | None:
        identifier = reference.identifier
        match reference.type:
            case "Patient" if identifier is not None:
                return _patient_id(identifier)
            case "Device":
                return _device_id(reference)
            case "Practitioner" if identifier is not None:
                return context_id("Practitioner", identifier.system or identifier.assigner, identifier.value)
            case "Practitioner" if self._settings.with_names:
                return context_id("Practitioner", "", "", reference.display)
            case "ServiceRequest" if identifier is not None:
                kind = identifier.type.code if identifier.type else ""
                issuer = identifier.system or identifier.assigner
                return context_id("ServiceRequest", _id_of(subject), kind, issuer, identifier.value)
        return None

    def new(self, referring: Selection | Statement) -> tuple[list[Context], list[Problem]]:
        """Return what a linked selection or statement refers to and none before it did, and what was wrong with that.

        What refers to another comes after it.
        """
        found: list[Context] = []
        problems: list[Problem] = []
        for each in self.needed(referring):
            stated, wrong = self.give(each)
            found += stated
            problems += wrong
        return found, problems

    def needed(self, referring: Selection | Statement) -> Iterator[Needed]:
        """Yield what a linked selection or statement refers to, as often as it does, without asking the catalog."""
        subject = _literal(referring.subject)
        if subject is not None and subject.resource_id is not None and subject.identifier is not None:
            yield PatientNeeded(subject.resource_id, subject.identifier)
        study = _study_uid(referring)
        if study is not None:
            yield StudyNeeded(context_id("ImagingStudy", study), study, subject, referring.place)
        if isinstance(referring, Selection):
            yield from map(_endpoint, referring.endpoints)
        yield from self._people(_actors(referring))
        for each in referring.based_on:
            if each.resource_id is not None and each.identifier is not None:
                yield ServiceRequest(each.resource_id, each.identifier, subject)
        if isinstance(referring, Selection):
            yield from (each for each in _body_structures(referring, subject) if each is not None)

    def give(self, needed: Needed) -> tuple[list[Context], list[Problem]]:
        """Return what is needed, as far as it was not given before, and what was wrong with it."""
        if needed.id in self._given:
            return [], []
        match needed:
            case PatientNeeded():
                return self._first([self._patient(needed.id, needed.identifier)]), []
            case StudyNeeded():
                study, patients, differing = self._study(needed.uid, needed.referring)
                problems = [problem(code, needed.place) for code in differing]
                return self._first([*patients, *study.endpoints, study]), problems
        return self._first([needed]), []

    def _first(self, stated: Iterable[Context]) -> list[Context]:
        new = []
        for each in stated:
            if each.id not in self._given:
                self._given.add(each.id)
                new.append(each)
        return new

    def _people(self, actors: Iterable[LogicalReference]) -> Iterator[Device | Practitioner]:
        for actor in actors:
            if actor.resource_id is None:
                continue
            if actor.type == "Device":
                yield Device(actor.resource_id, actor.identifier, actor.display)
            elif actor.type == "Practitioner":
                name = actor.display if self._settings.with_names else None
                yield Practitioner(actor.resource_id, actor.identifier, name)

    # Patients

    def _patient(self, resource_id: str, identifier: Identifier) -> Patient:
        known = self._catalog.of_patient(identifier.value) if self._catalog is not None else ()
        same = [each for each in known if self._patient_of(each) == identifier]
        gender = _GENDERS.get(most_stated(each.patient_sex for each in same))
        if not self._settings.with_names:
            return Patient(resource_id, identifier, gender=gender)
        name = most_stated(each.patient_name for each in same)
        birth_date = timing.day(most_stated(each.patient_birth_date for each in same))
        return Patient(resource_id, identifier, values.human_names(name or ""), birth_date, gender)

    def _patient_of(self, instance: Instance) -> Identifier | None:
        if instance.patient_id is None:
            return None
        universal = identities.universal_uri(
            instance.issuer_universal_entity_id, instance.issuer_universal_entity_id_type
        )
        return identities.patient_identifier(
            instance.patient_id, instance.issuer_of_patient_id, universal, self._settings.patient_id_systems
        )

    # Studies

    def _study(
        self, uid: str, referring: LogicalReference | None
    ) -> tuple[ImagingStudy, list[Patient], tuple[str, ...]]:
        """Return a study, its patient unless given before, and the codes of what its instances disagree on.

        Where nothing of the study was read, its patient is the one whom the referring selection is about.
        """
        instances = list(self._catalog.of_study(uid)) if self._catalog is not None else []
        stated = [identifier for identifier in map(self._patient_of, instances) if identifier is not None]
        identifier = most_stated(stated)
        subject = referring
        if identifier is not None:
            subject = LogicalReference("Patient", identifier, resource_id=_patient_id(identifier))
        started = most_stated(self._moment(each, each.study_date, each.study_time) for each in instances)
        endpoint = self._settings.endpoint
        study = ImagingStudy(
            id=context_id("ImagingStudy", uid),
            uid=uid,
            subject=subject,
            accessions=_accessions(instances),
            started=started,
            description=most_stated(each.study_description for each in instances),
            endpoints=(_endpoint(endpoint.rstrip("/")),) if endpoint else (),
            series=self._series(instances),
        )
        patients = []
        if subject is not None and subject.identifier is not None and subject.resource_id is not None:
            patients = [self._patient(subject.resource_id, subject.identifier)]
        return study, patients, ("study-patients",) if len(set(stated)) > 1 else ()

    def _series(self, instances: Iterable[Instance]) -> tuple[StudySeries, ...]:
        by_uid: dict[str, list[Instance]] = {}
        for each in instances:
            if each.series_instance_uid is not None:
                by_uid.setdefault(each.series_instance_uid, []).append(each)
        found = (self._one_series(uid, members) for uid, members in by_uid.items())
        return tuple(sorted(found, key=lambda each: _by_number(each.number, each.uid)))

    def _one_series(self, uid: str, instances: Sequence[Instance]) -> StudySeries:
        site = most_stated(map(_body_site, instances))
        side = most_stated(each.laterality for each in instances)
        modality = most_stated(each.modality for each in instances)
        members = (StudyInstance(each.sop_instance_uid, each.sop_class_uid, each.instance_number) for each in instances)
        return StudySeries(
            uid=uid,
            number=most_stated(each.series_number for each in instances),
            modality=Code(coded.DCM, modality) if modality else None,
            description=most_stated(each.series_description for each in instances),
            body_site=site if site is None or side is None else body_part.with_laterality(site, side),
            laterality=body_part.side(side) if side is not None and site is not None else None,
            started=most_stated(self._moment(each, each.series_date, each.series_time) for each in instances),
            instances=tuple(sorted(members, key=lambda each: _by_number(each.number, each.uid))),
        )

    def _moment(self, instance: Instance, day: str | None, time: str | None) -> datetime | date | None:
        """The moment, no more than the day if its time or zone is not known."""
        stated = instance.timezone_offset_from_utc
        zone = (parse_zone(stated) if stated else None) or self._settings.zone
        try:
            return timing.moment(day or "", time or "", zone)
        except (timing.IncompleteTimeError, timing.InvalidTimeError):
            return timing.day(day)


def most_stated(values_stated: Iterable[T | None]) -> T | None:
    """Return the value that is there most often, of several the least by how it is written; None if there is none."""
    counts = Counter(value for value in values_stated if value is not None)
    return min(counts, key=lambda value: (-counts[value], repr(value)), default=None)


def _study_uid(referring: Selection | Statement) -> str | None:
    """Return the study selected from, or that which a report is part of."""
    return referring.series.study_instance_uid if isinstance(referring, Selection) else referring.study_instance_uid


def _actors(referring: Selection | Statement) -> Iterator[LogicalReference]:
    """Yield the people and devices at work."""
    if isinstance(referring, Selection):
        yield from (each.actor for each in referring.performers)
    else:
        yield from referring.performers
        if referring.device is not None:
            yield referring.device


def _by_number(number: int | None, uid: str) -> tuple[Any, ...]:
    return number is None, number or 0, uid


def _accessions(instances: Iterable[Instance]) -> tuple[Identifier, ...]:
    numbers = sorted({each.accession_number for each in instances if each.accession_number is not None})
    return tuple(Identifier(number, type=_ACCESSION) for number in numbers)


def _body_site(instance: Instance) -> Concept | None:
    code = instance.anatomic_region
    if code is None and instance.body_part_examined is not None:
        code = body_part.body_site(instance.body_part_examined)
    return Concept((code,), code.display) if code is not None else None


def _body_structures(selection: Selection, subject: LogicalReference | None) -> list[BodyStructure | None]:
    """One for each body site; it is part of someone, so there is none without a patient."""
    return [_body_structure(site, subject) for site in selection.body_sites]


def _body_structure(site: Concept, subject: LogicalReference | None) -> BodyStructure | None:
    if subject is None or subject.resource_id is None:
        return None
    codes = [part for code in site.codings for part in (code.system, code.code)]
    return BodyStructure(context_id("BodyStructure", subject.resource_id, *(codes or ["", site.text])), site, subject)


def _patient_id(identifier: Identifier) -> str:
    return context_id("Patient", identifier.system or identifier.assigner, identifier.value)


def _device_id(reference: LogicalReference) -> str:
    identifier = reference.identifier
    if identifier is not None and identifier.system is not None:
        return context_id("Device", identifier.system, identifier.value)
    # A serial number alone is unique to a model at most.
    assigner, value = (identifier.assigner, identifier.value) if identifier is not None else ("", "")
    return context_id("Device", assigner, value, reference.display)


def _endpoint(address: str) -> Endpoint:
    return Endpoint(context_id("Endpoint", address), address)


def _literal(reference: LogicalReference | None) -> LogicalReference | None:
    """Return a reference without the name that only the object at hand calls it, unless it has nothing else."""
    if reference is None or reference.resource_id is None:
        return reference
    return replace(reference, display=None)


def _id_of(reference: LogicalReference | None) -> str | None:
    return reference.resource_id if reference is not None else None
