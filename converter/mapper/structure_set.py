"""Radiotherapy structure sets: each ROI is a selection, and so are its contours (PS3.3 A.19, C.8.8.5, C.8.8.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from pydicom import Dataset

from converter.mapper import anatomy, people, values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.contours import Contours, contours_of
from converter.mapper.projected import Projector, merged
from converter.selection import Concept, Performer, RegionsOfInterest, Selection, SelectionKey

_XOR_IN_WORDS = "contours combined by exclusive or: inner rings are holes"
_MODIFIERS = "SegmentedPropertyTypeModifierCodeSequence"


@dataclass(slots=True)
class _Structure:
    """A ROI: its definition and its observation (empty where there is none), and the items that hold its contours.

    `part` tells ROIs of one number apart.
    """

    number: int
    path: str
    definition: Dataset = field(default_factory=Dataset)
    observation: Dataset = field(default_factory=Dataset)
    observation_path: str = ""
    contour_items: list[tuple[Dataset, str]] = field(default_factory=list)
    part: str = ""


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield each structure, in the order defined, followed by its contours, by series of the images they are on.

    Contours whose frame of reference nothing names can be stated on images only.
    """
    projector, wanted = Projector(obj), obj.settings.regions
    for structure in _structures(obj):
        shared = _Shared(obj, structure)
        contours = contours_of(obj, structure.contour_items)
        yield shared.of_structure(contours)
        in_space = list(shared.of_contours(contours))
        yield from (each for each in in_space if each.frame_of_reference_uid is not None or wanted == "2d")
        if obj.settings.project and wanted == "as-stated":
            yield from merged(each for drawn in in_space for each in projector.placed(drawn)[0])


class _Shared:
    """What a structure's selections have in common."""

    def __init__(self, obj: AnnotationObject, structure: _Structure) -> None:
        self._obj = obj
        self._structure = structure
        self._code = _code(obj, structure)
        self._performers = _performers(obj, structure)
        self._issued = _issued(obj, structure)
        category = obj.concept(
            structure.observation, "SegmentedPropertyCategoryCodeSequence", structure.observation_path
        )
        self._categories = (obj.kind.concept, *([] if category is None else [category]))
        modifiers = anatomy.modifiers(obj, structure.observation, "RTROIIdentificationCodeSequence", _MODIFIERS)
        self._site, self._side = anatomy.site(obj, structure.observation, structure.observation_path, modifiers)
        self._key = replace(
            obj.key("structure", str(structure.number), obj.own_series.series_instance_uid or ""), part=structure.part
        )

    def of_structure(self, contours: Contours) -> Selection:
        obj, structure = self._obj, self._structure
        header = next((group.gathered.header for group in contours.groups if group.gathered.header), None)
        return obj.selection(
            self._key,
            self._code,
            categories=self._categories,
            performers=self._performers,
            issued=self._issued,
            series=obj.own_series,
            frame_of_reference_uid=_stated_frame_of_reference(obj, structure)
            or obj.text(obj.dataset, "FrameOfReferenceUID"),
            body_sites=obj.body_sites(self._site, self._side, header),
            instances=(obj.own_instance(subset=RegionsOfInterest((structure.number,))),),
            place=structure.path,
        )

    def of_contours(self, contours: Contours) -> Iterator[Selection]:
        """Yield the contours by series; the frame of reference is None where nothing names one, which is reported."""
        obj, structure = self._obj, self._structure
        code = self._code
        if contours.xor_path is not None:
            obj.report("contour-xor", contours.xor_path)
            code = replace(code, text=f"{code.text} ({_XOR_IN_WORDS})")
        keys: Counter[SelectionKey] = Counter()
        for group in contours.groups:
            frame_of_reference = _frame_of_reference(obj, structure) or group.gathered.frame_of_reference_uid
            if frame_of_reference is None:
                obj.report("region-without-frame-of-reference", group.path)
            key = obj.key("regions3d", str(structure.number), group.gathered.series_uid, frame_of_reference or "")
            key = replace(key, part=structure.part)
            keys[key] += 1
            if keys[key] > 1:
                key = replace(key, part=f"{structure.part}.{keys[key] - 1}".strip("."))
            yield obj.selection(
                key,
                code,
                categories=self._categories,
                performers=self._performers,
                issued=self._issued,
                series=group.gathered.series,
                frame_of_reference_uid=frame_of_reference,
                body_sites=obj.body_sites(self._site, self._side, group.gathered.header),
                focus=(self._key,),
                instances=group.gathered.instances,
                regions_3d=tuple(group.regions),
                place=group.path,
            )


def _structures(obj: AnnotationObject) -> list[_Structure]:
    """Return the ROIs defined, then those that contours name without a definition."""
    structures = list(_defined(obj))
    counts = Counter(structure.number for structure in structures)
    _number_parts(obj, structures, counts)
    by_number: dict[int, _Structure] = {}
    for structure in structures:
        by_number.setdefault(structure.number, structure)
    for item, path, number in _referring(obj, "ROIContourSequence"):
        if number not in by_number:
            obj.report("roi-not-defined", f"{path}.ReferencedROINumber")
            by_number[number] = _Structure(number, path)
            structures.append(by_number[number])
        by_number[number].contour_items.append((item, path))
    for item, path, number in _referring(obj, "RTROIObservationsSequence"):
        observed = by_number.get(number)
        if observed is None:
            obj.report("roi-not-defined", f"{path}.ReferencedROINumber")
        elif not observed.observation_path:
            observed.observation, observed.observation_path = item, path
    if values.items(obj.dataset, "ROIContourSequence"):
        for structure in structures:
            if not any(values.items(item, "ContourSequence") for item, _ in structure.contour_items):
                obj.report("roi-without-contours", structure.path)
    return structures


