"""Heartbeats: the holder of an attempt says that it lives, and hears whether to stop."""

from __future__ import annotations

from datetime import datetime, timedelta

from orion.errors import NotFound
from orion.model.flow_runs import Heartbeat
from orion.model.states import CANCELLED, CANCELLING, CRASHED, FINAL
from orion.orchestration import loading
from orion.orchestration.attempts import lease_seconds, terms
from orion.store import claims, deleted
from orion.store.base import Conn

STOP = Heartbeat(cancel=True, lease_seconds=0.0)


def heartbeat(conn: Conn, run_id: str, token: str | None, now: datetime) -> Heartbeat:
    """Renew the lease of the attempt with this token. Who holds none, a killed or a deleted run, hears: stop."""
    run = loading.flow_run(conn, run_id)
    if run is None and deleted.find(conn, run_id):
        return STOP
    if run is None:
        raise NotFound("Flow run not found")
    if run.state is None or token is None or token != run.attempt_token:
        return STOP
    if run.state.type in FINAL:
        return Heartbeat(cancel=run.state.type in (CANCELLED, CRASHED), lease_seconds=0.0)
    seconds = lease_seconds(run, terms())
    due = run.state.state_details.scheduled_time or now
    claims.beat(conn, run_id, token, run.state.id, max(now, due) + timedelta(seconds=seconds), now)
    return Heartbeat(cancel=run.state.type == CANCELLING, lease_seconds=seconds)
