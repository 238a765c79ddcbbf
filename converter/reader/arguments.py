"""Checks what a caller gives as sources, before anything is read."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from typing import BinaryIO, TypeAlias, cast

from pydicom import Dataset

from converter.reader.dicom_json import DicomJson, is_dicom_json
from converter.reader.paths import STANDARD_INPUT, check_path

Source: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Dataset | DicomJson"
"""A path ("-" for standard input), a file's or archive's content, a binary stream, a data set, or DICOM JSON."""


def check_sources(source: object) -> Iterable[Source]:
    """Return the sources that a caller means: `source` itself or what it holds.

    A list or tuple is checked through; any other iterable stays as it is and is not touched. Raises TypeError or
    ValueError for what can be no source, FileNotFoundError for a path that is not there.
    """
    if _is_single(source):
        check_source(source)
        return (cast(Source, source),)
    if isinstance(source, list | tuple):
        for each in source:
            check_source(each)
        if sum(each == STANDARD_INPUT for each in source if isinstance(each, str)) > 1:
            raise ValueError("standard input can be read only once")
        return tuple(source)
    if isinstance(source, Iterable):
        return source
    raise TypeError(_wrong_type(source))


def _is_single(source: object) -> bool:
    return isinstance(source, str | os.PathLike | bytes | bytearray | memoryview | Dataset | Mapping) or hasattr(
        source, "read"
    )


def check_source(source: object) -> None:
    """Raise TypeError, ValueError or FileNotFoundError for what is no single source."""
    if not _is_single(source):
        raise TypeError(_wrong_type(source))
    if isinstance(source, str | os.PathLike):
        check_path(source)
    elif isinstance(source, io.TextIOBase):
        raise TypeError("a stream must be open in binary mode")
    elif isinstance(source, Mapping) and not isinstance(source, Dataset) and not is_dicom_json(source):
        raise ValueError("a mapping must be a data set in the DICOM JSON Model: attributes by their tag")


def _wrong_type(source: object) -> str:
    return (
        "a source must be a path, bytes, a binary stream, a Dataset, DICOM JSON or an iterable of these, "
        f"not {type(source).__name__}"
    )
