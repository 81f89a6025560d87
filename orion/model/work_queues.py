"""Work queues: what agents poll."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from orion.model.agent_pool import AGENT_POOL
from orion.model.flows import Name
from orion.model.ids import Id

Limit = Annotated[int, Meta(ge=0)]
Priority = Annotated[int, Meta(ge=1)]


class QueueFilter(Struct, kw_only=True):
    """Which runs a queue serves when it does not go by name: all of these tags, one of these deployments."""

    tags: list[str] | None = None
    deployment_ids: list[Id] | None = None


class WorkQueue(Struct, kw_only=True):
    """A work queue as it is read."""

    id: Id
    created: datetime
    updated: datetime
    name: str
    description: str | None = ""
    is_paused: bool = False
    concurrency_limit: int | None = None
    priority: int = 1
    work_pool_id: Id | None = None
    work_pool_name: str | None = AGENT_POOL
    filter: QueueFilter | None = None
    last_polled: datetime | None = None
    status: Literal["READY", "NOT_READY", "PAUSED"] = "NOT_READY"
    active_slots: int | None = None


class WorkQueueCreate(Struct, kw_only=True):
    """A work queue to make."""

    id: Id | None = None
    name: Name
    description: str | None = ""
    is_paused: bool | None = False
    concurrency_limit: Limit | None = None
    priority: Priority | None = None
    filter: QueueFilter | None = None


class WorkQueueUpdate(Struct, kw_only=True):
    """What of a work queue can be changed; a field that is left out stays."""

    name: Name | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    is_paused: bool | None | UnsetType = UNSET
    concurrency_limit: Limit | None | UnsetType = UNSET
    priority: Priority | None | UnsetType = UNSET
    filter: QueueFilter | None | UnsetType = UNSET
    last_polled: datetime | None | UnsetType = UNSET


class GetRuns(Struct, kw_only=True):
    """Body of `get_runs`. With `wait_seconds` the answer waits up to that long for a run that is due."""

    limit: Annotated[int, Meta(ge=0, le=200)] | None = None
    scheduled_before: datetime | None = None
    agent_id: Id | None = None
    agent_name: Annotated[str, Meta(max_length=255)] | None = None
    wait_seconds: Annotated[float, Meta(ge=0, le=30)] | None = None


class HealthPolicy(Struct, kw_only=True, frozen=True):
    """When a queue counts as healthy."""

    maximum_late_runs: int = 0
    maximum_seconds_since_last_polled: int = 60


class WorkQueueStatus(Struct, kw_only=True):
    """How a queue fares."""

    healthy: bool
    late_runs_count: int
    last_polled: datetime | None
    health_check_policy: HealthPolicy = HealthPolicy()
