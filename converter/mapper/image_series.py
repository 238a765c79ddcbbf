"""Image series by request: images select nothing by themselves, but a whole series can be what someone wants."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import Dataset

from converter.catalog import EmptyCatalog, Instance
from converter.mapper import coded, is_annotation
from converter.mapper.annotation_object import AnnotationObject, Kind
from converter.selection import Code, Concept, SelectedInstance, Selection, SelectionKey, Series
from converter.settings import Settings

_SERIES = Concept((Code(coded.DCM, "113015", "Series"),), "Series")
# CID 33, as far as images have them.
_MODALITIES = {
    "CR": "Computed Radiography",
    "CT": "Computed Tomography",
    "DX": "Digital Radiography",
    "ES": "Endoscopy",
    "GM": "General Microscopy",
    "IO": "Intra-oral Radiography",
    "IVOCT": "Intravascular Optical Coherence Tomography",
    "IVUS": "Intravascular Ultrasound",
    "MG": "Mammography",
    "MR": "Magnetic Resonance",
    "NM": "Nuclear Medicine",
    "OP": "Ophthalmic Photography",
    "OPT": "Ophthalmic Tomography",
    "OT": "Other",
    "PT": "Positron emission tomography",
    "PX": "Panoramic X-Ray",
    "RF": "Radiofluoroscopy",
    "RTDOSE": "RT Dose",
    "RTIMAGE": "RT Image",
    "SM": "Slide Microscopy",
    "US": "Ultrasound",
    "XA": "X-Ray Angiography",
    "XC": "External-camera Photography",
}


def is_image(instance: Instance) -> bool:
    """Return whether an instance is an image that selects nothing, unlike segmentations, which have pixels, too."""
    return instance.rows is not None and not is_annotation(instance.sop_class_uid, instance.modality)


def selection_of(images: Sequence[Instance], settings: Settings) -> Selection:
    """Return the selection of a whole series; `images` are all those of it that are known, at least one.

    Nothing is known of who made it for what, so it has neither performer nor date. What its images do not agree on
    (frame of reference, site) is left out.
    """
    ordered = sorted(images, key=_order)
    first = ordered[0]
    series = Series(first.study_instance_uid, first.series_instance_uid, first.series_number)
    source = _as_source(first, settings)
    sites = {source.body_sites(None, None, each) for each in ordered}
    frames_of_reference = {each.frame_of_reference_uid for each in ordered}
    return source.selection(
        # No object is read for it: the study stands in, should two of them have series of one UID.
        SelectionKey(series.study_instance_uid or "", "series", series=series.series_instance_uid or ""),
        _SERIES,
        issued=None,
        series=series,
        frame_of_reference_uid=frames_of_reference.pop() if len(frames_of_reference) == 1 else None,
        body_sites=sites.pop() if len(sites) == 1 else (),
        instances=tuple(
            SelectedInstance(each.sop_instance_uid, each.sop_class_uid, each.instance_number) for each in ordered
        ),
    )


def _order(instance: Instance) -> tuple[bool, int, str]:
    return instance.instance_number is None, instance.instance_number or 0, instance.sop_instance_uid


def _as_source(image: Instance, settings: Settings) -> AnnotationObject:
    """Return what states patient, request and kind of the series: its first image, as far as it is known."""
    stated = {
        "PatientID": image.patient_id,
        "IssuerOfPatientID": image.issuer_of_patient_id,
        "AccessionNumber": image.accession_number,
    }
    dataset = Dataset()
    for keyword, value in stated.items():
        if value is not None:
            setattr(dataset, keyword, value)
    modality = image.modality or "OT"
    kind = Kind(modality, _MODALITIES.get(modality, modality), "ContentDate", "ContentTime")
    return AnnotationObject(dataset, EmptyCatalog(), settings, "", kind)
