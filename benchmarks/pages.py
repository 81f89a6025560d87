"""Tables `pages` and `postgres`: what each page costs over a year of runs, on SQLite and on PostgreSQL.

CPU and time of the server, statements and what they read, bytes on the wire, and which big tables are scanned. SQLite
counts steps of its own machine (a row that is read costs some ten of them), PostgreSQL the pages (8 KB) it looked at.

ORION_BENCH_RUNS, ORION_BENCH_TASKS and ORION_BENCH_LOGS say how big the database is (1,000,000 runs with 10,000,000
tasks and lines; a tenth on PostgreSQL), ORION_BENCH_FOLDER where the file is kept, ORION_BENCH_URL which PostgreSQL
database is filled, or used if it has runs. Without these it is made anew and thrown away.
"""

from __future__ import annotations

import asyncio
import gc
import gzip
import os
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import yardstick
from benchmarks.going import going_on
from benchmarks.heard import Heard, listening
from benchmarks.million import Size, build

ROUNDS = 9
MOST_MS, MOST_POLL_MS, MOST_BYTES, MOST_REQUESTS = 50.0, 2.0, 50_000, 6
OVER = "Over its limits"
_files = re.compile(rb"/static/([\w.-]+)").findall


class Answer(NamedTuple):
    """The answer to one request: its status, its bytes on the wire, and the files that a browser fetches with it."""

    status: int
    size: int
    files: frozenset[str]


class Cost(NamedTuple):
    """What a page costs: CPU and wall milliseconds, what it asks of the database, bytes alone and with its files."""

    cpu: float
    wall: float
    heard: list[Heard]
    size: int
    whole: int
    requests: int
    api: bool
    status: int

    @property
    def scans(self) -> list[str]:
        return sorted({name for each in self.heard for name in each.scans})

    def faults(self, slower: float) -> list[str]:
        """What is more than it may be on a machine that is so many times slower than the one of the limits."""
        most = slower * (MOST_POLL_MS if self.api else MOST_MS)
        return [
            *([f"answered {self.status}"] if self.status >= 400 else []),
            *([f"{self.wall:.0f} ms"] if self.wall > most else []),
            *([f"{self.whole / 1000:.0f} KB"] if self.whole > MOST_BYTES and not self.api else []),
            *([f"{self.requests} requests"] if self.requests > MOST_REQUESTS else []),
            *(f"scans {name}" for name in self.scans),
        ]


def run() -> str:
    """The table on SQLite."""
    size = _size("1000000", "10000000")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(os.environ.get("ORION_BENCH_FOLDER") or temporary)
        path = folder / f"orion-{size.runs}-{size.tasks}-{size.logs}.db"
        url = f"sqlite:///{path}"
        made = None if path.exists() else build(url, size)
        return _table(url, size, path.stat().st_size, made, "thousand steps")


def run_postgres() -> str:
    """The table on PostgreSQL, a cluster of its own unless ORION_BENCH_URL names a database."""
    import psycopg

    size = _size("100000", "1000000")
    with _postgres() as url:
        with psycopg.connect(url) as raw:
            known = raw.execute("SELECT to_regclass('flow_run')").fetchone()
            filled = known and known[0] and raw.execute("SELECT 1 FROM flow_run LIMIT 1").fetchone()
        made = None if filled else build(url, size)
        with psycopg.connect(url) as raw:
            (space,) = raw.execute("SELECT pg_database_size(current_database())").fetchone() or (0,)
        return _table(url, size, space, made, "thousand pages read")


@contextmanager
def _postgres() -> Iterator[str]:
    if url := os.environ.get("ORION_BENCH_URL"):
        yield url
        return
    from tests.databases import Cluster

    with Cluster() as cluster:
        yield cluster.address("postgres")


def _size(runs: str, others: str) -> Size:
    usual = {"RUNS": runs, "TASKS": others, "LOGS": others}
    return Size(*(int(os.environ.get(f"ORION_BENCH_{each}", default)) for each, default in usual.items()))


def _table(url: str, size: Size, space: int, made: float | None, unit: str) -> str:
    floor = yardstick.insert()
    costs, begun = asyncio.run(_measure(url))
    return (
        f"{size.runs:,} flow runs, {size.tasks:,} task runs, {size.logs:,} log lines: {space / 1e9:.1f} GB."
        f"{f' Made in {made:,.0f} s.' if made else ''} The app is ready after {begun:.2f} s of CPU.\n"
        f"An insert of the floor costs {floor:.2f} ms here, {yardstick.THERE_MS} ms where the limits were set.\n\n"
        f"| page | CPU ms | wall ms | statements | {unit} | KB zipped, with files | requests | scans |\n"
        "|---|---|---|---|---|---|---|---|\n"
        + "\n".join(_row(name, cost) for name, cost in costs.items())
        + f"\n\n{_verdict(costs, yardstick.slower(floor))}\n"
    )


def _row(name: str, cost: Cost) -> str:
    read = sum(each.read for each in cost.heard) / 1000
    sizes = f"{cost.size / 1000:.1f}, {cost.whole / 1000:.0f}"
    figures = f"{cost.cpu:.1f} | {cost.wall:.1f} | {len(cost.heard)} | {read:.1f} | {sizes} | {cost.requests}"
    return f"| {name} | {figures} | {', '.join(cost.scans) or '-'} |"


