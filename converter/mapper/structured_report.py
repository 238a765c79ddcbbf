"""Structured reports: what their content items select, for every SOP class that holds a content tree (PS3.3 C.17.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from converter.mapper import coded, detections, values
from converter.mapper.annotation_object import AnnotationObject, oid_identifier
from converter.mapper.content_tree import Item, read_tree, walk
from converter.mapper.gathering import Gathered, Reference, check_inside
from converter.mapper.measurements import measurements
from converter.mapper.regions import GRAPHIC_TYPES_3D, points_of, region_2d, region_3d
from converter.mapper.report_context import (
    Context,
    ReportTree,
    enter,
    is_measurement_group,
    performers,
    root_context,
)
from converter.mapper.sop_reference import selected
from converter.mapper.total_pixel_matrix import TotalPixelMatrix, pixel_origin
from converter.measurement import Statement
from converter.selection import (
    Code,
    Concept,
    ContentItem,
    Identifier,
    Region2D,
    Region2DType,
    Region3D,
    Segments,
    SelectedInstance,
    Selection,
    SelectionKey,
    Series,
)

_ORIGINAL_SOURCE = Concept((Code(coded.DCM, "111040", "Original Source"),), "Original Source")
_SOURCE_SERIES_FOR_SEGMENTATION = "121232"
_REFERENCES = frozenset({"IMAGE", "COMPOSITE", "WAVEFORM"})
_COORDINATES = frozenset({"SCOORD", "SCOORD3D", "TCOORD"})
_REGIONS_2D: dict[str, Region2DType] = {
    "POINT": "point",
    "MULTIPOINT": "multipoint",
    "POLYLINE": "polyline",
    "CIRCLE": "circle",
    "ELLIPSE": "ellipse",
}
# Logs, in which an item's Observation DateTime is the time of the event that it logs.
_LOGS = frozenset(f"1.2.840.10008.5.1.4.1.1.88.{number}" for number in (40, 67, 68, 73, 74, 75, 76))


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield what the report selects, measurement groups before what they contain, in document order."""
    yield from _Report(obj).selections()


def selections_and_measurements(obj: AnnotationObject) -> tuple[tuple[Selection, ...], tuple[Statement, ...]]:
    """Return what the report selects and what it measures there, both from one reading of its tree."""
    report = _Report(obj)
    found = tuple(report.selections())
    in_log = values.text(obj.dataset, "SOPClassUID") in _LOGS
    return found, () if in_log else tuple(measurements(report.tree()))


@dataclass(slots=True, eq=False)
class _Pending:
    """A selection while items may still merge into it."""

    key: SelectionKey
    first: Item
    context: Context
    code: Concept
    gathered: Gathered
    identifiers: tuple[Identifier, ...]
    regions_3d: list[Region3D] = field(default_factory=list)
    frame_of_reference_uid: str | None = None
    focus: list[_Pending] = field(default_factory=list)
    own_instance: SelectedInstance | None = None


