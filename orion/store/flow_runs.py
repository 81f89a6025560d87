"""Flow runs: rows read with their state, lists, changes; `orchestration` makes them and moves them on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, Raw

from orion.errors import NotFound
from orion.model.filters import Filters
from orion.model.flow_runs import FlowRun, FlowRunUpdate
from orion.model.wire import EMPTY_OBJECT, unraw
from orion.store import artifacts, changes, paging, rollup, sql, tags, task_runs
from orion.store.base import NONE, Conn, Params
from orion.store.filters import where
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows, json_text
from orion.store.states import FLOW_RUN_STATE, run_reader

Q = sql.load("flow_runs")
LINES_AT_ONCE, TASKS_AT_ONCE = 5_000, 500  # that go in one write: a dozen milliseconds
COMPUTED = ("state", "estimated_run_time", "estimated_start_time_delta", "work_pool_id", "work_pool_name")
FLOW_RUN = Rows(FlowRun, "flow_run", leave_out=COMPUTED)
COLUMNS = f"{FLOW_RUN.columns}, {FLOW_RUN_STATE.columns}"
STATE = "LEFT JOIN flow_run_state ON flow_run_state.id = flow_run.state_id"
BEGAN = "COALESCE(flow_run.start_time, flow_run.expected_start_time)"
LISTING = Listing(
    "flow_run",
    COLUMNS,
    STATE,
    {
        "ID_DESC": Sort("flow_run.id", descending=True),
        "START_TIME_ASC": Sort(BEGAN),
        "START_TIME_DESC": Sort(BEGAN, descending=True),
        "EXPECTED_START_TIME_ASC": Sort("flow_run.expected_start_time"),
        "EXPECTED_START_TIME_DESC": Sort("flow_run.expected_start_time", descending=True),
        "NAME_ASC": Sort("flow_run.name"),
        "NAME_DESC": Sort("flow_run.name", descending=True),
        "NEXT_SCHEDULED_START_TIME_ASC": Sort(
            "flow_run.next_scheduled_start_time", nullable=True, nulls_last=True
        ),
        "END_TIME_DESC": Sort("flow_run.end_time", descending=True, nullable=True),
    },
)
GET = f"SELECT {COLUMNS} FROM flow_run {STATE} WHERE flow_run.id = :id"
BY_KEY = (
    f"SELECT {COLUMNS} FROM flow_run {STATE} WHERE flow_run.flow_id = :flow_id AND idempotency_key = :key"
)


def get(conn: Conn, id: str, now: datetime | None = None) -> FlowRun | None:
    """A run with its state. With a clock, running times are up to date."""
    return _read_one(conn, conn.one(GET, {"id": id}), now)


def some(conn: Conn, ids: list[str], now: datetime | None = None) -> list[FlowRun]:
    """Runs by their ids, in that order, read at once; one that is not there is left out."""
    read = run_reader(conn, FLOW_RUN, FLOW_RUN_STATE, now)
    return [read(row) for row in paging.fetch(conn, LISTING, ids)]


def by_key(conn: Conn, flow_id: str, key: str, now: datetime | None = None) -> FlowRun | None:
    """The run of a flow that was made under an idempotency key."""
    return _read_one(conn, conn.one(BY_KEY, {"flow_id": flow_id, "key": key}), now)


def exists(conn: Conn, id: str) -> bool:
    return conn.one("SELECT 1 FROM flow_run WHERE id = :id", {"id": id}) is not None


def insert(conn: Conn, run: FlowRun, more: Params = NONE) -> bool:
    """Add a run, with what its first state makes of it; False when its id or its idempotency key is taken."""
    run.tags = tags.distinct(run.tags)
    if run.work_queue_name is not None and run.work_queue_id is None:
        run.work_queue_id = paging.scalar(conn, Q.queue_id, {"name": run.work_queue_name})
    if not FLOW_RUN.add(conn, run, more):
        return False
    tags.add(conn, "flow_run", [run.id], run.tags)
    return True


def update(conn: Conn, id: str, wanted: FlowRunUpdate, now: datetime) -> None:
    """Change what is given. A name given as null stays, since a run always has one."""
    given = changes.given(wanted, {"parameters": EMPTY_OBJECT, "job_variables": EMPTY_OBJECT})
    if given.get("name", UNSET) is None:
        del given["name"]
    if "tags" in given:
        given["tags"] = tags.distinct(given["tags"])
        rollup.count_run(conn, id, -1)
    if not changes.apply(conn, "flow_run", id, given, now):
        raise NotFound("Flow run not found")
    if "tags" in given:
        tags.replace(conn, "flow_run", id, given["tags"])
        rollup.count_run(conn, id, 1)
    conn.publish("runs")
    conn.publish(f"run:{id}")


def set_labels(conn: Conn, id: str, labels: dict[str, Any], now: datetime) -> None:
    """Merge labels into those of the run."""
    row = conn.one("SELECT labels FROM flow_run WHERE id = :id {for_update}", {"id": id})
    if row is None:
        raise NotFound("Flow run not found")
    merged = {**(unraw(Raw(row[0].encode())) or {}), **labels}
    changes.apply(conn, "flow_run", id, {"labels": merged}, now)


def weight(conn: Conn, id: str) -> float:
    """How much hangs on a run: beyond 1 its delete would keep other writes waiting, and `shrink` is to come first."""
    lines, tasks = conn.one(Q.sizes, {"id": id, "lines": LINES_AT_ONCE, "tasks": TASKS_AT_ONCE}) or (0, 0)
    return max(int(lines) / LINES_AT_ONCE, int(tasks) / TASKS_AT_ONCE)


def shrink(conn: Conn, id: str) -> None:
    """Delete some of the log lines of a run that is to be deleted; once there are none, some of its task runs."""
    if not delete_some_lines(conn, id):
        task_runs.delete_some(conn, some_tasks(conn, id))


def delete_some_lines(conn: Conn, id: str) -> int:
    """Delete the oldest log lines of a run, as many as go in one write; how many there were."""
    return conn.run(Q.delete_some_logs, {"id": id, "n": LINES_AT_ONCE})


def some_tasks(conn: Conn, id: str) -> list[str]:
    """The ids of the oldest task runs of a run, as many as go in one write."""
    return [task for (task,) in conn.all(Q.some_tasks, {"id": id, "n": TASKS_AT_ONCE})]


def delete(conn: Conn, id: str) -> None:
    """Delete a run with its states, task runs, logs, artifacts and inputs; subflow runs stay, without a parent."""
    rollup.count_run(conn, id, -1)
    artifacts.delete_of_flow_run(conn, id)
    for statement in (
        Q.delete_task_logs,
        Q.delete_logs,
        Q.delete_log_size,
        Q.delete_outbox,
        Q.free_subflows,
    ):
        conn.run(statement, {"id": id})
    if not conn.run("DELETE FROM flow_run WHERE id = :id", {"id": id}):
        raise NotFound("Flow run not found")
    for topic in ("runs", f"run:{id}", "slots"):
        conn.publish(topic)


def filter(
    conn: Conn,
    filters: Filters | None,
    sort: str | None,
    limit: int,
    offset: int = 0,
    now: datetime | None = None,
) -> list[FlowRun]:
    """The runs that meet the filters, one page by offset."""
    read = run_reader(conn, FLOW_RUN, FLOW_RUN_STATE, now)
    wanted = where(conn, "flow_run", filters, LISTING.sort(sort).by)
    return [read(row) for row in paging.rows(conn, LISTING, wanted, sort, limit, offset)]


def page(
    conn: Conn,
    filters: Filters | None,
    sort: str | None,
    limit: int,
    after: str | None = None,
    now: datetime | None = None,
) -> tuple[list[FlowRun], str | None]:
    """The runs after a key, and the key of the next page."""
    read = run_reader(conn, FLOW_RUN, FLOW_RUN_STATE, now)
    wanted = where(conn, "flow_run", filters, LISTING.sort(sort).by)
    rows, key = paging.page(conn, LISTING, wanted, sort, limit, after)
    return [read(row) for row in rows], key


def count(conn: Conn, filters: Filters | None = None) -> int:
    return paging.count(conn, "flow_run", where(conn, "flow_run", filters))


def count_upto(conn: Conn, filters: Filters, most: int) -> int:
    """How many runs match, counted up to `most`."""
    return paging.count_upto(conn, "flow_run", where(conn, "flow_run", filters), most)


def count_task_runs(conn: Conn, ids: list[str]) -> dict[str, int]:
    """How many task runs each of the runs has; 0 for one without."""
    counted: dict[str, int] = dict(conn.all(Q.count_task_runs, {"ids": json_text(ids)}))
    return {id: counted.get(id, 0) for id in ids}


def _read_one(conn: Conn, row: tuple[Any, ...] | None, now: datetime | None) -> FlowRun | None:
    return run_reader(conn, FLOW_RUN, FLOW_RUN_STATE, now)(row) if row else None
