"""Finds the wanted elements among encoded ones, fast: of little endian data sets without anything unusual in them.

The head of an element (tag, VR, length) says how far it is to the next one. Files of one scanner have the same heads
again and again, so each is looked at once and remembered by its bytes. Wherever `skim` would have to make up its mind,
UnusualError leaves it to that; what is found is the same. PS3.5 chapter 7.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import Final, NamedTuple, TypeAlias, TypeVar

from converter.reader.elements import CERTAIN, strength
from converter.reader.skim import LONG_VRS, SHORT_VRS, Encoding, Raw, Skimmed, Wanted

_UNDEFINED: Final = 0xFFFFFFFF
_ITEM_OF_UNDEFINED_LENGTH: Final = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
_ITEM: Final = b"\xfe\xff\x00\xe0"
_ITEM_END: Final = b"\xfe\xff\x0d\xe0"
_SEQUENCE_END: Final = b"\xfe\xff\xdd\xe0"
_DELIMITERS: Final = (0xFFFEE00D, 0xFFFEE0DD)
_FILE_META: Final = b"\x02\x00"
_TRANSFER_SYNTAX_UID: Final = b"\x02\x00\x10\x00UI"
_EXPLICIT: Final = Struct("<HH2sH").unpack_from
_IMPLICIT: Final = Struct("<HHL").unpack_from
_LENGTH: Final = Struct("<L").unpack_from
# So many of the first bytes tell the encoding, as in `header`.
_FIRST_ELEMENTS: Final = 2048
# No header value comes near this.
_LONGEST_VALUE: Final = 4096
_MOST_HEADS: Final = 20_000
_MOST_LASTS: Final = 512
_SLOT_BITS: Final = 7


T = TypeVar("T")
_Step: TypeAlias = "tuple[int, int, int, Wanted | None]"
"""The tag of an element that is wanted or 0, the sizes of its head and value, what is wanted of it as a sequence."""


class UnusualError(Exception):
    """There is something here that needs a closer look."""


class ShortError(Exception):
    """The bytes end too early: so many at least there must be."""

    def __init__(self, needed: int) -> None:
        super().__init__(needed)
        self.needed = needed


class Sequence(NamedTuple):
    """A sequence's items as encoded; `is_undefined`: its length, so that a delimiter ends them."""

    encoded: bytes
    is_undefined: bool