def _verdict(costs: dict[str, Cost], slower: float) -> str:
    """Which pages keep their limits, and which would on a machine of the limits' own speed."""
    limits = f"{MOST_MS:.0f} ms, {MOST_BYTES // 1000} KB and {MOST_REQUESTS} requests with files, no scan"
    over = _faults(costs, 1)
    first = f"{OVER}: {over}." if over else f"All {len(costs)} keep their limits: {limits}."
    return f"{first} With {slower:.1f} times the time, as the floor takes it here: {_faults(costs, slower) or 'none'}."


def _faults(costs: dict[str, Cost], slower: float) -> str:
    faults = {name: ", ".join(cost.faults(slower)) for name, cost in costs.items()}
    return "; ".join(f"{name} ({fault})" for name, fault in faults.items() if fault)


async def _measure(url: str) -> tuple[dict[str, Cost], float]:
    from orion.settings import load
    from orion.store import open_store
    from orion.web.factory import build_app

    begin = time.process_time()
    store = open_store(url)
    with tempfile.TemporaryDirectory() as home:
        app = build_app(load({"ORION_HOME": home}), store, services=False)
        begun = time.process_time() - begin
        gc.freeze()  # as a server does that opens its own database
        async with app.router.lifespan_context(app):
            addresses = store.read_now(_addresses)
            costs = {name: await _page(app, store.dialect, address) for name, address in addresses.items()}
            with going_on(store) as (address, step):
                await _ask(app, address)
                costs["flow run of 10,000 tasks, going on"] = await _page(app, store.dialect, address, step)
    store.close()
    return costs, begun


async def _page(app: Any, dialect: str, address: str, before: Callable[[], None] = lambda: None) -> Cost:
    """The page once for what it asks of the database, then a few times for what it costs, after what comes `before`."""
    before()
    with listening(dialect) as heard:
        first = await _ask(app, address)
    costs = []
    for _ in range(ROUNDS):
        before()
        costs.append(await _timed(app, address))
    cpu, wall = (statistics.median(each) for each in zip(*costs, strict=True))
    whole = first.size + sum([(await _ask(app, f"/static/{name}")).size for name in first.files])
    api = "/api/" in address
    return Cost(cpu, wall, heard, first.size, whole, 1 + len(first.files), api, first.status)


async def _timed(app: Any, address: str) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    await _ask(app, address)
    return 1000 * (time.process_time() - cpu), 1000 * (time.perf_counter() - wall)


async def _ask(app: Any, address: str) -> Answer:
    """One request as a browser's or an agent's, without what a client costs."""
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
    sent = [{"type": "http.request", "body": b"{}" if method == "POST" else b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return sent.pop() if sent else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        heard.append(message)

    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in heard)
    zipped = (b"content-encoding", b"gzip") in heard[0]["headers"]
    text = gzip.decompress(body) if zipped else body
    files = (
        frozenset(name.decode() for name in _files(text)) if not path.startswith("/static/") else frozenset()
    )
    return Answer(heard[0]["status"], len(body), files)


def _addresses(conn: Any) -> dict[str, str]:
    """Every page, and the polls of agents and live pages."""

    def newest(table: str, where: str = "TRUE") -> str:
        return str(conn.one(f"SELECT id FROM {table} WHERE {where} ORDER BY id DESC LIMIT 1")[0])

    of_any = "+" if conn.dialect == "sqlite" else ""  # along the ids, not by the index of the state
    huge = newest("flow_run", f"{of_any}state_type = 'COMPLETED'")
    run = newest("flow_run", f"{of_any}state_type = 'COMPLETED' AND id < '{huge}'")
    failed = newest("flow_run", f"{of_any}state_type = 'FAILED'")
    late = newest("flow_run", "state_name = 'Late'")
    flow, deployment, queue = newest("flow"), newest("deployment"), newest("work_queue")
    task = str(conn.one("SELECT max(id) FROM task_run WHERE flow_run_id = :id", {"id": failed})[0])
    tabs = ("logs", "tasks", "subflows", "parameters", "radar", "events", "artifacts")
    return {
        "runs, 24 hours": "/runs?range=24h",
        "runs, 7 days": "/runs",
        "runs, 30 days": "/runs?range=30d",
        "runs, failed": "/runs?range=30d&state=failed",
        "runs as dots": "/runs?chart=duration",
        "runs of a flow": f"/runs?flow={flow}",
        "runs of a flow, 30 days": f"/runs?range=30d&flow={flow}",
        "runs of a deployment, 30 days": f"/runs?range=30d&deployment={deployment}",
        "runs of a tag": "/runs?tag=team-3",
        "runs of a tag, 30 days": "/runs?range=30d&tag=team-3",
        "runs of a queue, 30 days": "/runs?range=30d&queue=queue-3",
        "runs by name": "/runs?q=run-99",
        "runs by name, 30 days": "/runs?range=30d&q=run-99",
        "runs of no such name, 30 days": "/runs?range=30d&q=no-such-run",
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
