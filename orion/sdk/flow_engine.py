"""The life of one flow run, from its parameters to its final state, as steps for either driver."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from orion.model import states as words
from orion.model.flow_runs import FlowRunUpdate
from orion.sdk import results
from orion.sdk.answers import FlowRun
from orion.sdk.context import FLOW, TAGS, TASK, FlowRunContext
from orion.sdk.crashes import end_of
from orion.sdk.effects import Ask, Effect, Invoke, Join, OffLoop, Sleep, Steps
from orion.sdk.errors import Abort, FlowTimedOut, OrionError
from orion.sdk.flow_runs import create_run, farewell
from orion.sdk.flows import Flow
from orion.sdk.hooks import call_hooks
from orion.sdk.logs import RunLogger, flow_logger
from orion.sdk.naming import fill
from orion.sdk.parameters import Parameters, from_json, spread
from orion.sdk.proposals import POLL_SECONDS, propose, stored, to_wire, wait_until
from orion.sdk.session import Session
from orion.sdk.states import State, describe, described_call, exception_to_failed, make, shown
from orion.sdk.tracebacks import without_engine
from orion.sdk.verdicts import futures_in, verdict

CRASH_FLUSH_SECONDS = 3.0


class FlowCall:
    """One run of a flow in this process: everything that the steps need."""

    def __init__(
        self,
        flow: Flow[Any, Any],
        parameters: Parameters,
        session: Session,
        parent: FlowRunContext | None = None,
        *,
        token: str | None = None,
    ) -> None:
        self.flow, self.parameters, self.session, self.parent, self.token = (
            flow,
            parameters,
            session,
            parent,
            token,
        )
        self.run: FlowRun | None = None
        self.attempts = 0
        self.logger: RunLogger | logging.Logger = logging.getLogger("orion.flow_runs")

    @property
    def flow_run(self) -> FlowRun:
        assert self.run is not None
        return self.run


def run_flow(call: FlowCall) -> Steps[State]:
    """Make a run of the flow and run it."""
    if call.parent is not None:
        call.parent.check_deadline()
    call.run = yield from create_run(call)
    call.logger = flow_logger(_context(call, {}))
    call.logger.info("Created flow run %r of flow %r", call.run.name, call.flow.name)
    state = yield from _whole_life(call, lambda: call.parameters)
    if call.parent is not None:
        call.parent.tally.add(state)
    return state


def run_existing(call: FlowCall, run: FlowRun, given: dict[str, Any]) -> Steps[State]:
    """Run a flow run that was made elsewhere, such as one of a deployment, with the parameters that it holds."""
    call.run = run
    call.logger = flow_logger(_context(call, {}))
    policy = replace(
        run.empirical_policy, retries=call.flow.retries, retry_delay=call.flow.retry_delay_seconds
    )
    changes = FlowRunUpdate(flow_version=call.flow.version, empirical_policy=policy)
    if call.flow.flow_run_name is not None:
        run.name = changes.name = fill(call.flow.flow_run_name, given)
    yield Ask(call.session, "update_flow_run", run.id, changes)
    return (yield from _whole_life(call, lambda: from_json(call.flow.signature, given, call.flow.name)))


def _whole_life(call: FlowCall, parameters: Callable[[], Parameters]) -> Steps[State]:
    """From here on the run ends in a final state, whatever happens."""
    try:
        try:
            call.parameters = _checked(call, parameters())
        except (OrionError, TypeError) as error:
            state = yield from _refuse(call, error)
        else:
            state = yield from _live(call)
    except Abort as abort:
        call.logger.warning("The run is not carried on: %s", abort)
        raise
    except GeneratorExit:
        raise
    except BaseException as error:
        yield from _end_by(call, error)
        raise
    finally:
        if call.parent is None:
            call.session.outbox.flush(CRASH_FLUSH_SECONDS)
    call.logger.log(
        logging.INFO if state.is_completed() else logging.ERROR, "Finished in state %s", shown(state)
    )
    call_hooks(call.flow.hooks_for(state), call.flow, call.flow_run, state, call.logger)
    if call.parent is None:
        yield from farewell(call.session)
    return state


def _checked(call: FlowCall, parameters: Parameters) -> Parameters:
    return call.flow.validate_parameters(parameters) if call.flow.should_validate_parameters else parameters


def _refuse(call: FlowCall, error: Exception) -> Steps[State]:
    """Bad parameters: the run fails before it began, and is not tried again."""
    text = f"The parameters of the flow {call.flow.name!r} are not valid: {error}"
    call.logger.error("%s", text)
    state = make(words.FAILED, None, text).holding(error)
    return (yield from _report(call, state))


def _live(call: FlowCall) -> Steps[State]:
    state = yield from propose(call.session, _setter(call), make(words.RUNNING))
    while not state.is_final:
        if state.is_running():
            call.attempts += 1
            call_hooks(call.flow.on_running, call.flow, call.flow_run, state, call.logger)
            state = yield from _attempt(call)
            continue
        if state.is_paused():
            state = yield from _when_resumed(call)
            continue
        if state.is_cancelling():
            return (yield from _report(call, make(words.CANCELLED, None, "The run was cancelled.")))
        yield from wait_until(state)
        state = yield from propose(call.session, _setter(call), make(words.RUNNING))
    if call.attempts == 0 and state.is_completed():
        call.logger.info("The run was %s before; its result is used", state.name)
    return state


def _when_resumed(call: FlowCall) -> Steps[State]:
    while True:
        yield Sleep(POLL_SECONDS)
        run = yield Ask(call.session, "read_flow_run", call.flow_run.id)
        if run.state is not None and not run.state.is_paused():
            return run.state


def _attempt(call: FlowCall) -> Steps[State]:
    """Call the function, wait for its tasks, and report the verdict."""
    context = _context(call, call.parameters)
    tokens = FLOW.set(context), TASK.set(None), TAGS.set(TAGS.get() | frozenset(call.flow_run.tags))
    cancel = True
    try:
        state = yield from _outcome(call, context)
        cancel = False
    finally:
        context.task_runner.stop(cancel=cancel)
        FLOW.reset(tokens[0])
        TASK.reset(tokens[1])
        TAGS.reset(tokens[2])
    yield OffLoop(call.session.outbox.flush)
    if call.session.outbox.failure is not None:
        raise call.session.outbox.failure
    return (yield from _report(call, state))


def _outcome(call: FlowCall, context: FlowRunContext) -> Steps[State]:
    args, kwargs = spread(call.flow.signature, call.parameters)
    timeout = call.flow.timeout_seconds if call.flow.isasync else None
    if call.logger.isEnabledFor(logging.DEBUG):
        call.logger.debug("Calling %s", described_call(call.flow.name, args, kwargs))
    returned: Any = None
    failure: Exception | None = None
    try:
        returned = yield Invoke(call.flow.fn, args, kwargs, timeout, FlowTimedOut)
    except Abort:
        raise
    except Exception as error:
        failure = error
    if failure is None:
        yield Join([*futures_in(returned)], context.deadline)
    yield Join(list(context.submitted))
    if context.timed_out or isinstance(failure, FlowTimedOut) or _overdue(context):
        return _timed_out(call, failure)
    if failure is not None:
        return _failed(call, failure)
    return verdict(returned, context.tally)


def _overdue(context: FlowRunContext) -> bool:
    return context.deadline is not None and time.monotonic() >= context.deadline


def _timed_out(call: FlowCall, failure: Exception | None) -> State:
    error = failure or FlowTimedOut(f"The flow took longer than {call.flow.timeout_seconds:g} s.")
    call.logger.error("%s", error)
    return make(words.FAILED, "TimedOut", str(error)).holding(error)


def _failed(call: FlowCall, error: Exception) -> State:
    call.logger.error("Raised %s", describe(error), exc_info=without_engine(error))
    return exception_to_failed(error, "The flow")


def _report(call: FlowCall, state: State) -> Steps[State]:
    """Propose a final state; its result is on the disk before the API hears of it."""
    data, blob = results.store(_kept(state))
    state.data = stored(data)
    if blob is not None:
        yield OffLoop(blob.write)
    accepted = yield from propose(call.session, _setter(call), state)
    if accepted.is_scheduled():
        call.logger.info("Failed, another try follows: %s", state.message)
    if accepted.type == state.type and "held" in state.__dict__:
        accepted.holding(state.__dict__["held"])
    return accepted


def _kept(state: State) -> Any:
    """What of a state's data is stored: a failed aggregate keeps its first exception."""
    held = state.__dict__.get("held")
    if state.is_completed():
        return held
    return state.exception() if isinstance(held, (list, State)) else held


