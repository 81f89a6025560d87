"""How task runs end: reported, tried again, torn down, or never begun."""

from __future__ import annotations

import logging
from typing import Any

from msgspec.structs import replace

from orion.model import states as words
from orion.model.states import StateDetails
from orion.model.times import utcnow
from orion.sdk import results
from orion.sdk.context import FlowRunContext, TaskRunContext
from orion.sdk.crashes import end_of
from orion.sdk.effects import OffLoop, Steps
from orion.sdk.errors import TaskTimedOut
from orion.sdk.hooks import call_hooks
from orion.sdk.keeping import storage_key, written
from orion.sdk.proposals import propose, stored
from orion.sdk.result_options import Keeping
from orion.sdk.states import State, describe, exception_to_failed, make, shown
from orion.sdk.task_call import TaskCall
from orion.sdk.tracebacks import without_engine


def finish(call: TaskCall, context: TaskRunContext, state: State) -> Steps[State]:
    """Report how the attempt ended: at once if the answer matters, else by the outbox."""
    state.state_details = _final_details(call, state)
    held = state.__dict__.get("held")
    cached = True if call.cache_key else None
    data, blob, warning = results.store(held, *_how(call, context), persist=cached)
    if warning and state.is_completed():
        call.logger.warning("%s", warning)
    state.data = stored(data)
    if state.is_failed() and call.task.retries > 0 and call.attempts <= call.task.retries:
        return (yield from _may_retry(call, context, state, blob))
    call.send_late(state, blob)
    if call.cache_key and state.is_completed():
        yield OffLoop(call.session.outbox.flush)  # the next call with this key must find it
    _ended(call, context, state)
    return state


def _how(call: TaskCall, context: TaskRunContext) -> tuple[Keeping, str | None]:
    how = call.task.keeping.within(call.context.flow.keeping)
    names = {
        "parameters": context.parameters,
        "task_run": context.task_run,
        "flow_run": call.context.flow_run,
    }
    return how, storage_key(how, names, call.logger)


def _may_retry(
    call: TaskCall, context: TaskRunContext, state: State, blob: results.Blob | None
) -> Steps[State]:
    yield from written(call.logger, state, blob)
    retriable = _wants_retry(call, context, state)
    answer = yield from propose(call.session, call.set_state, state, retriable=retriable)
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


def failed(call: TaskCall, error: Exception) -> State:
    """FAILED by an exception of the user's function, or for want of time."""
    if isinstance(error, TaskTimedOut):
        call.logger.error("%s", error)
        return make(words.FAILED, "TimedOut", str(error)).holding(error)
    call.logger.error("Raised %s", describe(error), exc_info=without_engine(error))
    return exception_to_failed(error, "The task")


def crash(call: TaskCall, error: BaseException) -> None:
    """The run is torn down."""
    state = end_of(error, "The task run")
    call.send_late(state)
    call.logger.error("%s", state.message)
    call_hooks(call.task.hooks_for(state), call.task, None, state, call.logger)


def abandon(context: FlowRunContext, error: BaseException) -> None:
    """The flow run is torn down: what it has submitted does not begin any more, and what runs is given up."""
    context.task_runner.stop(cancel=True)
    for task in context.loop_tasks:
        task.cancel()
    for call in context.open_calls():
        if call.attempts:
            crash(call, error)


def not_ready(call: TaskCall, blocker: Any) -> State:
    """PENDING for ever: what the task needs did not complete."""
    name = getattr(blocker, "name", "upstream")
    state = make(words.PENDING, "NotReady", f"The upstream run {name!r} did not reach the state COMPLETED.")
    state.state_details = replace(
        state.state_details, task_run_id=call.run_id, flow_run_id=call.context.flow_run.id
    )
    call.send_late(state)
    call.context.tally.add(state)
    return state
