"""A slow database: requests wait within limits, then hear 503; health says so; nothing is lost or doubled."""

from __future__ import annotations

import contextlib
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from orion.store import Store, open_store
from orion.store.url import parse
from tests.conftest import BOTH, fresh_database
from tests.faults.machines import Process, Runs, agent
from tests.servers import OrionServer, eventually, serving
from tests.services.world import add_deployment, due

pytestmark = pytest.mark.fault

QUICK = {"ORION_SQLITE_BUSY_TIMEOUT": "1", "ORION_DATABASE_TIMEOUT": "1"}  # a request waits for 2 s at most
STILL = 2.5


class Held:
    """A SQLite file that another process holds for a while: here a connection of the test."""

    def __init__(self, url: str) -> None:
        path = parse(url).path
        assert path is not None
        self.url = url
        self._raw = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)

    def stop(self) -> None:
        self._raw.execute("BEGIN IMMEDIATE")

    def go(self) -> None:
        self._raw.execute("ROLLBACK")

    def close(self) -> None:
        self._raw.close()


class Line:
    """A line to PostgreSQL on which everything stands still for a while, in both directions; nothing is lost.

    With a `delay` it is a long one: what a client says takes so many seconds to arrive, each time.
    """

    def __init__(self, url: str, delay: float = 0) -> None:
        self.delay = delay
        name, _, folder = url.rpartition("?host=")
        self._folder = f"{folder}/.s.PGSQL.5432"
        self._open = threading.Event()
        self._open.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = f"postgresql://postgres@127.0.0.1:{port}/{name.rpartition('/')[2]}?sslmode=disable"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._open.clear()

    def go(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._folder)
                for ends in ((client, server, self.delay), (server, client, 0)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, delay: float) -> None:
        with contextlib.suppress(OSError):
            while piece := one.recv(65536):
                time.sleep(delay)
                self._open.wait()
                other.sendall(piece)
        for side in (one, other):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


Slow = Held | Line


@pytest.fixture(scope="module", params=BOTH)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slow]:
    """A database that can be made to stand still."""
    folder = tmp_path_factory.mktemp("slow")
    for url in fresh_database(request.param, folder):
        with closing(Held(url) if request.param == "sqlite" else Line(url)) as slow:
            yield slow


@pytest.fixture(scope="module")
def server(database: Slow, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrionServer]:
    home = tmp_path_factory.mktemp("home")
    with serving(home, "--no-ui", ORION_DATABASE_URL=database.url, **QUICK) as running:
        yield running


def post(server: OrionServer, path: str, body: Any) -> httpx.Response:
    """One request, without a second try."""
    return httpx.post(server.api + path, json=body, timeout=60)


def test_requests_wait_hear_503_and_are_done_once_when_it_is_back(
    server: OrionServer, database: Slow
) -> None:
    eventually(lambda: post(server, "/flows/", {"name": "before"}).is_success)
    before = server.post("/flows/count").json()
    body = {"name": "key", "concurrency_limit": 1, "tag": "slow"}
    database.stop()
    try:
        began = time.monotonic()
        refused = [post(server, "/flows/", {"name": f"flow {number}"}) for number in range(2)]
        took = time.monotonic() - began
        health = httpx.get(f"{server.api}/health", timeout=60)
        assert httpx.get(f"{server.api}/hello", timeout=60).is_success
        if isinstance(database, Held):
            assert server.post("/flows/count").json() == before  # who only reads does not notice
    finally:
        database.go()
    assert [answer.status_code for answer in refused] == [503] * 2
    assert all(float(answer.headers["retry-after"]) > 0 for answer in refused)
    assert all("database" in answer.json()["detail"] for answer in refused)
    assert 1.6 < took < 40
    assert (health.status_code, "database" in health.json()["detail"]) == (503, True)
    eventually(lambda: httpx.get(f"{server.api}/health", timeout=60).is_success)
    for number in range(2):
        again = {"name": f"flow {number}"}
        eventually(lambda: post(server, "/flows/", again).status_code in (200, 201))  # noqa: B023 - called at once
    assert server.post("/flows/count").json() == before + 2
    eventually(lambda: post(server, "/concurrency_limits/", body).is_success)
    assert "Traceback" not in server.output


