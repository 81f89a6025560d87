"""Why is it waiting? Every cause, who holds what, and that the offered button mends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orion.model.deployments import Deployment
from orion.model.flow_runs import FlowRun
from orion.model.times import iso
from orion.store import Conn, deployments, flow_runs
from orion.web.display import Viewer, viewer
from orion.web.pages import deployments as deployment_pages
from orion.web.pages import run_rows
from orion.web.pages import runs as run_pages
from tests import counting
from tests.web import makers
from tests.web.browser import Client, Clock
from tests.web.pages import HTML, act


def why(client: Client, id: str, kind: str = "flow_runs") -> dict[str, Any]:
    answer = client.get(f"/api/{kind}/{id}/why")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def stops(told: dict[str, Any]) -> list[str]:
    return [cause["kind"] for cause in told["causes"] if cause["stops"]]


def cause(told: dict[str, Any], kind: str) -> dict[str, Any]:
    return next(each for each in told["causes"] if each["kind"] == kind)


def planned(client: Client, deployment: str, at: Any = None) -> dict[str, Any]:
    details = {"state_details": {"scheduled_time": iso(at)}} if at else {}
    body = {"state": {"type": "SCHEDULED", **details}}
    return dict(client.post(f"/api/deployments/{deployment}/create_flow_run", json=body).json())


def poll(client: Client, queue: str) -> list[Any]:
    body = {"limit": 0, "agent_name": "a-01"}
    return list(client.post(f"/api/work_queues/{queue}/get_runs", json=body).json())


def mend(client: Client, told: dict[str, Any], kind: str) -> int:
    """Press the first button of a cause."""
    offered = cause(told, kind)["mends"][0]
    answer = act(client, "/" + offered["action"], **offered["fields"], back=f"runs/{told['id']}")
    assert answer.headers["location"].endswith(f"runs/{told['id']}"), answer.headers["location"]
    return answer.status_code


def test_a_queue_that_is_missing_paused_or_not_polled_is_named_and_mended(client: Client) -> None:
    queue = makers.queue(client, is_paused=True)
    made = makers.deployment(client, work_queue_name=queue["name"])
    run = planned(client, made["id"])
    told = why(client, run["id"])
    assert stops(told) == ["queue_paused", "no_agent"]
    assert told["reason"].startswith(f"The queue {queue['name']} is paused")
    assert mend(client, told, "queue_paused") == 303
    told = why(client, run["id"])
    assert stops(told) == ["no_agent"]
    assert cause(told, "no_agent")["mends"][0]["command"] == f"orion agent start {queue['name']}"
    poll(client, queue["id"])
    told = why(client, run["id"])
    assert stops(told) == [] and told["reason"] is None
    assert cause(told, "no_agent")["text"].startswith("a-01 ")
    client.delete(f"/api/work_queues/{queue['id']}")
    told = why(client, run["id"])
    assert stops(told) == ["no_queue"]
    mend(client, told, "no_queue")
    assert stops(why(client, run["id"])) == ["no_agent"]


def test_silence_of_agents_is_told_with_its_beginning(client: Client, clock: Clock) -> None:
    queue = makers.queue(client)
    made = makers.deployment(client, work_queue_name=queue["name"])
    run = planned(client, made["id"])
    poll(client, queue["id"])
    was, clock.now = clock.now, clock.now + timedelta(minutes=25)
    told = why(client, run["id"])
    assert told["reason"] == f"No agent polls {queue['name']}, the last one asked 25 min ago"
    assert cause(told, "no_agent")["since"] == iso(was)
    row = client.get(f"/runs?q={run['name']}", headers=HTML).text
    assert "no agent polls" in row.lower() and "25 min ago" in row


def test_a_full_queue_and_a_full_deployment_name_who_holds_the_slots(client: Client) -> None:
    queue = makers.queue(client, concurrency_limit=1)
    made = makers.deployment(client, work_queue_name=queue["name"])
    first, second = planned(client, made["id"]), planned(client, made["id"])
    poll(client, queue["id"])
    makers.propose(client, "flow_runs", first["id"], "PENDING")
    told = why(client, second["id"])
    assert stops(told) == ["queue_limit"]
    assert [holder["name"] for holder in cause(told, "queue_limit")["holders"]] == [first["name"]]
    assert told["reason"] == f"The only slot of {queue['name']} is taken by {first['name']}"
    page = client.get(f"/runs/{second['id']}", headers=HTML).text
    assert "Why is it waiting?" in page and "Raise the limit to 2" in page and first["name"] in page
    mend(client, told, "queue_limit")
    assert client.get(f"/api/work_queues/{queue['id']}").json()["concurrency_limit"] == 2
    client.patch(f"/api/deployments/{made['id']}", json={"concurrency_limit": 1})
    told = why(client, second["id"])
    assert stops(told) == ["deployment_limit"]
    mend(client, told, "deployment_limit")
    assert stops(why(client, second["id"])) == []


def test_a_run_of_the_future_can_be_started_now(client: Client, clock: Clock) -> None:
    queue = makers.queue(client)
    made = makers.deployment(client, work_queue_name=queue["name"])
    poll(client, queue["id"])
    run = planned(client, made["id"], clock.now + timedelta(hours=2))
    told = why(client, run["id"])
    assert stops(told) == ["time"] and told["reason"] == "It is not due yet, in 2 h"
    page = client.get(f"/runs/{run['id']}", headers=HTML).text
    expected = page.partition("<dt>Expected</dt>")[2].partition("</dd>")[0]
    assert iso(clock.now + timedelta(hours=2))[:19] in expected and "it has not begun" in page
    mend(client, told, "time")
    assert stops(why(client, run["id"])) == []


def test_runs_before_it_pending_paused_and_without_a_deployment(client: Client, clock: Clock) -> None:
    queue = makers.queue(client)
    made = makers.deployment(client, work_queue_name=queue["name"])
    poll(client, queue["id"])
    first = planned(client, made["id"], clock.now - timedelta(minutes=2))
    second = planned(client, made["id"])
    assert why(client, second["id"])["reason"] == "1 run stands before it, agents take the earliest first"
    makers.propose(client, "flow_runs", first["id"], "PENDING")
    assert stops(why(client, first["id"])) == ["starting"]
    makers.propose(client, "flow_runs", first["id"], "RUNNING")
    assert why(client, first["id"])["causes"] == []
    makers.propose(client, "flow_runs", first["id"], "PAUSED")
    told = why(client, first["id"])
    assert stops(told) == ["paused"]
    assert "it has not begun" not in client.get(f"/runs/{first['id']}", headers=HTML).text
    mend(client, told, "paused")
    assert client.get(f"/api/flow_runs/{first['id']}").json()["state_type"] == "RUNNING"
    alone = makers.flow_run(client, state={"type": "SCHEDULED"})
    assert stops(why(client, alone["id"])) == ["no_deployment"]
    done = makers.running_flow_run(client)
    makers.propose(client, "flow_runs", done["id"], "COMPLETED")
    assert why(client, done["id"])["causes"] == []


def test_a_task_waits_for_its_tags_and_for_what_it_was_given(client: Client) -> None:
    tag = makers.unique("db")
    client.post("/api/concurrency_limits/", json={"tag": tag, "concurrency_limit": 1})
    run = makers.running_flow_run(client)
    holder = makers.task_run(client, run["id"], "holder", tags=[tag], name="holder")
    makers.propose(client, "task_runs", holder["id"], "RUNNING")
    waits = makers.task_run(client, run["id"], "waits", tags=[tag])
    told = why(client, waits["id"], "task_runs")
    assert stops(told) == ["tag_limit"]
    assert told["reason"] == f"The only slot of the tag {tag} is taken by holder"
    assert "Raise the limit to 2" in client.get(f"/task-runs/{waits['id']}", headers=HTML).text
    given = {"x": [{"input_type": "task_run", "id": holder["id"]}]}
    below = makers.task_run(client, run["id"], "below", task_inputs=given)
    assert why(client, below["id"], "task_runs")["reason"] == "1 task before it has not ended: holder"
    makers.propose(client, "task_runs", holder["id"], "COMPLETED")
    assert stops(why(client, below["id"], "task_runs")) == ["process"]
    assert stops(why(client, waits["id"], "task_runs")) == ["process"]
    body = {"state": {"type": "FAILED"}, "force": True}
    client.post(f"/api/flow_runs/{run['id']}/set_state", json=body)
    assert why(client, below["id"], "task_runs")["reason"].startswith("Its flow run has ended")
    page = client.get(f"/task-runs/{below['id']}", headers=HTML).text
    assert "Its flow run has ended" in page and 'id="follow"' not in page and "hx-sse:connect" not in page


def test_a_running_flow_that_only_waits_for_slots_says_so(client: Client) -> None:
    name = makers.unique("warehouse")
    client.post("/api/v2/concurrency_limits/", json={"name": name, "limit": 1})
    first, second = makers.running_flow_run(client), makers.running_flow_run(client)
    ask = lambda run: client.post(  # noqa: E731
        "/api/v2/concurrency_limits/increment-with-lease",
        json={"names": [name], "slots": 1, "holder": {"type": "flow_run", "id": run["id"]}},
    )
    assert ask(first).status_code == 200 and ask(second).status_code == 423
    told = why(client, second["id"])
    assert stops(told) == ["named_limit"] and told["reason"].endswith(f"is taken by {first['name']}")
    assert cause(told, "named_limit")["mends"][0]["command"] == f"orion gcl update {name} --limit 2"
    mend(client, told, "named_limit")
    assert ask(second).status_code == 200
    assert why(client, second["id"])["causes"] == []


@pytest.mark.row("CON-07")
def test_runs_that_hold_what_the_other_wants_are_called_a_deadlock(client: Client) -> None:
    a, b = makers.unique("a"), makers.unique("b")
    for name in (a, b):
        client.post("/api/v2/concurrency_limits/", json={"name": name, "limit": 1})
    first, second, third = (makers.running_flow_run(client) for _ in range(3))

    def ask(name: str, kind: str, id: str) -> int:
        body = {"names": [name], "slots": 1, "holder": {"type": kind, "id": id}}
        return client.post("/api/v2/concurrency_limits/increment-with-lease", json=body).status_code

    def text(run: dict[str, Any]) -> str:
        return str(cause(why(client, run["id"]), "named_limit")["text"])

    assert (ask(a, "flow_run", first["id"]), ask(b, "flow_run", second["id"])) == (200, 200)
    assert ask(b, "flow_run", first["id"]) == 423
    assert "deadlock" not in text(first)
    assert (ask(a, "flow_run", second["id"]), ask(a, "flow_run", third["id"])) == (423, 423)
    assert "deadlock" in text(first) and "deadlock" in text(second)
    assert "deadlock" in client.get(f"/runs/{first['id']}", headers=HTML).text
    task = makers.task_run(client, first["id"], "inner")
    makers.propose(client, "task_runs", task["id"], "RUNNING")
    assert ask(a, "task_run", task["id"]) == 423
    told = why(client, task["id"], "task_runs")
    assert "deadlock" in cause(told, "named_limit")["text"]


@pytest.mark.parametrize("limit", ["", "-1", "x", "99999999999"])
def test_a_limit_that_is_none_is_refused(client: Client, limit: str) -> None:
    queue = makers.queue(client)
    assert act(client, f"/queues/{queue['id']}/limit", limit=limit).status_code == 422


def test_a_list_of_waiting_runs_looks_once_for_all_of_them(client: Client, store: Any) -> None:
    """Who has them on hand, and what stands in the way of their queue: the same statements for one run and for nine."""
    made = makers.deployment(client, work_queue_name=makers.queue(client)["name"])
    ids = [planned(client, made["id"])["id"] for _ in range(9)]
    now = datetime.now(UTC)
    runs = [store.read_now(flow_runs.get, id) for id in ids]

    def rows(conn: Conn, runs: list[FlowRun]) -> None:
        viewer.set(Viewer())
        assert all("agent" in row.note.strong + row.note.rest for row in run_rows.rows_of(conn, runs, now))

    assert counting.statements(store, rows, runs) == counting.statements(store, rows, runs[:1])


def test_what_agents_told_of_many_runs_is_read_at_once(client: Client, store: Any) -> None:
    made = makers.deployment(client, work_queue_name=makers.queue(client)["name"])
    ids = [planned(client, made["id"])["id"] for _ in range(9)]
    for id in ids:
        makers.propose(client, "flow_runs", id, "PENDING")
        line = {"name": "orion.infrastructure", "level": 30, "message": f"waits {id}", "flow_run_id": id}
        client.post("/api/logs/", json=[{**line, "timestamp": iso(datetime.now(UTC))}])
    runs = [store.read_now(flow_runs.get, id) for id in ids]

    def rows(conn: Conn, runs: list[FlowRun]) -> None:
        viewer.set(Viewer())
        for row in run_rows.rows_of(conn, runs, datetime.now(UTC)):
            assert f"waits {row.run.id}" in row.note.strong + row.note.rest

    assert counting.statements(store, rows, runs) == counting.statements(store, rows, runs[:1])


def test_a_list_of_deployments_that_are_late_reads_their_queues_at_once(client: Client, store: Any) -> None:
    made = [makers.deployment(client, work_queue_name=makers.queue(client)["name"])["id"] for _ in range(3)]
    now, found = datetime.now(UTC), [store.read_now(deployments.get, id) for id in made]
    details = {"scheduled_time": iso(now - timedelta(hours=1))}
    for id in made:
        state = {"type": "SCHEDULED", "name": "Late", "state_details": details}
        assert client.post(f"/api/deployments/{id}/create_flow_run", json={"state": state}).status_code == 201

    def rows(conn: Conn, page: list[Deployment]) -> None:
        shown = deployment_pages._rows(conn, page, now)
        assert [row.warning[:21] for row in shown] == ["late: no agent polls "] * len(page)

    assert counting.statements(store, rows, found) == counting.statements(store, rows, found[:1])


def test_a_page_of_runs_looks_once_for_those_that_were_and_those_that_come(
    client: Client, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What rows say beside their runs costs a handful of statements, for all groups together."""
    made = makers.deployment(client, work_queue_name=makers.queue(client)["name"])
    planned(client, made["id"])
    makers.flow_run(client)
    told: list[int] = []
    real = run_rows.rows_of

    def noting(conn: Conn, runs: list[FlowRun], now: datetime) -> Any:
        told.append(len(runs))
        return real(conn, runs, now)

    monkeypatch.setattr(run_pages, "rows_of", noting)
    page = client.get("/runs", headers={"Accept": "application/json"}).json()
    assert told == [sum(len(group["rows"]) for group in page["groups"])] and told[0] >= 2


