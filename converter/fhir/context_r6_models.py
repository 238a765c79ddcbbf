"""Pydantic models of Device and ImagingStudy of the ballots of FHIR 6.0.0, on those of R5.

A device's name has a CodeableConcept as its type, and an instance's SOP class is an oid; elements that the ballots
added are not there. To a type checker none of this is a subtype of R5's.
"""
# Fields are named as the elements of FHIR are.
# ruff: noqa: N815

from __future__ import annotations

from fhir.resources import device, fhirtypes, imagingstudy
from pydantic import Field

from converter.fhir.elements import EnforcedElement, element, extension_of


class DeviceName(device.DeviceName):
    """A name of a device."""

    __resource_type__ = "DeviceName"

    type: fhirtypes.CodeableConceptType = Field(title="What kind of name it is")  # type: ignore[assignment]


class Device(device.Device):
    """Equipment or an algorithm."""

    name: list[DeviceName] | None = Field(default=None, title="The names of the device")  # type: ignore[assignment]


class ImagingStudySeriesInstance(EnforcedElement, imagingstudy.ImagingStudySeriesInstance):
    """An instance of a series."""

    sopClass: fhirtypes.OidType | None = element("DICOM SOP Class UID", required=True)  # type: ignore[assignment]
    sopClass__ext: fhirtypes.FHIRPrimitiveExtensionType | None = extension_of("sopClass")


class ImagingStudySeries(imagingstudy.ImagingStudySeries):
    """A series of a study."""

    instance: list[ImagingStudySeriesInstance] | None = Field(default=None, title="The instances of the series")  # type: ignore[assignment]


class ImagingStudy(imagingstudy.ImagingStudy):
    """A study."""

    series: list[ImagingStudySeries] | None = Field(default=None, title="The series of the study")  # type: ignore[assignment]
