"""Propose: the only way in which a client's wish becomes a state. Verdict first, effects after."""

from __future__ import annotations

import random
import secrets
from datetime import datetime

from msgspec.structs import replace

from orion.errors import NotFound
from orion.model.ids import new_id
from orion.model.states import (
    FAILED,
    FINAL,
    PENDING,
    RUNNING,
    SCHEDULED,
    OrchestrationResult,
    State,
    StateCreate,
    StateDetails,
)
from orion.orchestration import loading, turns
from orion.orchestration.decide import decide
from orion.orchestration.entering import Said, enter_flow_run, enter_task_run, not_before
from orion.orchestration.facts import FlowFacts, Move, Run, TaskFacts
from orion.orchestration.outcome import Outcome, accepted, rejected, result_of
from orion.orchestration.rules import FLOW_RULES, FORCED_FLOW_RULES, TASK_RULES
from orion.orchestration.turns import Asker
from orion.orchestration.verdicts import Accept, Instead, Verdict
from orion.settings import current
from orion.store import transitions
from orion.store.base import Conn

SERVER_RESETS_TASKS_BELOW = (0, 8, 3)


def propose_flow_run(
    conn: Conn,
    run_id: str,
    wanted: StateCreate,
    now: datetime,
    *,
    force: bool = False,
    token: str | None = None,
    claim: bool = False,
    api_version: str | None = None,
) -> Outcome:
    """Ask for a state of a flow run. `token` fences, `claim` asks for a new token with PENDING."""
    run = loading.flow_run(conn, run_id)
    if run is None:
        raise NotFound("Flow run not found")
    again = _answered(conn, "flow_run", run, wanted)
    if again is not None:
        return Outcome(again, _token_again(run, again.state) if claim else None)
    verdict = _judge_flow(conn, run, proposed(wanted, run, now), now, token, force)
    stored = _stored(verdict)
    if stored is None:
        return Outcome(result_of(verdict, run.state))
    new_token = secrets.token_urlsafe(24) if claim and _begins_attempt(run, stored) else None
    after = enter_flow_run(conn, run, stored, now, said=_said(verdict, wanted), token=new_token)
    if wanted.type == FAILED and stored.name == "AwaitingRetry":
        _reset_failed_tasks(conn, run_id, stored, now, api_version)
    return Outcome(result_of(verdict, after.state), new_token)


def propose_task_run(
    conn: Conn,
    run_id: str,
    wanted: StateCreate,
    now: datetime,
    *,
    force: bool = False,
    token: str | None = None,
    waits: bool = False,
) -> Outcome:
    """Ask for a state of a task run. `token` is that of its flow run's attempt.

    Who `waits` for slots of its tags has a place in the line for them from now on.
    """
    run = loading.task_run(conn, run_id)
    if run is None:
        raise NotFound("Task run not found")
    outcome, run = propose_for(conn, run, wanted, now, force=force, token=token)
    if waits and outcome.status == "WAIT":
        _wait_in_line(conn, run, now)
    return outcome


def _wait_in_line(conn: Conn, run: TaskFacts, now: datetime) -> None:
    full = any(limit.taken >= limit.slots for limit in run.limits)
    if full or any(limit.taken + limit.kept >= limit.slots for limit in run.limits):
        asker = Asker(run.id, stays=True, run_id=run.id)
        turns.refused(conn, asker, [limit.id for limit in run.limits], 1, now, full=full)


def propose_for(
    conn: Conn,
    run: TaskFacts,
    wanted: StateCreate,
    now: datetime,
    *,
    force: bool = False,
    token: str | None = None,
    at: datetime | None = None,
    past: bool = False,
) -> tuple[Outcome, TaskFacts]:
    """The outcome for a task run that is loaded and locked already, and the run as it is then.

    `at` is when it happened; `past` says that the state has been left since, so that it needs no slot.
    """
    again = _answered(conn, "task_run", run, wanted)
    if again is not None:
        return Outcome(again), run
    state = proposed(wanted, run, at or now)
    verdict = Accept(state) if force else _judge_task(conn, run, state, now, token, past)
    stored = _stored(verdict)
    if stored is not None:
        run = enter_task_run(conn, run, stored, now, said=_said(verdict, wanted))
    return Outcome(result_of(verdict, run.state)), run


