"""What reports state of what they select, read off PS3.16 TID 300, 1410, 1419, 1420, 1501, 4006 and PS3.3 C.18.1."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from io import BytesIO
from typing import Any, TypeVar
from uuid import UUID, uuid5

import pytest
from pydicom import Dataset, dcmread

from converter.mapper import Mapped
from converter.measurement import (
    Absence,
    AbsenceReason,
    Evaluation,
    Finding,
    Measurement,
    MeasurementGroup,
    Property,
    Quantity,
    ReferenceRange,
    Statement,
)
from converter.selection import Code, Concept, Identifier, LogicalReference
from tests.builders import (
    IMAGE_1,
    IMAGE_3,
    REPORT,
    SEGMENTATION,
    STUDY,
    by_reference,
    by_role,
    code,
    codes_of,
    container,
    dataset,
    image,
    item,
    mapped,
    report,
    scoord,
    written,
)
from tests.mapper.objects import problems, reread

DCM, SCT = "http://dicom.nema.org/resources/ontology/DCM", "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
GROUP = code("125007", "DCM", "Measurement Group")
IMAGE_REGION = code("111030", "DCM", "Image Region")
LENGTH = code("410668003", "SCT", "Length")
AREA = code("42798000", "SCT", "Area")
MM = code("mm", "UCUM", "millimeter")
MILLIMETER = Concept((Code(UCUM, "mm", "millimeter"),), "millimeter")
PLUS_2 = timezone(timedelta(hours=2))
Kind = TypeVar("Kind", bound=Statement)


def measured_value(value: str | None, unit: Dataset | None = MM, **more: Any) -> Dataset:
    built = dataset(**more)
    if value is not None:
        built.NumericValue = value
    if unit is not None:
        built.MeasurementUnitsCodeSequence = [unit]
    return built


def number(
    value: str | None = "3.10",
    *children: Dataset,
    concept: Dataset | None = LENGTH,
    relationship: str = "CONTAINS",
    **more: Any,
) -> Dataset:
    stated = {"MeasuredValueSequence": [measured_value(value)] if value is not None else [], **more}
    built = item("NUM", concept, children, **stated)
    built.RelationshipType = relationship
    return built


def coded(
    concept: Dataset, value: Dataset | None, *children: Dataset, relationship: str = "CONTAINS", **more: Any
) -> Dataset:
    stated = {"ConceptCodeSequence": [value]} if value is not None else {}
    built = item("CODE", concept, children, **stated, **more)
    built.RelationshipType = relationship
    return built


def text(concept: Dataset, value: str, relationship: str = "CONTAINS") -> Dataset:
    built = item("TEXT", concept, TextValue=value)
    built.RelationshipType = relationship
    return built


def group(*children: Dataset, **more: Any) -> Dataset:
    return container(GROUP, *children, **more)


def region(uid: str = IMAGE_1) -> Dataset:
    return scoord("CIRCLE", [10, 20, 15, 20], image(uid), concept=IMAGE_REGION)


def inferred(child: Dataset) -> Dataset:
    child.RelationshipType = "INFERRED FROM"
    return child


def stated(*children: Dataset, **elements: Any) -> Mapped:
    return mapped(report(*children, **elements), observations=True)


def only(found: Mapped | Sequence[Statement], kind: type[Kind]) -> Kind:
    statements = found.measurements if isinstance(found, Mapped) else found
    (statement,) = (each for each in statements if isinstance(each, kind))
    return statement


def measurement(*arguments: Any, **more: Any) -> Measurement:
    """The only number of a report with nothing else."""
    return only(stated(number(*arguments, **more)), Measurement)


class TestGroups:
    def test_a_group_holds_its_numbers_and_evaluations_together(self) -> None:
        shape = code("107644003", "SCT", "Shape")
        result = stated(
            group(region(), number(), coded(shape, code("42700002", "SCT", "Round")), text(shape, "like a bean"))
        )
        held = only(result, MeasurementGroup)
        length = only(result, Measurement)
        round_, bean = [each for each in result.measurements if isinstance(each, Evaluation)]
        assert held.members == (length.key, round_.key, bean.key)
        assert result.measurements[0] is held
        assert round_.value == Concept((Code(SCT, "42700002", "Round"),), "Round")
        assert bean.value == "like a bean"
        assert result.problems == ()

    def test_its_code_is_the_finding_category_and_its_value_the_finding(self) -> None:
        # HL7 guide: ImagingMeasurementGroup.code and .valueCodeableConcept.
        category = coded(code("276214006", "SCT", "Finding category"), code("49755003", "SCT", "Abnormal structure"))
        nodule = coded(code("121071", "DCM", "Finding"), code("27925004", "SCT", "Nodule"))
        held = only(stated(group(category, nodule)), MeasurementGroup)
        assert held.code == Concept((Code(SCT, "49755003", "Abnormal structure"),), "Abnormal structure")
        assert held.finding == Concept((Code(SCT, "27925004", "Nodule"),), "Nodule")
        assert (held.members, held.properties) == ((), ())

    def test_without_a_finding_category_its_code_is_measurement_group(self) -> None:
        for built in (group(), container(None, template="1410")):
            held = only(stated(built), MeasurementGroup)
            assert held.code == Concept((Code(DCM, "125007", "Measurement Group"),), "Measurement Group")

    def test_it_is_derived_from_its_own_content_item_and_its_regions(self) -> None:
        result = stated(group(region(), region(IMAGE_3)))
        (own,) = by_role(result, "group")
        regions = by_role(result, "regions2d")
        assert len(regions) == 2
        assert only(result, MeasurementGroup).selections == (own.key, *(each.key for each in regions))

    def test_its_numbers_are_derived_from_its_regions(self) -> None:
        result = stated(group(region(), region(IMAGE_3), number()))
        assert only(result, Measurement).selections == tuple(each.key for each in by_role(result, "regions2d"))

    def test_a_segment_and_its_source_series_count_as_its_regions(self) -> None:
        segment = image("1.2.3.5", code("121191", "DCM", "Referenced Segment"), sop_class=SEGMENTATION)
        segment.ReferencedSOPSequence[0].ReferencedSegmentNumber = 1
        source = item("UIDREF", code("121232", "DCM", "Source series for segmentation"), UID="1.2.3.1.1")
        result = stated(group(segment, source, number()))
        keys = [each.key for role in ("segment", "series") for each in by_role(result, role)]
        assert len(keys) == 2
        assert list(only(result, Measurement).selections) == keys

    def test_context_becomes_properties_tracking_does_not(self) -> None:
        session = text(code("C67447", "NCIt", "Activity Session"), "2", "HAS OBS CONTEXT")
        tracking = item("UIDREF", code("112040", "DCM", "Tracking Unique Identifier"), UID="1.2.3.4")
        label = text(code("112039", "DCM", "Tracking Identifier"), "Nodule 1", "HAS OBS CONTEXT")
        result = stated(group(session, tracking, label, number()))
        held = only(result, MeasurementGroup)
        assert [(each.code and each.code.text, each.value) for each in held.properties] == [("Activity Session", "2")]
        kind = Code(DCM, "112040", "Tracking Unique Identifier")
        followed = LogicalReference("BodyStructure", Identifier("urn:oid:1.2.3.4", "urn:dicom:uid", kind), "Nodule 1")
        assert held.tracked == only(result, Measurement).tracked == followed

    def test_a_tracking_identifier_alone_is_what_is_followed(self) -> None:
        held = only(stated(group(text(code("112039", "DCM", "Tracking Identifier"), "Nodule 1"))), MeasurementGroup)
        kind = Code(DCM, "112039", "Tracking Identifier")
        assert held.tracked == LogicalReference("BodyStructure", Identifier("Nodule 1", type=kind))

    def test_its_method_holds_for_its_numbers_unless_they_have_one(self) -> None:
        def method(value: str) -> Dataset:
            name = code("370129005", "SCT", "Measurement Method")
            return coded(name, code(value, "DCM", value), relationship="HAS CONCEPT MOD")

        result = stated(group(method("122473"), number(), number("1", method("112020"), concept=AREA)))
        first, second = [each for each in result.measurements if isinstance(each, Measurement)]
        assert [each.method and each.method.codings[0].code for each in (first, second)] == ["122473", "112020"]
        assert only(result, MeasurementGroup).properties == second.properties == ()

    def test_a_property_with_a_region_of_its_own_is_a_member(self) -> None:
        # As dwv writes where it puts a label.
        label = text(code("125309", "DCM", "Short label"), "A", "HAS CONCEPT MOD")
        label.ContentSequence = [scoord("POINT", [1, 2], image(IMAGE_1))]
        result = stated(group(region(), label))
        held, stated_label = only(result, MeasurementGroup), only(result, Evaluation)
        assert held.members == (stated_label.key,)
        assert held.properties == ()
        assert [key.path for key in stated_label.selections] == ["1.1.2.1"]
        assert [key.path for key in held.selections] == ["1.1", "1.1.1"]


class TestNumbers:
    @pytest.mark.parametrize("stated_text", ["3.10", "0.00", "-17", "1.500E+02", "4.025316455696203", "0.0000001"])
    def test_the_digits_stay(self, stated_text: str) -> None:
        (quantity,) = measurement(stated_text).quantities
        assert quantity == Quantity(Decimal(stated_text), MILLIMETER)
        assert quantity.value.as_tuple() == Decimal(stated_text).as_tuple()

    @pytest.mark.parametrize("transfer_syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"])
    def test_they_stay_out_of_a_file_too(self, transfer_syntax: str) -> None:
        built = reread(report(number("3.10")), transfer_syntax)
        (quantity,) = only(mapped(built, observations=True), Measurement).quantities
        assert str(quantity.value) == "3.10"

    def test_a_derivation_is_a_property_and_in_the_text(self) -> None:
        mean = coded(
            code("121401", "DCM", "Derivation"), code("R-00317", "SRT", "Mean"), relationship="HAS CONCEPT MOD"
        )
        found = measurement("3.10", mean)
        assert found.code == Concept((Code(SCT, "410668003", "Length"),), "Length, Mean")
        # PS3.16 Annex O: R-00317 is 373098007.
        expected = Concept((Code(SCT, "373098007", "Mean"),), "Mean")
        name = Concept((Code(DCM, "121401", "Derivation"),), "Derivation")
        assert found.properties == (Property(name, expected),)

    def test_regions_of_its_own_win_over_those_of_the_group(self) -> None:
        result = stated(group(region(), number("1", inferred(scoord("POLYLINE", [1, 2, 3, 4], image(IMAGE_1))))))
        assert [key.path for key in only(result, Measurement).selections] == ["1.1.2.1"]

    def test_a_number_outside_of_a_group_is_derived_from_its_region(self) -> None:
        result = stated(container(code("121070", "DCM", "Findings"), number("1", inferred(region()))))
        found = only(result, Measurement)
        assert [key.path for key in found.selections] == ["1.1.1.1"]
        assert found.key.role == "observation"

    def test_a_region_by_reference_is_one_selection_for_each_number(self) -> None:
        result = stated(region(), number("1", by_reference(1, 1, relationship="INFERRED FROM")))
        (key,) = only(result, Measurement).selections
        assert key.path == "1.2.1"
        assert key in {each.key for each in result.selections}

    def test_numbers_that_it_is_inferred_from_are_its_sources(self) -> None:
        # Row 2 by reference, row 3 by value: an item of its own as well.
        ratio = number("2", by_reference(1, 1, 1, relationship="INFERRED FROM"), inferred(number("5", concept=AREA)))
        result = stated(group(number("10"), ratio))
        first, second, inner = [each for each in result.measurements if isinstance(each, Measurement)]
        assert second.sources == (first.key, inner.key)
        assert second.members == ()
        assert only(result, MeasurementGroup).members == (first.key, second.key)

    def test_one_derived_from_several_groups_says_so(self) -> None:
        result = stated(
            container(
                code("126011", "DCM", "Derived Imaging Measurements"),
                number("7", inferred(group(number("3"))), inferred(group(number("4")))),
            )
        )
        derived = result.measurements[0]
        assert isinstance(derived, Measurement)
        groups = [each.key for each in result.measurements if isinstance(each, MeasurementGroup)]
        assert derived.is_derived
        assert list(derived.sources) == groups
        assert [each.is_derived for each in result.measurements[1:] if isinstance(each, Measurement)] == [False, False]

    def test_normality_range_and_significance(self) -> None:
        normal = coded(
            code("121402", "DCM", "Normality"), code("17621005", "SCT", "Normal"), relationship="HAS PROPERTIES"
        )
        low = number("2", concept=code("385524004", "SCT", "Normal Range Lower Limit"), relationship="HAS PROPERTIES")
        high = number("4", concept=code("371933006", "SCT", "Normal Range Upper Limit"), relationship="HAS PROPERTIES")
        words = text(code("121407", "DCM", "Normal Range description"), "adults", "HAS PROPERTIES")
        significant = coded(
            code("121403", "DCM", "Level of Significance"),
            code("371928007", "SCT", "Not significant"),
            relationship="HAS PROPERTIES",
        )
        found = measurement("3", normal, low, high, words, significant)
        assert found.interpretations == (Concept((Code(SCT, "17621005", "Normal"),), "Normal"),)
        two, four = Quantity(Decimal(2), MILLIMETER), Quantity(Decimal(4), MILLIMETER)
        assert found.reference_ranges == (ReferenceRange(two, four, "adults"),)
        assert [each.code and each.code.text for each in found.properties] == ["Level of Significance"]

    @pytest.mark.parametrize(
        ("qualifier", "reason"),
        [
            ("114000", "not-a-number"),
            ("114001", "negative-infinity"),
            ("114002", "positive-infinity"),
            ("114003", "error"),
            ("114006", "error"),
            ("114007", "not-performed"),
            ("114009", "error"),
            ("114010", "unknown"),
            ("114011", "unknown"),
        ],
    )
    def test_a_qualifier_says_why_there_is_no_value(self, qualifier: str, reason: AbsenceReason) -> None:
        result = stated(number(None, NumericValueQualifierCodeSequence=[code(qualifier, "DCM", "As CID 42 has it")]))
        found = only(result, Measurement)
        assert found.quantities == ()
        assert found.absence == Absence(
            reason, Concept((Code(DCM, qualifier, "As CID 42 has it"),), "As CID 42 has it")
        )
        assert not [each for each in codes_of(result) if each.startswith(("value", "measured"))]

    def test_a_qualifier_beside_a_value_qualifies_it(self) -> None:
        found = measurement("1", NumericValueQualifierCodeSequence=[code("114009", "DCM", "Value out of range")])
        assert (len(found.quantities), found.absence) == (1, None)
        assert found.interpretations == (Concept((Code(DCM, "114009", "Value out of range"),), "Value out of range"),)

    def test_no_value_and_no_reason_is_unknown(self) -> None:
        result = stated(number(None))
        assert only(result, Measurement).absence == Absence("unknown")
        assert ("value-missing", "$.ContentSequence[0].MeasuredValueSequence") in problems(result)

    @pytest.mark.parametrize(
        ("value", "reason"),
        [("NaN", "not-a-number"), ("Inf", "positive-infinity"), ("-inf", "negative-infinity"), ("3,10", "error")],
    )
    def test_what_is_no_decimal_is_absent(self, value: str, reason: AbsenceReason) -> None:
        # In the file: pydicom refuses to set such a value.
        file = written(report(number("3.10"))).replace(b"3.10", value.ljust(4).encode())
        data = dcmread(BytesIO(file))
        result = mapped(data, observations=True)
        found = only(result, Measurement)
        assert (found.quantities, found.absence) == ((), Absence(reason))
        assert ("measured-value-invalid", "$.ContentSequence[0].MeasuredValueSequence[0].NumericValue") in problems(
            result
        )

    def test_several_values_are_kept(self) -> None:
        values = [measured_value("1"), measured_value("2.0", code("cm", "UCUM", "centimeter"))]
        result = stated(number(MeasuredValueSequence=values))
        centimeter = Concept((Code(UCUM, "cm", "centimeter"),), "centimeter")
        assert only(result, Measurement).quantities == (
            Quantity(Decimal(1), MILLIMETER),
            Quantity(Decimal("2.0"), centimeter),
        )
        assert ("measured-values", "$.ContentSequence[0].MeasuredValueSequence") in problems(result)

    def test_a_value_without_a_unit_is_a_number(self) -> None:
        result = stated(number(MeasuredValueSequence=[measured_value("5", None)]))
        assert only(result, Measurement).quantities == (Quantity(Decimal(5)),)
        path = "$.ContentSequence[0].MeasuredValueSequence[0].MeasurementUnitsCodeSequence"
        assert ("measured-value-unit", path) in problems(result)

    @pytest.mark.parametrize(
        ("decimal", "double", "expected", "problem"),
        [
            ("0.333333333", 1 / 3, "0.3333333333333333", None),
            ("3.10", 3.1, "3.10", None),
            ("3.10", 4.0, "3.10", "measured-value-conflict"),
            (None, 0.1, "0.1", None),
        ],
    )
    def test_a_double_counts_where_it_says_more(
        self, decimal: str | None, double: float, expected: str, problem: str | None
    ) -> None:
        result = stated(number(MeasuredValueSequence=[measured_value(decimal, FloatingPointValue=double)]))
        assert [str(each.value) for each in only(result, Measurement).quantities] == [expected]
        assert [each for each in codes_of(result) if each.startswith("measured")] == ([problem] if problem else [])


class TestShared:
    def test_what_every_statement_has_of_its_report(self) -> None:
        result = stated(number(ObservationUID="1.2.3.77"), AccessionNumber="A1", PreliminaryFlag="FINAL")
        found = only(result, Measurement)
        kind = Code(
            "http://hl7.org/fhir/uv/dicom-sr/CodeSystem/dicom-identifier-type", "observation-uid", "Observation UID"
        )
        assert found.identifiers == (Identifier("urn:oid:1.2.3.77", "urn:dicom:uid", kind),)
        assert found.subject == LogicalReference("Patient", Identifier("P1"))
        assert [each.identifier and each.identifier.value for each in found.based_on] == ["A1"]
        assert (found.study_instance_uid, found.status, found.place) == (STUDY, "final", "$.ContentSequence[0]")
        assert found.issued == found.effective == datetime(2020, 1, 2, 10, 11, 12, tzinfo=PLUS_2)

    def test_ids_are_those_of_the_documented_recipe(self) -> None:
        # RFC 9562, 5.5: SHA-1 over the namespace and "source;role;path;series;frameOfReference;part".
        result = stated(group(number()))
        namespace = UUID("6f0a2d1e-9b7c-4c57-8f3e-2a5d1c9b7e40")
        assert [each.id for each in result.measurements] == [
            str(uuid5(namespace, f"{REPORT};observation-group;1.1;;;")),
            str(uuid5(namespace, f"{REPORT};observation;1.1.1;;;")),
        ]

    @pytest.mark.parametrize(
        ("flags", "status"),
        [
            ({"PreliminaryFlag": "PRELIMINARY", "CompletionFlag": "COMPLETE"}, "preliminary"),
            ({"PreliminaryFlag": "FINAL", "CompletionFlag": "PARTIAL"}, "final"),
            ({"CompletionFlag": "PARTIAL"}, "preliminary"),
            ({"CompletionFlag": "COMPLETE"}, "final"),
            ({}, "unknown"),
        ],
    )
    def test_status_by_the_flags(self, flags: dict[str, str], status: str) -> None:
        assert only(stated(number(), **flags), Measurement).status == status

    def test_without_a_zone_the_day_is_still_known(self) -> None:
        found = only(stated(number(), TimezoneOffsetFromUTC=None), Measurement)
        assert (found.issued, found.effective) == (None, date(2020, 1, 2))

    def test_the_nearest_date_wins(self) -> None:
        inner = number(ObservationDateTime="20210304050607.5+0100")
        result = stated(group(inner, number(concept=AREA), ObservationDateTime="20200506"))
        first, second = [each for each in result.measurements if isinstance(each, Measurement)]
        moment = datetime(2021, 3, 4, 5, 6, 7, 500000, tzinfo=timezone(timedelta(hours=1)))
        assert (first.issued, first.effective) == (moment, moment)
        assert second.effective == date(2020, 5, 6)

    def test_people_perform_and_the_nearest_device_measures(self) -> None:
        person = item("PNAME", code("121008", "DCM", "Person Observer Name"), PersonName="Roe^Jane")
        person.RelationshipType = "HAS OBS CONTEXT"
        algorithm = text(code("111001", "DCM", "Algorithm Name"), "Measurer", "HAS CONCEPT MOD")
        version = text(code("111003", "DCM", "Algorithm Version"), "2", "HAS CONCEPT MOD")
        result = stated(person, number("1", algorithm, version), number("2", concept=AREA), Manufacturer="Maker")
        by_algorithm, by_equipment = [each for each in result.measurements if isinstance(each, Measurement)]
        assert by_algorithm.performers == (LogicalReference("Practitioner", None, "Jane Roe"),)
        assert by_algorithm.device == LogicalReference("Device", None, "Measurer 2")
        assert by_equipment.device == LogicalReference("Device", None, "Maker")
        assert by_algorithm.properties == ()

    def test_a_site_with_its_side_holds_for_all_within(self) -> None:
        side = coded(code("272741003", "SCT", "Laterality"), code("24028007", "SCT", "Right"))
        modifier = coded(
            code("106233006", "SCT", "Topographical modifier"),
            code("261183002", "SCT", "Upper"),
            relationship="HAS CONCEPT MOD",
        )
        site = coded(
            code("363698007", "SCT", "Finding Site"),
            code("39607008", "SCT", "Lung"),
            side,
            modifier,
            relationship="HAS CONCEPT MOD",
        )
        result = stated(group(site, number()))
        held = only(result, MeasurementGroup)
        expression = Code(SCT, "39607008:272741003=24028007")
        expected = Concept((Code(SCT, "39607008", "Lung"), expression), "Lung, right")
        assert [each.body_site for each in result.measurements] == [expected, expected]
        assert [each.code and each.code.text for each in held.properties] == ["Topographical modifier"]


class TestOthers:
    def test_nothing_is_made_unless_it_is_asked_for(self) -> None:
        assert mapped(report(group(number()))).measurements == ()

    def test_the_selections_are_the_same_either_way(self) -> None:
        built = report(group(region(), region(IMAGE_3), number("1", inferred(region()))))
        plain, measuring = mapped(built), mapped(built, observations=True)
        assert [each.key for each in plain.selections] == [each.key for each in measuring.selections]
        assert [each.focus for each in plain.selections] == [each.focus for each in measuring.selections]

    def test_the_image_library_measures_nothing(self) -> None:
        library = container(
            code("111028", "DCM", "Image Library"), number(relationship="HAS ACQ CONTEXT"), image(IMAGE_1)
        )
        assert stated(library, number(relationship="HAS ACQ CONTEXT")).measurements == ()

    @pytest.mark.parametrize(
        "elements",
        [
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.67"},
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.88.40"},
            {"title": code("113701", "DCM", "X-Ray Radiation Dose Report")},
        ],
    )
    def test_doses_and_logs_measure_nothing_that_is_selected(self, elements: dict[str, Any]) -> None:
        assert stated(container(code("113819", "DCM", "CT Acquisition"), number()), **elements).measurements == ()

    def test_evaluations_of_a_whole_report(self) -> None:
        container_of = container(
            code("C0034375", "UMLS", "Qualitative Evaluations"),
            coded(code("111037", "DCM", "Margins"), code("112136", "DCM", "Circumscribed")),
        )
        found = only(stated(container_of), Evaluation)
        assert found.code == Concept((Code(DCM, "111037", "Margins"),), "Margins")
        assert found.selections == ()

    def test_a_code_inferred_from_an_image_is_an_evaluation_other_codes_are_not(self) -> None:
        finding = code("121071", "DCM", "Finding")
        nodule = code("27925004", "SCT", "Nodule")
        result = stated(coded(finding, nodule, inferred(image(IMAGE_1))), coded(finding, nodule))
        assert only(result, Evaluation).place == "$.ContentSequence[0]"

    def test_dates_and_times_are_values(self) -> None:
        name = code("111060", "DCM", "Study Date")
        children = [
            item("DATE", name, Date="20200203"),
            item("TIME", name, Time="101112.5"),
            item("DATETIME", name, DateTime="20200203040506"),
            item("DATETIME", name, DateTime="20200203"),
            item("TIME", name, Time="10"),
        ]
        result = stated(group(*children))
        assert [each.value for each in result.measurements if isinstance(each, Evaluation)] == [
            date(2020, 2, 3),
            time(10, 11, 12, 500000),
            datetime(2020, 2, 3, 4, 5, 6, tzinfo=PLUS_2),
            date(2020, 2, 3),
            None,
        ]
        assert ("value-missing", "$.ContentSequence[0].ContentSequence[4]") in problems(result)

    def test_an_item_without_a_name_is_kept_and_reported(self) -> None:
        result = stated(number(concept=None))
        assert only(result, Measurement).code is None
        assert ("code-incomplete", "$.ContentSequence[0].ConceptNameCodeSequence") in problems(result)

    def test_a_property_of_its_parents_own_name_is_no_component_of_it(self) -> None:
        # obs-7 of FHIR: a component has another code than the Observation that has a value.
        inner = number("2", relationship="HAS PROPERTIES")
        outer, within = stated(number("1", inner)).measurements
        assert (outer.properties, outer.members) == ((), (within.key,))

    def test_a_reference_to_a_property_makes_it_a_statement(self) -> None:
        shape = coded(
            code("107644003", "SCT", "Shape"), code("42700002", "SCT", "Round"), relationship="HAS PROPERTIES"
        )
        other = number("2", by_reference(1, 1, 1, relationship="INFERRED FROM"), concept=AREA)
        first, evaluation, second = stated(number("1", shape), other).measurements
        assert isinstance(evaluation, Evaluation)
        assert first.members == second.sources == (evaluation.key,)

    def test_a_tree_thousands_of_levels_deep_is_walked(self) -> None:
        built = number("1")
        for _ in range(1500):
            built = container(None, built)
        assert len(stated(built).measurements) == 1


SINGLE_IMAGE_FINDING = code("111059", "DCM", "Single Image Finding")
MASS = code("4147007", "SCT", "Mass")


class TestComputerAidedDetection:
    """Mammography CAD: TID 4000 to 4006."""

    def finding(self, uid: str = IMAGE_1) -> Dataset:
        percent = code("%", "UCUM", "percent")
        certainty = number(
            MeasuredValueSequence=[measured_value("85", percent)],
            concept=code("111012", "DCM", "Certainty of Finding"),
            relationship="HAS PROPERTIES",
        )
        intent = coded(
            code("111056", "DCM", "Rendering Intent"),
            code("111150", "DCM", "Presentation Required"),
            relationship="HAS CONCEPT MOD",
        )
        center = scoord("POINT", [10, 20], image(uid), concept=code("111010", "DCM", "Center"))
        outline = scoord("POLYLINE", [1, 2, 3, 4, 1, 2], image(uid), concept=code("111041", "DCM", "Outline"))
        for place in (center, outline):
            place.RelationshipType = "HAS PROPERTIES"
        return coded(SINGLE_IMAGE_FINDING, MASS, certainty, intent, center, outline)

    def test_a_single_image_finding_with_its_properties_and_places(self) -> None:
        found = only(stated(self.finding()), Finding)
        assert found.code == Concept((Code(DCM, "111059", "Single Image Finding"),), "Single Image Finding")
        assert found.value == Concept((Code(SCT, "4147007", "Mass"),), "Mass")
        percent = Concept((Code(UCUM, "%", "percent"),), "percent")
        assert [each.value for each in found.properties] == [
            Quantity(Decimal(85), percent),
            Concept((Code(DCM, "111150", "Presentation Required"),), "Presentation Required"),
        ]
        assert [key.path for key in found.selections] == ["1.1.3", "1.1.4"]

    def test_a_measured_property_with_a_place_is_a_member(self) -> None:
        built = self.finding()
        diameter = number(
            "4", inferred(scoord("POLYLINE", [5, 6, 7, 8], image(IMAGE_1))), relationship="HAS PROPERTIES"
        )
        built.ContentSequence.append(diameter)
        result = stated(built)
        found, width = only(result, Finding), only(result, Measurement)
        assert found.members == (width.key,)
        assert [key.path for key in width.selections] == ["1.1.5.1"]
        assert len(found.properties) == 2

    def test_an_impression_holds_features_inferred_from_findings(self) -> None:
        feature = coded(code("111015", "DCM", "Composite Feature"), MASS, inferred(self.finding(IMAGE_3)))
        feature.ContentSequence.append(by_reference(1, 1, relationship="INFERRED FROM"))
        impression = container(code("111034", "DCM", "Individual Impression/Recommendation"), feature)
        result = stated(self.finding(), impression)
        other, composite, inner = [each for each in result.measurements if isinstance(each, Finding)]
        assert only(result, MeasurementGroup).members == (composite.key,)
        assert composite.sources == (inner.key, other.key)
        assert only(result, MeasurementGroup).code == Concept(
            (Code(DCM, "111034", "Individual Impression/Recommendation"),), "Individual Impression/Recommendation"
        )
