"""Administration: empty the database, and see whether it can be written."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime

from orion.store import sql
from orion.store.base import Conn

Q = sql.load("admin")
KEPT = frozenset(("schema_version", "counter", "service_lease"))


def clear(conn: Conn) -> None:
    """Delete every row that people or runs have made; settings stay."""
    _empty(conn, KEPT | {"setting"})


def drop(conn: Conn) -> None:
    """Delete every row. The tables stay: a server that runs cannot do without them."""
    _empty(conn, KEPT)


def create(conn: Conn) -> None:
    """Make what is missing: nothing, since a server that runs has brought its schema up to date."""
    conn.one(Q.newest)


def ping(conn: Conn, now: datetime) -> None:
    """A write that leaves nothing of interest; raises what keeps the database from being written."""
    conn.run(Q.ping, {"now": conn.time(now)})


def _empty(conn: Conn, kept: Container[str]) -> None:
    for (table,) in conn.all(Q.tables_postgres if conn.dialect == "postgres" else Q.tables):
        if table not in kept:
            conn.run(f"DELETE FROM {table}")
    for topic in ("runs", "deployments", "queues", "slots"):
        conn.publish(topic)
