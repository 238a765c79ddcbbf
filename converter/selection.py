"""The neutral selection: frozen value types between reading DICOM and writing FHIR.

Everything here is plain data. Coordinates are numpy arrays of shape (n, 2) or (n, 3); float32 where the object
stated single precision (VR FL, OF) and float64 where it stated decimal strings or doubles or where they were computed,
so that an encoder can write the shortest decimal that reads back to what was stated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias
from urllib.parse import quote
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

Severity: TypeAlias = Literal["note", "warning", "error"]
Coordinates: TypeAlias = NDArray[np.float32] | NDArray[np.float64]

Region2DType: TypeAlias = Literal["point", "multipoint", "polyline", "circle", "ellipse", "interpolated"]
Region3DType: TypeAlias = Literal["point", "multipoint", "polyline", "polygon", "ellipse", "ellipsoid"]

ID_NAMESPACE = UUID("6f0a2d1e-9b7c-4c57-8f3e-2a5d1c9b7e40")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that could not be taken as it stands.

    `code` is stable across versions; `path` is a 0-based JSONPath of DICOM keywords from the data set's root
    (`$.ContentSequence[3].GraphicData`). Neither it nor `message` ever holds an element's value.
    """

    code: str
    severity: Severity
    message: str
    path: str = "$"


@dataclass(frozen=True, slots=True)
class Code:
    """A coded concept: `system` is a URI, or None for a private scheme without one."""

    system: str | None
    code: str
    display: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Concept:
    """Codings of one meaning, and its text."""

    codings: tuple[Code, ...] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Identifier:
    """A business identifier. `system` is a URI; `assigner` is the issuer's own text where it has no URI."""

    value: str
    system: str | None = None
    type: Code | None = None
    use: Literal["usual", "official", "secondary"] | None = None
    assigner: str | None = None


@dataclass(frozen=True, slots=True)
class LogicalReference:
    """A reference by identifier or display; `type` is its FHIR type.

    `resource_id` is set where what it refers to is a resource here too, and the reference literal as well.
    """

    type: str
    identifier: Identifier | None = None
    display: str | None = None
    resource_id: str | None = None


@dataclass(frozen=True, slots=True)
class Performer:
    """Who or what selected; `function` is of v3-ParticipationType."""

    actor: LogicalReference
    function: Code | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Region2D:
    """A region in an image's pixels.

    `coordinates`: (n, 2), column then row, 0,0 at the top left corner of the top left pixel and 1,1 at its bottom
    right corner (PS3.3 C.18.6.1.2). `interpolated` holds the stated points of a curve that passes through them.
    """

    type: Region2DType
    coordinates: Coordinates


@dataclass(frozen=True, slots=True, eq=False)
class Region3D:
    """A region in a frame of reference.

    `coordinates`: (n, 3), millimetres, x y z (PS3.3 C.18.9.1.2). `images`: SOP Instance UIDs of those instances of its
    selection that it was stated for, none if that is not known.
    """

    type: Region3DType
    coordinates: Coordinates
    images: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Frames:
    """Frame numbers of a multi-frame image, from 1."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Segments:
    """Segment numbers of a segmentation; 0 exists in label maps."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RegionsOfInterest:
    """ROI numbers of a structure set."""

    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ContentItem:
    """A content item of a report, and its Observation UID (0040,A171) where it has one.

    `position` counts from the root, from 1, as in Referenced Content Item Identifier (0040,DB73).
    """

    position: tuple[int, ...]
    observation_uid: str | None = None


@dataclass(frozen=True, slots=True)
class Channels:
    """Waveform channels as (multiplex group, channel), both from 1."""

    pairs: tuple[tuple[int, int], ...]


Subset: TypeAlias = Frames | Segments | RegionsOfInterest | ContentItem | Channels


@dataclass(frozen=True, slots=True, eq=False)
class SelectedInstance:
    """One instance (or a subset of it) with the regions selected on it; `subset` None means the whole instance.

    `regions` is a tuple, or PackedRegions where there are very many.
    """

    sop_instance_uid: str
    sop_class_uid: str | None = None
    number: int | None = None
    subset: Subset | None = None
    regions: Sequence[Region2D] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """The series that holds the selected instances; a None is something nothing names."""

    study_instance_uid: str | None = None
    series_instance_uid: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class SourceObject:
    """The annotation object that a selection was read from, and the series that it is in."""

    sop_instance_uid: str | None = None
    sop_class_uid: str | None = None
    number: int | None = None
    series: Series = field(default_factory=Series)


@dataclass(frozen=True, slots=True)
class SelectionKey:
    """What makes a selection this one and no other: the identity its id is made of.

    `source`: SOP Instance UID of the object read, or the SHA-256 of one without. `path`: 1-based numbers of the
    first item from the root, dotted. `part`: empty unless one selection had to be split, then numbered from 0.
    """

    source: str
    role: str
    path: str = ""
    series: str = ""
    frame_of_reference: str = ""
    part: str = ""

    @property
    def id(self) -> str:
        """The UUIDv5 of the key: the same on every run, machine and order."""
        parts = (self.source, self.role, self.path, self.series, self.frame_of_reference, self.part)
        # A damaged UID may hold anything; a separator inside a part must not make two keys one.
        return str(uuid5(ID_NAMESPACE, ";".join(quote(part, safe=" ./") for part in parts)))


@dataclass(frozen=True, slots=True)
class Links:
    """Ids of resources that a selection refers to and that no LogicalReference of it stands for.

    `endpoints` and `body_sites` are as many as the selection's, in their order; None is what has no resource.
    """

    study: str | None = None
    endpoints: tuple[str | None, ...] = ()
    body_sites: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Selection:
    """One purpose, one study, one series: what becomes one resource.

    `place` is the JSONPath of the item that states it. `instances` without a series known to hold them keep
    `series` with None inside; a selection of regions in a frame of reference alone has neither. `modality` is that
    of the selected series, as CID 33 codes it. `links` is set where there are resources to refer to.
    """

    key: SelectionKey
    code: Concept
    status: Literal["available", "inactive"] = "available"
    identifiers: tuple[Identifier, ...] = ()
    categories: tuple[Concept, ...] = ()
    subject: LogicalReference | None = None
    issued: datetime | None = None
    performers: tuple[Performer, ...] = ()
    based_on: tuple[LogicalReference, ...] = ()
    series: Series = field(default_factory=Series)
    modality: Code | None = None
    frame_of_reference_uid: str | None = None
    body_sites: tuple[Concept, ...] = ()
    focus: tuple[SelectionKey, ...] = ()
    endpoints: tuple[str, ...] = ()
    instances: tuple[SelectedInstance, ...] = ()
    regions_3d: Sequence[Region3D] = ()
    source_object: SourceObject | None = None
    links: Links | None = None
    place: str = "$"

    @property
    def id(self) -> str:
        """The resource id."""
        return self.key.id
