"""Presentation states: the images that they present, and the graphics and texts drawn on them.

PS3.3 A.33 (presentation states), C.10.5 (graphic annotation), C.10.7 (graphic layer), C.11.11 (relationship).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydicom import Dataset

from converter.mapper import people, values
from converter.mapper.annotation_object import AnnotationObject, oid_identifier
from converter.mapper.displayed_area import Placement
from converter.mapper.gathering import Gathered, Gathering, Reference, check_inside, reference_of
from converter.mapper.graphics import Shape, shape_of, shapes_of_compound, shapes_of_text
from converter.selection import (
    Concept,
    Identifier,
    Performer,
    Region2D,
    Segments,
    Selection,
    SelectionKey,
    Series,
    Subset,
)

_ANNOTATIONS = "GraphicAnnotationSequence"


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield the state itself, the images that it presents by series, then each annotation item's graphics and texts."""
    state = _State(obj)
    yield from state.documents()
    for index, item in enumerate(values.items(obj.dataset, _ANNOTATIONS)):
        yield from state.annotation(item, index)


@dataclass(frozen=True, slots=True)
class _Presented:
    """What a presentation state presents: images and frames, and series as a whole."""

    references: tuple[Reference, ...]
    whole_series: tuple[Series, ...]


class _State:
    """One presentation state while it is mapped."""

    def __init__(self, obj: AnnotationObject) -> None:
        self._obj = obj
        self._presented = _presented(obj)
        self._placement = Placement(obj)
        self._layers = _layers(obj.dataset)
        self._code = _code(obj)
        self._key = obj.key("document", "", obj.own_series.series_instance_uid or "")
        creator = people.content_creator(obj.dataset)
        self._performers: tuple[Performer, ...] = () if creator is None else (creator,)

    def documents(self) -> Iterator[Selection]:
        """Yield the state itself, then what it presents, by series."""
        obj = self._obj
        gathering = Gathering()
        for reference in self._presented.references:
            gathering.add(reference)
        keyed = [*gathering.keyed(obj, "series", ""), *self._whole_series(gathering)]
        if not keyed:
            obj.report("content-missing", "$.ReferencedSeriesSequence")
        yield obj.selection(
            self._key,
            self._code,
            performers=self._performers,
            series=obj.own_series,
            frame_of_reference_uid=obj.text(obj.dataset, "FrameOfReferenceUID"),
            body_sites=obj.body_sites(None, None, next((each.header for _, each in keyed if each.header), None)),
            focus=tuple(key for key, _ in keyed),
            instances=(obj.own_instance(),),
        )
        for key, gathered in keyed:
            yield self._selection(key, self._code, gathered)

    def annotation(self, item: Dataset, index: int) -> Iterator[Selection]:
        """Yield what a graphic annotation item draws: its graphics together, each of its texts alone."""
        obj, path = self._obj, f"$.{_ANNOTATIONS}[{index}]"
        references = self._applies_to(item, path)
        if not references:
            obj.report("region-without-image", path)
            return
        code = self._layer(item, path)
        yield from self._graphics(item, index, references, code)
        for number in range(len(values.items(item, "TextObjectSequence"))):
            yield from self._text(item, (index, number), references, code)

    def _graphics(
        self, item: Dataset, index: int, references: Sequence[Reference], code: Concept
    ) -> Iterator[Selection]:
        path = f"$.{_ANNOTATIONS}[{index}]"
        shapes, identifiers = _shapes(self._obj, item, path)
        gathering = Gathering()
        for shape in shapes:
            self._place(shape, references, gathering)
        for key, gathered in gathering.keyed(self._obj, "regions2d", str(index + 1)):
            yield self._selection(key, code, gathered, identifiers=identifiers, focus=(self._key,), place=path)

    def _text(
        self, item: Dataset, position: tuple[int, int], references: Sequence[Reference], layer: Concept
    ) -> Iterator[Selection]:
        index, number = position
        path = f"$.{_ANNOTATIONS}[{index}].TextObjectSequence[{number}]"
        text = values.items(item, "TextObjectSequence")[number]
        gathering = Gathering()
        placed = {
            reference
            for shape in shapes_of_text(self._obj, text, path)
            for reference in self._place(shape, references, gathering)
        }
        for reference in references:
            # The image stays selected even where its text has no place.
            if reference not in placed:
                gathering.add(reference)
        words = values.text(text, "UnformattedTextValue")
        code = layer if words is None else Concept((), words)
        identifiers = _tracking(text)
        for key, gathered in gathering.keyed(self._obj, "text", f"{index + 1}.{number + 1}"):
            yield self._selection(key, code, gathered, identifiers=identifiers, focus=(self._key,), place=path)

    def _place(self, shape: Shape, references: Sequence[Reference], gathering: Gathering) -> list[Reference]:
        """Add the regions that a shape is on images; return the images that it has a place on."""
        found: set[tuple[str, Subset | None, Region2D]] = set()
        placed = []
        for reference in references:
            for part, region in self._placement.place(shape, reference):
                placed.append(reference)
                # Frames of a total pixel matrix all are the same whole instance.
                if (part.sop_instance_uid, part.subset, region) not in found:
                    found.add((part.sop_instance_uid, part.subset, region))
                    check_inside(self._obj, region, part.located.instance, shape.path)
                    gathering.add(part, region)
        return placed

    def _layer(self, item: Dataset, path: str) -> Concept:
        name = values.text(item, "GraphicLayer")
        if name is None:
            self._obj.report("code-missing", f"{path}.GraphicLayer")
            return self._obj.kind.concept
        return self._layers.get(name, Concept((), name))

    def _applies_to(self, item: Dataset, path: str) -> tuple[Reference, ...]:
        """Return the images and frames of an annotation item: those that it names, else all that are presented."""
        if not values.items(item, "ReferencedImageSequence"):
            return self._presented.references
        return tuple(_distinct(_references(self._obj, item, path)))

    def _whole_series(self, gathering: Gathering) -> Iterator[tuple[SelectionKey, Gathered]]:
        known = {gathered.series_uid for gathered in gathering}
        for series in self._presented.whole_series:
            gathered = Gathered(series)
            if gathered.series_uid not in known:
                yield self._obj.key("series", "", gathered.series_uid), gathered

    def _selection(self, key: SelectionKey, code: Concept, gathered: Gathered, **elements: Any) -> Selection:
        shared: dict[str, Any] = {
            "performers": self._performers,
            "series": gathered.series,
            "frame_of_reference_uid": gathered.frame_of_reference_uid,
            "body_sites": self._obj.body_sites(None, None, gathered.header),
            "instances": gathered.instances,
            "place": gathered.place,
        }
        return self._obj.selection(key, code, **(shared | elements))


