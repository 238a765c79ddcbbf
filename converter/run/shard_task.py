"""Converting a range of objects into a shard, as a task."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from converter.batch import Result, Work, in_writing_order, result_of
from converter.fhir import release
from converter.fhir.encoded import Encoded
from converter.mapper import kind_of
from converter.measurement import Statement
from converter.problems import problem
from converter.reader.scan import ObjectReference
from converter.run.catalog import UNREADABLE, ArchiveCatalog, AskedCatalog, again
from converter.run.context_lines import context_lines
from converter.run.plan import Planned
from converter.run.shard import Indexed, Shard, ShardWriter
from converter.run.state import OutError, StateFolder
from converter.run.tasks import Progress, Task
from converter.selection import Problem, Selection
from converter.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardTask(Task):
    """Convert the objects of a range, but for those that another shard holds."""

    planned: Planned
    settings: Settings
    made: str
    generation: int


@dataclass(frozen=True, slots=True)
class ShardDone:
    """How many objects were converted, and how many taken over; `is_written`: whether it was still wanted."""

    planned: Planned
    converted: int
    reused: int
    is_written: bool


def convert_shard(task: ShardTask) -> ShardDone:
    """Do the task. Raises OutError, CatalogError."""
    state = StateFolder(task.out)
    planned = task.planned
    reusable = _reusable(planned)
    converted = reused = 0
    with ArchiveCatalog.open(state) as catalog:
        try:
            with ShardWriter(planned.path) as shard, Progress(task) as progress:
                work = ShardWork(AskedCatalog(catalog), task.settings)
                for number, row in enumerate(catalog.objects(planned.range.first, planned.range.end)):
                    progress.at(number)
                    if row.key in reusable:
                        shard.copy(*reusable[row.key])
                        reused += 1
                        continue
                    converted += 1
                    result = _lost(row.reference) if number in task.skip else result_of(row.reference, work)
                    work.write(result, shard)
                    asked = work.asked() | {again(row.key)}
                    if any(each.code == "unreadable" for each in result.problems):
                        asked.add(UNREADABLE)
                    del result
                    shard.end_object(row.key, asked)
                shard.finish(planned.range.first, planned.range.token, task.made, task.generation)
                is_written = state.is_current(task.run)
                if is_written:
                    shard.put()
        except OSError as error:
            raise OutError.of(error) from error
    return ShardDone(planned, converted, reused, is_written)


def _lost(reference: ObjectReference) -> Result:
    """Return what is said of an object that ended every process."""
    uid, sop_class_uid = reference.sop_instance_uid, reference.sop_class_uid
    kind = kind_of(sop_class_uid, reference.modality)
    return Result(reference.name, uid, sop_class_uid, kind, problems=(problem("worker-lost"),))


def _reusable(planned: Planned) -> dict[str, tuple[Shard, Indexed]]:
    found: dict[str, tuple[Shard, Indexed]] = {}
    for path, outdated in planned.reuse:
        try:
            shard = Shard.read(path)
            shard.check()
        except (OSError, ValueError):
            continue
        for indexed in shard.objects:
            if indexed.key not in outdated:
                found.setdefault(indexed.key, (shard, indexed))
    return found


class ShardWork(Work):
    """Converts objects without the rest of the archive: what selections refer to is only named, for the join."""

    def __init__(self, catalog: AskedCatalog, settings: Settings) -> None:
        super().__init__(catalog, settings, release(settings.fhir))
        self._asked = catalog
        self._referring: list[Selection | Statement] = []

    def context(self, referring: list[Selection | Statement]) -> tuple[list[Encoded], list[Problem]]:
        """Return nothing: what is the first to refer to something is known when all are together."""
        self._referring = referring
        return [], []

    def asked(self) -> set[int]:
        """Return what was asked since the last time."""
        asked, self._asked.asked = self._asked.asked, set()
        return asked

    def write(self, result: Result, shard: ShardWriter) -> None:
        """Write what an object became, one resource after the other."""
        referring, self._referring = self._referring, []
        if self._context is not None:
            for line in context_lines(self._context, self.release, referring):
                shard.line(b"C", *line)
        for resource, study in in_writing_order(result):
            kind = b"S" if resource.type == self.release.resource_type else b"R"
            named = orjson.dumps(None if study is None else study.encode("utf-8", "backslashreplace").decode())
            shard.line(kind, resource.type.encode(), resource.id.encode(), named, resource.to_json())
        shard.line(b"E", result.report_line())
