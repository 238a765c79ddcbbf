"""Volumetric presentation states: what PS3.3 C.11.22-C.11.30 say that they display, and where in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import pytest
from pydicom import Dataset

from converter.mapper import Mapped
from converter.selection import Code, Concept, Frames, Identifier, Segments, Selection
from tests.builders import (
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
    reference,
)
from tests.mapper.objects import problems, referenced_series, reread

STATE, STATE_SERIES = "1.2.3.5", "1.2.3.6"
PLANAR, RENDERING = "1.2.840.10008.5.1.4.1.1.11.6", "1.2.840.10008.5.1.4.1.1.11.9"
COMPREHENSIVE_SR, REGISTRATION = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.66.1"
IN_SPACE, INPUT_TEXT = "$.VolumetricAnnotationSequence[0]", "$.VolumetricPresentationInputAnnotationSequence[0]"
CROP = "$.VolumeCroppingSequence[0]"
TEXT = "$.GraphicAnnotationSequence[0].TextObjectSequence[0]"

# A coronal plane: 200 mm to the patient's left, 100 mm down to the feet.
CORONAL: dict[str, Any] = {
    "MultiPlanarReconstructionStyle": "PLANAR",
    "MPRThicknessType": "THIN",
    "MPRTopLeftHandCorner": [-100.0, 30.0, 50.0],
    "MPRViewWidthDirection": [1.0, 0.0, 0.0],
    "MPRViewWidth": 200.0,
    "MPRViewHeightDirection": [0.0, 0.0, -1.0],
    "MPRViewHeight": 100.0,
}
FROM_ABOVE: dict[str, Any] = {
    "RenderProjection": "ORTHOGRAPHIC",
    "ViewpointPosition": [0.0, 0.0, 100.0],
    "ViewpointLookAtPoint": [0.0, 0.0, 0.0],
    "ViewpointUpDirection": [0.0, 1.0, 0.0],
    "RenderFieldOfView": [-40.0, 40.0, 20.0, -20.0, 50.0, 200.0],
}
ONE_INPUT = ((reference(IMAGE_1), reference(IMAGE_2)),)


def input_sets(inputs: Sequence[Sequence[Dataset]]) -> dict[str, list[Dataset]]:
    sets = [
        dataset(
            VolumetricPresentationInputSetUID=f"1.2.3.50.{number}",
            PresentationInputType="VOLUME",
            ReferencedImageSequence=list(references),
        )
        for number, references in enumerate(inputs, start=1)
    ]
    stated = [
        dataset(
            VolumetricPresentationInputNumber=number,
            VolumetricPresentationInputSetUID=f"1.2.3.50.{number}",
            Crop="NO",
        )
        for number in range(1, len(inputs) + 1)
    ]
    return {
        "VolumetricPresentationInputSetSequence": sets,
        "VolumetricPresentationStateInputSequence": stated,
    }


def state(inputs: Sequence[Sequence[Dataset]] = ONE_INPUT, **elements: Any) -> Dataset:
    """Return a planar reconstruction made on 2020-01-02; an element that is None is not there."""
    geometry = {} if elements.get("SOPClassUID") == RENDERING else CORONAL
    stated = {
        "SOPClassUID": PLANAR,
        "SOPInstanceUID": STATE,
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": STATE_SERIES,
        "Modality": "PR",
        "FrameOfReferenceUID": FRAME_OF_REFERENCE,
        "ContentDescription": "A view",
        "PresentationCreationDate": "20200102",
        "PresentationCreationTime": "101112",
        "TimezoneOffsetFromUTC": "+0200",
        "ReferencedSeriesSequence": [
            referenced_series(SERIES, IMAGE_1, IMAGE_2),
            referenced_series(OTHER_SERIES, IMAGE_3),
        ],
        "GraphicLayerSequence": [dataset(GraphicLayer="LAYER", GraphicLayerDescription="Planned")],
        **input_sets(inputs),
        **geometry,
        **elements,
    }
    return dataset(**{keyword: value for keyword, value in stated.items() if value is not None})


def in_space(kind: str, points: Sequence[float], words: str | None = None, **elements: Any) -> Dataset:
    built = dataset(GraphicData=list(points), GraphicType=kind, GraphicLayer="LAYER", AnnotationClipping="NO")
    built.update(dataset(**elements))
    if words is not None:
        built.TextObjectSequence = [dataset(UnformattedTextValue=words)]
    return built


def drawing(kind: str, points: Sequence[float], units: str = "DISPLAY", **elements: Any) -> Dataset:
    return dataset(
        GraphicAnnotationUnits=units,
        GraphicDimensions=2,
        NumberOfGraphicPoints=len(points) // 2,
        GraphicData=list(points),
        GraphicType=kind,
        **elements,
    )


def on_view(*graphics: Dataset, texts: Sequence[Dataset] = ()) -> list[Dataset]:
    built = dataset(GraphicLayer="LAYER")
    if graphics:
        built.GraphicObjectSequence = list(graphics)
    if texts:
        built.TextObjectSequence = list(texts)
    return [built]


def the(result: Mapped, role: str) -> Selection:
    (selection,) = by_role(result, role)
    return selection


def regions(selection: Selection) -> list[tuple[str, list[list[float]]]]:
    return [(region.type, region.coordinates.tolist()) for region in selection.regions_3d]


def of_instances(selection: Selection) -> list[tuple[str, object]]:
    return [(each.sop_instance_uid, each.subset) for each in selection.instances]


# The state and its volumes


def test_the_state_focuses_on_its_volumes_by_series() -> None:
    both = (*ONE_INPUT, (reference(IMAGE_3, ReferencedFrameNumber=[1]),))
    result = mapped(state(both))
    document, first, second, view = result.selections
    assert (document.key.role, document.key.series, document.code.text) == ("document", STATE_SERIES, "A view")
    assert document.focus == (first.key, second.key)
    assert of_instances(document) == [(STATE, None)]
    assert document.frame_of_reference_uid == FRAME_OF_REFERENCE
    assert [each.key.role for each in (first, second, view)] == ["series", "series", "view"]
    assert of_instances(first) == [(IMAGE_1, None), (IMAGE_2, None)]
    assert of_instances(second) == [(IMAGE_3, Frames((1,)))]
    assert str(document.issued) == "2020-01-02 10:11:12+02:00"
    assert result.problems == ()


def test_inputs_of_earlier_editions_name_their_images_themselves() -> None:
    earlier = [dataset(VolumetricPresentationInputNumber=1, ReferencedImageSequence=[reference(IMAGE_1)])]
    made = state(VolumetricPresentationInputSetSequence=None, VolumetricPresentationStateInputSequence=earlier)
    assert of_instances(the(mapped(made), "series")) == [(IMAGE_1, None)]


def test_a_state_of_nothing_says_so() -> None:
    result = mapped(state(inputs=(), VolumetricPresentationInputSetSequence=None))
    assert problems(result) == [("content-missing", "$.VolumetricPresentationInputSetSequence")]
    assert the(result, "document").focus == ()


def test_registrations_and_the_image_of_the_view_are_selected() -> None:
    made = state(RenderedImageReferenceSequence=[reference(IMAGE_3)])
    registration = [reference("1.2.3.60.1", REGISTRATION)]
    made.VolumetricPresentationInputSetSequence[0].ReferencedSpatialRegistrationSequence = registration
    made.ReferencedSeriesSequence.append(referenced_series("1.2.3.60", "1.2.3.60.1", sop_class=REGISTRATION))
    result = mapped(made)
    registered = the(result, "registration")
    assert (registered.key.series, of_instances(registered)) == ("1.2.3.60", [("1.2.3.60.1", None)])
    assert registered.code.codings[0].code == "REG"
    rendered = the(result, "rendered")
    assert (rendered.key.series, of_instances(rendered)) == (OTHER_SERIES, [(IMAGE_3, None)])
    document = the(result, "document").key
    assert (registered.focus, rendered.focus) == ((document,), (document,))


def test_the_described_anatomy_and_view_are_those_of_what_is_displayed() -> None:
    made = state(
        AnatomicRegionSequence=[code("39607008", "SCT", "Lung")],
        ImageLaterality="R",
        ViewCodeSequence=[code("399348003", "SCT", "Antero-posterior")],
        VolumetricAnnotationSequence=[in_space("POINT", [1, 2, 3])],
    )
    result = mapped(made)
    for role in ("document", "view", "regions3d"):
        (site,) = the(result, role).body_sites
        assert (site.codings[-1].code, site.text) == ("39607008:272741003=24028007", "Lung, right")
    assert [each.text for each in the(result, "view").categories] == ["Presentation State", "Antero-posterior"]


def test_an_animation_is_noted() -> None:
    assert problems(mapped(state(PresentationAnimationStyle="SWIVEL"))) == [
        ("playback", "$.PresentationAnimationStyle")
    ]


# The view


def test_a_thin_plane_is_its_rectangle() -> None:
    result = mapped(state())
    view = the(result, "view")
    corners = [[-100, 30, 50], [100, 30, 50], [100, 30, -50], [-100, 30, -50], [-100, 30, 50]]
    assert regions(view) == [("polygon", corners)]
    assert view.code == Concept(
        (Code("http://dicom.nema.org/resources/ontology/DCM", "113072", "Multiplanar reformatting"),),
        "Multiplanar reformatting",
    )
    assert (view.instances, view.series.series_instance_uid) == ((), None)
    assert view.frame_of_reference_uid == view.key.frame_of_reference == FRAME_OF_REFERENCE
    assert view.focus == (the(result, "document").key,)


def test_a_slab_has_a_front_and_a_back_half_its_thickness_away() -> None:
    view = the(mapped(state(MPRThicknessType="SLAB", MPRSlabThickness=8.0)), "view")
    assert [points[0] for _, points in regions(view)] == [[-100, 30, 50], [-100, 26, 50], [-100, 34, 50]]


def test_a_rendering_is_its_near_and_its_far_rectangle() -> None:
    view = the(mapped(state(SOPClassUID=RENDERING, **FROM_ABOVE)), "view")
    assert view.code.codings[0].code == "113074"
    assert [points[:2] for _, points in regions(view)] == [
        [[-40, 20, 50], [40, 20, 50]],
        [[-40, 20, -100], [40, 20, -100]],
    ]
    perspective = state(SOPClassUID=RENDERING, **FROM_ABOVE | {"RenderProjection": "PERSPECTIVE"})
    assert regions(the(mapped(perspective), "view"))[0][1][0] == [-10, 5, 50]


@pytest.mark.parametrize(
    "wrong",
    [
        {"MPRViewWidth": None},
        {"MPRViewWidth": 0.0},
        {"MPRTopLeftHandCorner": [1.0, 2.0]},
        {"MPRTopLeftHandCorner": [1.0, float("nan"), 2.0]},
        {"MPRTopLeftHandCorner": [1e300, 0.0, 0.0], "MPRViewWidth": 1e300},
        {"MPRViewHeightDirection": [0.0, 0.0, 0.0]},
        {"MPRViewHeightDirection": [1.0, 0.0, 0.0]},
        {"MPRThicknessType": "SLAB"},
        {"MultiPlanarReconstructionStyle": "CURVED"},
    ],
)
def test_a_plane_that_is_none_is_reported_and_the_rest_stays(wrong: dict[str, Any]) -> None:
    made = state(
        **wrong,
        VolumetricAnnotationSequence=[in_space("POINT", [1, 2, 3])],
        GraphicAnnotationSequence=on_view(texts=[dataset(UnformattedTextValue="words")]),
    )
    result = mapped(made)
    assert ("view-geometry", "$.MPRTopLeftHandCorner") in problems(result)
    assert [each.key.role for each in result.selections] == ["document", "series", "regions3d", "text"]
    assert the(result, "text").focus == (the(result, "document").key,)


@pytest.mark.parametrize("wrong", [{"RenderFieldOfView": [0.0] * 6}, {"ViewpointUpDirection": [0.0, 0.0, 1.0]}])
def test_a_rendering_that_is_none_is_reported(wrong: dict[str, Any]) -> None:
    result = mapped(state(SOPClassUID=RENDERING, **FROM_ABOVE | wrong))
    assert problems(result) == [("view-geometry", "$.RenderFieldOfView")]


def test_a_state_without_frame_of_reference_has_no_position() -> None:
    made = state(
        FrameOfReferenceUID=None,
        VolumetricAnnotationSequence=[in_space("POINT", [1, 2, 3], "words"), in_space("POINT", [4, 5, 6])],
        VolumeCroppingSequence=[box([0, 0, 0, 1, 1, 1])],
        GraphicAnnotationSequence=on_view(drawing("POINT", [0.5, 0.5])),
    )
    result = mapped(made)
    assert [each.key.role for each in result.selections] == ["document", "series", "text"]
    assert codes_of(result).count("region-without-frame-of-reference") == 1
    assert all(not each.regions_3d for each in result.selections)


# What it is cropped to


def box(corners: Sequence[float]) -> Dataset:
    return dataset(
        CroppingSpecificationNumber=1,
        VolumeCroppingMethod="BOUNDING_BOX",
        BoundingBoxCrop=[float(number) for number in corners],
    )


def oriented(*orientation: float, frame_of_reference: str = FRAME_OF_REFERENCE) -> Instances:
    known = images()
    known[IMAGE_1] = replace(
        known[IMAGE_1], image_orientation_patient=orientation, frame_of_reference_uid=frame_of_reference
    )
    return known


def test_a_box_is_two_faces_along_the_volumes_axes() -> None:
    made = state(VolumeCroppingSequence=[box([0, 0, 0, 10, 20, 30])])
    result = mapped(made, oriented(1, 0, 0, 0, 1, 0))
    crop = the(result, "crop")
    assert regions(crop) == [
        ("polygon", [[0, 0, 0], [10, 0, 0], [10, 20, 0], [0, 20, 0], [0, 0, 0]]),
        ("polygon", [[0, 0, 30], [10, 0, 30], [10, 20, 30], [0, 20, 30], [0, 0, 30]]),
    ]
    assert (crop.key.path, crop.instances, crop.focus) == ("1", (), (the(result, "document").key,))
    assert problems(result) == []


def test_a_box_turns_with_the_volume() -> None:
    # Rows run along (0.8, 0.6, 0), columns towards the feet; 10 mm along, 20 mm down, 5 mm deep.
    # Their normal is (0.8, 0.6, 0) x (0, 0, -1) = (-0.6, 0.8, 0).
    opposite = [10 * 0.8 - 5 * 0.6, 10 * 0.6 + 5 * 0.8, -20]
    made = state(VolumeCroppingSequence=[box([0, 0, 0, *opposite])])
    result = mapped(made, oriented(0.8, 0.6, 0, 0, 0, -1))
    near, far = (points for _, points in regions(the(result, "crop")))
    assert near == [[0, 0, 0], [8, 6, 0], [8, 6, -20], [0, 0, -20], [0, 0, 0]]
    assert far == [[-3, 4, 0], [5, 10, 0], [5, 10, -20], [-3, 4, -20], [-3, 4, 0]]


@pytest.mark.parametrize(
    "catalog",
    [images(), oriented(0, 1, 0, 0, 0, -1, frame_of_reference="1.2.3.99"), oriented(0, 0, 0, 0, 1, 0)],
    ids=["not stated", "in another frame of reference", "not valid"],
)
def test_the_box_of_volumes_of_no_known_orientation_is_upright_in_the_frame_of_reference(catalog: Instances) -> None:
    result = mapped(state(VolumeCroppingSequence=[box([0, 0, 0, 10, 20, 30])]), catalog)
    assert regions(the(result, "crop"))[1][1][2] == [10, 20, 30]
    assert problems(result) == [("crop-axes", f"{CROP}.BoundingBoxCrop")]


@pytest.mark.parametrize(
    ("corners", "problem"),
    [
        ([0, 0, 0], "region-count"),
        ([0] * 5, "region-odd"),
        ([0, 0, 0, 1, 1, float("inf")], "region-not-finite"),
        ([], "region-missing"),
        ([0, 0, 0, 1e300, 1e300, 1e300], "view-geometry"),
    ],
)
def test_a_box_that_is_none_is_reported(corners: list[float], problem: str) -> None:
    made = state(VolumeCroppingSequence=[box(corners)])
    result = mapped(made, oriented(1, 0, 0, 0, 1, 0))
    assert problems(result) == [(problem, f"{CROP}.BoundingBoxCrop")]
    assert by_role(result, "crop") == []


@pytest.mark.parametrize(
    ("method", "words"), [("INCLUDE_SEG", "Cropped to segments"), ("EXCLUDE_SEG", "Cropped by segments")]
)
def test_segments_that_crop_are_those_of_their_segmentation(method: str, words: str) -> None:
    segmented = dataset(
        VolumeCroppingMethod=method,
        ReferencedImageSequence=[reference("1.2.3.70.1", SEGMENTATION, ReferencedSegmentNumber=[2, 3])],
    )
    made = state(VolumeCroppingSequence=[box([0, 0, 0, 1, 1, 1]), segmented])
    made.ReferencedSeriesSequence.append(referenced_series("1.2.3.70", "1.2.3.70.1", sop_class=SEGMENTATION))
    crop = by_role(mapped(made), "crop")[1]
    assert (crop.key.path, crop.key.series, crop.code.text) == ("2", "1.2.3.70", words)
    assert of_instances(crop) == [("1.2.3.70.1", Segments((2, 3)))]


@pytest.mark.parametrize(
    ("method", "problem"),
    [
        ("OBLIQUE_PLANES", ("crop-planes", f"{CROP}.ObliqueCroppingPlaneSequence")),
        ("INCLUDE_SEG", ("content-missing", f"{CROP}.ReferencedImageSequence")),
        ("OTHER", ("region-type", f"{CROP}.VolumeCroppingMethod")),
    ],
)
def test_a_crop_that_encloses_nothing_is_reported(method: str, problem: tuple[str, str]) -> None:
    result = mapped(state(VolumeCroppingSequence=[dataset(VolumeCroppingMethod=method)]))
    assert problems(result) == [problem]


# Annotations in space


@pytest.mark.parametrize(
    ("kind", "points", "expected", "count"),
    [
        ("POINT", [1, 2, 3], "point", 1),
        ("MULTIPOINT", [1, 2, 3, 4, 5, 6], "multipoint", 2),
        ("POLYLINE", [1, 2, 3, 4, 5, 6], "polyline", 2),
        ("POLYGON", [0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0], "polygon", 4),
        ("ELLIPSE", [-2, 0, 0, 2, 0, 0, 0, -1, 0, 0, 1, 0], "ellipse", 4),
        ("ELLIPSOID", [-3, 0, 0, 3, 0, 0, 0, -2, 0, 0, 2, 0, 0, 0, -1, 0, 0, 1], "ellipsoid", 6),
    ],
)
def test_a_graphic_in_space_is_a_region_of_its_type(kind: str, points: list[float], expected: str, count: int) -> None:
    result = mapped(reread(state(VolumetricAnnotationSequence=[in_space(kind, points)])))
    annotation = the(result, "regions3d")
    ((region, coordinates),) = regions(annotation)
    assert (region, list(chain.from_iterable(coordinates))) == (expected, points)
    assert len(coordinates) == count
    assert (annotation.code.text, annotation.key.path) == ("LAYER: Planned", "1")
    assert (annotation.instances, annotation.series.series_instance_uid) == ((), None)
    assert annotation.frame_of_reference_uid == FRAME_OF_REFERENCE
    assert annotation.focus == (the(result, "document").key,)


def test_the_text_of_a_graphic_in_space_names_it() -> None:
    annotation = the(mapped(state(VolumetricAnnotationSequence=[in_space("POINT", [1, 2, 3], "target")])), "regions3d")
    assert annotation.code == Concept((), "target")
    assert [each.text for each in annotation.categories] == ["Presentation State", "LAYER: Planned"]
    assert regions(annotation) == [("point", [[1, 2, 3]])]


def test_the_content_item_that_explains_a_graphic_is_identified_by_its_observation_uid() -> None:
    context = reference("1.2.3.80.1", COMPREHENSIVE_SR, ReferencedContentItem="1.2.3.81")
    annotation = in_space("POINT", [1, 2, 3], "target", ReferencedStructuredContextSequence=[context])
    made = state(VolumetricAnnotationSequence=[annotation])
    made.ReferencedSeriesSequence.append(referenced_series("1.2.3.80", "1.2.3.80.1", sop_class=COMPREHENSIVE_SR))
    result = mapped(made)
    explained = the(result, "context")
    assert (explained.key.path, explained.key.series, explained.code.text) == ("1.1", "1.2.3.80", "target")
    assert of_instances(explained) == [("1.2.3.80.1", None)]
    assert explained.identifiers == (Identifier("urn:oid:1.2.3.81", "urn:dicom:uid"),)
    assert the(result, "regions3d").focus == (the(result, "document").key, explained.key)
    place = f"{IN_SPACE}.ReferencedStructuredContextSequence[0]"
    assert problems(result) == [
        ("instance-not-found", place),
        ("content-item-position", f"{place}.ReferencedContentItem"),
    ]


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (in_space("CIRCLE", [1, 2, 3], "words"), ("region-type", f"{IN_SPACE}.GraphicType")),
        (in_space("POINT", [1, 2], "words"), ("region-odd", f"{IN_SPACE}.GraphicData")),
        (in_space("ELLIPSE", [1, 2, 3], "words"), ("region-count", f"{IN_SPACE}.GraphicData")),
        (in_space("POINT", [], "words"), ("region-missing", f"{IN_SPACE}.GraphicData")),
    ],
)
def test_a_graphic_that_is_none_is_reported_and_its_text_stays(wrong: Dataset, problem: tuple[str, str]) -> None:
    result = mapped(state(VolumetricAnnotationSequence=[wrong, in_space("POINT", [1, 2, 3])]))
    assert problems(result) == [problem]
    text = the(result, "text")
    assert (text.code.text, of_instances(text), text.key.path) == ("words", [(STATE, None)], "1")
    assert the(result, "regions3d").key.path == "2"


# Texts of inputs


def input_text(number: int | None, **elements: Any) -> list[Dataset]:
    built = dataset(
        GraphicLayer="LAYER", TextObjectSequence=[dataset(UnformattedTextValue="second volume")], **elements
    )
    if number is not None:
        built.VolumetricPresentationInputIndex = number
    return [built]


def test_a_text_of_an_input_is_stated_on_its_images() -> None:
    both = (*ONE_INPUT, (reference(IMAGE_3),))
    result = mapped(state(both, VolumetricPresentationInputAnnotationSequence=input_text(2)))
    annotated = the(result, "input")
    assert (annotated.code.text, annotated.key.path, annotated.key.series) == ("second volume", "1", OTHER_SERIES)
    assert of_instances(annotated) == [(IMAGE_3, None)]


@pytest.mark.parametrize("number", [None, 0, 9])
def test_a_text_of_no_input_is_stated_for_the_state(number: int | None) -> None:
    result = mapped(state(VolumetricPresentationInputAnnotationSequence=input_text(number)))
    annotated = the(result, "input")
    assert of_instances(annotated) == [(STATE, None)]
    assert problems(result) == [("input-unknown", f"{INPUT_TEXT}.VolumetricPresentationInputIndex")]


def test_what_explains_a_text_of_an_input_has_its_own_key() -> None:
    context = reference("1.2.3.80.1", COMPREHENSIVE_SR, ReferencedContentItem="1.2.3.81")
    made = state(
        VolumetricAnnotationSequence=[
            in_space("POINT", [1, 2, 3], ReferencedStructuredContextSequence=[context]),
        ],
        VolumetricPresentationInputAnnotationSequence=input_text(1, ReferencedStructuredContextSequence=[context]),
    )
    result = mapped(made)
    assert the(result, "input").focus[1:] == (the(result, "inputcontext").key,)
    assert len({each.id for each in result.selections}) == len(result.selections)


# What is drawn on the view


@pytest.mark.parametrize(
    ("graphic", "expected"),
    [
        # The view is 200 mm wide and 100 mm high: fractions of it, from (-100, 30, 50).
        (drawing("POINT", [0.25, 0.5]), ("point", [[-50, 30, 0]])),
        (drawing("POLYLINE", [0, 0, 1, 1]), ("polyline", [[-100, 30, 50], [100, 30, -50]])),
        (
            drawing("CIRCLE", [0.5, 0.5, 0.6, 0.5]),
            ("ellipse", [[-20, 30, 0], [20, 30, 0], [0, 30, 10], [0, 30, -10]]),
        ),
        (
            drawing("ELLIPSE", [0.5, 0.1, 0.5, 0.9, 0.4, 0.5, 0.6, 0.5]),
            ("ellipse", [[0, 30, 40], [0, 30, -40], [-20, 30, 0], [20, 30, 0]]),
        ),
        (
            drawing("INTERPOLATED", [0, 0.5, 0.5, 0.5, 1, 0.5]),
            ("polyline", [[-100, 30, 0], [0, 30, 0], [100, 30, 0]]),
        ),
    ],
)
def test_graphics_on_a_plane_are_regions_on_it(graphic: Dataset, expected: tuple[str, list[list[float]]]) -> None:
    result = mapped(state(GraphicAnnotationSequence=on_view(graphic)))
    drawn = the(result, "drawing")
    ((kind, coordinates),) = regions(drawn)
    assert kind == expected[0]
    assert coordinates == [pytest.approx(point, abs=1e-5) for point in expected[1]]
    assert drawn.focus == (the(result, "document").key, the(result, "view").key)
    assert problems(result) == []


@pytest.mark.parametrize("kind", ["POINT", "ELLIPSE", "INTERPOLATED"])
def test_a_graphic_out_of_reach_is_reported_and_the_others_stay(kind: str) -> None:
    far = drawing(kind, [1e30, 0] * (1 if kind == "POINT" else 4))
    result = mapped(state(GraphicAnnotationSequence=on_view(far, drawing("POINT", [0.5, 0.5]))))
    assert problems(result) == [
        ("view-geometry", "$.GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicData")
    ]
    assert regions(the(result, "drawing")) == [("point", [[0, 30, 0]])]


def test_a_compound_graphic_turns_on_the_plane() -> None:
    # A line of 40 mm to the right of (0.5, 0.5) turned by 90 degrees counterclockwise points up, to the head.
    compound = dataset(
        CompoundGraphicUnits="DISPLAY",
        CompoundGraphicType="RULER",
        GraphicDimensions=2,
        NumberOfGraphicPoints=2,
        GraphicData=[0.5, 0.5, 0.7, 0.5],
        RotationAngle=90.0,
        RotationPoint=[0.5, 0.5],
    )
    (annotation,) = on_view()
    annotation.CompoundGraphicSequence = [compound]
    drawn = the(mapped(state(GraphicAnnotationSequence=[annotation])), "drawing")
    ((kind, (start, end)),) = regions(drawn)
    assert kind == "polyline"
    assert start == pytest.approx([0, 30, 0], abs=1e-4)
    assert end == pytest.approx([0, 30, 40], abs=1e-4)


def test_texts_on_a_plane_have_their_box_and_anchor_on_it() -> None:
    text = dataset(
        UnformattedTextValue="entry",
        BoundingBoxAnnotationUnits="DISPLAY",
        BoundingBoxTopLeftHandCorner=[0.0, 0.0],
        BoundingBoxBottomRightHandCorner=[0.5, 0.5],
        AnchorPointAnnotationUnits="DISPLAY",
        AnchorPoint=[1.0, 0.5],
    )
    stated = the(mapped(state(GraphicAnnotationSequence=on_view(texts=[text]))), "text")
    assert (stated.code.text, stated.key.path) == ("entry", "1.1")
    assert regions(stated) == [
        ("polyline", [[-100, 30, 50], [0, 30, 50], [0, 30, 0], [-100, 30, 0], [-100, 30, 50]]),
        ("point", [[100, 30, 0]]),
    ]


def test_on_a_rendering_only_the_words_of_texts_are_stated() -> None:
    text = dataset(UnformattedTextValue="left", AnchorPointAnnotationUnits="DISPLAY", AnchorPoint=[0.5, 0.5])
    made = state(
        SOPClassUID=RENDERING,
        **FROM_ABOVE,
        GraphicAnnotationSequence=on_view(drawing("POINT", [0.5, 0.5]), texts=[text]),
    )
    result = mapped(made)
    assert by_role(result, "drawing") == []
    stated = the(result, "text")
    assert (stated.code.text, of_instances(stated), stated.regions_3d) == ("left", [(STATE, None)], ())
    assert problems(result) == [
        ("view-position", "$.GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicData"),
        ("view-position", f"{TEXT}.AnchorPoint"),
    ]


def test_units_of_pixels_have_no_meaning_on_a_view() -> None:
    result = mapped(state(GraphicAnnotationSequence=on_view(drawing("POINT", [5, 5], units="PIXEL"))))
    place = "$.GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicAnnotationUnits"
    assert problems(result) == [("annotation-units", place)]


def test_tracked_graphics_are_identified() -> None:
    tracked = drawing("POINT", [0.5, 0.5], TrackingUID="1.2.3.90", TrackingID="target 1")
    drawn = the(mapped(state(GraphicAnnotationSequence=on_view(tracked))), "drawing")
    assert [(each.value, each.use) for each in drawn.identifiers] == [
        ("urn:oid:1.2.3.90", "secondary"),
        ("target 1", "secondary"),
    ]
