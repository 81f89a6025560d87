"""The flow process is killed, is told to end, or cannot begin: its run says so, and loses nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.machines import Process, Runs, agent, answers, is_alive
from tests.ports import held_port
from tests.servers import OrionServer, eventually, serving

pytestmark = pytest.mark.fault


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrionServer]:
    with serving(tmp_path_factory.mktemp("home"), "--no-ui") as running:
        yield running


@pytest.fixture(scope="module")
def watching(server: OrionServer) -> Iterator[Process]:
    """One agent for all tests of the file: it must survive every one of them."""
    process = agent(server)
    yield process
    assert process.process.poll() is None, process.output
    process.end(signal.SIGTERM)


@pytest.fixture
def runs(server: OrionServer, watching: Process, tmp_path: Path) -> Runs:
    return Runs(server, tmp_path)


@pytest.mark.row("ENG-18")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_flow_is_crashed_within_ten_seconds_with_its_tasks(runs: Runs, number: int) -> None:
    run = runs.start("killed", number=int(number))
    eventually(lambda: "RUNNING" in runs.states(run))
    eventually(lambda: runs.state(run) == "CRASHED", seconds=10)
    assert signal.Signals(number).name in runs.read(run)["state"]["message"]
    eventually(lambda: runs.tasks(run) == ["CRASHED"])
    assert "last words" in runs.logs(run)


def test_a_flow_that_is_told_to_end_says_so(runs: Runs, tmp_path: Path) -> None:
    run = runs.start("waits", folder=str(tmp_path))
    eventually(lambda: runs.said(run) == ["waiting"])
    os.kill(runs.pid(run), signal.SIGTERM)
    eventually(lambda: runs.state(run) == "CRASHED", seconds=5)
    assert "SIGTERM" in runs.read(run)["state"]["message"]


def test_a_cancelled_flow_is_stopped(server: OrionServer, runs: Runs, tmp_path: Path) -> None:
    run = runs.start("waits", folder=str(tmp_path))
    eventually(lambda: runs.state(run) == "RUNNING" and runs.pid(run))
    pid = runs.pid(run)
    server.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    eventually(lambda: runs.state(run) == "CANCELLED")
    eventually(lambda: not is_alive(pid))


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("def broken(:", "SyntaxError"),
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        ("x = 1", "flows.py"),
        (None, "flows.py"),
    ],
)
def test_a_flow_that_cannot_be_loaded_is_crashed_with_the_reason_in_its_logs(
    runs: Runs, tmp_path: Path, source: str | None, word: str
) -> None:
    file = tmp_path / "flows.py"
    file.write_text(source) if source else file.unlink()
    run = runs.start("missing")
    eventually(lambda: runs.state(run) == "CRASHED", seconds=10)
    eventually(lambda: word in "\n".join(runs.logs(run)))


@pytest.mark.row("DEP-12")
def test_bad_parameters_fail_a_run_before_it_is_running(runs: Runs) -> None:
    run = runs.start("killed", number="not a number")
    eventually(lambda: runs.state(run) == "FAILED")
    assert "RUNNING" not in runs.states(run)


def test_a_flow_and_its_agent_outlive_a_restart_of_the_server(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("flows")
    with held_port() as port:
        _outlive_a_restart(home, folder, ("--no-ui", "--port", str(port)))


def _outlive_a_restart(home: Path, folder: Path, start: tuple[str, ...]) -> None:
    server = OrionServer(home, *start)
    watching = agent(server)
    runs = Runs(server, folder)
    try:
        run = runs.start("waits", folder=str(folder))
        eventually(lambda: runs.said(run) == ["waiting"])
        server.kill()
        assert not answers(server)
        (folder / "go").touch()
        server = runs.server = OrionServer(home, *start)
        eventually(lambda: runs.state(run) == "COMPLETED", seconds=60)
        assert runs.states(run) == ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED"]
        eventually(lambda: runs.said(run) == ["waiting", "going"])
        again = runs.start("quick")
        eventually(lambda: runs.state(again) == "COMPLETED", seconds=60)
        assert watching.process.poll() is None
    finally:
        watching.end(signal.SIGTERM)
        server.kill()
