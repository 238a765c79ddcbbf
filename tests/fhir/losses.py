"""What a release's table of losses says, row by row, as what it takes away from facts; and what is always added."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from converter.fhir.encoded import Release
from converter.selection import SelectedInstance, Selection, Series, SourceObject
from tests.fhir.facts import NUMBERS, Facts, instance, stated

UNKNOWN, ERROR = ("absent", "unknown"), ("absent", "error")


def after_losses(found: Release, selection: Selection) -> tuple[Facts, set[str]]:
    """What is left of a selection's facts by the release's table, and the problems that it says are reported."""
    facts, reported = stated(selection), set()
    for loss in found.losses:
        if loss.element == "instance.imageRegion3D":
            reduce = on_instance(selection)
        else:
            reduce = REDUCTIONS[loss.element, loss.lost]
        left = reduce(facts)
        if left != facts and loss.problem is not None:
            reported.add(loss.problem)
        facts = left
    return needed(facts), reported


def spaced(text: str | None) -> str | None:
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]", " ", text).strip() or None if text else None


def over(value: Any, kind: str, change: Callable[[tuple[Any, ...]], Any]) -> Any:
    """Apply `change` to every tuple that begins with `kind`, the innermost first."""
    if isinstance(value, dict):
        return {name: over(each, kind, change) for name, each in value.items()}
    if isinstance(value, list):
        return [over(each, kind, change) for each in value]
    if isinstance(value, tuple):
        inner = tuple(over(each, kind, change) for each in value)
        return change(inner) if inner[:1] == (kind,) else inner
    return value


def texts(facts: Facts) -> Facts:
    facts = over(facts, "coding", lambda each: ("coding", *map(spaced, each[1:])))
    facts = over(facts, "concept", lambda each: (*each[:2], spaced(each[2])))
    facts = over(facts, "identifier", lambda each: (*each[:3], *map(spaced, each[3:])))
    return dict(over(facts, "reference", lambda each: (*each[:3], spaced(each[3]))))


def single_spaces(facts: Facts) -> Facts:
    return dict(
        over(facts, "coding", lambda each: (*each[:3], " ".join(each[3].split()) if each[3] else None, each[4]))
    )


def systems(facts: Facts) -> Facts:
    def uri(text: str | None) -> str | None:
        return None if text is None or re.search(r"\s", text) else text

    facts = over(facts, "coding", lambda each: ("coding", uri(each[1]), *each[2:]))
    return dict(over(facts, "identifier", lambda each: (*each[:3], uri(each[3]), *each[4:])))


def silent(facts: Facts) -> Facts:
    def some(values: Iterable[Any]) -> tuple[Any, ...]:
        return tuple(each for each in values if each is not None)

    facts = over(facts, "coding", lambda each: each if each[3] or each[4] else None)
    facts = over(facts, "concept", lambda each: ("concept", some(each[1]), each[2]))
    facts = over(facts, "concept", lambda each: each if each[1] or each[2] else None)
    facts = over(facts, "identifier", lambda each: each if each[4] else None)
    facts = over(facts, "reference", lambda each: each if each[2] or each[3] else None)
    lists = {"identifiers", "categories", "based_on", "body_sites"}
    return facts | {name: list(some(facts[name])) for name in lists}


def actors(facts: Facts) -> Facts:
    return facts | {"performers": [each for each in facts["performers"] if each[1]]}


def zoned(facts: Facts) -> Facts:
    moment = facts["issued"]
    return facts | {"issued": moment if moment is not None and moment.tzinfo is not None else None}


def writable_zone(facts: Facts) -> Facts:
    moment: datetime | None = facts["issued"]
    offset = moment.utcoffset() if moment is not None else None
    if moment is None or offset is None or not (offset % timedelta(minutes=1) or abs(offset) > timedelta(hours=14)):
        return facts
    try:
        return facts | {"issued": moment.astimezone(UTC)}
    except OverflowError:
        return facts | {"issued": None}


def study_by_uid(facts: Facts) -> Facts:
    uid = facts["derived_from"]
    return facts | {"derived_from": uid if uid and re.fullmatch(r"[0-9]+(\.[0-9]+)*", uid) else None}


def in_series(facts: Facts) -> bool:
    return bool(facts["instances"] or facts["series"])


def numbered_series(facts: Facts) -> Facts:
    return facts | {"series_number": facts["series_number"] if in_series(facts) else None}


def over_instances(facts: Facts, name: str, change: Callable[[Any], Any]) -> Facts:
    return facts | {"instances": [each | {name: change(each[name])} for each in facts["instances"]]}


def unsigned_ints(facts: Facts) -> Facts:
    def fitting(number: int | None) -> int | None:
        return number if number is not None and 0 <= number < 2**31 else None

    facts = facts | {"series_number": fitting(facts["series_number"])}
    return over_instances(facts, "number", fitting)


def ids(facts: Facts) -> Facts:
    def fitting(uid: str | None, *, needed: bool) -> Any:
        if uid is None or re.fullmatch(r"[A-Za-z0-9.-]{1,64}", uid):
            return uid
        return ERROR if needed else None

    facts = facts | {
        "study": fitting(facts["study"], needed=in_series(facts)),
        "series": fitting(facts["series"], needed=True),
        "frame_of_reference": fitting(facts["frame_of_reference"], needed=bool(regions_3d_of(facts))),
    }
    return over_instances(facts, "uid", lambda uid: fitting(uid, needed=True))


def regions_3d_of(facts: Facts) -> list[Any]:
    return [*facts["regions_3d"], *(each for one in facts["instances"] for each in one.get("regions_3d", []))]


def oids(facts: Facts) -> Facts:
    oid = re.compile(r"[0-2](\.(0|[1-9][0-9]*))+")
    return over_instances(facts, "sop_class", lambda uid: uid if uid and oid.fullmatch(uid) else None)


def web_addresses(facts: Facts) -> Facts:
    usable = {
        "https://pacs.example.org/dicom-web",
        "http://localhost:8042/dicom-web/",
        "http://10.0.0.1/dicom",
        "http://[::1]:80/dicom",
    }
    return facts | {"endpoints": [each for each in facts["endpoints"] if each in usable]}


def without(name: str) -> Callable[[Facts], Facts]:
    return lambda facts: facts | {name: None}


def modality_of_series(facts: Facts) -> Facts:
    return facts if in_series(facts) else facts | {"modality": None}


def over_regions(change: Callable[[tuple[Any, ...]], list[Any]]) -> Callable[[Facts], Facts]:
    return lambda facts: over_instances(
        facts, "regions", lambda regions: [one for each in regions for one in change(each)]
    )


def curve(each: tuple[Any, ...]) -> list[Any]:
    return [("through", each[1])] if each[0] == "interpolated" else [each]


def points(each: tuple[Any, ...]) -> list[Any]:
    return [("point", (point,)) for point in each[1]] if each[0] == "multipoint" else [each]


def over_subsets(change: Callable[[tuple[Any, ...]], Any]) -> Callable[[Facts], Facts]:
    return lambda facts: over_instances(facts, "subset", lambda each: each and change(each))


def path_only(each: tuple[Any, ...]) -> tuple[Any, ...]:
    return ("item", each[1], None) if each[0] == "item" else each


def observation(each: tuple[Any, ...]) -> tuple[Any, ...]:
    if each[0] != "item":
        return each
    has_uid = each[2] is not None and re.fullmatch(r"[0-9]+(\.[0-9]+)+", each[2])
    return ("strings", (each[2],)) if has_uid else path_only(each)


def strings(each: tuple[Any, ...]) -> tuple[Any, ...]:
    match each:
        case ("strings", _):
            return each
        case ("item", position, _):
            return ("strings", (".".join(map(str, position)),))
        case ("channels", pairs):
            return ("strings", tuple(f"{group}.{channel}" for group, channel in pairs))
        case _:
            return ("strings", tuple(map(str, each[1])))


def positive(number: int) -> bool:
    return 1 <= number < 2**31


def positive_numbers(each: tuple[Any, ...]) -> Any:
    if each[0] not in NUMBERS.values():
        return each
    kept = tuple(number for number in each[1] if positive(number))
    return (each[0], kept) if kept else None


def positive_path(each: tuple[Any, ...]) -> Any:
    return None if each[0] == "item" and not all(map(positive, each[1])) else each


def positive_channels(each: tuple[Any, ...]) -> Any:
    if each[0] != "channels":
        return each
    kept = tuple(pair for pair in each[1] if all(map(positive, pair)))
    return ("channels", kept) if kept else None


def active(facts: Facts) -> Facts:
    return facts | {"status": "unknown" if facts["status"] == "inactive" else facts["status"]}


def one_site(facts: Facts) -> Facts:
    return facts | {"body_sites": facts["body_sites"][:1]}


def on_instance(selection: Selection) -> Callable[[Facts], Facts]:
    """Regions in a frame of reference go to the first instance, of which there is one in any case."""

    def move(facts: Facts) -> Facts:
        if not facts["regions_3d"]:
            return facts
        instances = list(facts["instances"])
        if not instances:
            source = SourceObject()
            if selection.series == Series():
                uid = selection.key.source
                named = SourceObject(uid if re.fullmatch(r"[0-9]+(\.[0-9]+)+", uid) else None)
                source = selection.source_object or named
                facts = facts | {
                    "derived_from": source.series.study_instance_uid or None,
                    "study": source.series.study_instance_uid or None,
                    "series": source.series.series_instance_uid or None,
                    "series_number": source.series.number,
                }
            instances = [instance(SelectedInstance(source.sop_instance_uid or "", source.sop_class_uid, source.number))]
        instances[0] = instances[0] | {"regions_3d": facts["regions_3d"]}
        return facts | {"instances": instances, "regions_3d": []}

    return move


def needed(facts: Facts) -> Facts:
    """Add what a resource has in any case, said or not."""
    code = facts["code"]
    if code is None:
        code = UNKNOWN
    elif code[2] is None:
        _, _, _, value, display = code[1][0]
        code = (*code[:2], display or value)
    series = in_series(facts)
    facts = facts | {
        "code": code,
        "identifiers": [
            ("identifier", None, None, "urn:ietf:rfc:3986", f"urn:uuid:{facts['id']}", None),
            *facts["identifiers"],
        ],
        "study": facts["study"] or (UNKNOWN if series else None),
        "series": facts["series"] or (UNKNOWN if series else None),
        "frame_of_reference": facts["frame_of_reference"] or (UNKNOWN if regions_3d_of(facts) else None),
    }
    return over_instances(facts, "uid", lambda uid: uid or UNKNOWN)


REDUCTIONS: dict[tuple[str, str], Callable[[Facts], Facts]] = {
    (
        "any text",
        "control characters, halves of surrogate pairs, white space around it, what is beyond 1048576 characters",
    ): texts,
    ("any code", "white space other than single spaces"): single_spaces,
    ("any system", "white space, which no URI has"): systems,
    ("any coding, identifier or reference", "one that says nothing"): silent,
    ("performer", "one without an actor"): actors,
    ("issued", "a time without a zone"): zoned,
    ("issued", "a zone of seconds or beyond 14 hours"): writable_zone,
    ("derivedFrom", "a Study Instance UID of other than digits and dots"): study_by_uid,
    ("seriesNumber", "the number of a series that is not named, of no instances"): numbered_series,
    ("seriesNumber, instance.number", "a number below 0 or above 2147483647"): unsigned_ints,
    (
        "studyUid, seriesUid, frameOfReferenceUid, instance.uid",
        "a UID that an id cannot hold: over 64 characters, or other than letters, digits, hyphens and dots",
    ): ids,
    ("instance.sopClass", "a UID that is no object identifier"): oids,
    ("endpoint", "a URL that is not http or https"): web_addresses,
    ("modality", "the modality of the selected series"): without("modality"),
    ("modality", "the modality of a series that is not named, of no instances"): modality_of_series,
    ("instance.imageRegion2D", "a curve through its stated points (INTERPOLATED)"): over_regions(curve),
    ("instance.imageRegion2D", "that points are one multipoint"): over_regions(points),
    ("instance.subset", "the Observation UID of a report's item"): over_subsets(path_only),
    ("instance.subset", "the path of a report's item that has an Observation UID"): over_subsets(observation),
    (
        "instance.subset",
        "whether its numbers are those of frames, segments or regions of interest",
    ): over_subsets(strings),
    (
        "instance.frameNumber, .segmentNumber, .regionOfInterest",
        "a number that is not 1 to 2147483647, as segment 0 of a label map",
    ): over_subsets(positive_numbers),
    (
        "instance.referencedContentItemIdentifier",
        "a path with a number that is not 1 to 2147483647",
    ): over_subsets(positive_path),
    (
        "instance.referencedContentItemIdentifier",
        "the Observation UID of a report's item",
    ): over_subsets(path_only),
    (
        "instance.waveFormChannel",
        "a channel of which the group's or its own number is not 1 to 2147483647",
    ): over_subsets(positive_channels),
    ("status", "inactive"): active,
    ("bodySite", "more than one body site"): one_site,
}
