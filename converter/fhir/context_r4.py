"""What selections refer to, in FHIR 4.0.1: codes where 5.0.0 has concepts, and other names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.context import BodyStructure, Context, Endpoint, StudySeries
from converter.fhir import datatypes
from converter.fhir.context_r5 import ContextEncoder, identified, identifiers
from converter.fhir.datatypes import Element, present
from converter.fhir.encoded import Encoded
from converter.selection import Code, Concept

if TYPE_CHECKING:
    from pydantic import BaseModel


class _Encoder(ContextEncoder):
    def modality(self, modality: Code) -> Any:
        return datatypes.coding(modality)

    def series(self, series: StudySeries) -> Element:
        side = datatypes.coding(series.laterality) if series.laterality else None
        found = super().series(series)
        instances = found.pop("instance", None)
        return found | present(laterality=side, instance=instances)

    def body_site(self, site: Concept) -> Any:
        # The first code is the site, and laterality the side: the expression of both has no place.
        return datatypes.coding(site.codings[0])

    def device_name(self, name: str | None) -> Element:
        text = datatypes.string(name)
        return {"deviceName": [{"name": text, "type": "user-friendly-name"}]} if text else {}

    def endpoint(self, endpoint: Endpoint) -> Element:
        return identified(endpoint.id, datatypes.dicom_web_endpoint_r4(endpoint.id, endpoint.address))

    def body_structure(self, structure: BodyStructure) -> Element:
        return present(
            identifier=identifiers(structure.id),
            location=datatypes.codeable_concept(structure.structure),
            patient=datatypes.logical_reference(structure.patient),
        )


def model_of(resource_type: str) -> type[BaseModel] | None:
    """Return the model of fhir.resources (R4B's, which is R4's for all that is written), None for an unknown type."""
    from fhir.resources.R4B import get_fhir_model_class
    from fhir.resources.R4B.resource import Resource

    try:
        found: type[BaseModel] = get_fhir_model_class(resource_type)
    except (ValueError, KeyError):
        return None
    return found if issubclass(found, Resource) else None


def encode(context: Context) -> Encoded:
    """Return what selections refer to as a resource."""
    return _Encoder().encoded(context, model_of)
