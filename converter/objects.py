"""The objects that resources refer to, and whether they hold what is stated of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from pydicom import Dataset

from converter.catalog import Instance
from converter.fhir.reading import StatedInstance, SubsetKind
from converter.mapper import is_annotation, kind_of, values
from converter.problems import problem
from converter.reader.catalog import SqliteCatalog
from converter.reader.parser import NotDicomError
from converter.reader.scan import ObjectReference, scan
from converter.reader.sources import check_sources, walk
from converter.reader.spool import Spool
from converter.selection import Problem
from converter.settings import ArchiveLimits

_SUBSETS: Final[dict[str | None, SubsetKind]] = {"SEG": "segment", "RTSTRUCT": "region of interest"}
_KEPT: Final = 64


class Objects:
    """All objects at a path, read for their headers; those with segments, structures or content items once more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._references: dict[str, ObjectReference] = {}
        # A selection names the same few objects again and again.
        self._defined: Callable[[str], frozenset[str] | None] = lru_cache(_KEPT)(self._read_defined)

    def __enter__(self) -> Self:
        self._catalog = self._stack.enter_context(SqliteCatalog())
        spool = self._stack.enter_context(Spool())
        found = walk(check_sources(self._path), ArchiveLimits())
        scanned = scan(found, is_annotation, self._catalog, spool)
        self._references = {each.sop_instance_uid: each for each in scanned.objects if each.sop_instance_uid}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def compare(self, stated: StatedInstance) -> Iterator[Problem]:
        """Yield what is stated of an instance and is not so."""
        if stated.uid is None:
            return
        instance = self._catalog.lookup(stated.uid)
        if instance is None:
            yield problem("object-missing", f"{stated.path}.uid")
            return
        pairs = (
            (stated.study_uid, instance.study_instance_uid),
            (stated.series_uid, instance.series_instance_uid),
            (stated.sop_class_uid, instance.sop_class_uid),
        )
        if any(told is not None and read is not None and told != read for told, read in pairs):
            yield problem("object-differs", stated.path)
        kind = stated.kind or _kind(instance)
        if any(not self._has(instance, kind, each) for each in stated.subset):
            yield problem("object-subset", stated.path, kind=kind)
        yield from _outside(stated, instance, kind)

    def _has(self, instance: Instance, kind: SubsetKind, subset: str) -> bool:
        """Tell whether an instance has a frame, segment, ..., or may have it: nothing is known that says otherwise."""
        match kind:
            case "frame":
                known = instance.number_of_frames or (1 if instance.rows is not None else None)
                return subset.isdecimal() and int(subset) >= 1 and (known is None or int(subset) <= known)
            case "channel":
                group, _, channel = subset.partition(".")
                channels = instance.waveform_channels
                if not (group.isdecimal() and channel.isdecimal()):
                    return False
                return 1 <= int(group) <= len(channels) and 1 <= int(channel) <= channels[int(group) - 1]
        defined = self._defined(instance.sop_instance_uid)
        return defined is None or subset in defined

    def _read_defined(self, sop_instance_uid: str) -> frozenset[str] | None:
        """Return what an object defines, as the strings of subsets; None if it cannot be read."""
        reference = self._references.get(sop_instance_uid)
        if reference is None:
            return None
        try:
            dataset = reference.load().dataset
        except (OSError, NotDicomError):
            return None
        kind = kind_of(reference.sop_class_uid, reference.modality)
        if kind == "SEG":
            return _numbers(dataset, "SegmentSequence", "SegmentNumber")
        if kind == "RTSTRUCT":
            return _numbers(dataset, "StructureSetROISequence", "ROINumber")
        return frozenset(_content_items(dataset))


def _kind(instance: Instance) -> SubsetKind:
    """Return what a subset of an instance is made of where the resource does not say."""
    kind = kind_of(instance.sop_class_uid, instance.modality)
    if instance.waveform_channels:
        return "channel"
    if kind is None:
        return "frame"
    return _SUBSETS.get(kind, "content item")


def _numbers(dataset: Dataset, sequence: str, keyword: str) -> frozenset[str]:
    found: set[str] = set()
    for item in values.items(dataset, sequence):
        try:
            found.update(map(str, values.integers(item, keyword)))
        except values.ValueUnreadableError:
            continue
    return frozenset(found)


def _content_items(dataset: Dataset) -> Iterator[str]:
    """Yield the position of each content item from the root, `1.2.4`, and its Observation UID."""
    waiting: list[tuple[str, Dataset]] = [("1", dataset)]
    while waiting:
        position, item = waiting.pop()
        yield position
        uid = values.text(item, "ObservationUID")
        if uid is not None:
            yield uid
        children = values.items(item, "ContentSequence")
        waiting += [(f"{position}.{number}", child) for number, child in enumerate(children, 1)]


def _outside(stated: StatedInstance, instance: Instance, kind: SubsetKind) -> Iterator[Problem]:
    """Yield one problem for each region that reaches outside of its image, or of its frame."""
    columns, rows = instance.columns, instance.rows
    whole = not stated.subset or kind != "frame"
    if whole and instance.total_pixel_matrix_columns and instance.total_pixel_matrix_rows:
        columns, rows = instance.total_pixel_matrix_columns, instance.total_pixel_matrix_rows
    if columns is None or rows is None:
        return
    for index, coordinates in enumerate(stated.regions):
        points: Any = np.asarray(coordinates, dtype=np.float64).reshape(-1, 2)
        if ((points < 0) | (points > (columns, rows))).any():
            yield problem("object-region", f"{stated.path}.imageRegion2D[{index}]")
