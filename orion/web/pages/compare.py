"""Two runs side by side: where they part, and what was different: tasks, parameters, versions, states, logs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from orion.model.flow_runs import FlowRun
from orion.model.states import State
from orion.store import console, flow_runs, states
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.charts.pairs import axis
from orion.web.display import duration, json, look_of
from orion.web.pages import compare_logs, shown_parameters
from orion.web.pages.compare_tasks import Pair, paired, parting, sides
from orion.web.pages.run_rows import rows_of
from orion.web.pages.shared import found, gather, here, see

MOST_ROWS, CHOICE = 60, 30
Difference = tuple[str, str, str]


async def show(call: Call) -> Reply:
    """Compare two runs; with one of them missing, the runs to choose from."""
    now, query = see(call), call.query
    ids = [query.get(name, "").lower() for name in ("a", "b")]
    sort = "difference" if query.get("sort") == "difference" else "start"
    view = "logs" if query.get("view") == "logs" else "tasks"
    if all(len(id) == 36 for id in ids):
        data = await gather(call, both, *ids, now, sort, view, query.get("task", "")[:300])
        return Reply({**data, "now": now, "here": here(call)}, "flow_runs/compare.html#page")
    known = next((id for id in ids if len(id) == 36), "")
    data = await gather(call, _choice, known, now)
    data["side"] = "b" if len(ids[0]) == 36 else "a"
    return Reply({**data, "now": now, "here": here(call)}, "flow_runs/compare_choose.html#page")


def last_good(conn: Conn, run: FlowRun, now: datetime) -> str | None:
    """The newest completed run of the same deployment or flow before a run."""
    past = (
        console.last_of_deployment(conn, run.deployment_id, CHOICE, now)
        if run.deployment_id
        else console.last_of_flow(conn, run.flow_id, CHOICE, now)
    )
    due = run.expected_start_time or now
    good = [
        each for each in past if each.state_type == "COMPLETED" and each.id != run.id and each.expected <= due
    ]
    return good[-1].id if good else None


def _choice(conn: Conn, known: str, now: datetime) -> dict[str, Any]:
    run = shown_parameters.of_run(conn, found(flow_runs.get(conn, known, now), "run"))
    past = console.last_of_flow(conn, run.flow_id, CHOICE, now)[::-1]
    others = [flow_runs.get(conn, each.id, now) for each in past if each.id != run.id]
    rows = rows_of(conn, [other for other in others if other], now)
    return {
        "run": run,
        "flow_name": console.flow_names(conn, [run.flow_id]).get(run.flow_id, "?"),
        "rows": rows,
    }


def both(conn: Conn, a_id: str, b_id: str, now: datetime, sort: str, view: str, task: str) -> dict[str, Any]:
    """All that the page of two runs shows."""
    a: FlowRun = found(flow_runs.get(conn, a_id, now), "run")
    b: FlowRun = found(flow_runs.get(conn, b_id, now), "run")
    histories = [states.of_flow_run(conn, id) for id in (a_id, b_id)]
    tasks = console.faces(conn, a_id), console.faces(conn, b_id)
    pairs = paired(*tasks, now)
    flows = console.flow_names(conn, [a.flow_id, b.flow_id])
    part = parting(conn, pairs, a, b)
    shown = [shown_parameters.of_run(conn, run) for run in (a, b)]
    data = {
        "a": shown[0],
        "b": shown[1],
        "sides": [sides(run, of_run) for run, of_run in zip(shown, tasks, strict=True)],
        "flow_name": flows.get(b.flow_id, "?"),
        "same_flow": a.flow_id == b.flow_id,
        "note": _note(a, b),
        "part": part,
        "parameters": _masked(_differences(_values(a), _values(b)), *map(_values, shown)),
        "surroundings": _differences(_place(conn, a, flows), _place(conn, b, flows)),
        "times": _times(histories, (a, b)),
        "sort": sort,
        "view": view,
        **_chart(pairs, sort),
    }
    if view == "logs":
        data["log"] = compare_logs.aligned(conn, a, b, tasks, task)
    return data


def _chart(pairs: list[Pair], sort: str) -> dict[str, Any]:
    """The rows of the chart: all of them, or of very many those that differ."""
    chosen = [each for each in pairs if each.differs] if len(pairs) > MOST_ROWS else pairs
    if sort == "difference":
        chosen = sorted(chosen, key=lambda each: -abs(each.difference or 0.0))
    marks = axis([side for each in pairs for side in (each.a, each.b)])
    rows = [{"pair": each, "label": _label(each)} for each in chosen[:MOST_ROWS]]
    return {
        "rows": rows,
        "axis": marks,
        "pairs": len(pairs),
        "left_out": len(pairs) - len(rows),
        "states_differ": sum(1 for each in pairs if each.state_differs),
        "times_differ": sum(1 for each in pairs if each.time_differs),
    }


def _label(each: Pair) -> str:
    said = [
        f"{name} {duration(s.seconds) if s and s.seconds is not None else 'not run'}" for name, s in each.both
    ]
    return f"{each.name}: {', '.join(said)}"


def _note(a: FlowRun, b: FlowRun) -> str:
    words = {"completed": "a good run", "failed": "the failed run", "crashed": "the crashed run"}
    one, other = (words.get(look_of(run), f"a {look_of(run)} run") for run in (b, a))
    return f"{one} with {'another one' if one == other else other}"


def _values(run: FlowRun) -> dict[str, str]:
    values = msgspec.json.decode(run.parameters) or {}
    return {name: json(value) for name, value in values.items()}


def _place(conn: Conn, run: FlowRun, flows: dict[str, str]) -> dict[str, str]:
    """Where a run came from and where it ran, as far as it is known."""
    deployment = console.deployment_names(conn, [run.deployment_id]).get(run.deployment_id or "", "")
    said = {
        "flow": flows.get(run.flow_id, "?"),
        "source": run.flow_version or "",
        "deployment": deployment,
        "version": run.deployment_version or "",
        "queue": run.work_queue_name or "",
        "machine": (run.infrastructure_pid or "").rpartition(":")[0],
        "made by": (run.created_by.display_value if run.created_by else "") or "",
        "tags": ", ".join(sorted(run.tags)),
        "attempts": str(run.run_count),
        "overrides": json(msgspec.json.decode(run.job_variables) or {}),
    }
    return said


def _differences(a: dict[str, str], b: dict[str, str]) -> dict[str, Any]:
    """What differs as rows, the rest as names."""
    names = [name for name in dict.fromkeys((*a, *b)) if a.get(name) or b.get(name)]
    differ: list[Difference] = [
        (name, a.get(name, ""), b.get(name, "")) for name in names if a.get(name) != b.get(name)
    ]
    known = {name for name, _, _ in differ}
    return {"rows": differ, "same": [name for name in names if name not in known]}


def _masked(found: dict[str, Any], a: dict[str, str], b: dict[str, str]) -> dict[str, Any]:
    """The differences as a page may show them; of two secrets it says that they differ."""
    rows = [
        (name, (first := a.get(name, "")), f"{other} (another one)" if other == first else other)
        for name, other in ((name, b.get(name, "")) for name, _, _ in found["rows"])
    ]
    return {**found, "rows": rows}


def _times(
    histories: Sequence[Sequence[State]], runs: Sequence[FlowRun]
) -> list[tuple[str, str, list[float | None]]]:
    """How long each run waited, was prepared and ran: word, look, and seconds of both."""
    both = [_stretches(history, run) for history, run in zip(histories, runs, strict=True)]
    words = (("Waited", "scheduled"), ("Prepared", "pending"), ("Ran", "running"))
    return [(word, look, [each[index] for each in both]) for index, (word, look) in enumerate(words)]


def _stretches(history: Sequence[State], run: FlowRun) -> tuple[float | None, float | None, float | None]:
    pending = next((state.timestamp for state in history if state.type == "PENDING"), None)
    running = next((state.timestamp for state in history if state.type == "RUNNING"), None)
    taken = pending or running
    waited = (
        max((taken - run.expected_start_time).total_seconds(), 0.0)
        if taken and run.expected_start_time
        else None
    )
    prepared = (running - pending).total_seconds() if pending and running else None
    return waited, prepared, run.estimated_run_time if run.start_time else None
