from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from converter.fhir import datatypes
from converter.selection import Code, Concept, Identifier, LogicalReference


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("  \ttrimmed\r\n", "trimmed"),
        ("two\nlines", "two\nlines"),
        ("bell\x07form\x0cfeed", "bell form feed"),
        ("padded\x00", "padded"),
        ("half\ud800", "half"),
        (" \x00\x1b ", None),
        ("", None),
        (None, None),
    ],
)
def test_string(text: str | None, written: str | None) -> None:
    assert datatypes.string(text) == written


def test_a_string_has_at_most_a_mebicharacter() -> None:
    assert datatypes.string("a" * (2**20 + 1)) == "a" * 2**20


def test_a_code_has_single_spaces_inside() -> None:
    assert datatypes.code(" T-  1\t2 ") == "T- 1 2"


def test_a_uri_has_no_white_space() -> None:
    assert datatypes.uri(" urn:oid:1.2 ") == "urn:oid:1.2"
    assert datatypes.uri("http://a b") is None


@pytest.mark.parametrize(
    "url",
    [
        "https://pacs.example.org",
        "http://localhost:8042/dicom-web",
        "http://192.0.2.1/x?y=z",
        "https://[2001:db8::1]:8443/",
        "http://site_1.3com.example/",
    ],
)
def test_a_url_of_a_web_server_is_one(url: str) -> None:
    assert datatypes.http_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pacs/studies",
        "ftp://pacs.example.org/",
        "https:///studies",
        "http://300.0.2.1/",
        "http://host:65536/",
        "http://[1:2]/",
        "http://host/with space",
        "http://host/\n",
    ],
)
def test_what_is_no_url_of_a_web_server_is_none(url: str) -> None:
    assert datatypes.http_url(url) is None


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), "2024-01-02T03:04:05Z"),
        (datetime(2024, 1, 2, 3, 4, 5, 60, tzinfo=UTC), "2024-01-02T03:04:05.000060Z"),
        (datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=14))), "2024-01-02T00:00:00+14:00"),
        (datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=15))), "2024-01-01T09:00:00Z"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=15))), None),
        (datetime(2024, 1, 2, 3, 4, 5), None),
    ],
)
def test_instant(moment: datetime, written: str | None) -> None:
    assert datatypes.instant(moment) == written


@pytest.mark.parametrize("uid", ["1.2.840.10008.1.2", "1.2.03", "1" * 64])
def test_an_id_holds_any_uid_of_64_characters(uid: str) -> None:
    assert datatypes.identity(uid) == uid


def test_an_oid_has_no_leading_zeros_and_its_identifier_may() -> None:
    assert datatypes.oid("1.2.03") is None
    assert datatypes.uid_identifier("1.2.03") == {"system": "urn:dicom:uid", "value": "urn:oid:1.2.03"}
    assert datatypes.uid_identifier("1.2.x") is None


def test_what_says_nothing_is_none() -> None:
    assert datatypes.coding(Code("http://loinc.org", "", None, "2.77")) is None
    assert datatypes.codeable_concept(Concept((Code(None, " "),), "")) is None
    assert datatypes.identifier(Identifier(" ", "urn:oid:1.2")) is None
    assert datatypes.logical_reference(LogicalReference("Patient", Identifier(""), "")) is None


def test_a_coding_keeps_system_version_code_and_display() -> None:
    written = datatypes.coding(Code("http://snomed.info/sct", "39607008", "Lung", "20240101"))

    assert written == {
        "system": "http://snomed.info/sct",
        "version": "20240101",
        "code": "39607008",
        "display": "Lung",
    }


def test_a_code_without_a_known_system_keeps_code_and_display() -> None:
    assert datatypes.coding(Code(None, "X1", "Local")) == {"code": "X1", "display": "Local"}
