"""Keeps annotation objects that can be read only once, so that each can be read when it is its turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, TypeAlias

from pydicom import Dataset

from converter.pixel_data import PixelData
from converter.reader.content import Recording, content
from converter.reader.datasets import as_parsed, without_pixel_data
from converter.reader.parser import Parsed, parse
from converter.reader.pixel_data import pixel_value, pixels_in, pixels_of
from converter.reader.rows import HeaderRow
from converter.reader.sources import Found
from converter.reader.spool import Spool, Spooled, copied

Read: TypeAlias = Callable[[], Parsed]
"""Reads an object. Raises OSError and NotDicomError where it is no longer what it was."""

Kept: TypeAlias = tuple[Read, PixelData | None]
"""The way to read an object, and its pixel data if that was kept."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """Keeps objects in a spool, or in memory without one; `with_pixels` with all their pixel data, on disk."""

    spool: Spool | None
    with_pixels: bool = False

    def again(self, found: Found) -> Kept | None:
        """Return the way to read what can be read once more where it was found."""
        return (partial(read, found.open), pixels_in(found.open)) if found.rereadable else None

    def stream(self, recording: Recording) -> Kept:
        """Keep the object that was begun to read. Raises OSError."""
        if not self.with_pixels:
            return self._bytes(content(recording.replayed())), None
        opened = self._opener(recording.replayed())
        return partial(read, opened), pixels_in(opened)

    def dataset(self, found: Found, header: HeaderRow) -> Kept:
        """Keep a copy of a data set that was found. Raises OSError."""
        dataset, transfer_syntax_uid = found.dataset, header.transfer_syntax_uid
        assert dataset is not None
        kept = without_pixel_data(dataset)
        place = None if self.spool is None else self.spool.put_dataset(kept)
        if self.spool is None or place is None:
            reading = partial(_copy, kept, transfer_syntax_uid)
        else:
            reading = partial(_spooled, self.spool, place, transfer_syntax_uid)
        value = pixel_value(dataset) if self.with_pixels else None
        if value is None:
            return reading, None
        return reading, pixels_of(dataset, transfer_syntax_uid, self._opener(value))

    def _bytes(self, data: bytes) -> Callable[[], Parsed]:
        return partial(parse, data) if self.spool is None else partial(_parse_spooled, self.spool, self.spool.put(data))

    def _opener(self, stream: BinaryIO) -> Callable[[], BinaryIO]:
        """Keep all that follows in a stream."""
        # Who has no spool gets one of its own: pixel data is not for memory.
        spool = self.spool or Spool()
        return partial(spool.open, spool.put_stream(stream))


def read(opened: Callable[[], BinaryIO]) -> Parsed:
    """Read the object at the beginning of a stream. Raises OSError and NotDicomError."""
    with opened() as stream:
        return parse(content(stream))


def _parse_spooled(spool: Spool, place: Spooled) -> Parsed:
    return parse(spool.read(place))


def _copy(dataset: Dataset, transfer_syntax_uid: str | None) -> Parsed:
    copy = copied(dataset)
    return Parsed(dataset, (), transfer_syntax_uid) if copy is None else as_parsed(copy, transfer_syntax_uid)


def _spooled(spool: Spool, place: Spooled, transfer_syntax_uid: str | None) -> Parsed:
    return as_parsed(spool.read_dataset(place), transfer_syntax_uid)
