"""The life of one task run, from its arguments to its final state, as steps for either driver."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from orion.model import states as words
from orion.model.ids import new_id
from orion.model.states import StateDetails
from orion.model.task_runs import AgedState, TaskRun, TaskRunBatchItem, TaskRunCreate, TaskRunPolicy
from orion.model.times import utcnow
from orion.sdk import results
from orion.sdk.begin import Begin
from orion.sdk.context import TAGS, TASK, FlowRunContext, TaskRunContext
from orion.sdk.crashes import end_of
from orion.sdk.effects import Ask, Effect, Invoke, Join, OffLoop, Steps
from orion.sdk.errors import MissingResult, TaskTimedOut
from orion.sdk.hooks import call_hooks
from orion.sdk.logs import RunLogger, task_logger
from orion.sdk.naming import task_run_name
from orion.sdk.parameters import spread
from orion.sdk.proposals import propose, stored, to_wire, wait_until
from orion.sdk.states import State, describe, described_call, exception_to_failed, make, shown
from orion.sdk.tasks import Task
from orion.sdk.tracebacks import without_engine
from orion.sdk.upstream import Upstream, record

Invoker = Callable[..., Effect]


class TaskCall:
    """One call of a task in a flow: everything that the steps need."""

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

    def line(self, wanted: words.StateCreate) -> TaskRunBatchItem:
        """Make the run, and propose this state."""
        return TaskRunBatchItem(task_run=self.run, states=[AgedState(state=wanted)], token=self.context.token)


def run_task(call: TaskCall) -> Steps[State]:
    """Run a task once its upstream is done; gives its final state, or NotReady if the upstream is not COMPLETED."""
    call.context.check_deadline()
    if call.upstream.futures:
        yield Join([future.done for future in call.upstream.futures], call.context.deadline)
    blocker = call.upstream.not_completed()
    if blocker is not None:
        return _not_ready(call, blocker)
    parameters = call.upstream.data()
    context = TaskRunContext(call.task, _task_run(call), parameters, _logs_prints(call))
    call.logger = task_logger(context, call.context)
    call.cache_key = _cache_key(call, context, parameters)
    state = yield from _live(call, context, parameters)
    call.context.tally.add(state)
    return state


def _live(call: TaskCall, context: TaskRunContext, parameters: dict[str, Any]) -> Steps[State]:
    state = yield from _begin(call)
    context.task_run.id = call.run_id
    while not state.is_final:
        if not state.is_running():
            yield from wait_until(state)
            state = yield from propose(call.session, _setter(call), make(words.RUNNING))
        if state.is_running():
            state = yield from _attempt(call, context, parameters)
    if call.attempts == 0:
        call.logger.info("Finished in state %s without running", shown(state))
    return state


def _begin(call: TaskCall) -> Steps[State]:
    """Make the run and enter RUNNING, in one request; a cached or earlier result whose data is gone is run again."""
    details: dict[str, Any] = {"cache_key": call.cache_key, "refresh_cache": call.task.refresh_cache or None}
    asked = make(words.RUNNING)
    state = yield from propose(
        call.session,
        lambda wanted: Begin(call.session, call.line(wanted)),
        asked,
        **details,
    )
    call.run.id = state.state_details.task_run_id or call.run.id
    if state.is_completed() and not _has_result(call, state):
        answer = yield Ask(call.session, "set_task_run_state", call.run_id, to_wire(asked, **details), True)
        state = answer.state
    return state


def _has_result(call: TaskCall, state: State) -> bool:
    try:
        state.holding(state.value())
    except MissingResult as missing:
        call.logger.warning("%s The task runs again.", missing)
        return False
    return True


def _attempt(call: TaskCall, context: TaskRunContext, parameters: dict[str, Any]) -> Steps[State]:
    call.attempts += 1
    context.task_run.run_count = call.attempts
    context.task_run.start_time = context.start_time = utcnow()
    call_hooks(call.task.on_running, call.task, context.task_run, make(words.RUNNING), call.logger)
    args, kwargs = spread(call.task.signature, parameters)
    if call.logger.isEnabledFor(logging.DEBUG):
        call.logger.debug("Calling %s", described_call(call.task.name, args, kwargs))
    token = TASK.set(context)
    try:
        value = yield call.invoker(call.task.fn, args, kwargs, call.task.timeout_seconds, TaskTimedOut)
        state = value if isinstance(value, State) else make(words.COMPLETED).holding(value)
    except Exception as error:
        state = _failed(call, error)
    except GeneratorExit:
        raise
    except BaseException as error:
        _crash(call, error)
        raise
    finally:
        TASK.reset(token)
    return (yield from _finish(call, context, state))


def _failed(call: TaskCall, error: Exception) -> State:
    if isinstance(error, TaskTimedOut):
        call.logger.error("%s", error)
        return make(words.FAILED, "TimedOut", str(error)).holding(error)
    call.logger.error("Raised %s", describe(error), exc_info=without_engine(error))
    return exception_to_failed(error, "The task")


def _finish(call: TaskCall, context: TaskRunContext, state: State) -> Steps[State]:
    """Report how the attempt ended: at once if the answer matters, else by the outbox."""
    state.state_details = _final_details(call, state)
    data, blob = results.store(state.__dict__.get("held"), persist=True if call.cache_key else None)
    state.data = stored(data)
    if state.is_failed() and call.task.retries > 0 and call.attempts <= call.task.retries:
        return (yield from _may_retry(call, context, state, blob))
    call.session.outbox.add(call.run, to_wire(state), blob, call.context.token)
    if call.cache_key and state.is_completed():
        yield OffLoop(call.session.outbox.flush)  # the next call with this key must find it
    _ended(call, context, state)
    return state


def _may_retry(
    call: TaskCall, context: TaskRunContext, state: State, blob: results.Blob | None
) -> Steps[State]:
    if blob is not None:
        yield OffLoop(blob.write)
    retriable = _wants_retry(call, context, state)
    answer = yield from propose(call.session, _setter(call), state, retriable=retriable)
    if answer.is_scheduled():
        call.logger.info(
            "Failed, retry %s of %s follows: %s", call.attempts, call.task.retries, state.message
        )
        return answer
    if answer.type == state.type:
        answer = state
    _ended(call, context, answer)
    return answer


def _wants_retry(call: TaskCall, context: TaskRunContext, state: State) -> bool:
    condition = call.task.retry_condition_fn
    if condition is None:
        return True
    try:
        return bool(condition(call.task, context.task_run, state))
    except Exception as error:
        call.logger.error(
            "retry_condition_fn raised %s; the task is not tried again.", describe(error), exc_info=error
        )
        return False


def _ended(call: TaskCall, context: TaskRunContext, state: State) -> None:
    level = logging.INFO if state.is_completed() else logging.ERROR
    call.logger.log(level, "Finished in state %s", shown(state))
    call_hooks(call.task.hooks_for(state), call.task, context.task_run, state, call.logger)


def _final_details(call: TaskCall, state: State) -> StateDetails:
    tracked = True
    if state.is_completed():
        tracked = call.context.remember(state.__dict__.get("held"), call.run_id)
    expires = call.task.cache_expiration
    return replace(
        state.state_details,
        task_run_id=call.run_id,
        flow_run_id=call.context.flow_run.id,
        cache_key=call.cache_key if state.is_completed() else None,
        cache_expiration=utcnow() + expires if expires is not None and call.cache_key else None,
        untrackable_result=not tracked,
    )


def _crash(call: TaskCall, error: BaseException) -> None:
    state = end_of(error, "The task run")
    call.session.outbox.add(call.run, to_wire(state), None, call.context.token)
    call.logger.error("%s", state.message)
    call_hooks(call.task.on_crashed, call.task, None, state, call.logger)


def _not_ready(call: TaskCall, blocker: Any) -> State:
    name = getattr(blocker, "name", "upstream")
    state = make(words.PENDING, "NotReady", f"The upstream run {name!r} did not reach the state COMPLETED.")
    state.state_details = replace(
        state.state_details, task_run_id=call.run_id, flow_run_id=call.context.flow_run.id
    )
    call.session.outbox.add(call.run, to_wire(state), None, call.context.token)
    call.context.tally.add(state)
    return state


def _setter(call: TaskCall) -> Callable[[words.StateCreate], Effect]:
    return lambda wanted: Ask(call.session, "set_task_run_state", call.run_id, wanted)


def _cache_key(call: TaskCall, context: TaskRunContext, parameters: dict[str, Any]) -> str | None:
    if call.task.cache_key_fn is None:
        return None
    return call.task.cache_key_fn(context, parameters)


def _policy(task: Task[Any, Any]) -> TaskRunPolicy:
    return TaskRunPolicy(
        retries=task.retries, retry_delay=task.retry_delay, retry_jitter_factor=task.retry_jitter_factor
    )


def _task_run(call: TaskCall) -> TaskRun:
    now = utcnow()
    run = call.run
    return TaskRun(
        id=call.run_id,
        created=now,
        updated=now,
        name=run.name or call.task.name,
        flow_run_id=run.flow_run_id,
        task_key=run.task_key,
        dynamic_key=run.dynamic_key,
        task_version=run.task_version,
        empirical_policy=run.empirical_policy or TaskRunPolicy(),
        tags=list(run.tags or ()),
    )


def _logs_prints(call: TaskCall) -> bool:
    return call.context.log_prints if call.task.log_prints is None else call.task.log_prints
