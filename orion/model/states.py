"""States: what a run is, was and asks to be."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from orion.model.ids import Id
from orion.model.wire import NULL

StateType = Literal[
    "SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING", "COMPLETED", "FAILED", "CRASHED", "CANCELLED"
]
SCHEDULED: StateType = "SCHEDULED"
PENDING: StateType = "PENDING"
RUNNING: StateType = "RUNNING"
PAUSED: StateType = "PAUSED"
CANCELLING: StateType = "CANCELLING"
COMPLETED: StateType = "COMPLETED"
FAILED: StateType = "FAILED"
CRASHED: StateType = "CRASHED"
CANCELLED: StateType = "CANCELLED"

FINAL: frozenset[StateType] = frozenset((COMPLETED, FAILED, CRASHED, CANCELLED))

Text = Annotated[str, Meta(max_length=1_000_000)]


def default_name(kind: StateType) -> str:
    """The name of a state that came without one: `COMPLETED` is called Completed."""
    return kind.capitalize()


class StateDetails(Struct, kw_only=True, frozen=True):
    """What a state knows beside its type and name. All keys are stored and given back."""

    flow_run_id: Id | None = None
    task_run_id: Id | None = None
    child_flow_run_id: Id | None = None
    scheduled_time: datetime | None = None
    cache_key: str | None = None
    cache_expiration: datetime | None = None
    deferred: bool | None = False
    untrackable_result: bool | None = False
    pause_timeout: datetime | None = None
    pause_reschedule: bool | None = False
    pause_key: str | None = None
    run_input_keyset: dict[str, str] | None = None
    refresh_cache: bool | None = None
    retriable: bool | None = None
    transition_id: Id | None = None
    task_parameters_id: Id | None = None
    traceparent: str | None = None
    deployment_concurrency_lease_id: Id | None = None


class State(Struct, kw_only=True):
    """One row of a run's history: never changed once written."""

    id: Id
    type: StateType
    name: str
    timestamp: datetime
    message: str | None = None
    data: Raw = NULL
    state_details: StateDetails = StateDetails()

    @property
    def is_final(self) -> bool:
        return self.type in FINAL


class StateCreate(Struct, kw_only=True):
    """A state that a client proposes. `id` and `timestamp` are taken and ignored."""

    type: StateType
    name: str | None = None
    message: Text | None = None
    data: Raw = NULL
    state_details: StateDetails | None = None
    timestamp: datetime | None = None
    id: Id | None = None

    @property
    def details(self) -> StateDetails:
        return self.state_details or StateDetails()

    @property
    def label(self) -> str:
        return self.name or default_name(self.type)


SetStateStatus = Literal["ACCEPT", "REJECT", "WAIT", "ABORT"]


class ResultDetails(Struct, kw_only=True, omit_defaults=True):
    """Why a proposal was answered so: `reject_details`, `wait_details`, … ; a field that does not apply is left out."""

    type: Literal["accept_details", "reject_details", "wait_details", "abort_details"]
    reason: str | None | UnsetType = UNSET
    delay_seconds: int | UnsetType = UNSET


class OrchestrationResult(Struct, kw_only=True):
    """The answer to a proposed state."""

    state: State | None
    status: SetStateStatus
    details: ResultDetails

    @property
    def http_status(self) -> int:
        return 201 if self.status in ("ACCEPT", "REJECT") else 200


class SetState(Struct, kw_only=True):
    """Body of `set_state`."""

    state: StateCreate
    force: bool | None = False


class SetTaskState(SetState, kw_only=True):
    """Body of a task run's `set_state`; with `wait_seconds`, orion's own, it waits for a slot of its tags here."""

    wait_seconds: Annotated[float, Meta(ge=0, le=30)] | None = None


class HistoryState(Struct, kw_only=True):
    """One state's share of a history bucket; times in seconds."""

    state_type: StateType
    state_name: str
    count_runs: int
    sum_estimated_run_time: float
    sum_estimated_lateness: float


class HistoryBucket(Struct, kw_only=True):
    """One interval of a history and the states counted in it."""

    interval_start: datetime
    interval_end: datetime
    states: list[HistoryState]


def is_final(kind: StateType | None) -> bool:
    """Whether a state type is one of the four endings."""
    return kind in FINAL


def has_stored_data(data: Any) -> bool:
    """Whether a state's (decoded) data is a result that can be read again."""
    return data is not None and not (isinstance(data, dict) and data.get("type") == "unpersisted")
