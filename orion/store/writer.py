"""SQLite's one writer: a thread that drains a queue of writes and commits many of them together.

A sync of the disk costs milliseconds, a write microseconds; so all writes that wait share one transaction (*group
commit*), each in a savepoint so that a failing one hurts nobody else, and are answered after its commit.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections import deque

from orion.store.base import Lane
from orion.store.bus import EVERYTHING, Bus
from orion.store.checkpoints import Checkpoints
from orion.store.courtesy import Courtesy
from orion.store.crash_points import crash_point
from orion.store.jobs import Job, deliver, refuse
from orion.store.sqlite_conn import SqliteConn, explain

GROUP_SECONDS = 0.05  # a transaction takes no more writes after this
LOW_AT_ONCE = 100
LOW_WAITS = 0.5  # maintenance lets states and other processes go first, and the log come to its end; no longer
MOMENT = 0.005
LOOK_SECONDS = 0.1  # how often to look for commits of other processes, while somebody waits for news


class Writer:
    """The thread, its queue and its lanes."""

    def __init__(
        self,
        conn: SqliteConn,
        bus: Bus,
        courtesy: Courtesy,
        *,
        full: bool,
        busy: float,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self._conn, self._bus, self._full, self._checkpoints = conn, bus, full, checkpoints
        self._courtesy, self._busy = courtesy, busy
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lanes: tuple[deque[Job], ...] = tuple(deque() for _ in Lane)
        self._closing = self._closed = False
        self._low_since: float | None = None
        self._synchronous = ""
        self._version = self._seen()
        self._thread = threading.Thread(target=self._run, name="orion-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Queue a write."""
        self._queue.put(job)
        if self._closed:
            refuse(self._queue)

    def look(self) -> None:
        """Somebody began to wait for news: watch for other processes from now on."""
        self._queue.put(None)

    def close(self) -> None:
        """Commit everything that waits, then end."""
        self._closing = True
        self._queue.put(None)
        self._thread.join()
        self._closed = True
        refuse(self._queue)

    def _run(self) -> None:
        while self._gather():
            group = self._choose()
            if group:
                self._commit_all(group)
            elif any(self._lanes):
                self._take(self._wait(MOMENT))
            if self._checkpoints:
                self._checkpoints.finish(self._conn.raw)
            self._look_elsewhere()
        self._conn.raw.close()
        self._courtesy.close()

    def _gather(self) -> bool:
        """Sort what has come into the lanes, waiting for something when they are empty; False at the end."""
        if not any(self._lanes) and not self._closing:
            self._take(self._wait())
        for _ in range(self._queue.qsize()):
            self._take(self._queue.get())
        return bool(any(self._lanes) or not self._closing)

    def _wait(self, seconds: float | None = None) -> Job | None:
        try:
            return self._queue.get(timeout=seconds or (LOOK_SECONDS if self._bus.awaited else None))
        except queue.Empty:
            return None

    def _take(self, job: Job | None) -> None:
        if job is not None:
            self._lanes[job.lane or Lane.STATE].append(job)

    def _choose(self) -> list[Job]:
        """States, then logs; maintenance when nothing else waits, or one write of it that has waited too long."""
        group = [*self._lanes[Lane.STATE], *self._lanes[Lane.LOG]]
        self._lanes[Lane.STATE].clear()
        self._lanes[Lane.LOG].clear()
        low = self._lanes[Lane.LOW]
        if low and self._low_may_go(bool(group)):
            group.append(low.popleft())
            while low and group[0].lane is Lane.LOW and len(group) < LOW_AT_ONCE:
                group.append(low.popleft())
        return group

    def _low_may_go(self, others: bool) -> bool:
        now = time.monotonic()
        self._low_since = self._low_since or now
        if now - self._low_since < LOW_WAITS and (others or self._is_long or self._courtesy.others_wait()):
            return False
        self._low_since = None
        return True

    @property
    def _is_long(self) -> bool:
        return self._checkpoints is not None and self._checkpoints.is_long

    def _commit_all(self, group: list[Job]) -> None:
        while group:
            try:
                group = self._commit(group)
            except (
                sqlite3.Error
            ) as error:  # the connection itself is in trouble: answer, and go on with the next
                self._roll_back()
                group = self._fail(group, error)

    def _commit(self, group: list[Job]) -> list[Job]:
        """One transaction; returns the writes that are still to be done at once."""
        try:
            self._begin(durable=any(job.durable for job in group))
        except sqlite3.Error as error:
            return self._fail(group, error)
        finished, failed, rest = self._execute(group)
        crash_point("writer-before-commit")
        try:
            self._conn.raw.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            self._fail(finished, error)
            finished = []
        crash_point("writer-after-commit")
        if self._checkpoints:
            self._checkpoints.committed(self._conn.raw.total_changes)
        self._publish(finished)
        deliver((*finished, *failed))
        return self._put_back(rest)

    def _put_back(self, rest: list[Job]) -> list[Job]:
        """Maintenance that found no time lets others go first once more."""
        self._lanes[Lane.LOW].extendleft(job for job in reversed(rest) if job.lane is Lane.LOW)
        return [job for job in rest if job.lane is not Lane.LOW]

    def _begin(self, *, durable: bool) -> None:
        wanted = "FULL" if durable and self._full else "NORMAL"
        if wanted != self._synchronous:
            self._conn.raw.execute(f"PRAGMA synchronous = {wanted}")
            self._synchronous = wanted
        self._courtesy.begin(self._conn.raw, self._busy)

    def _execute(self, group: list[Job]) -> tuple[list[Job], list[Job], list[Job]]:
        """Run the writes until the time is over; the finished, the failed, and those left for the next one."""
        finished: list[Job] = []
        failed: list[Job] = []
        low = group[0].lane is Lane.LOW
        guarded = len(group) > 1 and not low
        until = time.monotonic() + GROUP_SECONDS
        for place, job in enumerate(group):
            if self._one(job, guarded=guarded):
                finished.append(job)
            else:
                failed.append(job)
            if not self._conn.raw.in_transaction:  # the error undid the whole transaction, good writes too
                self._conn.raw.execute("BEGIN")
                return [], failed, [*finished, *group[place + 1 :]]
            if time.monotonic() > until or (low and self._queue.qsize()):
                return finished, failed, group[place + 1 :]
        return finished, failed, []

    def _one(self, job: Job, *, guarded: bool) -> bool:
        """Run one write; whether it succeeded. One that fails without a guard undoes the whole transaction."""
        if job.is_left:
            return False
        raw, conn = self._conn.raw, self._conn
        conn.topics = set()
        if guarded:
            raw.execute("SAVEPOINT w")
        try:
            job(conn)
            job.topics = conn.topics
            if guarded:
                raw.execute("RELEASE w")
        except BaseException as error:
            job.error = explain(error) if isinstance(error, sqlite3.Error) else error
            if not guarded:
                self._roll_back()
            elif raw.in_transaction:
                raw.execute("ROLLBACK TO w")
                raw.execute("RELEASE w")
            return False
        return True

    def _fail(self, jobs: list[Job], error: sqlite3.Error) -> list[Job]:
        for job in jobs:
            job.error = explain(error)
        deliver(jobs)
        return []

    def _roll_back(self) -> None:
        if self._conn.raw.in_transaction:
            self._conn.raw.execute("ROLLBACK")

    def _publish(self, jobs: list[Job]) -> None:
        topics: set[str] = set().union(*(job.topics for job in jobs if job.topics))
        if topics:
            self._bus.publish(topics)

    def _look_elsewhere(self) -> None:
        """Tell who waits that another process has committed; who has just come may hear of older news."""
        if self._bus.awaited and (version := self._seen()) != self._version:
            self._version = version
            self._bus.publish({EVERYTHING})

    def _seen(self) -> int:
        """A number that moves when another process commits, never for our own commits; 0 when it cannot be had."""
        try:
            return int(self._conn.raw.execute("PRAGMA data_version").fetchone()[0])
        except sqlite3.Error:
            return 0
