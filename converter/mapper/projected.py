"""An object's regions on images restated in space, and the other way round, where where the images lie is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from converter.catalog import Instance, SpatialCatalog
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.gathering import Gathering, Reference, check_inside
from converter.mapper.total_pixel_matrix import TotalPixelMatrix, is_tiled, only_frames
from converter.projection import Slice, Stack, slices_or_tiles_of, to_frame_of_reference, to_pixels
from converter.selection import Frames, Region2D, Region3D, SelectedInstance, Selection, SelectionKey

# Segmentations and doses lie in space like images do, but nobody draws on them.
_NOT_DRAWN_ON = frozenset({"SEG", "RTDOSE"})
# Outlines are stated both ways already, where both can be: the other way is left out then, not restated.
_OUTLINES = {"2d": ("outline2d", "outline3d"), "3d": ("outline3d", "outline2d")}


Successors: TypeAlias = Mapping[SelectionKey, Sequence[SelectionKey]]
"""Which selections each one became."""


def restated(obj: AnnotationObject, selections: Iterable[Selection]) -> tuple[tuple[Selection, ...], Successors]:
    """Return the selections with their regions as the settings want them, and what became of each one given.

    What cannot be restated stays as it is, with a problem. A focus on what was restated follows it.
    """
    target = obj.settings.regions
    wanted, other_way = _OUTLINES[target]
    given = list(selections)
    outlined = {each.key.path for each in given if each.key.role == wanted}
    projector = Projector(obj)
    made: dict[SelectionKey, Selection] = {}
    successors: dict[SelectionKey, list[SelectionKey]] = {}
    for selection in given:
        if selection.key.role != other_way or selection.key.path not in outlined:
            results = projector.on_images(selection) if target == "2d" else projector.in_space(selection)
            successors[selection.key] = [_add(each, made) for each in results]
    focused = tuple(replace(each, focus=followed(each.focus, successors)) for each in made.values())
    return focused, successors


def followed(keys: Iterable[SelectionKey], successors: Successors) -> tuple[SelectionKey, ...]:
    """Return the keys of what these selections became, each once."""
    return tuple(dict.fromkeys(new for key in keys for new in successors.get(key, ())))


def merged(selections: Iterable[Selection]) -> Iterator[Selection]:
    """Yield the selections, those with one key and purpose as one: two ways can lead to one image."""
    made: dict[SelectionKey, Selection] = {}
    for selection in selections:
        _add(selection, made)
    return iter(made.values())


def _add(selection: Selection, made: dict[SelectionKey, Selection]) -> SelectionKey:
    """Add a selection, to the one with its key if that is of the same purpose, and return the key that it got."""
    key, part = selection.key, 0
    while key in made:
        if _purpose(made[key]) == _purpose(selection):
            made[key] = _joined(made[key], selection)
            return key
        key = replace(selection.key, part=f"{selection.key.part}.{part}".strip("."))
        part += 1
    made[key] = replace(selection, key=key)
    return key


def _purpose(selection: Selection) -> tuple[object, ...]:
    return selection.code, selection.issued, selection.performers, selection.body_sites, selection.focus


def _joined(first: Selection, second: Selection) -> Selection:
    instances = {(each.sop_instance_uid, each.subset): each for each in first.instances}
    for each in second.instances:
        known = instances.get((each.sop_instance_uid, each.subset))
        regions = (*(known.regions if known is not None else ()), *each.regions)
        instances[each.sop_instance_uid, each.subset] = replace(each, regions=regions)
    return replace(first, instances=tuple(instances.values()), regions_3d=(*first.regions_3d, *second.regions_3d))


class Projector:
    """Restates the regions of one object's selections; remembers where images lie."""

    def __init__(self, obj: AnnotationObject) -> None:
        self._obj = obj
        self._tolerance = obj.settings.plane_tolerance
        self._matrix = TotalPixelMatrix(obj)
        self._found: dict[str | None, list[Stack]] = {}

    def on_images(self, selection: Selection) -> list[Selection]:
        """Return the selection with its regions in space on the images they were stated for, or those found.

        The result is one selection per series, and what is left of the one given.
        """
        if not selection.regions_3d:
            return [selection]
        placed, left = self.placed(selection)
        # What names no frame of reference was stated only to be placed.
        has_rest = left and selection.frame_of_reference_uid is not None
        return [*placed, *([replace(selection, regions_3d=left)] if has_rest else [])]

    def placed(self, selection: Selection) -> tuple[list[Selection], tuple[Region3D, ...]]:
        """Return the regions in space that could be placed on images, by series, and those that could not.

        The frame of reference may be unknown: then those images are tried that the regions or the object name.
        """
        images = _Images(self._obj, selection, self._tolerance)
        gathering, left, unknown = Gathering(), [], 0
        named = only_frames(selection.instances)
        for region in selection.regions_3d:
            stacks = images.of(region) if selection.instances else self.stacks(selection.frame_of_reference_uid)
            nearest = [stack.nearest(region.coordinates) for stack in stacks]
            on = [(each, to_pixels(region, each.plane)) for each in nearest if each is not None]
            drawn = [(each, pixels) for each, pixels in on if pixels is not None]
            for each, pixels in drawn:
                reference, placed = self._placed(each, pixels, selection, named)
                check_inside(self._obj, placed, each.instance, selection.place, reference.subset)
                gathering.add(reference, placed)
            if not drawn:
                left.append(region)
                unknown += not any(map(len, stacks))
        self._report(selection, "plane-unknown", unknown)
        self._report(selection, "region-not-in-plane", len(left) - unknown)
        return list(self._on_images(selection, gathering)), tuple(left)

    def in_space(self, selection: Selection) -> list[Selection]:
        """Return the selection with its regions on images in their frame of reference, and what is left of it."""
        if not any(each.regions for each in selection.instances):
            return [selection]
        mapped: dict[str, list[tuple[SelectedInstance, list[Region3D]]]] = {}
        left, unmapped, plain = [], 0, []
        for each in selection.instances:
            frame_of_reference, regions = self._in_space(each, selection.place)
            if not each.regions:
                plain.append(each)
            elif frame_of_reference is None or not regions:
                left.append(each)
                unmapped += len(each.regions)
            else:
                mapped.setdefault(frame_of_reference, []).append((each, regions))
        self._report(selection, "plane-unknown", unmapped)
        results = []
        for uid, found in mapped.items():
            results.append(_in_frame_of_reference(selection, uid, found, plain))
            plain = []
        return [*results, *([replace(selection, instances=(*left, *plain))] if left else [])]

    def _in_space(self, selected: SelectedInstance, path: str) -> tuple[str | None, list[Region3D]]:
        """Return an instance's frame of reference and its regions there, each once per plane of its frames."""
        instance = self._obj.locate(selected.sop_instance_uid, path).instance
        if instance is None or not (selected.subset is None or isinstance(selected.subset, Frames)):
            return None, []
        planes = dict.fromkeys(each.plane for each in slices_or_tiles_of(instance, selected.subset, self._tolerance))
        images = (selected.sop_instance_uid,)
        regions = [to_frame_of_reference(region, plane, images) for region in selected.regions for plane in planes]
        return instance.frame_of_reference_uid, regions

    def stacks(self, frame_of_reference_uid: str | None) -> list[Stack]:
        """Return the images in a frame of reference, by series; without any, those that the object refers to."""
        if frame_of_reference_uid not in self._found:
            by_series: dict[str | None, list[Slice]] = {}
            for instance in self._images(frame_of_reference_uid):
                slices = slices_or_tiles_of(instance, None, self._tolerance)
                by_series.setdefault(instance.series_instance_uid, []).extend(slices)
            self._found[frame_of_reference_uid] = [
                Stack(by_series[uid]) for uid in sorted(by_series, key=lambda uid: uid or "")
            ]
        return self._found[frame_of_reference_uid]

    def _images(self, frame_of_reference_uid: str | None) -> list[Instance]:
        catalog, evidence = self._obj.catalog, self._obj.evidence
        found: list[Instance] = []
        if frame_of_reference_uid is not None and isinstance(catalog, SpatialCatalog):
            series = evidence.series_instance_uids
            found = [
                each
                for each in catalog.instances_in_frame_of_reference(frame_of_reference_uid)
                if is_drawn_on(each) and (not series or each.series_instance_uid in series)
            ]
        if not found:
            named = (catalog.lookup(uid) for uid, _ in evidence.instances())
            found = [each for each in named if each is not None and is_drawn_on(each)]
        return found

    def _placed(
        self, on: Slice, region: Region2D, selection: Selection, named: Mapping[str, int | None]
    ) -> tuple[Reference, Region2D]:
        """Return what a region on a slice is stated for: of a tiled image the frame named, if that holds it."""
        reference = self._reference(on, selection)
        if not is_tiled(on.instance) or reference.sop_instance_uid not in named:
            return reference, region
        frames = (each.subset for each in selection.instances if each.sop_instance_uid == reference.sop_instance_uid)
        reference = replace(reference, subset=next(frames))
        return self._matrix.place(reference, named, region, selection.place)

    def _reference(self, on: Slice, selection: Selection) -> Reference:
        instance = on.instance
        uid = selection.frame_of_reference_uid
        if uid is not None and instance.frame_of_reference_uid not in (None, uid):
            self._obj.report_once("frame-of-reference-conflict", selection.place, uid)
        located = self._obj.locate(instance.sop_instance_uid, selection.place)
        return Reference(instance.sop_instance_uid, instance.sop_class_uid, on.subset, located, selection.place)

    def _on_images(self, selection: Selection, gathering: Gathering) -> Iterator[Selection]:
        for key, gathered in gathering.keyed(self._obj, "projected2d", selection.key.path):
            parts = (part for part in (selection.key.part, key.part) if part)
            yield replace(
                selection,
                key=replace(key, part=".".join(parts)),
                series=gathered.series,
                frame_of_reference_uid=gathered.frame_of_reference_uid,
                body_sites=selection.body_sites or self._obj.body_sites(None, None, gathered.header),
                instances=gathered.instances,
                regions_3d=(),
            )

    def _report(self, selection: Selection, code: str, count: int) -> None:
        if count:
            self._obj.report(code, selection.place, count=count)


