"""Clocks are killed, doubled and absent: each due time still has one run, or is recorded as skipped."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orion.store import Role, Store, open_store
from orion.store import scheduling as db
from tests.faults.machines import Process
from tests.servers import clean_environment, eventually
from tests.services.world import add_deployment, change, due, runs

pytestmark = pytest.mark.fault

EVERY_SECOND = '{"interval": 1, "anchor_date": "2026-01-01T00:00:00Z"}'


def clock(home: Path, url: str) -> Process:
    return Process(home, "-m", "orion", "clock", ORION_DATABASE_URL=url, ORION_SCHEDULER_MAX_RUNS="5")


@pytest.fixture
def shared(store: Store, database_url: str) -> Iterator[tuple[Store, str]]:
    yield store, database_url


def test_two_clocks_of_which_one_is_killed_plan_each_due_time_once(
    shared: tuple[Store, str], tmp_path: Path
) -> None:
    store, url = shared
    deployments = [add_deployment(store, EVERY_SECOND) for _ in range(3)]
    clocks = [clock(tmp_path, url) for _ in range(2 if store.dialect == "postgres" else 1)]
    try:
        eventually(lambda: all("The clock runs" in process.output for process in clocks))
        eventually(lambda: all(len(due(store, one)) >= 5 for one in deployments))
        clocks[0].end()
        planned = len(due(store))
        eventually(lambda: datetime.now(UTC) > due(store)[0] + timedelta(seconds=1))
        change(store, "DELETE FROM service_lease")  # as if its time were over
        clocks.append(clock(tmp_path, url))
        eventually(lambda: "The clock runs" in clocks[-1].output)
        eventually(lambda: len(due(store)) > planned)
    finally:
        codes = [process.end(signal.SIGTERM) for process in clocks[1:]]
    assert set(codes) == {0}, [process.output for process in clocks]
    for deployment in deployments:
        moments = due(store, deployment)
        assert len(moments) == len(set(moments))
        _accounted_for(store, deployment, moments)


def _accounted_for(store: Store, deployment: str, moments: list[datetime]) -> None:
    gaps = store.read_now(db.skips, deployment, 1000)
    moment = moments[0]
    while moment < moments[-1]:
        assert moment in moments or any(gap.from_time <= moment <= gap.to_time for gap in gaps), moment
        moment += timedelta(seconds=1)


def test_a_clock_that_comes_back_catches_up_with_the_newest_and_records_the_gap(
    shared: tuple[Store, str], tmp_path: Path
) -> None:
    store, url = shared
    deployment = add_deployment(store, EVERY_SECOND)
    assert _once(tmp_path, url).returncode == 0
    first = due(store, deployment)
    assert len(first) == 5
    change(store, "DELETE FROM service_lease")
    eventually(lambda: datetime.now(UTC) > first[-1] + timedelta(seconds=3))
    assert _once(tmp_path, url).returncode == 0
    (gap,) = store.read_now(db.skips, deployment)
    assert gap.from_time == first[-1] + timedelta(seconds=1) and gap.count >= 2
    _accounted_for(store, deployment, due(store, deployment))


def _once(home: Path, url: str) -> subprocess.CompletedProcess[str]:
    environ = clean_environment(home, ORION_DATABASE_URL=url, ORION_SCHEDULER_MAX_RUNS="5")
    command = [sys.executable, "-m", "orion", "clock", "--once"]
    return subprocess.run(command, env=environ, cwd=home, capture_output=True, text=True, timeout=60)


def test_a_message_that_is_lost_or_comes_twice_does_no_harm(sqlite_url: str, tmp_path: Path) -> None:
    from orion.settings import load
    from tasks.clock import Clock

    store = open_store(sqlite_url, role=Role.SERVER)
    deployment = add_deployment(store, '{"interval": 3600, "anchor_date": "2026-01-01T00:00:00Z"}')
    running = Clock(store, load({"ORION_HOME": str(tmp_path), "ORION_DATABASE_URL": sqlite_url}))
    try:
        running.tasks["scheduling"]()
        running.huey.flush()  # lost
        running.start()
        for _ in range(5):
            running.tasks["scheduling"]()
        eventually(lambda: len(running.huey) == 0 and len(due(store, deployment)) == 3)
        assert len({run.key for run in runs(store, deployment)}) == 3
    finally:
        running.stop()
        store.close()


def test_an_idle_clock_costs_next_to_nothing(sqlite_url: str, tmp_path: Path) -> None:
    """A hang guard, not a measurement: a clock that spins would use all of its seconds, now and later."""
    process = clock(tmp_path, sqlite_url)
    try:
        eventually(lambda: "The clock runs" in process.output)
        eventually(lambda: _rests(process))  # what starting costs is over some time
    finally:
        assert process.end(signal.SIGTERM) == 0


def _rests(process: Process) -> bool:
    """Whether it does next to nothing for three seconds."""
    before = _cpu(process)
    time.sleep(3)
    return _cpu(process) - before < 0.15


def _cpu(process: Process) -> float:
    fields: list[Any] = Path(f"/proc/{process.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
