"""The catalog gives back what was put in, and does not care about order."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from converter.catalog import (
    Catalog,
    FramePlanes,
    GroupedCatalog,
    Instance,
    SpatialCatalog,
    TileOrganization,
    TilePositions,
)
from converter.reader.catalog import CatalogError, Conflict, SqliteCatalog
from converter.selection import Code

texts = st.none() | st.text(st.characters(), max_size=8)
integers = st.none() | st.integers(-(2**31), 2**31)
floats = st.floats(allow_nan=False, allow_infinity=False)


def tile_organizations() -> st.SearchStrategy[TileOrganization]:
    integers = st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4)
    return st.builds(
        TileOrganization,
        dimension_organization_type=texts,
        origin=st.none() | st.tuples(floats, floats, floats),
        spacing_between_slices=st.none() | floats,
        tiles=st.none() | st.builds(TilePositions.of, integers, integers, st.lists(floats, max_size=4), integers),
    )


def instances(uid: st.SearchStrategy[str]) -> st.SearchStrategy[Instance]:
    return st.builds(
        Instance,
        sop_instance_uid=uid,
        modality=texts,
        patient_id=texts,
        rows=integers,
        series_number=integers,
        image_position_patient=st.none() | st.tuples(floats, floats, floats),
        anatomic_region=st.none() | st.builds(Code, texts, st.text(max_size=4), texts),
        waveform_channels=st.lists(st.integers(0, 20), max_size=3).map(tuple),
        slice_thickness=st.none() | floats,
        frame_planes=st.none()
        | st.builds(FramePlanes, *[st.lists(floats, max_size=6).map(tuple) for _ in ("position", "axes", "spacing")]),
        tile_organization=st.none() | tile_organizations(),
    )


def image(uid: str, rows: int = 1) -> Instance:
    return Instance(sop_instance_uid=uid, sop_class_uid="1.2.840.10008.5.1.4.1.1.2", rows=rows)


@given(instances(st.text(st.characters(), max_size=8)))
@settings(max_examples=100, deadline=None)
def test_an_instance_comes_back_as_it_was(instance: Instance) -> None:
    with SqliteCatalog() as catalog:
        catalog.add(instance, "a.dcm")
        assert catalog.lookup(instance.sop_instance_uid) == instance
        assert len(catalog) == 1
        assert list(catalog.conflicts()) == []


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_order_of_adding_changes_nothing(data: st.DataObject) -> None:
    uids = st.sampled_from(["1.2", "1.3"])
    rows = data.draw(st.lists(st.tuples(instances(uids), st.sampled_from("abc")), max_size=8))
    shuffled = data.draw(st.permutations(rows))
    with SqliteCatalog() as first, SqliteCatalog() as second:
        for instance, name in rows:
            first.add(instance, name)
        for instance, name in shuffled:
            second.add(instance, name)
        for uid in ("1.2", "1.3"):
            assert first.lookup(uid) == second.lookup(uid)
        assert list(first.conflicts()) == list(second.conflicts())
        assert len(first) == len(second) == len({instance.sop_instance_uid for instance, _ in rows})


def test_it_is_a_catalog() -> None:
    with SqliteCatalog() as catalog:
        assert isinstance(catalog, Catalog)
        assert isinstance(catalog, SpatialCatalog)
        assert catalog.lookup("1.2.3") is None


def test_the_same_header_under_another_name_is_no_conflict() -> None:
    with SqliteCatalog() as catalog:
        catalog.add(image("1.2"), "b")
        catalog.add(image("1.2"), "a")
        assert list(catalog.conflicts()) == []


def test_different_headers_are_a_conflict_and_one_is_chosen() -> None:
    with SqliteCatalog() as catalog:
        for name, rows in (("x", 1), ("c", 2), ("b", 2), ("y", 3)):
            catalog.add(image("1.2", rows), name)
        catalog.add(image("1.3"), "z")
        chosen = catalog.lookup("1.2")
        assert chosen is not None
        least_names = {1: "x", 2: "b", 3: "y"}
        others = {name for rows, name in least_names.items() if rows != chosen.rows}
        assert set(catalog.conflicts()) == {Conflict(name, "1.2", "1.2.840.10008.5.1.4.1.1.2") for name in others}


def in_space(uid: str, space: str | None, rows: int = 1) -> Instance:
    return Instance(sop_instance_uid=uid, frame_of_reference_uid=space, rows=rows)


@pytest.mark.parametrize("indexed", [False, True])
def test_instances_are_found_by_their_frame_of_reference(indexed: bool) -> None:
    with SqliteCatalog() as catalog:
        if indexed:
            catalog.index_frames_of_reference()
        for instance in (in_space("1.2", "1.9"), in_space("1.1", "1.9"), in_space("1.3", "1.8"), in_space("1.4", None)):
            catalog.add(instance, "a")
        found = [each.sop_instance_uid for each in catalog.instances_in_frame_of_reference("1.9")]
        assert found == ["1.1", "1.2"]
        assert list(catalog.instances_in_frame_of_reference("1.9'; --")) == []
        assert list(catalog.instances_in_frame_of_reference("\udcff")) == []


def test_only_the_header_that_is_looked_up_places_an_instance() -> None:
    with SqliteCatalog() as catalog:
        for space in ("1.8", "1.9"):
            catalog.add(in_space("1.2", space), "a")
        chosen = catalog.lookup("1.2")
        assert chosen is not None
        by_space = {space: list(catalog.instances_in_frame_of_reference(space)) for space in ("1.8", "1.9")}
        other = {"1.8": "1.9", "1.9": "1.8"}[str(chosen.frame_of_reference_uid)]
        assert by_space == {chosen.frame_of_reference_uid: [chosen], other: []}


def test_instances_come_by_study_and_series_under_their_least_names() -> None:
    def one(uid: str, study: str | None, series: str | None) -> Instance:
        return Instance(sop_instance_uid=uid, study_instance_uid=study, series_instance_uid=series, rows=1)

    with SqliteCatalog() as catalog:
        placed = [one("1.4", "1", "2"), one("1.3", "1", "1"), one("1.2", "1", "2"), one("1.1", None, "2")]
        for name in ("b", "a"):
            for instance in (*placed, one("1.9", "1", None)):
                catalog.add(instance, name + instance.sop_instance_uid)
        found = [[(name, each.sop_instance_uid) for name, each in series] for series in catalog.series()]
    assert found == [[("a1.1", "1.1")], [("a1.3", "1.3")], [("a1.2", "1.2"), ("a1.4", "1.4")]]


def test_what_is_settled_is_the_only_header() -> None:
    with SqliteCatalog() as catalog:
        catalog.add(image("1.2", 9), "a")
        catalog.settle(image("1.2", 1), "b")
        assert catalog.lookup("1.2") == image("1.2", 1)
        assert list(catalog.conflicts()) == []


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_grouped_catalog_gives_what_belongs_together(data: st.DataObject) -> None:
    uids, names = st.sampled_from(["1.2", "1.3", "1.4"]), st.none() | st.sampled_from("AB\ud800")
    made = st.builds(Instance, sop_instance_uid=uids, study_instance_uid=names, patient_id=names)
    with SqliteCatalog(grouped=True) as catalog:
        assert isinstance(catalog, GroupedCatalog)
        for number, instance in enumerate(data.draw(st.lists(made, max_size=8))):
            catalog.add(instance, str(number))
        if data.draw(st.booleans()):
            catalog.settle(data.draw(made), "settled")
        known = [found for uid in ("1.2", "1.3", "1.4") if (found := catalog.lookup(uid)) is not None]
        for name in "AB\ud800":
            assert list(catalog.of_study(name)) == [each for each in known if each.study_instance_uid == name]
            assert list(catalog.of_patient(name)) == [each for each in known if each.patient_id == name]


def test_closing_twice_does_nothing() -> None:
    catalog = SqliteCatalog()
    catalog.add(image("1.2"), "a")
    catalog.close()
    catalog.close()
    with pytest.raises(CatalogError):
        catalog.lookup("1.2")
