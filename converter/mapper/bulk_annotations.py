"""Microscopy bulk simple annotations: each group is a selection of its annotations (PS3.3 A.87, C.37.1.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
from pydicom import Dataset

from converter.mapper import anatomy, people, values
from converter.mapper.annotation_coordinates import Annotations, Numbers, annotations_of, keyword_of
from converter.mapper.annotation_object import AnnotationObject, oid_identifier
from converter.mapper.gathering import Gathered, Gathering, Reference, reference_of
from converter.mapper.total_pixel_matrix import TotalPixelMatrix, extent, in_tile, is_tiled, only_frames, pixel_origin
from converter.packed import PackedRegions, PackedType, with_z
from converter.selection import (
    Concept,
    Coordinates,
    Frames,
    Identifier,
    Performer,
    Region2D,
    Region3D,
    Selection,
    SelectionKey,
    Series,
)

_GROUPS = "AnnotationGroupSequence"
_PROPERTY_TYPE = "AnnotationPropertyTypeCodeSequence"
# Whole slide and tiled pyramidal confocal microscopy: always tiled (PS3.3 A.32.8, A.90.2).
_TILED_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.77.1.6", "1.2.840.10008.5.1.4.1.1.77.1.9"})
_TYPE_MODIFIERS = "AnnotationPropertyTypeModifierCodeSequence"


_Region = TypeVar("_Region", Region2D, Region3D)


@dataclass(frozen=True, slots=True)
class _Group:
    """A group and what its selections have in common; `number` is that of the group, from 1."""

    item: Dataset
    path: str
    number: int
    code: Concept
    categories: tuple[Concept, ...]
    identifiers: tuple[Identifier, ...]
    performers: tuple[Performer, ...]
    site: Concept | None
    side: str | None


@dataclass(frozen=True, slots=True)
class _Part(Generic[_Region]):
    """Regions of a group that go into one resource: all, or those that `place` names; `name` tells parts apart."""

    regions: Sequence[_Region] = ()
    name: str = ""
    place: str | None = None


_NO_REGIONS: _Part[Any] = _Part()


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield each group: on the image that it is drawn on, or in space by series of the images.

    A group of very many vertices is divided (`max_region_vertices`), and so are annotations of different types.
    """
    groups = values.items(obj.dataset, _GROUPS)
    if not groups:
        obj.report("sequence-missing", f"$.{_GROUPS}")
    dimensions = _dimensions(obj, groups)
    references = _references(obj)
    if dimensions == 2:
        references = _on_first(obj, references)
    matrix = _Matrix(obj)
    for group in _numbered(obj, groups):
        if dimensions == 3:
            yield from _in_space(obj, group, references)
        else:
            yield from _on_images(obj, group, references, matrix, has_type=dimensions == 2)


# Which image, and where on it


def _dimensions(obj: AnnotationObject, groups: Sequence[Dataset]) -> int | None:
    """Return whether coordinates are of two or three dimensions, None if nothing says so."""
    path = "$.AnnotationCoordinateType"
    stated = {"2D": 2, "3D": 3}.get(values.text(obj.dataset, "AnnotationCoordinateType") or "")
    if stated is not None or not groups:
        return stated
    found = None
    if values.has_value(obj.dataset, "PixelOriginInterpretation"):
        found = 2
    elif any(values.has_value(group, "CommonZCoordinateValue") for group in groups):
        found = 3
    if found is None:
        obj.report("annotation-coordinate-type", path)
    else:
        obj.report("annotation-coordinate-type-assumed", path, type=f"{found}D")
    return found


def _references(obj: AnnotationObject) -> list[Reference]:
    """Return the images that the object is about: those it names, else those that it refers to at all."""
    keyword = "ReferencedImageSequence"
    paths = [(item, f"$.{keyword}[{n}]") for n, item in enumerate(values.items(obj.dataset, keyword))]
    for index, series in enumerate(() if paths else values.items(obj.dataset, "ReferencedSeriesSequence")):
        path = f"$.ReferencedSeriesSequence[{index}].ReferencedInstanceSequence"
        paths += [(item, f"{path}[{n}]") for n, item in enumerate(values.items(series, "ReferencedInstanceSequence"))]
    found = (reference_of(obj, item, path) for item, path in paths)
    return [reference for reference in found if reference is not None]


