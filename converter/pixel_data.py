"""Pixel data as mappers ask for it: one encoded frame after the other, read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

EXPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"
"""Deflated Image Frame Compression: each frame is deflated (PS3.5 A.4.13)."""


class EncodedFrame(NamedTuple):
    """A frame as encoded in the transfer syntax; a native one in little endian.

    A native frame whose pixels do not fill bytes begins with the byte that holds its first pixel (PS3.5 8.1.1).
    """

    value: bytes
    transfer_syntax_uid: str


class PixelData(Protocol):
    """The Pixel Data of one object."""

    def frames(
        self, count: int, bits: int, extended_offsets: tuple[bytes, bytes] | None = None
    ) -> Iterator[EncodedFrame]:
        """Yield the frames in their order: fewer than `count` where the pixel data is missing or ends too soon.

        `bits`: those of a frame that is not compressed. `extended_offsets`: the values of Extended Offset Table and
        Extended Offset Table Lengths.
        """
        ...
