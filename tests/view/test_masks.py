"""Segments on the images that they derive from, as highdicom has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread

from converter import Settings, convert
from converter.view.picture import Picture
from converter.view.pictures import NO_SEGMENTATION, Pictures
from tests.view.conftest import Resource

LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"


def of_file(file: Path) -> list[Resource]:
    return [each.to_dict() for result in convert(file, Settings()) for each in result.selections]


def segments(file: Path, dicom: Path) -> dict[int, tuple[Picture, ...]]:
    """Return the pictures of each segment by its number."""
    found = {}
    selections = of_file(file)
    with Pictures(selections, dicom) as pictures:
        for each in selections:
            subset = each["instance"][0].get("subset")
            if each["instance"][0]["uid"] == str(dcmread(file).SOPInstanceUID) and subset:
                found[int(subset[0])] = pictures.of(each).pictures
    return found


def by_highdicom(file: Path, number: int, images: list[tuple[str, int | None]], **how: Any) -> NDArray[Any]:
    segmentation = highdicom.seg.segread(file)
    numbers = [number]
    if images[0][1] is None:
        uids = [uid for uid, _ in images]
        found = segmentation.get_pixels_by_source_instance(
            uids, segment_numbers=numbers, assert_missing_frames_are_empty=True, ignore_spatial_locations=True, **how
        )
    else:
        found = segmentation.get_pixels_by_source_frame(
            images[0][0],
            [frame or 1 for _, frame in images],
            segment_numbers=numbers,
            assert_missing_frames_are_empty=True,
            ignore_spatial_locations=True,
            **how,
        )
    pixels: NDArray[Any] = found[..., 0]
    return pixels


@pytest.mark.parametrize(
    "name", ["ct-chest/seg-binary-two-segments.dcm", "ct-chest/seg-label-map.dcm", "mr-breast/seg-of-frames.dcm"]
)
def test_masks_are_those_of_highdicom(testdata: Path, name: str) -> None:
    file = testdata / name
    found = segments(file, file.parent)
    assert found
    for number, pictures in found.items():
        if number == 0:
            # highdicom has no background.
            continue
        places = [(each.sop_instance_uid, each.frame) for each in pictures]
        expected = by_highdicom(file, number, places)
        for picture, pixels in zip(pictures, expected, strict=True):
            (mask,) = picture.masks
            assert mask.segment == number
            assert picture.png is not None
            assert np.array_equal(mask.pixels, pixels.astype(bool))


def test_probabilities_are_those_of_highdicom(testdata: Path) -> None:
    file = testdata / "ct-chest" / "seg-fractional.dcm"
    (pictures,) = segments(file, file.parent).values()
    places = [(each.sop_instance_uid, each.frame) for each in pictures]
    expected = by_highdicom(file, 1, places, rescale_fractional=True)
    assert ((expected > 0) & (expected < 1)).any()
    for picture, pixels in zip(pictures, expected, strict=True):
        assert picture.masks[0].pixels == pytest.approx(pixels, abs=1e-6)


def test_the_background_of_a_label_map_is_what_no_segment_has(testdata: Path) -> None:
    file = testdata / "ct-chest" / "seg-label-map.dcm"
    found = segments(file, file.parent)
    shown = {(each.sop_instance_uid, number): each.masks[0].pixels for number in found for each in found[number]}
    for picture in found[0]:
        others = [shown[key] for key in shown if key[0] == picture.sop_instance_uid and key[1] != 0]
        assert np.array_equal(picture.masks[0].pixels, ~np.any([*others, np.zeros((64, 64), bool)], axis=0))


def test_a_segmentation_without_its_images_lies_on_fields_of_its_size(testdata: Path) -> None:
    file = testdata / "ct-chest" / "seg-binary-two-segments.dcm"
    for pictures in segments(file, file).values():
        for picture in pictures:
            assert picture.png is None
            assert (picture.columns, picture.rows) == (64, 64)
            assert picture.masks[0].pixels.any()


def test_a_segmentation_that_names_no_images_lies_on_its_own_pixels(testdata: Path) -> None:
    file = testdata / "sm-slide" / "seg-tiled.dcm"
    (pictures,) = segments(file, file.parent).values()
    uid = str(dcmread(file).SOPInstanceUID)
    assert [(each.sop_instance_uid, each.frame) for each in pictures] == [(uid, frame) for frame in (1, 2, 3, 4)]
    stored = dcmread(file).pixel_array
    for picture, pixels in zip(pictures, stored, strict=True):
        assert np.array_equal(picture.masks[0].pixels, pixels == 1)


def test_a_segmentation_that_is_not_there_is_noted(testdata: Path, tmp_path: Path) -> None:
    selections = of_file(testdata / "ct-chest" / "seg-fractional.dcm")
    with Pictures(selections, tmp_path) as pictures:
        assert pictures.of(selections[0]).notes == (NO_SEGMENTATION,)


def test_real_segments_lie_on_their_slices(corpus: Path) -> None:
    file = corpus / "dcmqi" / "segmentations" / "liver.dcm"
    (pictures,) = segments(file, corpus / "dcmqi").values()
    expected = by_highdicom(file, 1, [(each.sop_instance_uid, None) for each in pictures])
    assert len(pictures) == 3
    for picture, pixels in zip(pictures, expected, strict=True):
        assert picture.png is not None
        assert np.array_equal(picture.masks[0].pixels, pixels.astype(bool))
