"""The start of task runs: making one and asking for RUNNING is one line, and lines of one moment share a request."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orion.model.task_runs import TaskRunBatchItem
from orion.sdk.answers import Answer
from orion.sdk.effects import Effect

if TYPE_CHECKING:
    from orion.sdk.client import AsyncClient, SyncClient
    from orion.sdk.session import Session

LINES = 200


class Begin(Effect):
    """Make a task run and propose its first state; gives the `Answer`."""

    __slots__ = ("item", "session")

    def __init__(self, session: Session, item: TaskRunBatchItem) -> None:
        self.session, self.item = session, item

    def now(self) -> Answer:
        return self.session.begin(self.item)

    async def later(self) -> Answer:
        return await self.session.begin_later()(self.item)


class Place:
    """One line in the queue: ready when it is answered, or when it is its turn to send."""

    __slots__ = ("answer", "error", "item", "ready")

    def __init__(self, item: TaskRunBatchItem) -> None:
        self.item = item
        self.ready = threading.Event()
        self.answer: Answer | None = None
        self.error: BaseException | None = None

    @property
    def is_open(self) -> bool:
        return self.answer is None and self.error is None


class SyncBeginner:
    """Threads that ask at one time: the first sends for all, then hands over to one that came meanwhile."""

    def __init__(self, client: SyncClient, lines: int = LINES) -> None:
        self._client, self._lines = client, lines
        self._lock = threading.Lock()
        self._waiting: list[Place] = []
        self._busy = False

    def __call__(self, item: TaskRunBatchItem) -> Answer:
        place = Place(item)
        with self._lock:
            self._waiting.append(place)
            leads, self._busy = not self._busy, True
        if not leads:
            place.ready.wait()
        if place.is_open:
            self._send_all()
        if place.error is not None:
            raise place.error
        assert place.answer is not None
        return place.answer

    def _send_all(self) -> None:
        with self._lock:
            batch, self._waiting = self._waiting[: self._lines], self._waiting[self._lines :]
        try:
            _settle(batch, self._client.batch_task_runs([place.item for place in batch]))
        except BaseException as error:
            for place in batch:
                place.error = error
        for place in batch:
            place.ready.set()
        with self._lock:
            self._busy = bool(self._waiting)
            if self._busy:
                self._waiting[0].ready.set()


def _settle(batch: Sequence[Place], answers: Sequence[Answer]) -> None:
    for place, answer in zip(batch, answers, strict=True):
        place.answer = answer


class AsyncBeginner:
    """Coroutines of one loop that ask at one time share a request."""

    def __init__(self, client: AsyncClient, lines: int = LINES) -> None:
        import asyncio

        self._client, self._lines = client, lines
        self._turn = asyncio.Lock()
        self._waiting: list[Place] = []

    async def __call__(self, item: TaskRunBatchItem) -> Answer:
        place = Place(item)
        self._waiting.append(place)
        async with self._turn:
            if place.is_open:
                await self._send_all()
        if place.error is not None:
            raise place.error
        assert place.answer is not None
        return place.answer

    async def _send_all(self) -> None:
        batch, self._waiting = self._waiting[: self._lines], self._waiting[self._lines :]
        try:
            _settle(batch, await self._client.batch_task_runs([place.item for place in batch]))
        except Exception as error:
            for place in batch:
                place.error = error
        except BaseException:
            self._waiting[:0] = [place for place in batch if place.is_open]
            raise