class _Images:
    """Where the images of a selection lie; a region may name some of them as its own."""

    def __init__(self, obj: AnnotationObject, selection: Selection, tolerance: float | None) -> None:
        self._slices: dict[str, list[Slice]] = {}
        for each in selection.instances:
            instance = obj.locate(each.sop_instance_uid, selection.place).instance
            if instance is not None and (each.subset is None or isinstance(each.subset, Frames)):
                # What is in the plane of a tile need not be on it.
                slices = slices_or_tiles_of(instance, None if is_tiled(instance) else each.subset, tolerance)
                self._slices.setdefault(each.sop_instance_uid, []).extend(slices)
        self._stacks: dict[tuple[str, ...], list[Stack]] = {}

    def of(self, region: Region3D) -> list[Stack]:
        """Return the images of a region, as one stack: it lies in the nearest."""
        if region.images not in self._stacks:
            uids = region.images or self._slices
            slices = [each for uid in uids for each in self._slices.get(uid, ())]
            self._stacks[region.images] = [Stack(slices)]
        return self._stacks[region.images]


def _in_frame_of_reference(
    selection: Selection,
    uid: str,
    found: list[tuple[SelectedInstance, list[Region3D]]],
    plain: list[SelectedInstance],
) -> Selection:
    instances = (*(replace(each, regions=()) for each, _ in found), *plain)
    return replace(
        selection,
        key=replace(selection.key, role="projected3d", frame_of_reference=uid),
        frame_of_reference_uid=uid,
        instances=instances,
        regions_3d=tuple(region for _, regions in found for region in regions),
    )


def is_drawn_on(instance: Instance) -> bool:
    """Return whether an instance is an image that regions are stated on."""
    return instance.rows is not None and instance.modality not in _NOT_DRAWN_ON
