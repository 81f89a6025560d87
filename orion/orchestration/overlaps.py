"""Overlaps: where a deployment has as many runs as it may, and cancels the previous ones or the new one."""

from __future__ import annotations

from datetime import datetime

from orion.model.states import CANCELLING, StateCreate
from orion.orchestration import loading
from orion.orchestration.propose import propose_flow_run
from orion.store import deployment_limits
from orion.store.base import Conn
from orion.store.deployment_limits import Contender

REPLACED = "A newer run of the deployment takes its place."
SKIPPED = "As many runs of the deployment as it may have were under way."


def settle(conn: Conn, deployment_id: str, now: datetime) -> int:
    """Cancel the runs of a deployment that are too many; how many.

    What waits is cancelled at once. What is under way is asked to end, and the newer run is handed out when it has.
    """
    found, replaced = deployment_limits.too_many(conn, deployment_id, now)
    return sum(_cancel(conn, run, REPLACED if replaced else SKIPPED, now) for run in sorted(found))


def _cancel(conn: Conn, seen: Contender, why: str, now: datetime) -> bool:
    """Unless the run has gone on since it was looked at (I11)."""
    run = loading.flow_run(conn, seen.id)
    if run is None or run.state is None or run.state.id != seen.state_id:
        return False
    outcome = propose_flow_run(conn, seen.id, StateCreate(type=CANCELLING, message=why), now)
    return outcome.result.status in ("ACCEPT", "REJECT")
