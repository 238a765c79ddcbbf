"""Tractography results: each track set is a selection of its tracks in space (PS3.3 A.78, C.8.33.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydicom import Dataset

from converter.mapper import anatomy, coded, people, values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.gathering import Gathered, Gathering, reference_of
from converter.mapper.regions import points_of
from converter.selection import Code, Concept, Region3D, Selection, SelectionKey

_TYPE = "TrackSetAnatomicalTypeCodeSequence"
_MODIFIERS = "ModifierCodeSequence"
_SOURCE_IMAGE = Concept(
    (Code(coded.DCM, "121322", "Source image for image processing operation"),),
    "Source image for image processing operation",
)


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield each track set, then the images that all of them were found on, by series."""
    sources = _sources(obj)
    track_sets = values.items(obj.dataset, "TrackSetSequence")
    if not track_sets:
        obj.report("sequence-missing", "$.TrackSetSequence")
    for number, track_set in enumerate(track_sets, 1):
        yield from _tracks(obj, track_set, number, sources)
    for key, gathered in sources:
        yield obj.selection(
            key,
            _SOURCE_IMAGE,
            series=gathered.series,
            frame_of_reference_uid=gathered.frame_of_reference_uid,
            body_sites=obj.body_sites(None, None, gathered.header),
            instances=gathered.instances,
            place=gathered.place,
        )


def _sources(obj: AnnotationObject) -> list[tuple[SelectionKey, Gathered]]:
    gathering = Gathering()
    for index, item in enumerate(values.items(obj.dataset, "ReferencedInstanceSequence")):
        reference = reference_of(obj, item, f"$.ReferencedInstanceSequence[{index}]")
        if reference is not None:
            gathering.add(reference)
    return list(gathering.keyed(obj, "source", ""))


def _tracks(
    obj: AnnotationObject, track_set: Dataset, number: int, sources: list[tuple[SelectionKey, Gathered]]
) -> Iterator[Selection]:
    path = f"$.TrackSetSequence[{number - 1}]"
    headers = [gathered.header for _, gathered in sources if gathered.header is not None]
    of_sources = (header.frame_of_reference_uid for header in headers)
    uid = obj.text(obj.dataset, "FrameOfReferenceUID") or next((each for each in of_sources if each), None)
    regions = tuple(_regions(obj, track_set, path))
    if uid is None:
        obj.report("region-without-frame-of-reference", path)
        return
    if not regions:
        return
    modifiers = anatomy.modifiers(obj, track_set, _TYPE, _MODIFIERS)
    site = obj.concept(track_set, _TYPE, path)
    side = next((side for side in map(coded.side_of, modifiers) if side is not None), None)
    creator = people.content_creator(obj.dataset)
    algorithms = people.algorithms(track_set, "TrackingAlgorithmIdentificationSequence")
    yield obj.selection(
        obj.key("regions3d", str(number), frame_of_reference=uid),
        _code(obj, track_set, path, site, modifiers),
        performers=(*([] if creator is None else [creator]), *algorithms),
        frame_of_reference_uid=uid,
        body_sites=obj.body_sites(site, side, next(iter(headers), None)),
        focus=tuple(key for key, _ in sources),
        regions_3d=regions,
        place=path,
    )


def _regions(obj: AnnotationObject, track_set: Dataset, path: str) -> Iterator[Region3D]:
    tracks = values.items(track_set, "TrackSequence")
    if not tracks:
        obj.report("sequence-missing", f"{path}.TrackSequence")
    for index, track in enumerate(tracks):
        track_path = f"{path}.TrackSequence[{index}]"
        points = points_of(obj, track, "PointCoordinatesData", track_path, 3)
        if points is None:
            continue
        if len(points) == 1:
            place = f"{track_path}.PointCoordinatesData"
            obj.report("region-type-changed", place, type="polyline", count=1, kind="point")
        yield Region3D("polyline" if len(points) > 1 else "point", points)


def _code(
    obj: AnnotationObject, track_set: Dataset, path: str, concept: Concept | None, modifiers: list[Concept]
) -> Concept:
    label = obj.text(track_set, "TrackSetLabel") or obj.text(track_set, "TrackSetDescription")
    if concept is not None:
        return replace(concept, text=anatomy.labelled(anatomy.qualified(concept, modifiers), label))
    if label is not None:
        return Concept((), label)
    obj.report("code-missing", path)
    return obj.kind.concept
