"""From what a flow returned to its final state."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from orion.model import states as words
from orion.sdk.context import Tally
from orion.sdk.futures import OrionFuture
from orion.sdk.states import State, aggregate, make
from orion.sdk.upstream import resolve
from orion.sdk.visiting import ATOMS, walk


def verdict(returned: Any, tally: Tally) -> State:
    """The final state of a flow that returned without an exception; its futures are done.

    A state is used as it is; futures and states, alone or as a list, tuple or set, give their aggregate; None gives
    the aggregate of all tasks and subflows of the run; anything else is the data of COMPLETED.
    """
    if isinstance(returned, State):
        return returned
    if returned is None:
        return _of_all(tally)
    states = _states(returned)
    if states is None:
        return make(words.COMPLETED).holding(_data(returned))
    whole = aggregate(states)
    return whole.holding(resolve(returned)) if whole.is_completed() else whole


def futures_in(returned: Any) -> Iterator[Future[State]]:
    """The futures anywhere inside what a flow returned."""
    if type(returned) in ATOMS:
        return
    found: list[Future[State]] = []

    def look(node: Any) -> bool:
        if isinstance(node, OrionFuture):
            found.append(node.done)
        return isinstance(node, (OrionFuture, State))

    walk(returned, look)
    yield from found


def _states(returned: Any) -> list[State] | None:
    items = list(returned) if isinstance(returned, (list, tuple, set, frozenset)) else [returned]
    if not items or not all(isinstance(item, (OrionFuture, State)) for item in items):
        return None
    return [item.final_state() if isinstance(item, OrionFuture) else item for item in items]


def _of_all(tally: Tally) -> State:
    if not tally.bad:
        return make(words.COMPLETED, None, "All states completed." if tally.total else None).holding(None)
    return make(words.FAILED, None, f"{len(tally.bad)}/{tally.total} states failed.").holding(list(tally.bad))


def _data(returned: Any) -> Any:
    return returned if type(returned) in ATOMS else resolve(returned)
