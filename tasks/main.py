"""The clock as a process: opens the database, keeps the hours, and ends on SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import signal
from collections.abc import Sequence

from orion.model.times import utcnow
from orion.settings import current
from orion.store import Role, Store, open_store

ENDS = (signal.SIGTERM, signal.SIGINT)


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
    clock.stop()
    return 0
