"""Writes masks as PNG (ISO/IEC 15948), eight bits of gray a pixel."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def gray_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return an image of shape (rows, columns) as a PNG file."""
    rows, columns = pixels.shape
    # Each line begins with its filter: none.
    lines = np.zeros((rows, columns + 1), np.uint8)
    lines[:, 1:] = pixels
    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, content) for name, content in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
