"""Proposing a state and obeying the answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from msgspec import Raw
from msgspec.structs import replace

from orion.model.ids import new_id
from orion.model.states import StateCreate
from orion.model.times import utcnow
from orion.model.wire import NULL, raw
from orion.sdk.answers import Answer
from orion.sdk.effects import Effect, OffLoop, Sleep, Steps
from orion.sdk.errors import Abort, ObjectNotFound
from orion.sdk.session import Session
from orion.sdk.states import State, clean

POLL_SECONDS = 5.0
LEAST_WAIT = 1.0


class Aborted(Abort):
    """The server refused to go on with this run."""

    def __init__(self, reason: str, state: State | None) -> None:
        super().__init__(reason or None)
        self.state = state


def to_wire(state: State, data: Raw = NULL, **details: Any) -> StateCreate:
    """A state as a proposal, with an id of its own for the transition."""
    known = replace(state.state_details, transition_id=new_id(), **details)
    data = state.data if data is NULL else data
    return StateCreate(
        type=state.type, name=state.name, message=clean(state.message), data=data, state_details=known
    )


def stored(data: dict[str, Any]) -> Raw:
    """What a result's reference looks like in a state."""
    return raw(data)


def propose(
    session: Session,
    ask: Callable[[StateCreate], Effect],
    state: State,
    in_line: Callable[[StateCreate, str | None], Effect] | None = None,
    **details: Any,
) -> Steps[State]:
    """The state that the server has stored in answer: the proposed one, or the one it put in its place.

    Waits as long as it is told to; for a slot on the server, by `in_line`. Raises `Abort` when the run must not go on.
    """
    patient = False
    while True:
        answer: Answer = yield ask(to_wire(state, **details))
        if answer.status == "WAIT" and not patient and session.outbox.is_waiting:
            patient = True
            yield OffLoop(
                session.outbox.flush
            )  # a slot may be free as soon as the server hears of the last end
            continue
        if answer.status == "WAIT" and in_line is not None and _lacks_slot(answer):
            answer = yield from _wait_in_line(in_line, state, answer, details)
        if answer.status == "ABORT":
            raise Aborted(answer.reason, answer.state)
        if answer.status != "WAIT":
            assert answer.state is not None
            return answer.state
        yield Sleep(_delay(answer))


def _wait_in_line(
    in_line: Callable[[StateCreate, str | None], Effect],
    state: State,
    answer: Answer,
    details: dict[str, Any],
) -> Steps[Answer]:
    """Ask on the server until it is this run's turn; a server that does not wait is left to the caller's patience."""
    while answer.status == "WAIT" and _lacks_slot(answer):
        began = time.monotonic()
        run_id = answer.state.state_details.task_run_id if answer.state else None
        try:
            answer = yield in_line(to_wire(state, **details), run_id)
        except ObjectNotFound:  # the run is known under the id of an earlier attempt
            return answer
        if time.monotonic() - began < LEAST_WAIT:
            return answer
    return answer


def _lacks_slot(answer: Answer) -> bool:
    """Whether the time has come, so that only a slot is missing."""
    when = answer.state.state_details.scheduled_time if answer.state else None
    return when is None or when <= utcnow()


def _delay(answer: Answer) -> float:
    """Until the scheduled time to the point, where there is one: the delay of the answer is in whole seconds."""
    when = answer.state.state_details.scheduled_time if answer.state else None
    if when is None or (utcnow() - when).total_seconds() > 1:  # the time has come: something else is lacking
        return answer.delay
    return min(max((when - utcnow()).total_seconds(), 0.02), answer.delay + 1.0)


def wait_until(state: State) -> Steps[None]:
    """Sleep until the scheduled time of a state; a while, if something else is waited for."""
    when = state.state_details.scheduled_time
    if when is not None:
        yield Sleep((when - utcnow()).total_seconds())
    elif not state.is_pending():
        yield Sleep(POLL_SECONDS)
