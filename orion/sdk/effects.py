"""One engine, two drivers: the engine is a generator that yields effects; the drivers block or await.

Every step of the engine is written once. `drive` performs the effects by blocking, `adrive` by awaiting.
"""

from __future__ import annotations

import contextvars
import inspect
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from orion.sdk.errors import FlowTimedOut, TaskTimedOut

if TYPE_CHECKING:
    from orion.sdk.session import Session

T = TypeVar("T")
Steps = Generator["Effect", Any, T]


class Effect:
    """Something that takes time. `now` does it by blocking, `later` by awaiting."""

    __slots__ = ()

    def now(self) -> Any:
        raise TypeError(f"{type(self).__name__} cannot block")

    async def later(self) -> Any:
        raise TypeError(f"{type(self).__name__} cannot be awaited")


class Ask(Effect):
    """A request to the API: a method of the client, by name."""

    __slots__ = ("args", "kwargs", "name", "session")

    def __init__(self, session: Session, name: str, *args: Any, **kwargs: Any) -> None:
        self.session, self.name, self.args, self.kwargs = session, name, args, kwargs

    def now(self) -> Any:
        return getattr(self.session.sync, self.name)(*self.args, **self.kwargs)

    async def later(self) -> Any:
        return await getattr(self.session.asynchronous(), self.name)(*self.args, **self.kwargs)


class Sleep(Effect):
    """Wait for some seconds."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = max(0.0, seconds)

    def now(self) -> None:
        time.sleep(self.seconds)

    async def later(self) -> None:
        import asyncio

        await asyncio.sleep(self.seconds)


class Join(Effect):
    """Wait until all these futures are done, or until the deadline (monotonic)."""

    __slots__ = ("deadline", "futures")

    def __init__(self, futures: Sequence[Future[Any]], deadline: float | None = None) -> None:
        self.futures, self.deadline = futures, deadline

    def now(self) -> None:
        from concurrent.futures import wait

        if wait(self.futures, timeout=remaining(self.deadline)).not_done:
            raise FlowTimedOut()

    async def later(self) -> None:
        import asyncio

        waiting = [asyncio.wrap_future(f) for f in self.futures if not f.done()]
        if waiting and (await asyncio.wait(waiting, timeout=remaining(self.deadline)))[1]:
            raise FlowTimedOut()


class OffLoop(Effect):
    """A short blocking call, such as waiting for the outbox: in a thread when there is a loop to keep free."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call

    def now(self) -> Any:
        return self.call()

    async def later(self) -> Any:
        import asyncio

        return await asyncio.to_thread(self.call)


class Invoke(Effect):
    """Call the user's function; with a timeout a function in a thread is left behind when it overruns."""

    __slots__ = ("args", "fn", "kwargs", "late", "timeout")

    def __init__(
        self,
        fn: Callable[..., Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        timeout: float | None = None,
        late: type[Exception] = TaskTimedOut,
    ) -> None:
        self.fn, self.args, self.kwargs, self.timeout, self.late = fn, args, kwargs, timeout, late

    def now(self) -> Any:
        if self.timeout is None:
            return self.fn(*self.args, **self.kwargs)
        return self._in_a_thread(self.timeout)

    async def later(self) -> Any:
        if self.timeout is None:
            return await self._awaited()
        import asyncio

        try:
            async with asyncio.timeout(self.timeout) as scope:
                return await self._awaited()
        except TimeoutError:
            if not scope.expired():
                raise
            raise self.late(f"It took longer than {self.timeout:g} s.") from None

    async def _awaited(self) -> Any:
        value = self.fn(*self.args, **self.kwargs)
        return await value if inspect.isawaitable(value) else value

    def _in_a_thread(self, timeout: float) -> Any:
        done: Future[Any] = Future()
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._fill, done), name="orion-timed", daemon=True).start()
        try:
            return done.result(timeout)
        except TimeoutError:
            if done.done():
                raise
            left = "Its thread cannot be interrupted and is left behind."
            raise self.late(f"It took longer than {timeout:g} s. {left}") from None

    def _fill(self, done: Future[Any]) -> None:
        try:
            done.set_result(self.fn(*self.args, **self.kwargs))
        except BaseException as error:
            done.set_exception(error)


def remaining(deadline: float | None) -> float | None:
    """Seconds until a monotonic deadline, at least zero; None if there is none."""
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def drive(steps: Steps[T]) -> T:
    """Run the steps, blocking."""
    try:
        effect = next(steps)
        while True:
            try:
                value = effect.now()
            except BaseException as error:
                effect = steps.throw(error)
            else:
                effect = steps.send(value)
    except StopIteration as stop:
        return stop.value


async def adrive(steps: Steps[T]) -> T:
    """Run the steps, awaiting."""
    try:
        effect = next(steps)
        while True:
            try:
                value = await effect.later()
            except BaseException as error:
                effect = steps.throw(error)
            else:
                effect = steps.send(value)
    except StopIteration as stop:
        return stop.value
