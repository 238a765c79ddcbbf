"""Reads headers of files into rows of the catalog, fast: whatever is unusual is left to the reader of all headers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from pydicom.datadict import dictionary_VR

from converter.reader.archives import recognise
from converter.reader.character_sets import is_plain
from converter.reader.dicom_json import looks_like_dicom_json
from converter.reader.dicomdir import is_dicomdir
from converter.reader.header import encoding_of
from converter.reader.header_fields import DECIDING, FIELDS, HEADER, WAVEFORMS, Tag, last_needed
from converter.reader.quick_scan import Elements, QuickMeta, QuickScan, ShortError, UnusualError, Wishes
from converter.reader.raw_values import character_set_of, text
from converter.reader.rows import FIELDS as NAMES
from converter.reader.rows import HeaderRow, field_value, joined
from converter.reader.skim import EXPLICIT_LITTLE, IMPLICIT_LITTLE, Raw, Skimmed, Wanted

FIRST_BYTES: Final = 8192
"""Nearly all headers end within so many bytes."""

# Of a file that needs more, somebody else passes over what is not needed.
_MOST_BYTES: Final = 2**24
_OPEN: Final = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
# So much is remembered of each field, in values and in bytes of each.
_MOST_VALUES: Final = 512
_LONGEST_REMEMBERED: Final = 1024

_Key: TypeAlias = "bytes | tuple[Any, ...]"
"""What says the value of a field: an element as encoded, or more than that."""

_SEQUENCES: Final = {tag: inner for tag, inner in HEADER.items() if inner is not None}
_SLOTS: Final = {tag: number for number, tag in enumerate((each for each in HEADER if each not in _SEQUENCES), 1)}
_PLAIN_SEQUENCES: Final = tuple(sorted({tag for each in FIELDS.values() for tag in each.tags if tag in _SEQUENCES}))
_SEVERAL: Final = tuple(each.tags for each in FIELDS.values() if len(each.tags) > 1)
_OF_FRAMES: Final = frozenset({*_SEQUENCES, Tag.TotalPixelMatrixColumns} - {*_PLAIN_SEQUENCES})
_FIELDS_OF_FRAMES: Final = tuple((NAMES.index(name), each) for name, each in FIELDS.items() if each.is_of_frames)
_SOP_INSTANCE_UID: Final = _SLOTS[Tag.SOPInstanceUID]
_SOP_CLASS_UID: Final = _SLOTS[Tag.SOPClassUID]
_MODALITY: Final = _SLOTS[Tag.Modality]
_CHARACTER_SET: Final = _SLOTS[Tag.SpecificCharacterSet]


def _place(tags: tuple[int, ...]) -> int:
    """Return where the key of a field that is read from these elements stands: behind the slots what is no slot's."""
    if not tags:
        return 0
    if len(tags) > 1:
        return 1 + len(_SLOTS) + len(_PLAIN_SEQUENCES) + _SEVERAL.index(tags)
    return _SLOTS.get(tags[0]) or 1 + len(_SLOTS) + _PLAIN_SEQUENCES.index(tags[0])


def _raw(values: Mapping[int, bytes]) -> Skimmed:
    return {tag: Raw(None, value, "little") for tag, value in values.items()}


def _tags(wanted: Wanted) -> Iterator[int]:
    for tag, inner in wanted.items():
        yield tag
        yield from _tags(inner or {})


_WISHES: Final = Wishes(
    slots=_SLOTS,
    vrs={tag: dictionary_VR(tag).encode() for tag in _tags(HEADER)},
    sequences=frozenset(_SEQUENCES),
    deciding=DECIDING,
    last_needed=lambda decided: last_needed(_raw(decided)),
)


