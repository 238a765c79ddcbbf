"""What selections refer to, in the ballots of FHIR 6.0.0: as in 5.0.0 but for two elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.context import Context
from converter.fhir import context_r5, datatypes
from converter.fhir.context_r5 import ContextEncoder
from converter.fhir.datatypes import Element
from converter.fhir.encoded import Encoded

if TYPE_CHECKING:
    from pydantic import BaseModel

_USER_FRIENDLY = {"coding": [{"system": "http://hl7.org/fhir/device-nametype", "code": "user-friendly-name"}]}


class _Encoder(ContextEncoder):
    def sop_class(self, oid: str | None, reason: Any) -> Element:
        return {"sopClass": oid} if oid else {"_sopClass": datatypes.absent(reason)}

    def device_name(self, name: str | None) -> Element:
        text = datatypes.string(name)
        return {"name": [{"value": text, "type": _USER_FRIENDLY}]} if text else {}


def model_of(resource_type: str) -> type[BaseModel] | None:
    """Return the model: ours of what the ballots define otherwise, else that of R5."""
    if resource_type in ("Device", "ImagingStudy"):
        from converter.fhir import context_r6_models

        return context_r6_models.Device if resource_type == "Device" else context_r6_models.ImagingStudy
    return context_r5.model_of(resource_type)


def encode(context: Context) -> Encoded:
    """Return what selections refer to as a resource."""
    return _Encoder().encoded(context, model_of)
