"""Crashes: a crashed run that an agent of orion held gets its next attempt, and what its process left open is closed.

CRASHED itself is always stored as proposed; the retry is a state of its own, so that the history tells both.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from orion.model.ids import new_id
from orion.model.states import CANCELLED, CRASHED, SCHEDULED, State, StateDetails
from orion.orchestration import loading
from orion.orchestration.attempts import terms
from orion.orchestration.bookkeeping import delay_of, retries_of
from orion.orchestration.entering import close_task_runs, enter_flow_run, not_before
from orion.orchestration.facts import FlowFacts
from orion.store import Conn, Lane, Store, claims

BATCH = 200


def retry(conn: Conn, run: FlowFacts, now: datetime) -> bool:
    """Schedule a crashed run again, if its policy has a retry left. The caller holds it and has looked."""
    assert run.state is not None and run.lease_until is not None
    if not _may_retry(run):
        return not claims.end_lease(conn, run.id, run.state.id, run.lease_until)
    details = StateDetails(scheduled_time=now + timedelta(seconds=delay_of(run.policy)))
    state = State(id=new_id(), type=SCHEDULED, name="AwaitingRetry", timestamp=now, state_details=details)
    enter_flow_run(conn, run, not_before(state, run.state), now)
    return True


def close(store: Store, now: datetime) -> int:
    """Close task runs that killed flow runs have left open, some of each run a pass; the number of task runs."""
    orphaned = store.read_now(claims.orphans, BATCH)
    return sum(store.write_now(_close, run_id, now, lane=Lane.LOW) for run_id in orphaned)


def _may_retry(run: FlowFacts) -> bool:
    """By the policy once the run has begun; before, where its process was killed, while it has submissions left.

    A process that ended by itself before it began (the flow could not be loaded) would do the same again.
    """
    if run.policy.retry_on_crash is False or run.submit_count >= terms().submits:
        return False
    if run.run_count == 0:
        return run.state is not None and run.state.state_details.retriable is True
    retries = retries_of(run.policy)
    return retries is not None and run.run_count <= retries


def _close(conn: Conn, run_id: str, now: datetime) -> int:
    run = loading.flow_run(conn, run_id)
    if run is None or run.state is None or run.state.type not in (CRASHED, CANCELLED):
        return 0
    return close_task_runs(conn, run_id, run.state, now)
