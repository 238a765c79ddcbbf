"""Annotation objects that any process can read again: files in their places, everything else copied into the spool."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from pydicom import Dataset

from converter.pixel_data import EncodedFrame, PixelData
from converter.reader import dicom_json
from converter.reader.content import Recording, content
from converter.reader.database import decoded, encoded
from converter.reader.datasets import as_parsed, without_pixel_data
from converter.reader.keeping import Kept, read
from converter.reader.openers import PlainFile
from converter.reader.parser import NotDicomError, Parsed, parse
from converter.reader.pixel_data import pixel_value, pixels_in, pixels_of
from converter.reader.rows import HeaderRow
from converter.reader.sources import Found
from converter.run.state import OutError

_FILE, _CONTENT, _WHOLE, _JSON = "file", "content", "whole", "json"
_PIECE: Final = 2**20


@dataclass(frozen=True, slots=True)
class Stored:
    """Reads an object: a `file` where it is, or what the spool holds.

    That is the object's `content`, but for pixel data; the `whole` of it; or `json`.
    """

    path: str
    form: str
    transfer_syntax_uid: str | None = None

    def __call__(self) -> Parsed:
        """Read the object. Raises OSError and NotDicomError."""
        if self.form == _JSON:
            return as_parsed(without_pixel_data(_dataset(self.path)), self.transfer_syntax_uid)
        if self.form != _CONTENT:
            return read(PlainFile(self.path))
        with PlainFile(self.path)() as stream:
            return parse(stream.read())

    @classmethod
    def at(cls, place: bytes, form: str, transfer_syntax_uid: bytes | None, spool: Path) -> Stored:
        """Return what the catalog says lies there; what is in the spool wherever that is now."""
        path = decoded(place) if form == _FILE else str(spool / decoded(place))
        return cls(path, form, None if transfer_syntax_uid is None else decoded(transfer_syntax_uid))

    @property
    def place(self) -> bytes:
        """Where it lies, as the catalog has it: a path, in the spool a relative one, for OUT may be moved."""
        return encoded("/".join(Path(self.path).parts[-2:]) if self.is_spooled else self.path)

    @property
    def is_spooled(self) -> bool:
        """Whether it lies in the spool, under the hash of its content."""
        return self.form != _FILE

    @property
    def pixel_data(self) -> PixelData | None:
        """The object's pixel data, None if that was not kept."""
        if self.form == _CONTENT:
            return None
        return _JsonPixels(self) if self.form == _JSON else pixels_in(PlainFile(self.path))


@dataclass(frozen=True, slots=True)
class _JsonPixels:
    """The pixel data of an object that is kept as DICOM JSON."""

    stored: Stored

    def frames(
        self, count: int, bits: int, extended_offsets: tuple[bytes, bytes] | None = None
    ) -> Iterator[EncodedFrame]:
        """Yield the frames as `converter.pixel_data.PixelData` says."""
        try:
            dataset = _dataset(self.stored.path)
        except (OSError, NotDicomError):
            return
        value = pixel_value(dataset)
        if value is not None:
            pixels = pixels_of(dataset, self.stored.transfer_syntax_uid, lambda: value)
            yield from pixels.frames(count, bits, extended_offsets)


def _dataset(path: str) -> Dataset:
    values = dicom_json.read_json(Path(path).read_bytes())
    if not values:
        raise NotDicomError
    dataset, _ = dicom_json.dataset_from_json(values[0])
    return dataset


class SpoolFolder:
    """A folder of what is no file of its own, each under the SHA-256 of its content; a `Keep`."""

    def __init__(self, folder: Path, *, with_pixels: bool) -> None:
        self._folder = folder
        self._with_pixels = with_pixels

    def again(self, found: Found) -> Kept | None:
        """Return the way to read a file that is nothing else."""
        return None if found.path is None else _kept(Stored(found.path, _FILE))

    def stream(self, recording: Recording) -> Kept:
        """Keep the object that was begun to read. Raises OutError."""
        if self._with_pixels:
            replayed = recording.replayed()
            return _kept(Stored(self._put(lambda: replayed.read(_PIECE)), _WHOLE))
        return _kept(Stored(self._put_bytes(content(recording.replayed())), _CONTENT))

    def dataset(self, found: Found, header: HeaderRow) -> Kept:
        """Keep an object that came as DICOM JSON. Raises OutError."""
        if found.json is None:
            raise ValueError("only what came as DICOM JSON can be kept")
        return _kept(Stored(self._put_bytes(json.dumps(found.json).encode()), _JSON, header.transfer_syntax_uid))

    def _put_bytes(self, data: bytes) -> str:
        pieces = iter((data, b""))
        return self._put(lambda: next(pieces))

    def _put(self, next_piece: Callable[[], bytes]) -> str:
        digest = hashlib.sha256()
        part = self._folder / f"{secrets.token_hex(8)}.part"
        try:
            file = self._written(part)
            with file:
                while piece := next_piece():
                    digest.update(piece)
                    try:
                        file.write(piece)
                    except OSError as error:
                        raise OutError.of(error) from error
            place = self._folder / digest.hexdigest()[:2] / digest.hexdigest()
            try:
                place.parent.mkdir(exist_ok=True)
                part.replace(place)
            except OSError as error:
                raise OutError.of(error) from error
        finally:
            part.unlink(missing_ok=True)
        return str(place)

    @staticmethod
    def _written(part: Path) -> BinaryIO:
        try:
            return part.open("xb", buffering=0)
        except OSError as error:
            raise OutError.of(error) from error


def _kept(stored: Stored) -> Kept:
    return stored, stored.pixel_data
