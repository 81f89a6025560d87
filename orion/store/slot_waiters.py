"""Who waits for slots of limits: rows, so that all servers on a database see the same lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from orion.store import sql
from orion.store.base import Conn
from orion.store.rows import json_text

Q = sql.load("slot_waiters")

AT_ONCE = 50
PLACE = timedelta(seconds=15)  # a place is kept so long for who has gone, perhaps to another server
SILENCE = timedelta(seconds=90)  # who asks now and then, keeping no place, has given up after this
NEW_AFTER = timedelta(seconds=30)  # such a one is written down anew no more often than this
WAITING = "offer:"  # the topic of one waiter: it is its turn


class Waiter(NamedTuple):
    """A place in the line of a limit: what is wanted of it, of how many limits at once, since when it is offered."""

    id: str
    place: int
    slots: int
    limits: int
    offered: datetime | None


class Wish(NamedTuple):
    """The slots that the code of a run waits for, by the limits' names, and since when."""

    slots: dict[str, int]
    since: datetime


def line(conn: Conn, limit_id: str, asker_id: str, now: datetime) -> Iterator[Waiter]:
    """Those who wait for a limit and came before the asker, in order, read some at a time."""
    after, more = 0, True
    while more:
        values = {"limit_id": limit_id, "id": asker_id, "after": after, "now": conn.time(now), "n": AT_ONCE}
        rows = conn.all(Q.line, values)
        more = len(rows) == AT_ONCE
        for id, place, slots, limits, offered in rows:
            if id == asker_id:
                return
            after = place
            yield Waiter(id, place, slots, limits, conn.when(offered))


def wanted(conn: Conn, id: str) -> dict[str, int]:
    """What somebody waits for: slots by limit."""
    return {limit_id: int(slots) for limit_id, slots in conn.all(Q.wanted, {"id": id})}


def join(
    conn: Conn,
    id: str,
    limit_ids: list[str],
    slots: int,
    now: datetime,
    *,
    stays: bool,
    full: bool,
    run_id: str | None,
) -> None:
    """Write down that somebody was refused; who `stays` on the line for the answer has a place in it.

    `full` says that there was nothing to be had, so that an offer which it could not take is void.
    """
    values = {"id": id, "slots": slots, "limits": len(limit_ids), "run_id": run_id, "full": full}
    times = {
        "now": conn.time(now),
        "until": conn.time(now + PLACE if stays else now),
        "soon": conn.time(now + PLACE * 2 / 3 if stays else now - NEW_AFTER),
    }
    for limit_id in limit_ids:
        conn.run(Q.join, {**values, **times, "limit_id": limit_id})


def offer(conn: Conn, id: str, now: datetime) -> None:
    """It is somebody's turn: tell it, if it was not told yet."""
    if conn.run(Q.offer, {"id": id, "now": conn.time(now)}):
        conn.publish(WAITING + id)


def leave(conn: Conn, id: str) -> bool:
    """Somebody waits no longer."""
    return conn.run(Q.leave, {"id": id}) > 0


def of_runs(conn: Conn, run_ids: Iterable[str], now: datetime) -> dict[str, Wish]:
    """What the code of some runs waits for, by run; those that wait for nothing are left out."""
    values = {"run_ids": json_text(sorted(run_ids)), "since": conn.time(now - SILENCE)}
    found: dict[str, Wish] = {}
    for run_id, name, slots, since in conn.all(Q.of_runs, values):
        wish = found.setdefault(run_id, Wish({}, conn.when(since) or now))
        wish.slots[name] = max(wish.slots.get(name, 0), int(slots))
    return found


def drop_silent(conn: Conn, now: datetime) -> int:
    """Forget those who have not asked for long."""
    return conn.run(Q.drop_silent, {"before": conn.time(now - SILENCE)})
