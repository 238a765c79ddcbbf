"""Presentation states of images: the images that they present, and the graphics and texts drawn on them.

PS3.3 A.33 (presentation states), C.10.5 (graphic annotation), C.11.11 (relationship), C.11.14 and C.11.33 (blending).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pydicom import Dataset

from converter.mapper import coded, values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.displayed_area import Placement
from converter.mapper.gathering import Gathered, Gathering, Reference, check_inside, reference_of
from converter.mapper.graphics import Shape, shapes_of_text
from converter.mapper.presentation import ANNOTATIONS, Presentation, distinct, drawn, references, tracking
from converter.mapper.total_pixel_matrix import only_frames
from converter.selection import Code, Concept, Frames, Region2D, Selection, SelectionKey, Series, Subset

_BLENDING = "BlendingSequence"
_ADVANCED_BLENDING = "AdvancedBlendingSequence"
_MASKS = "MaskSubtractionSequence"
_POSITIONS = {"UNDERLYING": Concept((), "Underlying"), "SUPERIMPOSED": Concept((), "Superimposed")}
# Of CID 7202.
_MASK = Concept(
    (Code(coded.DCM, "121321", "Mask image for image processing operation"),),
    "Mask image for image processing operation",
)


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield the state itself, the images that it presents by series, then each annotation item's graphics and texts."""
    state = _State(obj)
    yield from state.documents()
    yield from state.means()
    for index, item in enumerate(values.items(obj.dataset, ANNOTATIONS)):
        yield from state.annotation(item, index)


@dataclass(frozen=True, slots=True)
class _Presented:
    """What a presentation state presents: images and frames, and series as a whole.

    `drawn_on` are those that graphics apply to which name none. `positions`: Series Instance UID → whether the series
    lies under or over the other.
    """

    references: list[Reference]
    whole_series: list[Series]
    drawn_on: list[Reference]
    positions: dict[str, Concept]


