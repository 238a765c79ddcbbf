"""One run: finds out what changed, reads that, converts whatever it concerns, and joins the results.

What takes long is imported when there is something to do: an archive that did not change is only walked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from converter.reader.database import CatalogError
from converter.run.manifest import Fingerprint, Manifest, state
from converter.run.monitor import Monitor
from converter.run.state import Lock, RunError, StateFolder, write_whole
from converter.run.workshop import Workshop
from converter.summary import Summary

if TYPE_CHECKING:
    from converter.run.discovery import Changes
    from converter.run.engine import Engine
    from converter.run.ledger import Ledger
    from converter.settings import Settings

SUMMARY = "summary.json"
_JOINS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a run is done.

    `jobs_may_end`: whether tasks are done in processes that may end by themselves. `retry`: names of files, as a report
    has them, that are to be read again, and no others.
    """

    format_name: str = "ndjson"
    conditional: bool = False
    overwrite: bool = False
    jobs_may_end: bool = False
    retry: tuple[str, ...] | None = None


class ArchiveRun:
    """A run of some sources into a folder; `out` is locked as long as it lasts.

    `engine`: makes what does tasks, once there is one to do. Raises RunError for what the user can mend, OutError where
    OUT cannot be written, and OSError.
    """

    def __init__(
        self,
        sources: tuple[str, ...],
        out: str | Path,
        settings: Settings,
        options: Options,
        engine: Callable[[], Engine],
        monitor: Monitor,
    ) -> None:
        self._sources = sources
        self._state = StateFolder(out)
        self._settings = settings
        self._options = options
        self._monitor = monitor
        self._workshop = Workshop(self._state, engine, monitor, may_end=options.jobs_may_end)
        self._fingerprint = Fingerprint.of(sources, settings, options.format_name, conditional=options.conditional)

    def __call__(self) -> Summary:
        """Do it and return the counts of all that is in OUT."""
        if any(map(self._state.is_out, self._sources)):
            raise RunError(f"{self._state.out} is a SOURCE: name another folder to write to")
        with ExitStack() as stack:
            stack.enter_context(Lock(self._state))
            stack.callback(self._workshop.close)
            manifest = self._manifest()
            self._workshop.run = self._state.begin()
            summary = self._update(manifest)
            # What its workers took is known when they have ended.
            self._workshop.close()
            write_whole(
                self._state.out / SUMMARY,
                json.dumps(self._monitor.summary(summary.counts()), indent=1).encode() + b"\n",
            )
            self._monitor.event("finished", **self._monitor.values)
            return summary

    def _manifest(self) -> Manifest:
        """Return the manifest to go on from. Raises RunError where it is that of something else."""
        try:
            found = Manifest.read(self._state.manifest)
        except RunError:
            if not self._options.overwrite:
                raise
            found = None
            self._state.forget_catalog()
        if found is None and self._options.retry is not None:
            raise RunError(f"nothing was converted into {self._state.out} yet: leave --retry out")
        if found is None:
            return Manifest(self._fingerprint)
        if found.fingerprint == self._fingerprint:
            return found
        if not self._options.overwrite:
            names = ", ".join(found.fingerprint.differences(self._fingerprint))
            raise RunError(
                f"{self._state.out} was made otherwise ({names}): give the same command as then, another folder, or"
                " --overwrite to convert all again"
            )
        # What was written is known, so that what is not written any more can be removed.
        return Manifest(self._fingerprint, outputs=found.outputs)

    def _update(self, manifest: Manifest) -> Summary:
        from converter.run.header_pass import HeaderPass

        with self._ledger() as ledger:
            read = HeaderPass(self._workshop, ledger, self._sources, self._settings, lambda: self._begin(manifest))
            with self._monitor.phase("headers"):
                changes = read(self._options.retry)
            is_same = ledger.is_settled and manifest.is_complete and not changes.is_any
            if is_same and manifest.are_outputs_there(self._state.out):
                self._monitor.count("objects", converted=0)
                self._monitor.event("unchanged")
                return Summary.of_counts(manifest.counts)
            self._begin(manifest)
            if not ledger.is_settled:
                self._settle(ledger)
            ledger.finish()
            return self._convert(ledger, manifest, changes)

    def _begin(self, manifest: Manifest) -> None:
        """From now on OUT is not what it should be."""
        manifest.begun().write(self._state.manifest)

    def _ledger(self) -> Ledger:
        from converter.run.ledger import Ledger

        try:
            ledger = Ledger(self._state.catalog)
            if ledger.get("fingerprint") not in (None, self._fingerprint.catalog()):
                ledger.close()
                self._state.forget_catalog()
                ledger = Ledger(self._state.catalog)
            if ledger.get("fingerprint") is None:
                # What shards were made from is not known any more.
                self._state.forget_shards()
                ledger.put("fingerprint", self._fingerprint.catalog())
        except CatalogError as error:
            if error.errno is not None:
                raise
            raise RunError(f"{self._state.catalog} cannot be read: remove {self._state.path} to start anew") from error
        ledger.tracking = any(self._state.shards.iterdir())
        return ledger

    def _settle(self, ledger: Ledger) -> None:
        from converter.run import settling

        with self._monitor.phase("settling"):
            groups = list(settling.unversioned(ledger, self._state.spool))
            tasks = (settling.VersionTask(objects=each, **self._workshop.next_task()) for each in groups)
            for versions in self._workshop.do(settling.read_versions, tasks):
                settling.keep_versions(ledger, versions)
            settling.settle(ledger)
            if self._options.retry is not None:
                settling.convert_again(ledger)
            settling.clear_spool(ledger, self._state.spool)

    # The conversion

    def _convert(self, ledger: Ledger, manifest: Manifest, changes: Changes) -> Summary:
        from converter.run import settling
        from converter.run.shard import DamagedShardError

        settings = self._settings
        if settings.context:
            settling.fill_groups(ledger, "study", "patient")
        if settings.project or settings.outlines or settings.regions == "2d":
            settling.fill_groups(ledger, "frame_of_reference")
        for attempt in range(_JOINS):
            shards = self._convert_shards(ledger)
            try:
                return self._join(ledger, manifest, shards, changes)
            except DamagedShardError as error:
                if attempt == _JOINS - 1:
                    raise RunError(
                        f"{self._state.shards} gives back other bytes than were written: check the disk"
                    ) from error
                self._monitor.event("damaged", shard=str(error))
                (self._state.shards / str(error)).unlink(missing_ok=True)
        raise AssertionError

    def _convert_shards(self, ledger: Ledger) -> list[Path]:
        """Convert what has to be, and return the shards of all objects in order."""
        from converter.run.catalog import ArchiveCatalog
        from converter.run.plan import Planner
        from converter.run.shard_task import ShardTask, convert_shard

        made = self._fingerprint.shards()
        planner = Planner.look(self._state.shards, made, ledger)
        for path in planner.useless:
            path.unlink(missing_ok=True)
        with ArchiveCatalog.open(self._state) as catalog:
            planned = list(planner.plan(catalog))
        shards = [each.shard or each.path for each in planned]
        waiting = [each for each in planned if each.shard is None]
        total = sum(each.range.count for each in waiting)
        kept = len(planned) - len(waiting)
        self._monitor.event("planned", shards=len(planned), kept=kept, objects=total)
        self._monitor.count("shards", total=len(planned), kept=kept, converted=len(waiting))
        done = 0
        with self._monitor.phase("conversion", total):
            tasks = (
                ShardTask(
                    planned=each,
                    settings=self._settings,
                    made=made,
                    generation=planner.generation,
                    **self._workshop.next_task(),
                )
                for each in waiting
            )
            for result in self._workshop.do(convert_shard, tasks):
                if not result.is_written:
                    raise RunError(f"another run has begun to write to {self._state.out}")
                done += result.planned.range.count
                self._monitor.count("objects", converted=result.converted, reused=result.reused)
                self._monitor.event("shard", name=result.planned.path.name, converted=result.converted)
                self._monitor.event("progress", done=done)
        in_kept = sum(each.range.count for each in planned if each.shard is not None)
        self._monitor.count("objects", converted=0, reused=in_kept)
        return shards

    def _join(self, ledger: Ledger, manifest: Manifest, shards: list[Path], changes: Changes) -> Summary:
        from converter.run.catalog import ArchiveCatalog
        from converter.run.join import join
        from converter.run.outputs import remove_outdated

        with self._monitor.phase("join"):
            with ArchiveCatalog.open(self._state) as catalog:
                joined = join(
                    shards,
                    catalog,
                    self._settings,
                    self._state.out,
                    self._options.format_name,
                    self._monitor.failed,
                    conditional=self._options.conditional,
                    replacing=bool(manifest.outputs),
                )
            joined.summary.files = changes.files
            remove_outdated(self._state.out, manifest.outputs, joined.names)
            Manifest(
                self._fingerprint,
                is_complete=joined.is_final,
                shards=tuple(_described(each) for each in shards),
                outputs={name: state(self._state.out / name) for name in joined.names},
                counts=joined.summary.counts(),
            ).write(self._state.manifest)
            wanted = set(shards)
            for path in self._state.shards.iterdir():
                if path not in wanted:
                    path.unlink(missing_ok=True)
            with ledger.transaction() as connection:
                connection.execute("DELETE FROM touched")
        return joined.summary


def _described(path: Path) -> tuple[str, int, int, str]:
    """Return what the manifest says of a shard."""
    from converter.run.shard import Shard

    shard = Shard.read(path)
    return path.name, len(shard.objects), path.stat().st_size, shard.digest
