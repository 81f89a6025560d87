"""Flow runs over HTTP: made, read, changed, listed, and moved from state to state."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orion.model.flow_runs import FlowRun
from orion.model.flows import FlowCreate
from orion.model.ids import new_id
from orion.settings import Settings
from orion.store import Conn, Store, flow_runs, flows
from orion.web.factory import build_app
from tests.conftest import ASKS_NO_DATABASE
from tests.store.world import NOW
from tests.web.browser import Client, Clock
from tests.web.makers import UNKNOWN, flow, flow_run, propose, running_flow_run, task_run


@pytest.mark.row("API-22")
def test_a_flow_run_is_made_pending_and_shows_every_field(client: Client) -> None:
    run = flow_run(client, parameters={"x": {"deep": [1.0, None]}}, tags=["a"], context={"c": 1}, name="mine")
    assert (run["state_type"], run["state_name"], run["state"]["type"]) == ("PENDING", "Pending", "PENDING")
    assert (run["name"], run["tags"], run["context"]) == ("mine", ["a"], {"c": 1})
    assert run["parameters"] == {"x": {"deep": [1.0, None]}}
    assert run["state"]["state_details"]["flow_run_id"] == run["id"]
    assert client.get(f"/api/flow_runs/{run['id']}").json() == run
    expected = {
        "start_time",
        "end_time",
        "total_run_time",
        "empirical_policy",
        "labels",
        "job_variables",
        "created_by",
    }
    assert expected <= run.keys()


def test_parameters_keep_their_text(client: Client) -> None:
    body = b'{"flow_id": "%s", "parameters": {"b": 1.50, "a": 1e2}}' % flow(client)["id"].encode()
    answer = client.post("/api/flow_runs/", content=body, headers={"Content-Type": "application/json"})
    assert (
        b'"parameters":{"b": 1.50, "a": 1e2}' in client.get(f"/api/flow_runs/{answer.json()['id']}").content
    )


@pytest.mark.row("API-22")
@pytest.mark.row("API-25")
def test_an_idempotency_key_gives_the_run_that_is_there(client: Client) -> None:
    body = {"flow_id": flow(client)["id"], "idempotency_key": "once"}
    first, again = client.post("/api/flow_runs/", json=body), client.post("/api/flow_runs/", json=body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


def test_a_run_without_a_name_gets_two_words(client: Client) -> None:
    assert len(flow_run(client)["name"].split("-")) == 2


@pytest.mark.row("API-28")
def test_a_run_of_an_unknown_flow_is_a_conflict(client: Client) -> None:
    answer = client.post("/api/flow_runs/", json={"flow_id": UNKNOWN})
    assert (answer.status_code, list(answer.json())) == (409, ["detail"])


@pytest.mark.parametrize(
    "fields",
    [
        {"flow_id": "no-uuid"},
        {"flow_id": None},
        {},
        {"flow_id": UNKNOWN, "parameters": [1]},
        {"flow_id": UNKNOWN, "tags": "a"},
        {"flow_id": UNKNOWN, "state": {"type": "DANCING"}},
        {"flow_id": UNKNOWN, "state": {}},
    ],
)
@ASKS_NO_DATABASE
def test_bad_bodies_are_refused(client: Client, fields: dict[str, Any]) -> None:
    answer = client.post("/api/flow_runs/", json=fields)
    assert (answer.status_code, answer.json()["exception_message"]) == (422, "Invalid request received.")


def test_unknown_fields_of_a_create_are_ignored(client: Client) -> None:
    assert flow_run(client, version_info={"type": "x"}, anything=1)["state_type"] == "PENDING"


def test_parameters_over_the_limit_are_refused_and_the_limit_named(client: Client) -> None:
    body = {"flow_id": flow(client)["id"], "parameters": {"x": "a" * 520_000}}
    answer = client.post("/api/flow_runs/", json=body)
    assert (answer.status_code, "512,000" in answer.json()["detail"]) == (413, True)


@ASKS_NO_DATABASE
def test_a_body_over_the_limit_is_refused(client: Client) -> None:
    answer = client.post("/api/flow_runs/", json={"flow_id": UNKNOWN, "parameters": {"x": "a" * 1_000_001}})
    assert (answer.status_code, "1,000,000" in answer.json()["detail"]) == (413, True)


def test_a_run_is_changed_by_the_fields_that_are_sent(client: Client) -> None:
    run = flow_run(client, tags=["keep"])
    changes = {"name": "other", "flow_version": "v2", "infrastructure_pid": "host:1", "parameters": {"y": 2}}
    answer = client.patch(f"/api/flow_runs/{run['id']}", json=changes)
    assert (answer.status_code, answer.content) == (204, b"")
    changed = client.get(f"/api/flow_runs/{run['id']}").json()
    assert changes.items() <= changed.items()
    assert changed["tags"] == ["keep"]


def test_labels_are_merged(client: Client) -> None:
    run = flow_run(client, labels={"a": 1})
    assert client.patch(f"/api/flow_runs/{run['id']}/labels", json={"b": "x"}).status_code == 204
    assert client.get(f"/api/flow_runs/{run['id']}").json()["labels"].items() >= {"a": 1, "b": "x"}.items()


def test_a_deleted_run_is_gone_with_its_task_runs(client: Client) -> None:
    run = flow_run(client)
    task = task_run(client, run["id"])
    assert client.delete(f"/api/flow_runs/{run['id']}").status_code == 204
    assert client.get(f"/api/task_runs/{task['id']}").status_code == 404
    assert client.delete(f"/api/flow_runs/{run['id']}").json() == {"detail": "Flow run not found"}


def test_a_transition_is_accepted_and_shown(client: Client, clock: Clock) -> None:
    run = flow_run(client)
    clock.now += timedelta(seconds=1)
    body = {"state": {"type": "RUNNING"}}
    answer = client.post(f"/api/flow_runs/{run['id']}/set_state", json=body)
    assert answer.status_code == 201
    assert answer.json()["status"] == "ACCEPT"
    assert answer.json()["details"] == {"type": "accept_details"}
    assert answer.json()["state"]["name"] == "Running"
    clock.now += timedelta(seconds=3)
    shown = client.get(f"/api/flow_runs/{run['id']}").json()
    assert (shown["run_count"], shown["estimated_run_time"], shown["estimated_start_time_delta"]) == (
        1,
        3.0,
        1.0,
    )


def test_the_second_claim_is_aborted(client: Client) -> None:
    run = flow_run(client, state={"type": "SCHEDULED"})
    path = f"/api/flow_runs/{run['id']}/set_state"
    first, second = (client.post(path, json={"state": {"type": "PENDING"}}) for _ in range(2))
    assert (first.status_code, first.json()["status"]) == (201, "ACCEPT")
    assert (second.status_code, second.json()["status"]) == (200, "ABORT")


def test_too_early_means_wait(client: Client, clock: Clock) -> None:
    due = (clock.now + timedelta(seconds=40)).isoformat()
    run = flow_run(client, state={"type": "SCHEDULED", "state_details": {"scheduled_time": due}})
    answer = propose(client, "flow_runs", run["id"], "RUNNING")
    assert (answer["status"], answer["details"]["delay_seconds"]) == ("WAIT", 40)


def test_a_repeated_transition_gets_the_first_answer(client: Client) -> None:
    run = flow_run(client)
    details = {"transition_id": "0190b0b0-0000-7000-8000-000000000001"}
    first = propose(client, "flow_runs", run["id"], "RUNNING", state_details=details)
    again = propose(client, "flow_runs", run["id"], "RUNNING", state_details=details)
    assert first == again


def test_the_attempt_token_stands_in_a_header_alone(client: Client) -> None:
    run = flow_run(client, state={"type": "SCHEDULED"})
    path = f"/api/flow_runs/{run['id']}"
    claim = client.post(
        f"{path}/set_state", json={"state": {"type": "PENDING"}}, headers={"Orion-Attempt": "new"}
    )
    token = claim.headers["Orion-Attempt"]
    assert token not in claim.text
    assert token not in client.get(path).text
    refused = client.post(
        f"{path}/set_state", json={"state": {"type": "RUNNING"}}, headers={"Orion-Attempt": "x"}
    )
    assert refused.json()["status"] == "ABORT"
    beat = client.post(f"{path}/heartbeat", headers={"Orion-Attempt": token})
    assert beat.json()["cancel"] is False
    assert beat.json()["lease_seconds"] > 0
    taken = client.post(
        f"{path}/set_state", json={"state": {"type": "RUNNING"}}, headers={"Orion-Attempt": token}
    )
    assert taken.json()["status"] == "ACCEPT"


def test_a_beat_without_a_token_is_refused(client: Client) -> None:
    run = flow_run(client)
    assert client.post(f"/api/flow_runs/{run['id']}/heartbeat", json={}).status_code == 403


def test_only_a_paused_run_can_be_resumed(client: Client) -> None:
    run = running_flow_run(client)
    path = f"/api/flow_runs/{run['id']}/resume"
    assert client.post(path, json={"run_input": None}).json()["status"] == "ABORT"
    propose(client, "flow_runs", run["id"], "PAUSED", state_details={"pause_timeout": "2099-01-01T00:00:00Z"})
    answer = client.post(path, json={})
    assert (answer.status_code, answer.json()["state"]["type"]) == (201, "RUNNING")


@pytest.mark.row("API-24")
def test_the_history_of_states_is_kept_in_order(client: Client) -> None:
    run = running_flow_run(client)
    propose(client, "flow_runs", run["id"], "COMPLETED", data={"type": "literal", "value": 1})
    states = client.get("/api/flow_run_states/", params={"flow_run_id": run["id"]}).json()
    assert [state["type"] for state in states] == ["PENDING", "RUNNING", "COMPLETED"]
    assert client.get(f"/api/flow_run_states/{states[2]['id']}").json()["data"] == {
        "type": "literal",
        "value": 1,
    }
    assert client.get(f"/api/flow_run_states/{UNKNOWN}").status_code == 404
    assert client.get("/api/flow_run_states/").status_code == 422
    assert client.get("/api/flow_run_states/", params={"flow_run_id": "x"}).status_code == 422


@pytest.mark.row("API-06")
@pytest.mark.row("API-11")
def test_runs_are_listed_by_filter(client: Client) -> None:
    one, two = flow_run(client, tags=["a", "b"]), running_flow_run(client, tags=["a"])
    ids = lambda body: [row["id"] for row in client.post("/api/flow_runs/filter", json=body).json()]  # noqa: E731
    assert ids({}) == [two["id"], one["id"]]
    assert ids({"flow_runs": {"tags": {"all_": ["a", "b"]}}}) == [one["id"]]
    assert ids({"flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}}}) == [two["id"]]
    assert ids({"flow_runs": {"id": {"not_any_": [two["id"]]}}}) == [one["id"]]
    assert (
        ids({"flow_runs": {"name": {"like_": one["name"][:4]}}}) == [one["id"]]
        or one["name"][:4] == two["name"][:4]
    )
    assert ids({"flow_runs": {"state": {"type": {"any_": []}}}}) == []
    by_name = sorted((one, two), key=lambda run: (run["name"], run["id"]))
    assert ids({"sort": "NAME_ASC"}) == [run["id"] for run in by_name]
    assert ids({"sort": "NAME_DESC", "limit": 1}) == [by_name[1]["id"]]
    assert ids({"sort": "NAME_ASC", "limit": 1, "offset": 1}) == [by_name[1]["id"]]
    assert client.post("/api/flow_runs/count", json={"flow_runs": {"tags": {"all_": ["a"]}}}).json() == 2


@pytest.mark.row("API-18")
def test_history_counts_by_interval_and_shows_empty_ones(client: Client, clock: Clock) -> None:
    flow_run(client)
    span = {
        "history_start": clock.now - timedelta(minutes=5),
        "history_end": clock.now + timedelta(minutes=5),
    }
    body = {name: moment.isoformat() for name, moment in span.items()} | {"history_interval_seconds": 300}
    buckets = client.post("/api/flow_runs/history", json=body).json()
    assert [bucket["states"] for bucket in buckets][:1] == [[]]
    assert buckets[1]["states"][0] == {
        "state_type": "PENDING", "state_name": "Pending", "count_runs": 1,
        "sum_estimated_run_time": 0.0, "sum_estimated_lateness": 0.0,
    }  # fmt: skip
    for wrong in (0.5, 0, -1, 0.0001):
        assert (
            client.post("/api/flow_runs/history", json=body | {"history_interval_seconds": wrong}).status_code
            == 422
        )
    backwards = body | {"history_end": "2000-01-01T00:00:00Z"}
    assert client.post("/api/flow_runs/history", json=backwards).status_code == 422
    endless = body | {"history_end": "2999-01-01T00:00:00Z", "history_interval_seconds": 1}
    assert client.post("/api/flow_runs/history", json=endless).status_code == 422


@pytest.mark.row("API-18")
def test_a_run_that_began_ahead_of_its_time_is_not_late(client: Client, clock: Clock) -> None:
    due = clock.now + timedelta(hours=3)
    planned = {"type": "SCHEDULED", "state_details": {"scheduled_time": due.isoformat()}}
    run = flow_run(client, state=planned, tags=["early"])
    for state in ("RUNNING", "COMPLETED"):
        forced = {"state": {"type": state}, "force": True}
        assert client.post(f"/api/flow_runs/{run['id']}/set_state", json=forced).json()["status"] == "ACCEPT"
    span = {
        "history_start": (due - timedelta(days=1)).isoformat(),
        "history_end": (due + timedelta(days=1)).isoformat(),
    }
    alone = {"flow_runs": {"id": {"any_": [run["id"]]}}}
    for narrowed in ({}, {"flow_runs": {"tags": {"all_": ["early"]}}}, alone):
        body = span | {"history_interval_seconds": 3600 * 48} | narrowed
        (found,) = client.post("/api/flow_runs/history", json=body).json()[0]["states"]
        assert (found["count_runs"], found["sum_estimated_lateness"]) == (1, 0.0)


@pytest.mark.row("API-19")
def test_runs_as_dots(client: Client) -> None:
    run = running_flow_run(client)
    dots = client.post("/api/ui/flow_runs/history", json={"sort": "EXPECTED_START_TIME_DESC"}).json()
    assert [dot.keys() for dot in dots] == [{"id", "state_type", "timestamp", "duration", "lateness"}]
    assert (dots[0]["id"], dots[0]["state_type"]) == (run["id"], "RUNNING")
    assert client.post("/api/ui/flow_runs/history", json={"limit": 1001}).status_code == 422
    assert client.post("/api/ui/flow_runs/history", json={"limit": 1000}).status_code == 200


@pytest.mark.row("API-19")
def test_dots_are_more_than_a_page_of_runs(sqlite_store: Store, settings: Settings) -> None:
    """A thousand at most, and as many unless somebody says otherwise."""

    def many(conn: Conn) -> None:
        made, _ = flows.create(conn, FlowCreate(name="many"), NOW)
        for number in range(1001):
            times = {"created": NOW, "updated": NOW, "expected_start_time": NOW}
            run = FlowRun(id=new_id(), name=str(number), flow_id=made.id, state_type="SCHEDULED", **times)
            flow_runs.insert(conn, run)

    sqlite_store.write_now(many)
    client = Client(build_app(settings, sqlite_store, services=False))
    dots = client.post("/api/ui/flow_runs/history", json={}).json()
    client.close()
    assert len(dots) == 1000


@pytest.mark.row("API-20")
def test_the_graph_links_what_waited_for_what(client: Client) -> None:
    run = running_flow_run(client)
    first = task_run(client, run["id"], "first")
    inputs = {"x": [{"input_type": "task_run", "id": first["id"]}]}
    second = task_run(client, run["id"], "second", task_inputs=inputs)
    nodes = {node["id"]: node for node in client.get(f"/api/flow_runs/{run['id']}/graph").json()}
    assert nodes.keys() == {first["id"], second["id"]}
    assert [link["id"] for link in nodes[second["id"]]["upstream_dependencies"]] == [first["id"]]
    assert client.get(f"/api/flow_runs/{UNKNOWN}/graph").status_code == 404


def test_lateness_is_a_number_or_null(client: Client) -> None:
    assert client.post("/api/flow_runs/lateness", json={}).json() is None
    running_flow_run(client)
    assert isinstance(client.post("/api/flow_runs/lateness", json={}).json(), float | int)


def test_many_runs_are_moved_and_deleted_at_once(client: Client) -> None:
    chosen = flow_run(client, tags=["bulk"])
    other = flow_run(client)
    body = {"flow_runs": {"tags": {"all_": ["bulk"]}}}
    moved = client.post("/api/flow_runs/bulk_set_state", json=body | {"state": {"type": "CANCELLED"}}).json()
    assert [(line["flow_run_id"], line["status"]) for line in moved["results"]] == [(chosen["id"], "ACCEPT")]
    assert client.post("/api/flow_runs/bulk_delete", json=body).json() == {"deleted": [chosen["id"]]}
    assert client.get(f"/api/flow_runs/{other['id']}").status_code == 200


def test_runs_are_paged_with_their_number(client: Client) -> None:
    runs = [flow_run(client)["id"] for _ in range(3)]
    page = client.post("/api/flow_runs/paginate", json={"limit": 2, "page": 2}).json()
    assert [row["id"] for row in page["results"]] == [runs[0]]
    assert (page["count"], page["pages"], page["limit"], page["page"]) == (3, 2, 2, 2)


def test_task_runs_are_counted_by_run(client: Client) -> None:
    run = flow_run(client)
    task_run(client, run["id"])
    body = {"flow_run_ids": [run["id"], UNKNOWN]}
    assert client.post("/api/ui/flow_runs/count-task-runs", json=body).json() == {run["id"]: 1, UNKNOWN: 0}
