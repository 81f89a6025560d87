"""`orion agent start` as a process, against a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orion.store import Role, open_store
from orion.store import flow_runs as stored_runs
from tests.servers import OrionServer, clean_environment, eventually, run_orion, serving

FLOWS = """
import os, time
from pathlib import Path
from orion import flow

@flow
def greet(name: str = "you"):
    return f"hello {name}"

@flow
def sleep():
    Path("pid").write_text(str(os.getpid()))
    time.sleep(120)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrionServer]:
    home = tmp_path_factory.mktemp("agents")
    (home / "flows.py").write_text(FLOWS)
    with serving(home, "--no-ui") as running:
        yield running


def deploy(server: OrionServer, name: str, queue: str, flow: str = "greet", **more: object) -> str:
    """Make a deployment; its id."""
    body = {
        "name": name,
        "flow_id": server.post("/flows/", {"name": flow}).json()["id"],
        "work_queue_name": queue,
        "path": str(server.home),
        "entrypoint": f"flows.py:{flow}",
        **more,
    }
    return str(server.post("/deployments/", body).json()["id"])


def ask(server: OrionServer, deployment: str) -> str:
    """Ask for a run; its id."""
    return str(
        server.post(f"/deployments/{deployment}/create_flow_run", {"state": {"type": "SCHEDULED"}}).json()[
            "id"
        ]
    )


def state_of(server: OrionServer, run: str) -> str:
    return str(server.get(f"/flow_runs/{run}").json()["state_type"])


@pytest.mark.row("CLI-04")
def test_once_runs_what_is_due_in_the_named_queues_and_leaves(server: OrionServer) -> None:
    *mine, foreign = [ask(server, deploy(server, queue, queue)) for queue in ("first", "second", "other")]
    answer = run_orion(
        "agent",
        "start",
        "first",
        "-q",
        "second",
        "--once",
        "--hide-welcome",
        "--api",
        server.api,
        home=server.home,
    )
    assert answer.returncode == 0, answer.stderr
    assert [state_of(server, run) for run in mine] == ["COMPLETED", "COMPLETED"]
    assert state_of(server, foreign) == "SCHEDULED"


@pytest.mark.row("CLI-04")
def test_tags_stand_for_a_queue(server: OrionServer) -> None:
    run = ask(server, deploy(server, "tagged", "nobody", tags=["red", "round"]))
    answer = server.orion("agent", "start", "-t", "red", "-t", "round", "--run-once")
    assert answer.returncode == 0, answer.stderr
    assert state_of(server, run) == "COMPLETED"


@pytest.mark.row("SET-09")
def test_the_agent_gets_the_settings_of_the_profile(server: OrionServer, tmp_path: Path) -> None:
    run = ask(server, deploy(server, "profiled", "profiled"))
    run_orion("config", "set", f"ORION_API_URL={server.api}", home=tmp_path)
    assert run_orion("agent", "start", "profiled", "--once", home=tmp_path).returncode == 0
    assert state_of(server, run) == "COMPLETED"


@pytest.mark.row("CLI-04")
@pytest.mark.parametrize("args", [(), ("q", "-t", "tag"), ("q", "--limit", "0")])
@pytest.mark.row("AG-02")
def test_wrong_usage_exits_2(server: OrionServer, args: tuple[str, ...]) -> None:
    answer = server.orion("agent", "start", *args)
    assert answer.returncode == 2 and "Traceback" not in answer.stderr


@pytest.mark.row("CLI-04")
def test_an_unknown_queue_is_named_with_the_remedy(server: OrionServer) -> None:
    answer = server.orion("agent", "start", "nowhere", "--once")
    assert "no work queue 'nowhere'" in answer.stderr and "Traceback" not in answer.stderr


@pytest.mark.fault
def test_ctrl_c_on_the_server_ends_agent_and_flows_and_says_so_in_the_run(tmp_path: Path) -> None:
    (tmp_path / "flows.py").write_text(FLOWS)
    with serving(tmp_path, "--no-ui", "--agent") as server:
        run = ask(
            server, deploy(server, "d", "default", "sleep", job_variables={"working_dir": str(tmp_path)})
        )
        eventually(lambda: state_of(server, run) == "RUNNING" and (tmp_path / "pid").exists(), 60)
        assert server.stop(signal.SIGINT, timeout=20) == 0
    eventually(lambda: not _alive(int((tmp_path / "pid").read_text())))
    store = open_store(f"sqlite:///{tmp_path}/.orion/orion.db", role=Role.EPHEMERAL)
    try:
        ended = store.read_now(stored_runs.get, run)
    finally:
        store.close()
    assert ended is not None and ended.state_type == "CRASHED"


def test_the_tie_ends_a_child_whose_parent_is_gone_already(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orion.cli.tied", str(os.getppid()), "orion.agent", "default"]
    ended = subprocess.run(
        command, env=clean_environment(tmp_path), capture_output=True, text=True, timeout=30
    )
    assert (ended.returncode, ended.stdout) == (0, "")


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_agent_that_is_told_to_stop_while_it_is_loaded_leaves_without_a_traceback(
    tmp_path: Path, number: signal.Signals
) -> None:
    early = "import os, sys\nif 'orion.agent' in sys.orig_argv: os.kill(os.getpid(), {})"
    (tmp_path / "sitecustomize.py").write_text(early.format(int(number)))
    environment = clean_environment(tmp_path, ORION_API_URL="http://127.0.0.1:9/api")
    environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{environment['PYTHONPATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "orion", "agent", "start", "etl"],
        env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "Agent for etl" in done.stderr
