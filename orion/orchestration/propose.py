"""Propose: the only way in which a client's wish becomes a state. Verdict first, effects after."""

from __future__ import annotations

import random
import secrets
from datetime import datetime
from typing import TypeVar

from msgspec.structs import replace

from orion.errors import NotFound
from orion.model.ids import new_id
from orion.model.states import FAILED, FINAL, PENDING, RUNNING, SCHEDULED, State, StateCreate, StateDetails
from orion.orchestration import loading, outcome
from orion.orchestration.decide import decide
from orion.orchestration.entering import Said, enter_flow_run, enter_task_run, not_before
from orion.orchestration.facts import FlowFacts, Move, Run, TaskFacts
from orion.orchestration.outcome import Outcome
from orion.orchestration.rules import FLOW_RULES, FORCED_FLOW_RULES, TASK_RULES
from orion.orchestration.verdicts import Abort, Accept, Instead, Verdict, Wait
from orion.settings import current
from orion.store import transitions
from orion.store.base import Conn

R = TypeVar("R", bound=Run)
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
    repeated = _answer(conn, "flow_run", run, wanted)
    if repeated is not None:
        return Outcome(repeated, _token_again(run, repeated.state) if claim else None)
    state = proposed(wanted, run, now)
    if run.state is not None and run.state.type in FINAL and run.parent_task_run_id is not None:
        run.reopened = transitions.reopened(conn, run.parent_task_run_id)
    move = Move(was=run.state, wanted=state, run=run, now=now, token=token)
    verdict = decide(FORCED_FLOW_RULES if force else FLOW_RULES, move)
    said, stored = _said(verdict, wanted)
    if stored is None:
        return Outcome(_unstored(verdict, run))
    claims = claim and stored.type == PENDING and (run.state is None or run.state.type != PENDING)
    new_token = secrets.token_urlsafe(24) if claims else None
    after = enter_flow_run(conn, run, stored, now, said=said, token=new_token)
    if isinstance(verdict, Instead) and wanted.type == FAILED and stored.name == "AwaitingRetry":
        _reset_failed_tasks(conn, run_id, stored, now, api_version)
    return Outcome(_stored(verdict, after), new_token)


def propose_task_run(
    conn: Conn,
    run_id: str,
    wanted: StateCreate,
    now: datetime,
    *,
    force: bool = False,
    token: str | None = None,
    at: datetime | None = None,
    past: bool = False,
) -> Outcome:
    """Ask for a state of a task run. `at` is when it happened; `past`: it has been left since, so needs no slot."""
    run = loading.task_run(conn, run_id)
    if run is None:
        raise NotFound("Task run not found")
    return propose_for(conn, run, wanted, now, force=force, token=token, at=at, past=past)


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
) -> Outcome:
    """`propose_task_run` for a run that is loaded and locked already; `run` is up to date afterwards."""
    repeated = _answer(conn, "task_run", run, wanted)
    if repeated is not None:
        return Outcome(repeated)
    state = proposed(wanted, run, at or now)
    verdict: Verdict = Accept(state)
    if state.type == RUNNING and run.tags and not past and not force:
        run.limits = loading.limits(conn, run.id, run.tags, now)
    if not force:
        if state.type == RUNNING:
            run.cached = loading.cached(conn, state, now)
        verdict = decide(TASK_RULES, _move(run, state, now, token))
    said, stored = _said(verdict, wanted)
    if stored is None:
        return Outcome(_unstored(verdict, run))
    after = enter_task_run(conn, run, stored, now, said=said)
    for name in after.__struct_fields__:
        setattr(run, name, getattr(after, name))
    return Outcome(_stored(verdict, after))


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


def _move(run: TaskFacts, state: State, now: datetime, token: str | None) -> Move:
    wait = int(current().tag_limit_wait_seconds) if run.limits else 30
    chance = random.random() if state.type == FAILED else 0.5
    return Move(was=run.state, wanted=state, run=run, now=now, token=token, chance=chance, slot_wait=wait)


def _said(verdict: Verdict, wanted: StateCreate) -> tuple[Said, State | None]:
    """What is stored with the state that is stored; no state for a verdict that stores nothing."""
    transition_id = wanted.details.transition_id
    match verdict:
        case Accept(state):
            return Said((transition_id, "ACCEPT", None)), state
        case Instead(state, reason):
            return Said((transition_id, "REJECT", reason)), state
        case _:
            return Said((None, None, None)), None


def _stored(verdict: Verdict, run: Run) -> outcome.OrchestrationResult:
    if isinstance(verdict, Instead):
        return outcome.rejected(run.state, verdict.reason)
    return outcome.accepted(run.state)


def _unstored(verdict: Verdict, run: Run) -> outcome.OrchestrationResult:
    match verdict:
        case Wait(seconds, reason):
            return outcome.waiting(run.state, seconds, reason)
        case Abort(reason):
            return outcome.aborted(run.state, reason)
        case Instead(_, reason):
            return outcome.rejected(run.state, reason)
    raise AssertionError(verdict)


def _answer(
    conn: Conn, kind: transitions.Kind, run: Run, wanted: StateCreate
) -> outcome.OrchestrationResult | None:
    """I4: the stored first answer of a transition that is sent again."""
    transition_id = wanted.details.transition_id
    if transition_id is None or run.state is None:
        return None
    row = transitions.answer(conn, kind, run.id, transition_id)
    if row is None:
        return None
    state = loading.state(conn, row)
    return outcome.rejected(state, row[8]) if row[7] == "REJECT" else outcome.accepted(state)


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
    for task_run_id in transitions.task_runs_in(conn, run_id, [FAILED]):
        task = loading.task_run(conn, task_run_id)
        if task is not None:
            details = StateDetails(scheduled_time=state.state_details.scheduled_time)
            again = State(
                id=new_id(), type=SCHEDULED, name="AwaitingRetry", timestamp=now, state_details=details
            )
            enter_task_run(conn, task, not_before(again, task.state), now)
