"""What must hold when a soak is over, read from its database and from the diary that the flows wrote themselves."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from orion.store import Conn, Store

FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


class Entry(NamedTuple):
    """One line of the diary: a process of an attempt began or ended the flow's code."""

    run: str
    attempt: str
    pid: int
    word: str
    time: float


class Run(NamedTuple):
    """A run with the history of its states, oldest first: (id, type, name, timestamp)."""

    id: str
    state_id: str
    state_type: str
    state_name: str
    schedule_id: str | None
    due: datetime
    held: bool
    states: list[tuple[str, str, str, datetime]]


def read_runs(store: Store) -> dict[str, Run]:
    """Every run of the database."""
    return store.read_now(_read_runs)


def _read_runs(conn: Conn) -> dict[str, Run]:
    history: dict[str, list[Any]] = defaultdict(list)
    states = "SELECT flow_run_id, id, type, name, timestamp FROM flow_run_state ORDER BY flow_run_id, timestamp, id"
    for run, *state, moment in conn.all(states):
        history[run].append((*state, conn.when(moment)))
    runs = (
        "SELECT id, state_id, state_type, state_name, schedule_id, expected_start_time,"
        " claim_until IS NOT NULL OR lease_until IS NOT NULL FROM flow_run"
    )
    found: dict[str, Run] = {}
    for id, state, kind, name, schedule, due, held in conn.all(runs):
        when = conn.when(due)
        assert when is not None
        found[id] = Run(id, state, kind, name, schedule, when, bool(held), history[id])
    return found


def read_diary(file: Path) -> list[Entry]:
    """What the flows wrote down."""
    lines = file.read_text().splitlines() if file.exists() else []
    rows = (line.split() for line in lines)
    return [Entry(run, attempt, int(pid), word, float(when)) for run, attempt, pid, word, when in rows]


def durable(runs: dict[str, Run], acknowledged: Iterable[str]) -> Iterator[str]:
    """I1: every run that a server has acknowledged is there, and no run twice."""
    known = list(acknowledged)
    yield from (f"run {run} was acknowledged and is gone" for run in known if run not in runs)
    yield from (f"run {run} was made {n} times" for run, n in Counter(known).items() if n > 1)


def run_once(runs: dict[str, Run], diary: list[Entry]) -> Iterator[str]:
    """I2: an attempt's code begins once; there are no more beginnings than times RUNNING; no two attempts overlap."""
    begun: dict[str, list[Entry]] = defaultdict(list)
    ended = {(entry.attempt, entry.pid): entry.time for entry in diary if entry.word == "end"}
    for entry in diary:
        if entry.word == "begin":
            begun[entry.run].append(entry)
    for run, entries in begun.items():
        attempts = Counter(entry.attempt for entry in entries)
        yield from (f"run {run}: attempt {a} began {n} times" for a, n in attempts.items() if n > 1)
        running = sum(kind == "RUNNING" for _, kind, _, _ in runs[run].states)
        if len(entries) > running:
            yield f"run {run}: its code began {len(entries)} times, but it was RUNNING {running} times"
        for one, other in pairwise(entries):
            if ended.get((one.attempt, one.pid), 0) > other.time:
                yield f"run {run}: attempt {other.attempt} began while {one.attempt} still ran"


def ended_once(runs: dict[str, Run]) -> Iterator[str]:
    """I3: every run has ended; out of an ending leads only a retry that the policy opened, after a crash."""
    for run in runs.values():
        kinds = [kind for _, kind, _, _ in run.states]
        for (_, kind, _, _), (_, after, name, _) in pairwise(run.states):
            if kind in FINAL and not (kind == "CRASHED" and (after, name) == ("SCHEDULED", "AwaitingRetry")):
                yield f"run {run.id}: {name} came after {kind}"
        if run.state_type not in FINAL:
            yield f"run {run.id} has not ended: {' '.join(kinds)}"


