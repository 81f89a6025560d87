"""How flow runs end: the verdict reported, the exception told, the run torn down."""

from __future__ import annotations

import logging
from typing import Any

from orion.model import states as words
from orion.model.states import StateCreate
from orion.sdk import results
from orion.sdk.answers import Answer
from orion.sdk.context import FlowRunContext
from orion.sdk.crashes import end_of
from orion.sdk.effects import Ask, Effect, OffLoop, Steps
from orion.sdk.errors import Abort
from orion.sdk.flow_call import FlowCall
from orion.sdk.flow_runs import LeaveLoop, farewell
from orion.sdk.hooks import call_hooks
from orion.sdk.keeping import storage_key, written
from orion.sdk.proposals import propose, stored, to_wire
from orion.sdk.states import State, describe, exception_to_failed, make, shown
from orion.sdk.tracebacks import without_engine

CRASH_FLUSH_SECONDS = 3.0


def report(call: FlowCall, state: State) -> Steps[State]:
    """Propose a final state; its result is on the disk before the API hears of it."""
    how = call.flow.keeping
    names = {"parameters": call.parameters, "flow_run": call.flow_run}
    data, blob, warning = results.store(kept(state), how, storage_key(how, names, call.logger))
    if warning and state.is_completed():
        call.logger.warning("%s", warning)
    state.data = stored(data)
    yield from written(call.logger, state, blob)

    def say(wanted: StateCreate) -> Effect:
        call.last_word = state, wanted
        return call.set_state(wanted)

    accepted = yield from propose(call.session, say, state)
    if not accepted.is_final:
        call.last_word = None
    if accepted.is_scheduled():
        call.logger.info("Failed, another try follows: %s", state.message)
    if accepted.type == state.type and "held" in state.__dict__:
        accepted.holding(state.__dict__["held"])
    return accepted


def kept(state: State) -> Any:
    """What of a state's data is stored: a failed aggregate keeps its first exception."""
    held = state.__dict__.get("held")
    if state.is_completed():
        return held
    return state.exception() if isinstance(held, (list, State)) else held


def finish(call: FlowCall, state: State) -> Steps[None]:
    """The run has its final state: say so, call the hooks, and let a root flow wait for its logs."""
    level = logging.INFO if state.is_completed() else logging.ERROR
    call.logger.log(level, "Finished in state %s", shown(state))
    call_hooks(call.flow.hooks_for(state), call.flow, call.flow_run, state, call.logger)
    if call.parent is None:
        yield from farewell(call.session)


def timed_out(call: FlowCall, context: FlowRunContext) -> State:
    """FAILED, named TimedOut."""
    error = context.overtime()
    call.logger.error("%s", error)
    return make(words.FAILED, "TimedOut", str(error)).holding(error)


def failed(call: FlowCall, error: Exception) -> State:
    """FAILED by an exception of the user's function. Where the server refused to go on, its code is not at fault."""
    if isinstance(error, Abort):
        call.logger.error("Stopped: %s", error)
    else:
        call.logger.error("Raised %s", describe(error), exc_info=without_engine(error))
    return exception_to_failed(error, "The flow")


def refuse(call: FlowCall, error: Exception) -> Steps[State]:
    """Bad parameters: the run fails before it began, and is not tried again."""
    text = f"The parameters of the flow {call.flow.name!r} are not valid: {error}"
    call.logger.error("%s", text)
    state = make(words.FAILED, None, text).holding(error)
    return (yield from report(call, state))


def end_by(call: FlowCall, error: BaseException) -> Steps[None]:
    """The run is torn down: tell the API as well as it can be told. An end that was told before stands."""
    call.session.hasten()
    state = yield from _told_end(call)
    if state is None:
        state = end_of(error, "The flow run")
        call.logger.error("%s", state.message)
        yield OffLoop(lambda: call.session.outbox.flush(CRASH_FLUSH_SECONDS))
        yield from _tell(call, state, to_wire(state), force=state.is_crashed())
    call_hooks(call.flow.hooks_for(state), call.flow, call.flow_run, state, call.logger)
    call.session.connected()
    if call.parent is None:
        yield OffLoop(lambda: call.session.flush_logs(CRASH_FLUSH_SECONDS))
        yield LeaveLoop(call.session)


def _told_end(call: FlowCall) -> Steps[State | None]:
    """The final state that was on its way when the run was torn down; told again, since its answer may be lost."""
    if call.last_word is None:
        return None
    state, wanted = call.last_word
    answer = yield from _tell(call, state, wanted, force=False)
    return None if answer is not None and answer.state is not None and not answer.state.is_final else state


def _tell(call: FlowCall, state: State, wanted: StateCreate, *, force: bool) -> Steps[Answer | None]:
    """The answer of the API, if it can be reached."""
    try:
        answer: Answer = yield Ask(
            call.session, "set_flow_run_state", call.flow_run.id, wanted, force, call.token
        )
    except Exception as error:
        call.logger.error("The state %s could not be reported: %s", state.name, error)
        return None
    return answer
