"""Pauses: a flow run that nobody resumed in time has failed."""

from __future__ import annotations

from datetime import datetime

from orion.model.ids import new_id
from orion.model.states import FAILED, State
from orion.orchestration import loading
from orion.orchestration.entering import enter_flow_run, not_before
from orion.store import Conn, Lane, Store, claims

MESSAGE = "The flow was paused and never resumed."


def expire(store: Store, now: datetime) -> int:
    """Fail paused runs whose time is over; the number of runs."""
    over = store.read_now(claims.ended_pauses, now)
    return sum(store.write_now(fail, run_id, state_id, now, lane=Lane.LOW) for run_id, state_id in over)


def fail(conn: Conn, run_id: str, state_id: str, now: datetime) -> bool:
    """Fail a paused run, unless it has gone on since it was looked at."""
    run = loading.flow_run(conn, run_id)
    if run is None or run.state is None or run.state.id != state_id:
        return False
    state = State(id=new_id(), type=FAILED, name="Failed", timestamp=now, message=MESSAGE)
    enter_flow_run(conn, run, not_before(state, run.state), now)
    return True
