"""The clock: Huey's consumer inside this process, and alarms: for late runs, for leases, for notifications.

It looks every 10 s, so that an idle clock costs next to nothing; what must not wait that long has the alarm.
While somebody holds a run, the leases are swept every 5 s.
"""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime
from typing import Any

from orion.errors import Busy
from orion.model.times import utcnow
from orion.services import notifying
from orion.services.lateness import next_late
from orion.services.leases import next_end
from orion.services.runner import HOLDER, let_go
from orion.settings import Settings
from orion.store import Store

from .duties import register
from .hueys import Consumer, Scheduler, Worker
from .queue import open_queue

log = logging.getLogger("orion.clock")

LOOK_SECONDS = 10
STOP_SECONDS = 8.0
SHORTEST_SECONDS = 0.2
SWEEP_SECONDS = 5.0
NEWS_SECONDS = 2.0  # how soon the alarm sees a message that another process has put into the outbox


class _Scheduler(Scheduler):
    periodic_task_seconds = LOOK_SECONDS


class _Worker(Worker):
    """Sleeps until something is enqueued in this process, instead of asking the queue again and again."""

    bell: threading.Event

    def sleep(self) -> None:
        self.bell.wait(LOOK_SECONDS)
        self.bell.clear()


class _Embedded(Consumer):
    """A consumer that leaves the signals of the process alone."""

    scheduler_class = _Scheduler
    worker_class = _Worker

    def _set_signal_handlers(self) -> None:
        return


class Clock:
    """The clock of one process. Several may run: leases see to it that one works."""

    def __init__(self, store: Store, settings: Settings, holder: str = HOLDER) -> None:
        logging.getLogger("huey").setLevel(logging.WARNING)
        self.store, self.holder = store, holder
        self.bell, self.stopping = threading.Event(), threading.Event()
        self.huey = open_queue(settings)
        _ring_on_enqueue(self.huey.storage, self.bell)
        self.tasks = register(self.huey, store, LOOK_SECONDS, holder)
        self.consumer = _Embedded(
            self.huey, workers=1, scheduler_interval=LOOK_SECONDS, shutdown_timeout=STOP_SECONDS
        )
        for worker, _ in self.consumer.worker_threads:
            worker.bell = self.bell
        self.news = threading.Event()
        self.swept = 0.0
        self.alarm = threading.Thread(target=self._ring, name="clock-alarm", daemon=True)
        self.sender = threading.Thread(target=self._send_notifications, name="clock-sender", daemon=True)

    def start(self) -> None:
        """Begin: every duty is due at once, then at its interval."""
        self.consumer.start()
        self.alarm.start()
        self.store.bus.overhear("notifications", self.news.set)
        self.sender.start()

    def stop(self) -> None:
        """End after the duty that is under way, and let another clock take over at once."""
        self.stopping.set()
        self.consumer.stop_flag.set()
        self.bell.set()
        self.news.set()
        self.consumer.stop(graceful=True)
        self.alarm.join(STOP_SECONDS)
        self.sender.join(STOP_SECONDS)
        let_go(self.store, self.holder)
        self.huey.storage.close()

    def _ring(self) -> None:
        late, pause = None, 0.0
        while not self.stopping.wait(pause):
            try:
                if late is not None and late <= utcnow():
                    self.tasks["lateness"]()
                late = next_late(self.store, utcnow()) if "lateness" in self.tasks else None
                pause = min(_until(late), self._sweep())
            except Busy as error:
                log.warning("The alarm waits for the database; again in %d s: %s", LOOK_SECONDS, error)
                late, pause = None, LOOK_SECONDS
            except Exception:
                log.exception("The alarm failed; it is set again in %d s.", LOOK_SECONDS)
                late, pause = None, LOOK_SECONDS

    def _sweep(self) -> float:
        """Have the leases swept when one has ended, at most every 5 s; how long until the next look."""
        ends = next_end(self.store)
        if ends is None:
            return LOOK_SECONDS
        left = self.swept + SWEEP_SECONDS - time.monotonic()
        if ends <= utcnow() and left <= 0:
            self.tasks["leases"]()
            self.swept, left = time.monotonic(), SWEEP_SECONDS
        return max(min(_until(ends), SWEEP_SECONDS), left, SHORTEST_SECONDS)

    def _send_notifications(self) -> None:
        """Send at once what this process has put into the outbox, and in time what is to be tried again.

        It has a thread of its own, so that a receiver that hangs keeps no duty waiting.
        """
        while "notifications" in self.tasks and not self.stopping.is_set():
            try:
                due = notifying.next_due(self.store)
                if due is not None and due <= utcnow():
                    notifying.deliver(self.store, utcnow())
                pause = min(_until(due), NEWS_SECONDS)
            except Busy as error:
                log.warning("Notifications wait for the database; again in %d s: %s", LOOK_SECONDS, error)
                pause = LOOK_SECONDS
            except Exception:
                log.exception("Notifications could not be sent; they are tried again in %d s.", LOOK_SECONDS)
                pause = LOOK_SECONDS
            self.news.wait(pause)
            self.news.clear()


def _ring_on_enqueue(storage: Any, bell: threading.Event) -> None:
    """Ring once a message lies in the queue; Huey's own signal comes before that.

    A queue that cannot be written, as on a full disk, is told in a line: what is due is found again.
    """
    enqueue = storage.enqueue

    def and_ring(*args: Any, **kwargs: Any) -> None:
        try:
            enqueue(*args, **kwargs)
        except Exception as error:
            return log.warning("The queue of the clock cannot be written: %s", error)
        bell.set()

    storage.enqueue = and_ring


def _until(late: datetime | None) -> float:
    """How long the alarm may sleep: new runs may be planned meanwhile, so no longer than a look."""
    left = (late - utcnow()).total_seconds() if late else LOOK_SECONDS
    return min(max(left, SHORTEST_SECONDS), LOOK_SECONDS)
