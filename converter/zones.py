"""Time zones as DICOM and people write them."""

from __future__ import annotations

import re
from datetime import timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})")


def parse_zone(text: str) -> tzinfo | None:
    """Return the zone of an offset (`+0100`, `-03:30`, `Z`) or an IANA name, None if it is neither.

    Offsets run from -12:00 to +14:00 (PS3.3 C.12.1.1.8, PS3.5 6.2 on DT).
    """
    if text == "Z":
        return timezone.utc  # noqa: UP017
    matched = _OFFSET.fullmatch(text)
    if matched:
        minutes = int(matched[2]) * 60 + int(matched[3])
        signed = -minutes if matched[1] == "-" else minutes
        in_range = int(matched[3]) < 60 and -720 <= signed <= 840
        return timezone(timedelta(minutes=signed)) if in_range else None
    try:
        return ZoneInfo(text)
    except (ValueError, KeyError, OSError):
        return None
