"""ImagingSelection of FHIR 6.0.0-ballot4: subsets typed by kind, one study, the series' modality."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from converter.fhir import context_r6, datatypes, losses, rules
from converter.fhir.datatypes import Element, present
from converter.fhir.encoded import Encoded, Loss, Release
from converter.fhir.encoder import Encoder
from converter.selection import Channels, Concept, ContentItem, Frames, RegionsOfInterest, Segments, Selection, Subset

if TYPE_CHECKING:
    from pydantic import BaseModel

SUBSETS = ("frameNumber", "referencedContentItemIdentifier", "segmentNumber", "regionOfInterest", "waveFormChannel")
"""The elements of an instance that state a subset of it; an instance has one of them."""

LOSSES = (
    *losses.COMMON,
    losses.CURVE,
    Loss("modality", "the modality of a series that is not named, of no instances", "nothing"),
    Loss(
        "instance.frameNumber, .segmentNumber, .regionOfInterest",
        "a number that is not 1 to 2147483647, as segment 0 of a label map",
        "the other numbers; if there are none, the whole instance",
        "subset-not-representable",
    ),
    Loss(
        "instance.referencedContentItemIdentifier",
        "a path with a number that is not 1 to 2147483647",
        "the whole instance",
        "subset-not-representable",
    ),
    Loss("instance.referencedContentItemIdentifier", "the Observation UID of a report's item", "the item's path"),
    Loss(
        "instance.waveFormChannel",
        "a channel of which the group's or its own number is not 1 to 2147483647",
        "the other channels; if there are none, the whole instance",
        "subset-not-representable",
    ),
)
"""What a selection may have and the release cannot hold."""


class _Encoder(Encoder):
    order = (
        "identifier",
        "status",
        "modality",
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

    def elements(self) -> Element:
        return super().elements() | present(modality=self.modality())

    def modality(self) -> Element | None:
        """Return the modality of the series; a rule of the release has it need a study."""
        selection = self.selection
        if selection.modality is None or not (selection.instances or selection.series.series_instance_uid):
            return None
        return datatypes.codeable_concept(Concept((selection.modality,)))

    def derived_from(self) -> Element | None:
        return self.study()

    def subset(self, subset: Subset | None) -> Element:
        match subset:
            case None:
                return {}
            case Frames(numbers=numbers):
                return {"frameNumber": self.positive((number,) for number in numbers)}
            case Segments(numbers=numbers):
                return {"segmentNumber": self.positive((number,) for number in numbers)}
            case RegionsOfInterest(numbers=numbers):
                return {"regionOfInterest": self.positive((number,) for number in numbers)}
            case ContentItem(position=position):
                return {"referencedContentItemIdentifier": self.positive([position])}
            case Channels(pairs=pairs):
                return {"waveFormChannel": self.positive(pairs)}

    def positive(self, groups: Iterable[tuple[int, ...]]) -> list[int]:
        """Return the numbers of the groups that a positiveInt can hold, each group whole or not at all."""
        stated: list[int] = []
        for group in groups:
            if all(datatypes.positive_int(number) for number in group):
                stated.extend(group)
            else:
                self.note("subset-not-representable")
        return stated


def encode(selection: Selection) -> Encoded:
    """Return `selection` as a resource, with what its elements could not hold and the rules it breaks."""
    return _Encoder(selection).encoded(check, model)


def check(resource: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the rules that `resource` breaks, each once."""
    return rules.broken(
        rules.selection(resource, resource.get("imageRegion3D", [])),
        _modality_in_study(resource),
        *(rules.required(performer, "actor") for performer in resource.get("performer", [])),
        *(_one_subset(instance) for instance in resource.get("instance", [])),
        rules.no_empty_elements(resource),
    )


def _modality_in_study(resource: Mapping[str, Any]) -> Iterator[str]:
    """isl-9: a modality needs its study."""
    if "modality" in resource and not rules.has(resource, "studyUid"):
        yield "modality-without-study"


def _one_subset(instance: Mapping[str, Any]) -> Iterator[str]:
    """isl-10, isl-11: an instance has a subset of one kind; channels are pairs of group and channel."""
    if sum(rules.has(instance, name) for name in SUBSETS) > 1:
        yield "subset-of-two-kinds"
    if len(instance.get("waveFormChannel") or ()) % 2:
        yield "channels-not-pairs"


def model() -> type[BaseModel]:
    """Return the pydantic model; fhir.resources is imported when this is first called."""
    from converter.fhir.r6_ballot4_models import ImagingSelection

    return ImagingSelection


RELEASE = Release(
    "6.0.0-ballot4", encode, check, model, LOSSES, encode_context=context_r6.encode, model_of=context_r6.model_of
)
