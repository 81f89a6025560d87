"""`orion start` as a process: what it says, what it refuses, and how it ends."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.servers import CHECKOUT, OrionServer, eventually, run_orion, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrionServer]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


def database(home: Path) -> Path:
    return home / ".orion" / "orion.db"


@pytest.mark.row("API-01")
def test_one_server_has_api_console_and_reference_and_its_banner_names_them(server: OrionServer) -> None:
    for line in (
        f"API        {server.url}/api",
        f"reference  {server.url}/docs",
        f"dashboard  {server.url}\n",
    ):
        assert line in server.output
    assert server.get("/health").json() is True
    assert "html" in httpx.get(f"{server.url}/docs").headers["content-type"]
    page = httpx.get(server.url, headers={"Accept": "text/html"}, follow_redirects=True)
    assert page.status_code == 200 and "<html" in page.text


@pytest.mark.row("API-02")
def test_the_default_address_is_loopback_and_port_4200(tmp_path: Path) -> None:
    shown = run_orion("config", "view", "--show-defaults", home=tmp_path).stdout
    assert "ORION_HOST\t127.0.0.1\tdefault" in shown and "ORION_PORT\t4200\tdefault" in shown


def test_a_second_server_on_the_same_file_is_refused_by_name(server: OrionServer) -> None:
    answer = run_orion("start", "--port", "0", home=server.home)
    assert answer.returncode == 3
    assert f"process {server.process.pid} at {server.api}" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert server.get("/health").json() is True


def test_a_reset_is_refused_while_a_server_runs(server: OrionServer) -> None:
    answer = run_orion("database", "reset", "-y", home=server.home)
    assert answer.returncode == 3 and "belongs to another server" in answer.stderr


def test_commands_without_a_url_find_the_server_that_has_the_file(server: OrionServer) -> None:
    created = run_orion("work-queue", "create", "found", home=server.home)
    assert created.returncode == 0, created.stderr
    assert server.get("/work_queues/name/found").status_code == 200


def test_a_port_in_use_is_one_line_and_leaves_the_database_alone(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        answer = run_orion("start", "--port", str(port), home=tmp_path)
    assert answer.returncode == 1
    assert f"Port {port} on 127.0.0.1 is in use" in answer.stderr and "--port" in answer.stderr
    assert answer.stderr.count("\n") == 1
    assert not database(tmp_path).exists()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ({"ORION_PORT": "99999"}, "ORION_PORT must be at least 0 and at most 65535, but it is '99999'."),
        ({"ORION_HOST": "127.0.0.256"}, "Cannot listen on 127.0.0.256"),
        ({"ORION_PORT": "many"}, "ORION_PORT must be a whole number, but it is 'many'."),
    ],
)
def test_an_address_that_cannot_be_is_one_line(tmp_path: Path, address: dict[str, str], message: str) -> None:
    answer = run_orion("start", home=tmp_path, timeout=20, **address)
    assert answer.returncode in (1, 2) and message in answer.stderr and answer.stderr.count("\n") == 1
    assert not database(tmp_path).exists()


@pytest.mark.parametrize(
    ("args", "environment"),
    [
        (("--host", "0.0.0.0"), {}),
        ((), {"PORT": "0"}),
        ((), {"ORION_PUBLIC_URL": "https://orion.example"}),
        ((), {"ORION_ALLOWED_HOSTS": "orion.example"}),
    ],
)
def test_a_server_reachable_from_outside_needs_a_login(
    tmp_path: Path, args: tuple[str, ...], environment: dict[str, str]
) -> None:
    answer = run_orion("start", *args, home=tmp_path, timeout=20, **environment)
    assert answer.returncode == 2
    assert "ORION_ADMIN_KEY" in answer.stderr and "admin" in answer.stderr
    assert not database(tmp_path).exists()


def test_with_a_key_it_listens_for_others_and_asks_for_the_key(tmp_path: Path) -> None:
    key = "k" * 20
    with serving(
        tmp_path, ORION_HOST="0.0.0.0", ORION_ADMIN_KEY=key, ORION_PUBLIC_URL="http://orion.example"
    ) as server:
        port = server.port
        url = f"http://127.0.0.1:{port}/api/flows/filter"
        assert httpx.post(url, json={}).status_code == 401
        assert httpx.post(url, json={}, headers={"Authorization": f"Bearer {key}"}).status_code == 200


def test_a_database_from_the_future_exits_3_and_stays_as_it_is(tmp_path: Path) -> None:
    run_orion("database", "upgrade", home=tmp_path)
    with closing(sqlite3.connect(database(tmp_path))) as raw:
        raw.execute("PRAGMA user_version = 9999")
    before = database(tmp_path).read_bytes()
    answer = run_orion("start", "--port", "0", home=tmp_path, timeout=30)
    assert answer.returncode == 3 and "newer orion" in answer.stderr and answer.stderr.count("\n") == 1
    assert database(tmp_path).read_bytes() == before


@pytest.mark.row("DB-07")
def test_the_schema_is_made_on_start_unless_a_setting_forbids_it(tmp_path: Path) -> None:
    forbidden = {"ORION_DATABASE_MIGRATE_ON_START": "false"}
    answer = run_orion("start", "--port", "0", home=tmp_path, timeout=30, **forbidden)
    assert answer.returncode == 3 and "orion database upgrade" in answer.stderr
    assert not database(tmp_path).exists()
    with serving(tmp_path, "--no-ui") as server:
        assert server.get("/health").json() is True
    with serving(tmp_path, "--no-ui", **forbidden) as server:
        assert server.get("/health").json() is True


@pytest.mark.parametrize("level", ["loud", ""])
def test_an_unknown_log_level_is_refused(tmp_path: Path, level: str) -> None:
    answer = run_orion("start", "--log-level", level, home=tmp_path)
    assert answer.returncode == 2 and "critical, error, warning, info, debug" in answer.stderr


@pytest.mark.row("API-03")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_0_and_leaves_a_clean_file(tmp_path: Path, number: int) -> None:
    with serving(tmp_path) as server:
        server.post("/flows/", {"name": "kept"})
        assert server.stop(number) == 0
    with closing(sqlite3.connect(database(tmp_path))) as raw:
        assert raw.execute("SELECT name FROM flow").fetchall() == [("kept",)]
    assert "Traceback" not in server.output
    assert not database(tmp_path).with_name("orion.db-wal").exists()


@pytest.mark.row("API-03")
def test_it_ends_although_a_client_holds_a_long_poll(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-ui") as server:
        queue = server.post("/work_queues/", {"name": "q"}).json()["id"]
        with closing(socket.create_connection(("127.0.0.1", server.port))) as poll:
            body = b'{"wait_seconds": 30}'
            head = f"POST /api/work_queues/{queue}/get_runs HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            poll.sendall(
                f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
            )
            eventually(lambda: server.get(f"/work_queues/{queue}").json()["last_polled"])  # so the server has it
            assert server.stop() == 0
            assert poll.recv(100).startswith(b"HTTP/1.1 200")  # it is sent home, not cut off when time is over


@pytest.mark.row("API-03")
@pytest.mark.fault
def test_the_second_signal_forces(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-ui", "--agent") as server:
        agent = _children(server.process.pid)
        assert len(agent) == 1
        os.kill(agent[0], signal.SIGSTOP)  # an agent that does not answer
        with closing(socket.create_connection(("127.0.0.1", server.port))) as half:  # and a request that has no end
            half.sendall(b"POST /api/flows/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n{")
            assert server.get("/health").json() is True  # so the server has it
            server.process.send_signal(signal.SIGINT)
            eventually(lambda: "Press Ctrl+C again" in server.output)
            assert server.process.poll() is None
            server.process.send_signal(signal.SIGINT)
            assert server.stop(0) == 0
        assert "graceful shutdown exceeded" not in server.output  # neither is waited for
    eventually(lambda: not _alive(agent[0]))


@pytest.mark.row("CLI-02")
@pytest.mark.row("SCH-13")
def test_duties_can_be_left_out_one_by_one(tmp_path: Path) -> None:
    with serving(tmp_path / "a", "--no-ui", "--no-late-runs") as server:
        eventually(lambda: _finished(server)["scheduling"] is not None)
        assert _finished(server).get("lateness") is None
    with serving(tmp_path / "b", "--no-ui", "--no-scheduler") as server:
        eventually(lambda: _finished(server)["lateness"] is not None)
        assert _finished(server).get("scheduling") is None


def _finished(server: OrionServer) -> dict[str, str | None]:
    duties = server.get("/admin/health").json()["duties"]
    return {duty["name"]: duty["last_finished"] for duty in duties}


@pytest.mark.row("CLI-02")
def test_clock_and_console_can_be_left_out(tmp_path: Path) -> None:
    options = ("--no-clock", "--no-ui", "--log-level", "info", "--host", "localhost", "--analytics-off")
    with serving(tmp_path, *options) as server:
        assert "dashboard  off" in server.output and "run `orion clock`" in server.output
        assert (
            httpx.get(server.url, headers={"Accept": "text/html"}, follow_redirects=True).status_code == 404
        )
        eventually(lambda: "GET / HTTP/1.1" in server.output)


def test_an_agent_beside_the_server_serves_its_queue_and_ends_with_it(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-ui", "--agent=mine") as server:
        agent = _children(server.process.pid)
        assert len(agent) == 1
        eventually(lambda: server.get("/work_queues/name/mine").status_code == 200)
        assert server.stop(timeout=20) == 0
        assert not _alive(agent[0])


def test_files_can_be_applied_and_run_by_the_agent_beside_it(tmp_path: Path) -> None:
    (tmp_path / "greet.py").write_text("from orion import flow\n\n@flow\ndef greet():\n    return 'hello'\n")
    (tmp_path / "deployment.yaml").write_text("name: now\nentrypoint: greet.py:greet\n")
    with serving(tmp_path, "--agent", "--apply", "deployment.yaml", "--run", "greet/now") as server:
        eventually(lambda: "of greet/now is on its way" in server.output)
        eventually(
            lambda: [run["state_type"] for run in server.post("/flow_runs/filter").json()] == ["COMPLETED"],
            60,
        )


def test_a_file_that_cannot_be_applied_is_told_and_the_server_goes_on(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-ui", "--apply", "nowhere.yaml") as server:
        eventually(lambda: "There is no deployment file nowhere.yaml" in server.output)
        assert server.get("/health").json() is True


@pytest.mark.fault
def test_the_agent_ends_when_the_server_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-ui", "--agent") as server:
        agent = _children(server.process.pid)
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(10)
        eventually(lambda: not _alive(agent[0]))


@pytest.mark.fault
def test_an_agent_that_dies_is_started_again(tmp_path: Path) -> None:
    with serving(tmp_path, "--no-ui", "--agent") as server:
        first = _children(server.process.pid)
        os.kill(first[0], signal.SIGKILL)
        eventually(lambda: "starting it again" in server.output)
        eventually(lambda: bool(_children(server.process.pid)) and _children(server.process.pid) != first)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it may go between opening and reading
        return False


GUARD = """
import os, sys

