"""What is old enough to be deleted, and its deletion, a little at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orion.store import deleted, flow_runs, sql
from orion.store.base import Conn

Q = sql.load("retention")
OLD_RUNS = Q.old_runs.replace("{beyond}", Q.beyond)
COUNT_OLD_RUNS = Q.count_old_runs.replace("{beyond}", Q.beyond)


def old_runs(conn: Conn, before: datetime, keep: int, n: int, flow_id: str = "") -> list[tuple[str, str]]:
    """Flow and id of finished runs from before a moment, flow by flow, from one of the flows on.

    The newest `keep` of each flow are never among them.
    """
    values = {**_beyond(conn, before, keep), "flow": flow_id, "n": n}
    return [(flow, id) for flow, id in conn.all(OLD_RUNS, values)]


def count_old_runs(conn: Conn, before: datetime, keep: int) -> dict[str, int]:
    """How many they are, by the name of the flow."""
    return {name: int(number) for name, number in conn.all(COUNT_OLD_RUNS, _beyond(conn, before, keep))}


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


def _beyond(conn: Conn, before: datetime, keep: int) -> dict[str, Any]:
    return {"before": conn.time(before), "keep": max(keep, 0), "others": max(keep - 1, 0)}


def _number(conn: Conn, statement: str, values: dict[str, Any]) -> int:
    row = conn.one(statement, values)
    return int(row[0]) if row else 0
