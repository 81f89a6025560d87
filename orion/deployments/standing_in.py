"""Standing in: the task run of a flow that mirrors the run of a deployment it has asked for."""

from __future__ import annotations

from typing import Any

from orion.model.deployments import Deployment
from orion.model.ids import new_id
from orion.model.states import COMPLETED, FINAL, PENDING, SCHEDULED, StateCreate
from orion.model.task_runs import TaskRunCreate
from orion.sdk.answers import FlowRun, TaskRun
from orion.sdk.context import TAGS, FlowRunContext
from orion.sdk.effects import Ask, Join, Steps
from orion.sdk.errors import UnfinishedRun
from orion.sdk.session import Session
from orion.sdk.upstream import Upstream, record


def stand_in(
    parent: FlowRunContext, deployment: Deployment, parameters: dict[str, Any]
) -> Steps[tuple[TaskRun, dict[str, Any]]]:
    """The task run, and the parameters with the data of the futures among them; in a retried flow the same one."""
    upstream = Upstream(parameters)
    if upstream.futures:
        yield Join([future.done for future in upstream.futures], parent.deadline)
    blocker = upstream.not_completed()
    if blocker is not None:
        raise UnfinishedRun(
            f"The deployment {deployment.name!r} was not run: {blocker!r} did not reach the state COMPLETED."
        )
    key = f"run_deployment-{deployment.id}"
    count = parent.next_call(key)
    wanted = TaskRunCreate(
        id=new_id(),
        name=f"{deployment.name}-{count}",
        flow_run_id=parent.flow_run.id,
        task_key=key,
        dynamic_key=str(count),
        tags=sorted(TAGS.get()),
        task_inputs=record(parameters, None, parent),
        state=StateCreate(type=PENDING),
    )
    made = yield Ask(parent.session, "create_task_run", wanted)
    return made, upstream.data()


def reopened(here: Session, run: FlowRun) -> Steps[FlowRun]:
    """A retried flow that finds its earlier run failed has it run once more; a good or a live one is kept."""
    if run.state_type not in FINAL or run.state_type == COMPLETED:
        return run
    again = StateCreate(
        type=SCHEDULED, name="AwaitingRetry", message="The flow that asked for it is retried."
    )
    yield Ask(here, "set_flow_run_state", run.id, again)
    found = yield Ask(here, "read_flow_run", run.id)
    return found
