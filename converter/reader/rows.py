"""Rows of the catalog: how an instance is written down, so that equal headers are equal bytes."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import fields
from typing import Any, Final, NamedTuple

from converter.catalog import FramePlanes, Instance, TileOrganization, TilePositions
from converter.reader.database import decoded, encoded
from converter.reader.header import Header
from converter.selection import Code, Problem

FIELDS: Final = tuple(each.name for each in fields(Instance))[1:]
"""The fields of Instance in the order of a row: all but its UID."""

_TUPLES: Final = ("image_orientation_patient", "image_position_patient", "pixel_spacing", "waveform_channels")


class HeaderRow(NamedTuple):
    """What a header says, ready for the catalog; can be pickled.

    `uid` and `header` are what the catalog keeps, None without a SOP Instance UID; the others are as in Header.
    """

    uid: bytes | None
    header: bytes | None
    sop_class_uid: str | None
    modality: str | None
    transfer_syntax_uid: str | None
    is_bare_waveform: bool = False
    problems: tuple[Problem, ...] = ()

    @property
    def sop_instance_uid(self) -> str | None:
        """The SOP Instance UID."""
        return None if self.uid is None else decoded(self.uid)

    @property
    def instance(self) -> Instance | None:
        """The instance, read from the row."""
        return None if self.uid is None or self.header is None else instance_from(self.uid, self.header)


def row_of(header: Header) -> HeaderRow:
    """Return the row of a header that was read."""
    instance = header.instance
    return HeaderRow(
        uid=None if instance is None else encoded(instance.sop_instance_uid),
        header=None if instance is None else header_of_instance(instance),
        sop_class_uid=header.sop_class_uid,
        modality=header.modality,
        transfer_syntax_uid=header.transfer_syntax_uid,
        is_bare_waveform=header.is_bare_waveform,
        problems=header.problems,
    )


def header_of_instance(instance: Instance) -> bytes:
    """Return the fields of an instance, but for its UID, as a JSON array: equal values are equal bytes."""
    return joined(field_value(getattr(instance, name)) for name in FIELDS)


def field_value(value: object) -> str:
    """Return a field's value as JSON."""
    return _ENCODER.encode(value)


def joined(values: Iterable[str]) -> bytes:
    """Return the row's header of the values of all fields, in order."""
    return f"[{','.join(values)}]".encode()


def instance_from(uid: bytes, header: bytes) -> Instance:
    """Return the instance that a row holds."""
    values = dict(zip(FIELDS, json.loads(header), strict=True))
    for name in _TUPLES:
        if values[name] is not None:
            values[name] = tuple(values[name])
    if values["anatomic_region"] is not None:
        values["anatomic_region"] = Code(*values["anatomic_region"])
    if values["frame_planes"] is not None:
        values["frame_planes"] = FramePlanes(*map(tuple, values["frame_planes"]))
    if values["tile_organization"] is not None:
        values["tile_organization"] = _tile_organization(values["tile_organization"])
    return Instance(sop_instance_uid=decoded(uid), **values)


def _plain(value: object) -> object:
    """Return packed numbers as text, and any of our own values as the list of its fields."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, Code | FramePlanes | TileOrganization | TilePositions):
        return [getattr(value, each.name) for each in fields(value)]
    raise TypeError(type(value))


def _tile_organization(stated: list[Any]) -> TileOrganization:
    values = dict(zip((each.name for each in fields(TileOrganization)), stated, strict=True))
    for name in ("origin", "orientation"):
        if values[name] is not None:
            values[name] = tuple(values[name])
    if values["tiles"] is not None:
        values["tiles"] = TilePositions(*map(b64decode, values["tiles"]))
    return TileOrganization(**values)


_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), default=_plain)
