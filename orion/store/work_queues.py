"""Work queues: what agents poll, which runs each serves, and how it fares."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from orion.errors import Conflict, NotFound
from orion.model.agent_pool import AGENT_POOL, POOL_ID
from orion.model.filters import WorkQueueFilter
from orion.model.flow_runs import FlowRun
from orion.model.ids import new_id
from orion.model.work_queues import HealthPolicy, WorkQueue, WorkQueueCreate, WorkQueueStatus, WorkQueueUpdate
from orion.store import changes, flow_runs, paging, sql
from orion.store.base import Conn, Row
from orion.store.filters import Where, where_own
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows, json_text
from orion.store.states import FLOW_RUN_STATE, run_reader

Q = sql.load("work_queues")
QUEUE = Rows(WorkQueue, "work_queue", leave_out=("work_pool_id", "work_pool_name", "status", "active_slots"))
LISTING = Listing("work_queue", QUEUE.columns, "", {"NAME_ASC": Sort("work_queue.name")})
GET = f"SELECT {QUEUE.columns} FROM work_queue WHERE id = :id"
BY_NAME = f"SELECT {QUEUE.columns} FROM work_queue WHERE name = :name"
CANDIDATES = Q.candidates.replace("{columns}", QUEUE.columns)
INSERT = f"{QUEUE.insert} ON CONFLICT (name) DO NOTHING"
DEFAULTS = {"description": "", "is_paused": False, "priority": 1}
POLLED_WITHIN = timedelta(seconds=60)
FORGOTTEN = timedelta(days=1)
HELD_IN_PROCESS = '%"retry_type":"in_process"%'


class Agent(NamedTuple):
    """An agent that has polled a queue."""

    name: str
    last_seen: datetime
    since: datetime


def get(conn: Conn, id: str, now: datetime | None = None) -> WorkQueue | None:
    """A queue. With a clock, its status says whether somebody polls it."""
    row = conn.one(GET, {"id": id})
    return _read(conn, row, now) if row else None


def by_name(conn: Conn, name: str, now: datetime | None = None) -> WorkQueue | None:
    row = conn.one(BY_NAME, {"name": name})
    return _read(conn, row, now) if row else None


def create(conn: Conn, wanted: WorkQueueCreate, now: datetime) -> WorkQueue:
    """Make a queue; a name that is taken is refused."""
    queue = _new(conn, wanted, now)
    if not _insert(conn, queue):
        raise Conflict(f"A work queue named {wanted.name!r} exists already.")
    conn.publish("queues")
    return _with_status(queue, now)


def ensure(conn: Conn, name: str, now: datetime) -> WorkQueue:
    """The queue of a name, made if it is not there."""
    found = by_name(conn, name, now)
    if found is None and _insert(conn, _new(conn, WorkQueueCreate(name=name), now)):
        conn.publish("queues")
    found = found or by_name(conn, name, now)
    assert found is not None
    return found


def update(conn: Conn, id: str, wanted: WorkQueueUpdate, now: datetime) -> None:
    """Change what is given. With a new name, runs and deployments of the queue follow."""
    columns = changes.given(wanted, DEFAULTS)
    was = get(conn, id)
    if was is None:
        raise NotFound("Work queue not found")
    changes.apply(conn, "work_queue", id, columns, now)
    if "name" in columns and columns["name"] != was.name:
        for statement in (Q.rename_in_runs, Q.rename_in_deployments):
            conn.run(statement, {"was": was.name, "name": columns["name"]})
    conn.publish("queues")
    conn.publish(f"queue:{columns.get('name', was.name)}")


def touch(conn: Conn, id: str, now: datetime) -> None:
    """Somebody has polled the queue."""
    conn.run(Q.touch, {"id": id, "now": conn.time(now)})


def saw_agent(conn: Conn, id: str, name: str, now: datetime) -> None:
    """An agent has polled the queue; those that have not for a day are forgotten."""
    if conn.one("SELECT 1 FROM work_queue WHERE id = :id", {"id": id}) is None:
        return
    conn.run(Q.saw_agent, {"id": new_id(), "queue": id, "name": name, "now": conn.time(now)})
    conn.run(Q.forget_agents, {"queue": id, "before": conn.time(now - FORGOTTEN)})


def agents(conn: Conn, id: str) -> list[Agent]:
    """Agents that have polled the queue, the latest first."""
    rows = conn.all(Q.agents, {"queue": id})
    return [Agent(name, _moment(conn, seen), _moment(conn, since)) for name, seen, since in rows]


def _moment(conn: Conn, value: object) -> datetime:
    moment = conn.when(value)
    assert moment is not None, "the column is NOT NULL"
    return moment


def delete(conn: Conn, id: str) -> None:
    """Delete a queue; its runs wait until there is one of its name again."""
    if not conn.run("DELETE FROM work_queue WHERE id = :id", {"id": id}):
        raise NotFound("Work queue not found")
    conn.publish("queues")


def filter(
    conn: Conn, criteria: WorkQueueFilter | None, limit: int, offset: int = 0, now: datetime | None = None
) -> list[WorkQueue]:
    """The queues that meet the filter, by name, one page by offset."""
    rows = paging.rows(conn, LISTING, where_own(conn, "work_queue", criteria), None, limit, offset)
    return [_read(conn, row, now) for row in rows]


def page(
    conn: Conn,
    criteria: WorkQueueFilter | None,
    limit: int,
    after: str | None = None,
    now: datetime | None = None,
) -> tuple[list[WorkQueue], str | None]:
    """The queues after a key, and the key of the next page."""
    rows, key = paging.page(conn, LISTING, where_own(conn, "work_queue", criteria), None, limit, after)
    return [_read(conn, row, now) for row in rows], key


def count(conn: Conn, criteria: WorkQueueFilter | None = None) -> int:
    return paging.count(conn, "work_queue", where_own(conn, "work_queue", criteria))


# --- The runs of a queue ----------------------------------------------------------------------------------------------


def serves(conn: Conn, queue: WorkQueue) -> Where:
    """The condition on `flow_run` that a queue serves it: by name or, with a filter, by tags and deployments."""
    if queue.filter is None:
        named = "flow_run.work_queue_name = :queue AND flow_run.deployment_id IS NOT NULL"
        return Where(named, {"queue": queue.name})
    tags, deployments = sorted(set(queue.filter.tags or ())), queue.filter.deployment_ids or []
    counts = {"tag_count": len(tags), "deployment_count": len(deployments)}
    return Where(
        Q.serves_by_filter, {**counts, "tags": json_text(tags), "deployments": json_text(deployments)}
    )


def due(conn: Conn, queue: WorkQueue, before: datetime) -> Where:
    """The condition on `flow_run` that a queue could hand it out: planned, due by then, not held by its own process."""
    condition = serves(conn, queue)
    text = (
        f"{condition.text} AND flow_run.state_type = 'SCHEDULED' AND flow_run.next_scheduled_start_time <= :before "
        "AND flow_run.empirical_policy NOT LIKE :held"
    )
    return Where(text, {**condition.params, "before": conn.time(before), "held": HELD_IN_PROCESS})


def index_of(queue: WorkQueue) -> str:
    """The index that gives a queue's planned runs by time, as a word of the dialect."""
    return f"{{by_index:{'flow_run_queue_due' if queue.filter is None else 'flow_run_next'}}}"


