"""Small data sets for tests, built with pydicom alone."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from converter.catalog import Instance
from converter.mapper import Mapped, map_object
from converter.selection import Selection
from converter.settings import Settings

CT = "1.2.840.10008.5.1.4.1.1.2"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.1"
COMPREHENSIVE_3D_SR = "1.2.840.10008.5.1.4.1.1.88.34"
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"

STUDY, SERIES, OTHER_SERIES = "1.2.3.1", "1.2.3.1.1", "1.2.3.1.2"
REPORT, REPORT_SERIES = "1.2.3.9", "1.2.3.8"
FRAME_OF_REFERENCE = "1.2.3.7"
IMAGE_1, IMAGE_2, IMAGE_3 = "1.2.3.1.1.1", "1.2.3.1.1.2", "1.2.3.1.2.1"


class Instances(dict[str, Instance]):
    """A catalog that is a dictionary."""

    def lookup(self, sop_instance_uid: str) -> Instance | None:
        return self.get(sop_instance_uid)


def images() -> Instances:
    """Two images of one series and one of another, 100 columns by 80 rows."""
    places = ((IMAGE_1, SERIES, 11), (IMAGE_2, SERIES, 12), (IMAGE_3, OTHER_SERIES, 13))
    return Instances(
        {
            uid: Instance(
                sop_instance_uid=uid,
                sop_class_uid=CT,
                study_instance_uid=STUDY,
                series_instance_uid=series,
                series_number=3 if series == SERIES else 4,
                instance_number=number,
                frame_of_reference_uid=FRAME_OF_REFERENCE,
                rows=80,
                columns=100,
            )
            for uid, series, number in places
        }
    )


def dataset(**elements: Any) -> Dataset:
    """Return a data set with these keywords; a dict or a list of dicts becomes a sequence."""
    built = Dataset()
    for keyword, value in elements.items():
        setattr(built, keyword, value)
    return built


def code(value: str, scheme: str, meaning: str) -> Dataset:
    return dataset(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def item(value_type: str, concept: Dataset | None = None, children: Sequence[Dataset] = (), **elements: Any) -> Dataset:
    built = dataset(RelationshipType="CONTAINS", ValueType=value_type, **elements)
    if concept is not None:
        built.ConceptNameCodeSequence = [concept]
    if children:
        built.ContentSequence = list(children)
    return built


def container(concept: Dataset | None, *children: Dataset, template: str | None = None, **elements: Any) -> Dataset:
    built = item("CONTAINER", concept, children, **elements)
    if template is not None:
        built.ContentTemplateSequence = [dataset(MappingResource="DCMR", TemplateIdentifier=template)]
    return built


def reference(uid: str, sop_class: str = CT, **elements: Any) -> Dataset:
    return dataset(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=uid, **elements)


def image(
    uid: str, concept: Dataset | None = None, *, value_type: str = "IMAGE", sop_class: str = CT, **of: Any
) -> Dataset:
    return item(value_type, concept, ReferencedSOPSequence=[reference(uid, sop_class, **of)])


def scoord(
    kind: str, points: Sequence[float], *children: Dataset, concept: Dataset | None = None, **more: Any
) -> Dataset:
    return item("SCOORD", concept, children, GraphicType=kind, GraphicData=list(points), **more)


def scoord3d(kind: str, points: Sequence[float], *children: Dataset, concept: Dataset | None = None) -> Dataset:
    return item(
        "SCOORD3D",
        concept,
        children,
        GraphicType=kind,
        GraphicData=list(points),
        ReferencedFrameOfReferenceUID=FRAME_OF_REFERENCE,
    )


def by_reference(*position: int, relationship: str = "SELECTED FROM") -> Dataset:
    return dataset(RelationshipType=relationship, ReferencedContentItemIdentifier=list(position))


def report(*children: Dataset, title: Dataset | None = None, **elements: Any) -> Dataset:
    """Return a report of one patient made at 10:11:12 on 2020-01-02, its time zone +02:00."""
    stated = {
        "SOPClassUID": COMPREHENSIVE_3D_SR,
        "SOPInstanceUID": REPORT,
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": REPORT_SERIES,
        "Modality": "SR",
        "PatientID": "P1",
        "ContentDate": "20200102",
        "ContentTime": "101112",
        "TimezoneOffsetFromUTC": "+0200",
        "ValueType": "CONTAINER",
        **elements,
    }
    built = dataset(**{keyword: value for keyword, value in stated.items() if value is not None})
    built.ConceptNameCodeSequence = [title or code("126000", "DCM", "Imaging Measurement Report")]
    if children:
        built.ContentSequence = list(children)
    return built


def mapped(built: Dataset, catalog: Instances | None = None, **settings: Any) -> Mapped:
    """Return what an object becomes, with `images()` as its catalog."""
    known = images() if catalog is None else catalog
    return map_object(built, str(built.get("SOPInstanceUID", "hash")), known, Settings(**settings))


def codes_of(result: Mapped) -> list[str]:
    return [each.code for each in result.problems]


def by_role(result: Mapped, role: str) -> list[Selection]:
    return [each for each in result.selections if each.key.role == role]


def written(built: Dataset, transfer_syntax: str = ExplicitVRLittleEndian) -> bytes:
    """Return the object as a DICOM file."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = built.get("SOPClassUID", CT)
    meta.MediaStorageSOPInstanceUID = built.get("SOPInstanceUID", "1.2.3")
    meta.TransferSyntaxUID = UID(transfer_syntax)
    file = Dataset(built)
    file.file_meta = meta
    file.preamble = b"\0" * 128
    stream = BytesIO()
    dcmwrite(stream, file, enforce_file_format=True)
    return stream.getvalue()
