"""A run's states as steps: what, when, how long after the one before, how long it lasted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orion.model.states import State
from orion.web.display import look


@dataclass(frozen=True)
class Step:
    """One state of a history. `after` are seconds since the step before, `lasted` until the next (or now)."""

    look: str
    name: str
    time: datetime
    after: float | None
    lasted: float | None
    message: str | None


def steps(states: Sequence[State], now: datetime) -> list[Step]:
    """The steps of a history, oldest first."""
    made: list[Step] = []
    for index, state in enumerate(states):
        before = states[index - 1].timestamp if index else None
        after = states[index + 1].timestamp if index + 1 < len(states) else None
        until = after or (None if state.is_final else now)
        made.append(
            Step(
                look=look(state.type, state.name),
                name=state.name,
                time=state.timestamp,
                after=(state.timestamp - before).total_seconds() if before else None,
                lasted=max((until - state.timestamp).total_seconds(), 0.0) if until else None,
                message=state.message,
            )
        )
    return made
