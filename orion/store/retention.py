"""What is old enough to be deleted, and its deletion, a little at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orion.store import deleted, flow_runs, sql
from orion.store.base import Conn

Q = sql.load("retention")


def flows(conn: Conn) -> list[tuple[str, str]]:
    """The (id, name) of every flow."""
    return [(id, name) for id, name in conn.all(Q.flows)]


def old_runs(conn: Conn, flow_id: str, before: datetime, keep: int, n: int) -> list[str]:
    """Ids of finished runs of a flow from before a moment, oldest first; the newest `keep` are never among them."""
    values = _beyond(conn, flow_id, before, keep)
    return [row[0] for row in conn.all(Q.old_runs, {**values, "n": n})] if values else []


def count_old_runs(conn: Conn, flow_id: str, before: datetime, keep: int) -> int:
    """How many runs of a flow those are."""
    values = _beyond(conn, flow_id, before, keep)
    return _number(conn, Q.count_old_runs, values) if values else 0


def delete_run(conn: Conn, id: str, before: datetime, now: datetime) -> list[str] | None:
    """Delete a run with all that hangs on it, if it is still finished and old; what it said of results in files."""
    if conn.one(Q.still_old, {"id": id, "before": conn.time(before)}) is None:
        return None
    values = {"id": id, "reference": '%"storage_key"%', "cached": '%"cache_key":"%'}
    data = [row[0] for row in conn.all(Q.results, values)]
    deleted.note_runs(conn, [id], now)
    flow_runs.delete(conn, id)
    return data


def count_old_logs(conn: Conn, before: datetime) -> int:
    return _number(conn, Q.count_old_logs, {"before": conn.time(before)})


def delete_old_logs(conn: Conn, before: datetime, n: int) -> int:
    """Delete the oldest `n` log lines from before a moment; how many there were."""
    return conn.run(Q.delete_old_logs, {"before": conn.time(before), "n": n})


def count_old_messages(conn: Conn, before: datetime) -> int:
    return _number(conn, Q.count_old_messages, {"before": conn.time(before)})


def delete_old_messages(conn: Conn, before: datetime, n: int) -> int:
    """Delete the oldest `n` notifications from before a moment that were sent or given up; how many there were."""
    return conn.run(Q.delete_old_messages, {"before": conn.time(before), "n": n})


def _beyond(conn: Conn, flow_id: str, before: datetime, keep: int) -> dict[str, Any] | None:
    """Where the runs of a flow begin that need not stay; None when all of them stay."""
    if keep < 1:
        kept: tuple[Any, ...] | None = (conn.time(before), "~")
    else:
        kept = conn.one(Q.oldest_kept, {"flow_id": flow_id, "others": keep - 1})
    if kept is None:
        return None
    return {"flow_id": flow_id, "before": conn.time(before), "kept": kept[0], "kept_id": kept[1]}


def _number(conn: Conn, statement: str, values: dict[str, Any]) -> int:
    row = conn.one(statement, values)
    return int(row[0]) if row else 0
