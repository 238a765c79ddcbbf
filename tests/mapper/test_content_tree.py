"""The content tree: positions as in Referenced Content Item Identifier (PS3.3 C.18.3), references, loops."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset

from converter.catalog import EmptyCatalog
from converter.mapper import KINDS
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.content_tree import Item, read_tree, walk
from converter.settings import Settings
from tests.builders import by_reference, code, container, item, report


def tree(*children: Dataset) -> tuple[Item, AnnotationObject]:
    obj = AnnotationObject(report(*children), EmptyCatalog(), Settings(), "1.2.3", KINDS["SR"])
    return read_tree(obj), obj


def text(words: str, *children: Dataset) -> Dataset:
    return item("TEXT", code("121106", "DCM", "Comment"), children, TextValue=words)


def test_items_come_in_document_order_with_their_positions_and_paths() -> None:
    root, _ = tree(container(None, text("a"), text("b", text("c"))), text("d"))
    found = [(each.dataset.get("TextValue"), each.dotted, each.path) for each in walk(root)]
    assert found == [
        (None, "1", "$"),
        (None, "1.1", "$.ContentSequence[0]"),
        ("a", "1.1.1", "$.ContentSequence[0].ContentSequence[0]"),
        ("b", "1.1.2", "$.ContentSequence[0].ContentSequence[1]"),
        ("c", "1.1.2.1", "$.ContentSequence[0].ContentSequence[1].ContentSequence[0]"),
        ("d", "1.2", "$.ContentSequence[1]"),
    ]


def test_a_reference_stands_for_the_item_at_its_position() -> None:
    root, obj = tree(container(None, text("a"), text("b")), container(None, by_reference(1, 1, 2)))
    (resolved,) = root.children[1].resolved_children()
    assert resolved.dataset.TextValue == "b"
    assert obj.problems == []


def test_the_root_may_not_be_referred_to_from_within() -> None:
    root, obj = tree(container(None, by_reference(1)))
    assert list(root.children[0].resolved_children()) == []
    assert [each.code for each in obj.problems] == ["item-reference-loop"]


def test_a_reference_to_a_reference_leads_nowhere() -> None:
    _, obj = tree(container(None, by_reference(1, 2, 1)), container(None, by_reference(1, 3)), text("a"))
    assert [(each.code, each.path) for each in obj.problems] == [
        (
            "item-reference-dangling",
            "$.ContentSequence[0].ContentSequence[0].ReferencedContentItemIdentifier",
        )
    ]


def test_positions_that_are_not_there_are_dangling() -> None:
    for position in ((2, 1), (1, 0), (1, 3), (1, 1, 1)):
        _, obj = tree(text("a"), container(None, by_reference(*position)))
        assert [each.code for each in obj.problems] == ["item-reference-dangling"], position


def test_unknown_value_types_are_reported_once_with_their_number_and_their_children_read() -> None:
    root, obj = tree(item("PICTURE", None, [text("a")]), item("", None, [text("b")]))
    assert [each.dataset.get("TextValue") for each in walk(root)][1:] == [None, "a", None, "b"]
    (problem,) = obj.problems
    assert (problem.code, problem.message[:2]) == ("item-value-type", "2 ")


@given(st.recursive(st.just([]), lambda inner: st.lists(inner, max_size=3), max_leaves=20))
def test_every_position_leads_back_to_its_item(shape: list[list[object]]) -> None:
    def built(children: list[list[object]]) -> list[Dataset]:
        return [container(None, *built(each)) for each in children]  # type: ignore[arg-type]

    root, _ = tree(*built(shape))
    for each in walk(root):
        found = root
        for number in each.position[1:]:
            found = found.children[number - 1]
        assert found is each
