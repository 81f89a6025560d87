"""The life of one task run, from its arguments to its final state, as steps for either driver."""

from __future__ import annotations

import logging
from typing import Any

from orion.model import states as words
from orion.model.times import utcnow
from orion.sdk.begin import Begin
from orion.sdk.context import TASK, TaskRunContext
from orion.sdk.effects import Ask, Join, Steps
from orion.sdk.errors import MissingResult, TaskTimedOut
from orion.sdk.hooks import call_hooks
from orion.sdk.parameters import spread
from orion.sdk.proposals import propose, to_wire, wait_until
from orion.sdk.states import State, described_call, make, shown
from orion.sdk.task_call import TaskCall
from orion.sdk.task_endings import crash, failed, finish, not_ready


def run_task(call: TaskCall) -> Steps[State]:
    """Run a task once its upstream is done; gives its final state, or NotReady if the upstream is not COMPLETED."""
    call.context.check_deadline()
    if call.upstream.futures:
        yield Join([future.done for future in call.upstream.futures], call.context.deadline)
    blocker = call.upstream.not_completed()
    if blocker is not None:
        return not_ready(call, blocker)
    parameters = call.upstream.data()
    context = call.enter(parameters)
    state = yield from _live(call, context, parameters)
    call.context.tally.add(state)
    return state


def _live(call: TaskCall, context: TaskRunContext, parameters: dict[str, Any]) -> Steps[State]:
    state = yield from _begin(call)
    context.task_run.id = call.run_id
    while not state.is_final:
        if not state.is_running():
            yield from wait_until(state)
            state = yield from propose(
                call.session, call.set_state, make(words.RUNNING), call.set_state_in_line
            )
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
        call.set_state_in_line,
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
        state = failed(call, error)
    except GeneratorExit:
        raise
    except BaseException as error:
        crash(call, error)
        raise
    finally:
        TASK.reset(token)
    return (yield from finish(call, context, state))