def test_what_an_agent_told_of_its_infrastructure_is_the_cause(client: Client, clock: Clock) -> None:
    """The last that it told since the run is pending: not what it told of an attempt before."""
    queue = makers.queue(client)
    made = makers.deployment(client, work_queue_name=queue["name"])
    poll(client, queue["id"])
    run = planned(client, made["id"])

    def tell(message: str, name: str = "orion.infrastructure") -> None:
        """By the clock of an agent that is half a minute behind."""
        at = iso(clock.now - timedelta(seconds=30))
        line = {"name": name, "level": 30, "message": message, "timestamp": at}
        assert client.post("/api/logs/", json=[{**line, "flow_run_id": run["id"]}]).status_code == 201

    tell("The pod of job etl/a waits: ErrImagePull: the attempt before")
    clock.now += timedelta(seconds=20)
    makers.propose(client, "flow_runs", run["id"], "PENDING")
    assert stops(why(client, run["id"])) == ["starting"]
    clock.now += timedelta(seconds=5)
    for message in ("The pod of job etl/b waits: ErrImagePull: no such\nhost", "The pod of job etl/b goes on: x"):
        tell(message)
        clock.now += timedelta(seconds=5)
    tell("what its process wrote", "orion.agent")
    told = why(client, run["id"])
    assert stops(told) == ["infrastructure"] and cause(told, "starting")["title"] == "It is on hand"
    assert told["reason"] == "Its infrastructure is not ready, The pod of job etl/b goes on: x"
    assert cause(told, "infrastructure")["since"] == iso(clock.now - timedelta(seconds=5))
    tell("The pod of job etl/b waits: Unschedulable: " + "0/3 nodes are available. " * 20)
    page = client.get(f"/runs/{run['id']}", headers=HTML).text
    assert "The pod of job etl/b waits: Unschedulable: 0/3 nodes" in page and "See its logs" in page
    assert len(cause(why(client, run["id"]), "infrastructure")["text"]) == 300
    row = client.get(f"/runs?q={run['name']}", headers=HTML).text
    assert "Unschedulable" in row
    makers.propose(client, "flow_runs", run["id"], "RUNNING")
    assert why(client, run["id"])["causes"] == []
