"""Deployments: flows made ready to run, their schedules, and the runs that are asked of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET, Raw

from orion.errors import NotFound, OrionError
from orion.model.deployments import (
    Deployment,
    DeploymentCreate,
    DeploymentFlowRunCreate,
    DeploymentUpdate,
    DueRuns,
    DueTime,
    PlanRuns,
)
from orion.model.filters import (
    Filters,
    FlowRunFilter,
    NullableIdCriterion,
    StateCriterion,
    StateTypeCriterion,
    TimeCriterion,
)
from orion.model.flow_runs import FlowRun, FlowRunCreate
from orion.model.states import SCHEDULED, StateCreate
from orion.model.times import as_utc
from orion.orchestration import create_flow_run
from orion.services import ranges, scheduling
from orion.store import deployments, flow_runs, work_queues
from orion.store import scheduling as planning
from orion.store.base import Lane
from orion.web import paging, parse, removal
from orion.web.call import Call, Reply
from orion.web.parameters import check, overlay, resolved


async def create(call: Call) -> Reply:
    """Create a deployment, or update the one of that flow and name; its runs are planned at once."""
    _bound(call, call.body.parameters)
    client = call.headers.get("user-agent", "")[:200]
    deployment, created = await call.store.write(_save, call.body, client, call.now)
    return Reply(deployment, status=201 if created else 200)


def _save(conn: Any, body: DeploymentCreate, client: str, now: datetime) -> tuple[Deployment, bool]:
    known = deployments.id_of(conn, body.flow_id, body.name)
    was = planning.outlook(conn, known) if known else None
    saved, created = deployments.upsert(conn, body, now, client)
    _check_defaults(saved)
    scheduling.replan(conn, saved.id, now, was)
    return _found(deployments.get(conn, saved.id, now)), created


def _check_defaults(deployment: Deployment) -> None:
    """Default parameters fit the schema where they are given; required ones may come with the run."""
    if deployment.enforce_parameter_schema and bytes(deployment.parameters) not in (b"{}", b"null"):
        check(resolved(deployment.parameters), deployment.parameter_openapi_schema, whole=False)


async def read(call: Call) -> Reply:
    """Read a deployment."""
    return Reply(_found(await call.store.glance(deployments.get, call.path["id"], call.now)))


async def read_by_name(call: Call) -> Reply:
    """Read a deployment by the names of its flow and its own."""
    names = call.path["flow_name"], call.path["deployment_name"]
    return Reply(_found(await call.store.glance(deployments.by_name, *names, call.now)))


async def update(call: Call) -> Reply:
    """Change the fields of a deployment that are sent, and plan its runs anew."""
    _bound(call, call.body.parameters)
    await call.store.write(_update, call.path["id"], call.body, call.now)
    return Reply(status=204, location=f"deployments/{call.path['id']}")


def _update(conn: Any, deployment_id: str, body: DeploymentUpdate, now: datetime) -> None:
    was = planning.outlook(conn, deployment_id)
    deployments.update(conn, deployment_id, body, now)
    _check_defaults(_found(deployments.get(conn, deployment_id)))
    scheduling.replan(conn, deployment_id, now, was)


async def delete(call: Call) -> Reply:
    """Delete a deployment with its planned runs; those that have started stay."""
    await removal.bit_by_bit(call.store, deployments, call.path["id"], call.now)
    return Reply(status=204, location="deployments")


async def filter(call: Call) -> Reply:
    """List deployments."""
    return await paging.rows(call, deployments, now=call.now)


async def count(call: Call) -> Reply:
    """Count deployments."""
    return Reply(await call.store.read(deployments.count, call.body))


async def paginate(call: Call) -> Reply:
    """List deployments by page, with the number of all."""
    return await paging.page(call, deployments, now=call.now)


async def bulk_delete(call: Call) -> Reply:
    """Delete the deployments that a filter selects."""
    return await removal.of_all(
        call, deployments, Filters(deployments=call.body.deployments), removal.bit_by_bit
    )


async def pause(call: Call) -> Reply:
    """Stop planning runs, and delete those that are planned."""
    return await _set_paused(call, True)


async def resume(call: Call) -> Reply:
    """Plan runs again."""
    return await _set_paused(call, False)


async def _set_paused(call: Call, paused: bool) -> Reply:
    await call.store.write(_pause, call.path["id"], paused, call.now)
    return Reply(None, location=f"deployments/{call.path['id']}")


def _pause(conn: Any, deployment_id: str, paused: bool, now: datetime) -> None:
    deployments.set_paused(conn, deployment_id, paused, now)
    scheduling.replan(conn, deployment_id, now)


async def schedule(call: Call) -> Reply:
    """Plan the runs of a time range now.

    They are written a few at a time, behind what others write. A request that was cut off can be repeated: no run is
    made twice.
    """
    pieces = await call.store.read(_pieces, call.path["id"], call.body, call.now)
    for number, piece in enumerate(pieces, start=1):
        is_last = number == len(pieces)
        await call.store.write(ranges.plan_piece, piece, call.now, lane=Lane.LOW, durable=is_last)
    return Reply(None)


async def schedule_preview(call: Call) -> Reply:
    """List what `schedule` would plan in a time range, past ones too, and what of it has a run already."""
    return Reply(await call.store.read(_preview, call.path["id"], call.body, call.now))


def _pieces(conn: Any, deployment_id: str, body: PlanRuns, now: datetime) -> list[ranges.Piece]:
    start, end, runs = _range(body, now)
    return ranges.pieces(conn, deployment_id, start, end, **runs)


def _preview(conn: Any, deployment_id: str, body: PlanRuns, now: datetime) -> list[DueTime]:
    start, end, runs = _range(body, now)
    return ranges.preview(conn, deployment_id, start, end, now, **runs)


def _range(body: PlanRuns, now: datetime) -> tuple[datetime, datetime, dict[str, int]]:
    """From when to when, and how many runs at least and at most."""
    start = body.start_time or now
    end = body.end_time or start + timedelta(seconds=body.min_time or 0)
    least = 3 if body.min_runs is None else body.min_runs
    most = 100 if body.max_runs is None else body.max_runs
    return as_utc(start), as_utc(end), {"min_runs": least, "max_runs": most}


async def work_queue_check(call: Call) -> Reply:
    """List the work queues that could pick up the runs of a deployment."""
    return Reply(await call.store.read(work_queues.for_deployment, call.path["id"], call.now))


async def due_runs(call: Call) -> Reply:
    """List the runs of deployments that are scheduled, by time; nothing is handed out."""
    body: DueRuns = call.body
    most: int = call.settings.api_default_limit
    wanted = FlowRunFilter(
        deployment_id=NullableIdCriterion(any_=body.deployment_ids),
        state=StateCriterion(type=StateTypeCriterion(any_=[SCHEDULED])),
        next_scheduled_start_time=TimeCriterion(before_=body.scheduled_before),
    )
    limit = most if body.limit is None else min(body.limit, most)
    sort = "NEXT_SCHEDULED_START_TIME_ASC"
    return Reply(
        await call.store.read(flow_runs.filter, Filters(flow_runs=wanted), sort, limit, now=call.now)
    )


async def create_run(call: Call) -> Reply:
    """Create a run of a deployment, with its parameters overlaid by the ones that are sent."""
    run, created = await call.store.write(_create_run, call.path["id"], call.body, call.now, _limit(call))
    return Reply(run, status=201 if created else 200, location=f"runs/{run.id}")


async def create_runs(call: Call) -> Reply:
    """Create many runs of a deployment; each by itself, so that a bad one spoils only itself."""
    return Reply({"results": [await _one_of_many(call, body) for body in call.body]})


async def _one_of_many(call: Call, body: DeploymentFlowRunCreate) -> dict[str, Any]:
    try:
        run, _ = await call.store.write(_create_run, call.path["id"], body, call.now, _limit(call))
    except NotFound:
        raise
    except OrionError as error:
        return {"flow_run_id": None, "status": "FAILED", "error": error.message}
    return {"flow_run_id": run.id, "status": "CREATED", "error": None}


def _create_run(
    conn: Any, deployment_id: str, body: DeploymentFlowRunCreate, now: datetime, limit: int
) -> tuple[FlowRun, bool]:
    deployment = _found(deployments.get(conn, deployment_id))
    parameters = resolved(overlay(deployment.parameters, body.parameters))
    parse.bounded(parameters, limit, "The parameters")
    enforced = body.enforce_parameter_schema
    if deployment.enforce_parameter_schema if enforced is None else enforced:
        check(parameters, deployment.parameter_openapi_schema, whole=True)
    return create_flow_run(conn, _run_of(deployment, body, parameters), now)


def _run_of(deployment: Deployment, body: DeploymentFlowRunCreate, parameters: Raw) -> FlowRunCreate:
    """What is asked for, filled up from the deployment."""
    return FlowRunCreate(
        id=body.id,
        flow_id=deployment.flow_id,
        deployment_id=deployment.id,
        state=body.state or StateCreate(type=SCHEDULED),
        name=body.name,
        parameters=parameters,
        context=body.context,
        parent_task_run_id=body.parent_task_run_id,
        infrastructure_document_id=body.infrastructure_document_id or deployment.infrastructure_document_id,
        empirical_policy=body.empirical_policy,
        tags=list(dict.fromkeys([*deployment.tags, *(body.tags or ())])),
        labels=overlay(deployment.labels, body.labels),
        idempotency_key=body.idempotency_key,
        work_queue_name=body.work_queue_name or deployment.work_queue_name,
        job_variables=overlay(deployment.job_variables, body.job_variables),
    )


def _limit(call: Call) -> int:
    limit: int = call.settings.api_max_parameters
    return limit


def _bound(call: Call, parameters: Any) -> None:
    if parameters is not UNSET:
        parse.bounded(parameters, _limit(call), "The parameters")


def _found(deployment: Deployment | None) -> Deployment:
    if deployment is None:
        raise NotFound("Deployment not found")
    return deployment