def proposed(wanted: StateCreate, run: Run, at: datetime) -> State:
    """The wish as a state: with an id, a name, the server's time, and a time to start if it is scheduled."""
    details = wanted.state_details or StateDetails()
    if wanted.type == SCHEDULED and details.scheduled_time is None:
        details = replace(details, scheduled_time=at)
    state = State(
        id=new_id(),
        type=wanted.type,
        name=wanted.label,
        timestamp=at,
        message=wanted.message,
        data=wanted.data,
        state_details=details,
    )
    return not_before(state, run.state)


def _judge_flow(
    conn: Conn, run: FlowFacts, state: State, now: datetime, token: str | None, force: bool
) -> Verdict:
    if run.state is not None and run.state.type in FINAL and run.parent_task_run_id is not None:
        run.reopened = transitions.reopened(conn, run.parent_task_run_id)
    if state.type == PENDING and not force:
        run.crowd = loading.crowd(conn, run)
    move = Move(was=run.state, wanted=state, run=run, now=now, token=token)
    return decide(FORCED_FLOW_RULES if force else FLOW_RULES, move)


def _judge_task(
    conn: Conn, run: TaskFacts, state: State, now: datetime, token: str | None, past: bool
) -> Verdict:
    """Cache and limits are looked up only for who wants to run, randomness only for who failed."""
    move = Move(was=run.state, wanted=state, run=run, now=now, token=token)
    if state.type == RUNNING:
        run.cached = loading.cached(conn, state, now)
        if run.tags and not past:
            run.limits = loading.limits(conn, run.id, run.tags, now)
            move.slot_wait = round(current().tag_limit_wait_seconds)
    elif state.type == FAILED:
        move.chance = random.random()
    return decide(TASK_RULES, move)


def _stored(verdict: Verdict) -> State | None:
    """The state that a verdict stores, if it stores one."""
    return verdict.state if isinstance(verdict, Accept | Instead) else None


def _said(verdict: Verdict, wanted: StateCreate) -> Said:
    """What is kept with the state, so that the same transition gets the same answer."""
    reason = verdict.reason if isinstance(verdict, Instead) else None
    return Said(wanted.details.transition_id, "ACCEPT" if reason is None else "REJECT", reason)


def _answered(
    conn: Conn, kind: transitions.Kind, run: Run, wanted: StateCreate
) -> OrchestrationResult | None:
    """I4: the stored first answer of a transition that is sent again."""
    transition_id = wanted.details.transition_id
    if transition_id is None or run.state is None:
        return None
    row = transitions.answer(conn, kind, run.id, transition_id)
    if row is None:
        return None
    state, said, reason = loading.state(conn, row), row[7], row[8]
    return rejected(state, reason) if said == "REJECT" else accepted(state)


def _begins_attempt(run: FlowFacts, stored: State) -> bool:
    return stored.type == PENDING and (run.state is None or run.state.type != PENDING)


def _token_again(run: FlowFacts, answered: State | None) -> str | None:
    """The claimer whose answer was lost gets its token as long as the attempt is still its own."""
    same = answered is not None and run.state is not None and run.state.id == answered.id
    return run.attempt_token if same else None


def _reset_failed_tasks(
    conn: Conn, run_id: str, state: State, now: datetime, api_version: str | None
) -> None:
    """Old clients count on the server to open failed task runs for the flow's next attempt."""
    if api_version is None or tuple(map(int, api_version.split("."))) >= SERVER_RESETS_TASKS_BELOW:
        return
    details = StateDetails(scheduled_time=state.state_details.scheduled_time)
    for task_run_id in transitions.task_runs_in(conn, run_id, [FAILED]):
        task = loading.task_run(conn, task_run_id)
        if task is not None:
            again = State(
                id=new_id(), type=SCHEDULED, name="AwaitingRetry", timestamp=now, state_details=details
            )
            enter_task_run(conn, task, not_before(again, task.state), now)
