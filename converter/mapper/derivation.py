"""Which images the frames of a segmentation derive from, apart by segment; no pixel is needed for that.

PS3.3 C.7.6.16.2.6 (derivation image), C.8.20.3.1 (segment identification), C.12.4 (common instance reference).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from pydicom import Dataset

from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.gathering import Gathered, Gathering, Reference, reference_of
from converter.selection import Frames, SelectionKey

_ROLE = "source"
_LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"


def is_label_map(dataset: Dataset) -> bool:
    """Return whether each frame of the segmentation shows all segments (PS3.3 C.8.20.2.3)."""
    kind = values.text(dataset, "SegmentationType")
    is_defined = kind in ("BINARY", "FRACTIONAL", "LABELMAP")
    return kind == "LABELMAP" if is_defined else values.text(dataset, "SOPClassUID") == _LABEL_MAP_STORAGE


@dataclass(slots=True)
class _Named:
    """One source image; `frames` are all that are named of it, None once it is named as a whole."""

    reference: Reference
    frames: set[int] | None = field(default_factory=set)


class Images:
    """Images by SOP Instance UID, in the order they are first named, each with all its frames that are named."""

    def __init__(self) -> None:
        self._by_uid: dict[str, _Named] = {}

    def add(self, reference: Reference) -> None:
        """Add an image or frames of it."""
        named = self._by_uid.setdefault(reference.sop_instance_uid, _Named(reference))
        if not isinstance(reference.subset, Frames):
            named.frames = None
        elif named.frames is not None:
            named.frames.update(reference.subset.numbers)

    def gathered(self) -> Gathering:
        """Return one reference per image: the whole of it, or all its frames named, ascending."""
        gathering = Gathering()
        for named in self._by_uid.values():
            subset = None if named.frames is None else Frames(tuple(sorted(named.frames)))
            gathering.add(replace(named.reference, subset=subset))
        return gathering


class Derivation:
    """The source images of an object's segments, read from its functional groups.

    What derives for all segments alike is stated once, not once per segment: frames that do not say which segment
    they show (those of a label map show any), and a derivation that all frames share. `first_named`: each segment
    number that frames name → the JSONPath of the element that does so first.
    """

    def __init__(self, obj: AnnotationObject) -> None:
        self._obj = obj
        self._of_segment: dict[int, Images] = {}
        self._of_all = Images()
        self._is_label_map = is_label_map(obj.dataset)
        self.first_named: dict[int, str] = {}
        self._read_groups()

    def own(self, number: int) -> list[tuple[SelectionKey, Gathered]]:
        """Return the sources of the segment's own frames, one per series, each with its selection's key."""
        images = self._of_segment.get(number)
        return [] if images is None else list(images.gathered().keyed(self._obj, _ROLE, str(number)))

    @cached_property
    def common(self) -> list[tuple[SelectionKey, Gathered]]:
        """The sources of all segments alike, one per series, each with its selection's key."""
        return list(self._of_all.gathered().keyed(self._obj, _ROLE, ""))

    @cached_property
    def of_object(self) -> list[tuple[SelectionKey, Gathered]]:
        """What the object as a whole refers to: the sources of a segment whose frames name none."""
        images = Images()
        for item, path in _referenced_instances(self._obj.dataset):
            self._add(item, path, [images])
        return list(images.gathered().keyed(self._obj, _ROLE, ""))

    def _read_groups(self) -> None:
        shared = "SharedFunctionalGroupsSequence"
        shared_segments: tuple[int, ...] = ()
        for index, group in enumerate(values.items(self._obj.dataset, shared)):
            shared_segments = self._read_group(group, f"$.{shared}[{index}]", ())
        per_frame = "PerFrameFunctionalGroupsSequence"
        for index, group in enumerate(values.items(self._obj.dataset, per_frame)):
            self._read_group(group, f"$.{per_frame}[{index}]", shared_segments)

    def _read_group(self, group: Dataset, path: str, shared_segments: tuple[int, ...]) -> tuple[int, ...]:
        """Read one functional group; return the segments that it is about."""
        segments = () if self._is_label_map else self._segments(group, path) or shared_segments
        targets = [self._images_of(number) for number in segments] or [self._of_all]
        for index, derivation in enumerate(values.items(group, "DerivationImageSequence")):
            derivation_path = f"{path}.DerivationImageSequence[{index}].SourceImageSequence"
            for number, item in enumerate(values.items(derivation, "SourceImageSequence")):
                self._add(item, f"{derivation_path}[{number}]", targets)
        return segments

    def _segments(self, group: Dataset, path: str) -> tuple[int, ...]:
        """Return the numbers of the segments that a functional group identifies."""
        numbers: dict[int, None] = {}
        for index, item in enumerate(values.items(group, "SegmentIdentificationSequence")):
            item_path = f"{path}.SegmentIdentificationSequence[{index}]"
            for number in self._obj.integers(item, "ReferencedSegmentNumber", item_path):
                numbers[number] = None
                self.first_named.setdefault(number, f"{item_path}.ReferencedSegmentNumber")
        return tuple(numbers)

    def _images_of(self, number: int) -> Images:
        return self._of_segment.setdefault(number, Images())

    def _add(self, item: Dataset, path: str, targets: list[Images]) -> None:
        reference = reference_of(self._obj, item, path)
        if reference is not None:
            for images in targets:
                images.add(reference)


def _referenced_instances(dataset: Dataset) -> Iterator[tuple[Dataset, str]]:
    """Yield the references of the object as a whole, each with its path."""
    for index, item in enumerate(values.items(dataset, "SourceImageSequence")):
        yield item, f"$.SourceImageSequence[{index}]"
    other_studies = "StudiesContainingOtherReferencedInstancesSequence"
    studies = [(dataset, "$")]
    studies += [
        (item, f"$.{other_studies}[{index}]") for index, item in enumerate(values.items(dataset, other_studies))
    ]
    for study, study_path in studies:
        for index, series in enumerate(values.items(study, "ReferencedSeriesSequence")):
            path = f"{study_path}.ReferencedSeriesSequence[{index}].ReferencedInstanceSequence"
            for number, item in enumerate(values.items(series, "ReferencedInstanceSequence")):
                yield item, f"{path}[{number}]"
