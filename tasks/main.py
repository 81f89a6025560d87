"""The clock as a process: opens the database, keeps the hours, and ends on SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Sequence

from orion.model.times import utcnow
from orion.settings import current
from orion.store import Role, Store, open_store

ENDS = (signal.SIGTERM, signal.SIGINT)
END_SECONDS = 13.0  # I13: what a duty is at then is undone by the database, and done by the next clock


def main(argv: Sequence[str] = ()) -> int:
    """Run until told to stop; with `--once` one pass of every duty, and 1 when one of them failed."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s")
    if "--once" not in argv:
        # Before any thread begins, so that all inherit it. A handler that sets an event would lose, now and then, a
        # signal that comes just before the main thread falls asleep.
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)
    store = open_store(current().database_url, role=Role.CLOCK)
    try:
        return _once(store) if "--once" in argv else _keep(store)
    finally:
        store.close()


def _once(store: Store) -> int:
    from orion.services.health import report
    from orion.services.runner import let_go, run_all

    for name, count in run_all(store, utcnow).items():
        print(f"{name}: {'another clock has it' if count is None else count}")
    let_go(store)
    return int(any(duty.last_error for duty in report(store, utcnow())))


def _keep(store: Store) -> int:
    from .clock import Clock

    clock = Clock(store, current())
    clock.start()
    logging.getLogger("orion.clock").info("The clock runs.")
    signal.sigwait(ENDS)
    deadline = threading.Timer(END_SECONDS, _leave)
    deadline.daemon = True
    deadline.start()
    clock.stop()
    return 0


def _leave() -> None:
    """End now: the database is too slow to wait for the transaction that is under way."""
    logging.getLogger("orion.clock").warning(
        "The database does not answer in time: the duty is left to another clock."
    )
    logging.shutdown()
    os._exit(0)
