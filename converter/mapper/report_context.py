"""What a content item inherits from the nearest item that says so: observers, date, site, tracking, group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from pydicom import Dataset

from converter.mapper import coded, detections, people, timing, values
from converter.mapper.annotation_object import AnnotationObject, oid_identifier
from converter.mapper.content_tree import Item
from converter.mapper.observers import algorithm, observers
from converter.selection import Concept, Identifier, Performer, SelectionKey

FINDING_SITE = "363698007"
TARGET_REGION = "123014"
LATERALITY = "272741003"
TRACKING_IDENTIFIER = "112039"
TRACKING_UID = "112040"
_STUDY_UID = "110180"
_SERIES_UID = "112002"
_IMAGE_LIBRARY = "111028"
_MEASUREMENT_GROUP = "125007"
_GROUP_TEMPLATES = frozenset({"1410", "1411", "1501"})


@dataclass(frozen=True, slots=True)
class Context:
    """What holds for an item and all that it contains, unless they say otherwise.

    `named` is the nearest concept name, `group` the nearest measurement group; `study_uid` and `series_uid` are what
    UIDREF items of an image library state of its entries. `effective` is `issued`, or no more than its day. `finding`
    and `rendering_intent` are those of computer-aided detection.
    """

    named: Concept | None = None
    issued: datetime | None = None
    effective: datetime | date | None = None
    observers: tuple[Performer, ...] = ()
    algorithm: Performer | None = None
    site: Concept | None = None
    side: str | None = None
    tracking: tuple[Identifier, ...] = ()
    group: Item | None = None
    in_image_library: bool = False
    study_uid: str | None = None
    series_uid: str | None = None
    finding: Concept | None = None
    rendering_intent: Concept | None = None


@dataclass(frozen=True, slots=True)
class ReportTree:
    """A report once its selections are gathered: what else is read from it starts here.

    `contexts` and `selections` are by the identity of the item: the context inside it, and the keys of what it selects.
    """

    obj: AnnotationObject
    root: Item
    contexts: Mapping[int, Context]
    selections: Mapping[int, tuple[SelectionKey, ...]]


def root_context(obj: AnnotationObject) -> Context:
    """Return what the document says of all its items: its date."""
    return Context(issued=obj.issued, effective=obj.issued or timing.day(values.text(obj.dataset, obj.kind.date)))


def enter(obj: AnnotationObject, item: Item, outer: Context, *, dated_by_items: bool) -> Context:
    """Return the context inside `item`: `outer` with what the item and its direct children state.

    `dated_by_items`: whether Observation DateTime (0040,A032) says when something was selected; in procedure and
    dose logs it is the time of the logged event instead.
    """
    inner = outer
    if item.concept is not None:
        inner = replace(inner, named=item.concept)
    if dated_by_items and values.has_value(item.dataset, "ObservationDateTime"):
        issued = obj.issued_at(item.dataset, "ObservationDateTime", item.path)
        day = timing.day(values.text(item.dataset, "ObservationDateTime"))
        inner = replace(inner, issued=issued or inner.issued, effective=issued or day or inner.effective)
    if not item.children:
        return inner
    stated = [child.dataset for child in item.children]
    found = observers(_observation_context(item), obj.coding_schemes)
    inner = replace(
        inner,
        observers=found or inner.observers,
        algorithm=algorithm(stated, obj.coding_schemes) or inner.algorithm,
        group=item if is_measurement_group(item) else inner.group,
        in_image_library=inner.in_image_library or coded.is_code(item.concept, coded.DCM, _IMAGE_LIBRARY),
    )
    intent = detections.rendering_intent(obj, item) or inner.rendering_intent
    inner = replace(inner, finding=detections.finding(obj, item) or inner.finding, rendering_intent=intent)
    inner = _with_site(obj, item, inner)
    return _with_uids(item, inner)


def is_measurement_group(item: Item) -> bool:
    """Return whether the item is a measurement group: by template, or by concept where templates are not named."""
    if item.value_type != "CONTAINER" or item.parent is None:
        return False
    templates = values.items(item.dataset, "ContentTemplateSequence")
    identifier = values.text(templates[0], "TemplateIdentifier") if templates else None
    return identifier in _GROUP_TEMPLATES or coded.is_code(item.concept, coded.DCM, _MEASUREMENT_GROUP)


def performers(obj: AnnotationObject, context: Context) -> tuple[Performer, ...]:
    """Return who selected: observers, else authors; the algorithm; the verifying observers."""
    found = [*(context.observers or people.authors(obj.dataset))]
    if context.algorithm is not None:
        found.append(context.algorithm)
    return tuple(dict.fromkeys((*found, *people.verifying_observers(obj.dataset))))


def _observation_context(item: Item) -> list[Dataset]:
    return [
        child.dataset
        for child in item.children
        if values.text(child.dataset, "RelationshipType") in ("HAS OBS CONTEXT", None, "")
    ]


def _with_site(obj: AnnotationObject, item: Item, inner: Context) -> Context:
    site, side = inner.site, inner.side
    for child in item.children:
        if child.value_type != "CODE":
            continue
        if coded.is_code(child.concept, coded.SCT, FINDING_SITE) or coded.is_code(
            child.concept, coded.DCM, TARGET_REGION
        ):
            site = coded.concept_of(child.dataset, "ConceptCodeSequence", obj.coding_schemes) or site
            side = _side(obj, child)
        elif coded.is_code(child.concept, coded.SCT, LATERALITY):
            side = coded.side_of(coded.concept_of(child.dataset, "ConceptCodeSequence", obj.coding_schemes)) or side
    return inner if (site, side) == (inner.site, inner.side) else replace(inner, site=site, side=side)


def _side(obj: AnnotationObject, site: Item) -> str | None:
    for child in site.children:
        if coded.is_code(child.concept, coded.SCT, LATERALITY):
            return coded.side_of(coded.concept_of(child.dataset, "ConceptCodeSequence", obj.coding_schemes))
    return None


def _with_uids(item: Item, inner: Context) -> Context:
    tracking: list[Identifier] = []
    study_uid, series_uid = inner.study_uid, inner.series_uid
    for child in item.children:
        if child.concept is None or child.value_type not in ("TEXT", "UIDREF"):
            continue
        value = values.text(child.dataset, "UID" if child.value_type == "UIDREF" else "TextValue")
        if value is None:
            continue
        if coded.is_code(child.concept, coded.DCM, TRACKING_UID):
            tracking.append(replace(oid_identifier(value), use="secondary"))
        elif coded.is_code(child.concept, coded.DCM, TRACKING_IDENTIFIER):
            tracking.append(Identifier(value, use="secondary"))
        elif coded.is_code(child.concept, coded.DCM, _STUDY_UID):
            study_uid = value
        elif coded.is_code(child.concept, coded.DCM, _SERIES_UID):
            series_uid = value
    if not tracking and (study_uid, series_uid) == (inner.study_uid, inner.series_uid):
        return inner
    return replace(inner, tracking=tuple(tracking) or inner.tracking, study_uid=study_uid, series_uid=series_uid)
