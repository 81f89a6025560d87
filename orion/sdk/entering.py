"""Calls of flows: from nothing, or from another flow as a subflow; sync or async."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from orion.sdk.context import FLOW, TASK
from orion.sdk.effects import adrive, drive
from orion.sdk.errors import TaskInsideTask
from orion.sdk.loading_mark import LOADING
from orion.sdk.signals import terminable

if TYPE_CHECKING:
    from orion.sdk.flows import Flow
    from orion.sdk.states import State


def call_flow(flow: Flow[Any, Any], parameters: dict[str, Any], whole: bool) -> Any:
    """Run a flow with these parameters; a call while a script is being loaded does nothing."""
    if LOADING.get() is not None:
        logging.getLogger("orion").warning(
            "%s calls the flow %r while it is imported; the call is ignored. Put it under `if __name__ == '__main__'`.",
            LOADING.get(), flow.name,
        )  # fmt: skip
        return None
    task = TASK.get()
    if task is not None:
        raise TaskInsideTask(
            f"The flow {flow.name!r} cannot be called inside the task {task.task.name!r}; call it in a flow."
        )
    from orion.sdk.flow_call import FlowCall
    from orion.sdk.flow_engine import run_flow
    from orion.sdk.session import session

    parent = FLOW.get()
    call = FlowCall(flow, parameters, parent.session if parent else session(), parent)
    if not flow.isasync:
        if parent is not None:
            return _given(drive(run_flow(call)), whole)
        with terminable():
            return _given(drive(run_flow(call)), whole)
    if parent is not None and not parent.flow.isasync:
        from orion.sdk.portal import portal

        return _given(portal().call(adrive(run_flow(call))), whole)
    return _later(call, whole)


async def _later(call: Any, whole: bool) -> Any:
    from orion.sdk.flow_engine import run_flow

    if call.parent is not None:
        return _given(await adrive(run_flow(call)), whole)
    with terminable():
        return _given(await adrive(run_flow(call)), whole)


def _given(state: State, whole: bool) -> Any:
    return state if whole else state.result()
