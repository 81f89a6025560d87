"""The agent is killed: its flows live on, nothing runs twice, and the next agent adopts them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.machines import Process, Runs, agent, is_alive, kill
from tests.servers import CHECKOUT, OrionServer, eventually, serving

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrionServer]:
    with serving(tmp_path_factory.mktemp("home"), ORION_CLAIM_SECONDS="1") as running:
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
    assert server.post(f"/work_queues/{queue}/get_runs", {"limit": 10}).json() == []
    agents.append(agent(server))
    eventually(lambda: runs.state(run) == "COMPLETED")


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


def test_the_agent_is_one_file_that_needs_httpx_only() -> None:
    code = f"""
import runpy, sys
sys.argv = ["agent.py", "--help"]
sys.modules["orion"] = None
try:
    runpy.run_path({str(CHECKOUT / "orion" / "agent.py")!r}, run_name="__main__")
except SystemExit as end:
    assert end.code == 0, end.code
foreign = {{"starlette", "jinja2", "msgspec", "typer", "psycopg", "huey", "croniter"}} & set(sys.modules)
assert not foreign, foreign
assert "httpx" in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    assert "QUEUE" in done.stdout
