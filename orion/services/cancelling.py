"""Cancelling: a run that is being cancelled by nobody any more is cancelled."""

from __future__ import annotations

from datetime import datetime

from orion.model.ids import new_id
from orion.model.states import CANCELLED, State
from orion.orchestration.entering import enter_flow_run, not_before
from orion.orchestration.facts import FlowFacts
from orion.store import Conn

MESSAGE = "The process was not heard of while the run was being cancelled."


def clean_up(conn: Conn, run: FlowFacts, now: datetime) -> bool:
    """Cancel a run that stayed in CANCELLING beyond its lease. The caller holds it and has looked."""
    state = State(id=new_id(), type=CANCELLED, name="Cancelled", timestamp=now, message=MESSAGE)
    enter_flow_run(conn, run, not_before(state, run.state), now)
    return True
