"""What a selection looks like: its frames with regions and masks, and its sketches."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from converter.catalog import Instance
from converter.fhir.reading import is_selection
from converter.mapper import kind_of, values
from converter.projection import Slice, slices_or_tiles_of
from converter.view import images as texts
from converter.view import sketches, slides
from converter.view.display import Frame, displayed
from converter.view.images import Images, numbers
from converter.view.masks import Masks
from converter.view.picture import Mask, Picture, Pictured, PictureError, Shape
from converter.view.sections import Sections
from converter.view.selected import Part, Selected, selected
from converter.view.shapes import MOST_POINTS, THINNED, outline, shape
from converter.view.states import States

MOST_SHAPES: Final = 2_000
"""Regions of one picture that are drawn."""
MOST_SERIES: Final = 4
"""Series on whose images regions in a frame of reference are shown."""

_MOST_SIDE: Final = 2**16
# Of an image that nothing at all is known of.
_UNKNOWN_SIDE: Final = 256
# Beyond this a pixel is no pixel but a mistake.
_MOST_ASPECT: Final = 16.0
_KEPT: Final = 8

FIRST_FRAME: Final = "All frames are selected: the first is shown."
NO_SLICE: Final = "A region lies in none of the images given."
FEWER_SHAPES: Final = f"Of more than {MOST_SHAPES} regions only the first are drawn."
FEWER_SERIES: Final = f"Regions are shown on {MOST_SERIES} of the series that they lie in."
FEWER_PICTURES: Final = "Not all frames that are selected are shown."
NO_SEGMENTATION: Final = "The segmentation is not among the DICOM objects given, or cannot be decoded."


@dataclass(slots=True, eq=False)
class _Shown:
    """What is drawn on a frame."""

    shapes: list[Shape] = field(default_factory=list)
    masks: list[Mask] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, region: Shape, count: int) -> None:
        """Add a shape that has so many points, as long as there is room."""
        if count > MOST_POINTS:
            self.notes.append(THINNED)
        if len(self.shapes) < MOST_SHAPES:
            self.shapes.append(region)
        else:
            self.notes.append(FEWER_SHAPES)


class _Frames:
    """The frames to be shown of a selection in the order in which they are met, no more than so many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.found: dict[tuple[str, int | None], _Shown] = {}
        self.notes: list[str] = []

    def at(self, uid: str, frame: int | None) -> _Shown | None:
        """Return what is drawn on a frame, None where there are too many."""
        shown = self.found.get((uid, frame))
        if shown is None and len(self.found) >= self._most:
            self.notes.append(FEWER_PICTURES)
            return None
        return self.found.setdefault((uid, frame), shown or _Shown())

    @property
    def left(self) -> int:
        """How many more there may be."""
        return self._most - len(self.found)


