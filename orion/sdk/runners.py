"""Task runners: where submitted tasks run. Threads and the event loop, one after the other, or elsewhere."""

from __future__ import annotations

import contextvars
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from orion.sdk.effects import adrive, drive
from orion.sdk.states import State
from orion.sdk.threads import Threads

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from orion.sdk.task_call import TaskCall


class TaskRunner:
    """The base of task runners: `submit` sees to it that `done` gets the final state of the call, sooner or later.

    A runner is used by one flow run at a time; `duplicate` gives a fresh one with the same options.
    """

    def duplicate(self) -> TaskRunner:
        return type(self)()

    def submit(self, call: TaskCall, done: Future[State]) -> None:
        raise TypeError(f"{type(self).__name__} needs a submit method.")

    def stop(self, *, cancel: bool = False) -> None:
        """Let go of threads and processes; with `cancel` what has not started never does."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class SequentialTaskRunner(TaskRunner):
    """Runs one task after the other, in the order in which they are submitted."""

    def __init__(self) -> None:
        self._last: Future[State] | None = None

    def submit(self, call: TaskCall, done: Future[State]) -> None:
        before, self._last = self._last, done
        if not call.task.isasync:
            settle(done, lambda: drive(_steps(call)))
        elif call.context.flow.isasync:
            _on_a_loop(call, done, before)
        else:
            _on_a_loop(call, done).result()


class ConcurrentTaskRunner(TaskRunner):
    """Sync tasks in threads, async tasks on the event loop, all at the same time."""

    def __init__(self, max_workers: int | None = None) -> None:
        self.max_workers = max_workers or 100
        self._pool: Threads | None = None
        self._lock = threading.Lock()

    def duplicate(self) -> TaskRunner:
        return type(self)(self.max_workers)

    def submit(self, call: TaskCall, done: Future[State]) -> None:
        if call.task.isasync:
            _on_a_loop(call, done)
            return
        context = contextvars.copy_context()
        upstream = [future.done for future in call.upstream.futures]
        when_done(
            upstream,
            lambda: self._start(lambda: context.run(settle, done, lambda: drive(_steps(call))), done),
        )

    def _start(self, work: Callable[[], None], done: Future[State]) -> None:
        try:
            self._threads().submit(work)
        except RuntimeError as error:
            done.set_result(lost(error))

    def _threads(self) -> Threads:
        with self._lock:
            if self._pool is None:
                self._pool = Threads(self.max_workers, "orion-task")
            return self._pool

    def stop(self, *, cancel: bool = False) -> None:
        if self._pool is not None:
            self._pool.stop(cancel=cancel)


class RemoteTaskRunner(ConcurrentTaskRunner):
    """The base of runners that call the functions of sync tasks elsewhere: in the executor that `start` gives.

    All else stays in the flow's process, so that what runs the functions needs no way to the API: states, retries, the
    cache, hooks. Arguments, results and log lines travel with the call.
    """

    _executor: Executor | None = None

    def start(self) -> Executor:
        """What runs the functions; it is asked for once, when the first task is submitted."""
        raise TypeError(f"{type(self).__name__} needs a start method.")

    def end(self, executor: Executor, *, cancel: bool) -> None:
        """Let go of it; with `cancel` nobody waits for what it still does."""
        executor.shutdown(wait=not cancel, cancel_futures=cancel)

    def submit(self, call: TaskCall, done: Future[State]) -> None:
        from orion.sdk.remote import invoker

        if not call.task.isasync:
            if self._executor is None:
                self._executor = self.start()
            call.invoker = invoker(self._executor, call)
        super().submit(call, done)

    def stop(self, *, cancel: bool = False) -> None:
        super().stop(cancel=cancel)
        executor, self._executor = self._executor, None
        if executor is not None:
            self.end(executor, cancel=cancel)


class ProcessPoolTaskRunner(RemoteTaskRunner):
    """The functions of sync tasks run in processes, for work that keeps a processor busy."""

    def __init__(self, max_workers: int | None = None) -> None:
        super().__init__(max_workers or os.cpu_count() or 1)

    def start(self) -> Executor:
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor

        spawn = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self.max_workers, mp_context=spawn)


def as_runner(given: TaskRunner | type[TaskRunner] | None) -> TaskRunner:
    """A runner as given to a flow: an instance, a class, or nothing."""
    if given is None:
        return ConcurrentTaskRunner()
    runner = given() if isinstance(given, type) else given
    if not isinstance(runner, TaskRunner):
        raise TypeError(f"task_runner takes a TaskRunner, as an instance or a class, but got {given!r}.")
    return runner


def settle(done: Future[State], work: Callable[[], State]) -> None:
    """Run the work and give `done` its state; an end without one counts as a crash."""
    try:
        done.set_result(work())
    except BaseException as error:
        done.set_result(lost(error))


def when_done(futures: Sequence[Future[Any]], call: Callable[[], None]) -> None:
    """Call as soon as all these are done: at once, or in the thread that ends the last."""
    left = len(futures)
    if not left:
        return call()
    lock = threading.Lock()

    def one_less(_: Future[Any]) -> None:
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        if last:
            call()

    for future in futures:
        future.add_done_callback(one_less)


def _steps(call: TaskCall) -> Any:
    from orion.sdk.task_engine import run_task

    return run_task(call)


def _on_a_loop(call: TaskCall, done: Future[State], after: Future[State] | None = None) -> Future[State]:
    """On the flow's own loop if the flow is async, else on the background loop."""
    if call.context.flow.isasync:
        import asyncio

        task = asyncio.get_running_loop().create_task(_awaited(call, done, after))
        call.context.loop_tasks.append(task)
    else:
        from orion.sdk.portal import portal

        portal().spawn(_awaited(call, done, after))
    return done


async def _awaited(call: TaskCall, done: Future[State], after: Future[State] | None) -> None:
    import asyncio

    try:
        if after is not None:
            await asyncio.wrap_future(after)
        done.set_result(await adrive(_steps(call)))
    except BaseException as error:
        done.set_result(lost(error))
        if not isinstance(error, Exception):
            raise


def lost(error: BaseException) -> State:
    """The state, known only here, of a task whose run ended without one."""
    from orion.sdk.crashes import end_of

    found = getattr(error, "state", None)
    if isinstance(found, State):
        return found
    return end_of(error, "The task run").holding(error)
