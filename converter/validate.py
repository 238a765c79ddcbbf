"""Checks resources of any supported release: against models and rules, in their Bundles, against the objects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import BaseModel, ValidationError

from converter.fhir import release as find_release
from converter.fhir.encoded import Release
from converter.fhir.reading import is_selection, stated_instances, tell_release
from converter.objects import Objects
from converter.problems import problem
from converter.resource_files import bundle_entries, is_bundle, json_values, resource_files, resources
from converter.selection import Problem

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_NAME: Final = re.compile(r"_?[A-Za-z][A-Za-z0-9]{0,63}")
# What the models of this package say: a list of elements, or of rules.
_OWN_ELEMENT: Final = re.compile(r"(\w+): (is required|is empty|is none of|refers to none of)")
_OWN_RULES: Final = re.compile(r"breaks ([a-z0-9-]+(?:, [a-z0-9-]+)*)")
# What checks raise over resources that the model lets pass and that are none: the content of extensions.
_NOT_AS_DEFINED: Final = (KeyError, TypeError, AttributeError, ValueError, IndexError)


@dataclass(frozen=True, slots=True)
class Checked:
    """A resource and what is wrong with it.

    `file` is relative to the path that was given; `place` is the line of an NDJSON file, from 1, and the JSONPath of a
    Bundle's entry; `resource` is its type and id, None where it has none that can be repeated.
    """

    file: str
    place: str
    resource: str | None
    problems: tuple[Problem, ...] = ()

    def report_line(self) -> bytes:
        """Return the line that stands for it in a report, as JSON without a newline."""
        return orjson.dumps(
            {
                "file": self.file,
                "place": self.place,
                "resource": self.resource,
                "problems": [
                    {"code": each.code, "severity": each.severity, "message": each.message, "path": each.path}
                    for each in self.problems
                ],
            }
        )


@dataclass(slots=True)
class Validation:
    """What a validation found so far: how many resources were checked, and the problems by code and severity."""

    release: str
    resources: int = 0
    problems: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def has_error(self) -> bool:
        """Whether any resource has an error."""
        return any(severity == "error" for _, severity in self.problems)


class Validator:
    """Checks all resources at a path: an NDJSON or JSON file, or a folder of them at any depth.

    `release`: full or short name; None to have it told from the resources, which are all of one. `dicom`: a path with
    the objects that selections refer to. Other files of a folder, and reports of this package, are passed over.
    Iterating yields one Checked per resource. Raises ValueError for an unknown release, FileNotFoundError for a path
    that is not there.
    """

    def __init__(self, path: str | Path, *, release: str | None = None, dicom: str | Path | None = None) -> None:
        self.path = Path(path)
        self._files = resource_files(self.path)
        for each in (self.path, *([Path(dicom)] if dicom is not None else [])):
            if not each.exists():
                raise FileNotFoundError(f"nothing is there: {each}")
        self._release = find_release(release or tell_release(resources(self.path)))
        self._dicom = Path(dicom) if dicom is not None else None
        self.found = Validation(self._release.name)

    def __iter__(self) -> Iterator[Checked]:
        with ExitStack() as stack:
            objects = stack.enter_context(Objects(self._dicom)) if self._dicom is not None else None
            for file in self._files:
                name = file.relative_to(self.path).as_posix() if file != self.path else file.name
                for place, value in json_values(file):
                    for checked in self._checked(name, place, value, objects):
                        self.found.resources += 1
                        self.found.problems.update((each.code, each.severity) for each in checked.problems)
                        yield checked

    def _checked(self, file: str, place: str, value: Any, objects: Objects | None) -> Iterator[Checked]:
        if not isinstance(value, dict):
            yield Checked(file, place, None, (problem("json-invalid"),))
            return
        if is_bundle(value):
            yield Checked(file, place, _name(value, self._release), tuple(_bundle_problems(value)))
            for path, resource in bundle_entries(value):
                inside = f"{place} {path}".strip()
                yield Checked(file, inside, _name(resource, self._release), self._problems(resource, objects))
            return
        yield Checked(file, place, _name(value, self._release), self._problems(value, objects))

    def _problems(self, resource: Mapping[str, Any], objects: Objects | None) -> tuple[Problem, ...]:
        found = tuple(problems_of(resource, self._release))
        if found or objects is None or not is_selection(resource):
            return found
        return tuple(each for stated in stated_instances(resource) for each in objects.compare(stated))


def problems_of(resource: Mapping[str, Any], release: Release) -> Iterator[Problem]:
    """Yield what is wrong with a resource by the release's model and, if nothing is, by its rules."""
    kind = resource.get("resourceType")
    selects = is_selection(resource)
    model = release.model() if selects else release.model_of(kind) if isinstance(kind, str) else None
    if model is None or (selects and kind != release.resource_type):
        yield problem("resource-type-unknown")
        return
    try:
        model.model_validate(resource)
    except ValidationError as error:
        yield from dict.fromkeys(_model_problems(error))
        return
    if selects:
        yield from _rule_problems(resource, release)


