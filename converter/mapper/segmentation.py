"""Segmentations: each segment is a selection, and so are the images that it derives from (PS3.3 A.51, C.8.20)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from pydicom import Dataset

from converter.mapper import anatomy, coded, people, values
from converter.mapper.annotation_object import AnnotationObject, oid_identifier
from converter.mapper.derivation import Derivation, is_label_map
from converter.mapper.gathering import Gathered
from converter.mapper.outlines import outline_selections, outlined
from converter.selection import Code, Concept, Identifier, Performer, Segments, Selection, SelectionKey

_SOURCE_IMAGE = Concept((Code(coded.DCM, "121233", "Source image for segmentation"),), "Source image for segmentation")

_TYPE_MODIFIERS = "SegmentedPropertyTypeModifierCodeSequence"


@dataclass(frozen=True, slots=True)
class _Segment:
    """A segment and its definition, empty for one that only frames name; `part` tells segments of one number apart."""

    number: int
    definition: Dataset
    path: str
    part: str = ""


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield each segment, in the order defined, followed by the source images of its own frames.

    Source images of all segments alike come once, where the first segment names them.
    """
    return of_derivation(obj, Derivation(obj), with_outlines=obj.settings.outlines)


def of_derivation(obj: AnnotationObject, derivation: Derivation, *, with_outlines: bool = False) -> Iterator[Selection]:
    """Yield each segment and what `derivation` knows it derives from, as `selections` does.

    `with_outlines`: its outlines, too. Of segments of one number the first has those of the frames that name it.
    """
    stated: set[SelectionKey] = set()
    segments = _segments(obj, derivation)
    rings = outlined(obj, list(dict.fromkeys(each.number for each in segments))) if with_outlines else {}
    for segment in segments:
        sources = [*derivation.own(segment.number), *derivation.common] or derivation.of_object
        performers = _performers(obj, segment.definition)
        selection = _segment_selection(obj, segment, sources, performers)
        yield selection
        if segment.number in rings:
            yield from outline_selections(obj, selection, rings.pop(segment.number))
        for key, gathered in sources:
            if key not in stated:
                stated.add(key)
                yield _source_selection(obj, key, gathered)


def _segment_selection(
    obj: AnnotationObject,
    segment: _Segment,
    sources: list[tuple[SelectionKey, Gathered]],
    performers: tuple[Performer, ...],
) -> Selection:
    key = obj.key("item", str(segment.number), obj.own_series.series_instance_uid or "")
    category = obj.concept(segment.definition, "SegmentedPropertyCategoryCodeSequence", segment.path)
    header = next((gathered.anatomy for _, gathered in sources if gathered.header is not None), None)
    # A property type that is modified by a side (a right kidney) says the side of what is segmented, too.
    type_modifiers = anatomy.modifiers(obj, segment.definition, "SegmentedPropertyTypeCodeSequence", _TYPE_MODIFIERS)
    site, side = anatomy.site(obj, segment.definition, segment.path, type_modifiers)
    return obj.selection(
        replace(key, part=segment.part),
        _code(obj, segment),
        identifiers=_tracking(segment.definition),
        categories=(obj.kind.concept, *([] if category is None else [category])),
        performers=performers,
        series=obj.own_series,
        frame_of_reference_uid=obj.text(obj.dataset, "FrameOfReferenceUID"),
        body_sites=obj.body_sites(site, side, header),
        focus=tuple(key for key, _ in sources),
        instances=(obj.own_instance(subset=Segments((segment.number,))),),
        place=segment.path,
    )


def _source_selection(obj: AnnotationObject, key: SelectionKey, gathered: Gathered) -> Selection:
    creator = people.content_creator(obj.dataset)
    return obj.selection(
        key,
        _SOURCE_IMAGE,
        performers=() if creator is None else (creator,),
        series=gathered.series,
        frame_of_reference_uid=gathered.frame_of_reference_uid,
        body_sites=obj.body_sites(None, None, gathered.anatomy),
        instances=gathered.instances,
        place=gathered.place,
    )


