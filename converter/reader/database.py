"""What databases of instances have in common. Nothing that reads DICOM is imported here."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


class CatalogError(OSError):
    """The catalog's database cannot be opened, read or written; `errno` is there where the disk is full."""


@contextmanager
def errors_translated() -> Iterator[None]:
    """Raise CatalogError instead of what SQLite raises."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") in ("SQLITE_FULL", "SQLITE_IOERR_WRITE"):
            raise CatalogError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise CatalogError("the catalog's database cannot be opened, read or written") from error


def encoded(string: str) -> bytes:
    """Return the bytes that a database keeps of a string; they sort as strings do."""
    # File names and damaged values hold what UTF-8 cannot: SQLite's text would refuse it.
    return string.encode("utf-8", "surrogatepass")


def decoded(data: bytes) -> str:
    """Return the string of which these bytes were kept."""
    return data.decode("utf-8", "surrogatepass")
