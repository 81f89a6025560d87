"""One call of a task in a flow: everything that the steps of the engine need."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from orion.model.ids import new_id
from orion.model.states import StateCreate
from orion.model.task_runs import AgedState, TaskRun, TaskRunBatchItem, TaskRunCreate, TaskRunPolicy
from orion.model.times import utcnow
from orion.sdk.context import TAGS, FlowRunContext, TaskRunContext
from orion.sdk.effects import Ask, Effect, Invoke
from orion.sdk.logs import RunLogger, task_logger
from orion.sdk.naming import task_run_name
from orion.sdk.proposals import to_wire
from orion.sdk.results import REFUSED, Blob
from orion.sdk.states import State
from orion.sdk.tasks import Task
from orion.sdk.upstream import Upstream, record

Invoker = Callable[..., Effect]
SLOT_SECONDS = 10.0  # how long one question for a slot waits on the server


class TaskCall:
    """A call of a task; `invoker` makes the effect that calls the function."""

    def __init__(
        self,
        task: Task[Any, Any],
        parameters: dict[str, Any],
        wait_for: Iterable[Any] | None,
        context: FlowRunContext,
        invoker: Invoker = Invoke,
    ) -> None:
        self.task, self.context, self.invoker = task, context, invoker
        self.session = context.session
        self.upstream = Upstream(parameters, wait_for)
        self.run = self._create(parameters, wait_for)
        self.attempts = 0
        self.cache_key: str | None = None
        self.logger: RunLogger | logging.Logger = logging.getLogger("orion.task_runs")

    def _create(self, parameters: dict[str, Any], wait_for: Iterable[Any] | None) -> TaskRunCreate:
        task, count = self.task, self.context.next_call(self.task.task_key)
        return TaskRunCreate(
            id=new_id(),
            name=task_run_name(task, count, parameters),
            flow_run_id=self.context.flow_run.id,
            task_key=task.task_key,
            dynamic_key=str(count),
            task_version=task.version,
            empirical_policy=_policy(task),
            tags=sorted(task.tags | TAGS.get()),
            task_inputs=record(parameters, wait_for, self.context),
        )

    @property
    def run_id(self) -> str:
        assert self.run.id is not None
        return self.run.id

    def line(self, wanted: StateCreate) -> TaskRunBatchItem:
        """Make the run, and propose this state."""
        return TaskRunBatchItem(task_run=self.run, states=[AgedState(state=wanted)], token=self.context.token)

    def set_state(self, wanted: StateCreate) -> Effect:
        """Propose a state for the run."""
        return Ask(self.session, "set_task_run_state", self.run_id, wanted)

    def set_state_in_line(self, wanted: StateCreate, run_id: str | None) -> Effect:
        """The same, and wait on the server for a slot of the run's tags."""
        return Ask(self.session, "set_task_run_state", run_id or self.run_id, wanted, False, SLOT_SECONDS)

    def send_late(self, state: State, blob: Blob | None = None) -> None:
        """Report a state by the outbox: nobody waits for the answer."""
        self.session.outbox.add(self.run, to_wire(state), blob, self.context.token, self._lost)

    def _lost(self, error: Exception) -> None:
        self.logger.error(REFUSED, error)

    def enter(self, parameters: dict[str, Any]) -> TaskRunContext:
        """The context of the run, once its parameters are data."""
        prints = self.context.log_prints if self.task.log_prints is None else self.task.log_prints
        context = TaskRunContext(self.task, self._task_run(), parameters, prints)
        self.logger = task_logger(context, self.context)
        if self.task.cache_key_fn is not None:
            self.cache_key = self.task.cache_key_fn(context, parameters)
        return context

    def _task_run(self) -> TaskRun:
        now = utcnow()
        run = self.run
        return TaskRun(
            id=self.run_id,
            created=now,
            updated=now,
            name=run.name or self.task.name,
            flow_run_id=run.flow_run_id,
            task_key=run.task_key,
            dynamic_key=run.dynamic_key,
            task_version=run.task_version,
            empirical_policy=run.empirical_policy or TaskRunPolicy(),
            tags=list(run.tags or ()),
        )


def _policy(task: Task[Any, Any]) -> TaskRunPolicy:
    return TaskRunPolicy(
        retries=task.retries, retry_delay=task.retry_delay, retry_jitter_factor=task.retry_jitter_factor
    )