class _State:
    """One presentation state while it is mapped."""

    def __init__(self, obj: AnnotationObject) -> None:
        self._obj = obj
        self._presentation = Presentation(obj)
        self._presented = _presented(obj)
        self._placement = Placement(obj)

    def documents(self) -> Iterator[Selection]:
        """Yield the state itself, then what it presents, by series."""
        obj, presentation = self._obj, self._presentation
        gathering = Gathering()
        for reference in self._presented.references:
            gathering.add(reference)
        keyed = [*gathering.keyed(obj, "series", ""), *self._whole_series(gathering)]
        if not keyed:
            obj.report("content-missing", "$.ReferencedSeriesSequence")
        yield obj.selection(
            presentation.key,
            presentation.code,
            performers=presentation.performers,
            series=obj.own_series,
            frame_of_reference_uid=obj.text(obj.dataset, "FrameOfReferenceUID"),
            body_sites=obj.body_sites(None, None, next((each.anatomy for _, each in keyed if each.header), None)),
            focus=tuple(key for key, _ in keyed),
            instances=(obj.own_instance(),),
        )
        for key, gathered in keyed:
            position = self._presented.positions.get(gathered.series_uid)
            categories = (obj.kind.concept, *([] if position is None else [position]))
            yield presentation.selection(key, presentation.code, gathered, categories=categories)

    def means(self) -> Iterator[Selection]:
        """Yield what the images are presented by means of: mask frames and spatial registrations."""
        obj = self._obj
        for index, item in enumerate(values.items(obj.dataset, _MASKS)):
            yield from self._masks(item, index)
        blended = [(obj.dataset, "$")]
        for index, item in enumerate(values.items(obj.dataset, _ADVANCED_BLENDING)):
            blended.append((item, f"$.{_ADVANCED_BLENDING}[{index}]"))
        yield from self._presentation.registrations(blended)
        for index, item in enumerate(values.items(obj.dataset, "MultiFramePresentationSequence")):
            if values.items(item, "FrameDisplaySequence"):
                obj.report("playback", f"$.MultiFramePresentationSequence[{index}].FrameDisplaySequence")

    def annotation(self, item: Dataset, index: int) -> Iterator[Selection]:
        """Yield what a graphic annotation item draws: its graphics together, each of its texts alone."""
        obj, path = self._obj, f"$.{ANNOTATIONS}[{index}]"
        images = self._applies_to(item, path)
        if not images:
            obj.report("region-without-image", path)
            return
        code = self._presentation.layer(item, path)
        yield from self._graphics(item, index, images, code)
        for number in range(len(values.items(item, "TextObjectSequence"))):
            yield from self._text(item, (index, number), images, code)

    def _masks(self, item: Dataset, index: int) -> Iterator[Selection]:
        """Yield the frames that a mask is made of (PS3.3 C.7.6.10, C.11.15)."""
        path = f"$.{_MASKS}[{index}]"
        frames = self._obj.integers(item, "MaskFrameNumbers", path)
        if any(number < 1 for number in frames):
            self._obj.report("frame-invalid", f"{path}.MaskFrameNumbers")
            return
        gathering = Gathering()
        if frames:
            images = references(self._obj, item, path) or self._presented.references
            masks = (replace(each, subset=Frames(tuple(dict.fromkeys(frames))), path=path) for each in images)
            for reference in distinct(masks):
                gathering.add(reference)
        for key, gathered in gathering.keyed(self._obj, "mask", str(index + 1)):
            yield self._presentation.selection(key, _MASK, gathered, focus=(self._presentation.key,))

    def _graphics(self, item: Dataset, index: int, images: Sequence[Reference], code: Concept) -> Iterator[Selection]:
        path = f"$.{ANNOTATIONS}[{index}]"
        shapes, identifiers = drawn(self._obj, item, path)
        gathering = Gathering()
        for shape in shapes:
            self._place(shape, images, gathering)
        focus = (self._presentation.key,)
        for key, gathered in gathering.keyed(self._obj, "regions2d", str(index + 1)):
            yield self._presentation.selection(key, code, gathered, identifiers=identifiers, focus=focus, place=path)

    def _text(
        self, item: Dataset, position: tuple[int, int], images: Sequence[Reference], layer: Concept
    ) -> Iterator[Selection]:
        index, number = position
        path = f"$.{ANNOTATIONS}[{index}].TextObjectSequence[{number}]"
        text = values.items(item, "TextObjectSequence")[number]
        gathering = Gathering()
        placed = {
            reference
            for shape in shapes_of_text(self._obj, text, path)
            for reference in self._place(shape, images, gathering)
        }
        for reference in images:
            # The image stays selected even where its text has no place.
            if reference not in placed:
                gathering.add(reference)
        words = values.text(text, "UnformattedTextValue")
        code = layer if words is None else Concept((), words)
        identifiers, focus = tracking(text), (self._presentation.key,)
        for key, gathered in gathering.keyed(self._obj, "text", f"{index + 1}.{number + 1}"):
            yield self._presentation.selection(key, code, gathered, identifiers=identifiers, focus=focus, place=path)

    def _place(self, shape: Shape, images: Sequence[Reference], gathering: Gathering) -> list[Reference]:
        """Add the regions that a shape is on images; return the images that it has a place on."""
        found: set[tuple[str, Subset | None, Region2D]] = set()
        placed, named = [], only_frames(images)
        for reference in images:
            for part, region in self._placement.place(shape, reference, named):
                placed.append(reference)
                # Frames of a total pixel matrix all are the same whole instance.
                if (part.sop_instance_uid, part.subset, region) not in found:
                    found.add((part.sop_instance_uid, part.subset, region))
                    check_inside(self._obj, region, part.located.instance, shape.path, part.subset)
                    gathering.add(part, region)
        return placed

    def _applies_to(self, item: Dataset, path: str) -> list[Reference]:
        """Return the images and frames of an annotation item: those that it names, else all that are drawn on."""
        if not values.items(item, "ReferencedImageSequence"):
            return self._presented.drawn_on
        return references(self._obj, item, path)

    def _whole_series(self, gathering: Gathering) -> Iterator[tuple[SelectionKey, Gathered]]:
        known = {gathered.series_uid for gathered in gathering}
        for series in self._presented.whole_series:
            gathered = Gathered(series)
            if gathered.series_uid not in known:
                yield self._obj.key("series", "", gathered.series_uid), gathered


