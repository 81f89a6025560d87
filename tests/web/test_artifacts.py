"""Artifacts over HTTP: made, filtered, changed; a key knows its newest; they go with their run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.conftest import ASKS_NO_DATABASE
from tests.web.browser import Client, Clock
from tests.web.makers import UNKNOWN, flow, flow_run, task_run, unique


def made(client: Client, **fields: Any) -> dict[str, Any]:
    answer = client.post("/api/artifacts/", json=fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def latest(client: Client, key: str) -> Any:
    answer = client.get(f"/api/artifacts/{key}/latest")
    return answer.json() if answer.status_code == 200 else answer.status_code


def keys(client: Client, **body: Any) -> list[str]:
    return [row["key"] for row in client.post("/api/artifacts/latest/filter", json=body).json()]


def test_an_artifact_is_made_read_changed_and_deleted(client: Client, clock: Clock) -> None:
    run = flow_run(client)["id"]
    body = {"key": "report", "type": "markdown", "data": "# one", "flow_run_id": run, "description": None}
    first = made(client, **body)
    assert first == {**body, "id": first["id"], "created": first["created"], "updated": first["created"],
                     "metadata_": None, "task_run_id": None}  # fmt: skip
    assert client.get(f"/api/artifacts/{first['id']}").json() == first
    clock.now += timedelta(seconds=1)
    change = {"data": {"deep": [1.0, None]}, "description": "said", "metadata_": {"a": "b"}}
    assert client.patch(f"/api/artifacts/{first['id']}", json=change).status_code == 204
    changed = client.get(f"/api/artifacts/{first['id']}").json()
    assert {name: changed[name] for name in change} == change and changed["updated"] > first["updated"]
    client.patch(f"/api/artifacts/{first['id']}", json={"data": None})
    assert client.get(f"/api/artifacts/{first['id']}").json()["data"] is None
    assert client.delete(f"/api/artifacts/{first['id']}").status_code == 204
    for method in ("GET", "PATCH", "DELETE"):
        answer = client.request(method, f"/api/artifacts/{first['id']}", json={"description": "x"})
        assert (answer.status_code, answer.json()) == (404, {"detail": "Artifact not found"})
    assert client.get("/api/artifacts/report/latest").json() == {"detail": "Artifact not found"}


def test_a_key_points_to_its_newest_artifact_and_steps_back(client: Client, clock: Clock) -> None:
    made_of = []
    for text in ("one", "two"):
        made_of.append(made(client, key="k-1", type="markdown", data=text))
        clock.now += timedelta(seconds=1)
    first, second = made_of
    newest = latest(client, "k-1")
    assert newest["data"] == "two" and newest["id"] not in (first["id"], second["id"])
    assert (newest["created"], newest["updated"]) == (first["created"], second["created"])
    row = client.post("/api/artifacts/latest/filter", json={}).json()[0]
    assert (row["id"], row["latest_id"]) == (newest["id"], second["id"])
    client.patch(f"/api/artifacts/{second['id']}", json={"data": "2"})
    assert latest(client, "k-1")["data"] == "2"
    client.delete(f"/api/artifacts/{second['id']}")
    back = latest(client, "k-1")
    assert (back["data"], back["id"]) == ("one", newest["id"])
    client.delete(f"/api/artifacts/{first['id']}")
    assert (latest(client, "k-1"), keys(client)) == (404, [])


def test_many_at_once_agree_on_the_newest_of_a_key(client: Client) -> None:
    asked = [client.start("POST", "/api/artifacts/", json={"key": "race", "data": n}) for n in range(10)]
    ids = {answer.result(60).json()["id"] for answer in asked}
    (row,) = client.post("/api/artifacts/latest/filter", json={}).json()
    assert row["latest_id"] in ids and len(ids) == 10
    gone = [client.start("DELETE", f"/api/artifacts/{id}") for id in ids]
    more = client.start("POST", "/api/artifacts/", json={"key": "race", "data": "last"})
    assert {answer.result(60).status_code for answer in gone} == {204}
    assert more.result(60).status_code == 201 and latest(client, "race")["data"] == "last"


def test_they_go_with_the_task_run_the_flow_run_and_the_flow(client: Client) -> None:
    flow_id = flow(client)["id"]
    stays, run, other = (flow_run(client, flow_id)["id"] for _ in range(3))
    task = task_run(client, run)["id"]
    made(client, key="shared", data=1, flow_run_id=stays)
    made(client, key="shared", data=2, flow_run_id=run)
    made(client, key="shared", data=3, task_run_id=task, flow_run_id=run)
    made(client, key="alone", data=4, task_run_id=task)
    made(client, key="alone-too", data=5, flow_run_id=other)
    client.delete(f"/api/task_runs/{task}")
    assert (latest(client, "shared")["data"], latest(client, "alone")) == (2, 404)
    made(client, key="of-the-task", data=6, task_run_id=task_run(client, run)["id"])
    client.delete(f"/api/flow_runs/{run}")
    assert (latest(client, "shared")["data"], latest(client, "of-the-task")) == (1, 404)
    client.delete(f"/api/flows/{flow_id}")
    assert client.post("/api/artifacts/count", json={}).json() == 0 and keys(client) == []


def test_filters_sorts_and_counts(client: Client, clock: Clock) -> None:
    named = unique("named")
    run = flow_run(client, flow(client, named)["id"])["id"]
    task = task_run(client, run)["id"]
    for key, kind, of in (
        ("a", "table", {"flow_run_id": run}),
        ("b", "markdown", {"flow_run_id": run, "task_run_id": task}),
        (None, "result", {}),
        ("a", "markdown", {}),
    ):
        made(client, key=key, type=kind, **of)
        clock.now += timedelta(seconds=1)

    def found(**body: Any) -> list[tuple[Any, Any]]:
        rows = client.post("/api/artifacts/filter", json=body).json()
        if not body.keys() & {"limit", "offset", "sort"}:
            assert client.post("/api/artifacts/count", json=body).json() == len(rows)
        return [(row["key"], row["type"]) for row in rows]

    table, markdown, result, newer = ("a", "table"), ("b", "markdown"), (None, "result"), ("a", "markdown")
    assert found() == [newer, result, markdown, table]
    assert found(sort="KEY_ASC", limit=2, offset=1) == [table, newer]
    assert found(artifacts={"key": {"exists_": False}}) == [result]
    assert found(artifacts={"key": {"any_": ["b"], "exists_": True}}) == [markdown]
    assert found(artifacts={"key": {"like_": "A"}}) == [newer, table]
    assert found(artifacts={"type": {"not_any_": ["result", "table"]}}) == [newer, markdown]
    assert found(artifacts={"flow_run_id": {"any_": [run]}}) == [markdown, table]
    assert found(flow_runs={"id": {"any_": [run]}}, task_runs={"id": {"any_": [task]}}) == [markdown]
    assert found(flows={"name": {"any_": [named]}}, artifacts={"type": {"any_": ["table"]}}) == [table]
    assert found(deployments={"name": {"any_": ["none"]}}) == []

    def newest(**body: Any) -> list[str]:
        rows = keys(client, **body)
        if "sort" not in body:
            assert client.post("/api/artifacts/latest/count", json=body).json() == len(rows)
        return rows

    assert newest(sort="UPDATED_DESC") == ["a", "b"] and newest(sort="KEY_DESC") == ["b", "a"]
    assert newest(artifacts={"type": {"any_": ["table"]}}) == []
    assert newest(artifacts={"type": {"any_": ["markdown"]}, "key": {"like_": "b"}}) == ["b"]
    assert newest(flow_runs={"id": {"any_": [run]}}) == newest(task_runs={"id": {"any_": [task]}}) == ["b"]
    for bad in ({"artifacts": {"id": {"any_": [UNKNOWN]}}}, {"sort": "BEST"}):
        assert client.post("/api/artifacts/latest/filter", json=bad).status_code == 422


@pytest.mark.parametrize(
    "body", [{"key": "Bad"}, {"key": "a b"}, {"key": ""}, {"key": "a" * 256}, {"flow_run_id": "x"},
             {"metadata_": {"a": 1}}]
)  # fmt: skip
@ASKS_NO_DATABASE
def test_a_bad_artifact_is_refused(client: Client, body: dict[str, Any]) -> None:
    assert client.post("/api/artifacts/", json=body).status_code == 422
