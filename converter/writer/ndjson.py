"""Newline-delimited JSON (FHIR Bulk Data): to a file for each type of resource, or to a stream."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, BinaryIO, Self

from converter.writer.resource import Resource
from converter.writer.sink import Sink
from converter.writer.staging import Staging


class OutputClosedError(Exception):
    """Whoever read the output stopped reading (as `head` does): there is nobody to write to."""


class NdjsonSink(Sink):
    """Writes one file for each type of resource, `<type>.ndjson`, one resource a line; `types` have one in any case."""

    def __init__(self, staging: Staging, types: Sequence[str] = ()) -> None:
        super().__init__(staging)
        self._files = {each: staging.open(f"{each}.ndjson") for each in types}

    def write(self, resource: Resource, study: str | None = None) -> None:  # noqa: ARG002
        """Write the line."""
        kind = resource.type
        if kind not in self._files:
            self._files[kind] = self.staging.open(f"{kind}.ndjson")
        self._files[kind].write(resource.to_json() + b"\n")


def sink(staging: Staging, *, types: Sequence[str] = (), **_: Any) -> NdjsonSink:
    """Return the sink of this format."""
    return NdjsonSink(staging, types)


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