def _end_by(call: FlowCall, error: BaseException) -> Steps[None]:
    """The run is torn down: tell the API as well as it can be told."""
    state = end_of(error, "The flow run")
    force = state.is_crashed()
    call.logger.error("%s", state.message)
    yield OffLoop(lambda: call.session.outbox.flush(CRASH_FLUSH_SECONDS))
    try:
        yield Ask(call.session, "set_flow_run_state", call.flow_run.id, to_wire(state), force, call.token)
    except Exception as error:
        call.logger.error("The state %s could not be reported: %s", state.name, error)
    call_hooks(call.flow.hooks_for(state), call.flow, call.flow_run, state, call.logger)
    if call.parent is None:
        yield OffLoop(lambda: call.session.flush_logs(CRASH_FLUSH_SECONDS))


def _context(call: FlowCall, parameters: Parameters) -> FlowRunContext:
    own = None if call.flow.timeout_seconds is None else time.monotonic() + call.flow.timeout_seconds
    outer = call.parent.deadline if call.parent else None
    deadline = min((when for when in (own, outer) if when is not None), default=None)
    return FlowRunContext(
        call.flow,
        call.flow_run,
        parameters,
        call.session,
        call.flow.task_runner.duplicate(),
        token=call.token,
        deadline=deadline,
        attempt=call.attempts,
    )


def _setter(call: FlowCall) -> Callable[[words.StateCreate], Effect]:
    return lambda wanted: Ask(call.session, "set_flow_run_state", call.flow_run.id, wanted, False, call.token)
