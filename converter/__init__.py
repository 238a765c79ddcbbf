"""Turns DICOM annotation objects into FHIR ImagingSelection."""
