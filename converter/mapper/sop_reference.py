"""What an IMAGE, COMPOSITE or WAVEFORM content item refers to: instances, frames, segments, channels and companions.

PS3.3 C.18.3 (composite), C.18.4 (image) and C.18.5 (waveform reference macros).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pydicom import Dataset

from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.gathering import Reference, reference_of
from converter.selection import Channels, Frames, Segments

VALUE_TYPES = frozenset({"IMAGE", "COMPOSITE", "WAVEFORM"})
"""Value types whose content items refer to instances."""


@dataclass(frozen=True, slots=True)
class SopReferences:
    """The references of one content item.

    `primary`: the instance whole, or its frames or channels; empty where only segments of it are named. `segments`:
    the segmentation with its segments. Both together mean their intersection. `presentation_states` and
    `real_world_value_mappings`: what the image is to be seen and measured through.
    """

    primary: tuple[Reference, ...] = ()
    segments: tuple[Reference, ...] = ()
    presentation_states: tuple[Reference, ...] = ()
    real_world_value_mappings: tuple[Reference, ...] = ()


def selected(obj: AnnotationObject, content_item: Dataset, path: str) -> SopReferences:
    """Return what a content item refers to; `path` is the item's. What cannot be read becomes a problem.

    A content item has one reference by the standard; where there are more, all are taken.
    """
    primary: list[Reference] = []
    segments: list[Reference] = []
    states: list[Reference] = []
    mappings: list[Reference] = []
    items = values.items(content_item, "ReferencedSOPSequence")
    if not items:
        obj.report("reference-incomplete", f"{path}.ReferencedSOPSequence")
    for index, item in enumerate(items):
        item_path = f"{path}.ReferencedSOPSequence[{index}]"
        reference = reference_of(obj, item, item_path)
        if reference is not None:
            _note_copy(obj, reference)
            of_instance, of_segments = _apart(obj, item, reference)
            primary += of_instance
            segments += of_segments
        states += _nested(obj, item, "ReferencedSOPSequence", item_path)
        mappings += _nested(obj, item, "ReferencedRealWorldValueMappingInstanceSequence", item_path)
    return SopReferences(tuple(primary), tuple(segments), tuple(states), tuple(mappings))


def _apart(obj: AnnotationObject, item: Dataset, reference: Reference) -> tuple[list[Reference], list[Reference]]:
    """Return the reference as (instance, frames or channels; segments), each empty if the item does not name it."""
    if values.has_value(item, "ReferencedSegmentNumber"):
        of_segments = list(_of_segments(obj, item, reference))
        if not isinstance(reference.subset, Frames):
            return [], of_segments
        if of_segments:
            obj.report("frames-and-segments", reference.path)
        return [reference], of_segments
    if values.has_value(item, "ReferencedWaveformChannels") and reference.subset is None:
        instance = reference.located.instance
        counts = () if instance is None else instance.waveform_channels
        return [replace(reference, subset=channels_of(obj, item, reference.path, counts))], []
    return [reference], []


def _of_segments(obj: AnnotationObject, item: Dataset, reference: Reference) -> Iterator[Reference]:
    path = f"{reference.path}.ReferencedSegmentNumber"
    try:
        stated = values.integers(item, "ReferencedSegmentNumber")
    except values.ValueUnreadableError:
        obj.report("segment-invalid", path)
        return
    numbers = tuple(dict.fromkeys(number for number in stated if number >= 0))
    if len(numbers) < len(set(stated)):
        obj.report("segment-invalid", path)
    if numbers:
        yield replace(reference, subset=Segments(numbers))


def channels_of(obj: AnnotationObject, item: Dataset, item_path: str, counts: tuple[int, ...]) -> Channels | None:
    """Return the channels of Referenced Waveform Channels (0040,A0B0), None where they cannot be told (C.18.5.1.1).

    `counts`: how many channels each multiplex group has, as far as that is known.
    """
    path = f"{item_path}.ReferencedWaveformChannels"
    numbers = obj.integers(item, "ReferencedWaveformChannels", item_path)
    pairs = tuple(zip(numbers[::2], numbers[1::2], strict=False))
    valid = [(group, channel) for group, channel in pairs if group >= 1 and channel >= 0]
    if len(numbers) % 2 or len(valid) < len(pairs):
        obj.report("number-invalid", path)
    expanded: dict[tuple[int, int], None] = {}
    for group, channel in valid:
        if channel:
            expanded[group, channel] = None
        elif group <= len(counts):
            expanded |= dict.fromkeys((group, each) for each in range(1, counts[group - 1] + 1))
        else:
            obj.report("channels-unknown", path)
            return None
    return Channels(tuple(expanded)) if expanded else None


def _nested(obj: AnnotationObject, item: Dataset, keyword: str, path: str) -> Iterator[Reference]:
    for index, nested in enumerate(values.items(item, keyword)):
        reference = reference_of(obj, nested, f"{path}.{keyword}[{index}]")
        if reference is not None:
            _note_copy(obj, reference)
            yield reference


def _note_copy(obj: AnnotationObject, reference: Reference) -> None:
    if obj.evidence.is_copy(reference.sop_instance_uid):
        obj.report_once("identical-document", reference.path, reference.sop_instance_uid)
