"""The pages of one flow run: overview, logs, tasks, subflows, parameters, radar, events; and what can be done to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.responses import Response

from orion.model.filters import Filters, FlowRunFilter, NullableIdCriterion
from orion.model.flow_runs import FlowRun
from orion.store import console, flow_runs, task_runs
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.charts.gantt import depths
from orion.web.charts.radar import MOST_NODES, Node, keys_of, path_of, together
from orion.web.display import plural
from orion.web.pages import radar_view, results, run_actions, run_head, run_logs, run_tasks, timeline
from orion.web.pages.artifacts import of_run
from orion.web.pages.outline import Outlines, elapsed, outline_of
from orion.web.pages.radar_view import RadarView
from orion.web.pages.run_rows import far_off, one_group, rows_of
from orion.web.pages.shared import api_url, blocks_in_words, found, gather, here, opened_anew, see
from orion.web.waiting import Look, why_flow_run

LINES = 200
MOST_BELOW = 200  # subflow runs on a page
SORTS = ("start", "depth", "slowest", "critical")
Reader = Callable[..., dict[str, Any]]


async def show(call: Call) -> Reply:
    """Show a flow run: its timeline, radar, newest log lines and details."""
    sort = call.query.get("sort", "start")
    reply = await _page(
        call,
        "overview",
        "flow_runs/show.html#page",
        _overview,
        sort if sort in SORTS else "start",
        call.app.state.outlines,
    )
    reply.data["api_url"] = api_url(call)
    return reply


async def logs(call: Call) -> Reply | Response:
    """Show, search or download the log of a flow run."""
    see(call)
    query = run_logs.parse(call.query)
    if call.query.get("jump") == "error":
        return await run_logs.first_error(call)
    if query.line and call.query.get("download"):
        return await run_logs.one_line(call, query)
    if call.query.get("download"):
        return await run_logs.download(call, query)
    return await _page(call, "logs", "flow_runs/logs.html#page", run_logs.data, query)


async def tasks(call: Call) -> Reply:
    """List the task runs of a flow run."""
    return await _page(
        call, "tasks", "flow_runs/tasks.html#page", run_tasks.data, run_tasks.parse(call.query)
    )


async def subflows(call: Call) -> Reply:
    """List the flow runs that a flow run started."""
    return await _page(call, "subflows", "flow_runs/subflows.html#page", _subflows)


async def artifacts(call: Call) -> Reply:
    """Show what a flow run and its tasks left to read."""
    return await _page(call, "artifacts", "artifacts/of_run.html#page", _artifacts)


async def parameters(call: Call) -> Reply:
    """Show the parameters of a flow run."""
    return await _page(call, "parameters", "flow_runs/parameters.html#page", _nothing)


async def radar(call: Call) -> Reply:
    """Show the tasks of a flow run on a radar, one of them in focus."""
    wanted, outlines = radar_view.read(call.query), call.app.state.outlines
    return await _page(call, "radar", "flow_runs/radar.html#page", _radar, wanted, outlines)


async def events(call: Call) -> Reply:
    """List the states that a flow run went through."""
    return await _page(call, "events", "flow_runs/events.html#page", _nothing)


async def cancel(call: Call) -> Reply:
    """Ask for the end of a flow run."""
    return await _acted(call, run_actions.cancel, "Cancelling")


async def undo(call: Call) -> Reply:
    """Take back the cancelling of a flow run that had not begun."""
    return opened_anew(await _acted(call, run_actions.restore, "Scheduled again:"))


async def retry(call: Call) -> Reply:
    """Ask for another attempt of an ended flow run; finished tasks keep their results."""
    return opened_anew(await _acted(call, run_actions.retry, "Retrying"))


async def _acted(call: Call, work: run_actions.Work, done: str) -> Reply:
    see(call)
    run = found(await call.store.read(flow_runs.get, call.path["id"]), "run")
    refused = await call.store.write(work, run.id, call.now)
    toast = {"error": f"Nothing was changed: {refused}."} if refused else {"text": f"{done} {run.name}"}
    events = {"toast": toast, "run": {}, "runs": {}}
    return Reply({"granted": not refused}, trigger=events, location=f"runs/{run.id}")


async def _page(call: Call, tab: str, template: str, more: Reader, *args: Any) -> Reply:
    now = see(call)
    data = await gather(call, _read, call.path["id"], now, more, *args)
    return Reply({**data, "now": now, "tab": tab, "here": here(call)}, template)


def _read(conn: Conn, id: str, now: datetime, more: Reader, *args: Any) -> dict[str, Any]:
    top, children = run_head.head(conn, id, now)
    drawn = (children,) if more in (_overview, _radar) else ()
    return {**top, **more(conn, top["run"], now, *args, *drawn)}


def _nothing(conn: Conn, run: FlowRun, now: datetime) -> dict[str, Any]:
    return {}


def _overview(
    conn: Conn, run: FlowRun, now: datetime, sort: str, outlines: Outlines, children: dict[str, str]
) -> dict[str, Any]:
    outline = outline_of(conn, run, now, outlines, children)
    parent = console.parents(conn, [run.parent_task_run_id]).get(run.parent_task_run_id or "")
    past = console.last_of_deployment(conn, run.deployment_id, 50, now) if run.deployment_id else []
    lines = run_logs.newest(conn, run.id, LINES)
    names = console.task_run_names(conn, (line.task_run_id for line in lines))
    took, usual = elapsed(run, now), console.usual(past)
    return {
        "plan": outline.plan,
        "nodes": outline.nodes,
        "elapsed": took,
        "sort": sort,
        "waiting": why_flow_run(Look(conn, now), run),
        "artifacts": of_run(conn, run.id),
        "lines": lines,
        "task_names": timeline.short_names(names, outline.shared),
        "deployment_name": console.deployment_names(conn, [run.deployment_id]).get(run.deployment_id or ""),
        "parent": {"id": parent[0], "name": parent[1]} if parent else None,
        "held": blocks_in_words(conn, [("Infrastructure", run.infrastructure_document_id)]),
        "usual": usual,
        "slower": far_off(took, usual),
        "result": results.result_of(run.state),
    }


def _artifacts(conn: Conn, run: FlowRun, now: datetime) -> dict[str, Any]:
    newest = of_run(conn, run.id, 50)
    names = console.task_run_names(conn, [shown.artifact.task_run_id for shown in newest])
    return {"artifacts": newest, "task_names": names}


def _subflows(conn: Conn, run: FlowRun, now: datetime) -> dict[str, Any]:
    chosen = Filters(flow_runs=FlowRunFilter(parent_flow_run_id=NullableIdCriterion(any_=[run.id])))
    runs_below = flow_runs.filter(conn, chosen, "EXPECTED_START_TIME_ASC", MOST_BELOW, 0, now=now)
    number = len(runs_below)
    words = plural(number, "run")
    if number == MOST_BELOW:
        words = f"the first {number} of {plural(flow_runs.count(conn, chosen), 'run')}"
    return {"groups": one_group("Subflow runs", rows_of(conn, runs_below, now), words)}


def _radar(
    conn: Conn, run: FlowRun, now: datetime, wanted: RadarView, outlines: Outlines, children: dict[str, str]
) -> dict[str, Any]:
    if wanted.task or wanted.name:
        return _focused(conn, run, now, wanted, children)
    outline = outline_of(conn, run, now, outlines, children)
    return {
        "nodes": outline.nodes,
        "first": outline.names,
        "legend": outline.legend,
        "names": _names(outline.nodes),
        "focus": None,
        "lit": None,
        "view": wanted.of(run.id, None),
    }


def _focused(
    conn: Conn, run: FlowRun, now: datetime, wanted: RadarView, children: dict[str, str]
) -> dict[str, Any]:
    """The radar with a task in focus, if there is such a task."""
    tasks = console.sketches(conn, run.id)
    names = timeline.short_names({task.id: task.name for task in tasks})
    nodes = timeline.nodes(tasks, names, children)
    focus = wanted.found(nodes)
    before, after = _around(nodes, focus)
    keys = keys_of(nodes)
    shown = together(nodes, keys) if keys else nodes
    return {
        "nodes": shown,
        "first": [node.name for node in nodes[:MOST_NODES]],
        "legend": dict(Counter(node.look for node in nodes)),
        "names": _names(shown),
        "focus": focus,
        "lit": keys.get(focus.id, focus.id) if focus else None,
        "view": wanted.of(run.id, focus),
        "rings": depths({node.id: node.upstream for node in nodes}),
        "own": task_runs.get(conn, focus.id, now) if focus else None,
        "ran": {task.id: task.seconds for task in tasks if task.start is not None},
        "before": before,
        "after": after,
    }


def _names(nodes: list[Node]) -> dict[str, str]:
    """What tasks are called where others wait for them; of groups of too many also their look."""
    return {node.id: f"{node.name} · {node.look}" if node.many else node.name for node in nodes}


def _around(nodes: list[Node], focus: Node | None) -> tuple[list[Node], list[Node]]:
    """What a task waited for, and what waits for it."""
    if focus is None:
        return [], []
    without = [Node(n.id, n.name, n.look, () if n.id == focus.id else n.upstream) for n in nodes]
    after = path_of(without, focus.id) - {focus.id}
    path = path_of(nodes, focus.id) - after - {focus.id}
    return [n for n in nodes if n.id in path], [n for n in nodes if n.id in after]
