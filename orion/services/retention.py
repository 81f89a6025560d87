"""Retention: old finished runs go with all that hangs on them, results too; old logs and messages go alone.

The newest runs of each flow always stay. A pass is short and every delete small, so that nobody waits for one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from orion.services import result_files
from orion.settings import Settings, current
from orion.store import Conn, Lane, Store
from orion.store import deleted as names
from orion.store import retention as db

RUNS_AT_ONCE, ROWS_AT_ONCE = 20, 500
SECONDS = 5.0
OFF = frozenset(("off", "false", "no", "0"))


class Terms(Struct, frozen=True):
    """What is kept: runs that ended and lines that were written after these, and the newest runs of each flow."""

    runs_before: datetime
    logs_before: datetime
    keep: int
    now: datetime


class Old(Struct):
    """What may go: finished runs by flow, log lines, and messages that were sent or given up."""

    runs: dict[str, int]
    logs: int
    messages: int


def prune(store: Store, now: datetime) -> int:
    """One short pass over what is old; the number of rows. Nothing where retention is off."""
    settings = current()
    return 0 if is_off(settings) else delete(store, terms(settings, now), SECONDS)


def is_off(settings: Settings) -> bool:
    """Whether everything is kept for ever."""
    return str(settings.retention).lower() in OFF


def terms(settings: Settings, now: datetime) -> Terms:
    """What the settings say, at a moment."""
    return Terms(
        runs_before=now - timedelta(days=settings.retention_run_days),
        logs_before=now - timedelta(days=settings.retention_log_days),
        keep=settings.retention_run_count,
        now=now,
    )


def find(store: Store, kept: Terms) -> Old:
    """Count what may go, and leave it."""
    return Old(
        runs=store.read_now(db.count_old_runs, kept.runs_before, kept.keep),
        logs=store.read_now(db.count_old_logs, kept.logs_before),
        messages=store.read_now(db.count_old_messages, kept.logs_before),
    )


def delete(
    store: Store, kept: Terms, seconds: float | None = None, tell: Callable[[int], None] = lambda _: None
) -> int:
    """Delete what may go, for so many seconds at most; the number of rows. `tell` hears of it as it grows."""
    until = None if seconds is None else time.monotonic() + seconds
    deleted = 0
    for number in _batches(store, kept):
        deleted += number
        tell(deleted)
        if until is not None and time.monotonic() > until:
            break
    if deleted:
        store.write_now(names.forget, kept.now, lane=Lane.LOW)
    return deleted


def _batches(store: Store, kept: Terms) -> Iterator[int]:
    """Delete batch by batch, and give the number of rows of each."""
    flow = ""
    while found := store.read_now(db.old_runs, kept.runs_before, kept.keep, RUNS_AT_ONCE, flow):
        gone = sum(_delete_run(store, id, kept) for _, id in found)
        flow = found[-1][0] + ("" if gone else "~")  # where nothing could go, the next flow is looked at
        yield gone
    for some in (db.delete_old_logs, db.delete_old_messages):
        yield from _until_none(store, some, kept.logs_before)


def _delete_run(store: Store, id: str, kept: Terms) -> bool:
    """The run, a big one bit by bit, and when each is sure, the files of its results."""
    while found := store.write_now(db.delete_run, id, kept.runs_before, kept.now, lane=Lane.LOW):
        gone, data = found
        result_files.remove(data)
        if gone:
            return True
    return False


def _until_none(store: Store, some: Callable[[Conn, datetime, int], int], before: datetime) -> Iterator[int]:
    number = ROWS_AT_ONCE
    while number == ROWS_AT_ONCE:
        number = store.write_now(some, before, ROWS_AT_ONCE, lane=Lane.LOW)
        yield number
