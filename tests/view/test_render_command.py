"""imgsel render and imgsel inspect --image, as a user runs them."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from converter.view.terminal import inline, protocol
from tests.test_cli import imgsel
from tests.view.conftest import Resource

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def out(resources: list[Resource], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("out")
    (folder / "ImagingSelection.ndjson").write_text("".join(json.dumps(each) + "\n" for each in resources), "utf-8")
    return folder


def index(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "pictures.ndjson").read_text("utf-8").splitlines()]


def test_every_frame_of_every_selection_is_a_file(
    out: Path, testdata: Path, resources: list[Resource], tmp_path: Path
) -> None:
    done = imgsel("render", out, "--dicom", testdata, "--output", tmp_path / "png")
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    lines = index(tmp_path / "png")
    pictures = [each for each in lines if "instance" in each]
    assert (
        f"{len(pictures)} pictures (0 without the image) and {len(lines) - len(pictures)} sketches of "
        f"{len(resources)} selections" in done.stdout.decode()
    )
    files = {each.name for each in (tmp_path / "png").iterdir()}
    assert files == {each["file"] for each in lines} | {"pictures.ndjson"}
    assert len(lines) > len(resources)
    for each in lines:
        if "instance" in each:
            frame = "" if each["frame"] is None else f"-{each['frame']}"
            assert each["file"] == f"{each['selection']}-{each['instance']}{frame}.png"
        else:
            assert each["file"] == f"{each['selection']}-{each['view']}.png"
        assert (tmp_path / "png" / each["file"]).read_bytes().startswith(PNG)


def test_the_same_pictures_every_time(out: Path, testdata: Path, resources: list[Resource], tmp_path: Path) -> None:
    identity = next(each["id"] for each in resources if each["code"]["text"] == "Volume Surface")
    for name in ("one", "two"):
        imgsel("render", out, "--dicom", testdata, "-o", tmp_path / name, "--selection", identity, "--scale", "3")
    first, second = ({each.name: each.read_bytes() for each in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert first == second
    assert all(name.startswith((identity, "pictures")) for name in first)
    sizes = {Image.open(io.BytesIO(data)).size for name, data in first.items() if "2.25" in name}
    assert sizes == {(192, 192)}


def test_without_images_there_are_fields_that_say_so(out: Path, tmp_path: Path) -> None:
    done = imgsel("render", out, "--output", tmp_path / "png", "--most", "2")
    assert done.returncode == 0, done.stderr
    assert {each["missing"] for each in index(tmp_path / "png") if "instance" in each} == {
        "The image is not among the DICOM objects given."
    }


def test_names_of_files_hold_no_way_out(tmp_path: Path) -> None:
    hostile = {
        "resourceType": "ImagingSelection",
        "id": "../../escape",
        "instance": [
            {"uid": "../../../etc/passwd\n", "imageRegion2D": [{"regionType": "point", "coordinate": [1, 2]}]}
        ],
    }
    (tmp_path / "in.ndjson").write_text(json.dumps(hostile), "utf-8")
    done = imgsel("render", tmp_path / "in.ndjson", "--output", tmp_path / "png")
    assert done.returncode == 0, done.stderr
    (line,) = index(tmp_path / "png")
    assert line["file"] == "selection-1-.._.._.._etc_passwd_.png"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.ndjson", "png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{out}", "--dicom", "{tmp}/none", "-o", "{tmp}/png"), "nothing is there"),
        (("{tmp}/none", "-o", "{tmp}/png"), "nothing is there"),
        (("{tmp}", "-o", "{tmp}/png"), "no ImagingSelections in"),
        (("{out}", "-o", "{tmp}/png", "--selection", "x"), "none of the selections asked for is in"),
        (("{out}", "-o", "{out}/ImagingSelection.ndjson"), "--output is a file"),
        (("{out}", "-o", "{tmp}/png", "--scale", "0"), "--scale"),
    ],
)
def test_wrong_usage_is_one_line(arguments: tuple[str, ...], message: str, out: Path, tmp_path: Path) -> None:
    done = imgsel("render", *(each.format(out=out, tmp=tmp_path) for each in arguments))
    assert done.returncode == 2
    assert done.stdout == b""
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("imgsel: ")
    assert message in line
    assert not (tmp_path / "png").exists()


def test_decoders_say_nothing_of_damaged_images(corpus: Path, tmp_path: Path) -> None:
    resource = {
        "resourceType": "ImagingSelection",
        "instance": [{"uid": "1.3.6.1.4.1.5962.1.1.4.1.1.20040826185059.5457"}],
    }
    (tmp_path / "in.ndjson").write_text(json.dumps(resource), "utf-8")
    file = corpus / "odd" / "pydicom-3.0.2-MR_truncated.dcm"
    done = imgsel("render", tmp_path / "in.ndjson", "--dicom", file, "-o", tmp_path / "png")
    assert (done.returncode, done.stderr) == (0, b"")
    assert [each["missing"] for each in index(tmp_path / "png")] == ["The image cannot be decoded."]


class TestInspect:
    @pytest.fixture(autouse=True)
    def _folder_of_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TMPDIR", str(tmp_path))

    def test_where_there_is_no_terminal_pictures_are_files(self, testdata: Path) -> None:
        done = imgsel("inspect", testdata / "ct-chest" / "sr-tid1500-regions-2d.dcm", "--image")
        assert done.returncode == 0, done.stderr
        found = re.search(r"pictures in (\S+page\.html)", done.stdout.decode())
        assert found is not None
        text = Path(found[1]).read_text("utf-8")
        assert "5bd6d877-c3cc-5a1b-9016-6380ea7b559a" in text
        assert "$.ContentSequence[13].ContentSequence[0].ContentSequence[6].GraphicData" in text

    def test_images_may_lie_elsewhere(self, testdata: Path, tmp_path: Path) -> None:
        report = tmp_path / "report.dcm"
        report.write_bytes((testdata / "mr-breast" / "sr-enhanced-frames.dcm").read_bytes())
        done = imgsel("inspect", report, "--image", "--dicom", testdata / "mr-breast")
        found = re.search(r"pictures in (\S+page\.html)", done.stdout.decode())
        assert found is not None
        shown = re.findall(
            r'<script type="text/plain" id="i[0-9a-f]+">(.+?)</script>', Path(found[1]).read_text("utf-8")
        )
        assert {Image.open(io.BytesIO(base64.b64decode(each))).size for each in shown} == {(32, 32)}

    def test_standard_input_cannot_be_read_again(self, testdata: Path) -> None:
        data = (testdata / "mr-breast" / "sr-enhanced-frames.dcm").read_bytes()
        done = imgsel("inspect", "-", "--image", stdin=data)
        assert done.returncode == 2
        assert b"--image" in done.stderr

    @pytest.mark.parametrize(
        ("environment", "expected"),
        [
            ({"TERM": "xterm-kitty"}, "kitty"),
            ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
            ({"TERM": "xterm-256color", "TERM_PROGRAM": "ghostty"}, "kitty"),
            ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "iterm2"),
            ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, "iterm2"),
            ({"TERM": "xterm-256color", "LC_TERMINAL": "iTerm2"}, "iterm2"),
            ({"TERM": "xterm-256color"}, None),
            ({"TERM": "screen-256color", "TERM_PROGRAM": "iTerm.app"}, None),
            ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, None),
            ({}, None),
        ],
        ids=str,
    )
    def test_the_environment_tells_which_terminals_can(self, environment: dict[str, str], expected: str | None) -> None:
        assert protocol(environment, is_terminal=True) == expected
        assert protocol(environment, is_terminal=False) is None

    def test_kitty_takes_chunks(self) -> None:
        png = PNG + bytes(range(256)) * 40
        shown = inline(png, "kitty")
        chunks = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", shown)
        assert [control for control, _ in chunks] == ["a=T,f=100,m=1", "m=1", "m=1", "m=0"]
        assert all(len(data) <= 4096 for _, data in chunks)
        assert base64.b64decode("".join(data for _, data in chunks)) == png

    def test_iterm2_takes_a_file(self) -> None:
        found = re.fullmatch(r"\x1b]1337;File=inline=1;size=(\d+):([^\x07]*)\x07\n", inline(PNG, "iterm2"))
        assert found is not None
        assert (int(found[1]), base64.b64decode(found[2])) == (len(PNG), PNG)
