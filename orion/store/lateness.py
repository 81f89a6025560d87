"""Late runs in the database: looked at, marked and recorded together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from orion.model.times import iso, to_micros
from orion.model.wire import unraw
from orion.store import sql
from orion.store.base import Conn, Row
from orion.store.rows import json_text

Q = sql.load("lateness")


class Waiting(NamedTuple):
    """A run that nobody has started. It `is_plain` if nobody holds it and nothing else changes with it."""

    id: str
    state_id: str
    state_timestamp: datetime
    flow_id: str
    deployment_id: str | None
    work_queue_name: str | None
    tags: list[str]
    is_plain: bool


class Late(NamedTuple):
    """A run with the state to come: its id, when it begins, and when the run was due."""

    run: Waiting
    state_id: str
    begins: datetime
    due: datetime


def look(conn: Conn, ids: Sequence[str]) -> list[Waiting]:
    """Some runs, locked; those that another transaction is changing are left out."""
    return [_waiting(conn, row) for row in conn.all(Q.look, {"ids": json_text(list(ids))})]


def _waiting(conn: Conn, row: Row) -> Waiting:
    id, state_id, since, flow_id, deployment_id, queue, tags, is_plain = row
    begun = conn.when(since)
    assert begun is not None
    return Waiting(id, state_id, begun, flow_id, deployment_id, queue, unraw(tags.encode()), bool(is_plain))


def mark(conn: Conn, late: Sequence[Late], now: datetime) -> None:
    """Put runs into the state Late, with a row of history each."""
    runs = [
        (each.run.id, each.state_id, to_micros(each.begins), to_micros(each.due), iso(each.due))
        for each in late
    ]
    values = {"now": conn.time(now), "runs": json_text(runs)}
    conn.run(Q.mark, values)
    conn.run(Q.add_states, {"runs": values["runs"]})
