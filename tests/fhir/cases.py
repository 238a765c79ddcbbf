"""The elements of each release of 6.0.0 by its table, with examples in which each of them is stated."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import ValidationError

from converter.fhir import release
from converter.fhir.encoded import Release
from converter.fhir.models import element_table
from converter.selection import Channels, Code, ContentItem, RegionsOfInterest, Segments, SelectedInstance, Subset
from tests.fhir.examples import DCM, RESOURCE_2D, RESOURCE_3D, SELECTION_2D, SELECTION_3D

BALLOT2 = release("6.0.0-ballot2")
BALLOT4 = release("6.0.0-ballot4")
SUBSETS: dict[str, tuple[list[int], Subset]] = {
    "segmentNumber": ([3, 1], Segments((3, 1))),
    "regionOfInterest": ([7], RegionsOfInterest((7,))),
    "referencedContentItemIdentifier": ([1, 4, 2], ContentItem((1, 4, 2))),
    "waveFormChannel": ([2, 1], Channels(((2, 1),))),
}


def ballot4_2d(subset: str = "frameNumber") -> dict[str, Any]:
    """The example of 2D regions as ballot4 has it, or one of another kind of subset."""
    resource = copy.deepcopy(RESOURCE_2D)
    (resource["derivedFrom"],) = resource["derivedFrom"]
    instance = resource["instance"][0]
    del instance["subset"]
    instance[subset] = [2, 3] if subset == "frameNumber" else SUBSETS[subset][0]
    return resource | {"modality": {"coding": [{"system": DCM, "code": "CT"}]}}


SELECTION_BALLOT4 = replace(SELECTION_2D, modality=Code(DCM, "CT"))
SELECTIONS = {
    BALLOT2.name: (SELECTION_2D, SELECTION_3D),
    BALLOT4.name: (
        SELECTION_BALLOT4,
        SELECTION_3D,
        *(
            replace(SELECTION_2D, instances=(SelectedInstance("1.2.40", subset=subset),))
            for _, subset in SUBSETS.values()
        ),
    ),
}


@dataclass(frozen=True)
class Case:
    """An element of a release."""

    release: Release
    element: dict[str, Any]

    @property
    def path(self) -> str:
        return str(self.element["path"]).partition(".")[2]

    @property
    def kind(self) -> str:
        return str(self.element["type"])

    def __str__(self) -> str:
        return f"{self.release.name}-{self.path}"

    def example(self) -> dict[str, Any]:
        return example_for(self.release, self.path)

    def resource_with(self, value: Any) -> dict[str, Any]:
        """An example in which the element is `value`."""
        resource = self.example()
        parent, name = parent_of(resource, self.path)
        parent[name] = value
        return resource

    def resource_without(self) -> dict[str, Any]:
        resource = self.example()
        parent, name = parent_of(resource, self.path)
        del parent[name]
        return resource

    def is_valid(self, resource: dict[str, Any]) -> bool:
        return is_valid(self.release, resource)

    def as_occurring(self, value: Any) -> Any:
        if self.path.endswith("waveFormChannel"):
            return [value, 1]
        return [value] if self.element["max"] == "*" else value


CASES = [Case(found, each) for found in (BALLOT2, BALLOT4) for each in element_table(found.name)]


def elements(**wanted: Any) -> pytest.MarkDecorator:
    """Parametrize a test by the elements that have these attributes."""
    chosen = [case for case in CASES if all(case.element.get(name) == value for name, value in wanted.items())]
    return pytest.mark.parametrize("case", chosen, ids=str)


def example_for(found: Release, path: str) -> dict[str, Any]:
    if path.startswith("imageRegion3D"):
        return copy.deepcopy(RESOURCE_3D)
    if found is BALLOT2:
        return copy.deepcopy(RESOURCE_2D)
    name = path.rpartition(".")[2]
    return ballot4_2d(name if name in SUBSETS else "frameNumber")


def parent_of(resource: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """The object, first of its list, that has the last part of `path` as a member."""
    *parents, name = path.split(".")
    for each in parents:
        resource = resource[each][0]
    return resource, name


def is_valid(found: Release, resource: dict[str, Any]) -> bool:
    try:
        found.model().model_validate(resource)
    except ValidationError:
        return False
    return True