def _presented(obj: AnnotationObject) -> _Presented:
    """Return what the state presents: of the relationship module, and of what it blends (PS3.3 C.11.14, C.11.33)."""
    found = [each for item, path in _series_items(obj.dataset) for each in references(obj, item, path)]
    whole_series: list[Series] = []
    drawn_on: list[Reference] = []
    geometry: list[Reference] | None = None
    for index, item in enumerate(values.items(obj.dataset, _ADVANCED_BLENDING)):
        images, series = _blended(obj, item, f"$.{_ADVANCED_BLENDING}[{index}]")
        found += images
        if not images and series.series_instance_uid is not None:
            whole_series.append(series)
            images = _listed(obj, series.series_instance_uid)
        drawn_on += images
        if values.text(item, "GeometryForDisplay") == "TRUE":
            geometry = images
    # What is blended has the pixels of one input, where the state says of which (C.11.33.1.1).
    on = geometry if geometry is not None else distinct((*found, *drawn_on))
    return _Presented(distinct(found), list(dict.fromkeys(whole_series)), on, _positions(obj.dataset))


def _series_items(dataset: Dataset) -> Iterator[tuple[Dataset, str]]:
    """Yield the items of each Referenced Series Sequence, with their paths; those of blended sets name a study."""
    studies = [(dataset, "$")]
    studies += [(item, f"$.{_BLENDING}[{index}]") for index, item in enumerate(values.items(dataset, _BLENDING))]
    for study, path in studies:
        for index, series in enumerate(values.items(study, "ReferencedSeriesSequence")):
            yield series, f"{path}.ReferencedSeriesSequence[{index}]"


def _blended(obj: AnnotationObject, item: Dataset, path: str) -> tuple[list[Reference], Series]:
    """Return the images of an Advanced Blending Sequence item, none for a whole series, and their series."""
    study = values.text(item, "StudyInstanceUID") or obj.own_series.study_instance_uid
    series = Series(study, values.text(item, "SeriesInstanceUID"))
    for image in values.items(item, "ReferencedImageSequence"):
        uid = values.text(image, "ReferencedSOPInstanceUID")
        if uid is not None:
            obj.evidence.add(uid, series)
    return references(obj, item, path), series


def _listed(obj: AnnotationObject, series_instance_uid: str) -> list[Reference]:
    """Return the instances of a series that the object lists as referred to at all (PS3.3 C.12.2)."""
    other_studies = "StudiesContainingOtherReferencedInstancesSequence"
    studies = [(obj.dataset, "$")]
    studies += [(item, f"$.{other_studies}[{n}]") for n, item in enumerate(values.items(obj.dataset, other_studies))]
    found = []
    for study, path in studies:
        for index, series in enumerate(values.items(study, "ReferencedSeriesSequence")):
            if values.text(series, "SeriesInstanceUID") == series_instance_uid:
                series_path = f"{path}.ReferencedSeriesSequence[{index}].ReferencedInstanceSequence"
                for number, item in enumerate(values.items(series, "ReferencedInstanceSequence")):
                    found.append(reference_of(obj, item, f"{series_path}[{number}]"))
    return [each for each in found if each is not None]


def _positions(dataset: Dataset) -> dict[str, Concept]:
    """Return Series Instance UID → the position in the blending, of a series that has only one."""
    found: dict[str, set[Concept]] = {}
    for item in values.items(dataset, _BLENDING):
        position = _POSITIONS.get(values.text(item, "BlendingPosition") or "")
        for series in values.items(item, "ReferencedSeriesSequence"):
            uid = values.text(series, "SeriesInstanceUID")
            if uid is not None and position is not None:
                found.setdefault(uid, set()).add(position)
    return {uid: positions.pop() for uid, positions in found.items() if len(positions) == 1}
