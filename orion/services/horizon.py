"""How far ahead runs are planned, and the due times that should have a run by now."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import NamedTuple

from orion.services.catching_up import due_of
from orion.settings import current
from orion.store import scheduling as db


class Horizon(NamedTuple):
    """How far ahead runs are planned: at least `min_runs` and `least`, at most `max_runs` and `most`."""

    min_runs: int = 3
    least: timedelta = timedelta(hours=1)
    max_runs: int = 100
    most: timedelta = timedelta(days=100)

    @classmethod
    def from_settings(cls) -> Horizon:
        """The horizon that the settings give."""
        values = current()
        return cls(
            values.scheduler_min_runs,
            timedelta(seconds=values.scheduler_min_seconds),
            values.scheduler_max_runs,
            timedelta(seconds=values.scheduler_max_seconds),
        )

    def upcoming(self, due: Iterator[datetime], now: datetime) -> Iterator[datetime]:
        """Those of the times `due` after now that should be planned by now."""
        for number, moment in enumerate(due):
            enough = number >= self.min_runs and moment > now + self.least
            if enough or number >= self.max_runs or moment > now + self.most:
                return
            yield moment


class Wanted:
    """The due times from a moment on that should have a run by then; worked out once for each schedule."""

    def __init__(self, now: datetime, horizon: Horizon | None = None) -> None:
        self.now, self._horizon = now, horizon or Horizon.from_settings()
        self._known: dict[tuple[bytes, int | None], list[datetime]] = {}

    def of(self, schedule: db.Schedule) -> list[datetime]:
        """Those of a schedule; `Invalid` when it cannot be read."""
        key = bytes(schedule.schedule), schedule.max_scheduled_runs
        if key not in self._known:
            due = self._horizon.upcoming(due_of(schedule, self.now), self.now)
            self._known[key] = list(islice(due, schedule.max_scheduled_runs or None))
        return self._known[key]
