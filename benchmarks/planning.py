"""Planning: every deployment lacks a hundred runs, and a pass of the clock plans them; states are written meanwhile."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks import measure, servers, traffic, yardstick
from orion.model import wire
from orion.model.deployments import DeploymentCreate, DeploymentUpdate
from orion.model.flow_runs import FlowRunCreate
from orion.model.flows import FlowCreate
from orion.model.states import StateCreate
from orion.orchestration import create_flow_run, propose_flow_run
from orion.services import scheduling
from orion.store import Conn, Store, deployments, flow_runs, flows, open_store

RUNS_EACH = 100
EDITS = 100
BESIDE = 300  # deployments that a clock of its own plans
PACE = 0.01
PEER_DEPLOYMENTS = 20  # theirs take some milliseconds a run
PEER_SETTINGS = {
    f"PREFECT_{server}_SERVICES_SCHEDULER_{most}_RUNS": str(RUNS_EACH)
    for server in ("API", "SERVER")
    for most in ("MIN", "MAX")
}
PER_RUN = "CPU per planned run"
OTHER_TIMES = {"schedules": [{"schedule": {"interval": 35, "anchor_date": "2026-01-01T00:00:11Z"}}]}


def run(count: int = 1_000) -> str:
    """The table as Markdown."""
    floor = yardstick.insert()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/orion.db")
        try:
            rows = _rows(store, count)
        finally:
            store.close()
    peers = {name: _peer(name, python) for name, python in servers.peers().items()}
    return measure.table(
        f"Planning {RUNS_EACH} runs for each of {count:,} deployments "
        f"(one insert of the floor: {floor:.2f} ms; {yardstick.THERE_MS} ms where the limits were set)",
        ["", "orion", *(f"{name} ({PEER_DEPLOYMENTS} deployments)" for name in peers), "orion, at most"],
        [[what, ours, *(peer.get(what, "–") for peer in peers.values()), most] for what, ours, most in rows],
    )


def _rows(store: Store, count: int) -> list[list[str]]:
    now = datetime.now(UTC)
    ids = store.write_now(_fill, "quiet", count, now)
    whole = _cost(lambda: scheduling.plan(store, now))
    again = _cost(lambda: scheduling.plan(store, now))
    tagged = _cost(lambda: [store.write_now(_edit, id, {"tags": ["c"]}, now) for id in ids[:EDITS]])
    moved = _cost(lambda: [store.write_now(_edit, id, OTHER_TIMES, now) for id in ids[:EDITS]])
    store.write_now(_fill, "busy", EDITS, now)
    with traffic_of(store, now) as planning, Timed(store) as plan:
        scheduling.plan(store, now)
    with traffic_of(store, now) as editing, Timed(store) as edit:
        for id in ids[EDITS : 2 * EDITS]:
            store.write_now(_edit, id, OTHER_TIMES, now)
    return [
        ["the whole pass (wall)", f"{whole.wall:.1f} s", "a few seconds"],
        [PER_RUN, measure.ms(whole.cpu / count / RUNS_EACH), "0.1 ms"],
        ["a pass with nothing to plan (CPU)", measure.ms(again.cpu), ""],
        [
            "an edit of one deployment (CPU): its tags / its schedule",
            _two(tagged.cpu / EDITS, moved.cpu / EDITS),
            "",
        ],
        [
            "longest transaction while states are written: planning / editing",
            _two(plan.longest, edit.longest),
            "50 ms",
        ],
        ["slowest state write meanwhile", _two(max(planning.writes), max(editing.writes)), "100 ms"],
        ["slowest read meanwhile", _two(max(planning.reads), max(editing.reads)), "100 ms"],
        ["slowest state write of a server while a clock of its own plans", measure.ms(_beside()), "100 ms"],
    ]


def _beside() -> float:
    """The slowest write of a state, in seconds, of a server beside a clock that plans on the same file."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/orion.db"
        store = open_store(url)
        store.write_now(_fill, "quiet", BESIDE, datetime.now(UTC))
        store.close()
        with servers.orion("--no-clock", ORION_DATABASE_URL=url) as server:
            line = traffic.Line(server.api)
            flow = line.made("/flows/", {"name": "load"})["id"]
            argv = [sys.executable, "-m", "orion", "clock"]
            clock = subprocess.Popen(argv, env=server.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                return max(_written(line, flow, BESIDE * RUNS_EACH))
            finally:
                clock.terminate()
                clock.wait()


def _written(line: traffic.Line, flow: str, wanted: int) -> Iterator[float]:
    """States at a steady pace until all runs are planned, and how long each took."""
    made = 0
    while line.made("/flow_runs/count", {}) < wanted + made:
        run, made = line.made("/flow_runs/", {"flow_id": flow})["id"], made + 1
        for kind in ("RUNNING", "COMPLETED"):
            yield _wall(line.made, f"/flow_runs/{run}/set_state", {"state": {"type": kind}})
        time.sleep(PACE)


def _peer(name: str, python: str) -> dict[str, str]:
    """A peer's server, from its deployments' getting their schedules until nine in ten of the runs are there."""
    with servers.prefect(name, python, **PEER_SETTINGS) as server:
        line = traffic.Line(server.api)
        flow = line.made("/flows/", {"name": "quiet"})["id"]
        ids = [_deployed(line, flow, number) for number in range(PEER_DEPLOYMENTS)]
        before, schedule = measure.cpu(server.pid), {"interval": 30, "anchor_date": "2026-01-01T00:00:00Z"}
        for id in ids:
            line.made(f"/deployments/{id}/schedules", [{"active": True, "schedule": schedule}])
        end, planned = time.monotonic() + 300, 0
        while planned < 0.9 * PEER_DEPLOYMENTS * RUNS_EACH and time.monotonic() < end:
            time.sleep(0.5)
            planned = line.made("/flow_runs/count", {})
        return {PER_RUN: measure.ms((measure.cpu(server.pid) - before) / max(planned, 1))}


def _deployed(line: traffic.Line, flow: str, number: int) -> str:
    wanted = {"name": f"d{number}", "flow_id": flow, "tags": ["a", "b"], "work_queue_name": "q"}
    return str(line.made("/deployments/", wanted)["id"])


def _edit(conn: Conn, id: str, change: dict[str, Any], now: datetime) -> None:
    deployments.update(conn, id, wire.decode(wire.encode(change), DeploymentUpdate), now)
    scheduling.replan(conn, id, now)


def _fill(conn: Conn, name: str, count: int, now: datetime) -> list[str]:
    flow, _ = flows.create(conn, FlowCreate(name=name), now)
    schedule = {"interval": 30, "anchor_date": now.isoformat()}
    ids = []
    for number in range(count):
        wanted = {"name": f"d{number}", "flow_id": flow.id, "schedules": [{"schedule": schedule}]}
        wanted |= {"tags": ["a", "b"], "work_queue_name": f"q{number % 10}"}
        ids.append(
            deployments.upsert(conn, wire.decode(wire.encode(wanted), DeploymentCreate), now, "")[0].id
        )
    return ids


class Timed:
    """How long the writer's longest transaction took, whatever it held, from its beginning to the end of its commit."""

    def __init__(self, store: Store) -> None:
        self.longest = 0.0
        self._writer: Any = store._writer  # type: ignore[attr-defined]
        self._commit = self._writer._commit

    def __enter__(self) -> Timed:
        self._writer._commit = self._timed
        return self

    def _timed(self, group: Any) -> Any:
        start = time.perf_counter()
        try:
            return self._commit(group)
        finally:
            self.longest = max(self.longest, time.perf_counter() - start)

    def __exit__(self, *error: object) -> None:
        self._writer._commit = self._commit


class Load:
    """State writes and reads at a steady pace, and how long each took."""

    def __init__(self, store: Store, now: datetime) -> None:
        self.store, self.now = store, now
        self.writes: list[float] = []
        self.reads: list[float] = []
        self.over = threading.Event()

    def run(self) -> None:
        flow, _ = self.store.write_now(flows.create, FlowCreate(name="load"), self.now)
        while not self.over.wait(PACE):
            run, _ = self.store.write_now(create_flow_run, FlowRunCreate(flow_id=flow.id), self.now)
            for state in (StateCreate(type="RUNNING"), StateCreate(type="COMPLETED")):
                self.writes.append(_wall(self.store.write_now, propose_flow_run, run.id, state, self.now))
            self.reads.append(_wall(self.store.read_now, flow_runs.filter, None, None, 50))


@contextlib.contextmanager
def traffic_of(store: Store, now: datetime) -> Iterator[Load]:
    """A load on the store for the length of the block."""
    load = Load(store, now)
    thread = threading.Thread(target=load.run)
    thread.start()
    try:
        yield load
    finally:
        load.over.set()
        thread.join()


def _cost(work: Callable[[], Any]) -> measure.Cost:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return measure.Cost(time.process_time() - cpu, time.perf_counter() - wall)


def _wall(work: Callable[..., Any], *args: Any) -> float:
    start = time.perf_counter()
    work(*args)
    return time.perf_counter() - start


def _two(first: float, second: float) -> str:
    return f"{measure.ms(first)} / {measure.ms(second)}"
