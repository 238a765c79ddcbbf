"""Walking folders, files, links, streams and objects in memory."""

from __future__ import annotations

import errno
import io
import json
import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydicom import Dataset

from converter.reader.sources import Directory, Found, Unread, check_sources, walk
from converter.settings import ArchiveLimits

LIMITS = ArchiveLimits()
ROOT = Path(__file__).parents[2]


def names(*sources: Any) -> list[str]:
    return [each.name for each in walk(sources, LIMITS) if isinstance(each, Found)]


def problems(*sources: Any) -> list[tuple[str, str]]:
    return [(each.name, each.problem.code) for each in walk(sources, LIMITS) if isinstance(each, Unread)]


def contents(*sources: Any) -> dict[str, bytes]:
    return {each.name: each.open().read() for each in walk(sources, LIMITS) if isinstance(each, Found)}


def write(path: Path, content: bytes = b"content") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


class TestFolders:
    def test_every_file_is_found_sorted_by_name_in_each_folder(self, tmp_path: Path) -> None:
        for name in ("b/2", "b/10", "a", "c", "b.dcm", ".hidden", "__MACOSX/._a", "ü ñ\n"):
            write(tmp_path / name, name.encode())
        assert names(tmp_path) == [".hidden", "__MACOSX/._a", "a", "b/10", "b/2", "b.dcm", "c", "ü ñ\n"]
        assert contents(tmp_path)["b/10"] == b"b/10"

    def test_size_is_that_of_the_file_and_the_source_is_counted(self, tmp_path: Path) -> None:
        first, second = write(tmp_path / "x" / "1", b"12345"), write(tmp_path / "y" / "2", b"1")
        found = [each for each in walk([first, second.parent], LIMITS) if isinstance(each, Found)]
        assert [(each.name, each.source, each.size, each.rereadable) for each in found] == [
            ("1", 0, 5, True),
            ("2", 1, 1, True),
        ]

    def test_an_empty_file_is_a_note(self, tmp_path: Path) -> None:
        write(tmp_path / "empty", b"")
        assert problems(tmp_path) == [("empty", "empty-file")]

    def test_a_tree_deeper_than_a_path_may_be_long(self, tmp_path: Path) -> None:
        folder = os.open(tmp_path, os.O_RDONLY)
        for _ in range(1500):
            os.mkdir("folder", dir_fd=folder)
            deeper = os.open("folder", os.O_RDONLY, dir_fd=folder)
            os.close(folder)
            folder = deeper
        with open("leaf", "wb", opener=lambda name, flags: os.open(name, flags, dir_fd=folder)) as leaf:
            leaf.write(b"deep down")
        os.close(folder)
        assert contents(tmp_path) == {"folder/" * 1500 + "leaf": b"deep down"}
        subprocess.run(["rm", "-rf", tmp_path / "folder"], check=True)

    def test_a_name_that_is_no_text_can_be_written_anywhere(self, tmp_path: Path) -> None:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")).write_bytes(b"content")
        assert contents(tmp_path) == {"caf\\xe9": b"content"}

    def test_pipes_and_sockets_are_not_opened(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.relpath(tmp_path / "socket"))
            assert problems(tmp_path) == [("pipe", "not-regular"), ("socket", "not-regular")]

    def test_what_may_not_be_read_is_reported_and_the_rest_is_found(self, tmp_path: Path) -> None:
        write(tmp_path / "closed" / "inside")
        write(tmp_path / "open")
        write(tmp_path / "secret")
        (tmp_path / "closed").chmod(0)
        (tmp_path / "secret").chmod(0)
        program = (
            "import os, sys\n"
            "from converter.reader.sources import walk, Found\n"
            "from converter.settings import ArchiveLimits\n"
            "os.chdir(sys.argv[1])\n"
            "if os.getuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            "for each in walk(['.'], ArchiveLimits()):\n"
            "    print(each.name, 'found' if isinstance(each, Found) else each.problem.code)"
        )
        tmp_path.chmod(0o755)
        arguments = [sys.executable, "-c", program, str(tmp_path)]
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True)
        (tmp_path / "closed").chmod(0o755)
        assert done.stdout.splitlines() == ["closed unreadable", "open found", "secret unreadable"]

    def test_a_file_that_vanished_since_it_was_listed_is_unreadable(self, tmp_path: Path) -> None:
        for name in "ab":
            write(tmp_path / name)
        steps = walk([tmp_path], LIMITS)
        assert next(steps).name == "a"
        (tmp_path / "b").unlink()
        last = next(steps)
        assert isinstance(last, Unread)
        assert (last.name, last.problem.code) == ("b", "unreadable")


