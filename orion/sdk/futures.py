"""Futures: the promise of a submitted task run's state and result."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Generator, Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from orion.sdk.context import FLOW
from orion.sdk.effects import remaining

if TYPE_CHECKING:
    from orion.sdk.states import State

R = TypeVar("R")


class OrionFuture(Generic[R]):
    """A submitted task run. In an async flow, futures of async tasks are awaited: `await future.result()`."""

    def __init__(self, name: str, task_run_id: str, asynchronous: bool) -> None:
        self.name, self.task_run_id, self.asynchronous = name, task_run_id, asynchronous
        self.done: Future[State] = Future()

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """The data of the run; a failure is raised, or returned if told so. TimeoutError when it takes too long."""
        if self.asynchronous:
            return self._result_later(timeout, raise_on_failure)
        state = self._wait(timeout)
        if state is None:
            raise TimeoutError(f"The task run {self.name!r} did not finish within {timeout} s.")
        return state.result(raise_on_failure=raise_on_failure)

    def wait(self, timeout: float | None = None) -> Any:
        """The final state, or None if the run has not finished within `timeout` seconds."""
        return self._wait_later(timeout) if self.asynchronous else self._wait(timeout)

    def get_state(self) -> Any:
        """The state as far as it is known here: the final one, else one that says so."""
        if self.asynchronous:
            return self._get_state_later()
        return self._state_now()

    def final_state(self) -> State:
        """The final state of a run that is done."""
        return self.done.result(timeout=0)

    def _state_now(self) -> State:
        from orion.sdk.states import Pending

        return self.done.result() if self.done.done() else Pending()

    def _wait(self, timeout: float | None) -> State | None:
        flow = FLOW.get()
        deadline = _earlier(timeout, flow.deadline if flow else None)
        try:
            return self.done.result(remaining(deadline))
        except TimeoutError:
            if self.done.done():
                return self.done.result()
            if flow is not None:
                flow.check_deadline()
            return None

    async def _wait_later(self, timeout: float | None) -> State | None:
        import asyncio

        waiting = asyncio.wrap_future(self.done)
        finished, _ = await asyncio.wait([waiting], timeout=timeout)
        return waiting.result() if finished else None

    async def _result_later(self, timeout: float | None, raise_on_failure: bool) -> Any:
        state = await self._wait_later(timeout)
        if state is None:
            raise TimeoutError(f"The task run {self.name!r} did not finish within {timeout} s.")
        return state.result(raise_on_failure=raise_on_failure)

    async def _get_state_later(self) -> State:
        return self._state_now()

    def __await__(self) -> Generator[Any, None, OrionFuture[R]]:
        yield from ()
        return self

    def __bool__(self) -> bool:
        raise TypeError(
            "A future is neither true nor false: it stands for a result that may not be there yet. "
            "Use `.result()` for the data, or pass the future to another task."
        )

    def __repr__(self) -> str:
        return f"OrionFuture({self.name!r})"


class FutureList(list[OrionFuture[R]]):
    """The futures of a map, in order; can be awaited, waited for and resolved as one."""

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> Any:
        """The data of all, in order."""
        if any(future.asynchronous for future in self):
            return _gather(future.result(timeout, raise_on_failure) for future in self)
        deadline = _earlier(timeout, None)
        return [future.result(remaining(deadline), raise_on_failure) for future in self]

    def wait(self, timeout: float | None = None) -> Any:
        """The final states of all, in order; None for those that are not done in time."""
        if any(future.asynchronous for future in self):
            return _gather(future.wait(timeout) for future in self)
        deadline = _earlier(timeout, None)
        return [future.wait(remaining(deadline)) for future in self]

    def __await__(self) -> Generator[Any, None, FutureList[R]]:
        yield from ()
        return self


def _earlier(timeout: float | None, deadline: float | None) -> float | None:
    if timeout is None:
        return deadline
    mine = time.monotonic() + timeout
    return mine if deadline is None else min(mine, deadline)


async def _gather(coming: Iterable[Awaitable[Any]]) -> list[Any]:
    import asyncio

    return list(await asyncio.gather(*coming))