def runs_for_queue(
    conn: Conn, queue: WorkQueue, before: datetime, limit: int, now: datetime | None = None
) -> list[FlowRun]:
    """The runs that a queue would hand out, by time; nothing is claimed."""
    if queue.is_paused:
        return []
    if queue.concurrency_limit is not None:
        limit = min(limit, max(0, queue.concurrency_limit - busy(conn, queue)))
    read = run_reader(conn, flow_runs.FLOW_RUN, FLOW_RUN_STATE, now)
    sort = "NEXT_SCHEDULED_START_TIME_ASC"
    return [read(row) for row in paging.rows(conn, flow_runs.LISTING, due(conn, queue, before), sort, limit)]


def busy(conn: Conn, queue: WorkQueue) -> int:
    """How many of the queue's runs an agent holds."""
    condition = serves(conn, queue)
    text = f"{condition.text} AND flow_run.state_type IN ('PENDING', 'RUNNING', 'CANCELLING')"
    return paging.count(conn, "flow_run", Where(text, condition.params))


def planned(conn: Conn, queue: WorkQueue) -> int:
    """How many runs that wait or are planned a queue serves, up to 10,001."""
    where = serves(conn, queue)
    text = Q.planned.replace("{where}", where.text)
    row = conn.one(text, where.params)
    return int(row[0]) if row else 0


