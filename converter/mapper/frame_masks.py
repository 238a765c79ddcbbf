"""Which pixels of a segmentation's frames belong to which segment, one frame in memory at a time (PS3.3 C.8.20.2)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from converter.mapper import values
from converter.mapper.annotation_object import AnnotationObject
from converter.mapper.segmentation_frames import SegmentationFrame, SegmentationFrames
from converter.outline import Mask
from converter.pixel_data import DEFLATED_FRAMES, EXPLICIT_LITTLE_ENDIAN, EncodedFrame

Pixels: TypeAlias = NDArray[np.integer[Any]]
"""Values of a frame's pixels, (rows, columns)."""

# Pixels of a frame: what states more would fill memory.
_LARGEST = 2**28
# What decoders raise over frames that they cannot decode.
_UNDECODABLE = (
    ArithmeticError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


class FrameMasks:
    """The masks of an object's frames; frames without are counted and reported at the end."""

    def __init__(self, obj: AnnotationObject, frames: SegmentationFrames, defined: set[int]) -> None:
        self._obj = obj
        self._frames = frames
        self._defined = defined
        self._bits = obj.integer(obj.dataset, "BitsAllocated", "$") or 1
        self._threshold = self._least()

    def __iter__(self) -> Iterator[tuple[SegmentationFrame, int, Mask]]:
        """Yield each segment that a frame shows: the frame, the segment's number, (rows, columns)."""
        if self._frames.rows * self._frames.columns > _LARGEST:
            self._obj.report("outline-frame-undecodable", "$.Rows", count=self._frames.count)
            return
        missing, undecodable, unassigned = self._frames.count, 0, 0
        for frame, encoded in zip(self._frames, self._encoded(), strict=False):
            missing -= 1
            if frame.segments is None:
                unassigned += 1
                continue
            pixels = self._decoded(encoded, frame.number - 1)
            if pixels is None:
                undecodable += 1
            elif self._frames.is_label_map:
                yield from ((frame, number, mask) for number, mask in self._labels(pixels))
            else:
                mask = pixels >= self._threshold
                yield from ((frame, number, mask) for number in frame.segments)
        for code, count in (
            ("outline-frame-missing", missing),
            ("outline-frame-undecodable", undecodable),
            ("outline-frame-segment", unassigned),
        ):
            if count:
                self._obj.report(code, "$.PixelData", count=count)

    def _least(self) -> int:
        """Return the least value of a pixel that counts as set."""
        obj = self._obj
        kind = values.text(obj.dataset, "SegmentationType")
        # Where the type says nothing, only what is fractional has a maximum.
        is_unknown = kind not in ("BINARY", "FRACTIONAL", "LABELMAP") and not self._frames.is_label_map
        if kind != "FRACTIONAL" and not (is_unknown and values.has_value(obj.dataset, "MaximumFractionalValue")):
            return 1
        obj.report("outline-threshold", "$.SegmentationType")
        maximum = obj.integer(obj.dataset, "MaximumFractionalValue", "$")
        if maximum is None or maximum <= 0:
            obj.report("outline-maximum", "$.MaximumFractionalValue")
            maximum = 2**self._bits - 1
        return -(-maximum // 2)

    def _labels(self, pixels: Pixels) -> Iterator[tuple[int, Mask]]:
        for number in np.unique(pixels).tolist():
            if number in self._defined:
                yield number, pixels == number
            elif number:
                # Zero is the background, whether or not it is defined as a segment.
                self._obj.report_once("segment-not-defined", "$.PixelData", str(number))

    def _encoded(self) -> Iterator[EncodedFrame]:
        frames, dataset = self._frames, self._obj.dataset
        if self._obj.pixel_data is None or min(frames.rows, frames.columns) <= 0:
            return iter(())
        tables = [_bytes(dataset, keyword) for keyword in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths")]
        offsets = (tables[0], tables[1]) if tables[0] and tables[1] else None
        return self._obj.pixel_data.frames(frames.count, frames.rows * frames.columns * self._bits, offsets)

    def _decoded(self, encoded: EncodedFrame, index: int) -> Pixels | None:
        """Return the pixels of a frame, (rows, columns), None if they cannot be decoded; `index` counts from 0."""
        rows, columns = self._frames.rows, self._frames.columns
        value, syntax = encoded
        try:
            if syntax == DEFLATED_FRAMES:
                # Each frame begins with a byte of its own.
                value, syntax, index = _inflated(value, rows * columns * self._bits), EXPLICIT_LITTLE_ENDIAN, 0
            pixels = _decoder()(
                value,
                syntax,
                rows=rows,
                columns=columns,
                samples_per_pixel=1,
                bits_allocated=self._bits,
                bits_stored=self._obj.integer(self._obj.dataset, "BitsStored", "$") or self._bits,
                photometric_interpretation="MONOCHROME2",
                index=index,
            )
        except _UNDECODABLE:
            return None
        return pixels if pixels.shape == (rows, columns) else None


def _decoder() -> Callable[..., Pixels]:
    # Only who asks for outlines waits for highdicom.
    from highdicom.frame import decode_frame

    decoder: Callable[..., Pixels] = decode_frame
    return decoder


def _inflated(value: bytes, bits: int) -> bytes:
    """Return a deflated frame as it was, without what may follow it. Raises zlib.error."""
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(value, -(-bits // 8))


def _bytes(dataset: Dataset, keyword: str) -> bytes:
    found = dataset.get(keyword)
    return bytes(found) if isinstance(found, bytes | bytearray) else b""
