"""What /metrics and /health count: live runs, queues, rows and bytes, each by an index."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from orion.store import sql
from orion.store.base import Conn
from orion.store.rows import json_text

Q = sql.load("metrics")


class QueueDepth(NamedTuple):
    """A queue: runs that are due, since when the oldest is, runs that agents hold, and when one last asked."""

    name: str
    paused: bool
    polled: datetime | None
    due: int
    oldest: datetime | None
    busy: int


def flow_runs(conn: Conn) -> list[tuple[str, str, int]]:
    """(type, name, number) of flow runs that have not ended."""
    return [(kind, name, int(number)) for kind, name, number in conn.all(Q.flow_runs)]


def task_runs(conn: Conn) -> dict[str, int]:
    """Task runs that have not ended, by state."""
    return {kind: int(number) for kind, number in conn.all(Q.task_runs)}


def ended(conn: Conn, now: datetime, span: timedelta) -> dict[str, tuple[int, float]]:
    """(number, seconds run) of flow runs due within `span` that have ended, by state."""
    names = [name for (name,) in conn.all(Q.ended_names)]
    params = {"names": json_text(names), "since": conn.time(now - span)}
    return {kind: (int(number), float(seconds)) for kind, number, seconds in conn.all(Q.ended, params)}


def queues(conn: Conn, now: datetime) -> list[QueueDepth]:
    """Every queue, at most 500."""
    rows = conn.all(Q.queues, {"now": conn.time(now)})
    return [
        QueueDepth(name, bool(paused), conn.when(polled), int(due), conn.when(oldest), int(busy))
        for name, paused, polled, due, oldest, busy in rows
    ]


def stored(conn: Conn) -> dict[str, int]:
    """How many rows the big tables hold."""
    return {name: int(number) for name, number in conn.all(Q.stored)}


def waiting_messages(conn: Conn) -> int:
    """Notifications that have not been delivered yet."""
    row = conn.one(Q.waiting_messages)
    return int(row[0]) if row else 0


def size(conn: Conn) -> int:
    """The database in bytes."""
    row = conn.one(Q.size_postgres if conn.dialect == "postgres" else Q.size_sqlite)
    return int(row[0]) if row else 0
