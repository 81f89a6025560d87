"""What is running here: the flow run, the task run and the tags of this thread or coroutine."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any

from orion.sdk.errors import FlowTimedOut, MissingContext

if TYPE_CHECKING:
    from concurrent.futures import Future

    from orion.model.task_runs import TaskRun
    from orion.sdk.answers import FlowRun
    from orion.sdk.flows import Flow
    from orion.sdk.runners import TaskRunner
    from orion.sdk.session import Session
    from orion.sdk.states import State
    from orion.sdk.task_call import TaskCall
    from orion.sdk.tasks import Task

FLOW: ContextVar[FlowRunContext | None] = ContextVar("orion_flow_run", default=None)
TASK: ContextVar[TaskRunContext | None] = ContextVar("orion_task_run", default=None)
TAGS: ContextVar[frozenset[str]] = ContextVar("orion_tags", default=frozenset())

TRACED = 10_000  # results kept alive so that their later uses can be traced
UNTRACKABLE = (bool, type(None), type(...), type(NotImplemented))


class FlowRunContext:
    """A flow run under way in this process."""

    def __init__(
        self,
        flow: Flow[Any, Any],
        flow_run: FlowRun,
        parameters: dict[str, Any],
        session: Session,
        runner: TaskRunner,
        *,
        token: str | None = None,
        deadline: float | None = None,
        attempt: int = 1,
    ) -> None:
        self.attempt = attempt
        self.flow, self.flow_run, self.parameters = flow, flow_run, parameters
        self.session, self.task_runner, self.token, self.deadline = session, runner, token, deadline
        self.start_time: datetime | None = flow_run.start_time
        self.log_prints = flow.log_prints
        self.timed_out = False
        self.submitted: list[Future[State]] = []
        self.loop_tasks: list[Any] = []
        self._open: dict[int, TaskCall] = {}
        self.tally = Tally()
        self._calls: defaultdict[str, int] = defaultdict(int)
        self._sources: dict[int, tuple[Any, str]] = {}
        self._names = {id(v): k for k, v in parameters.items() if not isinstance(v, UNTRACKABLE)}
        self._lock = threading.Lock()

    def next_call(self, task_key: str) -> int:
        """How many calls of this task the run has seen before."""
        with self._lock:
            count = self._calls[task_key]
            self._calls[task_key] += 1
        return count

    def remember(self, value: Any, task_run_id: str) -> bool:
        """Note which task run made `value`, so that a later use is traced to it; False if that cannot be done."""
        if isinstance(value, UNTRACKABLE) or (isinstance(value, int) and -5 <= value <= 256):
            return False
        self._sources[id(value)] = (value, task_run_id)
        if len(self._sources) > TRACED:
            del self._sources[next(iter(self._sources))]
        return True

    def source_of(self, value: Any) -> str | None:
        """The task run that made `value`, if it is known."""
        found = self._sources.get(id(value))
        return found[1] if found else None

    def parameter_name(self, value: Any) -> str | None:
        """The flow's parameter that `value` is, if it is one."""
        return self._names.get(id(value))

    def check_deadline(self) -> None:
        """Raise if the flow has run out of time."""
        from orion.sdk.effects import remaining

        if remaining(self.deadline) == 0.0:
            self.timed_out = True
            raise self.overtime()

    def overtime(self) -> FlowTimedOut:
        """What is to be said when the time of the flow is over."""
        own = self.flow.timeout_seconds
        return FlowTimedOut(
            "The flow that called this one is out of time."
            if own is None
            else f"The flow took longer than {own:g} s."
        )

    def opened(self, call: TaskCall, done: Future[State]) -> None:
        """A task has been submitted; it is open until `done`."""
        self.submitted.append(done)
        self._open[id(call)] = call
        done.add_done_callback(lambda _: self._open.pop(id(call), None))

    def open_calls(self) -> list[TaskCall]:
        """The submitted tasks that are not over."""
        return list(self._open.values())


class Tally:
    """The final states of a flow's tasks and subflows, counted as they come."""

    def __init__(self) -> None:
        self.total = 0
        self.bad: list[State] = []
        self._lock = threading.Lock()

    def add(self, state: State) -> None:
        with self._lock:
            self.total += 1
            if not state.is_completed():
                self.bad.append(state)


class TaskRunContext:
    """A task run under way in this thread or coroutine."""

    def __init__(
        self, task: Task[Any, Any], task_run: TaskRun, parameters: dict[str, Any], log_prints: bool
    ) -> None:
        self.task, self.task_run, self.parameters, self.log_prints = task, task_run, parameters, log_prints
        self.start_time: datetime | None = task_run.start_time


def get_run_context() -> FlowRunContext | TaskRunContext:
    """The context of the task run here, else of the flow run; raises `MissingContext` outside of both."""
    found = TASK.get() or FLOW.get()
    if found is None:
        raise MissingContext()
    return found


@contextmanager
def tags(*names: str) -> Iterator[frozenset[str]]:
    """Flow and task runs that start inside the block get these tags too."""
    together = TAGS.get() | frozenset(names)
    token = TAGS.set(together)
    try:
        yield together
    finally:
        TAGS.reset(token)
