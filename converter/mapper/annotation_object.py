"""One annotation object while it is mapped: its data set, what is known beside it, what its selections share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from pydicom import Dataset

from converter import body_part
from converter.catalog import Catalog, Instance
from converter.mapper import coded, identities, people, timing, values
from converter.mapper.evidence import Evidence
from converter.pixel_data import PixelData
from converter.problems import problem
from converter.selection import (
    Code,
    Concept,
    Coordinates,
    Identifier,
    LogicalReference,
    Performer,
    Problem,
    SelectedInstance,
    Selection,
    SelectionKey,
    Series,
    SourceObject,
)
from converter.settings import Settings
from converter.zones import parse_zone


@dataclass(frozen=True, slots=True)
class Located:
    """Where a referenced instance lives, and its header where it was read."""

    series: Series
    instance: Instance | None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of annotation object: its modality as CID 33 codes it, and where it keeps its own date and time."""

    modality: str
    meaning: str
    date: str
    time: str

    @property
    def concept(self) -> Concept:
        """The modality as a concept."""
        return Concept((Code(coded.DCM, self.modality, self.meaning),), self.meaning)


@dataclass(slots=False)
class AnnotationObject:
    """A data set with its catalog, settings and the problems met so far.

    `source` is what ids are made of: the SOP Instance UID, or the SHA-256 of an object without. `pixel_data` is there
    only if the settings ask for what needs it.
    The accessors `text`, `integer`, ... take the data set that holds the element and its JSONPath; a value that cannot
    be read becomes a problem there and counts as missing.
    """

    dataset: Dataset
    catalog: Catalog
    settings: Settings
    source: str
    kind: Kind
    pixel_data: PixelData | None = None
    problems: list[Problem] = field(default_factory=list)
    _once: set[tuple[str, str]] = field(default_factory=set)
    _located: dict[str, Located] = field(default_factory=dict)

    # Problems

    def report(self, code: str, path: str = "$", **details: str | int | float) -> None:
        """Note a problem at `path`."""
        self.problems.append(problem(code, path, **details))

    def report_once(self, code: str, path: str = "$", subject: str = "", **details: str | int | float) -> None:
        """Note a problem unless it was noted before about the same `subject`."""
        if (code, subject) not in self._once:
            self._once.add((code, subject))
            self.report(code, path, **details)

    # Values

    def text(self, dataset: Dataset, keyword: str) -> str | None:
        """Return the element's first text without padding, None if empty."""
        return values.text(dataset, keyword)

    def integer(self, dataset: Dataset, keyword: str, path: str) -> int | None:
        """Return the element's first integer; `path` is that of `dataset`."""
        found = self.integers(dataset, keyword, path)
        return found[0] if found else None

    def integers(self, dataset: Dataset, keyword: str, path: str) -> tuple[int, ...]:
        """Return the element's integers, none where it cannot be read; `path` is that of `dataset`."""
        try:
            return values.integers(dataset, keyword)
        except values.ValueUnreadableError:
            self.report("value-unreadable", f"{path}.{keyword}")
            return ()

    def floats(self, dataset: Dataset, keyword: str, path: str) -> Coordinates | None:
        """Return the element's numbers as a one-dimensional array, None where it cannot be read."""
        try:
            return values.floats(dataset, keyword)
        except values.ValueUnreadableError:
            self.report("value-unreadable", f"{path}.{keyword}")
            return None

    def concept(self, dataset: Dataset, keyword: str, path: str) -> Concept | None:
        """Return the concept that the Code Sequence `keyword` states, None if none."""
        found = coded.concept_of(dataset, keyword, self.coding_schemes)
        if found is not None:
            self.check_codes(found, f"{path}.{keyword}[0]")
        return found

    def check_codes(self, concept: Concept, path: str) -> None:
        """Report a concept without a code, or (once) one of a coding scheme without a URI."""
        if not concept.codings:
            self.report("code-incomplete", path)
        elif concept.codings[0].system is None:
            self.report_once("code-scheme-unknown", path)

    # What the object states once for all its selections

    @cached_property
    def coding_schemes(self) -> dict[str, str]:
        """Designator → URI, as the object itself identifies its coding schemes."""
        return coded.coding_schemes(self.dataset)

    @cached_property
    def evidence(self) -> Evidence:
        """Where the object says that its referenced instances live."""
        return Evidence(self.dataset)

    @cached_property
    def own_series(self) -> Series:
        """The series that the object itself is in."""
        series = Series(
            values.text(self.dataset, "StudyInstanceUID"),
            values.text(self.dataset, "SeriesInstanceUID"),
            self.integer(self.dataset, "SeriesNumber", "$"),
        )
        if series.study_instance_uid is None or series.series_instance_uid is None:
            self.report("series-missing")
        return series

    def own_instance(self, **subset: Any) -> SelectedInstance:
        """Return the object itself as a selected instance; `subset` as of SelectedInstance."""
        return SelectedInstance(
            values.text(self.dataset, "SOPInstanceUID") or "",
            values.text(self.dataset, "SOPClassUID"),
            self.integer(self.dataset, "InstanceNumber", "$"),
            **subset,
        )

    @cached_property
    def subject(self) -> LogicalReference | None:
        """The patient."""
        return identities.subject(self.dataset, self.settings.patient_id_systems, with_names=self.settings.with_names)

    @cached_property
    def based_on(self) -> tuple[LogicalReference, ...]:
        """The requests that the object fulfils."""
        return identities.based_on(self.dataset)

    @cached_property
    def equipment(self) -> tuple[Performer, ...]:
        """The equipment that made the object, as performer of last resort."""
        found = people.equipment(self.dataset)
        return () if found is None else (found,)

    @cached_property
    def issued(self) -> datetime | None:
        """When the object was made, by its kind's own date and time."""
        date = values.text(self.dataset, self.kind.date)
        time = values.text(self.dataset, self.kind.time)
        if date is None:
            self.report_once("issued-incomplete", f"$.{self.kind.date}")
            return None
        try:
            return timing.moment(date, time or "", self.zone)
        except timing.IncompleteTimeError:
            self.report_once("issued-incomplete", f"$.{self.kind.date}")
        except timing.InvalidTimeError:
            self.report_once("issued-invalid", f"$.{self.kind.date}")
        return None

    def issued_at(self, dataset: Dataset, keyword: str, path: str) -> datetime | None:
        """Return the moment of the DT element `keyword`, None where it is missing, incomplete or invalid."""
        value = values.text(dataset, keyword)
        if value is None:
            return None
        try:
            return timing.moment_of_date_time(value, self.zone)
        except timing.IncompleteTimeError:
            self.report_once("issued-incomplete", f"{path}.{keyword}")
        except timing.InvalidTimeError:
            self.report_once("issued-invalid", f"{path}.{keyword}")
        return None

    @cached_property
    def zone(self) -> Any:
        """The zone of times without their own: Timezone Offset From UTC (0008,0201), else the settings'."""
        stated = values.text(self.dataset, "TimezoneOffsetFromUTC")
        return (parse_zone(stated) if stated else None) or self.settings.zone

    @cached_property
    def endpoints(self) -> tuple[str, ...]:
        """The root of the WADO-RS service: the settings', else the object's Retrieve URL up to /studies/."""
        if self.settings.endpoint is not None:
            return (self.settings.endpoint.rstrip("/"),)
        return _retrieve_roots(self.dataset)

    # References

    def locate(self, sop_instance_uid: str, path: str) -> Located:
        """Return where a referenced instance lives: by the object's own evidence, then by the catalog.

        Asked for once per instance: thousands of frames may derive from one.
        """
        known = self._located.get(sop_instance_uid)
        if known is None:
            known = self._located[sop_instance_uid] = self._locate(sop_instance_uid, path)
        return known

    def _locate(self, sop_instance_uid: str, path: str) -> Located:
        stated = self.evidence.series_of(sop_instance_uid)
        instance = self.catalog.lookup(sop_instance_uid)
        if instance is None:
            if sop_instance_uid != values.text(self.dataset, "SOPInstanceUID"):
                self.report_once("instance-not-found", path, sop_instance_uid)
        else:
            self._compare_patients(instance, path)
        series = self._series(sop_instance_uid, stated, instance, path)
        if series.series_instance_uid is None or series.study_instance_uid is None:
            self.report_once("series-unknown", path, sop_instance_uid)
        return Located(series, instance)

    def _series(self, uid: str, stated: Series | None, instance: Instance | None, path: str) -> Series:
        if uid == values.text(self.dataset, "SOPInstanceUID"):
            return self.own_series
        if instance is None:
            return stated or Series()
        read = Series(instance.study_instance_uid, instance.series_instance_uid, instance.series_number)
        if stated is None or stated.series_instance_uid is None:
            return read
        if read.series_instance_uid != stated.series_instance_uid or (
            None not in (read.study_instance_uid, stated.study_instance_uid)
            and read.study_instance_uid != stated.study_instance_uid
        ):
            self.report_once("series-conflict", path, uid)
            return stated
        return (
            read
            if read.study_instance_uid is not None
            else Series(stated.study_instance_uid, read.series_instance_uid, read.number)
        )

    def _compare_patients(self, instance: Instance, path: str) -> None:
        own = values.text(self.dataset, "PatientID")
        if own is not None and instance.patient_id is not None and own != instance.patient_id:
            self.report_once("patient-mismatch", path)

    # Selections

    def body_sites(
        self, stated: Concept | None, side: str | None = None, instance: Instance | None = None
    ) -> tuple[Concept, ...]:
        """Return the body site: the one stated, else the image's; its side stated, else the image's.

        `side` is R, L, B or U. A side without a site has nothing to be the side of.
        """
        site = stated
        if site is None and instance is not None:
            code = instance.anatomic_region
            if code is None and instance.body_part_examined is not None:
                code = body_part.body_site(instance.body_part_examined)
            site = None if code is None else Concept((code,), code.display)
        if site is None:
            return ()
        letter = side or (instance.laterality if instance is not None else None)
        return (site if letter is None else body_part.with_laterality(site, letter),)

    @cached_property
    def source_object(self) -> SourceObject:
        """The object itself, where a release states it for what has no other instance."""
        own = self.own_instance()
        return SourceObject(own.sop_instance_uid, own.sop_class_uid, own.number, self.own_series)

    def _modality(self, instances: Iterable[SelectedInstance]) -> Code | None:
        """Return the modality of the series that holds the instances: of the first of them that is known."""
        for each in instances:
            if each.sop_instance_uid == values.text(self.dataset, "SOPInstanceUID"):
                return self.kind.concept.codings[0]
            known = self.catalog.lookup(each.sop_instance_uid)
            if known is not None and known.modality is not None:
                return Code(coded.DCM, known.modality)
        return None

    def key(self, role: str, path: str = "", series: str = "", frame_of_reference: str = "") -> SelectionKey:
        """Return the key of one of this object's selections."""
        return SelectionKey(self.source, role, path, series, frame_of_reference)

    def selection(self, key: SelectionKey, code: Concept, **elements: Any) -> Selection:
        """Return a selection with what the object states for all of them; `elements` add to that or replace it."""
        shared: dict[str, Any] = {
            "categories": (self.kind.concept,),
            "subject": self.subject,
            "based_on": self.based_on,
            "endpoints": self.endpoints,
        }
        if "issued" not in elements:
            shared["issued"] = self.issued
        if not elements.get("performers"):
            elements["performers"] = self.equipment
        shared["source_object"] = self.source_object
        shared["modality"] = self._modality(elements.get("instances", ()))
        return Selection(key=key, code=code, **(shared | elements))


def oid_identifier(uid: str) -> Identifier:
    """Return a UID as the business identifier of the very thing it names."""
    return Identifier(f"urn:oid:{uid}", "urn:dicom:uid")


def _retrieve_roots(dataset: Dataset) -> tuple[str, ...]:
    roots = []
    for item in _with_retrieve_url(dataset):
        url = values.text(item, "RetrieveURL")
        if url is not None and "/studies/" in url:
            root = url.partition("/studies/")[0]
            if root.startswith(("http://", "https://")) and root not in roots:
                roots.append(root)
    return tuple(roots)


def _with_retrieve_url(dataset: Dataset) -> Iterable[Dataset]:
    yield dataset
    studies = [
        *values.items(dataset, "CurrentRequestedProcedureEvidenceSequence"),
        *values.items(dataset, "PertinentOtherEvidenceSequence"),
    ]
    for study in (*studies, dataset):
        for series in values.items(study, "ReferencedSeriesSequence"):
            yield series
            for keyword in ("ReferencedSOPSequence", "ReferencedInstanceSequence", "ReferencedImageSequence"):
                yield from values.items(series, keyword)
