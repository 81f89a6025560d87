"""Batch: task runs and the states they went through, many in one request, each idempotent by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from orion.errors import Invalid, NotFound
from orion.model.states import OrchestrationResult
from orion.model.task_runs import TaskRun, TaskRunBatchItem
from orion.orchestration import loading, outcome
from orion.orchestration.creation import new_task_run, task_run_there
from orion.orchestration.entering import Taken, add_task_run
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
    try:
        return _through(conn, run, item, now)
    except Taken:
        there = task_run_there(conn, cast(TaskRun, run.new), now)
        return _through(conn, _loaded(conn, there.id), item, now)


def _through(conn: Conn, run: TaskFacts, item: TaskRunBatchItem, now: datetime) -> OrchestrationResult:
    """The run of an item through the states of the item."""
    result = outcome.accepted(run.state)
    for place, aged in enumerate(item.states):
        at, past = now - timedelta(seconds=aged.age), place + 1 < len(item.states)
        told, run = propose_for(conn, run, aged.state, now, token=item.token, at=at, past=past)
        result = told.result
        if result.status != "ACCEPT":
            break
    if run.new is not None:
        add_task_run(conn, run, run)
    return result


def _run(conn: Conn, item: TaskRunBatchItem, now: datetime) -> TaskFacts:
    """The task run of an item: a new one where it says what to make, else the one that it names."""
    if item.task_run is not None:
        return new_task_run(conn, item.task_run, now)
    if item.task_run_id is None:
        raise Invalid("An item of a batch needs task_run or task_run_id.")
    return _loaded(conn, item.task_run_id)


def _loaded(conn: Conn, run_id: str) -> TaskFacts:
    found = loading.task_run(conn, run_id)
    if found is None:
        raise NotFound("Task run not found")
    return found
