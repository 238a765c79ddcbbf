"""What the tests of pictures share: the synthetic studies converted, and their pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from converter import Settings, convert
from converter.view.pictures import Pictures

Resource = dict[str, Any]


@pytest.fixture(scope="session")
def resources(testdata: Path) -> list[Resource]:
    """All selections of the synthetic studies."""
    return [
        each.to_dict() for result in convert(testdata, Settings(fhir="6.0.0-ballot2")) for each in result.selections
    ]


@pytest.fixture(scope="session")
def pictures(testdata: Path, resources: list[Resource]) -> Iterator[Pictures]:
    with Pictures(resources, testdata) as opened:
        yield opened
