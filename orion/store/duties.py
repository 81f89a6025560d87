"""The duties of the clock in the database: leases, so that one process works, and the health of each."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from orion.store.base import Conn
from orion.store.rows import Rows
from orion.store.sql import load

Q = load("duties")
WEB = "web"


class DutyRun(Struct, kw_only=True):
    """How a duty fared the last time; `count` is what it did since the beginning."""

    name: str
    last_started: datetime | None
    last_finished: datetime | None
    last_error: str | None
    count: int


RUN = Rows(DutyRun, "service_run")


def take(conn: Conn, name: str, holder: str, now: datetime, lease: timedelta) -> bool:
    """Hold the duty until `now + lease`; False when somebody else does."""
    times = {"now": conn.time(now), "until": conn.time(now + lease)}
    return conn.run(Q.take, {"name": name, "holder": holder, **times}) > 0


def holder(conn: Conn, name: str) -> str | None:
    """Who holds a duty, or held it last."""
    row = conn.one(Q.holder, {"name": name})
    return row[0] if row else None


def release(conn: Conn, holder: str) -> None:
    """Let go of every duty."""
    conn.run(Q.release, {"holder": holder})


def finished(conn: Conn, name: str, started: datetime, now: datetime, count: int, error: str | None) -> None:
    """Note how a duty ended."""
    times = {"started": conn.time(started), "now": conn.time(now)}
    conn.run(Q.finished, {"name": name, "count": count, "error": error, **times})


def serve(conn: Conn, now: datetime, gap: timedelta) -> None:
    """A web server says that it lives; a silence of all of them longer than `gap` begins their time anew."""
    times = {"now": conn.time(now), "before": conn.time(now - gap), "after": conn.time(now + gap)}
    conn.run(Q.serve, {"name": WEB, **times})


def serving(conn: Conn) -> tuple[datetime, datetime] | None:
    """Since when web servers live without a gap, and when the last one said so."""
    row = conn.one(Q.serving, {"name": WEB})
    since, seen = (conn.when(row[0]), conn.when(row[1])) if row else (None, None)
    return (since, seen) if since and seen else None


def every(conn: Conn) -> dict[str, DutyRun]:
    """How each duty fared, by name."""
    return {run.name: run for run in RUN.read_all(conn, conn.all(Q.every))}
