"""Batch: task runs and the states they went through, many in one request, each idempotent by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from orion.errors import Invalid, NotFound
from orion.model.states import OrchestrationResult
from orion.model.task_runs import TaskRunBatchItem
from orion.orchestration import loading, outcome
from orion.orchestration.creation import insert_task_run
from orion.orchestration.facts import TaskFacts
from orion.orchestration.propose import propose_for
from orion.store import slots
from orion.store.base import Conn


def batch(conn: Conn, items: Sequence[TaskRunBatchItem], now: datetime) -> list[OrchestrationResult]:
    """The answers, one an item, in order: of its last state, or of the first one that was not accepted.

    A state's time is `now` less its age, never before the state that the run was in. A state with others behind it
    in its item is over already, so it needs no slot.
    """
    _lock_limits(conn, items)
    return [_item(conn, item, now) for item in items]


def _lock_limits(conn: Conn, items: Sequence[TaskRunBatchItem]) -> None:
    """All limits at once and in one order: two batches that take them one by one could wait for each other."""
    tags = {tag for item in items if item.task_run is not None for tag in item.task_run.tags or ()}
    if tags and len(items) > 1:
        slots.lock_limits(conn, [f"tag:{tag}" for tag in tags])


def _item(conn: Conn, item: TaskRunBatchItem, now: datetime) -> OrchestrationResult:
    run = _run(conn, item, now)
    result = outcome.accepted(run.state)
    for place, aged in enumerate(item.states):
        at, past = now - timedelta(seconds=aged.age), place + 1 < len(item.states)
        told, run = propose_for(conn, run, aged.state, now, token=item.token, at=at, past=past)
        result = told.result
        if result.status != "ACCEPT":
            break
    return result


def _run(conn: Conn, item: TaskRunBatchItem, now: datetime) -> TaskFacts:
    """The task run of an item, made if it is not there."""
    run_id = item.task_run_id
    if item.task_run is not None:
        made, facts = insert_task_run(conn, item.task_run, now)
        if facts is not None:
            return facts
        run_id = made.id
    if run_id is None:
        raise Invalid("An item of a batch needs task_run or task_run_id.")
    found = loading.task_run(conn, run_id)
    if found is None:
        raise NotFound("Task run not found")
    return found
