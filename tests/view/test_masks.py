"""Segments on the images that they derive from, as highdicom has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from converter import Settings, convert
from converter.view.picture import Picture
from converter.view.pictures import NO_SEGMENTATION, Pictures
from tests.builders import IMAGE_1, IMAGE_2, SEGMENTATION, STUDY, dataset, written
from tests.view.conftest import Resource
from tests.view.test_images import ct


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


class TestOtherGrids:
    """A CT of 4 by 4 pixels of 2 mm, its corner pixel's centre at (0, 0, 5), and a segmentation of one frame."""

    def image(self) -> Dataset:
        return ct(
            np.zeros((4, 4), np.uint16),
            ImagePositionPatient=[0, 0, 5],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            PixelSpacing=[2, 2],
            SliceThickness=2,
        )

    def segmentation(
        self, pixels: list[list[int]], position: list[float] | None, spacing: float, *others: Dataset, **of: Any
    ) -> Dataset:
        stored = np.array(pixels, np.uint8)
        frame = dataset(
            SegmentIdentificationSequence=[dataset(ReferencedSegmentNumber=1)],
            DerivationImageSequence=[
                dataset(SourceImageSequence=[dataset(ReferencedSOPInstanceUID=IMAGE_1, **of), *others])
            ],
        )
        built = dataset(
            SOPClassUID=SEGMENTATION,
            SOPInstanceUID="1.2.9",
            StudyInstanceUID=STUDY,
            SeriesInstanceUID="1.2.8",
            Modality="SEG",
            SegmentationType="BINARY",
            SegmentSequence=[dataset(SegmentNumber=1, SegmentLabel="what")],
            SamplesPerPixel=1,
            PhotometricInterpretation="MONOCHROME2",
            NumberOfFrames=1,
            Rows=stored.shape[0],
            Columns=stored.shape[1],
            BitsAllocated=1,
            BitsStored=1,
            HighBit=0,
            PixelRepresentation=0,
            PixelData=np.packbits(stored.ravel(), bitorder="little").tobytes().ljust(8, bytes(1)),
        )
        built["PixelData"].VR = "OB"
        if position is not None:
            frame.PlanePositionSequence = [dataset(ImagePositionPatient=position)]
            frame.PlaneOrientationSequence = [dataset(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])]
            frame.PixelMeasuresSequence = [dataset(PixelSpacing=[spacing, spacing], SliceThickness=2)]
        built.PerFrameFunctionalGroupsSequence = [frame]
        return built

    def shown(self, folder: Path, built: Dataset) -> Picture:
        (folder / "image").write_bytes(written(self.image()))
        (folder / "segmentation").write_bytes(written(built))
        (picture,) = segments(folder / "segmentation", folder)[1]
        return picture

    def test_finer_pixels_are_resampled_to_those_of_the_image(self, tmp_path: Path) -> None:
        pixels = [[1, 0, 0, 1], [0, 0, 0, 0]]
        picture = self.shown(tmp_path, self.segmentation(pixels, [4, 2, 5], 1.0))
        assert picture.sop_instance_uid == IMAGE_1
        # Centres of the image's pixels at 0, 2, 4, 6 mm: (4, 2) is the mask's (0, 0), (6, 2) its (2, 0).
        assert np.argwhere(picture.masks[0].pixels).tolist() == [[1, 2]]

    def test_coarser_pixels_fill_all_that_they_cover(self, tmp_path: Path) -> None:
        # Pixels of 4 mm centred on (1, 1) and (5, 1): the second is columns 2 and 3, rows 0 and 1.
        picture = self.shown(tmp_path, self.segmentation([[0, 1]], [1, 1, 5], 4.0))
        assert np.argwhere(picture.masks[0].pixels).tolist() == [[0, 2], [0, 3], [1, 2], [1, 3]]

    def test_a_frame_in_another_plane_is_not_put_on_the_image(self, tmp_path: Path) -> None:
        picture = self.shown(tmp_path, self.segmentation([[1] * 4] * 4, [0, 0, 8], 2.0))
        assert (picture.sop_instance_uid, picture.columns, picture.rows) == ("1.2.9", 4, 4)

    def test_without_planes_pixels_of_the_same_number_are_the_same(self, tmp_path: Path) -> None:
        picture = self.shown(tmp_path, self.segmentation([[0, 1, 0, 0]] * 4, None, 2.0))
        assert picture.sop_instance_uid == IMAGE_1
        assert np.argwhere(picture.masks[0].pixels)[:, 1].tolist() == [1, 1, 1, 1]

    def test_without_planes_pixels_that_moved_are_not_put_on_the_image(self, tmp_path: Path) -> None:
        built = self.segmentation([[0, 1, 0, 0]] * 4, None, 2.0, SpatialLocationsPreserved="NO")
        assert self.shown(tmp_path, built).sop_instance_uid == "1.2.9"

    def test_without_planes_it_is_none_of_several_images(self, tmp_path: Path) -> None:
        other = dataset(ReferencedSOPInstanceUID=IMAGE_2)
        built = self.segmentation([[0, 1, 0, 0]] * 4, None, 2.0, other)
        assert self.shown(tmp_path, built).sop_instance_uid == "1.2.9"

    def test_planes_tell_which_of_several_images_it_is(self, tmp_path: Path) -> None:
        above = self.image()
        above.SOPInstanceUID, above.ImagePositionPatient = IMAGE_2, [0, 0, 7]
        (tmp_path / "above").write_bytes(written(above))
        other = dataset(ReferencedSOPInstanceUID=IMAGE_2)
        built = self.segmentation([[0, 1, 0, 0]] * 4, [0, 0, 7], 2.0, other)
        assert self.shown(tmp_path, built).sop_instance_uid == IMAGE_2

    def test_planes_in_another_frame_of_reference_tell_nothing(self, tmp_path: Path) -> None:
        # Elsewhere, but in another space: its pixels are taken to be those of its only source.
        built = self.segmentation([[0, 1, 0, 0]] * 4, [0, 0, 99], 2.0)
        built.FrameOfReferenceUID = "1.2.7"
        image = self.image()
        image.FrameOfReferenceUID = "1.2.6"
        (tmp_path / "image").write_bytes(written(image))
        (tmp_path / "segmentation").write_bytes(written(built))
        (picture,) = segments(tmp_path / "segmentation", tmp_path)[1]
        assert picture.sop_instance_uid == IMAGE_1
