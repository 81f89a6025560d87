"""Flow runs: made, read, changed, and moved from state to state."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orion.errors import Forbidden, NotFound
from orion.model.filters import Filters
from orion.model.flow_runs import FlowRun
from orion.model.states import (
    PAUSED,
    RUNNING,
    SCHEDULED,
    OrchestrationResult,
    ResultDetails,
    SetState,
    StateCreate,
)
from orion.orchestration import create_claimed, create_flow_run, heartbeat, propose_flow_run
from orion.store import flow_runs
from orion.store import graph as graphs
from orion.store import history as histories
from orion.web import paging, parse, removal
from orion.web.bodies import FlowRunResult
from orion.web.call import Call, Reply
from orion.web.waiting import Look, why_flow_run

ATTEMPT = "orion-attempt"


async def create(call: Call) -> Reply:
    """Create a flow run, or find the one with the same idempotency key.

    With the header `Orion-Attempt: new` a run without a deployment that begins PENDING is claimed by its maker, who
    gets the attempt's token in the same header and beats.
    """
    parse.bounded(call.body.parameters, call.settings.api_max_parameters, "The parameters")
    if call.headers.get(ATTEMPT) == "new":
        run, created, token = await call.store.write(create_claimed, call.body, call.now)
        return Reply(run, status=201 if created else 200, headers={"Orion-Attempt": token} if token else {})
    run, created = await call.store.write(create_flow_run, call.body, call.now)
    return Reply(run, status=201 if created else 200)


async def read(call: Call) -> Reply:
    """Read a flow run."""
    return Reply(_found(await call.store.glance(flow_runs.get, call.path["id"], now=call.now)))


async def why(call: Call) -> Reply:
    """Why a flow run waits: the causes in order, who holds what it waits for, and what mends each."""
    return Reply(await call.store.read(_why, call.path["id"], call.now))


def _why(conn: Any, run_id: str, now: datetime) -> Any:
    return why_flow_run(Look(conn, now), _found(flow_runs.get(conn, run_id, now)))


async def update(call: Call) -> Reply:
    """Change the fields of a flow run that are sent."""
    parse.bounded(call.body.parameters, call.settings.api_max_parameters, "The parameters")
    await call.store.write(flow_runs.update, call.path["id"], call.body, call.now)
    return Reply(status=204)


async def set_labels(call: Call) -> Reply:
    """Merge labels into those of a flow run."""
    await call.store.write(flow_runs.set_labels, call.path["id"], call.body, call.now)
    return Reply(status=204)


async def delete(call: Call) -> Reply:
    """Delete a flow run with its states, task runs and logs."""
    await removal.of_run(call.store, flow_runs, call.path["id"], call.now)
    return Reply(status=204, location="runs")


async def set_state(call: Call) -> Reply:
    """Propose a state; the answer says what became of it.

    With the header `Orion-Attempt: new` a PENDING claims the run for one attempt, whose token comes back in the same
    header and fences every later proposal.
    """
    body: SetState = call.body
    sent = call.headers.get(ATTEMPT)
    outcome = await call.store.write(
        propose_flow_run,
        call.path["id"],
        body.state,
        call.now,
        force=bool(body.force),
        token=None if sent == "new" else sent,
        claim=sent == "new",
        api_version=call.api_version,
    )
    headers = {"Orion-Attempt": outcome.token} if outcome.token else {}
    location = f"runs/{call.path['id']}"
    return Reply(outcome.result, status=outcome.http_status, headers=headers, location=location)


async def bulk_set_state(call: Call) -> Reply:
    """Propose a state for each flow run that a filter selects."""
    chosen = Filters(flow_runs=call.body.flow_runs)
    ids = await call.store.read(_ids, chosen, call.body.limit or 50)
    results = [FlowRunResult.of(run_id, await _propose(call, run_id)) for run_id in ids]
    return Reply({"results": results})


def _ids(conn: Any, filters: Filters, limit: int) -> list[str]:
    return [run.id for run in flow_runs.filter(conn, filters, None, limit, 0)]


async def _propose(call: Call, run_id: str) -> Any:
    force = bool(call.body.force)
    return (await call.store.write(propose_flow_run, run_id, call.body.state, call.now, force=force)).result


async def resume(call: Call) -> Reply:
    """Let a paused flow run go on: at once, or as a new attempt if its process has ended."""
    outcome = await call.store.write(_resume, call.path["id"], call.now)
    if outcome is None:
        reason = ResultDetails(type="abort_details", reason="Only a paused flow run can be resumed.")
        return Reply(OrchestrationResult(state=None, status="ABORT", details=reason))
    return Reply(outcome.result, status=outcome.http_status, location=f"runs/{call.path['id']}")


def _resume(conn: Any, run_id: str, now: datetime) -> Any:
    state = _found(flow_runs.get(conn, run_id)).state
    if state is None or state.type != PAUSED:
        return None
    again = StateCreate(type=SCHEDULED, name="Resuming") if state.state_details.pause_reschedule else None
    return propose_flow_run(conn, run_id, again or StateCreate(type=RUNNING), now)


async def beat(call: Call) -> Reply:
    """Say that the process of an attempt lives; the answer says whether to stop and how long the lease lasts."""
    token = call.headers.get(ATTEMPT) or call.body.token
    if not token:
        raise Forbidden("A beat needs the attempt token, in the header Orion-Attempt.")
    return Reply(await call.store.write(heartbeat, call.path["id"], token, call.now))


async def filter(call: Call) -> Reply:
    """List flow runs."""
    return await paging.rows(call, flow_runs, now=call.now)


async def count(call: Call) -> Reply:
    """Count flow runs."""
    return Reply(await call.store.read(flow_runs.count, call.body))


async def paginate(call: Call) -> Reply:
    """List flow runs by page, with the number of all."""
    return await paging.page(call, flow_runs, now=call.now)


async def bulk_delete(call: Call) -> Reply:
    """Delete the flow runs that a filter selects."""
    return await removal.of_all(call, flow_runs, Filters(flow_runs=call.body.flow_runs), removal.of_run)


async def history(call: Call) -> Reply:
    """Count flow runs by interval and state, with their running time and lateness."""
    return Reply(await call.store.read(histories.flow_runs, *paging.intervals(call.body), call.now))


async def lateness(call: Call) -> Reply:
    """The average lateness of flow runs in seconds."""
    return Reply(await call.store.read(histories.lateness, call.body, call.now))


async def dots(call: Call) -> Reply:
    """List flow runs as dots: when, how long, how late."""
    limit = 1000 if call.body.limit is None else call.body.limit
    sort = call.body.sort or "EXPECTED_START_TIME_DESC"
    return Reply(
        await call.store.read(histories.dots, call.body, sort, limit, call.body.offset or 0, call.now)
    )


async def graph(call: Call) -> Reply:
    """The task runs of a flow run with what each of them waited for."""
    return Reply(await call.store.read(_graph, call.path["id"], call.now))


def _graph(conn: Any, run_id: str, now: datetime) -> Any:
    _found(flow_runs.get(conn, run_id))
    return graphs.dependencies(conn, run_id, now)


def _found(run: FlowRun | None) -> FlowRun:
    if run is None:
        raise NotFound("Flow run not found")
    return run
