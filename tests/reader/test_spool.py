"""What goes into the spool comes out of it."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from converter.reader.fingerprint import fingerprint
from converter.reader.spool import Spool, copied


@given(st.lists(st.binary(max_size=200), max_size=10))
@settings(max_examples=50, deadline=None)
def test_everything_put_is_read_back_in_any_order(contents: list[bytes]) -> None:
    with Spool() as spool:
        places = [(spool.put(data), data) for data in contents]
        for place, data in reversed(places):
            assert spool.read(place) == data
        if contents:
            again = spool.put(b"later")
            assert spool.read(again) == b"later"
            assert spool.read(places[0][0]) == contents[0]


def test_nothing_is_on_disk_before_it_is_needed_and_nothing_has_a_name(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        spool.put(b"data")
        assert list(tmp_path.iterdir()) == []


def test_a_spool_that_cannot_be_written_raises_oserror(tmp_path: Path) -> None:
    with Spool(tmp_path / "missing") as spool, pytest.raises(OSError, match="missing"):
        spool.put(b"data")


@pytest.mark.parametrize("name", ["highdicom/sr_document.dcm", "clearcanvas/real01.pr.dcm", "dicomscope/reportsi.dcm"])
def test_a_data_set_comes_back_with_the_same_content(corpus: Path, name: str) -> None:
    dataset = pydicom.dcmread(corpus / name)
    with Spool() as spool:
        place = spool.put_dataset(dataset)
        assert place is not None
        assert fingerprint(spool.read_dataset(place)) == fingerprint(dataset)
    copy = copied(dataset)
    assert copy is not None
    assert copy is not dataset
    assert fingerprint(copy) == fingerprint(dataset)


def test_a_data_set_that_is_nested_too_deep_is_not_taken() -> None:
    dataset = Dataset()
    for _ in range(3000):
        outer = Dataset()
        outer.ContentSequence = [dataset]
        dataset = outer
    with Spool() as spool:
        assert spool.put_dataset(dataset) is None
    assert copied(dataset) is None
