"""Slots of limits: rows of task runs and leases, and counts of those taken without either."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from orion.model import wire
from orion.model.ids import new_id
from orion.store import sql
from orion.store.base import Conn, Row

Q = sql.load("slots")
NOBODY = ""


def lock_limits(conn: Conn, names: Iterable[str]) -> list[Row]:
    """The active limits of these names, in the order of their names: nobody else takes from them meanwhile."""
    return conn.all(Q.lock_limits, {"names": _listed(names)})


def unlocked(conn: Conn, limit_ids: Iterable[str]) -> list[Row]:
    """The active limits of these ids, as `lock_limits` gives them, kept from nobody."""
    return conn.all(Q.unlocked, {"limit_ids": _listed(limit_ids)})


def held(conn: Conn, limit_ids: list[str], now: datetime) -> dict[str, int]:
    """Slots held in each limit by task runs and leases."""
    return taken(conn, limit_ids, now)[0]


def taken(
    conn: Conn, limit_ids: list[str], now: datetime, task_run_id: str = NOBODY
) -> tuple[dict[str, int], set[str]]:
    """Slots held in each limit by task runs and leases, one task run left out; and the limits somebody waits for."""
    count, awaited = dict.fromkeys(limit_ids, 0), set()
    values = {"limit_ids": _listed(limit_ids), "task_run_id": task_run_id, "now": conn.time(now)}
    for limit_id, slots, waits in conn.all(Q.held, values):
        count[limit_id] += int(slots)
        if waits:
            awaited.add(limit_id)
    return count, awaited


def hold(conn: Conn, limit_ids: Iterable[str], task_run_id: str) -> None:
    """Give a task run a slot in each of the limits."""
    for limit_id in limit_ids:
        conn.run(Q.hold_slot, {"limit_id": limit_id, "task_run_id": task_run_id})


def free(conn: Conn, task_run_id: str) -> int:
    """Take back all slots of a task run; how many there were."""
    return conn.run(Q.free_slots, {"task_run_id": task_run_id})


def set_taken(conn: Conn, limit_id: str, active_slots: float, occupancy: float, now: datetime) -> None:
    """Record how many slots are taken without a lease."""
    values = {"id": limit_id, "active_slots": active_slots, "occupancy": occupancy, "now": conn.time(now)}
    conn.run(Q.set_taken, values)


def add_limit(conn: Conn, name: str, now: datetime) -> None:
    """Make a limit that nobody enforces yet, unless there is one of that name."""
    conn.run(Q.add_limit, {"id": new_id(), "now": conn.time(now), "name": name})


def add_lease(
    conn: Conn,
    lease_id: str,
    limit_ids: Iterable[str],
    slots: int,
    until: datetime,
    holder: tuple[str, str] | None,
    now: datetime,
) -> None:
    """Hold slots in each of the limits until a time."""
    kind, holder_id = holder or (None, None)
    values = {"id": lease_id, "slots": slots, "lease_until": conn.time(until), "now": conn.time(now)}
    for limit_id in limit_ids:
        conn.run(Q.add_lease, {**values, "limit_id": limit_id, "holder_type": kind, "holder_id": holder_id})


def renew_lease(conn: Conn, lease_id: str, until: datetime, now: datetime) -> bool:
    """Hold on until a later time; False when the lease has ended."""
    values = {"id": lease_id, "lease_until": conn.time(until), "now": conn.time(now)}
    return conn.run(Q.renew_lease, values) > 0


def drop_lease(conn: Conn, lease_id: str) -> bool:
    """Free the slots of a lease."""
    return conn.run(Q.drop_lease, {"id": lease_id}) > 0


def drop_ended_leases(conn: Conn, now: datetime) -> int:
    """Remove the leases that nobody renewed."""
    return conn.run(Q.drop_ended_leases, {"now": conn.time(now)})


def _listed(values: Iterable[str]) -> str:
    return wire.encode(list(values)).decode()
