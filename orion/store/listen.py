"""News between processes over PostgreSQL's LISTEN and NOTIFY.

Topics are told after the commit from a thread of their own, many in one message: a NOTIFY inside the transaction would
make all commits wait for each other. News that is lost is no harm, since who waits looks again by itself in time.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any

import psycopg

from orion.model.ids import new_id
from orion.store.bus import EVERYTHING, Bus

CHANNEL = "orion"
PAYLOAD = 7_000  # bytes; PostgreSQL refuses 8,000
PAUSE = 0.005
RECONNECT_SECONDS = (0.1, 0.5, 2.0, 5.0)


class Herald:
    """Tells the other processes of this one's news, and this one's bus of theirs. Threads start when needed."""

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], bus: Bus) -> None:
        self._connect, self._bus = connect, bus
        self._me = new_id()
        self._news: queue.SimpleQueue[frozenset[str] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._teller: threading.Thread | None = None
        self._listener: threading.Thread | None = None
        self._listening = threading.Event()
        self._closed = threading.Event()

    def tell(self, topics: set[str]) -> None:
        """Pass on news; returns at once."""
        self._bus.publish(topics)
        self._news.put(frozenset(topics))
        if self._teller is None:
            with self._lock:
                self._teller = self._teller or _start(self._tell_all, "orion-teller")

    def listen(self) -> None:
        """Somebody waits: hear the other processes from now on."""
        if self._listener is None:
            with self._lock:
                self._listener = self._listener or _start(self._listen, "orion-listener")

    def close(self) -> None:
        """Tell what is left to tell, then end both threads."""
        self._closed.set()
        self._news.put(None)
        for thread in (self._teller, self._listener):
            if thread is not None:
                thread.join(timeout=5)

    def _tell_all(self) -> None:
        raw: psycopg.Connection[Any] | None = None
        while not self._closed.is_set() or not self._news.empty():
            topics = self._collect()
            try:
                raw = raw if raw is not None and not raw.closed else self._connect()
                for message in messages(self._me, topics):
                    raw.execute("SELECT pg_notify(%s, %s)", (CHANNEL, message))
            except psycopg.Error:
                self._closed.wait(RECONNECT_SECONDS[0])
        if raw is not None:
            raw.close()

    def _collect(self) -> set[str]:
        topics = set(self._news.get() or ())
        self._closed.wait(PAUSE)
        for _ in range(self._news.qsize()):
            topics |= self._news.get() or frozenset()
        return topics

    def _listen(self) -> None:
        failures = 0
        while not self._closed.is_set():
            try:
                with self._connect() as raw:
                    raw.execute(f"LISTEN {CHANNEL}")
                    self._bus.publish({EVERYTHING})  # whatever was said while nobody listened
                    failures = 0
                    self._hear(raw)
            except psycopg.Error:
                self._closed.wait(RECONNECT_SECONDS[min(failures, 3)])
                failures += 1

    def _hear(self, raw: psycopg.Connection[Any]) -> None:
        while not self._closed.is_set():
            for notice in raw.notifies(timeout=0.5, stop_after=1):
                teller, *topics = notice.payload.split("\n")
                if teller != self._me:
                    self._bus.publish(topics)


def messages(teller: str, topics: Iterable[str]) -> list[str]:
    """Topics in as few messages as the payload's limit allows, each headed by who tells; too many become `*`."""
    topics = sorted(topics)
    if sum(len(topic.encode()) + 1 for topic in topics) > PAYLOAD - len(teller):
        topics = [EVERYTHING]
    return ["\n".join((teller, *topics))] if topics else []


def _start(target: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread
