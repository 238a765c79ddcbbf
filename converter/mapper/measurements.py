"""What a structured report states of what it selects: measurements, evaluations, findings and their groups.

Measurement reports (PS3.16 TID 1500) as the HL7 guide "DICOM SR to FHIR Resource Mapping" reads them; numbers and coded
evaluations of other reports that are inferred from images or regions; CAD reports (TID 4000, 4100, 4120).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from pydicom import Dataset

from converter.mapper import coded, values
from converter.mapper.annotation_object import oid_identifier
from converter.mapper.content_tree import Item, walk
from converter.mapper.measured_values import Measured, measured, value_of
from converter.mapper.observers import ALGORITHM, OBSERVER_CONTEXT
from converter.mapper.report_context import (
    FINDING_SITE,
    LATERALITY,
    TARGET_REGION,
    TRACKING_IDENTIFIER,
    TRACKING_UID,
    Context,
    ReportTree,
    is_measurement_group,
    performers,
)
from converter.measurement import (
    Absence,
    Evaluation,
    Finding,
    Measurement,
    MeasurementGroup,
    Property,
    Quantity,
    ReferenceRange,
    Statement,
    Status,
)
from converter.selection import Code, Concept, Identifier, LogicalReference, SelectionKey

_Kind: TypeAlias = Literal["group", "measurement", "evaluation", "finding"]
_Name: TypeAlias = tuple[str | None, str]


def _names(system: str, *codes: str) -> frozenset[_Name]:
    return frozenset((system, code) for code in codes)


_UMLS = "http://terminology.hl7.org/CodeSystem/umls"
_GROUP = Concept((Code(coded.DCM, "125007", "Measurement Group"),), "Measurement Group")
_OBSERVATION_UID = Code(
    "http://hl7.org/fhir/uv/dicom-sr/CodeSystem/dicom-identifier-type", "observation-uid", "Observation UID"
)
# Dose reports measure doses, not what is in images; those of other SOP classes are known as logs.
_DOSE_REPORTS = _names(coded.DCM, "113701", "113500")
_IMPRESSION = _names(coded.DCM, "111034")
_CAD_FINDINGS = _names(coded.DCM, "111015", "111017", "111059")
_QUALITATIVE_EVALUATIONS = _names(_UMLS, "C0034375")
_DERIVED_MEASUREMENTS = _names(coded.DCM, "126011")

# Content items that are elements of what they belong to, and those that its context has taken up.
_FINDING_CATEGORY = _names(coded.SCT, "276214006")
_FINDING = _names(coded.DCM, "121071")
_METHOD = _names(coded.SCT, "370129005")
_DERIVATION = _names(coded.DCM, "121401")
_NORMALITY = _names(coded.DCM, "121402")
_LOWER_LIMIT = _names(coded.SCT, "385524004")
_UPPER_LIMIT = _names(coded.SCT, "371933006")
_RANGE_TEXT = _names(coded.DCM, "121407")
_ELEMENTS = _METHOD | _DERIVATION | _NORMALITY | _LOWER_LIMIT | _UPPER_LIMIT | _RANGE_TEXT
_GROUP_ELEMENTS = _FINDING_CATEGORY | _FINDING
_LANGUAGE = ("121045", "121046", "121047", "121048", "121049")
_CONTEXT = (
    _names(coded.SCT, FINDING_SITE)
    | _names(coded.DCM, TARGET_REGION, TRACKING_IDENTIFIER, TRACKING_UID, *_LANGUAGE)
    | _names(coded.DCM, *OBSERVER_CONTEXT, *ALGORITHM)
)
_LATERALITY = _names(coded.SCT, LATERALITY)
_STATUSES: dict[str, Status] = {
    "PRELIMINARY": "preliminary",
    "PARTIAL": "preliminary",
    "FINAL": "final",
    "COMPLETE": "final",
}
_VALUE_TYPES = frozenset({"NUM", "CODE", "TEXT", "DATE", "TIME", "DATETIME"})
_INFERRED = frozenset({"INFERRED FROM", "SELECTED FROM"})


def measurements(tree: ReportTree) -> Iterator[Statement]:
    """Yield what the report states, groups before their members, in document order."""
    if not _is_named(tree.root, _DOSE_REPORTS):
        yield from _Statements(tree)


@dataclass(slots=True, eq=False)
class _Node:
    """A content item that becomes a statement. What it holds fills as the tree is walked; dicts are sets in order."""

    item: Item
    kind: _Kind
    key: SelectionKey
    owner: _Node | None
    origin: tuple[SelectionKey, ...]
    selections: dict[SelectionKey, None] = field(default_factory=dict)
    properties: list[Item] = field(default_factory=list)
    sources: dict[_Node, None] = field(default_factory=dict)
    members: dict[_Node, None] = field(default_factory=dict)
    method: Concept | None = None

    def refer(self, other: _Node, relationship: str) -> None:
        """Take `other` as what this is inferred from, or else as a part of it."""
        (self.sources if relationship in _INFERRED else self.members)[other] = None


class _Statements:
    """The statements of one report: its tree is walked once for what states, then each is made."""

    def __init__(self, tree: ReportTree) -> None:
        self.tree = tree
        self.obj = tree.obj
        self.status = _status(tree.obj.dataset)
        self.nodes: dict[int, _Node] = {}
        self.targets = {id(item.target) for item in walk(tree.root) if item.target is not None}
        self._find()

    def __iter__(self) -> Iterator[Statement]:
        for node in self.nodes.values():
            owner = node.owner
            # The owner came before: what a member does not say of its own holds from there.
            if owner is not None and node.kind != "group" and not node.selections:
                node.selections = owner.selections
            if owner is not None and node.kind == "measurement":
                node.method = owner.method
            yield self._statement(node)

    # What states

    def _find(self) -> None:
        """Fill the nodes, and let each refer to those within it, by value and by reference."""
        owners: dict[int, _Node | None] = {}
        for item in walk(self.tree.root):
            owner = None if item.parent is None else owners[id(item.parent)]
            owners[id(item)] = self._enter(item, owner)
        for item in walk(self.tree.root):
            owner = None if item.parent is None else owners[id(item.parent)]
            node = self.nodes.get(id(item.target or item))
            if owner is not None and node is not None:
                owner.refer(node, _relationship(item))

    def _enter(self, item: Item, owner: _Node | None) -> _Node | None:
        if item.parent is None or self.tree.contexts[id(item)].in_image_library:
            return owner
        selected = self.tree.selections.get(id(item), ())
        kind = self._kind(item, owner)
        if kind is None:
            if owner is not None:
                owner.selections.update(dict.fromkeys(selected))
                if item.value_type in _VALUE_TYPES and not self._is_context(item):
                    owner.properties.append(item)
            return owner
        key = self.obj.key("observation-group" if kind == "group" else "observation", item.dotted)
        node = self.nodes[id(item)] = _Node(item, kind, key, owner, selected)
        return node

    def _kind(self, item: Item, owner: _Node | None) -> _Kind | None:
        """Return what the item is to become, None if it is a property, an element or nothing of its own."""
        if is_measurement_group(item) or (item.value_type == "CONTAINER" and _is_named(item, _IMPRESSION)):
            return "group"
        if item.value_type not in _VALUE_TYPES or self._is_context(item) or self._is_element(item, owner):
            return None
        if item.value_type == "CODE" and _is_named(item, _CAD_FINDINGS):
            return "finding"
        if owner is None:
            return self._kind_alone(item)
        in_container = item.parent is not None and item.parent.value_type == "CONTAINER"
        is_number = item.value_type == "NUM"
        is_property = _relationship(item).startswith("HAS ") or not (is_number or in_container)
        if is_property and not self._stands_alone(item, owner):
            return None
        return "measurement" if is_number else "evaluation"

    def _kind_alone(self, item: Item) -> _Kind | None:
        """Return what an item outside of all groups is to become."""
        if item.value_type == "NUM":
            return None if _relationship(item) in ("HAS OBS CONTEXT", "HAS ACQ CONTEXT") else "measurement"
        is_evaluation = item.parent is not None and _is_named(item.parent, _QUALITATIVE_EVALUATIONS)
        if item.value_type == "CODE" and not _relationship(item).startswith("HAS "):
            is_evaluation = is_evaluation or any(id(child) in self.tree.selections for child in item.children)
        return "evaluation" if is_evaluation else None

    def _stands_alone(self, item: Item, owner: _Node) -> bool:
        """Return whether a property is more than a component can hold: it has parts, is referred to, or is no other."""
        same = not _codes(item.concept).isdisjoint(_codes(owner.item.concept))
        return bool(item.children) or id(item) in self.targets or same

    def _is_context(self, item: Item) -> bool:
        has_site = self.tree.contexts[id(item)].site is not None
        return _is_named(item, _CONTEXT) or (has_site and _is_named(item, _LATERALITY))

    def _is_element(self, item: Item, owner: _Node | None) -> bool:
        if owner is None:
            return False
        in_group = owner.kind == "group" and item.parent is owner.item
        return _is_named(item, _ELEMENTS) or (in_group and _is_named(item, _GROUP_ELEMENTS))

    # What is stated

    def _statement(self, node: _Node) -> Statement:
        item = node.item
        if item.concept is None and node.kind != "group":
            self.obj.report("code-incomplete", f"{item.path}.ConceptNameCodeSequence")
        properties, method, normality = self._elements(node)
        node.method = method or node.method
        shared = self._shared(node) | {"method": node.method, "interpretations": normality}
        if node.kind == "group":
            return self._group(node, properties, shared)
        if node.kind == "measurement":
            return self._measurement(node, properties, shared)
        shared["properties"] = self._properties(properties)
        value = value_of(self.obj, item)
        if value is None:
            self.obj.report("value-missing", item.path)
        return (Finding if node.kind == "finding" else Evaluation)(code=item.concept, value=value, **shared)

    def _shared(self, node: _Node) -> dict[str, Any]:
        obj, context = self.obj, self.tree.contexts[id(node.item)]
        uid = values.text(node.item.dataset, "ObservationUID")
        found = performers(obj, context)
        devices = [context.algorithm] if context.algorithm else []
        devices += [each for each in (*found, *obj.equipment) if each.actor.type == "Device"]
        return {
            "key": node.key,
            "status": self.status,
            "identifiers": () if uid is None else (replace(oid_identifier(uid), type=_OBSERVATION_UID),),
            "subject": obj.subject,
            "based_on": obj.based_on,
            "study_instance_uid": obj.own_series.study_instance_uid,
            "tracked": _tracked(context),
            "issued": context.issued,
            "effective": context.effective,
            "performers": tuple(dict.fromkeys(each.actor for each in found if each.actor.type != "Device")),
            "device": devices[0].actor if devices else None,
            "body_site": next(iter(obj.body_sites(context.site, context.side)), None),
            "selections": (*node.origin, *node.selections),
            "sources": tuple(each.key for each in node.sources),
            "members": tuple(each.key for each in node.members),
            "place": node.item.path,
        }

    def _elements(self, node: _Node) -> tuple[list[Item], Concept | None, tuple[Concept, ...]]:
        """Return the properties but for the method and normality that are among them."""
        rest: list[Item] = []
        found: dict[str, list[Concept]] = {"method": [], "normality": []}
        for item in node.properties:
            name = "method" if _is_named(item, _METHOD) else "normality" if _is_named(item, _NORMALITY) else None
            value = value_of(self.obj, item) if name else None
            if name and isinstance(value, Concept) and not (name == "method" and found[name]):
                found[name].append(value)
            else:
                rest.append(item)
        return rest, next(iter(found["method"]), None), tuple(found["normality"])

    def _group(self, node: _Node, properties: list[Item], shared: dict[str, Any]) -> MeasurementGroup:
        stated: dict[frozenset[_Name], Concept] = {}
        rest: list[Item] = []
        for item in properties:
            name = next((names for names in (_FINDING_CATEGORY, _FINDING) if _is_named(item, names)), None)
            value = value_of(self.obj, item) if name and name not in stated else None
            if name and isinstance(value, Concept):
                stated[name] = value
            else:
                rest.append(item)
        code = stated.get(_FINDING_CATEGORY) or node.item.concept or _GROUP
        finding = stated.get(_FINDING)
        return MeasurementGroup(code=code, finding=finding, properties=self._properties(rest), **shared)

    def _measurement(self, node: _Node, properties: list[Item], shared: dict[str, Any]) -> Measurement:
        limits = _LOWER_LIMIT | _UPPER_LIMIT | _RANGE_TEXT
        of_range = [item for item in properties if _is_named(item, limits)]
        found = measured(self.obj, node.item)
        if found.qualifier is not None:
            shared["interpretations"] = (*shared["interpretations"], found.qualifier)
        return Measurement(
            code=self._with_derivation(node.item.concept, properties),
            quantities=found.quantities,
            absence=found.absence,
            reference_ranges=self._reference_range(of_range),
            is_derived=node.item.parent is not None and _is_named(node.item.parent, _DERIVED_MEASUREMENTS),
            properties=self._properties([item for item in properties if item not in of_range]),
            **shared,
        )

    def _with_derivation(self, name: Concept | None, properties: list[Item]) -> Concept | None:
        """Return the concept name, how it was derived in its text: means and maxima are not to be mistaken."""
        derivations = (value_of(self.obj, item) for item in properties if _is_named(item, _DERIVATION))
        texts = [each.text for each in derivations if isinstance(each, Concept) and each.text]
        return name if name is None or not texts else replace(name, text=", ".join([name.text or "", *texts]))

    def _reference_range(self, items: list[Item]) -> tuple[ReferenceRange, ...]:
        limits: dict[str, Quantity | str | None] = {"low": None, "high": None, "text": None}
        for item in items:
            if item.value_type == "NUM":
                name = "low" if _is_named(item, _LOWER_LIMIT) else "high"
                limits[name] = limits[name] or next(iter(measured(self.obj, item).quantities), None)
            elif item.value_type == "TEXT":
                limits["text"] = limits["text"] or values.text(item.dataset, "TextValue")
        stated: dict[str, Any] = {name: limit for name, limit in limits.items() if limit is not None}
        return (ReferenceRange(**stated),) if stated else ()

    def _properties(self, items: list[Item]) -> tuple[Property, ...]:
        return tuple(each for item in items for each in self._property(item))

    def _property(self, item: Item) -> Iterator[Property]:
        if item.value_type == "NUM":
            found: Measured = measured(self.obj, item)
            for quantity in found.quantities:
                yield Property(item.concept, quantity, None, found.qualifier)
            if not found.quantities:
                yield Property(item.concept, None, found.absence)
            return
        value = value_of(self.obj, item)
        if value is None:
            self.obj.report("value-missing", item.path)
        yield Property(item.concept, value, Absence("unknown") if value is None else None)


def _status(dataset: Dataset) -> Status:
    """Return the status by Preliminary Flag (0040,A496), else by Completion Flag (0040,A491); PS3.3 C.17.2."""
    stated = values.text(dataset, "PreliminaryFlag") or values.text(dataset, "CompletionFlag")
    return _STATUSES.get(stated or "", "unknown")


def _tracked(context: Context) -> LogicalReference | None:
    """Return what is followed over time by its Tracking UID, else by its Tracking Identifier."""
    uid = next((each.value for each in context.tracking if each.system is not None), None)
    label = next((each.value for each in context.tracking if each.system is None), None)
    if uid is not None:
        kind = Code(coded.DCM, TRACKING_UID, "Tracking Unique Identifier")
        return LogicalReference("BodyStructure", Identifier(uid, "urn:dicom:uid", kind), label)
    if label is not None:
        kind = Code(coded.DCM, TRACKING_IDENTIFIER, "Tracking Identifier")
        return LogicalReference("BodyStructure", Identifier(label, type=kind))
    return None


def _relationship(item: Item) -> str:
    return values.text(item.dataset, "RelationshipType") or ""


def _codes(concept: Concept | None) -> frozenset[_Name]:
    return frozenset() if concept is None else frozenset((each.system, each.code) for each in concept.codings)


def _is_named(item: Item, names: frozenset[_Name]) -> bool:
    return item.concept is not None and any((each.system, each.code) in names for each in item.concept.codings)