class _Report:
    """One report while its items are gathered into selections."""

    def __init__(self, obj: AnnotationObject) -> None:
        if not values.items(obj.dataset, "ContentSequence"):
            obj.report("content-missing", "$.ContentSequence")
        self.obj = obj
        self.matrix = TotalPixelMatrix(obj)
        self.root = read_tree(obj)
        self.composites: dict[int, list[_Pending]] = {}
        self.image_sites: dict[str, tuple[Concept | None, str | None]] = {}
        self.contexts = self._contexts()
        self.pending: dict[object, _Pending] = {}
        self.by_item: dict[int, list[_Pending]] = {}

    def selections(self) -> Iterator[Selection]:
        """Gather what all items select, then yield it."""
        for item in walk(self.root):
            if is_measurement_group(item):
                self._add_group(item, _ORIGINAL_SOURCE)
            elif detections.is_composite(item):
                self._add_composite(item)
            elif item.value_type in _REFERENCES:
                self._add_reference_item(item)
            elif item.value_type in _COORDINATES:
                self._add_coordinates(item, item)
            elif item.target is not None:
                self._add_by_reference(item, item.target)
            elif item.value_type == "UIDREF":
                self._add_series(item)
        self._join_composites()
        _number(self.pending.values())
        for pending in self.pending.values():
            yield self._selection(pending)

    def tree(self) -> ReportTree:
        """Return the report as it is once its selections have been yielded."""
        keys = {item: tuple(each.key for each in given) for item, given in self.by_item.items()}
        return ReportTree(self.obj, self.root, self.contexts, keys)

    # Contexts

    def _contexts(self) -> dict[int, Context]:
        """Return the context of every item by its identity; image library entries become evidence on the way."""
        sop_class = values.text(self.obj.dataset, "SOPClassUID")
        contexts: dict[int, Context] = {}
        outside = root_context(self.obj)
        for item in walk(self.root):
            outer = outside if item.parent is None else contexts[id(item.parent)]
            context = enter(self.obj, item, outer, dated_by_items=sop_class not in _LOGS)
            contexts[id(item)] = context
            if item.value_type in _REFERENCES:
                self._add_evidence(item, context)
        return contexts

    def _add_evidence(self, item: Item, context: Context) -> None:
        """Keep what an image library says of an entry: its series, its site and side."""
        uids = detections.referenced_uids(item)
        if context.series_uid is not None:
            series = Series(context.study_uid or self.obj.own_series.study_instance_uid, context.series_uid)
            for uid in uids:
                self.obj.evidence.add(uid, series)
        if context.in_image_library:
            site, side = detections.image_site(self.obj, item)
            self.image_sites.update(dict.fromkeys(uids, (context.site or site, context.side or side)))

    # Items that select

    def _add_group(self, item: Item, code: Concept) -> None:
        uid = values.text(item.dataset, "ObservationUID")
        context = self.contexts[id(item)]
        key = self.obj.key("group", item.dotted, self.obj.own_series.series_instance_uid or "")
        instance = self.obj.own_instance(subset=ContentItem(item.position, uid))
        gathered = Gathered(self.obj.own_series)
        pending = _Pending(key, item, context, code, gathered, self._identifiers(item, context))
        pending.own_instance = instance
        self.pending[key] = pending
        self.by_item[id(item)] = [pending]

    def _add_composite(self, item: Item) -> None:
        """Add a feature that is composed of findings on several images; these may be named by reference."""
        self._add_group(item, item.concept or self.obj.kind.concept)
        (composite,) = self.by_item[id(item)]
        for part in (item, *item.resolved_children()):
            self.composites.setdefault(id(part), []).append(composite)

    def _join_composites(self) -> None:
        """Let what a composite feature is made of name it."""
        for pending in self.pending.values() if self.composites else ():
            for item in pending.first.lineage():
                pending.focus.extend(self.composites.get(id(item), ()))

    def _add_reference_item(self, item: Item) -> None:
        belongs_to_coordinates = item.parent is not None and item.parent.value_type in _COORDINATES
        if belongs_to_coordinates or self.contexts[id(item)].in_image_library:
            return
        self._add_references(item, item)

    def _add_by_reference(self, item: Item, target: Item) -> None:
        """Add what a by-reference item selects, for the purpose of the item that refers to it."""
        if item.parent is not None and item.parent.value_type in _COORDINATES:
            return
        if target.value_type in _REFERENCES:
            self._add_references(item, target)
        elif target.value_type in _COORDINATES:
            self._add_coordinates(item, target)

    def _add_references(self, item: Item, source: Item) -> None:
        """Add the instances that `source` names, for the purpose of `item`."""
        found = selected(self.obj, source.dataset, source.path)
        whole = [self._gather(item, "item", reference) for reference in found.primary]
        for reference in found.segments:
            pending = self._gather(item, "segment", reference)
            pending.focus.extend(whole)
        for reference in (*found.presentation_states, *found.real_world_value_mappings):
            pending = self._gather(item, "presentation", reference)
            pending.focus.extend(whole)

    def _add_series(self, item: Item) -> None:
        """Add a series that is named as a whole: the source series for segmentation (TID 1411)."""
        uid = values.text(item.dataset, "UID")
        if uid is None or not coded.is_code(item.concept, coded.DCM, _SOURCE_SERIES_FOR_SEGMENTATION):
            return
        studies = (series for _, series in self.obj.evidence.instances() if series.series_instance_uid == uid)
        series = next(studies, Series(self.obj.own_series.study_instance_uid, uid))
        self._pending_for(item, "series", Gathered(series), None)

    def _add_coordinates(self, item: Item, source: Item) -> None:
        """Add the region of `source`, for the purpose of `item`."""
        if source.value_type == "SCOORD":
            self._add_scoord(item, source)
        elif source.value_type == "SCOORD3D":
            self._add_scoord3d(item, source)
        else:
            self.obj.report("temporal-range", source.path)
            for child in source.resolved_children():
                if child.value_type in _REFERENCES:
                    self._add_references(item, child)
                elif child.value_type in ("SCOORD", "SCOORD3D") and child.parent is not source:
                    self._add_coordinates(item, child)

    def _add_scoord(self, item: Item, source: Item) -> None:
        images = self._images(source)
        if not images:
            self.obj.report("region-without-image", f"{source.path}.GraphicData")
            return
        points = points_of(self.obj, source.dataset, "GraphicData", source.path, 2)
        kind = _REGIONS_2D.get(values.text(source.dataset, "GraphicType") or "")
        if kind is None:
            self.obj.report("region-type", f"{source.path}.GraphicType")
        region = None
        if points is not None and kind is not None:
            region = region_2d(self.obj, kind, points, f"{source.path}.GraphicData")
        for reference in images if region is None else ():
            # The image stays selected even where its region cannot be stated.
            self._gather(item, "regions2d", reference)
        if region is not None:
            origin = pixel_origin(source.dataset)
            path = f"{source.path}.PixelOriginInterpretation"
            for reference, placed in self.matrix.place_all(images, region, origin, path):
                self._gather(item, "regions2d", reference, placed)
                header = reference.located.instance
                check_inside(self.obj, placed, header, f"{source.path}.GraphicData", reference.subset)

    def _add_scoord3d(self, item: Item, source: Item) -> None:
        points = points_of(self.obj, source.dataset, "GraphicData", source.path, 3)
        kind = GRAPHIC_TYPES_3D.get(values.text(source.dataset, "GraphicType") or "")
        if kind is None:
            self.obj.report("region-type", f"{source.path}.GraphicType")
        images = self._images(source)
        frame_of_reference = values.text(source.dataset, "ReferencedFrameOfReferenceUID") or next(
            (each.located.instance.frame_of_reference_uid for each in images if each.located.instance), None
        )
        if frame_of_reference is None:
            self.obj.report("region-without-frame-of-reference", source.path)
        region = None
        if points is not None and kind is not None and frame_of_reference is not None:
            region = region_3d(self.obj, kind, points, f"{source.path}.GraphicData")
        if region is None:
            for reference in images:
                self._gather(item, "item", reference)
            return
        self._gather_3d(item, region, frame_of_reference or "", images)

    def _gather_3d(self, item: Item, region: Region3D, frame_of_reference: str, images: list[Reference]) -> None:
        if not images:
            pending = self._pending_for(item, "regions3d", Gathered(Series()), frame_of_reference)
            pending.regions_3d.append(region)
        stated: set[int] = set()
        for reference in images:
            pending = self._gather(item, "regions3d", reference, frame_of_reference=frame_of_reference)
            if id(pending) not in stated:
                pending.regions_3d.append(region)
                stated.add(id(pending))

    def _images(self, source: Item) -> list[Reference]:
        """Return what a coordinates item is selected from."""
        return [
            reference
            for child in source.resolved_children()
            if child.value_type in _REFERENCES
            for reference in _all_of(self.obj, child)
        ]

    # Gathering

    def _gather(
        self,
        item: Item,
        role: str,
        reference: Reference,
        region: Region2D | None = None,
        frame_of_reference: str | None = None,
    ) -> _Pending:
        pending = self._pending_for(
            item, role, Gathered(reference.located.series), frame_of_reference, reference.sop_instance_uid
        )
        pending.gathered.add(reference, region)
        return pending

    def _pending_for(
        self, item: Item, role: str, gathered: Gathered, frame_of_reference: str | None, uid: str = ""
    ) -> _Pending:
        """Return the selection that an item merges into, a new one if there is none yet.

        Items merge with the same parent, concept name, date, observers, site and series, and without an Observation
        UID of their own. Instances of no known series stay apart: they may be of two.
        """
        context = self.contexts[id(item)]
        series = gathered.series
        alone = values.has_value(item.dataset, "ObservationUID") or item.target is not None
        apart = uid if series.series_instance_uid is None else ""
        merge_key = (
            role,
            id(item) if alone else id(item.parent),
            item.concept,
            (context.issued, context.observers, context.algorithm, context.site, context.side),
            (series.study_instance_uid, series.series_instance_uid, apart, frame_of_reference),
        )
        pending = self.pending.get(merge_key)
        if pending is None:
            key = self.obj.key(role, item.dotted, gathered.series_uid, frame_of_reference or "")
            code = context.named or self.obj.kind.concept
            if context.named is None:
                self.obj.report_once("code-missing", item.path)
            pending = _Pending(key, item, context, code, gathered, self._identifiers(item, context))
            pending.frame_of_reference_uid = frame_of_reference
            if context.group is not None:
                pending.focus.append(self.by_item[id(context.group)][0])
            self.pending[merge_key] = pending
        given = self.by_item.setdefault(id(item), [])
        if pending not in given:
            given.append(pending)
        return pending

    def _identifiers(self, item: Item, context: Context) -> tuple[Identifier, ...]:
        uid = values.text(item.dataset, "ObservationUID")
        own = (oid_identifier(uid),) if uid is not None else ()
        return (*own, *context.tracking)

    def _selection(self, pending: _Pending) -> Selection:
        obj, context, gathered = self.obj, pending.context, pending.gathered
        root = self.root.concept
        focus = list(pending.focus)
        stated = (obj.kind.concept, root, context.finding, context.rendering_intent)
        if pending.first.target is not None:
            focus.extend(self.by_item.get(id(pending.first.target), [])[:1])
        return obj.selection(
            pending.key,
            pending.code,
            identifiers=pending.identifiers,
            categories=tuple(each for each in stated if each is not None),
            issued=context.issued,
            performers=performers(obj, context),
            series=gathered.series,
            frame_of_reference_uid=pending.frame_of_reference_uid or gathered.frame_of_reference_uid,
            body_sites=self._body_sites(context, gathered),
            focus=tuple(dict.fromkeys(each.key for each in focus if each is not pending)),
            instances=(pending.own_instance,) if pending.own_instance else gathered.instances,
            regions_3d=tuple(pending.regions_3d),
            place=pending.first.path,
        )

    def _body_sites(self, context: Context, gathered: Gathered) -> tuple[Concept, ...]:
        """Return the body site: of the item, else of the images read, else as the image library has it."""
        anatomy = gathered.anatomy
        listed = {self.image_sites.get(uid, (None, None)) for uid in gathered.sop_instance_uids}
        site, side = listed.pop() if len(listed) == 1 else (None, None)
        side = context.side or (None if anatomy is None else anatomy.laterality) or side
        return self.obj.body_sites(context.site, side, anatomy) or self.obj.body_sites(site, side)


def _all_of(obj: AnnotationObject, item: Item) -> tuple[Reference, ...]:
    """Return the references of an item that a region is drawn on: one instance, whatever subset is named of it."""
    found = selected(obj, item.dataset, item.path)
    segments = tuple(each for each in found.segments if isinstance(each.subset, Segments))
    return found.primary or segments


def _number(pending: Iterable[_Pending]) -> None:
    """Tell selections with one key apart by part numbers."""
    by_key: dict[SelectionKey, list[_Pending]] = {}
    for each in pending:
        by_key.setdefault(each.key, []).append(each)
    for same in by_key.values():
        if len(same) > 1:
            for part, each in enumerate(same):
                each.key = replace(each.key, part=str(part))
