"""Every page in a real browser: its policy, its width, its requests; by keys and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from tests.browser.conftest import Console

pytestmark = pytest.mark.browser
SIZES = [(1280, 900), (390, 844), (320, 640)]


def addresses(console: Console) -> list[str]:
    runs, deployment = console.seeded.runs, console.seeded.deployments["nightly-warehouse-load/prod"]
    tabs = ("", "/logs", "/tasks", "/parameters", "/radar", "/events")
    return [
        "/runs", "/flows", "/deployments", "/queues", "/queues/new", "/limits", "/settings", "/health",
        "/search?q=velvet",
        *(f"/runs/{runs['cobalt-heron']}{tab}" for tab in tabs), f"/runs/{runs['loyal-finch']}/subflows",
        f"/deployments/{deployment}", f"/deployments/{deployment}?view=json", "/docs",
    ]  # fmt: skip


@pytest.mark.row("UI-27")
def test_every_page_keeps_the_content_policy_and_never_scrolls_sideways(page: Page, console: Console) -> None:
    """A page is the same in every width, so it is opened once and the window is made narrower."""
    wide = {}
    for address in addresses(console):
        page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
        page.goto(console.url + address)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)
        for width, height in SIZES:
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_function(f"innerWidth == {width}")
            if over := page.evaluate("document.documentElement.scrollWidth - innerWidth"):
                wide[address, width] = over
    assert {where: over for where, over in wide.items() if over > 0} == {}


def test_every_empty_page_keeps_the_content_policy(page: Page, empty_console: Console) -> None:
    for address in ("/runs", "/flows", "/deployments", "/queues", "/limits", "/health", "/nothing"):
        page.goto(empty_console.url + address)
        expect(page.get_by_role("heading", level=1)).to_have_count(1)


def test_the_first_page_is_few_requests_and_few_bytes(context: BrowserContext, console: Console) -> None:
    page = context.new_page()
    requests: list[Request] = []
    page.on("requestfinished", lambda request: requests.append(request))
    page.goto(f"{console.url}/runs", wait_until="load")
    files = [request for request in requests if "/events" not in request.url]
    sizes = {request.url.rpartition("/")[2]: request.sizes()["responseBodySize"] for request in files}
    assert len(files) <= 6, sizes
    assert sum(sizes.values()) <= 50_000, sizes


def test_a_reader_hears_where_things_are(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/runs")
    expect(
        page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name="Runs")
    ).to_have_attribute("aria-current", "page")
    expect(page.get_by_role("searchbox", name="Run name or id")).to_be_visible()
    expect(page.get_by_role("group", name=re.compile("^Runs by state"))).to_be_visible()
    expect(page.get_by_role("img", name="Failed").first).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()


@pytest.mark.row("UI-05", "UI-08")
def test_a_filter_narrows_the_list_in_place_and_cleans_the_address(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/runs")
    page.get_by_role("combobox", name="State").select_option("failed")
    expect(page.locator(".run b")).to_have_text(["cobalt-heron", "dull-anvil"])
    expect(page).to_have_url(f"{console.url}/runs?state=failed")
    page.get_by_role("searchbox").press_sequentially("cobalt")
    expect(page).to_have_url(f"{console.url}/runs?q=cobalt&state=failed")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page).to_have_url(f"{console.url}/runs")
    page.go_back()
    expect(page.locator(".run b")).to_have_text(["cobalt-heron"])


def test_ticked_runs_show_the_bar_and_are_cancelled_together(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/runs?state=scheduled")
    bar = page.get_by_role("toolbar", name="Bulk actions")
    expect(bar).to_be_hidden()
    row = page.locator(".run", has_text="close-15-30")
    row.get_by_role("checkbox").check()
    expect(bar).to_be_visible()
    bar.get_by_role("button", name="Cancel").click()
    expect(page.locator(".lost")).to_contain_text("close-15-30")
    page.get_by_role("button", name="Cancel 1 run").click()
    expect(page).to_have_url(f"{console.url}/runs?state=scheduled")
    expect(page.locator(".run", has_text="close-15-30")).to_have_count(0)


def test_keys_lead_through_the_console(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/runs")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".run b").nth(1).locator("..")).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator(".run").nth(1).get_by_role("checkbox")).to_be_checked()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/runs/[0-9a-f-]+$"))
    page.wait_for_load_state()  # or the key is gone before the page's script hears it
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(page).to_have_url(f"{console.url}/deployments")
    page.wait_for_load_state()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()


@pytest.mark.row("UI-18")
def test_the_console_works_without_scripts(browser: Browser, console: Console) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{console.url}/deployments")
    page.get_by_role("link", name="prod").first.click()
    page.get_by_role("button", name="Run", exact=True).last.click()
    expect(page.locator(".head .badge")).to_have_text("Scheduled")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".head .badge")).to_have_text("Cancelled")
    page.get_by_role("link", name="Parameters").click()
    expect(page.get_by_role("link", name="Parameters")).to_have_attribute("aria-current", "page")
    context.close()


@pytest.mark.row("UI-13")
def test_a_click_on_the_radar_puts_a_task_in_focus(page: Page, console: Console) -> None:
    page.goto(f"{console.run('cobalt-heron')}/radar")
    page.locator(".radar a", has=page.locator("title", has_text="build_customer_dim")).click()
    expect(page.get_by_role("heading", name="build_customer_dim")).to_be_visible()
    expect(page.get_by_role("region", name="Before it")).to_contain_text("validate_customers")
    expect(page.get_by_role("region", name="After it")).to_contain_text("load_customer_dim")


def test_the_theme_is_remembered(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/settings")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(f"{console.url}/runs")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 16, 21)"
