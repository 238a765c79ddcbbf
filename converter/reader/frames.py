"""What is being read, and the pydicom objects that it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom import Dataset
from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement
from pydicom.sequence import Sequence

from converter.reader.elements import Elements, as_tag
from converter.reader.skim import Encoding


@dataclass(slots=True)
class Frame:
    """A data set or sequence that is being read.

    `end` is the offset beyond which it cannot reach: its own end, or that of what it stands in if its length is
    undefined or too great (`cut`).
    """

    end: int
    encoding: Encoding
    undefined: bool = False
    cut: bool = False


@dataclass(slots=True)
class DataSetFrame(Frame):
    """A data set; `encodings` are Python's names for its character sets, or those of the one around it."""

    encodings: list[str] = field(default_factory=lambda: [default_encoding])
    elements: Elements = field(default_factory=dict)


@dataclass(slots=True)
class SequenceFrame(Frame):
    """`on_trial`: not stated to be a sequence; it is one only if all of it can be read as one."""

    tag: int = 0
    start: int = 0
    on_trial: bool = False
    items: list[Dataset] = field(default_factory=list)


def data_set(frame: DataSetFrame) -> Dataset:
    """Return the data set that was read."""
    # pydicom's own way of handing over elements: nothing is copied, checked or converted.
    dataset = Dataset(frame.elements, parent_encoding=frame.encodings)
    explicit, order = frame.encoding
    dataset.set_original_encoding(not explicit, order == "little", frame.encodings)
    if frame.undefined:
        dataset.is_undefined_length_sequence_item = True
    return dataset


def sequence_element(frame: SequenceFrame) -> DataElement:
    """Return the sequence that was read."""
    sequence = Sequence(frame.items)
    sequence.is_undefined_length = frame.undefined
    tag = as_tag(frame.tag)
    return DataElement(tag, "SQ", sequence, frame.start, frame.undefined, already_converted=True)


def bytes_element(frame: SequenceFrame, value: bytes) -> DataElement:
    """Return the element whose value could not be read as a sequence after all."""
    # As a raw element pydicom would read it as a sequence when asked for it, and fail.
    element = DataElement(as_tag(frame.tag), "OB", value, frame.start, already_converted=True)
    element.VR = "UN"
    return element
