"""Annotation objects become selections: one module per kind of object, found by SOP Class UID.

A new kind of object is one new module with a function `selections(obj: AnnotationObject) -> Iterator[Selection]` and
one line in the tables here. A kind that measures what it selects has `selections_and_measurements` besides.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, replace

from pydicom import Dataset

from converter.catalog import Catalog
from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject, Kind
from converter.mapper.projected import followed, restated
from converter.measurement import Statement
from converter.pixel_data import PixelData
from converter.problems import problem
from converter.selection import Problem, Selection
from converter.settings import Settings

_CONTENT = ("ContentDate", "ContentTime")

# CID 33 Modality.
KINDS = {
    "SR": Kind("SR", "SR Document", *_CONTENT),
    "KO": Kind("KO", "Key Object Selection", *_CONTENT),
    "PR": Kind("PR", "Presentation State", "PresentationCreationDate", "PresentationCreationTime"),
    "SEG": Kind("SEG", "Segmentation", *_CONTENT),
    "RTSTRUCT": Kind("RTSTRUCT", "RT Structure Set", "StructureSetDate", "StructureSetTime"),
    "ANN": Kind("ANN", "Annotation", *_CONTENT),
    "RWV": Kind("RWV", "Real World Value Map", *_CONTENT),
    "FID": Kind("FID", "Fiducials", *_CONTENT),
    # Tractography results state this modality: they have none of their own.
    "MR": Kind("MR", "Magnetic Resonance", *_CONTENT),
    "ECG": Kind("ECG", "Electrocardiography", *_CONTENT),
    "HD": Kind("HD", "Hemodynamic Waveform", *_CONTENT),
    "EPS": Kind("EPS", "Cardiac Electrophysiology", *_CONTENT),
    "AU": Kind("AU", "Audio", *_CONTENT),
    "RESP": Kind("RESP", "Respiratory Waveform", *_CONTENT),
    "EEG": Kind("EEG", "Electroencephalography", *_CONTENT),
    "EMG": Kind("EMG", "Electromyography", *_CONTENT),
    "EOG": Kind("EOG", "Electrooculography", *_CONTENT),
    "POS": Kind("POS", "Position Sensor", *_CONTENT),
}
# Modalities of which every object selects: where the SOP class is missing, the modality tells.
_SELECTING = frozenset({"SR", "KO", "PR", "SEG", "RTSTRUCT", "ANN", "RWV", "FID"})
_WAVEFORMS = {
    "ECG": ("9.1.1", "9.1.2", "9.1.3", "9.1.4"),
    "HD": ("9.2.1", "9.5.1"),
    "EPS": ("9.3.1",),
    "AU": ("9.4.1", "9.4.2"),
    "RESP": ("9.6.1", "9.6.2"),
    "EEG": ("9.7.1", "9.7.4"),
    "EMG": ("9.7.2",),
    "EOG": ("9.7.3",),
    "POS": ("9.8.1",),
}

_MODULES = {
    "SR": "converter.mapper.structured_report",
    "KO": "converter.mapper.key_objects",
    "PR": "converter.mapper.presentation_state",
    "SEG": "converter.mapper.segmentation",
    "RTSTRUCT": "converter.mapper.structure_set",
    "RWV": "converter.mapper.real_world_value_mapping",
    "FID": "converter.mapper.spatial_fiducials",
    "ANN": "converter.mapper.bulk_annotations",
    "MR": "converter.mapper.tractography",
    **dict.fromkeys(_WAVEFORMS, "converter.mapper.waveform_annotations"),
}

MAPPED_KINDS = frozenset(_MODULES) - frozenset(_WAVEFORMS) | {"ECG"}
"""Kinds of objects that become selections; ECG stands for all waveforms, which are treated alike."""

# Kinds that state measurements of what they select.
_MEASURING = frozenset({"SR"})

_STORAGE = "1.2.840.10008.5.1.4.1.1."
_STRUCTURED_REPORTS = (
    *(
        [
            "88.1",
            "88.2",
            "88.3",
            "88.4",
            "88.11",
            "88.22",
            "88.33",
            "88.34",
            "88.35",
            "88.40",
            "88.50",
            "88.65",
            "88.67",
            "88.68",
            "88.69",
        ]
    ),
    *(["88.70", "88.71", "88.72", "88.73", "88.74", "88.75", "88.76", "88.77", "79.1"]),
)
_PRESENTATION_STATES = ("11.1", "11.2", "11.3", "11.4", "11.5", "11.8", "11.12")
_VOLUMETRIC_PRESENTATION_STATES = ("11.6", "11.7", "11.9", "11.10", "11.11")

# SOP Class UID → kind, and whether there is a module for it yet.
_SOP_CLASSES: dict[str, tuple[str, bool]] = {
    **{_STORAGE + number: ("SR", True) for number in _STRUCTURED_REPORTS},
    **{_STORAGE + number: ("PR", True) for number in _PRESENTATION_STATES},
    **{_STORAGE + number: ("PR", True) for number in _VOLUMETRIC_PRESENTATION_STATES},
    _STORAGE + "88.59": ("KO", True),
    _STORAGE + "66.4": ("SEG", True),
    _STORAGE + "66.7": ("SEG", True),
    _STORAGE + "66.5": ("SEG", True),
    _STORAGE + "66.6": ("MR", True),
    _STORAGE + "66.2": ("FID", True),
    _STORAGE + "67": ("RWV", True),
    **{_STORAGE + number: (kind, True) for kind, numbers in _WAVEFORMS.items() for number in numbers},
    _STORAGE + "481.3": ("RTSTRUCT", True),
    _STORAGE + "91.1": ("ANN", True),
}


# Classes that another module than their kind's maps.
_MODULES_OF_CLASSES = {
    _STORAGE + "66.5": "converter.mapper.surface_segmentation",
    **{
        _STORAGE + number: "converter.mapper.volumetric_presentation_state"
        for number in _VOLUMETRIC_PRESENTATION_STATES
    },
}


@dataclass(frozen=True, slots=True)
class Mapped:
    """What one object gave. `kind` is its modality by CID 33; `measurements` are there if the settings ask for them."""

    kind: str
    selections: tuple[Selection, ...]
    problems: tuple[Problem, ...]
    measurements: tuple[Statement, ...] = ()


class NotAnnotationError(ValueError):
    """The object selects nothing: it is of no kind that does, or too damaged to say of which it is."""


def kind_of(sop_class_uid: str | None, modality: str | None) -> str | None:
    """Return the kind of an annotation object, None for any other object.

    The SOP class decides; an object without one is taken by its Modality (0008,0060).
    """
    if sop_class_uid is not None:
        known = _SOP_CLASSES.get(sop_class_uid)
        return None if known is None else known[0]
    return modality if modality in _SELECTING else None


def converted_sop_classes() -> dict[str, str]:
    """Return SOP Class UID → kind of all objects that become selections."""
    return {uid: kind for uid, (kind, converted) in _SOP_CLASSES.items() if converted}


def is_annotation(sop_class_uid: str | None, modality: str | None) -> bool:
    """Return whether the object is one that selects; a waveform is one only if it has annotations."""
    return kind_of(sop_class_uid, modality) is not None


def map_object(
    dataset: Dataset, source: str, catalog: Catalog, settings: Settings, pixel_data: PixelData | None = None
) -> Mapped:
    """Return what an annotation object selects, and what was wrong with it.

    `source`: its SOP Instance UID, or the SHA-256 of an object without one. `pixel_data`: that of a segmentation, for
    its outlines. Raises NotAnnotationError.
    """
    sop_class = values.text(dataset, "SOPClassUID")
    kind = kind_of(sop_class, values.text(dataset, "Modality"))
    if kind is None:
        raise NotAnnotationError
    obj = AnnotationObject(dataset, catalog, settings, source, KINDS[kind], pixel_data)
    if values.text(dataset, "SOPInstanceUID") is None:
        obj.report("sop-instance-uid-missing", "$.SOPInstanceUID")
    if sop_class is None:
        obj.report("sop-class-missing", "$.SOPClassUID")
    if kind not in _MODULES or not _SOP_CLASSES.get(sop_class or "", (kind, True))[1]:
        return Mapped(kind, (), (*obj.problems, problem("not-supported")))
    module = importlib.import_module(_MODULES_OF_CLASSES.get(sop_class or "") or _MODULES[kind])
    measurements: tuple[Statement, ...] = ()
    if settings.observations and kind in _MEASURING:
        selections, measurements = module.selections_and_measurements(obj)
    else:
        selections = tuple(module.selections(obj))
    if settings.regions != "as-stated":
        selections, successors = restated(obj, selections)
        measurements = tuple(replace(each, selections=followed(each.selections, successors)) for each in measurements)
    if not selections:
        obj.report("nothing-selected")
    # What is referred to twice is found wanting twice.
    return Mapped(kind, selections, tuple(dict.fromkeys(obj.problems)), measurements)
