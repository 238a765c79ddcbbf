"""What and where something segmented is: codes with their modifiers, anatomic site and side (PS3.3 10.5, C.8.20.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pydicom import Dataset

from converter.mapper import coded, values
from converter.mapper.annotation_object import AnnotationObject
from converter.selection import Concept


def site(
    obj: AnnotationObject, dataset: Dataset, path: str, type_modifiers: Iterable[Concept] = ()
) -> tuple[Concept | None, str | None]:
    """Return the anatomic region, else the primary anatomic structure, and its side: R, L or B.

    `path` is that of `dataset`; `type_modifiers` may name the side of what has none of its own.
    """
    for keyword, modifier_keyword in (
        ("AnatomicRegionSequence", "AnatomicRegionModifierSequence"),
        ("PrimaryAnatomicStructureSequence", "PrimaryAnatomicStructureModifierSequence"),
    ):
        found = obj.concept(dataset, keyword, path)
        if found is not None:
            own = modifiers(obj, dataset, keyword, modifier_keyword)
            others = [each for each in own if coded.side_of(each) is None]
            return replace(found, text=qualified(found, others)), _side((*own, *type_modifiers))
    return None, _side(type_modifiers)


def modifiers(obj: AnnotationObject, dataset: Dataset, keyword: str, modifier_keyword: str) -> list[Concept]:
    """Return the modifiers of the code in the sequence `keyword`."""
    found = (
        coded.concept_of_item(item, obj.coding_schemes)
        for code in values.items(dataset, keyword)[:1]
        for item in values.items(code, modifier_keyword)
    )
    return [concept for concept in found if concept is not None]


def qualified(concept: Concept, by: Iterable[Concept]) -> str:
    """Return the concept's text with those of its modifiers."""
    return ", ".join(each.text for each in (concept, *by) if each.text is not None)


def labelled(meaning: str, label: str | None) -> str:
    """Return what something is, once: its coded meaning, its label, or both where neither says the other."""
    if label is None or label.casefold() in meaning.casefold():
        return meaning
    return label if meaning.casefold() in label.casefold() else f"{meaning}: {label}"


def _side(of: Iterable[Concept]) -> str | None:
    return next((side for side in map(coded.side_of, of) if side is not None), None)
