"""What a selection states, in the terms that `reading` has for resources of any release."""

from __future__ import annotations

from typing import Any

import numpy as np

from converter.selection import (
    Channels,
    Code,
    Concept,
    ContentItem,
    Identifier,
    LogicalReference,
    Region2D,
    Region3D,
    Segments,
    SelectedInstance,
    Selection,
    Subset,
)
from converter.selection import Frames as FrameNumbers
from converter.selection import RegionsOfInterest as RegionNumbers

Facts = dict[str, Any]
NUMBERS = {FrameNumbers: "frameNumber", Segments: "segmentNumber", RegionNumbers: "regionOfInterest"}


def stated(selection: Selection) -> Facts:
    series = selection.series
    return {
        "id": selection.id,
        "identifiers": [identifier(each) for each in selection.identifiers],
        "status": selection.status,
        "modality": selection.modality and coding(selection.modality),
        "categories": [concept(each) for each in selection.categories],
        "code": concept(selection.code),
        "subject": selection.subject and reference(selection.subject),
        "issued": selection.issued,
        "performers": [
            (each.function and coding(each.function), reference(each.actor)) for each in selection.performers
        ],
        "based_on": [reference(each) for each in selection.based_on],
        "derived_from": series.study_instance_uid or None,
        "study": series.study_instance_uid or None,
        "series": series.series_instance_uid or None,
        "series_number": series.number,
        "frame_of_reference": selection.frame_of_reference_uid or None,
        "body_sites": [concept(each) for each in selection.body_sites],
        "focus": list(dict.fromkeys(each.id for each in selection.focus)),
        "endpoints": list(dict.fromkeys(selection.endpoints)),
        "instances": [instance(each) for each in selection.instances],
        "regions_3d": [region(each) for each in selection.regions_3d],
    }


def instance(each: SelectedInstance) -> Facts:
    return {
        "uid": each.sop_instance_uid or None,
        "sop_class": each.sop_class_uid or None,
        "number": each.number,
        "subset": subset(each.subset),
        "regions": [region(one) for one in each.regions],
    }


def subset(each: Subset | None) -> tuple[Any, ...] | None:
    match each:
        case None:
            return None
        case ContentItem(position, uid):
            return ("item", position, uid)
        case Channels(pairs):
            return ("channels", pairs)
        case _:
            return (NUMBERS[type(each)], each.numbers)


def region(each: Region2D | Region3D) -> tuple[Any, ...]:
    """Type and points; a float32 as the shortest decimal that reads back to it."""
    single = each.coordinates.dtype.itemsize == 4
    points = each.coordinates.astype(np.float32 if single else np.float64)
    return (each.type, tuple(tuple(float(str(value)) for value in point) for point in points))


def coding(each: Code) -> tuple[Any, ...]:
    return ("coding", each.system, each.version, each.code, each.display)


def concept(each: Concept) -> tuple[Any, ...]:
    return ("concept", tuple(coding(code) for code in each.codings), each.text)


def identifier(each: Identifier) -> tuple[Any, ...]:
    return ("identifier", each.use, each.type and coding(each.type), each.system, each.value, each.assigner)


def reference(each: LogicalReference) -> tuple[Any, ...]:
    return ("reference", each.type, each.identifier and identifier(each.identifier), each.display)
