"""Facts: what rules and bookkeeping know of a run, and the move that is asked for. Pure data."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from orion.model.flow_runs import FlowRunPolicy
from orion.model.states import State, StateType
from orion.model.task_runs import TaskRun, TaskRunPolicy


class Run(Struct, kw_only=True):
    """What flow runs and task runs have in common. `total_run_time` in seconds."""

    id: str
    state: State | None = None
    tags: list[str] = []
    run_count: int = 0
    start_time: datetime | None = None
    end_time: datetime | None = None
    total_run_time: float = 0.0
    expected_start_time: datetime | None = None
    next_scheduled_start_time: datetime | None = None


class Crowd(Struct, frozen=True):
    """The limit of a run's deployment, how many other runs are under way, and whether one too many is cancelled."""

    limit: int
    runs: int
    cancels: bool


class FlowFacts(Run, kw_only=True):
    """A flow run, its hold (claim, token, lease), whether the run above was started again, its deployment's limit."""

    flow_id: str = ""
    deployment_id: str | None = None
    work_queue_name: str | None = None
    parent_task_run_id: str | None = None
    infrastructure_pid: str | None = None
    policy: FlowRunPolicy = FlowRunPolicy()
    attempt_token: str | None = None
    claimed_by: str | None = None
    claim_until: datetime | None = None
    lease_until: datetime | None = None
    heartbeat: datetime | None = None
    submit_count: int = 0
    reopened: bool = False
    crowd: Crowd | None = None


class FlowOf(Struct, kw_only=True):
    """The flow run that a task run belongs to."""

    state_type: StateType | None = None
    run_count: int = 0
    flow_id: str | None = None
    deployment_id: str | None = None
    attempt_token: str | None = None
    pause_timeout: datetime | None = None
    pause_reschedule: bool = False


class Limit(Struct, frozen=True):
    """A limit on a tag of a task run: its slots, how many others hold, and how many are kept for who came first."""

    id: str
    tag: str
    slots: int
    taken: int
    kept: int = 0
    awaited: bool = False


class TaskFacts(Run, kw_only=True):
    """A task run, its flow run, and, where RUNNING is asked for, the cached state and the tag limits.

    `new` is the row of a run that is not stored yet: it is, together with its first state.
    """

    flow_run_id: str | None = None
    flow_run_run_count: int = 0
    policy: TaskRunPolicy = TaskRunPolicy()
    flow: FlowOf | None = None
    cached: State | None = None
    limits: tuple[Limit, ...] = ()
    new: TaskRun | None = None

    @property
    def reopened(self) -> bool:
        """Whether the flow run was started again since this task run last ran."""
        return (
            self.flow is not None
            and self.flow.state_type == "RUNNING"
            and self.flow.run_count > self.flow_run_run_count
        )


class Move(Struct, kw_only=True):
    """A wish to leave `was` for `wanted`. `chance` (0 to 1) is the randomness of jitter; `token` the sender's."""

    was: State | None
    wanted: State
    run: FlowFacts | TaskFacts
    now: datetime
    token: str | None = None
    chance: float = 0.5
    slot_wait: int = 30

    @property
    def left(self) -> StateType | None:
        """The type of the state that would be left."""
        return None if self.was is None else self.was.type
