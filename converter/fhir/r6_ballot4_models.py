"""Pydantic models of ImagingSelection 6.0.0-ballot4."""

from __future__ import annotations

from converter.fhir import r6_ballot4
from converter.fhir.models import resource_models

_MODELS = resource_models("6.0.0-ballot4", r6_ballot4.check, __name__)

# Each by its own name, so that a resource can be pickled.
ImagingSelection = _MODELS["ImagingSelection"]
ImagingSelectionPerformer = _MODELS["ImagingSelectionPerformer"]
ImagingSelectionInstance = _MODELS["ImagingSelectionInstance"]
ImagingSelectionInstanceImageRegion2D = _MODELS["ImagingSelectionInstanceImageRegion2D"]
ImagingSelectionImageRegion3D = _MODELS["ImagingSelectionImageRegion3D"]