def test_a_run_over_a_database_that_stands_still_again_and_again_happens_once(
    server: OrionServer, database: Slow, tmp_path: Path
) -> None:
    """I2, I4, I6, I9: agent and flow are refused for longer than a request waits, and try again."""
    runs = Runs(server, tmp_path)
    run = runs.start("talks", count=6)
    watching = agent(server)
    pause = threading.Event()

    def stand_still() -> None:
        for _ in range(3):
            database.stop()
            pause.wait(STILL)
            database.go()
            pause.wait(0.3)

    standing = threading.Thread(target=stand_still, daemon=True)
    standing.start()
    try:
        eventually(lambda: said(server, run) in ("COMPLETED", "FAILED", "CRASHED"), seconds=120)
    finally:
        pause.set()
        standing.join()
        watching.end(signal.SIGTERM)
    later = [state for state in runs.states(run) if state != "SCHEDULED"]  # it may be late, too
    assert later == ["PENDING", "RUNNING", "COMPLETED"], watching.output
    eventually(lambda: runs.tasks(run) == ["COMPLETED"] * 6)
    eventually(lambda: "line 5" in runs.logs(run))
    told = [line for line in runs.logs(run) if line.startswith(("task", "line"))]
    assert told == [f"{kind} {number}" for number in range(6) for kind in ("task", "line")]
    assert "Traceback" not in server.output, server.output


SHORT = {"ORION_HEARTBEAT_SECONDS": "1", "ORION_HEARTBEAT_LOST_SECONDS": "8", "ORION_LATE_AFTER_SECONDS": "2"}
OFTEN = '{"interval": 10, "anchor_date": "2026-01-01T00:00:00Z"}'


@pytest.mark.postgres
def test_over_a_long_line_runs_happen_once_leases_hold_and_two_clocks_keep_up(tmp_path: Path) -> None:
    """I2, I5, I10: each statement takes 50 ms more, for the server and for both clocks; leases are short."""
    for url in fresh_database("postgres", tmp_path):
        with closing(open_store(url)) as store, closing(Line(url, delay=0.05)) as line:
            deployments = [add_deployment(store, OFTEN, work_queue_name="nobody") for _ in range(3)]
            environ = {"ORION_DATABASE_URL": line.url, **SHORT}
            with serving(tmp_path / "home", "--no-clock", **environ) as server:
                others = [Process(server.home, "-m", "orion", "clock", **environ) for _ in range(2)]
                others.append(agent(server, **SHORT))
                try:
                    _over_a_long_line(server, tmp_path)
                    _clocks_keep_up(server, store, deployments)
                finally:
                    codes = [each.end(signal.SIGTERM) for each in others]
                output = server.output + "".join(each.output for each in others)
    assert set(codes) == {0} and "Traceback" not in output, output


def _over_a_long_line(server: OrionServer, folder: Path) -> None:
    runs = Runs(server, folder)
    waits, talks = runs.start("waits", folder=str(folder)), runs.start("talks", count=3)
    eventually(lambda: runs.said(waits) == ["waiting"])
    lease_over = datetime.now(UTC) + timedelta(seconds=9)
    eventually(lambda: runs.state(talks) in ENDED)
    eventually(lambda: datetime.now(UTC) > lease_over)  # only beats have kept it
    (folder / "go").touch()
    eventually(lambda: runs.state(waits) in ENDED)
    for run in (waits, talks):
        later = [state for state in runs.states(run) if state != "SCHEDULED"]  # it may be late, too
        assert later == ["PENDING", "RUNNING", "COMPLETED"], runs.read(run)["state"]
    assert len((folder / "starts").read_text().split()) == 2  # each of its steps began once
    eventually(lambda: runs.logs(talks).count("line 2") == 1)


def _clocks_keep_up(server: OrionServer, store: Store, deployments: list[str]) -> None:
    late = {"flow_runs": {"state": {"name": {"any_": ["Late"]}}, "deployment_id": {"any_": deployments}}}
    eventually(lambda: server.post("/flow_runs/count", late).json() > 0)
    for deployment in deployments:
        moments = due(store, deployment)
        assert len(moments) >= 100
        assert moments == [moments[0] + timedelta(seconds=10 * number) for number in range(len(moments))]
    duties = server.get("/admin/health").json()["duties"]
    assert [duty for duty in duties if duty["overdue"] or duty["last_error"]] == []


ENDED = ("COMPLETED", "FAILED", "CRASHED")


def said(server: OrionServer, run: str) -> str:
    """The state of a run, or nothing while the database stands still."""
    answer = httpx.get(f"{server.api}/flow_runs/{run}", timeout=60)
    return str(answer.json()["state_type"]) if answer.is_success else ""
