"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes depends on what else the machine does.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real DICOM files, read in place."""
    folder = ROOT.parent / "shared" / "corpus"
    if not folder.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the corpus is missing: {folder}")
        pytest.skip("needs the corpus of real files beside the project")
    return folder


@pytest.fixture(scope="session")
def testdata() -> Path:
    """The small synthetic studies of this project."""
    return ROOT / "testdata"
