"""Runs that are killed, processes and clusters that lose workers, and archives of any size. Not part of `make test`."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from converter.run.dask_engine import Dask
from tests.builders import written
from tests.conftest import ROOT
from tests.run.archives import archive, converted, ct, note, one_pass, put, run, summary, written_files
from tests.run.counting import counted, tasks

pytestmark = pytest.mark.archive
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
REPORTS, IMAGES = 600, 30
MOST_BYTES = 250 * 2**20


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archive(tmp_path_factory.mktemp("archive") / "source", REPORTS, IMAGES)


@pytest.fixture(scope="module")
def expected(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return written_files(one_pass(source, tmp_path_factory.mktemp("expected")))


@contextmanager
def started(source: Path, out: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "converter.cli", "convert", str(source), "-o", str(out), "-q", "--log-json"]
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        try:
            yield process
        finally:
            process.kill()


def events(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    assert process.stderr is not None
    for line in process.stderr:
        yield json.loads(line)


def children(process: int) -> list[int]:
    """Return the processes that a process began."""
    try:
        found = [(each / "children").read_text() for each in Path(f"/proc/{process}/task").iterdir()]
    except OSError:
        return []
    return [int(each) for each in " ".join(found).split()]


def workers(process: int) -> list[int]:
    """Return those that do tasks."""
    return [each for each in children(process) if b"spawn_main" in command_line(each)]


def command_line(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def assert_gone(processes: list[int]) -> None:
    """Wait until none is left but as a name that nobody asked for yet."""
    while left := [each for each in processes if command_line(each)]:
        time.sleep(0.05)
        assert left


def shards(out: Path) -> set[str]:
    return {path.name for path in (out / ".imgsel" / "shards").glob("*.shard")}


@pytest.mark.parametrize("number", range(20))
def test_a_run_killed_at_any_moment_goes_on_to_the_same_output(
    number: int, source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    chance = random.Random(number)
    out, jobs = tmp_path / "out", ("-j", str(1 + number % 2))
    at = chance.randrange(60)
    left: list[int] = []
    with started(source, out, *jobs) as process:
        for count, _ in enumerate(events(process)):
            if count == at:
                time.sleep(chance.uniform(0, 0.1))
                left = children(process.pid)
                os.kill(process.pid, signal.SIGKILL)
                break
    assert_gone(left)
    finished = shards(out)
    outcome = run(source, out, jobs=1 + (number + 1) % 2)
    assert outcome.error is None
    assert written_files(out) == expected
    # What was finished is not converted again, but after the very end: then nothing is.
    account = summary(out)
    assert account["objects"]["converted"] + account["objects"].get("reused", REPORTS) == REPORTS
    assert finished <= shards(out)
    assert account.get("shards", {"kept": len(finished)})["kept"] == len(finished)


def test_a_run_killed_again_and_again_comes_to_its_end(
    source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    chance = random.Random(0)
    out = tmp_path / "out"
    for _ in range(8):
        with started(source, out) as process:
            for _, _ in zip(range(chance.randrange(4, 12)), events(process), strict=False):
                pass
            os.kill(process.pid, signal.SIGKILL)
    assert run(source, out).error is None
    assert written_files(out) == expected


def test_an_archive_that_changes_while_runs_are_killed_is_stated_as_it_is(source: Path, tmp_path: Path) -> None:
    chance = random.Random(1)
    archived, out = tmp_path / "source", tmp_path / "out"
    shutil.copytree(source, archived)
    for turn in range(12):
        for _ in range(chance.randrange(1, 8)):
            number = chance.randrange(REPORTS)
            path = archived / f"reports/{number % 5}/{number:04}"
            image = f"1.2.3.1.1.{chance.randrange(IMAGES)}"
            match chance.randrange(4):
                case 0:
                    path.unlink(missing_ok=True)
                case 1:
                    put(archived, str(path.relative_to(archived)), note(f"1.2.3.81.{number}", image))
                case 2:
                    put(archived, f"images/{chance.randrange(IMAGES):03}", ct(image, InstanceNumber=turn))
                case _:
                    put(archived, f"new/{turn}-{number}", note(f"1.2.3.81.{number}", image, ContentTime=f"1{turn:05}"))
        with started(archived, out, "-j", str(1 + turn % 2)) as process:
            for _, _ in zip(range(chance.randrange(40)), events(process), strict=False):
                pass
            left = children(process.pid)
            os.kill(process.pid, signal.SIGKILL)
        assert_gone(left)
        if turn % 4 == 3:
            assert run(archived, out).error is None
            assert written_files(out) == written_files(one_pass(archived, tmp_path / f"expected-{turn}"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_says_what_is_kept_and_the_same_command_goes_on(
    number: signal.Signals, source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with started(source, out, "-j", "2") as process:
        for event in events(process):
            if event["event"] == "shard":
                break
        left = children(process.pid)
        # As a terminal does: to all processes of the group would be to this one, too.
        for each in (process.pid, *left):
            os.kill(each, number)
        assert process.stderr is not None
        said = [line for line in process.stderr if not line.startswith("{")]
        assert process.wait() == 128 + number
    assert_gone(left)
    assert len(said) == 1
    assert "objects are converted and kept: run the same command again" in said[0]
    assert not (out / "report.ndjson").exists()
    kept = shards(out)
    assert kept
    assert run(source, out).error is None
    assert summary(out)["shards"]["kept"] == len(kept)
    assert written_files(out) == expected


@pytest.mark.parametrize("moment", ["headers", "shard"])
def test_a_worker_that_is_killed_is_made_up_for(
    moment: str, source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with started(source, out, "-j", "2") as process:
        left: list[int] = []
        for event in events(process):
            is_then = event["event"] == "shard" or (event["event"] == "phase" and event["name"] == "headers")
            if left or not is_then or (moment == "shard") != (event["event"] == "shard"):
                continue
            while len(left) < (2 if moment == "shard" else 1):
                left = workers(process.pid)
            os.kill(left[0], signal.SIGKILL)
        assert process.wait() == 0
    assert_gone(left)
    assert written_files(out) == expected
    assert summary(out)["workers"]["lost"] >= (moment == "shard")


def test_workers_end_when_the_process_that_began_them_does(source: Path, tmp_path: Path) -> None:
    with started(source, tmp_path / "out", "-j", "2") as process:
        for event in events(process):
            if event["event"] == "shard":
                break
        left = children(process.pid)
        assert len(workers(process.pid)) == 2
        os.kill(process.pid, signal.SIGKILL)
    assert_gone(left)


# Dask


def test_a_cluster_of_this_process_writes_the_same(source: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    from distributed import LocalCluster

    start: Any = LocalCluster
    with start(n_workers=2, threads_per_worker=2, dashboard_address=None) as cluster:
        outcome = run(source, tmp_path / "out", dask=cluster.scheduler_address)
    assert outcome.error is None
    assert summary(tmp_path / "out")["workers"] == {"jobs": 4, "lost": 0}
    assert written_files(tmp_path / "out") == expected


@contextmanager
def dask(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "dask", *arguments, "--no-dashboard"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


@contextmanager
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    """Give the address of a scheduler, and two workers, each a process of its own."""
    file = tmp_path / "scheduler.json"
    with ExitStack() as stack:
        scheduler = stack.enter_context(dask("scheduler", "--port", "0", "--scheduler-file", str(file)))
        while not file.exists() or not file.read_text():
            assert scheduler.poll() is None
            time.sleep(0.1)
        address = json.loads(file.read_text())["address"]
        options = ("worker", address, "--nthreads", "1", "--no-nanny", "--local-directory", str(tmp_path))
        yield address, [stack.enter_context(dask(*options)) for _ in range(2)]


def test_a_scheduler_and_workers_started_elsewhere_write_the_same(
    source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with cluster(tmp_path) as (address, _):
        assert run(source, out, dask=address).error is None
        assert written_files(out) == expected
        assert run(source, out, dask=address).error is None
        assert converted(out) == 0


def test_a_worker_of_a_cluster_that_is_killed_is_made_up_for(
    source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with cluster(tmp_path) as (address, members), started(source, out, "--dask", address) as process:
        killed = False
        for event in events(process):
            if event["event"] == "shard" and not killed:
                killed = True
                members[0].kill()
        assert process.wait() == 0
        assert killed
    assert written_files(out) == expected


def test_what_ends_every_worker_of_a_cluster_is_left_out(tmp_path: Path) -> None:
    from distributed import LocalCluster

    lost: list[tuple[int, bool]] = []
    (tmp_path / "shared").touch()
    start: Any = LocalCluster
    with (
        start(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Dask(cluster.scheduler_address, tmp_path / "shared") as engine,
    ):
        found = dict(engine.run(counted, tasks(tmp_path, deadly=7), lambda *each: lost.append(each)))
    assert found[3] == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    assert found[4] == list(range(10))
    assert lost == [(7, True)]


def test_no_scheduler_is_one_line_and_status_2(source: Path, tmp_path: Path) -> None:
    outcome = run(source, tmp_path / "out", dask="tcp://127.0.0.1:1")
    assert outcome.error is not None
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in outcome.error


# Size


def many(folder: Path, images: int) -> Path:
    """Write small images, each with a UID of its own, and a report for every hundred of them."""
    template = written(ct("1.2.3.1.1.00000000", StudyDescription="x" * 40))
    for number in range(images):
        if number % 1000 == 0:
            series = folder / f"{number // 1000:04}"
            series.mkdir(parents=True)
        name = f"1.2.3.1.1.{10_000_000 + number}"
        (series / f"{number:06}").write_bytes(template.replace(b"1.2.3.1.1.00000000", name.encode()))
        if number % 100 == 0:
            (series / f"{number:06}-report").write_bytes(written(note(f"1.2.3.81.{number}", name)))
    return folder


@pytest.fixture
def emptied(tmp_path: Path) -> Iterator[Path]:
    """A folder of which nothing is left when the test is done."""
    yield tmp_path
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("images", [1_000, 200_000])
def test_memory_does_not_grow_with_an_archive(images: int, emptied: Path) -> None:
    source, out = many(emptied / "source", images), emptied / "out"
    command = [sys.executable, "-m", "converter.cli", "convert", str(source), "-o", str(out), "-q", "-j", "2"]
    subprocess.run(command, check=True, env=ENVIRONMENT)
    account = summary(out)
    assert account["counts"]["selections"] == {"SR": images // 100}
    assert account["counts"]["others"] == {"CT Image Storage": images}
    assert 0 < account["peakMemoryBytes"]["main"] < MOST_BYTES
    assert 0 < account["peakMemoryBytes"]["worker"] < MOST_BYTES
    subprocess.run(command, check=True, env=ENVIRONMENT)
    assert converted(out) == 0
    assert summary(out)["files"]["unchanged"] == images + images // 100
