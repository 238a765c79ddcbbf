"""Brings a pydicom data set made or read by somebody else into the form that the parser gives."""

from __future__ import annotations

from pydicom import Dataset
from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.tag import BaseTag

from converter.problems import problem
from converter.reader.character_sets import settle_text, stated_character_set
from converter.reader.elements import actual_vr, as_tag, settle_pixel_values, step
from converter.reader.nesting import PIXEL_DATA, sequence_items
from converter.reader.parser import Parsed
from converter.reader.skim import IMPLICIT_LITTLE, Encoding
from converter.selection import Problem


def without_pixel_data(dataset: Dataset) -> Dataset:
    """Return a data set of the same elements but for pixel data; the elements themselves are shared.

    Raises OSError where an element is to be read from a file that is no longer there.
    """
    elements: dict[BaseTag, DataElement | RawDataElement] = {
        tag: dataset.get_item(tag) for tag in dataset._dict if tag not in PIXEL_DATA
    }
    kept = Dataset(elements)
    kept.set_original_encoding(*dataset.original_encoding)
    return kept


def as_parsed(dataset: Dataset, transfer_syntax_uid: str | None) -> Parsed:
    """Return what `parse` would have given for the file of this data set, which is changed in place.

    pydicom keeps a sequence of defined length as bytes until it is asked for, and warns of text that its character
    set cannot decode.
    """
    problems = _expand(dataset)
    settle_pixel_values(dataset)
    return Parsed(dataset, (*problems, *settle_text(dataset)), transfer_syntax_uid)


def _expand(root: Dataset) -> list[Problem]:
    """Turn every sequence that is still bytes into its items."""
    problems: list[Problem] = []
    pending: list[tuple[Dataset, str, tuple[str, ...]]] = [(root, "$", (default_encoding,))]
    while pending:
        dataset, path, encodings = pending.pop()
        # pydicom hands the character set down when it converts a sequence, and has no other way to set it.
        dataset._parent_encoding = list(encodings)
        stated = stated_character_set(dataset)
        inner = encodings if stated is None else stated.encodings
        implicit, little = dataset.original_encoding
        dataset.set_original_encoding(implicit, little, list(inner))
        for tag in sorted(dataset._dict):
            element = dataset.get_item(tag)
            if isinstance(element, RawDataElement):
                if actual_vr(dataset._dict, tag, element.VR) != "SQ":
                    continue
                items = _items(element)
                if items is None:
                    problems.append(problem("malformed", path + step(tag)))
                    continue
                element = DataElement(as_tag(tag), "SQ", items)
                dataset._dict[as_tag(tag)] = element
            if element is not None and element.VR == "SQ" and element.value:
                pending += ((item, f"{path}{step(tag)}[{n}]", inner) for n, item in enumerate(element.value))
    return problems


def _items(element: RawDataElement) -> list[Dataset] | None:
    if element.VR == "UN":
        encoding = IMPLICIT_LITTLE
    else:
        encoding = Encoding(not element.is_implicit_VR, "little" if element.is_little_endian else "big")
    return sequence_items(element.value or b"", encoding)
