"""Files of one folder that are put in their places together, when all are complete."""

from __future__ import annotations

import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

_BUFFER = 2**20
_RESOURCE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.json")


class Staging:
    """Keeps files in a part folder inside `folder` until they are put in their places.

    Until then what was there before stays as it was. After an exception within the context (Ctrl-C too) nothing is
    left of what was written; should the system fail while files are put in their places, those up to there are the
    new ones. Files of the folder that have other names are left alone; `replacing`: but for those of single resources
    in folders that are written to. Everything raises OSError.
    """

    def __init__(self, folder: str | Path, *, replacing: bool = False) -> None:
        self._replacing = replacing
        self.folder = Path(folder)
        self._part = self.folder / f".imgsel-{secrets.token_hex(4)}.part"
        self._open: dict[str, BinaryIO] = {}
        self._has_small_files = False
        self.names: tuple[str, ...] = ()

    def open(self, name: str) -> BinaryIO:
        """Make the file that will have this name in the folder; it is closed when all are complete."""
        place = self.folder / name
        if place.is_dir():
            raise IsADirectoryError(f"is a folder, not a file: {place}")
        file = self._open[name] = (self._part / name).open("xb", buffering=_BUFFER)
        return file

    def write(self, folder: str, name: str, content: bytes) -> None:
        """Write a whole file that will be in a folder of the folder. Of two with one name the later one is kept."""
        inside = self._part / folder
        inside.mkdir(exist_ok=True)
        (inside / name).write_bytes(content)
        self._has_small_files = True

    def close(self, name: str) -> None:
        """Bring a file that was opened to the disk; nothing more is written to it."""
        file = self._open.pop(name)
        file.flush()
        os.fsync(file.fileno())
        file.close()

    def commit(self, *last: str) -> None:
        """Complete all files and put them in their places, those named `last` after all others; `names` are all."""
        for name in list(self._open):
            self.close(name)
        if self._has_small_files and hasattr(os, "sync"):
            # One by one, a hundred thousand files take minutes.
            os.sync()
        names = sorted(entry.name for entry in os.scandir(self._part))
        for name in (*(each for each in names if each not in last), *(each for each in last if each in names)):
            _put(self._part / name, self.folder / name, replacing=self._replacing)
        self.names = tuple(names)
        _sync_folder(self.folder)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._part.mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for file in self._open.values():
            # Closing flushes, and a full disk must not keep the part folder from being removed.
            with suppress(OSError):
                file.close()
        shutil.rmtree(self._part, ignore_errors=True)


def _put(staged: Path, place: Path, *, replacing: bool) -> None:
    """Rename a file, or a folder whose files are added to those of the folder that is there."""
    if not staged.is_dir() or not place.exists():
        staged.replace(place)
        return
    if replacing:
        remove_resources(place, but_for=staged)
    for entry in os.scandir(staged):
        Path(entry.path).replace(place / entry.name)
    _sync_folder(place)


def remove_resources(folder: Path, but_for: Path | None = None) -> None:
    """Remove the files of single resources from a folder, but for those that are in another one, too."""
    with os.scandir(folder) as entries:
        names = (entry.name for entry in entries if _RESOURCE.fullmatch(entry.name))
        for name in names:
            if but_for is None or not (but_for / name).exists():
                (folder / name).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Bring the folder's entries to the disk, where the system lets folders be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
