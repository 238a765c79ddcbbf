"""Which images the frames of a segmentation derive from, apart by segment; no pixel is needed for that.

PS3.3 C.7.6.16.2.6 (derivation image), C.8.20.3.1 (segment identification), C.12.4 (common instance reference).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from pydicom import Dataset

from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.gathering import Gathered, Gathering, Reference, frames_of
from converter.selection import Frames, SelectionKey

ROLE = "source"
"""The role of selections of source images."""


@dataclass(slots=True)
class _Named:
    """One source image with every frame of it that is named; `is_whole` once it is named without frames."""

    reference: Reference
    is_whole: bool
    frames: set[int]


@dataclass(slots=True)
class _Images:
    """Source images by SOP Instance UID, in the order they are first named."""

    by_uid: dict[str, _Named] = field(default_factory=dict)

    def add(self, reference: Reference) -> None:
        numbers = reference.subset.numbers if isinstance(reference.subset, Frames) else ()
        named = self.by_uid.setdefault(reference.sop_instance_uid, _Named(reference, False, set()))
        named.is_whole |= not numbers
        named.frames.update(numbers)

    def gathered(self) -> Gathering:
        """Return one reference per image: the whole of it, or all its frames named, ascending."""
        gathering = Gathering()
        for uid, named in self.by_uid.items():
            first = named.reference
            subset = None if named.is_whole else Frames(tuple(sorted(named.frames)))
            gathering.add(Reference(uid, first.sop_class_uid, subset, first.located, first.path))
        return gathering


class Derivation:
    """The source images of an object's segments, read once from its functional groups.

    Frames that do not say which segment they show (those of a label map show any) derive for all segments alike, as
    do frames whose derivation is shared: such sources are stated once, under an empty path, not once per segment.
    `first_named`: each segment number that frames name → the JSONPath of the element that does so first.
    """

    def __init__(self, obj: AnnotationObject) -> None:
        self._obj = obj
        self._of_segment: dict[int, _Images] = {}
        self._of_all = _Images()
        self._references: dict[str, Reference] = {}
        self.first_named: dict[int, str] = {}
        self._read_frames()

    def own(self, number: int) -> list[tuple[SelectionKey, Gathered]]:
        """Return the sources of the segment's own frames, one per series, each with its selection's key."""
        images = self._of_segment.get(number)
        return [] if images is None else list(images.gathered().keyed(self._obj, ROLE, str(number)))

    @cached_property
    def common(self) -> list[tuple[SelectionKey, Gathered]]:
        """The sources of all segments alike, one per series, each with its selection's key."""
        return list(self._of_all.gathered().keyed(self._obj, ROLE, ""))

    @cached_property
    def of_object(self) -> list[tuple[SelectionKey, Gathered]]:
        """What the object refers to as a whole: the sources where no frame says what it derives from."""
        images = _Images()
        for item, path in _referenced_instances(self._obj.dataset):
            self._add(images, item, path)
        return list(images.gathered().keyed(self._obj, "referenced", ""))

    def _read_frames(self) -> None:
        groups = values.items(self._obj.dataset, "SharedFunctionalGroupsSequence")
        shared, shared_path = (groups[0] if groups else Dataset()), "$.SharedFunctionalGroupsSequence[0]"
        shared_segments = self._segments(shared, shared_path)
        for item, path in _source_images(shared, shared_path):
            self._add(self._of_all, item, path)
        for index, frame in enumerate(values.items(self._obj.dataset, "PerFrameFunctionalGroupsSequence")):
            path = f"$.PerFrameFunctionalGroupsSequence[{index}]"
            segments = self._segments(frame, path) or shared_segments
            for item, item_path in _source_images(frame, path):
                for images in [self._of_segment.setdefault(each, _Images()) for each in segments] or [self._of_all]:
                    self._add(images, item, item_path)

    def _segments(self, group: Dataset, path: str) -> tuple[int, ...]:
        """Return the numbers of the segments that a functional group identifies."""
        numbers: list[int] = []
        for index, item in enumerate(values.items(group, "SegmentIdentificationSequence")):
            item_path = f"{path}.SegmentIdentificationSequence[{index}]"
            for number in self._obj.integers(item, "ReferencedSegmentNumber", item_path):
                numbers.append(number)
                self.first_named.setdefault(number, f"{item_path}.ReferencedSegmentNumber")
        return tuple(dict.fromkeys(numbers))

    def _add(self, images: _Images, item: Dataset, path: str) -> None:
        """Add an image and its frames; where it lives is looked up once, thousands of frames may derive from it."""
        uid = values.text(item, "ReferencedSOPInstanceUID")
        if uid is None:
            self._obj.report("reference-incomplete", path)
            return
        first = self._references.get(uid)
        if first is None:
            located = self._obj.locate(uid, path)
            sop_class = values.text(item, "ReferencedSOPClassUID")
            if sop_class is None and located.instance is not None:
                sop_class = located.instance.sop_class_uid
            first = self._references[uid] = Reference(uid, sop_class, None, located, path)
        frames = frames_of(self._obj, item, path, first.located.instance)
        if frames is not None:
            images.add(Reference(uid, first.sop_class_uid, frames, first.located, path))


def _source_images(group: Dataset, path: str) -> Iterator[tuple[Dataset, str]]:
    for index, derivation in enumerate(values.items(group, "DerivationImageSequence")):
        derivation_path = f"{path}.DerivationImageSequence[{index}].SourceImageSequence"
        for number, item in enumerate(values.items(derivation, "SourceImageSequence")):
            yield item, f"{derivation_path}[{number}]"


def _referenced_instances(dataset: Dataset) -> Iterator[tuple[Dataset, str]]:
    """Yield the references of the object as a whole, each with its path."""
    for index, item in enumerate(values.items(dataset, "SourceImageSequence")):
        yield item, f"$.SourceImageSequence[{index}]"
    studies = [(dataset, "$")]
    keyword = "StudiesContainingOtherReferencedInstancesSequence"
    studies += [(item, f"$.{keyword}[{index}]") for index, item in enumerate(values.items(dataset, keyword))]
    for study, study_path in studies:
        for index, series in enumerate(values.items(study, "ReferencedSeriesSequence")):
            path = f"{study_path}.ReferencedSeriesSequence[{index}].ReferencedInstanceSequence"
            for number, item in enumerate(values.items(series, "ReferencedInstanceSequence")):
                yield item, f"{path}[{number}]"
