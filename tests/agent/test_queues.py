"""What work queues hand to agents, asked over the wire."""

from __future__ import annotations

import os
import socket
from datetime import timedelta
from typing import Any

import pytest

from orion.agent import Api
from orion.model.times import iso, utcnow
from orion.sdk.client import SyncClient
from tests.agent.house import House, Start
from tests.servers import run_orion


def queue(house: House, name: str = "default") -> str:
    found: str = house.get(f"/work_queues/name/{name}")["id"]
    return found


def handed_out(house: House, queue_id: str, **body: Any) -> list[str]:
    return [run["id"] for run in house.post(f"/work_queues/{queue_id}/get_runs", body)]


@pytest.mark.row("WQ-07")
def test_no_queue_exists_until_a_deployment_or_a_person_makes_one(house: House) -> None:
    assert house.post("/work_queues/filter", {}) == []
    house.deploy()
    assert [found["name"] for found in house.post("/work_queues/filter", {})] == ["default"]


@pytest.mark.row("WQ-02")
@pytest.mark.parametrize("filter", [None, {}])
def test_a_run_without_a_deployment_is_never_served(house: House, filter: dict[str, Any] | None) -> None:
    made = house.post("/work_queues/", {"name": "all", "filter": filter})["id"]
    flow = house.post("/flows/", {"name": "lonely"})["id"]
    house.post("/flow_runs/", {"flow_id": flow, "state": {"type": "SCHEDULED"}, "work_queue_name": "all"})
    assert handed_out(house, made) == []
    run = house.run(house.deploy(work_queue_name="all"))
    assert handed_out(house, made) == [run]


@pytest.mark.row("WQ-06")
def test_a_look_at_the_next_hour_hands_nothing_out(house: House) -> None:
    deployment = house.deploy()
    soon = {"type": "SCHEDULED", "state_details": {"scheduled_time": iso(utcnow() + timedelta(minutes=30))}}
    due, later = house.run(deployment), house.run(deployment, state=soon)
    hour = iso(utcnow() + timedelta(hours=1))
    for _ in range(2):
        assert handed_out(house, queue(house), scheduled_before=hour) == [due, later]
    assert house.get("/work_queues/name/default")["last_polled"] is None
    assert handed_out(house, queue(house)) == [due]


@pytest.mark.row("WQ-06")
def test_the_preview_of_the_command_line_marks_late_runs(house: House, tmp_path: Any) -> None:
    deployment = house.deploy()
    past = {"type": "SCHEDULED", "state_details": {"scheduled_time": iso(utcnow() - timedelta(minutes=5))}}
    soon = {"type": "SCHEDULED", "state_details": {"scheduled_time": iso(utcnow() + timedelta(hours=2))}}
    late, later = (
        house.run(deployment, state=past, name="tardy"),
        house.run(deployment, state=soon, name="early"),
    )
    ask = ("work-queue", "preview", queue(house))
    near = run_orion(*ask, home=tmp_path, ORION_API_URL=house.api)
    far = run_orion(*ask, "--hours", "3", home=tmp_path, ORION_API_URL=house.api)
    assert late != later and near.returncode == far.returncode == 0, near.stderr + far.stderr
    (only,) = near.stdout.splitlines()
    assert "tardy" in only and "**" in only
    first, second = far.stdout.splitlines()
    assert "tardy" in first and "**" in first and "early" in second and "**" not in second


@pytest.mark.row("AG-03")
def test_an_agent_asks_for_at_most_ten_runs_and_names_itself(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orion.agent import Api

    asked: list[dict[str, Any]] = []
    call = Api.call

    async def noted(self: Api, method: str, path: str, body: Any = None, *rest: Any, **more: Any) -> Any:
        if path.endswith("/get_runs"):
            asked.append(body)
        return await call(self, method, path, body, *rest, **more)

    monkeypatch.setattr(Api, "call", noted)
    deployment = house.deploy()
    runs = [house.run(deployment) for _ in range(12)]
    assert start(once=True).wait() == 0
    assert {house.state(run)[0] for run in runs} == {"COMPLETED"}
    assert {body["limit"] for body in asked} == {10} and len(asked) == 3
    assert len({body["agent_id"] for body in asked}) == 1
    assert not any("scheduled_before" in body for body in asked)  # with --once only what is due


@pytest.mark.row("AG-07")
def test_a_queue_shows_each_agent_once_with_its_name_or_else_its_id(
    house: House, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    call = Api.call

    async def watched(api: Api, method: str, path: str, body: Any = None, *rest: Any, **more: Any) -> Any:
        asked.extend([body] if path.endswith("/get_runs") else [])
        return await call(api, method, path, body, *rest, **more)

    monkeypatch.setattr(Api, "call", watched)
    house.run(house.deploy())
    agent = start(once=True)
    assert agent.wait() == 0
    assert asked and {body["agent_id"] for body in asked} == {agent.agent.id}
    own = f"{socket.gethostname()} {os.getpid()}"
    other = "01a206ae-5eff-735c-bc55-b6c7fa11b418"
    handed_out(house, queue(house), agent_id=other)
    page = house.http.get(
        f"{house.api.removesuffix('/api')}/queues/{queue(house)}", headers={"Accept": "application/json"}
    )
    agents = {agent["name"]: agent["seen"] for agent in page.json()["agents"]}
    assert agents.keys() == {own, other} and len(page.json()["agents"]) == 2
    assert all(iso(utcnow() - timedelta(minutes=10)) < seen for seen in agents.values())


def test_a_deployment_says_whether_an_agent_looks_after_it(house: House) -> None:
    deployment = house.deploy()
    assert house.get(f"/deployments/{deployment}")["status"] == "NOT_READY"
    handed_out(house, queue(house), agent_id="01a206ae-5eff-735c-bc55-b6c7fa11b418")
    assert house.get(f"/deployments/{deployment}")["status"] == "READY"


def test_the_client_reads_what_is_due(house: House) -> None:
    from orion.settings import temporary_settings

    run = house.run(house.deploy())
    with temporary_settings({"ORION_API_URL": house.api}), SyncClient() as client:
        assert [found.id for found in client.get_runs_in_work_queue(queue(house), limit=5)] == [run]
