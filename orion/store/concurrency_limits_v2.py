"""Named limits: slots that code takes and gives back; `orchestration` does the taking and giving."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from orion.errors import Conflict, NotFound
from orion.model.ids import new_id
from orion.model.limits import ConcurrencyLimitV2, ConcurrencyLimitV2Create, ConcurrencyLimitV2Update
from orion.store import changes, paging, slots, sql
from orion.store.base import Conn, Row

Q = sql.load("concurrency_limits_v2")


def create(conn: Conn, wanted: ConcurrencyLimitV2Create, now: datetime) -> ConcurrencyLimitV2:
    """Make a limit; a name that is taken is refused."""
    values = {
        "id": new_id(),
        "now": conn.time(now),
        "name": wanted.name,
        "slot_limit": wanted.limit,
        "active": wanted.active,
        "active_slots": wanted.active_slots,
        "denied_slots": wanted.denied_slots,
        "decay": wanted.slot_decay_per_second,
    }
    if not conn.run(Q.insert, values):
        raise Conflict(f"A concurrency limit named {wanted.name!r} exists already.")
    return _found(get(conn, wanted.name, now))


def get(conn: Conn, id_or_name: str, now: datetime) -> ConcurrencyLimitV2 | None:
    """A limit by its id or its name, with the slots that are taken now."""
    row = conn.one(Q.get, {"key": id_or_name})
    return _read(conn, [row], now)[0] if row else None


def filter(conn: Conn, limit: int, offset: int, now: datetime) -> list[ConcurrencyLimitV2]:
    """All limits, by name."""
    return _read(conn, conn.all(Q.filter, {"limit": limit, "offset": offset}), now)


def update(conn: Conn, id_or_name: str, wanted: ConcurrencyLimitV2Update, now: datetime) -> None:
    """Change what is given; slots taken so far fall off at the old rate until now, then at the new one."""
    row = conn.one(Q.get, {"key": id_or_name})
    if row is None:
        raise NotFound("Concurrency limit not found")
    columns = changes.given(wanted)
    if "limit" in columns:
        columns["slot_limit"] = columns.pop("limit")
    if "active_slots" in columns or "slot_decay_per_second" in columns:
        columns = {"active_slots": _loose(conn, row, now), **columns, "slots_at": now}
    changes.apply(conn, "concurrency_limit", row[0], columns, now)
    conn.publish("slots")


def free(conn: Conn, id: str, now: datetime) -> None:
    """Take every slot back, leases too; who holds them is not told."""
    conn.run(Q.free_leases, {"id": id})
    changes.apply(conn, "concurrency_limit", id, {"active_slots": 0, "slots_at": now}, now)
    conn.publish("slots")


def delete(conn: Conn, id_or_name: str) -> None:
    """Delete a limit with its slots and leases."""
    id = paging.scalar(conn, Q.get, {"key": id_or_name})
    if id is None:
        raise NotFound("Concurrency limit not found")
    conn.run(Q.delete, {"id": id})
    conn.publish("slots")


def _loose(conn: Conn, row: Row, now: datetime) -> float:
    """Slots taken without a lease, less those that fell off since they were counted."""
    taken, decay, counted = row[6], row[8], conn.when(row[10])
    seconds = 0.0 if counted is None else max(0.0, (now - counted).total_seconds())
    return float(max(0.0, taken - decay * seconds))


def _read(conn: Conn, rows: list[Row], now: datetime) -> list[ConcurrencyLimitV2]:
    held = slots.held(conn, [row[0] for row in rows], now) if rows else {}
    return [_limit(conn, row, ceil(_loose(conn, row, now)) + held[row[0]]) for row in rows]


def _limit(conn: Conn, row: Row, active_slots: int) -> ConcurrencyLimitV2:
    id, created, updated, name, limit, active, _, denied, decay, occupancy, _ = row
    made, changed = conn.when(created), conn.when(updated)
    assert made is not None and changed is not None
    return ConcurrencyLimitV2(
        id=id,
        created=made,
        updated=changed,
        active=bool(active),
        name=name,
        limit=limit,
        active_slots=active_slots,
        denied_slots=int(denied),
        slot_decay_per_second=decay,
        avg_slot_occupancy_seconds=occupancy,
    )


def _found(limit: ConcurrencyLimitV2 | None) -> ConcurrencyLimitV2:
    if limit is None:
        raise NotFound("Concurrency limit not found")
    return limit
