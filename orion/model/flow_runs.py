"""Flow runs: one execution of a flow, asked for, planned or under way."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from orion.model.agent_pool import AGENT_POOL, POOL_ID
from orion.model.flows import Tags
from orion.model.ids import Id
from orion.model.states import State, StateCreate, StateType
from orion.model.wire import EMPTY_OBJECT, Body, JsonObject

RunName = Annotated[str, Meta(max_length=1000)]
Key = Annotated[str, Meta(max_length=2000)]


class CreatedBy(Struct, kw_only=True):
    """Who made an object: a user, a deployment, a schedule."""

    id: Id | None = None
    type: str | None = None
    display_value: str | None = None


class FlowRunPolicy(Struct, kw_only=True, frozen=True):
    """Retries and pauses of a flow run; delays in seconds."""

    max_retries: int = 0
    retry_delay_seconds: float = 0.0
    retries: int | None = None
    retry_delay: int | float | None = None
    pause_keys: list[str] | None = []
    resuming: bool | None = False
    retry_type: Literal["in_process", "reschedule"] | None = None
    retry_on_crash: bool | None = None


class FlowRun(Struct, kw_only=True):
    """A flow run as it is read. Times of running in seconds."""

    id: Id
    created: datetime
    updated: datetime
    name: str
    flow_id: Id
    state_id: Id | None = None
    deployment_id: Id | None = None
    deployment_version: str | None = None
    work_queue_id: Id | None = None
    work_queue_name: str | None = None
    flow_version: str | None = None
    parameters: Raw = EMPTY_OBJECT
    idempotency_key: str | None = None
    context: Raw = EMPTY_OBJECT
    empirical_policy: FlowRunPolicy = FlowRunPolicy()
    tags: list[str] = []
    labels: Raw = EMPTY_OBJECT
    parent_task_run_id: Id | None = None
    state_type: StateType | None = None
    state_name: str | None = None
    run_count: int = 0
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0
    estimated_run_time: float = 0.0
    estimated_start_time_delta: float = 0.0
    auto_scheduled: bool = False
    infrastructure_document_id: Id | None = None
    infrastructure_pid: str | None = None
    created_by: CreatedBy | None = None
    work_pool_id: Id | None = None
    work_pool_name: str | None = None
    state: State | None = None
    job_variables: Raw = EMPTY_OBJECT

    def __post_init__(self) -> None:
        if self.work_queue_name is not None and self.work_pool_name is None:
            self.work_pool_id, self.work_pool_name = POOL_ID, AGENT_POOL


class FlowRunCreate(Body, kw_only=True):
    """A flow run to make. Without a state it is PENDING."""

    id: Id | None = None
    state: StateCreate | None = None
    name: RunName | None = None
    flow_id: Id
    flow_version: str | None = None
    parameters: JsonObject = None
    context: JsonObject = None
    parent_task_run_id: Id | None = None
    infrastructure_document_id: Id | None = None
    empirical_policy: FlowRunPolicy | None = None
    tags: Tags | None = None
    labels: JsonObject = None
    idempotency_key: Key | None = None
    deployment_id: Id | None = None
    work_queue_name: str | None = None
    job_variables: JsonObject = None


class FlowRunUpdate(Body, kw_only=True):
    """What of a flow run can be changed; a field that is left out stays."""

    name: RunName | None | UnsetType = UNSET
    flow_version: str | None | UnsetType = UNSET
    parameters: JsonObject | UnsetType = UNSET
    empirical_policy: FlowRunPolicy | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    infrastructure_pid: str | None | UnsetType = UNSET
    job_variables: JsonObject | UnsetType = UNSET


class SimpleFlowRun(Struct, kw_only=True):
    """A dot of the scatter history; duration and lateness in seconds."""

    id: Id
    state_type: StateType
    timestamp: datetime
    duration: float
    lateness: float


class Heartbeat(Struct, kw_only=True):
    """The answer to a beat: whether to stop, and how long the lease lasts from now."""

    cancel: bool
    lease_seconds: float
