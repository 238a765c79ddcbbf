"""Gathers what one selection selects, apart by series, one entry per distinct instance and subset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from pydicom import Dataset

from converter.catalog import Instance
from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject, Located
from converter.selection import Code, Frames, Region2D, SelectedInstance, SelectionKey, Series, Subset


@dataclass(slots=True)
class _Entry:
    sop_class_uid: str | None
    number: int | None
    regions: list[Region2D] = field(default_factory=list)


@dataclass(slots=True)
class Gathered:
    """The instances of one series.

    `header` is that of the first of them that was read, `place` the JSONPath of the first reference.
    """

    series: Series
    header: Instance | None = None
    place: str = "$"
    _entries: dict[tuple[str, Subset | None], _Entry] = field(default_factory=dict)
    _sites: set[tuple[Code | None, str | None]] = field(default_factory=set)
    _sides: set[str | None] = field(default_factory=set)

    @property
    def instances(self) -> tuple[SelectedInstance, ...]:
        """The instances in the order they were first selected."""
        return tuple(
            SelectedInstance(uid, entry.sop_class_uid, entry.number, subset, tuple(entry.regions))
            for (uid, subset), entry in self._entries.items()
        )

    @property
    def sop_instance_uids(self) -> set[str]:
        """The instances, whatever subsets of them are selected."""
        return {uid for uid, _ in self._entries}

    @property
    def frame_of_reference_uid(self) -> str | None:
        """The frame of reference of the series."""
        return None if self.header is None else self.header.frame_of_reference_uid

    @property
    def anatomy(self) -> Instance | None:
        """A header with the body part and side that all instances read agree on; None where they are of several parts.

        A series of mammograms may hold both breasts.
        """
        if self.header is None or len(self._sites) > 1:
            return None
        return self.header if len(self._sides) == 1 else replace(self.header, laterality=None)

    @property
    def series_uid(self) -> str:
        """The Series Instance UID, empty if nothing names it: what a selection's key takes."""
        return self.series.series_instance_uid or ""

    def add(self, reference: Reference, region: Region2D | None) -> None:
        """Add an instance (or a region on it)."""
        header = reference.located.instance
        if self.header is None:
            self.header = header
        if header is not None:
            self._sites.add((header.anatomic_region, header.body_part_examined))
            self._sides.add(header.laterality)
        if not self._entries:
            self.place = reference.path
        key = (reference.sop_instance_uid, reference.subset)
        number = None if header is None else header.instance_number
        entry = self._entries.setdefault(key, _Entry(reference.sop_class_uid, number))
        if region is not None:
            entry.regions.append(region)


@dataclass(frozen=True, slots=True)
class Reference:
    """A referenced instance, or a subset of it, found."""

    sop_instance_uid: str
    sop_class_uid: str | None
    subset: Subset | None
    located: Located
    path: str


class Gathering:
    """What one purpose selects: references and regions on them, by series in the order they were first selected."""

    def __init__(self) -> None:
        self._series: dict[tuple[str | None, str | None, str | None], Gathered] = {}

    def add(self, reference: Reference, region: Region2D | None = None) -> None:
        """Add a referenced instance, and a region on it."""
        series = reference.located.series
        # Two instances of which nothing names the series may be of two: they are not put into one resource.
        apart = reference.sop_instance_uid if series.series_instance_uid is None else None
        key = (series.study_instance_uid, series.series_instance_uid, apart)
        self._series.setdefault(key, Gathered(series)).add(reference, region)

    def keyed(self, obj: AnnotationObject, role: str, path: str) -> Iterator[tuple[SelectionKey, Gathered]]:
        """Yield what was gathered, each with the key of the selection that it becomes."""
        counts = Counter(gathered.series_uid for gathered in self)
        parts: Counter[str] = Counter()
        for gathered in self:
            uid = gathered.series_uid
            part = str(parts[uid]) if counts[uid] > 1 else ""
            parts[uid] += 1
            yield replace(obj.key(role, path, uid), part=part), gathered

    def __iter__(self) -> Iterator[Gathered]:
        return iter(self._series.values())

    def __len__(self) -> int:
        return len(self._series)


def by_series(references: Iterable[Reference]) -> dict[tuple[str | None, ...], list[Reference]]:
    """Return references by study and series; those of unknown series apart, as they may be of two."""
    found: dict[tuple[str | None, ...], list[Reference]] = {}
    for reference in references:
        series = reference.located.series
        apart = reference.sop_instance_uid if series.series_instance_uid is None else None
        key = (series.study_instance_uid, series.series_instance_uid, apart)
        found.setdefault(key, []).append(reference)
    return found


def reference_of(obj: AnnotationObject, item: Dataset, path: str) -> Reference | None:
    """Return the instance and frames that a SOP Instance Reference Macro item names (PS3.3 10.8, 10.3).

    None, with a problem, if it names no instance or frames that cannot be. Segment numbers are the caller's:
    `replace(reference, subset=Segments(...))`.
    """
    uid = values.text(item, "ReferencedSOPInstanceUID")
    if uid is None:
        obj.report("reference-incomplete", path)
        return None
    located = obj.locate(uid, path)
    sop_class = values.text(item, "ReferencedSOPClassUID")
    if sop_class is None and located.instance is not None:
        sop_class = located.instance.sop_class_uid
    frames = frames_of(obj, item, path, located.instance)
    if frames is None:
        return None
    return Reference(uid, sop_class, frames if frames.numbers else None, located, path)


def frames_of(obj: AnnotationObject, item: Dataset, path: str, instance: Instance | None) -> Frames | None:
    """Return the frames of Referenced Frame Number (0008,1160), empty for all; None if they cannot be."""
    try:
        numbers = values.integers(item, "ReferencedFrameNumber")
    except values.ValueUnreadableError:
        numbers = (0,)
    if any(number < 1 for number in numbers):
        obj.report("frame-invalid", f"{path}.ReferencedFrameNumber")
        return None
    known = None if instance is None or instance.rows is None else (instance.number_of_frames or 1)
    if numbers and known is not None and max(numbers) > known:
        subject = "" if instance is None else instance.sop_instance_uid
        obj.report_once("frame-out-of-range", f"{path}.ReferencedFrameNumber", subject)
    return Frames(tuple(dict.fromkeys(numbers)))


def check_inside(
    obj: AnnotationObject, region: Region2D, instance: Instance | None, path: str, subset: Subset | None = None
) -> None:
    """Warn where a region reaches outside of its image, or of the frames that it is on; it is kept as stated."""
    if instance is None:
        return
    columns, rows = instance.columns, instance.rows
    if not isinstance(subset, Frames):
        columns = instance.total_pixel_matrix_columns or columns
        rows = instance.total_pixel_matrix_rows or rows
    if columns is None or rows is None:
        return
    outside = (region.coordinates < 0) | (region.coordinates > np.array([columns, rows]))
    if bool(outside.any()):
        obj.report("region-outside", path)
