"""The duties of the clock, each a plain function `(store, now) -> rows touched`, and how often each is due.

A duty finds its work in the database. It is bounded, and safe to run twice, late, or in two places at once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from orion.services import crashes, lateness, leases, notifying, pauses, retention, scheduling
from orion.settings import current
from orion.store import Store


class Duty(NamedTuple):
    """One duty: its name, what it does, every how many seconds, and the setting that turns it off."""

    name: str
    function: Callable[[Store, datetime], int]
    every: float
    setting: str | None = None

    @property
    def enabled(self) -> bool:
        """Whether the settings want it."""
        return self.setting is None or bool(getattr(current(), self.setting))


DUTIES: tuple[Duty, ...] = (
    Duty("scheduling", scheduling.plan, 60, "scheduler_enabled"),
    Duty("lateness", lateness.mark_late, 10, "late_runs_enabled"),
    Duty("leases", leases.sweep, 5),  # 75 s of silence, and 5 s until somebody looks: within 90 s
    Duty("pauses", pauses.expire, 20),
    Duty("orphans", crashes.close, 60),
    Duty("notifications", notifying.deliver, 10, "notifications_enabled"),
    Duty("retention", retention.prune, 600),
)
BY_NAME = {duty.name: duty for duty in DUTIES}
