"""Outlines of real segmentations: what is written, rasterised again, is what pydicom and dcmqi decode."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread

from converter import Settings, convert
from converter.batch import Result

Masks = dict[tuple[str, int], NDArray[np.bool_]]
OUTLINES = Settings(outlines=True)


def result_of(sources: Any, settings: Settings = OUTLINES) -> Result:
    (result,) = (each for each in convert(sources, settings) if each.kind == "SEG")
    return result


def rasterised(rings: Iterable[Any], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which pixels' centres have an odd number of edges to their left."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] + 0.5
    inside = np.zeros(shape, np.bool_)
    for ring in rings:
        for (x, y), (next_x, next_y) in pairwise(ring):
            if abs(y - next_y) > 0.5:
                crossed = (rows > min(y, next_y)) & (rows < max(y, next_y))
                inside ^= crossed & (columns > (x + next_x) / 2)
    return inside


# Real objects


def written(path: Path, images: list[Path]) -> list[dict[str, Any]]:
    """Return the outlines of the segmentation as they are written, each with its segment's number."""
    resources = [json.loads(each.to_json()) for each in result_of([path, *images]).selections]
    segments = {each["id"]: each["instance"][0]["subset"][0] for each in resources if "subset" in each["instance"][0]}
    found = []
    for each in resources:
        focused = each.get("focus", [{"reference": ""}])[0]["reference"].removeprefix("ImagingSelection/")
        if "imageRegion3D" in each or any("imageRegion2D" in instance for instance in each["instance"]):
            found.append({**each, "segment": int(segments[focused])})
    return found


def decoded(read: Dataset) -> NDArray[Any]:
    pixels = read.pixel_array
    return pixels if pixels.ndim == 3 else pixels[np.newaxis]


def masks_of(read: Dataset, index: int) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yield the segments of a frame, counted from 0, by pydicom's own decoding."""
    pixels = decoded(read)[index]
    if read.SegmentationType == "LABELMAP":
        yield from ((int(number), pixels == number) for number in np.unique(pixels))
        return
    threshold = read.MaximumFractionalValue / 2 if read.SegmentationType == "FRACTIONAL" else 0.5
    group = read.PerFrameFunctionalGroupsSequence[index]
    yield group.SegmentIdentificationSequence[0].ReferencedSegmentNumber, pixels >= threshold


def planes_of(read: Dataset) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return for each frame the matrix of PS3.3 C.7.6.2.1.1 equation 1 and the position, by the object's own groups."""
    shared = read.SharedFunctionalGroupsSequence[0]
    planes = []
    for group in read.PerFrameFunctionalGroupsSequence:
        if "PlanePositionSequence" in group:
            position = group.PlanePositionSequence[0].ImagePositionPatient
            orientation = shared.PlaneOrientationSequence[0].ImageOrientationPatient
        else:
            slide = group.PlanePositionSlideSequence[0]
            # PS3.3 C.8.12.6.1: x and y in millimetres, z in micrometres.
            units = {"X": 1, "Y": 1, "Z": 1000}
            position = [slide[f"{axis}OffsetInSlideCoordinateSystem"].value / unit for axis, unit in units.items()]
            orientation = read.ImageOrientationSlide
        row_spacing, column_spacing = shared.PixelMeasuresSequence[0].PixelSpacing
        along, down = np.array(orientation, float).reshape(2, 3)
        matrix = np.array([along * float(column_spacing), down * float(row_spacing), np.cross(along, down)]).T
        planes.append((matrix, np.array(position, float)))
    return planes


def in_space(resources: list[dict[str, Any]], read: Dataset) -> Masks:
    """Return masks by (frame, segment) that the polygons are, put back on the frames that they lie in."""
    rings: dict[tuple[int, int], list[Any]] = defaultdict(list)
    planes = planes_of(read)
    for resource in resources:
        for region in resource.get("imageRegion3D", ()):
            assert region["regionType"] == "polygon"
            points = np.array(region["coordinate"]).reshape(-1, 3)
            assert np.array_equal(points[0], points[-1])
            for index, (matrix, position) in enumerate(planes):
                x, y, off = np.linalg.solve(matrix, (points - position).T)
                x, y = x + 0.5, y + 0.5
                inside = min(x.min(), y.min()) > -0.1 and x.max() < read.Columns + 0.1 and y.max() < read.Rows + 0.1
                if inside and np.abs(off).max() < 1e-3 and is_frame_of(read, index, resource["segment"]):
                    rings[index, resource["segment"]].append(np.column_stack([x, y]))
    return {
        (str(frame), number): rasterised(each, (read.Rows, read.Columns)) for (frame, number), each in rings.items()
    }


def is_frame_of(read: Dataset, index: int, number: int) -> bool:
    group = read.PerFrameFunctionalGroupsSequence[index]
    if "SegmentIdentificationSequence" not in group:
        return True
    return bool(group.SegmentIdentificationSequence[0].ReferencedSegmentNumber == number)


def on_images(resources: list[dict[str, Any]], shape: tuple[int, int]) -> Masks:
    """Return masks by (image, segment) that the closed polylines are."""
    rings: dict[tuple[str, int], list[Any]] = defaultdict(list)
    for resource in resources:
        for instance in resource.get("instance", ()):
            for region in instance.get("imageRegion2D", ()):
                assert region["regionType"] == "polyline"
                points = np.array(region["coordinate"]).reshape(-1, 2)
                assert np.array_equal(points[0], points[-1])
                rings[instance["uid"], resource["segment"]].append(points)
    return {key: rasterised(each, shape) for key, each in rings.items()}


