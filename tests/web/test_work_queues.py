"""Work queues over HTTP: kept, handed out from, and waited for."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orion.orchestration import claim_runs
from orion.settings import Settings
from orion.store import Conn, claims
from orion.web.factory import build_app
from tests.servers import eventually
from tests.web.browser import Client, Clock
from tests.web.makers import UNKNOWN, deployment, queue


def scheduled(client: Client, deployed: dict[str, Any], at: Any = None) -> dict[str, Any]:
    details = {"scheduled_time": at.isoformat()} if at else {}
    body = {"state": {"type": "SCHEDULED", "state_details": details}}
    answer = client.post(f"/api/deployments/{deployed['id']}/create_flow_run", json=body)
    assert answer.status_code == 201
    return dict(answer.json())


def poll(client: Client, queue_id: str, **body: Any) -> list[str]:
    answer = client.post(f"/api/work_queues/{queue_id}/get_runs", json=body)
    assert answer.status_code == 200, answer.text
    return [run["id"] for run in answer.json()]


def test_a_queue_is_made_read_changed_and_deleted(client: Client) -> None:
    made = queue(client, name="etl", description="d", concurrency_limit=2)
    assert client.get(f"/api/work_queues/{made['id']}").json() == made
    assert client.get("/api/work_queues/name/etl").json() == made
    assert (made["work_pool_name"], made["status"], made["is_paused"]) == (
        "default-agent-pool",
        "NOT_READY",
        False,
    )
    assert client.post("/api/work_queues/", json={"name": "etl"}).status_code == 409
    assert client.patch(f"/api/work_queues/{made['id']}", json={"is_paused": True}).status_code == 204
    changed = client.get(f"/api/work_queues/{made['id']}").json()
    assert (changed["is_paused"], changed["concurrency_limit"], changed["status"]) == (True, 2, "PAUSED")
    assert client.delete(f"/api/work_queues/{made['id']}").status_code == 204
    assert client.get("/api/work_queues/name/etl").json() == {"detail": "Work queue not found"}


@pytest.mark.row("BLK-13")
@pytest.mark.parametrize("name", ["", "a/b", "a%b", "a&b", "<a>"])
def test_a_bad_name_is_refused_new_and_changed(client: Client, name: str) -> None:
    made = queue(client, name="etl")
    assert client.post("/api/work_queues/", json={"name": name}).status_code == 422
    assert client.patch(f"/api/work_queues/{made['id']}", json={"name": name}).status_code == 422
    assert client.get(f"/api/work_queues/{made['id']}").json()["name"] == "etl"


def test_queues_are_listed_by_prefix(client: Client) -> None:
    for name in ("prod-a", "prod-b", "dev"):
        queue(client, name=name)
    names = lambda body: [row["name"] for row in client.post("/api/work_queues/filter", json=body).json()]  # noqa: E731
    assert set(names({})) == {"prod-a", "prod-b", "dev"}
    assert set(names({"work_queues": {"name": {"startswith_": ["prod"]}}})) == {"prod-a", "prod-b"}
    assert names({"work_queues": {"name": {"any_": ["dev"]}}, "limit": 1}) == ["dev"]
    assert names({"work_queues": None, "limit": None, "offset": None}) == names({})


def test_a_due_run_is_handed_out_once_and_again_when_its_claim_ends(client: Client, clock: Clock) -> None:
    deployed = deployment(client, work_queue_name="q")
    made = client.get("/api/work_queues/name/q").json()
    run = scheduled(client, deployed)
    assert poll(client, made["id"], limit=10) == [run["id"]]
    assert poll(client, made["id"], limit=10) == []
    clock.now += timedelta(seconds=31)
    assert poll(client, made["id"]) == [run["id"]]
    assert client.get(f"/api/work_queues/{made['id']}").json()["status"] == "READY"


def test_runs_ahead_of_their_time_are_fetched_only_when_asked_for(client: Client, clock: Clock) -> None:
    deployed = deployment(client, work_queue_name="q")
    made = client.get("/api/work_queues/name/q").json()
    run = scheduled(client, deployed, clock.now + timedelta(seconds=10))
    assert poll(client, made["id"]) == []
    assert poll(client, made["id"], scheduled_before=(clock.now + timedelta(seconds=15)).isoformat(" ")) == [
        run["id"]
    ]


def test_who_asks_alone_and_does_not_wait_claims_without_looking_first(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    real = claims.ready

    def noting(conn: Conn, queue_id: str, *more: Any) -> bool:
        looks.append(queue_id)
        return real(conn, queue_id, *more)

    monkeypatch.setattr(claims, "ready", noting)
    made = queue(client)
    run = scheduled(client, deployment(client, work_queue_name=made["name"]))
    assert poll(client, made["id"]) == [run["id"]] and looks == []
    with client.app.state.line.join(made["id"]):
        assert poll(client, made["id"]) == [] and looks == [made["id"]]
    assert poll(client, made["id"], wait_seconds=0.01) == [] and len(looks) > 1


def test_a_look_far_ahead_is_a_preview_that_claims_nothing(client: Client, clock: Clock) -> None:
    deployed = deployment(client, work_queue_name="q")
    made = client.get("/api/work_queues/name/q").json()
    run = scheduled(client, deployed)
    ahead = (clock.now + timedelta(hours=1)).isoformat()
    for _ in range(2):
        assert poll(client, made["id"], scheduled_before=ahead) == [run["id"]]
    assert client.get(f"/api/work_queues/{made['id']}").json()["last_polled"] is None


def test_a_paused_queue_and_a_full_queue_give_nothing(client: Client) -> None:
    deployed = deployment(client, work_queue_name="q")
    made = client.get("/api/work_queues/name/q").json()
    scheduled(client, deployed)
    client.patch(f"/api/work_queues/{made['id']}", json={"is_paused": True})
    assert poll(client, made["id"]) == []
    client.patch(f"/api/work_queues/{made['id']}", json={"is_paused": False, "concurrency_limit": 0})
    assert poll(client, made["id"]) == []


def test_a_waiting_poll_is_answered_as_soon_as_a_run_is_there(client: Client) -> None:
    deployed = deployment(client, work_queue_name="q")
    made = client.get("/api/work_queues/name/q").json()
    waiting = client.start("POST", f"/api/work_queues/{made['id']}/get_runs", json={"wait_seconds": 30})
    began = time.monotonic()
    run = scheduled(client, deployed)
    assert [row["id"] for row in waiting.result(20).json()] == [run["id"]]
    assert time.monotonic() - began < 15


def test_a_waiting_poll_is_answered_empty_when_the_time_is_over(client: Client) -> None:
    made = queue(client)
    assert poll(client, made["id"], wait_seconds=0.05) == []


def test_a_waiting_poll_ends_when_the_server_stops(client: Client) -> None:
    made = queue(client)
    waiting = client.start("POST", f"/api/work_queues/{made['id']}/get_runs", json={"wait_seconds": 30})
    assert poll(client, made["id"]) == []
    client.wait(_close(client))
    assert waiting.result(20).json() == []


async def _close(client: Client) -> None:
    client.app.state.closing.set()


def test_the_health_of_a_queue_is_told(client: Client, clock: Clock) -> None:
    made = queue(client)
    shown = client.get(f"/api/work_queues/{made['id']}/status").json()
    assert shown == {
        "healthy": False, "late_runs_count": 0, "last_polled": None,
        "health_check_policy": {"maximum_late_runs": 0, "maximum_seconds_since_last_polled": 60},
    }  # fmt: skip
    poll(client, made["id"])
    assert client.get(f"/api/work_queues/{made['id']}/status").json()["healthy"] is True


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("PATCH", ""), ("GET", "/status"), ("POST", "/get_runs")],
)
def test_an_unknown_queue_is_not_found(client: Client, method: str, path: str) -> None:
    body = {"wait_seconds": 1} if method == "POST" else {} if method == "PATCH" else None
    answer = client.request(method, f"/api/work_queues/{UNKNOWN}{path}", json=body)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Work queue not found"})


def test_a_queue_with_a_filter_serves_by_tags(client: Client) -> None:
    made = queue(client, filter={"tags": ["gpu"]})
    wanted, _ = scheduled(client, deployment(client, tags=["gpu"])), scheduled(client, deployment(client))
    assert poll(client, made["id"]) == [wanted["id"]]


def test_a_run_that_comes_due_while_somebody_waits_is_handed_out_then(store: Any, settings: Settings) -> None:
    ahead = timedelta()
    client = Client(build_app(settings, store, services=False, clock=lambda: datetime.now(UTC) + ahead))
    deployed = deployment(client, work_queue_name="q")
    made = client.get("/api/work_queues/name/q").json()
    due = datetime.now(UTC) + timedelta(hours=1)
    run = scheduled(client, deployed, due)
    assert poll(client, made["id"]) == []
    ahead = due - datetime.now(UTC) - timedelta(seconds=1)
    handed = poll(client, made["id"], wait_seconds=30)
    client.close()
    assert handed == [run["id"]]


def test_of_two_who_wait_one_gets_the_run(client: Client) -> None:
    deployed = deployment(client, work_queue_name="q")
    made = client.get("/api/work_queues/name/q").json()
    path = f"/api/work_queues/{made['id']}/get_runs"
    waiting = [client.start("POST", path, json={"wait_seconds": 30}) for _ in range(2)]
    run = scheduled(client, deployed)
    eventually(lambda: any(answer.done() for answer in waiting))
    client.wait(_close(client))
    handed = [[row["id"] for row in answer.result(20).json()] for answer in waiting]
    assert sorted(handed) == [[], [run["id"]]]


def test_an_asker_that_has_gone_takes_nothing_along(client: Client) -> None:
    deployed = deployment(client, work_queue_name="q")
    made = client.get("/api/work_queues/name/q").json()
    waiting = client.start("POST", f"/api/work_queues/{made['id']}/get_runs", json={"wait_seconds": 30})
    assert poll(client, made["id"]) == []
    waiting.cancel()
    run = scheduled(client, deployed)
    assert poll(client, made["id"], wait_seconds=30) == [run["id"]]


def test_a_run_that_was_claimed_for_an_asker_that_is_cut_off_is_given_to_the_next_one(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployed = deployment(client, work_queue_name="q")
    made = client.get("/api/work_queues/name/q").json()
    run = scheduled(client, deployed)
    claiming, cut = threading.Event(), threading.Event()

    def slow_claim(conn: Any, queue: Any, *args: Any, **kw: Any) -> Any:
        claiming.set()
        assert cut.wait(60)
        return claim_runs(conn, queue, *args, **kw)

    with monkeypatch.context() as patched:
        patched.setattr("orion.web.handlers.work_queues.claim_runs", slow_claim)
        asking = client.start("POST", f"/api/work_queues/{made['id']}/get_runs", json={})
        assert claiming.wait(60)
    asking.cancel()
    next_one = client.start("POST", f"/api/work_queues/{made['id']}/get_runs", json={"wait_seconds": 30})
    cut.set()
    assert [each["id"] for each in next_one.result(60).json()] == [run["id"]]
