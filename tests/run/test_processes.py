"""Tasks in processes: each is done, whatever becomes of the process that was at it."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from converter import Settings
from converter.run.catalog import ArchiveCatalog
from converter.run.engine import InProcess
from converter.run.plan import Planned, ranges
from converter.run.processes import Processes
from converter.run.shard import Shard
from converter.run.shard_task import ShardTask, convert_shard
from converter.run.state import RunError, StateFolder
from tests.run.archives import archive, lines, run
from tests.run.counting import counted, fails, never, tasks


def test_all_tasks_are_done(tmp_path: Path) -> None:
    with Processes(2) as engine:
        found = list(engine.run(counted, tasks(tmp_path), lambda *_: None))
    assert sorted(found) == [(number, list(range(10))) for number in range(6)]
    assert sorted(InProcess().run(counted, tasks(tmp_path), lambda *_: None)) == sorted(found)


def test_the_task_of_a_process_that_ended_is_done_again(tmp_path: Path) -> None:
    lost: list[tuple[int, bool]] = []
    with Processes(2) as engine:
        found = list(engine.run(counted, tasks(tmp_path, once=str(tmp_path / "died")), lambda *each: lost.append(each)))
    assert sorted(found) == [(number, list(range(10))) for number in range(6)]
    assert lost == [(5, False)]


def test_what_ends_every_process_is_left_out_and_the_rest_is_done(tmp_path: Path) -> None:
    lost: list[tuple[int, bool]] = []
    with Processes(2) as engine:
        found = dict(engine.run(counted, tasks(tmp_path, deadly=7), lambda *each: lost.append(each)))
    assert found[3] == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    assert found[4] == list(range(10))
    assert lost == [(7, False), (7, False), (7, True)]


def test_processes_that_cannot_even_begin_are_no_endless_loop(tmp_path: Path) -> None:
    with Processes(2) as engine, pytest.raises(RunError, match="end before"):
        list(engine.run(never, islice(tasks(tmp_path), 1), lambda *_: None))


def test_what_a_task_raises_is_raised_here(tmp_path: Path) -> None:
    with Processes(1) as engine, pytest.raises(FileNotFoundError) as error:
        list(engine.run(fails, tasks(tmp_path), lambda *_: None))
    assert error.value.errno == 2


def test_closing_ends_processes_whatever_they_are_at(tmp_path: Path) -> None:
    engine = Processes(2)
    running = engine.run(counted, tasks(tmp_path), lambda *_: None)
    next(running)
    processes = [each.process for each in engine._workers]
    engine.close()
    assert [each.is_alive() for each in processes] == [False, False]


def test_a_worker_that_nobody_listens_to_ends_in_silence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Processes(1) as engine:
        next(engine.run(counted, tasks(tmp_path), lambda *_: None))
        worker = engine._workers[0]
        assert worker.tasks
        worker.connection.close()
        worker.process.join()
    assert worker.process.exitcode == 0
    assert capfd.readouterr().err == ""


def test_an_object_that_is_left_out_is_an_error_in_the_report(tmp_path: Path) -> None:
    source, out = archive(tmp_path / "source", reports=5, images=1), tmp_path / "out"
    run(source, out)
    state = StateFolder(out)
    with ArchiveCatalog.open(state) as catalog:
        (only,) = ranges(catalog)
    task = ShardTask(
        out=str(out),
        run=state.begin(),
        planned=Planned(only, tmp_path / "made.shard"),
        settings=Settings(),
        made="",
        generation=1,
    )
    done = convert_shard(task.without(2))
    assert (done.converted, done.is_written) == (5, True)
    ends = [line for line in Shard.read(tmp_path / "made.shard").lines() if line.startswith(b"E")]
    assert [b"worker-lost" in each for each in ends] == [False, False, True, False, False]
    # All others became what they are.
    shard = b"\n".join(line[2:] for number, line in enumerate(ends) if number != 2)
    report = (out / "report.ndjson").read_bytes().splitlines()[:5]
    assert shard == b"\n".join(report[:2] + report[3:])
    assert len(lines(out / "report.ndjson")) == 6


def test_a_run_that_was_succeeded_by_another_writes_nothing_more(tmp_path: Path) -> None:
    source, out = archive(tmp_path / "source", reports=5, images=1), tmp_path / "out"
    run(source, out)
    state = StateFolder(out)
    with ArchiveCatalog.open(state) as catalog:
        (only,) = ranges(catalog)
    before = state.begin()
    state.begin()
    planned = Planned(only, tmp_path / "made.shard")
    task = ShardTask(out=str(out), run=before, planned=planned, settings=Settings(), made="", generation=1)
    assert not convert_shard(task).is_written
    assert not list(tmp_path.glob("*.shard*"))
