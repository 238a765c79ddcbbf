"""Ids: the UUIDv5 of a selection's key, worked out by hand (RFC 9562 5.5), and different for different keys."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from hashlib import sha1
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.selection import Concept, Selection, SelectionKey

PARTS = st.text(max_size=6) | st.sampled_from(["", ";", "%", "%3B", "1.2.3", "a b", "ä"])
KEYS = st.builds(SelectionKey, PARTS, PARTS, PARTS, PARTS, PARTS, PARTS)


def by_hand(name: str) -> str:
    namespace = bytes.fromhex("6f0a2d1e9b7c4c578f3e2a5d1c9b7e40")
    digest = bytearray(sha1(namespace + name.encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    hexadecimal = digest.hex()
    return "-".join(hexadecimal[start:end] for start, end in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32)))


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (SelectionKey("1.2.3", "item"), "1.2.3;item;;;;"),
        (SelectionKey("1.2.3", "item", "1.2.4", "1.2.9", "1.2.8", "0"), "1.2.3;item;1.2.4;1.2.9;1.2.8;0"),
        (SelectionKey("1.2.3", "source", part="2"), "1.2.3;source;;;;2"),
    ],
)
def test_an_id_is_the_uuid_of_source_role_path_series_frame_of_reference_and_part(key: SelectionKey, name: str) -> None:
    assert key.id == by_hand(name)
    assert UUID(key.id).version == 5


def test_an_id_is_the_same_for_ever() -> None:
    # Written down once: whoever changes it breaks every resource that was ever written.
    assert SelectionKey("1.2.3", "item", "1.2.4", "1.2.9").id == "8e846416-6c36-55e1-838d-f8c31f3fe498"


@given(KEYS, KEYS)
def test_different_keys_have_different_ids(one: SelectionKey, other: SelectionKey) -> None:
    assert (one.id == other.id) == (one == other)


def test_a_separator_inside_a_part_does_not_make_two_keys_one() -> None:
    assert SelectionKey("1;2", "item").id != SelectionKey("1", "2;item").id
    assert SelectionKey("1%3B2", "item").id != SelectionKey("1;2", "item").id


def test_a_selections_id_is_its_keys() -> None:
    key = SelectionKey("1.2.3", "item")
    assert Selection(key=key, code=Concept(text="Kidney")).id == key.id


def test_selections_cannot_be_changed() -> None:
    selection = Selection(key=SelectionKey("1.2.3", "item"), code=Concept(text="Kidney"))
    with pytest.raises(FrozenInstanceError):
        selection.status = "inactive"  # type: ignore[misc]