def _rule_problems(resource: Mapping[str, Any], release: Release) -> Iterator[Problem]:
    try:
        broken = release.check(dict(resource))
    except _NOT_AS_DEFINED:
        yield problem("element-invalid", "$.extension", kind="form")
        return
    for rule in broken:
        yield problem("rule-broken", rule=rule)


def _model_problems(error: ValidationError) -> Iterator[Problem]:
    """Yield what a model found. Its words hold what the resource holds: none of them is repeated."""
    for each in error.errors(include_url=False, include_input=False):
        path = _path(each["loc"])
        words = str(each.get("ctx", {}).get("error", "")) if each["type"] == "value_error" else ""
        rules, elements = _OWN_RULES.fullmatch(words), _OWN_ELEMENT.findall(words)
        if rules:
            yield from (problem("rule-broken", path, rule=rule) for rule in rules[1].split(", "))
        elif elements:
            for name, what in elements:
                yield _element_problem(f"{path}.{name}", "missing" if what == "is required" else "value_error")
        else:
            yield _element_problem(path, each["type"])


def _element_problem(path: str, kind: str) -> Problem:
    if kind == "extra_forbidden":
        return problem("element-unknown", path)
    if kind.endswith("missing"):
        return problem("element-missing", path)
    words = "type" if kind.endswith(("_type", "_parsing", "_format")) else "value"
    return problem("element-invalid", path, kind=words)


def _path(location: Sequence[int | str]) -> str:
    """Return a JSONPath, as far as its names are such as elements have."""
    path = "$"
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part != "root" and _NAME.fullmatch(part):
            path += f".{part}"
        else:
            break
    return path


# Bundles


def _bundle_problems(bundle: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with a Bundle itself: its type, entries without resource or URL, references to nothing."""
    if not isinstance(bundle.get("type"), str):
        yield problem("element-missing", "$.type")
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        yield problem("element-invalid", "$.entry", kind="type")
        return
    urls: set[str] = set()
    for index, entry in enumerate(entries):
        url = entry.get("fullUrl") if isinstance(entry, dict) else None
        if url is None or url in urls or not isinstance(entry.get("resource"), dict):
            yield problem("bundle-entry", f"$.entry[{index}]")
        if isinstance(url, str):
            urls.add(url)
    for path, resource in bundle_entries(bundle):
        for place, reference in _references(resource, path):
            if reference.startswith("urn:") and reference not in urls:
                yield problem("reference-unresolved", place)


def _references(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield all references with their paths."""
    if isinstance(value, dict):
        for name, each in value.items():
            place = f"{path}.{name}" if _NAME.fullmatch(name) else path
            if name == "reference" and isinstance(each, str):
                yield place, each
            elif name != "coordinate":
                yield from _references(each, place)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _references(each, f"{path}[{index}]")


def _name(resource: Mapping[str, Any], release: Release) -> str | None:
    kind, identity = resource.get("resourceType"), resource.get("id")
    known: type[BaseModel] | None = release.model_of(kind) if isinstance(kind, str) else None
    if known is None or not isinstance(identity, str) or not _ID.fullmatch(identity):
        return None
    return f"{kind}/{identity}"
