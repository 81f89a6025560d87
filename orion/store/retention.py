"""What is old enough to be deleted, and its deletion, a little at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orion.store import deleted, flow_runs, sql, task_runs
from orion.store.base import Conn, Params
from orion.store.rows import json_text

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


def delete_run(conn: Conn, id: str, before: datetime, now: datetime) -> tuple[bool, list[str]] | None:
    """Delete a run, or a part of a big one, if it is still finished and old.

    Whether it is gone, and what was said of results in files by what is gone. None of a run that stays.
    """
    if conn.one(Q.still_old, {"id": id, "before": conn.time(before)}) is None:
        return None
    if flow_runs.weight(conn, id) > 1:
        return False, _shrink(conn, id)
    data = _results(conn, Q.results, {"id": id})
    deleted.note_runs(conn, [id], now)
    flow_runs.delete(conn, id)
    return True, data


def _shrink(conn: Conn, id: str) -> list[str]:
    if flow_runs.delete_some_lines(conn, id):
        return []
    tasks = flow_runs.some_tasks(conn, id)
    data = _results(conn, Q.results_of_tasks, {"ids": json_text(tasks)})
    task_runs.delete_some(conn, tasks)
    return data


def _results(conn: Conn, statement: str, values: Params) -> list[str]:
    likes = {"reference": '%"storage_key"%', "cached": '%"cache_key":"%'}
    return [row[0] for row in conn.all(statement, {**values, **likes})]


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
