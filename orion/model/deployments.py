"""Deployments: a flow made ready to be run by an agent, with its schedules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from orion.model.flow_runs import CreatedBy, FlowRunPolicy, Key, RunName
from orion.model.flows import Name, Tags
from orion.model.ids import Id
from orion.model.states import StateCreate
from orion.model.wire import EMPTY_OBJECT, NULL, Body, Json, JsonObject

Limit = Annotated[int, Meta(ge=0)]


def options_of(strategy: str) -> dict[str, str]:
    """`concurrency_options` of a strategy; CANCEL_OLD is orion's own, and others read the nearest that they know."""
    if strategy == "CANCEL_OLD":
        return {"collision_strategy": "ENQUEUE", "overlap": "CANCEL_OLD"}
    return {"collision_strategy": strategy}


def strategy_of(options: Mapping[str, Any]) -> str:
    """The strategy that `concurrency_options` stand for; empty where they name none."""
    return str(options.get("overlap") or options.get("collision_strategy") or "")


class DeploymentSchedule(Struct, kw_only=True):
    """One schedule of a deployment, as it is read."""

    id: Id
    created: datetime
    updated: datetime
    deployment_id: Id
    schedule: Raw
    active: bool = True
    max_active_runs: int | None = None
    max_scheduled_runs: int | None = None
    catchup: bool = False
    parameters: Raw = EMPTY_OBJECT
    slug: str | None = None


class DeploymentScheduleCreate(Body, kw_only=True):
    """A schedule to add. `schedule` is one of the three forms of `model.schedules`."""

    schedule: dict[str, Any]
    active: bool = True
    max_active_runs: int | None = None
    max_scheduled_runs: int | None = None
    catchup: bool = False
    parameters: JsonObject = None
    slug: str | None = None
    replaces: str | None = None


class DeploymentScheduleUpdate(Body, kw_only=True):
    """What of a schedule can be changed."""

    schedule: dict[str, Any] | UnsetType = UNSET
    active: bool | None | UnsetType = UNSET
    max_active_runs: int | None | UnsetType = UNSET
    max_scheduled_runs: int | None | UnsetType = UNSET
    catchup: bool | None | UnsetType = UNSET
    parameters: JsonObject | UnsetType = UNSET
    slug: str | None | UnsetType = UNSET
    replaces: str | None | UnsetType = UNSET


class Deployment(Struct, kw_only=True):
    """A deployment as it is read. `schedule`, `is_schedule_active` and `infra_overrides` are the older spellings."""

    id: Id
    created: datetime
    updated: datetime
    name: str
    version: str | None = None
    description: str | None = None
    flow_id: Id
    schedule: Raw = NULL
    is_schedule_active: bool = True
    paused: bool = False
    schedules: list[DeploymentSchedule] = []
    infra_overrides: Raw = EMPTY_OBJECT
    job_variables: Raw = EMPTY_OBJECT
    parameters: Raw = EMPTY_OBJECT
    tags: list[str] = []
    labels: Raw = EMPTY_OBJECT
    work_queue_name: str | None = None
    work_queue_id: Id | None = None
    work_pool_name: str | None = None
    last_polled: datetime | None = None
    parameter_openapi_schema: Raw = NULL
    path: str | None = None
    pull_steps: Raw = NULL
    entrypoint: str | None = None
    manifest_path: str | None = None
    storage_document_id: Id | None = None
    infrastructure_document_id: Id | None = None
    created_by: CreatedBy | None = None
    updated_by: CreatedBy | None = None
    status: Literal["READY", "NOT_READY"] = "NOT_READY"
    enforce_parameter_schema: bool = False
    concurrency_limit: int | None = None
    concurrency_options: Raw = NULL
    global_concurrency_limit: Raw = NULL
    client: str | None = None


