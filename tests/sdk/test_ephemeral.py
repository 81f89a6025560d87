"""Without a server: the app in this process, one for each set of settings, and what it leaves out."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
import warnings
from contextlib import closing
from pathlib import Path

import pytest

from orion import flow, get_client, task
from orion.sdk import ephemeral, session
from orion.sdk.client import AsyncClient, SyncClient
from orion.sdk.connection import connect
from orion.sdk.ephemeral import LocalApp
from orion.sdk.exchange import Message
from orion.settings import current, temporary_settings
from orion.testing import test_harness as harness
from tests.sdk.conftest import serving

ROOT = Path(__file__).parents[2]


@task(name="eph-add")
def add(a: int, b: int) -> int:
    return a + b


@flow(name="eph-run")
def run(n: int) -> int:
    return add(n, 1)


@pytest.mark.row("EPH-01")
def test_a_flow_runs_without_any_setting_and_is_saved_in_the_home(tmp_path: Path) -> None:
    script = (
        "from orion import flow, get_run_logger\n"
        "@flow\ndef f():\n    get_run_logger().info('saved too')\n    return 1\nprint(f())\n"
    )
    environ = {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environ, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    with closing(sqlite3.connect(tmp_path / ".orion" / "orion.db")) as raw:
        assert raw.execute("SELECT state_type FROM flow_run").fetchall() == [("COMPLETED",)]
        states = raw.execute("SELECT type FROM flow_run_state ORDER BY timestamp, id").fetchall()
        assert states == [("PENDING",), ("RUNNING",), ("COMPLETED",)]
        assert ("saved too",) in raw.execute("SELECT message FROM log").fetchall()
    assert list((tmp_path / ".orion").glob("journal/*")) == []


@pytest.mark.row("EPH-02")
def test_the_app_in_the_process_has_neither_services_nor_pages(home: Path) -> None:
    connection = connect()
    assert isinstance(connection.app, LocalApp)
    assert connection.app.asgi.state.services is False
    before = {thread.name for thread in threading.enumerate()}
    run(1)
    started = {thread.name for thread in threading.enumerate()} - before
    assert not [name for name in started if "clock" in name.lower() or "huey" in name.lower()]
    plain = connection.transport()
    assert plain.send(Message("GET", "/runs", [("accept", "text/html")], b"")).status == 404
    assert plain.send(Message("GET", "/api/health", [], b"")).body == b"true"


@pytest.mark.row("EPH-05")
def test_one_app_serves_all_clients_of_the_same_settings(home: Path) -> None:
    assert connect().app is connect().app
    with temporary_settings({"ORION_DATABASE_URL": f"sqlite:///{home / 'other.db'}"}):
        other = connect().app
    assert other is not connect().app


@pytest.mark.row("SDK-28")
def test_the_harness_is_empty_private_and_leaves_nothing_behind(tmp_path: Path) -> None:
    outside = Path(current().home)
    own = {"ORION_DATABASE_URL": f"sqlite:///{tmp_path / 'own.db'}", "ORION_API_URL": "http://127.0.0.1:9/api"}
    with temporary_settings(own), harness() as first:
        assert run(1) == 2
        with SyncClient() as client:
            assert client.count_flow_runs() == 1
        assert Path(current().home) == first != outside
    with harness() as second, SyncClient() as client:
        assert client.count_flow_runs() == 0
    assert not first.exists() and not second.exists() and not (tmp_path / "own.db").exists()
    assert not any(app.asgi.state.settings.home in (first, second) for app in ephemeral._apps.values())
    assert Path(current().home) == outside


@pytest.mark.row("SDK-27")
def test_get_client_works_without_a_server_sync_and_async(home: Path) -> None:
    run(1)
    with get_client(sync_client=True) as client:
        assert isinstance(client, SyncClient)
        assert [found.name for found in client.read_flows()] == ["eph-run"]

    async def read() -> list[str]:
        async with get_client() as client:
            assert isinstance(client, AsyncClient)
            return [found.name for found in await client.read_flows()]

    assert asyncio.run(read()) == ["eph-run"]


def test_a_server_that_owns_the_database_is_used_instead(tmp_path: Path, sqlite_url: str) -> None:
    from orion.store import Role, open_store

    with serving(sqlite_url, tmp_path / "home") as served:
        with temporary_settings({"ORION_API_URL": None}):
            ephemeral.unmount()
            assert connect().is_local  # the server of this test is in this process and has said no address
        ephemeral.unmount()
    owner = open_store(sqlite_url, role=Role.SERVER, address="http://127.0.0.1:9/api")
    try:
        with temporary_settings({"ORION_DATABASE_URL": sqlite_url}):
            assert connect().url == "http://127.0.0.1:9/api"
    finally:
        owner.close()
    assert served.port


def test_several_processes_share_one_file_without_a_server(tmp_path: Path) -> None:
    script = (
        "from orion import flow, task\n@task\ndef t(x): return x\n"
        "@flow\ndef f():\n    return [t(x) for x in range(5)]\nfor _ in range(4): f()\n"
    )
    environ = {"ORION_HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    started = [
        subprocess.Popen([sys.executable, "-c", script], env=environ, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in started:
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
    with temporary_settings(
        {"ORION_HOME": str(tmp_path), "ORION_DATABASE_URL": f"sqlite:///{tmp_path}/orion.db"}
    ):
        with SyncClient() as client:
            done = {"state": {"type": {"any_": ["COMPLETED"]}}}
            assert (client.count_flow_runs(flow_runs=done), client.count_task_runs(task_runs=done)) == (
                12,
                60,
            )
        ephemeral.unmount()


def test_sessions_are_forgotten_in_a_forked_process(home: Path) -> None:
    run(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of threads and fork
        pid = os.fork()
    if pid == 0:
        os._exit(0 if session._sessions == {} else 1)
    assert os.waitpid(pid, 0)[1] == 0
