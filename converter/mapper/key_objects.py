"""Key object selections: what a document title says of the instances that its content tree names (PS3.16 TID 2010)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from converter.mapper import coded, values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.content_tree import Item, read_tree, walk
from converter.mapper.gathering import Gathered, Gathering, Reference
from converter.mapper.observers import observers
from converter.mapper.sop_reference import VALUE_TYPES, SopReferences, selected
from converter.selection import Concept, Performer, Selection, SelectionKey

_TITLE_MODIFIER = "113011"
_DESCRIPTION = "113012"
# Rejected for Quality Reasons, Rejected for Patient Safety Reasons, Incorrect Modality Worklist Entry, Data Retention
# Policy Expired (CID 7010).
_REJECTION_TITLES = ("113001", "113037", "113038", "113039")


def selections(obj: AnnotationObject) -> Iterator[Selection]:
    """Yield what the document selects, by series: instances, their segments, what they are to be presented with."""
    root = read_tree(obj)
    if not root.children:
        obj.report("content-missing", "$.ContentSequence")
    document = _document(obj, root)
    yield from _KeyObjects(obj, root, document).selections()


@dataclass(frozen=True, slots=True)
class _Document:
    """What the document says of everything that it selects."""

    code: Concept
    categories: tuple[Concept, ...]
    performers: tuple[Performer, ...]
    is_rejection: bool


def _document(obj: AnnotationObject, root: Item) -> _Document:
    title = root.concept
    is_rejection = coded.is_code(title, coded.DCM, *_REJECTION_TITLES)
    if is_rejection:
        obj.report("rejection-note", "$.ConceptNameCodeSequence[0]")
    return _Document(
        code=_code(obj, root),
        categories=(obj.kind.concept, *([] if title is None else [title])),
        performers=observers([child.dataset for child in root.children], obj.coding_schemes),
        is_rejection=is_rejection,
    )


def _code(obj: AnnotationObject, root: Item) -> Concept:
    """Return the title; its text adds the title's modifiers and the Key Object Description."""
    modifiers = [
        concept.text
        for child in root.children
        if child.value_type == "CODE" and coded.is_code(child.concept, coded.DCM, _TITLE_MODIFIER)
        if (concept := obj.concept(child.dataset, "ConceptCodeSequence", child.path)) is not None
    ]
    descriptions = [
        values.text(child.dataset, "TextValue")
        for child in root.children
        if child.value_type == "TEXT" and coded.is_code(child.concept, coded.DCM, _DESCRIPTION)
    ]
    description = "; ".join(text for text in descriptions if text is not None)
    if root.concept is None and not description:
        obj.report("code-missing", "$.ConceptNameCodeSequence")
        return obj.kind.concept
    title = root.concept or Concept()
    named = ", ".join(text for text in (title.text, *modifiers) if text is not None)
    return replace(title, text=": ".join(text for text in (named, description) if text))


class _Part:
    """What is selected in one role, by series, and where it is first named."""

    def __init__(self, role: str) -> None:
        self._role = role
        self._gathering = Gathering()
        self._positions: dict[str, str] = {}

    def add(self, item: Item, references: Iterable[Reference]) -> None:
        """Add what an item refers to."""
        for reference in references:
            self._gathering.add(reference)
            self._positions[reference.path] = item.dotted

    def keyed(self, obj: AnnotationObject) -> Iterator[tuple[SelectionKey, Gathered]]:
        """Yield each series with the key of its selection, whose path is the position of the first item merged."""
        for key, gathered in self._gathering.keyed(obj, self._role, ""):
            yield replace(key, path=self._positions[gathered.place]), gathered


class _KeyObjects:
    """The selections of one document while they are gathered."""

    def __init__(self, obj: AnnotationObject, root: Item, document: _Document) -> None:
        self._obj = obj
        self._document = document
        self._instances = _Part("item")
        self._intersections: list[tuple[_Part, _Part]] = []
        self._companions = _Part("presentation")
        # SOP Instance UID of a companion → those of the instances that it is named with.
        self._named_with: dict[str, list[str]] = {}
        # SOP Instance UID → the selections of it.
        self._keys: dict[str, list[SelectionKey]] = {}
        for item in walk(root):
            if item.value_type in VALUE_TYPES:
                self._add(item, selected(obj, item.dataset, item.path))

    def selections(self) -> Iterator[Selection]:
        """Yield what was gathered."""
        yield from self._stated(self._instances)
        for frames, segments in self._intersections:
            whole = list(self._stated(frames))
            yield from whole
            yield from self._stated(segments, focus=tuple(each.key for each in whole))
        for key, gathered in self._companions.keyed(self._obj):
            named_with = (uid for each in gathered.instances for uid in self._named_with[each.sop_instance_uid])
            keys = (key for uid in named_with for key in self._keys.get(uid, ()))
            yield self._selection(key, gathered, tuple(dict.fromkeys(keys)))

    def _add(self, item: Item, found: SopReferences) -> None:
        if found.primary and found.segments:
            # Frames and segments together mean their intersection: merged with others it would be lost.
            frames, segments = _Part("item"), _Part("segment")
            frames.add(item, found.primary)
            segments.add(item, found.segments)
            self._intersections.append((frames, segments))
        else:
            self._instances.add(item, (*found.primary, *found.segments))
        companions = (*found.presentation_states, *found.real_world_value_mappings)
        self._companions.add(item, companions)
        for companion in companions:
            named_with = self._named_with.setdefault(companion.sop_instance_uid, [])
            named_with += (each.sop_instance_uid for each in (*found.primary, *found.segments))

    def _stated(self, part: _Part, focus: tuple[SelectionKey, ...] = ()) -> Iterator[Selection]:
        for key, gathered in part.keyed(self._obj):
            for instance in gathered.instances:
                self._keys.setdefault(instance.sop_instance_uid, []).append(key)
            yield self._selection(key, gathered, focus)

    def _selection(self, key: SelectionKey, gathered: Gathered, focus: tuple[SelectionKey, ...]) -> Selection:
        return self._obj.selection(
            key,
            self._document.code,
            status="inactive" if self._document.is_rejection else "available",
            categories=self._document.categories,
            performers=self._document.performers,
            series=gathered.series,
            frame_of_reference_uid=gathered.frame_of_reference_uid,
            body_sites=self._obj.body_sites(None, None, gathered.anatomy),
            focus=focus,
            instances=gathered.instances,
            place=gathered.place,
        )
