"""Limits over HTTP: by tag, and by name with slots and leases."""

from __future__ import annotations

from datetime import timedelta

from tests.conftest import ASKS_NO_DATABASE
from tests.web.browser import Client, Clock
from tests.web.makers import UNKNOWN, propose, running_flow_run, task_run

V1, V2 = "/api/concurrency_limits", "/api/v2/concurrency_limits"


def test_the_limit_of_a_tag_is_made_and_changed(client: Client) -> None:
    first = client.post(f"{V1}/", json={"tag": "db/1", "concurrency_limit": 3})
    again = client.post(f"{V1}/", json={"tag": "db/1", "concurrency_limit": 5})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json().keys() == {"id", "created", "updated", "tag", "concurrency_limit", "active_slots"}
    shown = client.get(f"{V1}/tag/db%2F1").json()
    assert (shown["id"], shown["concurrency_limit"]) == (first.json()["id"], 5)
    assert client.get(f"{V1}/{shown['id']}").json() == shown
    assert client.post(f"{V1}/filter", json={"limit": 200, "offset": 0}).json() == [shown]
    gone = client.delete(f"{V1}/tag/db%2F1")
    assert (gone.status_code, gone.json()) == (200, None)
    assert client.get(f"{V1}/tag/db%2F1").status_code == 404
    assert client.delete(f"{V1}/{shown['id']}").status_code == 404


def test_slots_are_reset(client: Client) -> None:
    client.post(f"{V1}/", json={"tag": "db", "concurrency_limit": 1})
    run = task_run(client, running_flow_run(client)["id"], tags=["db"])
    propose(client, "task_runs", run["id"], "RUNNING")
    assert client.get(f"{V1}/tag/db").json()["active_slots"] == [run["id"]]
    assert client.post(f"{V1}/tag/db/reset", json={"slot_override": None}).json() is None
    assert client.get(f"{V1}/tag/db").json()["active_slots"] == []
    assert client.post(f"{V1}/tag/none/reset", json={}).status_code == 404


@ASKS_NO_DATABASE
def test_bad_limits_are_refused(client: Client) -> None:
    for body in (
        {},
        {"tag": "a"},
        {"tag": "a", "concurrency_limit": -1},
        {"tag": "", "concurrency_limit": 1},
    ):
        assert client.post(f"{V1}/", json=body).status_code == 422


def test_a_named_limit_is_kept(client: Client) -> None:
    made = client.post(f"{V2}/", json={"name": "gpu", "limit": 2})
    assert made.status_code == 201
    assert client.post(f"{V2}/", json={"name": "gpu", "limit": 2}).status_code == 409
    for key in ("gpu", made.json()["id"]):
        assert client.get(f"{V2}/{key}").json()["limit"] == 2
    assert client.patch(f"{V2}/gpu", json={"limit": 3, "slot_decay_per_second": 10.0}).status_code == 204
    rows = client.post(f"{V2}/filter", json={"limit": 100, "offset": 0}).json()
    assert [(row["name"], row["limit"], row["slot_decay_per_second"]) for row in rows] == [("gpu", 3, 10.0)]
    assert client.delete(f"{V2}/gpu").status_code == 204
    assert client.get(f"{V2}/gpu").status_code == 404


def test_slots_are_taken_and_given_back_or_the_wait_is_told(client: Client) -> None:
    client.post(f"{V2}/", json={"name": "gpu", "limit": 1})
    body = {"names": ["gpu"], "slots": 1, "mode": "concurrency"}
    taken = client.post(f"{V2}/increment", json=body)
    assert (taken.status_code, taken.json()[0]["name"]) == (200, "gpu")
    full = client.post(f"{V2}/increment", json=body)
    assert full.status_code == 423
    assert float(full.headers["Retry-After"]) > 0
    assert client.post(f"{V2}/decrement", json={**body, "occupancy_seconds": 1.5}).status_code == 200
    assert client.post(f"{V2}/increment", json=body).status_code == 200


def test_a_lease_ends_when_it_is_not_renewed(client: Client, clock: Clock) -> None:
    client.post(f"{V2}/", json={"name": "gpu", "limit": 1})
    body = {"names": ["gpu"], "slots": 1, "lease_duration": 60, "holder": {"type": "task_run", "id": UNKNOWN}}
    lease = client.post(f"{V2}/increment-with-lease", json=body).json()
    clock.now += timedelta(seconds=50)
    assert (
        client.post(f"{V2}/leases/{lease['lease_id']}/renew", json={"lease_duration": 60}).status_code == 204
    )
    clock.now += timedelta(seconds=50)
    assert client.post(f"{V2}/increment-with-lease", json=body).status_code == 423
    clock.now += timedelta(seconds=20)
    second = client.post(f"{V2}/increment-with-lease", json=body)
    assert second.status_code == 200
    assert client.post(f"{V2}/leases/{lease['lease_id']}/renew", json={}).status_code == 410
    assert (
        client.post(f"{V2}/decrement-with-lease", json={"lease_id": second.json()["lease_id"]}).status_code
        == 204
    )
    assert client.post(f"{V2}/increment", json={"names": ["gpu"], "slots": 1}).status_code == 200


def test_names_without_a_limit_are_left_out(client: Client) -> None:
    lease = client.post(
        f"{V2}/increment-with-lease", json={"names": ["tag:a"], "slots": 1, "lease_duration": 60}
    )
    assert (lease.status_code, lease.json()["limits"]) == (200, [])
    assert client.post(f"{V2}/leases/{lease.json()['lease_id']}/renew", json={}).status_code == 204
    assert (
        client.post(f"{V2}/decrement-with-lease", json={"lease_id": lease.json()["lease_id"]}).status_code
        == 204
    )


def test_a_tag_limit_is_a_named_limit_too(client: Client) -> None:
    client.post(f"{V1}/", json={"tag": "a", "concurrency_limit": 1})
    body = {"names": ["tag:a", "tag:b"], "slots": 1, "mode": "concurrency", "lease_duration": 60}
    assert [
        limit["name"] for limit in client.post(f"{V2}/increment-with-lease", json=body).json()["limits"]
    ] == ["tag:a"]
    assert client.post(f"{V2}/increment-with-lease", json=body).status_code == 423
