"""Pydantic models of ImagingSelection 6.0.0-ballot2, on the base classes of fhir.resources, which has no R6.

Data types and contained resources are those of R5; for what ImagingSelection uses of them nothing changed. The
classes are not entered in fhir.resources' table of types, so its own ImagingSelection (R5) works beside them.
"""
# Fields are named as the elements of FHIR are.
# ruff: noqa: N815

from __future__ import annotations

from typing import Self

from fhir.resources import fhirtypes
from fhir.resources.backboneelement import BackboneElement
from fhir.resources.domainresource import DomainResource
from pydantic import Field, model_validator

from converter.fhir import r6_ballot2
from converter.fhir.elements import (
    DecimalNumber,
    EnforcedElement,
    Id,
    Instant,
    String,
    UnsignedInt,
    element,
    extension_of,
)

STATUS = ("available", "entered-in-error", "inactive", "unknown")
GRAPHIC_TYPE_2D = ("point", "polyline", "multipoint", "circle", "ellipse")
GRAPHIC_TYPE_3D = ("point", "multipoint", "polyline", "polygon", "ellipse", "ellipsoid")


class ImagingSelectionPerformer(EnforcedElement, BackboneElement):
    """Who or what selected the instances."""

    __resource_type__ = "ImagingSelectionPerformer"

    function: fhirtypes.CodeableConceptType | None = element("Type of performer")
    actor: fhirtypes.ReferenceType | None = element(
        "Author (human or machine)",
        targets=(
            "CareTeam",
            "Device",
            "HealthcareService",
            "Organization",
            "Patient",
            "Practitioner",
            "PractitionerRole",
            "RelatedPerson",
        ),
    )


class ImagingSelectionInstanceImageRegion2D(EnforcedElement, BackboneElement):
    """A region in an image or frame."""

    __resource_type__ = "ImagingSelectionInstanceImageRegion2D"

    regionType: fhirtypes.CodeType | None = element(
        "point | polyline | multipoint | circle | ellipse", required=True, summary=False, codes=GRAPHIC_TYPE_2D
    )
    regionType__ext: fhirtypes.FHIRPrimitiveExtensionType | None = extension_of("regionType")
    coordinate: list[DecimalNumber] | None = element(
        "The coordinates that define the region, (column, row) by (column, row)", required=True, summary=False
    )
    coordinate__ext: list[fhirtypes.FHIRPrimitiveExtensionType | None] | None = extension_of("coordinate")


class ImagingSelectionInstance(EnforcedElement, BackboneElement):
    """A selected instance."""

    __resource_type__ = "ImagingSelectionInstance"

    uid: Id | None = element("DICOM SOP Instance UID", required=True)
    uid__ext: fhirtypes.FHIRPrimitiveExtensionType | None = extension_of("uid")
    number: UnsignedInt | None = element("DICOM Instance Number")
    number__ext: fhirtypes.FHIRPrimitiveExtensionType | None = extension_of("number")
    sopClass: fhirtypes.OidType | None = element("DICOM SOP Class UID", summary=False)
    sopClass__ext: fhirtypes.FHIRPrimitiveExtensionType | None = extension_of("sopClass")
    subset: list[String | None] | None = element("The selected subset of the SOP Instance", summary=False)
    subset__ext: list[fhirtypes.FHIRPrimitiveExtensionType | None] | None = extension_of("subset")
    imageRegion2D: list[ImagingSelectionInstanceImageRegion2D] | None = element(
        "A specific 2D region in a DICOM image or frame", summary=False
    )


class ImagingSelectionImageRegion3D(EnforcedElement, BackboneElement):
    """A region in a frame of reference."""

    __resource_type__ = "ImagingSelectionImageRegion3D"

    regionType: fhirtypes.CodeType | None = element(
        "point | multipoint | polyline | polygon | ellipse | ellipsoid",
        required=True,
        summary=False,
        codes=GRAPHIC_TYPE_3D,
    )
    regionType__ext: fhirtypes.FHIRPrimitiveExtensionType | None = extension_of("regionType")
    coordinate: list[DecimalNumber] | None = element(
        "The coordinates that define the region, (x, y, z) by (x, y, z), in millimetres",
        required=True,
        summary=False,
    )
    coordinate__ext: list[fhirtypes.FHIRPrimitiveExtensionType | None] | None = extension_of("coordinate")


