"""What stands in a list of a resource for very many elements: they are made when the resource is written.

A million regions as dictionaries take a gigabyte, and most of the time of a conversion.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from converter.packed import PackedRegions
from converter.selection import Coordinates, Region2D, Region3D

_COMMA = ord(",")


class Many(ABC):
    """Elements of a list that are made when they are written."""

    @abstractmethod
    def to_json(self) -> bytes:
        """Return the elements as JSON, with a comma between each two and none around them."""


@dataclass(frozen=True, slots=True, eq=False)
class ManyRegions(Many):
    """An `imageRegion2D` or `imageRegion3D` for each of the regions."""

    regions: PackedRegions[Region2D] | PackedRegions[Region3D]

    def to_json(self) -> bytes:
        """Return the elements, each with its type and coordinates."""
        head = b'{"regionType":"%s","coordinate":[' % self.regions.type.encode()
        return _joined(head, texts(*self.regions.stated()), b"]}")


@dataclass(frozen=True, slots=True, eq=False)
class ManyRegionExtensions(Many):
    """The extension `name` of R4 for each of the regions."""

    name: str
    regions: PackedRegions[Region2D] | PackedRegions[Region3D]

    def to_json(self) -> bytes:
        """Return the extensions, with one for each coordinate inside."""
        head = b'{"url":"%s","extension":[{"url":"regionType","valueCode":"%s"},'
        found = (_coordinate_extensions(text) for text in texts(*self.regions.stated()))
        return _joined(head % (self.name.encode(), self.regions.type.encode()), found, b"]}")


@dataclass(frozen=True, slots=True, eq=False)
class ManyCoordinateExtensions(Many):
    """The extension `coordinate` of R4 for each number of a flat array."""

    numbers: NDArray[Any]

    def to_json(self) -> bytes:
        """Return the extensions."""
        return _coordinate_extensions(_numbers(self.numbers)[1:-1])


def texts(points: Coordinates, starts: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the coordinates of each region as JSON, with commas between them and no brackets.

    All numbers are written at once, and cut at every comma after which a region begins: an array for each takes longer.
    """
    text = _numbers(flat(points))
    commas = np.flatnonzero(np.frombuffer(text, np.uint8) == _COMMA)
    between = commas[starts[1:-1] * points.shape[1] - 1]
    return (text[start + 1 : end] for start, end in pairwise([0, *between.tolist(), len(text) - 1]))


def flat(points: Coordinates) -> NDArray[Any]:
    """Return coordinates one after the other, as orjson takes them: contiguous, of the machine's byte order."""
    precision = np.float32 if points.dtype.itemsize == 4 and points.dtype.kind == "f" else np.float64
    return np.ascontiguousarray(points, dtype=precision).reshape(-1)


def _numbers(numbers: NDArray[Any]) -> bytes:
    return orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)


def _coordinate_extensions(text: bytes) -> bytes:
    head = b'{"url":"coordinate","valueDecimal":'
    return head + text.replace(b",", b"}," + head) + b"}"


def _joined(head: bytes, inside: Iterator[bytes], tail: bytes) -> bytes:
    return head + (tail + b"," + head).join(inside) + tail
