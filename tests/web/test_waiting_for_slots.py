"""Waiters are woken when a slot frees, oldest first: askers of a tag's limit, of a named limit, of a limited queue."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orion.settings import Settings
from orion.store import open_store
from orion.web.factory import build_app
from tests.conftest import fresh_database
from tests.servers import eventually
from tests.web.browser import Client
from tests.web.makers import deployment, flow
from tests.web.test_work_queues import scheduled

Start = Callable[[], Any]
RUNNING = {"type": "RUNNING"}


def in_line(client: Client) -> int:
    """How many wait."""
    return sum(len(tickets) for tickets in client.app.state.line._lines.values())


def _waits(client: Client, number: int) -> bool:
    return in_line(client) == number


def task_of_tag(client: Client) -> tuple[list[Start], list[Callable[[], Any]]]:
    """Three task runs that want the one slot of their tag."""
    client.post("/api/concurrency_limits/", json={"tag": "db", "concurrency_limit": 1})
    run = client.post("/api/flow_runs/", json={"flow_id": flow(client)["id"], "state": RUNNING}).json()["id"]
    body = {"flow_run_id": run, "dynamic_key": "0", "tags": ["db"]}
    made = [client.post("/api/task_runs/", json={**body, "task_key": key}).json()["id"] for key in "abc"]
    paths = [f"/api/task_runs/{task}/set_state" for task in made]
    ask = {"state": RUNNING, "wait_seconds": 30}
    starts: list[Start] = [partial(client.start, "POST", path, json=ask) for path in paths]
    return starts, [partial(client.post, path, json={"state": {"type": "COMPLETED"}}) for path in paths]


def named(client: Client) -> tuple[list[Start], list[Callable[[], Any]]]:
    """Three who want the one slot of a named limit."""
    client.post("/api/v2/concurrency_limits/", json={"name": "api", "limit": 1})
    ask = {"names": ["api"], "slots": 1, "mode": "concurrency", "wait_seconds": 30}
    give = {"names": ["api"], "slots": 1}
    path = "/api/v2/concurrency_limits"
    starts = [lambda: client.start("POST", f"{path}/increment", json=ask) for _ in range(3)]
    return starts, [lambda: client.post(f"{path}/decrement", json=give) for _ in range(3)]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that stands still for a second the first one is still the first."""
    monkeypatch.setattr("orion.orchestration.line.OFFER_SECONDS", 60.0)


@pytest.mark.parametrize("make", [task_of_tag, named])
def test_of_those_who_wait_for_a_slot_the_first_is_served_first(
    client: Client, patient: None, make: Any
) -> None:
    starts, ends = make(client)
    holder = starts[0]()
    assert holder.result(20).status_code in (200, 201)
    waiting = []
    for number, start in enumerate(starts[1:], 1):
        waiting.append(start())
        eventually(partial(_waits, client, number))
    first, second = waiting
    ends[0]()
    answer = first.result(20).json()
    assert (answer["status"] if make is task_of_tag else answer[0]["name"]) in ("ACCEPT", "api")
    assert not second.done()
    ends[1]()
    assert second.result(20).status_code in (200, 201)
    ends[2]()


def test_of_those_who_wait_for_a_limited_queue_the_first_is_served_first(
    client: Client, patient: None
) -> None:
    deployed = deployment(client, work_queue_name="q")
    queue = client.get("/api/work_queues/name/q").json()["id"]
    client.patch(f"/api/work_queues/{queue}", json={"concurrency_limit": 1})
    path = f"/api/work_queues/{queue}/get_runs"
    held = scheduled(client, deployed)
    assert [run["id"] for run in client.post(path, json={}).json()] == [held["id"]]
    next_one = scheduled(client, deployed)
    waiting = []
    for number in (1, 2):
        waiting.append(client.start("POST", path, json={"wait_seconds": 30}))
        eventually(partial(_waits, client, number))
    for state in ("PENDING", "RUNNING", "COMPLETED"):
        client.post(f"/api/flow_runs/{held['id']}/set_state", json={"state": {"type": state}, "force": True})
    assert [run["id"] for run in waiting[0].result(20).json()] == [next_one["id"]]
    assert not waiting[1].done()
    waiting[1].cancel()


def test_a_task_run_that_waited_long_enough_is_told_to_wait(client: Client) -> None:
    starts, _ = task_of_tag(client)
    assert starts[0]().result(20).status_code == 201
    run = client.post("/api/task_runs/filter", json={"sort": "NAME_ASC"}).json()
    other = next(row for row in run if row["state_type"] != "RUNNING")
    ask = {"state": RUNNING, "wait_seconds": 0.2}
    answer = client.post(f"/api/task_runs/{other['id']}/set_state", json=ask)
    assert (answer.status_code, answer.json()["status"]) == (200, "WAIT")
    assert answer.json()["details"]["delay_seconds"] == 30


@pytest.mark.postgres
@pytest.mark.parametrize("make", [task_of_tag, named])
def test_who_waits_at_one_server_gets_the_slot_that_is_freed_through_another(
    tmp_path: Path, settings: Settings, make: Any
) -> None:
    with (
        contextmanager(fresh_database)("postgres", tmp_path) as url,
        closing(open_store(url)) as store,
        closing(open_store(url)) as other_store,
    ):
        client = Client(build_app(settings, store, services=False))
        other = Client(build_app(settings, other_store, services=False))
        try:
            starts, _ = make(client)
            held = starts[0]().result(20)
            waiting = starts[1]()
            eventually(partial(_waits, client, 1))
            if make is named:
                path, body = "/api/v2/concurrency_limits/decrement", {"names": ["api"], "slots": 1}
            else:
                task = held.request.url.path.split("/")[3]
                path, body = f"/api/task_runs/{task}/set_state", {"state": {"type": "COMPLETED"}}
            assert other.post(path, json=body).status_code in (200, 201)
            answer = waiting.result(20).json()
            assert (answer["status"] if make is task_of_tag else answer[0]["name"]) in ("ACCEPT", "api")
        finally:
            other.close()
            client.close()
