"""Reads of the console's pages beside the resources themselves: names, counts, last and next runs, new log lines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import NamedTuple

import msgspec

from orion.model.filters import Filters
from orion.model.logs import Log
from orion.model.times import from_micros
from orion.store import sql
from orion.store.base import Conn, Row
from orion.store.conditions import Literal, like_part
from orion.store.filters import where
from orion.store.rows import json_text

Q = sql.load("console")
Revision = tuple[int, int, int]
LATE_ARRIVAL = timedelta(minutes=10)
SEARCHED, LAST_LETTER = 5_000, "\U0010ffff"
_counts = msgspec.json.Decoder(list[tuple[str | None, str | None, int]] | None).decode
_pasts = msgspec.json.Decoder(
    list[tuple[int, str, str, str | None, str | None, int | None, float | None]] | None
).decode
_numbers = msgspec.json.Decoder(list[float] | None).decode


class Past(NamedTuple):
    """A run as small charts need it; `seconds` is the time it ran."""

    id: str
    name: str
    state_type: str | None
    state_name: str | None
    start_time: datetime | None
    seconds: float
    expected: datetime


class Sketch(NamedTuple):
    """A task run as charts need it: times in microseconds, `seconds` it ran so far, its inputs as JSON text."""

    id: str
    name: str
    state_type: str | None
    state_name: str | None
    start: int | None
    end: int | None
    since: int | None
    seconds: float
    inputs: str
    expected: int | None
    updated: int


class Face(msgspec.Struct, gc=False):
    """A task run as a comparison needs it: times in microseconds, `key` of both its keys, `seconds` it ran so far."""

    id: str
    name: str
    key: str
    state_type: str | None
    state_name: str | None
    start: int | None
    created: int
    since: int | None
    seconds: float
    run_count: int


class Nav(NamedTuple):
    """What stands beside the places of the navigation; a thousand means that many or more."""

    failed: int
    crashed: int
    late: int
    running: int
    flows: int
    deployments: int
    queues: int


class Holder(NamedTuple):
    """Who holds slots of a limit: a task run of a flow run, or a lease for something; and since when."""

    kind: str
    id: str | None
    name: str
    run_id: str | None
    run_name: str
    since: datetime | None
    slots: int = 1


def holders(conn: Conn, limit_ids: list[str]) -> dict[str, list[Holder]]:
    """Who holds the slots of each limit, the longest first."""
    found: dict[str, list[Holder]] = {}
    params = {"ids": json_text(limit_ids)}
    for limit, task, name, start, run, run_name in conn.all(Q.slot_holders, params):
        holder = Holder("task_run", task, name, run, run_name or "", conn.when(start))
        found.setdefault(limit, []).append(holder)
    for limit, kind, holder_id, slots, created in conn.all(Q.lease_holders, params):
        holder = Holder(kind or "lease", holder_id, "", None, "", conn.when(created), int(slots))
        found.setdefault(limit, []).append(holder)
    return found


def flow_names(conn: Conn, ids: Iterable[str]) -> dict[str, str]:
    return _names(conn, Q.flow_names, ids)


def flow_run_names(conn: Conn, ids: Iterable[str | None]) -> dict[str, str]:
    return _names(conn, Q.flow_run_names, ids)


def deployment_names(conn: Conn, ids: Iterable[str | None]) -> dict[str, str]:
    return _names(conn, Q.deployment_names, ids)


def task_run_names(conn: Conn, ids: Iterable[str | None]) -> dict[str, str]:
    return _names(conn, Q.task_run_names, ids)


def first_tasks(conn: Conn, flow_run_id: str, n: int) -> dict[str, str]:
    """Names of the first task runs of a flow run by id, in the order of their time."""
    return dict(conn.all(Q.first_tasks, {"id": flow_run_id, "n": n}))


def _names(conn: Conn, statement: str, ids: Iterable[str | None]) -> dict[str, str]:
    wanted = sorted({id for id in ids if id})
    return dict(conn.all(statement, {"ids": json_text(wanted)})) if wanted else {}


def runs_named(conn: Conn, q: str, n: int) -> list[str]:
    """Ids of flow runs: of all whose names begin with a text, and of the newest whose names contain it in any case."""
    part = like_part(Literal(q))
    beginning = conn.all(Q.runs_beginning, {"low": q, "high": q + LAST_LETTER, "n": n})
    containing = conn.all(Q.runs_containing, {"part": part, "most": SEARCHED, "n": n})
    return list(dict.fromkeys(id for (id,) in [*containing, *beginning]))


def parents(conn: Conn, task_run_ids: Iterable[str | None]) -> dict[str, tuple[str, str]]:
    """The (id, name) of the flow run behind each task run that stands for a subflow run."""
    wanted = sorted({id for id in task_run_ids if id})
    rows = conn.all(Q.parents, {"ids": json_text(wanted)}) if wanted else []
    return {task: (run, name) for task, run, name in rows}


def children(conn: Conn, flow_run_id: str) -> dict[str, str]:
    """Subflow runs of a run, by the id of the task run that stands for each."""
    return dict(conn.all(Q.children, {"id": flow_run_id}))


def child_of(conn: Conn, task_run_id: str) -> str | None:
    row = conn.one(Q.child_of, {"id": task_run_id})
    return row[0] if row else None


def task_counts(conn: Conn, flow_run_ids: list[str]) -> dict[str, list[tuple[str | None, str | None, int]]]:
    """(state type, state name, number) of the task runs of each flow run."""
    rows = conn.all(Q.task_counts, {"ids": json_text(flow_run_ids)})
    return {run: counts for run, told in rows if (counts := _counts(told or "null"))}


def stored_results(conn: Conn, flow_run_id: str, n: int) -> int:
    """How many of the first `n` completed task runs of a run have a result that a later attempt can use."""
    row = conn.one(
        Q.stored_results,
        {"id": flow_run_id, "n": n, "lost": '%"type":"unpersisted"%', "gone": '%"type": "unpersisted"%'},
    )
    return int(row[0]) if row else 0


def sketches(conn: Conn, flow_run_id: str) -> list[Sketch]:
    """All task runs of a flow run as charts need them, oldest first; there may be ten thousand."""
    return list(map(Sketch._make, conn.all(Q.sketches, {"id": flow_run_id})))


def sketches_again(conn: Conn, flow_run_id: str, known: Sequence[Sketch], revision: Revision) -> list[Sketch]:
    """The same where they were read before: those that have changed since are read, and all if that is not enough.

    A task run that has not changed is the one that was known.
    """
    since = conn.time(from_micros(max([task.updated for task in known], default=0)))
    tasks = {task.id: task for task in known}
    read = map(Sketch._make, conn.all(Q.sketches_since, {"id": flow_run_id, "since": since}))
    changed = [task for task in read if tasks.get(task.id) != task]
    stays = all(task.id in tasks and tasks[task.id].expected == task.expected for task in changed)
    tasks |= {task.id: task for task in changed}
    if revision_of(tasks.values()) != revision:
        return sketches(conn, flow_run_id)
    return list(tasks.values()) if stays else sorted(tasks.values(), key=_place)


def _place(task: Sketch) -> tuple[bool, int, str]:
    return task.expected is None, task.expected or 0, task.id


def faces(conn: Conn, flow_run_id: str) -> list[Face]:
    """All task runs of a flow run as a comparison needs them, oldest first."""
    return [Face(*row) for row in conn.all(Q.faces, {"id": flow_run_id})]


def tasks_revision(conn: Conn, flow_run_id: str) -> Revision:
    """What differs whenever a task run of a flow run is added, changed or removed."""
    number, newest, added = conn.one(Q.tasks_revision, {"id": flow_run_id}) or (0, None, None)
    return number, newest or 0, added or 0


def revision_of(tasks: Collection[Sketch]) -> Revision:
    """The same of task runs that were read."""
    times = [task.updated for task in tasks]
    return len(times), max(times, default=0), sum([time % 1_000_003 for time in times])


def task_states(conn: Conn, task_run_ids: list[str]) -> dict[str, list[tuple[str, str, int]]]:
    """The (type, name, time in microseconds) of every state of each of these task runs, oldest first."""
    states: dict[str, list[tuple[str, str, int]]] = {}
    rows = conn.all(Q.task_states, {"ids": json_text(task_run_ids)}) if task_run_ids else []
    for task, kind, name, time in rows:
        states.setdefault(task, []).append((kind, name, time))
    return states


def flow_options(conn: Conn) -> list[tuple[str, str]]:
    """Flows to choose from: (id, name)."""
    return [(id, name) for id, name in conn.all(Q.flow_options)]


def deployment_options(conn: Conn) -> list[tuple[str, str]]:
    """Deployments to choose from: (id, flow / name)."""
    return [(id, f"{flow} / {name}") for id, flow, name in conn.all(Q.deployment_options)]


def tag_options(conn: Conn) -> list[str]:
    return [tag for (tag,) in conn.all(Q.flow_tags)]


def queue_names(conn: Conn) -> list[str]:
    return [name for (name,) in conn.all(Q.queue_names)]


def documents_of_type(conn: Conn, slug: str) -> list[tuple[str, str]]:
    """Block documents of a type to choose from: (id, name)."""
    return [(id, name) for id, name in conn.all(Q.documents_of_type, {"slug": slug})]


def known_keys(conn: Conn, flow_id: str, keys: list[str]) -> set[str]:
    """Which of these keys a run of a flow has already."""
    return {key for (key,) in conn.all(Q.known_keys, {"flow_id": flow_id, "keys": json_text(keys)})}


def last_of_deployments(conn: Conn, ids: list[str], n: int, now: datetime) -> dict[str, list[Past]]:
    """The newest `n` runs of each deployment that were due, oldest first."""
    return _past(conn, "deployment_id", ids, n, now)


def last_of_flows(conn: Conn, ids: list[str], n: int, now: datetime) -> dict[str, list[Past]]:
    """The newest `n` runs of each flow that were due, oldest first."""
    return _past(conn, "flow_id", ids, n, now)


def _past(conn: Conn, owner: str, ids: list[str], n: int, now: datetime) -> dict[str, list[Past]]:
    statement = Q.last_of.replace("{owner}", owner)
    params = {"ids": json_text(ids), "n": n, "now": conn.time(now)}
    told: dict[str, str | None] = dict(conn.all(statement, params)) if ids else {}
    return {id: [_as_past(row, now) for row in sorted(_pasts(told.get(id) or "null") or ())] for id in ids}


def last_of_deployment(conn: Conn, id: str, n: int, now: datetime) -> list[Past]:
    """The newest `n` runs of a deployment that were due, oldest first."""
    return last_of_deployments(conn, [id], n, now)[id]


def last_of_flow(conn: Conn, id: str, n: int, now: datetime) -> list[Past]:
    """The newest `n` runs of a flow that were due, oldest first."""
    return last_of_flows(conn, [id], n, now)[id]


def newest_begun(conn: Conn, filters: Filters, n: int, now: datetime) -> list[Past]:
    """The newest `n` runs that meet the filters and have begun, oldest first."""
    wanted = where(conn, "flow_run", filters, "flow_run.expected_start_time")
    rows = conn.all(Q.newest_begun.replace("{where}", wanted.text), {**wanted.params, "n": n})
    return [_as_past(row, now) for row in reversed(rows)]


def _as_past(row: Row, now: datetime) -> Past:
    expected, id, name, kind, state, start, total = row
    began = None if start is None else from_micros(start)
    seconds = total or 0.0
    if kind == "RUNNING" and began is not None:
        seconds = max(seconds, (now - began).total_seconds())
    return Past(id, name, kind, state, began, seconds, from_micros(expected))


def nav(conn: Conn, now: datetime) -> Nav:
    """What fails (in the last day), is late and runs; how many flows, deployments and queues there are."""
    row = conn.one(Q.nav, {"now": conn.time(now), "since": conn.time(now - timedelta(days=1))})
    return Nav(*row)  # type: ignore[misc]  # a row of counts


def usual(past: Iterable[Past]) -> float | None:
    """The median running time of what completed; None for fewer than three."""
    return _median([run.seconds for run in past if run.state_type == "COMPLETED"])


def usual_of_deployments(conn: Conn, ids: list[str], n: int, now: datetime) -> dict[str, float | None]:
    """The same of the newest `n` runs of each deployment."""
    params = {"ids": json_text(ids), "n": n, "now": conn.time(now)}
    rows = conn.all(Q.times_of_deployments, params) if ids else []
    known = {id: _median(_numbers(times or "null") or []) for id, times in rows}
    return {id: known.get(id) for id in ids}


def _median(seconds: list[float]) -> float | None:
    return median(seconds) if len(seconds) >= 3 else None


def next_of_deployments(conn: Conn, ids: list[str], now: datetime) -> dict[str, datetime | None]:
    """When each deployment runs next."""
    rows = conn.all(Q.next_of_deployments, {"ids": json_text(ids), "now": conn.time(now)}) if ids else []
    return {id: conn.when(time) for id, time in rows}


def days_of_deployment(
    conn: Conn, id: str, since: datetime, now: datetime
) -> list[tuple[datetime, str | None, str | None]]:
    """When a deployment's runs were due since a day, and how they are."""
    params = {"id": id, "since": conn.time(since), "now": conn.time(now)}
    return [(_moment(conn, time), kind, name) for time, kind, name in conn.all(Q.days_of_deployment, params)]


