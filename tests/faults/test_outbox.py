"""The outbox against kill -9: what was sent and not marked goes out again, and its receiver can tell."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from orion.model.times import utcnow
from orion.services import notifying
from orion.settings import temporary_settings
from orion.store import Role, open_store
from tests.notify.targets import OK, Answer, Received, target
from tests.servers import OrionServer


def told(server: OrionServer, url: str) -> None:
    """A policy that tells a URL of failed runs."""
    kind = server.post("/block_types/", {"name": "Slack Webhook", "slug": "slack-webhook"}).json()
    fields = {"title": "SlackWebhook", "type": "object", "properties": {}, "block_type_slug": "slack-webhook"}
    schema = server.post("/block_schemas/", {"fields": fields, "block_type_id": kind["id"]}).json()
    ids: dict[str, Any] = {"block_type_id": kind["id"], "block_schema_id": schema["id"]}
    block = server.post("/block_documents/", {"name": "oncall", "data": {"url": url}, **ids}).json()
    policy = {"state_names": ["Failed"], "tags": [], "block_document_id": block["id"]}
    assert server.post("/flow_run_notification_policies/", policy).status_code == 201


def fail(server: OrionServer) -> None:
    flow = server.post("/flows/", {"name": "etl"}).json()
    run = server.post("/flow_runs/", {"flow_id": flow["id"], "state": {"type": "RUNNING"}}).json()
    assert (
        server.post(f"/flow_runs/{run['id']}/set_state", {"state": {"type": "FAILED"}}).json()["status"]
        == "ACCEPT"
    )


@pytest.mark.row("NOT-02", "NOT-04")
def test_a_server_killed_between_send_and_mark_sends_again_under_the_same_key(tmp_path: Path) -> None:
    servers: list[OrionServer] = []

    def kill(request: Received) -> Answer:
        servers[0].kill()
        return OK

    with target(kill, OK) as hook:
        servers.append(OrionServer(tmp_path / "home", "--no-ui", ORION_HOME=str(tmp_path / "orion")))
        try:
            told(servers[0], hook.url)
            fail(servers[0])
            hook.wait(1)
            servers[0].process.wait(20)
        finally:
            servers[0].kill()
        with temporary_settings({"ORION_HOME": str(tmp_path / "orion")}) as settings:
            store = open_store(settings.database_url, role=Role.CLOCK)
            try:
                assert notifying.deliver(store, utcnow()) == 0
                assert notifying.deliver(store, utcnow() + timedelta(minutes=2)) == 1
                assert notifying.deliver(store, utcnow() + timedelta(hours=2)) == 0
            finally:
                store.close()
        assert len(hook.keys) == 2 and len(set(hook.keys)) == 1


@pytest.mark.row("NOT-02")
def test_a_message_leaves_at_once_and_not_at_the_next_look(tmp_path: Path) -> None:
    with target() as hook:
        server = OrionServer(tmp_path / "home", "--no-ui", ORION_HOME=str(tmp_path / "orion"))
        try:
            told(server, hook.url)
            begun = time.monotonic()
            fail(server)
            hook.wait(1)
            assert time.monotonic() - begun < 8
            assert server.stop() == 0
        finally:
            server.kill()
