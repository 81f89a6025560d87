"""Entering a state: everything that a stored transition writes, in the transaction of its caller.

Nothing is decided here. Forced states, mirrored states and sweeps come in by the same door as accepted proposals.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple, cast

from msgspec.structs import replace

from orion.errors import Busy
from orion.model.flow_runs import FlowRun
from orion.model.ids import new_id
from orion.model.states import (
    CANCELLED,
    CANCELLING,
    COMPLETED,
    CRASHED,
    FINAL,
    PENDING,
    RUNNING,
    SCHEDULED,
    State,
)
from orion.model.task_runs import TaskRun
from orion.orchestration import attempts, loading
from orion.orchestration.bookkeeping import bookkeep, lateness, policy_after
from orion.orchestration.facts import FlowFacts, Run, TaskFacts
from orion.store import flow_runs, rollup, slot_waiters, slots, task_runs, transitions
from orion.store.base import Conn

AT_ONCE = 100


class Taken(Exception):
    """A task run with this id or these keys is there already."""


class Said(NamedTuple):
    """What the proposer is told, kept with the state."""

    transition_id: str | None = None
    answer: str | None = None
    reason: str | None = None


UNASKED = Said()


def enter_flow_run(
    conn: Conn, run: FlowFacts, state: State, now: datetime, *, said: Said = UNASKED, token: str | None = None
) -> FlowFacts:
    """Put a flow run into `state`; gives the run as it is then."""
    after = _moved_flow(run, state, now, token)
    _add_state(conn, "flow_run", after, said)
    if not transitions.change(conn, "flow_run", run.id, _id(run.state), loading.changed(run, after), now):
        raise Busy("The run changed meanwhile; try again.")
    _count(conn, run, -1)
    _follow_flow(conn, run, after, now)
    return after


def begin_flow_run(
    conn: Conn, row: FlowRun, run: FlowFacts, state: State, now: datetime, token: str | None = None
) -> FlowFacts | None:
    """Add a flow run in its first state; None when its id or its idempotency key is taken."""
    after = _moved_flow(run, state, now, token)
    if not flow_runs.insert(conn, row, loading.changed(run, after)):
        return None
    _add_state(conn, "flow_run", after, UNASKED)
    _follow_flow(conn, run, after, now)
    return after


def _moved_flow(run: FlowFacts, state: State, now: datetime, token: str | None) -> FlowFacts:
    left = run.state
    details = replace(state.state_details, flow_run_id=run.id, task_run_id=run.parent_task_run_id)
    state = replace(state, state_details=details)
    after = replace(bookkeep(run, state), policy=policy_after(run.policy, left, state))
    return attempts.hold_after(after, left.type if left else None, now, token, attempts.terms())


def _follow_flow(conn: Conn, run: FlowFacts, after: FlowFacts, now: datetime) -> None:
    """What a flow run's new state brings about beyond the run."""
    state = cast(State, after.state)
    _count(conn, after, 1)
    transitions.add_notifications(
        conn, run.id, state, run.tags, now, flow_id=run.flow_id, deployment_id=run.deployment_id
    )
    _mirror(conn, run, state, now)
    if state.type in (CRASHED, CANCELLED):
        close_task_runs(conn, run.id, state, now)
    _tell(conn, run, state)


def enter_task_run(
    conn: Conn, run: TaskFacts, state: State, now: datetime, *, said: Said = UNASKED
) -> TaskFacts:
    """Put a task run into `state`; gives the run as it is then. `Taken` when it is new and its keys are taken."""
    details = replace(state.state_details, flow_run_id=run.flow_run_id, task_run_id=run.id)
    after = bookkeep(run, replace(state, state_details=details))
    if state.type == RUNNING and run.flow is not None:
        after.flow_run_run_count = run.flow.run_count
    if run.new is not None:
        after = add_task_run(conn, run, after)
    elif not transitions.change(conn, "task_run", run.id, _id(run.state), loading.changed(run, after), now):
        raise Busy("The run changed meanwhile; try again.")
    _add_state(conn, "task_run", after, said)
    _slots(conn, run, state)
    if state.type == COMPLETED and details.cache_key:
        transitions.add_cache_entry(conn, cast(State, after.state), now)
    if run.flow_run_id is not None:
        conn.publish(f"run:{run.flow_run_id}")
    return after