def _code(obj: AnnotationObject) -> Concept:
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


def _presented(obj: AnnotationObject) -> _Presented:
    """Return what the state presents, of the relationship module and of what it blends (PS3.3 C.11.14, C.11.33)."""
    blended = values.items(obj.dataset, "AdvancedBlendingSequence")
    own_study = obj.own_series.study_instance_uid
    whole_series: list[Series] = []
    for item in blended:
        series = Series(values.text(item, "StudyInstanceUID") or own_study, values.text(item, "SeriesInstanceUID"))
        images = values.items(item, "ReferencedImageSequence")
        for uid in (values.text(image, "ReferencedSOPInstanceUID") for image in images):
            if uid is not None:
                obj.evidence.add(uid, series)
        if not images and series.series_instance_uid is not None:
            whole_series.append(series)
    found: list[Reference] = []
    for item, path in _presenting(obj.dataset):
        found += _references(obj, item, path)
    return _Presented(tuple(_distinct(found)), tuple(dict.fromkeys(whole_series)))


def _presenting(dataset: Dataset) -> Iterator[tuple[Dataset, str]]:
    """Yield the items whose Referenced Image Sequence names what is presented, each with its path."""
    studies = [(dataset, "$")]
    blended = values.items(dataset, "BlendingSequence")
    studies += [(item, f"$.BlendingSequence[{index}]") for index, item in enumerate(blended)]
    for study, path in studies:
        for index, series in enumerate(values.items(study, "ReferencedSeriesSequence")):
            yield series, f"{path}.ReferencedSeriesSequence[{index}]"
    for index, item in enumerate(values.items(dataset, "AdvancedBlendingSequence")):
        yield item, f"$.AdvancedBlendingSequence[{index}]"


def _references(obj: AnnotationObject, item: Dataset, path: str) -> Iterator[Reference]:
    """Yield what a Referenced Image Sequence names: images, frames, or segments of a segmentation (PS3.3 10.3)."""
    for index, image in enumerate(values.items(item, "ReferencedImageSequence")):
        image_path = f"{path}.ReferencedImageSequence[{index}]"
        reference = reference_of(obj, image, image_path)
        if reference is None:
            continue
        if reference.subset is None:
            segments = obj.integers(image, "ReferencedSegmentNumber", image_path)
            reference = replace(reference, subset=Segments(segments) if segments else None)
        yield reference


def _distinct(references: Iterable[Reference]) -> Iterable[Reference]:
    return {(each.sop_instance_uid, each.subset): each for each in references}.values()


def _shapes(obj: AnnotationObject, item: Dataset, path: str) -> tuple[list[Shape], tuple[Identifier, ...]]:
    """Return the graphics of an annotation item, and what tracks them.

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
            identifiers += _tracking(graphic)
            simple.add(obj.integer(graphic, "CompoundGraphicInstanceID", graphic_path))
    for index, compound in enumerate(values.items(item, "CompoundGraphicSequence")):
        compound_path = f"{path}.CompoundGraphicSequence[{index}]"
        number = obj.integer(compound, "CompoundGraphicInstanceID", compound_path)
        if number is None or number not in simple:
            shapes += shapes_of_compound(obj, compound, compound_path)
    return shapes, tuple(dict.fromkeys(identifiers))


def _tracking(item: Dataset) -> tuple[Identifier, ...]:
    """Return what tracks a graphic or a text across time points."""
    uid = values.text(item, "TrackingUID")
    text = values.text(item, "TrackingID")
    by_uid = () if uid is None else (replace(oid_identifier(uid), use="secondary"),)
    return by_uid if text is None else (*by_uid, Identifier(text, use="secondary"))
