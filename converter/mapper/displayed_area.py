"""Where the graphics of a presentation state lie in its images: units, displayed areas, rotation and flip.

PS3.3 C.10.4 (displayed area), C.10.5.1.1 (annotation units), C.10.6 (spatial transformation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from pydicom import Dataset

from converter import geometry
from converter.geometry import DisplayedArea, GeometryError, SpatialTransform
from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.gathering import Reference
from converter.mapper.graphics import Shape
from converter.mapper.total_pixel_matrix import TotalPixelMatrix, is_tiled, pixel_origin
from converter.selection import Frames, Region2D, Segments

_SEQUENCE = "DisplayedAreaSelectionSequence"

# Beyond this many frames, an image is not listed frame by frame.
_MOST_FRAMES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Selection:
    """An item of the Displayed Area Selection Sequence; `area` is None if it is not valid."""

    area: DisplayedArea | None
    origin: str | None
    path: str


class Placement:
    """Places the shapes of one presentation state in the images that it presents."""

    def __init__(self, obj: AnnotationObject) -> None:
        self._obj = obj
        self._of_all: _Selection | None = None
        self._of_image: dict[str, _Selection] = {}
        self._of_frames: dict[str, dict[int, _Selection]] = {}
        self._matrix = TotalPixelMatrix(obj)
        self._regions: dict[tuple[Shape, DisplayedArea | None], Region2D] = {}
        for index, item in enumerate(values.items(obj.dataset, _SEQUENCE)):
            self._add(item, f"$.{_SEQUENCE}[{index}]")

    def place(
        self, shape: Shape, reference: Reference, named: Mapping[str, int | None]
    ) -> Iterator[tuple[Reference, Region2D]]:
        """Yield the region that a shape is in a referenced image, by frames where these are displayed differently.

        Nothing, with a problem, where the shape has no place. `named`: the only frames that the shape is drawn on, as
        `only_frames` returns them: a position in the total pixel matrix is one in such a frame, or in the instance.
        """
        if shape.units == "PIXEL":
            self._matrix.check_frames(reference, shape.units_path)
            yield reference, self._region(shape, None)
        elif shape.units == "MATRIX":
            yield self._matrix.place(reference, named, self._region(shape, None), shape.units_path)
        elif self._transform is not None:
            for part, selection in self._governing(reference, shape):
                if selection is None:
                    self._obj.report_once("displayed-area-missing", shape.path, shape.path)
                elif selection.area is None:
                    self._obj.report_once("displayed-area-invalid", selection.path, selection.path)
                else:
                    yield self._relative_to(selection, part, named, self._region(shape, selection.area))

    @cached_property
    def _transform(self) -> SpatialTransform | None:
        dataset = self._obj.dataset
        try:
            rotation = values.integer(dataset, "ImageRotation")
            transform = SpatialTransform(rotation or 0)
        except (values.ValueUnreadableError, GeometryError):
            self._obj.report("rotation-invalid", "$.ImageRotation")
            return None
        flip = values.text(dataset, "ImageHorizontalFlip")
        if flip not in ("Y", "N", None):
            self._obj.report("flip-invalid", "$.ImageHorizontalFlip")
            return None
        return replace(transform, flip=flip == "Y")

    def _add(self, item: Dataset, path: str) -> None:
        selection = _Selection(_area(item), pixel_origin(item), path)
        images = values.items(item, "ReferencedImageSequence")
        if not images and self._of_all is None:
            self._of_all = selection
        for index, image in enumerate(images):
            uid = values.text(image, "ReferencedSOPInstanceUID")
            if uid is None:
                continue
            try:
                frames = values.integers(image, "ReferencedFrameNumber")
            except values.ValueUnreadableError:
                self._obj.report("frame-invalid", f"{path}.ReferencedImageSequence[{index}].ReferencedFrameNumber")
                continue
            for frame in frames:
                self._of_frames.setdefault(uid, {}).setdefault(frame, selection)
            if not frames:
                self._of_image.setdefault(uid, selection)

    def _governing(self, reference: Reference, shape: Shape) -> list[tuple[Reference, _Selection | None]]:
        """Return the reference with the displayed area that governs it, frame by frame where there are several.

        An area of the frame wins over one of the image, which wins over one of all images.
        """
        uid = reference.sop_instance_uid
        of_frames = self._of_frames.get(uid, {})
        rest = self._of_image.get(uid, self._of_all)
        if not of_frames or isinstance(reference.subset, Segments):
            return [(reference, rest)]
        frames = self._frames(reference)
        if frames is None:
            # Only the frames that are named are known to be there.
            frames = tuple(sorted(of_frames))
            if rest is not None:
                self._obj.report_once("displayed-area-frames", shape.path, shape.path)
                return _by_selection(reference, frames, of_frames, rest)
        parts = _by_selection(reference, frames, of_frames, rest)
        return [(reference, parts[0][1])] if len(parts) == 1 else parts

    @staticmethod
    def _frames(reference: Reference) -> tuple[int, ...] | None:
        """Return the numbers of the frames that are meant, None if it is not known how many there are."""
        if isinstance(reference.subset, Frames):
            return reference.subset.numbers
        instance = reference.located.instance
        if instance is None or instance.rows is None or (instance.number_of_frames or 1) > _MOST_FRAMES:
            return None
        return tuple(range(1, (instance.number_of_frames or 1) + 1))

    def _relative_to(
        self, selection: _Selection, reference: Reference, named: Mapping[str, int | None], region: Region2D
    ) -> tuple[Reference, Region2D]:
        """Return what the corners of a displayed area, and so the positions in it, are relative to."""
        path = f"{selection.path}.PixelOriginInterpretation"
        if selection.origin == "VOLUME":
            return self._matrix.place(reference, named, region, path)
        if selection.origin is None and is_tiled(reference.located.instance):
            self._obj.report_once("pixel-origin-assumed", path, path)
        self._matrix.check_frames(reference, path)
        return reference, region

    def _region(self, shape: Shape, area: DisplayedArea | None) -> Region2D:
        """Return the shape as a region in pixels; made once for all images that are displayed alike."""
        known = self._regions.get((shape, area))
        if known is None:
            made = Region2D(shape.type, shape.points) if area is None else self._displayed(shape, area)
            known = self._regions[shape, area] = self._turned(shape, made, area)
        return known

    def _displayed(self, shape: Shape, area: DisplayedArea) -> Region2D:
        transform = self._transform or SpatialTransform()
        if shape.type == "circle":
            points = geometry.circle_to_pixel(shape.points, area, transform)
            if len(points) == 4:
                self._obj.report_once("region-circle-ellipse", shape.path, shape.path)
                return Region2D("ellipse", points)
            return Region2D("circle", points)
        if shape.type == "ellipse":
            return Region2D("ellipse", geometry.ellipse_to_pixel(shape.points, area, transform))
        return Region2D(shape.type, geometry.displayed_to_pixel(shape.points, area, transform))

    def _turned(self, shape: Shape, region: Region2D, area: DisplayedArea | None) -> Region2D:
        """Return the region rotated as a compound graphic says: counterclockwise in the space of its units."""
        if shape.rotation is None:
            return region
        degrees, center = shape.rotation.degrees, shape.rotation.center
        transform = self._transform if area is not None else None
        if area is not None and transform is not None:
            center = geometry.displayed_to_pixel(center, area, transform)
            # What turns counterclockwise on the display turns clockwise in an image that is displayed mirrored.
            degrees = -degrees if transform.flip else degrees
        return Region2D(region.type, geometry.rotated(region.coordinates, center, degrees))


def _by_selection(
    reference: Reference, frames: tuple[int, ...], of_frames: dict[int, _Selection], rest: _Selection | None
) -> list[tuple[Reference, _Selection | None]]:
    """Split a reference by the displayed areas of its frames."""
    numbers: dict[_Selection | None, list[int]] = {}
    for frame in frames:
        numbers.setdefault(of_frames.get(frame, rest), []).append(frame)
    return [(replace(reference, subset=Frames(tuple(each))), selection) for selection, each in numbers.items()]


def _area(item: Dataset) -> DisplayedArea | None:
    try:
        top_left = values.integers(item, "DisplayedAreaTopLeftHandCorner")
        bottom_right = values.integers(item, "DisplayedAreaBottomRightHandCorner")
        if len(top_left) != 2 or len(bottom_right) != 2:
            return None
        return DisplayedArea((top_left[0], top_left[1]), (bottom_right[0], bottom_right[1]))
    except (values.ValueUnreadableError, GeometryError):
        return None
