"""Wires the rooms: sources are read, objects mapped, selections encoded, and each object gives one result."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import orjson

from converter.catalog import Catalog, Instance
from converter.fhir import release as find_release
from converter.fhir.encoded import Encoded, Release
from converter.fhir.observation import encode as encode_observation
from converter.mapper import NotAnnotationError, is_annotation, kind_of, map_object
from converter.mapper.context import ContextMapper
from converter.mapper.image_series import is_image, selection_of
from converter.measurement import Statement
from converter.problems import problem
from converter.reader.catalog import Conflict, SqliteCatalog
from converter.reader.fingerprint import fingerprint
from converter.reader.parser import NotDicomError
from converter.reader.scan import ObjectReference, scan, stream
from converter.reader.sources import Directory, Found, Source, Unread, check_sources, walk
from converter.reader.spool import Spool
from converter.selection import Problem, Selection
from converter.settings import Settings
from converter.summary import Summary, Watch
from converter.writer.ndjson import StreamWriter

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(frozen=True, slots=True, eq=False)
class ConvertedSelection:
    """A selection and the resource that it becomes."""

    selection: Selection
    encoded: Encoded

    @property
    def id(self) -> str:
        """The resource's id."""
        return self.selection.id

    def to_dict(self) -> dict[str, Any]:
        """Return the resource as plain Python values."""
        return self.encoded.to_dict()

    def to_json(self) -> bytes:
        """Return the resource as compact JSON."""
        return self.encoded.to_json()

    def to_resource(self) -> BaseModel:
        """Return the resource as a pydantic model of its release."""
        return self.encoded.to_resource()


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What became of one annotation object, or of one input that could not be read.

    `file` is relative to its SOURCE; `kind` is the object's modality (CID 33), `DICOMDIR`, `IMAGE` for an image that
    was read with different headers, `SERIES` for a series that was asked for (`file` is that of one of its images), or
    None for what could not be read. `resources` are those beside the selections that the settings ask for, in writing
    order; what selections refer to is given with the first that does. `reference` reads the object again, as long as
    the conversion is open; None for what was not converted.
    """

    file: str
    sop_instance_uid: str | None = None
    sop_class_uid: str | None = None
    kind: str | None = None
    selections: tuple[ConvertedSelection, ...] = ()
    problems: tuple[Problem, ...] = ()
    resources: tuple[Encoded, ...] = ()
    reference: ObjectReference | None = field(default=None, repr=False)

    @property
    def has_error(self) -> bool:
        """Whether something was lost."""
        return any(each.severity == "error" for each in self.problems)

    def report_line(self) -> bytes:
        """Return the line that stands for it in a report, as JSON without a newline."""
        return orjson.dumps(
            {
                "file": self.file,
                "sopInstanceUid": self.sop_instance_uid,
                "sopClassUid": self.sop_class_uid,
                "kind": self.kind,
                "selections": [each.id for each in self.selections],
                "problems": [
                    {"code": each.code, "severity": each.severity, "message": each.message, "path": each.path}
                    for each in self.problems
                ],
            }
        )


class Conversion(Iterator[Result]):
    """The results of a conversion, one at a time; `summary` counts those given so far.

    Nothing is read before the first result is asked for. Close it (or use it in a `with` statement) to leave early.
    """

    def __init__(
        self, sources: Iterable[Source], settings: Settings, catalog: Catalog | None, watch: Watch | None = None
    ) -> None:
        self.summary = Summary()
        self.release = find_release(settings.fhir)
        self._watch = watch
        self._results = self._convert(sources, settings, catalog)

    def __next__(self) -> Result:
        result = next(self._results)
        self.summary.add(result)
        self._tell()
        return result

    def _tell(self) -> None:
        if self._watch is not None:
            self._watch(self.summary)

    def __enter__(self) -> Conversion:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the temporary files."""
        self._results.close()

    def _convert(
        self, sources: Iterable[Source], settings: Settings, catalog: Catalog | None
    ) -> Generator[Result, None, None]:
        found = self._counted(walk(sources, settings.archive_limits))
        if catalog is not None:
            work = Work(catalog, settings, self.release)
            for each in stream(found, is_annotation, with_pixels=settings.outlines):
                yield result_of(each, work) if isinstance(each, ObjectReference) else _other(each)
            return
        with ExitStack() as stack:
            own_catalog = stack.enter_context(SqliteCatalog(grouped=settings.context))
            spool = stack.enter_context(Spool())
            scanned = scan(found, is_annotation, own_catalog, spool, with_pixels=settings.outlines)
            if settings.project or settings.outlines or settings.regions == "2d":
                own_catalog.index_frames_of_reference()
            self.summary.others.update(scanned.counts)
            self.summary.total = len(scanned.objects)
            work = Work(own_catalog, settings, self.release)
            for reference in scanned.objects:
                yield result_of(reference, work)
            if settings.select == "series":
                for result in series_results(own_catalog, work):
                    self.summary.total += 1
                    yield result
            yield from other_results(scanned.rejected, scanned.directories, scanned.unreadable, scanned.image_conflicts)

    def _counted(self, found: Iterator[Found | Unread | Directory]) -> Iterator[Found | Unread | Directory]:
        for each in found:
            self.summary.files += 1
            self._tell()
            yield each


