"""Retention: by age, but never the newest of a flow; small deletes that take everything of a run along."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orion.model.flows import FlowCreate
from orion.model.ids import new_id
from orion.model.logs import LogCreate
from orion.services import result_files, retention
from orion.services.duties import BY_NAME
from orion.settings import temporary_settings
from orion.store import Store, flow_runs, flows, logs
from tests import counting
from tests.orchestration.world import World, wish

DAY = timedelta(days=1)


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


def finished(world: World, days_ago: float, text: str = "COMPLETED", **values: Any) -> str:
    """A run that ended some days ago; its id."""
    today = world.now
    world.now = today - days_ago * DAY
    run = world.flow_run("RUNNING", **values)
    world.flow(run.id, text)
    world.now = today
    return run.id


def left(world: World) -> set[str]:
    return {row[0] for row in world.rows("SELECT id FROM flow_run")}


def prune(world: World, **settings: Any) -> int:
    names = {f"ORION_RETENTION_{name.upper()}": str(value) for name, value in settings.items()}
    with temporary_settings(names):
        return retention.prune(world.store, world.now)


@pytest.mark.row("DB-13")
def test_old_runs_go_and_the_newest_of_each_flow_stay(world: World) -> None:
    ids = [finished(world, days) for days in (500, 450, 400, 380, 10)]
    other = world.store.write_now(flows.create, FlowCreate(name="rare"), world.now)[0].id
    world.flow_id, first = other, world.flow_id
    rare = [finished(world, days, "FAILED") for days in (900, 800)]
    assert prune(world, run_days=365, run_count=3) == 2
    assert left(world) == {*ids[2:], *rare}
    assert prune(world, run_days=365, run_count=2) == 1
    assert left(world) == {*ids[3:], *rare}
    world.flow_id = first


def test_what_has_not_ended_stays_however_old(world: World) -> None:
    today, world.now = world.now, world.now - 900 * DAY
    live = {world.flow_run(text).id for text in ("RUNNING", "PENDING", "PAUSED", "SCHEDULED")}
    world.now = today
    finished(world, 800)
    assert prune(world, run_count=0) == 1
    assert left(world) == live


@pytest.mark.row("DB-13")
def test_a_run_takes_its_states_task_runs_and_logs_along(world: World) -> None:
    today, world.now = world.now, world.now - 800 * DAY
    run = world.flow_run("RUNNING")
    task = world.task_run(run.id)
    line = LogCreate(name="orion.flow_runs", level=20, message="hi", timestamp=today, flow_run_id=run.id)
    world.store.write_now(logs.insert, [line], today)
    world.flow(run.id, "COMPLETED")
    artifact = "INSERT INTO artifact (id, created, updated, flow_run_id) VALUES (:id, :now, :now, :run)"

    def add(conn: Any) -> None:
        conn.run(artifact, {"id": new_id(), "now": conn.time(today), "run": run.id})

    world.store.write_now(add)
    world.now = today
    assert prune(world, run_count=0) == 1
    for table in ("flow_run", "flow_run_state", "task_run", "task_run_state", "log", "artifact"):
        assert world.rows(f"SELECT count(*) FROM {table}") == [(0,)], table
    assert task.id


@pytest.mark.row("DB-13")
def test_a_run_takes_the_files_of_its_results_along(world: World, tmp_path: Path) -> None:
    storage, today = tmp_path / "storage", world.now
    storage.mkdir()

    def result(key: str, **more: Any) -> dict[str, Any]:
        if "/" not in key:
            (storage / key).write_bytes(b"12345")
        return {"type": "reference", "storage_key": key, "size": 5, **more}

    (tmp_path / "outside").write_bytes(b"12345")
    (storage / "link").symlink_to(tmp_path / "outside")
    world.now -= 800 * DAY
    run = world.flow_run("RUNNING")
    ends: dict[str, dict[str, Any]] = {
        "own": {}, "cached": {"cache_key": "k"}, "../outside": {}, "link/": {}, "x" * 5000 + "/y": {}, "elsewhere": {},
    }  # fmt: skip
    for key, details in ends.items():
        task = world.task_run(run.id, "RUNNING")
        more = {"storage_block_id": new_id()} if key == "elsewhere" else {}
        world.task(task.id, wish("COMPLETED", data=result(key, **more), **details))
    world.flow(run.id, wish("COMPLETED", data=result("whole")))
    world.now = today
    with temporary_settings({"ORION_LOCAL_STORAGE_PATH": str(storage)}):
        assert prune(world, run_count=0) == 1
    assert {path.name for path in storage.iterdir()} == {"cached", "elsewhere", "link"}
    assert (tmp_path / "outside").exists()


@pytest.mark.row("DB-13")
def test_a_big_run_goes_bit_by_bit_with_the_files_of_its_results(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flow_runs, "LINES_AT_ONCE", 3)
    monkeypatch.setattr(flow_runs, "TASKS_AT_ONCE", 2)
    storage, today = tmp_path / "storage", world.now
    storage.mkdir()
    world.now -= 800 * DAY
    run = world.flow_run("RUNNING")
    for number in range(5):
        (storage / f"{number}").write_bytes(b"12345")
        data = {"type": "reference", "storage_key": f"{number}", "size": 5}
        world.task(world.task_run(run.id, "RUNNING").id, wish("COMPLETED", data=data))
    lines = [
        LogCreate(name="n", level=20, message="m", timestamp=today, flow_run_id=run.id) for _ in range(7)
    ]
    world.store.write_now(logs.insert, lines, today)
    world.flow(run.id, "COMPLETED")
    world.now = today
    seen: list[tuple[Any, ...]] = []
    remove = result_files.remove

    def removed(data: Any) -> int:
        sizes = [
            world.rows(f"SELECT count(*) FROM {table}")[0][0] for table in ("log", "task_run", "flow_run")
        ]
        gone = remove(data)
        seen.append((*sizes, len(list(storage.iterdir()))))
        return gone

    monkeypatch.setattr(result_files, "remove", removed)
    with temporary_settings({"ORION_LOCAL_STORAGE_PATH": str(storage)}):
        assert prune(world, run_count=0) == 1
    assert seen == [(4, 5, 1, 5), (1, 5, 1, 5), (0, 5, 1, 5), (0, 3, 1, 3), (0, 1, 1, 1), (0, 0, 0, 0)]


@pytest.mark.row("DB-13")
def test_old_lines_go_though_their_run_stays(world: World) -> None:
    run = finished(world, 100)
    lines = [
        LogCreate(name="a", level=20, message=str(days), timestamp=world.now - days * DAY, flow_run_id=run)
        for days in (100, 91, 89, 1)
    ]
    world.store.write_now(logs.insert, lines, world.now)
    assert prune(world) == 2
    assert sorted(row[0] for row in world.rows("SELECT message FROM log")) == ["1", "89"]
    assert left(world) == {run}


@pytest.mark.row("DB-13")
def test_nothing_goes_where_retention_is_off(world: World) -> None:
    finished(world, 900)
    with temporary_settings({"ORION_RETENTION": "off", "ORION_RETENTION_RUN_COUNT": "0"}):
        assert retention.prune(world.store, world.now) == 0
    assert len(left(world)) == 1


def test_what_would_go_is_counted_and_left(world: World) -> None:
    for days in (900, 800, 700):
        finished(world, days)
    line = LogCreate(name="a", level=20, message="x", timestamp=world.now - 91 * DAY)
    world.store.write_now(logs.insert, [line], world.now)
    with temporary_settings({"ORION_RETENTION_RUN_COUNT": "1"}) as settings:
        found = retention.find(world.store, retention.terms(settings, world.now))
    assert (found.runs, found.logs, found.messages) == ({"etl": 2}, 1, 0)
    assert len(left(world)) == 3


@pytest.mark.row("DB-13")
def test_a_run_that_was_started_again_meanwhile_stays(world: World) -> None:
    from orion.store import retention as db

    run = finished(world, 900)
    for state in ("RUNNING", "COMPLETED"):
        world.flow(run, state, force=True)
        assert world.store.write_now(db.delete_run, run, world.now - 365 * DAY, world.now) is None
        assert left(world) == {run}


def test_a_pass_ends_when_its_time_is_over_and_the_next_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "RUNS_AT_ONCE", 2)
    for days in range(500, 505):
        finished(world, days)
    kept = retention.Terms(world.now, world.now, 0, world.now)
    passes = [retention.delete(world.store, kept, seconds=0.0) for _ in range(4)]
    assert passes[:3] == [2, 2, 1] and left(world) == set()


@pytest.mark.row("DB-13")
def test_what_may_go_of_many_flows_is_found_many_at_once(world: World) -> None:
    """And a flow of which nothing may go costs no statement."""

    def cost() -> tuple[int, int]:
        kept = retention.Terms(world.now - 365 * DAY, world.now, 2, world.now)
        with counting.reads(world.store) as number:
            return retention.delete(world.store, kept), number()

    _flows(world, 400, days=(900, 800, 1))
    assert cost() == (400, 400 // retention.RUNS_AT_ONCE + 1)
    _flows(world, 400, days=(800, 1))
    assert cost() == (0, 1)
    with counting.reads(world.store) as number:
        old = retention.find(world.store, retention.Terms(world.now, world.now, 1, world.now))
    assert number() == 3 and len(old.runs) == sum(old.runs.values()) == 800


def test_a_batch_goes_on_behind_a_flow_of_which_nothing_could_go(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program deleted what was found, or started it again."""
    from orion.store import retention as db

    first, _ = sorted(_flows(world, 2, days=(900,)))
    real = db.delete_run

    def refused(conn: Any, id: str, *args: Any) -> Any:
        held = conn.one(
            "SELECT 1 FROM flow_run WHERE id = :id AND flow_id = :flow", {"id": id, "flow": first}
        )
        return None if held else real(conn, id, *args)

    monkeypatch.setattr(db, "delete_run", refused)
    monkeypatch.setattr(retention, "RUNS_AT_ONCE", 1)
    assert retention.delete(world.store, retention.Terms(world.now, world.now, 0, world.now)) == 1
    assert world.rows("SELECT flow_id FROM flow_run") == [(first,)]


