"""Work on its way through a thread: a function, its arguments, and who waits for the answer."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from orion.errors import Busy

if TYPE_CHECKING:
    from orion.store.base import Conn, Lane

Opened = AbstractContextManager[Callable[["Job"], None]]


class Job:
    """One read (it has no lane) or write. The answer goes to an event loop's future, or to a thread that waits."""

    __slots__ = ("args", "done", "durable", "error", "fn", "future", "kw", "lane", "loop", "result", "topics")

    def __init__(
        self, fn: Callable[..., Any], args: Any, kw: Any, *, lane: Lane | None = None, durable: bool = True
    ) -> None:
        self.fn, self.args, self.kw = fn, args, kw
        self.lane, self.durable = lane, durable
        self.result: Any = None
        self.error: BaseException | None = None
        self.topics: set[str] | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.future: asyncio.Future[Any] | None = None
        self.done: threading.Event | None = None

    def __call__(self, conn: Conn) -> None:
        """Run the function and keep what it gives; an error is raised to the caller, who decides."""
        self.result = self.fn(conn, *self.args, **self.kw)

    def awaited(self) -> asyncio.Future[Any]:
        """The future of the running event loop that will get the answer."""
        self.loop = asyncio.get_running_loop()
        self.future = self.loop.create_future()
        return self.future

    def blocking(self) -> None:
        """Prepare for a thread that waits in `outcome`."""
        self.done = threading.Event()

    def outcome(self) -> Any:
        """Wait for the answer, in a thread."""
        assert self.done is not None
        self.done.wait()
        return self.answer()

    def answer(self) -> Any:
        """The result of a finished job, or its error raised."""
        if self.error is not None:
            raise self.error
        return self.result

    @property
    def is_left(self) -> bool:
        """Whether nobody waits for the answer any more: it need not be begun."""
        return self.future is not None and self.future.done()

    def expire(self) -> None:
        """Who waits on a loop has waited long enough. What has begun may still be done: a request that is repeated is
        made for that."""
        if self.future is not None and not self.future.done():
            self.future.set_exception(Busy("The database does not answer in time; try again in a moment."))

    def settle(self) -> None:
        """Hand the answer to the future, on its loop."""
        future = self.future
        if future is None or future.done():
            return
        if self.error is not None:
            future.set_exception(self.error)
        else:
            future.set_result(self.result)


def deliver(jobs: Iterable[Job]) -> None:
    """Answer finished jobs; one wake-up for each event loop, however many they are."""
    loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in jobs:
        if job.loop is not None:
            loops.setdefault(job.loop, []).append(job)
        elif job.done is not None:
            job.done.set()
    for loop, finished in loops.items():
        try:
            loop.call_soon_threadsafe(_settle, finished)
        except RuntimeError:
            pass  # the loop is closed: nobody waits any more


def _settle(jobs: list[Job]) -> None:
    for job in jobs:
        job.settle()


def refuse(jobs: queue.SimpleQueue[Job | None]) -> None:
    """Answer all that came too late."""
    while not jobs.empty():
        job = jobs.get()
        if job is not None:
            job.error = Busy("The database is being closed.")
            deliver((job,))


class Workers:
    """A few threads that take jobs from one queue, made as they are needed; each enters its own `work`."""

    def __init__(self, name: str, count: int, work: Callable[[], Opened]) -> None:
        self._name, self._count, self._work = name, count, work
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False

    def submit(self, job: Job) -> None:
        """Queue a job."""
        self._queue.put(job)
        if self._closed:
            refuse(self._queue)
        elif len(self._threads) < self._count:
            self._grow()

    def close(self) -> None:
        """Finish what is queued, then end the threads."""
        with self._lock:
            threads, self._count = self._threads, 0
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            thread.join()
        self._closed = True
        refuse(self._queue)

    def _grow(self) -> None:
        with self._lock:
            if len(self._threads) < self._count:
                name = f"{self._name}-{len(self._threads)}"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._threads.append(thread)
                thread.start()

    def _run(self) -> None:
        try:
            with self._work() as work:
                while (job := self._queue.get()) is not None:
                    if not job.is_left:
                        work(job)
                        deliver((job,))
        except (
            Exception
        ) as error:  # it cannot work (no connection): say so to one job, and let the next try anew
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        with self._lock:
            self._threads.remove(threading.current_thread())
        job = self._queue.get()
        if job is not None:
            job.error = error
            deliver((job,))
