"""What computer-aided detection says of the images and regions that it finds (PS3.16 TID 4000, 4100, 4120)."""

from __future__ import annotations

from converter.mapper import coded, values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.content_tree import Item
from converter.selection import Concept

_SINGLE_IMAGE_FINDING = "111059"
_COMPOSITE_FEATURE = "111015"
_RENDERING_INTENT = "111056"
_IMAGE_LATERALITY = "111027"


def finding(obj: AnnotationObject, item: Item) -> Concept | None:
    """Return what a Single Image Finding or Composite Feature is: a nodule, a cluster; None for any other item."""
    if item.value_type != "CODE" or not coded.is_code(
        item.concept, coded.DCM, _SINGLE_IMAGE_FINDING, _COMPOSITE_FEATURE
    ):
        return None
    return coded.concept_of(item.dataset, "ConceptCodeSequence", obj.coding_schemes)


def is_composite(item: Item) -> bool:
    """Return whether an item is a Composite Feature: findings on several images that are one thing."""
    return item.value_type == "CODE" and coded.is_code(item.concept, coded.DCM, _COMPOSITE_FEATURE)


def rendering_intent(obj: AnnotationObject, item: Item) -> Concept | None:
    """Return whether a finding is to be presented, None if the item does not say."""
    return _child_code(obj, item, _RENDERING_INTENT)


def image_site(obj: AnnotationObject, item: Item) -> tuple[Concept | None, str | None]:
    """Return site and side (R, L, B) of an image as its Image Laterality has them (TID 1602, 4020).

    Of mammograms it is a breast, of other images a side.
    """
    stated = _child_code(obj, item, _IMAGE_LATERALITY)
    side = coded.side_of(stated)
    return (stated, None) if side is None else (None, side)


def referenced_uids(item: Item) -> list[str]:
    """Return the SOP Instance UIDs that an item refers to."""
    uids = (values.text(sop, "ReferencedSOPInstanceUID") for sop in values.items(item.dataset, "ReferencedSOPSequence"))
    return [uid for uid in uids if uid is not None]


def _child_code(obj: AnnotationObject, item: Item, code_value: str) -> Concept | None:
    for child in item.children:
        if child.value_type == "CODE" and coded.is_code(child.concept, coded.DCM, code_value):
            return coded.concept_of(child.dataset, "ConceptCodeSequence", obj.coding_schemes)
    return None
