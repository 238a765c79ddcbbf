"""Problem codes: each defined once, each message a fixed template that holds no value."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from string import Formatter

import pytest

import converter
from converter import problems
from converter.problems import DEFINITIONS, problem
from converter.selection import Problem

PACKAGE = Path(converter.__file__).parent
REPORTED = frozenset({"problem", "report", "report_once"})


def codes_used() -> dict[str, set[str]]:
    """Every literal code that a module reports, with the details that it gives."""
    used: dict[str, set[str]] = {}
    for module in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
            code = node.args[0]
            if name in REPORTED and isinstance(code, ast.Constant) and isinstance(code.value, str):
                details = {keyword.arg for keyword in node.keywords if keyword.arg is not None}
                used.setdefault(code.value, set()).update(details - {"path", "subject"})
    return used


def placeholders(message: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(message) if name is not None}


def test_no_code_is_defined_twice() -> None:
    tree = ast.parse(Path(problems.__file__).read_text("utf-8"))
    rows = [
        node.elts[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Tuple) and len(node.elts) == 3 and isinstance(node.elts[0], ast.Constant)
    ]
    assert {code: count for code, count in Counter(rows).items() if count > 1} == {}
    assert set(rows) == set(DEFINITIONS)


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=lambda definition: definition.code)
def test_a_definition_is_complete(definition: problems.Definition) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", definition.code)
    assert definition.severity in ("note", "warning", "error")
    assert definition.message[0].isupper() or definition.message.startswith("{")
    assert definition.message.endswith(".")
    assert placeholders(definition.message) <= {"limit", "count", "first", "type", "rule", "kind"}


def test_every_code_that_is_reported_is_defined_and_given_its_details() -> None:
    used = codes_used()
    assert set(used) <= set(DEFINITIONS)
    assert len(used) > 30
    for code, details in used.items():
        assert placeholders(DEFINITIONS[code].message) == details, code


def test_a_problem_holds_code_severity_message_and_place() -> None:
    path = "$.ContentSequence[3].GraphicData"
    assert problem("region-count", path, type="CIRCLE", count=3) == Problem(
        "region-count", "error", "A CIRCLE with 3 points is not a region: it is left out.", path
    )
    assert problem("not-dicom") == Problem("not-dicom", "note", "Not a DICOM file.", "$")


def test_a_code_that_is_not_defined_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError, match="no-such-code"):
        problem("no-such-code")


def test_a_detail_that_is_missing_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError, match="limit"):
        problem("nesting-too-deep")
