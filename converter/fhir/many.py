"""What stands in a list of a resource for very many elements: they are made when the resource is written.

A million regions as dictionaries take a gigabyte, and most of the time of a conversion.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from converter.packed import PackedRegions
from converter.selection import Coordinates, Region2D, Region3D

_AT_ONCE: Final = 2**13
"""Vertices whose JSON is made at once: small enough to stay in the processor's cache."""
# All numbers of many regions are written at once, which is faster than an array for each; the NaN that stands between
# two regions comes out as null.
_BETWEEN: Final = b",null,"
_COORDINATE: Final = b'{"url":"coordinate","valueDecimal":'
_NEXT_COORDINATE: Final = b"}," + _COORDINATE


class Many(ABC):
    """Elements of a list that are made when they are written."""

    @abstractmethod
    def chunks(self) -> Iterator[bytes]:
        """Yield the elements as JSON, with a comma between each two and none around them, piece by piece."""


@dataclass(frozen=True, slots=True, eq=False)
class ManyRegions(Many):
    """An `imageRegion2D` or `imageRegion3D` for each of the regions."""

    regions: PackedRegions[Region2D] | PackedRegions[Region3D]

    def chunks(self) -> Iterator[bytes]:
        """Yield the elements, each with its type and coordinates."""
        head = b'{"regionType":"%s","coordinate":' % self.regions.type.encode()
        between = b"]}," + head + b"["
        for first, part in self.regions.parts(_AT_ONCE):
            yield b"," + head if first else head
            # Splitting and joining takes half the time of replacing.
            yield between.join(_array(part.separated()).split(_BETWEEN))
            yield b"}"


@dataclass(frozen=True, slots=True, eq=False)
class ManyRegionExtensions(Many):
    """The extension `name` of R4 for each of the regions."""

    name: str
    regions: PackedRegions[Region2D] | PackedRegions[Region3D]

    def chunks(self) -> Iterator[bytes]:
        """Yield the extensions, with one for each coordinate inside."""
        kind = self.regions.type.encode()
        head = b'{"url":"%s","extension":[{"url":"regionType","valueCode":"%s"},' % (self.name.encode(), kind)
        before, between = _BETWEEN.replace(b",", _NEXT_COORDINATE), b"}]}," + head + _COORDINATE
        for first, part in self.regions.parts(_AT_ONCE):
            yield b"," + head if first else head
            yield between.join(_coordinate_extensions(part.separated()).split(before))
            yield b"]}"


@dataclass(frozen=True, slots=True, eq=False)
class ManyCoordinateExtensions(Many):
    """The extension `coordinate` of R4 for each number of a flat array."""

    numbers: NDArray[Any]

    def chunks(self) -> Iterator[bytes]:
        """Yield the extensions."""
        for first in range(0, len(self.numbers), _AT_ONCE):
            yield b"," if first else b""
            yield _coordinate_extensions(self.numbers[first : first + _AT_ONCE])


def flat(points: Coordinates) -> NDArray[Any]:
    """Return coordinates one after the other, as orjson takes them: contiguous, of the machine's byte order."""
    precision = np.float32 if points.dtype.itemsize == 4 and points.dtype.kind == "f" else np.float64
    return np.ascontiguousarray(points, dtype=precision).reshape(-1)


def _array(numbers: NDArray[Any]) -> bytes:
    return orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY)


def _coordinate_extensions(numbers: NDArray[Any]) -> bytes:
    return _COORDINATE + _array(numbers)[1:-1].replace(b",", _NEXT_COORDINATE) + b"}"
