"""Tractography results: track sets in space and the images they were found on, by PS3.3 C.8.33.2."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydicom import Dataset

from converter.mapper import Mapped
from converter.selection import Selection, SelectionKey
from tests.builders import FRAME_OF_REFERENCE, SERIES, STUDY, by_role, code, dataset, mapped, reference
from tests.mapper.objects import problems, reread
from tests.mapper.structure_sets import slices

TRACTS_UID = "1.2.3.70"


def track(*points: float) -> Dataset:
    return dataset(PointCoordinatesData=np.array(points, "<f4").tobytes())


def track_set(*tracks: Dataset, **elements: Any) -> Dataset:
    kind = code("369057005", "SCT", "Cingulum")
    kind.ModifierCodeSequence = [code("7771000", "SCT", "Left")]
    stated: dict[str, Any] = {
        "TrackSetNumber": 1,
        "TrackSetLabel": "Bundle A",
        "TrackSetAnatomicalTypeCodeSequence": [kind],
        "TrackingAlgorithmIdentificationSequence": [dataset(AlgorithmName="Tracker", AlgorithmVersion="3")],
        "TrackSequence": list(tracks),
        **elements,
    }
    return dataset(**{keyword: value for keyword, value in stated.items() if value is not None})


def tractography(*sets: Dataset, **elements: Any) -> Dataset:
    stated: dict[str, Any] = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.6",
        "SOPInstanceUID": TRACTS_UID,
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": "1.2.3.71",
        "Modality": "MR",
        "ContentDate": "20200102",
        "ContentTime": "101112",
        "TimezoneOffsetFromUTC": "+0000",
        "FrameOfReferenceUID": FRAME_OF_REFERENCE,
        "TrackSetSequence": list(sets),
        **elements,
    }
    return reread(dataset(**{keyword: value for keyword, value in stated.items() if value is not None}))


def only(result: Mapped, role: str) -> Selection:
    (selection,) = by_role(result, role)
    return selection


def test_tracks_are_polylines_in_single_precision() -> None:
    result = mapped(tractography(track_set(track(0.1, 2, 3, 4, 5, 6), track(7, 8, 9, 10, 11, 12, 13, 14, 15))))
    selection = only(result, "regions3d")
    assert selection.key == SelectionKey(TRACTS_UID, "regions3d", "1", "", FRAME_OF_REFERENCE)
    first, second = selection.regions_3d
    assert (first.type, second.type) == ("polyline", "polyline")
    assert first.coordinates.dtype == np.float32
    assert str(first.coordinates[0, 0]) == "0.1"
    assert second.coordinates.tolist() == [[7, 8, 9], [10, 11, 12], [13, 14, 15]]
    assert selection.code.text == "Cingulum, Left: Bundle A"
    assert [each.code for each in selection.body_sites[0].codings] == ["369057005", "369057005:272741003=7771000"]
    assert [each.actor.display for each in selection.performers] == ["Tracker 3"]
    assert selection.instances == ()
    assert result.kind == "MR"
    assert problems(result) == []


def test_images_are_the_focus_of_all_track_sets() -> None:
    sources = [reference(f"1.9.{number}") for number in (0, 1)]
    built = tractography(track_set(track(*range(6))), track_set(track(*range(6))), ReferencedInstanceSequence=sources)
    result = mapped(built, slices())
    source = only(result, "source")
    assert [each.sop_instance_uid for each in source.instances] == ["1.9.0", "1.9.1"]
    assert source.key == SelectionKey(TRACTS_UID, "source", "", SERIES)
    assert source.code.codings[0].code == "121322"
    assert [(each.key.path, each.focus) for each in by_role(result, "regions3d")] == [
        ("1", (source.key,)),
        ("2", (source.key,)),
    ]


def test_the_images_frame_of_reference_stands_in_for_a_missing_one() -> None:
    built = track_set(track(*range(6)))
    sources = [reference("1.9.0")]
    result = mapped(tractography(built, FrameOfReferenceUID=None, ReferencedInstanceSequence=sources), slices())
    assert only(result, "regions3d").frame_of_reference_uid == FRAME_OF_REFERENCE
    nowhere = mapped(tractography(built, FrameOfReferenceUID=None))
    assert problems(nowhere)[0] == ("region-without-frame-of-reference", "$.TrackSetSequence[0]")


def test_one_bad_track_takes_nothing_with_it() -> None:
    result = mapped(tractography(track_set(track(1, 2), track(), track(1, 2, 3), track(*range(6)))))
    assert [each.type for each in only(result, "regions3d").regions_3d] == ["point", "polyline"]
    path = "$.TrackSetSequence[0].TrackSequence"
    assert problems(result) == [
        ("region-odd", f"{path}[0].PointCoordinatesData"),
        ("region-missing", f"{path}[1].PointCoordinatesData"),
        ("region-type-changed", f"{path}[2].PointCoordinatesData"),
    ]


def test_without_tracks_there_is_nothing() -> None:
    assert problems(mapped(tractography(track_set()))) == [
        ("sequence-missing", "$.TrackSetSequence[0].TrackSequence"),
        ("nothing-selected", "$"),
    ]
    assert problems(mapped(tractography()))[0] == ("sequence-missing", "$.TrackSetSequence")


def test_a_track_set_without_a_type_has_its_label() -> None:
    labels = [
        track_set(track(*range(6)), TrackSetAnatomicalTypeCodeSequence=None),
        track_set(track(*range(6)), TrackSetAnatomicalTypeCodeSequence=None, TrackSetLabel=None),
    ]
    result = mapped(tractography(*labels))
    assert [each.code.text for each in by_role(result, "regions3d")] == ["Bundle A", "Magnetic Resonance"]
    assert problems(result) == [("code-missing", "$.TrackSetSequence[1]")]
