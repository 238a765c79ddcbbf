"""Volumetric presentation states: their volumes, the view and the crops of these, annotations in space.

PS3.3 A.80, C.11.22 (identification), C.11.23 (relationship), C.11.24 (cropping), C.11.28 (volumetric annotation).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from pydicom import Dataset

from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject, oid_identifier
from converter.mapper.gathering import Gathering, Reference, reference_of
from converter.mapper.graphics import Shape, shapes_of_text
from converter.mapper.presentation import ANNOTATIONS, Presentation, distinct, drawn, references, tracking
from converter.mapper.regions import GRAPHIC_TYPES_3D, points_of, region_3d
from converter.mapper.volumetric_view import View, cropping_box, on_plane, view_of
from converter.selection import Concept, Region3D, Selection, SelectionKey, Series

_INPUT_SETS = "VolumetricPresentationInputSetSequence"
_INPUTS = "VolumetricPresentationStateInputSequence"
_CROPS = "VolumeCroppingSequence"
_VOLUMETRIC = "VolumetricAnnotationSequence"
_OF_INPUTS = "VolumetricPresentationInputAnnotationSequence"
_CONTEXTS = "ReferencedStructuredContextSequence"
_RENDERED = Concept((), "Rendered image")
_CROP_METHODS = {
    "BOUNDING_BOX": Concept((), "Cropped to a box"),
    "INCLUDE_SEG": Concept((), "Cropped to segments"),
    "EXCLUDE_SEG": Concept((), "Cropped by segments"),
}


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield the state itself, its volumes by series, the view and its crops, then what is annotated."""
    state = _State(obj)
    yield from state.documents()
    yield from state.views()
    for index, item in enumerate(values.items(obj.dataset, _CROPS)):
        yield from state.crop(item, index)
    for index, item in enumerate(values.items(obj.dataset, _VOLUMETRIC)):
        yield from state.annotation_in_space(item, index)
    for index, item in enumerate(values.items(obj.dataset, _OF_INPUTS)):
        yield from state.annotation_of_input(item, index)
    for index, item in enumerate(values.items(obj.dataset, ANNOTATIONS)):
        yield from state.annotation_of_view(item, index)


