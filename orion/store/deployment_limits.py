"""Limits of deployments: how many of their runs are under way, and how many more may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from orion.store import sql
from orion.store.base import Conn, Row

Q = sql.load("deployment_limits")
CANCEL_NEW = "CANCEL_NEW"


class Taken(NamedTuple):
    """A deployment's limit, how much of it other runs use, and whether a run too many is cancelled."""

    limit: int
    runs: int
    cancels: bool


def rooms(conn: Conn, now: datetime) -> dict[str, int]:
    """How many more runs of each limited deployment may be handed out; runs on hand count."""
    values = {"now": conn.time(now), "cancels": f"%{CANCEL_NEW}%"}
    return {row[0]: int(row[1]) for row in conn.all(Q.rooms, values)}


def full(rooms: dict[str, int]) -> list[str]:
    """The deployments without room."""
    return [id for id, room in rooms.items() if room <= 0]


def within(rooms: dict[str, int], rows: Iterable[Row]) -> Iterator[str]:
    """Of rows of a run's id and its deployment's, the runs that fit into the rooms, first come first served."""
    left = dict(rooms)
    for run_id, deployment_id in rows:
        if deployment_id in left:
            left[deployment_id] -= 1
            if left[deployment_id] < 0:
                continue
        yield run_id


def taken(conn: Conn, deployment_id: str, run_id: str) -> Taken | None:
    """The limit of a deployment as a run finds it, locked; None without a limit."""
    row = conn.one(Q.lock, {"id": deployment_id})
    if row is None:
        return None
    busy = conn.one(Q.busy, {"id": deployment_id, "run_id": run_id})
    return Taken(int(row[0]), int(busy[0]) if busy else 0, CANCEL_NEW in (row[1] or ""))
