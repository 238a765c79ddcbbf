"""Joins shards into the files of OUT: what comes out is what one pass over all objects in one process would write."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from converter.batch import Result, Work, in_writing_order, other_results, series_results
from converter.fhir import release as find_release
from converter.mapper.context import ContextMapper
from converter.reader.database import errors_translated
from converter.run.catalog import ArchiveCatalog
from converter.run.context_lines import given
from converter.run.shard import Shard
from converter.selection import Problem
from converter.settings import Settings
from converter.summary import Summary
from converter.writer.resource import EncodedBefore
from converter.writer.sink import Sink, open_sink

Told = Callable[[str, list[dict[str, str]]], None]
"""Told of the problems of each file."""


class DiskIds:
    """A set of ids that is not held in memory."""

    def __init__(self) -> None:
        with errors_translated():
            self._connection = sqlite3.connect("", isolation_level=None)
            self._connection.execute("PRAGMA synchronous = OFF")
            self._connection.execute("CREATE TABLE given (id TEXT PRIMARY KEY) WITHOUT ROWID")
            self._connection.execute("BEGIN")

    def __contains__(self, each: str) -> bool:
        with errors_translated():
            return self._connection.execute("SELECT 1 FROM given WHERE id = ?", (each,)).fetchone() is not None

    def add(self, each: str) -> None:
        """Add an id."""
        with errors_translated():
            self._connection.execute("INSERT OR IGNORE INTO given VALUES (?)", (each,))

    def close(self) -> None:
        """Forget all."""
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Joined:
    """What was written: the counts, and the names of the files and folders in OUT.

    `is_final`: whether all objects could be read, so that nothing else can come of them.
    """

    summary: Summary
    names: tuple[str, ...]
    is_final: bool


def join(
    shards: Iterable[Path],
    catalog: ArchiveCatalog,
    settings: Settings,
    folder: Path,
    format_name: str,
    told: Told,
    *,
    conditional: bool = False,
    replacing: bool = False,
) -> Joined:
    """Write everything; it appears when all is written, or not at all. `conditional`, `replacing` as of open_sink.

    Raises DamagedShardError for a shard that is not what was written, CatalogError, and OSError.
    """
    types = (find_release(settings.fhir).resource_type,)
    ids = DiskIds()
    try:
        with open_sink(format_name, folder, types=types, conditional=conditional, replacing=replacing) as sink:
            joiner = _Joiner(sink, catalog, settings, ids, told)
            for path in shards:
                joiner.shard(Shard.read(path))
            joiner.rest()
        return Joined(joiner.summary, sink.staging.names, joiner.is_final)
    finally:
        ids.close()


class _Joiner:
    def __init__(self, sink: Sink, catalog: ArchiveCatalog, settings: Settings, ids: DiskIds, told: Told) -> None:
        self.summary = Summary(total=0)
        self.is_final = True
        self.summary.others.update(dict(catalog.counted()))
        self._sink = sink
        self._catalog = catalog
        self._ids = ids
        self._told = told
        self._settings = settings
        self._release = find_release(settings.fhir)
        self._mapper = ContextMapper(catalog, settings, ids)
        self._problems: list[Problem] = []

    def shard(self, shard: Shard) -> None:
        """Write the objects of a shard."""
        for line in shard.lines():
            kind, _, rest = line.partition(b"\t")
            if kind == b"E":
                self._end(rest)
                continue
            parts = rest.split(b"\t", 3)
            if kind == b"C":
                self._context(parts)
            else:
                name, identity, study, body = parts
                self._sink.write(EncodedBefore(name.decode(), identity.decode(), body), orjson.loads(study))
                if kind == b"R":
                    self.summary.resources[name.decode()] += 1

    def _context(self, line: list[bytes]) -> None:
        found = given(line, self._mapper, self._release, self._ids)
        for resource in found.resources:
            self._sink.write(resource, None)
            self.summary.resources[resource.type] += 1
        self._problems += found.problems

    def _end(self, line: bytes) -> None:
        stated: dict[str, Any] = orjson.loads(line)
        if self._problems:
            stated["problems"] += [
                {"code": each.code, "severity": each.severity, "message": each.message, "path": each.path}
                for each in self._problems
            ]
            line = orjson.dumps(stated)
            self._problems.clear()
        self.is_final &= all(each["code"] != "unreadable" for each in stated["problems"])
        self._sink.report(line)
        self.summary.objects[stated["kind"]] += 1
        self.summary.selections[stated["kind"]] += len(stated["selections"])
        self.summary.problems.update((each["code"], each["severity"]) for each in stated["problems"])
        self.summary.total = (self.summary.total or 0) + 1
        self._told(stated["file"], stated["problems"])

    def rest(self) -> None:
        """Write what belongs to no shard: series, and what stands in the report alone."""
        for result in self._others():
            for resource, study in in_writing_order(result):
                self._sink.write(resource, study)
            line = result.report_line()
            self._sink.report(line)
            self.summary.add(result)
            if result.problems:
                self._told(result.file, orjson.loads(line)["problems"])

    def _others(self) -> Iterator[Result]:
        if self._settings.select == "series":
            yield from series_results(self._catalog, Work(self._catalog, self._settings, self._release, self._mapper))
        catalog = self._catalog
        yield from other_results(catalog.rejected(), catalog.directories(), catalog.unread(), catalog.conflicts())
