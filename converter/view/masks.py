"""The segments of a segmentation on the images that its frames derive from (PS3.3 A.51, C.8.20)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from converter import plane as planes
from converter.catalog import Instance
from converter.geometry import GeometryError
from converter.mapper import values
from converter.mapper.derivation import is_label_map
from converter.plane import Plane
from converter.projection import slices_of
from converter.selection import Frames
from converter.view.images import Images, number, numbers
from converter.view.picture import Mask

_MOST_ALPHA: Final = 255
_KEPT: Final = 2**14
# Spatial Locations Preserved of images whose pixels are elsewhere in what derives from them.
_MOVED: Final = ("NO", "REORIENTED_ONLY")
# Of a pixel: grids that are no further apart are one grid.
_SAME: Final = 1e-2


@dataclass(frozen=True, slots=True, eq=False)
class Masked:
    """A mask and the frame that it is on: of a source image, or of the segmentation itself where it has none."""

    sop_instance_uid: str
    frame: int
    mask: Mask


class Masks:
    """Masks of the segmentations among the images; frames are decoded one by one as they are asked for."""

    def __init__(self, images: Images) -> None:
        self._images = images
        self._labels = lru_cache(_KEPT)(self._read_labels)

    def of(
        self,
        sop_instance_uid: str,
        segments: Sequence[int] | None,
        frames: Sequence[int] | None,
        element: str,
        most: int,
    ) -> list[Masked]:
        """Return the masks of segments, None for all, on frames, None for all that show them; no more than `most`.

        Frames of a label map are those that have a pixel of the segment. Raises PictureError.
        """
        dataset = self._images.dataset(sop_instance_uid)
        wanted = self._frames_of(sop_instance_uid, dataset, segments, frames)
        return list(islice(self._masked(sop_instance_uid, dataset, wanted, element), most))

    def _frames_of(
        self, uid: str, dataset: Dataset, segments: Sequence[int] | None, frames: Sequence[int] | None
    ) -> Iterator[tuple[int, int]]:
        """Yield the pairs of frame and segment, by frame."""
        count = max(number(dataset, "NumberOfFrames") or 1, 1)
        shown = range(1, count + 1) if frames is None else [each for each in frames if 1 <= each <= count]
        for frame in shown:
            there = self._labels(uid, frame) if is_label_map(dataset) else _segment(dataset, frame)
            for segment in there:
                if segments is None or segment in segments:
                    yield frame, segment

    def _masked(self, uid: str, dataset: Dataset, wanted: Iterator[tuple[int, int]], element: str) -> Iterator[Masked]:
        for frame, segment in wanted:
            pixels = _pixels(self._images.pixels(uid, frame), dataset, segment)
            placed = self._on_source(dataset, frame, pixels)
            source, source_frame, found = placed or (uid, frame, pixels)
            yield Masked(source, source_frame, Mask(segment, found, element))

    def _read_labels(self, uid: str, frame: int) -> tuple[int, ...]:
        return tuple(np.unique(self._images.pixels(uid, frame)).tolist())

    def _on_source(self, dataset: Dataset, frame: int, pixels: NDArray[Any]) -> tuple[str, int, NDArray[Any]] | None:
        """Return the source image's frame that the mask is on, and the mask in its pixels; None if there is none.

        An image that is not at hand is taken to have the pixels of the segmentation. Which of several images it is, the
        planes tell: without them it is none.
        """
        plane, space = _plane(dataset, frame), values.text(dataset, "FrameOfReferenceUID")
        sources = list(_sources(dataset, frame, plane))
        for uid, source_frame in sources:
            image = self._images.lookup(uid)
            if image is None or image.rows is None or image.columns is None:
                continue
            # What lies in another frame of reference cannot be compared.
            is_comparable = space is None or image.frame_of_reference_uid in (None, space)
            own_plane = plane if is_comparable else None
            source_frame = source_frame or _nearest_frame(image, own_plane)
            image_plane = None if source_frame is None else plane_of(image, source_frame)
            if source_frame is None or (len(sources) > 1 and (own_plane is None or image_plane is None)):
                return None
            placed = _placed(pixels, own_plane, image, image_plane)
            if placed is not None:
                return uid, source_frame, placed
        absent = [each for each in sources if self._images.lookup(each[0]) is None]
        return (absent[0][0], absent[0][1] or 1, pixels) if len(absent) == len(sources) == 1 else None


def plane_of(instance: Instance, frame: int) -> Plane | None:
    """Return where a frame lies, None if that is not known."""
    numbers = Frames((frame,)) if (instance.number_of_frames or 1) > 1 or instance.frame_planes else None
    return next((each.plane for each in slices_of(instance, numbers)), None)


def _plane(dataset: Dataset, frame: int) -> Plane | None:
    """Return where a frame of the segmentation lies: catalogs do not hold that (C.7.6.16.2.1, .3, .4)."""
    stated = []
    for macro, keyword in (
        ("PlanePositionSequence", "ImagePositionPatient"),
        ("PlaneOrientationSequence", "ImageOrientationPatient"),
        ("PixelMeasuresSequence", "PixelSpacing"),
    ):
        items = (item for group in _groups(dataset, frame) for item in values.items(group, macro))
        stated.append(next((numbers(item, keyword) for item in items), ()))
    try:
        return Plane(*stated)
    except GeometryError:
        return None


def _segment(dataset: Dataset, frame: int) -> tuple[int, ...]:
    """Return the segment that a frame shows, none if the frame does not say."""
    for group in _groups(dataset, frame):
        for item in values.items(group, "SegmentIdentificationSequence"):
            found = number(item, "ReferencedSegmentNumber")
            if found is not None:
                return (found,)
    return ()


def _groups(dataset: Dataset, frame: int) -> tuple[Dataset, ...]:
    own = values.items(dataset, "PerFrameFunctionalGroupsSequence")[frame - 1 : frame]
    return (*own, *values.items(dataset, "SharedFunctionalGroupsSequence"))


def _sources(dataset: Dataset, frame: int, plane: Plane | None) -> Iterator[tuple[str, int | None]]:
    """Yield the images that a frame derives from, each with its frame where one is named (C.7.6.16.2.6).

    Where it is not known where the frame lies, those are left out whose pixels are said to have moved.
    """
    for group in _groups(dataset, frame):
        for item in values.items(group, "DerivationImageSequence"):
            for image in values.items(item, "SourceImageSequence"):
                uid = values.text(image, "ReferencedSOPInstanceUID")
                if values.text(image, "SpatialLocationsPreserved") in _MOVED and plane is None:
                    continue
                named = numbers(image, "ReferencedFrameNumber") or (None,)
                if uid is not None:
                    yield from ((uid, None if each is None else int(each)) for each in named)


def _pixels(stored: NDArray[Any], dataset: Dataset, segment: int) -> NDArray[np.bool_] | NDArray[np.float64]:
    """Return which pixels belong to the segment, or how much of each (C.8.20.2.3)."""
    if is_label_map(dataset):
        return np.asarray(stored == segment)
    if values.text(dataset, "SegmentationType") == "FRACTIONAL":
        greatest = number(dataset, "MaximumFractionalValue") or _MOST_ALPHA
        return np.clip(stored.astype(np.float64) / greatest, 0, 1)
    return np.asarray(stored != 0)


def _nearest_frame(image: Instance, plane: Plane | None) -> int | None:
    """Return the frame of an image that lies nearest to a plane, None if that is not known."""
    if (image.number_of_frames or 1) == 1:
        return 1
    found = slices_of(image)
    if plane is None or not found:
        return None
    distances = [abs((np.array(plane.position) - each.plane.position) @ each.plane.normal) for each in found]
    nearest = found[int(np.argmin(np.round(distances, 6)))]
    return None if nearest.subset is None else nearest.subset.numbers[0]


def _placed(
    pixels: NDArray[Any], plane: Plane | None, image: Instance, image_plane: Plane | None
) -> NDArray[Any] | None:
    """Return a mask in the pixels of an image; None where it lies in another plane, or cannot be told to lie there."""
    assert image.rows is not None
    assert image.columns is not None
    shape = (image.rows, image.columns)
    if plane is None or image_plane is None:
        return pixels if pixels.shape == shape else None
    corners = np.array([[0.0, 0], [pixels.shape[1], 0], [0, pixels.shape[0]]])
    there, distances = planes.frame_of_reference_to_pixel(
        planes.pixel_to_frame_of_reference(corners, plane), image_plane
    )
    if np.abs(distances).max() > (image.slice_thickness or max(image_plane.spacing)) / 2 + 1e-6:
        return None
    if pixels.shape == shape and np.abs(there - corners).max() <= _SAME:
        return pixels
    return _resampled(pixels, plane, image_plane, shape)


def _resampled(pixels: NDArray[Any], plane: Plane, onto: Plane, shape: tuple[int, int]) -> NDArray[Any]:
    """Return, for the centre of each pixel of another grid, the pixel that it lies in; nothing outside."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    centers = np.column_stack([columns.ravel(), rows.ravel()]) + 0.5
    at = planes.frame_of_reference_to_pixel(planes.pixel_to_frame_of_reference(centers, onto), plane)[0]
    column, row = np.floor(at + 1e-6).astype(np.intp).T
    is_inside = (column >= 0) & (row >= 0) & (column < pixels.shape[1]) & (row < pixels.shape[0])
    found = np.zeros(len(centers), pixels.dtype)
    found[is_inside] = pixels[row[is_inside], column[is_inside]]
    return found.reshape(shape)
