"""What a page asks of the database: each statement's plan, what it reads, and the big tables that it goes over."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

from orion.store.dialect import translate
from orion.store.postgres_conn import PostgresConn
from orion.store.sqlite_conn import LOOK_EVERY, SqliteConn

GRAIN = 20  # steps between two counts
MANY_STEPS, MANY_ROWS = 200_000, 10_000  # more than what stops by itself, a walk of the newest runs, takes
BIG = ("flow_run", "task_run", "log", "flow_run_state", "task_run_state", "flow_run_tag", "event")
_scan = re.compile(rf"SCAN ({'|'.join(BIG)})\b(?! USING (?:COVERING )?INDEX \w*_(?:live|due|queue))")


class Heard(NamedTuple):
    """One statement: its text, steps of SQLite's machine or pages that PostgreSQL looked at, and tables it scans."""

    text: str
    read: int
    scans: list[str]


class Rows:
    """What a statement gave, read to its end: its steps are then all taken."""

    def __init__(self, cursor: Any) -> None:
        self.rows = cursor.fetchall()
        self.rowcount = cursor.rowcount

    def fetchall(self) -> list[Any]:
        return list(self.rows)

    def fetchone(self) -> Any:
        return self.rows[0] if self.rows else None


def listening(dialect: str) -> AbstractContextManager[list[Heard]]:
    """The statements that run meanwhile."""
    return _patched(PostgresConn, _on_postgres) if dialect == "postgres" else _patched(SqliteConn, _on_sqlite)


@contextmanager
def _patched(kind: Any, noting: Callable[..., Any]) -> Iterator[list[Heard]]:
    heard: list[Heard] = []
    execute = kind._execute
    kind._execute = lambda self, sql, params: noting(self, execute, sql, params, heard)
    try:
        yield heard
    finally:
        kind._execute = execute


def _on_sqlite(conn: SqliteConn, execute: Any, sql: str, params: Any, heard: list[Heard]) -> Rows:
    plan = conn.raw.execute(f"EXPLAIN QUERY PLAN {translate(sql, 'sqlite')}", params).fetchall()
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += GRAIN
        return 0

    conn.raw.set_progress_handler(step, GRAIN)
    done = Rows(execute(conn, sql, params))
    conn.raw.set_progress_handler(conn._look, LOOK_EVERY)
    scans = {found[1] for row in plan if (found := _scan.search(row[3]))} if steps > MANY_STEPS else ()
    heard.append(Heard(sql, steps, sorted(scans)))
    return done


def _on_postgres(conn: PostgresConn, execute: Any, sql: str, params: Any, heard: list[Heard]) -> Any:
    """A statement that reads runs once more for its plan; one that writes is only planned."""
    if sql.lstrip().upper().startswith(("SELECT", "WITH")) and conn._reading:
        explained = execute(
            conn, f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {sql}", params
        ).fetchone()[0]
        top = json.loads(explained)[0]["Plan"]
        read = top["Shared Hit Blocks"] + top["Shared Read Blocks"]
        heard.append(Heard(sql, read, sorted({*_seq_scans(top)})))
    else:
        heard.append(Heard(sql, 0, []))
    return execute(conn, sql, params)


def _seq_scans(node: dict[str, Any]) -> Iterator[str]:
    rows = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    if node["Node Type"] == "Seq Scan" and node["Relation Name"] in BIG and rows > MANY_ROWS:
        yield node["Relation Name"]
    for below in node.get("Plans", ()):
        yield from _seq_scans(below)
