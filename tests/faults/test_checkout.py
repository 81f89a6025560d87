"""A checkout that nobody has installed: the agent's flows find orion all the same."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.machines import Runs
from tests.servers import CHECKOUT, clean_environment, eventually, serving


@pytest.mark.fault
def test_a_flow_finds_orion_in_the_checkout_of_its_agent(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-ui") as server:
        runs = Runs(server, tmp_path)
        run = runs.start("quick")
        environ = clean_environment(tmp_path, ORION_API_URL=server.api)
        del environ["PYTHONPATH"]
        command = [sys.executable, "-m", "orion.agent", "default"]
        agent = subprocess.Popen(command, env=environ, cwd=CHECKOUT)
        try:
            eventually(lambda: runs.state(run) == "COMPLETED")
        finally:
            agent.send_signal(signal.SIGTERM)
            agent.wait(20)
