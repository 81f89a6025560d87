"""States: the rows of a run's history, read only; `orchestration` writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from orion.model.flow_runs import FlowRun
from orion.model.states import FINAL, RUNNING, State
from orion.model.task_runs import TaskRun
from orion.store import sql
from orion.store.base import Conn, Row
from orion.store.rows import Rows

R = TypeVar("R", FlowRun, TaskRun)
Q = sql.load("states")
FLOW_RUN_STATE = Rows(State, "flow_run_state")
TASK_RUN_STATE = Rows(State, "task_run_state")
OF_FLOW_RUN = Q.of_flow_run.replace("{columns}", FLOW_RUN_STATE.columns)
OF_TASK_RUN = Q.of_task_run.replace("{columns}", TASK_RUN_STATE.columns)


def flow_run_state(conn: Conn, id: str) -> State | None:
    """One state of a flow run, by the state's id."""
    row = conn.one(f"SELECT {FLOW_RUN_STATE.columns} FROM flow_run_state WHERE id = :id", {"id": id})
    return FLOW_RUN_STATE.read(conn, row) if row else None


def task_run_state(conn: Conn, id: str) -> State | None:
    """One state of a task run, by the state's id."""
    row = conn.one(f"SELECT {TASK_RUN_STATE.columns} FROM task_run_state WHERE id = :id", {"id": id})
    return TASK_RUN_STATE.read(conn, row) if row else None


def of_flow_run(conn: Conn, flow_run_id: str) -> list[State]:
    """The states that a flow run went through, oldest first."""
    return FLOW_RUN_STATE.read_all(conn, conn.all(OF_FLOW_RUN, {"id": flow_run_id}))


def of_task_run(conn: Conn, task_run_id: str) -> list[State]:
    """The states that a task run went through, oldest first."""
    return TASK_RUN_STATE.read_all(conn, conn.all(OF_TASK_RUN, {"id": task_run_id}))


def run_reader(conn: Conn, runs: Rows[R], states: Rows[State], now: datetime | None) -> Callable[[Row], R]:
    """A function that makes a run of a row: the run's columns, then those of its state."""
    width, read_run, read_state = runs.width, runs.reader(conn), states.reader(conn)

    def read(row: Row) -> R:
        state = None if row[width] is None else read_state(row[width:], {})
        run = read_run(row, {"state": state})
        estimate(run, now)
        return run

    return read


def estimate(run: FlowRun | TaskRun, now: datetime | None) -> None:
    """Fill in what is computed on read: seconds of running so far, and seconds behind the expected start.

    Without a clock the share that still grows is left out.
    """
    run.estimated_run_time = run.total_run_time
    if run.state_type == RUNNING and run.state is not None and now is not None:
        run.estimated_run_time += max(0.0, (now - run.state.timestamp).total_seconds())
    expected = run.expected_start_time
    if expected is None:
        return
    if run.start_time is not None:
        run.estimated_start_time_delta = (run.start_time - expected).total_seconds()
    elif now is not None and run.state_type not in FINAL and now > expected:
        run.estimated_start_time_delta = (now - expected).total_seconds()