class ImagingSelection(EnforcedElement, DomainResource):
    """A selection of DICOM SOP instances, subsets of them and regions, within a study and series."""

    __resource_type__ = "ImagingSelection"

    id: Id | None = Field(
        default=None,
        alias="id",
        title="Logical id of this artifact",
        json_schema_extra={"element_property": True, "summary_element_property": True},
    )
    identifier: list[fhirtypes.IdentifierType] | None = element("Business Identifier for Imaging Selection")
    status: fhirtypes.CodeType | None = element(
        "available | entered-in-error | inactive | unknown", required=True, codes=STATUS
    )
    status__ext: fhirtypes.FHIRPrimitiveExtensionType | None = extension_of("status")
    category: list[fhirtypes.CodeableConceptType] | None = element("Classifies the imaging selection")
    code: fhirtypes.CodeableConceptType | None = element("Imaging Selection purpose text or code", required=True)
    subject: fhirtypes.ReferenceType | None = element(
        "Subject of the selected instances",
        targets=(
            "Device",
            "Group",
            "Medication",
            "Patient",
            "Practitioner",
            "Procedure",
            "Specimen",
            "Substance",
        ),
    )
    issued: Instant | None = element("Date / Time when this imaging selection was created")
    issued__ext: fhirtypes.FHIRPrimitiveExtensionType | None = extension_of("issued")
    performer: list[ImagingSelectionPerformer] | None = element("Selectors of the instances (human or machine)")
    basedOn: list[fhirtypes.ReferenceType] | None = element(
        "Associated requests",
        targets=("Appointment", "AppointmentResponse", "CarePlan", "ServiceRequest", "Task"),
    )
    derivedFrom: list[fhirtypes.ReferenceType] | None = element(
        "The imaging study from which the imaging selection is derived",
        targets=("DocumentReference", "ImagingStudy"),
    )
    studyUid: Id | None = element("DICOM Study Instance UID")
    studyUid__ext: fhirtypes.FHIRPrimitiveExtensionType | None = extension_of("studyUid")
    seriesUid: Id | None = element("DICOM Series Instance UID")
    seriesUid__ext: fhirtypes.FHIRPrimitiveExtensionType | None = extension_of("seriesUid")
    seriesNumber: UnsignedInt | None = element("DICOM Series Number")
    seriesNumber__ext: fhirtypes.FHIRPrimitiveExtensionType | None = extension_of("seriesNumber")
    frameOfReferenceUid: Id | None = element("The Frame of Reference UID for the selected images")
    frameOfReferenceUid__ext: fhirtypes.FHIRPrimitiveExtensionType | None = extension_of("frameOfReferenceUid")
    bodySite: list[fhirtypes.CodeableReferenceType] | None = element("Body part examined")
    focus: list[fhirtypes.ReferenceType] | None = element(
        "Related resources that are the focus for the imaging selection", targets=("ImagingSelection",)
    )
    endpoint: list[fhirtypes.ReferenceType] | None = element(
        "The network services providing retrieval for the images referenced", targets=("Endpoint",)
    )
    instance: list[ImagingSelectionInstance] | None = element("The selected instances")
    imageRegion3D: list[ImagingSelectionImageRegion3D] | None = element(
        "A specific 3D region in a DICOM frame of reference", summary=False
    )

    @model_validator(mode="after")
    def keep_rules(self) -> Self:
        """Raise ValueError naming the rules of the release that the resource breaks."""
        broken = r6_ballot2.check(self.model_dump())
        if broken:
            raise ValueError(f"breaks {', '.join(broken)}")
        return self
