"""The list of a page: what each selection says of itself, in the order patient, study, series.

Resources are those of any release and of any program: what they leave out, or state in a way that is not FHIR's, is
None or empty here, and nothing of them is trusted to be of the right type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from converter.fhir import r4

_UNKNOWN_KIND: Final = "other"


@dataclass(frozen=True, slots=True)
class Entry:
    """A selection in the list.

    `kind`: the modality of the object it comes from (CID 33), the first category of what this package writes; "other"
    where there is none. `patient` is the Patient ID, `patient_system` tells those of two issuers apart; `patient_name`
    is there only where names are asked for. `instance_uid`: that of the
    first instance. `region_types`: as the resource has them, each once, with 2D or 3D before.
    """

    id: str
    code: str
    kind: str
    categories: tuple[str, ...] = ()
    body_sites: tuple[str, ...] = ()
    performers: tuple[str, ...] = ()
    issued: str | None = None
    patient: str | None = None
    patient_system: str | None = None
    patient_name: str | None = None
    study_uid: str | None = None
    series_uid: str | None = None
    series_number: int | None = None
    instance_uid: str | None = None
    region_types: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[str | int, ...]:
        """What entries are sorted by: patient, study, series; what none is known of comes last."""
        return (
            *(part for each in (self.patient, self.patient_system, self.study_uid) for part in _last_if_none(each)),
            self.series_number if self.series_number is not None else 2**31,
            *_last_if_none(self.series_uid),
        )


def entry(resource: Mapping[str, Any], *, with_names: bool = False) -> Entry:
    """Return what the list says of an ImagingSelection, or of the Basic that one is in R4."""
    plain = r4.from_basic(resource) if resource.get("resourceType") == "Basic" else resource
    categories = [each for each in _items(plain.get("category")) if isinstance(each, Mapping)]
    subject = _mapping(plain.get("subject"))
    identifier = _mapping(subject.get("identifier"))
    number = plain.get("seriesNumber")
    return Entry(
        id=_text(resource.get("id")) or "",
        code=concept_text(plain.get("code")) or "no code",
        kind=_first_code(categories) or _UNKNOWN_KIND,
        categories=_texts(concept_text(each) for each in categories),
        body_sites=_texts(_site(each) for each in _items(plain.get("bodySite"))),
        performers=_texts(_performer(each) for each in _items(plain.get("performer"))),
        issued=_text(plain.get("issued")),
        patient=_text(identifier.get("value")) or _text(subject.get("reference")),
        patient_system=_text(identifier.get("system")) or _text(_mapping(identifier.get("assigner")).get("display")),
        patient_name=_text(subject.get("display")) if with_names else None,
        study_uid=_text(plain.get("studyUid")),
        series_uid=_text(plain.get("seriesUid")),
        series_number=number if isinstance(number, int) else None,
        instance_uid=next(filter(None, (_text(each.get("uid")) for each in _instances(plain))), None),
        region_types=tuple(dict.fromkeys(_region_types(plain))),
    )


def without_names(value: Any, *, is_subject: bool = False) -> Any:
    """Return a JSON value without what references to patients show, their names, and without narratives.

    What the subject is need not be stated: its name goes whatever it is. A narrative may name anybody.
    """
    if isinstance(value, dict):
        hidden = _NAMES if is_subject or _is_patient(value) else _NARRATIVE
        return {
            name: without_names(each, is_subject=name == "subject")
            for name, each in value.items()
            if name not in hidden
        }
    if isinstance(value, list):
        # Coordinates are most of a resource, and hold no names.
        return value if not value or isinstance(value[0], int | float) else [without_names(each) for each in value]
    return value


_NARRATIVE: Final = frozenset({"div", "_div"})
_NAMES: Final = _NARRATIVE | {"display", "_display", "name", "_name", "birthDate", "_birthDate"}


def _is_patient(value: Mapping[str, Any]) -> bool:
    """Tell whether a value is a Patient, or a reference to one."""
    if value.get("resourceType") == "Patient" or value.get("type") == "Patient":
        return True
    reference = value.get("reference")
    return isinstance(reference, str) and "Patient" in reference.split("/")


def concept_text(value: Any) -> str | None:
    """Return what a CodeableConcept is called: its text, else what its first coding says."""
    concept = _mapping(value)
    if _text(concept.get("text")):
        return _text(concept.get("text"))
    codings = [_mapping(each) for each in _items(concept.get("coding"))]
    return next((found for each in codings if (found := _text(each.get("display")) or _text(each.get("code")))), None)


def _first_code(concepts: Sequence[Mapping[str, Any]]) -> str | None:
    codings = _items(concepts[0].get("coding")) if concepts else ()
    return _text(_mapping(codings[0]).get("code")) if codings else None


def _site(value: Any) -> str | None:
    site = _mapping(value)
    return concept_text(site.get("concept")) or _text(_mapping(site.get("reference")).get("display"))


def _performer(value: Any) -> str | None:
    actor = _mapping(_mapping(value).get("actor"))
    if _is_patient(actor):
        return "the patient"
    identifier = _text(_mapping(actor.get("identifier")).get("value"))
    return _text(actor.get("display")) or identifier or _text(actor.get("reference"))


def _instances(plain: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [_mapping(each) for each in _items(plain.get("instance"))]


def _region_types(plain: Mapping[str, Any]) -> Iterator[str]:
    for instance in _instances(plain):
        for name, kind in (("imageRegion2D", "2D"), ("imageRegion3D", "3D")):
            for region in map(_mapping, _items(instance.get(name))):
                yield f"{kind} {_text(region.get('regionType')) or 'region'}"
    for region in map(_mapping, _items(plain.get("imageRegion3D"))):
        yield f"3D {_text(region.get('regionType')) or 'region'}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _items(value: Any) -> Sequence[Any]:
    """Return the items of what repeats in one release and does not in another."""
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(found: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in found if each))


def _last_if_none(value: str | None) -> tuple[int, str]:
    return (1, "") if value is None else (0, value)
