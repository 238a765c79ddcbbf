"""Encodes data sets for tests by hand from PS3.5 section 7, remembers where values end, and compares what is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pydicom import Dataset
from pydicom.dataelem import RawDataElement

from converter.reader.parser import Parsed

IMPLICIT, EXPLICIT, BIG, DEFLATED = (f"1.2.840.10008.1.2{part}" for part in ("", ".1", ".2", ".1.99"))
ENCODINGS = {"implicit": (False, True, IMPLICIT), "explicit": (True, True, EXPLICIT), "big": (True, False, BIG)}
CONTENT = 0x0040A730
PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
UNDEFINED = 0xFFFFFFFF

Item = list["Leaf | Nest"]


@dataclass
class Leaf:
    tag: int
    vr: str
    value: bytes


@dataclass
class Nest:
    tag: int
    items: list[Item]
    undefined: bool = False
    items_undefined: bool = False


@dataclass
class Encoder:
    """`leaves` after `encode`: (offset of the value's end, its tag, its value) in the order in which they stand."""

    explicit: bool = True
    little: bool = True
    leaves: list[tuple[int, int, bytes]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def encode(self, elements: Item, at: int = 0) -> bytes:
        """Encode a data set that starts at offset `at`; `ends` then says where its elements end."""
        encoded = b""
        ends = []
        for element in elements:
            encoded += self.element(element, at + len(encoded))
            ends.append(at + len(encoded))
        self.ends = ends
        return encoded

    def element(self, element: Leaf | Nest, at: int) -> bytes:
        if isinstance(element, Leaf):
            head = self.head(element.tag, element.vr, len(element.value))
            self.leaves.append((at + len(head) + len(element.value), element.tag, element.value))
            return head + element.value
        size = len(self.head(element.tag, "SQ", 0))
        content = b"".join(self.items(element, at + size))
        if element.undefined:
            return self.head(element.tag, "SQ", UNDEFINED) + content + self.mark(0xFFFEE0DD, 0)
        return self.head(element.tag, "SQ", len(content)) + content

    def items(self, nest: Nest, at: int) -> Iterator[bytes]:
        for item in nest.items:
            content = self.encode(item, at + 8)
            if nest.items_undefined:
                encoded = self.mark(0xFFFEE000, UNDEFINED) + content + self.mark(0xFFFEE00D, 0)
            else:
                encoded = self.mark(0xFFFEE000, len(content)) + content
            at += len(encoded)
            yield encoded

    def head(self, tag: int, vr: str, length: int) -> bytes:
        if not self.explicit:
            return self.mark(tag, length)
        if vr in LONG_VRS:
            return self.tag(tag) + vr.encode() + b"\0\0" + self.number(length, 4)
        return self.tag(tag) + vr.encode() + self.number(length, 2)

    def mark(self, tag: int, length: int) -> bytes:
        return self.tag(tag) + self.number(length, 4)

    def tag(self, tag: int) -> bytes:
        return self.number(tag >> 16, 2) + self.number(tag & 0xFFFF, 2)

    def number(self, number: int, size: int) -> bytes:
        return number.to_bytes(size, "little" if self.little else "big")


def meta(transfer_syntax: str) -> bytes:
    """Return preamble, prefix and file meta information."""
    uid = transfer_syntax.encode() + b"\0" * (len(transfer_syntax) % 2)
    elements = Encoder().encode([Leaf(0x00020010, "UI", uid)])
    length = Encoder().encode([Leaf(0x00020000, "UL", len(elements).to_bytes(4, "little"))])
    return b"\0" * 128 + b"DICM" + length + elements


def leaves(dataset: Dataset) -> list[tuple[int, bytes]]:
    """Return tag and value of all raw elements in the order in which they stand, however deep."""
    found: list[tuple[int, bytes]] = []
    pending: list[Dataset | tuple[int, bytes]] = [dataset]
    while pending:
        part = pending.pop()
        if not isinstance(part, Dataset):
            found.append(part)
            continue
        inner: list[Dataset | tuple[int, bytes]] = []
        for tag in sorted(part.keys()):
            element = part.get_item(tag)
            if isinstance(element, RawDataElement):
                inner.append((int(tag), element.value or b""))
            elif element.VR == "SQ":
                inner += element.value
        pending += reversed(inner)
    return found


def differences(ours: Dataset, theirs: Dataset) -> list[str]:
    found = []
    pending = [(ours, theirs, "$")]
    while pending:
        one, other, path = pending.pop()
        tags = set(one.keys()) ^ (set(other.keys()) - PIXELS)
        if tags:
            found.append(f"{path}: {{{', '.join(hex(tag) for tag in sorted(tags))}}}")
        for tag in set(one.keys()) & set(other.keys()):
            mine, yours = one[tag], other[tag]
            if mine.VR != yours.VR:
                found.append(f"{path}.{tag}: VR")
            elif mine.VR != "SQ":
                found += [f"{path}.{tag}"] if mine.value != yours.value else []
            elif len(mine.value) != len(yours.value):
                found.append(f"{path}.{tag}: items")
            else:
                pairs = enumerate(zip(mine.value, yours.value, strict=True))
                pending += ((*pair, f"{path}.{mine.keyword}[{index}]") for index, pair in pairs)
    return found


COMPREHENSIVE_SR = Leaf(0x00080016, "UI", b"1.2.840.10008.5.1.4.1.1.88.33\0")

REPORT: Item = [
    COMPREHENSIVE_SR,
    Leaf(0x00080018, "UI", b"1.2.3\0"),
    Leaf(0x00080060, "CS", b"SR"),
    Leaf(0x00100020, "LO", b""),
    Nest(0x0040A043, [[Leaf(0x00080100, "SH", b"121071"), Leaf(0x00080102, "SH", b"DCM ")]]),
    Nest(
        CONTENT,
        [
            [Leaf(0x0040A040, "CS", b"TEXT"), Leaf(0x0040A160, "UT", b"none")],
            [],
            [
                Leaf(0x0040A040, "CS", b"SCOORD"),
                Nest(CONTENT, [[Leaf(0x0040A040, "CS", b"IMAGE ")]], items_undefined=True),
                Leaf(0x00700023, "CS", b"POINT "),
            ],
        ],
        undefined=True,
        items_undefined=True,
    ),
    Leaf(0x00700080, "CS", b"X "),
]


def codes(parsed: Parsed) -> list[tuple[str, str]]:
    return [(each.code, each.path) for each in parsed.problems]


def explicit(elements: Item) -> bytes:
    return meta(EXPLICIT) + Encoder().encode(elements)
