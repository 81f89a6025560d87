"""Unmodified clients run a flow against a real server.

ORION_PEER_C2 and ORION_PEER_C3 name the Python of an environment with the client: `prefect==2.20.20 'setuptools<80'`,
and `prefect==3.8.8 fastapi==0.141.1 'sqlalchemy<2.1'`. Without them the recorded conversations stand in.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import OrionServer, clean_environment, eventually, serving

FLOW = Path(__file__).parent / "peer_flow.py"
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


@pytest.fixture(params=["ORION_PEER_C2", "ORION_PEER_C3"])
def peer(request: pytest.FixtureRequest) -> str:
    """The interpreter of a client's environment."""
    python = os.environ.get(request.param)
    if not python:
        pytest.skip(f"{request.param} names no interpreter with that client")
    return python


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OrionServer]:
    with serving(tmp_path / "server", "--no-clock") as server:
        yield server


def run_flow(peer: str, server: OrionServer, folder: Path) -> dict[str, object]:
    """Run the flow in the client's environment; its report."""
    report = folder / "report.json"
    environment = clean_environment(folder, PREFECT_API_URL=server.api, PREFECT_HOME=str(folder))
    command = [peer, str(FLOW), str(report)]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(report.read_text()))


def test_a_client_runs_a_flow_with_retries_a_map_and_a_subflow(
    peer: str, server: OrionServer, tmp_path: Path
) -> None:
    home = tmp_path / "client"
    home.mkdir()
    assert run_flow(peer, server, home) == {"result": 25}
    eventually(lambda: len(task_states(server)) == 6 and set(task_states(server)) <= FINAL)
    assert set(task_states(server)) == {"COMPLETED"}
    flow_runs = server.post("/flow_runs/filter").json()
    assert sorted(run["state_type"] for run in flow_runs) == ["COMPLETED", "COMPLETED"]
    assert [run["name"] for run in flow_runs if run["parent_task_run_id"] is None] == ["parent of 4"]
    messages = [line["message"] for line in server.post("/logs/filter").json()]
    assert {"logged by the flow", "printed by the flow"} <= set(messages)


def test_a_second_run_finds_what_the_first_registered(peer: str, server: OrionServer, tmp_path: Path) -> None:
    home = tmp_path / "client"
    home.mkdir()
    for _ in range(2):
        assert run_flow(peer, server, home) == {"result": 25}
    schemas = server.post("/block_schemas/filter").json()
    assert len({schema["checksum"] for schema in schemas}) == len(schemas)
    assert server.post("/flows/count").json() == 2


def task_states(server: OrionServer) -> list[str]:
    return [run["state_type"] for run in server.post("/task_runs/filter").json()]
