"""Image series, one selection each, on request."""

from __future__ import annotations

import pytest

from converter import Result, Settings, convert
from converter.catalog import EmptyCatalog, Instance
from converter.mapper.image_series import is_image, selection_of
from converter.selection import Code
from tests.builders import CT, OTHER_SERIES, SEGMENTATION, SERIES, STUDY, dataset
from tests.builders import image as image_item
from tests.builders import report as report_of
from tests.mapper.structure_sets import image

SCT = "http://snomed.info/sct"


def test_a_series_is_its_images_in_their_order() -> None:
    images = [
        image("1.9.2", 6, instance_number=3, patient_id="P1", accession_number="A1"),
        image("1.9.9", 9),
        image("1.9.0", 0, instance_number=1, patient_id="P1", accession_number="A1"),
    ]
    selection = selection_of(images, Settings(endpoint="https://pacs.example/wado"))
    assert [(each.sop_instance_uid, each.number) for each in selection.instances] == [
        ("1.9.0", 1),
        ("1.9.2", 3),
        ("1.9.9", None),
    ]
    assert selection.instances[0].sop_class_uid == CT
    assert selection.key.role == "series"
    assert (selection.series.study_instance_uid, selection.series.series_instance_uid) == (STUDY, SERIES)
    assert selection.code.codings[0].code == "113015"
    assert selection.categories[0].text == "Computed Tomography"
    assert selection.subject is not None
    assert selection.subject.identifier is not None
    assert selection.subject.identifier.value == "P1"
    assert [each.identifier.value for each in selection.based_on if each.identifier] == ["A1"]
    assert selection.endpoints == ("https://pacs.example/wado",)
    assert (selection.issued, selection.performers) == (None, ())
    assert selection_of(images[::-1], Settings()).id == selection.id


def test_only_what_all_images_agree_on_is_stated_of_the_series() -> None:
    chest, lung = "CHEST", "LUNG"
    alike = selection_of(
        [image("1.1", 0, body_part_examined=chest), image("1.2", 3, body_part_examined=chest)], Settings()
    )
    assert alike.frame_of_reference_uid is not None
    assert alike.body_sites[0].codings == (Code(SCT, "816094009", "Chest"),)
    apart = selection_of(
        [
            image("1.1", 0, body_part_examined=chest),
            image("1.2", 3, body_part_examined=lung, frame_of_reference_uid="1.6"),
        ],
        Settings(),
    )
    assert (apart.frame_of_reference_uid, apart.body_sites) == (None, ())


@pytest.mark.parametrize(
    ("instance", "expected"),
    [
        (image("1.1", 0), True),
        (image("1.1", 0, rows=None), False),
        (image("1.1", 0, sop_class_uid=SEGMENTATION, modality="SEG"), False),
        (Instance(sop_instance_uid="1.1", rows=5, sop_class_uid=None, modality="SEG"), False),
    ],
)
def test_segmentations_are_no_images(instance: Instance, expected: bool) -> None:
    assert is_image(instance) is expected


def ct(uid: str, series: str | None, number: int) -> object:
    elements = {
        "SOPClassUID": CT,
        "SOPInstanceUID": uid,
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": series,
        "Modality": "CT",
        "InstanceNumber": number,
        "Rows": 8,
        "Columns": 8,
    }
    return dataset(**{keyword: value for keyword, value in elements.items() if value is not None})


def results(settings: Settings) -> list[Result]:
    given = [
        ct("1.1.2", SERIES, 2),
        report_of(image_item("1.1.2")),
        ct("1.1.1", SERIES, 1),
        ct("1.2.1", OTHER_SERIES, 1),
        ct("1.3.1", None, 1),
    ]
    return list(convert(given, settings))


def test_series_follow_the_objects_when_they_are_asked_for() -> None:
    assert [each.kind for each in results(Settings())] == ["SR"]
    report, first, second = results(Settings(select="series"))
    assert (report.kind, first.kind, second.kind) == ("SR", "SERIES", "SERIES")
    # The file is one of the series' images.
    assert (first.file, second.file) == ("dataset[0]", "dataset[3]")
    (selection,) = first.selections
    resource = selection.to_dict()
    assert resource["seriesUid"] == SERIES
    assert [each["uid"] for each in resource["instance"]] == ["1.1.1", "1.1.2"]
    assert selection.to_resource().model_dump()["id"] == selection.id
    assert second.selections[0].to_dict()["seriesUid"] == OTHER_SERIES


def test_series_count_in_the_summary() -> None:
    conversion = convert([ct("1.1.1", SERIES, 1), ct("1.1.2", SERIES, 2)], Settings(select="series"))
    assert len(list(conversion)) == 1
    assert conversion.summary.objects == {"SERIES": 1}
    assert conversion.summary.total == 1


def test_a_catalog_of_ones_own_lists_no_series() -> None:
    with pytest.raises(ValueError, match="catalog"):
        convert([ct("1.1.1", SERIES, 1)], Settings(select="series"), EmptyCatalog())