@dataclass(slots=True)
class Elements:
    """What was found: `values` by the number of their slot, `sequences` as encoded, by tag.

    `decided`: the values that decided how far to read, by tag; `explicit`: whether VRs are.
    """

    explicit: bool
    values: list[bytes]
    sequences: dict[int, Sequence] = field(default_factory=dict)
    decided: dict[int, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What to find.

    `slots`: the numbers, from 1 to 127, of the elements whose value is wanted, by tag. `vrs`: the VR of all that is
    wanted, also within `sequences`. `deciding`: the elements on which depends what is the last tag needed, which
    `last_needed` says.
    """

    slots: Mapping[int, int]
    vrs: Mapping[int, bytes]
    sequences: Collection[int]
    deciding: Collection[int]
    last_needed: Callable[[Mapping[int, bytes]], int]


class _Head(NamedTuple):
    tag: int
    vr: bytes
    length: int
    size: int


class QuickScan:
    """Scans data sets in one encoding, explicit or implicit VR little endian."""

    def __init__(self, encoding: Encoding, wishes: Wishes) -> None:
        self.encoding = encoding
        self._explicit = encoding.explicit
        self._wishes = wishes
        # By head: how far it is to the next one; at the top level less than 0, with the slot, if the value is wanted.
        self._steps: dict[int, dict[bytes, int]] = {}
        self._nested: dict[bytes, int] = {}
        self._certain: dict[bytes, int] = {}
        # By what is wanted, then by head.
        self._plans: dict[int, dict[bytes, _Step]] = {}
        self._lasts: dict[tuple[tuple[int, bytes], ...], int] = {}

    def data_set(self, data: bytes, at: int, *, whole: bool) -> Elements:
        """Return the wanted elements of the data set at an offset. Raises ShortError and UnusualError.

        `whole`: nothing follows after the data.
        """
        if not self._is_certain(data, at, whole=whole):
            raise UnusualError
        wishes = self._wishes
        found = Elements(self._explicit, [b""] * (len(wishes.slots) + 1))
        values = found.values
        last = self._last_needed(found.decided)
        steps = self._steps.setdefault(last, {})
        get = steps.get
        while True:
            key = data[at : at + 8]
            step = get(key, 0)
            if step > 0:
                at += step
                continue
            if step < 0:
                end = at + 8 + (-step >> _SLOT_BITS)
                values[-step & 127] = data[at + 8 : end]
                at = end
                continue
            if whole and at == len(data):
                return found
            head = self._head(data, at)
            if head.tag > last:
                return found
            begin, at = at, self._keep(head, data, at + head.size, found)
            if head.tag in wishes.deciding:
                last = self._last_needed(found.decided)
                steps = self._steps.setdefault(last, {})
                get = steps.get
            elif head.size == 8 and head.length != _UNDEFINED and head.tag not in wishes.sequences:
                slot = wishes.slots.get(head.tag)
                _learn(steps, key, at - begin if slot is None else -(head.length << _SLOT_BITS | slot))

    def _keep(self, head: _Head, data: bytes, start: int, found: Elements) -> int:
        """Put the element whose value starts there into `found` if it is wanted; return where the next begins."""
        tag, _, length, _ = head
        wishes = self._wishes
        slot = wishes.slots.get(tag)
        if slot is not None or tag in wishes.sequences:
            self._check_vr(head, is_sequence=slot is None)
        if slot is not None:
            if length > _LONGEST_VALUE:
                raise UnusualError
            found.values[slot] = data[start : start + length]
            if tag in wishes.deciding:
                if start + length > len(data):
                    raise ShortError(start + length)
                found.decided[tag] = found.values[slot]
            return start + length
        end = self._end_of_items(data, start) if length == _UNDEFINED else start + length
        if tag in wishes.sequences:
            if tag in found.sequences:
                # The first one may be damaged, and then nothing that follows counts.
                raise UnusualError
            found.sequences[tag] = Sequence(data[start:end], length == _UNDEFINED)
        return end

    def _end_of_items(self, data: bytes, at: int) -> int:
        """Return where what has undefined length ends, however deep it is."""
        get = self._nested.get
        depth = 1
        while depth:
            key = data[at : at + 8]
            step = get(key, 0)
            if step:
                at += step
            elif key == _ITEM_OF_UNDEFINED_LENGTH:
                depth += 1
                at += 8
            elif key[:4] in (_ITEM_END, _SEQUENCE_END) and len(key) == 8:
                depth -= 1
                at += 8
            else:
                depth += self._head(data, at).length == _UNDEFINED
                at += self._size(data, at)
        return at

    def items(self, sequence: Sequence, wanted: Wanted) -> list[Skimmed]:
        """Return the wanted elements of each item. Raises UnusualError."""
        data, is_undefined = sequence
        try:
            found, end = self._items(data, 0, _UNDEFINED if is_undefined else len(data), wanted)
        except ShortError:
            raise UnusualError from None
        if end != len(data):
            # Some length in there is wrong, and it would take more to say where the sequence ends.
            raise UnusualError
        return found

    def _items(self, data: bytes, at: int, length: int, wanted: Wanted) -> tuple[list[Skimmed], int]:
        end = sys.maxsize if length == _UNDEFINED else at + length
        found: list[Skimmed] = []
        while at < end:
            key = data[at : at + 8]
            if len(key) < 8:
                raise ShortError(at + 8)
            if key[:4] == _SEQUENCE_END:
                return found, at + 8
            if key[:4] != _ITEM:
                raise UnusualError
            item, at = self._item(data, at + 8, _LENGTH(key, 4)[0], wanted)
            found.append(item)
        return found, at

    def _item(self, data: bytes, at: int, length: int, wanted: Wanted) -> tuple[Skimmed, int]:
        end = sys.maxsize if length == _UNDEFINED else at + length
        found: Skimmed = {}
        plan = self._plans.setdefault(id(wanted), {})
        get = plan.get
        while at < end:
            key = data[at : at + 8]
            step = get(key)
            if step is None:
                if key[:4] == _ITEM_END and len(key) == 8:
                    return found, at + 8
                # What has a long head is known by all of it.
                step = get(data[at : at + 12]) or self._plan(plan, data, at, wanted)
            tag, size, length, inner = step
            at += size
            if inner is not None:
                found[tag], at = self._items(data, at, length, inner)
            elif length == _UNDEFINED:
                at = self._end_of_items(data, at)
            elif tag:
                found[tag] = Raw(None, data[at : at + length], "little")
                at += length
            else:
                at += length
        return found, at

    def _plan(self, plan: dict[bytes, _Step], data: bytes, at: int, wanted: Wanted) -> _Step:
        """Return what to do with the element at an offset, and remember it by the head."""
        head = self._head(data, at)
        inner = wanted.get(head.tag)
        is_wanted = head.tag in wanted
        if is_wanted:
            self._check_vr(head, is_sequence=inner is not None)
        if is_wanted and inner is None and head.length > _LONGEST_VALUE:
            raise UnusualError
        step = (head.tag if is_wanted else 0, head.size, head.length, inner)
        _learn(plan, data[at : at + head.size], step)
        return step

    def _check_vr(self, head: _Head, *, is_sequence: bool) -> None:
        """Raise UnusualError if a wanted element has not its VR, nor none."""
        # A value in UN is encoded like one in its VR: little endian, as all is here (PS3.5 6.2.2).
        if self._explicit and head.vr != self._wishes.vrs[head.tag] and (is_sequence or head.vr != b"UN"):
            raise UnusualError

    def _head(self, data: bytes, at: int) -> _Head:
        if at + 8 > len(data):
            raise ShortError(at + 8)
        group, number, length = _IMPLICIT(data, at)
        tag = group << 16 | number
        if not self._explicit or group == 0xFFFE:
            return _Head(tag, b"", length, 8)
        group, number, vr, length = _EXPLICIT(data, at)
        if vr in SHORT_VRS:
            return _Head(tag, vr, length, 8)
        if vr not in LONG_VRS:
            raise UnusualError
        if at + 12 > len(data):
            raise ShortError(at + 12)
        length = _LENGTH(data, at + 8)[0]
        if vr == b"UN" and length == _UNDEFINED:
            raise UnusualError
        return _Head(tag, vr, length, 12)

    def _last_needed(self, decided: dict[int, bytes]) -> int:
        key = tuple(decided.items())
        last = self._lasts.get(key)
        if last is None:
            if len(self._lasts) >= _MOST_LASTS:
                self._lasts.clear()
            last = self._lasts[key] = self._wishes.last_needed(decided)
        return last

    def _is_certain(self, data: bytes, at: int, *, whole: bool) -> bool:
        """Return whether the first elements make so much sense in this encoding that no other can make more."""
        if at + _FIRST_ELEMENTS > len(data) and not whole:
            raise ShortError(at + _FIRST_ELEMENTS)
        heads, end = b"", at
        for _ in range(CERTAIN):
            head = data[end : end + 8]
            heads += head
            end += self._nested.get(head) or self._size(data, end)
        limit = min(at + _FIRST_ELEMENTS, len(data))
        if heads in self._certain and end <= limit:
            return True
        if strength(data[at:limit], 0, self.encoding) < CERTAIN:
            return False
        # Heads that do not say how long their values are say too little.
        if end <= limit and all(heads[start : start + 8] in self._nested for start in range(0, len(heads), 8)):
            _learn(self._certain, heads, 1)
        return True

    def _size(self, data: bytes, at: int) -> int:
        """Return the size of the element at an offset, head and value; it is remembered if the first 8 bytes say it."""
        head = self._head(data, at)
        if head.length == _UNDEFINED:
            return head.size
        if head.size == 8 and head.tag not in _DELIMITERS:
            _learn(self._nested, data[at : at + 8], 8 + head.length)
        return head.size + head.length


class QuickMeta:
    """Scans file meta information (PS3.10 7.1)."""

    def __init__(self) -> None:
        self._steps: dict[bytes, int] = {}

    def transfer_syntax_uid(self, data: bytes) -> tuple[bytes, int]:
        """Return the Transfer Syntax UID as encoded, and the offset of the data set behind preamble and magic.

        Raises ShortError and UnusualError.
        """
        get = self._steps.get
        at, found = 132, b""
        while True:
            key = data[at : at + 8]
            step = get(key, 0)
            if not step:
                if key[:2] != _FILE_META:
                    return found, at
                step = self._step(data, at, key)
            if key[:6] == _TRANSFER_SYNTAX_UID:
                found = data[at + 8 : at + step]
            at += step

    def _step(self, data: bytes, at: int, key: bytes) -> int:
        if at + 12 > len(data):
            raise ShortError(at + 12)
        number: int
        length: int
        _, number, vr, length = _EXPLICIT(data, at)
        if vr in SHORT_VRS and (number != 0x0010 or vr == b"UI"):
            _learn(self._steps, key, 8 + length)
            return 8 + length
        length = _LENGTH(data, at + 8)[0]
        if vr not in LONG_VRS or length == _UNDEFINED or number == 0x0010:
            raise UnusualError
        return 12 + length


def _learn(steps: dict[bytes, T], head: bytes, step: T) -> None:
    if len(steps) >= _MOST_HEADS:
        steps.clear()
    steps[head] = step
