"""Settings: what they may be, where they come from, and what is said of those that cannot be meant."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from converter.settings import ArchiveLimits, Settings, SettingsError


def test_the_defaults_make_nothing_up() -> None:
    settings = Settings()
    assert (settings.fhir, settings.timezone, settings.zone, settings.endpoint) == ("6.0.0-ballot2", None, None, None)
    assert (dict(settings.patient_id_systems), settings.with_names) == ({}, False)
    assert (settings.project, settings.regions, settings.plane_tolerance) == (False, "as-stated", None)
    assert settings.select is None
    assert (settings.outlines, settings.outline_tolerance) == (False, 0)


def test_settings_cannot_be_changed_not_even_through_what_they_were_made_of() -> None:
    systems = {"HOSP": "urn:oid:1.2.3"}
    settings = Settings(patient_id_systems=systems)
    systems["HOSP"] = "urn:oid:9"
    assert settings.patient_id_systems["HOSP"] == "urn:oid:1.2.3"
    with pytest.raises(TypeError):
        settings.patient_id_systems["HOSP"] = "urn:oid:9"  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        settings.timezone = "Z"  # type: ignore[misc]


@pytest.mark.parametrize(("text", "hours"), [("+01:00", 1.0), ("-0330", -3.5), ("Z", 0.0), ("Asia/Kolkata", 5.5)])
def test_a_time_zone_is_an_offset_or_a_name(text: str, hours: float) -> None:
    zone = Settings(timezone=text).zone
    assert zone is not None
    assert datetime(2020, 1, 2, tzinfo=zone).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"timezone": "summer"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"timezone": 1}, "timezone"),
        ({"endpoint": "pacs.example"}, "endpoint"),
        ({"endpoint": "file:///etc"}, "endpoint"),
        ({"with_names": "yes"}, "with_names"),
        ({"project": 1}, "project"),
        ({"outlines": "yes"}, "outlines"),
        ({"outline_tolerance": -1}, "outline_tolerance"),
        ({"outline_tolerance": float("inf")}, "outline_tolerance"),
        ({"outline_tolerance": "half"}, "outline_tolerance"),
        ({"regions": "4d"}, "regions"),
        ({"regions": True}, "regions"),
        ({"plane_tolerance": -0.1}, "plane_tolerance"),
        ({"plane_tolerance": float("nan")}, "plane_tolerance"),
        ({"plane_tolerance": True}, "plane_tolerance"),
        ({"plane_tolerance": "thick"}, "plane_tolerance"),
        ({"select": "studies"}, "select"),
        ({"patient_id_systems": {"HOSP": "no uri"}}, "patient_id_systems"),
        ({"patient_id_systems": {"HOSP": 5}}, "patient_id_systems"),
        ({"patient_id_systems": "urn:oid:1.2"}, "patient_id_systems"),
        ({"archive_limits": {"members": 0}}, "archive_limits"),
        ({"archive_limits": {"ratio": "many"}}, "archive_limits"),
        ({"archive_limits": {"files": 5}}, "archive_limits"),
        ({"archive_limits": 5}, "archive_limits"),
        ({"time_zone": "Z"}, "time_zone"),
        ({"max_region_vertices": 0}, "max_region_vertices"),
        ({"max_region_vertices": 1.5}, "max_region_vertices"),
        ({"max_region_vertices": True}, "max_region_vertices"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(values: dict[str, Any], key: str) -> None:
    with pytest.raises(SettingsError, match=key):
        Settings.from_mapping(values)


def test_a_file_has_the_fields_as_keys(tmp_path: Path) -> None:
    file = tmp_path / "imgsel.toml"
    file.write_text(
        'timezone = "+02:00"\nendpoint = "https://pacs.example/dicom-web"\nwith_names = true\n'
        '[patient_id_systems]\nHOSP = "urn:oid:1.2.3"\n"" = "https://hospital.example/patients"\n'
        "[archive_limits]\nmembers = 10\n",
        "utf-8",
    )
    assert Settings.from_toml(file) == Settings(
        timezone="+02:00",
        endpoint="https://pacs.example/dicom-web",
        with_names=True,
        patient_id_systems={"HOSP": "urn:oid:1.2.3", "": "https://hospital.example/patients"},
        archive_limits=ArchiveLimits(members=10),
    )


@pytest.mark.parametrize("content", [b"timezone = ", b"\xff\xfe", None])
def test_a_file_that_is_not_there_or_no_toml_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "imgsel.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match=r"imgsel\.toml"):
        Settings.from_toml(file)
