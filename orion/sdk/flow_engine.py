"""The life of one flow run, from its parameters to its final state, as steps for either driver."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from orion.model import states as words
from orion.model.flow_runs import FlowRunUpdate
from orion.sdk.answers import FlowRun
from orion.sdk.context import FLOW, TAGS, TASK, FlowRunContext
from orion.sdk.effects import Ask, Invoke, Join, OffLoop, Sleep, Steps
from orion.sdk.errors import Abort, FlowTimedOut
from orion.sdk.flow_call import FlowCall
from orion.sdk.flow_endings import CRASH_FLUSH_SECONDS, end_by, failed, finish, refuse, report, timed_out
from orion.sdk.flow_runs import create_run
from orion.sdk.heartbeat import beating
from orion.sdk.hooks import call_hooks
from orion.sdk.naming import fill
from orion.sdk.parameters import Parameters, from_json, spread
from orion.sdk.proposals import POLL_SECONDS, propose, wait_until
from orion.sdk.states import State, describe, described_call, make
from orion.sdk.task_endings import abandon
from orion.sdk.verdicts import futures_in, verdict


def run_flow(call: FlowCall) -> Steps[State]:
    """Make a run of the flow and run it."""
    if call.parent is not None:
        call.parent.check_deadline()
    run = yield from create_run(call)
    call.adopt(run)
    call.logger.info("Created flow run %r of flow %r", run.name, call.flow.name)
    with beating(call.session, run.id, call.token):
        state = yield from _whole_life(call, lambda: call.parameters)
    if call.parent is not None:
        call.parent.tally.add(state)
    return state


def run_existing(call: FlowCall, run: FlowRun, given: dict[str, Any]) -> Steps[State]:
    """Run a flow run that was made elsewhere, such as one of a deployment, with the parameters that it holds."""
    call.adopt(run)
    yield Ask(call.session, "update_flow_run", run.id, _known_now(call, run, given))
    return (yield from _whole_life(call, lambda: _resolved(call, given)))


def _resolved(call: FlowCall, given: Parameters) -> Parameters:
    """The parameters with what they refer to: saved blocks, variables, this process's environment."""
    from orion.blocks import api, references

    if references.has_reference(given):
        given = api.blocking(references.resolve(given), call.session.sync)
    return from_json(call.flow.signature, given, call.flow.name)


def _known_now(call: FlowCall, run: FlowRun, given: Parameters) -> FlowRunUpdate:
    """What the code says about a run that was made without it."""
    flow = call.flow
    policy = replace(run.empirical_policy, retries=flow.retries, retry_delay=flow.retry_delay_seconds)
    changes = FlowRunUpdate(flow_version=flow.version, empirical_policy=policy)
    if flow.flow_run_name is not None:
        try:
            run.name = changes.name = fill(flow.flow_run_name, given)
        except Exception as error:
            call.logger.warning("flow_run_name raised %s; the run keeps its name.", describe(error))
    return changes


def _whole_life(call: FlowCall, parameters: Callable[[], Parameters]) -> Steps[State]:
    """From here on the run ends in a final state, whatever happens."""
    try:
        try:
            call.parameters = _checked(call, parameters())
        except Exception as error:
            state = yield from refuse(call, error)
        else:
            state = yield from _live(call)
    except Abort as abort:
        call.logger.warning("The run is not carried on: %s", abort)
        raise
    except GeneratorExit:
        raise
    except BaseException as error:
        yield from end_by(call, error)
        raise
    finally:
        if call.parent is None:
            call.session.outbox.flush(CRASH_FLUSH_SECONDS)
    yield from finish(call, state)
    return state


def _checked(call: FlowCall, parameters: Parameters) -> Parameters:
    return call.flow.validate_parameters(parameters) if call.flow.should_validate_parameters else parameters


def _live(call: FlowCall) -> Steps[State]:
    state = yield from propose(call.session, call.set_state, make(words.RUNNING))
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
            return (yield from report(call, make(words.CANCELLED, None, "The run was cancelled.")))
        yield from wait_until(state)
        state = yield from propose(call.session, call.set_state, make(words.RUNNING))
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
    context = call.context()
    tokens = FLOW.set(context), TASK.set(None), TAGS.set(TAGS.get() | frozenset(call.flow_run.tags))
    try:
        state = yield from _outcome(call, context)
    except BaseException as error:
        abandon(context, error)
        raise
    finally:
        FLOW.reset(tokens[0])
        TASK.reset(tokens[1])
        TAGS.reset(tokens[2])
    yield OffLoop(call.session.outbox.flush)
    if call.session.outbox.failure is not None:
        raise call.session.outbox.failure
    return (yield from report(call, state))


def _outcome(call: FlowCall, context: FlowRunContext) -> Steps[State]:
    args, kwargs = spread(call.flow.signature, call.parameters)
    timeout = call.flow.timeout_seconds if call.flow.isasync else None
    if call.logger.isEnabledFor(logging.DEBUG):
        call.logger.debug("Calling %s", described_call(call.flow.name, args, kwargs))
    returned: Any = None
    failure: Exception | None = None
    try:
        returned = yield Invoke(call.flow.fn, args, kwargs, timeout, FlowTimedOut)
    except Exception as error:
        failure = error
    try:
        if not isinstance(failure, FlowTimedOut):
            yield Join([*futures_in(returned), *context.submitted], context.deadline)
    except FlowTimedOut as error:
        failure = error
    if context.timed_out or isinstance(failure, FlowTimedOut) or _overdue(context):
        abandon(context, context.overtime())
        return timed_out(call, context)
    context.task_runner.stop()
    if failure is not None:
        return failed(call, failure)
    return verdict(returned, context.tally)


def _overdue(context: FlowRunContext) -> bool:
    return context.deadline is not None and time.monotonic() >= context.deadline
