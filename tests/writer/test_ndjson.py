from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from converter.writer.ndjson import OutputClosedError, StreamWriter


class TestStream:
    def test_writes_lines_and_leaves_the_stream_open(self) -> None:
        stream = io.BytesIO()
        with StreamWriter(stream) as writer:
            writer.write(b"1")
            writer.write(b"2")

        assert stream.getvalue() == b"1\n2\n"

    def test_a_newline_within_a_value_is_refused(self) -> None:
        with pytest.raises(ValueError, match="newline"):
            StreamWriter(io.BytesIO()).write(b"1\n2")

    def test_says_that_the_reader_is_gone(self) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        with os.fdopen(writing, "wb") as stream:
            writer = StreamWriter(stream)
            writer.write(b"a line that is buffered")
            with pytest.raises(OutputClosedError):
                writer.flush()
            # What the buffer still holds must not fail when the stream is closed here.

    @pytest.mark.skipif(os.name == "nt", reason="pipes are of POSIX")
    def test_a_command_whose_reader_stops_can_end_quietly(self) -> None:
        script = (
            "import sys\n"
            "from converter.writer.ndjson import OutputClosedError, StreamWriter\n"
            "try:\n"
            "    with StreamWriter(sys.stdout.buffer) as writer:\n"
            "        for _ in range(100_000):\n"
            "            writer.write(b'line')\n"
            "except OutputClosedError:\n"
            "    sys.exit(7)\n"
        )
        child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stderr is not None
        with child:
            assert child.stdout.readline() == b"line\n"
            child.stdout.close()
            assert child.stderr.read() == b""
        assert child.returncode == 7
