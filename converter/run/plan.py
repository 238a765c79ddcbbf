"""Divides the one order into ranges, a shard each, and finds out which shards are there already.

Where a range begins is a matter of the object that stands there, not of those before it: an object that comes or goes
changes one range, or two.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from converter.run.catalog import UNREADABLE, ArchiveCatalog, Place
from converter.run.ledger import Ledger
from converter.run.shard import SUFFIX, DamagedShardError, Shard

OBJECTS: Final = 32
"""Objects in a range, on average."""


@dataclass(frozen=True, slots=True)
class Range:
    """Some objects in a row, from the place `first` to before `end`; `token` stands for all that they are."""

    name: str
    first: Place
    end: Place | None
    count: int
    token: str


class Known(NamedTuple):
    """A shard that was found."""

    first: Place
    token: str
    generation: int
    path: Path
    unreadable: frozenset[str]


class Reuse(NamedTuple):
    """A shard that may hold some of a range's objects; those with the keys `outdated` do not count."""

    path: Path
    outdated: frozenset[str]


@dataclass(slots=True)
class Planned:
    """What is to be done about a range: nothing where `shard` is there, else it is converted into `path`."""

    range: Range
    path: Path
    shard: Path | None = None
    reuse: tuple[Reuse, ...] = ()


def ranges(catalog: ArchiveCatalog) -> Iterator[Range]:
    """Yield the ranges in order. Raises CatalogError."""
    first: Place | None = None
    name, count, token = "first", 0, blake2b(digest_size=16)
    for place, key, _ in catalog.objects():
        digest = blake2b(place[1], digest_size=8)
        if first is not None and int.from_bytes(digest.digest(), "little") % OBJECTS == 0:
            yield Range(name, first, place, count, token.hexdigest())
            first, name, count, token = place, digest.hexdigest(), 0, blake2b(digest_size=16)
        first = first or place
        count += 1
        token.update(key.encode())
    if first is not None:
        yield Range(name, first, None, count, token.hexdigest())


@dataclass(slots=True)
class Planner:
    """Knows the shards that are there; `useless` are those that were made otherwise, or are damaged."""

    folder: Path
    generation: int
    touched: dict[int, NDArray[np.int64]]
    known: list[Known] = field(default_factory=list)
    useless: list[Path] = field(default_factory=list)

    @classmethod
    def look(cls, folder: Path, made: str, ledger: Ledger) -> Planner:
        """Look at the shards of a folder. Raises OSError, CatalogError."""
        planner = cls(folder, ledger.generation, _touched(ledger))
        for path in folder.glob(f"*{SUFFIX}"):
            try:
                shard = Shard.read(path)
            except DamagedShardError:
                planner.useless.append(path)
                continue
            if shard.made == made:
                planner.known.append(Known(shard.first, shard.token, shard.generation, path, _unreadable(shard)))
            else:
                planner.useless.append(path)
        planner.known.sort()
        return planner

    def plan(self, catalog: ArchiveCatalog) -> Iterator[Planned]:
        """Yield what is to be done about each range, in order. Raises OSError, CatalogError."""
        for each in ranges(catalog):
            planned = Planned(each, self.folder / f"{each.name}-{self.generation}-{each.token[:8]}{SUFFIX}")
            near = self._near(each)
            for known in near:
                if known.first == each.first and known.token == each.token and not self._outdated(known):
                    planned.shard = known.path
                    break
            else:
                planned.reuse = tuple(Reuse(known.path, self._outdated(known)) for known in near)
            yield planned

    def _near(self, wanted: Range) -> list[Known]:
        """Return the shards that may hold objects of a range: those that begin within it, and the last before it."""
        start = bisect_right(self.known, wanted.first, key=lambda known: known.first)
        stop = len(self.known)
        if wanted.end is not None:
            stop = bisect_right(self.known, wanted.end, key=lambda known: known.first)
            while stop > start and self.known[stop - 1].first == wanted.end:
                stop -= 1
        before = start
        while before > 0 and self.known[before - 1].first == self.known[start - 1].first:
            before -= 1
        # The newest first: of an object that several hold, it holds the result that is not outdated, if any does.
        return sorted(self.known[before:stop], key=lambda known: -known.generation)

    def _outdated(self, known: Known) -> frozenset[str]:
        """Return the keys of the objects for which something was asked that has another answer since, or may have."""
        touched = self._touched_since(known.generation)
        if not len(touched):
            return known.unreadable
        shard = Shard.read(known.path)
        hit = (each.key for each in shard.objects if np.isin(np.asarray(each.questions), touched).any())
        return known.unreadable.union(hit)

    def _touched_since(self, generation: int) -> NDArray[np.int64]:
        since = [found for when, found in self.touched.items() if when > generation]
        return np.concatenate(since) if since else np.empty(0, np.int64)


def _unreadable(shard: Shard) -> frozenset[str]:
    # First as bytes: nearly no object has it.
    packed = UNREADABLE.to_bytes(8, sys.byteorder, signed=True)
    return frozenset(each.key for each in shard.objects if packed in each.asked and UNREADABLE in each.questions)


def _touched(ledger: Ledger) -> dict[int, NDArray[np.int64]]:
    rows = ledger.connection.execute("SELECT DISTINCT generation FROM touched").fetchall()
    query = "SELECT question FROM touched WHERE generation = ?"
    return {
        when: np.fromiter((question for (question,) in ledger.connection.execute(query, (when,))), np.int64)
        for (when,) in rows
    }
