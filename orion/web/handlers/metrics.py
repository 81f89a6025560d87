"""GET /metrics: how runs, queues, duties, requests and the database fare, for Prometheus."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from datetime import datetime, timedelta
from typing import NamedTuple

from starlette.responses import Response

from orion.services import health
from orion.store import metrics as db
from orion.store.base import Conn
from orion.web.call import Call
from orion.web.exposition import MEDIA, Text
from orion.web.traffic import BOUNDS, Traffic

SPAN = timedelta(hours=1)
KILO = 1 if sys.platform == "darwin" else 1024


class Facts(NamedTuple):
    """What one snapshot of the database says."""

    flow_runs: list[tuple[str, str, int]]
    task_runs: dict[str, int]
    ended: dict[str, tuple[int, float]]
    queues: list[db.QueueDepth]
    stored: dict[str, int]
    messages: int
    size: int


async def metrics(call: Call) -> Response:
    """Show how the server fares as Prometheus reads it."""
    text, now = Text(), call.now
    facts = await call.store.read(_facts, now)
    text.family(
        "orion_build_info", "gauge", "The version that runs, and on which database.",
        [({"version": call.app.state.version, "database": call.store.dialect}, 1)],
    )  # fmt: skip
    _runs(text, facts)
    _queues(text, facts.queues, now)
    _duties(text, await asyncio.to_thread(health.report, call.store, now), now)
    _requests(text, call.app.state.traffic)
    _sizes(text, facts)
    return Response(text.bytes(), media_type=MEDIA)


def _facts(conn: Conn, now: datetime) -> Facts:
    return Facts(
        db.flow_runs(conn), db.task_runs(conn), db.ended(conn, now, SPAN), db.queues(conn, now), db.stored(conn),
        db.waiting_messages(conn), db.size(conn),
    )  # fmt: skip


def _runs(text: Text, facts: Facts) -> None:
    live = [({"state": kind, "name": name}, number) for kind, name, number in facts.flow_runs]
    text.family("orion_flow_runs", "gauge", "Flow runs that have not ended, by state.", live)
    tasks = [({"state": kind}, number) for kind, number in facts.task_runs.items()]
    text.family("orion_task_runs", "gauge", "Task runs that have not ended, by state.", tasks)
    ended = [({"state": kind}, number) for kind, (number, _) in facts.ended.items()]
    text.family(
        "orion_flow_runs_ended_last_hour",
        "gauge",
        "Flow runs due within the last hour that have ended.",
        ended,
    )
    seconds = [({"state": kind}, total) for kind, (_, total) in facts.ended.items()]
    text.family("orion_flow_run_seconds_last_hour", "gauge", "Seconds that those runs ran, in all.", seconds)
    text.family("orion_notifications_waiting", "gauge", "Messages not yet delivered.", [({}, facts.messages)])


def _queues(text: Text, queues: list[db.QueueDepth], now: datetime) -> None:
    def each(name: str, help: str, values: list[tuple[str, float]]) -> None:
        text.family(name, "gauge", help, [({"queue": queue}, value) for queue, value in values])

    each("orion_queue_due", "Runs that are due and wait for an agent.", [(q.name, q.due) for q in queues])
    late = [(q.name, max((now - q.oldest).total_seconds(), 0.0) if q.oldest and q.due else 0) for q in queues]
    each("orion_queue_lateness_seconds", "How long the oldest of them has waited.", late)
    each("orion_queue_busy", "Runs that agents hold.", [(q.name, q.busy) for q in queues])
    each("orion_queue_paused", "1 where the queue is paused.", [(q.name, int(q.paused)) for q in queues])
    asked = [(q.name, (now - q.polled).total_seconds()) for q in queues if q.polled]
    each("orion_queue_poll_age_seconds", "Seconds since an agent last asked.", asked)


def _duties(text: Text, report: list[health.DutyHealth], now: datetime) -> None:
    on = [duty for duty in report if duty.enabled]
    ages = [({"duty": d.name}, (now - d.last_finished).total_seconds()) for d in on if d.last_finished]
    text.family("orion_duty_age_seconds", "gauge", "Seconds since a duty of the clock was last done.", ages)
    overdue = [({"duty": duty.name}, int(duty.overdue)) for duty in on]
    text.family("orion_duty_overdue", "gauge", "1 where a duty is overdue.", overdue)
    failing = [({"duty": duty.name}, int(bool(duty.last_error))) for duty in on]
    text.family("orion_duty_failing", "gauge", "1 where a duty failed when it last ran.", failing)
    rows = [({"duty": duty.name}, duty.count) for duty in on]
    text.family("orion_duty_rows_total", "counter", "Rows that a duty has touched.", rows)


def _requests(text: Text, traffic: Traffic) -> None:
    rows = [
        (
            {"method": line.method, "route": line.path, "status": line.status},
            line.faster,
            line.number,
            line.seconds,
        )
        for line in traffic.lines()
    ]
    text.histogram(
        "orion_request_seconds", "Requests that this process answered, and how long they took.", BOUNDS, rows
    )


def _sizes(text: Text, facts: Facts) -> None:
    rows = [({"table": name}, number) for name, number in facts.stored.items()]
    text.family("orion_rows", "gauge", "Rows of the big tables.", rows)
    text.family("orion_database_bytes", "gauge", "The size of the database.", [({}, facts.size)])
    used = resource.getrusage(resource.RUSAGE_SELF)
    text.family(
        "process_cpu_seconds_total", "counter", "CPU seconds of this process.", [({}, time.process_time())]
    )
    text.family(
        "process_resident_memory_max_bytes", "gauge", "The most memory this process has held.",
        [({}, used.ru_maxrss * KILO)],
    )  # fmt: skip
