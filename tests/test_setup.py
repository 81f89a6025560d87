"""What a fresh clone needs: the Procfile's processes, make's targets, the package's description."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

import orion
from tests.ports import held_port
from tests.servers import CHECKOUT, clean_environment, eventually

PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
PROCESSES = dict(re.findall(r"^(\w+): (.+)$", (CHECKOUT / "Procfile").read_text(), re.M))
KEY = "a key of the platform's"


@contextmanager
def process(name: str, home: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A process of the Procfile, with `orion` being this checkout's."""
    command, *args = shlex.split(PROCESSES[name])
    assert command == "orion"
    started = subprocess.Popen(
        [sys.executable, "-m", "orion", *args],
        env=clean_environment(home, **environment),
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield started
    finally:
        started.kill()
        started.wait()
        assert started.stdout is not None
        started.stdout.close()


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_the_procfile_has_the_three_processes_of_the_house() -> None:
    assert PROCESSES.keys() == {"web", "worker", "agent"}


@pytest.mark.postgres
def test_web_and_worker_and_agent_work_with_port_and_database_url(tmp_path: Path) -> None:
    from tests import databases

    database = databases.new_postgres(empty=True)
    shared = {"DATABASE_URL": database, "ORION_ADMIN_KEY": KEY}
    try:
        with (
            held_port() as port,
            process("web", tmp_path, PORT=str(port), **shared) as web,
            process("worker", tmp_path, **shared) as worker,
            process("agent", tmp_path, ORION_API_URL=f"http://127.0.0.1:{port}/api", ORION_API_KEY=KEY) as agent,
        ):
            url = f"http://127.0.0.1:{port}/api"
            eventually(lambda: answers(f"{url}/health"), 60)
            with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}) as api:
                assert httpx.post(f"{url}/flows/filter", json={}).status_code == 401
                api.post("/work_queues/", json={"name": "default"}).raise_for_status()
                eventually(lambda: api.get("/work_queues/name/default").json()["last_polled"] is not None, 60)
                eventually(lambda: _duties_run(api), 60)
            for started in (agent, worker, web):
                assert started.poll() is None
                started.send_signal(signal.SIGTERM)
                assert started.wait(20) == 0
    finally:
        databases.drop_postgres(database)


def _duties_run(api: httpx.Client) -> bool:
    """Whether the worker's clock has been through its duties."""
    return all(duty["last_finished"] for duty in api.get("/admin/health").json()["duties"])


def test_the_package_is_described() -> None:
    assert (PROJECT["name"], PROJECT["version"]) == ("orion-server", orion.__version__)
    assert PROJECT["license"] == "Apache-2.0" and PROJECT["requires-python"] == ">=3.11"
    for minor in range(11, 15):
        assert f"Programming Language :: Python :: 3.{minor}" in PROJECT["classifiers"]
    licence = (CHECKOUT / "LICENSE").read_text()
    assert "Apache License" in licence and "Version 2.0, January 2004" in licence


def test_every_core_dependency_is_used_and_no_other_is_imported() -> None:
    imported_as = {"python-dateutil": "dateutil", "pyyaml": "yaml", "markdown-it-py": "markdown_it"}
    by_uvicorn_or_starlette = {"httptools", "websockets", "python_multipart", "tzdata"}
    names = {re.split(r"[\[<>=~ ]", text)[0] for text in PROJECT["dependencies"]}
    modules = {imported_as.get(name, name.replace("-", "_")) for name in names}
    source = (
        "\n".join(
            path.read_text() for folder in ("orion", "tasks") for path in (CHECKOUT / folder).rglob("*.py")
        )
        + (CHECKOUT / "app.py").read_text()
    )
    used = set(re.findall(r"^\s*(?:from (\w+)[\w.]* import|import (\w+))", source, re.M))
    used = {first or second for first, second in used}
    assert modules - used <= by_uvicorn_or_starlette
    optional = {"uvloop", "fsspec", "smbclient", "apprise", "redis", "dask", "distributed", "ray", "pydantic"}
    extras = {"psycopg_pool", "orion"}
    assert used - modules - optional - extras - set(sys.stdlib_module_names) == set()


@pytest.mark.parametrize("target", ["run", "test", "test-all", "check", "bench", "docs", "rows"])
def test_make_has_the_words_that_people_use(target: str) -> None:
    said = subprocess.run(["make", "-n", target], cwd=CHECKOUT, capture_output=True, text=True, timeout=30)
    assert said.returncode == 0, said.stderr
    assert target in subprocess.run(["make"], cwd=CHECKOUT, capture_output=True, text=True, timeout=30).stdout


def test_ci_runs_the_checks_and_then_every_test() -> None:
    script = (CHECKOUT / ".ci" / "run").read_text()
    assert script.index("make check") < script.index("make test")
    assert (CHECKOUT / ".ci" / "run").stat().st_mode & 0o111
