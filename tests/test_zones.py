"""Zones as DICOM and people write them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.zones import parse_zone


@given(st.integers(-12 * 60, 14 * 60), st.sampled_from(["", ":"]))
def test_every_offset_of_the_world_is_one(minutes: int, separator: str) -> None:
    hours, rest = divmod(abs(minutes), 60)
    zone = parse_zone(f"{'-' if minutes < 0 else '+'}{hours:02}{separator}{rest:02}")
    assert zone is not None
    assert zone.utcoffset(None) == timedelta(minutes=minutes)


def test_z_is_utc() -> None:
    zone = parse_zone("Z")
    assert zone is not None
    assert zone.utcoffset(None) == timedelta(0)


def test_a_name_is_a_zone_with_its_summer_time() -> None:
    assert parse_zone("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    zone = parse_zone("Australia/Adelaide")
    assert zone is not None
    assert datetime(2020, 1, 1, tzinfo=zone).utcoffset() == timedelta(hours=10, minutes=30)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "+1",
        "+01",
        "+0160",
        "-1201",
        "+1401",
        "+01000",
        "0100",
        "Europe",
        "Europe/Nowhere",
        "../UTC",
        "/etc/passwd",
        "a\0b",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert parse_zone(text) is None
