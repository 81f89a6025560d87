"""The page of one task run: its states, what it was given, its own log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from orion.model.filters import LogFilter, NullableIdCriterion
from orion.model.states import is_final
from orion.model.task_runs import TaskRun
from orion.store import console, flow_runs, logs, states, task_runs
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.pages import results, set_state, shown_parameters
from orion.web.pages.artifacts import of_task
from orion.web.pages.shared import api_url, found, gather, here, see
from orion.web.pages.steps import steps
from orion.web.waiting import Look, why_task_run

LINES = 1000
KINDS = {"task_run": "task", "flow_run": "subflow", "parameter": "parameter", "constant": "constant"}


@dataclass(frozen=True)
class Input:
    """Where one argument came from."""

    argument: str
    kind: str
    name: str
    href: str | None
    look: str | None = None


async def show(call: Call) -> Reply:
    """Show a task run: state history, inputs, log, details."""
    now = see(call)
    data = await gather(call, _read, call.path["id"], now)
    more = {"now": now, "here": here(call), "api_url": api_url(call)}
    return Reply({**data, **more}, "task_runs/show.html#page")


async def delete(call: Call) -> Reply:
    """Delete a task run; its flow run stays."""
    task = found(await call.store.read(task_runs.get, call.path["id"]), "task run")
    await call.store.write(task_runs.delete, task.id)
    return Reply(None, status=204, location=f"runs/{task.flow_run_id}/tasks" if task.flow_run_id else "runs")


def _read(conn: Conn, id: str, now: datetime) -> dict[str, Any]:
    task: TaskRun = found(task_runs.get(conn, id, now), "task run")
    run = flow_runs.get(conn, task.flow_run_id, now) if task.flow_run_id else None
    final = is_final(task.state_type) or (run is not None and is_final(run.state_type))
    chosen = LogFilter(task_run_id=NullableIdCriterion(any_=[id]))
    return {
        "task": task,
        "run": shown_parameters.of_run(conn, run) if run else None,
        "final": final,
        "path": steps(states.of_task_run(conn, id), now),
        "inputs": _inputs(conn, task),
        "waiting": why_task_run(Look(conn, now), task),
        "artifacts": of_task(conn, id),
        "child": console.child_of(conn, id),
        "result": results.result_of(task.state),
        "by_hand": set_state.FOR_TASK_RUNS,
        "lines": logs.filter(conn, chosen, "TIMESTAMP_DESC", LINES, 0)[::-1],
        "last_line": console.newest_log(conn, task.flow_run_id) if task.flow_run_id and not final else "",
        "task_names": {task.id: task.name},
    }


def _inputs(conn: Conn, task: TaskRun) -> list[Input]:
    given: dict[str, list[dict[str, Any]]] = msgspec.json.decode(task.task_inputs) or {}
    sources = [(argument, source) for argument, several in given.items() for source in several]
    names = console.task_run_names(conn, (source.get("id") for _, source in sources))
    return [_input(argument, source, names) for argument, source in sources]


def _input(argument: str, source: dict[str, Any], names: dict[str, str]) -> Input:
    kind, id = str(source.get("input_type")), source.get("id")
    name = names.get(id or "") or source.get("name") or source.get("type") or "value"
    href = f"task-runs/{id}" if kind == "task_run" and id in names else None
    return Input(argument, KINDS.get(kind, kind), str(name), href)
