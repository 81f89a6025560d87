"""A flow run as a row of a list: its names, its tasks, and the one thing about it that matters now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from orion.model.flow_runs import FlowRun
from orion.store import console
from orion.store.base import Conn
from orion.web.display import ago, day_of, look, look_of, span, viewer
from orion.web.pages.shown_parameters import NOT_SHOWN
from orion.web.waiting import Look, reason_of

USUAL_OF, SLOWER, LEAST = 50, 1.5, 5.0
WAITS = ("SCHEDULED", "PENDING", "PAUSED", "CANCELLING")


@dataclass(frozen=True)
class Note:
    """The second line of a row; `strong` is said in the state's colour."""

    strong: str = ""
    rest: str = ""


@dataclass(frozen=True)
class RunRow:
    """One row. `seconds` is its running time, `slower` says by how much it is off its usual one."""

    run: FlowRun
    flow_name: str
    tasks: Mapping[str, int]
    note: Note
    time: datetime | None
    said: str
    seconds: float | None
    slower: str = ""


@dataclass(frozen=True)
class Group:
    """Rows under one heading."""

    title: str
    note: str
    rows: list[RunRow]
    href: str | None = None


def rows_of(conn: Conn, runs: list[FlowRun], now: datetime) -> list[RunRow]:
    """Rows with all their names and counts, read in a handful of statements however many there are."""
    flows = console.flow_names(conn, (run.flow_id for run in runs))
    deployments = console.deployment_names(conn, (run.deployment_id for run in runs))
    tasks = console.task_counts(conn, [run.id for run in runs])
    parents = console.parents(conn, (run.parent_task_run_id for run in runs))
    usual, seen = _usual(conn, runs, now), Look(conn, now)
    seen.expect([run for run in runs if run.state_type in WAITS])
    return [
        RunRow(
            run=replace(run, parameters=NOT_SHOWN),  # they may hold secrets
            flow_name=flows.get(run.flow_id, "?"),
            tasks=looks_of(tasks.get(run.id, [])),
            note=note(
                run,
                deployments.get(run.deployment_id or ""),
                parents.get(run.parent_task_run_id or ""),
                now,
                reason_of(seen, run) if run.state_type in WAITS else "",
            ),
            time=run.start_time or run.next_scheduled_start_time or run.expected_start_time,
            said=_said(run),
            seconds=run.estimated_run_time if run.start_time else None,
            slower=far_off(run.estimated_run_time, usual.get(run.deployment_id or "")),
        )
        for run in runs
    ]


def looks_of(counts: Iterable[tuple[str | None, str | None, int]]) -> dict[str, int]:
    """Numbers by state as numbers by look."""
    looks: dict[str, int] = {}
    for kind, name, number in counts:
        seen = look(kind, name)
        looks[seen] = looks.get(seen, 0) + number
    return looks


def note(
    run: FlowRun, deployment: str | None, parent: tuple[str, str] | None, now: datetime, reason: str = ""
) -> Note:
    """What a row says under its name: why it is late, waits or failed, else where it comes from."""
    seen = look_of(run)
    origin = _origin(run, deployment, parent)
    if seen == "late" and run.expected_start_time:
        wait = f"Late by {span(max((now - run.expected_start_time).total_seconds(), 0))}"
        return Note(wait, _inside(reason) or origin)
    if seen in ("failed", "crashed") and run.state and run.state.message:
        return Note(first_line(run.state.message), origin)
    if run.state_name in ("AwaitingRetry", "Retrying") and not reason:
        return Note("waits for its retry" if run.state_name == "AwaitingRetry" else "retrying", origin)
    if reason:
        return Note(reason if seen != "pending" else "", _inside(reason) if seen == "pending" else origin)
    return Note("", origin)


def _inside(sentence: str) -> str:
    """A sentence as it goes on after other words."""
    return sentence[:1].lower() + sentence[1:]


def first_line(message: str) -> str:
    """The line of a message that says most: the last of a traceback, else the first."""
    lines = [line.strip() for line in message.strip().splitlines() if line.strip()]
    if not lines:
        return ""
    return (lines[-1] if "Traceback" in lines[0] else lines[0])[:200]


def _origin(run: FlowRun, deployment: str | None, parent: tuple[str, str] | None) -> str:
    if parent:
        return f"subflow of {parent[1]}"
    parts = [deployment, f"queue {run.work_queue_name}" if run.work_queue_name else None]
    return " · ".join(part for part in parts if part) or "run by hand"


def _said(run: FlowRun) -> str:
    time = run.start_time or run.next_scheduled_start_time or run.expected_start_time
    return f"due {ago(time)}" if look_of(run) == "late" else ago(time)


def _usual(conn: Conn, runs: list[FlowRun], now: datetime) -> dict[str, float | None]:
    """The usual time of the deployments whose runs take long enough to be compared with it."""
    going = {
        run.deployment_id
        for run in runs
        if run.deployment_id
        and run.state_type in ("RUNNING", "COMPLETED")
        and run.estimated_run_time >= LEAST
    }
    return console.usual_of_deployments(conn, sorted(going), USUAL_OF, now)


def far_off(seconds: float, usual: float | None) -> str:
    """How many times its usual time a run takes, if that is far too long."""
    if not usual or seconds < LEAST or seconds < SLOWER * usual:
        return ""
    return f"{seconds / usual:.1f}× usual"


def by_day(rows: list[RunRow], *, ended: bool = False) -> list[Group]:
    """Rows under the day on which each began or was expected, or ended, in the viewer's zone."""
    groups: list[Group] = []
    for row in rows:
        time = row.run.end_time if ended else row.time
        title, full = day_of(time) if time else ("Some time", "")
        if not groups or groups[-1].note != full:
            groups.append(Group(title, full, []))
        groups[-1].rows.append(row)
    return groups


def one_group(title: str, rows: list[RunRow], note: str = "") -> list[Group]:
    """All rows under one heading; no heading without rows."""
    return [Group(title, note, rows)] if rows else []


def local_day(time: datetime) -> str:
    """The day of a moment in the viewer's zone, as an address says it."""
    return viewer.get().local(time).date().isoformat()
