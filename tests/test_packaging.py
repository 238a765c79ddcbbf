"""What is installed: the command, its version, type information and licence; and that help costs nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
HEAVY = ("pydicom", "highdicom", "numpy", "orjson", "pydantic", "fhir", "fhir_core", "rich", "PIL")


@pytest.fixture(scope="module")
def installed() -> None:
    try:
        distribution("imgsel")
    except PackageNotFoundError:
        if os.environ.get("CI") == "true":
            pytest.fail("imgsel is not installed")
        pytest.skip("needs imgsel installed, as make test does")


def imported_by(*arguments: str) -> tuple[str, list[str]]:
    """Return what the command prints, and which heavy packages it imported."""
    script = f"""
import sys
from converter import cli
sys.argv = ['imgsel', *{arguments!r}]
try:
    cli.main()
except SystemExit as end:
    assert not end.code, end.code
print(*sorted(set({HEAVY!r}) & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True, cwd=ROOT)
    printed, _, imported = done.stdout.removesuffix("\n").rpartition("\n")
    return printed, imported.split()


@pytest.mark.parametrize("arguments", [("--help",), ("convert", "--help"), ("inspect", "--help"), ("view", "--help")])
def test_help_imports_no_heavy_package(arguments: tuple[str, ...]) -> None:
    printed, imported = imported_by(*arguments)
    assert printed.startswith("Usage: imgsel")
    assert imported == []


@pytest.mark.usefixtures("installed")
def test_the_version_is_the_project_s_and_imports_no_heavy_package() -> None:
    assert imported_by("--version") == (f"imgsel {PROJECT['version']}", [])


@pytest.mark.usefixtures("installed")
def test_the_command_is_installed() -> None:
    script = Path(sys.executable).with_name("imgsel")
    done = subprocess.run([script, "--version"], capture_output=True, check=True, text=True)
    assert done.stdout == f"imgsel {PROJECT['version']}\n"


def test_type_information_ships() -> None:
    assert files("converter").joinpath("py.typed").is_file()


def test_a_wheel_holds_the_package_its_types_and_the_licence_and_nothing_else(tmp_path: Path) -> None:
    (name,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(name) as wheel:
        names = wheel.namelist()
    assert {"converter/py.typed", "converter/cli.py", "converter/describe/__init__.py"} <= set(names)
    assets = {f"converter/view/assets/{each.name}" for each in (ROOT / "converter" / "view" / "assets").iterdir()}
    assert "converter/view/assets/page.html" in assets
    assert assets <= set(names)
    assert [each for each in names if each.endswith(".dist-info/licenses/LICENSE")]
    assert {each.partition("/")[0] for each in names} == {"converter", f"imgsel-{PROJECT['version']}.dist-info"}


def test_importing_the_package_imports_nothing_heavy_until_a_name_is_used() -> None:
    script = f"import sys, converter; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True, cwd=ROOT)
    assert done.stdout == "[]\n"


def test_the_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert re.match(r"\s*Apache License\s+Version 2\.0, January 2004\s", text)
    assert PROJECT["license"] == "Apache-2.0"


def test_the_changelog_tells_of_this_version() -> None:
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert PROJECT["version"] in headings
    assert headings[0] == "Unreleased"
