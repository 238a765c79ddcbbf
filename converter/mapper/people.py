"""Who selected, out of modules that all kinds of objects share: authors, observers, creators, algorithms, equipment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydicom import Dataset

from converter.mapper import coded, values
from converter.selection import Code, Identifier, LogicalReference, Performer

_PARTICIPATION = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
PERFORMER = Code(_PARTICIPATION, "PRF", "performer")
VERIFIER = Code(_PARTICIPATION, "VRF", "verifier")


def person(name: str | None, identifier: Identifier | None = None, function: Code = PERFORMER) -> Performer | None:
    """Return a person as performer, None if nothing is known of them."""
    if name is None and identifier is None:
        return None
    return Performer(LogicalReference("Practitioner", identifier, name), function)


def device(name: str | None, identifier: Identifier | None = None, function: Code = PERFORMER) -> Performer | None:
    """Return a device or an algorithm as performer, None if nothing is known of it."""
    if name is None and identifier is None:
        return None
    return Performer(LogicalReference("Device", identifier, name), function)


def person_identifier(item: Dataset, keyword: str) -> Identifier | None:
    """Return the identifier that a Person Identification code states (PS3.3 10.1): its code and coding scheme."""
    found = values.items(item, keyword)
    code = coded.code_of(found[0], {}) if found else None
    if code is None:
        return None
    designator = values.text(found[0], "CodingSchemeDesignator")
    return Identifier(code.code, code.system, assigner=designator if code.system is None else None)


def verifying_observers(dataset: Dataset) -> tuple[Performer, ...]:
    """Return the Verifying Observer Sequence (0040,A073) as verifiers (PS3.3 C.17.2)."""
    return tuple(_verifying_observers(dataset))


def _verifying_observers(dataset: Dataset) -> Iterator[Performer]:
    for item in values.items(dataset, "VerifyingObserverSequence"):
        name = next(iter(values.person_names(item, "VerifyingObserverName")), None)
        found = person(name, person_identifier(item, "VerifyingObserverIdentificationCodeSequence"), VERIFIER)
        if found is not None:
            yield found


def authors(dataset: Dataset, keyword: str = "AuthorObserverSequence") -> tuple[Performer, ...]:
    """Return the people and devices that the sequence `keyword` identifies (PS3.3 C.17.2).

    The Author Observer Sequence (0040,A078), or another of the same macro such as ROI Interpreter Sequence (3006,004E).
    """
    found: list[Performer | None] = []
    for item in values.items(dataset, keyword):
        if values.text(item, "ObserverType") == "DEV":
            uid = values.text(item, "DeviceUID")
            name = values.text(item, "StationName") or values.text(item, "ManufacturerModelName")
            identifier = Identifier(f"urn:oid:{uid}", "urn:ietf:rfc:3986") if uid else None
            found.append(device(name or values.text(item, "Manufacturer"), identifier))
        else:
            name = next(iter(values.person_names(item, "PersonName")), None)
            found.append(person(name, person_identifier(item, "PersonIdentificationCodeSequence")))
    return tuple(performer for performer in found if performer is not None)


def content_creator(dataset: Dataset) -> Performer | None:
    """Return the Content Creator's Name (0070,0084) and identification (PS3.3 10.9)."""
    name = next(iter(values.person_names(dataset, "ContentCreatorName")), None)
    stated = values.items(dataset, "ContentCreatorIdentificationCodeSequence")
    return person(name, person_identifier(stated[0], "PersonIdentificationCodeSequence") if stated else None)


def makers(dataset: Dataset, kind: str | None, algorithms: Iterable[Performer]) -> tuple[Performer, ...]:
    """Return who or what made something that is MANUAL, AUTOMATIC or SEMIAUTOMATIC.

    What is manual is the content creator's, what is automatic the algorithms', what is semiautomatic of both; where
    the one that it should be is not named, the content creator's. None leaves it to the equipment.
    """
    creator = content_creator(dataset)
    by_algorithm = () if kind == "MANUAL" else tuple(algorithms)
    by_hand = (creator,) if creator is not None and (kind == "SEMIAUTOMATIC" or not by_algorithm) else ()
    return (*by_hand, *by_algorithm)


def operators(dataset: Dataset) -> tuple[Performer, ...]:
    """Return the Operators' Name (0008,1070): who worked with the equipment (PS3.3 C.7.3.1)."""
    found = (person(name) for name in values.person_names(dataset, "OperatorsName"))
    return tuple(performer for performer in found if performer is not None)


def algorithms(dataset: Dataset, keyword: str) -> tuple[Performer, ...]:
    """Return the algorithms that the sequence `keyword` identifies (PS3.3 10.16)."""
    found = []
    for item in values.items(dataset, keyword):
        name, version = values.text(item, "AlgorithmName"), values.text(item, "AlgorithmVersion")
        source = values.text(item, "AlgorithmSource")
        if name is not None:
            full = f"{name} {version}" if version else name
            found.append(device(f"{full} ({source})" if source else full))
    return tuple(performer for performer in found if performer is not None)


def equipment(dataset: Dataset) -> Performer | None:
    """Return the equipment that made the object, by Device UID or serial number and name (PS3.3 C.7.5.1)."""
    uid = values.text(dataset, "DeviceUID")
    serial = values.text(dataset, "DeviceSerialNumber")
    manufacturer = values.text(dataset, "Manufacturer")
    model = values.text(dataset, "ManufacturerModelName")
    name = " ".join(part for part in (manufacturer, model) if part) or values.text(dataset, "StationName")
    if uid is not None:
        return device(name, Identifier(f"urn:oid:{uid}", "urn:ietf:rfc:3986"))
    return device(name, Identifier(serial, assigner=manufacturer) if serial else None)
