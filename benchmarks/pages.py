"""Table `pages`: what each page costs the server over a year of runs: CPU, statements, their steps, and what they scan.

A step is one of SQLite's own machine; a row that is read costs some ten of them.

ORION_BENCH_RUNS (1,000,000), ORION_BENCH_TASKS and ORION_BENCH_LOGS (10,000,000 each) say how big the database is, and
ORION_BENCH_FOLDER where it is kept; without a folder it is made anew and thrown away.
"""

from __future__ import annotations

import asyncio
import gc
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.million import Size, build

ROUNDS = 9
GRAIN = 20  # steps between two counts
BIG = ("flow_run", "task_run", "log", "flow_run_state", "task_run_state", "flow_run_tag", "event")
_scan = re.compile(rf"SCAN ({'|'.join(BIG)})\b(?! USING (?:COVERING )?INDEX \w*_(?:live|due|queue))")


class Cost(NamedTuple):
    """What a page costs: CPU in milliseconds, statements and their steps, bytes, and the big tables that it scans."""

    cpu: float
    statements: int
    steps: int
    size: int
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


def run() -> str:
    """The table."""
    size = Size(*(int(os.environ.get(f"ORION_BENCH_{each}", default)) for each, default in SIZES.items()))
    with ExitStack() as stack:
        folder = os.environ.get("ORION_BENCH_FOLDER") or stack.enter_context(tempfile.TemporaryDirectory())
        path = Path(folder) / f"orion-{size.runs}-{size.tasks}-{size.logs}.db"
        made = "" if path.exists() else f" Made in {build(path, size):,.0f} s."
        rows, begun = asyncio.run(_measure(path))
        space = path.stat().st_size / 1e9
    heading = (
        f"{size.runs:,} flow runs, {size.tasks:,} task runs, {size.logs:,} log lines: {space:.1f} GB.{made} "
        f"The app is ready after {begun:.2f} s of CPU.\n\n"
        "| page | CPU ms, median | statements | thousand steps | KB zipped | big tables scanned |\n"
        "|---|---|---|---|---|---|\n"
    )
    return heading + "\n".join(_row(name, cost) for name, cost in rows.items()) + "\n"


def _row(name: str, cost: Cost) -> str:
    figures = f"{cost.cpu:.1f} | {cost.statements} | {cost.steps / 1000:.1f} | {cost.size / 1000:.1f}"
    return f"| {name} | {figures} | {', '.join(cost.scans) or '-'} |"


SIZES = {"RUNS": "1000000", "TASKS": "10000000", "LOGS": "10000000"}


async def _measure(path: Path) -> tuple[dict[str, Cost], float]:
    from orion.settings import load
    from orion.store import open_store
    from orion.web.factory import build_app

    begin = time.process_time()
    store = open_store(f"sqlite:///{path}")
    app = build_app(load({"ORION_HOME": str(path.parent)}), store, services=False)
    begun = time.process_time() - begin
    gc.freeze()  # as a server does that opens its own database
    async with app.router.lifespan_context(app):
        costs = {name: await _page(app, address) for name, address in store.read_now(_addresses).items()}
    store.close()
    return costs, begun


async def _page(app: Any, address: str) -> Cost:
    """The page once for what it asks of the database, then a few times for what it costs."""
    with _listening() as heard:
        status, size = await _ask(app, address)
    if status >= 400:
        return Cost(0.0, len(heard), 0, 0, [f"answered {status}"])
    took = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        await _ask(app, address)
        took.append(1000 * (time.process_time() - begin))
    steps = sum(count for _, count in heard)
    return Cost(statistics.median(took), len(heard), steps, size, _scanned(plan for plan, _ in heard))


