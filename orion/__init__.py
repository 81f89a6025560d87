"""orion: write flows of tasks in Python, run them, schedule them, and see what became of them.

What a flow's author imports comes from here, and is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "flow": "flows",
    "Flow": "flows",
    "task": "tasks",
    "Task": "tasks",
    "tags": "context",
    "get_run_context": "context",
    "FlowRunContext": "context",
    "TaskRunContext": "context",
    "get_run_logger": "logs",
    "get_client": "client",
    "SyncClient": "client",
    "AsyncClient": "client",
    "OrionFuture": "futures",
    "State": "states",
    "Completed": "states",
    "Failed": "states",
    "Crashed": "states",
    "Cancelled": "states",
    "Pending": "states",
    "Running": "states",
    "Scheduled": "states",
    "AwaitingRetry": "states",
    "unmapped": "annotations",
    "allow_failure": "annotations",
    "quote": "annotations",
    "TaskRunner": "runners",
    "ConcurrentTaskRunner": "runners",
    "SequentialTaskRunner": "runners",
    "ProcessPoolTaskRunner": "runners",
    "RemoteTaskRunner": "runners",
    "DaskTaskRunner": "dask_runner",
    "RayTaskRunner": "ray_runner",
    "remote_options": "ray_runner",
    "task_input_hash": "caching",
    "exponential_backoff": "retrying",
    "load_flow_from_entrypoint": "loading",
    "load_flow_from_script": "loading",
    "load_flow_from_text": "loading",
    "select_flow": "loading",
    "Serializer": "serializers",
    "Block": ".blocks.core",
    "concurrency": "concurrency",
    "rate_limit": "concurrency",
    "create_image_artifact": "artifacts",
    "create_link_artifact": "artifacts",
    "create_markdown_artifact": "artifacts",
    "create_progress_artifact": "artifacts",
    "create_table_artifact": "artifacts",
    "update_progress_artifact": "artifacts",
    "Deployment": ".deployments",
    "run_deployment": ".deployments",
    "serve": ".deployments",
}
_MODULES = ("artifacts", "variables")

__all__ = ["__version__", *_HOMES, *_MODULES]

if TYPE_CHECKING:
    from orion.blocks.core import Block
    from orion.sdk import artifacts, variables
    from orion.sdk.annotations import allow_failure, quote, unmapped
    from orion.sdk.artifacts import (
        create_image_artifact,
        create_link_artifact,
        create_markdown_artifact,
        create_progress_artifact,
        create_table_artifact,
        update_progress_artifact,
    )
    from orion.sdk.caching import task_input_hash
    from orion.sdk.client import AsyncClient, SyncClient, get_client
    from orion.sdk.concurrency import concurrency, rate_limit
    from orion.sdk.context import FlowRunContext, TaskRunContext, get_run_context, tags
    from orion.sdk.dask_runner import DaskTaskRunner
    from orion.sdk.flows import Flow, flow
    from orion.sdk.futures import OrionFuture
    from orion.sdk.loading import (
        load_flow_from_entrypoint,
        load_flow_from_script,
        load_flow_from_text,
        select_flow,
    )
    from orion.sdk.logs import get_run_logger
    from orion.sdk.ray_runner import RayTaskRunner, remote_options
    from orion.sdk.retrying import exponential_backoff
    from orion.sdk.runners import (
        ConcurrentTaskRunner,
        ProcessPoolTaskRunner,
        RemoteTaskRunner,
        SequentialTaskRunner,
        TaskRunner,
    )
    from orion.sdk.serializers import Serializer
    from orion.sdk.states import (
        AwaitingRetry,
        Cancelled,
        Completed,
        Crashed,
        Failed,
        Pending,
        Running,
        Scheduled,
        State,
    )
    from orion.sdk.tasks import Task, task


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _MODULES:
        return import_module(f"orion.sdk.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'orion' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{home}", "orion.sdk"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
