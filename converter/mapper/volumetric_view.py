"""What a volumetric presentation state displays of its volumes: the view, the boxes that crop it, drawings on it.

PS3.3 C.11.24 (volume cropping), C.11.26 (multi-planar reconstruction geometry), C.11.30 (volume render geometry).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from converter import geometry
from converter.geometry import GeometryError
from converter.mapper import coded, values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.gathering import Reference
from converter.mapper.graphics import Shape
from converter.mapper.regions import points_of
from converter.selection import Code, Concept, Region3D, Region3DType
from converter.view_geometry import Array, ViewPlane, box, field_of_view, unit, view_plane

# Of CID 7203.
_RECONSTRUCTION = Concept((Code(coded.DCM, "113072", "Multiplanar reformatting"),), "Multiplanar reformatting")
_RENDERING = Concept((Code(coded.DCM, "113074", "Volume rendering"),), "Volume rendering")
# An angle of an ellipse that differs from a right one by no more than this share of the view was a right one.
_PRECISION = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """What is displayed, in the frame of reference of the state.

    `regions`: the rectangle of a reconstructed plane, with those at the front and at the back of its slab; the near and
    the far rectangle of a volume rendering. `plane` is what is drawn on, None for a rendering, which has no depth.
    """

    code: Concept
    regions: tuple[Region3D, ...]
    plane: ViewPlane | None = None


def view_of(obj: AnnotationObject) -> View | None:
    """Return the view that the state describes, None with a problem if it describes none."""
    is_rendering = values.has_value(obj.dataset, "RenderFieldOfView")
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return _rendering(obj) if is_rendering else _reconstruction(obj)
    except GeometryError:
        keyword = "RenderFieldOfView" if is_rendering else "MPRTopLeftHandCorner"
        obj.report("view-geometry", f"$.{keyword}")
        return None


def cropping_box(
    obj: AnnotationObject, item: Dataset, path: str, inputs: Iterable[Reference], frame_of_reference: str
) -> tuple[Region3D, ...]:
    """Return two opposite faces of the box that a Volume Cropping Sequence item keeps, none with a problem if none.

    Its edges run along rows and columns of the inputs. An input in another frame of reference is turned in a way
    that only its registration tells; where all are, the box is taken along the axes of the frame of reference.
    """
    corners = points_of(obj, item, "BoundingBoxCrop", path, 3)
    if corners is None:
        return ()
    place = f"{path}.BoundingBoxCrop"
    if len(corners) != 2:
        obj.report("region-count", place, type="bounding box", count=len(corners))
        return ()
    axes = _axes(inputs, frame_of_reference)
    if axes is None:
        obj.report("crop-axes", place)
        axes = np.eye(3)[:2]
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return tuple(Region3D("polygon", face) for face in box(corners.astype(np.float64), axes))
    except GeometryError:
        obj.report("view-geometry", place)
        return ()


def on_plane(obj: AnnotationObject, plane: ViewPlane, shape: Shape) -> Region3D | None:
    """Return a shape in DISPLAY units as the region that it is on the plane, None with a problem if out of reach."""
    kinds: dict[str, Region3DType] = {"point": "point", "circle": "ellipse", "ellipse": "ellipse"}
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return Region3D(kinds.get(shape.type, "polyline"), plane.at(_flat(shape, plane)))
    except GeometryError:
        obj.report("view-geometry", shape.path)
        return None


def _flat(shape: Shape, plane: ViewPlane) -> Array:
    """Return the points of what a shape becomes, (n, 2), in millimetres on the plane. Raises GeometryError."""
    scale = np.array([plane.width, plane.height])
    points = shape.points.astype(np.float64)
    if shape.type == "circle":
        radius = float(np.hypot(*(points[1] - points[0])))
        points = points[0] + radius * np.array([[-1.0, 0], [1, 0], [0, -1], [0, 1]])
    flat: Array = points * scale
    if not np.isfinite(flat).all():
        raise GeometryError("a position is within reach")
    if shape.type in ("circle", "ellipse"):
        flat = geometry.principal_axes(flat, _PRECISION * float(scale.max()))
    elif shape.type == "interpolated":
        flat = geometry.interpolate(flat)
    if shape.rotation is not None:
        flat = geometry.rotated(flat, shape.rotation.center * scale, shape.rotation.degrees)
    return flat


def _reconstruction(obj: AnnotationObject) -> View:
    if values.text(obj.dataset, "MultiPlanarReconstructionStyle") not in ("PLANAR", None):
        raise GeometryError("a reconstruction along a curve is no plane")
    corner, across, down = (
        _numbers(obj, keyword, 3)
        for keyword in ("MPRTopLeftHandCorner", "MPRViewWidthDirection", "MPRViewHeightDirection")
    )
    width, height = (float(_numbers(obj, keyword, 1)[0]) for keyword in ("MPRViewWidth", "MPRViewHeight"))
    plane = view_plane(corner, across, width, down, height)
    outlines = [plane.outline]
    if values.text(obj.dataset, "MPRThicknessType") == "SLAB":
        half = float(_numbers(obj, "MPRSlabThickness", 1)[0]) / 2
        outlines += [plane.moved(-half).outline, plane.moved(half).outline]
    return View(_RECONSTRUCTION, tuple(Region3D("polygon", outline) for outline in outlines), plane)


def _rendering(obj: AnnotationObject) -> View:
    position, look_at, up = (
        _numbers(obj, keyword, 3) for keyword in ("ViewpointPosition", "ViewpointLookAtPoint", "ViewpointUpDirection")
    )
    perspective = values.text(obj.dataset, "RenderProjection") == "PERSPECTIVE"
    faces = field_of_view(position, look_at, up, _numbers(obj, "RenderFieldOfView", 6), perspective=perspective)
    return View(_RENDERING, tuple(Region3D("polygon", face) for face in faces))


def _numbers(obj: AnnotationObject, keyword: str, count: int) -> Array:
    """Return the element's numbers. Raises GeometryError if they are not finite, and not as many."""
    numbers = obj.floats(obj.dataset, keyword, "$")
    if numbers is None or numbers.size != count or not np.isfinite(numbers).all():
        raise GeometryError(f"{keyword} has {count} numbers")
    return numbers.astype(np.float64)


def _axes(inputs: Iterable[Reference], frame_of_reference: str) -> Array | None:
    """Return unit vectors (2, 3) along rows and columns of the first input in the frame of reference."""
    for reference in inputs:
        instance = reference.located.instance
        if instance is None or instance.frame_of_reference_uid != frame_of_reference:
            continue
        orientation = instance.image_orientation_patient
        if orientation is not None and len(orientation) == 6:
            along, down = np.array(orientation, np.float64).reshape(2, 3)
            try:
                along = unit(along)
                return np.array([along, unit(down - (down @ along) * along)])
            except GeometryError:
                continue
    return None
