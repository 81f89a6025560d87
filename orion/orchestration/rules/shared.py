"""Rules that hold for flow runs and task runs alike."""

from __future__ import annotations

import math
from datetime import timedelta

from msgspec.structs import replace

from orion.model.states import (
    CANCELLING,
    COMPLETED,
    PENDING,
    RUNNING,
    SCHEDULED,
    State,
    StateDetails,
    has_stored_data,
)
from orion.model.wire import NULL, unraw
from orion.orchestration.facts import Move
from orion.orchestration.verdicts import Abort, Accept, Instead, Verdict, Wait


def kept_result(move: Move) -> Verdict | None:
    """A run that completed with a stored result keeps it."""
    if move.left == COMPLETED and not move.wanted.is_final and result_is_stored(move.was):
        return Instead(None, "This run has already completed with a stored result.")
    return None


def entered_once(move: Move) -> Verdict | None:
    """PENDING and RUNNING are entered once an attempt: two agents or processes cannot both get the run."""
    if move.wanted.type == RUNNING and move.left == RUNNING and not _later_attempt(move):
        return Abort("This run is already running.")
    if move.wanted.type != PENDING or move.left not in (PENDING, RUNNING, CANCELLING) or _later_attempt(move):
        return None
    if move.left == PENDING and is_step(move):
        return Accept(carry(move))
    return Abort("This run is already held by another agent or process.")


def is_step(move: Move) -> bool:
    """Whether PENDING goes to PENDING by another name, as workers do while they submit."""
    return move.was is not None and move.wanted.name not in ("Pending", move.was.name)


def too_early(move: Move) -> Verdict | None:
    """Only the server's clock says when a scheduled run may start."""
    if move.was is None or move.left not in (SCHEDULED, PENDING) or move.wanted.type != RUNNING:
        return None
    due = move.was.state_details.scheduled_time
    if due is None or due <= move.now:
        return None
    return Wait(math.ceil((due - move.now).total_seconds()), "The scheduled time is in the future.")


def keep_scheduled_time(move: Move) -> Verdict | None:
    """PENDING remembers when the run was due."""
    if move.left == SCHEDULED and move.wanted.type == PENDING:
        return Accept(carry(move))
    return None


def carry(move: Move) -> State:
    """The wanted state with the scheduled time and the lease of the state before it, unless it brings its own."""
    assert move.was is not None
    old, new = move.was.state_details, move.wanted.state_details
    details = replace(
        new,
        scheduled_time=new.scheduled_time or old.scheduled_time,
        deployment_concurrency_lease_id=new.deployment_concurrency_lease_id
        or old.deployment_concurrency_lease_id,
    )
    return replace(move.wanted, state_details=details)


def awaiting_retry(move: Move, delay: float) -> Instead:
    """The failed attempt becomes a wait for the next one, keeping what it said."""
    state = State(
        id=move.wanted.id,
        type=SCHEDULED,
        name="AwaitingRetry",
        timestamp=move.wanted.timestamp,
        message=move.wanted.message,
        data=move.wanted.data,
        state_details=StateDetails(scheduled_time=move.now + timedelta(seconds=delay)),
    )
    return Instead(state, f"Retry in {delay:g} s.")


def result_is_stored(state: State | None) -> bool:
    """Whether the state's data can be read again later."""
    return state is not None and state.data != NULL and has_stored_data(unraw(state.data))


def _later_attempt(move: Move) -> bool:
    return move.run.reopened