def note(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        where = args[0] if event == "socket.getaddrinfo" else args[1]
        with open(os.environ["GUARD_LOG"], "a") as file:
            file.write(f"{where[0] if isinstance(where, tuple) else where}\\n")

sys.addaudithook(note)
"""
NEAR = ("127.0.0.1", "::1", "localhost", "None", "/")


def asked_for(log: Path) -> list[str]:
    """The addresses beyond this machine that processes under the guard connected to or looked up."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [line for line in lines if not line.startswith(NEAR)]


@pytest.mark.row("API-32")
def test_a_server_and_a_pass_of_all_its_duties_talk_to_nobody_outside(tmp_path: Path) -> None:
    folder, log = tmp_path / "guard", tmp_path / "asked.txt"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(GUARD)
    guarded = {"PYTHONPATH": f"{folder}{os.pathsep}{CHECKOUT}", "GUARD_LOG": str(log)}
    with serving(tmp_path / "home", **guarded) as server:
        passed = server.post("/admin/clock/run")
        assert passed.status_code == 200 and "retention" in passed.json()
        assert server.get("/health").json() is True
        page = httpx.get(server.url, headers={"Accept": "text/html"}, follow_redirects=True)
        assert page.status_code == 200
    assert asked_for(log) == []
    far = "import socket; s = socket.socket(); s.settimeout(0.01); s.connect_ex(('192.0.2.1', 9))"
    subprocess.run([sys.executable, "-c", far], env={**os.environ, **guarded}, check=True, timeout=60)
    assert asked_for(log) == ["192.0.2.1"]  # the guard sees what goes outside
