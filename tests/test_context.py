"""What selections refer to: each once, whatever the order, and nobody's name unless asked for."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from fhir.resources.bundle import Bundle
from pydicom import Dataset

from converter import Settings, convert
from converter.catalog import Instance
from converter.context import CONTEXT_KEYS
from tests.builders import (
    IMAGE_1,
    SERIES,
    STUDY,
    code,
    container,
    dataset,
    image,
    images,
    item,
    report,
    scoord,
    written,
)
from tests.test_bad_input import IMAGE_REGION, ct, good_report
from tests.test_cli import imgsel
from tests.writer.test_sink import literal

NAMESPACE = UUID("6f0a2d1e-9b7c-4c57-8f3e-2a5d1c9b7e40")
OTHER_STUDY = "1.2.3.2"


def resources(source: object, **choices: Any) -> dict[str, list[dict[str, Any]]]:
    """Everything that is written, by type."""
    found: dict[str, list[dict[str, Any]]] = {}
    for result in convert(source, Settings(**{"context": True, **choices})):
        for each in (*result.resources, *(selection.encoded for selection in result.selections)):
            found.setdefault(each.type, []).append(each.to_dict())
    return found


def reported(source: object) -> list[str]:
    return [problem.code for result in convert(source, Settings(context=True)) for problem in result.problems]


def patient(**elements: Any) -> dict[str, Any]:
    return {"PatientID": "P1", "PatientName": "Doe^Jane^^Dr.", "PatientBirthDate": "19700102", **elements}


def own_id(key: str) -> str:
    return str(uuid5(NAMESPACE, key))


def other(**elements: Any) -> Dataset:
    """Another report, on an image of another study."""
    region = scoord("POINT", [1, 2], image("1.2.3.2.1.1"), concept=IMAGE_REGION)
    return report(region, SOPInstanceUID="1.2.3.10", StudyInstanceUID=OTHER_STUDY, **elements)


def other_image(**elements: Any) -> Dataset:
    return ct("1.2.3.2.1.1", StudyInstanceUID=OTHER_STUDY, SeriesInstanceUID="1.2.3.2.1", **elements)


def test_without_asking_there_is_nothing_and_references_are_logical_only() -> None:
    found = resources([ct(**patient()), good_report()], context=False)
    assert list(found) == ["ImagingSelection"]
    (selection,) = found["ImagingSelection"]
    assert literal(selection) == set()


def test_a_report_has_its_patient_study_people_and_requests_around_it() -> None:
    observer = dataset(
        VerifyingObserverName="Roe^Richard",
        VerifyingObserverIdentificationCodeSequence=[code("77", "99HOSP", "Roe")],
    )
    stated = good_report(
        **patient(), AccessionNumber="A1", Manufacturer="Maker", ManufacturerModelName="M1", DeviceUID="1.2.3.77",
        VerifyingObserverSequence=[observer],
    )  # fmt: skip
    scan = ct(**patient(PatientSex="F"), BodyPartExamined="LUNG", ImageLaterality="R")
    found = resources([scan, stated], endpoint="https://pacs.example/rs/", with_names=True)
    (selection,) = found["ImagingSelection"]
    ids = {kind: own_id(key) for kind, key in {
        "Patient": "Patient;;P1",
        "ImagingStudy": f"ImagingStudy;{STUDY}",
        "Practitioner": "Practitioner;99HOSP;77",
        "Endpoint": "Endpoint;https://pacs.example/rs",
    }.items()}  # fmt: skip
    ids["ServiceRequest"] = own_id(f"ServiceRequest;{ids['Patient']};ACSN;;A1")
    sct = "http://snomed.info/sct"
    ids["BodyStructure"] = own_id(f"BodyStructure;{ids['Patient']};{sct};39607008;{sct};39607008:272741003%3D24028007")
    assert {kind: found[kind][0]["id"] for kind in ids} == ids
    assert all(len(each) == 1 for each in found.values())
    assert selection["subject"]["reference"] == f"Patient/{ids['Patient']}"
    assert selection["subject"]["identifier"] == {"value": "P1"}
    assert selection["derivedFrom"] == [
        {
            "reference": f"ImagingStudy/{ids['ImagingStudy']}",
            "type": "ImagingStudy",
            "identifier": {"system": "urn:dicom:uid", "value": f"urn:oid:{STUDY}"},
        }
    ]
    assert [each["actor"]["reference"] for each in selection["performer"]] == [f"Practitioner/{ids['Practitioner']}"]
    assert [each["reference"] for each in selection["basedOn"]] == [f"ServiceRequest/{ids['ServiceRequest']}"]
    assert selection["endpoint"] == [{"reference": f"Endpoint/{ids['Endpoint']}"}]
    assert "contained" not in selection
    assert selection["bodySite"][0]["reference"] == {"reference": f"BodyStructure/{ids['BodyStructure']}"}
    assert selection["bodySite"][0]["concept"] == found["BodyStructure"][0]["includedStructure"][0]["structure"]
    assert found["Patient"][0]["name"] == [
        {"text": "Dr. Jane Doe", "family": "Doe", "given": ["Jane"], "prefix": ["Dr."]}
    ]
    assert (found["Patient"][0]["gender"], found["Patient"][0]["birthDate"]) == ("female", "1970-01-02")
    (study,) = found["ImagingStudy"]
    assert study["endpoint"] == selection["endpoint"]
    assert {each["uid"]: [one["uid"] for one in each["instance"]] for each in study["series"]} == {
        SERIES: [IMAGE_1],
        "1.2.3.8": ["1.2.3.9"],
    }


def test_names_and_birth_dates_are_written_only_where_asked_for() -> None:
    creator = good_report(**patient(PatientSex="M"), VerifyingObserverSequence=[dataset(VerifyingObserverName="Roe^R")])
    found = resources([ct(**patient(PatientSex="M")), creator])
    (one,) = found["Patient"]
    assert sorted(one) == ["gender", "id", "identifier", "resourceType"]
    assert "Practitioner" not in found
    text = json.dumps({kind: each for kind, each in found.items() if kind != "ImagingSelection"})
    for secret in ("Doe", "Jane", "1970", "Roe"):
        assert secret not in text


def test_two_studies_stay_two_and_their_patient_is_one() -> None:
    found = resources([ct(**patient()), good_report(**patient()), other_image(**patient()), other(**patient())])
    assert Counter(each["derivedFrom"][0]["reference"] for each in found["ImagingSelection"]) == Counter(
        f"ImagingStudy/{own_id(f'ImagingStudy;{study}')}" for study in (STUDY, OTHER_STUDY)
    )
    assert len(found["ImagingStudy"]) == 2
    assert len(found["Patient"]) == 1


def test_two_patients_with_one_id_from_two_issuers_stay_two() -> None:
    one, two = patient(IssuerOfPatientID="WARD 9"), patient(IssuerOfPatientID="WARD 10", PatientName="Roe^Richard")
    found = resources([ct(**one), good_report(**one), other_image(**two), other(**two)], with_names=True)
    names = {each["identifier"][1]["assigner"]["display"]: each["name"][0]["family"] for each in found["Patient"]}
    assert names == {"WARD 9": "Doe", "WARD 10": "Roe"}
    assert {each["id"] for each in found["Patient"]} == {own_id("Patient;WARD 9;P1"), own_id("Patient;WARD 10;P1")}
    by_study = {each["identifier"][1]["value"]: each["subject"]["reference"] for each in found["ImagingStudy"]}
    assert by_study == {
        f"urn:oid:{STUDY}": f"Patient/{own_id('Patient;WARD 9;P1')}",
        f"urn:oid:{OTHER_STUDY}": f"Patient/{own_id('Patient;WARD 10;P1')}",
    }


def test_the_universal_entity_of_the_issuer_tells_patients_apart_too() -> None:
    def issued(by: str) -> dict[str, Any]:
        return patient(IssuerOfPatientIDQualifiersSequence=[dataset(UniversalEntityID=by, UniversalEntityIDType="ISO")])

    found = resources([ct(**issued("1.2")), good_report(**issued("1.2")), other(**issued("1.3"))])
    assert [each["identifier"][1]["system"] for each in found["Patient"]] == ["urn:oid:1.3", "urn:oid:1.2"]


def test_a_study_whose_instances_disagree_on_the_patient_is_reported_and_of_the_one_most_name() -> None:
    objects = [ct(**patient()), ct("1.2.3.1.1.2", **patient()), good_report(PatientID="P2")]
    assert reported(objects).count("study-patients") == 1
    found = resources(objects)
    assert found["ImagingStudy"][0]["subject"]["reference"] == f"Patient/{own_id('Patient;;P1')}"
    assert found["ImagingSelection"][0]["subject"]["reference"] == f"Patient/{own_id('Patient;;P2')}"
    assert sorted(each["identifier"][1]["value"] for each in found["Patient"]) == ["P1", "P2"]
    assert "study-patients" not in reported([ct(**patient()), good_report(**patient())])


def test_what_is_stated_does_not_depend_on_order_or_on_what_came_first() -> None:
    objects = [
        ct(**patient(PatientName="B^B"), StudyDescription="two", StudyDate="20200102"),
        ct("1.2.3.1.1.2", **patient(PatientName="A^A"), StudyDescription="one", StudyDate="20200101"),
        ct("1.2.3.1.1.3", **patient(PatientName="A^A"), StudyDescription="two", StudyDate="20200102"),
        good_report(**patient(PatientName="C^C")),
    ]
    expected = resources(objects, with_names=True)
    assert expected["Patient"][0]["name"][0]["text"] == "A A"
    assert (expected["ImagingStudy"][0]["description"], expected["ImagingStudy"][0]["started"]) == ("two", "2020-01-02")
    for order in itertools.permutations(objects):
        assert resources(list(order), with_names=True) == expected


def test_times_have_a_zone_or_are_days() -> None:
    stated = ct(StudyDate="20200102", StudyTime="101112", TimezoneOffsetFromUTC="+0100", SeriesDate="20200103")
    (study,) = resources([stated, good_report()])["ImagingStudy"]
    assert study["started"] == "2020-01-02T10:11:12+01:00"
    assert {each["uid"]: each.get("started") for each in study["series"]}[SERIES] == "2020-01-03"


def test_a_study_of_which_nothing_is_read_is_known_by_its_uid_and_the_patient_of_who_refers_to_it() -> None:
    # The catalog of one's own knows the image, and cannot be asked for whole studies.
    found: dict[str, list[dict[str, Any]]] = {}
    for result in convert(good_report(**patient()), Settings(context=True), catalog=images()):
        for each in result.resources:
            found.setdefault(each.type, []).append(each.to_dict())
    (study,) = found["ImagingStudy"]
    assert study["subject"]["reference"] == f"Patient/{found['Patient'][0]['id']}"
    assert "series" not in study


def test_a_catalog_of_ones_own_that_groups_instances_states_studies_in_full() -> None:
    class Grouped(dict[str, Instance]):
        def lookup(self, sop_instance_uid: str) -> Instance | None:
            return self.get(sop_instance_uid)

        def of_study(self, study_instance_uid: str) -> list[Instance]:
            return [each for each in self.values() if each.study_instance_uid == study_instance_uid]

        def of_patient(self, patient_id: str) -> list[Instance]:
            return [each for each in self.values() if each.patient_id == patient_id]

    catalog = Grouped(images())
    (result,) = convert(good_report(**patient()), Settings(context=True), catalog=catalog)
    (study,) = [each.to_dict() for each in result.resources if each.type == "ImagingStudy"]
    assert [(each["uid"], each["number"], len(each["instance"])) for each in study["series"]] == [
        (SERIES, 3, 2),
        ("1.2.3.1.2", 4, 1),
    ]


def test_who_has_no_patient_id_is_said_to_be_unknown() -> None:
    found = resources([ct(), good_report(PatientID=None, AccessionNumber="A1")])
    assert "Patient" not in found
    unknown = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    assert found["ImagingStudy"][0]["subject"] == {"extension": [unknown]}
    assert found["ServiceRequest"][0]["subject"] == {"extension": [unknown]}


def test_one_accession_number_of_two_patients_is_two_requests() -> None:
    one, two = patient(AccessionNumber="1"), patient(PatientID="P2", AccessionNumber="1")
    found = resources([ct(), good_report(**one), other(**two)])
    assert len(found["ServiceRequest"]) == 2
    assert len({each["subject"]["reference"] for each in found["ServiceRequest"]}) == 2


def test_an_address_that_is_none_is_neither_a_resource_nor_referred_to() -> None:
    stated = good_report(RetrieveURL="http://[bad/studies/1.2")
    found = resources([ct(), stated])
    assert "Endpoint" not in found
    assert "endpoint" not in found["ImagingSelection"][0]


@pytest.mark.parametrize("fhir", ["R6", "R5", "6.0.0-ballot4", "R4"])
def test_everything_of_the_corpus_is_valid_and_every_reference_leads_somewhere(corpus: Path, fhir: str) -> None:
    choices = Settings(fhir=fhir, context=True, with_names=True, endpoint="https://pacs.example/rs")
    ids: set[str] = set()
    references: set[str] = set()
    for result in convert(corpus, choices):
        for each in (*result.resources, *(selection.encoded for selection in result.selections)):
            name = f"{each.type}/{each.id}"
            assert name not in ids
            ids.add(name)
            references |= literal(each.to_dict())
        for each in result.resources:
            each.to_resource()
    assert references <= ids
    assert {name.partition("/")[0] for name in ids} == {*CONTEXT_KEYS, "Basic" if fhir == "R4" else "ImagingSelection"}


@pytest.mark.parametrize("fhir", ["R6", "R5", "6.0.0-ballot4", "R4"])
def test_observations_refer_to_what_is_written_too(testdata: Path, tmp_path: Path, fhir: str) -> None:
    options = ("--with", "context", "--with", "observations", "--with-names", "--fhir", fhir, "-q")
    assert imgsel("convert", testdata, "-o", tmp_path, *options).returncode == 0
    files = [path for path in tmp_path.glob("*.ndjson") if path.name != "report.ndjson"]
    found = [json.loads(line) for path in files for line in path.read_text("utf-8").splitlines()]
    ids = [f"{each['resourceType']}/{each['id']}" for each in found]
    assert len(ids) == len(set(ids))
    assert literal(found) <= set(ids)
    observations = [each for each in found if each["resourceType"] == "Observation"]
    named = {
        "subject": {"Patient"},
        "partOf": {"ImagingStudy"},
        "basedOn": {"ServiceRequest"},
        "performer": {"Practitioner"},
        "device": {"Device"},
    }
    for name, types in named.items():
        stated = [each[name] for each in observations if name in each]
        each_alone = [one for each in stated for one in (each if isinstance(each, list) else [each])]
        assert {one["reference"].partition("/")[0] for one in each_alone} == types
        assert {one["type"] for one in each_alone} == types


def test_what_only_observations_refer_to_is_written(tmp_path: Path) -> None:
    # The report is of another study than its image; who selected is a person, what measured an algorithm's device.
    unit, number = code("mm", "UCUM", "millimeter"), dataset(NumericValue="4")
    number.MeasurementUnitsCodeSequence = [unit]
    region = scoord("POINT", [10, 20], image(IMAGE_1), concept=IMAGE_REGION)
    measured = item("NUM", code("410668003", "SCT", "Length"), [region], MeasuredValueSequence=[number])
    observer = dataset(
        VerifyingObserverName="Roe^Richard",
        VerifyingObserverIdentificationCodeSequence=[code("77", "99HOSP", "Roe")],
    )
    stated = report(
        container(code("125007", "DCM", "Measurement Group"), measured, template="1411"),
        **patient(), StudyInstanceUID=OTHER_STUDY, AccessionNumber="A1", VerifyingObserverSequence=[observer],
        Manufacturer="Maker", ManufacturerModelName="M1", DeviceUID="1.2.3.77",
    )  # fmt: skip
    found = resources([ct(**patient()), stated], observations=True)
    (length,) = [each for each in found["Observation"] if "valueQuantity" in each]
    owner = own_id("Patient;;P1")
    assert length["subject"]["reference"] == f"Patient/{owner}"
    assert length["partOf"][0]["reference"] == f"ImagingStudy/{own_id(f'ImagingStudy;{OTHER_STUDY}')}"
    assert length["basedOn"][0]["reference"] == f"ServiceRequest/{own_id(f'ServiceRequest;{owner};ACSN;;A1')}"
    assert length["performer"][0]["reference"] == f"Practitioner/{own_id('Practitioner;99HOSP;77')}"
    assert length["device"]["reference"] == f"Device/{own_id('Device;urn:ietf:rfc:3986;urn:oid:1.2.3.77')}"
    assert {each["id"] for each in found["ImagingStudy"]} == {
        own_id(f"ImagingStudy;{study}") for study in (STUDY, OTHER_STUDY)
    }
    ids = {f"{kind}/{each['id']}" for kind, stated in found.items() for each in stated}
    assert literal(found) <= ids


def test_the_bundle_of_the_largest_study_is_one_of_r5_and_stands_alone(corpus: Path, tmp_path: Path) -> None:
    done = imgsel("convert", corpus, "-o", tmp_path, "--fhir", "5.0.0", "--with", "context", "--format", "bundle", "-q")
    assert done.stderr == b""
    largest = max(tmp_path.glob("Bundle-*.json"), key=lambda path: path.stat().st_size)
    plain = json.loads(largest.read_bytes())
    bundle = Bundle.model_validate(plain)
    urls = {entry.fullUrl for entry in bundle.entry or ()}
    assert len(urls) == len(plain["entry"]) > 20
    assert literal(plain)
    assert literal(plain) <= urls
    kinds = Counter(entry["resource"]["resourceType"] for entry in plain["entry"])
    assert kinds["ImagingStudy"] == kinds["Patient"] == 1


def test_the_command_writes_a_file_for_each_type(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "a").write_bytes(written(ct(**patient())))
    (tmp_path / "study" / "b").write_bytes(written(good_report(**patient())))
    done = imgsel("convert", tmp_path / "study", "-o", tmp_path / "out", "--with", "context")
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        ".imgsel",
        "ImagingSelection.ndjson",
        "ImagingStudy.ndjson",
        "Patient.ndjson",
        "report.ndjson",
        "summary.json",
    ]
    streamed = imgsel("convert", tmp_path / "study", "-o", "-", "--with", "context", "-q")
    kinds = [json.loads(line)["resourceType"] for line in streamed.stdout.splitlines()]
    assert kinds == ["Patient", "ImagingStudy", "ImagingSelection"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--format", "bundle"], b"needs a folder"),
        (["--conditional"], b"transaction"),
        (["--format", "xml"], b"xml"),
        (["--with", "everything"], b"everything"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(arguments: list[str], says: bytes, tmp_path: Path) -> None:
    done = imgsel("convert", tmp_path, "-o", "-", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
