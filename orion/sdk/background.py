"""A thread that sends things in batches while the run goes on: nothing is lost, order is kept, a flush waits."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class BackgroundSender(Generic[T]):
    """Put items in; they leave in order, in batches, after at most `linger` seconds or as soon as somebody flushes."""

    def __init__(self, name: str, linger: float) -> None:
        self.name, self.linger = name, linger
        self._queue: deque[T] = deque()
        self._changed = threading.Condition()
        self._put = self._sent = 0
        self._hurry = 0
        self._closing = False
        self._thread: threading.Thread | None = None

    def take(self, queue: deque[T]) -> list[T]:
        """Remove and return the next batch from the head of the queue."""
        raise TypeError("a sender needs a take method")

    def deliver(self, batch: list[T]) -> None:
        """Send a batch; it must come to an end, whatever happens, and keep what it could not send."""
        raise TypeError("a sender needs a deliver method")

    def idle(self) -> None:
        """Called in the thread whenever everything is sent."""

    def put(self, item: T) -> None:
        """Add an item; returns at once."""
        with self._changed:
            self._queue.append(item)
            self._put += 1
            if self._thread is None:
                self._closing = False
                self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
                self._thread.start()
            elif self._put - self._sent == 1 or self.is_full(self._queue):
                self._changed.notify_all()

    def is_full(self, queue: deque[T]) -> bool:
        """Whether a batch should go now although it has not lingered."""
        return False

    @property
    def is_waiting(self) -> bool:
        """Whether something has not been handled yet."""
        return self._sent < self._put

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that was put before has been handled; False if that took longer than `timeout` seconds."""
        if threading.current_thread() is self._thread:
            return False
        with self._changed:
            goal = self._put
            if self._sent >= goal:
                return True
            self._hurry = max(self._hurry, goal)
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._sent >= goal, timeout)

    def close(self, timeout: float | None = None) -> bool:
        """Flush, and end the thread."""
        done = self.flush(timeout)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        return done

    def _work(self) -> None:
        while self._wait_for_work():
            with self._changed:
                batch = self.take(self._queue)
            self.deliver(batch)
            with self._changed:
                self._sent += len(batch)
                empty = not self._queue
                self._changed.notify_all()
            if empty:
                self.idle()
        with self._changed:
            self._thread = None

    def _wait_for_work(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._queue) or self._closing)
            due = time.monotonic() + self.linger
            while (
                self._queue
                and self._hurry <= self._sent
                and not self._closing
                and not self.is_full(self._queue)
            ):
                left = due - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            return bool(self._queue)
