"""Duties: one process works, a failure is recorded and goes on, and nobody's absence goes unnoticed."""

from __future__ import annotations

import socket
import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from orion.services import DUTIES, Duty, duties, health, runner, watchdog
from orion.settings import temporary_settings
from orion.store import Store
from tests.services.world import HOURLY, NOON, add_deployment, due

MINUTE = timedelta(minutes=1)


class Clock:
    """A clock that stands until it is told to go on."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def broken(store: Store, now: datetime) -> int:
    raise RuntimeError("no luck")


def test_a_duty_is_done_by_one_process_until_its_lease_ends(store: Store) -> None:
    clock, duty = Clock(), Duty("scheduling", lambda store, now: 7, 60)
    assert runner.run_duty(store, duty, clock, "a") == 7
    assert runner.run_duty(store, duty, clock, "b") is None
    assert runner.run_duty(store, duty, clock, "a") == 7
    clock.now += 3 * MINUTE
    assert runner.run_duty(store, duty, clock, "b") == 7
    assert runner.run_duty(store, duty, clock, "a") is None


def test_a_process_that_ends_lets_another_take_over_at_once(store: Store) -> None:
    clock, duty = Clock(), Duty("scheduling", lambda store, now: 1, 60)
    assert runner.run_duty(store, duty, clock, "a") == 1
    runner.let_go(store, "a")
    assert runner.run_duty(store, duty, clock, "b") == 1


@pytest.mark.row("SCH-14")
def test_a_failing_duty_is_logged_and_recorded_and_goes_on(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    clock, duty = Clock(), Duty("lateness", broken, 10)
    assert runner.run_duty(store, duty, clock) == 0
    assert "no luck" in caplog.text
    found = {seen.name: seen for seen in health.report(store, NOON)}["lateness"]
    assert found.last_error == "RuntimeError: no luck"
    assert runner.run_duty(store, Duty("lateness", lambda store, now: 2, 10), clock) == 2
    found = {seen.name: seen for seen in health.report(store, NOON)}["lateness"]
    assert (found.last_error, found.count) == (None, 2)


@pytest.mark.row("SCH-14")
def test_a_duty_that_takes_longer_than_its_interval_warns(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()

    def slow(store: Store, now: datetime) -> int:
        clock.now += MINUTE
        return 0

    runner.run_duty(store, Duty("lateness", slow, 10), clock)
    assert "took 60.0 s" in caplog.text


@pytest.mark.row("SCH-13")
def test_each_duty_can_be_turned_off_and_run_alone(store: Store) -> None:
    deployment = add_deployment(store, HOURLY)
    with temporary_settings({"ORION_SCHEDULER_ENABLED": False}):
        done = runner.run_all(store, Clock())
    assert "scheduling" not in done and done["lateness"] == 0
    with temporary_settings({"ORION_LATE_RUNS_ENABLED": False}):
        done = runner.run_all(store, Clock())
    assert "lateness" not in done and done["scheduling"] == 3
    assert len(due(store, deployment)) == 3


def test_the_watchdog_runs_what_no_clock_runs(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    deployment = add_deployment(store, HOURLY)
    assert set(watchdog.rescue(store, clock)) == {duty.name for duty in DUTIES}
    assert len(due(store, deployment)) == 3
    assert watchdog.rescue(store, clock) == []
    clock.now += timedelta(seconds=31)
    assert "scheduling" not in watchdog.rescue(store, clock)
    assert "lateness" in {duty.name for duty in duties.DUTIES if duty.every == 10}
    clock.now += 4 * MINUTE
    assert "scheduling" in watchdog.rescue(store, clock)


def test_the_watchdog_stands_in_at_the_interval_of_a_duty_until_a_clock_comes(store: Store) -> None:
    clock = Clock()
    runner.run_all(store, clock)
    runner.let_go(store)
    clock.now += timedelta(seconds=16)
    mine = watchdog.rescue(store, clock)
    assert mine == ["leases"]
    for _ in range(3):  # it is due every 5 s, and overdue after 15
        clock.now += timedelta(seconds=5)
        mine = watchdog.rescue(store, clock, mine)
        assert "leases" in mine
        assert (
            next(duty for duty in health.report(store, clock.now) if duty.name == "leases").last_started
            == clock.now
        )
    assert runner.run_duty(store, duties.BY_NAME["leases"], clock, "clock") == 0
    clock.now += timedelta(seconds=5)
    assert "leases" not in watchdog.rescue(store, clock, mine)


def test_what_a_killed_process_of_this_machine_held_is_taken_over_at_once(store: Store) -> None:
    clock, duty = Clock(), Duty("scheduling", lambda store, now: 1, 60)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = f"{socket.gethostname()}:{child.pid}:x"
    assert runner.run_duty(store, duty, clock, holder) == 1
    assert runner.run_duty(store, duty, clock, "b") is None
    child.kill()
    child.communicate()
    assert runner.run_duty(store, duty, clock, "b") == 1
    assert runner.run_duty(store, duty, clock, f"elsewhere:{child.pid}:x") is None


def test_health_says_which_duty_is_overdue(store: Store) -> None:
    clock = Clock()
    runner.run_all(store, clock)
    assert not any(duty.overdue for duty in health.report(store, NOON))
    overdue = {duty.name for duty in health.report(store, NOON + 2 * MINUTE) if duty.overdue}
    assert "lateness" in overdue and "scheduling" not in overdue
