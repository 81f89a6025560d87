"""Filters: criteria on an object, joined by `operator`. An unknown key is refused: ignoring it would widen a query."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from orion.model.ids import Id
from orion.model.states import StateType

Operator = Literal["and_", "or_"]
Ids = Annotated[list[Id], Meta(max_length=1000)]
Texts = Annotated[list[str], Meta(max_length=1000)]
Like = Annotated[str, Meta(max_length=1000)]


class Criterion(Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The base of every criterion and filter: closed, and nothing by default."""


class IdCriterion(Criterion, kw_only=True):
    any_: Ids | None = None
    not_any_: Ids | None = None
    startswith_: Texts | None = None


class NullableIdCriterion(Criterion, kw_only=True):
    operator: Operator | None = None
    any_: Ids | None = None
    not_any_: Ids | None = None
    is_null_: bool | None = None


class NameCriterion(Criterion, kw_only=True):
    any_: Texts | None = None
    not_any_: Texts | None = None
    like_: Like | None = None


class TextCriterion(Criterion, kw_only=True):
    operator: Operator | None = None
    any_: Texts | None = None
    not_any_: Texts | None = None
    is_null_: bool | None = None


class PrefixCriterion(Criterion, kw_only=True):
    any_: Texts | None = None
    startswith_: Texts | None = None


class TagsCriterion(Criterion, kw_only=True):
    operator: Operator | None = None
    all_: Texts | None = None
    any_: Texts | None = None
    not_any_: Texts | None = None
    is_null_: bool | None = None


class NullCriterion(Criterion, kw_only=True):
    operator: Operator | None = None
    is_null_: bool | None = None


class EqualsCriterion(Criterion, kw_only=True):
    eq_: bool | None = None


class ExistsCriterion(Criterion, kw_only=True):
    exists_: bool | None = None


class TimeCriterion(Criterion, kw_only=True):
    before_: datetime | None = None
    after_: datetime | None = None
    is_null_: bool | None = None


class LevelCriterion(Criterion, kw_only=True):
    ge_: int | None = None
    le_: int | None = None


class RangeCriterion(Criterion, kw_only=True):
    ge_: int | None = None
    le_: int | None = None
    is_null_: bool | None = None


class StateTypeCriterion(Criterion, kw_only=True):
    any_: list[StateType] | None = None
    not_any_: list[StateType] | None = None


class StateCriterion(Criterion, kw_only=True):
    operator: Operator | None = None
    type: StateTypeCriterion | None = None
    name: NameCriterion | None = None


class FlowFilter(Criterion, kw_only=True):
    operator: Operator | None = None
    id: IdCriterion | None = None
    name: NameCriterion | None = None
    tags: TagsCriterion | None = None
    deployment: NullCriterion | None = None


class FlowRunFilter(Criterion, kw_only=True):
    operator: Operator | None = None
    id: IdCriterion | None = None
    name: NameCriterion | None = None
    tags: TagsCriterion | None = None
    deployment_id: NullableIdCriterion | None = None
    work_queue_name: TextCriterion | None = None
    state: StateCriterion | None = None
    flow_version: TextCriterion | None = None
    start_time: TimeCriterion | None = None
    end_time: TimeCriterion | None = None
    expected_start_time: TimeCriterion | None = None
    next_scheduled_start_time: TimeCriterion | None = None
    parent_flow_run_id: NullableIdCriterion | None = None
    parent_task_run_id: NullableIdCriterion | None = None
    idempotency_key: TextCriterion | None = None
    created_by: NullableIdCriterion | None = None


class TaskRunFilter(Criterion, kw_only=True):
    operator: Operator | None = None
    id: IdCriterion | None = None
    name: NameCriterion | None = None
    tags: TagsCriterion | None = None
    state: StateCriterion | None = None
    start_time: TimeCriterion | None = None
    end_time: TimeCriterion | None = None
    expected_start_time: TimeCriterion | None = None
    subflow_runs: ExistsCriterion | None = None
    flow_run_id: NullableIdCriterion | None = None


class DeploymentFilter(Criterion, kw_only=True):
    operator: Operator | None = None
    id: IdCriterion | None = None
    name: NameCriterion | None = None
    flow_or_deployment_name: NameCriterion | None = None
    paused: EqualsCriterion | None = None
    is_schedule_active: EqualsCriterion | None = None
    tags: TagsCriterion | None = None
    work_queue_name: TextCriterion | None = None
    concurrency_limit: RangeCriterion | None = None


class LogText(Criterion, kw_only=True):
    query: Annotated[str, Meta(max_length=200)]


class LogFilter(Criterion, kw_only=True):
    operator: Operator | None = None
    level: LevelCriterion | None = None
    timestamp: TimeCriterion | None = None
    flow_run_id: NullableIdCriterion | None = None
    task_run_id: NullableIdCriterion | None = None
    text: LogText | None = None


class WorkPoolFilter(Criterion, kw_only=True):
    operator: Operator | None = None
    id: IdCriterion | None = None
    name: NameCriterion | None = None
    type: TextCriterion | None = None


