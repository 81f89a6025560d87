"""Task runs: rows read with their state, lists, changes; `orchestration` makes them and moves them on."""

from __future__ import annotations

from datetime import datetime
from typing import Any, get_args

from orion.errors import NotFound
from orion.model.filters import Filters
from orion.model.states import StateType
from orion.model.task_runs import TaskRun, TaskRunUpdate
from orion.store import artifacts, changes, paging, sql, tags
from orion.store.base import NONE, Conn, Params
from orion.store.filters import where
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows, json_text
from orion.store.states import TASK_RUN_STATE, run_reader

Q = sql.load("task_runs")
COMPUTED = ("state", "estimated_run_time", "estimated_start_time_delta")
TASK_RUN = Rows(TaskRun, "task_run", leave_out=COMPUTED)
COLUMNS = f"{TASK_RUN.columns}, {TASK_RUN_STATE.columns}"
STATE = "LEFT JOIN task_run_state ON task_run_state.id = task_run.state_id"
LISTING = Listing(
    "task_run",
    COLUMNS,
    STATE,
    {
        "ID_DESC": Sort("task_run.id", descending=True),
        "EXPECTED_START_TIME_ASC": Sort("task_run.expected_start_time", nullable=True),
        "EXPECTED_START_TIME_DESC": Sort("task_run.expected_start_time", descending=True, nullable=True),
        "NAME_ASC": Sort("task_run.name"),
        "NAME_DESC": Sort("task_run.name", descending=True),
        "NEXT_SCHEDULED_START_TIME_ASC": Sort(
            "task_run.next_scheduled_start_time", nullable=True, nulls_last=True
        ),
        "END_TIME_DESC": Sort("task_run.end_time", descending=True, nullable=True),
    },
)
GET = f"SELECT {COLUMNS} FROM task_run {STATE} WHERE task_run.id = :id"
BY_KEY = (
    f"SELECT {COLUMNS} FROM task_run {STATE} "
    "WHERE flow_run_id = :flow_run_id AND task_key = :task_key AND dynamic_key = :dynamic_key"
)
OF_FLOW_RUN = (
    f"SELECT {COLUMNS} FROM task_run {STATE} "
    "WHERE flow_run_id = :id ORDER BY task_run.expected_start_time NULLS LAST, task_run.id"
)


def get(conn: Conn, id: str, now: datetime | None = None) -> TaskRun | None:
    """A run with its state. With a clock, running times are up to date."""
    return _read_one(conn, conn.one(GET, {"id": id}), now)


def by_key(
    conn: Conn, flow_run_id: str, task_key: str, dynamic_key: str, now: datetime | None = None
) -> TaskRun | None:
    """The run of a flow run that was made under these keys."""
    params = {"flow_run_id": flow_run_id, "task_key": task_key, "dynamic_key": dynamic_key}
    return _read_one(conn, conn.one(BY_KEY, params), now)


def insert(conn: Conn, run: TaskRun, more: Params = NONE) -> bool:
    """Add a run, with what its first state makes of it; False when its id or its keys are taken."""
    run.tags = tags.distinct(run.tags)
    if not TASK_RUN.add(conn, run, more):
        return False
    tags.add(conn, "task_run", [run.id], run.tags)
    return True


def update(conn: Conn, id: str, wanted: TaskRunUpdate, now: datetime) -> None:
    """Change what is given."""
    if not changes.apply(conn, "task_run", id, changes.given(wanted), now):
        raise NotFound("Task run not found")


def delete(conn: Conn, id: str) -> None:
    """Delete a run with its states and log lines; the subflow run it stood for stays, without a parent."""
    if not delete_some(conn, [id]):
        raise NotFound("Task run not found")


def delete_some(conn: Conn, ids: list[str]) -> int:
    """Delete some runs like that; how many there were."""
    values = {"ids": json_text(ids)}
    artifacts.delete_of_task_runs(conn, ids)
    for statement in (Q.delete_logs, Q.free_subflows):
        conn.run(statement, values)
    conn.publish("slots")
    return conn.run(Q.delete, values)


def of_flow_run(conn: Conn, flow_run_id: str, now: datetime | None = None) -> list[TaskRun]:
    """All task runs of a flow run, oldest first."""
    read = run_reader(conn, TASK_RUN, TASK_RUN_STATE, now)
    return [read(row) for row in conn.all(OF_FLOW_RUN, {"id": flow_run_id})]


def filter(
    conn: Conn,
    filters: Filters | None,
    sort: str | None,
    limit: int,
    offset: int = 0,
    now: datetime | None = None,
) -> list[TaskRun]:
    """The runs that meet the filters, one page by offset."""
    read = run_reader(conn, TASK_RUN, TASK_RUN_STATE, now)
    wanted = where(conn, "task_run", filters, LISTING.sort(sort).by)
    return [read(row) for row in paging.rows(conn, LISTING, wanted, sort, limit, offset)]


def page(
    conn: Conn,
    filters: Filters | None,
    sort: str | None,
    limit: int,
    after: str | None = None,
    now: datetime | None = None,
) -> tuple[list[TaskRun], str | None]:
    """The runs after a key, and the key of the next page."""
    read = run_reader(conn, TASK_RUN, TASK_RUN_STATE, now)
    wanted = where(conn, "task_run", filters, LISTING.sort(sort).by)
    rows, key = paging.page(conn, LISTING, wanted, sort, limit, after)
    return [read(row) for row in rows], key


def count(conn: Conn, filters: Filters | None = None) -> int:
    return paging.count(conn, "task_run", where(conn, "task_run", filters))


def count_by_state(conn: Conn, filters: Filters | None = None) -> dict[str, int]:
    """How many runs there are in each of the nine state types."""
    condition = where(conn, "task_run", filters)
    text = f"SELECT state_type, count(*) FROM task_run WHERE {condition.text} GROUP BY state_type"
    counted: dict[str, int] = dict(conn.all(text, condition.params))
    return {kind: counted.get(kind, 0) for kind in get_args(StateType)}


def _read_one(conn: Conn, row: tuple[Any, ...] | None, now: datetime | None) -> TaskRun | None:
    return run_reader(conn, TASK_RUN, TASK_RUN_STATE, now)(row) if row else None
