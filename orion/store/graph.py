"""Graph of a flow run: its task runs, and which of them fed which."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orion.model.task_runs import DependencyResult, TaskRun, TaskRunInput
from orion.model.wire import decoder
from orion.store import task_runs
from orion.store.base import Conn

INPUTS = decoder(dict[str, list[TaskRunInput]])


def dependencies(conn: Conn, flow_run_id: str, now: datetime | None = None) -> list[DependencyResult]:
    """Every task run of a flow run, with the task runs whose results it took in."""
    return [_node(run) for run in task_runs.of_flow_run(conn, flow_run_id, now)]


def upstream(run: TaskRun) -> list[str]:
    """The ids of the task runs whose results a run took in, each once, in the order of its arguments."""
    inputs = (one for argument in INPUTS.decode(run.task_inputs).values() for one in argument)
    return list(
        dict.fromkeys(one.id for one in inputs if one.input_type == "task_run" and one.id is not None)
    )


def _node(run: TaskRun) -> DependencyResult:
    above: list[dict[str, Any]] = [{"input_type": "task_run", "id": id} for id in upstream(run)]
    return DependencyResult(
        id=run.id,
        name=run.name,
        upstream_dependencies=above,
        state=run.state,
        expected_start_time=run.expected_start_time,
        start_time=run.start_time,
        end_time=run.end_time,
        total_run_time=run.total_run_time,
        estimated_run_time=run.estimated_run_time,
        untrackable_result=bool(run.state and run.state.state_details.untrackable_result),
    )
