"""Limits of task runs by tag: the limit of tag `a` is the named limit `tag:a`, its slots are task runs."""

from __future__ import annotations

from datetime import datetime

from orion.errors import NotFound
from orion.model.ids import new_id
from orion.model.limits import ConcurrencyLimit, ConcurrencyLimitCreate
from orion.store import sql
from orion.store.base import Conn, Row
from orion.store.rows import json_text

Q = sql.load("concurrency_limits")
PREFIX = "tag:"


def upsert(conn: Conn, wanted: ConcurrencyLimitCreate, now: datetime) -> tuple[ConcurrencyLimit, bool]:
    """Make the limit of a tag, or change how many it lets through; and whether it is new."""
    created = by_tag(conn, wanted.tag) is None
    values = {
        "id": new_id(),
        "name": PREFIX + wanted.tag,
        "slots": wanted.concurrency_limit,
        "now": conn.time(now),
    }
    conn.run(Q.upsert, values)
    conn.publish("slots")
    found = by_tag(conn, wanted.tag)
    assert found is not None
    return found, created


def get(conn: Conn, id: str) -> ConcurrencyLimit | None:
    return _one(conn, conn.one(Q.get, {"id": id}))


def by_tag(conn: Conn, tag: str) -> ConcurrencyLimit | None:
    return _one(conn, conn.one(Q.by_name, {"name": PREFIX + tag}))


def filter(conn: Conn, limit: int, offset: int = 0) -> list[ConcurrencyLimit]:
    """All limits of tags, by tag."""
    return _read(conn, conn.all(Q.filter, {"limit": limit, "offset": offset}))


def reset(conn: Conn, tag: str, task_run_ids: list[str] | None, now: datetime) -> None:
    """Free every slot of a tag, then give one to each of the task runs, if some are named."""
    limit = by_tag(conn, tag)
    if limit is None:
        raise NotFound("Concurrency limit not found")
    for statement in (Q.free_slots, Q.free_leases):
        conn.run(statement, {"id": limit.id})
    conn.run(Q.hold, {"id": limit.id, "task_run_ids": json_text(task_run_ids or [])})
    conn.run(Q.touch, {"id": limit.id, "now": conn.time(now)})
    conn.publish("slots")


def delete(conn: Conn, id: str) -> None:
    """Delete a limit; nothing holds back the runs of its tag any more."""
    if not conn.run(Q.delete, {"id": id}):
        raise NotFound("Concurrency limit not found")
    conn.publish("slots")


def delete_by_tag(conn: Conn, tag: str) -> None:
    limit = by_tag(conn, tag)
    if limit is None:
        raise NotFound("Concurrency limit not found")
    delete(conn, limit.id)


def _one(conn: Conn, row: Row | None) -> ConcurrencyLimit | None:
    return _read(conn, [row])[0] if row else None


def _read(conn: Conn, rows: list[Row]) -> list[ConcurrencyLimit]:
    held: dict[str, list[str]] = {row[0]: [] for row in rows}
    for limit_id, task_run_id in conn.all(Q.slots, {"ids": json_text(list(held))}):
        held[limit_id].append(task_run_id)
    return [_limit(conn, row, held[row[0]]) for row in rows]


def _limit(conn: Conn, row: Row, slots: list[str]) -> ConcurrencyLimit:
    id, created, updated, name, limit = row
    made, changed = conn.when(created), conn.when(updated)
    assert made is not None and changed is not None
    return ConcurrencyLimit(
        id=id,
        created=made,
        updated=changed,
        tag=name.removeprefix(PREFIX),
        concurrency_limit=limit,
        active_slots=slots,
    )
