"""What stands at the top of every page of a run, read in a few small statements however many tasks it has."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from orion.model.filters import (
    Filters,
    FlowRunFilter,
    IdCriterion,
    StateCriterion,
    StateTypeCriterion,
    TaskRunFilter,
)
from orion.model.flow_runs import FlowRun
from orion.model.states import StateType, is_final
from orion.model.task_runs import TaskRun
from orion.store import console, flow_runs, states, task_runs
from orion.store.base import Conn
from orion.web.display import look_of, plural
from orion.web.pages import compare, results, run_actions, set_state, shown_parameters, timeline
from orion.web.pages.artifacts import count_of_run
from orion.web.pages.run_rows import first_line, looks_of
from orion.web.pages.shared import found
from orion.web.pages.steps import steps

OPEN: tuple[StateType, ...] = ("SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING")
BROKEN: tuple[StateType, ...] = ("FAILED", "CRASHED")
SOME = 50


def head(conn: Conn, id: str, now: datetime) -> tuple[dict[str, Any], dict[str, str]]:
    """The run with its names, its states, what failed first, and the numbers of its tabs; and its subflow runs."""
    run = shown_parameters.of_run(conn, found(flow_runs.get(conn, id, now), "run"))
    final = is_final(run.state_type)
    looks = looks_of(console.task_counts(conn, [id]).get(id, []))
    children = console.children(conn, run.id)
    top = {
        "run": run,
        "final": final,
        "restorable": run_actions.restorable(run),
        "waits": not final and run.state_type != "RUNNING",
        "flow_name": console.flow_names(conn, [run.flow_id]).get(run.flow_id, "?"),
        "path": steps(states.of_flow_run(conn, id), now),
        "failure": _failure(conn, run, looks, now),
        "counts": _counts(conn, run, looks, len(children)),
        "good": compare.last_good(conn, run, now) if final else None,
        "reuse": _reuse(conn, run, looks) if final and run.deployment_id else "",
        "by_hand": set_state.FOR_FLOW_RUNS,
        "last_line": "" if final else console.newest_log(conn, id),
    }
    return top, children


def some_tasks(conn: Conn, run_id: str, kinds: tuple[StateType, ...], n: int, now: datetime) -> list[TaskRun]:
    """The first task runs of a run that are in one of these states."""
    chosen = Filters(
        flow_runs=FlowRunFilter(id=IdCriterion(any_=[run_id])),
        task_runs=TaskRunFilter(state=StateCriterion(type=StateTypeCriterion(any_=list(kinds)))),
    )
    return task_runs.filter(conn, chosen, "EXPECTED_START_TIME_ASC", n, 0, now=now)


def _counts(conn: Conn, run: FlowRun, looks: dict[str, int], subflows: int) -> dict[str, int]:
    return {
        "logs": console.log_count(conn, run.id),
        "tasks": sum(looks.values()),
        "subflows": subflows,
        "parameters": len(msgspec.json.decode(run.parameters) or {}),
        "artifacts": count_of_run(conn, run.id),
    }


def _reuse(conn: Conn, run: FlowRun, looks: dict[str, int]) -> str:
    done = looks.get("completed", 0)
    return results.reuse(done, console.stored_results(conn, run.id, results.LOOKED_AT)) if done else ""


def _failure(conn: Conn, run: FlowRun, looks: dict[str, int], now: datetime) -> dict[str, str] | None:
    """What went wrong first, in words; None when nothing did."""
    seen = look_of(run)
    if seen not in ("failed", "crashed"):
        return None
    broken = [task for task in some_tasks(conn, run.id, BROKEN, SOME, now) if task.end_time]
    first = min(broken, key=lambda task: task.end_time or task.created, default=None)
    cause = (first.state.message if first and first.state else None) or (
        run.state.message if run.state else None
    )
    waiting = [task.name for task in some_tasks(conn, run.id, OPEN, 4, now)]
    names = timeline.short_names({name: name for name in waiting})
    return {
        "look": seen,
        "what": first.name if first else run.name,
        "how": f"{seen} after {plural(first.run_count, 'attempt')}" if first else seen,
        "message": first_line(cause or "No message was left."),
        "rest": _aftermath(looks, [names[name] for name in waiting]),
        "href": f"runs/{run.id}/logs?level=30" + (f"&task={first.id}" if first else ""),
    }


def _aftermath(looks: dict[str, int], waiting: list[str]) -> str:
    broken = looks.get("failed", 0) + looks.get("crashed", 0)
    finished = looks.get("completed", 0)
    said = [f"{broken:,} tasks failed in all."] if broken > 1 else []
    said += (
        [f"{', '.join(waiting[:3])}{' and others' if len(waiting) > 3 else ''} not run."] if waiting else []
    )
    said += [f"{plural(finished, 'task')} finished."] if finished else []
    return " ".join(said)
