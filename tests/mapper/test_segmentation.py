"""Segmentations: what each segment becomes, by PS3.3 C.8.20, corpus facts, dcmdump and dcmqi's own reading."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from converter.catalog import EmptyCatalog, Instance
from converter.mapper import Mapped, map_object
from converter.selection import Code, Concept, Frames, Identifier, Segments, Selection, Series
from converter.settings import Settings
from tests.builders import (
    CT,
    FRAME_OF_REFERENCE,
    IMAGE_1,
    IMAGE_2,
    IMAGE_3,
    OTHER_SERIES,
    SEGMENTATION,
    SERIES,
    STUDY,
    Instances,
    by_role,
    code,
    codes_of,
    dataset,
    images,
    mapped,
)
from tests.mapper.objects import problems, referenced_series, reread
from tests.mapper.segmentations import SEGMENTATION_SERIES, SEGMENTATION_UID, frame, segment, segmentation

DCM = "http://dicom.nema.org/resources/ontology/DCM"
SCT = "http://snomed.info/sct"
RIGHT, LEFT = code("24028007", "SCT", "Right"), code("7771000", "SCT", "Left")


def of_file(path: Path) -> Mapped:
    read = dcmread(path, stop_before_pixels=True)
    return map_object(read, str(read.SOPInstanceUID), EmptyCatalog(), Settings())


def numbers(selection: Selection) -> tuple[int, ...]:
    (instance,) = selection.instances
    assert isinstance(instance.subset, Segments)
    return instance.subset.numbers


def only(result: Mapped) -> Selection:
    (selection,) = by_role(result, "item")
    return selection


# Real objects


def test_every_segment_of_the_corpus_is_one_selection_and_nothing_else_is(corpus: Path) -> None:
    checked = 0
    for line in (corpus / "facts.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["object"] != "SEG":
            continue
        selections = by_role(of_file(corpus / entry["file"]), "item")
        stated = [("segment", each.instances[0].sop_instance_uid, numbers(each)[0]) for each in selections]
        assert sorted(stated) == sorted(tuple(fact) for fact in entry["facts"]), entry["file"]
        checked += 1
    assert checked == 17


def test_codes_are_those_that_dcmqi_reads(corpus: Path) -> None:
    # segimage2itkimage 1.5.7: metainfo of sr-example/seg.dcm; SRT translated by PS3.16 (T-C5300, M-01000, M-80003).
    found = only(of_file(corpus / "dcmqi" / "sr-example" / "seg.dcm"))
    assert found.code == Concept((Code(SCT, "86049000", "Neoplasm, Primary"),), "Neoplasm, Primary")
    assert found.categories == (
        Concept((Code(DCM, "SEG", "Segmentation"),), "Segmentation"),
        Concept((Code(SCT, "49755003", "Morphologically Altered Structure"),), "Morphologically Altered Structure"),
    )
    site = "pharyngeal tonsil (adenoid)"
    assert found.body_sites == (Concept((Code(SCT, "55940004", site),), site),)
    assert [each.actor.display for each in found.performers] == ["User2"]


def test_sources_are_those_that_dcmdump_shows(corpus: Path) -> None:
    # (0008,1155) and (0062,000b) of each item of (5200,9230), as dcmdump prints them.
    root = "1.2.392.200103.20080913.113635.2.2009.6.22.21.43.10."
    expected = {"1": [23432], "2": [23432], "3": [23433, 23432, 23431], "4": [23433], "5": [23433]}
    found = by_role(of_file(corpus / "dcmqi" / "segmentations" / "partial_overlaps.dcm"), "source")
    assert {each.key.path: [instance.sop_instance_uid for instance in each.instances] for each in found} == {
        path: [f"{root}{number}.1" for number in series] for path, series in expected.items()
    }


def test_segments_of_a_tiled_image_derive_from_their_own_tiles(corpus: Path) -> None:
    # (0008,1160) and (0062,000b), as dcmdump prints them. No frame shows segment 2: it derives from the image as such.
    result = of_file(corpus / "highdicom" / "seg_image_sm_control.dcm")
    subsets = {each.key.path: each.instances[0].subset for each in by_role(result, "source")}
    assert len(subsets) == 20
    assert (subsets["1"], subsets["19"], subsets[""]) == (Frames((25,)), Frames((15, 23)), None)
    second = next(each for each in by_role(result, "item") if numbers(each) == (2,))
    assert [key.path for key in second.focus] == [""]


def test_the_segments_of_a_real_label_map_share_one_source(corpus: Path) -> None:
    result = of_file(corpus / "highdicom" / "seg_image_sm_control_labelmap.dcm")
    (source,) = by_role(result, "source")
    # Every frame that dcmdump finds in (0008,1160): 10, 11, 13, 14 and 20 are in no tile.
    without = {10, 11, 13, 14, 20}
    assert source.instances[0].subset == Frames(tuple(each for each in range(1, 26) if each not in without))
    items = by_role(result, "item")
    assert [numbers(each) for each in items] == [(number,) for number in range(21)]
    assert {each.focus for each in items} == {(source.key,)}
    assert items[0].code.codings == (Code(DCM, "125040", "Background"),)


# Objects built with highdicom


def ct_series() -> list[Dataset]:
    series = []
    for index, uid in enumerate((IMAGE_1, IMAGE_2, "1.2.3.1.1.3")):
        image = dataset(
            SOPClassUID=CT,
            SOPInstanceUID=uid,
            StudyInstanceUID=STUDY,
            SeriesInstanceUID=SERIES,
            FrameOfReferenceUID=FRAME_OF_REFERENCE,
            Modality="CT",
            PatientID="P1",
            PatientName="",
            PatientBirthDate="",
            PatientSex="",
            StudyID="",
            StudyDate="",
            StudyTime="",
            AccessionNumber="A7",
            ReferringPhysicianName="",
            Rows=4,
            Columns=4,
            BitsAllocated=16,
            BitsStored=16,
            PixelSpacing=[1, 1],
            SliceThickness=1,
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            ImagePositionPatient=[0, 0, index],
        )
        image.file_meta = FileMetaDataset(dataset(TransferSyntaxUID=ExplicitVRLittleEndian))
        series.append(image)
    return series


def built_by_highdicom(kind: hd.seg.SegmentationTypeValues, mask: Any) -> Dataset:
    algorithm = hd.AlgorithmIdentificationSequence(
        name="Finder",
        family=hd.sr.CodedConcept("123110", "DCM", "Artificial Intelligence"),
        version="2.1",
        source="Maker",
    )
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=hd.sr.CodedConcept("123037004", "SCT", "Anatomical Structure"),
            segmented_property_type=hd.sr.CodedConcept(value, "SCT", label),
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
            tracking_uid=f"1.2.3.40.{number}",
            tracking_id=f"Lesion {number}",
        )
        for number, value, label in ((1, "64033007", "Kidney"), (2, "10200004", "Liver"))
    ]
    return hd.seg.Segmentation(
        source_images=ct_series(),
        pixel_array=mask,
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=SEGMENTATION_SERIES,
        series_number=300,
        sop_instance_uid=SEGMENTATION_UID,
        instance_number=5,
        manufacturer="Maker",
        manufacturer_model_name="Model",
        software_versions="1",
        device_serial_number="SN1",
    )


def mask() -> Any:
    """(slice, row, column): 1 on the first two slices, 2 on the last."""
    labels = np.zeros((3, 4, 4), np.uint8)
    labels[0:2, 1, 1] = 1
    labels[2, 2, 2] = 2
    return labels


def test_a_fractional_segmentation_derives_segment_by_segment() -> None:
    fractions = np.stack([mask() == 1, mask() == 2], axis=-1).astype(np.float32) / 2
    built = built_by_highdicom(hd.seg.SegmentationTypeValues.FRACTIONAL, fractions)
    result = mapped(reread(built))
    kidney, liver = by_role(result, "item")
    assert [numbers(kidney), numbers(liver)] == [(1,), (2,)]
    assert kidney.instances[0].sop_instance_uid == SEGMENTATION_UID
    assert kidney.series == Series(STUDY, SEGMENTATION_SERIES, 300)
    assert kidney.identifiers == (
        Identifier("urn:oid:1.2.3.40.1", "urn:dicom:uid", use="secondary"),
        Identifier("Lesion 1", use="secondary"),
    )
    assert [each.actor.display for each in kidney.performers] == ["Finder 2.1 (Maker)"]
    found = by_role(result, "source")
    sources = {each.key: sorted(instance.sop_instance_uid for instance in each.instances) for each in found}
    assert [sources[key] for key in kidney.focus] == [[IMAGE_1, IMAGE_2]]
    assert [sources[key] for key in liver.focus] == [["1.2.3.1.1.3"]]


def test_a_label_map_derives_as_a_whole() -> None:
    result = mapped(reread(built_by_highdicom(hd.seg.SegmentationTypeValues.LABELMAP, mask())))
    (source,) = by_role(result, "source")
    assert sorted(each.sop_instance_uid for each in source.instances) == [IMAGE_1, IMAGE_2, "1.2.3.1.1.3"]
    # highdicom adds the background as segment 0.
    assert sorted(numbers(each)[0] for each in by_role(result, "item")) == [0, 1, 2]
    assert {each.focus for each in by_role(result, "item")} == {(source.key,)}


# What a segment states


def test_a_segment_is_selected_in_the_segmentation_itself() -> None:
    selection = only(mapped(segmentation(1, frames=[frame(1, IMAGE_1)])))
    (instance,) = selection.instances
    assert (instance.sop_instance_uid, instance.sop_class_uid, instance.number, instance.subset) == (
        SEGMENTATION_UID,
        SEGMENTATION,
        5,
        Segments((1,)),
    )
    assert selection.series == Series(STUDY, SEGMENTATION_SERIES, 300)
    assert selection.frame_of_reference_uid == FRAME_OF_REFERENCE
    assert selection.issued == datetime(2020, 1, 2, 10, 11, 12, 500000, timezone(-timedelta(hours=3, minutes=30)))
    assert (selection.key.path, selection.key.series, selection.place) == (
        "1",
        SEGMENTATION_SERIES,
        "$.SegmentSequence[0]",
    )


def test_the_source_images_are_selections_that_the_segment_is_about() -> None:
    result = mapped(segmentation(1, frames=[frame(1, IMAGE_1, IMAGE_3)], ContentCreatorName="Doe^Jo"))
    first, second = by_role(result, "source")
    assert only(result).focus == (first.key, second.key)
    assert (first.series, second.series) == (Series(STUDY, SERIES, 3), Series(STUDY, OTHER_SERIES, 4))
    assert first.code.codings == (Code(DCM, "121233", "Source image for segmentation"),)
    assert [(each.sop_instance_uid, each.number) for each in first.instances] == [(IMAGE_1, 11)]
    assert first.frame_of_reference_uid == FRAME_OF_REFERENCE
    assert [each.actor.display for each in first.performers] == ["Jo Doe"]
    at = "$.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].SourceImageSequence"
    assert (first.place, second.place) == (f"{at}[0]", f"{at}[1]")


def test_without_derivation_images_the_objects_references_are_the_source() -> None:
    built = segmentation(1, 2, ReferencedSeriesSequence=[referenced_series(SERIES, IMAGE_1, IMAGE_2)])
    result = mapped(built)
    (source,) = by_role(result, "source")
    assert [each.sop_instance_uid for each in source.instances] == [IMAGE_1, IMAGE_2]
    assert [each.focus for each in by_role(result, "item")] == [(source.key,), (source.key,)]


@pytest.mark.parametrize(
    ("label", "description", "text"),
    [
        (None, None, "Kidney"),
        ("kidney", None, "Kidney"),
        ("Graft kidney", None, "Graft kidney"),
        ("Segment 7", None, "Kidney: Segment 7"),
        (None, "Seen late", "Kidney: Seen late"),
        ("Segment 7", "Seen late", "Kidney: Segment 7"),
    ],
)
def test_the_text_is_the_meaning_and_what_the_label_adds(label: str | None, description: str | None, text: str) -> None:
    built = segment(1)
    if label is not None:
        built.SegmentLabel = label
    if description is not None:
        built.SegmentDescription = description
    selection = only(mapped(segmentation(built)))
    assert selection.code == Concept((Code(SCT, "64033007", "Kidney"),), text)


def test_modifiers_of_the_type_are_in_the_text() -> None:
    kind = code("64033007", "SCT", "Kidney")
    kind.SegmentedPropertyTypeModifierCodeSequence = [RIGHT, code("1", "99X", "Upper pole")]
    assert only(mapped(segmentation(segment(1, kind)))).code.text == "Kidney, Right, Upper pole"


def test_a_segment_without_a_type_goes_by_its_label_else_by_the_kind_of_object() -> None:
    result = mapped(segmentation(segment(1, None, SegmentLabel="Stent"), segment(2, None)))
    labelled, unnamed = by_role(result, "item")
    assert labelled.code == Concept((), "Stent")
    assert unnamed.code == Concept((Code(DCM, "SEG", "Segmentation"),), "Segmentation")
    assert problems(result) == [("code-missing", "$.SegmentSequence[1]")]


def test_the_anatomic_region_is_the_body_site_with_the_side_of_its_modifier() -> None:
    region = code("39607008", "SCT", "Lung")
    region.AnatomicRegionModifierSequence = [code("1", "99X", "Apex"), LEFT]
    (site,) = only(mapped(segmentation(segment(1, AnatomicRegionSequence=[region])))).body_sites
    assert site.codings == (Code(SCT, "39607008", "Lung"), Code(SCT, "39607008:272741003=7771000"))
    assert site.text == "Lung, Apex, left"


def test_the_side_of_the_type_is_that_of_the_site() -> None:
    kind = code("52988006", "SCT", "Lesion")
    kind.SegmentedPropertyTypeModifierCodeSequence = [RIGHT]
    region = code("39607008", "SCT", "Lung")
    (site,) = only(mapped(segmentation(segment(1, kind, AnatomicRegionSequence=[region])))).body_sites
    assert site.codings[1] == Code(SCT, "39607008:272741003=24028007")


def test_a_primary_anatomic_structure_stands_for_a_missing_region() -> None:
    structure = code("87878005", "SCT", "Left ventricle")
    (site,) = only(mapped(segmentation(segment(1, PrimaryAnatomicStructureSequence=[structure])))).body_sites
    assert site == Concept((Code(SCT, "87878005", "Left ventricle"),), "Left ventricle")


def test_without_a_region_of_its_own_a_segment_is_where_its_image_is() -> None:
    known = images()
    known[IMAGE_1] = Instance(
        sop_instance_uid=IMAGE_1,
        study_instance_uid=STUDY,
        series_instance_uid=SERIES,
        anatomic_region=Code(SCT, "69536005", "Head"),
        laterality="L",
    )
    result = mapped(segmentation(1, frames=[frame(1, IMAGE_1)]), known)
    expected = (Code(SCT, "69536005", "Head"), Code(SCT, "69536005:272741003=7771000"))
    assert [each.body_sites[0].codings for each in result.selections] == [expected, expected]


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("MANUAL", ["Jo Doe"]),
        ("SEMIAUTOMATIC", ["Jo Doe", "Finder"]),
        ("AUTOMATIC", ["Finder"]),
        (None, ["Finder"]),
    ],
)
def test_who_made_a_segment_is_by_its_algorithm_type(kind: str | None, names: list[str]) -> None:
    built = segment(1, SegmentAlgorithmName="Finder")
    if kind is not None:
        built.SegmentAlgorithmType = kind
    found = only(mapped(segmentation(built, ContentCreatorName="Doe^Jo"))).performers
    assert [each.actor.display for each in found] == names
    assert [each.actor.type for each in found] == [
        {"Jo Doe": "Practitioner", "Finder": "Device"}[name] for name in names
    ]


def test_without_algorithm_and_creator_the_equipment_made_a_segment() -> None:
    built = segmentation(segment(1, SegmentAlgorithmType="AUTOMATIC"), Manufacturer="Maker", ManufacturerModelName="M1")
    assert [each.actor.display for each in only(mapped(built)).performers] == ["Maker M1"]
    built.ContentCreatorName = "Doe^Jo"
    assert [each.actor.display for each in only(mapped(built)).performers] == ["Jo Doe"]


# Numbers that are not as they should be


def test_gaps_in_segment_numbers_are_noted_once_and_lose_nothing() -> None:
    result = mapped(segmentation(1, 4, 9))
    assert [numbers(each) for each in by_role(result, "item")] == [(1,), (4,), (9,)]
    assert problems(result) == [("segment-gap", "$.SegmentSequence")]


def test_a_label_maps_numbers_may_have_gaps_and_begin_at_zero() -> None:
    result = mapped(segmentation(0, 4, SegmentationType="LABELMAP"))
    assert [numbers(each) for each in by_role(result, "item")] == [(0,), (4,)]
    assert problems(result) == []


def test_segments_in_another_order_have_no_gap() -> None:
    result = mapped(segmentation(2, 1))
    assert [each.key.path for each in by_role(result, "item")] == ["2", "1"]
    assert problems(result) == []


def test_two_segments_of_one_number_stay_two() -> None:
    result = mapped(segmentation(1, segment(1, code("10200004", "SCT", "Liver")), frames=[frame(1, IMAGE_1)]))
    first, second = by_role(result, "item")
    assert (first.code.text, second.code.text) == ("Kidney", "Liver")
    assert (first.key.part, second.key.part) == ("0", "1")
    assert len({each.id for each in result.selections}) == len(result.selections) == 3
    assert problems(result) == [("segment-duplicate", "$.SegmentSequence")]


def test_a_segment_without_a_number_is_left_out_and_the_others_stay() -> None:
    textual = segment(None)
    textual.add_new(0x00620004, "LO", "one")
    result = mapped(segmentation(segment(None), textual, 1))
    assert [numbers(each) for each in by_role(result, "item")] == [(1,)]
    assert problems(result) == [
        ("segment-invalid", "$.SegmentSequence[0].SegmentNumber"),
        ("segment-invalid", "$.SegmentSequence[1].SegmentNumber"),
    ]


def test_a_segment_that_only_frames_name_is_selected_with_a_warning() -> None:
    result = mapped(segmentation(1, frames=[frame(1, IMAGE_1), frame(2, IMAGE_2), frame(2, IMAGE_2)]))
    defined, undefined = by_role(result, "item")
    assert (numbers(defined), numbers(undefined)) == ((1,), (2,))
    assert [key.path for key in undefined.focus] == ["2"]
    place = "$.PerFrameFunctionalGroupsSequence[1].SegmentIdentificationSequence[0].ReferencedSegmentNumber"
    assert problems(result) == [("segment-not-defined", place), ("code-missing", place)]


def test_without_a_segment_sequence_the_frames_segments_are_all_there_is() -> None:
    result = mapped(segmentation(frames=[frame(3, IMAGE_1)]))
    assert [numbers(each) for each in by_role(result, "item")] == [(3,)]
    assert Counter(codes_of(result)) == {"content-missing": 1, "segment-not-defined": 1, "code-missing": 1}


def test_a_segmentation_of_nothing_selects_nothing() -> None:
    result = mapped(segmentation())
    assert result.selections == ()
    assert codes_of(result) == ["content-missing", "nothing-selected"]


def test_source_images_that_nothing_places_in_a_series_stay_apart() -> None:
    result = mapped(segmentation(1, frames=[frame(1, "1.2.9.1", "1.2.9.2")]), Instances())
    sources = by_role(result, "source")
    assert [(each.key.part, each.series.series_instance_uid) for each in sources] == [("0", None), ("1", None)]
    assert len({each.id for each in result.selections}) == 3
    assert Counter(codes_of(result)) == {"instance-not-found": 2, "series-unknown": 2}
