"""Spatial fiducials: points and shapes in a frame of reference, or on images (PS3.3 A.40, C.21.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from pydicom import Dataset

from converter.mapper import anatomy, people, values
from converter.mapper.annotation_object import AnnotationObject, oid_identifier
from converter.mapper.gathering import Gathered, Gathering, Reference, check_inside, reference_of
from converter.mapper.regions import points_of
from converter.selection import (
    Concept,
    Coordinates,
    Identifier,
    Performer,
    Region2D,
    Region3D,
    Selection,
    SelectionKey,
    Series,
)

_Type: TypeAlias = Literal["point", "multipoint", "polyline"]

# What the order of points means decides: a plane's or a surface's points are not joined, nor are the three points
# of a T, of which two bound one line and the third ends another (C.21.2.1.1).
_TYPES: dict[str, _Type] = {
    "POINT": "point",
    "LINE": "polyline",
    "PLANE": "multipoint",
    "SURFACE": "multipoint",
    "RULER": "polyline",
    "L_SHAPE": "polyline",
    "T_SHAPE": "multipoint",
    "SHAPE": "polyline",
}


@dataclass(frozen=True, slots=True)
class _Fiducial:
    """A fiducial and what its selections have in common; `number` counts set and fiducial from 1."""

    item: Dataset
    path: str
    number: str
    code: Concept
    categories: tuple[Concept, ...]
    identifiers: tuple[Identifier, ...]
    performers: tuple[Performer, ...]


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield each fiducial: in space by series of the images of its set, on images by their series."""
    sets = values.items(obj.dataset, "FiducialSetSequence")
    if not sets:
        obj.report("sequence-missing", "$.FiducialSetSequence")
    for number, fiducial_set in enumerate(sets, 1):
        path = f"$.FiducialSetSequence[{number - 1}]"
        images = _images_of(obj, fiducial_set, path)
        for fiducial in _fiducials(obj, fiducial_set, path, number):
            yield from _in_space(obj, fiducial, fiducial_set, images)
            yield from _on_images(obj, fiducial)


def _images_of(obj: AnnotationObject, fiducial_set: Dataset, path: str) -> Gathering:
    """Return the images in which a set's fiducials are located, by series."""
    gathering = Gathering()
    for index, item in enumerate(values.items(fiducial_set, "ReferencedImageSequence")):
        reference = reference_of(obj, item, f"{path}.ReferencedImageSequence[{index}]")
        if reference is not None:
            gathering.add(reference)
    return gathering


def _fiducials(obj: AnnotationObject, fiducial_set: Dataset, set_path: str, number: int) -> Iterator[_Fiducial]:
    items = values.items(fiducial_set, "FiducialSequence")
    if not items:
        obj.report("sequence-missing", f"{set_path}.FiducialSequence")
    creator = people.content_creator(obj.dataset)
    for index, item in enumerate(items):
        path = f"{set_path}.FiducialSequence[{index}]"
        category = obj.concept(item, "FiducialsPropertyCategoryCodeSequence", path)
        uid = values.text(item, "FiducialUID")
        yield _Fiducial(
            item,
            path,
            f"{number}.{index + 1}",
            _code(obj, item, path),
            (obj.kind.concept, *([] if category is None else [category])),
            () if uid is None else (oid_identifier(uid),),
            () if creator is None else (creator,),
        )


def _code(obj: AnnotationObject, item: Dataset, path: str) -> Concept:
    """Return the identifier code; its text adds the description, else the identifier."""
    concept = obj.concept(item, "FiducialIdentifierCodeSequence", path)
    label = obj.text(item, "FiducialDescription") or obj.text(item, "FiducialIdentifier")
    if concept is not None:
        return replace(concept, text=anatomy.labelled(concept.text or "", label))
    if label is not None:
        return Concept((), label)
    obj.report("code-missing", path)
    return obj.kind.concept


