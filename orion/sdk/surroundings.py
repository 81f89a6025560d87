"""Surroundings: whether the code that calls here awaits or blocks, for functions that serve both."""

from __future__ import annotations

import asyncio

from orion.sdk.context import FLOW, TASK


def is_async() -> bool:
    """Whether this is an async task or flow; outside of runs, whether an event loop runs in this thread."""
    task, flow = TASK.get(), FLOW.get()
    if task is not None:
        return task.task.isasync
    if flow is not None:
        return flow.flow.isasync
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
