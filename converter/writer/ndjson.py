"""Newline-delimited JSON (FHIR Bulk Data): to a file that appears whole or not at all, or to a stream."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

_BUFFER = 2**20


class OutputClosedError(Exception):
    """Whoever read the output stopped reading (as `head` does): there is nobody to write to."""


class LineWriter(Protocol):
    """Where lines go."""

    def write(self, line: bytes) -> None:
        """Write one JSON value, given without its newline."""
        ...


class NdjsonWriter:
    """Writes lines beside `path` and, when its context ends without an exception, puts them in its place.

    Until then a file that was there before stays as it was; after an exception (Ctrl-C too) nothing is left of
    what was written. `commit` and `discard` do the same without a context.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._part = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}.part")
        self._file: BinaryIO | None = None

    def open(self) -> Self:
        """Make the part file beside `path`. Raises OSError if it cannot be made, or if `path` is a folder."""
        if self.path.is_dir():
            raise IsADirectoryError(f"is a folder, not a file: {self.path}")
        self._file = self._part.open("xb", buffering=_BUFFER)
        return self

    def write(self, line: bytes) -> None:
        """Write one JSON value, given without its newline.

        Raises ValueError if there is a newline in it, or if the file is not open.
        """
        _check_is_line(line)
        if self._file is None:
            raise ValueError("the file is not open")
        self._file.write(line)
        self._file.write(b"\n")

    def complete(self) -> None:
        """Bring everything written to the disk; nothing can be written any more."""
        if self._file is not None and not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def commit(self) -> None:
        """Complete the file and put it in its place."""
        self.complete()
        self._part.replace(self.path)
        _sync_folder(self.path.parent)

    def discard(self) -> None:
        """Remove what was written, unless it is in its place already."""
        # Closing flushes, and a full disk must not keep the part file from being removed.
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.commit()
        finally:
            self.discard()


class FolderWriter:
    """Writes the NDJSON files of a folder, each from when it is first written to, and puts them in place together.

    All are complete on the disk before the first is put in its place. `always` are made even if nothing is written to
    them, and put in place last, in the order given. After an exception within the context no file has changed and no
    part is left; should the system fail between two renames, the files up to there are the new ones.
    """

    def __init__(self, folder: str | Path, *always: str) -> None:
        self._folder = Path(folder)
        self._always = always
        self._writers: dict[str, NdjsonWriter] = {}

    def write(self, name: str, line: bytes) -> None:
        """Write one JSON value to the file of this name. Raises OSError if it cannot be made."""
        writer = self._writers.get(name) or self._open(name)
        writer.write(line)

    def _open(self, name: str) -> NdjsonWriter:
        # Named before it is made: an interruption between the two leaves nothing behind.
        writer = self._writers[name] = NdjsonWriter(self._folder / name)
        return writer.open()

    def __enter__(self) -> Self:
        try:
            for name in self._always:
                self._open(name)
        except BaseException:
            self._discard()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                for writer in self._writers.values():
                    writer.complete()
                for name in (*(each for each in self._writers if each not in self._always), *self._always):
                    self._writers[name].commit()
        finally:
            self._discard()

    def _discard(self) -> None:
        for writer in self._writers.values():
            writer.discard()


class StreamWriter:
    """Writes lines to a binary stream that someone else opened and closes, such as `sys.stdout.buffer`."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        """Write one JSON value, given without its newline.

        Raises OutputClosedError if the reader is gone, ValueError if there is a newline in `line`.
        """
        _check_is_line(line)
        try:
            self._stream.write(line + b"\n")
        except BrokenPipeError as error:
            self._let_go()
            raise OutputClosedError from error

    def flush(self) -> None:
        """Hand on what is buffered. Raises OutputClosedError if the reader is gone."""
        try:
            self._stream.flush()
        except BrokenPipeError as error:
            self._let_go()
            raise OutputClosedError from error

    def _let_go(self) -> None:
        """Send what the stream still buffers nowhere, or closing it at exit would fail once more."""
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nowhere, self._stream.fileno())
            finally:
                os.close(nowhere)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.flush()


def _check_is_line(line: bytes) -> None:
    if b"\n" in line:
        raise ValueError("a line of NDJSON holds no newline")


def _sync_folder(folder: Path) -> None:
    """Bring the folder's entries to the disk, where the system lets folders be opened."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
