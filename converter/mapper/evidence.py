"""Where an object itself says that its referenced instances live: instance → study and series."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom import Dataset

from converter.mapper import values
from converter.selection import Series

# Sequences whose items name a study and hold a Referenced Series Sequence.
_STUDY_SEQUENCES = (
    "CurrentRequestedProcedureEvidenceSequence",
    "PertinentOtherEvidenceSequence",
    "StudiesContainingOtherReferencedInstancesSequence",
    "BlendingSequence",
    "AdvancedBlendingSequence",
)
# What holds the instances of a series: SR and KOS say SOP, common instance reference says Instance, PR says Image.
_INSTANCE_SEQUENCES = ("ReferencedSOPSequence", "ReferencedInstanceSequence", "ReferencedImageSequence")


class Evidence:
    """SOP Instance UID → the series that the object says holds it (PS3.3 C.17.2.3, C.12.2, C.11.11)."""

    def __init__(self, dataset: Dataset) -> None:
        self._series: dict[str, Series] = {}
        copies = tuple(_of_studies(dataset, ("IdenticalDocumentsSequence",)))
        self._copies: frozenset[str] = frozenset(uid for uid, _ in copies)
        own_study = values.text(dataset, "StudyInstanceUID")
        for uid, series in _of_studies(dataset, _STUDY_SEQUENCES):
            self.add(uid, series)
        for uid, series in (*_of_series(dataset, own_study), *copies, *_of_structure_set(dataset)):
            self.add(uid, series)
        self._series_named = frozenset(_series_named(dataset))
        own = values.text(dataset, "SOPInstanceUID")
        self._own_series = values.text(dataset, "SeriesInstanceUID")
        if own is not None:
            self.add(own, Series(own_study, self._own_series))

    def add(self, sop_instance_uid: str, series: Series) -> None:
        """State where an instance lives, unless it is stated already and fully."""
        known = self._series.get(sop_instance_uid)
        if known is None or (known.series_instance_uid is None and series.series_instance_uid is not None):
            self._series[sop_instance_uid] = series

    def series_of(self, sop_instance_uid: str) -> Series | None:
        """Return the series that holds the instance, None if the object does not say."""
        return self._series.get(sop_instance_uid)

    @property
    def series_instance_uids(self) -> frozenset[str]:
        """The series that the object refers to, also those of which it names no instance; not its own."""
        named = {series.series_instance_uid for series in self._series.values()} | self._series_named
        return frozenset(uid for uid in named if uid is not None and uid != self._own_series)

    def is_copy(self, sop_instance_uid: str) -> bool:
        """Return whether the instance is a copy of the object in another study (Identical Documents Sequence)."""
        return sop_instance_uid in self._copies

    def instances(self) -> Iterator[tuple[str, Series]]:
        """Yield every instance that the object places in a series, in the order stated."""
        return iter(self._series.items())


def _of_studies(dataset: Dataset, keywords: tuple[str, ...]) -> Iterator[tuple[str, Series]]:
    own_study = values.text(dataset, "StudyInstanceUID")
    for keyword in keywords:
        for study in values.items(dataset, keyword):
            yield from _of_series(study, values.text(study, "StudyInstanceUID") or own_study)


def _of_series(dataset: Dataset, study_instance_uid: str | None) -> Iterator[tuple[str, Series]]:
    for item in values.items(dataset, "ReferencedSeriesSequence"):
        series = Series(study_instance_uid, values.text(item, "SeriesInstanceUID"))
        for keyword in _INSTANCE_SEQUENCES:
            for reference in values.items(item, keyword):
                uid = values.text(reference, "ReferencedSOPInstanceUID")
                if uid is not None:
                    yield uid, series


def _of_structure_set(dataset: Dataset) -> Iterator[tuple[str, Series]]:
    """Yield what the RT Referenced Study Sequence (3006,0012) of each frame of reference names (PS3.3 C.8.8.5)."""
    for series, item in _rt_referenced_series(dataset):
        for reference in values.items(item, "ContourImageSequence"):
            uid = values.text(reference, "ReferencedSOPInstanceUID")
            if uid is not None:
                yield uid, series


def _series_named(dataset: Dataset) -> Iterator[str | None]:
    """Yield series that are named without instances: real structure sets often list no image."""
    return (series.series_instance_uid for series, _ in _rt_referenced_series(dataset))


def _rt_referenced_series(dataset: Dataset) -> Iterator[tuple[Series, Dataset]]:
    for frame_of_reference in values.items(dataset, "ReferencedFrameOfReferenceSequence"):
        for study in values.items(frame_of_reference, "RTReferencedStudySequence"):
            # The study is referred to by an instance of the retired class of detached studies: its UID is the study's.
            study_instance_uid = values.text(study, "ReferencedSOPInstanceUID")
            for item in values.items(study, "RTReferencedSeriesSequence"):
                yield Series(study_instance_uid, values.text(item, "SeriesInstanceUID")), item
