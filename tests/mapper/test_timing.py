"""Moments out of DA, TM and DT values (PS3.5 6.2), against Python's own calendar."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from converter.mapper.timing import IncompleteTimeError, InvalidTimeError, moment, moment_of_date_time

UTC = timezone(timedelta(0))
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9998, 12, 31), timezones=OFFSETS)


@given(MOMENTS, st.sampled_from([("%Y%m%d", "%H%M%S.%f"), ("%Y.%m.%d", "%H:%M:%S.%f"), ("%Y-%m-%d", "%H%M%S.%f")]))
def test_every_date_and_time_is_itself(expected: datetime, formats: tuple[str, str]) -> None:
    date, time = (expected.strftime(each) for each in formats)
    assert moment(date, time, expected.tzinfo) == expected
    assert moment(date, time, expected.tzinfo).utcoffset() == expected.utcoffset()


@given(MOMENTS, OFFSETS)
def test_the_offset_of_a_date_time_wins_over_the_objects_zone(expected: datetime, other: tzinfo) -> None:
    stated = expected.strftime("%Y%m%d%H%M%S.%f%z")
    assert moment_of_date_time(stated, other) == expected
    assert moment_of_date_time(stated, None) == expected
    assert moment_of_date_time(expected.strftime("%Y%m%d%H%M%S.%f"), expected.tzinfo) == expected


def test_a_fraction_is_of_a_second_however_many_digits_it_has() -> None:
    assert moment("20200102", "101112.5", UTC).microsecond == 500_000
    assert moment("20200102", "101112.000001", UTC).microsecond == 1
    assert moment_of_date_time("20200102101112.25+0000", None).microsecond == 250_000


def test_a_named_zone_has_the_offset_of_that_day() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert moment("20200102", "101112", berlin).utcoffset() == timedelta(hours=1)
    assert moment("20200702", "101112", berlin).utcoffset() == timedelta(hours=2)


@pytest.mark.parametrize(
    ("date", "time"), [("20200102", ""), ("20200102", "10"), ("20200102", "1011"), ("202001", ""), ("2020", "")]
)
def test_less_than_seconds_is_incomplete(date: str, time: str) -> None:
    with pytest.raises(IncompleteTimeError):
        moment(date, time, UTC)


def test_without_a_zone_a_moment_is_incomplete() -> None:
    with pytest.raises(IncompleteTimeError):
        moment("20200102", "101112", None)
    with pytest.raises(IncompleteTimeError):
        moment_of_date_time("20200102101112", None)


@pytest.mark.parametrize("text", ["2020", "202001", "20200102", "2020010210", "202001021011", "202001021011+0100"])
def test_a_date_time_that_ends_early_is_incomplete(text: str) -> None:
    with pytest.raises(IncompleteTimeError):
        moment_of_date_time(text, UTC)


@pytest.mark.parametrize(
    ("date", "time"),
    [
        ("202001", "101112"),  # a date, unlike a date time, does not end early
        ("20200230", "101112"),
        ("20201301", "101112"),
        ("00000101", "101112"),
        ("20200102", "241112"),
        ("20200102", "101160"),  # a leap second
        ("20200102", "101112.1234567"),
        ("yesterday", "101112"),
        ("20200102", "noon"),
        ("20200102-20200103", "101112"),
    ],
)
@pytest.mark.parametrize("zone", [UTC, None])
def test_what_is_in_no_calendar_or_clock_is_invalid(date: str, time: str, zone: tzinfo | None) -> None:
    with pytest.raises(InvalidTimeError):
        moment(date, time, zone)


@pytest.mark.parametrize("text", ["", "+0100", "20200230101112", "20200102101112+9900", "20200102101112Z", "now"])
def test_a_date_time_that_is_none_is_invalid(text: str) -> None:
    with pytest.raises(InvalidTimeError):
        moment_of_date_time(text, UTC)
