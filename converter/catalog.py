"""What is known of every instance that was read, and the one method through which it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from converter.selection import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One SOP instance as its header states it; None where the header does not say.

    `image_orientation_patient` and `image_position_patient` in millimetres, `pixel_spacing` (row spacing, column
    spacing) in millimetres per pixel, `rows`, `columns` and the total pixel matrix in pixels, PS3.3 C.7.6.
    `waveform_channels` holds the number of channels of each multiplex group in order (PS3.3 C.10.9).
    `laterality` is R, L, B or U: Frame Laterality if all frames agree, else Image Laterality, else Laterality.
    `patient_name`, dates, times and `timezone_offset_from_utc` are as encoded (PS3.5 6.2); the universal entity is the
    first of Issuer of Patient ID Qualifiers Sequence.
    """

    sop_instance_uid: str
    sop_class_uid: str | None = None
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    series_number: int | None = None
    instance_number: int | None = None
    modality: str | None = None
    frame_of_reference_uid: str | None = None
    patient_id: str | None = None
    issuer_of_patient_id: str | None = None
    accession_number: str | None = None
    rows: int | None = None
    columns: int | None = None
    number_of_frames: int | None = None
    total_pixel_matrix_rows: int | None = None
    total_pixel_matrix_columns: int | None = None
    image_orientation_patient: tuple[float, ...] | None = None
    image_position_patient: tuple[float, ...] | None = None
    pixel_spacing: tuple[float, ...] | None = None
    body_part_examined: str | None = None
    anatomic_region: Code | None = None
    laterality: str | None = None
    waveform_channels: tuple[int, ...] = ()
    patient_name: str | None = None
    patient_birth_date: str | None = None
    patient_sex: str | None = None
    issuer_universal_entity_id: str | None = None
    issuer_universal_entity_id_type: str | None = None
    study_date: str | None = None
    study_time: str | None = None
    study_description: str | None = None
    series_date: str | None = None
    series_time: str | None = None
    series_description: str | None = None
    timezone_offset_from_utc: str | None = None


@runtime_checkable
class Catalog(Protocol):
    """Anything that knows instances: the reader's own, a PACS database, a dictionary behind a method."""

    def lookup(self, sop_instance_uid: str) -> Instance | None:
        """Return what is known of the instance, or None."""
        ...


@runtime_checkable
class GroupedCatalog(Catalog, Protocol):
    """A catalog that also knows what belongs together: patients and studies can be stated as a whole from it."""

    def of_study(self, study_instance_uid: str) -> Iterable[Instance]:
        """Return all known instances of the study, each once."""
        ...

    def of_patient(self, patient_id: str) -> Iterable[Instance]:
        """Return all known instances with this Patient ID, whoever issued it, each once."""
        ...


class EmptyCatalog:
    """Knows nothing: an object's own evidence then has to do."""

    def lookup(self, sop_instance_uid: str) -> Instance | None:  # noqa: ARG002
        """Return None."""
        return None
