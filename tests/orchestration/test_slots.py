"""Slots of tags: taken with RUNNING, free on any way out, never more than the limit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from orion.store import Store, task_runs
from tests.orchestration.world import World


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.mark.row("CON-01")
@pytest.mark.row("CON-02")
def test_at_most_so_many_task_runs_of_a_tag_run_at_once(world: World) -> None:
    world.limit("db", 2)
    run = world.flow_run("RUNNING")
    tasks = [world.task_run(run.id, tags=["db"]) for _ in range(3)]
    assert [world.task(task.id, "RUNNING").status for task in tasks] == ["ACCEPT", "ACCEPT", "WAIT"]
    assert world.get_task(tasks[2].id).state_type == "PENDING"
    world.task(tasks[0].id, "COMPLETED")
    assert world.task(tasks[2].id, "RUNNING").status == "ACCEPT"


@pytest.mark.row("CON-01")
def test_a_task_with_several_tags_needs_a_slot_in_each_and_takes_all_or_none(world: World) -> None:
    world.limit("a", 1)
    world.limit("b", 1)
    run = world.flow_run("RUNNING")
    holder, both, other = (world.task_run(run.id, tags=tags) for tags in (["b"], ["a", "b", "free"], ["a"]))
    world.task(holder.id, "RUNNING")
    assert world.task(both.id, "RUNNING").status == "WAIT"
    assert world.holders("a") == []
    assert world.task(other.id, "RUNNING").status == "ACCEPT"


@pytest.mark.row("CON-01")
def test_a_task_with_several_tags_holds_a_slot_in_each(world: World) -> None:
    for tag in ("a", "b", "c"):
        world.limit(tag, 1)
    run = world.flow_run("RUNNING")
    every, *others = (world.task_run(run.id, tags=tags) for tags in (["a", "b", "c"], ["a"], ["b"], ["c"]))
    world.task(every.id, "RUNNING")
    assert [world.holders(tag) for tag in ("a", "b", "c")] == [[every.id]] * 3
    assert [world.task(other.id, "RUNNING").status for other in others] == ["WAIT"] * 3


@pytest.mark.row("CON-03")
def test_a_limit_of_zero_lets_nothing_run(world: World) -> None:
    world.limit("db", 0)
    task = world.task_run(world.flow_run("RUNNING").id, tags=["db"])
    assert world.task(task.id, "RUNNING").status == "ABORT"


@pytest.mark.row("CON-04")
@pytest.mark.parametrize("way_out", ["COMPLETED", "FAILED", "CRASHED", "CANCELLED", "SCHEDULED", "PAUSED"])
@pytest.mark.parametrize("force", [False, True])
def test_every_way_out_of_running_frees_the_slot(world: World, way_out: str, force: bool) -> None:
    world.limit("db", 1)
    task = world.running_task(tags=["db"])
    assert world.holders("db") == [task.id]
    world.task(task.id, way_out, force=force)
    assert world.holders("db") == []
    assert world.rows("SELECT * FROM concurrency_slot") == []


@pytest.mark.row("CON-04")
def test_a_retry_frees_the_slot_while_it_waits(world: World) -> None:
    world.limit("db", 1)
    task = world.running_task(tags=["db"], policy={"retries": 1})
    assert world.task(task.id, "FAILED").state.name == "AwaitingRetry"
    assert world.holders("db") == []


@pytest.mark.row("CON-07")
@pytest.mark.parametrize("end", ["CRASHED", "CANCELLED", "COMPLETED"])
def test_a_flow_run_that_ends_leaves_no_slot_behind(world: World, end: str) -> None:
    world.limit("db", 1)
    run = world.flow_run("RUNNING")
    left = world.task_run(run.id, tags=["db"])
    world.task(left.id, "RUNNING")
    world.flow(run.id, end)
    other = world.task_run(world.flow_run("RUNNING").id, tags=["db"])
    assert world.task(other.id, "RUNNING").status == "ACCEPT"


def test_a_deleted_task_run_leaves_no_slot_behind(world: World) -> None:
    world.limit("db", 1)
    task = world.running_task(tags=["db"])
    world.store.write_now(task_runs.delete, task.id)
    assert world.holders("db") == []


@pytest.mark.row("CON-06")
def test_the_limit_lists_who_holds_its_slots(world: World) -> None:
    world.limit("db", 3)
    run = world.flow_run("RUNNING")
    tasks = [world.task_run(run.id, tags=["db"]) for _ in range(2)]
    for task in tasks:
        world.task(task.id, "RUNNING")
    assert sorted(world.holders("db")) == sorted(task.id for task in tasks)


def test_force_takes_no_slot_from_anybody(world: World) -> None:
    world.limit("db", 1)
    world.running_task(tags=["db"])
    forced = world.task_run(world.flow_run("RUNNING").id, tags=["db"])
    assert world.task(forced.id, "RUNNING", force=True).status == "ACCEPT"
    assert len(world.holders("db")) == 1


@pytest.mark.row("CON-01")
def test_under_a_rush_the_limit_holds_and_every_slot_comes_back(world: World) -> None:
    world.limit("a", 3)
    world.limit("b", 2)
    run = world.flow_run("RUNNING")
    tasks = [world.task_run(run.id, tags=tags) for tags in (["a"], ["b", "a"], ["a", "b"], ["b"]) * 4]
    most: list[tuple[int, int]] = []

    def work(task_id: str) -> bool:
        if world.task(task_id, "RUNNING").status != "ACCEPT":
            return False
        most.append((len(world.holders("a")), len(world.holders("b"))))
        return world.task(task_id, "COMPLETED").status == "ACCEPT"

    left = [task.id for task in tasks]
    with ThreadPoolExecutor(8) as pool:
        while left:
            done = list(pool.map(work, left))
            left = [task_id for task_id, finished in zip(left, done, strict=True) if not finished]
    assert max(a for a, _ in most) <= 3 and max(b for _, b in most) <= 2
    assert (world.holders("a"), world.holders("b")) == ([], [])
