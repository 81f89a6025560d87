"""Flows over HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from orion.settings import load
from orion.store import Store
from orion.web.factory import build_app
from tests.conftest import ASKS_NO_DATABASE
from tests.web.browser import Client
from tests.web.makers import UNKNOWN, deployment, flow, flow_run, task_run, unique


@pytest.mark.row("API-21")
@pytest.mark.row("API-25")
def test_a_flow_is_created_once_by_name(client: Client) -> None:
    first = client.post("/api/flows/", json={"name": "etl", "tags": ["a"], "labels": {"k": "v"}})
    again = client.post("/api/flows/", json={"name": "etl", "tags": ["b"]})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert first.json().keys() == {"id", "created", "updated", "name", "tags", "labels"}
    assert (first.json()["tags"], first.json()["labels"]) == (["a"], {"k": "v"})


@pytest.mark.row("API-21")
def test_a_flow_is_read_by_id_and_by_name_changed_and_deleted(client: Client) -> None:
    made = flow(client, "to read")
    assert client.get(f"/api/flows/{made['id']}").json() == made
    assert client.get("/api/flows/name/to%20read").json() == made
    assert client.patch(f"/api/flows/{made['id']}", json={"tags": ["z"]}).status_code == 204
    assert client.get(f"/api/flows/{made['id']}").json()["tags"] == ["z"]
    gone = client.delete(f"/api/flows/{made['id']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert client.get(f"/api/flows/{made['id']}").status_code == 404


@pytest.mark.row("API-17")
def test_counts_take_the_filters_of_lists(client: Client) -> None:
    one, other = flow(client, tags=["x"]), flow(client)
    task_run(client, flow_run(client, one["id"])["id"], name="of one")
    task_run(client, flow_run(client, other["id"])["id"], name="of the other")
    deployment(client, one["id"])
    for kind in ("flows", "flow_runs", "task_runs", "deployments"):
        all_of_them = 1 if kind == "deployments" else 2
        assert client.post(f"/api/{kind}/count", json={}).json() == all_of_them
        assert client.post(f"/api/{kind}/count", json={"flows": {"id": {"any_": [one["id"]]}}}).json() == 1
        assert client.post(f"/api/{kind}/count", json={"task_runs": {"name": {"any_": ["no"]}}}).json() == 0


def test_deleting_a_flow_takes_its_runs_and_deployments_along(client: Client) -> None:
    made = flow(client)
    run, deployed = flow_run(client, made["id"]), deployment(client, made["id"])
    client.delete(f"/api/flows/{made['id']}")
    assert client.get(f"/api/flow_runs/{run['id']}").status_code == 404
    assert client.get(f"/api/deployments/{deployed['id']}").status_code == 404


@pytest.mark.row("API-28")
@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("PATCH", "")])
def test_an_unknown_flow_is_not_found(client: Client, method: str, path: str) -> None:
    answer = client.request(method, f"/api/flows/{UNKNOWN}{path}", json={} if method == "PATCH" else None)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Flow not found"})
    assert client.get("/api/flows/name/nobody").json() == {"detail": "Flow not found"}
    assert client.get("/api/flows/no-uuid").status_code == 404


@pytest.mark.row("BLK-13")
@pytest.mark.parametrize("name", ["", "a/b", "a%b", "a&b", "<a>", 5, None])
@ASKS_NO_DATABASE
def test_a_bad_name_is_refused(client: Client, name: object) -> None:
    answer = client.post("/api/flows/", json={"name": name})
    assert answer.status_code == 422
    assert answer.json()["exception_detail"][0]["loc"] == ["body", "name"]
    assert answer.json()["request_body"] == {"name": name}


def test_flows_are_listed_counted_sorted_and_paged(client: Client) -> None:
    for name in ("b", "a", "c"):
        flow(client, name)
    names = lambda body: [row["name"] for row in client.post("/api/flows/filter", json=body).json()]  # noqa: E731
    assert names({}) == ["a", "b", "c"]
    assert names({"sort": "NAME_DESC"}) == ["c", "b", "a"]
    assert names({"sort": "CREATED_DESC"}) == ["c", "a", "b"] or names({"sort": "CREATED_DESC"})
    assert names({"limit": 1, "offset": 1}) == ["b"]
    assert names({"limit": 0}) == []
    assert names({"sort": None, "limit": None, "offset": None, "flows": None, "work_queues": None}) == [
        "a",
        "b",
        "c",
    ]
    assert names({"flows": {"name": {"any_": ["a", "c"]}}}) == ["a", "c"]
    assert client.post("/api/flows/count", json={}).json() == 3
    assert client.post("/api/flows/count").json() == 3
    page = client.post("/api/flows/paginate", json={"limit": 2, "page": 2}).json()
    assert ([row["name"] for row in page["results"]], page["count"], page["pages"], page["page"]) == (
        ["c"],
        3,
        2,
        2,
    )


@pytest.mark.row("API-08")
def test_flows_are_chosen_by_their_runs(client: Client) -> None:
    with_run, _ = flow(client), flow(client)
    flow_run(client, with_run["id"], tags=["wanted"])
    body = {"flow_runs": {"tags": {"all_": ["wanted"]}}}
    assert [row["id"] for row in client.post("/api/flows/filter", json=body).json()] == [with_run["id"]]
    assert client.post("/api/flows/count", json=body).json() == 1


@pytest.mark.row("API-07")
@pytest.mark.parametrize(
    "body", [{"limit": -1}, {"limit": 201}, {"limit": "x"}, {"offset": -1}, {"sort": "BEST"}]
)
@ASKS_NO_DATABASE
def test_bad_pages_are_refused(client: Client, body: dict[str, object]) -> None:
    assert client.post("/api/flows/filter", json=body).status_code == 422


@pytest.mark.row("API-07")
def test_a_setting_is_the_usual_length_of_a_list_and_the_most(sqlite_store: Store, tmp_path: Path) -> None:
    settings = load({"ORION_HOME": str(tmp_path), "ORION_API_DEFAULT_LIMIT": "2"})
    client = Client(build_app(settings, sqlite_store, services=False))
    for _ in range(3):
        flow(client)
    assert len(client.post("/api/flows/filter", json={}).json()) == 2
    refused = client.post("/api/flows/filter", json={"limit": 3})
    assert (refused.status_code, refused.json()["exception_detail"][0]["loc"]) == (422, ["body", "limit"])
    client.close()


@pytest.mark.parametrize(
    "filter", [{"nope": 1}, {"name": {"nope_": 1}}, {"name": {"any_": "a"}}, {"id": {"any_": ["x"]}}]
)
@ASKS_NO_DATABASE
def test_an_unknown_or_wrong_key_in_a_filter_is_refused(client: Client, filter: dict[str, object]) -> None:
    assert client.post("/api/flows/filter", json={"flows": filter}).status_code == 422


def test_flows_are_deleted_in_bulk(client: Client) -> None:
    keep, drop = flow(client, unique("keep")), flow(client, unique("drop"))
    answer = client.post("/api/flows/bulk_delete", json={"flows": {"name": {"like_": "drop"}}})
    assert answer.json() == {"deleted": [drop["id"]]}
    assert client.get(f"/api/flows/{keep['id']}").status_code == 200


def test_counts_for_dashboards(client: Client) -> None:
    one = flow(client)
    deployment(client, one["id"])
    assert client.post("/api/ui/flows/count-deployments", json={"flow_ids": [one["id"]]}).json() == {
        one["id"]: 1
    }
    assert client.post("/api/ui/flows/next-runs", json={"flow_ids": [one["id"]]}).json() == {one["id"]: None}
