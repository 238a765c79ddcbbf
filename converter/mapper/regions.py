"""Coordinates out of graphic data, checked: every kind of object states its regions through here."""

from __future__ import annotations

import numpy as np
from pydicom import Dataset

from converter.mapper.annotation_object import AnnotationObject
from converter.selection import Coordinates, Region2D, Region2DType, Region3D, Region3DType

# The least and the most points of each graphic type (PS3.3 C.18.6.1.2, C.18.9.1.2, C.10.5.1.2).
_COUNTS: dict[str, tuple[int, int | None]] = {
    "point": (1, 1),
    "multipoint": (1, None),
    "polyline": (2, None),
    "interpolated": (2, None),
    "polygon": (4, None),
    "circle": (2, 2),
    "ellipse": (4, 4),
    "ellipsoid": (6, 6),
}

GRAPHIC_TYPES_3D: dict[str, Region3DType] = {
    "POINT": "point",
    "MULTIPOINT": "multipoint",
    "POLYLINE": "polyline",
    "POLYGON": "polygon",
    "ELLIPSE": "ellipse",
    "ELLIPSOID": "ellipsoid",
}
"""Graphic types of three dimensions as regions (PS3.3 C.18.9.1.2)."""


def points_of(obj: AnnotationObject, dataset: Dataset, keyword: str, path: str, dimensions: int) -> Coordinates | None:
    """Return the points of a graphic data element as (n, dimensions), None with a problem if they are not such.

    `path` is that of `dataset`.
    """
    numbers = obj.floats(dataset, keyword, path)
    place = f"{path}.{keyword}"
    if numbers is None:
        return None
    if not numbers.size:
        obj.report("region-missing", place)
    elif numbers.size % dimensions:
        obj.report("region-odd", place)
    elif not np.isfinite(numbers).all():
        obj.report("region-not-finite", place)
    else:
        points: Coordinates = numbers.reshape(-1, dimensions)
        return points
    return None


def has_right_count(obj: AnnotationObject, region_type: Region2DType | Region3DType, count: int, path: str) -> bool:
    """Return whether a region of this type can have `count` points; a problem says so if not."""
    least, most = _COUNTS[region_type]
    if count < least or (most is not None and count > most):
        obj.report("region-count", path, type=region_type, count=count)
        return False
    return True


def region_2d(obj: AnnotationObject, region_type: Region2DType, points: Coordinates, path: str) -> Region2D | None:
    """Return the region, None with a problem if it has too few or too many points."""
    return Region2D(region_type, points) if has_right_count(obj, region_type, len(points), path) else None


def region_3d(obj: AnnotationObject, region_type: Region3DType, points: Coordinates, path: str) -> Region3D | None:
    """Return the region, None with a problem if it has too few or too many points. A polygon is closed."""
    if region_type == "polygon" and len(points):
        points = closed(points)
    return Region3D(region_type, points) if has_right_count(obj, region_type, len(points), path) else None


def closed(points: Coordinates) -> Coordinates:
    """Return the ring with its first vertex repeated at its end; `points`: (n, 2) or (n, 3)."""
    if np.array_equal(points[0], points[-1]) and len(points) > 1:
        return points
    ring: Coordinates = np.concatenate([points, points[:1]])
    return ring
