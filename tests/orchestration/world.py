"""A small world to try the engine in: a store, a clock that is set by hand, and runs made by a word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from orion.model.flow_runs import FlowRun, FlowRunCreate, FlowRunPolicy
from orion.model.flows import FlowCreate
from orion.model.ids import new_id
from orion.model.limits import ConcurrencyLimitCreate
from orion.model.states import State, StateCreate, StateDetails, StateType
from orion.model.task_runs import TaskRun, TaskRunCreate, TaskRunPolicy
from orion.model.wire import raw
from orion.model.work_queues import QueueFilter, WorkQueue, WorkQueueCreate
from orion.orchestration import (
    Outcome,
    claim_runs,
    create_flow_run,
    create_task_run,
    propose_flow_run,
    propose_task_run,
)
from orion.store import Store, concurrency_limits, flow_runs, flows, states, task_runs, work_queues

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def wish(text: str, data: Any = None, message: str | None = None, **details: Any) -> StateCreate:
    """`"SCHEDULED Late"`: a state to propose."""
    kind, _, name = text.partition(" ")
    return StateCreate(
        type=cast(StateType, kind),
        name=name or None,
        message=message,
        data=raw(data),
        state_details=StateDetails(**details),
    )


class World:
    """Every method is one transaction at the time of the world's clock."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = NOON
        self.flow_id = store.write_now(flows.create, FlowCreate(name="etl"), NOON)[0].id
        self.deployment_id = new_id()

    def later(self, seconds: float) -> datetime:
        """Let time go by."""
        self.now += timedelta(seconds=seconds)
        return self.now

    def at(self, seconds: float) -> datetime:
        return self.now + timedelta(seconds=seconds)

    def flow_run(
        self, text: str = "PENDING", *, policy: dict[str, Any] | None = None, **values: Any
    ) -> FlowRun:
        """A new flow run in a state, by force."""
        details = {k: values.pop(k) for k in list(values) if k in StateDetails.__struct_fields__}
        wanted = FlowRunCreate(
            flow_id=self.flow_id,
            state=wish(text, **details),
            empirical_policy=FlowRunPolicy(**(policy or {})),
            **values,
        )
        return self.store.write_now(create_flow_run, wanted, self.now)[0]

    def planned(self, seconds: float = 0, queue: str = "default", **values: Any) -> FlowRun:
        """A scheduled run of a deployment, waiting in a queue."""
        values = {"deployment_id": self.deployment_id, "work_queue_name": queue, **values}
        return self.flow_run("SCHEDULED", scheduled_time=self.at(seconds), **values)

    def task_run(
        self,
        flow_run_id: str | None,
        text: str | None = "PENDING",
        *,
        policy: dict[str, Any] | None = None,
        **values: Any,
    ) -> TaskRun:
        """A new task run in a state, by force."""
        wanted = TaskRunCreate(
            flow_run_id=flow_run_id,
            task_key=values.pop("task_key", "extract"),
            dynamic_key=values.pop("dynamic_key", new_id()),
            state=None if text is None else wish(text),
            empirical_policy=TaskRunPolicy(**(policy or {})),
            **values,
        )
        return self.store.write_now(create_task_run, wanted, self.now)[0]

    def running_task(self, **values: Any) -> TaskRun:
        """A task run that is RUNNING in a flow run that is RUNNING."""
        task = self.task_run(self.flow_run("RUNNING").id, **values)
        assert self.task(task.id, "RUNNING").status == "ACCEPT"
        return task

    def flow(self, run_id: str, wanted: StateCreate | str, **kw: Any) -> Outcome:
        """Propose a state of a flow run."""
        wanted = wish(wanted) if isinstance(wanted, str) else wanted
        return self.store.write_now(propose_flow_run, run_id, wanted, self.now, **kw)

    def task(self, run_id: str, wanted: StateCreate | str, **kw: Any) -> Outcome:
        """Propose a state of a task run."""
        wanted = wish(wanted) if isinstance(wanted, str) else wanted
        return self.store.write_now(propose_task_run, run_id, wanted, self.now, **kw)

    def get(self, run_id: str) -> FlowRun:
        return cast(FlowRun, self.store.read_now(flow_runs.get, run_id, self.now))

    def get_task(self, run_id: str) -> TaskRun:
        return cast(TaskRun, self.store.read_now(task_runs.get, run_id, self.now))

    def history(self, run_id: str) -> list[State]:
        return self.store.read_now(states.of_flow_run, run_id)

    def task_history(self, run_id: str) -> list[State]:
        return self.store.read_now(states.of_task_run, run_id)

    def queue(
        self, name: str = "default", filter: QueueFilter | None = None, limit: int | None = None
    ) -> WorkQueue:
        wanted = WorkQueueCreate(name=name, filter=filter, concurrency_limit=limit)
        return self.store.write_now(work_queues.create, wanted, self.now)

    def claim(
        self, queue: WorkQueue, limit: int | None = None, before: float = 0, holder: str = "agent"
    ) -> list[str]:
        """Ask a queue; the ids of the runs that it gives."""
        runs = self.store.write_now(claim_runs, queue, self.now, limit, self.at(before), holder)
        return [run.id for run in runs]

    def limit(self, tag: str, slots: int) -> None:
        """Limit a tag."""
        wanted = ConcurrencyLimitCreate(tag=tag, concurrency_limit=slots)
        self.store.write_now(concurrency_limits.upsert, wanted, self.now)

    def holders(self, tag: str) -> list[str]:
        """The task runs that hold slots of a tag."""
        limit = self.store.read_now(concurrency_limits.by_tag, tag)
        return [] if limit is None else limit.active_slots

    def rows(self, text: str, **params: Any) -> list[tuple[Any, ...]]:
        return self.store.read_now(lambda conn: conn.all(text, params))
