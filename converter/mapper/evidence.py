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
        for uid, series in (*_of_series(dataset, own_study), *copies):
            self.add(uid, series)
        own = values.text(dataset, "SOPInstanceUID")
        if own is not None:
            self.add(own, Series(own_study, values.text(dataset, "SeriesInstanceUID")))

    def add(self, sop_instance_uid: str, series: Series) -> None:
        """State where an instance lives, unless it is stated already and fully."""
        known = self._series.get(sop_instance_uid)
        if known is None or (known.series_instance_uid is None and series.series_instance_uid is not None):
            self._series[sop_instance_uid] = series

    def series_of(self, sop_instance_uid: str) -> Series | None:
        """Return the series that holds the instance, None if the object does not say."""
        return self._series.get(sop_instance_uid)

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
