"""What was deleted: its name and when, kept for half a year, and of very many only the newest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from orion.store import sql
from orion.store.base import Conn
from orion.store.rows import json_text

Q = sql.load("deleted")
KEPT, MOST = timedelta(days=180), 100_000
NEAREST = 20  # planned runs that are remembered of each change: what is due sooner is looked at and linked to
KINDS = {
    "flow": "flow",
    "flow_run": "run",
    "task_run": "task run",
    "deployment": "deployment",
    "work_queue": "work queue",
    "block_document": "block",
    "variable": "variable",
}


class Gone(NamedTuple):
    """Something that was deleted: `kind` in words."""

    kind: str
    name: str
    when: datetime


def note(conn: Conn, table: str, id: str, now: datetime) -> None:
    """Write down what is about to be deleted, of a deployment its planned runs too; what is not there is no matter."""
    row = conn.one(f"SELECT name FROM {table} WHERE id = :id", {"id": id})
    if row is None:
        return
    conn.run(Q.forget, {"before": conn.time(now - KEPT)})
    values = {"id": id, "kind": KINDS[table], "name": row[0] or "", "now": conn.time(now)}
    conn.run(
        "INSERT INTO deleted (id, kind, name, deleted) VALUES (:id, :kind, :name, :now) "
        "ON CONFLICT (id) DO UPDATE SET deleted = excluded.deleted",
        values,
    )
    if table == "deployment":
        conn.run(Q.note_planned, values)


def note_runs(conn: Conn, ids: Sequence[str], now: datetime) -> None:
    """Write down runs that are about to be deleted with their flow, or by retention."""
    if ids:
        conn.run(Q.note_runs, {"ids": json_text(list(ids)), "kind": "run", "now": conn.time(now)})


def note_planned(conn: Conn, ids: Sequence[str], now: datetime) -> None:
    """Write down the first of the planned runs that are about to go as their schedule no longer has them."""
    if ids:
        conn.run(Q.note_runs, {"ids": json_text(list(ids[:NEAREST])), "kind": "planned run", "now": conn.time(now)})


def forget(conn: Conn, now: datetime) -> None:
    """Leave out what went long ago, and of too many the oldest."""
    conn.run(Q.forget, {"before": conn.time(now - KEPT)})
    beyond = conn.one(Q.newest_beyond, {"most": MOST})
    if beyond:
        conn.run(Q.forget_beyond, {"deleted": beyond[0], "id": beyond[1]})


def find(conn: Conn, id: str) -> Gone | None:
    """What is known of an id that nothing has any more."""
    row = conn.one(Q.find, {"id": id})
    if row is None:
        return None
    kind, name, when = row
    moment = conn.when(when)
    return Gone(str(kind), str(name), moment) if moment else None
