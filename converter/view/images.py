"""The images at a path: found by SOP Instance UID, their frames decoded one at a time."""

from __future__ import annotations

import struct
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Self, cast

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels.decoders.base import get_decoder

from converter.catalog import Instance
from converter.mapper import is_annotation, values
from converter.reader.catalog import SqliteCatalog
from converter.reader.content import content
from converter.reader.header import enter_data_set, pass_prefix
from converter.reader.nesting import PIXEL_DATA
from converter.reader.parser import INFLATED_LIMIT, NotDicomError, parse
from converter.reader.scan import scan
from converter.reader.skim import Cursor, Head, MalformedError, Skimmer, TruncatedError
from converter.reader.sources import Found, Item, check_sources, walk
from converter.reader.spool import Spool
from converter.settings import ArchiveLimits
from converter.view.codestream import size_of
from converter.view.picture import PictureError

NOT_THERE: Final = "The image is not among the DICOM objects given."
NO_IMAGE: Final = "The object holds no image."
NO_FRAME: Final = "The image has no such frame."
NO_PIXELS: Final = "The image comes without its pixels."
NO_DECODER: Final = "No decoder of the image's transfer syntax is installed."
NOT_DECODED: Final = "The image cannot be decoded."
TOO_LARGE: Final = "The image is too large to be shown."
READ_ONCE: Final = "The image lies where it can be read only once."
WHOLE_SLIDE: Final = "A slide of this size is shown by its frames only, and none is named."

MOST_PIXELS: Final = 2**26
"""Pixels of a frame that is shown: twice those of the largest detectors."""

_KEPT: Final = 16
_KNOWN: Final = 512
_SPOOLED: Final = 2**24
_UNDEFINED: Final = 0xFFFFFFFF
_KEYWORDS: Final = {0x7FE00008: "FloatPixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00010: "PixelData"}
_NUMBERS: Final = {
    "samples_per_pixel": "SamplesPerPixel",
    "planar_configuration": "PlanarConfiguration",
    "rows": "Rows",
    "columns": "Columns",
    "bits_allocated": "BitsAllocated",
    "bits_stored": "BitsStored",
    "pixel_representation": "PixelRepresentation",
}
# GDCM ends the process over damaged images, and so does pylibjpeg-rle, which pydicom's own decoder stands for.
_UNSAFE: Final = frozenset({"gdcm"})
_OWN: Final = "pydicom"
# What pydicom and the decoders behind it raise over damaged pixel data; what they say is not repeated.
_DAMAGE: Final = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    RuntimeError,
    ArithmeticError,
    MemoryError,
    AssertionError,
    struct.error,
    zlib.error,
    TruncatedError,
    MalformedError,
)


@dataclass(frozen=True, slots=True)
class _Header:
    """All of an image but its pixels; `offset`: where their value begins, None in what is deflated."""

    dataset: Dataset
    transfer_syntax_uid: str | None
    pixel_data: Head | None = None
    offset: int | None = None