def _on_first(obj: AnnotationObject, references: list[Reference]) -> list[Reference]:
    """Return the images of positions in pixels, which are drawn on the first; none if it is not known which that is."""
    if not values.items(obj.dataset, "ReferencedImageSequence"):
        obj.report("sequence-missing", "$.ReferencedImageSequence")
        if len(references) > 1:
            # Which of them is drawn on, nothing says.
            return []
    if len(references) > 1:
        obj.report("annotation-images", "$.ReferencedImageSequence")
    return references


class _Matrix:
    """Places annotations that are stated in pixels."""

    def __init__(self, obj: AnnotationObject) -> None:
        self._obj = obj
        self._matrix = TotalPixelMatrix(obj)

    def place(self, reference: Reference, found: list[Annotations]) -> tuple[Reference, list[Annotations]]:
        """Return what positions in pixels are relative to, and the annotations with positions in that.

        By Pixel Origin Interpretation (0048,0301): VOLUME is the total pixel matrix, which stands for the whole image,
        unless one frame is named that holds all annotations.
        """
        path = "$.PixelOriginInterpretation"
        if _origin(self._obj, reference) != "VOLUME" or not isinstance(reference.subset, Frames) or not found:
            return reference, found
        reaches = np.concatenate([_bounds(each) for each in found])
        tile = self._matrix.tile_holding(reference, only_frames([reference]), reaches)
        if tile is not None:
            return reference, [replace(each, coordinates=in_tile(each.coordinates, tile)) for each in found]
        self._obj.report_once("region-matrix", path)
        return replace(reference, subset=None), found


def _origin(obj: AnnotationObject, reference: Reference) -> str:
    """Return the Pixel Origin Interpretation, where it says neither VOLUME for a tiled image and FRAME for others."""
    stated = pixel_origin(obj.dataset)
    if stated is not None:
        return stated
    header = reference.located.instance
    if not (reference.sop_class_uid in _TILED_CLASSES if header is None else is_tiled(header)):
        return "FRAME"
    obj.report_once("pixel-origin-volume", "$.PixelOriginInterpretation")
    return "VOLUME"


def _bounds(each: Annotations) -> Coordinates:
    reach = extent("ellipse" if each.type == "ellipse" else "multipoint", each.coordinates)
    return np.array([reach.min(axis=0), reach.max(axis=0)])


def _is_placed(obj: AnnotationObject, reference: Reference) -> bool:
    """Return whether it is known which frame positions are in: a position in any frame is none in the image."""
    header = reference.located.instance
    is_whole = header is None or (header.number_of_frames or 1) == 1 or reference.subset is not None
    return is_whole or _origin(obj, reference) != "FRAME"


def _check_inside(obj: AnnotationObject, group: _Group, reference: Reference, found: list[Annotations]) -> None:
    """Warn where annotations reach outside of the image, or of the frame that they are in."""
    header = reference.located.instance
    if header is None:
        return
    columns, rows = header.columns, header.rows
    if not isinstance(reference.subset, Frames):
        columns, rows = header.total_pixel_matrix_columns or columns, header.total_pixel_matrix_rows or rows
    if columns is None or rows is None:
        return
    if not all(_are_inside(each.coordinates, columns, rows) for each in found):
        obj.report("region-outside", f"{group.path}.{keyword_of(group.item)}")


def _are_inside(points: Coordinates, columns: int, rows: int) -> bool:
    # All numbers at once, which is seldom not enough: comparing columns and rows takes longer than writing the points.
    if points.min() >= 0 and points.max() <= min(columns, rows):
        return True
    return not ((points < 0) | (points > np.array([columns, rows]))).any()


# Groups


