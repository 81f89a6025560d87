"""`orion notification`, with a real receiver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from orion.cli.api import api
from orion.model.times import utcnow
from orion.services import notifying
from orion.settings import current
from orion.store import Role, open_store
from tests.cli.conftest import Orion
from tests.notify.targets import OK, Target, target

pytestmark = pytest.mark.usefixtures("migrated")


@pytest.fixture
def hook() -> Iterator[Target]:
    with target(OK, (500, {}, b"")) as opened:
        yield opened


def block(url: str) -> None:
    """A block slack-webhook/oncall."""
    with api() as server:
        kind = server.post("/block_types/", {"name": "Slack Webhook", "slug": "slack-webhook"})
        fields = {
            "title": "SlackWebhook",
            "type": "object",
            "properties": {},
            "block_type_slug": "slack-webhook",
        }
        schema = server.post("/block_schemas/", {"fields": fields, "block_type_id": kind["id"]})
        ids: dict[str, Any] = {"block_type_id": kind["id"], "block_schema_id": schema["id"]}
        server.post("/block_documents/", {"name": "oncall", "data": {"url": url}, **ids})


def fail_a_run() -> None:
    with api() as server:
        flow = server.post("/flows/", {"name": "etl"})
        run = server.post(
            "/flow_runs/", {"flow_id": flow["id"], "name": "amber-lynx", "state": {"type": "RUNNING"}}
        )
        server.post(f"/flow_runs/{run['id']}/set_state", {"state": {"type": "FAILED"}})


def deliver() -> int:
    from orion.sdk.ephemeral import unmount

    unmount()
    store = open_store(current().database_url, role=Role.CLOCK)
    try:
        return notifying.deliver(store, utcnow())
    finally:
        store.close()


@pytest.mark.row("NOT-01")
def test_a_policy_from_its_making_to_its_end(orion: Orion, hook: Target) -> None:
    block(hook.url)
    made = orion(
        "notification", "create", "--to", "slack-webhook/oncall", "-s", "Failed", "-t", "prod", "--json"
    ).json
    assert (made["state_names"], made["tags"]) == (["Failed"], ["prod"])
    assert orion("notification", "ls").out == f"{made['id']}\tyes\tFailed\tprod\tany\tslack-webhook/oncall\n"
    assert orion("notification", "inspect", made["id"][:20], "--json").json == made
    orion("notification", "pause", made["id"])
    assert orion("notification", "ls", "--json").json[0]["is_active"] is False
    orion("notification", "resume", made["id"])
    assert orion("notification", "test", made["id"]).out == "Delivered: 200 OK\n"
    refused = orion("notification", "test", made["id"], code=1)
    assert "Not delivered: 500 Internal Server Error" in refused.err
    orion("notification", "delete", made["id"])
    assert orion("notification", "ls", "--json").json == []


@pytest.mark.row("NOT-04")
def test_what_was_given_up_is_seen_and_sent_again(orion: Orion, hook: Target) -> None:
    block("ftp://nowhere")
    orion("notification", "create", "--to", "oncall", "--state", "Failed")
    fail_a_run()
    assert deliver() == 1
    (dead,) = orion("notification", "deliveries", "--dead", "--json").json
    assert (dead["status"], dead["flow_run_name"]) == ("dead", "amber-lynx")
    assert "etl/amber-lynx\tFailed\tslack-webhook/oncall\t1" in orion("notification", "deliveries").out
    with api() as server:
        server.patch(f"/block_documents/{dead['block_document_id']}", {"data": {"url": hook.url}})
    assert orion("notification", "resend", "--dead").out == "1 message is being sent again.\n"
    assert deliver() == 1
    assert hook.keys == [dead["key"]]
    assert orion("notification", "deliveries", "--dead", "--json").json == []


def test_what_is_not_there_is_said_with_what_to_do(orion: Orion) -> None:
    assert "orion notification ls" in orion("notification", "inspect", "0123", code=1).err
    assert "type/name" in orion("notification", "create", "--to", "nobody", code=1).err
    assert orion("notification", "resend", code=2).code == 2