def _segments(obj: AnnotationObject, derivation: Derivation) -> list[_Segment]:
    """Return the segments defined, then those that frames name without a definition."""
    definitions = values.items(obj.dataset, "SegmentSequence")
    if not definitions:
        obj.report("content-missing", "$.SegmentSequence")
    numbered = list(_numbered(obj, definitions))
    counts = Counter(segment.number for segment in numbered)
    _check_numbers(obj, counts)
    parts: Counter[int] = Counter()
    segments = []
    for segment in numbered:
        if counts[segment.number] > 1:
            segment = replace(segment, part=str(parts[segment.number]))
            parts[segment.number] += 1
        segments.append(segment)
    for number, path in derivation.first_named.items():
        if number not in counts:
            obj.report("segment-not-defined", path)
            segments.append(_Segment(number, Dataset(), path))
    return segments


def _numbered(obj: AnnotationObject, definitions: Iterable[Dataset]) -> Iterator[_Segment]:
    for index, definition in enumerate(definitions):
        path = f"$.SegmentSequence[{index}]"
        try:
            number = values.integer(definition, "SegmentNumber")
        except values.ValueUnreadableError:
            number = None
        if number is None or number < 0:
            obj.report("segment-invalid", f"{path}.SegmentNumber")
        else:
            yield _Segment(number, definition, path)


def _check_numbers(obj: AnnotationObject, counts: Counter[int]) -> None:
    if any(count > 1 for count in counts.values()):
        obj.report("segment-duplicate", "$.SegmentSequence")
    # Only the numbers of a label map may start and jump as they like.
    if not is_label_map(obj.dataset) and sorted(counts) != list(range(1, len(counts) + 1)):
        obj.report("segment-gap", "$.SegmentSequence")


def _code(obj: AnnotationObject, segment: _Segment) -> Concept:
    """Return the property type; its text adds the type's modifiers and the label where that says more."""
    keyword = "SegmentedPropertyTypeCodeSequence"
    concept = obj.concept(segment.definition, keyword, segment.path)
    label = obj.text(segment.definition, "SegmentLabel") or obj.text(segment.definition, "SegmentDescription")
    if concept is not None:
        modifiers = anatomy.modifiers(obj, segment.definition, keyword, _TYPE_MODIFIERS)
        return replace(concept, text=anatomy.labelled(anatomy.qualified(concept, modifiers), label))
    if label is not None:
        return Concept((), label)
    obj.report("code-missing", segment.path)
    return obj.kind.concept


def _tracking(definition: Dataset) -> tuple[Identifier, ...]:
    """Return what tracks the segment across time points (PS3.3 C.8.20.4)."""
    uid = values.text(definition, "TrackingUID")
    text = values.text(definition, "TrackingID")
    by_uid = () if uid is None else (replace(oid_identifier(uid), use="secondary"),)
    return by_uid if text is None else (*by_uid, Identifier(text, use="secondary"))


def _performers(obj: AnnotationObject, definition: Dataset) -> tuple[Performer, ...]:
    """Return who or what made the segment, by Segment Algorithm Type (0062,0008)."""
    kind = values.text(definition, "SegmentAlgorithmType")
    return people.makers(obj.dataset, kind, _algorithms(definition))


def _algorithms(definition: Dataset) -> list[Performer]:
    """Return the algorithms that a segment identifies, else the one that it names."""
    identified = people.algorithms(definition, "SegmentationAlgorithmIdentificationSequence")
    for surface in values.items(definition, "ReferencedSurfaceSequence"):
        identified += people.algorithms(surface, "SegmentSurfaceGenerationAlgorithmIdentificationSequence")
    found = identified or [people.device(values.text(definition, "SegmentAlgorithmName"))]
    return [performer for performer in found if performer is not None]