def next_due(conn: Conn, id: str, now: datetime) -> datetime | None:
    """When the queue's next run is due after now; None when nothing is planned."""
    queue = get(conn, id)
    if queue is None or queue.is_paused:
        return None
    condition = serves(conn, queue)
    text = (
        f"SELECT flow_run.next_scheduled_start_time FROM flow_run {index_of(queue)} WHERE {condition.text} "
        "AND flow_run.state_type = 'SCHEDULED' AND flow_run.next_scheduled_start_time > :now "
        "ORDER BY flow_run.next_scheduled_start_time LIMIT 1"
    )
    return conn.when(paging.scalar(conn, text, {**condition.params, "now": conn.time(now)}))


def status(conn: Conn, id: str, now: datetime) -> WorkQueueStatus | None:
    """Late runs and the last poll of a queue, and whether that is healthy."""
    queue = get(conn, id)
    if queue is None:
        return None
    condition, policy = serves(conn, queue), HealthPolicy()
    late = f"{condition.text} AND flow_run.state_type = 'SCHEDULED' AND flow_run.state_name = 'Late'"
    late_runs = paging.count(conn, "flow_run", Where(late, condition.params))
    patience = timedelta(seconds=policy.maximum_seconds_since_last_polled)
    polled = queue.last_polled is not None and now - queue.last_polled <= patience
    return WorkQueueStatus(
        healthy=polled and late_runs <= policy.maximum_late_runs,
        late_runs_count=late_runs,
        last_polled=queue.last_polled,
        health_check_policy=policy,
    )


def for_deployment(conn: Conn, deployment_id: str, now: datetime | None = None) -> list[WorkQueue]:
    """The queues that could pick up runs of a deployment: that of its name, and those whose filter fits."""
    row = conn.one(Q.deployment, {"id": deployment_id})
    if row is None:
        raise NotFound("Deployment not found")
    tags = {tag for (tag,) in conn.all(Q.deployment_tags, {"id": deployment_id})}
    return Serving(conn, now).run(row[0], deployment_id, tags)


class Serving:
    """Which queues serve which runs: for many runs at once, the queues of a name are read once."""

    def __init__(self, conn: Conn, now: datetime | None = None) -> None:
        self.conn = conn
        self.now = now
        self._known: dict[str | None, list[WorkQueue]] = {}

    def expect(self, names: Iterable[str | None]) -> None:
        """Read the queues of these names, and those that go by a filter, in one statement."""
        wanted = {name for name in names if name not in self._known}
        listed = json_text(sorted(name for name in wanted if name is not None))
        rows = self.conn.all(CANDIDATES, {"names": listed}) if wanted else []
        found = [_read(self.conn, row, self.now) for row in rows]
        for name in wanted:
            self._known[name] = [queue for queue in found if queue.filter is not None or queue.name == name]

    def run(self, name: str | None, deployment_id: str, tags: set[str]) -> list[WorkQueue]:
        """The queues that serve a run of a deployment, by the queue it names and by its tags."""
        if name not in self._known:
            self.expect([name])
        return [queue for queue in self._known[name] if _fits(queue, name, deployment_id, tags)]


def _new(conn: Conn, wanted: WorkQueueCreate, now: datetime) -> WorkQueue:
    return WorkQueue(
        id=wanted.id or new_id(),
        created=now,
        updated=now,
        name=wanted.name,
        description=wanted.description or "",
        is_paused=bool(wanted.is_paused),
        concurrency_limit=wanted.concurrency_limit,
        priority=wanted.priority or paging.scalar(conn, Q.next_priority, {}),
        filter=wanted.filter,
    )


def _insert(conn: Conn, queue: WorkQueue) -> bool:
    return conn.run(INSERT, QUEUE.values(conn, queue)) > 0


def _fits(queue: WorkQueue, name: str | None, deployment_id: str, tags: set[str]) -> bool:
    if queue.filter is None:
        return queue.name == name
    ids = queue.filter.deployment_ids
    return (not ids or deployment_id in ids) and tags.issuperset(queue.filter.tags or ())


def _read(conn: Conn, row: Row, now: datetime | None) -> WorkQueue:
    return _with_status(QUEUE.read(conn, row), now)


def _with_status(queue: WorkQueue, now: datetime | None) -> WorkQueue:
    queue.work_pool_id, queue.work_pool_name = POOL_ID, AGENT_POOL
    if queue.is_paused:
        queue.status = "PAUSED"
    elif now is not None and queue.last_polled is not None and now - queue.last_polled <= POLLED_WITHIN:
        queue.status = "READY"
    return queue
