from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from converter.writer.ndjson import FolderWriter, NdjsonWriter, OutputClosedError, StreamWriter


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_and_raise(path: Path, error: type[BaseException]) -> None:
    with NdjsonWriter(path) as writer:
        writer.write(b"new")
        raise error


def test_writes_one_value_per_line(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    with NdjsonWriter(path) as writer:
        writer.write(b'{"id":"1"}')
        writer.write('{"id":"Ω"}'.encode())

    assert path.read_bytes() == '{"id":"1"}\n{"id":"Ω"}\n'.encode()
    assert names_in(tmp_path) == ["out.ndjson"]


def test_a_file_without_lines_is_empty(tmp_path: Path) -> None:
    with NdjsonWriter(tmp_path / "out.ndjson"):
        pass

    assert (tmp_path / "out.ndjson").read_bytes() == b""


def test_until_the_end_the_old_file_stays_and_the_part_is_hidden_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "out.ndjson"
    path.write_bytes(b"old\n")
    with NdjsonWriter(path) as writer:
        writer.write(b"1")
        assert path.read_bytes() == b"old\n"
        (part,) = set(tmp_path.iterdir()) - {path}
        assert part.name.startswith(".out.ndjson.")
        assert part.name.endswith(".part")

    assert path.read_bytes() == b"1\n"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_after_an_exception_nothing_is_left_and_the_old_file_stays(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "out.ndjson"
    path.write_bytes(b"old\n")
    with pytest.raises(error):
        write_and_raise(path, error)

    assert path.read_bytes() == b"old\n"
    assert names_in(tmp_path) == ["out.ndjson"]


def test_a_newline_within_a_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="newline"), NdjsonWriter(tmp_path / "out.ndjson") as writer:
        writer.write(b'{\n"id":1}')

    assert names_in(tmp_path) == []


def test_a_folder_in_the_place_of_the_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "out.ndjson").mkdir()

    with pytest.raises(IsADirectoryError):
        NdjsonWriter(tmp_path / "out.ndjson").open()
    assert names_in(tmp_path) == ["out.ndjson"]


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
def test_the_file_has_the_mode_of_any_other_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    with NdjsonWriter(tmp_path / "out.ndjson"):
        pass

    assert (tmp_path / "out.ndjson").stat().st_mode == (tmp_path / "other").stat().st_mode


class TestFolder:
    def test_all_files_appear_at_the_end(self, tmp_path: Path) -> None:
        names = ["ImagingSelection.ndjson", "report.ndjson"]
        with FolderWriter(tmp_path, *names) as files:
            files.write("ImagingSelection.ndjson", b"1")
            files.write("report.ndjson", b"2")
            assert not any((tmp_path / name).exists() for name in names)

        assert [(tmp_path / name).read_bytes() for name in names] == [b"1\n", b"2\n"]
        assert names_in(tmp_path) == names

    def test_a_file_is_made_when_it_is_first_written_to_others_always(self, tmp_path: Path) -> None:
        with FolderWriter(tmp_path, "a") as files:
            files.write("b", b"1")
            files.write("b", b"2")

        assert names_in(tmp_path) == ["a", "b"]
        assert (tmp_path / "a").read_bytes() == b""
        assert (tmp_path / "b").read_bytes() == b"1\n2\n"

    def test_after_an_exception_none_has_changed(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"old\n")

        def interrupted() -> None:
            with FolderWriter(tmp_path, "a", "b") as files:
                files.write("a", b"new")
                files.write("c", b"new")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()

        assert names_in(tmp_path) == ["a"]
        assert (tmp_path / "a").read_bytes() == b"old\n"

    def test_one_that_cannot_be_opened_leaves_no_part_of_the_others(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError), FolderWriter(tmp_path, "a", "missing/b"):
            pass

        assert names_in(tmp_path) == []

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
    def test_a_full_disk_leaves_the_files_as_they_were(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(b"old\n")

        def fill_the_disk() -> None:
            with FolderWriter(tmp_path, "a") as files:
                files.write("b", b"x")
                # The second file's descriptor now leads to a device that is always full.
                second = files._writers["b"]._file
                assert second is not None
                with Path("/dev/full").open("wb") as full:
                    os.dup2(full.fileno(), second.fileno())

        with pytest.raises(OSError, match="No space"):
            fill_the_disk()
        assert names_in(tmp_path) == ["a"]
        assert (tmp_path / "a").read_bytes() == b"old\n"


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
