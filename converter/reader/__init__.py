"""Reads DICOM: walks sources, catalogs headers, hands out annotation objects whole."""
