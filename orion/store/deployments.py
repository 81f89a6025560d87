"""Deployments: a flow made ready for agents; made or changed by flow and name."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from msgspec import Raw

from orion.errors import Conflict, Invalid, NotFound
from orion.model.agent_pool import AGENT_POOL
from orion.model.deployments import Deployment, DeploymentCreate, DeploymentUpdate
from orion.model.filters import Filters
from orion.model.ids import new_id
from orion.model.wire import EMPTY_OBJECT, unraw
from orion.store import changes, deleted, deployment_schedules, paging, secret_schemas, sql, tags, work_queues
from orion.store.base import Conn, Row
from orion.store.filters import where
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows, json_text

Q = sql.load("deployments")
POLLED_WITHIN = timedelta(seconds=60)
COMPUTED = ("schedule", "is_schedule_active", "schedules", "infra_overrides", "work_pool_name", "status")
DEPLOYMENT = Rows(Deployment, "deployment", leave_out=(*COMPUTED, "global_concurrency_limit"))
QUEUE = "LEFT JOIN work_queue ON work_queue.name = deployment.work_queue_name"
COLUMNS = f"{DEPLOYMENT.columns}, work_queue.id, work_queue.last_polled"
LISTING = Listing(
    "deployment",
    COLUMNS,
    QUEUE,
    {
        "NAME_ASC": Sort("deployment.name"),
        "NAME_DESC": Sort("deployment.name", descending=True),
        "CREATED_DESC": Sort("deployment.created", descending=True),
        "UPDATED_DESC": Sort("deployment.updated", descending=True),
    },
)
GET = f"SELECT {COLUMNS} FROM deployment {QUEUE} WHERE deployment.id = :id"
BY_NAME = (
    f"SELECT {COLUMNS} FROM deployment {QUEUE} JOIN flow ON flow.id = deployment.flow_id "
    "WHERE flow.name = :flow AND deployment.name = :deployment"
)
INSERT = f"{DEPLOYMENT.insert} ON CONFLICT (flow_id, name) DO NOTHING"
ALIASES = (
    "id",
    "flow_id",
    "name",
    "schedule",
    "schedules",
    "is_schedule_active",
    "infra_overrides",
    "version_info",
)
STRATEGIES = ("ENQUEUE", "CANCEL_NEW", "CANCEL_OLD")
DEFAULTS = {
    "parameters": EMPTY_OBJECT,
    "job_variables": EMPTY_OBJECT,
    "infra_overrides": EMPTY_OBJECT,
    "labels": EMPTY_OBJECT,
    "tags": [],
    "enforce_parameter_schema": False,
    "paused": False,
}


def get(conn: Conn, id: str, now: datetime | None = None) -> Deployment | None:
    """A deployment with its schedules. With a clock, its status says whether somebody polls for it."""
    row = conn.one(GET, {"id": id})
    return _read_all(conn, [row], now)[0] if row else None


def by_name(conn: Conn, flow: str, deployment: str, now: datetime | None = None) -> Deployment | None:
    """The deployment known as `flow/deployment`."""
    row = conn.one(BY_NAME, {"flow": flow, "deployment": deployment})
    return _read_all(conn, [row], now)[0] if row else None


def id_of(conn: Conn, flow_id: str, name: str) -> str | None:
    """The id of the deployment of a flow and name."""
    found: str | None = paging.scalar(conn, Q.find, {"flow_id": flow_id, "name": name})
    return found


def upsert(
    conn: Conn, wanted: DeploymentCreate, now: datetime, client: str | None = None
) -> tuple[Deployment, bool]:
    """Make a deployment, or change the one of this flow and name by what was sent; and whether it is new."""
    if paging.scalar(conn, Q.flow, {"flow_id": wanted.flow_id}) is None:
        raise Conflict(f"There is no flow {wanted.flow_id}: it has been deleted, or was never made.")
    fresh = Deployment(
        id=wanted.id or new_id(), created=now, updated=now, name=wanted.name, flow_id=wanted.flow_id
    )
    created = conn.run(INSERT, DEPLOYMENT.values(conn, fresh)) > 0
    id = paging.scalar(conn, Q.find, {"flow_id": wanted.flow_id, "name": wanted.name})
    _change(conn, id, wanted, now, {} if client is None else {"client": client})
    found = get(conn, id, now)
    assert found is not None
    return found, created


def update(conn: Conn, id: str, wanted: DeploymentUpdate, now: datetime) -> None:
    """Change what is given."""
    _change(conn, id, wanted, now, {})


def set_paused(conn: Conn, id: str, paused: bool, now: datetime) -> None:
    """Switch all schedules of a deployment off or on."""
    update(conn, id, DeploymentUpdate(paused=paused), now)


def shrink(conn: Conn, id: str, most: int, now: datetime) -> int:
    """Set some runs of a deployment that is to be deleted on their own, then delete some that wait; how many it were.

    `delete` alone would keep other writes waiting. What its schedules have planned stays until then.
    """
    if freed := conn.run(Q.free_some, {"id": id, "most": most}):
        return freed
    waiting = [run_id for (run_id,) in conn.all(Q.some_waiting, {"id": id, "most": most})]
    deleted.note_runs(conn, waiting, now)
    return conn.run(Q.delete_waiting, {"ids": json_text(waiting)}) if waiting else 0


def delete(conn: Conn, id: str) -> None:
    """Delete a deployment with its schedules and the runs that have not begun; other runs stay, on their own."""
    conn.run(Q.delete_unstarted, {"id": id})
    conn.run(Q.free_runs, {"id": id})
    if not conn.run("DELETE FROM deployment WHERE id = :id", {"id": id}):
        raise NotFound("Deployment not found")
    conn.publish("deployments")
    conn.publish("runs")


def filter(
    conn: Conn,
    filters: Filters | None,
    sort: str | None,
    limit: int,
    offset: int = 0,
    now: datetime | None = None,
) -> list[Deployment]:
    """The deployments that meet the filters, one page by offset."""
    return _read_all(
        conn, paging.rows(conn, LISTING, where(conn, "deployment", filters), sort, limit, offset), now
    )


def page(
    conn: Conn,
    filters: Filters | None,
    sort: str | None,
    limit: int,
    after: str | None = None,
    now: datetime | None = None,
) -> tuple[list[Deployment], str | None]:
    """The deployments after a key, and the key of the next page."""
    rows, key = paging.page(conn, LISTING, where(conn, "deployment", filters), sort, limit, after)
    return _read_all(conn, rows, now), key


def count(conn: Conn, filters: Filters | None = None) -> int:
    return paging.count(conn, "deployment", where(conn, "deployment", filters))


def _change(
    conn: Conn, id: str, wanted: DeploymentCreate | DeploymentUpdate, now: datetime, more: dict[str, Any]
) -> None:
    sent = changes.given(wanted, DEFAULTS)
    columns = {name: value for name, value in sent.items() if name not in ALIASES} | more
    if "job_variables" not in columns and "infra_overrides" in sent:
        columns["job_variables"] = sent["infra_overrides"]
    if "paused" in sent or sent.get("is_schedule_active") is not None:
        columns["paused"] = bool(sent.get("paused")) or sent.get("is_schedule_active") is False
    if "tags" in columns:
        columns["tags"] = tags.distinct(columns["tags"])
    _choose_queue(conn, columns, now)
    _check_blocks(conn, columns)
    _check_strategy(columns.get("concurrency_options"))
    if not changes.apply(conn, "deployment", id, columns, now):
        raise NotFound("Deployment not found")
    secret_schemas.note(conn, id, bytes(columns.get("parameter_openapi_schema") or b""), now)
    if "tags" in columns:
        tags.replace(conn, "deployment", id, columns["tags"])
    wished = deployment_schedules.wished(sent)
    if wished is not None:
        deployment_schedules.replace(conn, id, wished, now)
    deployment_schedules.touch(conn, id)


def _choose_queue(conn: Conn, columns: dict[str, Any], now: datetime) -> None:
    """The queue a deployment names is made if it is not there; the pool can only be the implicit one."""
    pool = columns.pop("work_pool_name", None)
    if pool is not None and pool != AGENT_POOL:
        raise NotFound(f"Work pool {pool!r} not found.")
    if pool is not None and columns.get("work_queue_name") is None:
        columns["work_queue_name"] = "default"
    if "work_queue_name" in columns:
        name = columns["work_queue_name"]
        columns["work_queue_id"] = None if name is None else work_queues.ensure(conn, name, now).id


def _check_blocks(conn: Conn, columns: dict[str, Any]) -> None:
    for column in ("storage_document_id", "infrastructure_document_id"):
        id = columns.get(column)
        if id is not None and paging.scalar(conn, Q.block_document, {"id": id}) is None:
            raise Conflict(f"There is no block document {id} for {column}.")


def _check_strategy(options: Raw | None) -> None:
    """What becomes of a run too many is one of a few words."""
    said = unraw(options) if options is not None else None
    strategy = said.get("collision_strategy") if said else "ENQUEUE"
    if strategy not in STRATEGIES:
        raise Invalid(f"The collision strategy {strategy!r} is unknown; there is {', '.join(STRATEGIES)}.")


def _read_all(conn: Conn, rows: list[Row], now: datetime | None) -> list[Deployment]:
    """The deployments of some rows, with what is computed; the schedules of all of them in one query."""
    schedules = deployment_schedules.of_all(conn, [row[0] for row in rows])
    return [_complete(DEPLOYMENT.read(conn, row), schedules, conn, row, now) for row in rows]


def _complete(
    deployment: Deployment, schedules: dict[str, Any], conn: Conn, row: Row, now: datetime | None
) -> Deployment:
    deployment.schedules = schedules.get(deployment.id, [])
    if deployment.schedules:
        deployment.schedule = deployment.schedules[0].schedule
    deployment.is_schedule_active = not deployment.paused
    deployment.infra_overrides = deployment.job_variables
    queue_id, polled = row[DEPLOYMENT.width], conn.when(row[DEPLOYMENT.width + 1])
    if queue_id is not None:
        deployment.work_queue_id, deployment.work_pool_name = queue_id, AGENT_POOL
    times = [moment for moment in (deployment.last_polled, polled) if moment is not None]
    deployment.last_polled = max(times, default=None)
    if now is not None and times and now - max(times) <= POLLED_WITHIN:
        deployment.status = "READY"
    return deployment
