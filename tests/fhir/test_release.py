from __future__ import annotations

import subprocess
import sys

import pytest

from converter.fhir import release, release_names


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("6.0.0-ballot2", "6.0.0-ballot2"),
        ("R6", "6.0.0-ballot2"),
        ("r6", "6.0.0-ballot2"),
        ("5.0.0", "5.0.0"),
        ("R5", "5.0.0"),
        ("r5", "5.0.0"),
        ("6.0.0-ballot4", "6.0.0-ballot4"),
        ("6.0.0-Ballot4", "6.0.0-ballot4"),
        ("4.0.1", "4.0.1"),
        ("R4", "4.0.1"),
        ("r4", "4.0.1"),
    ],
)
def test_a_release_is_found_by_its_full_and_short_name(name: str, full: str) -> None:
    assert release(name).name == full


@pytest.mark.parametrize("name", release_names())
def test_every_name_listed_is_known(name: str) -> None:
    assert release(name).name in release_names()


def test_an_unknown_release_is_refused_in_one_line_that_names_the_known() -> None:
    with pytest.raises(ValueError, match=r"^unknown FHIR release 'R3': known are [^\n]*$") as caught:
        release("R3")

    known = str(caught.value).partition("known are ")[2].split(", ")
    assert known == ["6.0.0-ballot2", "5.0.0", "6.0.0-ballot4", "4.0.1", "R6", "R5", "R4"]


def modules_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_asking_for_the_names_imports_no_models_and_no_numpy() -> None:
    loaded = modules_after("import converter.fhir; converter.fhir.release_names()")

    assert not loaded & {"numpy", "pydantic", "fhir.resources", "pydicom"}


@pytest.mark.parametrize("name", release_names())
def test_encoding_to_json_imports_neither_models_nor_dicom(name: str) -> None:
    loaded = modules_after(
        "from converter.fhir import release\n"
        "from converter.selection import Concept, Selection, SelectionKey\n"
        f"release({name!r}).encode(Selection(key=SelectionKey('1', 'item'), code=Concept(text='x'))).to_json()"
    )

    assert "converter.fhir.encoder" in loaded
    assert not loaded & {"pydantic", "fhir.resources", "pydicom"}
