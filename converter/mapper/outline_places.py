"""Where the pixels of a segmentation's frames are on the images that they derive from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from converter.catalog import Instance
from converter.geometry import Computed
from converter.mapper.annotation_object import AnnotationObject, Located
from converter.mapper.gathering import Reference, by_series
from converter.mapper.projected import Projector, is_drawn_on
from converter.mapper.segmentation_frames import SegmentationFrame, SegmentationFrames, Source
from converter.outline import Ring
from converter.plane import Plane, frame_of_reference_to_pixel, pixel_to_frame_of_reference
from converter.projection import Slice, Stack, slices_of
from converter.selection import Frames

_NOT_IN_PLANE, _UNKNOWN = "region-not-in-plane", "plane-unknown"
_DECIMALS = 6
# Images of one frame by their definition: CR, DX, MG, IO, CT, MR, US, SC, PET, visible light (PS3.3 A).
_SINGLE_FRAME = frozenset(
    "1.2.840.10008.5.1.4.1.1." + number
    for number in (
        *("1", "1.1", "1.1.1", "1.2", "1.2.1", "1.3", "1.3.1", "2", "4", "6.1", "7", "128"),
        *("77.1.1", "77.1.2", "77.1.3", "77.1.4"),
    )
)
# Positions are decimal strings: pixels that are nearer to each other than this, in pixels, are the same.
_SAME = 0.01


@dataclass(frozen=True, slots=True)
class Place:
    """An image or frames of it, and how a frame's pixels come to be there.

    `planes`: those of the frame and of the image, None where pixels differ by no more than `offset`, (column, row).
    """

    reference: Reference
    offset: tuple[float, float] = (0.0, 0.0)
    planes: tuple[Plane, Plane] | None = None

    def moved(self, ring: Ring) -> Ring:
        """Return a ring of the frame on the image."""
        if self.planes is not None:
            return np.round(_between(ring, *self.planes), _DECIMALS) + 0.0
        return ring + np.array(self.offset) if any(self.offset) else ring


class Places:
    """Finds the images for the frames of one object, by where they lie and else by what they derive from."""

    def __init__(self, obj: AnnotationObject, frames: SegmentationFrames) -> None:
        self._obj = obj
        self._frames = frames
        self._frame_of_reference_uid = obj.text(obj.dataset, "FrameOfReferenceUID")
        self._projector = Projector(obj)
        self._stacks: dict[tuple[object, ...], Stack] = {}
        size = (float(frames.columns), float(frames.rows))
        self._corners = np.array([(0.0, 0.0), (size[0], 0.0), size, (0.0, size[1])])
        self._last: tuple[int, tuple[list[Place], str | None]] | None = None

    def of(self, frame: SegmentationFrame) -> tuple[list[Place], str | None]:
        """Return the frame's place in each series that has one, and the code of the problem if none has."""
        # Segments of a label map share their frames.
        if self._last is None or self._last[0] != frame.number:
            self._last = (frame.number, self._find(frame))
        return self._last[1]

    def on_segmentation(self, frame: SegmentationFrame) -> Place:
        """Return the frame itself as a place."""
        own = self._obj.own_instance()
        subset = Frames((frame.number,)) if self._frames.count > 1 else None
        header = Instance(
            sop_instance_uid=own.sop_instance_uid,
            instance_number=own.number,
            frame_of_reference_uid=self._frame_of_reference_uid,
        )
        located = Located(self._obj.own_series, header)
        return Place(Reference(own.sop_instance_uid, own.sop_class_uid, subset, located, "$"))

    def _find(self, frame: SegmentationFrame) -> tuple[list[Place], str | None]:
        if not frame.sources:
            return self._in_space(frame)
        places, problem = [], _UNKNOWN
        sources = {id(each.reference): each for each in frame.sources}
        for references in by_series(each.reference for each in frame.sources).values():
            place = self._in_series(frame, [sources[id(each)] for each in references])
            if isinstance(place, Place):
                places.append(place)
            elif place == _NOT_IN_PLANE:
                problem = place
        return places, None if places else problem

    def _in_series(self, frame: SegmentationFrame, sources: list[Source]) -> Place | str:
        """Return the frame's place among images of one series that it derives from, or the problem."""
        stack = self._stack(sources)
        if frame.plane is None or not len(stack):
            return self._by_pixels(frame, sources) or _UNKNOWN
        nearest = self._nearest(stack, frame.plane)
        if nearest is None:
            return _NOT_IN_PLANE
        uid = nearest.instance.sop_instance_uid
        named = next(each.reference for each in sources if each.reference.sop_instance_uid == uid)
        self._check_frame_of_reference(nearest.instance, named.path)
        return self._by_plane(frame.plane, nearest, replace(named, subset=nearest.subset))

    def _in_space(self, frame: SegmentationFrame) -> tuple[list[Place], str | None]:
        """Return the frame's place in each series of the images that the object refers to."""
        if frame.offset is not None:
            tiles = [self._on_matrix(frame, reference, "$") for reference in self._tiled]
            places = [place for place in tiles if place is not None]
            return places, None if places else _UNKNOWN
        stacks = [stack for stack in self._projector.stacks(self._frame_of_reference_uid) if len(stack)]
        if frame.plane is None or not stacks:
            return [], _UNKNOWN
        places = []
        for nearest in (self._nearest(stack, frame.plane) for stack in stacks):
            if nearest is not None:
                instance = nearest.instance
                located = self._obj.locate(instance.sop_instance_uid, "$")
                reference = Reference(instance.sop_instance_uid, instance.sop_class_uid, nearest.subset, located, "$")
                places.append(self._by_plane(frame.plane, nearest, reference))
        return places, None if places else _NOT_IN_PLANE

    @cached_property
    def _tiled(self) -> list[Reference]:
        """The tiled images that the object as a whole refers to."""
        found = []
        for uid, _ in self._obj.evidence.instances():
            instance = self._obj.catalog.lookup(uid)
            is_tiled = instance is not None and instance.total_pixel_matrix_columns is not None
            if instance is not None and is_tiled and is_drawn_on(instance):
                located = self._obj.locate(uid, "$")
                found.append(Reference(uid, instance.sop_class_uid, None, located, "$"))
        return found

    def _nearest(self, stack: Stack, plane: Plane) -> Slice | None:
        return stack.nearest(pixel_to_frame_of_reference(self._corners, plane))

    def _by_plane(self, plane: Plane, on: Slice, reference: Reference) -> Place:
        corners = _between(self._corners, plane, on.plane)
        offset = np.round(corners[0] - self._corners[0])
        if bool((np.abs(corners - self._corners - offset) <= _SAME).all()):
            # Adding zero turns -0.0 into 0.0.
            column, row = (offset + 0.0).tolist()
            return Place(reference, (column, row))
        return Place(reference, planes=(plane, on.plane))

    def _by_pixels(self, frame: SegmentationFrame, sources: list[Source]) -> Place | None:
        """Return the frame's place on an image whose pixels are the frame's own, None if that is not so."""
        if len({(each.reference.sop_instance_uid, each.reference.subset) for each in sources}) != 1:
            return None
        reference, preserved = sources[0].reference, sources[0].preserved
        instance = reference.located.instance
        if preserved == "NO" or (instance is None and preserved != "YES"):
            return None
        if frame.offset is not None:
            return self._on_matrix(frame, reference, reference.path)
        if instance is not None and (instance.columns, instance.rows) != (self._frames.columns, self._frames.rows):
            return None
        # Which of an image's many frames each frame here is of, only frames that are named say.
        if reference.subset is None and self._frames.count > 1 and _may_have_frames(reference):
            return None
        return Place(reference)

    def _on_matrix(self, frame: SegmentationFrame, reference: Reference, path: str) -> Place | None:
        """Return the place of a tile in the total pixel matrix of an image, None unless that is the tile's own, too.

        The tile's position decides: frames that are named do not always lie there.
        """
        instance = reference.located.instance
        if frame.offset is None or instance is None or not self._is_same_matrix(frame, instance):
            return None
        if reference.subset is not None:
            self._obj.report_once("region-matrix", path)
        column, row = frame.offset
        return Place(replace(reference, subset=None), (float(column), float(row)))

    def _is_same_matrix(self, frame: SegmentationFrame, instance: Instance) -> bool:
        matrix = (instance.total_pixel_matrix_columns, instance.total_pixel_matrix_rows)
        own, other = self._frame_of_reference_uid, instance.frame_of_reference_uid
        if matrix != self._frames.total_pixel_matrix or (None not in (own, other) and own != other):
            return False
        spacing = instance.pixel_spacing
        return frame.plane is None or spacing is None or np.allclose(frame.plane.spacing, spacing, rtol=_SAME, atol=0)

    def _stack(self, sources: list[Source]) -> Stack:
        key = tuple((each.reference.sop_instance_uid, each.reference.subset) for each in sources)
        if key not in self._stacks:
            self._stacks[key] = Stack(each for source in sources for each in self._slices(source.reference))
        return self._stacks[key]

    def _slices(self, reference: Reference) -> list[Slice]:
        instance, subset = reference.located.instance, reference.subset
        if instance is None or not (subset is None or isinstance(subset, Frames)):
            return []
        return slices_of(instance, subset, self._obj.settings.plane_tolerance)

    def _check_frame_of_reference(self, instance: Instance, path: str) -> None:
        own = self._frame_of_reference_uid
        if own is not None and instance.frame_of_reference_uid not in (None, own):
            self._obj.report_once("frame-of-reference-conflict", path, own)


def _may_have_frames(reference: Reference) -> bool:
    """Return whether an image has more than one frame, or can have where that is not known."""
    instance = reference.located.instance
    if instance is not None:
        return (instance.number_of_frames or 1) > 1
    return reference.sop_class_uid not in _SINGLE_FRAME


def _between(points: Ring, plane: Plane, other: Plane) -> Computed:
    return frame_of_reference_to_pixel(pixel_to_frame_of_reference(points, plane), other)[0]
