"""Logs: kept in batches, all or nothing; read by time."""

from __future__ import annotations

from datetime import datetime

from orion.model.filters import LogFilter
from orion.model.ids import new_id
from orion.model.logs import Log, LogCreate
from orion.store import log_quota, paging, sql
from orion.store.base import Conn
from orion.store.filters import where_own
from orion.store.log_quota import Quota
from orion.store.paging import Listing, Sort
from orion.store.rows import Rows

Q = sql.load("logs")
LOG = Rows(Log, "log", leave_out=("updated",))
TIME = Sort("log.timestamp")
LISTING = Listing(
    "log",
    LOG.columns,
    "",
    {
        "TIMESTAMP_ASC": TIME,
        "TIMESTAMP_DESC": TIME._replace(descending=True),
        "LEVEL_ASC": Sort("log.level"),
        "LEVEL_DESC": Sort("log.level", descending=True),
        "FLOW_RUN_ID_ASC": Sort("log.flow_run_id", nullable=True),
        "FLOW_RUN_ID_DESC": Sort("log.flow_run_id", descending=True, nullable=True),
        "TASK_RUN_ID_ASC": Sort("log.task_run_id", nullable=True),
        "TASK_RUN_ID_DESC": Sort("log.task_run_id", descending=True, nullable=True),
    },
)
GET = f"SELECT {LOG.columns} FROM log WHERE id = :id"


def insert(conn: Conn, lines: list[LogCreate], now: datetime, quota: Quota | None = None) -> None:
    """Keep a batch; a line that is there already, by its source and number, is left as it is."""
    if quota is not None:
        lines = log_quota.within(conn, lines, quota, now)
    created = conn.time(now)
    conn.many(
        Q.insert,
        [
            {
                "id": new_id(),
                "created": created,
                "timestamp": conn.time(line.timestamp),
                "flow_run_id": line.flow_run_id,
                "task_run_id": line.task_run_id,
                "level": line.level,
                "source": line.source,
                "seq": line.seq,
                "name": line.name,
                "message": line.message,
            }
            for line in lines
        ],
    )
    for flow_run_id in {line.flow_run_id for line in lines if line.flow_run_id is not None}:
        conn.publish(f"log:{flow_run_id}")


def filter(
    conn: Conn, criteria: LogFilter | None, sort: str | None, limit: int, offset: int = 0
) -> list[Log]:
    """The lines that meet the filter, one page by offset."""
    return _read(conn, paging.rows(conn, LISTING, where_own(conn, "log", criteria), sort, limit, offset))


def page(
    conn: Conn, criteria: LogFilter | None, sort: str | None, limit: int, after: str | None = None
) -> tuple[list[Log], str | None]:
    """The lines after a key, and the key of the next page."""
    rows, key = paging.page(conn, LISTING, where_own(conn, "log", criteria), sort, limit, after)
    return _read(conn, rows), key


def get(conn: Conn, id: str) -> Log | None:
    """A line by its id."""
    row = conn.one(GET, {"id": id})
    return _read(conn, [row])[0] if row else None


def key(line: Log) -> str:
    """The key of a line in the order of time: pages go on after it, or before it."""
    return paging.key(TIME, line.timestamp, line.id)


def count(conn: Conn, criteria: LogFilter | None = None) -> int:
    return paging.count(conn, "log", where_own(conn, "log", criteria))


def _read(conn: Conn, rows: list[paging.Row]) -> list[Log]:
    """A line never changes, so that it was last updated when it was made."""
    read = LOG.reader(conn)
    place = LOG.fields.index("created")
    return [read(row, {"updated": conn.when(row[place])}) for row in rows]
