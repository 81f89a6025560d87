"""Two servers on one database, or two programs on one file: one line for each limit, and rings are seen whole."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from orion.model.ids import new_id
from orion.model.limits import ConcurrencyLimitV2Create, IncrementWithLease
from orion.orchestration import give_lease, take_lease
from orion.store import Role, Store, concurrency_limits_v2, open_store
from tests.conftest import fresh_database
from tests.servers import CHECKOUT, OrionServer, clean_environment, eventually, serving

LIMITS = "/v2/concurrency_limits"
PATIENT = {"ORION_SLOT_OFFER_SECONDS": "60"}  # a machine that stands still must not change the order
ROWS = "SELECT count(*) FROM slot_waiter"

Servers = tuple[OrionServer, OrionServer]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    yield from fresh_database("postgres", tmp_path_factory.mktemp("servers"))


@pytest.fixture(scope="module")
def servers(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Two servers as processes, each with a home of its own, on one PostgreSQL database."""
    folder = tmp_path_factory.mktemp("homes")
    with (
        serving(folder / "a", "--no-ui", ORION_DATABASE_URL=url, **PATIENT) as a,
        serving(folder / "b", "--no-ui", ORION_DATABASE_URL=url, **PATIENT) as b,
    ):
        yield a, b


class Waiter(threading.Thread):
    """One who waits for a slot at a server; `answers` are in the order in which they came."""

    def __init__(self, server: OrionServer, body: dict[str, Any], name: str, answers: list[str]) -> None:
        super().__init__(daemon=True, name=name)
        self.server, self.answers = server, answers
        self.body = {**body, "wait_seconds": 30, "waiter": new_id()}
        self.lease = ""
        self.start()

    def run(self) -> None:
        path = f"{self.server.api}{LIMITS}/increment-with-lease"
        while not self.lease:
            answer = httpx.post(path, json=self.body, timeout=60)
            if answer.status_code == 200:
                self.answers.append(self.name)
                self.lease = answer.json()["lease_id"]


@pytest.mark.postgres
def test_who_waits_at_two_servers_is_served_in_the_order_in_which_all_came(
    servers: Servers, url: str
) -> None:
    servers[0].post(f"{LIMITS}/", {"name": "api", "limit": 1})
    body = {"names": ["api"], "slots": 1}
    lease = servers[0].post(f"{LIMITS}/increment-with-lease", body).json()["lease_id"]
    answers: list[str] = []
    waiters = []
    with closing(psycopg.connect(url, autocommit=True)) as raw:
        for number in range(8):
            waiters.append(Waiter(servers[number % 2], body, str(number), answers))
            eventually(lambda: _count(raw, waiters) == len(waiters))
    for number, waiter in enumerate(waiters):
        assert servers[number % 3 % 2].post(f"{LIMITS}/decrement-with-lease", {"lease_id": lease}).is_success
        lease = eventually(lambda: waiter.lease)  # noqa: B023 - called at once
    assert answers == [str(number) for number in range(8)]


def _count(raw: psycopg.Connection[Any], waiters: list[Waiter]) -> int:
    """How many of them wait: others may do so, too."""
    ids = [waiter.body["waiter"] for waiter in waiters]
    row = raw.execute(f"{ROWS} WHERE CAST(id AS text) = ANY(%s)", [ids]).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.postgres
def test_a_ring_with_one_half_at_each_server_is_called_a_deadlock_at_both(servers: Servers) -> None:
    a, b = servers
    for name in ("left", "right"):
        a.post(f"{LIMITS}/", {"name": name, "limit": 1})
    flow = a.post("/flows/", {"name": "ring"}).json()["id"]
    running = {"flow_id": flow, "state": {"type": "RUNNING"}}
    first, second = (a.post("/flow_runs/", running).json()["id"] for _ in range(2))

    def ask(server: OrionServer, name: str, run: str) -> int:
        body = {"names": [name], "slots": 1, "holder": {"type": "flow_run", "id": run}}
        return server.post(f"{LIMITS}/increment-with-lease", body).status_code

    def why(server: OrionServer, run: str) -> str:
        return str(server.get(f"/flow_runs/{run}/why").json()["causes"])

    assert (ask(a, "left", first), ask(b, "right", second)) == (200, 200)
    assert ask(a, "right", first) == 423
    assert "right is taken" in why(b, first) and "deadlock" not in why(b, first)
    assert ask(b, "left", second) == 423
    assert all("deadlock" in why(server, run) for server in servers for run in (first, second))


PROGRAM = """
import pathlib, sys, time
from orion import concurrency

name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
with concurrency("api"):
    with open(folder / "order", "a") as file:
        file.write(name + " ")
    while not (folder / f"{name} may go").exists():
        time.sleep(0.01)
"""


def test_programs_without_a_server_are_served_in_the_order_in_which_they_came(
    sqlite_url: str, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    order = tmp_path / "order"
    with closing(open_store(sqlite_url, role=Role.EPHEMERAL)) as store:
        store.write_now(concurrency_limits_v2.create, ConcurrencyLimitV2Create(name="api", limit=1), now)
        held = store.write_now(take_lease, IncrementWithLease(names=["api"], slots=1), now)
        programs = []
        try:
            for number in range(3):
                programs.append(_program(str(number), tmp_path, sqlite_url))
                eventually(lambda: _waiting(store) == len(programs))
            store.write_now(give_lease, held.lease_id, now)
            for number, program in enumerate(programs):
                said = " ".join(map(str, range(number + 1)))
                eventually(_says(order, said))
                (tmp_path / f"{number} may go").touch()
                assert program.wait(60) == 0
        finally:
            for program in programs:
                program.kill()
                program.wait()


def _program(name: str, folder: Path, url: str) -> subprocess.Popen[bytes]:
    home = folder / f"home {name}"
    home.mkdir()
    environment = clean_environment(home, ORION_DATABASE_URL=url, **PATIENT)
    return subprocess.Popen([sys.executable, "-c", PROGRAM, name, folder], env=environment, cwd=CHECKOUT)


def _waiting(store: Store) -> int:
    return int(store.read_now(lambda conn: conn.all(ROWS))[0][0])


def _says(order: Path, said: str) -> Callable[[], bool]:
    return lambda: order.exists() and order.read_text().strip() == said
