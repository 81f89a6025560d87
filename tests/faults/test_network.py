"""Answers get lost on the way: what was asked has been done, is asked again, and has the effect of one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.machines import Process, Runs
from tests.faults.network import Network
from tests.servers import CHECKOUT, OrionServer, eventually, serving

pytestmark = pytest.mark.fault


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OrionServer]:
    with serving(tmp_path / "home", "--no-ui", ORION_CLAIM_SECONDS="1") as running:
        yield running


def test_a_run_over_a_network_that_loses_answers_happens_once(server: OrionServer, tmp_path: Path) -> None:
    """I2, I4, I9: agent and flow lose every third answer, and nothing is done twice or missing."""
    network = Network(server.port, lose_every=3)
    runs = Runs(server, tmp_path)
    run = runs.start("talks", count=6)
    file = str(CHECKOUT / "orion" / "agent.py")
    watching = Process(server.home, file, "default", ORION_API_URL=network.api)
    try:
        eventually(lambda: runs.state(run) in ("COMPLETED", "FAILED", "CRASHED"), seconds=90)
        later = [state for state in runs.states(run) if state != "SCHEDULED"]  # it may be late, too
        assert later == ["PENDING", "RUNNING", "COMPLETED"], watching.output
        assert network.lost > 5
        eventually(lambda: runs.tasks(run) == ["COMPLETED"] * 6)
        eventually(lambda: "line 5" in runs.logs(run))
        said = [line for line in runs.logs(run) if line.startswith(("task", "line"))]
        assert said == [f"{kind} {number}" for number in range(6) for kind in ("task", "line")]
    finally:
        watching.end(signal.SIGTERM)
        network.close()
