"""Attempts: who holds a flow run, by which token and until when. Pure.

A hand-out holds a scheduled run for its poller; PENDING turns it into a lease; beats renew the lease; RUNNING keeps a
lease only once the run has beaten, so that clients without heartbeats are never reaped. The lease of a crashed run is
over at once: the clock comes to see whether there is another attempt.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from orion.model.states import CANCELLING, CRASHED, FINAL, PAUSED, PENDING, RUNNING, SCHEDULED
from orion.orchestration.facts import FlowFacts
from orion.settings import Settings, current


class Terms(Struct, frozen=True):
    """How long a hold lasts, in seconds, and how often a run is handed out before it is given up."""

    claim: float = 30.0
    pending: float = 90.0
    started: float = 600.0
    beat: float = 75.0
    cancelling: float = 120.0
    submits: int = 3


TERMS = Terms()


def terms() -> Terms:
    """The terms that the settings in force give."""
    return _terms(current())


@lru_cache(maxsize=4)
def _terms(settings: Settings) -> Terms:
    return Terms(
        claim=settings.claim_seconds,
        pending=settings.pending_seconds,
        started=settings.pending_infrastructure_seconds,
        beat=settings.heartbeat_lost_seconds,
        submits=settings.max_submit_attempts,
    )


def hold_after(
    run: FlowFacts, left: str | None, now: datetime, token: str | None, terms: Terms = TERMS
) -> FlowFacts:
    """`run`, which has just left `left` for its present state, with the hold that it has from `now` on."""
    entered = run.state.type if run.state else None
    if entered == PENDING:
        return run if left == PENDING else _claimed(run, left, now, token, terms)
    if entered == SCHEDULED:
        return (
            _waiting(run, left, now, terms) if run.policy.retry_type == "in_process" else _released(run, left)
        )
    if entered in FINAL:
        again = entered == CRASHED and run.attempt_token is not None and run.deployment_id is not None
        run = replace(run, claimed_by=None, claim_until=None, submit_count=run.submit_count if again else 0)
        return replace(run, lease_until=now if again else None)
    if entered == CANCELLING:
        return replace(run, lease_until=now + timedelta(seconds=terms.cancelling))
    if entered == PAUSED and run.state is not None and run.state.state_details.pause_reschedule:
        return _released(run, left)
    if entered == RUNNING:
        run = replace(run, submit_count=0, claimed_by=None, claim_until=None)
    return _beating(run, now, terms)


def lease_seconds(run: FlowFacts, terms: Terms = TERMS) -> float:
    """How long a beat holds the run in its present state."""
    starting = run.state is not None and run.state.type == PENDING
    return terms.pending if starting else terms.beat


def _claimed(run: FlowFacts, left: str | None, now: datetime, token: str | None, terms: Terms) -> FlowFacts:
    """PENDING consumes the hand-out; a planned run's lease counts from its time.

    A run that is born PENDING with a token is held by the process that made it, which has thereby been heard.
    """
    due = run.state.state_details.scheduled_time if run.state else None
    leased = left == SCHEDULED and run.deployment_id is not None
    until = max(now, due or now) + timedelta(seconds=terms.pending) if leased or token else None
    return replace(
        run,
        claimed_by=None,
        claim_until=None,
        attempt_token=token,
        lease_until=until,
        heartbeat=now if token and left is None else None,
        infrastructure_pid=None if leased else run.infrastructure_pid,
        submit_count=run.submit_count + (until is not None),
    )


def _waiting(run: FlowFacts, left: str | None, now: datetime, terms: Terms) -> FlowFacts:
    """The process waits for its own retry, and beats meanwhile."""
    return _beating(run, now, terms) if left == RUNNING else run


def _released(run: FlowFacts, left: str | None) -> FlowFacts:
    """Nobody holds the run; whoever did is refused from now on."""
    if left == SCHEDULED and run.attempt_token is None:
        return replace(run, lease_until=None)
    return replace(
        run,
        claimed_by=None,
        claim_until=None,
        attempt_token=None,
        lease_until=None,
        heartbeat=None,
        infrastructure_pid=None,
    )


def _beating(run: FlowFacts, now: datetime, terms: Terms) -> FlowFacts:
    until = None if run.heartbeat is None else now + timedelta(seconds=terms.beat)
    return replace(run, lease_until=until)