def _numbered(obj: AnnotationObject, groups: Sequence[Dataset]) -> Iterator[_Group]:
    paths = [f"$.{_GROUPS}[{index}]" for index in range(len(groups))]
    stated = [obj.integer(each, "AnnotationGroupNumber", path) for each, path in zip(groups, paths, strict=True)]
    positions = list(range(1, len(groups) + 1))
    numbers = [number for number in stated if number is not None and number > 0]
    if len(set(numbers)) < len(groups):
        obj.report("annotation-group-number", f"$.{_GROUPS}")
        numbers = positions
    for item, path, number in zip(groups, paths, numbers, strict=True):
        yield _group(obj, item, path, number)


def _group(obj: AnnotationObject, item: Dataset, path: str, number: int) -> _Group:
    uid = values.text(item, "AnnotationGroupUID")
    category = obj.concept(item, "AnnotationPropertyCategoryCodeSequence", path)
    type_modifiers = anatomy.modifiers(obj, item, _PROPERTY_TYPE, _TYPE_MODIFIERS)
    site, side = anatomy.site(obj, item, path, type_modifiers)
    algorithms = people.algorithms(item, "AnnotationGroupAlgorithmIdentificationSequence")
    if values.items(item, "MeasurementsSequence"):
        obj.report("annotation-measurements", f"{path}.MeasurementsSequence")
    return _Group(
        item,
        path,
        number,
        _code(obj, item, path, type_modifiers),
        (obj.kind.concept, *([] if category is None else [category])),
        () if uid is None else (oid_identifier(uid),),
        people.makers(obj.dataset, values.text(item, "AnnotationGroupGenerationType"), algorithms),
        site,
        side,
    )


def _code(obj: AnnotationObject, item: Dataset, path: str, modifiers: list[Concept]) -> Concept:
    """Return the property type; its text adds modifiers, label, description and the optical paths that are meant."""
    concept = obj.concept(item, _PROPERTY_TYPE, path)
    labels = [obj.text(item, keyword) for keyword in ("AnnotationGroupLabel", "AnnotationGroupDescription")]
    meaning = None if concept is None else anatomy.qualified(concept, modifiers)
    for label in labels:
        meaning = label if meaning is None else anatomy.labelled(meaning, label)
    if meaning is None:
        obj.report("code-missing", path)
        meaning = obj.kind.concept.text
    optical_paths = values.texts(item, "ReferencedOpticalPathIdentifier")
    if values.text(item, "AnnotationAppliesToAllOpticalPaths") == "NO" and optical_paths:
        obj.report("optical-paths", f"{path}.ReferencedOpticalPathIdentifier")
        meaning = f"{meaning} (optical paths {', '.join(optical_paths)})"
    codings = () if concept is None and any(labels) else (concept or obj.kind.concept).codings
    return Concept(codings, meaning)


# Selections


def _on_images(
    obj: AnnotationObject, group: _Group, references: list[Reference], matrix: _Matrix, *, has_type: bool
) -> Iterator[Selection]:
    """Yield the group's annotations on the first image, and that others are selected with it."""
    found: list[Annotations] = []
    if not references:
        obj.report("region-without-image", group.path)
        return
    if has_type and not _is_placed(obj, references[0]):
        obj.report("annotation-frame", f"{group.path}.{keyword_of(group.item)}")
    elif has_type:
        on, found = matrix.place(references[0], annotations_of(obj, group.item, group.path, 2))
        references = [on, *references[1:]]
        _check_inside(obj, group, references[0], found)
    if not found and _has_none(group):
        return
    parts = list(_parts(found, Region2D, obj.settings.max_region_vertices)) or [_NO_REGIONS]
    gathering = Gathering()
    for reference in references:
        gathering.add(reference)
    for key, gathered in gathering.keyed(obj, "regions2d", str(group.number)):
        instances = gathered.instances
        is_first = gathered is next(iter(gathering))
        for part in parts if is_first else [_NO_REGIONS]:
            drawn = (replace(instances[0], regions=part.regions), *instances[1:]) if is_first else instances
            yield _selection(obj, group, key, part, gathered, instances=drawn)


