"""A state set by hand, with a reason: it is written into the history as such, past all rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from orion.errors import Invalid
from orion.model.states import StateCreate, StateDetails, StateType
from orion.orchestration import propose_flow_run, propose_task_run
from orion.store import flow_runs, task_runs
from orion.web.call import Call, Reply
from orion.web.pages.shared import found, see

FOR_FLOW_RUNS = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED", "SCHEDULED")
FOR_TASK_RUNS = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED", "PENDING")
LONGEST = 1000


async def of_flow_run(call: Call) -> Reply:
    """Set the state of a flow run by hand; the reason is kept with it."""
    return await _set(call, flow_runs.get, propose_flow_run, FOR_FLOW_RUNS, f"runs/{call.path['id']}")


async def of_task_run(call: Call) -> Reply:
    """Set the state of a task run by hand; the reason is kept with it."""
    return await _set(call, task_runs.get, propose_task_run, FOR_TASK_RUNS, f"task-runs/{call.path['id']}")


async def _set(
    call: Call, get: Callable[..., Any], propose: Callable[..., Any], allowed: tuple[str, ...], address: str
) -> Reply:
    see(call)
    run = found(await call.store.read(get, call.path["id"]), "run")
    wanted = _wanted(call, allowed, call.now)
    outcome = await call.store.write(propose, run.id, wanted, call.now, force=True)
    reason = outcome.result.details.reason
    done = outcome.result.status == "ACCEPT"
    toast = (
        {"text": f"{run.name} is now {wanted.label}"} if done else {"error": str(reason or "It was refused.")}
    )
    return Reply({"granted": done}, trigger={"toast": toast, "run": {}, "runs": {}}, location=address)


def _wanted(call: Call, allowed: tuple[str, ...], now: datetime) -> StateCreate:
    kind, reason = str(call.form.get("state", "")).upper(), str(call.form.get("reason", "")).strip()
    if kind not in allowed:
        raise Invalid(
            f"By hand the state can be set to {', '.join(allowed)}; {kind[:40]!r} is none of these."
        )
    if not reason:
        raise Invalid("Say why: a state that is set by hand needs a reason.")
    details = StateDetails(scheduled_time=now) if kind == "SCHEDULED" else None
    message = f"Set by hand: {reason[:LONGEST]}"
    return StateCreate(type=cast(StateType, kind), message=message, state_details=details)
