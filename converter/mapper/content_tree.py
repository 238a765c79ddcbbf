"""The content tree of a structured report, walked without recursion: trees thousands of levels deep exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pydicom import Dataset

from converter.mapper import coded, values
from converter.mapper.annotation_object import AnnotationObject
from converter.selection import Concept

VALUE_TYPES = frozenset(
    {
        *("CONTAINER", "TEXT", "CODE", "NUM", "DATETIME", "DATE", "TIME", "UIDREF", "PNAME", "TABLE"),
        *("COMPOSITE", "IMAGE", "WAVEFORM", "SCOORD", "SCOORD3D", "TCOORD"),
    }
)


@dataclass(slots=True, eq=False)
class Item:
    """A content item in its place (PS3.3 C.17.3).

    `target` is the item that a by-reference item stands for, once resolved. `concept` is its concept name.
    """

    dataset: Dataset
    parent: Item | None
    index: int
    value_type: str
    concept: Concept | None
    children: list[Item] = field(default_factory=list)
    target: Item | None = None
    is_reference: bool = False

    @property
    def position(self) -> tuple[int, ...]:
        """The position from the root, from 1, the root's own being (1,): Referenced Content Item Identifier."""
        numbers = [item.index + 1 for item in self.lineage()]
        numbers[-1] = 1
        return tuple(reversed(numbers))

    @property
    def dotted(self) -> str:
        """The position as text, 1.2.4."""
        return ".".join(map(str, self.position))

    @property
    def path(self) -> str:
        """The JSONPath of the item's data set."""
        steps = [f".ContentSequence[{item.index}]" for item in self.lineage() if item.parent is not None]
        return "$" + "".join(reversed(steps))

    def lineage(self) -> Iterator[Item]:
        """Yield the item, its parent, and so on up to the root."""
        item: Item | None = self
        while item is not None:
            yield item
            item = item.parent

    def resolved_children(self) -> Iterator[Item]:
        """Yield the children, by-reference ones as the items they stand for."""
        for child in self.children:
            if child.target is not None:
                yield child.target
            elif not child.is_reference:
                yield child


def read_tree(obj: AnnotationObject) -> Item:
    """Return the root of the object's content tree, references resolved.

    References that lead nowhere or in a loop are reported and stay without a target.
    """
    root = Item(obj.dataset, None, 0, "CONTAINER", obj.concept(obj.dataset, "ConceptNameCodeSequence", "$"))
    unread = [root]
    references: list[Item] = []
    unknown: list[Item] = []
    while unread:
        item = unread.pop()
        for index, dataset in enumerate(values.items(item.dataset, "ContentSequence")):
            child = _item(obj, dataset, item, index)
            item.children.append(child)
            if child.value_type not in VALUE_TYPES and not child.is_reference:
                unknown.append(child)
            if child.is_reference:
                references.append(child)
            else:
                unread.append(child)
    if unknown:
        obj.report("item-value-type", unknown[0].path, count=len(unknown))
    for reference in references:
        reference.target = _target(obj, root, reference)
    _break_loops(obj, root)
    return root


def walk(root: Item) -> Iterator[Item]:
    """Yield every item in document order, the root first; by-reference items are not followed."""
    stack = [root]
    while stack:
        item = stack.pop()
        yield item
        stack.extend(reversed(item.children))


def _item(obj: AnnotationObject, dataset: Dataset, parent: Item, index: int) -> Item:
    value_type = values.text(dataset, "ValueType") or ""
    is_reference = values.has_value(dataset, "ReferencedContentItemIdentifier") and not value_type
    concept = coded.concept_of(dataset, "ConceptNameCodeSequence", obj.coding_schemes)
    item = Item(dataset, parent, index, value_type, concept, is_reference=is_reference)
    # Paths grow with depth: they are built where there is something to say.
    if concept is not None and not coded.is_complete(concept):
        obj.check_codes(concept, f"{item.path}.ConceptNameCodeSequence[0]")
    return item


def _target(obj: AnnotationObject, root: Item, reference: Item) -> Item | None:
    position = obj.integers(reference.dataset, "ReferencedContentItemIdentifier", reference.path)
    found: Item | None = root if position[:1] == (1,) else None
    for number in position[1:]:
        if found is None or not 1 <= number <= len(found.children):
            found = None
            break
        found = found.children[number - 1]
    if found is None or found.is_reference:
        obj.report("item-reference-dangling", f"{reference.path}.ReferencedContentItemIdentifier")
        return None
    return found


def _break_loops(obj: AnnotationObject, root: Item) -> None:
    """Cut every reference that closes a loop: depth-first, a reference to an item still being walked is one."""
    open_items: set[int] = set()
    done: set[int] = set()
    stack: list[tuple[Item, bool]] = [(root, False)]
    while stack:
        item, leaving = stack.pop()
        if leaving:
            open_items.discard(id(item))
            done.add(id(item))
            continue
        if id(item) in done or id(item) in open_items:
            continue
        open_items.add(id(item))
        stack.append((item, True))
        if item.target is not None:
            if id(item.target) in open_items:
                obj.report("item-reference-loop", f"{item.path}.ReferencedContentItemIdentifier")
                item.target = None
            elif id(item.target) not in done:
                stack.append((item.target, False))
        stack.extend((child, False) for child in reversed(item.children))
