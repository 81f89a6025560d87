"""Topics: who waits for a change is woken after the commit that made it.

The bus carries no facts, only names (`runs`, `run:<id>`, `queue:<name>`, ...). A wake-up says "look again".
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType

EVERYTHING = "*"


class Subscription:
    """What one waiter wants to hear; a context manager, used on one event loop.

    `since` is when the last news came (`time.monotonic`), the same for all who were told of it.
    """

    def __init__(self, bus: Bus, topics: frozenset[str]) -> None:
        self.topics = topics
        self._bus = bus
        self._loop = asyncio.get_running_loop()
        self._heard: set[str] = set()
        self._event = asyncio.Event()
        self.since = float("-inf")

    async def wait(self, timeout: float | None = None) -> set[str]:
        """The topics told since the last wait; empty when the time is over. `*` means: anything may have changed."""
        try:
            await asyncio.wait_for(self._event.wait(), timeout)
        except TimeoutError:
            return set()
        self._event.clear()
        heard, self._heard = self._heard, set()
        return heard

    def close(self) -> None:
        """Stop listening."""
        self._bus.drop(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.close()

    def tell(self, topics: set[str], at: float) -> None:
        """Called from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._hear, topics, at)
        except RuntimeError:
            self.close()

    def _hear(self, topics: set[str], at: float) -> None:
        self._heard |= topics
        self.since = max(self.since, at)
        self._event.set()


class Bus:
    """The topics of one store. `publish` may be called from any thread; `on_wait` is told of each new waiter.

    `told` grows with every publication: who remembers it knows later whether there was one meanwhile.
    """

    def __init__(self, on_wait: Callable[[], None] = lambda: None) -> None:
        self.on_wait = on_wait
        self.told = 0
        self._lock = threading.Lock()
        self._waiters: dict[str, set[Subscription]] = {}
        self._overhearers: dict[str, Callable[[], None]] = {}

    @property
    def awaited(self) -> bool:
        """Whether anybody listens."""
        return bool(self._waiters)

    def subscribe(self, topics: Iterable[str]) -> Subscription:
        """Start listening; must be called on the event loop that will wait."""
        subscription = Subscription(self, frozenset(topics))
        with self._lock:
            for topic in subscription.topics:
                self._waiters.setdefault(topic, set()).add(subscription)
        self.on_wait()
        return subscription

    def publish(self, topics: Iterable[str]) -> None:
        """Wake everybody who listens to one of the topics; `*` wakes all."""
        self.told += 1
        if self._overhearers:
            topics = set(topics)
            for topic, then in self._overhearers.items():
                if topic in topics or EVERYTHING in topics:
                    then()
        if self._waiters:
            at = time.monotonic()
            for subscription, heard in self._hearers(topics).items():
                subscription.tell(heard, at)

    def overhear(self, topic: str, then: Callable[[], None]) -> None:
        """Call `then`, which returns at once, whenever a topic is told. That asks no other process for its news."""
        self._overhearers[topic] = then

    def drop(self, subscription: Subscription) -> None:
        """Forget a listener."""
        with self._lock:
            for topic in subscription.topics:
                listeners = self._waiters.get(topic, set())
                listeners.discard(subscription)
                if not listeners:
                    self._waiters.pop(topic, None)

    def _hearers(self, topics: Iterable[str]) -> dict[Subscription, set[str]]:
        hearers: dict[Subscription, set[str]] = {}
        with self._lock:
            for topic in topics:
                for subscription in self._listening(topic):
                    hearers.setdefault(subscription, set()).add(topic)
        return hearers

    def _listening(self, topic: str) -> set[Subscription]:
        if topic == EVERYTHING:
            return set().union(*self._waiters.values())
        return self._waiters.get(topic, set())
