"""The pages of one flow run: overview, logs, tasks, subflows, parameters, radar, events; and what can be done to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
from starlette.responses import Response

from orion.model.filters import Filters, FlowRunFilter, NullableIdCriterion
from orion.model.flow_runs import FlowRun
from orion.model.states import is_final
from orion.model.task_runs import TaskRun
from orion.store import console, flow_runs, states, task_runs
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.charts.radar import Node, path_of
from orion.web.display import look_of, plural
from orion.web.pages import run_actions, run_logs, timeline
from orion.web.pages.artifacts import count_of_run, of_run
from orion.web.pages.run_rows import first_line, one_group, rows_of
from orion.web.pages.shared import found, gather, here, see
from orion.web.pages.steps import steps

LINES = 200
SORTS = ("start", "depth", "slowest")
Reader = Callable[..., dict[str, Any]]


async def show(call: Call) -> Reply:
    """Show a flow run: its timeline, radar, newest log lines and details."""
    sort = call.query.get("sort", "start")
    return await _page(
        call, "overview", "flow_runs/show.html#page", _overview, sort if sort in SORTS else "start"
    )


async def logs(call: Call) -> Reply | Response:
    """Show, search or download the log of a flow run."""
    see(call)
    query = run_logs.parse(call.query)
    if call.query.get("download"):
        return await run_logs.download(call, query)
    return await _page(call, "logs", "flow_runs/logs.html#page", run_logs.data, query)


async def tasks(call: Call) -> Reply:
    """List the task runs of a flow run."""
    return await _page(call, "tasks", "flow_runs/tasks.html#page", _tasks)


async def subflows(call: Call) -> Reply:
    """List the flow runs that a flow run started."""
    return await _page(call, "subflows", "flow_runs/subflows.html#page", _subflows)


async def artifacts(call: Call) -> Reply:
    """Show what a flow run and its tasks left to read."""
    return await _page(call, "artifacts", "artifacts/of_run.html#page", _artifacts)


async def parameters(call: Call) -> Reply:
    """Show the parameters of a flow run."""
    return await _page(call, "parameters", "flow_runs/parameters.html#page", lambda conn, run, tasks, now: {})


async def radar(call: Call) -> Reply:
    """Show the tasks of a flow run on a radar, one of them in focus."""
    wanted = call.query.get("task", ""), call.query.get("find", "")
    reply = await _page(call, "radar", "flow_runs/radar.html#page", _radar, wanted)
    reply.data["zoom"] = "full" if call.query.get("zoom") == "full" else "small"
    return reply


async def events(call: Call) -> Reply:
    """List the states that a flow run went through."""
    return await _page(call, "events", "flow_runs/events.html#page", lambda conn, run, tasks, now: {})


async def cancel(call: Call) -> Reply:
    """Ask for the end of a flow run."""
    return await _acted(call, run_actions.cancel, "It has ended already: nothing to cancel.", "Cancelling")


async def retry(call: Call) -> Reply:
    """Ask for another attempt of an ended flow run; finished tasks keep their results."""
    return await _acted(
        call, run_actions.retry, "Only an ended run of a deployment can be retried.", "Retrying"
    )


async def _acted(call: Call, work: run_actions.Work, refusal: str, done: str) -> Reply:
    see(call)
    run = found(await call.store.read(flow_runs.get, call.path["id"]), "run")
    granted = await call.store.write(work, run.id, call.now)
    toast = {"text": f"{done} {run.name}"} if granted else {"error": refusal}
    events = {"toast": toast, "run": {}, "runs": {}}
    return Reply({"granted": granted}, trigger=events, location=f"runs/{run.id}")


async def _page(call: Call, tab: str, template: str, more: Reader, *args: Any) -> Reply:
    now = see(call)
    data = await gather(call, _read, call.path["id"], now, more, *args)
    return Reply({**data, "now": now, "tab": tab, "here": here(call)}, template)


def _read(conn: Conn, id: str, now: datetime, more: Reader, *args: Any) -> dict[str, Any]:
    run: FlowRun = found(flow_runs.get(conn, id, now), "run")
    tasks = task_runs.of_flow_run(conn, id, now)
    history = states.of_flow_run(conn, id)
    children = console.children(conn, id)
    data = {
        "run": run,
        "final": is_final(run.state_type),
        "flow_name": console.flow_names(conn, [run.flow_id]).get(run.flow_id, "?"),
        "path": steps(history, now),
        "failure": _failure(run, tasks),
        "counts": _counts(conn, run, tasks, children),
        "last_line": console.newest_log(conn, id),
    }
    return {**data, **more(conn, run, tasks, now, *args)}


def _counts(conn: Conn, run: FlowRun, tasks: list[TaskRun], children: dict[str, str]) -> dict[str, int]:
    values = msgspec.json.decode(run.parameters) or {}
    return {
        "logs": console.log_count(conn, run.id),
        "tasks": len(tasks),
        "subflows": len(children),
        "parameters": len(values),
        "artifacts": count_of_run(conn, run.id),
    }


def _overview(conn: Conn, run: FlowRun, tasks: list[TaskRun], now: datetime, sort: str) -> dict[str, Any]:
    children = console.children(conn, run.id)
    parent = console.parents(conn, [run.parent_task_run_id]).get(run.parent_task_run_id or "")
    past = console.last_of_deployment(conn, run.deployment_id, 50, now) if run.deployment_id else []
    return {
        "spans": timeline.spans(tasks, console.task_states(conn, run.id), children, run.start_time, now),
        "nodes": timeline.nodes(tasks, children),
        "elapsed": _elapsed(run, now),
        "sort": sort,
        "artifacts": of_run(conn, run.id),
        "lines": run_logs.newest(conn, run.id, LINES),
        "task_names": timeline.short_names({task.id: task.name for task in tasks}),
        "deployment_name": console.deployment_names(conn, [run.deployment_id]).get(run.deployment_id or ""),
        "parent": {"id": parent[0], "name": parent[1]} if parent else None,
        "usual": console.usual(past),
    }


def _elapsed(run: FlowRun, now: datetime) -> float:
    if run.start_time is None:
        return 0.0
    return max(((run.end_time or now) - run.start_time).total_seconds(), 0.0)


def _tasks(conn: Conn, run: FlowRun, tasks: list[TaskRun], now: datetime) -> dict[str, Any]:
    return {"tasks": tasks, "task_names": timeline.short_names({task.id: task.name for task in tasks})}


def _artifacts(conn: Conn, run: FlowRun, tasks: list[TaskRun], now: datetime) -> dict[str, Any]:
    return {"artifacts": of_run(conn, run.id, 50), "task_names": {task.id: task.name for task in tasks}}


def _subflows(conn: Conn, run: FlowRun, tasks: list[TaskRun], now: datetime) -> dict[str, Any]:
    chosen = Filters(flow_runs=FlowRunFilter(parent_flow_run_id=NullableIdCriterion(any_=[run.id])))
    runs_below = flow_runs.filter(conn, chosen, "EXPECTED_START_TIME_ASC", 200, 0, now=now)
    return {
        "groups": one_group("Subflow runs", rows_of(conn, runs_below, now), plural(len(runs_below), "run"))
    }


def _radar(
    conn: Conn, run: FlowRun, tasks: list[TaskRun], now: datetime, wanted: tuple[str, str]
) -> dict[str, Any]:
    nodes = timeline.nodes(tasks, console.children(conn, run.id))
    id, name = wanted
    focus = next((node for node in nodes if node.id == id or (name and node.name == name)), None)
    before, after = _around(nodes, focus)
    return {
        "nodes": nodes,
        "focus": focus,
        "before": before,
        "after": after,
        "legend": dict(Counter(node.look for node in nodes)),
        "names": {node.id: node.name for node in nodes},
    }


def _around(nodes: list[Node], focus: Node | None) -> tuple[list[Node], list[Node]]:
    """What a task waited for, and what waits for it."""
    if focus is None:
        return [], []
    without = [Node(n.id, n.name, n.look, () if n.id == focus.id else n.upstream) for n in nodes]
    after = path_of(without, focus.id) - {focus.id}
    path = path_of(nodes, focus.id) - after - {focus.id}
    return [n for n in nodes if n.id in path], [n for n in nodes if n.id in after]


def _failure(run: FlowRun, tasks: list[TaskRun]) -> dict[str, str] | None:
    """What went wrong first, in words; None when nothing did."""
    seen = look_of(run)
    if seen not in ("failed", "crashed"):
        return None
    broken = [task for task in tasks if look_of(task) in ("failed", "crashed") and task.end_time]
    first = min(broken, key=lambda task: task.end_time or task.created, default=None)
    cause = (first.state.message if first and first.state else None) or (
        run.state.message if run.state else None
    )
    return {
        "look": seen,
        "what": first.name if first else run.name,
        "how": f"{seen} after {plural(first.run_count, 'attempt')}" if first else seen,
        "message": first_line(cause or "No message was left."),
        "rest": _aftermath(tasks, len(broken)),
        "href": f"runs/{run.id}/logs?level=30" + (f"&task={first.id}" if first else ""),
    }


def _aftermath(tasks: list[TaskRun], broken: int) -> str:
    waiting = [task.name for task in tasks if not is_final(task.state_type)]
    finished = sum(1 for task in tasks if look_of(task) == "completed")
    said = [f"{broken} tasks failed in all."] if broken > 1 else []
    said += (
        [f"{', '.join(waiting[:3])}{' and others' if len(waiting) > 3 else ''} not run."] if waiting else []
    )
    said += [f"{plural(finished, 'task')} finished."] if finished else []
    return " ".join(said)
