"""Real world value mappings: the images and frames whose stored values one item maps (PS3.3 A.46, C.7.6.16.2.11)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydicom import Dataset

from converter.mapper import anatomy, coded, people, values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.gathering import Gathering, reference_of
from converter.selection import Concept, Selection

_ITEMS = "ReferencedImageRealWorldValueMappingSequence"
_QUANTITY = "246205007"


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield the images of each item, by series."""
    items = values.items(obj.dataset, _ITEMS)
    if not items:
        obj.report("sequence-missing", f"$.{_ITEMS}")
    creator = people.content_creator(obj.dataset)
    for number, item in enumerate(items, 1):
        path = f"$.{_ITEMS}[{number - 1}]"
        code = _code(obj, item, path)
        for key, gathered in _images(obj, item, path).keyed(obj, "item", str(number)):
            yield obj.selection(
                key,
                code,
                performers=() if creator is None else (creator,),
                series=gathered.series,
                frame_of_reference_uid=gathered.frame_of_reference_uid,
                body_sites=obj.body_sites(None, None, gathered.header),
                instances=gathered.instances,
                place=path,
            )


def _images(obj: AnnotationObject, item: Dataset, path: str) -> Gathering:
    gathering = Gathering()
    images = values.items(item, "ReferencedImageSequence")
    if not images:
        obj.report("sequence-missing", f"{path}.ReferencedImageSequence")
    for index, image in enumerate(images):
        reference = reference_of(obj, image, f"{path}.ReferencedImageSequence[{index}]")
        if reference is not None:
            gathering.add(reference)
    return gathering


def _code(obj: AnnotationObject, item: Dataset, path: str) -> Concept:
    """Return the first quantity that values are mapped to; its text names all mappings of the item."""
    found: list[Concept] = []
    for index, mapping in enumerate(values.items(item, "RealWorldValueMappingSequence")):
        concept = _mapping(obj, mapping, f"{path}.RealWorldValueMappingSequence[{index}]")
        if concept is not None:
            found.append(concept)
    if not found:
        obj.report("code-missing", path)
        return obj.kind.concept
    return replace(found[0], text="; ".join(dict.fromkeys(each.text for each in found if each.text is not None)))


def _mapping(obj: AnnotationObject, mapping: Dataset, path: str) -> Concept | None:
    """Return the quantity of one mapping with its explanation (else its label), or what its units are."""
    label = obj.text(mapping, "LUTExplanation") or obj.text(mapping, "LUTLabel")
    for index, item in enumerate(values.items(mapping, "QuantityDefinitionSequence")):
        name = coded.concept_of(item, "ConceptNameCodeSequence", obj.coding_schemes)
        quantity = obj.concept(item, "ConceptCodeSequence", f"{path}.QuantityDefinitionSequence[{index}]")
        if quantity is not None and coded.is_code(name, coded.SCT, _QUANTITY):
            return replace(quantity, text=anatomy.labelled(quantity.text or "", label))
    if label is not None:
        return Concept((), label)
    units = coded.concept_of(mapping, "MeasurementUnitsCodeSequence", obj.coding_schemes)
    return None if units is None else Concept((), units.text)
