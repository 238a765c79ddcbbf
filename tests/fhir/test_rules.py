from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from converter.fhir import release
from tests.fhir.examples import RESOURCE_2D, RESOURCE_3D

R6 = release("R6")
ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "error"}]}
BASE: dict[str, Any] = {"resourceType": "ImagingSelection", "status": "available", "code": {"text": "x"}}
IN_SERIES = BASE | {"studyUid": "1.2", "seriesUid": "1.3"}


def region_2d(kind: str, coordinates: Any) -> dict[str, Any]:
    region = {"regionType": kind, "coordinate": coordinates}
    return IN_SERIES | {"instance": [{"uid": "1.4", "imageRegion2D": [region]}]}


def region_3d(kind: str, coordinates: Any) -> dict[str, Any]:
    region = {"regionType": kind, "coordinate": coordinates}
    return BASE | {"frameOfReferenceUid": "1.5", "imageRegion3D": [region]}


@pytest.mark.parametrize(
    ("resource", "rule"),
    [
        ({"resourceType": "ImagingSelection", "code": {"text": "x"}}, "required-element"),
        (BASE | {"seriesUid": "1.3"}, "series-without-study"),
        (BASE | {"studyUid": "1.2", "instance": [{"uid": "1.4"}]}, "instance-without-series"),
        (BASE | {"studyUid": "1.2", "seriesNumber": 1}, "series-number-without-series"),
        (IN_SERIES | {"instance": [{"number": 1}]}, "required-element"),
        (IN_SERIES | {"instance": [{"uid": "1.4", "subset": ["1", "1.2"]}]}, "subset-of-two-kinds"),
        (IN_SERIES | {"instance": [{"uid": "1.4", "subset": ["one"]}]}, "subset-of-two-kinds"),
        (
            BASE | {"imageRegion3D": [{"regionType": "point", "coordinate": [1.0, 2.0, 3.0]}]},
            "region-without-frame-of-reference",
        ),
        (region_2d("point", [1.0, 2.0, 3.0]), "coordinates-not-points"),
        (region_2d("multipoint", []), "coordinates-not-points"),
        (region_3d("multipoint", [1.0, 2.0, 3.0, 4.0]), "coordinates-not-points"),
        (region_2d("point", [1.0, 2.0, 3.0, 4.0]), "region-point-count"),
        (region_2d("polyline", [1.0, 2.0]), "region-point-count"),
        (region_2d("circle", [1.0] * 6), "region-point-count"),
        (region_2d("ellipse", [1.0] * 6), "region-point-count"),
        (region_3d("ellipsoid", [1.0] * 12), "region-point-count"),
        (region_3d("polygon", [1.0] * 9), "region-point-count"),
        (region_3d("polygon", [float(n) for n in range(12)]), "polygon-not-closed"),
        (BASE | {"category": [{}]}, "empty-element"),
        (BASE | {"category": []}, "empty-element"),
        (BASE | {"subject": {"type": "Patient", "display": ""}}, "empty-element"),
    ],
)
def test_a_broken_rule_is_named_and_the_model_rejects_the_resource(resource: dict[str, Any], rule: str) -> None:
    assert rule in R6.check(resource)
    with pytest.raises(ValidationError):
        R6.model().model_validate(resource)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_coordinates_are_finite(value: float) -> None:
    assert R6.check(region_2d("point", np.array([1, value], dtype=np.float32))) == ("coordinate-not-finite",)


@pytest.mark.parametrize("key", ["instance", "imageRegion3D"])
def test_a_resource_has_regions_of_one_dimensionality(key: str) -> None:
    flat, solid = region_2d("point", [1.0, 2.0]), region_3d("point", [1.0, 2.0, 3.0])

    assert R6.check(flat) == R6.check(solid) == ()
    assert R6.check(flat | solid) == ("regions-of-two-dimensionalities",)


@pytest.mark.parametrize(
    "resource",
    [
        RESOURCE_2D,
        RESOURCE_3D,
        BASE | {"_studyUid": ABSENT, "_seriesUid": ABSENT, "instance": [{"_uid": ABSENT}], "seriesNumber": 1},
        region_2d("multipoint", [1.0, 2.0]),
        region_2d("circle", np.zeros(4, dtype=np.float32)),
        region_3d("ellipsoid", np.zeros(18)),
        region_3d("polygon", [0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0]),
        IN_SERIES | {"instance": [{"uid": "1.4", "subset": ["1", "0"]}, {"uid": "1.6", "subset": ["1.2.4"]}]},
    ],
)
def test_a_resource_that_keeps_the_rules_breaks_none(resource: dict[str, Any]) -> None:
    before = copy.deepcopy(resource)

    assert R6.check(resource) == ()
    assert str(resource) == str(before)
