"""The outlines of segments, on the images that their frames derive from and in the frame of reference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.derivation import Images
from converter.mapper.frame_masks import FrameMasks
from converter.mapper.gathering import Gathered, Gathering, by_series, check_inside
from converter.mapper.outline_places import Place, Places
from converter.mapper.segmentation_frames import SegmentationFrame, SegmentationFrames
from converter.outline import Ring, is_hole, outlines, simplified
from converter.projection import points_to_frame_of_reference
from converter.selection import Concept, Region2D, Region3D, Selection, Series, Subset

_HOLES_IN_WORDS = "inner rings are holes"


@dataclass(slots=True)
class _InSpace:
    """Polygons in a frame of reference, and the images of one series that they were made on, none if not known."""

    images: Images = field(default_factory=Images)
    regions: list[Region3D] = field(default_factory=list)


@dataclass(slots=True)
class Outlined:
    """One segment's outlines: on images, and in space by frame of reference and series of the images named.

    `frames`: by image and frames of it the number of the first frame that is on it. `problems` counts outlines that are
    not on images, and frames that are with others, by the code of the problem that it is.
    """

    on_images: Gathering = field(default_factory=Gathering)
    in_space: dict[tuple[str | None, ...], _InSpace] = field(default_factory=dict)
    has_holes: bool = False
    frames: dict[tuple[str, Subset | None], int] = field(default_factory=dict)
    problems: Counter[str] = field(default_factory=Counter)


def outlined(obj: AnnotationObject, defined: Sequence[int]) -> dict[int, Outlined]:
    """Return the outlines of an object's segments by number; `defined` are the numbers in the order of definition."""
    return _Outlining(obj, defined).segments


def outline_selections(obj: AnnotationObject, segment: Selection, found: Outlined) -> Iterator[Selection]:
    """Yield a segment's outlines by series: on images, then in space. `segment` is the segment's own selection."""
    code = segment.code
    if found.has_holes:
        obj.report("outline-holes", segment.place)
        code = replace(code, text=f"{code.text} ({_HOLES_IN_WORDS})")
    for problem, count in found.problems.items():
        if count:
            obj.report(problem, segment.place, count=count)
    path = segment.key.path
    for key, gathered in found.on_images.keyed(obj, "outline2d", path):
        parts = (part for part in (segment.key.part, key.part) if part)
        yield replace(
            _selection(obj, segment, code, gathered, gathered.frame_of_reference_uid),
            key=replace(key, part=".".join(parts)),
        )
    keys: Counter[object] = Counter()
    for (frame_of_reference, *_), group in found.in_space.items():
        gathered = next(iter(group.images.gathered()), Gathered(Series()))
        key = obj.key("outline3d", path, gathered.series_uid, frame_of_reference or "")
        number = keys[key]
        keys[key] += 1
        parts = (part for part in (segment.key.part, str(number) if number else "") if part)
        yield replace(
            _selection(obj, segment, code, gathered, frame_of_reference),
            key=replace(key, part=".".join(parts)),
            regions_3d=tuple(group.regions),
        )


def _selection(
    obj: AnnotationObject, segment: Selection, code: Concept, gathered: Gathered, frame_of_reference_uid: str | None
) -> Selection:
    return obj.selection(
        segment.key,
        code,
        identifiers=segment.identifiers,
        categories=segment.categories,
        performers=segment.performers,
        series=gathered.series,
        frame_of_reference_uid=frame_of_reference_uid,
        body_sites=segment.body_sites,
        focus=(segment.key,),
        instances=gathered.instances,
        place=segment.place,
    )


class _Outlining:
    """Goes through the frames of an object once."""

    def __init__(self, obj: AnnotationObject, defined: Sequence[int]) -> None:
        self._obj = obj
        self._tolerance = obj.settings.outline_tolerance
        self._frame_of_reference_uid = obj.text(obj.dataset, "FrameOfReferenceUID")
        frames = SegmentationFrames(obj, defined)
        self._places = Places(obj, frames)
        self.segments: dict[int, Outlined] = {}
        for frame, number, mask in FrameMasks(obj, frames, set(defined)):
            rings = outlines(mask)
            if rings:
                self._add(frame, self.segments.setdefault(number, Outlined()), rings)

    def _add(self, frame: SegmentationFrame, segment: Outlined, rings: list[Ring]) -> None:
        segment.has_holes |= any(map(is_hole, rings))
        if self._tolerance:
            rings = [simplified(ring, self._tolerance) for ring in rings]
        is_in_space = self._add_in_space(frame, segment, rings)
        places, problem = self._places.of(frame)
        if not places and not is_in_space:
            places, problem = [self._places.on_segmentation(frame)], "outline-on-segmentation"
        elif not is_in_space and self._frame_of_reference_uid is not None:
            problem = "outline-plane-unknown"
        for place in places:
            self._add_on_image(place, segment, rings)
        if problem is not None:
            segment.problems[problem] += len(rings)
        if frame.offset is None:
            self._count_overlaid(frame, segment, places)

    def _count_overlaid(self, frame: SegmentationFrame, segment: Outlined, places: list[Place]) -> None:
        """Count the frame if another one of the segment is on an image of its: whoever fills rings must know."""
        images = [(place.reference.sop_instance_uid, place.reference.subset) for place in places]
        first = [segment.frames.setdefault(image, frame.number) for image in images]
        segment.problems["outline-overlaid"] += any(number != frame.number for number in first)

    def _add_on_image(self, place: Place, segment: Outlined, rings: list[Ring]) -> None:
        for ring in rings:
            region = Region2D("polyline", place.moved(ring))
            check_inside(self._obj, region, place.reference.located.instance, place.reference.path)
            segment.on_images.add(place.reference, region)

    def _add_in_space(self, frame: SegmentationFrame, segment: Outlined, rings: list[Ring]) -> bool:
        """Add polygons with the images that the frame derives from; return whether where they lie is known."""
        references = [each.reference for each in frame.sources]
        headers = (each.located.instance for each in references)
        uid = self._frame_of_reference_uid or next(
            (each.frame_of_reference_uid for each in headers if each is not None), None
        )
        if frame.plane is None or uid is None:
            return False
        polygons = [points_to_frame_of_reference("polyline", ring, frame.plane) for ring in rings]
        for key, images in (by_series(references) or {(): []}).items():
            group = segment.in_space.setdefault((uid, *key), _InSpace())
            for image in images:
                group.images.add(image)
            uids = tuple(dict.fromkeys(image.sop_instance_uid for image in images))
            group.regions += (Region3D("polygon", polygon, uids) for polygon in polygons)
        return True