def _in_space(
    obj: AnnotationObject, fiducial: _Fiducial, fiducial_set: Dataset, images: Gathering
) -> Iterator[Selection]:
    """Yield the fiducial in its set's frame of reference, by series of the images; without images, once."""
    if not values.has_value(fiducial.item, "ContourData"):
        return
    shape = _shape(obj, fiducial, fiducial.item, "ContourData", fiducial.path)
    if shape is None:
        return
    stated = obj.integer(fiducial.item, "NumberOfContourPoints", fiducial.path)
    if stated is not None and stated != len(shape[1]):
        obj.report("region-count-mismatch", f"{fiducial.path}.NumberOfContourPoints")
    role = "regions3d"
    nowhere = [(obj.key(role, fiducial.number), Gathered(Series()))]
    for key, gathered in list(images.keyed(obj, role, fiducial.number)) or nowhere:
        uid = obj.text(fiducial_set, "FrameOfReferenceUID") or gathered.frame_of_reference_uid
        if uid is None:
            obj.report("region-without-frame-of-reference", f"{fiducial.path}.ContourData")
        else:
            drawn = _selection(obj, fiducial, replace(key, frame_of_reference=uid), gathered, uid)
            yield replace(drawn, regions_3d=(Region3D(*shape),))


def _on_images(obj: AnnotationObject, fiducial: _Fiducial) -> Iterator[Selection]:
    keyword = "GraphicCoordinatesDataSequence"
    items = values.items(fiducial.item, keyword)
    if not items and not values.has_value(fiducial.item, "ContourData"):
        obj.report("region-missing", fiducial.path)
    gathering = Gathering()
    for index, item in enumerate(items):
        path = f"{fiducial.path}.{keyword}[{index}]"
        shape = _shape(obj, fiducial, item, "GraphicData", path)
        reference = _image_of(obj, item, path)
        if reference is not None:
            region = None if shape is None else Region2D(*shape)
            if region is not None:
                check_inside(obj, region, reference.located.instance, f"{path}.GraphicData", reference.subset)
            gathering.add(reference, region)
    for key, gathered in gathering.keyed(obj, "regions2d", fiducial.number):
        yield _selection(obj, fiducial, key, gathered, gathered.frame_of_reference_uid)


def _image_of(obj: AnnotationObject, item: Dataset, path: str) -> Reference | None:
    """Return the one image of a Graphic Coordinates Data Sequence item."""
    images = values.items(item, "ReferencedImageSequence")
    if not images:
        obj.report("region-without-image", path)
        return None
    return reference_of(obj, images[0], f"{path}.ReferencedImageSequence[0]")


def _shape(
    obj: AnnotationObject, fiducial: _Fiducial, item: Dataset, keyword: str, path: str
) -> tuple[_Type, Coordinates] | None:
    """Return the type and the points of Contour Data or Graphic Data, None with a problem if they are no shape."""
    kind = _TYPES.get(values.text(fiducial.item, "ShapeType") or "")
    if kind is None:
        obj.report("region-type", f"{fiducial.path}.ShapeType")
    points = points_of(obj, item, keyword, path, 3 if keyword == "ContourData" else 2)
    if kind is None or points is None:
        return None
    if len(points) == 1:
        fitting: _Type = kind if kind == "multipoint" else "point"
    else:
        fitting = "multipoint" if kind == "point" else kind
    if fitting != kind:
        obj.report("region-type-changed", f"{path}.{keyword}", type=kind, count=len(points), kind=fitting)
    return fitting, points


def _selection(
    obj: AnnotationObject, fiducial: _Fiducial, key: SelectionKey, gathered: Gathered, uid: str | None
) -> Selection:
    return obj.selection(
        key,
        fiducial.code,
        identifiers=fiducial.identifiers,
        categories=fiducial.categories,
        performers=fiducial.performers,
        series=gathered.series,
        frame_of_reference_uid=uid,
        body_sites=obj.body_sites(None, None, gathered.header),
        instances=gathered.instances,
        place=fiducial.path,
    )
