"""ImagingSelection of FHIR 6.0.0-ballot2: the encoder and the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from converter.fhir import context_r6, losses, rules
from converter.fhir.encoded import Encoded, Loss, Release
from converter.fhir.encoder import Encoder
from converter.selection import Selection

if TYPE_CHECKING:
    from pydantic import BaseModel

LOSSES = (
    *losses.COMMON,
    losses.NO_MODALITY,
    losses.CURVE,
    Loss("instance.subset", "the Observation UID of a report's item", "the item's path"),
    losses.STRINGS,
)
"""What a selection may have and the release cannot hold."""


class _Encoder(Encoder):
    order = (
        "identifier",
        "status",
        "category",
        "code",
        "subject",
        "issued",
        "performer",
        "basedOn",
        "derivedFrom",
        "studyUid",
        "seriesUid",
        "seriesNumber",
        "frameOfReferenceUid",
        "bodySite",
        "focus",
        "endpoint",
        "instance",
        "imageRegion3D",
    )


def encode(selection: Selection) -> Encoded:
    """Return `selection` as a resource, with what its elements could not hold and the rules it breaks."""
    return _Encoder(selection).encoded(check, model)


def check(resource: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the rules that `resource` breaks, each once."""
    return rules.broken(
        rules.selection(resource, resource.get("imageRegion3D", [])),
        *(rules.subset(instance) for instance in resource.get("instance", [])),
        rules.no_empty_elements(resource),
    )


def model() -> type[BaseModel]:
    """Return the pydantic model; fhir.resources is imported when this is first called."""
    from converter.fhir.r6_ballot2_models import ImagingSelection

    return ImagingSelection


RELEASE = Release(
    "6.0.0-ballot2", encode, check, model, LOSSES, encode_context=context_r6.encode, model_of=context_r6.model_of
)
