"""Annotations within waveforms: the channels they are about, by PS3.3 C.10.10 and dcmdump of a real ECG."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from converter import Settings, convert
from converter.catalog import EmptyCatalog
from converter.mapper import NotAnnotationError, map_object
from converter.selection import Channels, Selection, SelectionKey, Series
from tests.builders import ECG, STUDY, code, dataset, mapped, written
from tests.mapper.objects import problems

ECG_UID, ECG_SERIES = "1.2.3.90", "1.2.3.91"
AXIS = code("5.10.3-11", "SCPECG", "P Axis")


def annotation(*channels: int, **elements: Any) -> Dataset:
    stated: dict[str, Any] = {"ConceptNameCodeSequence": [AXIS], **elements}
    built = dataset(**{keyword: value for keyword, value in stated.items() if value is not None})
    if channels:
        built.ReferencedWaveformChannels = list(channels)
    return built


def ecg(*annotations: Dataset) -> Dataset:
    """Return an ECG of two multiplex groups, of three and of two channels."""
    built = dataset(
        SOPClassUID=ECG,
        SOPInstanceUID=ECG_UID,
        StudyInstanceUID=STUDY,
        SeriesInstanceUID=ECG_SERIES,
        SeriesNumber=2,
        InstanceNumber=4,
        Modality="ECG",
        ContentDate="20200102",
        ContentTime="101112",
        TimezoneOffsetFromUTC="+0000",
        Manufacturer="Maker",
        WaveformSequence=[
            dataset(NumberOfWaveformChannels=count, ChannelDefinitionSequence=[Dataset() for _ in range(count)])
            for count in (3, 2)
        ],
    )
    if annotations:
        built.WaveformAnnotationSequence = list(annotations)
    return built


def only(built: Dataset) -> Selection:
    (selection,) = mapped(built).selections
    return selection


def test_an_annotation_is_its_channels_of_the_waveform_itself() -> None:
    selection = only(ecg(annotation(1, 1, 1, 3)))
    assert selection.key == SelectionKey(ECG_UID, "item", "1", ECG_SERIES)
    assert selection.series == Series(STUDY, ECG_SERIES, 2)
    (instance,) = selection.instances
    assert (instance.sop_instance_uid, instance.number) == (ECG_UID, 4)
    assert instance.subset == Channels(((1, 1), (1, 3)))
    assert [each.text for each in selection.categories] == ["Electrocardiography"]
    assert selection.place == "$.WaveformAnnotationSequence[0]"


def test_channel_0_is_all_of_a_group() -> None:
    assert only(ecg(annotation(1, 2, 2, 0))).instances[0].subset == Channels(((1, 2), (2, 1), (2, 2)))


def test_an_annotation_without_channels_is_about_the_whole_waveform() -> None:
    assert only(ecg(annotation())).instances[0].subset is None


def test_a_group_that_is_not_there_leaves_the_whole_waveform() -> None:
    result = mapped(ecg(annotation(3, 0)))
    assert result.selections[0].instances[0].subset is None
    assert ("channels-unknown", "$.WaveformAnnotationSequence[0].ReferencedWaveformChannels") in problems(result)


@pytest.mark.parametrize(
    ("elements", "text"),
    [
        ({}, "P Axis"),
        ({"NumericValue": "74"}, "P Axis"),
        ({"ConceptCodeSequence": [code("1", "SCPECG", "Normal")]}, "P Axis: Normal"),
        ({"ConceptNameCodeSequence": None, "UnformattedTextValue": "Sinus rhythm"}, "Sinus rhythm"),
        ({"ConceptNameCodeSequence": None}, "Electrocardiography"),
    ],
)
def test_the_code_is_the_name_with_its_coded_value_or_the_words(elements: dict[str, Any], text: str) -> None:
    assert only(ecg(annotation(1, 1, **elements))).code.text == text


def test_a_temporal_range_is_reported() -> None:
    result = mapped(ecg(annotation(1, 1, TemporalRangeType="POINT", ReferencedSamplePositions=5)))
    assert ("temporal-range", "$.WaveformAnnotationSequence[0].TemporalRangeType") in problems(result)


def test_every_annotation_of_a_real_ecg_is_stated(corpus: Path) -> None:
    (result,) = convert(corpus / "pydicom-3.0.2" / "waveform_ecg.dcm", Settings(timezone="+01:00"))
    assert (result.kind, len(result.selections)) == ("ECG", 77)
    first, third = (result.selections[number].to_dict() for number in (0, 2))
    # dcmdump: (0040,a0b0) 1\\0, all twelve channels of the first group.
    assert first["instance"][0]["subset"] == [f"1.{channel}" for channel in range(1, 13)]
    assert first["code"] == {"text": "RITMO SINUSALE"}
    assert third["code"]["text"] == "RR Interval"
    assert {each.code for each in result.problems} == {"code-scheme-unknown", "temporal-range"}


@pytest.mark.parametrize("as_file", [False, True])
def test_a_waveform_without_annotations_selects_nothing(as_file: bool) -> None:
    bare, empty = ecg(), ecg()
    empty.WaveformAnnotationSequence = []
    for built in (bare, empty):
        given = io.BytesIO(written(built)) if as_file else built
        conversion = convert(given)
        assert list(conversion) == []
        assert sum(conversion.summary.others.values()) == 1


@pytest.mark.parametrize("as_file", [False, True])
def test_a_waveform_with_annotations_is_converted(as_file: bool) -> None:
    built = ecg(annotation(2, 1))
    (result,) = convert(io.BytesIO(written(built)) if as_file else built)
    assert result.kind == "ECG"
    assert result.selections[0].to_dict()["instance"][0]["subset"] == ["2.1"]


def test_a_modality_alone_makes_no_annotation_object_of_a_waveform() -> None:
    built = ecg(annotation(2, 1))
    del built.SOPClassUID
    with pytest.raises(NotAnnotationError):
        map_object(built, ECG_UID, EmptyCatalog(), Settings())
    assert list(convert(built)) == []
