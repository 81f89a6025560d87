"""A task's function in another process: it goes there with its arguments, the outcome and its log lines come back."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, NamedTuple

from orion.blocks.redaction import redact
from orion.sdk.context import TASK
from orion.sdk.effects import Effect
from orion.sdk.logs import FLOW_RUNS, TASK_RUNS

if TYPE_CHECKING:
    from orion.sdk.task_call import Invoker, TaskCall


class Outcome(NamedTuple):
    """What came of a call: its value or its exception, and the lines it logged."""

    value: Any
    error: BaseException | None
    lines: list[logging.LogRecord]


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

        context = TASK.get()
        level = logging.getLogger(TASK_RUNS).getEffectiveLevel()
        future = self.executor.submit(run_here, pickling.dumps((self.work, context, level)))
        try:
            outcome: Outcome = pickling.loads(future.result(self.timeout))
        except TimeoutError:
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


class _Capture(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        record.msg, record.args = redact(self.format(record)), None
        record.exc_info = record.exc_text = None
        self.lines.append(record)


def run_here(packed: bytes) -> bytes:
    """In the process of the pool: call the function inside its task run's context."""
    from orion.sdk import pickling

    (fn, args, kwargs), context, level = pickling.loads(packed)
    capture = _listen(level)
    token = TASK.set(context)
    try:
        outcome = Outcome(fn(*args, **kwargs), None, capture.lines)
    except Exception as error:
        outcome = Outcome(None, error, capture.lines)
    finally:
        TASK.reset(token)
    return _pack(outcome)


def _pack(outcome: Outcome) -> bytes:
    from orion.sdk import pickling

    try:
        return pickling.dumps(outcome)
    except Exception as error:
        refusal = TypeError(f"The outcome cannot be brought back from its process: {error}")
        return pickling.dumps(Outcome(None, refusal, outcome.lines))


def _listen(level: int) -> _Capture:
    from orion.sdk import prints

    prints.install()
    capture = _Capture()
    for name in (FLOW_RUNS, TASK_RUNS):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [capture], False
        logger.setLevel(level)
    return capture