def _defined(obj: AnnotationObject) -> Iterator[_Structure]:
    for item, path, number in _referring(obj, "StructureSetROISequence", "ROINumber"):
        yield _Structure(number, path, item)


def _number_parts(obj: AnnotationObject, structures: list[_Structure], counts: Counter[int]) -> None:
    """Tell ROIs of one number apart; contours and observations of that number are taken for the first one's."""
    if any(count > 1 for count in counts.values()):
        obj.report("roi-duplicate", "$.StructureSetROISequence")
    parts: Counter[int] = Counter()
    for structure in structures:
        if counts[structure.number] > 1:
            structure.part = str(parts[structure.number])
            parts[structure.number] += 1


def _referring(
    obj: AnnotationObject, keyword: str, number_keyword: str = "ReferencedROINumber"
) -> Iterator[tuple[Dataset, str, int]]:
    """Yield the items of a sequence that have a ROI number, each with its path and that number."""
    items = values.items(obj.dataset, keyword)
    if not items:
        obj.report("sequence-missing", f"$.{keyword}")
    for index, item in enumerate(items):
        path = f"$.{keyword}[{index}]"
        try:
            number = values.integer(item, number_keyword)
        except values.ValueUnreadableError:
            number = None
        if number is None or number < 0:
            obj.report("roi-invalid", f"{path}.{number_keyword}")
        else:
            yield item, path, number


def _stated_frame_of_reference(obj: AnnotationObject, structure: _Structure) -> str | None:
    return obj.text(structure.definition, "ReferencedFrameOfReferenceUID")


def _frame_of_reference(obj: AnnotationObject, structure: _Structure) -> str | None:
    """Return the ROI's frame of reference, else the only one that the object refers to, else the object's own."""
    stated = _stated_frame_of_reference(obj, structure)
    if stated is not None:
        return stated
    items = values.items(obj.dataset, "ReferencedFrameOfReferenceSequence")
    referred = {uid for uid in (values.text(item, "FrameOfReferenceUID") for item in items) if uid is not None}
    return referred.pop() if len(referred) == 1 else obj.text(obj.dataset, "FrameOfReferenceUID")


def _code(obj: AnnotationObject, structure: _Structure) -> Concept:
    """Return the identification code; its text adds the label (else the name) and the interpreted type."""
    observation = structure.observation
    keyword = "RTROIIdentificationCodeSequence"
    concept = obj.concept(observation, keyword, structure.observation_path)
    label = obj.text(observation, "ROIObservationLabel") or obj.text(structure.definition, "ROIName")
    interpreted_type = obj.text(observation, "RTROIInterpretedType")
    if concept is not None:
        modifiers = anatomy.modifiers(obj, observation, keyword, _MODIFIERS)
        label = anatomy.labelled(anatomy.qualified(concept, modifiers), label)
    if label is None:
        label = interpreted_type
    elif interpreted_type is not None and interpreted_type.casefold() not in label.casefold():
        label = f"{label} ({interpreted_type})"
    if label is None:
        obj.report("code-missing", structure.path)
        return obj.kind.concept
    return replace(concept or Concept(), text=label)


def _performers(obj: AnnotationObject, structure: _Structure) -> tuple[Performer, ...]:
    """Return who interpreted or drew the ROI, and the algorithm, by ROI Generation Algorithm (3006,0036).

    Where no person is named and the ROI was not made automatically, the operators. None leaves it to the equipment.
    """
    definition, observation = structure.definition, structure.observation
    interpreters = [people.person(name) for name in values.person_names(observation, "ROIInterpreter")]
    named: dict[Performer, None] = dict.fromkeys(each for each in interpreters if each is not None)
    named |= dict.fromkeys(people.authors(observation, "ROIInterpreterSequence"))
    named |= dict.fromkeys(people.authors(definition, "ROICreatorSequence"))
    generation = values.text(definition, "ROIGenerationAlgorithm")
    if generation == "MANUAL":
        return (*named,) or people.operators(obj.dataset)
    algorithms = people.algorithms(definition, "ROIDerivationAlgorithmIdentificationSequence")
    if generation == "AUTOMATIC":
        return (*named, *(algorithms or obj.equipment))
    return (*(named or people.operators(obj.dataset)), *algorithms)


def _issued(obj: AnnotationObject, structure: _Structure) -> datetime | None:
    """Return when the ROI was observed or drawn, else when the structure set was made."""
    observed = obj.issued_at(structure.observation, "ROIObservationDateTime", structure.observation_path)
    return observed or obj.issued_at(structure.definition, "ROIDateTime", structure.path) or obj.issued
