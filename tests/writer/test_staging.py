from __future__ import annotations

import os
from pathlib import Path

import pytest

from converter.writer.staging import Staging


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_and_raise(folder: Path, error: type[BaseException]) -> None:
    with Staging(folder) as staging:
        staging.open("a").write(b"new")
        staging.write("Patient", "1.json", b"new")
        raise error


def test_until_they_are_committed_the_old_files_stay_and_the_part_is_hidden_beside_them(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with Staging(tmp_path) as staging:
        staging.open("a").write(b"new")
        assert (tmp_path / "a").read_bytes() == b"old"
        (part,) = set(tmp_path.iterdir()) - {tmp_path / "a"}
        assert part.name.startswith(".imgsel-")
        assert part.name.endswith(".part")
        staging.commit()

    assert (tmp_path / "a").read_bytes() == b"new"
    assert names_in(tmp_path) == ["a"]


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    with Staging(tmp_path / "deep" / "er") as staging:
        staging.open("a")
        staging.commit()

    assert (tmp_path / "deep" / "er" / "a").read_bytes() == b""


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_after_an_exception_nothing_is_left_and_the_old_files_stay(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(error):
        write_and_raise(tmp_path, error)

    assert names_in(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"


def test_without_a_commit_nothing_is_left(tmp_path: Path) -> None:
    with Staging(tmp_path) as staging:
        staging.open("a")

    assert names_in(tmp_path) == []


def test_a_folder_in_the_place_of_a_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with Staging(tmp_path) as staging, pytest.raises(IsADirectoryError):
        staging.open("a")


def test_files_are_added_to_a_folder_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "Patient").mkdir()
    (tmp_path / "Patient" / "1.json").write_bytes(b"old")
    (tmp_path / "Patient" / "kept.json").write_bytes(b"mine")
    with Staging(tmp_path) as staging:
        staging.write("Patient", "1.json", b"new")
        staging.write("Device", "2.json", b"new")
        staging.commit()

    assert {each.name: each.read_bytes() for each in (tmp_path / "Patient").iterdir()} == {
        "1.json": b"new",
        "kept.json": b"mine",
    }
    assert names_in(tmp_path) == ["Device", "Patient"]


def test_the_last_file_is_put_in_its_place_after_the_others(tmp_path: Path) -> None:
    (tmp_path / "z").mkdir()
    with Staging(tmp_path) as staging:
        staging.open("a").write(b"new")
        staging.write("z", "1", b"new")
        (tmp_path / "z").rmdir()
        (tmp_path / "z").write_bytes(b"in the way")
        with pytest.raises(OSError, match="z"):
            staging.commit("a")

    assert names_in(tmp_path) == ["z"]


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
def test_a_file_has_the_mode_of_any_other_new_file(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    with Staging(tmp_path) as staging:
        staging.open("a")
        staging.commit()

    assert (tmp_path / "a").stat().st_mode == (tmp_path / "other").stat().st_mode


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_leaves_the_files_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")

    def fill_the_disk() -> None:
        with Staging(tmp_path) as staging:
            staging.open("a").write(b"new")
            file = staging.open("b")
            # The file's descriptor now leads to a device that is always full.
            with Path("/dev/full").open("wb") as full:
                os.dup2(full.fileno(), file.fileno())
            file.write(b"x")
            staging.commit()

    with pytest.raises(OSError, match="No space"):
        fill_the_disk()
    assert names_in(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"old"
