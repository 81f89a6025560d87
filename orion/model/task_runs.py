"""Task runs: one execution of a task inside a flow run (or on its own, in the background)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from orion.model.flow_runs import Key, RunName
from orion.model.flows import Tags
from orion.model.ids import Id
from orion.model.states import State, StateCreate, StateType
from orion.model.wire import EMPTY_OBJECT, Body, JsonObject


class TaskRunPolicy(Struct, kw_only=True, frozen=True):
    """Retries of a task run; delays in seconds, a list gives one for each retry."""

    max_retries: int = 0
    retry_delay_seconds: float = 0.0
    retries: int | None = None
    retry_delay: int | float | list[int | float] | None = None
    retry_jitter_factor: float | None = None


class TaskRunInput(Struct, kw_only=True):
    """Where an argument came from: another run, a parameter of the flow, or a constant of a type."""

    input_type: Literal["task_run", "flow_run", "parameter", "constant"]
    id: Id | None = None
    name: str | None = None
    type: str | None = None


class TaskRun(Struct, kw_only=True):
    """A task run as it is read. Times of running in seconds."""

    id: Id
    created: datetime
    updated: datetime
    name: str
    flow_run_id: Id | None = None
    task_key: str
    dynamic_key: str
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    task_version: str | None = None
    empirical_policy: TaskRunPolicy = TaskRunPolicy()
    tags: list[str] = []
    labels: Raw = EMPTY_OBJECT
    state_id: Id | None = None
    task_inputs: Raw = EMPTY_OBJECT
    state_type: StateType | None = None
    state_name: str | None = None
    run_count: int = 0
    flow_run_run_count: int = 0
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0
    estimated_run_time: float = 0.0
    estimated_start_time_delta: float = 0.0
    state: State | None = None


class TaskRunCreate(Body, kw_only=True):
    """A task run to find or make, by flow run, task key and dynamic key."""

    id: Id | None = None
    state: StateCreate | None = None
    name: RunName | None = None
    flow_run_id: Id | None = None
    task_key: Key
    dynamic_key: Key
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    task_version: str | None = None
    empirical_policy: TaskRunPolicy | None = None
    tags: Tags | None = None
    labels: JsonObject = None
    task_inputs: dict[str, list[TaskRunInput]] | None = None


class TaskRunUpdate(Struct, kw_only=True):
    """What of a task run can be changed."""

    name: RunName | UnsetType = UNSET


class AgedState(Struct, kw_only=True):
    """A state that is sent late: `age` is the seconds since it happened, by the sender's monotonic clock."""

    state: StateCreate
    age: Annotated[float, Meta(ge=0)] = 0.0


class TaskRunBatchItem(Struct, kw_only=True):
    """One line of `POST /task_runs/batch`: a task run to make (or its id) and the states it went through, in order.

    With `task_run` the run is made first, unless it is there. `token` is the attempt token of its flow run.
    """

    task_run: TaskRunCreate | None = None
    task_run_id: Id | None = None
    states: list[AgedState] = []
    token: str | None = None


class DependencyResult(Struct, kw_only=True):
    """A node of the flow run graph."""

    id: Id
    name: str
    upstream_dependencies: list[dict[str, Any]]
    state: State | None
    expected_start_time: datetime | None
    start_time: datetime | None
    end_time: datetime | None
    total_run_time: float | None
    estimated_run_time: float | None
    untrackable_result: bool
