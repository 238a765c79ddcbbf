"""What is known of every instance that was read, and the one method through which it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import numpy as np

from converter.selection import Code


@dataclass(frozen=True, slots=True)
class FramePlanes:
    """Where the frames of an enhanced multi-frame image lie, in the order of the frames (PS3.3 C.7.6.16.2).

    `positions`: Image Position (Patient), three numbers per frame, one frame after the other. `orientations`: Image
    Orientation (Patient), six per frame, or six that are those of all frames. `spacings`: Pixel Spacing, two per frame,
    or two that are those of all frames.
    """

    positions: tuple[float, ...]
    orientations: tuple[float, ...]
    spacings: tuple[float, ...]

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.positions) // 3

    def of(self, frame: int) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]] | None:
        """Return position, orientation and spacing of a frame, counted from 1; None if there is no such frame."""
        if not 1 <= frame <= len(self):
            return None
        tables = ((self.positions, 3), (self.orientations, 6), (self.spacings, 2))
        position, orientation, spacing = (
            table if len(table) == size else table[(frame - 1) * size : frame * size] for table, size in tables
        )
        return position, orientation, spacing


@dataclass(frozen=True, slots=True)
class TilePositions:
    """Where each tile of a TILED_SPARSE image lies, in the order of the frames, packed (PS3.3 C.8.12.6.1).

    `columns` and `rows`: Column and Row Position In Total Image Pixel Matrix, from 1, 32-bit integers. `z_offsets`: Z
    Offset in Slide Coordinate System, micrometres, doubles; one that is that of all frames, or none. `optical_paths`:
    which item of the Optical Path Sequence, from 1, 32-bit integers; one that is that of all frames, or none. All are
    little endian; `of` packs them.
    """

    columns: bytes
    rows: bytes
    z_offsets: bytes = b""
    optical_paths: bytes = b""

    @classmethod
    def of(
        cls,
        columns: Iterable[int],
        rows: Iterable[int],
        z_offsets: Iterable[float] = (),
        optical_paths: Iterable[int] = (),
    ) -> Self:
        """Pack the positions. Raises OverflowError for an integer of more than 32 bits."""
        return cls(
            np.array([*columns], "<i4").tobytes(),
            np.array([*rows], "<i4").tobytes(),
            np.array([*z_offsets], "<f8").tobytes(),
            np.array([*optical_paths], "<i4").tobytes(),
        )

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.columns) // 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TileOrganization:
    """How a total pixel matrix is cut into tiles, and where it lies; None where the header does not say.

    `dimension_organization_type`: TILED_FULL or TILED_SPARSE (PS3.3 C.7.6.17.3). `concatenation_frame_offset`: how
    many frames the instances before this one hold, in a concatenation (C.7.6.16.2.2.4). `origin`: Total Pixel Matrix
    Origin, the centre of the top left pixel in the Slide Coordinate System, x and y in millimetres, z in micrometres,
    0 where that is not stated. `orientation`: Image Orientation (Slide). `spacing_between_slices`: millimetres between
    focal planes. `tiles`: of images that are not TILED_FULL. PS3.3 C.8.12.4, C.8.12.14.
    """

    dimension_organization_type: str | None = None
    focal_planes: int | None = None
    optical_paths: int | None = None
    concatenation_frame_offset: int | None = None
    origin: tuple[float, ...] | None = None
    orientation: tuple[float, ...] | None = None
    spacing_between_slices: float | None = None
    tiles: TilePositions | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One SOP instance as its header states it; None where the header does not say.

    `image_orientation_patient` and `image_position_patient` in millimetres, `pixel_spacing` (row spacing, column
    spacing) in millimetres per pixel, `rows`, `columns` and the total pixel matrix in pixels, PS3.3 C.7.6.
    `waveform_channels` holds the number of channels of each multiplex group in order (PS3.3 C.10.9).
    `laterality` is R, L, B or U: Frame Laterality if all frames agree, else Image Laterality, else Laterality.
    `patient_name`, dates, times and `timezone_offset_from_utc` are as encoded (PS3.5 6.2); the universal entity is the
    first of Issuer of Patient ID Qualifiers Sequence.
    What holds for all frames is stated as for a single-frame image; `frame_planes` is there only where it does not.
    `slice_thickness` in millimetres. `tile_organization` is there for images with a total pixel matrix.
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
    slice_thickness: float | None = None
    frame_planes: FramePlanes | None = None
    tile_organization: TileOrganization | None = None


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


@runtime_checkable
class SpatialCatalog(Protocol):
    """What a catalog may know besides: which images lie in one space. Without it, only images named are known."""

    def instances_in_frame_of_reference(self, frame_of_reference_uid: str) -> Iterable[Instance]:
        """Return all instances in the frame of reference, in any order."""
        ...


class EmptyCatalog:
    """Knows nothing: an object's own evidence then has to do."""

    def lookup(self, sop_instance_uid: str) -> Instance | None:  # noqa: ARG002
        """Return None."""
        return None
