"""Waveform annotations: the channels of a waveform that each annotation in it is about (PS3.3 C.10.10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pydicom import Dataset

from converter.mapper import anatomy, values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.sop_reference import channels_of
from converter.selection import Concept, Selection

_ITEMS = "WaveformAnnotationSequence"
_MODIFIERS = "ModifierCodeSequence"


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield the channels of each annotation, all of the waveform where an annotation names none."""
    groups = values.items(obj.dataset, "WaveformSequence")
    counts = tuple(len(values.items(group, "ChannelDefinitionSequence")) for group in groups)
    for number, item in enumerate(values.items(obj.dataset, _ITEMS), 1):
        path = f"$.{_ITEMS}[{number - 1}]"
        if values.has_value(item, "TemporalRangeType"):
            obj.report("temporal-range", f"{path}.TemporalRangeType")
        channels = channels_of(obj, item, path, counts)
        yield obj.selection(
            obj.key("item", str(number), obj.own_series.series_instance_uid or ""),
            _code(obj, item, path),
            series=obj.own_series,
            instances=(obj.own_instance(subset=channels),),
            place=path,
        )


def _code(obj: AnnotationObject, item: Dataset, path: str) -> Concept:
    """Return the annotation's name; its text adds the coded value. An annotation without a name is its words."""
    words = obj.text(item, "UnformattedTextValue")
    concept = obj.concept(item, "ConceptNameCodeSequence", path)
    if concept is None:
        if words is not None:
            return Concept((), words)
        obj.report("code-missing", path)
        return obj.kind.concept
    text = anatomy.qualified(concept, anatomy.modifiers(obj, item, "ConceptNameCodeSequence", _MODIFIERS))
    value = obj.concept(item, "ConceptCodeSequence", path)
    if value is not None:
        modifiers = anatomy.modifiers(obj, item, "ConceptCodeSequence", _MODIFIERS)
        text = f"{text}: {anatomy.qualified(value, modifiers)}"
    return replace(concept, text=text)
