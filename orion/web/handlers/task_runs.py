"""Task runs: made, read, changed, and moved from state to state, one by one or many in a request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from orion.errors import Locked, NotFound
from orion.model.states import PENDING, RUNNING, SetTaskState, StateCreate
from orion.model.task_runs import TaskRun, TaskRunBatchItem
from orion.model.waiting import Waiting
from orion.orchestration import Outcome, create_task_run, propose_task_run
from orion.orchestration import batch as run_batch
from orion.orchestration.turns import Asker
from orion.store import history as histories
from orion.store import task_runs
from orion.store.base import Conn
from orion.web import paging, slots
from orion.web.call import Call, Reply
from orion.web.waiting import Look, why_task_run

MAY_BE_LOST = (PENDING, RUNNING)


async def create(call: Call) -> Reply:
    """Create a task run, or find the one with the same flow run, task key and dynamic key."""
    run, created = await call.store.write(
        create_task_run, call.body, call.now, durable=_must_last(call.body.state)
    )
    return Reply(run, status=201 if created else 200)


def _must_last(state: StateCreate | None) -> bool:
    """Whether the answer waits for the disk: a task run that only begins is told again with its end."""
    return state is None or state.type not in MAY_BE_LOST


async def batch(call: Call) -> Reply:
    """Make task runs and move them through their states, in order, each line by itself idempotent."""
    items: list[TaskRunBatchItem] = call.body
    durable = any(_must_last(aged.state) for item in items for aged in item.states)
    return Reply(await call.store.write(run_batch, items, call.now, durable=durable))


async def read(call: Call) -> Reply:
    """Read a task run."""
    return Reply(_found(await call.store.glance(task_runs.get, call.path["id"], now=call.now)))


async def why(call: Call) -> Reply:
    """Why a task run waits: the causes in order, who holds what it waits for, and what mends each."""
    return Reply(await call.store.read(_why, call.path["id"], call.now))


def _why(conn: Conn, run_id: str, now: datetime) -> Waiting:
    return why_task_run(Look(conn, now), _found(task_runs.get(conn, run_id, now)))


async def update(call: Call) -> Reply:
    """Change a task run's name."""
    await call.store.write(task_runs.update, call.path["id"], call.body, call.now)
    return Reply(status=204)


async def delete(call: Call) -> Reply:
    """Delete a task run with its states and logs."""
    await call.store.write(task_runs.delete, call.path["id"])
    return Reply(status=204)


async def set_state(call: Call) -> Reply:
    """Propose a state; the answer says what became of it.

    With `wait_seconds` a task run that finds the limits of its tags full waits for a slot; the first one gets it first.
    """
    body: SetTaskState = call.body
    tags = await _tags(call) if body.wait_seconds and not body.force else []
    if not tags:
        outcome = await _propose(call, partial(propose_task_run, force=bool(body.force)))
        return Reply(outcome.result, status=outcome.http_status)
    try:
        names = [f"tag:{tag}" for tag in tags]
        asker = Asker(call.path["id"], stays=True)
        outcome = await slots.in_line(call, asker, names, body.wait_seconds or 0.0, lambda: _start(call))
    except NoSlot as full:
        outcome = full.outcome
    return Reply(outcome.result, status=outcome.http_status)


class NoSlot(Locked):
    """The limits of the task run's tags are full; `outcome` says so to the asker."""

    def __init__(self, outcome: Outcome) -> None:
        delay = outcome.result.details.delay_seconds or slots.LOOK_SECONDS
        super().__init__("Not enough free slots.", retry_after=min(slots.LOOK_SECONDS, delay))
        self.outcome = outcome


async def _tags(call: Call) -> list[str]:
    return _found(await call.store.glance(task_runs.get, call.path["id"], now=call.now)).tags


async def _propose(call: Call, propose: Callable[..., Outcome]) -> Outcome:
    state, now = call.body.state, call.app.state.clock()
    outcome: Outcome = await call.store.write(propose, call.path["id"], state, now, durable=_must_last(state))
    return outcome


async def _start(call: Call) -> Outcome:
    """`NoSlot` where only a slot is missing; where the time has not come, that is the answer."""
    outcome = await _propose(call, partial(propose_task_run, waits=True))
    was = outcome.result.state
    due = was.state_details.scheduled_time if was else None
    if outcome.result.status == "WAIT" and (due is None or due <= call.app.state.clock()):
        raise NoSlot(outcome)
    return outcome


async def filter(call: Call) -> Reply:
    """List task runs."""
    return await paging.rows(call, task_runs, now=call.now)


async def count(call: Call) -> Reply:
    """Count task runs."""
    return Reply(await call.store.read(task_runs.count, call.body))


async def paginate(call: Call) -> Reply:
    """List task runs by page, with the number of all."""
    return await paging.page(call, task_runs, now=call.now)


async def history(call: Call) -> Reply:
    """Count task runs by interval and state, with their running time and lateness."""
    return Reply(await call.store.read(histories.task_runs, *paging.intervals(call.body), call.now))


async def count_by_state(call: Call) -> Reply:
    """Count task runs of each state type."""
    return Reply(await call.store.read(task_runs.count_by_state, call.body))


def _found(run: TaskRun | None) -> TaskRun:
    if run is None:
        raise NotFound("Task run not found")
    return run