class Images:
    """The DICOM objects at a path. Of an image no more is held than its header and one frame.

    Use it as a context. Without a path there are none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stack = ExitStack()
        self._found: dict[str, Found] = {}
        self._is_indexed = False
        self._header: Callable[[str], _Header] = lru_cache(_KEPT)(self._read_header)
        # A selection, and the next one, name the same images again and again.
        self._instance: Callable[[str], Instance | None] = lru_cache(_KNOWN)(self._read_instance)

    def __enter__(self) -> Self:
        self._catalog = self._stack.enter_context(SqliteCatalog())
        if self._path is not None:
            with Spool() as spool:
                found = self._kept(walk(check_sources(self._path), ArchiveLimits()))
                scan(found, is_annotation, self._catalog, spool)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def _kept(self, found: Iterable[Item]) -> Iterator[Item]:
        for each in found:
            if isinstance(each, Found):
                self._found[each.name] = each
            yield each

    def lookup(self, sop_instance_uid: str) -> Instance | None:
        """Return what is known of an instance, or None."""
        return self._instance(sop_instance_uid)

    def _read_instance(self, sop_instance_uid: str) -> Instance | None:
        return self._catalog.lookup(sop_instance_uid)

    def instances_in_frame_of_reference(self, frame_of_reference_uid: str) -> list[Instance]:
        """Return all instances in the frame of reference, by SOP Instance UID."""
        if not self._is_indexed:
            self._catalog.index_frames_of_reference()
            self._is_indexed = True
        return list(self._catalog.instances_in_frame_of_reference(frame_of_reference_uid))

    def missing(self, sop_instance_uid: str, frame: int = 1) -> str | None:
        """Return the fixed text that says why a frame cannot be shown, as far as that is known without opening it."""
        instance = self.lookup(sop_instance_uid)
        if instance is None:
            return NOT_THERE
        if instance.rows is None or instance.columns is None:
            return NO_IMAGE
        if not 1 <= frame <= (instance.number_of_frames or 1):
            return NO_FRAME
        if instance.rows * instance.columns > MOST_PIXELS:
            return TOO_LARGE
        found = self._find(sop_instance_uid)
        return None if found is not None and found.rereadable else READ_ONCE

    def dataset(self, sop_instance_uid: str) -> Dataset:
        """Return an object that was found, without its pixel data. Raises PictureError."""
        return self._header(sop_instance_uid).dataset

    def pixels(self, sop_instance_uid: str, frame: int = 1) -> NDArray[Any]:
        """Return the stored values of a frame, counted from 1.

        Shape (rows, columns), or (rows, columns, 3) of RGB, which other colour spaces are turned into. Raises
        PictureError.
        """
        missing = self.missing(sop_instance_uid, frame)
        if missing is not None:
            raise PictureError(missing)
        header = self._header(sop_instance_uid)
        head = header.pixel_data
        if head is None or header.transfer_syntax_uid is None:
            raise PictureError(NO_PIXELS)
        try:
            decoder = get_decoder(header.transfer_syntax_uid)
        except NotImplementedError as error:
            raise PictureError(NO_DECODER) from error
        plugins = [each for each in decoder.available_plugins if each not in _UNSAFE]
        plugins = [_OWN] if _OWN in plugins else plugins
        if decoder.is_encapsulated and not plugins:
            raise PictureError(NO_DECODER)
        if (head.length == _UNDEFINED) != decoder.is_encapsulated:
            raise PictureError(NOT_DECODED)
        options = _options(header, head)
        if decoder.is_encapsulated:
            with self._pixel_data(sop_instance_uid, header) as stream:
                _check_size(stream, frame, options)
        for plugin in plugins or [""]:
            try:
                with self._pixel_data(sop_instance_uid, header) as stream:
                    array, _ = decoder.as_array(stream, index=frame - 1, decoding_plugin=plugin, **options)
            except _DAMAGE:
                # What one decoder does not take another may.
                continue
            return np.asarray(array)
        raise PictureError(NOT_DECODED)

    def _find(self, sop_instance_uid: str) -> Found | None:
        name = self._catalog.name_of(sop_instance_uid)
        return None if name is None else self._found.get(name)

    def _read_header(self, sop_instance_uid: str) -> _Header:
        found = self._find(sop_instance_uid)
        if found is None:
            raise PictureError(NOT_THERE)
        if not found.rereadable:
            raise PictureError(READ_ONCE)
        try:
            return _header(found)
        except (OSError, NotDicomError) as error:
            raise PictureError(NOT_DECODED) from error

    def _pixel_data(self, sop_instance_uid: str, header: _Header) -> BinaryIO:
        """Return a stream that stands where the value of the pixel data begins, and can seek."""
        found = cast(Found, self._find(sop_instance_uid))
        stream = found.open()
        if header.offset is not None and stream.seekable():
            stream.seek(header.offset)
            return stream
        copy = cast(BinaryIO, tempfile.SpooledTemporaryFile(_SPOOLED))  # noqa: SIM115
        with stream:
            cursor = _at_pixel_data(stream)[0]
            left = INFLATED_LIMIT
            while left and (data := cursor.take_up_to(min(left, _SPOOLED))):
                copy.write(data)
                left -= len(data)
        copy.seek(0)
        return copy


def _at_pixel_data(stream: BinaryIO) -> tuple[Cursor, tuple[int, Head] | None, bool]:
    """Return a cursor at the value of the pixel data, with the place and head of that element, if there is one.

    The last says whether the cursor goes over the stream itself, and not over what it inflates to.
    """
    cursor = Cursor(stream)
    pass_prefix(cursor)
    entered, encoding = enter_data_set(cursor, {})
    return entered, Skimmer(entered, encoding).find(PIXEL_DATA), entered is cursor


def _header(found: Found) -> _Header:
    with found.open() as stream:
        try:
            cursor, place, is_direct = _at_pixel_data(stream)
        except (TruncatedError, MalformedError):
            place, is_direct = None, False
        if place is not None and is_direct and stream.seekable():
            begin, head = place
            offset = cursor.position
            stream.seek(0)
            parsed = parse(stream.read(begin))
            return _Header(parsed.dataset, parsed.transfer_syntax_uid, head, offset)
    with found.open() as again:
        parsed = parse(content(again))
    return _Header(parsed.dataset, parsed.transfer_syntax_uid, None if place is None else place[1])


def _options(header: _Header, head: Head) -> dict[str, Any]:
    """Return what pydicom needs to know of the pixels (PS3.3 C.7.6.3)."""
    dataset = header.dataset
    options: dict[str, Any] = {
        "pixel_keyword": _KEYWORDS[head.tag],
        "pixel_vr": head.vr or "OW",
        "number_of_frames": max(number(dataset, "NumberOfFrames") or 1, 1),
        "photometric_interpretation": values.text(dataset, "PhotometricInterpretation"),
    }
    options |= {name: number(dataset, keyword) for name, keyword in _NUMBERS.items()}
    offsets = dataset.get("ExtendedOffsetTable"), dataset.get("ExtendedOffsetTableLengths")
    if all(offsets):
        options["extended_offsets"] = offsets
    return {name: value for name, value in options.items() if value is not None}


def _check_size(stream: BinaryIO, frame: int, options: dict[str, Any]) -> None:
    """Raise PictureError for a frame that says of itself that it is larger than its image: decoders believe it."""
    try:
        data = get_frame(
            stream,
            frame - 1,
            number_of_frames=options["number_of_frames"],
            extended_offsets=options.get("extended_offsets"),
        )
    except _DAMAGE as error:
        raise PictureError(NOT_DECODED) from error
    stated = size_of(data)
    if stated is not None and (stated[0] > options.get("rows", 0) or stated[1] > options.get("columns", 0)):
        raise PictureError(NOT_DECODED)


def number(dataset: Dataset, keyword: str) -> int | None:
    """Return an integer, None where none can be read."""
    try:
        return values.integer(dataset, keyword)
    except values.ValueUnreadableError:
        return None


def numbers(dataset: Dataset, keyword: str) -> tuple[float, ...]:
    """Return all numbers of an element, none where one of them cannot be read or is not finite."""
    try:
        found = values.floats(dataset, keyword)
    except values.ValueUnreadableError:
        return ()
    return tuple(float(each) for each in found) if np.isfinite(found).all() else ()
