"""Task runs over HTTP, one by one and in batches."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.browser import Client
from tests.web.makers import UNKNOWN, propose, running_flow_run, task_run


@pytest.mark.row("API-23")
def test_a_task_run_is_unique_in_its_flow_run(client: Client) -> None:
    run = running_flow_run(client)
    body = {"flow_run_id": run["id"], "task_key": "t", "dynamic_key": "0", "tags": ["x"], "name": "t-0"}
    first, again = client.post("/api/task_runs/", json=body), client.post("/api/task_runs/", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert client.get(f"/api/task_runs/{first.json()['id']}").json() == first.json()


def test_a_client_may_bring_its_own_id(client: Client) -> None:
    run = running_flow_run(client)
    mine = "0190b0b0-0000-7000-8000-0000000000aa"
    assert task_run(client, run["id"], id=mine)["id"] == mine


@pytest.mark.row("API-24")
def test_a_task_run_goes_through_its_states(client: Client) -> None:
    run = task_run(client, running_flow_run(client)["id"])
    assert propose(client, "task_runs", run["id"], "RUNNING")["status"] == "ACCEPT"
    done = propose(
        client, "task_runs", run["id"], "COMPLETED", data={"type": "unpersisted"}, message="well done"
    )
    assert (done["status"], done["state"]["message"]) == ("ACCEPT", "well done")
    states = client.get("/api/task_run_states/", params={"task_run_id": run["id"]}).json()
    assert [state["type"] for state in states] == ["PENDING", "RUNNING", "COMPLETED"]
    assert client.get(f"/api/task_run_states/{states[0]['id']}").json() == states[0]
    assert client.get("/api/task_run_states/").status_code == 422


def test_a_failed_task_run_is_retried_by_the_server(client: Client) -> None:
    run = task_run(client, running_flow_run(client)["id"], empirical_policy={"retries": 1, "retry_delay": 5})
    propose(client, "task_runs", run["id"], "RUNNING")
    answer = propose(client, "task_runs", run["id"], "FAILED", message="no")
    assert (answer["status"], answer["state"]["name"], answer["state"]["message"]) == (
        "REJECT",
        "AwaitingRetry",
        "no",
    )


def test_a_task_run_is_renamed_and_deleted(client: Client) -> None:
    run = task_run(client, running_flow_run(client)["id"])
    assert client.patch(f"/api/task_runs/{run['id']}", json={"name": "other"}).status_code == 204
    assert client.get(f"/api/task_runs/{run['id']}").json()["name"] == "other"
    assert client.delete(f"/api/task_runs/{run['id']}").status_code == 204
    assert client.get(f"/api/task_runs/{run['id']}").json() == {"detail": "Task run not found"}


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("DELETE", ""), ("PATCH", ""), ("POST", "/set_state")]
)
def test_an_unknown_task_run_is_not_found(client: Client, method: str, path: str) -> None:
    body = {"state": {"type": "RUNNING"}, "name": "x"}
    answer = client.request(
        method, f"/api/task_runs/{UNKNOWN}{path}", json=body if method in ("PATCH", "POST") else None
    )
    assert (answer.status_code, answer.json()) == (404, {"detail": "Task run not found"})


@pytest.mark.row("API-09")
@pytest.mark.row("API-12")
def test_task_runs_are_listed_and_counted(client: Client) -> None:
    run = running_flow_run(client)
    one, two = task_run(client, run["id"], tags=["a"]), task_run(client, run["id"])
    propose(client, "task_runs", two["id"], "RUNNING")
    ids = lambda body: {row["id"] for row in client.post("/api/task_runs/filter", json=body).json()}  # noqa: E731
    assert ids({}) == {one["id"], two["id"]}
    assert ids({"task_runs": {"tags": {"all_": ["a"]}}}) == {one["id"]}
    assert ids({"task_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}) == {two["id"]}
    assert ids({"task_runs": {"subflow_runs": {"exists_": True}}}) == set()
    assert ids({"task_runs": {"subflow_runs": {"exists_": False}}}) == {one["id"], two["id"]}
    either = {"operator": "or_", "type": {"any_": ["RUNNING"]}, "name": {"any_": ["Pending"]}}
    assert ids({"task_runs": {"state": either}}) == {one["id"], two["id"]}
    assert ids({"task_runs": {"state": {**either, "operator": "and_"}}}) == set()
    assert ids({"flow_runs": {"id": {"any_": [run["id"]]}}, "limit": 1}) < {one["id"], two["id"]}
    assert client.post("/api/task_runs/count", json={}).json() == 2
    counts = client.post("/api/ui/task_runs/count", json={}).json()
    assert (counts["PENDING"], counts["RUNNING"], counts["FAILED"]) == (1, 1, 0)
    assert client.post("/api/task_runs/paginate", json={}).json()["count"] == 2


def test_a_batch_makes_runs_and_moves_them(client: Client) -> None:
    run = running_flow_run(client)
    items: list[dict[str, Any]] = [
        {
            "task_run": {"flow_run_id": run["id"], "task_key": "t", "dynamic_key": str(number)},
            "states": [
                {"state": {"type": "RUNNING"}, "age": 2.0},
                {"state": {"type": "COMPLETED"}, "age": 1.0},
            ],
        }
        for number in range(3)
    ]
    answers = client.post("/api/task_runs/batch", json=items)
    assert answers.status_code == 200
    assert [(answer["status"], answer["state"]["type"]) for answer in answers.json()] == [
        ("ACCEPT", "COMPLETED")
    ] * 3
    rows = client.post("/api/task_runs/filter", json={}).json()
    assert [row["total_run_time"] for row in rows] == [1.0] * 3
    assert client.post("/api/task_runs/batch", json=[]).json() == []
    assert client.post("/api/task_runs/batch", json=[{}]).status_code == 422


def test_the_wait_of_a_limited_task_run_is_told(client: Client) -> None:
    client.post("/api/concurrency_limits/", json={"tag": "db", "concurrency_limit": 1})
    run = running_flow_run(client)
    first, second = (task_run(client, run["id"], tags=["db"]) for _ in range(2))
    assert propose(client, "task_runs", first["id"], "RUNNING")["status"] == "ACCEPT"
    answer = propose(client, "task_runs", second["id"], "RUNNING")
    assert (answer["status"], answer["details"]["delay_seconds"]) == ("WAIT", 30)
    assert client.get("/api/concurrency_limits/tag/db").json()["active_slots"] == [first["id"]]