class _State:
    """One volumetric presentation state while it is mapped."""

    def __init__(self, obj: AnnotationObject) -> None:
        self._obj = obj
        self._presentation = Presentation(obj)
        self._sets = _input_sets(obj)
        self._inputs = distinct(reference for found in self._sets.values() for reference in found)
        self._frame_of_reference = obj.text(obj.dataset, "FrameOfReferenceUID")
        header = next((each.located.instance for each in self._inputs if each.located.instance), None)
        region = obj.concept(obj.dataset, "AnatomicRegionSequence", "$")
        self._body_sites = obj.body_sites(region, _side(obj), header)
        view = obj.concept(obj.dataset, "ViewCodeSequence", "$")
        self._categories = (obj.kind.concept, *([] if view is None else [view]))

    def documents(self) -> Iterator[Selection]:
        """Yield the state itself, then its volumes, by series."""
        obj, presentation = self._obj, self._presentation
        gathering = Gathering()
        for reference in self._inputs:
            gathering.add(reference)
        keyed = list(gathering.keyed(obj, "series", ""))
        if not keyed:
            obj.report("content-missing", f"$.{_INPUT_SETS}")
        yield self._of_state(presentation.key, presentation.code, focus=tuple(key for key, _ in keyed))
        for key, gathered in keyed:
            yield presentation.selection(key, presentation.code, gathered)

    def views(self) -> Iterator[Selection]:
        """Yield the displayed volume, an image of it, and the registrations that bring volumes together."""
        obj = self._obj
        if self._view is not None and self._space is not None:
            yield self._in_space(self._view_key, self._view.code, self._view.regions, categories=self._categories)
        rendered = Gathering()
        for reference in references(obj, obj.dataset, "$", "RenderedImageReferenceSequence"):
            rendered.add(reference)
        for key, gathered in rendered.keyed(obj, "rendered", ""):
            yield self._presentation.selection(key, _RENDERED, gathered, focus=(self._presentation.key,))
        items = [(item, f"$.{name}[{n}]") for name in (_INPUT_SETS, _INPUTS) for n, item in self._enumerated(name)]
        yield from self._presentation.registrations(items)
        if values.has_value(obj.dataset, "PresentationAnimationStyle"):
            obj.report("playback", "$.PresentationAnimationStyle")

    def crop(self, item: Dataset, index: int) -> Iterator[Selection]:
        """Yield what the volumes are cropped to, or by."""
        obj, path = self._obj, f"$.{_CROPS}[{index}]"
        method = values.text(item, "VolumeCroppingMethod") or ""
        if method == "OBLIQUE_PLANES":
            obj.report("crop-planes", f"{path}.ObliqueCroppingPlaneSequence")
        elif method not in _CROP_METHODS:
            obj.report("region-type", f"{path}.VolumeCroppingMethod")
        elif method == "BOUNDING_BOX":
            regions = () if self._space is None else cropping_box(obj, item, path, self._inputs, self._space)
            if regions:
                key = obj.key("crop", str(index + 1), "", self._space or "")
                yield self._in_space(key, _CROP_METHODS[method], regions, place=path)
        else:
            segmented = Gathering()
            for reference in references(obj, item, path):
                segmented.add(reference)
            if not len(segmented):
                obj.report("content-missing", f"{path}.ReferencedImageSequence")
            for key, gathered in segmented.keyed(obj, "crop", str(index + 1)):
                focus = (self._presentation.key,)
                yield self._presentation.selection(key, _CROP_METHODS[method], gathered, focus=focus)

    def annotation_in_space(self, item: Dataset, index: int) -> Iterator[Selection]:
        """Yield a graphic in space with its text, then the content items that give it its meaning."""
        path = f"$.{_VOLUMETRIC}[{index}]"
        layer = self._presentation.layer(item, path)
        code, categories = self._named(item, layer)
        contexts = list(self._contexts(item, (index, path), code, "context"))
        focus = (self._presentation.key, *(each.key for each in contexts))
        region = self._region(item, path)
        if region is not None and self._space is not None:
            key = self._obj.key("regions3d", str(index + 1), "", self._space)
            yield self._in_space(key, code, (region,), categories=categories, focus=focus, place=path)
        elif code is not layer:
            # The text stays even where what it names cannot be stated.
            key = self._own_key("text", str(index + 1))
            yield self._of_state(key, code, categories=categories, focus=focus, place=path)
        yield from contexts

    def annotation_of_input(self, item: Dataset, index: int) -> Iterator[Selection]:
        """Yield the images or segments that a text annotates, then the content items that give it its meaning."""
        obj, path = self._obj, f"$.{_OF_INPUTS}[{index}]"
        code, categories = self._named(item, self._presentation.layer(item, path))
        contexts = list(self._contexts(item, (index, path), code, "inputcontext"))
        focus = (self._presentation.key, *(each.key for each in contexts))
        gathering = Gathering()
        for reference in self._input(item, path):
            gathering.add(reference)
        elements: dict[str, Any] = {"categories": categories, "focus": focus, "place": path}
        if not len(gathering):
            obj.report("input-unknown", f"{path}.VolumetricPresentationInputIndex")
            yield self._of_state(self._own_key("input", str(index + 1)), code, **elements)
        for key, gathered in gathering.keyed(obj, "input", str(index + 1)):
            yield self._presentation.selection(key, code, gathered, **elements)
        yield from contexts

    def annotation_of_view(self, item: Dataset, index: int) -> Iterator[Selection]:
        """Yield what is drawn on the view: on the plane of a reconstruction that is in space, else texts alone."""
        obj, path = self._obj, f"$.{ANNOTATIONS}[{index}]"
        layer = self._presentation.layer(item, path)
        shapes, identifiers = drawn(obj, item, path)
        regions = self._on_view(shapes)
        if regions:
            key = obj.key("drawing", str(index + 1), "", self._space or "")
            yield self._in_space(key, layer, regions, identifiers=identifiers, focus=self._of_view, place=path)
        for number, text in enumerate(values.items(item, "TextObjectSequence")):
            text_path = f"{path}.TextObjectSequence[{number}]"
            words = values.text(text, "UnformattedTextValue")
            code = layer if words is None else Concept((), words)
            elements: dict[str, Any] = {"identifiers": tracking(text), "focus": self._of_view, "place": text_path}
            position = f"{index + 1}.{number + 1}"
            regions = self._on_view(list(shapes_of_text(obj, text, text_path)))
            if regions:
                yield self._in_space(obj.key("text", position, "", self._space or ""), code, regions, **elements)
            else:
                yield self._of_state(self._own_key("text", position), code, **elements)

    # What the items share

    @cached_property
    def _space(self) -> str | None:
        """The frame of reference that all positions are in, None with a problem if the state names none."""
        if self._frame_of_reference is None:
            self._obj.report("region-without-frame-of-reference", "$.FrameOfReferenceUID")
        return self._frame_of_reference

    @cached_property
    def _view(self) -> View | None:
        return view_of(self._obj)

    @property
    def _view_key(self) -> SelectionKey:
        return self._obj.key("view", "", "", self._frame_of_reference or "")

    @property
    def _of_view(self) -> tuple[SelectionKey, ...]:
        has_view = self._view is not None and self._frame_of_reference is not None
        return (self._presentation.key, *([self._view_key] if has_view else []))

    def _enumerated(self, keyword: str) -> Iterator[tuple[int, Dataset]]:
        return enumerate(values.items(self._obj.dataset, keyword))

    def _named(self, item: Dataset, layer: Concept) -> tuple[Concept, tuple[Concept, ...]]:
        """Return code and categories of an annotation: its text in its layer, or the layer alone."""
        texts = (values.text(each, "UnformattedTextValue") for each in values.items(item, "TextObjectSequence"))
        words = "\n".join(text for text in texts if text is not None)
        kind = self._obj.kind.concept
        return (Concept((), words), (kind, layer)) if words else (layer, (kind,))

    def _region(self, item: Dataset, path: str) -> Region3D | None:
        kind = GRAPHIC_TYPES_3D.get(values.text(item, "GraphicType") or "")
        if kind is None:
            self._obj.report("region-type", f"{path}.GraphicType")
        points = points_of(self._obj, item, "GraphicData", path, 3)
        if kind is None or points is None:
            return None
        return region_3d(self._obj, kind, points, f"{path}.GraphicData")

    def _contexts(self, item: Dataset, at: tuple[int, str], code: Concept, role: str) -> Iterator[Selection]:
        """Yield the content items of reports that an annotation refers to, each by its Observation UID."""
        obj, (index, path) = self._obj, at
        for number, context in enumerate(values.items(item, _CONTEXTS)):
            context_path = f"{path}.{_CONTEXTS}[{number}]"
            reference = reference_of(obj, context, context_path)
            if reference is None:
                continue
            uid = values.text(context, "ReferencedContentItem")
            if uid is not None:
                obj.report("content-item-position", f"{context_path}.ReferencedContentItem")
            gathering = Gathering()
            gathering.add(reference)
            for key, gathered in gathering.keyed(obj, role, f"{index + 1}.{number + 1}"):
                identifiers = () if uid is None else (oid_identifier(uid),)
                yield self._presentation.selection(key, code, gathered, identifiers=identifiers)

    def _input(self, item: Dataset, path: str) -> list[Reference]:
        """Return the images of the input that an annotation names by its number."""
        number = self._obj.integer(item, "VolumetricPresentationInputIndex", path)
        found: list[Reference] = []
        for index, stated in self._enumerated(_INPUTS):
            input_path = f"$.{_INPUTS}[{index}]"
            if number is not None and number == self._obj.integer(
                stated, "VolumetricPresentationInputNumber", input_path
            ):
                uid = values.text(stated, "VolumetricPresentationInputSetUID")
                found += [*self._sets.get(uid or "", ()), *self._sets.get(input_path, ())]
        return distinct(found)

    def _on_view(self, shapes: list[Shape]) -> tuple[Region3D, ...]:
        """Return shapes as regions in space; what is not in units of the display, or not on a plane, is reported."""
        regions = []
        for shape in shapes:
            if shape.units != "DISPLAY":
                self._obj.report("annotation-units", shape.units_path)
            elif self._view is None or self._view.plane is None or self._space is None:
                self._obj.report("view-position", shape.path)
            else:
                regions.append(on_plane(self._obj, self._view.plane, shape))
        return tuple(region for region in regions if region is not None)

    def _own_key(self, role: str, path: str) -> SelectionKey:
        return self._obj.key(role, path, self._obj.own_series.series_instance_uid or "")

    def _of_state(self, key: SelectionKey, code: Concept, **elements: Any) -> Selection:
        """Return a selection of the state itself."""
        shared: dict[str, Any] = {
            "performers": self._presentation.performers,
            "categories": self._categories,
            "series": self._obj.own_series,
            "frame_of_reference_uid": self._frame_of_reference,
            "body_sites": self._body_sites,
            "instances": (self._obj.own_instance(),),
        }
        return self._obj.selection(key, code, **(shared | elements))

    def _in_space(self, key: SelectionKey, code: Concept, regions: tuple[Region3D, ...], **elements: Any) -> Selection:
        """Return a selection of regions in the frame of reference of the state: they name no image."""
        shared: dict[str, Any] = {
            "performers": self._presentation.performers,
            "series": Series(),
            "frame_of_reference_uid": self._space,
            "body_sites": self._body_sites,
            "focus": (self._presentation.key,),
            "regions_3d": regions,
        }
        return self._obj.selection(key, code, **(shared | elements))


def _input_sets(obj: AnnotationObject) -> dict[str, list[Reference]]:
    """Return the images by Volumetric Presentation Input Set UID.

    Earlier editions of the standard have them in the inputs themselves: by their paths here.
    """
    sets: dict[str, list[Reference]] = {}
    for index, item in enumerate(values.items(obj.dataset, _INPUT_SETS)):
        path = f"$.{_INPUT_SETS}[{index}]"
        uid = values.text(item, "VolumetricPresentationInputSetUID") or path
        sets.setdefault(uid, []).extend(references(obj, item, path))
    for index, item in enumerate(values.items(obj.dataset, _INPUTS)):
        path = f"$.{_INPUTS}[{index}]"
        sets.setdefault(path, []).extend(references(obj, item, path))
    return sets


def _side(obj: AnnotationObject) -> str | None:
    side = obj.text(obj.dataset, "ImageLaterality")
    return side if side in ("R", "L", "B", "U") else None
