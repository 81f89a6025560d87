"""The watchdog of the server: a duty that no clock runs, the server runs itself, and its health says so.

It stands in at the duty's own interval, so that without any clock a dead process is found as soon as with one, and it
holds no duty in between: a clock that comes takes over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from orion.errors import Busy
from orion.services import health
from orion.services.duties import BY_NAME
from orion.services.runner import HOLDER, let_go, run_duty
from orion.store import Store

log = logging.getLogger("orion.services")

SECONDS = 5.0
NAME = f"{HOLDER}-watchdog"


async def watch(store: Store, clock: Callable[[], datetime], seconds: float = SECONDS) -> None:
    """Look after the duties until cancelled."""
    mine: list[str] = []
    while True:
        await asyncio.sleep(seconds)
        try:
            mine = await asyncio.to_thread(rescue, store, clock, mine)
        except Busy as error:
            log.warning("The watchdog could not look after the duties: %s", error)
        except Exception:
            log.exception("The watchdog could not look after the duties.")


def rescue(store: Store, clock: Callable[[], datetime], mine: Collection[str] = ()) -> list[str]:
    """Run the duties that are overdue, and those of `mine` that are due again; the names of those it stands in for."""
    now = clock()
    report = health.report(store, now)
    overdue = [duty.name for duty in report if duty.overdue]
    if found := [name for name in overdue if name not in mine]:
        log.warning("No clock runs %s: the server does it.", ", ".join(found))
    waiting = [
        duty.name for duty in report if duty.name in mine and not duty.overdue and not _is_due(duty, now)
    ]
    due = [duty.name for duty in report if duty.overdue or (duty.name in mine and _is_due(duty, now))]
    done = [name for name in due if run_duty(store, BY_NAME[name], clock, NAME) is not None]
    if done:
        let_go(store, NAME)
    return waiting + done


def _is_due(duty: health.DutyHealth, now: datetime) -> bool:
    every = timedelta(seconds=duty.every)
    return duty.enabled and (duty.last_finished is None or now - duty.last_finished >= every)
