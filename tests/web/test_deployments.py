"""Deployments over HTTP: saved, planned, paused, and run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from orion.services.ranges import PIECE
from tests.web.browser import Client, Clock
from tests.web.makers import UNKNOWN, deployment, flow, queue, unique

SCHEMA = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
HOURLY = {"interval": 3600, "anchor_date": "2026-01-01T00:00:00Z", "timezone": "UTC"}


def planned(client: Client, deployment_id: str) -> list[dict[str, Any]]:
    body = {"deployments": {"id": {"any_": [deployment_id]}}, "sort": "EXPECTED_START_TIME_ASC"}
    return list(client.post("/api/flow_runs/filter", json=body).json())


@pytest.mark.row("API-25")
def test_a_deployment_is_saved_by_flow_and_name(client: Client) -> None:
    body = {
        "name": "daily",
        "flow_id": flow(client)["id"],
        "parameters": {"x": 1},
        "tags": ["a"],
        "entrypoint": "f.py:f",
    }
    first = client.post("/api/deployments/", json=body)
    again = client.post("/api/deployments/", json=body | {"parameters": {"x": 2}})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    shown = client.get(f"/api/deployments/{first.json()['id']}").json()
    assert (shown["parameters"], shown["tags"], shown["status"]) == ({"x": 2}, ["a"], "NOT_READY")
    assert {
        "schedule",
        "schedules",
        "is_schedule_active",
        "infra_overrides",
        "job_variables",
        "paused",
    } <= shown.keys()


def test_a_deployment_is_read_by_names_and_deleted(client: Client) -> None:
    made = deployment(client, flow(client, "my flow")["id"], name="my deployment")
    assert client.get("/api/deployments/name/my%20flow/my%20deployment").json()["id"] == made["id"]
    assert client.get("/api/deployments/name/my%20flow/none").status_code == 404
    assert client.delete(f"/api/deployments/{made['id']}").status_code == 204
    assert client.get(f"/api/deployments/{made['id']}").json() == {"detail": "Deployment not found"}


def test_missing_references_are_told(client: Client) -> None:
    assert client.post("/api/deployments/", json={"name": "x", "flow_id": UNKNOWN}).status_code == 409
    body = {"name": "x", "flow_id": flow(client)["id"], "infrastructure_document_id": UNKNOWN}
    assert client.post("/api/deployments/", json=body).status_code == 409
    body = {"name": "x", "flow_id": flow(client)["id"], "work_pool_name": "none"}
    assert client.post("/api/deployments/", json=body).status_code == 404
    assert (
        client.post("/api/deployments/", json={"name": "a/b", "flow_id": flow(client)["id"]}).status_code
        == 422
    )


def test_the_queue_of_a_deployment_is_made(client: Client) -> None:
    made = deployment(client, work_queue_name="etl")
    found = client.get("/api/work_queues/name/etl").json()
    assert made["work_queue_id"] == found["id"]
    assert [row["name"] for row in client.get(f"/api/deployments/{made['id']}/work_queue_check").json()] == [
        "etl"
    ]
    assert client.get(f"/api/deployments/{UNKNOWN}/work_queue_check").status_code == 404


@pytest.mark.row("DEP-10")
def test_runs_are_planned_at_once_and_go_when_it_is_paused(client: Client, clock: Clock) -> None:
    made = deployment(
        client, schedules=[{"schedule": HOURLY, "active": True}], parameters={"x": 1}, tags=["t"]
    )
    runs = planned(client, made["id"])
    assert len(runs) >= 3
    assert all(run["auto_scheduled"] and run["state_type"] == "SCHEDULED" for run in runs)
    assert (runs[0]["tags"], runs[0]["parameters"]) == (["auto-scheduled", "t"], {"x": 1})
    for path in ("pause_deployment", "set_schedule_inactive"):
        assert client.post(f"/api/deployments/{made['id']}/{path}").json() is None
        assert planned(client, made["id"]) == []
        assert client.get(f"/api/deployments/{made['id']}").json()["is_schedule_active"] is False
        assert client.post(f"/api/deployments/{made['id']}/resume_deployment").status_code == 200
        assert len(planned(client, made["id"])) >= 3


@pytest.mark.row("DEP-08")
@pytest.mark.row("SCH-08")
@pytest.mark.parametrize(
    ("change", "times"),
    [
        ({"description": "other words"}, "the same"),
        ({"parameters": {"day": 2}, "tags": ["b"]}, "the same"),
        ({"version": "2", "work_queue_name": "other"}, "the same"),
        ({"job_variables": {"env": {"A": "1"}}}, "the same"),
        ({"schedules": [{"schedule": {"interval": 3600, "anchor_date": "2026-01-01T00:00:00Z"}}]}, "the same"),
        ({"schedules": [{"schedule": {"interval": 3600, "anchor_date": "2026-01-01T00:30:00Z"}}]}, "others"),
    ],
)
@pytest.mark.parametrize("how", ["patched", "applied again"])
def test_planned_runs_whose_time_stays_take_what_their_deployment_says_now(
    client: Client, change: dict[str, Any], times: str, how: str
) -> None:
    hourly = {"schedule": {"interval": 3600, "anchor_date": "2026-01-01T00:00:00Z"}}
    body = {"name": unique("d"), "flow_id": flow(client)["id"], "tags": ["a"], "parameters": {"day": 1}}
    body |= {"work_queue_name": "default", "schedules": [hourly], "version": "1", "job_variables": {}}
    made = client.post("/api/deployments/", json=body).json()["id"]
    before = {run["id"] for run in planned(client, made)}
    assert len(before) == 3
    if how == "patched":
        assert client.patch(f"/api/deployments/{made}", json=change).status_code == 204
    else:
        assert client.post("/api/deployments/", json=body | change).status_code == 200
    after = planned(client, made)
    assert len(after) == 3
    assert before == {run["id"] for run in after} if times == "the same" else True
    assert before.isdisjoint(run["id"] for run in after) if times == "others" else True
    now = body | change
    for run in after:
        assert run["tags"] == ["auto-scheduled", *now["tags"]]
        assert (run["parameters"], run["job_variables"]) == (now["parameters"], now["job_variables"])
        assert (run["work_queue_name"], run["deployment_version"]) == (now["work_queue_name"], now["version"])
    for tag, found in ((now["tags"][0], 3), ("a" if now["tags"] == ["b"] else "b", 0)):
        asked = {"flow_runs": {"tags": {"all_": [tag]}}, "deployments": {"id": {"any_": [made]}}}
        assert client.post("/api/flow_runs/count", json=asked).json() == found


def test_schedules_are_added_changed_and_deleted(client: Client) -> None:
    made = deployment(client)
    path = f"/api/deployments/{made['id']}/schedules"
    answer = client.post(path, json=[{"schedule": HOURLY, "active": True}])
    assert answer.status_code == 201
    schedule = answer.json()[0]
    assert client.get(path).json()[0]["schedule"]["interval"] == 3600
    assert len(planned(client, made["id"])) >= 3
    assert client.patch(f"{path}/{schedule['id']}", json={"active": False}).status_code == 204
    assert planned(client, made["id"]) == []
    assert client.delete(f"{path}/{schedule['id']}").status_code == 204
    assert client.get(path).json() == []
    assert client.patch(f"{path}/{UNKNOWN}", json={"active": False}).status_code == 404


@pytest.mark.parametrize(
    "schedule",
    [
        {},
        {"interval": 0},
        {"interval": -5},
        {"cron": "x"},
        {"cron": "* * * * * *"},
        {"rrule": "NO"},
        {"cron": "0 0 31 2 *"},
    ],
)
@pytest.mark.row("SCH-02")
def test_bad_schedules_are_refused(client: Client, schedule: dict[str, Any]) -> None:
    body = {"name": "x", "flow_id": flow(client)["id"], "schedules": [{"schedule": schedule}]}
    assert client.post("/api/deployments/", json=body).status_code == 422


@pytest.mark.row("DEP-11")
def test_two_who_plan_a_long_range_at_once_take_turns_and_hold_nobody_up(
    client: Client, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = deployment(client, schedules=[{"schedule": {**HOURLY, "interval": 60}, "active": False}])
    write, written = store.write, []

    async def watched(*args: Any, **kw: Any) -> Any:
        written.append(outcome := await write(*args, **kw))
        return outcome

    monkeypatch.setattr(store, "write", watched)
    body = {
        "start_time": "2030-01-01T00:00:00Z",
        "end_time": "2030-02-01T00:00:00Z",
        "max_runs": 3 * PIECE - 5,
    }
    with ThreadPoolExecutor(2) as pool:
        asked = [
            pool.submit(client.post, f"/api/deployments/{made['id']}/schedule", json=body) for _ in range(2)
        ]
        assert [each.result().status_code for each in asked] == [200, 200]
    assert len(written) == 6 and max(written) <= PIECE and sum(written) == 3 * PIECE - 5
    counted = {"deployments": {"id": {"any_": [made["id"]]}}}
    assert client.post("/api/flow_runs/count", json=counted).json() == 3 * PIECE - 5


@pytest.mark.row("DEP-11")
def test_runs_of_a_range_are_planned_on_demand(client: Client) -> None:
    made = deployment(client, schedules=[{"schedule": HOURLY, "active": False}])
    body = {
        "start_time": "2030-01-01T00:00:00Z",
        "end_time": "2030-01-01T05:00:00Z",
        "min_runs": 1,
        "max_runs": 3,
    }
    assert client.post(f"/api/deployments/{made['id']}/schedule", json=body).json() is None
    assert [run["expected_start_time"][:13] for run in planned(client, made["id"])] == [
        "2030-01-01T00",
        "2030-01-01T01",
        "2030-01-01T02",
    ]
    assert client.post(f"/api/deployments/{UNKNOWN}/schedule", json={}).status_code == 404


@pytest.mark.row("DEP-11")
@pytest.mark.parametrize(
    ("until", "number"),
    [({"min_time": 5 * 3600.0, "min_runs": 1}, 6), ({"end_time": "2020-02-01T00:00:00Z"}, 100)],
)
def test_a_range_without_an_end_or_a_number_has_those_of_the_documentation(
    client: Client, until: dict[str, Any], number: int
) -> None:
    """A time is counted from the start of the range, not from now; at most a hundred runs are made."""
    made = deployment(client, schedules=[{"schedule": HOURLY, "active": False}])
    body = {"start_time": "2020-01-01T00:00:00Z", **until}
    client.post(f"/api/deployments/{made['id']}/schedule", json=body)
    times = [run["expected_start_time"] for run in planned(client, made["id"])]
    assert (len(times), times[0][:13]) == (number, "2020-01-01T00")


@pytest.mark.row("DEP-06")
def test_a_run_overlays_the_defaults_of_its_deployment(client: Client) -> None:
    made = deployment(
        client, parameters={"x": 1, "y": 2}, tags=["a"], work_queue_name="q", job_variables={"env": 1}
    )
    body = {"parameters": {"y": 3}, "tags": ["b", "a"], "name": "mine", "job_variables": {"more": 2}}
    answer = client.post(f"/api/deployments/{made['id']}/create_flow_run", json=body)
    assert answer.status_code == 201
    run = answer.json()
    assert (run["parameters"], run["tags"], run["name"]) == ({"x": 1, "y": 3}, ["a", "b"], "mine")
    assert (run["deployment_id"], run["work_queue_name"], run["flow_id"]) == (
        made["id"],
        "q",
        made["flow_id"],
    )
    assert (run["job_variables"], run["state_type"]) == ({"env": 1, "more": 2}, "SCHEDULED")


def test_the_key_of_a_run_makes_it_once(client: Client) -> None:
    made = deployment(client)
    path = f"/api/deployments/{made['id']}/create_flow_run"
    first, again = (client.post(path, json={"idempotency_key": "k"}) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert client.post(f"/api/deployments/{UNKNOWN}/create_flow_run", json={}).status_code == 404


def test_parameters_are_checked_where_it_is_asked_for(client: Client) -> None:
    made = deployment(client, parameter_openapi_schema=SCHEMA, enforce_parameter_schema=True)
    path = f"/api/deployments/{made['id']}/create_flow_run"
    assert client.post(path, json={"parameters": {"x": 5}}).status_code == 201
    wrong = client.post(path, json={"parameters": {"x": "five"}})
    assert (wrong.status_code, list(wrong.json())) == (422, ["detail"])
    assert client.post(path, json={}).status_code == 422
    assert client.post(path, json={"enforce_parameter_schema": False}).status_code == 201
    body = {
        "name": "x",
        "flow_id": made["flow_id"],
        "parameter_openapi_schema": SCHEMA,
        "enforce_parameter_schema": True,
    }
    assert client.post("/api/deployments/", json=body | {"parameters": {"x": "no"}}).status_code == 422
    assert (
        client.get(
            f"/api/deployments/name/{client.get('/api/flows/' + made['flow_id']).json()['name']}/x"
        ).status_code
        == 404
    )


def test_many_runs_are_made_each_by_itself(client: Client) -> None:
    made = deployment(client, parameter_openapi_schema=SCHEMA, enforce_parameter_schema=True)
    body = [{"parameters": {"x": 1}}, {"parameters": {"x": "no"}}]
    results = client.post(f"/api/deployments/{made['id']}/create_flow_run/bulk", json=body).json()["results"]
    assert [line["status"] for line in results] == ["CREATED", "FAILED"]
    assert results[1]["error"] and results[1]["flow_run_id"] is None


def test_due_runs_of_deployments_are_listed_without_a_claim(client: Client, clock: Clock) -> None:
    made = deployment(client)
    client.post(f"/api/deployments/{made['id']}/create_flow_run", json={"name": "due"})
    later = {
        "state": {
            "type": "SCHEDULED",
            "state_details": {"scheduled_time": (clock.now + timedelta(days=1)).isoformat()},
        }
    }
    client.post(f"/api/deployments/{made['id']}/create_flow_run", json=later)
    body = {
        "deployment_ids": [made["id"]],
        "scheduled_before": (clock.now + timedelta(seconds=10)).isoformat(),
    }
    for _ in range(2):
        runs = client.post("/api/deployments/get_scheduled_flow_runs", json=body).json()
        assert [run["name"] for run in runs] == ["due"]
    assert client.post("/api/deployments/get_scheduled_flow_runs", json={}).status_code == 422


@pytest.mark.row("API-13")
def test_deployments_are_listed_counted_changed_and_deleted_in_bulk(client: Client) -> None:
    one, two = deployment(client, name=unique("a"), tags=["x"]), deployment(client, name=unique("b"))
    ids = lambda body: [row["id"] for row in client.post("/api/deployments/filter", json=body).json()]  # noqa: E731
    assert ids({}) == [one["id"], two["id"]]
    assert ids({"sort": "NAME_DESC"}) == [two["id"], one["id"]]
    assert ids({"deployments": {"tags": {"all_": ["x"]}}}) == [one["id"]]
    assert (
        client.patch(f"/api/deployments/{two['id']}", json={"paused": True, "description": "d"}).status_code
        == 204
    )
    assert ids({"deployments": {"paused": {"eq_": True}}}) == [two["id"]]
    assert ids({"deployments": {"is_schedule_active": {"eq_": True}}}) == [one["id"]]
    assert client.post("/api/deployments/count", json={}).json() == 2
    assert client.post("/api/deployments/paginate", json={"limit": 1}).json()["pages"] == 2
    bulk = {"deployments": {"id": {"any_": [one["id"]]}}}
    assert client.post("/api/deployments/bulk_delete", json=bulk).json() == {"deleted": [one["id"]]}
    assert client.patch(f"/api/deployments/{UNKNOWN}", json={}).status_code == 404


def test_the_queue_that_a_run_asks_for_wins(client: Client) -> None:
    other = queue(client)
    made = deployment(client, work_queue_name="first")
    answer = client.post(
        f"/api/deployments/{made['id']}/create_flow_run", json={"work_queue_name": other["name"]}
    )
    assert (answer.json()["work_queue_name"], answer.json()["work_queue_id"]) == (other["name"], other["id"])
