"""The first pass: what is found does not depend on the order, and what is given up is said."""

from __future__ import annotations

import io
import json
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from converter.problems import problem
from converter.reader.catalog import SqliteCatalog
from converter.reader.fingerprint import fingerprint
from converter.reader.parser import parse
from converter.reader.scan import NO_SOP_CLASS, ObjectReference, Scan, scan, stream
from converter.reader.sources import Found, Unread, walk
from converter.reader.spool import Spool
from converter.settings import ArchiveLimits
from tests.reader.test_header import PREFIX, encoded, image

SR = "1.2.840.10008.5.1.4.1.1.88.33"
GSPS = "1.2.840.10008.5.1.4.1.1.11.1"
ANNOTATIONS = ("SR", "PR", "KO", "SEG", "RTSTRUCT", "ANN")


def is_annotation(sop_class_uid: str | None, modality: str | None) -> bool:
    return modality in ANNOTATIONS


def report(uid: str | None = "1.2.9", **elements: Any) -> Dataset:
    dataset = Dataset()
    dataset.SOPClassUID = SR
    if uid is not None:
        dataset.SOPInstanceUID = uid
    dataset.Modality = "SR"
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def found(data: bytes, name: str, source: int = 0, *, rereadable: bool = True) -> Found:
    opened = 0

    def open_() -> BinaryIO:
        nonlocal opened
        opened += 1
        assert rereadable or opened == 1
        return io.BytesIO(data)

    return Found(name, source, open_, rereadable, len(data))


def in_memory(dataset: Dataset, name: str = "dataset[0]") -> Found:
    def open_() -> BinaryIO:
        raise ValueError("in memory")

    return Found(name, 0, open_, False, None, dataset)


@contextmanager
def scanned(items: Iterable[Any]) -> Iterator[tuple[Scan, SqliteCatalog]]:
    with SqliteCatalog() as catalog, Spool() as spool:
        yield scan(items, is_annotation, catalog, spool), catalog


def walked(*sources: Any) -> Iterator[Any]:
    return walk(sources, ArchiveLimits())


# What is found


def test_every_annotation_object_of_the_corpus_is_found_once_in_order(corpus: Path) -> None:
    facts = [json.loads(line) for line in (corpus / "facts.jsonl").read_text().splitlines()]
    stated = {fact["sopInstanceUid"] for fact in facts if fact["object"] in ANNOTATIONS}
    with scanned(walked(corpus)) as (result, catalog):
        uids = [each.sop_instance_uid for each in result.objects]
        # Some objects have no UID, and the facts call it None.
        assert {None if each == "None" else each for each in stated} <= set(uids)
        identities = [each.identity for each in result.objects]
        assert len(identities) == len(set(identities))
        assert [each or "" for each in uids] == sorted(each or "" for each in uids)
        assert result.counts["CT Image Storage"] > 10
        names = {each.name for each in result.unreadable}
        assert {"README.md", "facts.jsonl", "odd/pydicom-3.0.2-no_meta.dcm"} <= names
        assert {each.name for each in result.directories} == {
            "odd/pydicom-3.0.2-DICOMDIR",
            "odd/pydicom-3.0.2-DICOMDIR-bigEnd",
            "odd/pydicom-3.0.2-DICOMDIR-nopatient",
        }
        assert all(catalog.lookup(uid) is not None for uid in uids if uid is not None)


def test_copies_in_the_corpus_are_reported_as_copies(corpus: Path) -> None:
    with scanned(walked(corpus)) as (result, _):
        rejected = {reference.name: found.code for reference, found in result.rejected}
    # The odd folder repeats files of the pydicom folder; one differs from its copy in transfer syntax alone.
    assert rejected["pydicom-3.0.2/test-SR.dcm"] == "duplicate"
    assert rejected["rt-utils/mock_data/non_existent_reference_rt.dcm"] == "duplicate"


