"""Named limits in code: `with concurrency("api"):` holds slots, `rate_limit("api")` waits for its turn."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from orion.errors import NotFound, OrionError
from orion.model.ids import new_id
from orion.model.limits import Increment, IncrementWithLease, Lease, LeaseHolder, MinimalLimit
from orion.sdk.context import FLOW, TASK
from orion.sdk.effects import Ask, Steps, adrive, drive
from orion.sdk.errors import ApiError, Deadlock, NoFreeSlot
from orion.sdk.flow_runs import LeaveLoop
from orion.sdk.session import Session, session
from orion.sdk.surroundings import is_async

LEASE_SECONDS = 60.0
WAIT_SECONDS = 10.0  # how long one question for slots waits on the server
FULL, ENDED = 423, 410

HOLDING: list[Slots] = []  # the blocks that hold slots in this process, outer ones before inner ones

log = logging.getLogger("orion.concurrency")


def concurrency(
    names: str | Sequence[str],
    occupy: int = 1,
    *,
    timeout_seconds: float | None = None,
    strict: bool = False,
    lease_seconds: float = LEASE_SECONDS,
) -> Slots:
    """Hold `occupy` slots of each of the limits while the block runs: `with concurrency("api"):`, or `async with`.

    Waits for free slots, `timeout_seconds` at most, then raises `NoFreeSlot` (a TimeoutError). The slots are held
    on a lease, renewed meanwhile: those of a killed process are free again after `lease_seconds`. A name without an
    active limit does not limit anything; with `strict` it is an error.
    """
    return Slots(_listed(names), occupy, timeout_seconds, strict, lease_seconds)


def rate_limit(
    names: str | Sequence[str],
    occupy: int = 1,
    *,
    timeout_seconds: float | None = None,
    strict: bool = False,
) -> Any:
    """Wait until the limits have room for `occupy` more, and go on; slots come back at the limit's decay.

    In async code it is awaited. `timeout_seconds` and `strict` are as in `concurrency`.
    """
    wanted = Increment(names=_listed(names), slots=occupy, mode="rate_limit", waiter=new_id())
    steps = _rated(_here(), wanted, timeout_seconds, strict)
    return adrive(steps) if is_async() else drive(steps)


class Slots:
    """Slots of named limits, held for the length of a block."""

    def __init__(
        self, names: list[str], occupy: int, timeout: float | None, strict: bool, seconds: float
    ) -> None:
        self.names, self.occupy, self.timeout, self.strict, self.seconds = (
            names, occupy, timeout, strict, seconds,
        )  # fmt: skip
        self._held: Renewal | None = None
        self._sizes: dict[str, int] = {}
        self._line = _line()

    def __enter__(self) -> Self:
        drive(self._take())
        return self

    async def __aenter__(self) -> Self:
        await adrive(self._take())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        drive(self._give())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await adrive(self._give())

    def _take(self) -> Steps[None]:
        here, self._line = _here(), _line()
        wanted = IncrementWithLease(
            names=self.names,
            slots=self.occupy,
            lease_duration=self.seconds,
            holder=_holder(),
            waiter=new_id(),
        )
        fault = None if self.timeout is not None else self._fault()
        try:
            lease: Lease = yield from _asked(here, "take_lease", wanted, 0.0 if fault else self.timeout)
        except NoFreeSlot:
            if fault:
                raise Deadlock(fault) from None
            raise
        self._held = Renewal(here, lease.lease_id, self.names, self.seconds)
        self._sizes = {limit.name: limit.limit for limit in lease.limits}
        HOLDING.append(self)
        try:
            _check(self.names, lease.limits, self.strict)
        except NotFound:
            yield from self._give()
            raise
        if lease.limits:
            self._held.start()

    def _give(self) -> Steps[None]:
        held, self._held = self._held, None
        if held is None:
            return
        HOLDING.remove(self)
        held.over.set()
        yield Ask(held.session, "give_lease", held.lease_id)
        if FLOW.get() is None:
            yield LeaveLoop(held.session)

    def _fault(self) -> str | None:
        """What is wrong where only the block around this one could give back what is asked for."""
        for name in self.names:
            around = [slots for slots in tuple(HOLDING) if slots._line == self._line and name in slots._sizes]
            held = sum(slots.occupy for slots in around)
            if around and held + self.occupy > around[-1]._sizes[name]:
                return (
                    f"concurrency({name!r}) would wait for itself: the block around it holds {held}, and with "
                    f"{self.occupy} more there are more than its limit of {around[-1]._sizes[name]}. Take all in one "
                    "block, or raise the limit."
                )
        return None


class Renewal(threading.Thread):
    """Renews a lease, in time for two failures, until it is over."""

    def __init__(self, here: Session, lease_id: str, names: Sequence[str], seconds: float) -> None:
        super().__init__(name="orion-lease", daemon=True)
        self.session, self.lease_id, self.names, self.seconds = here, lease_id, names, seconds
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(self.seconds / 3):
            try:
                self.session.sync.renew_lease(self.lease_id, self.seconds)
            except ApiError as error:
                if error.status == ENDED and not self.over.is_set():
                    log.warning("The lease on %s has ended; others may use its slots.", ", ".join(self.names))
                    return
            except OrionError as error:
                log.warning("The lease on %s was not renewed: %s", ", ".join(self.names), error)


def _rated(here: Session, wanted: Increment, timeout: float | None, strict: bool) -> Steps[None]:
    try:
        limits = yield from _asked(here, "take_slots", wanted, timeout)
    finally:
        if FLOW.get() is None:
            yield LeaveLoop(here)
    _check(wanted.names, limits, strict)


def _asked(here: Session, route: str, wanted: Increment, timeout: float | None) -> Steps[Any]:
    """Ask until there is room; the server answers as soon as there is."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = WAIT_SECONDS if end is None else end - time.monotonic()
        wanted.wait_seconds = max(0.0, min(WAIT_SECONDS, left))
        try:
            return (yield Ask(here, route, wanted))
        except ApiError as error:
            if error.status != FULL:
                raise
        if end is not None and time.monotonic() >= end:
            raise NoFreeSlot(f"{', '.join(wanted.names)}: no {wanted.slots} free within {timeout:g} s.")


def _check(names: Sequence[str], limits: Sequence[MinimalLimit], strict: bool) -> None:
    missing = [name for name in names if name not in {limit.name for limit in limits}]
    if strict and missing:
        raise NotFound(
            f"There is no active limit {', '.join(map(repr, missing))}. "
            f"Make one: orion gcl create {missing[0]} --limit 1"
        )


def _listed(names: str | Sequence[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _here() -> Session:
    flow = FLOW.get()
    return session() if flow is None else flow.session


def _line() -> tuple[int, object]:
    """The line of execution: an outer block in it gives nothing back before an inner one has ended."""
    try:
        return threading.get_ident(), asyncio.current_task()
    except RuntimeError:
        return threading.get_ident(), None


def _holder() -> LeaseHolder | None:
    task, flow = TASK.get(), FLOW.get()
    if task is not None:
        return LeaseHolder(type="task_run", id=task.task_run.id)
    return None if flow is None else LeaseHolder(type="flow_run", id=flow.flow_run.id)
