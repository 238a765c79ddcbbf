"""What a compressed frame says of its own size, before anything is made room for.

ISO/IEC 10918-1 B.2.2 (JPEG), 14495-1 C.2.2 (JPEG-LS), 15444-1 A.5.1 (JPEG 2000).
"""

from __future__ import annotations

from typing import Final

_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_JP2_BOX: Final = b"\x00\x00\x00\x0cjP  "
# Start of frame: of all processes of JPEG but the markers that lie between them, and of JPEG-LS.
_FRAMES: Final = (frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}) | {0xF7}
_WITHOUT_LENGTH: Final = frozenset((0x01, *range(0xD0, 0xD9)))
_FILL: Final = 0xFF


def size_of(frame: bytes) -> tuple[int, int] | None:
    """Return rows and columns, None if the frame does not tell."""
    if frame.startswith(_JP2_BOX):
        frame = frame[max(frame.find(_JPEG_2000), 0) :]
    if frame.startswith(_JPEG_2000):
        columns, rows, left, top = (int.from_bytes(frame[at : at + 4], "big") for at in (8, 12, 16, 20))
        return rows - top, columns - left
    return _jpeg_size(frame) if frame.startswith(_JPEG) else None


def _jpeg_size(frame: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(frame):
        marker = frame[at + 1]
        if frame[at] != 0xFF:
            return None
        if marker in _FRAMES:
            return int.from_bytes(frame[at + 5 : at + 7], "big"), int.from_bytes(frame[at + 7 : at + 9], "big")
        if marker == _FILL:
            at += 1
        else:
            at += 2 if marker in _WITHOUT_LENGTH else 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None
