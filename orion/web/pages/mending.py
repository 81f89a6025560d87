"""What mends a run that waits: more slots, an earlier start, an end of its pause. Each leads back to the run."""

from __future__ import annotations

from datetime import datetime

from orion.errors import Invalid
from orion.model.deployments import DeploymentUpdate
from orion.model.limits import ConcurrencyLimitV2Update
from orion.model.states import StateCreate, StateDetails
from orion.model.work_queues import WorkQueueUpdate
from orion.orchestration import propose_flow_run
from orion.store import concurrency_limits_v2, deployments, flow_runs, work_queues
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.display import plural
from orion.web.handlers import flow_runs as api
from orion.web.pages.shared import back, found, see

MOST = 1_000_000


async def queue_limit(call: Call) -> Reply:
    """Let more runs of a work queue be under way."""
    limit = _limit(call)
    await call.store.write(
        work_queues.update, call.path["id"], WorkQueueUpdate(concurrency_limit=limit), call.now
    )
    return _done(call, limit, f"queues/{call.path['id']}")


async def deployment_limit(call: Call) -> Reply:
    """Let more runs of a deployment be under way."""
    limit = _limit(call)
    await call.store.write(
        deployments.update, call.path["id"], DeploymentUpdate(concurrency_limit=limit), call.now
    )
    return _done(call, limit, f"deployments/{call.path['id']}")


async def raise_limit(call: Call) -> Reply:
    """Set the slots of a tag's limit or a named one."""
    limit = _limit(call)
    await call.store.write(
        concurrency_limits_v2.update, call.path["id"], ConcurrencyLimitV2Update(limit=limit), call.now
    )
    return _done(call, limit, "limits")


async def start(call: Call) -> Reply:
    """Let a planned flow run be due at once."""
    see(call)
    run = found(await call.store.read(flow_runs.get, call.path["id"]), "run")
    granted = await call.store.write(_start, run.id, call.now)
    toast = {"text": f"{run.name} is due now"} if granted else {"error": "Only a planned run can be started."}
    return Reply(
        {"granted": granted}, trigger={"toast": toast, "run": {}, "runs": {}}, location=f"runs/{run.id}"
    )


async def resume(call: Call) -> Reply:
    """Let a paused flow run go on."""
    see(call)
    answer = (await api.resume(call)).data
    granted = answer.status == "ACCEPT"
    toast = {"text": "It goes on"} if granted else {"error": str(answer.details.reason or "It cannot go on.")}
    events = {"toast": toast, "run": {}, "runs": {}}
    return Reply({"granted": granted}, trigger=events, location=f"runs/{call.path['id']}")


def _start(conn: Conn, id: str, now: datetime) -> bool:
    run = flow_runs.get(conn, id)
    if run is None or run.state_type != "SCHEDULED":
        return False
    state = StateCreate(
        type="SCHEDULED",
        name=run.state_name if run.state_name == "AwaitingRetry" else None,
        message="Started early from the console.",
        state_details=StateDetails(scheduled_time=now),
    )
    return propose_flow_run(conn, id, state, now).result.status == "ACCEPT"


def _limit(call: Call) -> int:
    text = str(call.form.get("limit", "")).strip()
    if not text.isdecimal() or int(text) > MOST:
        raise Invalid(f"A limit is a whole number from 0 to {MOST:,}, not {text[:40]!r}.")
    return int(text)


def _done(call: Call, limit: int, otherwise: str) -> Reply:
    toast = {"text": f"The limit is now {plural(limit, 'slot')}"}
    events = {"toast": toast, "run": {}, "runs": {}, "queues": {}, "deployments": {}}
    return Reply({"limit": limit}, trigger=events, location=back(call, otherwise))