class TestLinks:
    def test_loops_are_left(self, tmp_path: Path) -> None:
        write(tmp_path / "a" / "file")
        (tmp_path / "a" / "up").symlink_to(tmp_path)
        (tmp_path / "itself").symlink_to(tmp_path / "itself")
        (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
        assert names(tmp_path) == ["a/file"]
        assert problems(tmp_path) == [(each, "link-skipped") for each in ("a/up", "itself", "nowhere")]

    def test_a_link_to_what_is_walked_anyway_leaves_it_its_own_name(self, tmp_path: Path) -> None:
        write(tmp_path / "z" / "file")
        (tmp_path / "a").symlink_to(tmp_path / "z")
        (tmp_path / "b").symlink_to(tmp_path / "z" / "file")
        assert names(tmp_path) == ["z/file"]

    def test_what_lies_outside_is_read_once(self, tmp_path: Path) -> None:
        outside, tree = tmp_path / "outside", tmp_path / "tree"
        write(outside / "sub" / "x", b"x")
        write(outside / "y", b"y")
        tree.mkdir()
        (tree / "1").symlink_to(outside / "sub" / "x")
        (tree / "2").symlink_to(outside / "sub")
        (tree / "3").symlink_to(outside)
        (tree / "4").symlink_to(outside / "y")
        assert contents(tree) == {"1": b"x", "3/y": b"y"}

    def test_links_to_each_others_folders_end(self, tmp_path: Path) -> None:
        for one, other in (("a", "b"), ("b", "a")):
            write(tmp_path / one / "file", one.encode())
            (tmp_path / one / "other").symlink_to(tmp_path / other)
        assert contents(tmp_path / "a") == {"file": b"a", "other/file": b"b"}

    def test_sources_that_overlap_give_each_file_once(self, tmp_path: Path) -> None:
        file = write(tmp_path / "a" / "b" / "file")
        assert names(tmp_path, tmp_path / "a", file) == ["a/b/file"]
        assert names(file, tmp_path / "a", tmp_path) == ["file"]
        assert problems(tmp_path, file) == [("file", "link-skipped")]


class TestStreams:
    def test_what_is_rereadable_opens_again_elsewhere(self, tmp_path: Path) -> None:
        write(tmp_path / "a", b"content")
        (found,) = walk([tmp_path], LIMITS)
        assert isinstance(found, Found)
        assert pickle.loads(pickle.dumps(found)).open().read() == b"content"

    def test_a_stream_that_nobody_took_is_closed(self, tmp_path: Path) -> None:
        for number in range(50):
            write(tmp_path / str(number))
        descriptors = Path("/proc/self/fd")
        if not descriptors.is_dir():
            pytest.skip("needs /proc")
        before = len(list(descriptors.iterdir()))
        kept = list(walk([tmp_path], LIMITS))
        assert len(kept) == 50
        assert len(list(descriptors.iterdir())) == before

    def test_bytes_streams_and_data_sets_are_named_by_their_place(self, tmp_path: Path) -> None:
        file = write(tmp_path / "file.dcm", b"from a file")
        with file.open("rb") as stream:
            stream.read(5)
            sources = [b"bytes", io.BytesIO(b"stream"), stream, Dataset(), {"00080018": {"vr": "UI", "Value": ["1.2"]}}]
            found = [each for each in walk(check_sources(sources), LIMITS) if isinstance(each, Found)]
            assert [each.name for each in found] == ["bytes[0]", "stream[1]", "file.dcm", "dataset[3]", "json[4]"]
            assert not any(each.rereadable for each in found)
            assert not stream.closed
        assert found[3].dataset is sources[3]
        assert found[4].dataset is not None
        assert found[4].dataset.SOPInstanceUID == "1.2"

    def test_a_stream_is_read_from_where_it_stands(self) -> None:
        stream = io.BytesIO(b"before|after")
        stream.seek(7)
        assert contents(stream) == {"stream[0]": b"after"}

    def test_what_can_be_read_once_says_so_the_second_time(self) -> None:
        kept = list(walk([b"content"], LIMITS))
        assert isinstance(kept[0], Found)
        with pytest.raises(ValueError, match="before the next"):
            kept[0].open()

    @pytest.mark.parametrize("redirect", [False, True], ids=["pipe", "file"])
    def test_standard_input(self, tmp_path: Path, redirect: bool) -> None:
        program = (
            "from converter.reader.sources import walk; from converter.settings import ArchiveLimits\n"
            "print([(each.name, each.open().read()) for each in walk(['-'], ArchiveLimits())])"
        )
        given = write(tmp_path / "given", b"x" * 100_000)
        arguments = [sys.executable, "-c", program]
        if redirect:
            with given.open("rb") as stream:
                done = subprocess.run(arguments, cwd=ROOT, stdin=stream, capture_output=True, check=True)
        else:
            done = subprocess.run(arguments, cwd=ROOT, input=given.read_bytes(), capture_output=True, check=True)
        assert done.stdout.strip() == b"[('-', b'" + b"x" * 100_000 + b"')]"

    def test_a_named_pipe_given_itself_is_read(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with subprocess.Popen(["sh", "-c", f"printf content > '{pipe}'"]) as writer:
            assert contents(pipe) == {"pipe": b"content"}
            assert writer.wait() == 0


class TestArguments:
    @pytest.mark.parametrize(
        "wrong",
        [3, None, object(), [3], ["a", None], io.StringIO("text")],
        ids=["number", "none", "object", "numbers", "path and none", "text stream"],
    )
    def test_what_can_be_no_source_is_a_type_error(self, wrong: object, tmp_path: Path) -> None:
        if isinstance(wrong, list):
            wrong = [str(tmp_path) if each == "a" else each for each in wrong]
        with pytest.raises(TypeError):
            check_sources(wrong)

    @pytest.mark.parametrize("wrong", ["", {}, {"PatientID": {}}, {"00080018": 3}, ["-", "-"], "a\x00b"], ids=repr)
    def test_what_has_the_type_but_not_the_value(self, wrong: object) -> None:
        with pytest.raises(ValueError):  # noqa: PT011
            check_sources(wrong)

    def test_a_path_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        missing = tmp_path / "missing"
        with pytest.raises(FileNotFoundError) as caught:
            check_sources([tmp_path, missing])
        assert (caught.value.errno, caught.value.filename) == (errno.ENOENT, str(missing))

    def test_a_generator_is_asked_for_one_at_a_time(self) -> None:
        asked = []

        def generate() -> Iterator[Dataset]:
            for number in range(3):
                asked.append(number)
                yield Dataset()

        steps = walk(check_sources(generate()), LIMITS)
        assert asked == []
        assert [next(steps).name, next(steps).name] == ["dataset[0]", "dataset[1]"]
        assert asked == [0, 1]

    def test_a_generator_of_something_else_raises_where_that_comes(self) -> None:
        steps = walk(check_sources(iter([Dataset(), 3])), LIMITS)
        assert next(steps).name == "dataset[0]"
        with pytest.raises(TypeError, match="not int"):
            next(steps)


class TestJsonFiles:
    MODEL: ClassVar = {"00080018": {"vr": "UI", "Value": ["1.2.3"]}}

    @pytest.mark.parametrize("indent", [None, 2])
    def test_dicom_json_is_known_by_its_content(self, tmp_path: Path, indent: int | None) -> None:
        one = write(tmp_path / "one", json.dumps(self.MODEL, indent=indent).encode())
        many = write(tmp_path / "several.txt", json.dumps([self.MODEL] * 2, indent=indent).encode())
        found = [each for each in walk([one, many, one.read_bytes()], LIMITS) if isinstance(each, Found)]
        assert [each.name for each in found] == ["one", "several.txt[0]", "several.txt[1]", "bytes[2]"]
        assert {str(each.dataset["SOPInstanceUID"].value) for each in found if each.dataset} == {"1.2.3"}

    def test_other_json_is_a_file_like_any_other(self, tmp_path: Path) -> None:
        write(tmp_path / "package.json", b'{"name": "x"}')
        (found,) = walk([tmp_path], LIMITS)
        assert isinstance(found, Found)
        assert found.dataset is None

    def test_dicom_json_that_breaks_off_is_malformed(self, tmp_path: Path) -> None:
        write(tmp_path / "a", json.dumps(self.MODEL).encode()[:-3])
        assert problems(tmp_path) == [("a", "malformed")]


def test_every_real_file_is_found_once(corpus: Path) -> None:
    items = list(walk([corpus], LIMITS))
    files = {str(path.relative_to(corpus)) for path in corpus.rglob("*") if path.is_file()}
    assert len(items) == len(files)
    assert {each.name for each in items} == files
    assert not [each for each in items if isinstance(each, Unread)]
    assert {each.name for each in items if isinstance(each, Directory)} == {
        f"odd/pydicom-3.0.2-DICOMDIR{ending}" for ending in ("", "-bigEnd", "-nopatient")
    }
