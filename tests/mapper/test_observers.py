"""Observers by PS3.16 TID 1002 to 1004, algorithms by TID 4019."""

from __future__ import annotations

from pydicom import Dataset

from converter.mapper.observers import algorithm, observers
from tests.builders import code, item


def observer_type(value: str) -> Dataset:
    return item("CODE", code("121005", "DCM", "Observer Type"), ConceptCodeSequence=[code(value, "DCM", "type")])


def text(value: str, words: str) -> Dataset:
    return item("TEXT", code(value, "DCM", "slot"), TextValue=words)


def person(name: str) -> Dataset:
    return item("PNAME", code("121008", "DCM", "Person Observer Name"), PersonName=name)


def names(items: list[Dataset]) -> list[tuple[str, str | None]]:
    return [(each.actor.type, each.actor.display) for each in observers(items, {})]


def test_each_observer_type_begins_another_observer() -> None:
    items = [
        observer_type("121006"),
        person("One^Reader"),
        observer_type("121007"),
        item("UIDREF", code("121012", "DCM", "Device Observer UID"), UID="1.2.3"),
        text("121013", "Workstation"),
        observer_type("121006"),
        person("Two^Reader"),
    ]
    assert names(items) == [
        ("Practitioner", "Reader One"),
        ("Device", "Workstation"),
        ("Practitioner", "Reader Two"),
    ]


def test_without_types_a_repeated_name_or_another_kind_begins_another() -> None:
    assert names([person("A"), person("B"), text("121013", "CAD")]) == [
        ("Practitioner", "A"),
        ("Practitioner", "B"),
        ("Device", "CAD"),
    ]


def test_a_device_without_a_name_is_called_by_maker_and_model_and_known_by_its_serial_number() -> None:
    items = [observer_type("121007"), text("121014", "Maker"), text("121015", "Model"), text("121016", "77")]
    (found,) = observers(items, {})
    assert found.actor.display == "Maker Model"
    assert found.actor.identifier is not None
    assert (found.actor.identifier.value, found.actor.identifier.assigner) == ("77", "Maker")


def test_a_login_name_identifies_a_person_at_their_organization() -> None:
    items = [observer_type("121006"), text("128774", "jdoe"), text("121009", "Hospital")]
    (found,) = observers(items, {})
    assert found.actor.identifier is not None
    assert (found.actor.identifier.value, found.actor.identifier.assigner) == ("jdoe", "Hospital")


def test_an_observer_of_whom_nothing_is_said_is_none() -> None:
    assert observers([observer_type("121006")], {}) == ()
    assert observers([text("121106", "a comment")], {}) == ()


def test_an_algorithm_is_named_with_its_version() -> None:
    found = algorithm([text("111001", "Finder"), text("111003", "2.1")], {})
    assert found is not None
    assert (found.actor.type, found.actor.display) == ("Device", "Finder 2.1")
    assert algorithm([text("111003", "2.1")], {}) is None