class WorkQueueFilter(Criterion, kw_only=True):
    operator: Operator | None = None
    id: IdCriterion | None = None
    name: PrefixCriterion | None = None


class BlockTypeFilter(Criterion, kw_only=True):
    name: NameCriterion | None = None
    slug: TextCriterion | None = None


class BlockSchemaFilter(Criterion, kw_only=True):
    operator: Operator | None = None
    block_type_id: IdCriterion | None = None
    block_capabilities: TagsCriterion | None = None
    id: IdCriterion | None = None
    version: TextCriterion | None = None


class BlockDocumentFilter(Criterion, kw_only=True):
    operator: Operator | None = None
    id: IdCriterion | None = None
    is_anonymous: EqualsCriterion | None = None
    block_type_id: IdCriterion | None = None
    name: NameCriterion | None = None


class VariableFilter(Criterion, kw_only=True):
    operator: Operator | None = None
    id: IdCriterion | None = None
    name: NameCriterion | None = None
    value: NameCriterion | None = None
    tags: TagsCriterion | None = None


class KeyCriterion(Criterion, kw_only=True):
    any_: Texts | None = None
    like_: Like | None = None
    exists_: bool | None = None


class ArtifactFilter(Criterion, kw_only=True):
    operator: Operator | None = None
    id: IdCriterion | None = None
    key: KeyCriterion | None = None
    flow_run_id: NullableIdCriterion | None = None
    task_run_id: NullableIdCriterion | None = None
    type: TextCriterion | None = None


class ArtifactCollectionFilter(Criterion, kw_only=True):
    operator: Operator | None = None
    latest_id: IdCriterion | None = None
    key: KeyCriterion | None = None
    flow_run_id: NullableIdCriterion | None = None
    task_run_id: NullableIdCriterion | None = None
    type: TextCriterion | None = None


class Filters(Struct, kw_only=True):
    """The filters of one question, each on its own object; unknown top-level keys are ignored."""

    flows: FlowFilter | None = None
    flow_runs: FlowRunFilter | None = None
    task_runs: TaskRunFilter | None = None
    deployments: DeploymentFilter | None = None
    work_pools: WorkPoolFilter | None = None
    work_pool_queues: WorkQueueFilter | None = None


PageLimit = Annotated[int, Meta(ge=0, le=200)]
Offset = Annotated[int, Meta(ge=0, lt=2**62)]

FlowSort = Literal["NAME_ASC", "NAME_DESC", "CREATED_DESC", "UPDATED_DESC"]
FlowRunSort = Literal[
    "ID_DESC",
    "START_TIME_ASC",
    "START_TIME_DESC",
    "EXPECTED_START_TIME_ASC",
    "EXPECTED_START_TIME_DESC",
    "NAME_ASC",
    "NAME_DESC",
    "NEXT_SCHEDULED_START_TIME_ASC",
    "END_TIME_DESC",
]
TaskRunSort = Literal[
    "ID_DESC",
    "EXPECTED_START_TIME_ASC",
    "EXPECTED_START_TIME_DESC",
    "NAME_ASC",
    "NAME_DESC",
    "NEXT_SCHEDULED_START_TIME_ASC",
    "END_TIME_DESC",
]
DeploymentSort = Literal["NAME_ASC", "NAME_DESC", "CREATED_DESC", "UPDATED_DESC"]
LogSort = Literal[
    "TIMESTAMP_ASC",
    "TIMESTAMP_DESC",
    "LEVEL_ASC",
    "LEVEL_DESC",
    "FLOW_RUN_ID_ASC",
    "FLOW_RUN_ID_DESC",
    "TASK_RUN_ID_ASC",
    "TASK_RUN_ID_DESC",
]


class FlowQuery(Filters, kw_only=True):
    """Body of `POST /flows/filter`."""

    sort: FlowSort | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class FlowRunQuery(Filters, kw_only=True):
    """Body of `POST /flow_runs/filter`."""

    sort: FlowRunSort | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class TaskRunQuery(Filters, kw_only=True):
    """Body of `POST /task_runs/filter`."""

    sort: TaskRunSort | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class DeploymentQuery(Filters, kw_only=True):
    """Body of `POST /deployments/filter`."""

    sort: DeploymentSort | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class LogQuery(Struct, kw_only=True):
    """Body of `POST /logs/filter`."""

    logs: LogFilter | None = None
    sort: LogSort | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class WorkQueueQuery(Struct, kw_only=True):
    """Body of `POST /work_queues/filter`."""

    work_queues: WorkQueueFilter | None = None
    limit: PageLimit | None = None
    offset: Offset | None = None


class PageQuery(Struct, kw_only=True):
    """Body of a filter route without criteria."""

    limit: PageLimit | None = None
    offset: Offset | None = None


class HistoryQuery(Filters, kw_only=True):
    """Body of `POST /flow_runs/history` and `/task_runs/history`."""

    history_start: datetime
    history_end: datetime
    history_interval_seconds: Annotated[float, Meta(ge=1)]