class DeploymentCreate(Body, kw_only=True):
    """A deployment to make or update, by flow and name."""

    id: Id | None = None
    name: Name
    flow_id: Id
    version: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    schedule: dict[str, Any] | None | UnsetType = UNSET
    schedules: list[DeploymentScheduleCreate] | None | UnsetType = UNSET
    is_schedule_active: bool | None | UnsetType = UNSET
    paused: bool | None | UnsetType = UNSET
    infra_overrides: JsonObject | UnsetType = UNSET
    job_variables: JsonObject | UnsetType = UNSET
    parameters: JsonObject | UnsetType = UNSET
    tags: Tags | None | UnsetType = UNSET
    labels: JsonObject | UnsetType = UNSET
    work_queue_name: Name | None | UnsetType = UNSET
    work_pool_name: str | None | UnsetType = UNSET
    parameter_openapi_schema: JsonObject | UnsetType = UNSET
    path: str | None | UnsetType = UNSET
    pull_steps: Json | UnsetType = UNSET
    entrypoint: str | None | UnsetType = UNSET
    manifest_path: str | None | UnsetType = UNSET
    storage_document_id: Id | None | UnsetType = UNSET
    infrastructure_document_id: Id | None | UnsetType = UNSET
    enforce_parameter_schema: bool | None | UnsetType = UNSET
    concurrency_limit: Limit | None | UnsetType = UNSET
    concurrency_options: JsonObject | UnsetType = UNSET
    version_info: JsonObject | UnsetType = UNSET


class DeploymentUpdate(Body, kw_only=True):
    """What of a deployment can be changed; a field that is left out stays."""

    version: str | None | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    schedule: dict[str, Any] | None | UnsetType = UNSET
    schedules: list[DeploymentScheduleCreate] | None | UnsetType = UNSET
    is_schedule_active: bool | None | UnsetType = UNSET
    paused: bool | None | UnsetType = UNSET
    infra_overrides: JsonObject | UnsetType = UNSET
    job_variables: JsonObject | UnsetType = UNSET
    parameters: JsonObject | UnsetType = UNSET
    tags: Tags | None | UnsetType = UNSET
    labels: JsonObject | UnsetType = UNSET
    work_queue_name: Name | None | UnsetType = UNSET
    work_pool_name: str | None | UnsetType = UNSET
    parameter_openapi_schema: JsonObject | UnsetType = UNSET
    path: str | None | UnsetType = UNSET
    pull_steps: Json | UnsetType = UNSET
    entrypoint: str | None | UnsetType = UNSET
    manifest_path: str | None | UnsetType = UNSET
    storage_document_id: Id | None | UnsetType = UNSET
    infrastructure_document_id: Id | None | UnsetType = UNSET
    enforce_parameter_schema: bool | None | UnsetType = UNSET
    concurrency_limit: Limit | None | UnsetType = UNSET
    concurrency_options: JsonObject | UnsetType = UNSET
    version_info: JsonObject | UnsetType = UNSET


class DeploymentFlowRunCreate(Body, kw_only=True):
    """A run of a deployment to make; what is left out comes from the deployment."""

    id: Id | None = None
    state: StateCreate | None = None
    name: RunName | None = None
    parameters: JsonObject = None
    enforce_parameter_schema: bool | None = None
    context: JsonObject = None
    infrastructure_document_id: Id | None = None
    empirical_policy: FlowRunPolicy | None = None
    tags: Tags | None = None
    idempotency_key: Key | None = None
    parent_task_run_id: Id | None = None
    work_queue_name: str | None = None
    job_variables: JsonObject = None
    labels: JsonObject = None


class PlanRuns(Struct, kw_only=True):
    """Body of `POST /deployments/{id}/schedule`: plan the runs of a time range now."""

    start_time: datetime | None = None
    end_time: datetime | None = None
    min_time: float | None = None
    min_runs: Annotated[int, Meta(ge=0, le=1000)] | None = None
    max_runs: Annotated[int, Meta(ge=0, le=10_000)] | None = None


class DueTime(Struct, kw_only=True):
    """A due time of a schedule in a range, and whether it has a run already."""

    schedule_id: Id
    scheduled_time: datetime
    planned: bool


class DueRuns(Struct, kw_only=True):
    """Body of `POST /deployments/get_scheduled_flow_runs`."""

    deployment_ids: Annotated[list[Id], Meta(max_length=1000)]
    scheduled_before: datetime | None = None
    limit: Annotated[int, Meta(ge=0, le=200)] | None = None
