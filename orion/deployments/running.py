"""Running a deployment: by an agent somewhere, or in this process."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from orion.blocks.filesystem import call
from orion.deployments.standing_in import reopened, stand_in
from orion.model.deployments import Deployment, DeploymentFlowRunCreate
from orion.model.states import FINAL, SCHEDULED, StateCreate, StateDetails
from orion.model.wire import raw, unraw
from orion.sdk import code
from orion.sdk.answers import FlowRun
from orion.sdk.client import SyncClient
from orion.sdk.context import FLOW, FlowRunContext
from orion.sdk.effects import Ask, Sleep, Steps, adrive, drive
from orion.sdk.errors import ObjectNotFound
from orion.sdk.flow_runs import LeaveLoop
from orion.sdk.session import Session, session
from orion.sdk.surroundings import is_async

if TYPE_CHECKING:
    from orion.sdk.flows import Flow


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
    as_subflow: bool = True,
    client: SyncClient | None = None,
) -> Any:
    """Ask for a run of `flow/deployment` (or of its id) and wait for its end, `timeout` seconds at most.

    0 does not wait at all; without a timeout it waits for ever. Gives the run as it then is; in async code it is
    awaited. Inside a flow the run is a subflow: a task run stands for it, and a retry of the flow finds it again.
    """
    details = StateDetails(scheduled_time=scheduled_time)
    wish = DeploymentFlowRunCreate(
        state=StateCreate(type=SCHEDULED, state_details=details),
        name=flow_run_name,
        parameters=raw(dict(parameters or {})),
        tags=list(tags),
        idempotency_key=idempotency_key,
    )
    if client is not None:
        return drive(_outside(_Blocking(client), name, wish, timeout, poll_interval))
    parent = FLOW.get()
    if parent is not None and as_subflow:
        steps = _inside(parent, name, wish, dict(parameters or {}), timeout, poll_interval)
    elif parent is not None:
        steps = _outside(parent.session, name, wish, timeout, poll_interval)
    else:
        steps = _alone(session(), name, wish, timeout, poll_interval)
    return adrive(steps) if is_async() else drive(steps)


class _Blocking:
    """A client in the place of a session, for code that blocks."""

    def __init__(self, client: SyncClient) -> None:
        self.sync = client


def _alone(
    here: Session, name: str, wish: DeploymentFlowRunCreate, timeout: float | None, pause: float
) -> Steps[FlowRun]:
    """Outside of flows nobody else closes what an event loop has opened."""
    try:
        return (yield from _outside(here, name, wish, timeout, pause))
    finally:
        yield LeaveLoop(here)


def _outside(
    here: Any, name: str, wish: DeploymentFlowRunCreate, timeout: float | None, pause: float
) -> Steps[FlowRun]:
    deployment = yield from _deployment(here, name)
    run = yield Ask(here, "create_flow_run_from_deployment", deployment.id, wish)
    return (yield from _waited(here, run, timeout, pause, None))


def _inside(
    parent: FlowRunContext,
    name: str,
    wish: DeploymentFlowRunCreate,
    parameters: dict[str, Any],
    timeout: float | None,
    pause: float,
) -> Steps[FlowRun]:
    here = parent.session
    deployment = yield from _deployment(here, name)
    task_run, data = yield from stand_in(parent, deployment, parameters)
    wish.parameters, wish.parent_task_run_id = raw(data), task_run.id
    own_key, wish.idempotency_key = wish.idempotency_key, wish.idempotency_key or task_run.id
    run = yield Ask(here, "create_flow_run_from_deployment", deployment.id, wish)
    if own_key is None:
        run = yield from reopened(here, run)
    return (yield from _waited(here, run, timeout, pause, parent))


def _deployment(here: Any, name: str) -> Steps[Deployment]:
    try:
        found = yield Ask(here, "read_deployment_by_name" if "/" in name else "read_deployment", name)
    except ObjectNotFound as error:
        raise _missing(name, error) from None
    return found


def _missing(name: str, error: ObjectNotFound) -> ObjectNotFound:
    text = f"There is no deployment {name!r}: it was never applied, or it or its flow has been deleted."
    return ObjectNotFound(text, status=error.status, body=error.body)


def _waited(
    here: Any, run: FlowRun, timeout: float | None, pause: float, parent: FlowRunContext | None
) -> Steps[FlowRun]:
    end = None if timeout is None else time.monotonic() + timeout
    while run.state_type not in FINAL and (end is None or time.monotonic() < end):
        if parent is not None:
            parent.check_deadline()
        yield Sleep(pause if end is None else min(pause, end - time.monotonic()))
        run = yield Ask(here, "read_flow_run", run.id)
    return run


def find(name: str, client: SyncClient) -> Deployment:
    """The deployment of `flow/deployment`, or of an id."""
    read = client.read_deployment_by_name if "/" in name else client.read_deployment
    try:
        deployment: Deployment = read(name)
    except ObjectNotFound as error:
        raise _missing(name, error) from None
    return deployment


def execute(name: str, parameters: Mapping[str, Any] | None = None, client: SyncClient | None = None) -> Any:
    """Run a deployment's flow in this process, without an agent, and wait for it; the final state."""
    if client is None:
        with SyncClient() as own:
            return execute(name, parameters, own)
    deployment = find(name, client)
    with TemporaryDirectory(prefix="orion-code-") as folder:
        flow = _flow_of(deployment, client, Path(folder))
        given = {**unraw(deployment.parameters), **(parameters or {})}
        return call(lambda: flow(**given, return_state=True))


def _flow_of(deployment: Deployment, client: SyncClient, folder: Path) -> Flow[Any, Any]:
    from orion.sdk.loading import load_flow_from_entrypoint

    storage = code.storage_of(deployment, client)
    if storage is None:
        folder = Path(deployment.path or ".")
    elif flow := code.fetch(storage, deployment, folder):
        return flow
    return load_flow_from_entrypoint(code.at(folder, deployment.entrypoint or ""))
