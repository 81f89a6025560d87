"""Reads that the older dashboards ask for: counts by parent."""

from __future__ import annotations

from orion.store import flow_runs, flows
from orion.web.call import Call, Reply


async def count_task_runs(call: Call) -> Reply:
    """Count the task runs of each flow run."""
    return Reply(await call.store.read(flow_runs.count_task_runs, call.body.flow_run_ids))


async def count_deployments(call: Call) -> Reply:
    """Count the deployments of each flow."""
    return Reply(await call.store.read(flows.count_deployments, call.body.flow_ids))


async def next_runs(call: Call) -> Reply:
    """The next planned run of each flow, or null."""
    return Reply(await call.store.read(flows.next_runs, call.body.flow_ids))
