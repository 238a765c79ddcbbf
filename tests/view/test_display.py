"""From stored values to the screen: by hand, and as DCMTK shows them."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset, dcmread

from converter.view.display import Frame, displayed, window
from converter.view.images import Images
from converter.view.picture import PictureError
from tests.builders import IMAGE_1, IMAGE_2, dataset

RAMP = np.array([[0, 100, 200, 300]], np.uint16)


def shown(pixels: NDArray[Any] = RAMP, state: Dataset | None = None, number: int = 1, **elements: Any) -> list[int]:
    stated = {"PhotometricInterpretation": "MONOCHROME2", "BitsStored": 12, **elements}
    row: list[int] = displayed(Frame(pixels, dataset(**stated), IMAGE_1, number, state))[0].tolist()
    return row


class TestWindow:
    # PS3.3 C.11.2.1.2.1: center 40, width 400 gives the least at or below -160, the greatest above 239.
    def test_linear_is_as_the_standard_has_it(self) -> None:
        values = np.array([-161.0, -160.0, 39.5, 239.0, 240.0])
        assert window(values, 40, 400).tolist() == [0, 0, 0.5, 1, 1]

    def test_linear_of_width_1_is_a_threshold(self) -> None:
        # x <= c - 0.5 is the least, all else the greatest.
        assert window(np.array([9.0, 9.5, 9.6, 10.0]), 10, 1).tolist() == [0, 0, 1, 1]

    def test_linear_exact_is_as_the_standard_has_it(self) -> None:
        assert window(np.array([-160.0, 40.0, 240.0]), 40, 400, "LINEAR_EXACT").tolist() == [0, 0.5, 1]

    def test_sigmoid_is_as_the_standard_has_it(self) -> None:
        # 1 / (1 + e^(-4 (140 - 40) / 400)) = 1 / (1 + 1/e).
        assert window(np.array([40.0, 140.0]), 40, 400, "SIGMOID") == pytest.approx([0.5, 0.7310585786])

    def test_sigmoid_far_out_is_black_or_white(self) -> None:
        assert window(np.array([-1e30, 1e30]), 40, 400, "SIGMOID") == pytest.approx([0, 1])


class TestSteps:
    def test_rescaled_before_the_window(self) -> None:
        # 0, 200, 400, 600 less 100: with center 200 and width 401 from 0 at -0.5 to 1 at 399.5.
        stated: Any = {"RescaleSlope": "2", "RescaleIntercept": "-100", "WindowCenter": "200", "WindowWidth": "401"}
        assert shown(**stated) == [0, 64, 192, 255]

    def test_without_a_window_all_values_of_the_frame(self) -> None:
        assert shown() == [0, 85, 170, 255]

    def test_padding_does_not_count(self) -> None:
        assert shown(PixelPaddingValue=0) == [0, 0, 128, 255]

    def test_eight_bits_without_a_window_as_they_are(self) -> None:
        assert shown(np.array([[0, 7, 200]], np.uint8), BitsStored=8) == [0, 7, 200]

    def test_a_window_of_no_width_is_none(self) -> None:
        assert shown(WindowCenter="100", WindowWidth="0") == [0, 85, 170, 255]

    def test_the_first_of_several_windows(self) -> None:
        assert shown(WindowCenter=["150", "9"], WindowWidth=["301", "9"]) == [0, 85, 170, 255]

    def test_monochrome1_is_inverted(self) -> None:
        assert shown(PhotometricInterpretation="MONOCHROME1") == [255, 170, 85, 0]

    def test_a_voi_lookup_table(self) -> None:
        # Values below 100 get its first entry, beyond its end the last; 8 bits.
        table = dataset(LUTDescriptor=[3, 100, 8], LUTData=[10, 20, 30])
        pixels = np.array([[0, 100, 101, 300]], np.uint16)
        assert shown(pixels, VOILUTSequence=[table]) == [10, 10, 20, 30]

    def test_a_modality_lookup_table(self) -> None:
        table = dataset(LUTDescriptor=[4, 0, 16], LUTData=[0, 1000, 500, 1000])
        pixels = np.array([[0, 1, 2, 3]], np.uint16)
        assert shown(pixels, ModalityLUTSequence=[table]) == [0, 255, 128, 255]

    def test_a_lookup_table_that_is_broken_is_passed_over(self) -> None:
        table = dataset(LUTDescriptor=[400, 0, 16], LUTData=[0, 1])
        assert shown(VOILUTSequence=[table], WindowCenter="150", WindowWidth="301") == [0, 85, 170, 255]

    def test_a_frame_has_its_own_window(self) -> None:
        groups = [
            dataset(FrameVOILUTSequence=[dataset(WindowCenter=str(center), WindowWidth="2")]) for center in (50, 250)
        ]
        elements: dict[str, Any] = {
            "PerFrameFunctionalGroupsSequence": groups,
            "WindowCenter": "150",
            "WindowWidth": "301",
        }
        assert shown(number=1, **elements) == [0, 255, 255, 255]
        assert shown(number=2, **elements) == [0, 0, 0, 255]

    def test_values_that_are_no_numbers_are_black(self) -> None:
        assert shown(np.array([[np.nan, 1.0, 3.0]])) == [0, 0, 255]

    def test_deep_colours_become_bytes(self) -> None:
        pixels = np.array([[[0, 32768, 65535]]], np.uint16)
        assert displayed(Frame(pixels, dataset(BitsStored=16), IMAGE_1)).tolist() == [[[0, 128, 255]]]

    def test_a_palette_colours(self) -> None:
        red, other = (255 << 8).to_bytes(2, "little"), bytes(2)
        palette = {f"{name}PaletteColorLookupTableDescriptor": [2, 0, 16] for name in ("Red", "Green", "Blue")}
        data = {
            "RedPaletteColorLookupTableData": other + red,
            "GreenPaletteColorLookupTableData": bytes(4),
            "BluePaletteColorLookupTableData": bytes(4),
        }
        stated = dataset(PhotometricInterpretation="PALETTE COLOR", **palette, **data)
        frame = Frame(np.array([[0, 1]], np.uint8), stated, IMAGE_1)
        assert displayed(frame).tolist() == [[[0, 0, 0], [255, 0, 0]]]

    def test_a_palette_that_is_missing_is_no_picture(self) -> None:
        frame = Frame(np.array([[0]], np.uint8), dataset(PhotometricInterpretation="PALETTE COLOR"), IMAGE_1)
        with pytest.raises(PictureError, match="cannot be decoded"):
            displayed(frame)


class TestPresentationState:
    def state(self, *items: Dataset, **elements: Any) -> Dataset:
        return dataset(SoftcopyVOILUTSequence=list(items), **elements)

    def item(self, center: int, *images: Dataset) -> Dataset:
        stated = dataset(WindowCenter=str(center), WindowWidth="2")
        if images:
            stated.ReferencedImageSequence = list(images)
        return stated

    def test_its_window_wins(self) -> None:
        assert shown(state=self.state(self.item(250)), WindowCenter="50", WindowWidth="2") == [0, 0, 0, 255]

    def test_a_window_for_another_image_does_not_apply(self) -> None:
        other = self.item(250, dataset(ReferencedSOPInstanceUID=IMAGE_2))
        assert shown(state=self.state(other), WindowCenter="50", WindowWidth="2") == [0, 255, 255, 255]

    def test_a_window_for_this_image_wins_over_one_for_all(self) -> None:
        own = self.item(150, dataset(ReferencedSOPInstanceUID=IMAGE_1))
        assert shown(state=self.state(self.item(250), own)) == [0, 0, 255, 255]

    def test_a_window_for_a_frame_is_for_that_frame(self) -> None:
        own = self.item(150, dataset(ReferencedSOPInstanceUID=IMAGE_1, ReferencedFrameNumber="2"))
        state = self.state(self.item(250), own)
        assert shown(state=state, number=2) == [0, 0, 255, 255]
        assert shown(state=state, number=1) == [0, 0, 0, 255]

    def test_its_rescale_slope_wins(self) -> None:
        state = self.state(self.item(250), RescaleSlope="2", RescaleIntercept="0")
        assert shown(state=state) == [0, 0, 255, 255]

    def test_its_polarity_wins(self) -> None:
        # PS3.3 C.11.6: its P-values come of the Presentation LUT, whatever the photometric interpretation.
        inverse = self.state(self.item(150), PresentationLUTShape="INVERSE")
        identity = self.state(self.item(150), PresentationLUTShape="IDENTITY")
        assert shown(state=inverse) == [255, 255, 0, 0]
        assert shown(state=identity, PhotometricInterpretation="MONOCHROME1") == [0, 0, 255, 255]


def dcmtk(tool: str) -> str:
    found = shutil.which(tool)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("DCMTK is not installed")
        pytest.skip("needs DCMTK")
    return found


def run(tool: str, *arguments: str | Path) -> bytes:
    return subprocess.run([dcmtk(tool), *map(str, arguments)], capture_output=True, check=True).stdout


def image_of(data: bytes | Path) -> NDArray[np.int16]:
    with Image.open(io.BytesIO(data) if isinstance(data, bytes) else data) as opened:
        return np.asarray(opened).astype(np.int16)


def displayed_as_stored(file: Path, state: Dataset | None = None) -> NDArray[np.int16]:
    uid = str(dcmread(file, stop_before_pixels=True, force=True).SOPInstanceUID)
    with Images(file) as images:
        frame = Frame(images.pixels(uid), images.dataset(uid), uid, 1, state)
    return displayed(frame).astype(np.int16)


# One of each kind: rescaled with a window, signed, MONOCHROME1, big endian, deflated, run-length encoded of 32 bits.
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("dcmqi/ct-3slice/01.dcm", ("+Wi", "1")),
        ("pydicom-3.0.2/17106", ("+Wi", "1")),
        ("rt-utils/mock_data/ct_1.dcm", ("+Wi", "1")),
        ("pydicom-3.0.2/6154", ("+Wi", "1")),
        ("odd/pydicom-3.0.2-MR_small_bigendian.dcm", ("+Wi", "1")),
        ("odd/pydicom-3.0.2-image_dfl.dcm", ("-W",)),
        ("clearcanvas/real01.dcm", ("-W",)),
        ("highdicom/ct_image.dcm", ("+Wm",)),
        ("pydicom-3.0.2/rtdose_rle_1frame.dcm", ("+Wm",)),
        ("highdicom/sm_image.dcm", ()),
    ],
)
def test_real_images_look_as_in_dcmtk(corpus: Path, name: str, options: tuple[str, ...]) -> None:
    file = corpus / name
    ours, theirs = displayed_as_stored(file), image_of(run("dcm2pnm", "-q", *options, file))
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= 1


@pytest.mark.parametrize("number", [1, 4])
def test_real_presentation_states_look_as_in_dcmtk(corpus: Path, number: int, tmp_path: Path) -> None:
    file, state = (corpus / "clearcanvas" / f"real0{number}{suffix}.dcm" for suffix in ("", ".pr"))
    run("dcmp2pgm", "-p", state, file, tmp_path / "shown.pgm")
    ours = displayed_as_stored(file, dcmread(state))
    assert np.abs(ours - image_of(tmp_path / "shown.pgm")).max() <= 1


@pytest.mark.parametrize("polarity", ["INVERSE", "IDENTITY"])
def test_the_polarity_of_a_state_is_that_of_dcmtk(corpus: Path, polarity: str, tmp_path: Path) -> None:
    # A MONOCHROME1 image, and the state that DCMTK makes of it.
    file, state = corpus / "pydicom-3.0.2" / "6154", tmp_path / "state.dcm"
    run("dcmpsmk", file, state)
    run("dcmodify", "-nb", "-m", f"(2050,0020)={polarity}", state)
    run("dcmp2pgm", "-p", state, file, tmp_path / "shown.pgm")
    ours = displayed_as_stored(file, dcmread(state))
    assert np.abs(ours - image_of(tmp_path / "shown.pgm")).max() <= 1
