"""Real world value mappings, by pydicom."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom import Dataset
from pydicom.uid import RealWorldValueMappingStorage

from builders.common import Series, code, evidence, instance, item, sop_reference, state_content


def hounsfield(series: Series, ct: Sequence[Dataset], lung: Sequence[Dataset]) -> Dataset:
    """Return a mapping of images of two series to attenuation, and one of a single image to a density."""
    dataset = instance(series, RealWorldValueMappingStorage, "hounsfield", 1)
    dataset.Laterality = ""
    state_content(dataset, "HOUNSFIELD", "Synthetic mappings", creator="Synthetic^Physicist")
    attenuation = item(
        ValueType="CODE",
        ConceptNameCodeSequence=[code("246205007", "SCT", "Quantity")],
        ConceptCodeSequence=[code("112031", "DCM", "Attenuation Coefficient")],
    )
    dataset.ReferencedImageRealWorldValueMappingSequence = [
        item(
            ReferencedImageSequence=[sop_reference(image) for image in (*ct[:3], lung[0])],
            RealWorldValueMappingSequence=[_linear("HU", "Attenuation", ("[hnsf'U]", "Hounsfield unit"), attenuation)],
        ),
        item(
            ReferencedImageSequence=[sop_reference(ct[3])],
            RealWorldValueMappingSequence=[_linear("RED", "Relative electron density", ("1", "no units"))],
        ),
    ]
    (study,) = evidence([*ct[:4], lung[0]])
    dataset.ReferencedSeriesSequence = [
        item(SeriesInstanceUID=each.SeriesInstanceUID, ReferencedInstanceSequence=each.ReferencedSOPSequence)
        for each in study.ReferencedSeriesSequence
    ]
    return dataset


def of_frames(series: Series, mr: Dataset) -> Dataset:
    """Return a mapping of frames 2 and 3 of a multi-frame image."""
    dataset = instance(series, RealWorldValueMappingStorage, "of frames", 1)
    dataset.Laterality = ""
    state_content(dataset, "FRAMES", "Synthetic mapping of frames")
    dataset.ReferencedImageRealWorldValueMappingSequence = [
        item(
            ReferencedImageSequence=[sop_reference(mr, ReferencedFrameNumber=[2, 3])],
            RealWorldValueMappingSequence=[_linear("T1", "Relaxation time", ("ms", "millisecond"))],
        )
    ]
    dataset.ReferencedSeriesSequence = [
        item(SeriesInstanceUID=mr.SeriesInstanceUID, ReferencedInstanceSequence=[sop_reference(mr)])
    ]
    return dataset


def _linear(label: str, explanation: str, units: tuple[str, str], *quantities: Dataset) -> Dataset:
    mapping = item(
        RealWorldValueFirstValueMapped=0,
        RealWorldValueLastValueMapped=4095,
        RealWorldValueIntercept=-1024.0,
        RealWorldValueSlope=1.0,
        LUTExplanation=explanation,
        LUTLabel=label,
        MeasurementUnitsCodeSequence=[code(units[0], "UCUM", units[1])],
    )
    mapping["RealWorldValueFirstValueMapped"].VR = "US"
    mapping["RealWorldValueLastValueMapped"].VR = "US"
    if quantities:
        mapping.QuantityDefinitionSequence = list(quantities)
    return mapping