def _in_space(obj: AnnotationObject, group: _Group, references: list[Reference]) -> Iterator[Selection]:
    """Yield the group's annotations in the frame of reference, by series of the images; without images, once."""
    if values.text(group.item, "AnnotationAppliesToAllZPlanes") == "YES":
        obj.report("z-planes", f"{group.path}.AnnotationAppliesToAllZPlanes")
    found = annotations_of(obj, group.item, group.path, 3)
    if not found and _has_none(group):
        return
    parts = list(_parts(found, Region3D, obj.settings.max_region_vertices))
    gathering = Gathering()
    for reference in references:
        gathering.add(reference)
    role, path = "regions3d", str(group.number)
    nowhere = [(obj.key(role, path), Gathered(Series()))]
    for key, gathered in list(gathering.keyed(obj, role, path)) or nowhere:
        uid = obj.text(obj.dataset, "FrameOfReferenceUID") or gathered.frame_of_reference_uid
        if parts and uid is None:
            obj.report("region-without-frame-of-reference", f"{group.path}.{keyword_of(group.item)}")
        in_space = replace(key, frame_of_reference=uid or "")
        stated = parts if uid is not None else []
        for part in stated or ([_NO_REGIONS] if references else []):
            yield _selection(
                obj, group, in_space, part, gathered, instances=gathered.instances, regions_3d=part.regions
            )


def _has_none(group: _Group) -> bool:
    """Return whether a group states that it has no annotations, and has none: it selects nothing."""
    try:
        number = values.integer(group.item, "NumberOfAnnotations")
    except values.ValueUnreadableError:
        return False
    return number == 0 and not values.has_value(group.item, keyword_of(group.item))


def _selection(
    obj: AnnotationObject, group: _Group, key: SelectionKey, part: _Part[Any], gathered: Gathered, **elements: Any
) -> Selection:
    code = group.code if part.place is None else replace(group.code, text=f"{group.code.text} ({part.place})")
    own = replace(key, part=".".join(name for name in (key.part, part.name) if name))
    return obj.selection(
        own,
        code,
        identifiers=group.identifiers,
        categories=group.categories,
        performers=group.performers,
        series=gathered.series,
        frame_of_reference_uid=key.frame_of_reference or gathered.frame_of_reference_uid,
        body_sites=obj.body_sites(group.site, group.side, gathered.anatomy),
        place=group.path,
        **elements,
    )


def _parts(found: list[Annotations], made: type[_Region], most: int) -> Iterator[_Part[_Region]]:
    """Yield the regions of each resource: of one type, and of no more vertices than `most` unless one has more."""
    divided = [(regions, numbers, each.of) for each in found for regions, numbers in _divided(each, made, most)]
    for index, (regions, numbers, of) in enumerate(divided):
        if len(divided) == 1:
            yield _Part(regions, "", None)
        else:
            yield _Part(regions, str(index), _place(numbers, of))


def _divided(each: Annotations, made: type[_Region], most: int) -> Iterator[tuple[Sequence[_Region], Numbers]]:
    """Yield the regions of each part with the numbers of their annotations."""
    if each.type == "multipoint":
        for first in range(0, len(each.coordinates), most):
            points = each.coordinates[first : first + most]
            points = points if each.z is None else with_z(points, each.z)
            yield (made("multipoint", points),), each.numbers[first : first + most]
        return
    kind: PackedType = "ellipse" if each.type == "ellipse" else "polyline"
    packed = PackedRegions(made, kind, each.coordinates, each.starts, each.type == "ring", each.z)
    for first, part in packed.parts(most):
        yield part, each.numbers[first : first + len(part)]


def _place(numbers: Numbers, of: int) -> str:
    """Return where in its group a part is: annotations are numbered from 1 in their order."""
    first, last = int(numbers[0]), int(numbers[-1])
    if last - first == len(numbers) - 1:
        return f"annotation {first} of {of}" if first == last else f"annotations {first} to {last} of {of}"
    return f"{len(numbers)} of {of} annotations, {first} the first and {last} the last"