def test_an_archive_gives_what_its_folder_gives(corpus: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted((corpus / "clearcanvas").iterdir()):
            archive.write(path, path.name)
    packed.seek(0)
    with (
        scanned(walked(corpus / "clearcanvas")) as (folder, _),
        scanned(walked(packed)) as (archived, _),
    ):
        assert [each.identity for each in folder.objects] == [each.identity for each in archived.objects]
        for one, other in zip(folder.objects, archived.objects, strict=True):
            assert fingerprint(one.load().dataset) == fingerprint(other.load().dataset)
        assert folder.counts == archived.counts


def test_data_sets_in_memory_give_what_their_files_give(corpus: Path) -> None:
    folder = corpus / "highdicom"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        datasets = (pydicom.dcmread(path) for path in sorted(folder.iterdir()))
        with scanned(walked(folder)) as (files, _), scanned(walk(datasets, ArchiveLimits())) as (memory, _):
            assert [each.identity for each in files.objects] == [each.identity for each in memory.objects]
            for one, other in zip(files.objects, memory.objects, strict=True):
                parsed, adopted = one.load(), other.load()
                assert fingerprint(parsed.dataset) == fingerprint(adopted.dataset)
                assert parsed.problems == adopted.problems
                assert parsed.transfer_syntax_uid == adopted.transfer_syntax_uid


def test_text_in_sequences_that_pydicom_left_as_bytes_keeps_its_character_set() -> None:
    inner = Dataset()
    inner.TextValue = "Größe"
    data = encoded(report(SpecificCharacterSet="ISO_IR 192", ContentSequence=Sequence([inner])))
    dataset = pydicom.dcmread(io.BytesIO(data))
    with scanned([in_memory(dataset)]) as (result, _):
        loaded = result.objects[0].load()
        assert loaded.dataset.ContentSequence[0].TextValue == "Größe"
    # The caller's own data set was not touched.
    assert isinstance(dataset.get_item("ContentSequence").value, bytes)


def test_pixel_data_of_data_sets_in_memory_is_not_kept() -> None:
    dataset = report(PixelData=bytes(2**20))
    with scanned([in_memory(dataset)]) as (result, _):
        assert "PixelData" not in result.objects[0].load().dataset
    assert "PixelData" in dataset


def test_a_data_set_nested_too_deep_to_be_copied_is_still_found() -> None:
    dataset = Dataset()
    for _ in range(3000):
        outer = Dataset()
        outer.ContentSequence = [dataset]
        dataset = outer
    dataset.update(report())
    with scanned([in_memory(dataset)]) as (result, _):
        assert result.objects[0].load().dataset.Modality == "SR"


def test_what_can_be_read_once_is_read_once() -> None:
    content = encoded(report(ContentDate="20200101"))
    items = [found(content, "a", rereadable=False), found(encoded(image()), "b", rereadable=False)]
    with scanned(items) as (result, catalog):
        assert len(catalog) == 2
        assert fingerprint(result.objects[0].load().dataset) == fingerprint(parse(content).dataset)
        assert result.objects[0].load().dataset.ContentDate == "20200101"


def test_other_objects_are_counted_by_the_name_of_their_class() -> None:
    private = image()
    private.SOPClassUID = "1.2.999.1"
    junk = PREFIX + b"\x08\x00\x16\x00UI\x0a\x00DOE^JOHN  "
    items = [found(encoded(image()), "a"), found(encoded(private), "b"), found(junk, "c"), found(PREFIX, "d")]
    with scanned(items) as (result, _):
        assert dict(result.counts) == {"CT Image Storage": 1, "1.2.999.1": 1, NO_SOP_CLASS: 2}


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    def broken() -> BinaryIO:
        raise OSError("somebody's message")

    truncated = encoded(image(PatientID="ID", Rows=1))[:-3]
    items = [
        Found("d", 0, broken, True, None),
        found(b"plain text", "c"),
        found(b"", "b"),
        found(truncated, "a"),
    ]
    with scanned(items) as (result, catalog):
        codes = [(each.name, each.problem.code) for each in result.unreadable]
        assert codes == [("a", "truncated"), ("b", "empty-file"), ("c", "not-dicom"), ("d", "unreadable")]
        # What stood before the end of the image's header is known all the same.
        assert catalog.lookup("1.2.3") is not None
        assert result.counts.total() == 0


# Several with one UID

VERSIONS = [
    (b"A", "20200101", "100000"),
    (b"B", "20210101", "090000"),
    (b"C", "20210101", "1000"),
    (b"D", "20210101", None),
    (b"E", None, None),
]


def version(label: bytes, date: str | None, time: str | None) -> bytes:
    dataset = report(SeriesDescription=label.decode(), SeriesNumber=label[0])
    if date:
        dataset.ContentDate = date
    if time:
        dataset.ContentTime = time
    return encoded(dataset)


@given(st.permutations(range(len(VERSIONS))), st.permutations("vwxyz"), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_the_latest_content_wins_in_any_order_and_under_any_name(
    order: list[int], names: list[str], count: int
) -> None:
    chosen = [VERSIONS[index] for index in order[:count]]
    with scanned(found(version(*each), name) for each, name in zip(chosen, names, strict=False)) as (result, catalog):
        # By hand: C of 10:00, then B of 09:00, then D without time, then A of the year before, then E without date.
        expected = min(chosen, key=lambda each: b"CBDAE".index(each[0]))
        (winner,) = result.objects
        assert winner.load().dataset.SeriesDescription == expected[0].decode()
        assert {found.code for _, found in result.rejected} <= {"duplicate-differs"}
        assert len(result.rejected) == count - 1
        instance = catalog.lookup("1.2.9")
        assert instance is not None
        assert instance.series_number == expected[0][0]
        assert result.image_conflicts == []


@given(st.permutations([("a", 1), ("b", 0), ("c", 0)]))
@settings(max_examples=10, deadline=None)
def test_the_same_content_counts_once_under_the_first_name(order: list[tuple[str, int]]) -> None:
    syntaxes = {"a": "1.2.840.10008.1.2", "b": "1.2.840.10008.1.2.1", "c": "1.2.840.10008.1.2.2"}
    items = [found(encoded(report(Rows=3), syntaxes[name]), name, source) for name, source in order]
    with scanned(items) as (result, _):
        assert [each.name for each in result.objects] == ["b"]
        assert [(each.name, found.code) for each, found in result.rejected] == [
            ("c", "duplicate"),
            ("a", "duplicate"),
        ]


@given(st.permutations("abc"))
@settings(max_examples=10, deadline=None)
def test_without_dates_the_greater_hash_wins(order: list[str]) -> None:
    contents = {label: encoded(report(SeriesDescription=label)) for label in "abc"}
    hashes = {label: fingerprint(parse(data).dataset) for label, data in contents.items()}
    with scanned(found(contents[label], label) for label in order) as (result, _):
        assert [each.name for each in result.objects] == [max(hashes, key=lambda label: hashes[label])]


def test_a_presentation_state_goes_by_its_creation() -> None:
    def state(label: str, date: str) -> bytes:
        dataset = report(ContentLabel=label, PresentationCreationDate=date, PresentationCreationTime="120000")
        dataset.SOPClassUID = GSPS
        dataset.Modality = "PR"
        return encoded(dataset)

    with scanned([found(state("NEW", "20220101"), "a"), found(state("OLD", "19990101"), "b")]) as (result, _):
        assert result.objects[0].load().dataset.ContentLabel == "NEW"


def test_objects_without_uid_are_known_by_their_content() -> None:
    items = [
        found(encoded(report(None, SeriesDescription=label)), name)
        for name, label in (("a", "X"), ("b", "Y"), ("c", "X"))
    ]
    with scanned(items) as (result, _):
        assert {each.name for each in result.objects} == {"a", "b"}
        assert [each.identity for each in result.objects] == sorted(each.identity for each in result.objects)
        for each in result.objects:
            assert each.sop_instance_uid is None
            assert each.identity == fingerprint(each.load().dataset)
        assert [(each.name, found.code) for each, found in result.rejected] == [("c", "duplicate")]


def test_images_that_differ_are_a_conflict_whatever_their_order() -> None:
    items = [found(encoded(image(Rows=rows)), f"{rows}.dcm") for rows in (5, 7)]
    results = []
    for order in (items, items[::-1]):
        with scanned(order) as (result, catalog):
            results.append((catalog.lookup("1.2.3"), result.image_conflicts))
    assert results[0] == results[1]
    instance, conflicts = results[0]
    assert instance is not None
    assert [each.name for each in conflicts] == [f"{12 - (instance.rows or 0)}.dcm"]


# One at a time


def test_a_stream_gives_each_object_before_the_next_is_asked_for() -> None:
    asked: list[str] = []

    def items() -> Iterator[Found]:
        for name in "abc":
            asked.append(name)
            data = encoded(image() if name == "b" else report(f"1.{name == 'a'}", SeriesDescription=name))
            yield found(data, name, rereadable=False)

    streamed = stream(items(), is_annotation)
    first = next(streamed)
    assert asked == ["a"]
    second = next(streamed)
    assert isinstance(first, ObjectReference)
    assert isinstance(second, ObjectReference)
    assert (first.name, second.name) == ("a", "c")
    assert first.load().dataset.SeriesDescription == "a"
    assert second.load().dataset.SeriesDescription == "c"
    assert list(streamed) == []


def test_a_stream_passes_on_what_cannot_be_read_and_data_sets() -> None:
    passed = Unread("x", 0, problem("unreadable"))
    items: list[Found | Unread] = [passed, found(b"text", "t"), in_memory(report(None, ContentDate="20200102"))]
    first, second, third = stream(iter(items), is_annotation)
    assert first is passed
    assert isinstance(second, Unread)
    assert second.problem.code == "not-dicom"
    assert isinstance(third, ObjectReference)
    assert third.identity == fingerprint(third.load().dataset)


@pytest.mark.parametrize("broken", [b"", b"\xff\xfe\xfd\xfc", b"20201301 12:"])
def test_damaged_dates_are_no_obstacle(broken: bytes) -> None:
    sound = encoded(report(SeriesNumber=1, ContentDate="19000101"))
    uid_end = sound.index(b"1.2.9\0", 300) + 6
    date = b"\x08\x00\x23\x00DA" + len(broken).to_bytes(2, "little") + broken
    damaged = sound[:uid_end] + date + sound[uid_end:].replace(b"\x08\x00\x23\x00DA\x08\x0019000101", b"")
    items = [found(sound, "sound"), found(damaged, "damaged")]
    outcomes = []
    for order in (items, items[::-1]):
        with scanned(order) as (result, _):
            outcomes.append(([each.name for each in result.objects], len(result.rejected)))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][1] == 1
