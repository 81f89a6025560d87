"""Late: what rules and bookkeeping make of a scheduled run that becomes Late, for many runs in a few statements.

No rule refuses it, and but for its state and its time nothing of such a run changes. One that is held, or that stands
for a task of another run, goes through the rules alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from orion.model.ids import new_id
from orion.model.states import SCHEDULED, StateCreate, StateDetails
from orion.orchestration.propose import propose_flow_run
from orion.store import lateness as db
from orion.store import transitions
from orion.store.base import Conn
from orion.store.scheduling import Overdue

LATE = "Late"


def mark_late(conn: Conn, found: Sequence[Overdue], now: datetime) -> int:
    """Name runs Late that are still in the state in which they were seen; how many."""
    seen = {run.id: run for run in found}
    unchanged = [run for run in db.look(conn, list(seen)) if run.state_id == seen[run.id].state_id]
    plain = [
        db.Late(run, new_id(), max(now, run.state_timestamp), seen[run.id].next_scheduled_start_time)
        for run in unchanged
        if run.is_plain
    ]
    if plain:
        db.mark(conn, plain, now)
        transitions.add_late_notifications(conn, [(each.run, each.run.id, each.state_id) for each in plain], now)
        _tell(conn, plain)
    for run in unchanged:
        if not run.is_plain:
            details = StateDetails(scheduled_time=seen[run.id].next_scheduled_start_time)
            wanted = StateCreate(type=SCHEDULED, name=LATE, state_details=details)
            propose_flow_run(conn, run.id, wanted, now)
    return len(unchanged)


def _tell(conn: Conn, late: Sequence[db.Late]) -> None:
    """Pages and agents: as for each of the runs."""
    queues = {each.run.work_queue_name for each in late if each.run.deployment_id}
    for topic in ("runs", *(f"run:{each.run.id}" for each in late), *(["queues"] if queues else ())):
        conn.publish(topic)
    for name in filter(None, queues):
        conn.publish(f"queue:{name}")
