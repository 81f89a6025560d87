"""Two runs side by side, states set by hand, and what is said of results."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from orion.model.ids import new_id
from orion.store import Conn
from orion.web.display import Viewer, viewer
from orion.web.pages import compare
from tests import counting
from tests.web import makers
from tests.web.browser import Client, Clock
from tests.web.many import many_tasks
from tests.web.pages import HTML, World, act

JSON = {"Accept": "application/json"}


def test_a_failed_run_and_the_last_good_one_part_where_the_task_failed(seen: World) -> None:
    client, seeded = seen
    bad, good = seeded.runs["cobalt-heron"], seeded.runs["silver-ibex"]
    head = client.get(f"/runs/{bad}", headers=HTML).text
    assert f"runs/compare?a={good}&amp;b={bad}" in head
    address = f"/runs/compare?a={good}&b={bad}"
    told = client.get(address, headers=JSON).json()
    assert told["part"]["pair"]["name"] == "transform_orders"
    assert told["part"]["message"] == "KeyError: 'customer_id'"
    assert (told["pairs"], told["states_differ"], told["part"]["agree"]) == (15, 3, 12)
    page = client.get(address, headers=HTML).text
    assert "They part at transform_orders" in page and page.count('<svg class="row"') == 15
    assert page.index("Ran") and "not run" in page
    by_gap = client.get(f"{address}&sort=difference", headers=JSON).json()["rows"]
    gaps = [row["pair"]["theirs"]["name"] for row in by_gap]
    assert gaps[0] == "transform_orders"


def test_logs_stand_side_by_side_and_numbers_do_not_part_them(seen: World) -> None:
    client, seeded = seen
    bad, good = seeded.runs["cobalt-heron"], seeded.runs["silver-ibex"]
    log = client.get(f"/runs/compare?a={good}&b={bad}&view=logs", headers=JSON).json()["log"]
    same = [row for row in log["rows"] if row[0] == "equal"]
    assert any("412,906 rows" in row[1]["message"] for row in same)
    new = [row[2]["message"] for row in log["rows"] if row[0] != "equal" and row[2]]
    assert any("no retries left" in message for message in new)
    one = client.get(f"/runs/compare?a={good}&b={bad}&view=logs&task=transform_orders", headers=JSON).json()
    assert 0 < len(one["log"]["rows"]) < len(log["rows"])


def test_only_what_differs_is_listed_of_parameters_and_places(client: Client) -> None:
    flow = makers.flow(client)["id"]
    one = makers.flow_run(client, flow, parameters={"day": 1, "mode": "x"}, flow_version="b40")
    other = makers.flow_run(client, flow, parameters={"day": 2, "mode": "x"}, flow_version="9f3")
    told = client.get(f"/runs/compare?a={one['id']}&b={other['id']}", headers=JSON).json()
    assert told["parameters"] == {"rows": [["day", "1", "2"]], "same": ["mode"]}
    assert ["source", "b40", "9f3"] in told["surroundings"]["rows"] and told["part"] is None
    page = client.get(f"/runs/compare?a={one['id']}&b={other['id']}", headers=HTML).text
    assert "They do not part" in page and "Neither run called a task" in page
    choice = client.get(f"/runs/compare?b={other['id']}", headers=HTML).text
    assert one["name"] in choice and f"a={one['id']}&amp;b={other['id']}" in choice
    for query in (f"a={new_id()}&b={other['id']}", "a=1", ""):
        assert client.get(f"/runs/compare?{query}", headers=HTML).status_code == 404


def test_a_state_is_set_by_hand_only_with_a_reason_which_is_kept(client: Client) -> None:
    run = makers.running_flow_run(client)
    task = makers.task_run(client, run["id"])
    assert act(client, f"/runs/{run['id']}/state", state="completed", reason=" ").status_code == 422
    assert act(client, f"/runs/{run['id']}/state", state="RUNNING", reason="x").status_code == 422
    answer = act(client, f"/runs/{run['id']}/state", state="completed", reason="the table was loaded")
    assert answer.status_code == 303 and "is%20now%20Completed" in answer.headers["set-cookie"]
    state = client.get(f"/api/flow_runs/{run['id']}").json()["state"]
    assert (state["type"], state["message"]) == ("COMPLETED", "Set by hand: the table was loaded")
    act(client, f"/runs/{run['id']}/state", state="failed", reason="it was not")
    assert "Set by hand: it was not" in client.get(f"/runs/{run['id']}/events", headers=HTML).text
    act(client, f"/task-runs/{task['id']}/state", state="failed", reason="gone")
    assert client.get(f"/api/task_runs/{task['id']}").json()["state_type"] == "FAILED"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"type": "literal", "value": [1, 2]}, "[1,2]"),
        ({"type": "reference", "storage_key": "a/b.bin", "size": 12}, "a/b.bin"),
        ({"type": "unpersisted", "artifact_description": "a socket"}, "not stored: a socket"),
    ],
)
def test_a_result_says_where_it_is_and_whether_a_retry_uses_it(
    client: Client, data: object, said: str
) -> None:
    deployment = makers.deployment(client)
    run = client.post(f"/api/deployments/{deployment['id']}/create_flow_run", json={}).json()
    makers.propose(client, "flow_runs", run["id"], "PENDING")
    makers.propose(client, "flow_runs", run["id"], "RUNNING")
    task = makers.task_run(client, run["id"])
    makers.propose(client, "task_runs", task["id"], "RUNNING")
    makers.propose(client, "task_runs", task["id"], "COMPLETED", data=data)
    assert said in client.get(f"/task-runs/{task['id']}", headers=HTML).text
    makers.propose(client, "flow_runs", run["id"], "FAILED")
    page = client.get(f"/runs/{run['id']}", headers=HTML).text
    stored = data["type"] != "unpersisted"  # type: ignore[index]
    assert ("A retry reuses 1 finished task." in page) is stored
    assert ("A retry reuses nothing" in page) is not stored


def test_two_runs_of_many_tasks_cost_as_many_statements_as_two_of_few(
    client: Client, store: Any, clock: Clock
) -> None:
    few, as_few, many, as_many = (makers.running_flow_run(client)["id"] for _ in range(4))
    for run, number in ((few, 3), (as_few, 3), (many, 300), (as_many, 300)):
        store.write_now(many_tasks, run, clock.now, range(number))

    def read(conn: Conn, a: str, b: str) -> None:
        viewer.set(Viewer())
        compare.both(conn, a, b, clock.now, "start", "tasks", "")

    assert counting.statements(store, read, many, as_many) == counting.statements(store, read, few, as_few)
    told = client.get(f"/runs/compare?a={few}&b={many}", headers=JSON).json()
    assert (told["pairs"], told["states_differ"], len(told["rows"])) == (300, 297, 60)
    assert [side["tasks"] for side in told["sides"]] == [3, 300]


def test_a_task_that_runs_has_taken_what_passed_since(client: Client, clock: Clock) -> None:
    runs = [makers.running_flow_run(client)["id"] for _ in range(2)]
    for run in runs:
        task = makers.task_run(client, run, "load", dynamic_key="0")["id"]
        makers.propose(client, "task_runs", task, "RUNNING")
        clock.now += timedelta(seconds=30)
    told = client.get(f"/runs/compare?a={runs[0]}&b={runs[1]}", headers=JSON).json()
    assert [told["rows"][0]["pair"][side]["seconds"] for side in ("a", "b")] == [60.0, 30.0]