class Pictures:
    """Makes pictures of selections, of any release, out of the DICOM objects at a path.

    `selections`: all resources at hand, read once on entering: presentation states among them tell how the selections
    that they made are windowed. `dicom`: a path as `imgsel convert` takes it; without one every image is missing.
    `most` is the number of pictures of one selection. Use it as a context; pictures decode as long as it is open.
    """

    def __init__(self, selections: Iterable[Mapping[str, Any]], dicom: Path | None, *, most: int = 64) -> None:
        self._selections = selections
        self._images = Images(dicom)
        self._masks = Masks(self._images)
        self._most = most
        self._sections = lru_cache(_KEPT)(self._read_sections)

    def __enter__(self) -> Self:
        self._images.__enter__()
        self._states = States(each for each in self._selections if is_selection(each))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._images.__exit__(kind, error, traceback)

    def of(self, selection: Mapping[str, Any]) -> Pictured:
        """Return what there is to see of a selection, ImagingSelection or the Basic of R4."""
        what = selected(selection)
        frames = _Frames(self._most)
        for part in what.parts:
            self._add_part(part, what, frames)
        every = self._near(what) if what.regions_3d else []
        self._add_regions(what, every, frames)
        # What lies on slides has no direction in a patient.
        sketched = () if every and all(each.is_slide for each in every) else what.regions_3d
        if not sketches.is_whole(sketched):
            frames.notes.append(sketches.SKETCHED_IN_PART)
        state = self._states.of(what)
        return Pictured(
            tuple(self._picture(what.id, uid, frame, shown, state) for (uid, frame), shown in frames.found.items()),
            sketches.sketches(what.id, sketched, what.label),
            tuple(dict.fromkeys((*what.notes, *frames.notes))),
        )

    def lookup(self, sop_instance_uid: str) -> Instance | None:
        """Return what is known of an instance, or None."""
        return self._images.lookup(sop_instance_uid)

    def _add_part(self, part: Part, what: Selected, frames: _Frames) -> None:
        """Add the frames of a selected instance that is an image or a segmentation."""
        instance = self._images.lookup(part.uid)
        sop_class = instance.sop_class_uid if instance is not None else part.sop_class_uid
        kind = kind_of(sop_class, instance.modality if instance is not None else None)
        if kind == "SEG" and not part.regions:
            self._add_segments(part, what, instance, frames)
        elif part.regions or (kind is None and part.kind in (None, "frame") and not _is_no_image(instance)):
            for frame in self._frames_of(part, instance, frames):
                shown = frames.at(part.uid, frame)
                if shown is None:
                    break
                for region in part.regions:
                    shown.add(shape(region, what.label), len(region.points))

    def _frames_of(self, part: Part, instance: Instance | None, frames: _Frames) -> list[int | None]:
        """Return the frames that are shown: those named, else of several the first."""
        named = [int(each) for each in part.subset if each.isdecimal() and len(each) < 10]
        count = None if instance is None else instance.number_of_frames or 1
        if count == 1 and (not named or named == [1]):
            return [None]
        if named:
            return list(dict.fromkeys(named))
        if count is None or slides.is_slide(instance):
            return [None]
        frames.notes.append(FIRST_FRAME)
        return [1]

    def _add_segments(self, part: Part, what: Selected, instance: Instance | None, frames: _Frames) -> None:
        """Add the masks of segments, or of all segments on the frames that are selected."""
        named = [int(each) for each in part.subset if each.isdecimal() and len(each) < 10]
        segments, numbers_of_frames = (None, named) if part.kind == "frame" else (named or None, None)
        label = what.label if segments is not None and len(segments) == 1 else None
        try:
            if instance is None or instance.rows is None:
                raise PictureError(NO_SEGMENTATION)
            masked = self._masks.of(part.uid, segments, numbers_of_frames, part.element, self._most + 1)
        except PictureError:
            # A surface segmentation has no pixels that there could be a picture of.
            if instance is None or instance.rows is not None:
                frames.notes.append(NO_SEGMENTATION)
            return
        for each in masked:
            image = self._images.lookup(each.sop_instance_uid)
            is_single = image is not None and (image.number_of_frames or 1) == 1
            shown = frames.at(each.sop_instance_uid, None if is_single else each.frame)
            if shown is not None:
                shown.masks.append(replace(each.mask, label=label))

    def _near(self, what: Selected) -> list[Sections]:
        named = tuple(each.uid for each in what.parts)
        return self._sections(what.frame_of_reference_uid or "", what.study_uid, what.series_uid, named)

    def _add_regions(self, what: Selected, every: list[Sections], frames: _Frames) -> None:
        """Add the slices that regions in a frame of reference lie in or cut, and note that one lies in none."""
        if len(every) > MOST_SERIES:
            frames.notes.append(FEWER_SERIES)
        found: list[tuple[int, Slice, Shape]] = []
        for region in what.regions_3d[: MOST_SHAPES * self._most]:
            count = len(found)
            for series, sections in enumerate(every[:MOST_SERIES]):
                found += [(series, each, drawn) for each, drawn in sections.of(region, what.label)]
            if len(found) == count:
                frames.notes.append(NO_SLICE)
        for _, each, drawn in sorted(found, key=lambda one: (one[0], _order(one[1]))):
            frame = None if each.subset is None else each.subset.numbers[0]
            shown = frames.at(each.instance.sop_instance_uid, frame)
            if shown is not None:
                shown.add(drawn, len(drawn.points))

    def _read_sections(
        self, frame_of_reference: str, study: str | None, series: str | None, named: tuple[str, ...]
    ) -> list[Sections]:
        """Return the series whose slices regions may be on: that selected, else all of the study."""
        near = self._images.instances_in_frame_of_reference(frame_of_reference) if frame_of_reference else []
        known = [found for found in map(self._images.lookup, named) if found is not None]
        there = {each.sop_instance_uid for each in near}
        near += [each for each in known if each.sop_instance_uid not in there and each.frame_of_reference_uid is None]
        images = [each for each in near if kind_of(each.sop_class_uid, each.modality) is None]
        images = [each for each in images if study is None or each.study_instance_uid == study]
        own = [each for each in images if each.series_instance_uid == series]
        return _by_series(own) or _by_series(images)

    def _picture(self, selection_id: str, uid: str, frame: int | None, shown: _Shown, state: str | None) -> Picture:
        instance = self._images.lookup(uid)
        missing = self._missing(instance, uid, frame)
        columns, rows = _size(instance, frame, shown)
        return Picture(
            selection_id,
            uid,
            frame,
            columns,
            rows,
            1.0 if instance is None else self._aspect(instance, frame or 1),
            tuple(shown.shapes),
            tuple(shown.masks),
            None if missing is not None else partial(self._png, uid, frame, state),
            missing,
            tuple(dict.fromkeys(shown.notes)),
        )

    def _missing(self, instance: Instance | None, uid: str, frame: int | None) -> str | None:
        if instance is not None and frame is None and slides.is_slide(instance) and not slides.is_small(instance):
            return texts.WHOLE_SLIDE
        return self._images.missing(uid, frame or 1)

    def _png(self, uid: str, frame: int | None, state: str | None) -> bytes:
        instance = self._images.lookup(uid)
        if instance is not None and frame is None and slides.is_slide(instance):
            pixels = slides.assembled(self._images, instance)
        else:
            pixels = self._images.pixels(uid, frame or 1)
        dataset = self._images.dataset(uid)
        if kind_of(values.text(dataset, "SOPClassUID"), None) == "SEG":
            # Its pixels are the mask.
            return png(np.zeros(pixels.shape, np.uint8))
        try:
            presented = None if state is None else self._images.dataset(state)
        except PictureError:
            presented = None
        return png(displayed(Frame(pixels, dataset, uid, frame or 1, presented)))

    def _aspect(self, instance: Instance, frame: int) -> float:
        """Return the height of a pixel over its width: spacings, else Pixel Aspect Ratio (C.7.6.3.1.7)."""
        spacing = instance.pixel_spacing
        stated = None if instance.frame_planes is None else instance.frame_planes.of(frame)
        found = stated[2] if stated is not None else spacing
        if found is None and self._images.missing(instance.sop_instance_uid, frame) is None:
            found = self._stated_spacing(instance.sop_instance_uid)
        if found is None or len(found) != 2 or not all(np.isfinite(found)) or min(found) <= 0:
            return 1.0
        aspect = found[0] / found[1]
        return aspect if 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT else 1.0

    def _stated_spacing(self, uid: str) -> tuple[float, ...] | None:
        try:
            dataset = self._images.dataset(uid)
        except PictureError:
            return None
        keywords = ("PixelSpacing", "PixelAspectRatio", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
        return next((found for found in (numbers(dataset, each) for each in keywords) if len(found) == 2), None)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return pixels, (rows, columns) of grey or (rows, columns, 3) of RGB, as a PNG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def _order(each: Slice) -> tuple[bool, int, str, tuple[int, ...]]:
    """Return what slices of a series are sorted by: Instance Number, then SOP Instance UID and frame."""
    number = each.instance.instance_number
    return number is None, number or 0, each.instance.sop_instance_uid, each.subset.numbers if each.subset else ()


def _by_series(images: Iterable[Instance]) -> list[Sections]:
    """Return the slices of each series that has any, by Series Instance UID."""
    ordered = sorted(images, key=lambda each: each.series_instance_uid or "")
    series = groupby(ordered, key=lambda each: each.series_instance_uid)
    found = [Sections(one for each in group for one in slices_or_tiles_of(each)) for _, group in series]
    return [each for each in found if len(each)]


def _is_no_image(instance: Instance | None) -> bool:
    return instance is not None and (instance.rows is None or bool(instance.waveform_channels))


def _size(instance: Instance | None, frame: int | None, shown: _Shown) -> tuple[int, int]:
    """Return columns and rows: those stated, else what holds all that is drawn."""
    if instance is not None and frame is None and slides.is_slide(instance):
        stated = instance.total_pixel_matrix_columns, instance.total_pixel_matrix_rows
    else:
        stated = (None, None) if instance is None else (instance.columns, instance.rows)
    if stated[0] and stated[1]:
        return stated[0], stated[1]
    if shown.masks:
        rows, columns = shown.masks[0].pixels.shape
        return columns, rows
    corners = [outline(each).max(axis=0) for each in shown.shapes]
    if not corners:
        return _UNKNOWN_SIDE, _UNKNOWN_SIDE
    columns, rows = np.clip(np.floor(np.max(corners, axis=0)) + 1, 1, _MOST_SIDE).astype(int).tolist()
    return columns, rows
