"""Notifications in a real browser: the sentence follows the form, the switch and the test answer at once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Console
from tests.notify.targets import target

pytestmark = [pytest.mark.browser, pytest.mark.row("UI-23")]
FIELDS = {"title": "SlackWebhook", "type": "object", "properties": {}, "block_type_slug": "slack-webhook"}


def block(console: Console, name: str, url: str) -> str:
    """A Slack webhook; its id."""
    with httpx.Client(base_url=f"{console.url}/api") as api:
        found = api.get("/block_types/slug/slack-webhook")
        kind: dict[str, Any] = found.json() if found.status_code == 200 else api.post(
            "/block_types/", json={"name": "Slack Webhook", "slug": "slack-webhook"}
        ).json()  # fmt: skip
        schema = api.post("/block_schemas/", json={"fields": FIELDS, "block_type_id": kind["id"]}).json()
        ids = {"block_type_id": kind["id"], "block_schema_id": schema["id"]}
        made = api.post("/block_documents/", json={"name": name, "data": {"url": url}, **ids})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


def test_the_sentence_follows_the_form_and_is_saved(page: Page, console: Console) -> None:
    block(console, "oncall", "https://example.com")
    page.goto(f"{console.url}/notifications")
    saying = page.locator("#saying")
    expect(saying).to_contain_text("of any flow enters")
    page.get_by_label("Tags").fill("warehouse")
    expect(saying).to_contain_text("warehouse")
    page.locator("#new").get_by_text("Late").click()
    expect(saying).to_contain_text("Late")
    expect(page.get_by_label("Tags")).to_have_value("warehouse")
    page.get_by_role("button", name="Save policy").click()
    policy = page.locator("#list .policy").filter(has_text="tagged warehouse enters")
    expect(policy).to_have_count(1)
    switch = policy.get_by_role("switch")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(policy).to_contain_text("Off since")


def test_a_sentence_that_grows_under_the_pointer_does_not_take_the_click(page: Page, console: Console) -> None:
    """At 390 px the sentence wraps, and what is below it moves: not between the press and the release of the button."""
    block(console, "grower", "https://example.com")
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{console.url}/notifications")
    button = page.get_by_role("button", name="Save policy")
    button.scroll_into_view_if_needed()
    held: list[Route] = []
    page.route("**/*a-tag-that-needs*", lambda route: held.append(route), times=1)  # answered when it is down
    with page.expect_request(lambda asked: "a-tag-that-needs" in asked.url):
        page.get_by_label("Tags").fill("a-tag-that-needs-a-line-of-its-own, and-another-one-beside-it")
    button.hover()
    page.mouse.down()
    with page.expect_response(lambda answer: "a-tag-that-needs" in answer.url):
        for route in held:
            route.continue_()
    expect(page.locator("#saying")).not_to_contain_text("a-tag-that-needs")
    page.mouse.up()
    expect(page.locator("#list")).to_contain_text("a-tag-that-needs-a-line-of-its-own")


def test_a_test_of_a_policy_tells_what_it_met_without_leaving_the_page(page: Page, console: Console) -> None:
    with target((200, {}, b""), (404, {}, b"")) as hook:
        told = block(console, "target", hook.url)
        body = {"state_names": ["Failed"], "tags": ["tested"], "block_document_id": told}
        httpx.post(f"{console.url}/api/flow_run_notification_policies/", json=body)
        page.goto(f"{console.url}/notifications")
        policy = page.locator(".policy").filter(has_text="tested")
        policy.locator("summary").click()
        policy.get_by_role("button", name="Send a test").click()
        expect(page.locator(".toast")).to_have_text("Test message: 200 OK")
        policy.get_by_role("button", name="Send a test").click()
        expect(page.locator(".toast[role=alert]")).to_have_text("Test message: 404 Not Found")
