"""The implicit work pool: what clients that know pools ask when they list queues, and what their agents poll."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orion.model.agent_pool import AGENT_POOL, POOL_ID
from tests.conftest import ASKS_NO_DATABASE
from tests.web.browser import Client, Clock
from tests.web.makers import deployment, queue

POOL = f"/api/work_pools/{AGENT_POOL}"


def test_the_list_of_queues_finds_the_pool_of_each(client: Client) -> None:
    """`prefect work-queue ls`: the queues, then their pools by id, then the pool's name to each."""
    queue(client, name="etl")
    listed = client.post("/api/work_queues/filter", json={"work_queues": None, "limit": None, "offset": None})
    ids = [each["work_pool_id"] for each in listed.json()]
    body = {"limit": None, "offset": 0, "work_pools": {"id": {"any_": ids}, "name": None, "type": None}}
    pools = client.post("/api/work_pools/filter", json=body).json()
    assert [(pool["id"], pool["name"], pool["type"]) for pool in pools] == [
        (ids[0], AGENT_POOL, "prefect-agent")
    ]
    assert pools[0]["default_queue_id"] and pools[0]["created"]


@pytest.mark.parametrize(
    ("criteria", "met"),
    [
        (None, 1),
        ({"name": {"any_": [AGENT_POOL]}}, 1),
        ({"type": {"any_": ["process"]}}, 0),
        ({"id": {"any_": ["00000000-0000-4000-8000-000000000000"]}}, 0),
    ],
)
def test_the_pool_is_found_by_what_it_is(client: Client, criteria: Any, met: int) -> None:
    assert len(client.post("/api/work_pools/filter", json={"work_pools": criteria}).json()) == met


def test_the_default_queue_is_that_of_the_name(client: Client) -> None:
    assert client.get(POOL).json()["default_queue_id"] == POOL_ID
    made = queue(client, name="default")
    assert client.get(POOL).json()["default_queue_id"] == made["id"]


def test_an_agent_finds_queues_by_a_prefix_in_the_pool(client: Client) -> None:
    """`prefect agent start --match prod-`."""
    for name in ("prod-a", "prod-b", "dev"):
        queue(client, name=name)
    body = {"work_queues": {"name": {"startswith_": ["prod-"]}}, "limit": None, "offset": None}
    found = client.post(f"{POOL}/queues/filter", json=body).json()
    assert [each["name"] for each in found] == ["prod-a", "prod-b"]


def test_a_queue_of_the_pool_is_made_read_changed_and_deleted(client: Client) -> None:
    made = client.post(f"{POOL}/queues", json={"name": "etl", "description": None, "priority": None})
    assert (made.status_code, made.json()["work_pool_name"]) == (201, AGENT_POOL)
    assert client.post(f"{POOL}/queues", json={"name": "etl"}).status_code == 409
    assert client.patch(f"{POOL}/queues/etl", json={"is_paused": True}).status_code == 204
    assert client.get(f"{POOL}/queues/etl").json()["status"] == "PAUSED"
    assert client.delete(f"{POOL}/queues/etl").status_code == 204
    for answer in (client.get(f"{POOL}/queues/etl"), client.patch(f"{POOL}/queues/etl", json={})):
        assert (answer.status_code, answer.json()) == (404, {"detail": "Work queue not found"})


def test_an_agent_of_the_pool_gets_what_is_due_by_priority_and_time(client: Client, clock: Clock) -> None:
    """`prefect agent start -p default-agent-pool`."""
    low, high = queue(client, name="low", priority=5), queue(client, name="high", priority=1)
    queue(client, name="off", is_paused=True)
    ids = {name: [due(client, name, clock, seconds) for seconds in (0, -5)] for name in ("low", "high", "off")}
    later = due(client, "high", clock, 3600)
    soon = (clock.now + timedelta(seconds=10)).isoformat()
    runs = client.post(f"{POOL}/get_scheduled_flow_runs", json={"scheduled_before": soon}).json()
    assert [run["flow_run"]["id"] for run in runs] == [*reversed(ids["high"]), *reversed(ids["low"])]
    assert [run["work_queue_id"] for run in runs] == [high["id"], high["id"], low["id"], low["id"]]
    assert {run["work_pool_id"] for run in runs} == {POOL_ID} and later not in str(runs)
    one = {"work_queue_names": ["low"], "scheduled_before": soon, "limit": 1}
    (run,) = client.post(f"{POOL}/get_scheduled_flow_runs", json=one).json()
    assert run["flow_run"]["id"] == ids["low"][1]
    assert client.get(f"{POOL}/queues/low").json()["status"] == "READY"


def test_a_run_names_the_pool_of_its_queue(client: Client) -> None:
    """What `prefect flow-run inspect` shows; a run that no queue serves is in no pool."""
    deployed = deployment(client, work_queue_name="etl")
    made = client.post(f"/api/deployments/{deployed['id']}/create_flow_run", json={}).json()
    read = client.get(f"/api/flow_runs/{made['id']}").json()
    for run in (made, read):
        assert (run["work_queue_name"], run["work_pool_name"], run["work_pool_id"]) == ("etl", AGENT_POOL, POOL_ID)
    alone = client.post("/api/flow_runs/", json={"flow_id": deployed["flow_id"]}).json()
    assert (alone["work_pool_name"], alone["work_pool_id"]) == (None, None)


def due(client: Client, name: str, clock: Clock, seconds: int) -> str:
    """A run of a queue, due that many seconds from now."""
    at = (clock.now + timedelta(seconds=seconds)).isoformat()
    deployed = deployment(client, work_queue_name=name)
    body = {"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}}
    return str(client.post(f"/api/deployments/{deployed['id']}/create_flow_run", json=body).json()["id"])


@pytest.mark.parametrize("path", ["", "/queues/etl", "/queues/filter", "/get_scheduled_flow_runs"])
@ASKS_NO_DATABASE
def test_there_is_no_other_pool(client: Client, path: str) -> None:
    method = "POST" if path.endswith(("filter", "runs")) else "GET"
    answer = client.request(method, f"/api/work_pools/mine{path}", **({"json": {}} if method == "POST" else {}))
    assert (answer.status_code, answer.json()) == (404, {"detail": "Work pool 'mine' not found."})
