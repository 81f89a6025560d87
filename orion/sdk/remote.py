"""A task's function in another process: it goes there with its arguments, the outcome and its log lines come back.

The other may call several at a time, each in a thread, and may be this process after all, as a cluster's may that has
no processes of its own.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from orion.blocks.redaction import redact
from orion.sdk.context import TASK
from orion.sdk.effects import Effect
from orion.sdk.logs import FLOW_RUNS, TASK_RUNS

if TYPE_CHECKING:
    from orion.sdk.task_call import Invoker, TaskCall


Lines = list[logging.LogRecord]
LINES: ContextVar[Lines | None] = ContextVar("orion_remote_lines", default=None)

_open: list[Lines] = []  # of the calls under way here
_home = 0  # the process that has given functions away


class Outcome(NamedTuple):
    """What came of a call: its value or its exception, and the lines it logged."""

    value: Any
    error: BaseException | None
    lines: Lines


class RemoteInvoke(Effect):
    """Like `Invoke`, in a process of the pool."""

    def __init__(
        self, executor: Executor, call: TaskCall, fn: Any, args: Sequence[Any], kwargs: dict[str, Any],
        timeout: float | None, late: type[Exception],
    ) -> None:  # fmt: skip
        self.executor, self.call, self.timeout, self.late = executor, call, timeout, late
        self.work = (fn, tuple(args), kwargs)

    def now(self) -> Any:
        from orion.sdk import pickling

        global _home
        _home = os.getpid()
        context = TASK.get()
        level = logging.getLogger(TASK_RUNS).getEffectiveLevel()
        future = self.executor.submit(run_here, pickling.dumps((self.work, context, level)))
        try:
            outcome: Outcome = pickling.loads(future.result(self.timeout))
        except TimeoutError:
            future.cancel()
            raise self.late(f"It took longer than {self.timeout:g} s. Its process is left behind.") from None
        for record in outcome.lines:
            record.__dict__.update(self.call.logger.extra or {})  # type: ignore[union-attr]
            logging.getLogger(record.name).handle(record)
        if outcome.error is not None:
            raise outcome.error
        return outcome.value


def invoker(executor: Executor, call: TaskCall) -> Invoker:
    """What calls the function of this task call in the pool."""
    return lambda *args: RemoteInvoke(executor, call, *args)


def run_here(packed: bytes) -> bytes:
    """Where the function was given to: call it inside its task run's context."""
    from orion.sdk import pickling

    (fn, args, kwargs), context, level = pickling.loads(packed)
    _listen(level)
    lines: Lines = []
    _open.append(lines)
    tokens = TASK.set(context), LINES.set(lines)
    try:
        outcome = Outcome(fn(*args, **kwargs), None, lines)
    except Exception as error:
        outcome = Outcome(None, error, lines)
    finally:
        TASK.reset(tokens[0])
        LINES.reset(tokens[1])
        _open[:] = [each for each in _open if each is not lines]
    return _pack(outcome)


def _pack(outcome: Outcome) -> bytes:
    from orion.sdk import pickling

    try:
        return pickling.dumps(outcome)
    except Exception as error:
        refusal = TypeError(f"The outcome cannot be brought back from its process: {error}")
        return pickling.dumps(Outcome(None, refusal, outcome.lines))


class _Capture(logging.Handler):
    """Keeps a line for the call that wrote it; what a thread of the function's own writes, for the one that goes on."""

    def emit(self, record: logging.LogRecord) -> None:
        lines = LINES.get()
        if lines is None and len(_open) == 1:
            lines = _open[0]
        if lines is not None:
            self.keep(record, lines)

    def keep(self, record: logging.LogRecord, lines: Lines) -> None:
        record.msg, record.args = redact(self.format(record)), None
        record.exc_info = record.exc_text = None
        lines.append(record)

    def divert(self, record: logging.LogRecord) -> bool:
        """As a filter of a logger that others use, too: take only what a call wrote."""
        lines = LINES.get()
        if lines is not None:
            self.keep(record, lines)
        return lines is None


_capture = _Capture()


def _listen(level: int) -> None:
    from orion.sdk import prints

    prints.install()
    for name in (FLOW_RUNS, TASK_RUNS):
        logger = logging.getLogger(name)
        if _home == os.getpid():
            logger.addFilter(_capture.divert)
            continue
        logger.handlers, logger.propagate = [_capture], False
        logger.setLevel(level)
