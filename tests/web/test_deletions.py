"""A link to something that was deleted: the page says what it was and when it went, or what else its id tells."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orion.services import retention
from orion.store import flow_runs, task_runs
from tests.web import makers
from tests.web.browser import Client, Clock
from tests.web.pages import HTML, act

JSON = {"Accept": "application/json"}


def gone(client: Client, address: str) -> str:
    answer = client.get(address, headers=HTML)
    assert answer.status_code == 404
    return answer.text


def test_what_was_deleted_from_its_page_is_named_with_the_time(client: Client, clock: Clock) -> None:
    run = makers.flow_run(client, name="quiet-lantern")
    act(client, f"/runs/{run['id']}/delete")
    clock.now += timedelta(days=2)
    for tab in ("", "/logs", "/radar"):
        page = gone(client, f"/runs/{run['id']}{tab}")
        assert "<h1>This run is gone</h1>" in page and "<b>quiet-lantern</b> was deleted on" in page
        assert "2 d ago" in page and 'value="quiet-lantern"' in page
    told = client.get(f"/runs/{run['id']}", headers=JSON)
    assert (told.status_code, set(told.json())) == (404, {"detail"})


@pytest.mark.parametrize(
    ("kind", "page", "words"),
    [
        ("flows", "flows", "flow"),
        ("deployments", "deployments", "deployment"),
        ("work_queues", "queues", "work queue"),
    ],
)
def test_what_was_deleted_over_the_api_is_known_too(client: Client, kind: str, page: str, words: str) -> None:
    make: Any = {"flows": makers.flow, "deployments": makers.deployment, "work_queues": makers.queue}[kind]
    made = make(client)
    assert client.delete(f"/api/{kind}/{made['id']}").status_code == 204
    said = gone(client, f"/{page}/{made['id']}")
    assert f"This {words} is gone" in said and made["name"] in said


def test_runs_that_are_deleted_together_are_known_each(client: Client) -> None:
    runs = [makers.flow_run(client) for _ in range(2)]
    act(client, "/runs/bulk", verb="delete", sure="yes", run=[run["id"] for run in runs])
    assert all(run["name"] in gone(client, f"/runs/{run['id']}") for run in runs)
    third = makers.flow_run(client)
    client.post("/api/flow_runs/bulk_delete", json={"flow_runs": {"id": {"any_": [third["id"]]}}})
    assert third["name"] in gone(client, f"/runs/{third['id']}")


def test_runs_that_go_with_their_flow_are_known_each(client: Client, clock: Clock) -> None:
    flow = makers.flow(client)["id"]
    runs = [makers.flow_run(client, flow) for _ in range(3)]
    client.delete(f"/api/flows/{flow}")
    clock.now += timedelta(hours=1)
    for run in runs:
        page = gone(client, f"/runs/{run['id']}")
        assert f"<b>{run['name']}</b> was deleted on" in page and "1 h ago" in page


def test_planned_runs_that_go_with_their_deployment_are_known_each(client: Client, clock: Clock) -> None:
    every = {"schedule": {"interval": 3600}, "active": True}
    deployment = makers.deployment(client, schedules=[every])["id"]
    started = client.post(f"/api/deployments/{deployment}/create_flow_run", json={}).json()["id"]
    makers.propose(client, "flow_runs", started, "RUNNING")
    client.post(f"/api/deployments/{deployment}/schedule", json={})
    runs = client.post(
        "/api/flow_runs/filter", json={"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    ).json()
    assert len(runs) >= 3
    client.delete(f"/api/deployments/{deployment}")
    clock.now += timedelta(hours=1)
    for run in runs:
        page = gone(client, f"/runs/{run['id']}")
        assert f"<b>{run['name']}</b> had not begun" in page and "1 h ago" in page
    assert client.get(f"/runs/{started}", headers=HTML).status_code == 200


def test_planned_runs_that_go_as_their_schedule_changes_are_known_the_first_of_many(
    client: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orion.store.deleted.NEAREST", 2)
    deployment = makers.deployment(client, schedules=[{"schedule": {"interval": 3600}, "active": True}])["id"]
    of = {"deployments": {"id": {"any_": [deployment]}}, "sort": "EXPECTED_START_TIME_ASC"}
    client.post(f"/api/deployments/{deployment}/schedule", json={})
    runs = client.post("/api/flow_runs/filter", json=of).json()
    client.post(f"/api/deployments/{deployment}/set_schedule_inactive")
    assert len(runs) >= 3 and client.post("/api/flow_runs/filter", json=of).json() == []
    clock.now += timedelta(hours=1)
    pages = [gone(client, f"/runs/{run['id']}") for run in runs]
    for run, page in zip(runs[:2], pages, strict=False):
        assert "This planned run is gone" in page and f"<b>{run['name']}</b> had not begun" in page
        assert "1 h ago, when its schedule or its deployment was changed" in page
    assert not any("is gone" in page for page in pages[2:]), (
        "so that they do not push out what else was deleted"
    )


def test_runs_that_retention_takes_are_known_and_of_very_many_only_the_newest(
    client: Client, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orion.store.deleted.MOST", 3)
    runs = []
    for _ in range(5):
        runs.append(makers.running_flow_run(client))
        makers.propose(client, "flow_runs", runs[-1]["id"], "COMPLETED")
        later = clock.now + timedelta(days=40)
        kept = retention.Terms(runs_before=later, logs_before=clock.now, keep=0, now=clock.now)
        assert retention.delete(client.app.state.store, kept) == 1
        clock.now += timedelta(minutes=1)
    known = [run["name"] in gone(client, f"/runs/{run['id']}") for run in runs]
    assert known == [False, False, True, True, True]


def test_of_an_id_that_is_not_known_the_page_says_when_it_was_made(client: Client) -> None:
    elsewhere = "0192d5a8-7000-7abc-8def-0123456789ab"
    page = gone(client, f"/deployments/{elsewhere}")
    assert "29 Oct 2024" in page and "another server" in page
    assert "was made on" not in gone(client, f"/deployments/{makers.UNKNOWN}")
    assert 'href="../flows">All flows' in gone(client, f"/flows/{makers.UNKNOWN}")


def test_what_is_deleted_long_ago_is_forgotten(client: Client, clock: Clock) -> None:
    first, second = makers.flow(client), makers.flow(client)
    client.delete(f"/api/flows/{first['id']}")
    clock.now += timedelta(days=200)
    client.delete(f"/api/flows/{second['id']}")
    assert "is gone" not in gone(client, f"/flows/{first['id']}")
    assert "is gone" in gone(client, f"/flows/{second['id']}")


def test_what_could_not_be_deleted_is_not_called_gone(client: Client) -> None:
    assert client.delete(f"/api/flows/{makers.UNKNOWN}").status_code == 404
    assert "is gone" not in gone(client, f"/flows/{makers.UNKNOWN}")


@pytest.mark.parametrize("how", ["page", "bulk", "api", "bulk api"])
def test_a_big_run_is_deleted_bit_by_bit(client: Client, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(flow_runs, "TASKS_AT_ONCE", 2)
    run = makers.flow_run(client)
    for _ in range(7):
        makers.task_run(client, run["id"])
    steps: list[int] = []
    delete_some = task_runs.delete_some

    def noted(conn: Any, ids: list[str]) -> int:
        steps.append(delete_some(conn, ids))
        return steps[-1]

    monkeypatch.setattr(task_runs, "delete_some", noted)
    if how == "page":
        act(client, f"/runs/{run['id']}/delete")
    elif how == "bulk":
        act(client, "/runs/bulk", verb="delete", sure="yes", run=[run["id"]])
    elif how == "api":
        client.delete(f"/api/flow_runs/{run['id']}")
    else:
        client.post("/api/flow_runs/bulk_delete", json={"flow_runs": {"id": {"any_": [run["id"]]}}})
    assert steps == [2, 2, 2], "one is left, and goes with the run"
    assert run["name"] in gone(client, f"/runs/{run['id']}")
