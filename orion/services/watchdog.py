"""The watchdog of the server: a duty that no clock runs, the server runs itself, and its health says so."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from orion.services import health
from orion.services.duties import BY_NAME
from orion.services.runner import run_duty
from orion.store import Store

log = logging.getLogger("orion.services")

SECONDS = 30.0


async def watch(store: Store, clock: Callable[[], datetime], seconds: float = SECONDS) -> None:
    """Look after the duties until cancelled."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await asyncio.to_thread(rescue, store, clock)
        except Exception:
            log.exception("The watchdog could not look after the duties.")


def rescue(store: Store, clock: Callable[[], datetime]) -> list[str]:
    """Run the duties that are overdue; their names."""
    overdue = [duty.name for duty in health.report(store, clock()) if duty.overdue]
    if overdue:
        log.warning("No clock runs %s: the server does it.", ", ".join(overdue))
    for name in overdue:
        run_duty(store, BY_NAME[name], clock)
    return overdue
