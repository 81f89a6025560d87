"""Notification policies and their messages over the API, and the page that says them as sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from orion.services import notifying
from orion.settings import temporary_settings
from tests.notify.targets import OK, Target, target
from tests.web.browser import Client, Clock
from tests.web.makers import UNKNOWN, flow, flow_run, propose, unique

POLICIES = "/api/flow_run_notification_policies"
PAGE = {"Accept": "text/html"}
FORM = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def hook() -> Iterator[Target]:
    with target() as opened:
        yield opened


def block(client: Client, url: str, slug: str = "slack-webhook", name: str | None = None) -> dict[str, Any]:
    """A document of a notification type."""
    found = client.get(f"/api/block_types/slug/{slug}")
    kind = found.json() if found.status_code == 200 else None
    kind = kind or client.post("/api/block_types/", json={"name": slug.title(), "slug": slug}).json()
    fields = {
        "title": unique(slug),
        "type": "object",
        "properties": {},
        "block_type_slug": slug,
        "secret_fields": ["url"],
    }
    wanted = {"fields": fields, "block_type_id": kind["id"], "capabilities": ["notify"]}
    schema = client.post("/api/block_schemas/", json=wanted).json()
    body = {"block_schema_id": schema["id"], "block_type_id": kind["id"], "data": {"url": url}}
    answer = client.post("/api/block_documents/", json={**body, "name": name or unique("oncall")})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def policy(client: Client, url: str = "https://example.com", **fields: Any) -> dict[str, Any]:
    """A policy that tells of failed runs."""
    told = fields.pop("block_document_id", None) or block(client, url)["id"]
    body = {"state_names": ["Failed"], "tags": [], "block_document_id": told, **fields}
    answer = client.post(f"{POLICIES}/", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def fail(client: Client, **fields: Any) -> dict[str, Any]:
    run = flow_run(client, **fields)
    propose(client, "flow_runs", run["id"], "RUNNING")
    propose(client, "flow_runs", run["id"], "FAILED", message="no luck")
    return run


def deliver(client: Client, clock: Clock) -> int:
    with temporary_settings({"ORION_HOME": str(client.app.state.settings.home)}):
        return notifying.deliver(client.app.state.store, clock.now)


@pytest.mark.row("NOT-01")
def test_a_policy_is_made_read_listed_changed_and_deleted(client: Client) -> None:
    made = policy(client, tags=["prod"], message_template="{flow_name} went {flow_run_state_name}")
    assert made["is_active"] is True and made["flow_ids"] == made["deployment_ids"] == []
    assert client.get(f"{POLICIES}/{made['id']}").json() == made
    assert client.patch(f"{POLICIES}/{made['id']}", json={"is_active": False}).status_code == 204
    changed = client.get(f"{POLICIES}/{made['id']}").json()
    assert (changed["is_active"], changed["tags"]) == (False, ["prod"])
    chosen = {"flow_run_notification_policy_filter": {"is_active": {"eq_": True}}}
    assert client.post(f"{POLICIES}/filter", json=chosen).json() == []
    assert client.post(f"{POLICIES}/filter", json={"limit": 200}).json() == [changed]
    assert client.delete(f"{POLICIES}/{made['id']}").status_code == 204
    gone = client.get(f"{POLICIES}/{made['id']}")
    assert (gone.status_code, gone.json()) == (404, {"detail": "Notification policy not found"})


@pytest.mark.row("NOT-03")
@pytest.mark.parametrize(
    "template",
    [
        "{flow}",
        "{}",
        "{0}",
        "{flow_name.x}",
        "{flow_name[0]}",
        "{flow_name!r}",
        "{flow_name:>9}",
        "{",
        "a } b",
    ],
)
def test_a_template_holds_only_known_names(client: Client, template: str) -> None:
    body = {
        "state_names": [],
        "tags": [],
        "block_document_id": block(client, "x")["id"],
        "message_template": template,
    }
    answer = client.post(f"{POLICIES}/", json=body)
    assert answer.status_code == 422, answer.text
    made = policy(client)
    assert client.patch(f"{POLICIES}/{made['id']}", json={"message_template": template}).status_code == 422
    assert client.patch(f"{POLICIES}/{made['id']}", json={"message_template": None}).status_code == 204


def test_a_policy_needs_a_block_that_is_there(client: Client) -> None:
    body = {"state_names": [], "tags": [], "block_document_id": UNKNOWN}
    assert client.post(f"{POLICIES}/", json=body).status_code == 409
    assert (
        client.patch(f"{POLICIES}/{policy(client)['id']}", json={"block_document_id": UNKNOWN}).status_code
        == 409
    )


@pytest.mark.row("NOT-02", "NOT-04")
def test_messages_are_listed_with_what_became_of_them_and_sent_again(
    client: Client, clock: Clock, hook: Target
) -> None:
    good, bad = policy(client, hook.url), policy(client, "ftp://nowhere")
    run = fail(client, flow_id=flow(client, "etl")["id"])
    assert deliver(client, clock) == 2
    rows = client.post("/api/notification_deliveries/filter", json={}).json()
    by_policy = {row["policy_id"]: row for row in rows}
    sent, dead = by_policy[good["id"]], by_policy[bad["id"]]
    assert (sent["status"], sent["answer"], sent["flow_run_id"]) == ("delivered", "200 OK", run["id"])
    assert (dead["status"], dead["attempts"], dead["flow_name"]) == ("dead", 1, "etl")
    only = client.post(
        "/api/notification_deliveries/filter", json={"status": "dead", "policy_id": bad["id"]}
    ).json()
    assert only == [dead]
    assert client.post(f"/api/notification_deliveries/{sent['id']}/send").status_code == 409
    client.patch(f"{POLICIES}/{bad['id']}", json={"block_document_id": good["block_document_id"]})
    assert client.post(f"/api/notification_deliveries/{dead['id']}/send").status_code == 204
    assert deliver(client, clock) == 1
    assert hook.keys == [sent["key"], dead["key"]]
    assert client.post(f"/api/notification_deliveries/{UNKNOWN}/send").status_code == 404


def test_a_test_message_goes_out_at_once_and_tells_what_it_met(client: Client) -> None:
    with target(OK, (403, {}, b"the body is never shown")) as hook:
        made = policy(client, hook.url)
        path = f"{POLICIES}/{made['id']}/test"
        assert client.post(path).json() == {"delivered": True, "said": "200 OK"}
        assert client.post(path).json() == {"delivered": False, "said": "403 Forbidden"}
        assert hook.keys[0].startswith("test/")
    refused = client.post(f"{POLICIES}/{policy(client, 'file:///etc/passwd')['id']}/test").json()
    assert refused["delivered"] is False and "no address of the web" in refused["said"]


def words(html: str) -> str:
    import re

    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.row("UI-23")
def test_the_page_without_policies_offers_a_sentence_that_can_be_saved_as_it_is(client: Client) -> None:
    told = block(client, "https://example.com", name="data-oncall")
    page = client.get("/notifications", headers=PAGE)
    assert page.status_code == 200
    assert "enters Failed or Crashed , tell slack-webhook / data-oncall" in words(page.text)
    saved = client.post(
        "/notifications", data={"state": ["Failed", "Crashed"], "to": told["id"]}, headers=FORM
    )
    assert (saved.status_code, saved.headers["location"]) == (303, "notifications")
    (made,) = client.post(f"{POLICIES}/filter", json={}).json()
    assert (made["state_names"], made["message_template"]) == (["Failed", "Crashed"], None)


@pytest.mark.row("UI-23")
def test_policies_are_sentences_that_can_be_paused_edited_and_deleted(client: Client) -> None:
    of = flow(client, "export-ledger")
    made = policy(client, state_names=["Late"], tags=["pii", "eu"], flow_ids=[of["id"]])
    own = f"./notifications/{made['id']}"

    def row() -> str:
        listed = client.get("/notifications", headers=PAGE).text.partition('class="runs policies"')[2]
        return listed.partition("</ul>")[0]

    said = words(client.get("/notifications", headers=PAGE).text)
    assert "When a run of export-ledger tagged pii or eu enters Late , tell slack-webhook" in said
    assert "1 on, 0 off" in said
    for place in (f'action="{own}/pause"', f'href="{own}/edit"', f'action="{own}/delete"'):
        assert place in row()
    assert f'href="./blocks/{made["block_document_id"]}"' in row(), "whom it tells can be looked at"
    client.post(f"/notifications/{made['id']}/pause", headers=FORM)
    assert f'action="{own}/resume"' in row() and f'action="{own}/pause"' not in row()
    assert client.get(f"{POLICIES}/{made['id']}").json()["is_active"] is False
    client.post(f"/notifications/{made['id']}/resume", headers=FORM)
    form = client.get(f"/notifications/{made['id']}/edit", headers=PAGE)
    assert 'value="pii, eu"' in form.text
    wanted = {
        "state": "Crashed",
        "others": "Timed Out",
        "tags": "pii",
        "to": made["block_document_id"],
        "message": "{flow_name}",
    }
    changed = client.post(f"/notifications/{made['id']}/edit", data=wanted, headers=FORM)
    assert changed.status_code == 303
    now = client.get(f"{POLICIES}/{made['id']}").json()
    assert (now["state_names"], now["tags"], now["flow_ids"]) == (["Crashed", "Timed Out"], ["pii"], [])
    assert (now["is_active"], now["message_template"]) == (True, "{flow_name}")
    assert client.post(f"/notifications/{made['id']}/delete", headers=FORM).status_code == 303
    assert client.post(f"{POLICIES}/filter", json={}).json() == []


def test_the_sentence_follows_the_form_while_it_is_filled_in(client: Client) -> None:
    told = block(client, "https://example.com", name="data-oncall")
    fail(client, tags=["warehouse"])
    asked = {"state": "Failed", "tags": "warehouse", "to": told["id"]}
    heard = {"HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "p#saying"}
    said = words(client.get("/notifications", params=asked, headers=heard).text)
    assert said.startswith("When a run tagged warehouse enters Failed , tell slack-webhook / data-oncall")
    assert "1 run of the last 7 days would have been told." in said


def test_what_is_wrong_with_a_policy_is_said_and_nothing_typed_is_lost(client: Client) -> None:
    told = block(client, "https://example.com")
    wanted = {"state": "Failed", "tags": "kept", "to": told["id"], "message": "{nobody}"}
    answer = client.post("/notifications", data=wanted, headers=FORM)
    assert answer.status_code == 422
    assert "holds {nobody}, which is not known" in words(answer.text)
    assert 'value="kept"' in answer.text
    assert "Choose whom to tell" in client.post("/notifications", data={}, headers=FORM).text


def test_the_page_shows_what_was_given_up_and_sends_it_again(
    client: Client, clock: Clock, hook: Target
) -> None:
    policy(client, "ftp://nowhere")
    fail(client)
    deliver(client, clock)
    page = client.get("/notifications", headers=PAGE).text
    assert "1 message was not delivered" in words(page)
    (row,) = client.post("/api/notification_deliveries/filter", json={}).json()
    assert f"notifications/deliveries/{row['id']}/send" in page
    again = client.post(f"/notifications/deliveries/{row['id']}/send", headers=FORM)
    assert again.status_code == 303
    (row,) = client.post("/api/notification_deliveries/filter", json={}).json()
    assert (row["status"], row["attempts"]) == ("waiting", 0)
    assert "No message here." in client.get("/notifications?show=sent", headers=PAGE).text


def test_a_test_from_the_form_is_told_beside_it(client: Client, hook: Target) -> None:
    told = block(client, hook.url)
    form = {"to": told["id"], "tags": "kept"}
    answer = client.post("/notifications/test", data=form, headers=FORM)
    assert "Test message: 200 OK" in words(answer.text) and 'value="kept"' in answer.text
    assert json.loads(hook.received[0].body)["text"].startswith("This is a test message")
    made = policy(client, hook.url)
    answer = client.post("/notifications/test", data={**form, "policy": made["id"]}, headers=FORM)
    assert "Test message: 200 OK" in words(answer.text) and f"notifications/{made['id']}/edit" in answer.text


def test_the_page_is_json_for_who_asks_so(client: Client) -> None:
    made = policy(client)
    data = client.get("/notifications", headers={"Accept": "application/json"}).json()
    assert data["rows"][0]["policy"] == made
    assert data["totals"] == {"sent": 0, "dead": 0, "waiting": 0}
