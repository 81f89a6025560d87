"""Creation: flow runs and task runs with their first state, found again by their natural keys."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TypeVar, cast

from msgspec.structs import replace

from orion.errors import Conflict
from orion.model.flow_runs import FlowRun, FlowRunCreate, FlowRunPolicy
from orion.model.ids import new_id
from orion.model.names import two_words
from orion.model.states import PENDING, State, StateCreate
from orion.model.task_runs import TaskRun, TaskRunCreate, TaskRunPolicy
from orion.model.wire import EMPTY_OBJECT, raw
from orion.orchestration import loading
from orion.orchestration.entering import Taken, add_task_run, begin_flow_run, enter_task_run
from orion.orchestration.facts import FlowFacts, TaskFacts
from orion.orchestration.propose import proposed
from orion.store import flow_runs, task_runs
from orion.store.base import Conn

R = TypeVar("R", FlowRun, TaskRun)
SHARED = (
    "run_count",
    "start_time",
    "end_time",
    "total_run_time",
    "expected_start_time",
    "next_scheduled_start_time",
)


def create_claimed(conn: Conn, wanted: FlowRunCreate, now: datetime) -> tuple[FlowRun, bool, str | None]:
    """A flow run that the process which makes it will run: it is born PENDING, and its maker gets the attempt's token.

    Who sends the same again gets the token again while the run is still PENDING. No token for any other first state.
    """
    pending = wanted.state is None or wanted.state.type == PENDING
    token = secrets.token_urlsafe(24) if pending and wanted.deployment_id is None else None
    run, created = create_flow_run(conn, wanted, now, token)
    if created or run.state_type != PENDING or token is None:
        return run, created, token if created else None
    facts = loading.flow_run(conn, run.id)
    return run, created, facts.attempt_token if facts else None


def create_flow_run(
    conn: Conn, wanted: FlowRunCreate, now: datetime, token: str | None = None
) -> tuple[FlowRun, bool]:
    """A flow run in its first state, by force; the one that is there when the id or the idempotency key is taken."""
    run = FlowRun(
        id=wanted.id or new_id(),
        created=now,
        updated=now,
        name=wanted.name or two_words(),
        flow_id=wanted.flow_id,
        deployment_id=wanted.deployment_id,
        work_queue_name=wanted.work_queue_name,
        flow_version=wanted.flow_version,
        parameters=wanted.parameters or EMPTY_OBJECT,
        idempotency_key=wanted.idempotency_key,
        context=wanted.context or EMPTY_OBJECT,
        empirical_policy=wanted.empirical_policy or FlowRunPolicy(),
        tags=list(wanted.tags or ()),
        labels=wanted.labels or EMPTY_OBJECT,
        parent_task_run_id=wanted.parent_task_run_id,
        infrastructure_document_id=wanted.infrastructure_document_id,
        job_variables=wanted.job_variables or EMPTY_OBJECT,
    )
    facts = FlowFacts(
        id=run.id,
        flow_id=run.flow_id,
        deployment_id=run.deployment_id,
        work_queue_name=run.work_queue_name,
        parent_task_run_id=run.parent_task_run_id,
        policy=run.empirical_policy,
        tags=run.tags,
    )
    state = proposed(wanted.state or StateCreate(type=PENDING), facts, now)
    after = begin_flow_run(conn, run, facts, state, now, token)
    return (_shown(run, after), True) if after else (_flow_run_there(conn, run, now), False)


def create_task_run(conn: Conn, wanted: TaskRunCreate, now: datetime) -> tuple[TaskRun, bool]:
    """A task run, with its first state by force if it brings one; the one that is there when its keys are taken."""
    run = new_task_run(conn, wanted, now)
    row = cast(TaskRun, run.new)
    try:
        if wanted.state is None:
            add_task_run(conn, run, run)
            return row, True
        return _shown(row, enter_task_run(conn, run, proposed(wanted.state, run, now), now)), True
    except Taken:
        return task_run_there(conn, row, now), False


def new_task_run(conn: Conn, wanted: TaskRunCreate, now: datetime) -> TaskFacts:
    """A task run that is not stored yet, as the rules see it."""
    run = TaskRun(
        id=wanted.id or new_id(),
        created=now,
        updated=now,
        name=wanted.name or f"{wanted.task_key}-{wanted.dynamic_key}",
        flow_run_id=wanted.flow_run_id,
        task_key=wanted.task_key,
        dynamic_key=wanted.dynamic_key,
        cache_key=wanted.cache_key,
        cache_expiration=wanted.cache_expiration,
        task_version=wanted.task_version,
        empirical_policy=wanted.empirical_policy or TaskRunPolicy(),
        tags=list(wanted.tags or ()),
        labels=wanted.labels or EMPTY_OBJECT,
        task_inputs=raw(wanted.task_inputs or {}),
    )
    return TaskFacts(
        id=run.id,
        flow_run_id=run.flow_run_id,
        policy=run.empirical_policy,
        tags=run.tags,
        flow=loading.flow_of(conn, run.flow_run_id),
        new=run,
    )


def _shown(run: R, facts: FlowFacts | TaskFacts) -> R:
    """The run as it is read, without reading it again."""
    state = cast(State, facts.state)
    values = {name: getattr(facts, name) for name in SHARED}
    values["estimated_run_time"] = facts.total_run_time
    if isinstance(facts, FlowFacts):
        values["empirical_policy"] = facts.policy
    return replace(
        run, state=state, state_id=state.id, state_type=state.type, state_name=state.name, **values
    )


def _flow_run_there(conn: Conn, run: FlowRun, now: datetime) -> FlowRun:
    found = flow_runs.by_key(conn, run.flow_id, run.idempotency_key, now) if run.idempotency_key else None
    found = found or flow_runs.get(conn, run.id, now)
    if found is None:
        raise Conflict("A flow run with this id or idempotency key was deleted just now; send it again.")
    return found


def task_run_there(conn: Conn, run: TaskRun, now: datetime) -> TaskRun:
    """The task run that has the id or the keys of this one."""
    found = None
    if run.flow_run_id is not None:
        found = task_runs.by_key(conn, run.flow_run_id, run.task_key, run.dynamic_key, now)
    found = found or task_runs.get(conn, run.id, now)
    if found is None:
        raise Conflict("A task run with this id or these keys was deleted just now; send it again.")
    return found
