"""Line: askers at one server who wait try oldest first; what is free is theirs for a second, then anybody's."""

from __future__ import annotations

import asyncio
import bisect
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

OFFER_SECONDS = 1.0


class Ticket:
    """A place in the line of one queue."""

    def __init__(self, line: list[Ticket], rank: str) -> None:
        self._line, self.rank = line, rank
        self._began, self._trying = float("-inf"), False
        self._change = asyncio.Event()

    @property
    def is_first(self) -> bool:
        """Whether nobody came earlier: its turn is now."""
        return not self._earlier()

    @asynccontextmanager
    async def turn(self, since: float | None = None) -> AsyncIterator[None]:
        """Try to get something, once everybody who came earlier has tried, or has let a second pass.

        `since` is when there was news (`time.monotonic`): who tried before that has not tried.
        """
        await self._wait(since)
        self._began, self._trying = time.monotonic(), True
        try:
            yield
        finally:
            self._trying = False
            self._tell()

    async def _wait(self, since: float | None) -> None:
        least = max(time.monotonic() - OFFER_SECONDS, since or 0.0)
        try:
            async with asyncio.timeout(OFFER_SECONDS):
                while any(other._trying or other._began < least for other in self._earlier()):
                    self._change.clear()
                    await self._change.wait()
        except TimeoutError:
            return

    def _earlier(self) -> list[Ticket]:
        return self._line[: self._line.index(self)]

    def _tell(self) -> None:
        for other in self._line:
            other._change.set()


class Line:
    """The waiting askers of every queue, for one process."""

    def __init__(self) -> None:
        self._lines: defaultdict[str, list[Ticket]] = defaultdict(list)

    @contextmanager
    def join(self, queue_id: str, rank: str = "") -> Iterator[Ticket]:
        """A place in the queue's line until the block ends: at its end, or before those of a higher rank."""
        line = self._lines[queue_id]
        ticket = Ticket(line, rank)
        bisect.insort(line, ticket, key=lambda other: other.rank)
        try:
            yield ticket
        finally:
            line.remove(ticket)
            ticket._tell()
            if not line:
                self._lines.pop(queue_id, None)
