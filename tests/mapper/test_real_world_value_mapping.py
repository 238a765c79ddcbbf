"""Real world value mappings: the images whose values are mapped, by PS3.3 C.7.6.16.2.11 and dcmdump of a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from converter.catalog import EmptyCatalog
from converter.mapper import map_object
from converter.selection import Code, Concept, Frames, SelectionKey
from converter.settings import Settings
from tests.builders import OTHER_SERIES, SERIES, STUDY, by_role, code, dataset, mapped, reference
from tests.mapper.objects import problems, referenced_series
from tests.mapper.structure_sets import image, slices, space

MAPPING_UID = "1.2.3.80"
DCM = "http://dicom.nema.org/resources/ontology/DCM"
QUANTITY = code("246205007", "SCT", "Quantity")
SUV = code("126400", "DCM", "Standardized Uptake Value")
UNITS = code("g/ml", "UCUM", "grams per milliliter")


def quantity(value: Dataset, name: Dataset = QUANTITY) -> Dataset:
    return dataset(ValueType="CODE", ConceptNameCodeSequence=[name], ConceptCodeSequence=[value])


def mapping(*images: Dataset, mappings: list[Dataset] | None = None) -> Dataset:
    built = dataset(RealWorldValueMappingSequence=mappings or [dataset(LUTLabel="SUV")])
    if images:
        built.ReferencedImageSequence = list(images)
    return built


def mappings(*items: Dataset, **elements: Any) -> Dataset:
    return dataset(
        SOPClassUID="1.2.840.10008.5.1.4.1.1.67",
        SOPInstanceUID=MAPPING_UID,
        StudyInstanceUID=STUDY,
        SeriesInstanceUID="1.2.3.81",
        Modality="RWV",
        ContentDate="20200102",
        ContentTime="101112",
        TimezoneOffsetFromUTC="+0000",
        ContentCreatorName="Mapper^Max",
        ReferencedImageRealWorldValueMappingSequence=list(items),
        **elements,
    )


def test_a_real_mapping_selects_all_its_images(corpus: Path) -> None:
    read = dcmread(corpus / "dcmqi" / "sr-example" / "rwvm.dcm")
    result = map_object(read, str(read.SOPInstanceUID), EmptyCatalog(), Settings())
    (selection,) = result.selections
    # dcmdump: 191 items, the last of (0008,1140); all listed in one Referenced Series Sequence.
    assert len(selection.instances) == 191
    assert selection.instances[0].sop_instance_uid.endswith(".228755433214382668984541352487")
    assert selection.series.series_instance_uid == read.ReferencedSeriesSequence[0].SeriesInstanceUID
    assert selection.code == Concept(
        (Code(DCM, "126400", "Standardized Uptake Value"),), "Standardized Uptake Value body weight"
    )
    assert [each.actor.display for each in selection.performers] == ["QIICR"]


def test_each_item_is_a_selection_per_series() -> None:
    known = space(image("1.9.0", 0), image("1.8.0", 0, series_instance_uid=OTHER_SERIES))
    built = mappings(
        mapping(reference("1.9.0", ReferencedFrameNumber=[1, 2]), reference("1.8.0")), mapping(reference("1.9.0"))
    )
    found = mapped(built, known).selections
    assert [each.key for each in found] == [
        SelectionKey(MAPPING_UID, "item", "1", SERIES),
        SelectionKey(MAPPING_UID, "item", "1", OTHER_SERIES),
        SelectionKey(MAPPING_UID, "item", "2", SERIES),
    ]
    assert [each.instances[0].subset for each in found] == [Frames((1, 2)), None, None]
    assert [each.place[-3:] for each in found] == ["[0]", "[0]", "[1]"]


def test_the_series_is_the_one_that_the_object_refers_to() -> None:
    built = mappings(mapping(reference("1.7.7")), ReferencedSeriesSequence=[referenced_series("1.5", "1.7.7")])
    (selection,) = mapped(built).selections
    assert selection.series.series_instance_uid == "1.5"


@pytest.mark.parametrize(
    ("stated", "codes", "text"),
    [
        ([dataset(LUTExplanation="Body weight", LUTLabel="SUVbw")], [], "Body weight"),
        ([dataset(LUTLabel="SUVbw")], [], "SUVbw"),
        ([dataset(MeasurementUnitsCodeSequence=[UNITS])], [], "grams per milliliter"),
        (
            [dataset(LUTLabel="SUVbw", QuantityDefinitionSequence=[quantity(SUV)])],
            ["126400"],
            "Standardized Uptake Value: SUVbw",
        ),
        (
            [
                dataset(LUTLabel="a", QuantityDefinitionSequence=[quantity(UNITS, code("1", "99X", "Method"))]),
                dataset(LUTLabel="b"),
            ],
            [],
            "a; b",
        ),
    ],
)
def test_the_code_is_the_quantity_or_what_explains_it(stated: list[Dataset], codes: list[str], text: str) -> None:
    (selection,) = mapped(mappings(mapping(reference("1.9.0"), mappings=stated)), slices()).selections
    assert [each.code for each in selection.code.codings] == codes
    assert selection.code.text == text


def test_what_is_missing_is_reported() -> None:
    result = mapped(mappings(mapping(), mapping(reference("1.9.0"), mappings=[dataset(LUTFrameRange=None)])), slices())
    path = "$.ReferencedImageRealWorldValueMappingSequence"
    assert problems(result) == [
        ("sequence-missing", f"{path}[0].ReferencedImageSequence"),
        ("code-missing", f"{path}[1]"),
    ]
    assert [each.key.path for each in by_role(result, "item")] == ["2"]
    assert problems(mapped(mappings()))[0] == ("sequence-missing", path)
