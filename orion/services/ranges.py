"""Planning a range of time that somebody asks for, past times too; the cursors of the schedules stay.

A range may hold ten thousand runs. It is planned in pieces, each in a transaction of its own, so that nobody else waits
for long; who asks twice, or two who ask at once, plan no time twice.
"""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import NamedTuple

from orion.errors import Conflict, NotFound
from orion.model.deployments import DueTime
from orion.model.times import MICROSECOND
from orion.services.catching_up import due_of
from orion.services.scheduling import plan_of
from orion.store import Conn
from orion.store import scheduling as db

PIECE = 100  # runs of a transaction


class Piece(NamedTuple):
    """Some due times of a schedule, few enough for one transaction."""

    schedule: db.Schedule
    due: list[datetime]


def pieces(
    conn: Conn, deployment_id: str, start: datetime, end: datetime, *, min_runs: int, max_runs: int
) -> list[Piece]:
    """The due times of a deployment's schedules from `start` to `end`, of each at least and at most so many runs."""
    _, found = _between(conn, deployment_id, start, end, min_runs, max_runs)
    return [
        Piece(schedule, due[first : first + PIECE])
        for schedule, due in found
        for first in range(0, len(due), PIECE)
    ]


def plan_piece(conn: Conn, piece: Piece, now: datetime) -> int:
    """Plan the runs of a piece that are not there yet; the number of runs added."""
    deployment = db.lock(conn, piece.schedule.deployment_id)
    if deployment is None:
        raise NotFound("Deployment not found")
    for schedule in db.schedules(conn, deployment.id):
        if schedule.id == piece.schedule.id and bytes(schedule.schedule) == bytes(piece.schedule.schedule):
            return db.add_runs(conn, [(plan_of(deployment, schedule), piece.due)], now)
    raise Conflict("The schedule was changed while runs were planned by it: ask again.")


def preview(
    conn: Conn,
    deployment_id: str,
    start: datetime,
    end: datetime,
    now: datetime,
    *,
    min_runs: int = 0,
    max_runs: int = 100,
) -> list[DueTime]:
    """The due times of all pieces, and which of them have a run already; nothing is changed."""
    deployment, found = _between(conn, deployment_id, start, end, min_runs, max_runs)
    times = sorted((moment, schedule.id) for schedule, due in found for moment in due)
    known = db.known(conn, deployment.flow_id, [db.key(schedule_id, moment) for moment, schedule_id in times])
    return [
        DueTime(schedule_id=id, scheduled_time=moment, planned=db.key(id, moment) in known)
        for moment, id in times
    ]


def _between(
    conn: Conn, deployment_id: str, start: datetime, end: datetime, least: int, most: int
) -> tuple[db.Deployment, list[tuple[db.Schedule, list[datetime]]]]:
    deployment = db.find(conn, deployment_id)
    if deployment is None:
        raise NotFound("Deployment not found")
    found = []
    for schedule in db.schedules(conn, deployment_id):
        due = islice(due_of(schedule, start - MICROSECOND), most)
        found.append(
            (schedule, [moment for number, moment in enumerate(due) if moment <= end or number < least])
        )
    return deployment, found
