"""The agent is killed: its flows live on, nothing runs twice, and the next agent adopts them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import pytest

from orion.store import Role, open_store
from tests.faults.machines import Process, Runs, agent, is_alive, kill
from tests.servers import CHECKOUT, OrionServer, eventually, serving
from tests.services.world import change

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrionServer]:
    with serving(tmp_path_factory.mktemp("home"), "--no-ui", ORION_CLAIM_SECONDS="1") as running:
        yield running


@pytest.fixture
def runs(server: OrionServer, tmp_path: Path) -> Runs:
    return Runs(server, tmp_path)


@pytest.fixture
def agents() -> Iterator[list[Process]]:
    started: list[Process] = []
    yield started
    for process in started:
        process.end(signal.SIGTERM)


@pytest.mark.row("AG-09")
def test_a_flow_outlives_its_agent_and_reports(
    server: OrionServer, runs: Runs, agents: list[Process], tmp_path: Path
) -> None:
    run = runs.start("waits", folder=str(tmp_path))
    first = agent(server)
    eventually(lambda: runs.state(run) == "RUNNING" and runs.pid(run))
    first.end()
    agents.append(agent(server))
    eventually(lambda: "adopted" in agents[0].output)
    (tmp_path / "go").touch()
    eventually(lambda: runs.state(run) == "COMPLETED")
    assert runs.states(run) == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]
    assert len(set((tmp_path / "starts").read_text().split())) == 1
    eventually(lambda: runs.said(run) == ["waiting", "going"])


def test_the_next_agent_reports_the_death_of_an_adopted_flow(
    server: OrionServer, runs: Runs, agents: list[Process], tmp_path: Path
) -> None:
    run = runs.start("waits", folder=str(tmp_path))
    first = agent(server)
    eventually(lambda: runs.state(run) == "RUNNING" and runs.pid(run))
    first.end()
    agents.append(agent(server))
    eventually(lambda: "adopted" in agents[0].output)
    kill(runs.pid(run))
    eventually(lambda: runs.state(run) == "CRASHED", seconds=10)
    assert "adopted" in runs.read(run)["state"]["message"]


def test_the_next_agent_cancels_an_adopted_flow(
    server: OrionServer, runs: Runs, agents: list[Process], tmp_path: Path
) -> None:
    run = runs.start("waits", folder=str(tmp_path))
    first = agent(server)
    eventually(lambda: runs.state(run) == "RUNNING" and runs.pid(run))
    pid = runs.pid(run)
    first.end()
    agents.append(agent(server))
    eventually(lambda: "adopted" in agents[0].output)
    server.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    eventually(lambda: runs.state(run) == "CANCELLED")
    eventually(lambda: not is_alive(pid))


def test_a_living_agent_keeps_its_flows_when_another_starts_beside_it(
    server: OrionServer, runs: Runs, agents: list[Process], tmp_path: Path
) -> None:
    run = runs.start("waits", folder=str(tmp_path))
    agents.append(agent(server))
    eventually(lambda: runs.state(run) == "RUNNING" and runs.pid(run))
    second = agent(server)
    second.end(signal.SIGTERM)
    assert "adopted" not in second.output and is_alive(runs.pid(run))
    (tmp_path / "go").touch()
    eventually(lambda: runs.state(run) == "COMPLETED")


@pytest.mark.row("AG-09")
def test_a_run_that_was_handed_out_and_not_claimed_comes_back(
    server: OrionServer, runs: Runs, agents: list[Process], tmp_path: Path
) -> None:
    run = runs.start("quick")
    queue = server.get("/work_queues/name/default").json()["id"]
    taken = server.post(f"/work_queues/{queue}/get_runs", {"limit": 10}).json()
    assert [found["id"] for found in taken] == [run]
    agents.append(agent(server))
    eventually(lambda: runs.state(run) == "COMPLETED")
    assert runs.states(run) == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]


DIES = """
import os, signal, sys
from orion import agent
setattr(agent.Agent, sys.argv[1], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
sys.exit(agent.main(["default"]))
"""


@pytest.mark.parametrize(
    ("point", "held"), [("_claim", []), ("_start", ["PENDING", "SCHEDULED"])], ids=["claims", "starts"]
)
def test_a_run_whose_agent_dies_before_it_claims_or_starts_it_is_run_by_another(
    server: OrionServer, runs: Runs, agents: list[Process], point: str, held: list[str]
) -> None:
    run = runs.start("quick")
    assert (
        Process(server.home, "-c", DIES, point, ORION_API_URL=server.api).process.wait(60) == -signal.SIGKILL
    )
    lost = runs.read(run)
    assert lost["state_type"] == ("PENDING" if held else "SCHEDULED")
    agents.append(agent(server))
    with closing(open_store(f"sqlite:///{server.home}/.orion/orion.db", role=Role.CLOCK)) as store:

        def time_passes() -> bool:
            change(store, "UPDATE flow_run SET lease_until = 1 WHERE id = :id AND state_id = :state_id",
                   id=run, state_id=lost["state_id"])  # fmt: skip
            change(store, "UPDATE service_run SET last_started = 1 WHERE name = 'web'")
            server.post("/admin/clock/run?duty=leases")
            return "SCHEDULED" in runs.states(run)[1:]

        if held:
            eventually(time_passes)
    eventually(lambda: runs.state(run) == "COMPLETED")
    assert runs.states(run) == ["SCHEDULED", *held, "PENDING", "RUNNING", "COMPLETED"]


def test_sigterm_ends_the_agent_and_its_flows_within_fifteen_seconds(
    server: OrionServer, runs: Runs, tmp_path: Path
) -> None:
    run = runs.start("waits", folder=str(tmp_path))
    process = agent(server)
    eventually(lambda: runs.state(run) == "RUNNING" and runs.pid(run))
    pid = runs.pid(run)
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(15) == 0
    assert not is_alive(pid)
    assert runs.state(run) == "CRASHED"


ALONE = """
import json, os, sys, urllib.request
assert not [name for name in sys.path if os.path.exists(os.path.join(name, "orion"))], sys.path
for kind in ("RUNNING", "COMPLETED"):
    address = f"{os.environ['ORION_API_URL']}/flow_runs/{os.environ['ORION__FLOW_RUN_ID']}/set_state"
    headers = {"Content-Type": "application/json", "Orion-Attempt": os.environ["ORION__ATTEMPT"]}
    body = json.dumps({"state": {"type": kind}}).encode()
    urllib.request.urlopen(urllib.request.Request(address, body, headers))
"""
NEEDED = ("httpx", "httpcore", "h11", "anyio", "certifi", "idna", "sniffio", "typing_extensions")


def test_the_agent_runs_alone_in_a_folder_with_nothing_but_python_and_httpx(
    server: OrionServer, runs: Runs, tmp_path: Path
) -> None:
    alone, packages = tmp_path / "alone", tmp_path / "packages"
    alone.mkdir()
    packages.mkdir()
    shutil.copy(CHECKOUT / "orion" / "agent.py", alone)
    for name in NEEDED:
        if (spec := find_spec(name)) and spec.origin:
            file = Path(spec.origin)
            file = file.parent if file.name == "__init__.py" else file
            (packages / file.name).symlink_to(file)
    run = runs.start("quick", job_variables={"command": [sys.executable, "-S", "-c", ALONE]})
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(packages), "ORION_API_URL": server.api}
    command = [sys.executable, "-S", "agent.py", "default", "--once"]  # -S: no site-packages
    done = subprocess.run(command, env=environment, cwd=alone, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert runs.state(run) == "COMPLETED", done.stderr
    assert sorted(path.name for path in alone.iterdir()) == ["agent.py"]
