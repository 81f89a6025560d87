"""Work queues: who polls them, what waits in them and why, and the command that serves one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from orion.model.filters import (
    DeploymentFilter,
    Filters,
    FlowRunFilter,
    PrefixCriterion,
    StateCriterion,
    StateTypeCriterion,
    TextCriterion,
    WorkQueueFilter,
)
from orion.model.work_queues import WorkQueue, WorkQueueUpdate
from orion.store import console, deployments, flow_runs, work_queues
from orion.store.base import Conn
from orion.web.call import Call, Reply
from orion.web.display import plural, span
from orion.web.pages.run_rows import RunRow, one_group, rows_of
from orion.web.pages.shared import address, api_url, back, found, gather, here, see, stretch

SOON = timedelta(hours=24)
MOST = 100  # queues on a page
AWAY = timedelta(seconds=75)


@dataclass(frozen=True)
class QueueRow:
    """A queue with what waits in it."""

    queue: WorkQueue
    look: str
    waiting: int
    late: int
    warning: str
    slots_words: str


@dataclass(frozen=True)
class Warning:
    """Why runs of a queue wait, and what mends it."""

    title: str
    text: str
    action: str = ""
    label: str = ""


async def listing(call: Call) -> Reply:
    """List work queues by name."""
    now = see(call)
    data = await gather(call, _list, call.query.get("q", "").strip()[:200], call.query.get("after"), now)
    return Reply(
        {**data, "now": now, "here": here(call), "api_url": api_url(call)}, "work_queues/list.html#page"
    )


async def show(call: Call) -> Reply:
    """Show a work queue: health, upcoming and running runs, and the command to start an agent."""
    now = see(call)
    data = await gather(call, _one, call.path["id"], now)
    return Reply(
        {**data, "now": now, "here": here(call), "api_url": api_url(call)}, "work_queues/show.html#page"
    )


async def pause(call: Call) -> Reply:
    """Stop serving runs; those that run go on."""
    return await _switch(call, True, "Paused: running runs go on, no new ones start")


async def resume(call: Call) -> Reply:
    """Serve runs again."""
    return await _switch(call, False, "Serving runs")


async def _switch(call: Call, paused: bool, words: str) -> Reply:
    await call.store.write(work_queues.update, call.path["id"], WorkQueueUpdate(is_paused=paused), call.now)
    return Reply(
        None,
        trigger={"toast": {"text": words}, "queues": {}},
        location=back(call, f"queues/{call.path['id']}"),
    )


def _list(conn: Conn, q: str, after: str | None, now: datetime) -> dict[str, Any]:
    wanted = WorkQueueFilter(name=PrefixCriterion(startswith_=[q])) if q else None
    waiting, busy = console.waiting(conn, now + SOON), console.busy(conn)
    queues, key = work_queues.page(conn, wanted, MOST, after, now)
    total = work_queues.count(conn, wanted)
    return {
        "rows": [_row(queue, *waiting.get(queue.name, (0, 0)), busy.get(queue.name, 0)) for queue in queues],
        "q": q,
        "many": bool(q or after or key),
        "shown": f"{plural(len(queues), 'queue')} of {total:,}" if after else stretch(0, len(queues), total, "queue"),
        "newer": address("queues", q=q) if after else None,
        "older": address("queues", q=q, after=key) if key else None,
    }


def _row(queue: WorkQueue, waiting: int, late: int, busy: int) -> QueueRow:
    unserved = queue.status == "NOT_READY"
    look = "paused" if queue.is_paused else "late" if late else "pending" if unserved else "completed"
    warning = "paused" if queue.is_paused else "no agent polls it" if unserved else ""
    limit = queue.concurrency_limit
    slots = f"{busy} of {plural(limit, 'slot')} in use" if limit is not None else f"{busy} running"
    return QueueRow(queue, look, waiting, late, warning, slots)


def _one(conn: Conn, id: str, now: datetime) -> dict[str, Any]:
    queue: WorkQueue = found(work_queues.get(conn, id, now), "work queue")
    named = FlowRunFilter(work_queue_name=TextCriterion(any_=[queue.name]))
    coming = _runs(conn, named, ["SCHEDULED"], now)
    running = _runs(conn, named, ["PENDING", "RUNNING", "CANCELLING"], now)
    late = [row for row in coming if row.run.state_name == "Late"]
    below = deployments.filter(
        conn,
        Filters(deployments=DeploymentFilter(work_queue_name=TextCriterion(any_=[queue.name]))),
        "NAME_ASC",
        100,
    )
    names = console.flow_names(conn, (each.flow_id for each in below))
    return {
        "queue": queue,
        "groups": one_group("Late", late) + one_group("Next", [row for row in coming if row not in late]),
        "running": running,
        "waiting": len(coming),
        "late": len(late),
        "warning": _warning(queue, len(running), coming, now),
        "takes": _takes(queue),
        "agents": [
            {"name": agent.name, "seen": agent.last_seen, "polls": now - agent.last_seen < AWAY}
            for agent in work_queues.agents(conn, queue.id)
        ],
        "deployments": [{"id": d.id, "name": d.name, "flow_name": names.get(d.flow_id, "?")} for d in below],
    }


def _runs(conn: Conn, named: FlowRunFilter, kinds: list[Any], now: datetime) -> list[RunRow]:
    chosen = Filters(
        flow_runs=msgspec.structs.replace(named, state=StateCriterion(type=StateTypeCriterion(any_=kinds)))
    )
    return rows_of(conn, flow_runs.filter(conn, chosen, "NEXT_SCHEDULED_START_TIME_ASC", 50, 0, now=now), now)


def _takes(queue: WorkQueue) -> str:
    if queue.filter is None:
        return "deployments that name it"
    tags = ", ".join(queue.filter.tags or ())
    number = len(queue.filter.deployment_ids or ())
    return (
        " and ".join(
            filter(None, [f"tags {tags}" if tags else "", plural(number, "deployment") if number else ""])
        )
        or "any"
    )


def _warning(queue: WorkQueue, running: int, coming: list[RunRow], now: datetime) -> Warning | None:
    """The first cause that keeps due runs from starting."""
    due = [
        row
        for row in coming
        if row.run.next_scheduled_start_time and row.run.next_scheduled_start_time <= now
    ]
    waiting = plural(len(due), "run") + (" waits" if len(due) == 1 else " wait")
    if queue.is_paused:
        return Warning("The queue is paused", f"{waiting}.", f"queues/{queue.id}/resume", "Serve runs")
    if queue.status != "READY":
        seen = (
            f"last seen {span((now - queue.last_polled).total_seconds())} ago"
            if queue.last_polled
            else "no agent was ever seen"
        )
        return Warning(
            "Nobody polls this queue", f"{waiting}; {seen}. Start an agent with the command on this page."
        )
    limit = queue.concurrency_limit
    if due and limit is not None and running >= limit:
        return Warning("All slots are taken", f"{waiting} for one of {plural(limit, 'slot')}.")
    return None
