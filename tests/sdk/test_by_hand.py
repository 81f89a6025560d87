"""Runs started by hand, `python flow.py`: they hold their attempt and beat, as those of an agent do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from orion import flow
from orion.model.times import utcnow
from orion.sdk.client import SyncClient
from orion.sdk.context import get_run_context
from orion.services import leases, presence
from orion.settings import current
from tests.sdk.conftest import Served

ROOT = Path(__file__).parents[2]


def run_script(server: Served, body: str, **settings: str) -> subprocess.CompletedProcess[str]:
    script = f"import os, signal, time\nfrom orion import flow, task, get_client, get_run_context\n{body}\n"
    environ = {
        "ORION_HOME": str(current().home), "ORION_API_URL": server.url, "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"], **settings,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-c", script], env=environ, timeout=60, capture_output=True, text=True
    )


@pytest.mark.row("ENG-18")
def test_a_script_that_is_killed_leaves_a_crashed_run_after_its_lease(
    sqlite_server: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = run_script(
        sqlite_server,
        "@flow(retries=2)\ndef inner(): os.kill(os.getpid(), signal.SIGKILL)\n"
        "@flow(retries=2)\ndef outer(): inner()\nouter()",
    )
    assert killed.returncode == -signal.SIGKILL
    monkeypatch.setattr(presence, "heard", lambda *_: True)
    store, now = sqlite_server.server.config.app.state.store, utcnow()  # type: ignore[union-attr]
    with SyncClient() as client:
        for seconds in (0, 25, 50):
            leases.sweep(store, now + timedelta(seconds=seconds))
        assert {run.state_type for run in client.read_flow_runs()} == {"RUNNING"}
        for seconds in (75, 100):
            leases.sweep(store, now + timedelta(seconds=seconds))
        runs = [*client.read_flow_runs(), *client.read_task_runs()]
        assert [run.state_type for run in runs] == ["CRASHED"] * 3
        assert all("not heard of for 75 s" in run.state.message for run in runs)


@pytest.mark.parametrize(
    "body",
    [
        "@flow\ndef f(): cancelled()\nf()",
        "import asyncio\n@flow\nasync def f():\n    cancelled(0)\n    await asyncio.sleep(60)\nasyncio.run(f())",
    ],
)
def test_a_script_whose_run_is_cancelled_ends_with_a_line(sqlite_server: Served, body: str) -> None:
    cancel = (
        "def cancelled(seconds=60):\n    from orion.model.states import StateCreate\n"
        "    with get_client(sync_client=True) as client:\n"
        "        client.set_flow_run_state(get_run_context().flow_run.id, StateCreate(type='CANCELLING'))\n"
        "    time.sleep(seconds)\n"
    )
    done = run_script(sqlite_server, cancel + body, ORION_HEARTBEAT_SECONDS="0.2")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "The flow run was cancelled.")
    assert "Traceback" not in done.stderr
    with SyncClient() as client:
        assert [run.state_type for run in client.read_flow_runs()] == ["CANCELLED"]


def test_only_the_run_of_the_process_has_a_token_and_it_goes_on_under_it(sqlite_server: Served) -> None:
    tokens = []

    @flow
    def child() -> None:
        tokens.append(get_run_context().token)  # type: ignore[union-attr]

    @flow(retries=1)
    def parent() -> None:
        tokens.append(get_run_context().token)  # type: ignore[union-attr]
        child()
        if len(tokens) == 2:
            raise ValueError("once more")

    parent()
    assert tokens[0] and tokens == [tokens[0], None, tokens[0]]
    with SyncClient() as client:
        assert {run.state_type for run in client.read_flow_runs()} == {"COMPLETED"}