SEGMENTATIONS = {
    "highdicom/seg_image_cr_binary.dcm": None,
    "highdicom/seg_image_ct_binary.dcm": None,
    "highdicom/seg_image_ct_binary_fractional.dcm": None,
    "highdicom/seg_image_ct_binary_overlap.dcm": None,
    "highdicom/seg_image_ct_binary_single_frame.dcm": None,
    "highdicom/seg_image_ct_true_fractional.dcm": None,
    "highdicom/seg_image_sm_control.dcm": "highdicom/sm_image_control.dcm",
    "highdicom/seg_image_sm_control_labelmap.dcm": "highdicom/sm_image_control.dcm",
    "highdicom/seg_image_sm_dots.dcm": "highdicom/sm_image_dots.dcm",
    "highdicom/seg_image_sm_numbers.dcm": "highdicom/sm_image_control.dcm",
    "dcmqi/seg/label.seg": "dcmqi/image",
    "dcmqi/seg/label.seg.be7751": "dcmqi/image",
    "dcmqi/segmentations/liver.dcm": "dcmqi/ct-3slice",
    "dcmqi/segmentations/partial_overlaps.dcm": "dcmqi/ct-3slice",
    "dcmqi/sr-example/seg.dcm": None,
    "pydicom-3.0.2/liver_1frame.dcm": "dcmqi/ct-3slice",
    "pydicom-3.0.2/liver_expb_1frame.dcm": "dcmqi/ct-3slice",
}


@pytest.mark.parametrize("name", SEGMENTATIONS)
def test_what_is_written_of_the_corpus_gives_the_decoded_masks(corpus: Path, name: str) -> None:
    images = SEGMENTATIONS[name]
    resources = written(corpus / name, [] if images is None else [corpus / images])
    read = dcmread(corpus / name)
    frames = range(len(decoded(read)))
    numbers = {each.SegmentNumber for each in read.SegmentSequence}
    masks = {(index, number): mask for index in frames for number, mask in masks_of(read, index) if number in numbers}
    if "FrameOfReferenceUID" in read:
        found = in_space(resources, read)
        expected = {(str(index), number): mask for (index, number), mask in masks.items() if mask.any()}
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[key], expected[key]) for key in expected)
    if "TotalPixelMatrixColumns" in read:
        shape = (read.TotalPixelMatrixRows, read.TotalPixelMatrixColumns)
    else:
        shape = (read.Rows, read.Columns)
    expected = {}
    for (index, number), mask in masks.items():
        group = read.PerFrameFunctionalGroupsSequence[index]
        uid = group.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        whole = expected.setdefault((uid, number), np.zeros(shape, np.bool_))
        row, column = 0, 0
        if "PlanePositionSlideSequence" in group:
            slide = group.PlanePositionSlideSequence[0]
            row, column = (slide[f"{side}PositionInTotalImagePixelMatrix"].value - 1 for side in ("Row", "Column"))
        part = mask[: shape[0] - row, : shape[1] - column]
        whole[row : row + part.shape[0], column : column + part.shape[1]] |= part
    # Without its images, and without a word that pixels are theirs, sr-example has no place on them.
    is_placed = name != "dcmqi/sr-example/seg.dcm"
    found = on_images(resources, shape)
    assert found.keys() == ({key for key, mask in expected.items() if mask.any()} if is_placed else set())
    assert all(np.array_equal(mask, expected[key]) for key, mask in found.items())


def test_the_corpus_has_no_other_segmentations(corpus: Path) -> None:
    facts = map(json.loads, (corpus / "facts.jsonl").read_text("utf-8").splitlines())
    assert {each["file"] for each in facts if each["object"] == "SEG"} == SEGMENTATIONS.keys()


def test_what_is_written_gives_the_masks_that_dcmqi_decodes(corpus: Path, tmp_path: Path) -> None:
    tool = shutil.which("segimage2itkimage", path=str(Path(sys.executable).parent)) or shutil.which("segimage2itkimage")
    if tool is None:
        if os.environ.get("CI") == "true":
            pytest.fail("segimage2itkimage is missing: make oracles")
        pytest.skip("compares with dcmqi: make oracles")
    path = corpus / "dcmqi" / "segmentations" / "liver.dcm"
    options = ["--inputDICOM", str(path), "--outputDirectory", str(tmp_path), "--outputType", "nrrd"]
    subprocess.run([tool, *options], check=True, capture_output=True)
    header, _, body = (tmp_path / "1.nrrd").read_bytes().partition(b"\n\n")
    assert b"encoding: gzip" in header
    assert b"sizes: 512 512 3" in header
    volume = np.frombuffer(zlib.decompress(body, wbits=31), np.int16 if b"short" in header else np.uint8)
    found = on_images(written(path, [corpus / "dcmqi" / "ct-3slice"]), (512, 512))
    assert len(found) == 3
    assert sorted(mask.tobytes() for mask in found.values()) == sorted(
        (each != 0).tobytes() for each in volume.reshape(3, 512, 512)
    )