def _flows(world: World, number: int, days: tuple[int, ...]) -> list[str]:
    """Flows with runs that ended so many days ago."""
    ids = [new_id() for _ in range(number)]

    def add(conn: Any) -> None:
        now = conn.time(world.now)
        conn.many(
            "INSERT INTO flow (id, created, updated, name) VALUES (:id, :now, :now, :id)",
            [{"id": id, "now": now} for id in ids],
        )
        conn.many(
            "INSERT INTO flow_run (id, created, updated, name, flow_id, state_type, state_name, "
            "state_timestamp, expected_start_time, end_time) "
            "VALUES (:id, :at, :at, 'a', :flow, 'COMPLETED', 'Completed', :at, :at, :at)",
            [
                {"id": new_id(), "flow": id, "at": conn.time(world.now - each * DAY)}
                for id in ids
                for each in days
            ],
        )

    world.store.write_now(add)
    return ids


def test_messages_that_are_done_go_as_old_logs_do(world: World) -> None:
    run = finished(world, 1)
    for column in ("delivered", "dead", None):
        world.store.write_now(_message, run, column, world.now - 200 * DAY)
    assert prune(world) == 2
    assert world.rows("SELECT count(*) FROM notification_outbox") == [(1,)]


def _message(conn: Any, run: str, column: str | None, when: Any) -> None:
    stamp = {"now": conn.time(when), "id": new_id(), "policy": new_id(), "run": run, "state": new_id()}
    conn.run(
        "INSERT INTO flow_run_notification_policy (id, created, updated, block_document_id) "
        "VALUES (:policy, :now, :now, :policy)",
        stamp,
    )
    more = (f", {column}", ", :now") if column else ("", "")
    conn.run(
        f"INSERT INTO notification_outbox (id, created, policy_id, flow_run_state_id, flow_run_id{more[0]}) "
        f"VALUES (:id, :now, :policy, :state, :run{more[1]})",
        stamp,
    )


def test_the_clock_does_it() -> None:
    assert BY_NAME["retention"].function is retention.prune
