"""One good object of each kind and more, so that requests made by chance are about something."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

from tests.web.browser import Client

Note = Callable[[str, dict[str, Any]], None]

PARAMETERS = {
    "type": "object",
    "properties": {
        "day": {"type": "string", "format": "date-time", "title": "day"},
        "n": {"type": "integer", "default": 3},
        "mode": {"enum": ["a", "b"]},
        "deep": {"type": "object", "properties": {"x": {"type": "number"}}},
        "many": {"type": "array", "items": {"type": "string"}},
        "any": {},
    },
}
STATES = (
    "SCHEDULED",
    "PENDING",
    "RUNNING",
    "COMPLETED",
    "FAILED",
    "CRASHED",
    "CANCELLED",
    "PAUSED",
    "CANCELLING",
)

_number = count()


def furnish(client: Client, note: Note) -> None:
    """Make the objects and tell `note` their kind and what was answered."""

    def make(kind: str, path: str, /, **body: Any) -> dict[str, Any]:
        answer = client.post(f"/api{path}", json=body)
        assert answer.is_success, f"{path} {body}: {answer.text}"
        note(kind, answer.json())
        return dict(answer.json())

    at = next(_number)
    flow = make("flows", "/flows/", name=f"load {at}", tags=["etl"])
    deployment = make(
        "deployments", "/deployments/", name=f"prod {at}", flow_id=flow["id"], entrypoint="flows.py:load", path="/srv",
        parameters={"n": 5, "mode": "a"}, parameter_openapi_schema=PARAMETERS, work_queue_name="default", tags=["etl"],
        schedules=[{"schedule": {"interval": 3600}}, {"schedule": {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}}],
        description="# Load\n\n*all* of it", concurrency_limit=2,
    )  # fmt: skip
    for schedule in client.get(f"/api/deployments/{deployment['id']}/schedules").json():
        note("schedules", schedule)
    for state in STATES:
        run = make(
            "flow_runs",
            "/flow_runs/",
            flow_id=flow["id"],
            state={"type": state},
            parameters={"n": 1},
            tags=["etl"],
        )
        make(
            "task_runs",
            "/task_runs/",
            flow_run_id=run["id"],
            task_key="clean",
            dynamic_key="0",
            state={"type": state},
        )
        note("flow_run_states", {"id": run["state_id"]})
    make("flow_runs", f"/deployments/{deployment['id']}/create_flow_run")
    lines = [
        {
            "name": "orion",
            "level": level,
            "message": f"\x1b[31mline {level}",
            "timestamp": "2026-11-29T10:00:00Z",
            "flow_run_id": run["id"],
        }
        for level in (10, 20, 40)
    ]
    assert client.post("/api/logs/", json=lines).status_code == 201
    make("work_queues", "/work_queues/", name=f"queue {at}", concurrency_limit=3, filter={"tags": ["etl"]})
    make("concurrency_limits", "/concurrency_limits/", tag=f"tag-{at}", concurrency_limit=2)
    make("v2 limits", "/v2/concurrency_limits/", name=f"slots-{at}", limit=5, active=True)
    lease = make(
        "leases",
        "/v2/concurrency_limits/increment-with-lease",
        names=[f"slots-{at}"],
        slots=1,
        mode="concurrency",
    )
    note("leases", {"id": lease["lease_id"]})
    make(
        "artifacts", "/artifacts/", key=f"report-{at}", type="markdown", data="# Hello", flow_run_id=run["id"]
    )
    make("variables", "/variables/", name=f"place-{at}", value={"a": [1]}, tags=["x"])
    client.put("/api/saved_searches/", json={"name": f"search {at}", "filters": []})
    _blocks(client, make, note, at)


def _blocks(client: Client, make: Callable[..., dict[str, Any]], note: Note, at: int) -> None:
    for slug, data in (("slack-webhook", {"url": "http://127.0.0.1:9/x"}), ("secret", {"value": "canary"})):
        kind = client.get(f"/api/block_types/slug/{slug}").json()
        note("block_types", kind)
        wanted = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
        schemas = client.post("/api/block_schemas/filter", json=wanted).json()
        if not schemas:  # one of the requests has deleted it
            continue
        note("block_schemas", schema := schemas[0])
        ids = {"block_type_id": kind["id"], "block_schema_id": schema["id"]}
        block = make("block_documents", "/block_documents/", name=f"{slug}-{at}", data=data, **ids)
        if slug == "slack-webhook":
            make("flow_run_notification_policies", "/flow_run_notification_policies/", state_names=["Failed"], tags=[],
                 block_document_id=block["id"], message_template="{flow_run_name}")  # fmt: skip
