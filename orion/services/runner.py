"""Runs duties: one at a time over all processes, with a record of how each fared."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta

from orion.errors import Busy
from orion.model.ids import new_id
from orion.services.duties import DUTIES, Duty
from orion.store import Lane, Store
from orion.store import duties as db

log = logging.getLogger("orion.services")

HOLDER = f"{socket.gethostname()}:{os.getpid()}:{new_id()[-12:]}"
LEAST_LEASE = timedelta(seconds=10)
SLOW = 1.0


def run_duty(
    store: Store, duty: Duty, clock: Callable[[], datetime], holder: str = HOLDER, *, alone: bool = False
) -> int | None:
    """Run a duty unless another process holds it: the rows it touched, or None. A failure is recorded.

    `alone` says that this is a single pass, which no standing clock follows.
    """
    try:
        return _run_duty(store, duty, clock, holder, alone)
    except Busy as error:
        log.warning("The duty %r waits for the database: %s", duty.name, error)
        return None


def _run_duty(
    store: Store, duty: Duty, clock: Callable[[], datetime], holder: str, alone: bool
) -> int | None:
    started = clock()
    lease = max(LEAST_LEASE, timedelta(seconds=2 * duty.every))
    if not _take(store, duty.name, holder, started, lease):
        return None
    count, error = 0, None
    try:
        count = (duty.alone if alone and duty.alone else duty.function)(store, started)
    except Busy as failure:
        log.warning("The duty %r waits for the database: %s", duty.name, failure)
        error = f"{type(failure).__name__}: {failure}"[:500]
    except Exception as failure:
        log.exception("The duty %r failed; it is tried again in %g s.", duty.name, duty.every)
        error = f"{type(failure).__name__}: {failure}"[:500]
    ended = clock()
    if (ended - started).total_seconds() > max(duty.every * SLOW, 5):
        log.warning(
            "The duty %r took %.1f s, which is longer than its interval.",
            duty.name,
            (ended - started).total_seconds(),
        )
    store.write_now(db.finished, duty.name, started, ended, count, error, lane=Lane.LOW, durable=False)
    return count


def _take(store: Store, name: str, holder: str, now: datetime, lease: timedelta) -> bool:
    """Hold a duty; what a killed process of this machine holds is taken from it at once."""

    def take() -> bool:
        return store.write_now(db.take, name, holder, now, lease, lane=Lane.LOW, durable=False)

    if take():
        return True
    other = store.read_now(db.holder, name)
    if other is None or not _is_gone(other):
        return False
    let_go(store, other)
    return take()


def _is_gone(holder: str) -> bool:
    """Whether a holder was a process of this machine that is no more. Where it errs, two do the work of one."""
    machine, _, rest = holder.partition(":")
    pid = rest.partition(":")[0]
    if machine != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        pass
    return False


def run_all(store: Store, clock: Callable[[], datetime], holder: str = HOLDER) -> dict[str, int | None]:
    """One pass of every duty that the settings want; what each touched, None where another process works."""
    return {duty.name: run_duty(store, duty, clock, holder, alone=True) for duty in DUTIES if duty.enabled}


def let_go(store: Store, holder: str = HOLDER) -> None:
    """Free the leases of this process, so that another one need not wait for their end."""
    store.write_now(db.release, holder, lane=Lane.LOW, durable=False)
