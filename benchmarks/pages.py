"""Table `pages`: what each page costs the server over a year of runs: CPU, statements, and what they scan.

ORION_BENCH_RUNS (1,000,000), ORION_BENCH_TASKS and ORION_BENCH_LOGS (10,000,000 each) say how big the database is, and
ORION_BENCH_FOLDER where it is kept; without a folder it is made anew and thrown away.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.million import Size, build

ROUNDS = 9
BIG = ("flow_run", "task_run", "log", "flow_run_state", "task_run_state", "flow_run_tag", "event")
_scan = re.compile(rf"SCAN ({'|'.join(BIG)})\b(?! USING (?:COVERING )?INDEX \w*_(?:live|due|queue))")


class Cost(NamedTuple):
    """What a page costs: CPU in milliseconds, statements, bytes, and the big tables that it scans."""

    cpu: float
    statements: int
    size: int
    scans: list[str]


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
        "| page | CPU ms, median | statements | KB zipped | big tables scanned |\n|---|---|---|---|---|\n"
    )
    return heading + "\n".join(
        f"| {name} | {cost.cpu:.1f} | {cost.statements} | {cost.size / 1000:.1f} | {', '.join(cost.scans) or '-'} |"
        for name, cost in rows.items()
    )


SIZES = {"RUNS": "1000000", "TASKS": "10000000", "LOGS": "10000000"}


async def _measure(path: Path) -> tuple[dict[str, Cost], float]:
    import httpx

    from orion.settings import load
    from orion.store import open_store
    from orion.web.factory import build_app

    begin = time.process_time()
    store = open_store(f"sqlite:///{path}")
    app = build_app(load({"ORION_HOME": str(path.parent)}), store, services=False)
    begun = time.process_time() - begin
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        costs = {name: await _page(client, address) for name, address in store.read_now(_addresses).items()}
    store.close()
    return costs, begun


async def _page(client: Any, address: str) -> Cost:
    """The page once for what it asks of the database, then a few times for what it costs."""
    method, _, path = address.rpartition(" ")
    headers = {
        "Accept": "application/json" if path.startswith("/api") else "text/html",
        "Sec-Fetch-Site": "same-origin",
    }
    more = {"json": {}} if method == "POST" else {}
    with _listening() as heard:
        answer = await client.request(method or "GET", path, headers=headers, **more)
    if answer.status_code >= 400:
        return Cost(0.0, len(heard), 0, [f"answered {answer.status_code}"])
    size = int(answer.headers.get("content-length", 0))
    took = []
    for _ in range(ROUNDS):
        begin = time.process_time()
        await client.request(method or "GET", path, headers=headers, **more)
        took.append(1000 * (time.process_time() - begin))
    return Cost(statistics.median(took), len(heard), size, _scanned(heard))


def _scanned(heard: list[list[str]]) -> list[str]:
    return sorted({found[1] for plan in heard for step in plan if (found := _scan.search(step))})


@contextmanager
def _listening() -> Iterator[list[list[str]]]:
    """The plans of the statements that run meanwhile."""
    from orion.store.dialect import translate
    from orion.store.sqlite_conn import SqliteConn

    heard: list[list[str]] = []
    execute = SqliteConn._execute

    def noting(self: SqliteConn, sql: str, params: Any) -> Any:
        plan = self.raw.execute(f"EXPLAIN QUERY PLAN {translate(sql, 'sqlite')}", params).fetchall()
        heard.append([row[3] for row in plan])
        return execute(self, sql, params)

    SqliteConn._execute = noting  # type: ignore[method-assign]
    try:
        yield heard
    finally:
        SqliteConn._execute = execute  # type: ignore[method-assign]


def _addresses(conn: Any) -> dict[str, str]:
    """Every page, and the polls of agents and live pages."""

    def newest(table: str, where: str = "TRUE") -> str:
        return str(conn.one(f"SELECT max(id) FROM {table} WHERE {where}")[0])

    run = newest("flow_run", "state_type = 'COMPLETED'")
    failed = newest("flow_run", "state_type = 'FAILED'")
    late = newest("flow_run", "state_name = 'Late'")
    flow, deployment, queue = newest("flow"), newest("deployment"), newest("work_queue")
    task = str(conn.one("SELECT max(id) FROM task_run WHERE flow_run_id = ?", (failed,))[0])
    tabs = ("logs", "tasks", "subflows", "parameters", "radar", "events", "artifacts")
    return {
        "runs, 24 hours": "/runs?range=24h",
        "runs, 7 days": "/runs",
        "runs, 30 days": "/runs?range=30d",
        "runs, failed": "/runs?range=30d&state=failed",
        "runs of a flow": f"/runs?flow={flow}",
        "runs of a tag": "/runs?tag=team-3",
        "runs by name": "/runs?q=run-99",
        "flow run": f"/runs/{failed}",
        "flow run of 1,000 tasks": f"/runs/{run}",
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
        "an agent's poll": f"POST /api/work_queues/{queue}/get_runs",
        "health of the API": "/api/health",
    }
