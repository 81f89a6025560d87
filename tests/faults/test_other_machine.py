"""Code and results in S3: a run needs nothing of the machine that deployed it, and a killed one goes on elsewhere."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blocks.stores import make_bucket, s3_server
from tests.faults.machines import Network, Process, Runs, kill, network
from tests.servers import CHECKOUT, OrionServer, eventually, run_orion, serving

pytestmark = pytest.mark.fault

FLOW = """
    import os, time
    from pathlib import Path
    from orion import flow, task
    from .steps import rows

    def count(folder, name):
        with open(Path(folder) / name, "a") as file:
            file.write("x")

    @task(cache_key_fn=lambda context, arguments: arguments["folder"])
    def shared(folder: str) -> list[int]:
        count(folder, "shared")
        return list(range(1000))

    @task(persist_result=True)
    def load(folder: str) -> list[int]:
        count(folder, "load")
        return rows(Path("data.txt").read_text())

    @task
    def wait(folder: str) -> None:
        count(folder, "wait")
        while not (Path(folder) / "go").exists():
            time.sleep(0.05)

    @flow{options}
    def etl(folder: str) -> int:
        shared(folder)
        found = load(folder)
        wait(folder)
        return sum(found)
"""
SECRET = "canary-of-the-bucket"


@pytest.fixture(scope="module")
def net() -> Iterator[Network]:
    with network() as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, net: Network) -> Iterator[OrionServer]:
    """Orion and S3, where the other machine reaches them, and so with a key."""
    home = tmp_path_factory.mktemp("home")
    with (
        s3_server(net.address) as url,
        serving(home, "--no-ui", "--host", net.address, ORION_ADMIN_KEY="a key for all") as running,
    ):
        make_bucket(url)
        values = {"bucket_path": "bucket/code", "aws_access_key_id": "key", "aws_secret_access_key": SECRET}
        fields = [f"{name}={value}" for name, value in {**values, "endpoint_url": url}.items()]
        made = running.orion(
            "block", "create", "s3", "prod", *[word for field in fields for word in ("-v", field)]
        )
        assert made.returncode == 0, made.stderr
        yield running


def deploy(server: OrionServer, machine: Path, options: str) -> str:
    """Build and apply on a machine that is gone afterwards; the id of a run."""
    code = machine / "project" / "flows"
    code.mkdir(parents=True)
    (code / "etl.py").write_text(textwrap.dedent(FLOW).replace("{options}", options))
    (code / "steps.py").write_text("def rows(text):\n    return [int(text)] * 1000\n")
    (code.parent / "data.txt").write_text("7")
    words = ["deployment", "build", "flows/etl.py:etl", "-n", machine.name, "-sb", "s3/prod", "-a"]
    made = run_orion(
        *words, "--param", f"folder={machine}", home=machine, cwd=code.parent, **server.client
    )
    assert made.returncode == 0 and "of 3 files" in made.stdout, made.stderr
    assert "storage: s3/prod" in (code.parent / "deployment.yaml").read_text()
    shutil.rmtree(code.parent)
    return ask(server, machine)


def ask(server: OrionServer, machine: Path) -> str:
    """The id of a new run."""
    asked = run_orion("deployment", "run", f"etl/{machine.name}", "--json", home=machine, **server.client)
    assert asked.returncode == 0, asked.stderr
    return str(json.loads(asked.stdout)["id"])


def agent_on(server: OrionServer, machine: Path, net: Network) -> Process:
    """An agent in an empty directory, with a home and a network of its own."""
    machine.mkdir()
    program = str(CHECKOUT / "orion" / "agent.py")
    return Process(machine, program, "default", inside=net.inside, **server.client)


@pytest.mark.row("CLI-08")
@pytest.mark.row("STO-05")
@pytest.mark.row("STO-06")
@pytest.mark.parametrize("options", ["", '(result_storage="s3/prod")'], ids=["local", "s3"])
def test_a_killed_run_goes_on_in_a_fresh_folder_without_repeating_finished_tasks(
    server: OrionServer, net: Network, tmp_path: Path, options: str
) -> None:
    """With results in S3 even on another machine, which shares its cache, too; local ones need the same home."""
    builder, runs = tmp_path / "builder", Runs(server, tmp_path)
    builder.mkdir()
    run = deploy(server, builder, options)
    first = agent_on(server, tmp_path / "first", net)
    eventually(lambda: (builder / "wait").exists(), seconds=60)
    eventually(lambda: sorted(runs.tasks(run)) == ["COMPLETED", "COMPLETED", "RUNNING"])
    assert net.holds(runs.pid(run))
    kill(runs.pid(run))
    eventually(lambda: runs.state(run) == "CRASHED")
    if options:
        first.end()
        shutil.rmtree(tmp_path / "first")
        first = agent_on(server, tmp_path / "second", net)
    again = {"state": {"type": "SCHEDULED", "name": "AwaitingRetry"}, "force": True}
    server.post(f"/flow_runs/{run}/set_state", again).raise_for_status()
    eventually(lambda: (builder / "wait").read_text() == "xx", seconds=60)
    (builder / "go").touch()
    eventually(lambda: runs.state(run) == "COMPLETED")
    assert (builder / "load").read_text() == (builder / "shared").read_text() == "x"
    if options:  # another run takes from the cache what the first machine has put there
        other = ask(server, builder)
        eventually(lambda: runs.state(other) == "COMPLETED", seconds=60)
        assert ((builder / "load").read_text(), (builder / "shared").read_text()) == ("xx", "x")
    assert runs.read(run)["state"]["data"] is not None
    first.end()
    read = run_orion("result", run, "--trust", "s3/prod", home=first.home, **server.client)
    assert read.stdout.strip() == "7000", read.stderr
    told = first.output + server.output + str(runs.logs(run)) + read.stdout
    assert SECRET not in told
