"""Loggers of runs: what a flow or task logs goes to the console and to its run at the API."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orion.blocks.redaction import redact
from orion.sdk.context import FLOW, TASK, FlowRunContext, TaskRunContext
from orion.sdk.errors import MissingContext

if TYPE_CHECKING:
    from orion.sdk.answers import FlowRun
    from orion.sdk.flows import Flow
    from orion.sdk.session import Session

FLOW_RUNS = "orion.flow_runs"
TASK_RUNS = "orion.task_runs"

CLOCK = "%(asctime)s.%(msecs)03d | %(levelname)-7s | "
_MISSING = dict.fromkeys(
    ("flow_run_id", "flow_run_name", "flow_name", "task_run_id", "task_run_name", "task_name"), "-"
)


class RunLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger bound to a run. `extra={"send_to_api": False}` keeps one line on this machine."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(self.extra or {}), **(kwargs.get("extra") or {})}
        return msg, kwargs


def get_run_logger(**extra: Any) -> RunLogger:
    """The logger of the run here; raises `MissingContext` outside of a run."""
    task, flow = TASK.get(), FLOW.get()
    if task is not None:
        return task_logger(task, flow, **extra)
    if flow is not None:
        return flow_logger(flow.flow, flow.flow_run, flow.session, **extra)
    raise MissingContext(
        "There is no run here: get_run_logger() works only inside a flow or a task that is running."
    )


def flow_logger(flow: Flow[Any, Any], run: FlowRun, session: Session, **extra: Any) -> RunLogger:
    """The logger of a flow run."""
    return RunLogger(logging.getLogger(FLOW_RUNS), {**_of_flow(flow, run, session), **extra})


def task_logger(context: TaskRunContext, flow: FlowRunContext | None, **extra: Any) -> RunLogger:
    """The logger of a task run."""
    own = {
        "task_run_id": context.task_run.id,
        "task_run_name": context.task_run.name,
        "task_name": context.task.name,
    }
    around = _of_flow(flow.flow, flow.flow_run, flow.session) if flow else {}
    return RunLogger(logging.getLogger(TASK_RUNS), {**around, **own, **extra})


def _of_flow(flow: Flow[Any, Any], run: FlowRun, session: Session) -> dict[str, Any]:
    return {
        "flow_run_id": run.id,
        "flow_run_name": run.name,
        "flow_name": flow.name,
        "orion_session": session,
    }


class RunFormatter(logging.Formatter):
    """A console format in which the fields of runs may be used for any record."""

    def __init__(self, format: str, datefmt: str = "%H:%M:%S") -> None:
        super().__init__(format, datefmt, defaults=_MISSING)

    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        data = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        data |= {name: record.__dict__[name] for name in _MISSING if name in record.__dict__}
        if record.exc_info:
            data["exception"] = self.formatException(record.exc_info)
        return redact(json.dumps(data, default=str))


class ApiHandler(logging.Handler):
    """Gives records to the sender of the run's session; a record outside of any run goes nowhere."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._emit(record)
        except Exception:
            self.handleError(record)

    def _emit(self, record: logging.LogRecord) -> None:
        fields = record.__dict__
        if fields.get("send_to_api") is False or _is_of_a_sender(fields):
            return
        flow, task = FLOW.get(), TASK.get()
        session = fields.get("orion_session") or (flow.session if flow else None)
        run = fields.get("flow_run_id") or (flow.flow_run.id if flow else None)
        if session is None or run is None or not session.settings.logging_to_api_enabled:
            return
        bound = "flow_run_id" in fields
        task_run = fields.get("task_run_id") or (task.task_run.id if task and not bound else None)
        session.logs.add(record, self.format(record), run, task_run)


def _is_of_a_sender(fields: Mapping[str, Any]) -> bool:
    """What sending logs says would never end; the outbox has only words of a run itself to pass on."""
    thread = threading.current_thread().name
    return thread == "orion-logs" or (thread == "orion-outbox" and "orion_session" not in fields)


_ready = False
_lock = threading.Lock()


def set_up(*, again: bool = False) -> None:
    """Configure logging for runs, once a process."""
    global _ready
    from orion.sdk import log_config, prints

    with _lock:
        if _ready and not again:
            return
        log_config.apply(log_config.configuration())
        prints.install()
        _ready = True
