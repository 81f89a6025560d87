"""Threads for tasks. They are daemons: a task that is left behind does not keep the process from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

Work = Callable[[], None]


class Threads:
    """At most `limit` threads, started as they are needed; work that finds none free waits its turn."""

    def __init__(self, limit: int, name: str) -> None:
        self._limit, self._name = limit, name
        self._queue: SimpleQueue[Work | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._lock = threading.Lock()
        self._started: list[threading.Thread] = []
        self._stopped = False

    def submit(self, work: Work) -> None:
        """Have it done; `work` may not raise. A `RuntimeError` once stopped."""
        with self._lock:
            if self._stopped:
                raise RuntimeError("The task runner has stopped.")
            self._queue.put(work)
            if not self._idle.acquire(blocking=False) and len(self._started) < self._limit:
                self._start()

    def stop(self, *, cancel: bool = False) -> None:
        """Wait until all is done; with `cancel` forget what has not begun, and wait for nothing."""
        with self._lock:
            self._stopped = True
            if cancel:
                self._forget()
            for _ in self._started:
                self._queue.put(None)
        if not cancel:
            for thread in self._started:
                thread.join()

    def _start(self) -> None:
        name = f"{self._name}_{len(self._started)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        thread.start()
        self._started.append(thread)

    def _forget(self) -> None:
        try:
            while True:
                self._queue.get_nowait()
        except Empty:
            pass

    def _work(self) -> None:
        while work := self._next():
            work()
            del work  # or what it refers to would live until the next one comes

    def _next(self) -> Work | None:
        try:
            return self._queue.get_nowait()
        except Empty:
            self._idle.release()
            return self._queue.get()
