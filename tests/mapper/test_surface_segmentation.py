"""Surface segmentations: segments and what their surfaces were made from, by PS3.3 C.8.23."""

from __future__ import annotations

from typing import Any

from pydicom import Dataset

from converter.mapper import Mapped
from converter.selection import Segments, SelectionKey
from tests.builders import OTHER_SERIES, SERIES, by_role, dataset, mapped, reference
from tests.mapper.objects import problems, referenced_series
from tests.mapper.segmentations import SEGMENTATION_SERIES, SEGMENTATION_UID, segment, segmentation
from tests.mapper.structure_sets import image, space

SURFACE_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.5"


def surface(number: int, *sources: str, algorithm: str = "Mesher") -> Dataset:
    return dataset(
        ReferencedSurfaceNumber=number,
        SegmentSurfaceGenerationAlgorithmIdentificationSequence=[dataset(AlgorithmName=algorithm)],
        SegmentSurfaceSourceInstanceSequence=[reference(uid) for uid in sources],
    )


def surfaces(*segments: Dataset, **elements: Any) -> Mapped:
    built = segmentation(*segments, SOPClassUID=SURFACE_SEGMENTATION, SegmentationType=None, **elements)
    known = space(image("1.9.0", 0), image("1.9.1", 3), image("1.8.0", 0, series_instance_uid=OTHER_SERIES))
    return mapped(built, known)


def with_surfaces(number: int, *items: Dataset) -> Dataset:
    return segment(number, SurfaceCount=len(items), ReferencedSurfaceSequence=list(items))


def test_a_segment_is_selected_and_its_sources_are_its_focus() -> None:
    result = surfaces(with_surfaces(1, surface(1, "1.9.0", "1.8.0"), surface(2, "1.9.1", "1.9.0", algorithm="Other")))
    (item,) = by_role(result, "item")
    assert item.key == SelectionKey(SEGMENTATION_UID, "item", "1", SEGMENTATION_SERIES)
    assert item.instances[0].subset == Segments((1,))
    assert item.instances[0].sop_class_uid == SURFACE_SEGMENTATION
    assert item.code.text == "Kidney"
    assert [each.actor.display for each in item.performers] == ["Mesher", "Other"]
    sources = {
        each.key: [instance.sop_instance_uid for instance in each.instances] for each in by_role(result, "source")
    }
    assert sources == {
        SelectionKey(SEGMENTATION_UID, "source", "1", SERIES): ["1.9.0", "1.9.1"],
        SelectionKey(SEGMENTATION_UID, "source", "1", OTHER_SERIES): ["1.8.0"],
    }
    assert item.focus == tuple(sources)
    assert result.kind == "SEG"
    assert problems(result) == []


def test_segments_have_their_own_sources() -> None:
    result = surfaces(with_surfaces(1, surface(1, "1.9.0")), with_surfaces(2, surface(2, "1.9.1")))
    found = {each.key.path: each.instances[0].sop_instance_uid for each in by_role(result, "source")}
    assert found == {"1": "1.9.0", "2": "1.9.1"}


def test_without_sources_there_is_what_the_object_refers_to() -> None:
    referred = [referenced_series(SERIES, "1.9.1")]
    result = surfaces(with_surfaces(1, surface(1)), ReferencedSeriesSequence=referred)
    (source,) = by_role(result, "source")
    assert source.instances[0].sop_instance_uid == "1.9.1"
    assert by_role(result, "item")[0].focus == (source.key,)


def test_a_reference_without_uid_takes_nothing_with_it() -> None:
    broken = surface(1, "1.9.0")
    broken.SegmentSurfaceSourceInstanceSequence.append(dataset(ReferencedSOPClassUID="1.2"))
    result = surfaces(with_surfaces(1, broken), segment(None))
    assert len(by_role(result, "item")) == 1
    place = "$.SegmentSequence[0].ReferencedSurfaceSequence[0].SegmentSurfaceSourceInstanceSequence[1]"
    assert problems(result) == [
        ("reference-incomplete", place),
        ("segment-invalid", "$.SegmentSequence[1].SegmentNumber"),
    ]