def waiting(conn: Conn, until: datetime) -> dict[str, tuple[int, int]]:
    """(waiting, late) of each work queue that has runs due by then."""
    rows = conn.all(Q.waiting, {"until": conn.time(until)})
    return {queue: (int(number), int(late)) for queue, number, late in rows}


def busy(conn: Conn) -> dict[str, int]:
    """How many runs of each work queue hold a slot."""
    return {queue: int(number) for queue, number in conn.all(Q.busy)}


def log_count(conn: Conn, flow_run_id: str, most: int = 10_001) -> int:
    """How many lines a run has logged; `most` means as many or more."""
    row = conn.one(Q.log_count, {"id": flow_run_id, "most": most})
    return int(row[0]) if row else 0


def newest_log(conn: Conn, flow_run_id: str) -> str:
    """The id of the line of a run that arrived last; empty when there is none."""
    row = conn.one(Q.newest_log, {"id": flow_run_id})
    return (row[0] or "") if row else ""


def logs_after(conn: Conn, flow_run_id: str, after: str, since: datetime, n: int) -> list[Log]:
    """Up to `n` lines that arrived after the line `after`; `since` bounds how old a late line may be."""
    params = {"id": flow_run_id, "after": after, "since": conn.time(since - LATE_ARRIVAL), "n": n}
    return [_log(conn, row) for row in conn.all(Q.logs_after, params)]


def log_count_after(conn: Conn, flow_run_id: str, after: str, since: datetime) -> tuple[int, str]:
    """How many lines arrived after the line `after`, and the last of them; `after` itself when there is none."""
    params = {"id": flow_run_id, "after": after, "since": conn.time(since - LATE_ARRIVAL)}
    number, last = conn.one(Q.log_count_after, params) or (0, None)
    return int(number), last or after


def _log(conn: Conn, row: tuple[object, ...]) -> Log:
    id, created, time, run, task, level, name, message = row
    moment = _moment(conn, created)
    return Log(
        id=str(id), created=moment, updated=moment, timestamp=_moment(conn, time), flow_run_id=run,  # type: ignore[arg-type]
        task_run_id=task, level=level, name=str(name), message=str(message),  # type: ignore[arg-type]
    )  # fmt: skip


def _moment(conn: Conn, value: object) -> datetime:
    moment = conn.when(value)
    assert moment is not None, "the column is NOT NULL"
    return moment
