"""What tests of mappers share beside `tests.builders`: annotation objects, data sets as read, problems as pairs."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian

from converter.mapper import KINDS, Mapped
from converter.mapper.annotation_object import AnnotationObject
from converter.settings import Settings
from tests.builders import CT, REPORT, Instances, dataset, images, reference, written


def annotated(built: Dataset, catalog: Instances | None = None, **settings: Any) -> AnnotationObject:
    """Return the annotation object of a data set, with `images()` as its catalog."""
    known = images() if catalog is None else catalog
    return AnnotationObject(built, known, Settings(**settings), REPORT, KINDS[str(built.get("Modality", "SR"))])


def reread(built: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> Dataset:
    """Return the data set as a file of it is read: its elements raw bytes."""
    return dcmread(BytesIO(written(built, transfer_syntax)))


def problems(found: Mapped | AnnotationObject) -> list[tuple[str, str]]:
    """Return code and path of each problem."""
    return [(each.code, each.path) for each in found.problems]


def referenced_series(series: str, *uids: str, sop_class: str = CT) -> Dataset:
    """Return an item of a Referenced Series Sequence (PS3.3 C.12.2)."""
    return dataset(SeriesInstanceUID=series, ReferencedInstanceSequence=[reference(uid, sop_class) for uid in uids])
