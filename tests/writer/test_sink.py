"""The formats of the output, each by what it writes of three resources in two studies."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from converter.context import Endpoint, Patient, ServiceRequest, context_id
from converter.fhir import release
from converter.fhir.encoded import Encoded
from converter.selection import Concept, Identifier, LogicalReference, Selection, SelectionKey, Series
from converter.writer.sink import FORMATS, open_sink

R5 = release("R5")
PATIENT = Patient(context_id("Patient", "", "P1"), Identifier("P1"))
SUBJECT = LogicalReference("Patient", Identifier("P1"), resource_id=PATIENT.id)
REQUEST = ServiceRequest(context_id("ServiceRequest", PATIENT.id, "", "", "A1"), Identifier("A1"), SUBJECT)


def selection(source: str, study: str | None, *focus: str, subject: LogicalReference | None = SUBJECT) -> Selection:
    return Selection(
        key=SelectionKey(source, "document"),
        code=Concept((), "text"),
        series=Series(study, study and f"{study}.1"),
        subject=subject,
        focus=tuple(SelectionKey(each, "document") for each in focus),
    )


def write(folder: Path, format_name: str, *written: tuple[Encoded, str | None], **options: Any) -> None:
    with open_sink(format_name, folder, **options) as sink:
        for resource, study in written:
            sink.write(resource, study)
        sink.report(b'{"file":"a"}')


def encoded(of: Selection) -> tuple[Encoded, str]:
    return R5.encode(of), of.series.study_instance_uid or ""


def context(*of: Patient | ServiceRequest | Endpoint) -> list[tuple[Encoded, None]]:
    return [(R5.encode_context(each), None) for each in of]


def bundles(folder: Path) -> dict[str, dict[str, Any]]:
    """The Bundles by the study of their first selection."""
    found = {}
    for path in folder.glob("Bundle-*.json"):
        bundle = json.loads(path.read_bytes())
        assert path.name == f"Bundle-{bundle['id']}.json"
        studies = [entry["resource"].get("studyUid", "") for entry in bundle["entry"]]
        found[max(studies)] = bundle
    return found


def kinds(bundle: dict[str, Any]) -> list[str]:
    return [entry["resource"]["resourceType"] for entry in bundle["entry"]]


def literal(value: Any) -> set[str]:
    if isinstance(value, list):
        return {found for each in value for found in literal(each)}
    if not isinstance(value, dict):
        return set()
    own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
    return own | {found for each in value.values() for found in literal(each)}


def test_ndjson_has_a_file_for_each_type_and_for_those_that_are_expected(tmp_path: Path) -> None:
    write(tmp_path, "ndjson", *context(PATIENT, REQUEST), types=["ImagingSelection"])
    assert {path.name: len(path.read_bytes().splitlines()) for path in tmp_path.iterdir()} == {
        "ImagingSelection.ndjson": 0,
        "Patient.ndjson": 1,
        "ServiceRequest.ndjson": 1,
        "report.ndjson": 1,
    }
    assert (tmp_path / "Patient.ndjson").read_bytes() == R5.encode_context(PATIENT).to_json() + b"\n"


def test_files_are_named_by_type_and_id(tmp_path: Path) -> None:
    chosen = selection("1.2", "1.9")
    write(tmp_path, "files", *context(PATIENT), encoded(chosen))
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()) == [
        f"ImagingSelection/{chosen.id}.json",
        f"Patient/{PATIENT.id}.json",
        "report.ndjson",
    ]
    assert json.loads((tmp_path / "Patient" / f"{PATIENT.id}.json").read_bytes())["id"] == PATIENT.id


def test_a_bundle_holds_one_study_and_all_that_it_refers_to(tmp_path: Path) -> None:
    write(
        tmp_path,
        "bundle",
        *context(PATIENT),
        encoded(selection("1.2", "1.8")),
        encoded(selection("1.3", "1.9")),
        encoded(selection("1.4", "1.9", "1.3")),
    )
    found = bundles(tmp_path)
    assert sorted(found) == ["1.8", "1.9"]
    assert kinds(found["1.8"]) == ["Patient", "ImagingSelection"]
    assert kinds(found["1.9"]) == ["Patient", "ImagingSelection", "ImagingSelection"]
    for bundle in found.values():
        assert bundle["type"] == "collection"
        urls = [entry["fullUrl"] for entry in bundle["entry"]]
        assert urls == [f"urn:uuid:{entry['resource']['id']}" for entry in bundle["entry"]]
        assert literal(bundle) <= set(urls)


def test_a_selection_of_another_study_that_is_referred_to_is_in_both_bundles(tmp_path: Path) -> None:
    group, region = selection("1.2", "1.8", subject=None), selection("1.3", "1.9", "1.2", subject=None)
    write(tmp_path, "bundle", encoded(group), encoded(region))
    found = [json.loads(path.read_bytes()) for path in tmp_path.glob("Bundle-*")]
    assert sorted(sorted(entry["resource"]["id"] for entry in bundle["entry"]) for bundle in found) == sorted(
        [[group.id], sorted([group.id, region.id])]
    )


def test_what_has_no_study_is_in_the_bundle_of_what_it_refers_to(tmp_path: Path) -> None:
    def observation(identity: str, *references: str) -> tuple[Encoded, None]:
        focus = [{"reference": each} for each in references]
        resource = {"resourceType": "Observation", "id": identity, "status": "final", "code": {}, "focus": focus}
        return Encoded(resource, (), (), lambda: None), None  # type: ignore[arg-type, return-value]

    ids = [context_id("Observation", str(number)) for number in range(3)]
    chosen = selection("1.2", "1.9", subject=None)
    write(
        tmp_path,
        "bundle",
        encoded(chosen),
        observation(ids[0], f"ImagingSelection/{chosen.id}"),
        observation(ids[1], f"Observation/{ids[0]}"),
        observation(ids[2]),
    )
    found = [json.loads(path.read_bytes()) for path in tmp_path.glob("Bundle-*")]
    assert sorted(sorted(entry["resource"]["id"] for entry in bundle["entry"]) for bundle in found) == sorted(
        [sorted([chosen.id, *ids[:2]]), [ids[2]]]
    )


def test_selections_without_a_study_have_a_bundle_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, "bundle", *context(PATIENT), encoded(selection("1.2", "1.9")), encoded(selection("1.3", None)))
    found = bundles(tmp_path)
    assert {study: kinds(bundle) for study, bundle in found.items()} == {
        "1.9": ["Patient", "ImagingSelection"],
        "": ["Patient", "ImagingSelection"],
    }


@pytest.mark.parametrize("conditional", [False, True])
def test_a_transaction_says_how_each_resource_is_stored(tmp_path: Path, conditional: bool) -> None:
    write(tmp_path, "transaction", *context(PATIENT), encoded(selection("1.2", "1.9")), conditional=conditional)
    (bundle,) = bundles(tmp_path).values()
    assert bundle["type"] == "transaction"
    patient = bundle["entry"][0]
    if conditional:
        known_by = f"identifier=urn:ietf:rfc:3986|urn:uuid:{PATIENT.id}"
        assert patient["request"] == {"method": "POST", "url": "Patient", "ifNoneExist": known_by}
    else:
        assert patient["request"] == {"method": "PUT", "url": f"Patient/{PATIENT.id}"}
    for entry in bundle["entry"]:
        identifier = {"system": "urn:ietf:rfc:3986", "value": entry["fullUrl"]}
        assert entry["resource"]["identifier"][0] == identifier
    assert literal(bundle) == {f"urn:uuid:{PATIENT.id}"}


@pytest.mark.parametrize("format_name", FORMATS)
def test_after_an_exception_nothing_is_there(tmp_path: Path, format_name: str) -> None:
    def interrupted() -> None:
        with open_sink(format_name, tmp_path) as sink:
            sink.write(R5.encode_context(PATIENT))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format_name", FORMATS)
def test_nothing_to_write_leaves_a_report(tmp_path: Path, format_name: str) -> None:
    write(tmp_path, format_name)
    assert [path.name for path in tmp_path.iterdir()] == ["report.ndjson"]


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ndjson, bundle, transaction, files"), open_sink("xml", tmp_path):
        pass
