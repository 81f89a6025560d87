"""Calls of tasks from a flow: which driver performs the steps, and where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from orion.sdk.context import FLOW, TASK, FlowRunContext
from orion.sdk.effects import adrive, drive
from orion.sdk.errors import TaskInsideTask, TaskOutsideFlow
from orion.sdk.futures import OrionFuture
from orion.sdk.runners import lost
from orion.sdk.task_call import TaskCall
from orion.sdk.task_engine import run_task

if TYPE_CHECKING:
    from orion.sdk.tasks import Task

Parameters = dict[str, Any]


def calling_flow(task: Task[Any, Any]) -> FlowRunContext:
    """The flow run that calls; raises when there is none, or when a task calls."""
    inside = TASK.get()
    if inside is not None:
        raise TaskInsideTask(
            f"The task {task.name!r} was called inside the task {inside.task.name!r}. "
            f"Call its plain function, {task.name}.fn(...), or move the call into the flow."
        )
    context = FLOW.get()
    if context is None:
        from orion.sdk.prompt import tidy

        tidy()
        raise TaskOutsideFlow(
            f"The task {task.name!r} was called outside of a flow. Call it inside a function made a flow with @flow, "
            f"or call its plain function, {task.name}.fn(...)."
        )
    return context


def call_task(
    task: Task[Any, Any],
    parameters: Parameters,
    wait_for: Iterable[Any] | None,
    context: FlowRunContext,
    whole: bool,
) -> Any:
    """Run a task here and now. An async task of an async flow gives a coroutine."""
    call = TaskCall(task, parameters, wait_for, context)
    if not task.isasync:
        state = drive(run_task(call))
    elif context.flow.isasync:
        return _later(call, whole)
    else:
        from orion.sdk.portal import portal

        state = portal().call(adrive(run_task(call)))
    return state if whole else state.result()


async def _later(call: TaskCall, whole: bool) -> Any:
    state = await adrive(run_task(call))
    return state if whole else state.result()


def submit_task(
    task: Task[Any, Any], parameters: Parameters, wait_for: Iterable[Any] | None, context: FlowRunContext
) -> OrionFuture[Any]:
    """Hand a task to the runner of the flow run."""
    context.check_deadline()
    call = TaskCall(task, parameters, wait_for, context)
    future: OrionFuture[Any] = OrionFuture(
        call.run.name or task.name, call.run_id, task.isasync and context.flow.isasync
    )
    context.opened(call, future.done)
    try:
        context.task_runner.submit(call, future.done)
    except BaseException as error:  # nobody else ends it, and the flow waits for what it has submitted
        if not future.done.done():
            future.done.set_result(lost(error))
        raise
    return future