async def _ask(app: Any, address: str) -> tuple[int, int]:
    """One request as a browser's or an agent's, without what a client costs: the status, and the bytes on the wire."""
    method, _, target = address.rpartition(" ")
    path, _, query = target.partition("?")
    api = path.startswith("/api")
    headers = {
        "host": "127.0.0.1",
        "accept": "application/json" if api else "text/html",
        "accept-encoding": "gzip",
    }
    headers |= {"content-type": "application/json"} if method == "POST" else {"sec-fetch-site": "same-origin"}
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method or "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 4200),
    }  # fmt: skip
    heard: list[dict[str, Any]] = []
    body = [{"type": "http.request", "body": b"{}" if method == "POST" else b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return body.pop() if body else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        heard.append(message)

    await app(scope, receive, send)
    return heard[0]["status"], sum(len(message.get("body", b"")) for message in heard)


def _scanned(plans: Iterable[list[str]]) -> list[str]:
    return sorted({found[1] for plan in plans for step in plan if (found := _scan.search(step))})


@contextmanager
def _listening() -> Iterator[list[tuple[list[str], int]]]:
    """The plans of the statements that run meanwhile, and how many steps each took."""
    from orion.store.dialect import translate
    from orion.store.sqlite_conn import LOOK_EVERY, SqliteConn

    heard: list[tuple[list[str], int]] = []
    execute = SqliteConn._execute

    def noting(self: SqliteConn, sql: str, params: Any) -> Any:
        plan = self.raw.execute(f"EXPLAIN QUERY PLAN {translate(sql, 'sqlite')}", params).fetchall()
        steps = 0

        def step() -> int:
            nonlocal steps
            steps += GRAIN
            return 0

        self.raw.set_progress_handler(step, GRAIN)
        done = Rows(execute(self, sql, params))
        self.raw.set_progress_handler(self._look, LOOK_EVERY)
        heard.append(([row[3] for row in plan], steps))
        return done

    SqliteConn._execute = noting  # type: ignore[method-assign]
    try:
        yield heard
    finally:
        SqliteConn._execute = execute  # type: ignore[method-assign]


def _addresses(conn: Any) -> dict[str, str]:
    """Every page, and the polls of agents and live pages."""

    def newest(table: str, where: str = "TRUE") -> str:
        return str(conn.one(f"SELECT id FROM {table} WHERE {where} ORDER BY id DESC LIMIT 1")[0])

    huge = newest("flow_run", "+state_type = 'COMPLETED'")
    run = newest("flow_run", f"+state_type = 'COMPLETED' AND id < '{huge}'")
    failed = newest("flow_run", "+state_type = 'FAILED'")
    late = newest("flow_run", "state_name = 'Late'")
    flow, deployment, queue = newest("flow"), newest("deployment"), newest("work_queue")
    task = str(conn.one("SELECT max(id) FROM task_run WHERE flow_run_id = ?", (failed,))[0])
    tabs = ("logs", "tasks", "subflows", "parameters", "radar", "events", "artifacts")
    return {
        "runs, 24 hours": "/runs?range=24h",
        "runs, 7 days": "/runs",
        "runs, 30 days": "/runs?range=30d",
        "runs, failed": "/runs?range=30d&state=failed",
        "runs as dots": "/runs?chart=duration",
        "runs of a flow": f"/runs?flow={flow}",
        "runs of a tag": "/runs?tag=team-3",
        "runs by name": "/runs?q=run-99",
        "flow run": f"/runs/{failed}",
        "flow run of 1,000 tasks": f"/runs/{run}",
        "flow run of 10,000 tasks": f"/runs/{huge}",
        "its radar": f"/runs/{huge}/radar",
        "its 100,000 lines": f"/runs/{huge}/logs",
        **{f"flow run, {tab}": f"/runs/{run}/{tab}" for tab in tabs},
        "late flow run": f"/runs/{late}",
        "two runs": f"/runs/compare?a={failed}&b={run}",
        "task run": f"/task-runs/{task}",
        "flows": "/flows",
        "flow": f"/flows/{flow}",
        "deployments": "/deployments",
        "deployment": f"/deployments/{deployment}",
        "deployment, edit": f"/deployments/{deployment}/edit",
        "deployment, backfill": f"/deployments/{deployment}/backfill",
        "queues": "/queues",
        "queue": f"/queues/{queue}",
        "queue, edit": f"/queues/{queue}/edit",
        "blocks": "/blocks",
        "catalogue": "/blocks/catalog",
        "artifacts": "/artifacts",
        "variables": "/variables",
        "notifications": "/notifications",
        "limits": "/limits",
        "settings": "/settings",
        "health": "/health",
        "metrics": "/metrics",
        "search by a word": "/search?q=run-99",
        "search by an id": f"/search?q={run}",
        "search by its beginning": f"/search?q={run[:20]}",
        "an agent's poll": f"POST /api/work_queues/{queue}/get_runs",
        "health of the API": "/api/health",
    }