def convert(
    source: object, settings: Settings | None = None, catalog: Catalog | None = None, watch: Watch | None = None
) -> Conversion:
    """Convert DICOM annotation objects, one result each.

    `source`: a path (file, folder, archive, DICOMDIR), several, a Dataset, an iterable of Datasets, DICOM JSON,
    bytes or a binary file object. Without a `catalog` everything is read first, so that references between the
    inputs are known, and results come in the order of SOP Instance UID; with one, results come at once. `watch` is told
    of progress.
    Raises TypeError, ValueError or FileNotFoundError for arguments that cannot be meant.
    """
    if settings is not None and not isinstance(settings, Settings):
        raise TypeError("settings: give a converter.Settings")
    if catalog is not None and not isinstance(catalog, Catalog):
        raise TypeError("catalog: give an object with a method lookup(sop_instance_uid)")
    chosen = settings or Settings()
    find_release(chosen.fhir)
    if catalog is not None and chosen.select == "series":
        raise ValueError("settings: with a catalog of your own, series cannot be selected: it does not list them")
    return Conversion(check_sources(source), chosen, catalog, watch)


def write_stream(conversion: Conversion, stream: BinaryIO, each: Callable[[Result], None]) -> Summary:
    """Write the resources to a stream, one a line. Raises OutputClosedError once nobody reads it."""
    with StreamWriter(stream) as resources:
        for result in conversion:
            _write_all(result, lambda resource, _: resources.write(resource.to_json()))
            each(result)
            del result
    return conversion.summary


def _write_all(result: Result, write_one: Callable[[Encoded, str | None], None]) -> None:
    for resource, study_instance_uid in in_writing_order(result):
        write_one(resource, study_instance_uid)


def in_writing_order(result: Result) -> Iterator[tuple[Encoded, str | None]]:
    """Yield what selections refer to, the selections, what refers to them; each with the study it belongs to.

    What selections refer to belongs to none: it goes where they go.
    """
    studies = [each.selection.series.study_instance_uid or "" for each in result.selections]
    observations = [each for each in result.resources if each.type == "Observation"]
    for resource in result.resources:
        if resource.type != "Observation":
            yield resource, None
    for selection, study_instance_uid in zip(result.selections, studies, strict=True):
        yield selection.encoded, study_instance_uid
    for resource in observations:
        yield resource, next(iter(studies), "")


class _SeriesCatalog(Protocol):
    """A catalog that lists the series of its instances, each instance with the name under which it was read."""

    def series(self) -> Iterator[list[tuple[str, Instance]]]: ...


class Work:
    """What converting an object needs beside the object."""

    def __init__(
        self, catalog: Catalog, settings: Settings, release: Release, context: ContextMapper | None = None
    ) -> None:
        self.catalog = catalog
        self.settings = settings
        self.release = release
        self._context = context or ContextMapper(catalog, settings) if settings.context else None

    def encoded(self, selection: Selection) -> ConvertedSelection:
        """Return a selection as a resource, with literal references if there is to be something to refer to."""
        linked = self._context.linked(selection) if self._context is not None else selection
        return ConvertedSelection(linked, self.release.encode(linked))

    def observed(self, statement: Statement) -> tuple[Statement, Encoded]:
        """Return a statement and the Observation that it becomes, with literal references as those of a selection."""
        linked = self._context.linked_statement(statement) if self._context is not None else statement
        return linked, encode_observation(linked, self.release.name)

    def context(self, referring: list[Selection | Statement]) -> tuple[list[Encoded], list[Problem]]:
        """Return what these are the first to refer to, and what was wrong with that."""
        resources: list[Encoded] = []
        problems: list[Problem] = []
        if self._context is not None:
            for each in referring:
                found, wrong = self._context.new(each)
                resources += map(self.release.encode_context, found)
                problems += wrong
        return [each for each in resources if not each.broken], problems


