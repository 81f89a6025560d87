"""Limits of deployments: how many of their runs are under way, and how many more may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from orion.store import sql
from orion.store.base import Conn, Row

Q = sql.load("deployment_limits")
CANCEL_NEW = "CANCEL_NEW"
CANCEL_OLD = "CANCEL_OLD"
MOST = 500
UNDER_WAY = ("PENDING", "RUNNING", "CANCELLING")


class Taken(NamedTuple):
    """A deployment's limit, how much of it other runs use, and whether a run too many is cancelled."""

    limit: int
    runs: int
    cancels: bool


class Rooms(NamedTuple):
    """How many more runs of each limited deployment may be handed out, and which make room for newer ones."""

    left: dict[str, int]
    replacing: frozenset[str]


class Contender(NamedTuple):
    """A run that is under way or due, and the state in which it was seen."""

    id: str
    state_id: str
    state_type: str


def rooms(conn: Conn, now: datetime) -> Rooms:
    """How many more runs of each limited deployment may be handed out; runs on hand count."""
    if conn.one(Q.limited) is None:
        return Rooms({}, frozenset())
    rows = conn.all(Q.rooms, {"now": conn.time(now), "cancels": f"%{CANCEL_NEW}%"})
    return Rooms(
        {id: int(room) for id, room, _ in rows},
        frozenset(id for id, _, how in rows if CANCEL_OLD in (how or "")),
    )


def full(rooms: Rooms) -> list[str]:
    """The deployments without room."""
    return [id for id, room in rooms.left.items() if room <= 0]


def making_way(rooms: Rooms) -> list[str]:
    """The deployments without room whose oldest runs make way for newer ones."""
    return sorted(id for id in full(rooms) if id in rooms.replacing)


def within(rooms: Rooms, rows: Iterable[Row]) -> Iterator[str]:
    """Of rows of a run's id and its deployment's, the runs that fit into the rooms, first come first served."""
    left = dict(rooms.left)
    for run_id, deployment_id in rows:
        if deployment_id in left:
            left[deployment_id] -= 1
            if left[deployment_id] < 0:
                continue
        yield run_id


def colliding(conn: Conn, now: datetime) -> list[str]:
    """The deployments with a due run that cancel what is too much."""
    return [row[0] for row in conn.all(Q.colliding, {"cancel": "%CANCEL_%", "now": conn.time(now)})]


def too_many(conn: Conn, deployment_id: str, now: datetime) -> tuple[list[Contender], bool]:
    """The runs of a deployment that have to go, and whether they make way for newer ones."""
    row = conn.one(Q.limit, {"id": deployment_id})
    if row is None:
        return [], False
    values = {"id": deployment_id, "now": conn.time(now), "limit": MOST}
    found = [Contender(*each) for each in conn.all(Q.contenders, values)]
    waiting = [run for run in found if run.state_type not in UNDER_WAY]
    limit, how = int(row[0]), row[1] or ""
    if CANCEL_OLD in how and waiting:
        return [run for run in found[max(limit, 1) :] if run.state_type != "CANCELLING"], True
    if CANCEL_NEW in how and len(found) - len(waiting) >= limit:
        return waiting, False
    return [], False


def taken(conn: Conn, deployment_id: str, run_id: str) -> Taken | None:
    """The limit of a deployment as a run finds it, locked; None without a limit."""
    row = conn.one(Q.lock, {"id": deployment_id})
    if row is None:
        return None
    busy = conn.one(Q.busy, {"id": deployment_id, "run_id": run_id})
    return Taken(int(row[0]), int(busy[0]) if busy else 0, CANCEL_NEW in (row[1] or ""))
