"""A run of ten thousand tasks that goes on: before each look at it some of its tasks end, and others begin.

It stands in the database only while it is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from orion.model.flow_runs import FlowRun
from orion.model.ids import new_id
from orion.model.task_runs import TaskRun
from orion.model.times import utcnow
from orion.model.wire import Raw
from orion.store import Conn, Store, flow_runs
from orion.store.task_runs import TASK_RUN

TASKS, ENDED, AT_ONCE, LAYERS = 10_000, 9_000, 100, 10
STEP = 5  # tasks that end, and as many that begin, between two looks; those that end have run from the beginning on
TOOK = timedelta(seconds=10)
BEGIN = (
    "UPDATE task_run SET state_type = 'RUNNING', state_name = 'Running', start_time = :now, updated = :now"
    " WHERE id = :id"
)
END = (
    "UPDATE task_run SET state_type = 'COMPLETED', state_name = 'Completed', end_time = :now, updated = :now,"
    " total_run_time = :took WHERE id = :id"
)


@contextmanager
def going_on(store: Store) -> Iterator[tuple[str, Callable[[], None]]]:
    """The run's address, and what lets it go on by a step."""
    run, ids = new_id(), [new_id() for _ in range(TASKS)]
    began, ended = utcnow() - timedelta(hours=1), iter(range(ENDED, ENDED + AT_ONCE, STEP))
    store.write_now(_begin, run, ids, began)
    try:
        yield f"/runs/{run}", lambda: store.write_now(_step, ids, next(ended), began, utcnow())
    finally:
        store.write_now(flow_runs.delete, run)


def _begin(conn: Conn, run: str, ids: list[str], began: datetime) -> None:
    (flow,) = conn.one("SELECT id FROM flow LIMIT 1") or ("",)
    made: dict[str, Any] = {"created": began, "updated": began, "expected_start_time": began}
    state: dict[str, Any] = {"state_type": "RUNNING", "state_name": "Running", "start_time": began}
    flow_runs.insert(conn, FlowRun(id=run, name="going-on", flow_id=flow, **made, **state))
    tasks = [_task(run, ids, number, began) for number in range(TASKS)]
    conn.many(TASK_RUN.insert, [TASK_RUN.values(conn, task) for task in tasks])


def _task(run: str, ids: list[str], number: int, began: datetime) -> TaskRun:
    """A task by its number: the first have ended, some run, the others wait; each takes in one of the layer before."""
    start, above = _start(number, began), number - TASKS // LAYERS
    inputs = f'{{"x": [{{"input_type": "task_run", "id": "{ids[above]}"}}]}}' if above >= 0 else "{}"
    task = TaskRun(
        id=ids[number], created=began, updated=began, name=f"mapped-{number}", flow_run_id=run, task_key="mapped",
        dynamic_key=str(number), state_type="PENDING", state_name="Pending", expected_start_time=began,
        task_inputs=Raw(inputs.encode()),
    )  # fmt: skip
    if number < ENDED + AT_ONCE:
        task.state_type, task.state_name, task.start_time, task.updated = "RUNNING", "Running", start, start
    if number < ENDED:
        task.state_type, task.state_name, task.total_run_time = "COMPLETED", "Completed", TOOK.total_seconds()
        task.updated = task.end_time = start + TOOK
    return task


def _start(number: int, began: datetime) -> datetime:
    return began + timedelta(seconds=number * 0.2)


def _step(conn: Conn, ids: list[str], first: int, began: datetime, now: datetime) -> None:
    """Let the tasks from the `first` on end, and those begin that have waited the longest."""
    moment, numbers = conn.time(now), range(first, first + STEP)
    took = [(now - _start(number, began)).total_seconds() for number in numbers]
    conn.many(END, [{"id": ids[at], "now": moment, "took": each} for at, each in zip(numbers, took, strict=True)])
    conn.many(BEGIN, [{"id": ids[at + AT_ONCE], "now": moment} for at in numbers])
