"""How the duties fare: for the health page and for the watchdog."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from orion.services.duties import DUTIES, Duty
from orion.store import Store
from orion.store import duties as db

INTERVALS_ALLOWED = 3


class DutyHealth(Struct, kw_only=True):
    """One duty: when it ran, what it did in all, and whether it is overdue. `every` in seconds."""

    name: str
    every: float
    enabled: bool
    overdue: bool
    last_started: datetime | None = None
    last_finished: datetime | None = None
    last_error: str | None = None
    count: int = 0


def report(store: Store, now: datetime) -> list[DutyHealth]:
    """Every duty of the clock."""
    seen = store.read_now(db.every)
    return [_of(duty, seen.get(duty.name), now) for duty in DUTIES]


def _of(duty: Duty, run: db.DutyRun | None, now: datetime) -> DutyHealth:
    late = duty.enabled and (run is None or _is_overdue(duty, run, now))
    if run is None:
        return DutyHealth(name=duty.name, every=duty.every, enabled=duty.enabled, overdue=late)
    return DutyHealth(
        name=duty.name,
        every=duty.every,
        enabled=duty.enabled,
        overdue=late,
        last_started=run.last_started,
        last_finished=run.last_finished,
        last_error=run.last_error,
        count=run.count,
    )


def _is_overdue(duty: Duty, run: db.DutyRun, now: datetime) -> bool:
    allowed = timedelta(seconds=INTERVALS_ALLOWED * duty.every)
    return run.last_finished is None or now - run.last_finished > allowed
