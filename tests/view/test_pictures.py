"""What there is to see of selections: frames, placeholders, windows; of any release, however broken."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread

from converter import Settings, convert
from converter.view import images as texts
from converter.view.picture import Picture, Pictured, PictureError
from converter.view.pictures import FEWER_PICTURES, FEWER_SHAPES, FIRST_FRAME, NO_SLICE, Pictures
from converter.view.selected import REGION_UNREADABLE
from converter.view.shapes import MOST_POINTS, THINNED
from tests.view.conftest import Resource

CT = "urn:oid:1.2.840.10008.5.1.4.1.1.2"
RELEASES = ("6.0.0-ballot2", "6.0.0-ballot4", "5.0.0", "4.0.1")


def selection(*instances: Resource, **elements: Any) -> Resource:
    return {"resourceType": "ImagingSelection", "id": "one", "instance": list(instances), **elements}


def instance(*regions: tuple[str, Sequence[float]], uid: str = "1.2.3", **elements: Any) -> Resource:
    stated = [{"regionType": kind, "coordinate": list(numbers)} for kind, numbers in regions]
    return {"uid": uid, "sopClass": CT, "imageRegion2D": stated, **elements}


def instances(resource: Resource) -> list[Resource]:
    stated: list[Resource] = resource.get("instance", [{}])
    return stated


def pictured(resource: Resource, most: int = 64) -> Pictured:
    with Pictures([resource], None, most=most) as pictures:
        return pictures.of(resource)


def gray(picture: Picture) -> NDArray[np.uint8]:
    png, _ = picture.decoded()
    assert png is not None
    return np.asarray(Image.open(io.BytesIO(png)))


def of_file(pictures: Pictures, resources: list[Resource], text: str) -> list[Pictured]:
    return [pictures.of(each) for each in resources if each["code"]["text"] == text]


def uid_of(resources: list[Resource], sop_class: str, number: int) -> str:
    return next(
        str(each["uid"])
        for resource in resources
        for each in instances(resource)
        if each.get("sopClass", "").endswith(sop_class) and each.get("number") == number
    )


def slide_space(resources: list[Resource]) -> str:
    return next(
        str(each["frameOfReferenceUid"])
        for each in resources
        if instances(each)[0].get("sopClass", "").endswith(".77.1.6") and "frameOfReferenceUid" in each
    )


class TestFrames:
    def test_regions_lie_on_the_frames_that_are_named(self, pictures: Pictures, resources: list[Resource]) -> None:
        # sr-enhanced-frames.dcm: a circle on frame 4 of 5.
        (found,) = (
            pictures.of(each)
            for each in resources
            if each["code"]["text"] == "Image Region"
            and instances(each)[0].get("subset") == ["4"]
            and instances(each)[0]["sopClass"].endswith(".1.4.1")
        )
        (picture,) = found.pictures
        assert (picture.frame, picture.columns, picture.rows) == (4, 32, 32)
        (circle,) = picture.shapes
        assert circle.type == "circle"
        assert circle.points.tolist() == [[15.5, 15.5], [19.5, 15.5]]
        assert circle.element == "ImagingSelection.instance[0].imageRegion2D[0]"
        assert circle.label == "Image Region"

    def test_of_all_frames_the_first_is_shown(self, pictures: Pictures, resources: list[Resource]) -> None:
        whole = next(
            each
            for each in resources
            if each.get("instance", [{}])[0].get("sopClass", "").endswith(".12.1")
            and "subset" not in each["instance"][0]
        )
        found = pictures.of(whole)
        assert [each.frame for each in found.pictures] == [1]
        assert FIRST_FRAME in found.notes

    def test_an_image_of_one_frame_has_no_number(self, pictures: Pictures, resources: list[Resource]) -> None:
        (found,) = of_file(pictures, resources, "Length")
        assert [each.frame for each in found.pictures] == [None]

    def test_no_more_frames_than_asked_for(self) -> None:
        resource = selection(instance(subset=[str(number) for number in range(1, 100)]))
        found = pictured(resource, most=5)
        assert [each.frame for each in found.pictures] == [1, 2, 3, 4, 5]
        assert found.notes == (FEWER_PICTURES,)

    @pytest.mark.parametrize("name", ["sm-2x2-tiles.dcm", "sm-sparse.dcm"])
    def test_a_small_slide_is_put_together(self, testdata: Path, name: str) -> None:
        file = testdata / "sm-slide" / name
        dataset = dcmread(file)
        resource = selection(instance(uid=str(dataset.SOPInstanceUID)))
        with Pictures([resource], file) as pictures:
            (picture,) = pictures.of(resource).pictures
            assert (picture.columns, picture.rows, picture.frame) == (64, 64, None)
            shown = gray(picture)
        # As the builders lay the tiles: four in their order, or three, of which the second lies over the third, and
        # one that is in another focal plane.
        corners = [(0, 0), (0, 32), (32, 0), (32, 32)] if "2x2" in name else [(32, 32), (0, 0), (0, 16)]
        expected = np.zeros((64, 64), np.uint8)
        for (row, column), tile in reversed(list(zip(corners, dataset.pixel_array, strict=False))):
            expected[row : row + 32, column : column + 32] = tile
        assert np.array_equal(shown, expected)

    def test_a_large_slide_is_a_field_of_its_total_size(self, testdata: Path, tmp_path: Path) -> None:
        dataset = dcmread(testdata / "sm-slide" / "sm-2x2-tiles.dcm")
        dataset.TotalPixelMatrixColumns, dataset.TotalPixelMatrixRows = 40_000, 30_000
        dataset.save_as(tmp_path / "slide.dcm")
        resource = selection(instance(("point", [20_000, 10]), uid=str(dataset.SOPInstanceUID)))
        with Pictures([resource], tmp_path) as pictures:
            (picture,) = pictures.of(resource).pictures
        assert (picture.columns, picture.rows, picture.missing) == (40_000, 30_000, texts.WHOLE_SLIDE)

    def test_a_region_in_a_slides_space_lies_on_the_slide(self, pictures: Pictures, resources: list[Resource]) -> None:
        on_slide = [
            pictures.of(each)
            for each in resources
            if "imageRegion3D" in each and each["frameOfReferenceUid"] == slide_space(resources)
        ]
        assert on_slide
        for found in on_slide:
            assert {(each.columns, each.rows) for each in found.pictures} == {(64, 64)}
            # There is no front, left or head of a slide.
            assert found.sketches == ()

    @pytest.mark.parametrize("sop_class", ["88.34", "9.1.2", "481.3", "11.1"])
    def test_reports_waveforms_structures_and_states_have_no_picture(
        self, pictures: Pictures, resources: list[Resource], sop_class: str
    ) -> None:
        named = [
            each
            for each in resources
            if each.get("instance") and all(i["sopClass"].endswith(f".1.{sop_class}") for i in each["instance"])
        ]
        assert named
        assert all(pictures.of(each) == Pictured() or pictures.of(each).pictures == () for each in named)


class TestRegionsInSpace:
    def test_a_surface_is_cut_by_the_slices_of_its_series(self, pictures: Pictures, resources: list[Resource]) -> None:
        # sr-tid1500-regions-3d.dcm: 20, 15, 7.5 mm around (0, 0, 10); slices 2, 3 and 4 at 5, 10 and 15 mm.
        (found,) = of_file(pictures, resources, "Volume Surface")
        expected = [uid_of(resources, ".1.1.2", number) for number in (2, 3, 4)]
        # It names no images: those of all series of the study that it reaches.
        cut = [each for each in found.pictures if each.sop_instance_uid in expected]
        assert [each.sop_instance_uid for each in cut] == expected
        assert len({each.sop_instance_uid for each in found.pictures}) == 4
        assert cut[1].shapes[0].points.mean(axis=0) == pytest.approx([32, 32])
        assert [each.view for each in found.sketches] == ["axial", "coronal", "sagittal"]

    def test_holes_are_rings_of_their_own(self, pictures: Pictures, resources: list[Resource]) -> None:
        (found,) = (
            pictures.of(each)
            for each in resources
            if "exclusive or" in each["code"]["text"] and "imageRegion3D" in each
        )
        (picture,) = (each for each in found.pictures if each.shapes)
        outer, inner = (each.points for each in picture.shapes)
        assert outer.min(axis=0).tolist() == [28, 28]
        assert inner.min(axis=0).tolist() == [30, 30]

    def test_all_releases_show_the_same(self, testdata: Path) -> None:
        shown = []
        for release in RELEASES:
            resources = [
                each.to_dict()
                for result in convert(testdata / "ct-chest", Settings(fhir=release))
                for each in result.selections
                # ballot4 has no segment 0, the background of a label map.
                if each.selection.code.text != "Background"
            ]
            with Pictures(resources, testdata / "ct-chest") as pictures:
                shown.append(
                    {
                        (p.selection_id, p.sop_instance_uid, p.frame): (
                            len(p.masks),
                            np.concatenate([np.zeros((0, 2)), *(s.points for s in p.shapes)]).round(6).tolist(),
                        )
                        for each in resources
                        for p in pictures.of(each).pictures
                        if p.shapes or p.masks
                    }
                )
        assert len(shown[0]) > 60
        assert shown[1] == shown[0]
        assert shown[3] == shown[2]
        # R5 has no multipoint: the same points all the same, each a region.
        assert {key: sorted(value[1]) for key, value in shown[2].items()} == {
            key: sorted(value[1]) for key, value in shown[0].items()
        }

    def test_a_region_on_no_slice_is_noted(self) -> None:
        resource = selection(
            frameOfReferenceUid="1.2", imageRegion3D=[{"regionType": "point", "coordinate": [1, 2, 3]}]
        )
        found = pictured(resource)
        assert (found.pictures, found.notes, len(found.sketches)) == ((), (NO_SLICE,), 3)


class TestMissing:
    def test_an_image_that_is_not_there_has_room_for_all_regions(self) -> None:
        # 40.5 across and 20 down, the circle to 30 + 12.
        regions = (("polyline", [1, 2, 40.5, 20]), ("circle", [30, 10, 42, 10]))
        (picture,) = pictured(selection(instance(*regions))).pictures
        assert (picture.columns, picture.rows) == (43, 23)
        assert picture.decoded() == (None, texts.NOT_THERE)

    def test_an_image_that_is_there_keeps_its_size(self, testdata: Path, resources: list[Resource]) -> None:
        uid = uid_of(resources, ".1.1.2", 1)
        resource = selection(instance(("point", [900, 900]), uid=uid))
        with Pictures([resource], testdata / "ct-chest") as pictures:
            (picture,) = pictures.of(resource).pictures
            assert (picture.columns, picture.rows, picture.missing) == (64, 64, None)

    def test_an_image_that_cannot_be_decoded_shows_when_it_is(self, corpus: Path) -> None:
        file = corpus / "odd" / "pydicom-3.0.2-MR_truncated.dcm"
        uid = "1.3.6.1.4.1.5962.1.1.4.1.1.20040826185059.5457"
        resource = selection(instance(uid=uid))
        with Pictures([resource], file) as pictures:
            (picture,) = pictures.of(resource).pictures
            assert picture.png is not None
            assert picture.decoded() == (None, texts.NOT_DECODED)
            with pytest.raises(PictureError, match="cannot be decoded"):
                picture.png()


class TestWindows:
    def test_what_a_presentation_state_made_is_shown_by_its_window(self, corpus: Path) -> None:
        # clearcanvas/real04.pr.dcm: center 116, width 232 (LINEAR) on 8 bits without a window of their own.
        folder = corpus / "clearcanvas"
        resources = [
            each.to_dict()
            for name in ("real04.pr.dcm",)
            for result in convert(folder / name)
            for each in result.selections
        ]
        regions = next(each for each in resources if each.get("instance", [{}])[0].get("imageRegion2D"))
        plain = selection(instance(uid=regions["instance"][0]["uid"]))
        with Pictures([*resources, plain], folder) as pictures:
            (windowed,), (own,) = pictures.of(regions).pictures, pictures.of(plain).pictures
            stored = gray(own).astype(float)
            expected = np.clip((stored - 115.5) / 231 + 0.5, 0, 1) * 255
            assert np.abs(gray(windowed) - expected).max() <= 0.5
            # Without the selection of the state itself nothing says which made it.
            with Pictures([regions], folder) as alone:
                assert np.array_equal(gray(alone.of(regions).pictures[0]), gray(own))


class TestOddResources:
    @pytest.mark.parametrize(
        "region",
        [
            ("point", [1]),
            ("point", [1, 2, 3, 4]),
            ("circle", [1, 2]),
            ("ellipse", [1, 2, 3, 4, 5, 6]),
            ("polyline", [1, 2, 3]),
            ("polyline", []),
            ("polyline", ["1", "2"]),
            ("polyline", [float("nan"), 1]),
            ("polyline", [1e300, 1]),
            ("polyline", [[1, 2], [3]]),
            ("sphere", [1, 2]),
            (None, [1, 2]),
            ("point", None),
        ],
        ids=str,
    )
    def test_a_region_that_cannot_be_read_is_noted(self, region: tuple[Any, Any]) -> None:
        kind, coordinates = region
        resource = selection({"uid": "1.2", "imageRegion2D": [{"regionType": kind, "coordinate": coordinates}]})
        found = pictured(resource)
        assert found.notes == (REGION_UNREADABLE,)
        assert [each.shapes for each in found.pictures] == [()]

    def test_a_million_points_are_thinned_and_said_to_be(self) -> None:
        points = np.arange(2_000_000) % 5000
        (picture,) = pictured(selection(instance(("multipoint", points.tolist())))).pictures
        assert len(picture.shapes[0].points) == MOST_POINTS
        assert picture.notes == (THINNED,)

    def test_of_very_many_regions_the_first_are_drawn_and_it_is_said(self) -> None:
        (picture,) = pictured(selection(instance(*[("point", [n % 9, 2]) for n in range(3000)]))).pictures
        assert len(picture.shapes) == 2000
        assert picture.notes == (FEWER_SHAPES,)

    def test_free_text_is_no_label(self) -> None:
        resource = selection(instance(("point", [1, 2])), code={"text": "Doe^John"})
        assert pictured(resource).pictures[0].shapes[0].label is None

    json = st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=6,
    )
    names = st.sampled_from(
        ["id", "code", "category", "focus", "studyUid", "seriesUid", "frameOfReferenceUid", "imageRegion3D", "instance"]
    )
    inner = st.dictionaries(
        st.sampled_from(["uid", "subset", "sopClass", "frameNumber", "segmentNumber", "imageRegion2D", "regionType"]),
        json,
        max_size=4,
    )

    @settings(max_examples=150, deadline=None)
    @given(elements=st.dictionaries(names, json | st.lists(inner, max_size=2), max_size=5))
    @pytest.mark.parametrize("kind", ["ImagingSelection", "Basic"])
    def test_whatever_a_resource_holds_it_is_shown_or_noted(self, kind: str, elements: dict[str, Any]) -> None:
        with Pictures([{"resourceType": kind, **elements}], None) as pictures:
            found = pictures.of({"resourceType": kind, **elements})
        assert all(each.missing in (texts.NOT_THERE, None) for each in found.pictures)


def summary(resources: list[Resource], folder: Path) -> tuple[Counter[str], dict[str, set[str]]]:
    """Return how many pictures are shown, or why not, and of which objects they are."""
    counts: Counter[str] = Counter()
    objects: dict[str, set[str]] = {}
    with Pictures(resources, folder) as pictures:
        for each in resources:
            found = pictures.of(each)
            counts["sketches"] += len(found.sketches)
            counts["nothing"] += not found.pictures and not found.sketches
            for picture in found.pictures:
                png, missing = picture.decoded()
                counts[missing or "shown"] += 1
                objects.setdefault(missing or "shown", set()).add(picture.sop_instance_uid)
                if png is not None:
                    assert Image.open(io.BytesIO(png)).size == (picture.columns, picture.rows)
    return counts, objects


def test_every_frame_of_the_synthetic_studies_has_its_picture(
    testdata: Path, pictures: Pictures, resources: list[Resource]
) -> None:
    # All images are there: none is missing.
    counts, _ = summary(resources, testdata)
    assert set(counts) == {"shown", "sketches", "nothing"}
    # Every image that is selected is shown, and every frame that is named. CT, enhanced MR, MR, XA, MG, SM, XC, SC.
    classes = ("1.1.2", "1.1.4.1", "1.1.4", "1.1.12.1", "1.1.1.2", "1.1.77.1.6", "1.1.77.1.4", "1.1.7")
    for each in resources:
        shown = {(picture.sop_instance_uid, picture.frame or 1) for picture in pictures.of(each).pictures}
        for one in instances(each):
            if one.get("sopClass", "").removeprefix("urn:oid:1.2.840.10008.5.1.4.") in classes:
                assert {(one["uid"], int(frame)) for frame in one.get("subset", ["1"])} <= shown


def test_every_selection_of_the_corpus_has_its_picture_or_says_why(corpus: Path) -> None:
    resources = [each.to_dict() for result in convert(corpus) for each in result.selections]
    counts, objects = summary(resources, corpus)
    assert counts == {"shown": 438, texts.NOT_THERE: 164, "sketches": 27, "nothing": 137}
    # Which objects are there, as pydicom reads them.
    there = {
        str(dcmread(file, force=True, specific_tags=["SOPInstanceUID"]).get("SOPInstanceUID"))
        for file in corpus.rglob("*")
        if file.is_file() and file.suffix not in (".jsonl", ".md")
    }
    assert objects["shown"] <= there
    assert objects[texts.NOT_THERE].isdisjoint(there)