class HeaderReader:
    """Reads headers; what it learns from some makes it read others faster. Not for two threads at once."""

    def __init__(self) -> None:
        self._meta = QuickMeta()
        self._scans = {each: QuickScan(each, _WISHES) for each in (EXPLICIT_LITTLE, IMPLICIT_LITTLE)}
        self._syntaxes: dict[bytes, tuple[str | None, QuickScan | None]] = {}
        self._texts: dict[bytes, str | None] = {}
        # What the value of each field was read as, in JSON.
        self._known: list[dict[_Key, str]] = [{} for _ in NAMES]
        self._getters = [(known.get, _place(FIELDS[name].tags)) for known, name in zip(self._known, NAMES, strict=True)]

    def read(self, path: str) -> HeaderRow | None:
        """Return the row of a file, None if that needs a closer look: it may be unreadable, or no DICOM object."""
        try:
            descriptor = os.open(path, _OPEN)
        except OSError:
            return None
        try:
            data = os.read(descriptor, FIRST_BYTES)
            if not _begins_as_object(data):
                return None
            while True:
                try:
                    return self._row(data, whole=False)
                except ShortError as short:
                    # Where the end is not known, twice as much each time.
                    needed = max(short.needed + FIRST_BYTES, 2 * len(data))
                if needed > _MOST_BYTES:
                    return None
                more = os.read(descriptor, needed - len(data))
                if not more:
                    return self._row(data, whole=True)
                data += more
        except (OSError, ShortError, UnusualError):
            return None
        finally:
            os.close(descriptor)

    def row(self, data: bytes, *, whole: bool = False) -> HeaderRow | None:
        """Return the row of what begins with `data`, `whole` if that is all; None if it needs a closer look."""
        try:
            return self._row(data, whole=whole) if _begins_as_object(data) else None
        except (ShortError, UnusualError):
            return None

    def _row(self, data: bytes, *, whole: bool) -> HeaderRow:
        stated, at = self._meta.transfer_syntax_uid(data)
        syntax, scan = self._syntaxes.get(stated) or self._syntax(stated)
        if scan is None:
            raise UnusualError
        found = scan.data_set(data, at, whole=whole)
        values = found.values
        uid = values[_SOP_INSTANCE_UID].strip(b" \0")
        sop_class_uid = self._text(values[_SOP_CLASS_UID])
        if not uid or not uid.isascii() or b"\\" in uid or sop_class_uid is None:
            raise UnusualError
        keys = _keys(found)
        parts = [get(keys[place], "") for get, place in self._getters]
        if "" in parts:
            parts = [each or self._value(number, found, keys, scan) for number, each in enumerate(parts)]
        if not _OF_FRAMES.isdisjoint(found.sequences) or not _OF_FRAMES.isdisjoint(found.decided):
            skimmed = _skimmed(found, scan)
            governing = character_set_of(skimmed)
            for number, field in _FIELDS_OF_FRAMES:
                parts[number] = field_value(field.read(skimmed, governing))
        is_bare_waveform = sop_class_uid.startswith(WAVEFORMS) and not _is_annotated(found, scan)
        return HeaderRow(uid, joined(parts), sop_class_uid, self._text(values[_MODALITY]), syntax, is_bare_waveform)

    def _syntax(self, stated: bytes) -> tuple[str | None, QuickScan | None]:
        """Return a transfer syntax and what scans data sets in it, None where that takes more."""
        syntax = text(_raw({Tag.TransferSyntaxUID: stated}), Tag.TransferSyntaxUID)
        encoding = None if syntax is None else encoding_of(syntax)
        found = (syntax, None if encoding is None else self._scans.get(encoding))
        if len(self._syntaxes) < _MOST_VALUES and len(stated) < _LONGEST_REMEMBERED:
            self._syntaxes[stated] = found
        return found

    def _text(self, value: bytes) -> str | None:
        found = self._texts.get(value)
        if found is None and value:
            found = text(_raw({Tag.Modality: value}), Tag.Modality)
            if len(self._texts) < _MOST_VALUES:
                self._texts[value] = found
        return found

    def _value(self, number: int, found: Elements, keys: list[_Key], scan: QuickScan) -> str:
        """Return a field's value, in JSON, that is not yet known."""
        field, known = FIELDS[NAMES[number]], self._known[number]
        key = keys[_place(field.tags)]
        character_set = found.values[_CHARACTER_SET]
        if field.is_governed and isinstance(key, bytes) and not is_plain(key):
            key = (character_set, key)
        value = known.get(key)
        if value is None:
            stated = _skimmed(found, scan, field.tags)
            governing = character_set_of(_raw({Tag.SpecificCharacterSet: character_set}))
            value = field_value(field.read(stated, governing))
            if len(known) >= _MOST_VALUES:
                known.clear()
            if len(value) + _size(key) <= _LONGEST_REMEMBERED:
                known[key] = value
        return value


def _begins_as_object(data: bytes) -> bool:
    """Return whether this is the beginning of a DICOM object that is not to be taken for anything else."""
    return (
        data[128:132] == b"DICM"
        and recognise(data) is None
        and not is_dicomdir(data)
        and not looks_like_dicom_json(data)
    )


def _keys(found: Elements) -> list[_Key]:
    """Return what says the values of the fields, each in its place."""
    values = found.values
    keys: list[_Key] = [*values]
    for tag in _PLAIN_SEQUENCES:
        sequence = found.sequences.get(tag)
        keys.append((values[_CHARACTER_SET], found.explicit, *sequence) if sequence else b"")
    for tags in _SEVERAL:
        keys.append(tuple(values[_SLOTS[tag]] for tag in tags))
    return keys


def _size(key: _Key) -> int:
    return len(key) if isinstance(key, bytes) else sum(len(each) for each in key if isinstance(each, bytes))


def _skimmed(found: Elements, scan: QuickScan, tags: Iterable[int] = HEADER) -> Skimmed:
    """Return those of the elements that were found, as `skim` would."""
    skimmed: Skimmed = {}
    for tag in tags:
        inner = HEADER[tag]
        if inner is None:
            value = found.values[_SLOTS[tag]]
            if value or tag in found.decided:
                skimmed[tag] = Raw(None, value, "little")
        elif tag in found.sequences:
            skimmed[tag] = scan.items(found.sequences[tag], inner)
    return skimmed


def _is_annotated(found: Elements, scan: QuickScan) -> bool:
    sequence = found.sequences.get(Tag.WaveformAnnotationSequence)
    return sequence is not None and bool(scan.items(sequence, _SEQUENCES[Tag.WaveformAnnotationSequence]))
