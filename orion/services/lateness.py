"""Late runs: what should have started and has not gets the name Late, through the rules."""

from __future__ import annotations

from datetime import datetime, timedelta

from orion.orchestration import late
from orion.services.catching_up import skip_older
from orion.settings import current
from orion.store import Conn, Lane, Store
from orion.store import scheduling as db

BATCH = 400
AT_ONCE = 200


def mark_late(store: Store, now: datetime) -> int:
    """Name overdue runs Late; the number of runs."""
    before = now - timedelta(seconds=current().late_after_seconds)
    found = store.read_now(db.overdue, before, BATCH)
    batches = [found[start : start + AT_ONCE] for start in range(0, len(found), AT_ONCE)]
    return sum(store.write_now(_mark, batch, now, lane=Lane.LOW) for batch in batches)


def next_late(store: Store, now: datetime) -> datetime | None:
    """When the next run will be late, if nobody starts it."""
    grace = timedelta(seconds=current().late_after_seconds)
    due = store.read_now(db.next_due, now - grace)
    return due + grace if due else None


def _mark(conn: Conn, found: list[db.Overdue], now: datetime) -> int:
    """Only runs that are still in the state in which they were seen."""
    skip_older(conn, [seen.id for seen in found], now)
    return late.mark_late(conn, found, now)
