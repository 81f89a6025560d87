"""Whether flow processes could be heard: web servers leave word of their life, and the sweep of leases looks for it.

A beat comes only through a web server. While there is none, a clock beside it must take no silence for death, and
afterwards every process has one period to be heard again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from orion.errors import Busy
from orion.orchestration.attempts import terms
from orion.store import Lane, Store
from orion.store import duties as db

log = logging.getLogger("orion.services")


def gap() -> timedelta:
    """A silence of the servers that a lease may not outlive: 30 s of its 75."""
    return timedelta(seconds=terms().beat * 0.4)


async def keep(store: Store, clock: Callable[[], datetime]) -> None:
    """Say that this server lives, three times a gap, until cancelled."""
    while True:
        try:
            await store.write(db.serve, clock(), gap(), lane=Lane.LOW, durable=False)
        except Busy as error:
            log.warning("The server could not leave word that it lives: %s", error)
        except Exception:
            log.exception("The server could not leave word that it lives.")
        await asyncio.sleep(gap().total_seconds() / 3)


def heard(store: Store, now: datetime) -> bool:
    """Whether a process that lives has had a whole period to say so."""
    found = store.read_now(db.serving)
    if found is None:
        return False
    since, seen = found
    return now - seen <= gap() and now - since >= timedelta(seconds=terms().beat)
