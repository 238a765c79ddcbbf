"""What all presentation states have: a title, layers, images that they refer to, graphics that are drawn and tracked.

PS3.3 C.10.5 (graphic annotation), C.10.7 (graphic layer), C.11.10 (identification), 10.3 (image reference).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from pydicom import Dataset

from converter.mapper import coded, people, values
from converter.mapper.annotation_object import AnnotationObject, oid_identifier
from converter.mapper.gathering import Gathered, Gathering, Reference, reference_of
from converter.mapper.graphics import Shape, shape_of, shapes_of_compound
from converter.selection import Code, Concept, Identifier, Performer, Segments, Selection, SelectionKey, Series

ANNOTATIONS = "GraphicAnnotationSequence"
_REGISTRATIONS = "ReferencedSpatialRegistrationSequence"
_REGISTRATION = Concept((Code(coded.DCM, "REG", "Registration"),), "Registration")


class Presentation:
    """What a presentation state states once for all its selections; `key` is that of the state itself."""

    def __init__(self, obj: AnnotationObject) -> None:
        self.obj = obj
        self.key = obj.key("document", "", obj.own_series.series_instance_uid or "")
        self.code = _title(obj)
        self._layers = _layers(obj.dataset)
        creator = people.content_creator(obj.dataset)
        self.performers: tuple[Performer, ...] = () if creator is None else (creator,)

    def layer(self, item: Dataset, path: str) -> Concept:
        """Return the layer that an annotation item is drawn in, the kind of object with a problem if it names none."""
        name = values.text(item, "GraphicLayer")
        if name is None:
            self.obj.report("code-missing", f"{path}.GraphicLayer")
            return self.obj.kind.concept
        return self._layers.get(name, Concept((), name))

    def selection(self, key: SelectionKey, code: Concept, gathered: Gathered, **elements: Any) -> Selection:
        """Return the selection of gathered instances; `elements` add to what follows from them or replace it."""
        shared: dict[str, Any] = {
            "performers": self.performers,
            "series": gathered.series,
            "frame_of_reference_uid": gathered.frame_of_reference_uid,
            "body_sites": self.obj.body_sites(None, None, gathered.anatomy),
            "instances": gathered.instances,
            "place": gathered.place,
        }
        return self.obj.selection(key, code, **(shared | elements))

    def registrations(self, items: Iterable[tuple[Dataset, str]]) -> Iterator[Selection]:
        """Yield the spatial registrations that items refer to, by series; each item comes with its path."""
        gathering = Gathering()
        for item, path in items:
            for reference in _registrations(self.obj, item, path):
                gathering.add(reference)
        for key, gathered in gathering.keyed(self.obj, "registration", ""):
            yield self.selection(key, _REGISTRATION, gathered, focus=(self.key,))


def references(
    obj: AnnotationObject, item: Dataset, path: str, keyword: str = "ReferencedImageSequence"
) -> list[Reference]:
    """Return what a Referenced Image Sequence names: images, frames, or segments of a segmentation, each once."""
    found = []
    for index, image in enumerate(values.items(item, keyword)):
        image_path = f"{path}.{keyword}[{index}]"
        reference = reference_of(obj, image, image_path)
        if reference is None:
            continue
        if reference.subset is None:
            segments = obj.integers(image, "ReferencedSegmentNumber", image_path)
            reference = replace(reference, subset=Segments(segments) if segments else None)
        found.append(reference)
    return distinct(found)


def distinct(named: Iterable[Reference]) -> list[Reference]:
    """Return the references with each instance and subset once."""
    return list({(each.sop_instance_uid, each.subset): each for each in named}.values())


def drawn(obj: AnnotationObject, item: Dataset, path: str) -> tuple[list[Shape], tuple[Identifier, ...]]:
    """Return the graphics of a graphic annotation item, and what tracks them.

    A compound graphic is stated by the simple graphics that share its Compound Graphic Instance ID, if there are any.
    """
    shapes: list[Shape] = []
    identifiers: list[Identifier] = []
    simple: set[int | None] = set()
    for index, graphic in enumerate(values.items(item, "GraphicObjectSequence")):
        graphic_path = f"{path}.GraphicObjectSequence[{index}]"
        shape = shape_of(obj, graphic, graphic_path)
        if shape is not None:
            shapes.append(shape)
            identifiers += tracking(graphic)
            simple.add(obj.integer(graphic, "CompoundGraphicInstanceID", graphic_path))
    for index, compound in enumerate(values.items(item, "CompoundGraphicSequence")):
        compound_path = f"{path}.CompoundGraphicSequence[{index}]"
        number = obj.integer(compound, "CompoundGraphicInstanceID", compound_path)
        if number is None or number not in simple:
            shapes += shapes_of_compound(obj, compound, compound_path)
    return shapes, tuple(dict.fromkeys(identifiers))


def tracking(item: Dataset) -> tuple[Identifier, ...]:
    """Return what tracks a graphic or a text across time points."""
    uid = values.text(item, "TrackingUID")
    text = values.text(item, "TrackingID")
    by_uid = () if uid is None else (replace(oid_identifier(uid), use="secondary"),)
    return by_uid if text is None else (*by_uid, Identifier(text, use="secondary"))


def _title(obj: AnnotationObject) -> Concept:
    """Return what the state is: Presentation State of CID 33, its text the state's own description or label."""
    kind = obj.kind.concept
    text = obj.text(obj.dataset, "ContentDescription") or obj.text(obj.dataset, "ContentLabel")
    return replace(kind, text=text or kind.text)


def _layers(dataset: Dataset) -> dict[str, Concept]:
    """Return layer name → concept: its description, with the name where there is one."""
    layers: dict[str, Concept] = {}
    for item in values.items(dataset, "GraphicLayerSequence"):
        name = values.text(item, "GraphicLayer")
        description = values.text(item, "GraphicLayerDescription")
        if name is not None:
            layers.setdefault(name, Concept((), name if description is None else f"{name}: {description}"))
    return layers


def _registrations(obj: AnnotationObject, item: Dataset, path: str) -> Iterator[Reference]:
    """Yield the registrations that an item refers to: with their study and series, or by instance alone."""
    for index, registration in enumerate(values.items(item, _REGISTRATIONS)):
        item_path = f"{path}.{_REGISTRATIONS}[{index}]"
        study = values.text(registration, "StudyInstanceUID") or obj.own_series.study_instance_uid
        of_series = values.items(registration, "ReferencedSeriesSequence")
        for number, series in enumerate(of_series):
            where = Series(study, values.text(series, "SeriesInstanceUID"))
            for instance in values.items(series, "ReferencedSOPSequence"):
                obj.evidence.add(values.text(instance, "ReferencedSOPInstanceUID") or "", where)
            yield from references(
                obj, series, f"{item_path}.ReferencedSeriesSequence[{number}]", "ReferencedSOPSequence"
            )
        if not of_series:
            reference = reference_of(obj, registration, item_path)
            if reference is not None:
                yield reference
