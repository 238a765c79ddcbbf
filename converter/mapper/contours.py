"""The contours of a ROI as regions in space, by series of the images that they are drawn on (PS3.3 C.8.8.6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pydicom import Dataset

from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.gathering import Gathered, Reference, by_series, reference_of
from converter.mapper.regions import closed, points_of
from converter.selection import Coordinates, Region3D, Region3DType, Series

_XOR = "CLOSEDPLANAR_XOR"
# Points of the smallest ring, its first one repeated.
_LEAST_RING = 4
_TYPES: dict[str, Region3DType] = {
    "POINT": "point",
    "OPEN_PLANAR": "polyline",
    "OPEN_NONPLANAR": "polyline",
    "CLOSED_PLANAR": "polygon",
    _XOR: "polygon",
}


@dataclass(slots=True)
class ContourGroup:
    """Contours on images of one series, or without images. `path` is that of the item that holds the first of them."""

    gathered: Gathered
    path: str
    regions: list[Region3D] = field(default_factory=list)


@dataclass(slots=True)
class Contours:
    """The contours of a ROI; `xor_path` is that of the first one that combines with others by exclusive or."""

    groups: list[ContourGroup] = field(default_factory=list)
    xor_path: str | None = None


def contours_of(obj: AnnotationObject, contour_items: Iterable[tuple[Dataset, str]]) -> Contours:
    """Return the contours of a ROI Contour Sequence's items, each given with its path.

    A contour on images of two series is in both groups. What is wrong becomes a problem.
    """
    groups: dict[tuple[str | None, ...], ContourGroup] = {}
    contours = Contours()
    for item, item_path in contour_items:
        for index, contour in enumerate(values.items(item, "ContourSequence")):
            path = f"{item_path}.ContourSequence[{index}]"
            if values.text(contour, "ContourGeometricType") == _XOR and contours.xor_path is None:
                contours.xor_path = path
            for key, images in _images_by_series(obj, contour, path).items():
                uids = tuple(dict.fromkeys(image.sop_instance_uid for image in images))
                region = _region(obj, contour, path, uids)
                if region is None:
                    break
                if key not in groups:
                    groups[key] = ContourGroup(Gathered(images[0].located.series if images else Series()), item_path)
                for image in images:
                    groups[key].gathered.add(image, None)
                groups[key].regions.append(region)
    contours.groups += groups.values()
    return contours


def _images_by_series(
    obj: AnnotationObject, contour: Dataset, path: str
) -> dict[tuple[str | None, ...], list[Reference]]:
    """Return the contour's images by study and series; those of unknown series apart, as they may be of two.

    A contour that names no image is one of no series.
    """
    items = enumerate(values.items(contour, "ContourImageSequence"))
    references = (reference_of(obj, item, f"{path}.ContourImageSequence[{index}]") for index, item in items)
    return by_series(each for each in references if each is not None) or {(): []}


def _region(obj: AnnotationObject, contour: Dataset, path: str, images: tuple[str, ...]) -> Region3D | None:
    kind = _TYPES.get(values.text(contour, "ContourGeometricType") or "")
    if kind is None:
        obj.report("region-type", f"{path}.ContourGeometricType")
    points = points_of(obj, contour, "ContourData", path, 3)
    if kind is None or points is None:
        return None
    stated = obj.integer(contour, "NumberOfContourPoints", path)
    if stated is not None and stated != len(points):
        obj.report("region-count-mismatch", f"{path}.NumberOfContourPoints")
    fitting = _fitting_type(kind, points)
    if fitting != kind:
        obj.report("region-type-changed", f"{path}.ContourData", type=kind, count=len(points), kind=fitting)
    return Region3D(fitting, closed(points) if fitting == "polygon" else points, images)


def _fitting_type(kind: Region3DType, points: Coordinates) -> Region3DType:
    """Return the type that this many points can have: a point drawn as a ring of one is a point all the same."""
    if kind == "point":
        return "point" if len(points) == 1 else "multipoint"
    if len(points) == 1:
        return "point"
    return "polyline" if kind == "polygon" and len(closed(points)) < _LEAST_RING else kind
