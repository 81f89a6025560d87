"""One flow, three ways: without a server, on SQLite and on PostgreSQL; the same states, names, inputs and log lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orion import flow, get_run_logger, tags, task, task_input_hash, unmapped
from orion.sdk.client import SyncClient
from orion.testing import test_harness as harness
from tests.sdk.conftest import Served

tries: list[int] = []


@task(name="three-extract", retries=2, tags=["source"])
def extract(n: int) -> list[int]:
    tries.append(n)
    if len(tries) == 1:
        raise ConnectionError("flaky")
    return list(range(n))


@task(name="three-scale", cache_key_fn=task_input_hash)
def scale(x: int, by: int) -> int:
    get_run_logger().info("scaling %s", x)
    return x * by


@task(name="three-fail")
def broken(x: int) -> None:
    raise ValueError(x)


@flow(name="three-sum")
def add_up(numbers: list[int]) -> int:
    return sum(numbers)


@flow(name="three-ways")
def etl(n: int = 3) -> int:
    numbers = extract(n)
    with tags("inner"):
        scaled = scale.map(numbers, unmapped(10)).result()
    scale(0, 10)
    broken(1, return_state=True)
    scale.submit(broken.submit(2), 1)
    return add_up(scaled)


def told() -> dict[str, Any]:
    """What the API tells of the runs, without ids and times."""
    with SyncClient() as client:
        ids = {run.id: run.name for run in client.read_task_runs()}
        flows = {found.id: found.name for found in client.read_flows()}
        return {
            "flow runs": sorted(
                (flows[r.flow_id], r.state_name, r.run_count, r.tags) for r in client.read_flow_runs()
            ),
            "task runs": sorted((r.name, r.state_name, r.run_count, r.tags) for r in client.read_task_runs()),
            "states": {name: [s.name for s in client.read_task_run_states(run)] for run, name in ids.items()},
            "lines": sorted(line.message for line in client.read_logs() if "flow run" not in line.message),
        }


@pytest.fixture(scope="module")
def ephemeral() -> dict[str, Any]:
    with harness():
        tries.clear()
        assert etl() == 30
        return told()


@pytest.mark.row("ENG-02")
def test_the_run_without_a_server_is_recorded_whole(ephemeral: dict[str, Any]) -> None:
    assert ephemeral["flow runs"] == [("three-sum", "Completed", 1, []), ("three-ways", "Completed", 1, [])]
    extracted = ephemeral["states"][f"{extract.task_key}-0"]
    assert extracted == ["Running", "AwaitingRetry", "Retrying", "Completed"]
    assert ephemeral["states"][f"{scale.task_key}-3"] == ["Cached"]
    assert ephemeral["states"][f"{scale.task_key}-4"] == ["NotReady"]


@pytest.mark.row("SDK-27")
def test_a_server_tells_the_same_on_both_databases(server: Served, ephemeral: dict[str, Any]) -> None:
    tries.clear()
    assert etl() == 30
    assert told() == ephemeral


@pytest.mark.row("EPH-03")
def test_runs_made_without_a_server_are_there_when_one_is_started(tmp_path: Path) -> None:
    from tests.sdk.conftest import serving

    with harness() as home:
        tries.clear()
        etl()
        from orion.sdk import ephemeral, session

        session.close_all()
        ephemeral.unmount()
        with serving(f"sqlite:///{home / 'orion.db'}", tmp_path / "other"), SyncClient() as client:
            assert {run.state_name for run in client.read_flow_runs()} == {"Completed"}
            assert any(line.message == "scaling 1" for line in client.read_logs())
