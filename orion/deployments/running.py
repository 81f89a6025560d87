"""Running a deployment: by an agent somewhere, or in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from orion.model.deployments import Deployment, DeploymentFlowRunCreate
from orion.model.states import FINAL, SCHEDULED, StateCreate, StateDetails
from orion.model.wire import raw, unraw
from orion.sdk.answers import FlowRun
from orion.sdk.client import SyncClient


def run_deployment(
    name: str,
    *,
    parameters: Mapping[str, Any] | None = None,
    scheduled_time: datetime | None = None,
    flow_run_name: str | None = None,
    tags: Sequence[str] = (),
    idempotency_key: str | None = None,
    timeout: float | None = None,
    poll_interval: float = 1.0,
    client: SyncClient | None = None,
) -> FlowRun:
    """Ask for a run of `flow/deployment` (or of its id) and wait for its end, `timeout` seconds at most.

    0 does not wait at all; without a timeout it waits for ever. Answers the run as it then is.
    """
    if client is None:
        with SyncClient() as own:
            return run_deployment(
                name, parameters=parameters, scheduled_time=scheduled_time, flow_run_name=flow_run_name, tags=tags,
                idempotency_key=idempotency_key, timeout=timeout, poll_interval=poll_interval, client=own,
            )  # fmt: skip
    deployment = find(name, client)
    details = StateDetails(scheduled_time=scheduled_time)
    asked = DeploymentFlowRunCreate(
        state=StateCreate(type=SCHEDULED, state_details=details),
        name=flow_run_name,
        parameters=raw(dict(parameters or {})),
        tags=list(tags),
        idempotency_key=idempotency_key,
    )
    run: FlowRun = client.create_flow_run_from_deployment(deployment.id, asked)
    return _wait(run, timeout, poll_interval, client)


def find(name: str, client: SyncClient) -> Deployment:
    """The deployment of `flow/deployment`, or of an id."""
    read = client.read_deployment_by_name if "/" in name else client.read_deployment
    deployment: Deployment = read(name)
    return deployment


def _wait(run: FlowRun, timeout: float | None, pause: float, client: SyncClient) -> FlowRun:
    end = None if timeout is None else time.monotonic() + timeout
    while run.state_type not in FINAL and (end is None or time.monotonic() < end):
        left = pause if end is None else min(pause, max(end - time.monotonic(), 0))
        time.sleep(left)
        run = client.read_flow_run(run.id)
    return run


def execute(name: str, parameters: Mapping[str, Any] | None = None, client: SyncClient | None = None) -> Any:
    """Run a deployment's flow in this process, without an agent; the final state."""
    from orion.sdk.loading import load_flow_from_entrypoint

    if client is None:
        with SyncClient() as own:
            return execute(name, parameters, own)
    deployment = find(name, client)
    flow = load_flow_from_entrypoint(str(Path(deployment.path or ".") / (deployment.entrypoint or "")))
    return flow(**{**unraw(deployment.parameters), **(parameters or {})}, return_state=True)
