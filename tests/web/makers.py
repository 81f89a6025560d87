"""The smallest things that tests of the API stand on, made over the API."""

from __future__ import annotations

from itertools import count
from typing import Any

from tests.web.browser import Client

UNKNOWN = "00000000-0000-4000-8000-000000000000"

_number = count()


def unique(word: str) -> str:
    """A name that no other test uses."""
    return f"{word}-{next(_number)}"


def flow(client: Client, name: str | None = None, **fields: Any) -> dict[str, Any]:
    """A flow."""
    answer = client.post("/api/flows/", json={"name": name or unique("flow"), **fields})
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


def flow_run(client: Client, flow_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """A flow run; PENDING unless a state is given."""
    answer = client.post("/api/flow_runs/", json={"flow_id": flow_id or flow(client)["id"], **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def task_run(client: Client, flow_run_id: str | None, key: str = "task", **fields: Any) -> dict[str, Any]:
    """A task run, PENDING."""
    own = {"task_key": key, "dynamic_key": unique("0"), "state": {"type": "PENDING"}}
    body = {"flow_run_id": flow_run_id, **own, **fields}
    answer = client.post("/api/task_runs/", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def deployment(client: Client, flow_id: str | None = None, **fields: Any) -> dict[str, Any]:
    """A deployment."""
    body = {"name": unique("deployment"), "flow_id": flow_id or flow(client)["id"], **fields}
    answer = client.post("/api/deployments/", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def queue(client: Client, **fields: Any) -> dict[str, Any]:
    """A work queue."""
    answer = client.post("/api/work_queues/", json={"name": unique("queue"), **fields})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def propose(
    client: Client, kind: str, run_id: str, type: str, force: bool = False, **state: Any
) -> dict[str, Any]:
    """The answer to a proposed state; `kind` is flow_runs or task_runs."""
    body = {"state": {"type": type, **state}, "force": force}
    answer = client.post(f"/api/{kind}/{run_id}/set_state", json=body)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


def running_flow_run(client: Client, **fields: Any) -> dict[str, Any]:
    """A flow run that is RUNNING."""
    run = flow_run(client, **fields)
    assert propose(client, "flow_runs", run["id"], "RUNNING")["status"] == "ACCEPT"
    return run
