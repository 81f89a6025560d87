"""The work pool: the one that agents' queues belong to, as clients that know pools expect to see it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from msgspec import Raw, Struct

from orion.model import wire
from orion.model.agent_pool import AGENT_POOL, POOL_ID
from orion.model.filters import Offset, PageLimit, WorkPoolFilter
from orion.model.flow_runs import FlowRun
from orion.model.ids import Id

_MADE = datetime(2022, 7, 1, tzinfo=UTC)


class WorkPool(Struct, kw_only=True):
    """The pool as it is read. It is no row, and nothing of it can be changed."""

    id: Id = POOL_ID
    created: datetime = _MADE
    updated: datetime = _MADE
    name: str = AGENT_POOL
    description: str | None = "The work queues that agents poll."
    type: str = "prefect-agent"
    base_job_template: Raw = wire.raw({})
    is_paused: bool = False
    concurrency_limit: int | None = None
    status: Literal["READY", "NOT_READY", "PAUSED"] | None = None
    default_queue_id: Id = POOL_ID
    storage_configuration: dict[str, Any] = {}
    active_slots: int | None = None


class WorkPoolQuery(Struct, kw_only=True):
    """Body of `POST /work_pools/filter`."""

    work_pools: WorkPoolFilter | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class PoolRuns(Struct, kw_only=True):
    """Body of the pool's `get_scheduled_flow_runs`. No names, or an empty list: all queues."""

    work_queue_names: list[str] | None = None
    scheduled_before: datetime | None = None
    scheduled_after: datetime | None = None
    limit: PageLimit | None = None


class PoolRun(Struct, kw_only=True):
    """A run that is due, and whose it is."""

    work_pool_id: Id
    work_queue_id: Id
    flow_run: FlowRun
