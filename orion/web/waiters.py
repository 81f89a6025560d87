"""Who waits for slots of named limits at this server. It is not stored: who waits asks again and again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

MOST = 10_000
SILENCE = timedelta(seconds=90)


class Waiter(NamedTuple):
    """The limits that a run wants slots of, since when it asks, and when it asked last."""

    names: tuple[str, ...]
    slots: int
    since: datetime
    last: datetime


class Waiters:
    """The runs that were refused slots, by their id; one that is silent for long has given up."""

    def __init__(self) -> None:
        self._by_id: dict[str, Waiter] = {}

    def note(self, run_id: str, names: Sequence[str], slots: int, now: datetime) -> None:
        """A run asked and was refused."""
        was = self.of(run_id, now)
        if len(self._by_id) >= MOST and run_id not in self._by_id:
            self._by_id.pop(next(iter(self._by_id)))
        since = was.since if was and was.names == tuple(names) else now
        self._by_id[run_id] = Waiter(tuple(names), slots, since, now)

    def forget(self, run_id: str) -> None:
        """A run has got what it asked for."""
        self._by_id.pop(run_id, None)

    def of(self, run_id: str, now: datetime) -> Waiter | None:
        """What a run waits for; None when it does not, as far as this server knows."""
        found = self._by_id.get(run_id)
        return found if found and now - found.last <= SILENCE else None