def completed_ran(runs: dict[str, Run], diary: list[Entry]) -> Iterator[str]:
    """A run that says it completed has run its code to the end."""
    ended = {entry.run for entry in diary if entry.word == "end"}
    for run in runs.values():
        if run.state_type == "COMPLETED" and run.id not in ended:
            yield f"run {run.id} is COMPLETED, but its code did not come to its end"


def each_due_time_once(
    store: Store, runs: dict[str, Run], anchor: datetime, span: tuple[datetime, datetime], interval: int
) -> Iterator[str]:
    """I5: each due time of each schedule has one run, or stands once in a recorded gap."""
    schedules, gaps = store.read_now(_read_schedules)
    for schedule in schedules:
        had = Counter(run.due for run in runs.values() if run.schedule_id == schedule)
        for low, high, count in gaps.get(schedule, ()):
            times = [*_due(anchor, low - timedelta(microseconds=1), high, interval)]
            skipped = [moment for moment in times if moment not in had]
            had.update(skipped)
            if len(skipped) != count:
                yield f"schedule {schedule}: a gap of {count} holds {len(skipped)} times without a run: {low} to {high}"
        for moment in _due(anchor, *span, interval):
            if had[moment] != 1:
                yield f"schedule {schedule}: {moment} has {had[moment]} runs or gaps"
        yield from (
            f"schedule {schedule}: {moment} is no due time"
            for moment in had
            if (moment - anchor) % timedelta(seconds=interval)
        )


def _due(anchor: datetime, after: datetime, until: datetime, interval: int) -> Iterator[datetime]:
    step = timedelta(seconds=interval)
    moment = anchor + step * ((after - anchor) // step + 1)
    while moment <= until:
        yield moment
        moment += step


def _read_schedules(conn: Conn) -> tuple[list[str], dict[str, list[tuple[datetime, datetime, int]]]]:
    gaps = defaultdict(list)
    for id, low, high, count in conn.all("SELECT schedule_id, from_time, to_time, count FROM schedule_skip"):
        gaps[id].append((conn.when(low), conn.when(high), count))
    return [id for (id,) in conn.all("SELECT id FROM deployment_schedule")], gaps  # type: ignore[return-value]


def history_agrees(runs: dict[str, Run]) -> Iterator[str]:
    """I6: the run's state is the newest of its history, and names the same type."""
    for run in runs.values():
        if not run.states or run.states[-1][:3] != (run.state_id, run.state_type, run.state_name):
            yield f"run {run.id} says {run.state_type} {run.state_id}, its history {run.states[-1:]}"


def nothing_held(store: Store, runs: dict[str, Run]) -> Iterator[str]:
    """I10: nobody holds a run any more, and no task run of an ended run is open."""
    yield from (f"run {run.id} ({run.state_type}) is still held" for run in runs.values() if run.held)
    yield from store.read_now(_open_tasks)


def _open_tasks(conn: Conn) -> list[str]:
    rows = conn.all(
        "SELECT t.id, t.state_type, f.state_type FROM task_run t JOIN flow_run f ON f.id = t.flow_run_id"
        " WHERE t.state_type IN ('SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING')"
    )
    return [f"task run {task} is {kind}, its run {of}" for task, kind, of in rows]


def slow_to_be_found(runs: dict[str, Run], killed: Iterable[tuple[float, str, str]]) -> list[float]:
    """How many seconds after each kill of a flow's process its run was found crashed."""
    found = []
    for when, run, _ in killed:
        later = [
            moment.timestamp() - when
            for _, kind, _, moment in runs[run].states
            if kind in ("CRASHED", "CANCELLED") and moment.timestamp() > when
        ]
        found += later[:1]
    return sorted(found)


def skipped(conn: Conn) -> list[int]:
    """How many due times each recorded gap holds."""
    return [int(count) for (count,) in conn.all("SELECT count FROM schedule_skip")]
