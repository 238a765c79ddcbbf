"""What every object here is made of: fixed identifiers, modules that several kinds share, deterministic files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

NAMESPACE = UUID("0b7d1f5c-8a53-4f0e-9c40-5e6f4d0c8a11")
DATE = "20240229"
CREATED = "20240229"
CREATED_TIME = "143000"
MANUFACTURER = "imgsel test data"


def uid(name: str) -> str:
    """Return the UID of what is called `name`: always the same one, of nobody else's root."""
    return f"2.25.{uuid5(NAMESPACE, name).int}"


def item(**elements: Any) -> Dataset:
    """Return a data set of these elements, by keyword."""
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a Code Sequence item."""
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


@dataclass(frozen=True, slots=True)
class Study:
    """A study and its patient; `issuer` is how the patient's issuer is stated: "oid", "uuid", "text" or not ("")."""

    name: str
    patient_name: str
    issuer: str = ""
    timezone: str = ""

    @property
    def study_instance_uid(self) -> str:
        """The study's UID."""
        return uid(f"{self.name}/study")

    @property
    def frame_of_reference_uid(self) -> str:
        """The frame of reference that the study's images share."""
        return uid(f"{self.name}/frame of reference")

    @property
    def accession_number(self) -> str:
        """The study's accession number."""
        return f"ACC-{self.name.upper()}"[:16]


@dataclass(frozen=True, slots=True)
class Series:
    """A series of a study."""

    study: Study
    name: str
    number: int
    modality: str
    description: str = ""

    @property
    def series_instance_uid(self) -> str:
        """The series' UID."""
        return uid(f"{self.study.name}/{self.name}/series")


def instance(series: Series, sop_class_uid: str, name: str, number: int) -> Dataset:
    """Return a new instance with its patient, study, series, equipment and SOP common modules."""
    study = series.study
    dataset = item(
        SpecificCharacterSet="ISO_IR 192",
        InstanceCreationDate=CREATED,
        InstanceCreationTime=CREATED_TIME,
        SOPClassUID=sop_class_uid,
        SOPInstanceUID=uid(f"{study.name}/{series.name}/{name}"),
        StudyDate=DATE,
        StudyTime="101500",
        AccessionNumber=study.accession_number,
        ReferringPhysicianName="Synthetic^Referrer",
        PatientName=study.patient_name,
        PatientID=f"IMGSEL-{study.name.upper()}",
        PatientBirthDate="19700101",
        PatientSex="O",
        StudyInstanceUID=study.study_instance_uid,
        StudyID="1",
        SeriesInstanceUID=series.series_instance_uid,
        SeriesNumber=series.number,
        Modality=series.modality,
        Manufacturer=MANUFACTURER,
        ManufacturerModelName="builder",
        DeviceSerialNumber="1",
        SoftwareVersions="1",
        InstanceNumber=number,
    )
    if series.description:
        dataset.SeriesDescription = series.description
    if study.timezone:
        dataset.TimezoneOffsetFromUTC = study.timezone
    _state_issuer(dataset, study.issuer)
    return dataset


def _state_issuer(dataset: Dataset, issuer: str) -> None:
    if not issuer:
        return
    dataset.IssuerOfPatientID = "Synthetic Hospital"
    if issuer == "oid":
        qualifiers = item(UniversalEntityID=uid("patients"), UniversalEntityIDType="ISO")
        dataset.IssuerOfAccessionNumberSequence = [
            item(
                LocalNamespaceEntityID="SYNTHETIC",
                UniversalEntityID=uid("accession numbers"),
                UniversalEntityIDType="ISO",
            )
        ]
    elif issuer == "uuid":
        qualifiers = item(UniversalEntityID=str(uuid5(NAMESPACE, "patients")), UniversalEntityIDType="UUID")
    else:
        return
    dataset.IssuerOfPatientIDQualifiersSequence = [qualifiers]


def same_patient_and_study(dataset: Dataset, series: Series) -> Dataset:
    """Replace in an object that a library built what `instance` states, its times among it, and return it.

    The object keeps its class, UID and content; what the library says of itself and of now goes.
    """
    stated = instance(series, dataset.SOPClassUID, "", int(dataset.InstanceNumber))
    stated.SOPInstanceUID = dataset.SOPInstanceUID
    dataset.update(stated)
    for keyword in ("ContributingEquipmentSequence", "SeriesDate", "SeriesTime"):
        if keyword in dataset:
            del dataset[keyword]
    return dataset


def state_content(dataset: Dataset, label: str, description: str, *, creator: str = "") -> None:
    """Add Content Label, Content Description, Content Creator's Name and when the content was created."""
    dataset.ContentLabel = label
    dataset.ContentDescription = description
    dataset.ContentCreatorName = creator
    dataset.ContentDate = CREATED
    dataset.ContentTime = CREATED_TIME


def sop_reference(dataset: Dataset, **more: Any) -> Dataset:
    """Return a reference to an instance (Table 10-11), with `more` elements such as frame numbers."""
    return item(ReferencedSOPClassUID=dataset.SOPClassUID, ReferencedSOPInstanceUID=dataset.SOPInstanceUID, **more)


def by_series(datasets: Iterable[Dataset]) -> dict[tuple[str, str], list[Dataset]]:
    """Group instances by study and series, in the order met; each instance once."""
    groups: dict[tuple[str, str], dict[str, Dataset]] = {}
    for each in datasets:
        group = groups.setdefault((each.StudyInstanceUID, each.SeriesInstanceUID), {})
        group.setdefault(each.SOPInstanceUID, each)
    return {key: list(group.values()) for key, group in groups.items()}


def evidence(datasets: Iterable[Dataset]) -> list[Dataset]:
    """Return the items of an evidence sequence (PS3.3 C.17.2) for these instances."""
    studies: dict[str, list[Dataset]] = {}
    for (study, series), group in by_series(datasets).items():
        studies.setdefault(study, []).append(
            item(SeriesInstanceUID=series, ReferencedSOPSequence=[sop_reference(each) for each in group])
        )
    return [item(StudyInstanceUID=study, ReferencedSeriesSequence=series) for study, series in studies.items()]


def save(dataset: Dataset, path: Path) -> None:
    """Write a Part 10 file whose every byte is stated here, whatever the versions of the libraries."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(uid("implementation"))
    meta.ImplementationVersionName = "IMGSEL_TESTDATA"
    plain = Dataset(dict(dataset.items()))
    plain.file_meta = meta
    path.parent.mkdir(parents=True, exist_ok=True)
    plain.save_as(path, enforce_file_format=True, implicit_vr=False, little_endian=True)