def add_task_run(conn: Conn, run: TaskFacts, after: TaskFacts) -> TaskFacts:
    """Store a new task run as it is after its first state, or without one; `Taken` when its keys are taken."""
    row = cast(TaskRun, run.new)
    if not task_runs.insert(conn, row, loading.changed(run, after)):
        raise Taken
    return replace(after, new=None)


def _add_state(conn: Conn, kind: transitions.Kind, run: Run, said: Said) -> None:
    transitions.add_state(conn, kind, run.id, cast(State, run.state), *said)


def close_task_runs(conn: Conn, flow_run_id: str, state: State, now: datetime) -> int:
    """A flow run that was killed takes the task runs and subflows of its process with it, some at a time."""
    rows = transitions.live_below(conn, flow_run_id, AT_ONCE)
    for task_run_id, child_id in rows:
        copy = State(id=new_id(), type=state.type, name=state.name, timestamp=now, message=state.message)
        if child_id is not None and (child := loading.flow_run(conn, child_id)) is not None:
            enter_flow_run(conn, child, not_before(copy, child.state), now)
        elif (task := loading.task_run(conn, task_run_id)) is not None:
            enter_task_run(conn, task, not_before(copy, task.state), now)
    return len(rows)


def not_before(state: State, was: State | None) -> State:
    """I6: the timestamps of a run never go back."""
    if was is None or state.timestamp >= was.timestamp:
        return state
    return replace(state, timestamp=was.timestamp)


def _id(state: State | None) -> str | None:
    return None if state is None else state.id


def _slots(conn: Conn, run: TaskFacts, state: State) -> None:
    """Slots follow the state: taken on entering RUNNING, free on leaving it."""
    if state.type == RUNNING:
        slots.hold(conn, [limit.id for limit in run.limits], run.id)
        if any(limit.awaited for limit in run.limits):
            slot_waiters.leave(conn, run.id)
    elif run.tags and run.state is not None and run.state.type == RUNNING and slots.free(conn, run.id):
        conn.publish("slots")


def _count(conn: Conn, run: FlowFacts, n: int) -> None:
    """Ended runs are counted by their expected start."""
    state, expected = run.state, run.expected_start_time
    if state is None or state.type not in FINAL or expected is None:
        return
    group = (run.flow_id, run.deployment_id or "", state.type, state.name)
    facets = rollup.facets_of(run.work_queue_name, run.tags)
    rollup.count(conn, expected, group, facets, n, run.total_run_time, lateness(run))


def _mirror(conn: Conn, run: FlowFacts, state: State, now: datetime) -> None:
    """The task run that stands for a subflow has the subflow's state."""
    if run.parent_task_run_id is None:
        return
    parent = loading.task_run(conn, run.parent_task_run_id)
    if parent is not None:
        details = replace(state.state_details, child_flow_run_id=run.id)
        copy = replace(state, id=new_id(), state_details=details)
        enter_task_run(conn, parent, not_before(copy, parent.state), now)


def _tell(conn: Conn, run: FlowFacts, state: State) -> None:
    """Wake who waits: pages, and agents when there is a run to take or room for one."""
    conn.publish("runs")
    conn.publish(f"run:{run.id}")
    left = run.state.type if run.state else None
    if run.deployment_id and (state.type == SCHEDULED or left in (PENDING, RUNNING, CANCELLING)):
        conn.publish("queues")
        if run.work_queue_name:
            conn.publish(f"queue:{run.work_queue_name}")
