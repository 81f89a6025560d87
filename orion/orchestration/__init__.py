"""Judgement: rules that decide, bookkeeping, and the one door through which a state is written.

Every function takes the connection of its caller's transaction: `await store.write(propose_flow_run, id, state, now)`.
"""

from orion.orchestration.batch import batch
from orion.orchestration.claims import claim_runs, give_back_runs
from orion.orchestration.creation import create_claimed, create_flow_run, create_task_run
from orion.orchestration.heartbeats import heartbeat
from orion.orchestration.limits import give, give_lease, renew_lease, take, take_lease
from orion.orchestration.outcome import Outcome
from orion.orchestration.propose import propose_flow_run, propose_task_run
from orion.orchestration.recorder import record_event

__all__ = [
    "Outcome",
    "batch",
    "claim_runs",
    "create_claimed",
    "create_flow_run",
    "create_task_run",
    "give",
    "give_back_runs",
    "give_lease",
    "heartbeat",
    "propose_flow_run",
    "propose_task_run",
    "record_event",
    "renew_lease",
    "take",
    "take_lease",
]