def result_of(reference: ObjectReference, work: Work) -> Result:
    """Convert an object; whatever happens becomes a problem."""
    result = Result(
        reference.name,
        reference.sop_instance_uid,
        reference.sop_class_uid,
        kind_of(reference.sop_class_uid, reference.modality),
    )
    try:
        parsed = reference.load()
        identity = reference.sop_instance_uid or fingerprint(parsed.dataset)
        pixels = reference.pixel_data if work.settings.outlines else None
        mapped = map_object(parsed.dataset, identity, work.catalog, work.settings, pixels)
        encoded = [work.encoded(each) for each in mapped.selections]
        whole = [each for each in encoded if not each.encoded.broken]
        observed = [work.observed(each) for each in mapped.measurements]
        observations = [each for each in observed if not each[1].broken]
        resources, problems = work.context([*(each.selection for each in whole), *(each for each, _ in observations)])
    except (NotDicomError, NotAnnotationError):
        return replace(result, problems=(problem("malformed"),))
    except OSError:
        return replace(result, problems=(problem("unreadable"),))
    except Exception as error:  # noqa: BLE001 - one object that we do not understand must not stop a night's run
        return replace(result, problems=(problem("not-converted", kind=_where(error)),))
    stated = [(each.selection.place, each.encoded) for each in encoded]
    stated += [(statement.place, resource) for statement, resource in observed]
    return replace(
        result,
        kind=mapped.kind,
        selections=tuple(whole),
        problems=(*parsed.problems, *mapped.problems, *_encoding_problems(stated), *problems),
        resources=(*resources, *(resource for _, resource in observations)),
        reference=reference,
    )


def series_results(catalog: _SeriesCatalog, work: Work) -> Iterator[Result]:
    """Yield the image series in the catalog, each as a result of its own."""
    for named in catalog.series():
        images = [(name, each) for name, each in named if is_image(each)]
        if images:
            name = min(name for name, _ in images)
            converted = work.encoded(selection_of([each for _, each in images], work.settings))
            whole = [] if converted.encoded.broken else [converted]
            resources, problems = work.context([each.selection for each in whole])
            stated = _encoding_problems([(converted.selection.place, converted.encoded)])
            yield Result(name, None, None, "SERIES", tuple(whole), (*stated, *problems), tuple(resources))


def _encoding_problems(stated: list[tuple[str, Encoded]]) -> Iterator[Problem]:
    for place, encoded in stated:
        yield from encoded.problems
        for rule in encoded.broken:
            yield problem("rule", place, rule=rule)


def _where(error: Exception) -> str:
    """Return the kind of an unforeseen error and the line of this package that raised it, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(Path(__file__).parent)]
    last = own[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"


def other_results(
    rejected: Iterable[tuple[ObjectReference, Problem]],
    directories: Iterable[Directory],
    unreadable: Iterable[Unread],
    conflicts: Iterable[Conflict],
) -> Iterator[Result]:
    """Yield what stands in the report beside the objects converted: copies, DICOMDIRs, unreadable inputs."""
    for reference, found in rejected:
        kind = kind_of(reference.sop_class_uid, reference.modality)
        yield Result(reference.name, reference.sop_instance_uid, reference.sop_class_uid, kind, (), (found,))
    for directory in directories:
        yield _other(directory)
    for unread in unreadable:
        yield _other(unread)
    for name, sop_instance_uid, sop_class_uid in conflicts:
        yield Result(name, sop_instance_uid, sop_class_uid, "IMAGE", (), (problem("duplicate-image"),))


def _other(found: Unread | Directory) -> Result:
    if isinstance(found, Directory):
        return Result(found.name, found.sop_instance_uid, None, "DICOMDIR", (), found.problems)
    return Result(found.name, problems=(found.problem,))
