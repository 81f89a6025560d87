"""What the engine and its sweeps ask of a big SQLite file is found by index, whatever the tables hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from orion.model.ids import new_id
from orion.model.work_queues import QueueFilter
from orion.store import Store, claims, deployment_limits, slots, transitions, work_queues
from orion.store.base import NONE
from tests.orchestration.world import NOON, World


class Planned:
    """A connection that keeps how SQLite goes about each statement."""

    def __init__(self, conn: Any) -> None:
        self._conn = conn
        self.steps: list[str] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._conn, name)
        if name not in ("all", "one", "run"):
            return found

        def planned(text: str, params: Any = NONE) -> Any:
            self.steps += [row[3] for row in self._conn.all(f"EXPLAIN QUERY PLAN {text}", params)]
            return found(text, params)

        return planned


def steps(store: Store, fn: Callable[..., Any], *args: Any) -> str:
    """The plan of all statements of `fn`."""

    def plan(conn: Any) -> str:
        planned = Planned(conn)
        fn(planned, *args)
        return "\n".join(planned.steps)

    return store.write_now(plan)


@pytest.fixture
def world(sqlite_store: Store) -> World:
    return World(sqlite_store)


@pytest.mark.parametrize(
    ("fn", "args", "index"),
    [
        (claims.end_hand_outs, (NOON,), "flow_run_claim "),
        (claims.ended_leases, (NOON, 10), "flow_run_lease "),
        (claims.shift_leases, (NOON, NOON), "flow_run_lease "),
        (claims.ended_pauses, (NOON,), "flow_run_state_type "),
        (claims.orphans, (10,), "task_run_state_type "),
        (slots.drop_ended_leases, (NOON,), "concurrency_lease_until "),
        (slots.held, (["limit"], NOON), "PRIMARY KEY (limit_id=?)"),
        (transitions.live_below, ("run", 10), "(flow_run_id=? AND state_type=?)"),
    ],
)
def test_a_sweep_reads_what_it_looks_for(world: World, fn: Callable[..., Any], args: Any, index: str) -> None:
    plan = steps(world.store, fn, *args)
    assert index in plan
    assert not any(
        f"SCAN {table}" in plan for table in ("flow_run", "task_run", "r", "t", "f", "s", "concurrency")
    )


@pytest.mark.parametrize("filtered", [False, True])
def test_a_poll_reads_runs_that_are_due_and_not_those_to_come(world: World, filtered: bool) -> None:
    by = QueueFilter(tags=["x"], deployment_ids=[new_id()]) if filtered else None
    queue = world.queue(filter=by, limit=3)
    index = "flow_run_next" if filtered else "flow_run_queue_due"
    rooms = world.store.read_now(deployment_limits.rooms, NOON)
    for fn, args in ((claims.due, (queue, NOON, NOON, 5, rooms)), (claims.ready, (queue.id, NOON, NOON))):
        plan = steps(world.store, fn, *args)
        assert f"{index} (" in plan and "next_scheduled_start_time<?" in plan
    assert f"{index} (" in steps(world.store, work_queues.next_due, queue.id, NOON)
    used = steps(world.store, claims.used, queue, NOON)
    assert "flow_run_claim (" in used and "SCAN flow_run" not in used
