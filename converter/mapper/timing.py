"""Dates and times of DICOM as moments (PS3.5 6.2 on DA, TM, DT)."""

from __future__ import annotations

import re
from datetime import date, datetime, time, tzinfo

from converter.zones import parse_zone

_DATE = re.compile(r"(\d{4})[.:-]?(\d{2})[.:-]?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(\d{2}):?(\d{2})(?:\.(\d{1,6}))?")


class IncompleteTimeError(ValueError):
    """The moment is not known to the second, or not in which zone."""


class InvalidTimeError(ValueError):
    """The text is no date or time, or one that does not exist."""


def moment(date: str, time: str, zone: tzinfo | None) -> datetime:
    """Return the moment of a DA and a TM value in `zone`.

    Separators of ACR-NEMA times are accepted. Raises IncompleteTimeError if there is no zone or are no seconds,
    InvalidTimeError if the values are none of a calendar and clock; a leap second (60) is none that FHIR can hold.
    """
    day = _DATE.fullmatch(date.strip())
    clock = _TIME.fullmatch(time.strip())
    if day is None or clock is None:
        truncated = re.fullmatch(r"\d{4}(\d{2}){0,2}", date.strip()) and re.fullmatch(r"(\d{2}){0,2}", time.strip())
        raise IncompleteTimeError if truncated else InvalidTimeError
    microseconds = int((clock[4] or "").ljust(6, "0"))
    year, month, day_of_month, hour, minute, second = (int(part) for part in (*day.groups(), *clock.groups()[:3]))
    try:
        found = datetime(year, month, day_of_month, hour, minute, second, microseconds, zone)
    except ValueError as error:
        raise InvalidTimeError from error
    if zone is None:
        raise IncompleteTimeError
    return found


def moment_of_date_time(text: str, zone: tzinfo | None) -> datetime:
    """Return the moment of a DT value; its own offset wins over `zone`. Raises as `moment`."""
    matched = re.fullmatch(r"(\d*)(\.\d*)?([+-]\d{4})?", text.strip())
    if matched is None or not matched[1]:
        raise InvalidTimeError
    digits = matched[1]
    own = parse_zone(matched[3]) if matched[3] else zone
    if matched[3] and own is None:
        raise InvalidTimeError
    return moment(digits[:8], digits[8:] + (matched[2] or ""), own)


def day(text: str | None) -> date | None:
    """Return the day of a DA or DT value, None if it is not known to the day or none of the calendar."""
    matched = re.match(r"(\d{4})[.:-]?(\d{2})[.:-]?(\d{2})", (text or "").strip())
    if matched is None:
        return None
    try:
        return date(*(int(part) for part in matched.groups()))
    except ValueError:
        return None


def clock(text: str | None) -> time | None:
    """Return the time of a TM value, None if it is not known to the second or none of a clock."""
    matched = _TIME.fullmatch((text or "").strip())
    if matched is None:
        return None
    try:
        return time(int(matched[1]), int(matched[2]), int(matched[3]), int((matched[4] or "").ljust(6, "0")))
    except ValueError:
        return None
