"""Reads encoded elements into nested pydicom data sets with a stack of its own: as deep as the data set goes.

pydicom's reader recurses, and takes a data set that ends too soon, or whose lengths contradict each other, without a
word. Leaves stay raw, so pydicom converts a value when it is asked for; large arrays are views of the data. PS3.5
sections 7.1, 7.5 and A.4.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, cast

from pydicom import Dataset
from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement, RawDataElement

from converter.problems import problem
from converter.reader.character_sets import SPECIFIC_CHARACTER_SET, TEXT_VRS, character_set, is_plain
from converter.reader.elements import (
    ITEM,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED_LENGTH,
    Head,
    actual_vr,
    as_tag,
    head_at,
    is_element_at,
    step,
    tag_at,
)
from converter.reader.frames import DataSetFrame, Frame, SequenceFrame, bytes_element, data_set, sequence_element
from converter.reader.skim import IMPLICIT_LITTLE, ByteOrder, Encoding
from converter.selection import Problem

PIXEL_DATA: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
# Of one kind: what the hundred-first such problem says, nobody reads, and deep in a nest its path is long.
_PROBLEMS_LIMIT: Final = 100
# Arrays of numbers of that many bytes or more are not copied: a million coordinates would be in memory twice.
_ARRAYS: Final = frozenset({"OF", "OD", "OL", "OV"})
_LARGE: Final = 2**16
_MARKS: Final[dict[ByteOrder, bytes]] = {
    "little": b"\xfe\xff\xdd\xe0\0\0\0\0",
    "big": b"\xff\xfe\xe0\xdd\0\0\0\0",
}


class _TrialFailedError(Exception):
    """What is read as a sequence is none."""


class Nesting:
    """Reads the data set that fills `data` from offset `start` to `end`.

    After `read`, `problems` says what was wrong with it. `plain` is False if some text is more than ASCII or some
    Specific Character Set is unusual, `ambiguous` True if the VR of some element depends on Pixel Representation.
    """

    def __init__(self, data: bytes, start: int, end: int, encoding: Encoding) -> None:
        self.problems: list[Problem] = []
        self.plain = True
        self.ambiguous = False
        self._data = data
        self._at = start
        self._root = DataSetFrame(end, encoding)
        self._stack: list[DataSetFrame | SequenceFrame] = [self._root]
        self._trials = 0
        self._cuts: set[int] = set()
        self._counts: Counter[str] = Counter()
        self._sequence_ended_at = -1

    def read(self) -> Dataset:
        """Return the data set, as far as it can be read."""
        while self._stack:
            frame = self._stack[-1]
            try:
                if isinstance(frame, SequenceFrame):
                    self._read_items(frame)
                else:
                    self._read_elements(frame)
            except _TrialFailedError:
                self._leave_raw()
        return data_set(self._root)

    def read_items(self) -> list[Dataset] | None:
        """Return the items of the sequence whose value the data are, None if they are no such value."""
        self._stack.append(SequenceFrame(self._root.end, self._root.encoding, start=self._at, on_trial=True))
        self._trials = 1
        self.read()
        element = self._root.elements.get(as_tag(0))
        return list(element.value) if isinstance(element, DataElement) and element.VR == "SQ" else None

    # Data sets

    def _read_elements(self, frame: DataSetFrame) -> None:
        """Read up to the next sequence, or to the end of the data set."""
        data, end, encoding = self._data, frame.end, frame.encoding
        while self._at < end:
            head = head_at(data, self._at, end, encoding)
            if head is None:
                self._end_within_head(frame)
            elif head.tag >> 16 == 0xFFFE:
                if self._delimiter(frame, head):
                    return
            elif head.tag == 0:
                self._zeros(frame)
            elif not self._element(frame, head):
                return
        self._finish(frame)

    def _element(self, frame: DataSetFrame, head: Head) -> bool:
        """Read one element; return False if it is a sequence, which is to be read first."""
        tag, vr = head.tag, head.vr
        if not head.vr_known:
            self._report("vr-unknown", tag)
            vr = None
        if tag in PIXEL_DATA:
            self._skip_pixels(frame, head)
            return True
        actual = actual_vr(frame.elements, tag, vr) if vr is None or vr == "UN" else vr
        if head.length == UNDEFINED_LENGTH:
            return self._undefined_length(frame, head, vr, actual)
        if actual == "SQ":
            self._open_sequence(frame, head, vr, on_trial=vr == "UN" or bool(vr is None and tag >> 16 & 1))
            return False
        self._leaf(frame, head, vr, actual, head.start + head.length)
        return True

    def _undefined_length(self, frame: DataSetFrame, head: Head, vr: str | None, actual: str | None) -> bool:
        # UN of undefined length is a sequence (PS3.5 6.2.2 note 4), and so is what nobody knows, if it has items.
        if actual == "SQ" or ((vr == "UN" or actual is None) and self._starts_items(head.start, frame)):
            self._open_sequence(frame, head, vr)
            return False
        end = self._delimited(head.start, frame)
        if end is None:
            self._cut(frame.end, head.tag)
            self._at = frame.end
        else:
            self._leaf(frame, head, vr, actual, end)
            self._at = end + 8
        return True

    def _leaf(self, frame: DataSetFrame, head: Head, vr: str | None, actual: str | None, end: int) -> None:
        if end > frame.end:
            self._cut(frame.end, head.tag)
            self._at = frame.end
            return
        tag = as_tag(head.tag)
        is_large = actual in _ARRAYS and end - head.start >= _LARGE
        value = cast(bytes, memoryview(self._data)[head.start : end]) if is_large else self._data[head.start : end]
        if vr is None or vr == "UN":
            vr = self._settled_vr(head.tag, vr, actual)
        implicit = head.vr is None
        little = frame.encoding.byte_order == "little"
        frame.elements[tag] = RawDataElement(tag, vr, len(value), value, head.start, implicit, little)
        self._at = end
        if head.tag == SPECIFIC_CHARACTER_SET:
            stated = character_set(value)
            frame.encodings = list(stated.encodings)
            self.plain &= stated.regular and vr in (None, "CS")
        elif actual in TEXT_VRS and not is_plain(value):
            self.plain = False
        if head.length & 1:
            self._skip_padding(frame)

    def _settled_vr(self, tag: int, vr: str | None, actual: str | None) -> str | None:
        """Return the VR for an element that states none: one that pydicom neither warns of nor fails at."""
        if actual == "US or SS":
            self.ambiguous = True
        elif actual is not None and " or " in actual:
            return "OW"
        elif actual is None and not tag >> 16 & 1:
            return "UN"
        return vr

    def _skip_padding(self, frame: DataSetFrame) -> None:
        """Pass over the byte by which some writers pad a value of odd length without counting it."""
        at, end = self._at, frame.end
        if self._data[at : at + 1] in (b"\0", b" ") and not is_element_at(self._data, at, end, frame.encoding):
            following = tag_at(self._data, at + 1, end, frame.encoding)
            delimited = following is not None and following >> 16 == 0xFFFE
            if at + 1 == end or delimited or is_element_at(self._data, at + 1, end, frame.encoding):
                self._at += 1

    def _delimiter(self, frame: DataSetFrame, head: Head) -> bool:
        """Deal with an item's tag or a delimiter among elements; return whether the data set ends there."""
        if head.tag == ITEM_END and frame.undefined:
            self._at = head.start
            self._close()
            return True
        if head.tag == SEQUENCE_END and frame.undefined and self._stack[-2].undefined:
            # Some writers put one after a sequence of defined length as well; else the item's own is missing.
            if self._sequence_ended_at != self._at:
                self._close()
                return True
        elif head.tag == ITEM:
            if not frame.undefined:
                self._report("malformed")
                self._at = frame.end
                return False
            self._close()
            return True
        self._at = head.start
        return False

    def _zeros(self, frame: DataSetFrame) -> None:
        """Accept zeros that fill a data set up to its end; nothing else can follow a tag of zero."""
        if any(self._data[self._at : frame.end].lstrip(b"\0")):
            self._report("malformed")
        elif frame.end & 1:
            self._cut(frame.end)
        self._at = frame.end

    def _end_within_head(self, frame: DataSetFrame) -> None:
        rest = self._data[self._at : frame.end]
        if rest.strip(b"\0") or frame.end & 1:
            tag = tag_at(self._data, self._at, frame.end, frame.encoding)
            self._cut(frame.end, None if tag is None or tag >> 16 == 0xFFFE else tag)
        self._at = frame.end

    # Sequences

    def _open_sequence(self, frame: DataSetFrame, head: Head, vr: str | None, *, on_trial: bool = False) -> None:
        undefined = head.length == UNDEFINED_LENGTH
        end = frame.end if undefined else head.start + head.length
        encoding = frame.encoding
        if vr == "UN":
            little = self._data[head.start : head.start + 4] in (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0", b"")
            encoding = IMPLICIT_LITTLE if little else Encoding(False, encoding.byte_order)
        cut = end > frame.end
        on_trial = on_trial and not cut
        self._trials += on_trial
        self._at = head.start
        self._stack.append(SequenceFrame(min(end, frame.end), encoding, undefined, cut, head.tag, head.start, on_trial))

    def _read_items(self, frame: SequenceFrame) -> None:
        """Read up to the next item's elements, or to the end of the sequence."""
        while self._at < frame.end:
            head = head_at(self._data, self._at, frame.end, frame.encoding)
            if head is None:
                self._cut(frame.end)
                self._at = frame.end
            elif head.tag == ITEM:
                self._open_item(frame, head)
                return
            elif head.tag == SEQUENCE_END and frame.undefined:
                self._at = head.start
                self._close()
                return
            elif head.tag in (SEQUENCE_END, ITEM_END):
                self._at = head.start
            else:
                self._no_item(frame, head)
                return
        self._finish(frame)

    def _open_item(self, frame: SequenceFrame, head: Head) -> None:
        undefined = head.length == UNDEFINED_LENGTH
        end = frame.end if undefined else head.start + head.length
        outer = self._stack[-2]
        encodings = outer.encodings if isinstance(outer, DataSetFrame) else [default_encoding]
        self._at = head.start
        self._stack.append(DataSetFrame(min(end, frame.end), frame.encoding, undefined, end > frame.end, encodings))

    def _no_item(self, frame: SequenceFrame, head: Head) -> None:
        """Go on where what follows an item is neither another item nor the end of the sequence."""
        self._report("malformed")
        if not frame.undefined:
            self._at = frame.end
            self._close()
        elif head.tag > frame.tag and is_element_at(self._data, self._at, frame.end, frame.encoding):
            # The delimiter is missing, and this is the element after the sequence.
            self._close()
        else:
            self._leave()

    def _leave(self) -> None:
        """Close what has no known end, up to what has one, and go on there."""
        while self._stack[-1].undefined:
            self._close()
        self._at = self._stack[-1].end

    # Both

    def _finish(self, frame: Frame) -> None:
        """Close a frame whose end is reached."""
        if frame.undefined or frame.cut:
            self._cut(frame.end)
        self._close()

    def _close(self) -> None:
        """Take the innermost frame from the stack and put what it holds into the next."""
        frame = self._stack.pop()
        if isinstance(frame, SequenceFrame):
            self._trials -= frame.on_trial
            if not frame.undefined:
                self._sequence_ended_at = self._at
            outer = self._stack[-1]
            if isinstance(outer, DataSetFrame):
                outer.elements[as_tag(frame.tag)] = sequence_element(frame)
        elif self._stack:
            outer = self._stack[-1]
            if isinstance(outer, SequenceFrame):
                outer.items.append(data_set(frame))

    def _leave_raw(self) -> None:
        """Put back the innermost sequence on trial as the bytes that it is, and go on after it."""
        frame = self._stack.pop()
        while not (isinstance(frame, SequenceFrame) and frame.on_trial):
            frame = self._stack.pop()
        self._trials -= 1
        self._at = frame.end
        outer = self._stack[-1]
        if isinstance(outer, DataSetFrame):
            outer.elements[as_tag(frame.tag)] = bytes_element(frame, self._data[frame.start : frame.end])
        # A private element may hold anything; a public one was to be a sequence.
        if frame.tag and not frame.tag >> 16 & 1:
            self._record("value-unreadable", frame.tag)

    def _cut(self, end: int, tag: int | None = None) -> None:
        """Report that something reaches beyond `end`: once, though all that it stands in does so too."""
        if end not in self._cuts:
            self._report("truncated", tag)
            self._cuts.add(end)

    def _report(self, code: str, tag: int | None = None) -> None:
        if self._trials:
            raise _TrialFailedError
        self._record(code, tag)

    def _record(self, code: str, tag: int | None) -> None:
        self._counts[code] += 1
        if self._counts[code] <= _PROBLEMS_LIMIT:
            self.problems.append(problem(code, self._path(tag)))

    def _path(self, tag: int | None) -> str:
        steps = ["$"]
        for outer, frame in zip(self._stack, self._stack[1:], strict=False):
            if isinstance(frame, SequenceFrame):
                steps.append(step(frame.tag))
            elif isinstance(outer, SequenceFrame):
                steps.append(f"[{len(outer.items)}]")
        if tag is not None:
            steps.append(step(tag))
        return "".join(steps)

    # Values of undefined length

    def _starts_items(self, at: int, frame: DataSetFrame) -> bool:
        little = tag_at(self._data, at, frame.end, IMPLICIT_LITTLE)
        return ITEM in (little, tag_at(self._data, at, frame.end, frame.encoding)) or little == SEQUENCE_END

    def _delimited(self, at: int, frame: DataSetFrame) -> int | None:
        """Return the offset of the delimiter that ends a value, after its fragments if it has such (PS3.5 A.4)."""
        while (head := head_at(self._data, at, frame.end, frame.encoding)) is not None:
            if head.tag == SEQUENCE_END:
                return at
            if head.tag != ITEM:
                found = self._data.find(_MARKS[frame.encoding.byte_order], at, frame.end)
                return None if found < 0 else found
            at = head.start + head.length
        return None

    def _skip_pixels(self, frame: DataSetFrame, head: Head) -> None:
        end: int | None = head.start + head.length
        if head.length == UNDEFINED_LENGTH:
            end = self._delimited(head.start, frame)
            end = None if end is None else end + 8
        if end is None or end > frame.end:
            self._cut(frame.end, head.tag)
            end = frame.end
        self._at = end


def sequence_items(value: bytes, encoding: Encoding) -> list[Dataset] | None:
    """Return the items of an encoded sequence, None if the bytes cannot be read whole as such."""
    return Nesting(value, 0, len(value), encoding).read_items()
