"""Reads a resource of any release back to facts, as a receiver of its JSON would."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tests.fhir.facts import Facts

EXTENSION = "http://hl7.org/fhir/5.0/StructureDefinition/extension-ImagingSelection."
BACKBONES = {"performer", "instance", "imageRegion2D", "imageRegion3D", "bodySite"}
SUBSETS = {"frameNumber", "segmentNumber", "regionOfInterest"}
Tree = dict[str, list[Any]]


def read(line: bytes) -> Facts:
    resource = json.loads(line)
    if resource["resourceType"] == "Basic":
        assert resource["code"] == {
            "coding": [{"system": "http://hl7.org/fhir/fhir-types", "code": "ImagingSelection"}]
        }
        native = {name: resource[name] for name in ("id", "contained", "identifier", "subject") if name in resource}
        extensions = unpacked(resource["extension"], EXTENSION)
        return facts(tree(native) | extensions | unpacked(resource["modifierExtension"], EXTENSION))
    return facts(tree(resource))


def tree(element: dict[str, Any]) -> Tree:
    """Every element as a list of its values; a primitive without one as why it is absent."""
    found: Tree = {}
    for key, value in element.items():
        values = value if isinstance(value, list) else [value]
        if key.startswith("_"):
            found[key[1:]] = [absence(each) for each in values]
        else:
            found[key] = [tree(each) for each in values] if key in BACKBONES else values
    return found


def unpacked(extensions: list[dict[str, Any]], prefix: str) -> Tree:
    """The tree that extensions state, each the element that its url names."""
    found: Tree = {}
    for extension in extensions:
        url = extension["url"]
        if url == "http://hl7.org/fhir/StructureDefinition/_datatype":
            assert extension["valueString"] == "CodeableReference"
            continue
        assert url.startswith(prefix)
        (content,) = (name for name in extension if name != "url")
        value: Any = extension[content]
        if content == "extension":
            absent = value[0]["url"].endswith("/data-absent-reason")
            value = absence(extension) if absent else unpacked(value, "")
        found.setdefault(url.removeprefix(prefix), []).append(value)
    return found


def absence(element: dict[str, Any]) -> tuple[str, str]:
    (extension,) = element["extension"]
    assert extension["url"] == "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    return ("absent", extension["valueCode"])


def one(values: list[Any] | None) -> Any:
    if values is None:
        return None
    (value,) = values
    return value


def facts(found: Tree) -> Facts:
    issued = one(found.get("issued"))
    study = one(found.get("derivedFrom"))
    if study is not None:
        assert study["type"] == "ImagingStudy"
        assert study["identifier"]["system"] == "urn:dicom:uid"
    return {
        "id": one(found["id"]),
        "identifiers": [identifier(each) for each in found["identifier"]],
        "status": one(found["status"]),
        "modality": one([coding(each["coding"][0]) for each in found["modality"]]) if "modality" in found else None,
        "categories": [concept(each) for each in found.get("category", [])],
        "code": concept(one(found["code"])),
        "subject": reference(one(found["subject"])) if "subject" in found else None,
        "issued": issued and datetime.fromisoformat(issued),
        "performers": [performer(each) for each in found.get("performer", [])],
        "based_on": [reference(each) for each in found.get("basedOn", [])],
        "derived_from": study and study["identifier"]["value"].removeprefix("urn:oid:"),
        "study": one(found.get("studyUid")),
        "series": one(found.get("seriesUid")),
        "series_number": one(found.get("seriesNumber")),
        "frame_of_reference": one(found.get("frameOfReferenceUid")),
        "body_sites": [concept(one(each["concept"])) for each in found.get("bodySite", [])],
        "focus": [each["reference"].partition("/")[2] for each in found.get("focus", [])],
        "endpoints": endpoints(found),
        "instances": [instance(each) for each in found.get("instance", [])],
        "regions_3d": regions(found, "imageRegion3D", 3),
    }


def endpoints(found: Tree) -> list[str]:
    contained = {f"#{each['id']}": each for each in found.get("contained", [])}
    named = [contained[each["reference"]] for each in found.get("endpoint", [])]
    for each in named:
        kind = each["connectionType"]
        assert "dicom-wado-rs" in (kind["code"] if isinstance(kind, dict) else kind[0]["coding"][0]["code"])
    return [each["address"] for each in named]


def instance(found: Tree) -> Facts:
    sop_class = one(found.get("sopClass"))
    if isinstance(sop_class, dict):
        assert sop_class["system"] == "urn:ietf:rfc:3986"
        sop_class = sop_class["code"]
    in_space = regions(found, "imageRegion3D", 3)
    return {
        "uid": one(found["uid"]),
        "sop_class": sop_class and sop_class.removeprefix("urn:oid:"),
        "number": one(found.get("number")),
        "subset": subset(found),
        "regions": regions(found, "imageRegion2D", 2),
    } | ({"regions_3d": in_space} if in_space else {})


def subset(found: Tree) -> tuple[Any, ...] | None:
    for name in SUBSETS & set(found):
        return (name, tuple(found[name]))
    if "referencedContentItemIdentifier" in found:
        return ("item", tuple(found["referencedContentItemIdentifier"]), None)
    if "waveFormChannel" in found:
        numbers = found["waveFormChannel"]
        return ("channels", tuple(zip(numbers[::2], numbers[1::2], strict=True)))
    return ("strings", tuple(found["subset"])) if "subset" in found else None


def regions(found: Tree, name: str, dimensions: int) -> list[tuple[Any, ...]]:
    return [
        (one(each["regionType"]), tuple(zip(*[iter(each["coordinate"])] * dimensions, strict=True)))
        for each in found.get(name, [])
    ]


def performer(found: Tree) -> tuple[Any, ...]:
    function = one(found.get("function"))
    return (function and coding(one(function["coding"])), reference(one(found["actor"])))


def coding(each: dict[str, Any]) -> tuple[Any, ...]:
    return ("coding", each.get("system"), each.get("version"), each.get("code"), each.get("display"))


def concept(each: dict[str, Any]) -> tuple[Any, ...]:
    if "extension" in each:
        return absence(each)
    return ("concept", tuple(map(coding, each.get("coding", []))), each.get("text"))


def identifier(each: dict[str, Any]) -> tuple[Any, ...]:
    kind = each.get("type")
    return (
        "identifier",
        each.get("use"),
        kind and coding(one(kind["coding"])),
        each.get("system"),
        each["value"],
        each.get("assigner", {}).get("display"),
    )


def reference(each: dict[str, Any]) -> tuple[Any, ...]:
    named = each.get("identifier")
    return ("reference", each["type"], named and identifier(named), each.get("display"))
