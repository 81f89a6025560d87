"""Blocks, variables and artifacts in a real Chromium, with scripts and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from orion.model.artifacts import ArtifactCreate
from orion.model.times import utcnow
from orion.model.wire import raw
from orion.store import artifacts
from tests.browser.conftest import PATIENCE, Console

pytestmark = pytest.mark.row("UI-22")


def test_a_block_is_made_found_changed_and_deleted(page: Page, own_console: Console) -> None:
    page.goto(f"{own_console.url}/blocks/catalog")
    page.get_by_role("searchbox").fill("value, such as")
    page.wait_for_url("**/blocks/catalog?q=value*")
    page.get_by_role("link", name="Secret").first.click()
    page.get_by_role("link", name="Create").click()
    page.get_by_label("name").fill("token")
    page.locator("[name='p.value']").fill("canary-77")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("token")
    assert "canary-77" not in page.content()
    page.get_by_role("link", name="Edit").click()
    expect(page.locator("[name='p.value']")).to_have_value("")
    page.get_by_role("button", name="Save").click()
    page.goto(f"{own_console.url}/blocks")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="secret / token")).to_be_focused()
    page.get_by_role("searchbox").fill("nothing")
    expect(page.get_by_text("No block matches.")).to_be_visible()
    page.get_by_role("searchbox").fill("tok")
    page.get_by_role("link", name="secret / token").click()
    page.get_by_label("More actions").click()
    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("button", name="Delete token").click()
    expect(page.get_by_text("No blocks yet")).to_be_visible()


def test_without_scripts_forms_and_links_do_all_of_it(browser: Browser, empty_console: Console) -> None:
    store, now = empty_console.store, utcnow()
    wanted = ArtifactCreate(key="report", type="markdown", data=raw("# Hello\n\n<script>alert(1)</script>"))
    store.write_now(artifacts.create, wanted, now)
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.goto(f"{empty_console.url}/variables")
        page.get_by_label("name").fill("region")
        page.get_by_label("value", exact=False).first.fill("eu")
        page.get_by_role("button", name="Create").click()
        expect(page.get_by_role("link", name="region")).to_be_visible()
        page.goto(f"{empty_console.url}/blocks/catalog/json/create")
        page.get_by_label("name").fill("limits")
        page.locator("[name='p.value']").fill('{"a": 1}')
        page.get_by_role("button", name="Create").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("limits")
        page.get_by_role("link", name="Artifacts").first.click()
        page.get_by_role("link", name="report").click()
        expect(page.get_by_role("heading", name="Hello")).to_be_visible()
        expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
