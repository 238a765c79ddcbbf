"""What selections refer to, as lines of a shard: stated where the object alone decides, else what the catalog needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, NamedTuple

import orjson

from converter.fhir.encoded import Encoded, Release
from converter.mapper.context import ContextMapper, Ids, PatientNeeded, StudyNeeded
from converter.measurement import Statement
from converter.selection import Code, Identifier, LogicalReference, Problem, Selection
from converter.writer.resource import EncodedBefore, Resource

_STATED, _BROKEN, _PATIENT, _STUDY = b"stated", b"broken", b"patient", b"study"


class Given(NamedTuple):
    """What a line gives for the first time: resources in order, and what was wrong with that."""

    resources: list[Resource]
    problems: list[Problem]


def context_lines(
    mapper: ContextMapper, release: Release, referring: Iterable[Selection | Statement]
) -> Iterator[tuple[bytes, ...]]:
    """Yield the lines of one object's selections and statements: form, type, id, and JSON; each thing once."""
    named: set[str] = set()
    for each in referring:
        for needed in mapper.needed(each):
            if needed.id in named:
                continue
            named.add(needed.id)
            match needed:
                case PatientNeeded():
                    yield _PATIENT, b"Patient", needed.id.encode(), orjson.dumps(asdict(needed.identifier))
                case StudyNeeded():
                    reference = None if needed.referring is None else asdict(needed.referring)
                    stated = orjson.dumps([needed.uid, reference, needed.place])
                    yield _STUDY, b"ImagingStudy", needed.id.encode(), stated
                case _:
                    encoded = release.encode_context(needed)
                    form = _BROKEN if encoded.broken else _STATED
                    yield form, encoded.type.encode(), needed.id.encode(), encoded.to_json()


def given(line: list[bytes], mapper: ContextMapper, release: Release, ids: Ids) -> Given:
    """Return what a line gives that none before it did; `ids` are those that `mapper` has given."""
    form, kind, identity, stated = line
    name = identity.decode()
    if name in ids:
        return Given([], [])
    if form == _PATIENT:
        return _encoded(release, *mapper.give(PatientNeeded(name, _identifier(orjson.loads(stated)))))
    if form == _STUDY:
        uid, referring, place = orjson.loads(stated)
        return _encoded(release, *mapper.give(StudyNeeded(name, uid, _reference(referring), place)))
    ids.add(name)
    return Given([] if form == _BROKEN else [EncodedBefore(kind.decode(), name, stated)], [])


def _encoded(release: Release, stated: Iterable[Any], problems: list[Problem]) -> Given:
    resources: list[Encoded] = [release.encode_context(each) for each in stated]
    return Given([each for each in resources if not each.broken], problems)


def _identifier(values: dict[str, Any]) -> Identifier:
    return Identifier(**{**values, "type": None if values["type"] is None else Code(**values["type"])})


def _reference(values: dict[str, Any] | None) -> LogicalReference | None:
    if values is None:
        return None
    identifier = values["identifier"]
    return LogicalReference(**{**values, "identifier": None if identifier is None else _identifier(identifier)})
