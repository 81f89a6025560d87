"""The duties as Huey tasks: one for each line of `orion.services.duties.DUTIES`."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from orion.model.times import utcnow
from orion.services.duties import DUTIES, Duty
from orion.services.runner import run_duty
from orion.store import Store

from .hueys import Huey

MODULE = "orion.tasks"  # a task's name must not depend on where this file lies


class Due:
    """Says once an interval that it is time; asked at every look of the scheduler."""

    def __init__(self, every: float, look: float) -> None:
        self.every, self.slack, self.next = every, look / 2, 0.0

    def __call__(self, _: datetime) -> bool:
        now = time.monotonic()
        if now < self.next - self.slack:
            return False
        self.next = now + self.every
        return True


def register(huey: Huey, store: Store, look: float, holder: str) -> dict[str, Callable[[], Any]]:
    """Make each duty a periodic task; by name, for who wants one at once."""
    return {duty.name: _task(huey, store, duty, look, holder) for duty in DUTIES if duty.enabled}


def _task(huey: Huey, store: Store, duty: Duty, look: float, holder: str) -> Callable[[], Any]:
    def work() -> None:
        run_duty(store, duty, utcnow, holder)

    work.__module__ = MODULE
    task: Callable[[], Any] = huey.periodic_task(Due(duty.every, look), name=duty.name)(work)
    return task
