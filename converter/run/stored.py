"""Annotation objects that any process can read again: files in their places, everything else copied into the spool."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from converter.reader import dicom_json
from converter.reader.content import content
from converter.reader.datasets import as_parsed, without_pixel_data
from converter.reader.openers import PlainFile
from converter.reader.parser import NotDicomError, Parsed, parse
from converter.reader.rows import HeaderRow
from converter.reader.scan import Read
from converter.reader.sources import Found
from converter.run.state import OutError

_FILE, _CONTENT, _JSON = "file", "content", "json"


@dataclass(frozen=True, slots=True)
class Stored:
    """Reads an object: a `file` where it is, or the `content` or `json` that the spool holds."""

    path: str
    form: str
    transfer_syntax_uid: str | None = None

    def __call__(self) -> Parsed:
        """Read the object. Raises OSError and NotDicomError."""
        with PlainFile(self.path)() as stream:
            if self.form == _FILE:
                return parse(content(stream))
            data = stream.read()
        if self.form == _CONTENT:
            return parse(data)
        values = dicom_json.read_json(data)
        if not values:
            raise NotDicomError
        dataset, _ = dicom_json.dataset_from_json(values[0])
        return as_parsed(without_pixel_data(dataset), self.transfer_syntax_uid)


class SpoolFolder:
    """A folder of what is no file of its own, each under the SHA-256 of its content; a `Keep`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def again(self, found: Found) -> Read | None:
        """Return the way to read a file that is nothing else."""
        return None if found.path is None else Stored(found.path, _FILE)

    def content(self, data: bytes) -> Read:
        """Keep an object by its encoding. Raises OutError."""
        return Stored(self._put(data), _CONTENT)

    def dataset(self, found: Found, header: HeaderRow) -> Read:
        """Keep an object that came as DICOM JSON. Raises OutError."""
        if found.json is None:
            raise ValueError("only what came as DICOM JSON can be kept")
        return Stored(self._put(json.dumps(found.json).encode()), _JSON, header.transfer_syntax_uid)

    def _put(self, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        place = self._folder / name[:2] / name
        if not place.exists():
            part = place.with_name(f"{name}.{secrets.token_hex(4)}.part")
            try:
                place.parent.mkdir(exist_ok=True)
                part.write_bytes(data)
                part.replace(place)
            except OSError as error:
                part.unlink(missing_ok=True)
                raise OutError.of(error) from error
        return str(place)


def is_spooled(form: str) -> bool:
    """Return whether an object of this form lies in the spool."""
    return form != _FILE
