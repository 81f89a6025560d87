"""`python -m orion.engine`: the run of a deployment, in a process of its own, against a server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orion.model.deployments import DeploymentCreate
from orion.model.states import StateCreate
from orion.model.wire import encode
from orion.sdk.answers import Answer, FlowRun
from orion.sdk.client import SyncClient
from orion.sdk.exchange import Request, read
from orion.settings import current
from tests.sdk.conftest import Served
from tests.servers import eventually

ROOT = Path(__file__).parents[2]
FLOWS = """
import asyncio, os, time
from pathlib import Path
from orion import flow, get_run_logger, task

@task
def add(a, b):
    return a + b

@flow(retries=1, log_prints=True)
def total(a: int, b: int = 2):
    print("in", os.getcwd())
    return add(a, b)

@task
def nap():
    Path("started").touch()
    time.sleep(60)

@flow
def sleeper():
    get_run_logger().info("going to sleep")
    nap()

@flow
def submitter():
    nap.submit().result()

@flow
async def async_sleeper():
    Path("started").touch()
    await asyncio.sleep(60)

@flow
def leaver():
    raise SystemExit(3)
"""


class Engine:
    """Runs of deployments of the flows above."""

    def __init__(self, folder: Path, client: SyncClient, home: Path) -> None:
        self.folder, self.client, self.home = folder, client, home
        (folder / "flows.py").write_text(FLOWS)

    def make(self, entrypoint: str, **parameters: Any) -> FlowRun:
        flow = self.client.create_flow("deployed")
        deployment = self.client.create_deployment(
            DeploymentCreate(
                name=entrypoint.replace(":", "-"),
                flow_id=flow.id,
                path=str(self.folder),
                entrypoint=entrypoint,
            )
        )
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        made: FlowRun = self.client.create_flow_run_from_deployment(deployment.id, body)
        return made

    def claim(self, run: FlowRun) -> str:
        """Take the run as an agent does; gives the attempt token."""
        body = encode({"state": StateCreate(type="PENDING"), "force": False})
        request = Request("POST", f"/flow_runs/{run.id}/set_state", body, Answer, (("Orion-Attempt", "new"),))
        response = self.client.transport.send(self.client.connection.message(request))
        assert read(request, response).status == "ACCEPT"
        return response.headers["orion-attempt"]

    def start(self, run: FlowRun, token: str = "", **more: str) -> subprocess.Popen[str]:
        own = {
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "ORION_HOME": str(self.home),
            "ORION_API_URL": self.client.api_url, "ORION__FLOW_RUN_ID": run.id, "ORION__ATTEMPT": token, **more,
        }  # fmt: skip
        return subprocess.Popen(
            [sys.executable, "-m", "orion.engine"], env=own, text=True, stderr=subprocess.PIPE
        )

    def run(self, run: FlowRun, token: str = "") -> FlowRun:
        process = self.start(run, token)
        _, self.errors = process.communicate(timeout=60)
        self.code = process.returncode
        return self.again(run)

    def again(self, run: FlowRun) -> FlowRun:
        found: FlowRun = self.client.read_flow_run(run.id)
        return found

    def lines(self, run: FlowRun) -> str:
        logs = self.client.read_logs(logs={"flow_run_id": {"any_": [run.id]}})
        return "\n".join(line.message for line in logs)


@pytest.fixture
def engine(sqlite_server: Served, tmp_path: Path) -> Iterator[Engine]:
    folder = tmp_path / "code"
    folder.mkdir()
    with SyncClient() as client:
        yield Engine(folder, client, Path(current().home))


def test_a_deployed_run_completes_with_its_parameters_version_and_policy(engine: Engine) -> None:
    run = engine.make("flows.py:total", a="40")
    done = engine.run(run, engine.claim(run))
    assert (done.state_type, done.state.result(), engine.code) == ("COMPLETED", 42, 0)
    assert done.flow_version and done.empirical_policy.retries == 1
    assert f"in {engine.folder}" in engine.lines(run)


def test_a_run_that_nobody_claimed_with_a_token_runs_as_well(engine: Engine) -> None:
    assert engine.run(engine.make("flows.py:total", a=1)).state_type == "COMPLETED"


@pytest.mark.row("SDK-15")
def test_bad_parameters_fail_the_run_and_its_logs_name_them_all(engine: Engine) -> None:
    run = engine.make("flows.py:total", a="x", b="y")
    done = engine.run(run, engine.claim(run))
    assert (done.state_type, done.run_count) == ("FAILED", 0)
    assert "a: " in done.state.message and "b: " in done.state.message
    assert done.state.message in engine.lines(run)
    assert engine.run(engine.make("flows.py:total")).state_type == "FAILED"


@pytest.mark.parametrize(
    ("entrypoint", "says"),
    [
        ("syntax.py:f", "SyntaxError"),
        ("imports.py:f", "No module named 'not_there'"),
        ("flows.py:nothing", "There is no flow 'nothing'"),
        ("gone.py:f", "There is no file"),
    ],
)
def test_a_flow_that_cannot_be_loaded_crashes_the_run_with_the_reason_in_its_logs(
    engine: Engine, entrypoint: str, says: str
) -> None:
    (engine.folder / "syntax.py").write_text("def f(:\n")
    (engine.folder / "imports.py").write_text("import not_there\n")
    run = engine.make(entrypoint)
    done = engine.run(run, engine.claim(run))
    assert (done.state_type, engine.code) == ("CRASHED", 1)
    assert says in engine.lines(run)
    assert "cannot be loaded" in done.state.message


@pytest.mark.row("ENG-17")
@pytest.mark.parametrize("entrypoint", ["flows.py:sleeper", "flows.py:submitter", "flows.py:async_sleeper"])
def test_sigterm_ends_the_run_as_crashed_and_says_so(engine: Engine, entrypoint: str) -> None:
    run = engine.make(entrypoint)
    process = engine.start(run, engine.claim(run))
    eventually((engine.folder / "started").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 1
    done = engine.again(run)
    assert (done.state_type, done.state.message) == ("CRASHED", "The flow run was terminated by SIGTERM.")
    assert "terminated by SIGTERM" in engine.lines(run)
    tasks = engine.client.read_task_runs(flow_runs={"id": {"any_": [run.id]}})
    assert {task.state_type for task in tasks} <= {"CRASHED"}


@pytest.mark.row("ENG-17")
def test_system_exit_has_its_own_message(engine: Engine) -> None:
    done = engine.run(engine.make("flows.py:leaver"))
    assert done.state_type == "CRASHED"
    assert "SystemExit(3)" in done.state.message
    assert engine.code == 3


def test_the_word_of_a_heartbeat_cancels_the_run(engine: Engine) -> None:
    run = engine.make("flows.py:sleeper")
    token = engine.claim(run)
    process = engine.start(run, token, ORION_HEARTBEAT_SECONDS="0.2")
    eventually((engine.folder / "started").exists)
    engine.client.set_flow_run_state(run.id, StateCreate(type="CANCELLING"))
    assert process.wait(20) == 0
    assert engine.again(run).state_type == "CANCELLED"


def test_a_second_start_of_the_same_attempt_does_nothing(engine: Engine) -> None:
    run = engine.make("flows.py:total", a=1)
    token = engine.claim(run)
    assert engine.run(run, token).run_count == 1
    again = engine.run(run, token)
    assert (again.run_count, again.state_type, engine.code) == (1, "COMPLETED", 0)


@pytest.mark.row("EPH-04")
def test_a_run_in_a_container_without_an_api_says_what_it_needs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orion.engine"], capture_output=True, text=True, timeout=60,
        env={
            "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "ORION_HOME": str(tmp_path),
            "ORION__FLOW_RUN_ID": "x", "ORION__ATTEMPT": "y", "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        },
    )  # fmt: skip
    assert done.returncode == 2
    assert "A run in a container needs an API" in done.stderr


def test_without_a_run_the_command_says_what_it_needs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "orion.engine"], capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "ORION_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 2
    assert "ORION__FLOW_RUN_ID" in done.stderr
