"""Deployments made by the program that holds the flow, and their runs asked for from inside flows."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from orion import Deployment, flow, run_deployment
from orion.deployments import serve
from orion.errors import Invalid
from orion.model.states import StateCreate
from orion.model.wire import unraw
from orion.sdk.client import SyncClient
from orion.settings import current
from tests.sdk.conftest import Served, fresh_names, server, sqlite_server  # noqa: F401
from tests.servers import eventually

ROOT = Path(__file__).parents[2]


@flow(name="nightly report")
def report(city: str = "Oslo") -> str:
    """What happened in a city.

    Args:
        city: where to look
    """
    return f"nothing in {city}"


@pytest.fixture
def client(server: Served) -> Any:  # noqa: F811
    with SyncClient() as found:
        yield found


def complete_next_run(client: SyncClient, kind: str = "COMPLETED") -> None:
    """What an agent would do: take the one run that waits, and end it."""
    waiting = {"state": {"type": {"any_": ["SCHEDULED"]}}}
    (run,) = eventually(lambda: client.read_flow_runs(flow_runs=waiting))
    for state in ("PENDING", "RUNNING", kind):
        client.set_flow_run_state(run.id, StateCreate(type=state), True)  # type: ignore[arg-type]


@pytest.mark.row("DEP-02")
@pytest.mark.row("DEP-05")
def test_a_flow_is_deployed_with_what_its_code_and_its_caller_say(client: SyncClient) -> None:
    made = Deployment.build_from_flow(
        report, "daily", cron="0 6 * * *", timezone="Europe/Oslo", parameters={"city": "Bergen"}, tags=["a"],
        paused=True,
    )  # fmt: skip
    found = client.read_deployment(made.apply())
    assert (found.description, found.tags, found.paused) == ("What happened in a city.", ["a"], True)
    assert (found.path, found.entrypoint) == (str(Path(__file__).parent), "test_from_python.py:report")
    assert unraw(found.schedule)["timezone"] == "Europe/Oslo"
    assert unraw(found.parameters) == {"city": "Bergen"}
    (city,) = unraw(found.parameter_openapi_schema)["properties"].values()
    assert (city["title"], city["description"]) == ("city", "where to look")
    assert report.deploy("daily", concurrency_limit=2, collision_strategy="CANCEL_NEW") == found.id
    found = client.read_deployment(found.id)
    assert (found.concurrency_limit, found.schedules) == (2, [])
    assert unraw(found.concurrency_options) == {"collision_strategy": "CANCEL_NEW"}


def test_a_flow_that_no_agent_could_load_is_refused() -> None:
    @flow
    def local() -> None: ...

    with pytest.raises(Invalid, match="inside a function"):
        local.to_deployment("x")
    with pytest.raises(Invalid, match="no parameter named 'town'"):
        report.to_deployment("x", parameters={"town": "Oslo"})


def test_a_description_survives_its_file(tmp_path: Path) -> None:
    made = report.to_deployment("daily", interval=60, overlap="cancel-previous", catchup="none")
    made.to_yaml(tmp_path / "deployment.yaml")
    assert Deployment.load_from_yaml(tmp_path / "deployment.yaml") == made


def test_a_run_asked_for_inside_a_flow_is_its_subflow(client: SyncClient) -> None:
    report.deploy("daily")

    @flow
    def above(city: str) -> str:
        run = run_deployment("nightly report/daily", parameters={"city": city}, timeout=0)
        return str(run.id)

    child = client.read_flow_run(above("Bergen"))
    task = client.read_task_run(child.parent_task_run_id)
    (parent,) = client.read_flow_runs(flows={"name": {"any_": ["above"]}})
    assert (task.flow_run_id, task.name) == (parent.id, "daily-0")
    assert unraw(child.parameters) == {"city": "Bergen"}
    complete_next_run(client)
    assert client.read_task_run(task.id).state_type == "COMPLETED"


def test_an_async_flow_awaits_the_run(client: SyncClient) -> None:
    report.deploy("daily")

    @flow
    async def above() -> str:
        run, _ = await asyncio.gather(
            run_deployment("nightly report/daily", poll_interval=0.05),
            asyncio.to_thread(complete_next_run, client),
        )
        return str(run.state_type)

    assert asyncio.run(above()) == "COMPLETED"


def test_async_code_outside_of_flows_awaits_too(client: SyncClient) -> None:
    report.deploy("daily")

    async def ask() -> Any:
        return await run_deployment("nightly report/daily", timeout=0)

    run = asyncio.run(ask())
    assert (run.state_type, run.parent_task_run_id) == ("SCHEDULED", None)


def test_a_retried_flow_keeps_the_run_that_went_well_and_repeats_the_one_that_did_not(
    client: SyncClient,
) -> None:
    report.deploy("daily")
    seen: list[tuple[str, str]] = []

    @flow(retries=1)
    def above() -> None:
        good = run_deployment("nightly report/daily", timeout=0)
        if not seen:
            complete_next_run(client)
        bad = run_deployment("nightly report/daily", timeout=0)
        if not seen:
            complete_next_run(client, "FAILED")
        seen.extend([(good.id, good.state_type), (bad.id, bad.state_type)])
        if len(seen) == 2:
            raise ValueError("again")

    above()
    first_good, first_bad, second_good, second_bad = seen
    assert (second_good[0], second_good[1]) == (first_good[0], "COMPLETED")
    assert (second_bad[0], second_bad[1]) == (first_bad[0], "SCHEDULED")


SERVING = """
    from orion import flow, serve

    @flow(name="served")
    def served(x: int = 1) -> int:
        return x + 1

    if __name__ == "__main__":
        serve(served.to_deployment("one", interval=3600), served.to_deployment("two"), {options})
"""


@pytest.mark.parametrize(("options", "ending"), [("", "paused"), ("delete_on_shutdown=True", "deleted")])
def test_a_served_flow_runs_until_the_program_is_stopped(
    sqlite_server: Served,  # noqa: F811
    tmp_path: Path,
    options: str,
    ending: str,
) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(SERVING).replace("{options}", options))
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "ORION_HOME": str(current().home),
        "ORION_API_URL": sqlite_server.url,
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, str(program)], env=environment)
    with SyncClient() as client:
        try:
            eventually(lambda: client.count_deployments() == 2)
            run = run_deployment("served/two", parameters={"x": 41}, timeout=30, poll_interval=0.1)
            assert (run.state_type, run.state.result()) == ("COMPLETED", 42)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        left = client.read_deployments()
        assert [deployment.paused for deployment in left] == ([True, True] if ending == "paused" else [])


def test_serving_nothing_or_without_a_server_says_what_is_missing(tmp_path: Path) -> None:
    from orion.settings import temporary_settings

    with pytest.raises(Invalid, match="nothing to serve"):
        serve()
    with temporary_settings({"ORION_HOME": str(tmp_path), "ORION_API_URL": None}):
        with pytest.raises(Invalid, match="needs a server"):
            report.serve()
